/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `icmp_error`: drops a packet under the reason that pkt->icmp_type and code
 * stand for, and tells its sender, within the limits of RFC 1812 4.3.2 and
 * RFC 4443 2.4: never about an ICMP error, a later fragment, or what did not
 * come from and go to one host each; and not more than so many per second.
 */
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "icmp.h"
#include "ip.h"
#include "module.h"
#include "net/bucket.h"
#include "net/drops.h"
#include "net/fib.h"

#define ERRORS_PER_S 1000 /* and worker */
#define ERROR_BURST  100

#define MAX4 576  /* RFC 1812 4.3.2.3: the whole error, so that it need not be fragmented */
#define MAX6 1280 /* RFC 4443 2.4 c */

CST_DROP(ttl, "ip.ttl_exceeded", "the TTL or hop limit ran out here; traceroute, or a loop");
CST_DROP(too_big, "ip.too_big",
	 "larger than the path's MTU and not to be fragmented; its sender is told the MTU");
CST_DROP(port_unreachable, "ip.port_unreachable",
	 "UDP to an own address and a port that nobody serves");
CST_DROP(unreachable, "ip.unreachable", "a slice refused to carry it and tells its sender");

static struct {
	struct cst_bucket bucket;
} __rte_cache_aligned state[CST_MAX_WORKERS];
static uint64_t interval, slack; /* TSC cycles */

static const struct cst_drop *why(const struct cst_pkt *pkt)
{
	uint8_t type = pkt->icmp_type, code = pkt->icmp_code;

	if (pkt->ip_version == 4) {
		if (type == CST_ICMP4_TIME_EXCEEDED)
			return &ttl;
		return code == CST_ICMP4_FRAG_NEEDED ? &too_big
		       : code == CST_ICMP4_NET       ? cst_drop_no_route
		       : code == CST_ICMP4_HOST      ? cst_drop_unresolved
		       : code == CST_ICMP4_PORT      ? &port_unreachable
						     : &unreachable;
	}
	if (type == CST_ICMP6_TIME_EXCEEDED)
		return &ttl;
	if (type == CST_ICMP6_TOO_BIG)
		return &too_big;
	return code == CST_ICMP6_NO_ROUTE  ? cst_drop_no_route
	       : code == CST_ICMP6_ADDRESS ? cst_drop_unresolved
	       : code == CST_ICMP6_PORT    ? &port_unreachable
					   : &unreachable;
}

/* Whether the rules allow an error about this packet. `ip` describes it. */
static bool may_answer(const struct cst_pkt *pkt, const uint8_t *p, const struct cst_ip_info *ip)
{
	bool has_l4 = ip->l4_off && ip->l4_off < ip->total_len;

	if ((pkt->flags & CST_PKT_LOCAL) || (ip->flags & CST_IP_FRAG_LATER))
		return false;
	if (ip->version == 4)
		return !cst_ip4_bad_source(p + 12) && p[16] < 224 &&
		       !(ip->proto == CST_PROTO_ICMP &&
			 (!has_l4 || cst_icmp4_is_error(p[ip->l4_off])));
	return !cst_ip6_bad_source(p + 8) && !cst_ip6_is_multicast(p + 24) &&
	       !(ip->proto == CST_PROTO_ICMPV6 && (!has_l4 || cst_icmp6_is_error(p[ip->l4_off])));
}

/* Copy up to `max` bytes of the packet to `to`; how many. */
static uint32_t quote(const struct rte_mbuf *m, uint8_t *to, uint32_t max)
{
	uint32_t len = m->pkt_len < max ? m->pkt_len : max;
	const void *from = rte_pktmbuf_read(m, 0, len, to);

	if (from != to)
		memcpy(to, from, len);
	return len;
}

static void put4(struct rte_mbuf *e, const struct rte_mbuf *m, const uint8_t *src)
{
	const struct cst_pkt *pkt = cst_pkt((struct rte_mbuf *)m);
	uint8_t *p = rte_pktmbuf_mtod(e, uint8_t *);
	uint32_t quoted = quote(m, p + 28, MAX4 - 28);

	/* precedence 6, as routers' own words have (RFC 1812 4.3.2.5) */
	cst_ip4_put(p, src, p + 28 + 12, CST_PROTO_ICMP, (uint16_t)(28 + quoted), 0xc0, 64, 0, 1);
	cst_icmp4_put_error(p + 20, pkt->icmp_type, pkt->icmp_code, pkt->icmp_info, quoted);
	e->data_len = (uint16_t)(28 + quoted);
	e->pkt_len = e->data_len;
}

static void put6(struct rte_mbuf *e, const struct rte_mbuf *m, const uint8_t *src)
{
	const struct cst_pkt *pkt = cst_pkt((struct rte_mbuf *)m);
	uint8_t *p = rte_pktmbuf_mtod(e, uint8_t *);
	uint32_t quoted = quote(m, p + 48, MAX6 - 48);

	cst_ip6_put(p, src, p + 48 + 8, CST_PROTO_ICMPV6, (uint16_t)(8 + quoted), 0xc0, 64, 0);
	cst_icmp6_put_error(p + 40, pkt->icmp_type, pkt->icmp_code, pkt->icmp_info, quoted, p + 8,
			    p + 24);
	e->data_len = (uint16_t)(48 + quoted);
	e->pkt_len = e->data_len;
}

/* The error about `m`, or NULL. */
static struct rte_mbuf *make(struct cst_worker *w, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct cst_pkt *pkt = cst_pkt(m);
	struct cst_ip_info ip;
	struct rte_mbuf *e;
	struct cst_ip src;

	if (m->nb_segs > 1 && m->data_len < 128)
		return NULL;
	/* headers only; a walk over far extension headers stays within the first segment */
	if (cst_ip_parse(p, m->nb_segs > 1 && p[0] >> 4 == 6 ? m->data_len : m->pkt_len, &ip) ||
	    !may_answer(pkt, p, &ip) || !cst_vrf_source(pkt->vrf, ip.version, &src))
		return NULL;
	if (!cst_bucket_take(&state[w->id % CST_MAX_WORKERS].bucket, w->now, interval, slack))
		return NULL;
	e = rte_pktmbuf_alloc(cst_packet_pool());
	if (!e)
		return NULL;
	if (rte_pktmbuf_tailroom(e) < MAX6) {
		rte_pktmbuf_free(e);
		return NULL;
	}
	if (ip.version == 4)
		put4(e, m, src.b);
	else
		put6(e, m, src.b);
	*cst_pkt(e) = (struct cst_pkt){
		.iface = pkt->iface,
		.vrf = pkt->vrf,
		.flags = CST_PKT_LOCAL,
		.ip_version = ip.version,
	};
	return e;
}

static uint16_t error_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			      uint8_t *edge)
{
	struct rte_mbuf *made[CST_MAX_BURST];
	uint16_t n_made = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *e = make(w, pkts[i]);

		if (e)
			made[n_made++] = e;
		/* the sender of a packet here may have named a reason of its own */
		edge[i] = cst_pkt(pkts[i])->drop ? CST_EDGE_DROP
						 : cst_drop(pkts[i], why(cst_pkt(pkts[i])));
	}
	w->stats.injected += n_made;
	cst_emit(w, 0, made, n_made);
	return n;
}

static const char *const edges[] = {"route", NULL};
CST_NODE(error_node, .name = "icmp_error",
	 .help = "drops a packet and tells its sender why, rate-limited", .process = error_process,
	 .edges = edges);

static int error_start(const struct cst_system *sys, struct cst_err *e)
{
	interval = rte_get_tsc_hz() / ERRORS_PER_S;
	slack = interval * ERROR_BURST;
	return 0;
}

static struct cst_module error_module = {.name = "icmp_error", .order = 20, .start = error_start};
CST_MODULE(error_module);
