/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_gtpu: GTP-U signalling (TS 29.281 7). Packets come from upf_ul and stand at
 * their outer IP header; most are answered or dropped here.
 */

#include "hash.h"
#include "net/net.h"
#include "upf_errind.h"
#include "upf_out.h"
#include "upf_split.h"

enum { TO_ROUTE };
static const char *const edges[] = {"route", NULL};

/* The datagram that an answer is made to. */
struct question {
	struct cst_gtpu g;
	struct cst_ip peer, own;
	uint16_t port; /* UDP source port */
	uint8_t tos;
	int rc; /* of cst_gtpu_parse() */
	const uint8_t *gtpu;
};

static bool read_question(struct rte_mbuf *m, struct question *q)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	const uint8_t *ip, *udp;
	uint32_t at = pkt->l4_off + 8u;
	uint32_t len;

	if (m->nb_segs > 1 && !upf_pull(m, UPF_SPLIT_HEAD))
		return false;
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	udp = ip + pkt->l4_off;
	cst_ip_addrs(ip, &q->peer, &q->own);
	q->tos = pkt->ip_version == 4 ? ip[1] : (uint8_t)(cst_be16(ip) >> 4);
	q->port = cst_be16(udp);
	q->gtpu = udp + 8;
	len = RTE_MIN((uint32_t)cst_be16(udp + 4), rte_pktmbuf_pkt_len(m) - pkt->l4_off);
	len = len < 8 ? 0 : len - 8;
	q->rc = m->nb_segs == 1 ? cst_gtpu_parse(q->gtpu, len, &q->g)
				: upf_split_gtpu(m, at, len, &q->g);
	return true;
}

/* Turn `m` into the `len` bytes of `msg` to the peer, in the network instance it came by. */
static uint8_t reply(struct cst_worker *w, struct rte_mbuf *m, const struct question *q,
		     uint16_t dport, const uint8_t *msg, uint32_t len)
{
	struct upf_worker *uw = &upf_worker[w->id];
	struct cst_pkt *pkt = cst_pkt(m);
	uint32_t hdr = q->peer.family == 4 ? 28 : 48;
	uint8_t *p;

	upf_trim(m, 0);
	p = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(hdr + len));
	if (!p)
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	__builtin_memcpy(p + hdr, msg, len);
	uw->ip_id = (uint16_t)(uw->ip_id + uw->ip_id_step);
	upf_put_signal(p, &q->own, &q->peer, CST_GTPU_PORT, dport, (uint16_t)len, q->tos & 0xfc,
		       uw->ip_id);
	pkt->ip_version = q->peer.family;
	pkt->l4_proto = CST_PROTO_UDP;
	pkt->l4_off = (uint16_t)(hdr - 8);
	pkt->ip_len = (uint16_t)(hdr + len);
	pkt->flags = CST_PKT_LOCAL;
	return TO_ROUTE;
}

static uint32_t hash_of(const struct cst_ip *ip)
{
	return (uint32_t)cst_hash_mix(ip->d[0], ip->d[1]);
}

/* The same in a packet of its own: what it answers to is dropped, and counted as such. */
static void reply_beside(struct cst_worker *w, struct rte_mbuf *m, const struct question *q,
			 const uint8_t *msg, uint32_t len)
{
	struct rte_mbuf *r;

	if (!upf_may_answer(w, hash_of(&q->peer)))
		return;
	r = rte_pktmbuf_alloc(m->pool);
	if (!r)
		return;
	*cst_pkt(r) = *cst_pkt(m);
	if (reply(w, r, q, CST_GTPU_PORT, msg, len) != TO_ROUTE) {
		rte_pktmbuf_free(r);
		return;
	}
	w->stats.injected++;
	cst_emit(w, TO_ROUTE, &r, 1);
}

/* 7.2.1, 7.2.2: to where the request came from, be the peer known or not. */
static uint8_t echo(struct cst_worker *w, struct rte_mbuf *m, const struct question *q)
{
	uint8_t msg[16];
	uint32_t len = cst_gtpu_put_echo_response(msg, sizeof(msg), q->g.seq);

	return reply(w, m, q, q->port, msg, len);
}

/* 7.3.1. */
static uint8_t unknown_teid(struct cst_worker *w, struct rte_mbuf *m, const struct question *q)
{
	uint8_t msg[64];
	uint32_t len;

	if (!atomic_load_explicit(&upf_suppress_error_indications, memory_order_relaxed)) {
		len = cst_gtpu_put_error_indication(msg, sizeof(msg), q->g.teid, &q->own, q->port);
		reply_beside(w, m, q, msg, len);
	}
	return upf_drop(m, UPF_DROP_UNKNOWN_TEID);
}

/* 7.2.3. */
static uint8_t unknown_extension(struct cst_worker *w, struct rte_mbuf *m, const struct question *q)
{
	uint8_t msg[16];

	reply_beside(w, m, q, msg, cst_gtpu_put_supported_ext(msg, sizeof(msg), q->g.seq));
	return upf_drop(m, UPF_DROP_UNKNOWN_EXTENSION);
}

/* Believed only from the address that it speaks for: it would end somebody's session. */
static uint8_t error_indication(struct cst_worker *w, struct rte_mbuf *m, const struct question *q)
{
	struct upf_errind_notice n;
	struct cst_gtpu_error err;

	if (cst_gtpu_error_parse(q->gtpu, &q->g, &err) != CST_GTPU_OK ||
	    !cst_ip_eq(&err.peer, &q->peer))
		return upf_drop(m, UPF_DROP_FORGED_ERROR);
	n = (struct upf_errind_notice){.peer = err.peer, .teid = err.teid, .vrf = cst_pkt(m)->vrf};
	upf_errind_tell(w, &n);
	return upf_drop(m, UPF_DROP_ERROR_INDICATION);
}

static uint8_t one(struct cst_worker *w, struct rte_mbuf *m)
{
	struct question q;

	if (!read_question(m, &q))
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	if (q.rc == CST_GTPU_EXT_UNKNOWN)
		return unknown_extension(w, m, &q);
	if (q.rc != CST_GTPU_OK)
		return upf_drop(m, UPF_DROP_MALFORMED);
	switch (q.g.type) {
	case CST_GTPU_ECHO_REQUEST:
		return echo(w, m, &q);
	case CST_GTPU_GPDU: /* upf_ul found no session */
		return unknown_teid(w, m, &q);
	case CST_GTPU_ERROR_INDICATION:
		/* its elements are read in one piece */
		return m->nb_segs == 1 ? error_indication(w, m, &q)
				       : upf_drop(m, UPF_DROP_MALFORMED);
	default:
		return upf_drop(m, UPF_DROP_MESSAGE);
	}
}

uint16_t upf_gtpu_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = one(w, pkts[i]);
		aside += edge[i] != TO_ROUTE;
	}
	return aside;
}

CST_NODE(upf_gtpu_node, .name = "upf_gtpu",
	 .help = "GTP-U signalling: echo, error indications, extension headers",
	 .process = upf_gtpu_process, .edges = edges);
