/* SPDX-License-Identifier: BSD-3-Clause */
/* What upf_restore.c puts beside the sessions that it plans through the class. Control thread. */
#pragma once

#include "upf_work.h"

/* The session that is put now came from the store, where this is what is kept of it. */
struct upf_back {
	struct upf_past past;
	const void *val;
	size_t len;
};
extern const struct upf_back *upf_ctl_back; /* NULL: it did not */
