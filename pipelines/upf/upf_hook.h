/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has something to do when a session changes: usage reports, buffers,
 * timers. Registered by constructors, called in the control thread.
 */
#pragma once

#include "upf_plan.h"

struct upf_hook {
	/* The change is about to become live, and cannot fail any more. */
	void (*before)(const struct upf_change *c);
	/* The change is live: workers see `next` (NULL: the session has ended) from the next burst
	 * on; packets of the burst under way may still go by `old` (NULL: the session is new).
	 * Cannot fail. */
	void (*commit)(const struct upf_change *c);
	/* No worker goes by `old` any more, and it is about to be freed. `now` is the session as it
	 * is by now, NULL: ended. */
	void (*reap)(const struct upf_session *old, struct upf_session *now);
	struct upf_hook *next;
};

void upf_hook_add(struct upf_hook *h);
