/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "engine/internal.h"
#include "engine/rcu.h"

/* A busy worker passes within a burst: so many looks see it. Then it takes longer, maybe for want
 * of the CPU that this thread is on. */
#define LOOKS   64
#define REST_NS 50000

struct deferred {
	uint64_t token;
	void (*fn)(void *ptr, uint64_t arg);
	void *ptr;
	uint64_t arg;
	struct deferred *next;
};

static struct rte_rcu_qsbr *qsbr;
static struct deferred *head, **tail = &head; /* oldest first, so tokens rise */
static unsigned pending;

struct rte_rcu_qsbr *cst_rcu(void)
{
	return qsbr;
}

int cst_rcu_create(struct cst_err *e)
{
	qsbr = rte_zmalloc("rcu", rte_rcu_qsbr_get_memsize(CST_RCU_READERS), RTE_CACHE_LINE_SIZE);
	if (qsbr == NULL)
		return cst_err(e, -ENOMEM, NULL, "no packet memory for RCU");
	rte_rcu_qsbr_init(qsbr, CST_RCU_READERS);
	return 0;
}

void cst_rcu_destroy(void)
{
	cst_rcu_reclaim(true);
	rte_free(qsbr);
	qsbr = NULL;
}

static bool passed(uint64_t token)
{
	return rte_rcu_qsbr_check(qsbr, token, false) == 1;
}

static void wait_for(uint64_t token)
{
	struct timespec ts = {.tv_nsec = REST_NS};

	for (unsigned i = 0; !passed(token); i++) {
		if (i < LOOKS)
			sched_yield();
		else
			nanosleep(&ts, NULL);
	}
}

void cst_rcu_defer(void (*fn)(void *ptr, uint64_t arg), void *ptr, uint64_t arg)
{
	struct deferred *d;

	if (qsbr == NULL) { /* no reader has ever run */
		fn(ptr, arg);
		return;
	}
	d = malloc(sizeof(*d));
	if (d == NULL) { /* a short wait is better than a leak */
		wait_for(rte_rcu_qsbr_start(qsbr));
		fn(ptr, arg);
		return;
	}
	*d = (struct deferred){.token = rte_rcu_qsbr_start(qsbr), .fn = fn, .ptr = ptr, .arg = arg};
	*tail = d;
	tail = &d->next;
	pending++;
}

unsigned cst_rcu_reclaim(bool wait)
{
	while (head != NULL && (wait || passed(head->token))) {
		struct deferred *d = head;

		if (wait)
			wait_for(d->token);
		/* off the queue first: fn may defer more */
		head = d->next;
		if (head == NULL)
			tail = &head;
		pending--;
		d->fn(d->ptr, d->arg);
		free(d);
	}
	return pending;
}
