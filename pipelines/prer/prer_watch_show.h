/* SPDX-License-Identifier: BSD-3-Clause */
/* The health of a stream for replies. Control thread. */
#pragma once

#include "prer_stream.h"
#include "prer_watch_api.h"

struct prer_watch_shown {
	struct prer_health_obj obj;
	struct prer_health_member member[PRER_MAX_PATHS];
	char rho[8], rho_long[8];
};

/* Into memory of `out`, names are the stream's and the paths' own. False: nothing came yet. */
bool prer_watch_show(uint32_t stream, struct prer_watch_shown *out);
