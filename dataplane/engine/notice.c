/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notices: what workers tell the control thread, by value, through one ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ring_elem.h>

#include "engine/engine.h"
#include "engine/internal.h"

#define RING_SIZE 8192
#define MAX_KINDS 64
#define AT_ONCE   64

struct notice {
	uint16_t kind;
	uint8_t len;
	uint8_t pad[5];
	uint8_t data[CST_NOTICE_LEN];
};

_Static_assert(sizeof(struct notice) == 64, "one cache line");

static struct rte_ring *ring;
static cst_notice_fn kinds[MAX_KINDS];
static uint16_t n_kinds;

int cst_notices_create(struct cst_err *e)
{
	/* relaxed tail: a sender that is scheduled away must not hold up the workers */
	ring = rte_ring_create_elem("notices", sizeof(struct notice), RING_SIZE, SOCKET_ID_ANY,
				    RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	if (ring == NULL)
		return cst_err(e, -rte_errno, NULL, "notice ring: %s", rte_strerror(rte_errno));
	return 0;
}

void cst_notices_destroy(void)
{
	rte_ring_free(ring);
	ring = NULL;
}

uint16_t cst_notice_register(cst_notice_fn fn)
{
	if (n_kinds == MAX_KINDS)
		abort(); /* at start, by a build with too many slices */
	kinds[n_kinds] = fn;
	return n_kinds++;
}

bool cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len)
{
	struct notice n = {.kind = kind, .len = RTE_MIN(len, sizeof(n.data))};

	memcpy(n.data, data, n.len);
	if (likely(rte_ring_enqueue_elem(ring, &n, sizeof(n)) == 0))
		return true;
	if (w != NULL)
		w->stats.notices_lost++;
	return false;
}

uint64_t cst_engine_notices_lost(void)
{
	uint64_t lost = 0;

	for (uint16_t i = 0; i < cst_workers(); i++)
		lost += __atomic_load_n(&cst_worker_get(i)->stats.notices_lost, __ATOMIC_RELAXED);
	return lost;
}

unsigned cst_engine_notices(void)
{
	struct notice list[AT_ONCE];
	unsigned n, total = 0;

	if (ring == NULL)
		return 0;
	do {
		n = rte_ring_dequeue_burst_elem(ring, list, sizeof(list[0]), AT_ONCE, NULL);
		for (unsigned i = 0; i < n; i++)
			if (list[i].kind < n_kinds)
				kinds[list[i].kind](list[i].data, list[i].len);
		total += n;
		/* the loop has other things to do: what is left comes next time */
	} while (n == AT_ONCE && total < RING_SIZE);
	return total;
}
