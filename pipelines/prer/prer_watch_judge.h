/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Up, degraded or down: what a window seems to say, and the state that follows
 * from several of them with hysteresis. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PRER_WATCH_RAISE 2 /* windows in a row until a state gets worse, */
#define PRER_WATCH_CLEAR 5 /* and better */

enum prer_watch_mood { PRER_UP, PRER_DEGRADED, PRER_DOWN }; /* rising: worse */

enum prer_watch_why {
	PRER_WHY_NONE,
	PRER_WHY_DISABLED,
	PRER_WHY_NO_PORT, /* it is gone */
	PRER_WHY_NO_SESSION,
	PRER_WHY_NO_LOCAL, /* no interface has its address */
	PRER_WHY_PORT_DOWN,
	PRER_WHY_LINK,   /* its port has none */
	PRER_WHY_PROBE,  /* nothing answers its probe */
	PRER_WHY_SILENT, /* others bring packets, it brings none */
	PRER_WHY_LOSS,
	PRER_WHY_LAG,
};

/* From when on a path is degraded; 0: that is not judged. */
struct prer_watch_limits {
	uint32_t loss_ppm, lag_us;
};

/* What a path did. */
struct prer_watch_facts {
	uint64_t ms; /* in such a time, of all its streams together */
	uint64_t seen;
	int64_t expected, lost;
	uint32_t lag_us;
};

/* Zero: up. */
struct prer_watch_state {
	uint8_t mood;   /* enum prer_watch_mood */
	uint8_t why;    /* enum prer_watch_why */
	int8_t windows; /* in a row that seem worse; negative: better */
};

enum prer_watch_mood prer_watch_seems(const struct prer_watch_facts *f,
				      const struct prer_watch_limits *l, enum prer_watch_why *why);

/* One more window. True: the mood has changed, to what this window seems. */
bool prer_watch_judge(struct prer_watch_state *s, enum prer_watch_mood seems,
		      enum prer_watch_why why);

/* For operators; empty for PRER_WHY_NONE. */
const char *prer_watch_why_text(enum prer_watch_why why);
