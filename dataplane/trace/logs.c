/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The logs as the control thread sees them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace/internal.h"

struct cst_trace_log *trace_logs[CST_MAX_WORKERS + 1];
static const struct cst_trace_step **sorted;
static struct cst_clock clock_;
static unsigned first_number; /* of those since the last trace_logs_clear() */
static uint64_t lost_before;  /* until then */

int trace_logs_make(struct cst_err *e)
{
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++) {
		if (trace_logs[i] != NULL || (i >= cst_workers() && i != CST_WATCH_SLOW))
			continue;
		trace_logs[i] = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*trace_logs[i]));
		if (trace_logs[i] == NULL)
			return cst_err(e, -ENOMEM, NULL, "no memory to record packets");
		/* touched here, so that no worker has to wait for the page */
		memset(trace_logs[i], 0, sizeof(*trace_logs[i]));
	}
	if (sorted == NULL)
		sorted = malloc((CST_MAX_WORKERS + 1) * CST_TRACE_STEPS * sizeof(sorted[0]));
	if (clock_.tsc == 0)
		cst_clock_look(&clock_);
	return sorted != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "no memory to record packets");
}

/* Since the workers began: each counts on its own. */
static uint64_t lost_ever(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++)
		n += trace_logs[i] != NULL ? __atomic_load_n(&trace_logs[i]->lost, __ATOMIC_RELAXED)
					   : 0;
	return n;
}

void trace_logs_clear(void)
{
	lost_before = lost_ever();
	first_number = atomic_load(&cst_trace_numbers);
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++)
		if (trace_logs[i] != NULL)
			atomic_store_explicit(
				&trace_logs[i]->tail,
				atomic_load_explicit(&trace_logs[i]->head, memory_order_acquire),
				memory_order_release);
}

void trace_logs_free(void)
{
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++) {
		free(trace_logs[i]);
		trace_logs[i] = NULL;
	}
	free(sorted);
	sorted = NULL;
	lost_before = 0;
	memset(&clock_, 0, sizeof(clock_));
}

uint32_t trace_numbered(void)
{
	return atomic_load(&cst_trace_numbers) - first_number;
}

uint32_t cst_trace_number(const struct cst_trace_step *s)
{
	return 1 + (s->number - 1 + UINT16_MAX - first_number % UINT16_MAX) % UINT16_MAX;
}

static int by_packet(const void *a, const void *b)
{
	const struct cst_trace_step *x = *(const struct cst_trace_step *const *)a;
	const struct cst_trace_step *y = *(const struct cst_trace_step *const *)b;

	if (x->number != y->number)
		return cst_trace_number(x) < cst_trace_number(y) ? -1 : 1;
	if (x->tsc != y->tsc)
		return x->tsc < y->tsc ? -1 : 1;
	return x < y ? -1 : 1; /* of one worker's, in the order of its log */
}

/* A worker may have been in the midst of a walk when all was cleared. */
static unsigned keep(const struct cst_trace_step **at, const struct cst_trace_step *s)
{
	*at = s;
	return cst_trace_number(s) <= trace_numbered();
}

uint32_t cst_trace_steps(const struct cst_trace_step *const **out)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++) {
		struct cst_trace_log *log = trace_logs[i];
		uint32_t head, at;

		if (log == NULL)
			continue;
		head = atomic_load_explicit(&log->head, memory_order_acquire);
		for (at = atomic_load(&log->tail); at != head; at++)
			n += keep(sorted + n, &log->steps[at % CST_TRACE_STEPS]);
	}
	if (n > 0)
		qsort(sorted, n, sizeof(sorted[0]), by_packet);
	*out = sorted;
	return n;
}

uint64_t cst_trace_lost(void)
{
	return lost_ever() - lost_before;
}

const struct cst_clock *cst_trace_clock(void)
{
	cst_clock_look(&clock_);
	return &clock_;
}
