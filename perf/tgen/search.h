/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The highest rate without loss by bisection (RFC 2544 26.1): a trial at the
 * upper bound, then at the middle between the highest rate that passed and the
 * lowest that did not, until the two are close enough. Pure; a trial is the
 * caller's.
 */
#pragma once

#include <stdbool.h>

struct search {
	double min, max;   /* Mpps; 0 < min <= max */
	double resolution; /* percent of the rate at which the search ends, above 0 */
	/* A trial counts as failed when it has failed so often in a row: a machine that took the
	 * CPU away once is not what is measured. 1: RFC 2544 to the letter. */
	unsigned tries;
	/* true: passed. *reached is the rate that was really offered, at most what was asked. */
	bool (*trial)(double mpps, double *reached, void *arg);
	bool (*stop)(void *arg); /* NULL: never */
	void *arg;
};

/* Mpps that passed, 0: not even `min` did. */
double search_run(const struct search *s, unsigned *trials);
