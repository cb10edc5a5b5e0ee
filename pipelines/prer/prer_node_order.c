/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that come out of order, where the stream asks for order. */
#include "prer_node_rig.h"

#include <string.h>

#include "be.h"
#include "engine/worker.h"
#include "net/wake.h"
#include "prer_order.h"
#include "prer_reorder.h"

static void member(uint16_t port, uint16_t seq)
{
	uint8_t f[60] = {2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 1, 0xf1, 0xc1, [18] = 0x88, 0xb5};

	cst_put_be16(f + 16, seq);
	cst_put_be16(f + 20, seq);
	come(port, f, sizeof(f));
}

static void expect_number(uint16_t seq)
{
	struct rte_mbuf *m = expect(FRAME_OUT, PORT_LISTENER);

	assert_int_equal(m->pkt_len, 54);
	assert_int_equal(cst_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 14)), seq);
	rte_pktmbuf_free(m);
}

/* What rx does in each walk. */
static void walk(uint64_t ms)
{
	worker.now += ms * MS;
	for (unsigned i = 0; i < cst_n_wakes; i++)
		if (worker.now >= cst_wakes[i].at[0].tsc)
			cst_wakes[i].fn(&worker);
}

static void order_by(uint8_t mode, uint32_t packets)
{
	params[1].order_delay = 20 * MS;
	params[1].order_any = 2000 * MS;
	params[1].history = 64;
	streams[RECEIVES].flags |= PRER_ORDER;
	streams[RECEIVES].order = mode;
	streams[RECEIVES].order_queue = prer_queue_open(packets);
	assert_true(streams[RECEIVES].order_queue);
}

void put_in_order(void **state)
{
	order_by(PRER_ORDER_BASIC, 8);
	member(PORT_A, 0);
	expect_number(0);
	member(PORT_A, 2);
	member(PORT_A, 3);
	expect_nothing();
	assert_int_equal(worker.stats.held, 2);
	walk(10);
	member(PORT_B, 1);
	expect_number(1);
	expect_number(2);
	expect_number(3);
	assert_int_equal(worker.stats.held, 0);
	conserved();
	/* nobody has the one before: it goes when its time is up, and no sooner */
	member(PORT_A, 5);
	walk(19);
	expect_nothing();
	walk(1);
	expect_number(5);
	conserved();
	prer_queue_close(streams[RECEIVES].order_queue);
}

/* A queue that is given up still lets go what it has; there may be a new one already. */
void queue_given_up(void **state)
{
	order_by(PRER_ORDER_BASIC, 8);
	member(PORT_A, 0);
	expect_number(0);
	member(PORT_A, 2);
	prer_queue_close(streams[RECEIVES].order_queue);
	order_by(PRER_ORDER_BASIC, 4);
	member(PORT_A, 3);
	expect_number(3);
	walk(20);
	expect_number(2);
	conserved();
	prer_queue_close(streams[RECEIVES].order_queue);
	/* without one nothing waits */
	member(PORT_A, 5);
	expect_number(5);
	conserved();
}

/* The path that lags by as much as a packet may wait has nothing to wait for. */
void order_by_path(void **state)
{
	order_by(PRER_ORDER_ADVANCED, 8);
	member(PORT_A, 0);
	expect_number(0);
	STATE(RECEIVES)->health[1].lag = (uint32_t)(15 * MS >> 7) + 1;
	member(PORT_B, 2);
	walk(4);
	expect_nothing();
	walk(1);
	expect_number(2);
	STATE(RECEIVES)->health[1].lag = (uint32_t)(25 * MS >> 7);
	member(PORT_B, 4);
	expect_number(4);
	conserved();
	prer_queue_close(streams[RECEIVES].order_queue);
}

void older_is_dropped(void **state)
{
	order_by(PRER_ORDER_DROP_OLDER, 0);
	member(PORT_A, 0);
	expect_number(0);
	member(PORT_A, 2);
	expect_number(2);
	member(PORT_B, 1);
	expect_drop("prer.late");
	member(PORT_B, 3);
	expect_number(3);
	conserved();
	prer_queue_close(streams[RECEIVES].order_queue);
}

/* A sender that begins anew and is followed is not late. */
void order_follows_resets(void **state)
{
	static const uint8_t modes[] = {PRER_ORDER_BASIC, PRER_ORDER_DROP_OLDER};

	for (unsigned i = 0; i < 2; i++) {
		rig_reset(NULL);
		order_by(modes[i], 8);
		params[1].flags = PRER_RESYNC;
		member(PORT_A, 5000);
		expect_number(5000);
		member(PORT_A, 0);
		expect_drop("prer.rogue");
		member(PORT_A, 1);
		expect_number(1);
		member(PORT_A, 2);
		expect_number(2);
		if (modes[i] == PRER_ORDER_BASIC) {
			/* what waits goes before what comes after the reset */
			member(PORT_A, 4);
			expect_nothing();
			member(PORT_A, 900);
			expect_drop("prer.rogue");
			member(PORT_A, 901);
			expect_number(4);
			expect_number(901);
			assert_int_equal(worker.stats.held, 0);
		}
		conserved();
		prer_queue_close(streams[RECEIVES].order_queue);
	}
}
