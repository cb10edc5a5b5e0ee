/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_watch_judge.h"

#include <math.h>

#define LEAST 10 /* numbers that a silent path has missed */

/* More than chance makes of a loss at the limit: two standard deviations. */
static bool loses_more(const struct prer_watch_facts *f, uint32_t ppm)
{
	double due = (double)f->expected * ppm / 1e6;

	return ppm != 0 && (double)f->lost > due + 2 * sqrt(due);
}

enum prer_watch_mood prer_watch_seems(const struct prer_watch_facts *f,
				      const struct prer_watch_limits *l, enum prer_watch_why *why)
{
	*why = PRER_WHY_NONE;
	if (f->seen == 0 && f->expected >= LEAST)
		*why = PRER_WHY_SILENT;
	else if (loses_more(f, l->loss_ppm))
		*why = PRER_WHY_LOSS;
	else if (l->lag_us != 0 && f->seen != 0 && f->lag_us > l->lag_us)
		*why = PRER_WHY_LAG;
	return *why == PRER_WHY_NONE     ? PRER_UP
	       : *why == PRER_WHY_SILENT ? PRER_DOWN
					 : PRER_DEGRADED;
}

bool prer_watch_judge(struct prer_watch_state *s, enum prer_watch_mood seems,
		      enum prer_watch_why why)
{
	if (seems == s->mood)
		s->windows = 0;
	else if (seems > s->mood)
		s->windows = s->windows > 0 ? s->windows + 1 : 1;
	else
		s->windows = s->windows < 0 ? s->windows - 1 : -1;
	if (s->windows < PRER_WATCH_RAISE && s->windows > -PRER_WATCH_CLEAR)
		return false;
	s->mood = (uint8_t)seems;
	s->why = (uint8_t)why;
	s->windows = 0;
	return true;
}

const char *prer_watch_why_text(enum prer_watch_why why)
{
	static const char *const text[] = {
		[PRER_WHY_NONE] = "",
		[PRER_WHY_DISABLED] = "it is not enabled",
		[PRER_WHY_NO_PORT] = "its port is gone",
		[PRER_WHY_NO_SESSION] = "there is no such Ethernet PDU session",
		[PRER_WHY_NO_LOCAL] = "no interface has its local address",
		[PRER_WHY_PORT_DOWN] = "its port is down",
		[PRER_WHY_LINK] = "its port has no link",
		[PRER_WHY_PROBE] = "the far end does not answer its probe",
		[PRER_WHY_SILENT] = "other paths bring packets, it brings none",
		[PRER_WHY_LOSS] = "it loses more than degraded.loss",
		[PRER_WHY_LAG] = "it lags more than degraded.delay_difference_ms",
	};

	return text[why];
}
