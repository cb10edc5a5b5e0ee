/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way of a stream's packet through coast, both ways and by both kinds
 * of paths, beside the UPF's path/ul and path/dl: bursts of frames from a port,
 * each of a random one of a thousand streams, in one walk of one worker.
 *
 *	path/prer/replicate  frames from n3 leave by two paths of n6; a packet is one sent
 *	path/prer/eliminate  members from n6, each of them twice in a burst, of which the first goes
 *	                     out by n3; a packet is one received
 */
#include <stdio.h>
#include <string.h>

#include "be.h"
#include "bench_rig.h"
#include "class.h"
#include "engine/engine.h"
#include "engine/rcu.h"
#include "eth.h"
#include "ip.h"
#include "prer_ctl.h"
#include "udp.h"

#define STREAMS 1000
#define PAYLOAD 50 /* octets of a frame behind its type */
#define FRAME   (14 + PAYLOAD)
#define LABEL   20000 /* of stream 0 */

static struct {
	bool dcw, eliminate;
	uint16_t n;               /* of a burst */
	uint32_t stream[STREAMS]; /* those that worker 0 owns */
	uint32_t n_streams;
	uint32_t seq[STREAMS];
	uint32_t last; /* stream of the last packet */
	bool second;   /* it was its first copy */
} now;

/* ---- streams --------------------------------------------------------------------------- */

static json_t *path(const char *name, unsigned i)
{
	if (now.dcw)
		return json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", name, "encapsulation", "dcw",
				 "network_instance", "core", "local", "198.51.100.1", "remote",
				 i ? "203.0.113.7" : "198.51.100.2");
	return json_pack("{s:s, s:s, s:s, s:i}", "name", name, "encapsulation", "rtag", "port",
			 "n6", "vlan", 101 + (int)i);
}

static void mac_of(uint32_t stream, uint8_t *mac)
{
	mac[0] = 2;
	mac[1] = 1;
	cst_put_be32(mac + 2, stream);
}

static json_t *stream(uint32_t i)
{
	json_t *js = json_pack("{s:[s, s]}", "paths", "a", "b"), *ident;
	char text[64];
	uint8_t mac[6];

	mac_of(i, mac);
	snprintf(text, sizeof(text), "s%u", i);
	json_object_set_new(js, "name", json_string(text));
	ident = json_pack("{s:s, s:s}", "type", "null", "mac", cst_mac_text(mac, text));
	if (now.dcw) {
		json_object_set_new(js, "sequence_bits", json_integer(28));
		json_object_set_new(js, now.eliminate ? "service_label" : "remote_service_label",
				    json_integer(LABEL + i));
	}
	if (!now.eliminate)
		json_object_set_new(js, "send",
				    json_pack("{s:s, s:o}", "port", "n3", "identification", ident));
	else if (now.dcw)
		json_object_set_new(js, "receive", json_pack("{s:s}", "port", "n3"));
	else /* and without the paths' tag */
		json_object_set_new(js, "receive",
				    json_pack("{s:s, s:i, s:o}", "port", "n3", "vlan", 0,
					      "identification", ident));
	if (now.dcw && now.eliminate)
		json_decref(ident);
	return js;
}

static bool run_txn(const struct cst_class *c, enum cst_op op, json_t *objs, struct cst_err *e)
{
	int rc = cst_txn_run(c, op, objs, NULL, e);

	json_decref(objs);
	return rc == 0;
}

static bool make(struct cst_err *e)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < STREAMS; i++)
		json_array_append_new(all, stream(i));
	if (!run_txn(&prer_path_class, CST_OP_PUT, json_pack("[o, o]", path("a", 0), path("b", 1)),
		     e) ||
	    !run_txn(&prer_stream_class, CST_OP_PUT, all, e))
		return false;
	now.n_streams = 0;
	for (uint32_t i = 0; i < STREAMS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "s%u", i);
		if (cst_owner_of(prer_entry_live(PRER_STREAMS, name)->number) == 0)
			now.stream[now.n_streams++] = i;
	}
	memset(now.seq, 0, sizeof(now.seq));
	now.second = false;
	return true;
}

/* The ports are nobody's again, and numbers are free. */
static bool unmake(struct cst_err *e)
{
	json_t *all = json_array();
	bool done;

	for (uint32_t i = 0; i < STREAMS; i++)
		json_array_append_new(all, json_sprintf("s%u", i));
	done = run_txn(&prer_stream_class, CST_OP_DELETE, all, e) &&
	       run_txn(&prer_path_class, CST_OP_DELETE, json_pack("[s, s]", "a", "b"), e);
	cst_rcu_reclaim(false);
	return done;
}

/* ---- packets ----------------------------------------------------------------------------- */

static uint32_t some(void)
{
	static uint32_t random = 1;

	random = random * 1664525u + 1013904223u;
	return now.stream[(uint64_t)random * now.n_streams >> 32];
}

static uint32_t put_payload(uint8_t *p, uint32_t i)
{
	memset(p, 0, PAYLOAD);
	cst_put_be32(p, i);
	return PAYLOAD;
}

static uint32_t put_frame(uint8_t *p, uint32_t i)
{
	mac_of(i, p);
	memcpy(p + 6, cst_bench_peer, 6);
	cst_put_be16(p + 12, 0x88b6);
	return 14 + put_payload(p + 14, i);
}

static uint32_t put_rtag_member(uint8_t *p, uint32_t i, unsigned by, uint32_t seq)
{
	uint32_t n = 12;

	put_frame(p, i);
	cst_put_be16(p + n, 0x8100);
	cst_put_be16(p + n + 2, (uint16_t)(101 + by));
	cst_put_be16(p + n + 4, 0xf1c1);
	cst_put_be16(p + n + 6, 0);
	cst_put_be16(p + n + 8, (uint16_t)seq);
	cst_put_be16(p + n + 10, 0x88b6);
	n += 12;
	return n + put_payload(p + n, i);
}

static uint32_t put_dcw_member(uint8_t *p, uint32_t i, unsigned by, uint32_t seq)
{
	static const uint8_t own[4] = {198, 51, 100, 1};
	static const uint8_t far_end[2][4] = {{198, 51, 100, 2}, {203, 0, 113, 7}};
	uint32_t n = cst_eth_put(p, cst_bench_mac(CST_BENCH_N6), cst_bench_peer, CST_ETH_IPV4);

	cst_ip4_put(p + n, far_end[by], own, CST_PROTO_UDP, 20 + 8 + 8 + FRAME, 0, 64, 1, 0);
	cst_udp_put(p + n + 20, 50000, 6635, 8 + 8 + FRAME);
	n += 28;
	cst_put_be32(p + n, (LABEL + i) << 12 | 1 << 8 | 64);
	cst_put_be32(p + n + 4, seq & 0x0fffffff);
	n += 8;
	return n + put_frame(p + n, i);
}

static void put(struct rte_mbuf *m, uint32_t i, unsigned by, uint32_t seq)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	m->data_len = (uint16_t)(!now.eliminate ? put_frame(p, i)
				 : now.dcw      ? put_dcw_member(p, i, by, seq)
						: put_rtag_member(p, i, by, seq));
	m->pkt_len = m->data_len;
}

static void fill_replicate(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;

	for (uint16_t i = 0; i < now.n; i++) {
		now.last = some();
		put(b->in[i], now.last, 0, 0);
	}
	b->want = 2 * now.n;
}

/* Each number twice in a burst, by one path and then by the other; a burst of one is a first copy
 * and a second one in turn. */
static void fill_eliminate(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;
	uint16_t pairs = now.n / 2;

	if (pairs == 0) {
		if (!now.second)
			now.seq[now.last = some()]++;
		put(b->in[0], now.last, now.second, now.seq[now.last]);
		b->want = !now.second;
		now.second = !now.second;
		return;
	}
	for (uint16_t i = 0; i < pairs; i++) {
		now.seq[now.last = some()]++;
		put(b->in[i], now.last, 0, now.seq[now.last]);
		put(b->in[pairs + i], now.last, 1, now.seq[now.last]);
	}
	b->want = pairs;
}

static void fill(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;

	b->n_in = rte_pktmbuf_alloc_bulk(cst_packet_pool(), b->in, now.n) == 0 ? now.n : 0;
	if (b->n_in == 0)
		return; /* nothing comes out, and the run fails */
	if (now.eliminate)
		fill_eliminate();
	else
		fill_replicate();
}

static void empty(void)
{
	rte_pktmbuf_free_bulk(cst_bench_burst.out, cst_bench_burst.n_out);
}

static void leave_out_talk(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->n_out; i++)
		if (cst_be16(rte_pktmbuf_mtod_offset(b->out[i], uint8_t *, 12)) == CST_ETH_ARP)
			rte_pktmbuf_free(b->out[i]);
		else
			b->out[n++] = b->out[i];
	b->n_out = n;
}

/* The last packet that came out ends as the last stream's does, and has its length. */
static bool is_right(void)
{
	const struct rte_mbuf *m = cst_bench_burst.out[cst_bench_burst.n_out - 1];
	uint32_t more = now.eliminate ? 0 : now.dcw ? 14 + 28 + 8 : 4 + 6;
	uint8_t want[FRAME], buf[FRAME];

	put_frame(want, now.last);
	if (m->pkt_len != FRAME + more)
		return false;
	return memcmp(rte_pktmbuf_read(m, m->pkt_len - PAYLOAD, PAYLOAD, buf), want + 14,
		      PAYLOAD) == 0;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void run(struct cst_bench *b, bool dcw, bool eliminate)
{
	uint16_t n = (uint16_t)cst_bench_arg(b);
	struct cst_bench_walk walk = {
		.in = eliminate ? CST_BENCH_N6 : CST_BENCH_N3,
		.burst = n,
		.packets = eliminate ? n : 2 * n,
		.fill = fill,
		.empty = empty,
		.is_right = is_right,
		.sort_out = leave_out_talk,
	};
	static struct cst_err e; /* the report keeps the reason */

	now.dcw = dcw;
	now.eliminate = eliminate;
	now.n = n;
	if (!cst_bench_engine(&e) || !make(&e)) {
		cst_bench_fail(b, e.reason);
		return;
	}
	cst_bench_walks(b, &walk);
	if (!unmake(&e))
		cst_bench_fail(b, e.reason);
}

static void rtag_replicate(struct cst_bench *b)
{
	run(b, false, false);
}

static void rtag_eliminate(struct cst_bench *b)
{
	run(b, false, true);
}

static void dcw_replicate(struct cst_bench *b)
{
	run(b, true, false);
}

static void dcw_eliminate(struct cst_bench *b)
{
	run(b, true, true);
}

CST_BENCH(rtag_replicate, "path/prer/replicate/rtag", 1, 8, 32, 256);
CST_BENCH(rtag_eliminate, "path/prer/eliminate/rtag", 1, 8, 32, 256);
CST_BENCH(dcw_replicate, "path/prer/replicate/dcw", 1, 8, 32, 256);
CST_BENCH(dcw_eliminate, "path/prer/eliminate/dcw", 1, 8, 32, 256);
