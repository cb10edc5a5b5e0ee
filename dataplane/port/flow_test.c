/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules on a device that does rte_flow in software (tests/flowdev): what it is
 * asked, what becomes of packets, and what is left when it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_ethdev.h>

#include "../../tests/flowdev/flowdev.h"
#include "engine/engine.h"
#include "engine/rcu.h"
#include "port/flow.h"
#include "port/port.h"

static char dir[] = "/tmp/coast-flow-XXXXXX";
static uint64_t now_ms = 1000000;

/* ---- ports ------------------------------------------------------------------------ */

static uint16_t ethdev_of(uint16_t port)
{
	struct cst_port_state st;

	cst_port_state(port, &st);
	return st.ethdev;
}

static uint16_t open_conf(struct cst_port_conf *c, const char *args)
{
	struct cst_err e = {0};
	int port;

	snprintf(c->name, sizeof(c->name), "p");
	snprintf(c->device, sizeof(c->device), "eal:net_flowdev0%s", args);
	port = cst_port_prepare(c, &e);
	if (port < 0)
		fprintf(stderr, "%s: %s\n", e.field, e.reason);
	assert_true(port > 0);
	cst_port_publish((uint16_t)port);
	return (uint16_t)port;
}

static uint16_t open_port(const char *args)
{
	struct cst_port_conf c = {.mtu = 1500};

	return open_conf(&c, args);
}

static void close_port(uint16_t port)
{
	cst_port_retire(port);
	cst_rcu_reclaim(true);
	assert_int_equal(flowdev_left, 0);
	assert_int_equal(cst_flow_slots() > 0 ? cst_flow_get(0, &(struct cst_flow_info){0}) : 0, 0);
}

static void tick(uint64_t ms)
{
	now_ms += ms;
	cst_modules_tick(now_ms);
}

/* ---- rules ------------------------------------------------------------------------ */

static struct cst_flow_key key(uint16_t port, enum cst_flow_kind kind, uint32_t n)
{
	static const uint8_t own6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
	static const uint8_t ue6[16] = {0x20, 1, 0xd, 0xb8, 0, 0x45};
	bool own_six = kind == CST_FLOW_TEID6 || kind == CST_FLOW_TEID6_PSC;
	bool ue_six = kind == CST_FLOW_INNER46 || kind == CST_FLOW_INNER66 || kind == CST_FLOW_DST6;
	struct cst_flow_key k = {.port = port, .kind = (uint8_t)kind};

	if (kind <= CST_FLOW_TEID6_PSC)
		k.teid = n;
	if (kind <= CST_FLOW_TEID6_PSC) {
		k.own.family = own_six ? 6 : 4;
		memcpy(k.own.b, own_six ? own6 : (uint8_t[16]){192, 0, 2, 1}, 16);
	}
	if (kind >= CST_FLOW_INNER44) {
		k.ue.family = ue_six ? 6 : 4;
		memcpy(k.ue.b, ue_six ? ue6 : (uint8_t[16]){10, 45, 0, 0}, 16);
		k.ue.b[ue_six ? 7 : 3] = (uint8_t)n;
		k.len = ue_six ? 64 : 32;
	}
	return k;
}

static struct cst_flow_wish wish(uint64_t session, uint16_t worker)
{
	return (struct cst_flow_wish){.session = session, .worker = worker, .mark = 7};
}

static const struct cst_flow_wish drop = {.session = 1, .drop = true};

static void want(uint16_t port, enum cst_flow_kind kind, uint32_t n, struct cst_flow_wish w)
{
	struct cst_flow_key k = key(port, kind, n);

	cst_flow_want(&k, &w, 1);
}

static void unwant(uint16_t port, enum cst_flow_kind kind, uint32_t n, uint64_t session)
{
	struct cst_flow_key k = key(port, kind, n);

	cst_flow_unwant(&k, session, 2);
}

static struct cst_flow_info info_of(uint16_t port, enum cst_flow_kind kind, uint32_t n)
{
	struct cst_flow_key k = key(port, kind, n);
	struct cst_flow_info f = {0};

	for (uint32_t i = 0; i < cst_flow_slots(); i++)
		if (cst_flow_get(i, &f) && memcmp(&f.key, &k, sizeof(k)) == 0)
			return f;
	fail_msg("no rule %s %u", cst_flow_kind_name(kind), n);
	return f;
}

static void assert_state(uint16_t port, enum cst_flow_kind kind, uint32_t n,
			 enum cst_flow_state state)
{
	assert_int_equal(info_of(port, kind, n).state, state);
}

/* ---- packets ---------------------------------------------------------------------- */

static uint8_t *put_ip(uint8_t *p, const struct cst_ip *src, const struct cst_ip *dst)
{
	bool six = src->family == 6 || dst->family == 6;

	memset(p, 0, 40);
	p[0] = six ? 0x60 : 0x45;
	p[six ? 6 : 9] = 17;
	memcpy(p + (six ? 8 : 12), src->b, six ? 16 : 4);
	memcpy(p + (six ? 24 : 16), dst->b, six ? 16 : 4);
	return p + (six ? 40 : 20);
}

/* A packet that a rule of this key is for. */
static struct rte_mbuf *packet(const struct cst_flow_key *k, bool psc)
{
	static const struct cst_ip none;
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());
	uint8_t *start = rte_pktmbuf_mtod(m, uint8_t *), *p = start + 14;
	bool tunnel = k->kind < CST_FLOW_DST4;
	bool six = k->kind == CST_FLOW_INNER64 || k->kind == CST_FLOW_INNER66;
	const struct cst_ip other = {.family = six ? 6 : 4}; /* any address of coast's */
	const struct cst_ip *outer = !tunnel ? &k->ue : k->own.family != 0 ? &k->own : &other;

	memset(start, 0, 14);
	if (k->vlan != 0) {
		memcpy(start + 12, (uint8_t[]){0x81, 0, 0, (uint8_t)k->vlan}, 4);
		p += 4;
	}
	memcpy(p - 2, outer->family == 4 ? "\x08\x00" : "\x86\xdd", 2);
	p = put_ip(p, &none, outer);
	memcpy(p, "\x08\x68\x08\x68\0\0\0\0", 8);
	p += 8;
	if (tunnel) {
		uint32_t teid = rte_cpu_to_be_32(k->teid);

		memcpy(p, psc ? "\x34\xff\0\0" : "\x30\xff\0\0", 4);
		memcpy(p + 4, &teid, 4);
		p += 8;
		if (psc)
			memcpy(p, "\0\0\0\x85\1\x10\x09\0", 8);
		p += psc ? 8 : 0;
		p = put_ip(p, &k->ue, &none);
	}
	m->data_len = (uint16_t)(p - start);
	m->pkt_len = m->data_len;
	return m;
}

/* The queue that it comes to; -1: none. *mark: 0 when it has none. */
static int queue_of(uint16_t port, enum cst_flow_kind kind, uint32_t n, bool psc, uint32_t *mark)
{
	struct cst_flow_key k = key(port, kind, n);
	struct rte_mbuf *m = packet(&k, psc);
	uint16_t dev = ethdev_of(port);

	assert_int_equal(rte_eth_tx_burst(dev, 0, &m, 1), 1);
	for (uint16_t q = 0; q < 2; q++) {
		if (rte_eth_rx_burst(dev, q, &m, 1) == 0)
			continue;
		*mark = m->ol_flags & RTE_MBUF_F_RX_FDIR_ID ? m->hash.fdir.hi : 0;
		rte_pktmbuf_free(m);
		return q;
	}
	return -1;
}

/* ---- cases ------------------------------------------------------------------------ */

/* Each kind of rule brings its packets to either worker, with the mark, and drops them. */
static void test_all_kinds(void **state)
{
	uint16_t port = open_port("");
	uint32_t mark;

	for (int kind = 0; kind < CST_FLOW_KINDS; kind++) {
		bool psc = kind == CST_FLOW_TEID4_PSC || kind == CST_FLOW_TEID6_PSC;

		for (uint16_t worker = 0; worker < 2; worker++) {
			want(port, kind, 9, wish(1, worker));
			assert_state(port, kind, 9, CST_FLOW_PENDING);
			tick(100);
			assert_state(port, kind, 9, CST_FLOW_OFFLOADED);
			assert_int_equal(queue_of(port, kind, 9, psc, &mark),
					 cst_port_queue_of(port, worker));
			assert_int_equal(mark, 7);
			queue_of(port, kind, 10, psc, &mark);
			assert_int_equal(mark, 0);
		}
		want(port, kind, 9, drop);
		tick(100);
		assert_int_equal(queue_of(port, kind, 9, psc, &mark), -1);
		assert_int_equal(info_of(port, kind, 9).packets, 1);
		assert_true(queue_of(port, kind, 10, psc, &mark) >= 0);
		unwant(port, kind, 9, 1);
	}
	tick(100);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 0);
	close_port(port);
}

/* A rule for frames with a tag is for these alone. */
static void test_vlan(void **state)
{
	uint16_t port = open_port("");
	struct cst_flow_key k = key(port, CST_FLOW_DST4, 1);
	struct cst_flow_wish w = wish(1, 1);
	struct rte_mbuf *m;
	uint32_t mark;

	assert_null(cst_flow_refusal(port, CST_FLOW_DST4, true, CST_FLOW_QUEUE));
	assert_true(cst_flow_can(port, CST_FLOW_DST4, true, CST_FLOW_QUEUE));
	k.vlan = 42;
	cst_flow_want(&k, &w, 1);
	tick(100);
	queue_of(port, CST_FLOW_DST4, 1, false, &mark);
	assert_int_equal(mark, 0);
	m = packet(&k, false);
	assert_int_equal(rte_eth_tx_burst(ethdev_of(port), 0, &m, 1), 1);
	assert_int_equal(rte_eth_rx_burst(ethdev_of(port), cst_port_queue_of(port, 1), &m, 1), 1);
	assert_true(m->ol_flags & RTE_MBUF_F_RX_FDIR_ID);
	rte_pktmbuf_free(m);
	close_port(port);
}

/* Each item and action refused in turn: what still can be done, and the driver's words. */
static void test_refusals(void **state)
{
	static const struct {
		const char *word;
		enum cst_flow_act act; /* a kind and an action that want it, */
		enum cst_flow_kind kind;
		enum cst_flow_kind other; /* and ones that do not; KINDS: all want it */
		enum cst_flow_act other_act;
	} rows[] = {
		{"eth", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_KINDS, 0},
		{"ipv4", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_TEID6, CST_FLOW_QUEUE},
		{"ipv6", CST_FLOW_QUEUE, CST_FLOW_DST6, CST_FLOW_DST4, CST_FLOW_QUEUE},
		{"udp", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_DST4, CST_FLOW_QUEUE},
		{"gtpu", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_DST4, CST_FLOW_QUEUE},
		{"teid", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_INNER44, CST_FLOW_QUEUE},
		{"psc", CST_FLOW_QUEUE, CST_FLOW_TEID4_PSC, CST_FLOW_TEID4, CST_FLOW_QUEUE},
		{"inner", CST_FLOW_QUEUE, CST_FLOW_INNER44, CST_FLOW_TEID4, CST_FLOW_QUEUE},
		{"queue", CST_FLOW_QUEUE, CST_FLOW_TEID4, CST_FLOW_TEID4, CST_FLOW_DROP},
		{"mark", CST_FLOW_QUEUE_MARK, CST_FLOW_TEID4, CST_FLOW_TEID4, CST_FLOW_QUEUE},
		{"drop", CST_FLOW_DROP, CST_FLOW_TEID4, CST_FLOW_TEID4, CST_FLOW_QUEUE},
		{"count", CST_FLOW_DROP_COUNT, CST_FLOW_TEID4, CST_FLOW_TEID4, CST_FLOW_DROP},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char args[64];
		uint16_t port;

		snprintf(args, sizeof(args), ",refuse=%s:gtp", rows[i].word);
		port = open_port(args);
		assert_false(cst_flow_can(port, rows[i].kind, false, rows[i].act));
		assert_string_equal(cst_flow_refusal(port, rows[i].kind, false, rows[i].act),
				    rows[i].word);
		for (int k = 0; rows[i].other == CST_FLOW_KINDS && k < CST_FLOW_KINDS; k++)
			assert_false(cst_flow_can(port, k, false, CST_FLOW_QUEUE));
		if (rows[i].other != CST_FLOW_KINDS)
			assert_true(cst_flow_can(port, rows[i].other, false, rows[i].other_act));
		close_port(port);
	}
}

/* A driver that knows GTP-U by the item's other name. */
static void test_other_name(void **state)
{
	uint16_t port = open_port(",refuse=gtpu");
	uint32_t mark;

	want(port, CST_FLOW_TEID4, 1, wish(1, 1));
	want(port, CST_FLOW_INNER46, 1, wish(1, 1));
	tick(100);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 1, false, &mark),
			 cst_port_queue_of(port, 1));
	assert_int_equal(mark, 7);
	queue_of(port, CST_FLOW_INNER46, 1, false, &mark);
	assert_int_equal(mark, 7);
	close_port(port);
}

/* Without marks and counts the rest is done. */
static void test_lesser(void **state)
{
	uint16_t port = open_port(",refuse=mark:count");
	struct cst_flow_info f;
	uint32_t mark;

	want(port, CST_FLOW_TEID4, 1, wish(1, 1));
	want(port, CST_FLOW_TEID4, 2, drop);
	tick(100);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 1, false, &mark),
			 cst_port_queue_of(port, 1));
	assert_int_equal(mark, 0);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 2, false, &mark), -1);
	assert_int_equal(info_of(port, CST_FLOW_TEID4, 1).act, CST_FLOW_QUEUE);
	f = info_of(port, CST_FLOW_TEID4, 2);
	assert_int_equal(f.act, CST_FLOW_DROP);
	assert_false(f.counted);
	close_port(port);
}

/* A full table: the rule waits in software, and says why, until another one goes or time passes. */
static void test_full(void **state)
{
	uint16_t port = open_port(",table=2");
	struct cst_flow_port_info info;

	for (uint32_t n = 1; n <= 3; n++)
		want(port, CST_FLOW_TEID4, n, wish(n, 1));
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 2, CST_FLOW_OFFLOADED);
	assert_state(port, CST_FLOW_TEID4, 3, CST_FLOW_SOFTWARE);
	assert_string_equal(info_of(port, CST_FLOW_TEID4, 3).why, "the table is full");
	cst_flow_port_info(port, &info);
	assert_int_equal(info.offloaded, 2);
	assert_int_equal(info.software, 1);
	want(port, CST_FLOW_TEID4, 3, wish(3, 1)); /* the same again does not hurry it */
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 3, CST_FLOW_SOFTWARE);
	unwant(port, CST_FLOW_TEID4, 1, 1);
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 3, CST_FLOW_OFFLOADED);
	want(port, CST_FLOW_TEID4, 4, wish(4, 1));
	tick(100);
	flowdev_of(ethdev_of(port))->table = 3;
	tick(1000);
	assert_state(port, CST_FLOW_TEID4, 4, CST_FLOW_SOFTWARE);
	tick(10000);
	assert_state(port, CST_FLOW_TEID4, 4, CST_FLOW_OFFLOADED);
	close_port(port);
}

/* So many rules in a tick, and no longer than some milliseconds. */
static void test_rate(void **state)
{
	uint16_t port = open_port("");
	uint16_t dev = ethdev_of(port);
	unsigned ticks = 0;

	for (uint32_t n = 1; n <= 1500; n++)
		want(port, CST_FLOW_TEID4, n, wish(n, 1));
	tick(100);
	assert_in_range(flowdev_rules(dev), 1, 1000);
	for (; flowdev_rules(dev) < 1500 && ticks < 1000; ticks++)
		tick(100);
	assert_int_equal(flowdev_rules(dev), 1500);
	close_port(port);

	port = open_port(",delay=2000");
	for (uint32_t n = 1; n <= 20; n++)
		want(port, CST_FLOW_TEID4, n, wish(n, 1));
	tick(100);
	assert_in_range(flowdev_rules(ethdev_of(port)), 1, 3);
	close_port(port);
}

/* A key goes from one session to another, in whatever order they say so. */
static void test_order(void **state)
{
	uint16_t port = open_port("");
	uint32_t mark;

	want(port, CST_FLOW_TEID4, 1, wish(1, 0));
	tick(100);
	unwant(port, CST_FLOW_TEID4, 1, 1);
	want(port, CST_FLOW_TEID4, 1, wish(2, 1));
	tick(100);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 1, false, &mark),
			 cst_port_queue_of(port, 1));
	want(port, CST_FLOW_TEID4, 1, wish(3, 0));
	unwant(port, CST_FLOW_TEID4, 1, 2); /* no longer its own */
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 1, CST_FLOW_OFFLOADED);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 1, false, &mark),
			 cst_port_queue_of(port, 0));
	assert_int_equal(flowdev_rules(ethdev_of(port)), 1);
	close_port(port);
}

/* What no longer drops leaves the NIC before the call returns. */
static void test_opens_at_once(void **state)
{
	uint16_t port = open_port("");
	uint32_t mark;

	want(port, CST_FLOW_TEID4, 1, drop);
	want(port, CST_FLOW_DST4, 1, drop);
	tick(100);
	assert_int_equal(queue_of(port, CST_FLOW_TEID4, 1, false, &mark), -1);
	want(port, CST_FLOW_TEID4, 1, wish(1, 1));
	unwant(port, CST_FLOW_DST4, 1, 1);
	assert_true(queue_of(port, CST_FLOW_TEID4, 1, false, &mark) >= 0);
	assert_true(queue_of(port, CST_FLOW_DST4, 1, false, &mark) >= 0);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 0);
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 1, CST_FLOW_OFFLOADED);
	close_port(port);
}

/* A driver that cannot take out one rule takes out all, and the others come again. */
static void test_stuck(void **state)
{
	uint16_t port = open_port(",refuse=destroy");
	uint32_t mark;

	want(port, CST_FLOW_TEID4, 1, drop);
	want(port, CST_FLOW_TEID4, 2, wish(2, 1));
	tick(100);
	unwant(port, CST_FLOW_TEID4, 1, 1);
	assert_true(queue_of(port, CST_FLOW_TEID4, 1, false, &mark) >= 0);
	tick(100);
	assert_state(port, CST_FLOW_TEID4, 2, CST_FLOW_OFFLOADED);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 1);
	close_port(port);
}

/* What nobody has wanted anew goes. */
static void test_sweep(void **state)
{
	uint16_t port = open_port("");
	struct cst_flow_key k = key(port, CST_FLOW_TEID4, 2);
	struct cst_flow_wish w = wish(2, 1);
	uint32_t cursor = 0;

	for (uint32_t n = 1; n <= 3; n++)
		want(port, CST_FLOW_TEID4, n, wish(n, 1));
	tick(100);
	cst_flow_want(&k, &w, 5);
	while (!cst_flow_sweep(&cursor, 2, 5))
		;
	tick(100);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 1);
	assert_state(port, CST_FLOW_TEID4, 2, CST_FLOW_OFFLOADED);
	close_port(port);
}

/* Turned off, nothing stays and nothing is taken; one queue has nothing to choose. */
static void test_off(void **state)
{
	struct cst_port_conf c = {.mtu = 1500, .queues = 1};
	uint16_t port = open_conf(&c, "");
	uint32_t before = cst_flow_generation();
	struct cst_flow_port_info info;
	uint16_t other; /* the worker that does not poll the port */

	cst_flow_port_info(port, &info);
	assert_true(info.on);
	assert_non_null(info.steers);
	other = cst_port_queue_of(port, 0) == CST_NO_QUEUE ? 0 : 1;
	want(port, CST_FLOW_TEID4, 1, drop);
	want(port, CST_FLOW_TEID4, 2, wish(2, other));
	tick(100);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 1);
	assert_state(port, CST_FLOW_TEID4, 2, CST_FLOW_SOFTWARE);
	assert_non_null(strstr(info_of(port, CST_FLOW_TEID4, 2).why, "no queue"));
	c = *cst_port_conf(port);
	c.no_offload = true;
	assert_int_equal(cst_port_change(port, &c, NULL), 0);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 0);
	assert_false(cst_flow_can(port, CST_FLOW_TEID4, false, CST_FLOW_DROP));
	want(port, CST_FLOW_TEID4, 1, drop);
	tick(100);
	assert_int_equal(flowdev_rules(ethdev_of(port)), 0);
	assert_int_not_equal(cst_flow_generation(), before);
	c.no_offload = false;
	assert_int_equal(cst_port_change(port, &c, NULL), 0);
	assert_true(cst_flow_can(port, CST_FLOW_TEID4, false, CST_FLOW_DROP));
	close_port(port);
}

/* A NIC without rte_flow is asked, a device of software is not. */
static void test_incapable(void **state)
{
	static const char *const devices[] = {"eal:net_null7", "null"};
	struct cst_port_conf c = {.mtu = 1500, .name = "n"};

	for (int i = 0; i < 2; i++) {
		uint16_t port;

		snprintf(c.device, sizeof(c.device), "%s", devices[i]);
		port = (uint16_t)cst_port_prepare(&c, NULL);
		cst_port_publish(port);
		for (int kind = 0; kind < CST_FLOW_KINDS; kind++)
			for (int act = 0; act < CST_FLOW_ACTS; act++)
				assert_false(cst_flow_can(port, kind, false, act));
		assert_int_equal(cst_flow_refusal(port, CST_FLOW_DST4, false, CST_FLOW_DROP) !=
					 NULL,
				 i == 0);
		want(port, CST_FLOW_DST4, 1, drop);
		tick(100);
		cst_port_retire(port);
		cst_rcu_reclaim(true);
	}
}

/* ---- frame ------------------------------------------------------------------------ */

static int setup(void **state)
{
	struct cst_system sys = {
		.workers = 2,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 96,
		.packet_buffers = 8192,
		.buffer_size = 2048,
	};
	struct cst_err e = {0};

	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(sys.name, sizeof(sys.name), "flowtest%d", getpid());
	snprintf(sys.run_dir, sizeof(sys.run_dir), "%s", dir);
	if (cst_engine_init(&sys, &e) < 0 || cst_modules_start(&sys, &e) < 0) {
		fprintf(stderr, "%s: %s\n", e.field, e.reason);
		return -1;
	}
	return 0;
}

/* With rules in the NIC, one of which is about to go: stopping takes them out. */
static int teardown(void **state)
{
	uint16_t port = open_port("");

	want(port, CST_FLOW_TEID4, 1, wish(1, 0));
	tick(100);
	unwant(port, CST_FLOW_TEID4, 1, 1);
	if (flowdev_rules(ethdev_of(port)) != 1)
		return -1;
	cst_modules_stop();
	cst_engine_fini();
	if (flowdev_left != 0)
		return -1;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),     cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_refusals),      cmocka_unit_test(test_lesser),
		cmocka_unit_test(test_other_name),    cmocka_unit_test(test_full),
		cmocka_unit_test(test_rate),          cmocka_unit_test(test_order),
		cmocka_unit_test(test_opens_at_once), cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_sweep),         cmocka_unit_test(test_off),
		cmocka_unit_test(test_incapable),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
