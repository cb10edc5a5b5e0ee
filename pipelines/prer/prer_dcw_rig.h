/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of the nodes prer_dcw and prer_probe: four streams on three routed
 * paths to one far end, a path of Ethernet, and what comes in by them.
 */
#pragma once

#include "exact.h"

#include <arpa/inet.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "prer_dcw.h"
#include "prer_probe.h"
#include "prer_probe_int.h"

#define VRF     7
#define STREAM  5
#define FRAMES  6
#define NO_SEQ  8
#define ONE_WAY 9 /* sends only */
#define LABEL   16384

enum { TO_ELIMINATE, TO_PROBE }; /* of prer_dcw */

static struct rte_mempool *pool;
static struct cst_worker worker;
static struct prer_path paths[5];
static uint32_t slots[16], labels[1u << 20];
static struct prer_stream *streams; /* by line */

/* ---- what the nodes call of the engine, caught --------------------------------- */

static unsigned n_handed, n_notices;
static struct prer_probe_notice last_notice;

void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n);
void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n)
{
	assert_int_equal(owner, 0);
	n_handed += n;
}

bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len);
bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len)
{
	assert_int_equal(len, sizeof(last_notice));
	memcpy(&last_notice, data, len);
	n_notices++;
	return true;
}

/* ---- packets ----------------------------------------------------------------------- */

static inline struct rte_mbuf *mbuf(const void *b, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memset(cst_pkt(m), 0xa5, sizeof(struct cst_pkt));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), b, len);
	return m;
}

/* An IP packet of `len` octets, its version that of `family`. */
static inline void inner(uint8_t *p, unsigned family, uint32_t len, uint8_t tos)
{
	static const uint8_t a[16] = {0x20, 1, 0xd, 0xb8, 9}, b[16] = {0x20, 1, 0xd, 0xb8, 10};

	memset(p, 0x5a, len);
	if (family == 4)
		cst_ip4_put(p, a, b, CST_PROTO_UDP, (uint16_t)len, tos, 64, 1, 0);
	else
		cst_ip6_put(p, a, b, CST_PROTO_UDP, (uint16_t)(len - 40), tos, 64, 0);
}

static inline struct cst_ip ip(const char *text)
{
	struct cst_ip a = {.family = strchr(text, ':') ? 6 : 4};

	assert_int_equal(inet_pton(a.family == 4 ? AF_INET : AF_INET6, text, a.b), 1);
	return a;
}

static inline void set_path(unsigned i, const char *local, const char *remote)
{
	struct cst_ip l = ip(local), r = ip(remote);

	prer_dcw_path_set(&paths[i], VRF, &l, &r);
	paths[i].number = i;
}

static inline void add_stream(uint32_t id, uint8_t flags, uint8_t bits)
{
	streams[id] = (struct prer_stream){
		.id = id,
		.flags = flags,
		.n_paths = 3,
		.bits = bits,
		.path = {1, 2, 3},
		.label_out = LABEL + id,
		.label_in = LABEL + id,
		.udp_port = (uint16_t)(50000 + id),
	};
	slots[id] = id;
	labels[LABEL + id] = id;
}

static inline int set_up(void **state)
{
	static char *argv[] = {"prer_dcw_test",  "--no-huge",   "-m", "64", "--no-pci",
			       "--no-telemetry", "--no-shconf", "-l", "0",  "--log-level",
			       "error"};

	if (rte_eal_init(sizeof(argv) / sizeof(*argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 1023, 0, sizeof(struct cst_pkt), 2048 + 128, 0);
	streams = aligned_alloc(64, 16 * 64);
	prer_tables = (struct prer_tables){
		.slot = slots,
		.lines = streams,
		.path = paths,
		.label = labels,
		.streams = 16,
		.paths = COUNT(paths),
	};
	/* two uplinks to one far end: told apart by the address here */
	set_path(1, "192.0.2.1", "203.0.113.1");
	set_path(2, "198.51.100.1", "203.0.113.1");
	set_path(3, "2001:db8:1::1", "2001:db8:2::1");
	paths[4] = (struct prer_path){.encap = PRER_RTAG, .port = 3, .number = 4};
	add_stream(STREAM, PRER_SEND | PRER_RECEIVE | PRER_IP, 28);
	add_stream(FRAMES, PRER_SEND | PRER_RECEIVE, 16);
	add_stream(NO_SEQ, PRER_SEND | PRER_RECEIVE | PRER_IP, 0);
	add_stream(ONE_WAY, PRER_SEND | PRER_IP, 28);
	prer_dcw_id[0].step = 1;
	prer_probe_secret = 0x0123456789abcdefull;
	prer_probe_macs[3] = 0x060504030202ull;
	worker.now = rte_rdtsc();
	prer_probe_limit();
	return pool ? 0 : -1;
}

static inline void no_packet_is_lost(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* What coast sent by `path` comes in at the far end, which is the same coast: its addresses the
 * other way round, as `classify` leaves it. */
static inline struct rte_mbuf *come_in(struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t at = p[0] >> 4 == 4 ? 12 : 8, size = p[0] >> 4 == 4 ? 4 : 16;
	uint8_t a[16];

	memcpy(a, p + at, size);
	memmove(p + at, p + at + size, size);
	memcpy(p + at + size, a, size);
	*cst_pkt(m) = (struct cst_pkt){
		.vrf = VRF,
		.ip_version = p[0] >> 4,
		.l4_proto = CST_PROTO_UDP,
		.l4_off = p[0] >> 4 == 4 ? (p[0] & 15) * 4 : 40,
		.ip_len = (uint16_t)m->pkt_len,
		.l2_len = 14,
	};
	return m;
}

static inline uint8_t into_node(struct rte_mbuf *m)
{
	uint8_t edge = 0;

	prer_dcw_process(&worker, &m, 1, &edge);
	return edge;
}

static inline void expect_drop(struct rte_mbuf *m, uint8_t edge, const char *name)
{
	const struct cst_drop *d = cst_drop_first();

	assert_int_equal(edge, CST_EDGE_DROP);
	while (d && d->id != cst_pkt(m)->drop)
		d = d->next;
	assert_non_null(d);
	assert_string_equal(d->name, name);
	rte_pktmbuf_free(m);
}

/* A packet of 100 octets in a stream, sent by path `i` and come in. */
static inline struct rte_mbuf *member(uint32_t stream, unsigned i, uint32_t seq)
{
	uint8_t b[100];
	struct rte_mbuf *m;

	inner(b, 4, sizeof(b), 0);
	m = mbuf(b, sizeof(b));
	assert_true(prer_dcw_put(&streams[stream], &paths[i], m, seq));
	return come_in(m);
}

/* The label of an incoming packet over IPv4. */
static inline uint8_t *label_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *) + 28;
}
