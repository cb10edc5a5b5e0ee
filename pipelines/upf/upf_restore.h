/* SPDX-License-Identifier: BSD-3-Clause */
/* What came back when coastd started. Control thread only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct upf_restored {
	bool attached;     /* the arena was gone on with */
	uint64_t sessions; /* that came back, */
	uint64_t adopted;  /* and of them those whose rules were there and the same */
	unsigned refused;  /* that stay in the store alone */
	unsigned orphans;  /* rules in the arena that no session claimed */
	unsigned reports;  /* usage of sessions that had ended, reported now */
	uint64_t us;
};
void upf_restored(struct upf_restored *out);
void upf_restore_adopted(void); /* told by the plan */
