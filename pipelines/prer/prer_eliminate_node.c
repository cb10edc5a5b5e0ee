/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prer_eliminate: of the copies of a packet the first goes on, as it was before
 * replication, and the others end here (IEEE 802.1CB 7.4.2, 7.4.3). Members come
 * from prer_in as frames, and from prer_dcw as the payload itself; all of them by
 * the stream's owner.
 */
#include <string.h>

#include <rte_mbuf.h>

#include "engine/worker.h"
#include "net/drops.h"
#include "prer_drops.h"
#include "prer_in.h"
#include "prer_l2.h"
#include "prer_obey.h"
#include "prer_payload.h"
#include "prer_reorder.h"

enum { TO_FRAME, TO_ROUTE };
static const char *const edges[] = {"frame_out", "route", NULL};

/* ---- verdict -------------------------------------------------------------------- */

/* With individual recovery a path's own repetitions end before they are seen by the base. */
static inline enum prer_verdict with_number(const struct prer_stream *s, struct prer_state *st,
					    const struct prer_params *p, unsigned path,
					    uint32_t seq, uint64_t now)
{
	enum prer_verdict v;

	if (unlikely(s->flags & PRER_INDIV)) {
		v = prer_recover_individual(&prer_tables.individual[s->individual + path], NULL,
					    prer_individual_ring(s, p, path), p, s->bits, seq, now);
		if (v != PRER_PASS)
			return v;
	}
	return prer_recover(&st->recovery, &st->counts, prer_base_ring(s), p, s->bits, seq, now);
}

static inline enum prer_verdict judge(const struct prer_stream *s, unsigned path, uint32_t seq,
				      uint64_t now)
{
	const struct prer_params *p = &prer_tables.params[s->recovery];
	struct prer_state *st = &prer_tables.state[s->id];
	enum prer_verdict v = PRER_PASS;

	prer_obey_recovery(s, st, p);
	if (likely(s->bits && seq != PRER_NO_SEQ))
		v = with_number(s, st, p, path, seq, now);
	else if (s->bits)
		v = prer_recover_none(&st->recovery, &st->counts, prer_base_ring(s), p, now);
	else /* a stream without numbers: nothing can be told apart */
		st->recovery.passed++;
	prer_health_seen(prer_health_of(s->id, path), &st->counts, path, seq, s->bits, v, now);
	return v;
}

static uint8_t __rte_noinline eliminated(struct rte_mbuf *m, enum prer_verdict v)
{
	return prer_drop(m, v == PRER_DUPLICATE ? PRER_DROP_DUPLICATE
			    : v == PRER_ROGUE   ? PRER_DROP_ROGUE
						: PRER_DROP_TAGLESS);
}

/* ---- delivery --------------------------------------------------------------------- */

static inline uint8_t deliver_frame(struct rte_mbuf *m, const struct prer_stream *s, uint8_t l2_len,
				    uint8_t tag)
{
	struct prer_l2_edit edit = {.set_vlan = s->flags & PRER_TO_VLAN,
				    .vlan = s->to_vlan,
				    .dmac = s->flags & PRER_TO_DMAC ? s->to_dmac : NULL};
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t l2[PRER_L2_MAX];
	uint8_t len = prer_l2_put(l2, rte_pktmbuf_mtod(m, uint8_t *), l2_len, &edit);
	char *p;

	rte_pktmbuf_adj(m, l2_len + tag);
	p = rte_pktmbuf_prepend(m, len);
	if (unlikely(!p))
		return cst_drop(m, cst_drop_no_headroom);
	memcpy(p, l2, len);
	pkt->port = s->to_port;
	pkt->aux = s->to_tunnel;
	pkt->flags = 0;
	return TO_FRAME;
}

static inline uint8_t deliver_ip(struct rte_mbuf *m, const struct prer_stream *s)
{
	struct cst_pkt *pkt = cst_pkt(m);

	pkt->vrf = s->to_vrf;
	pkt->iface = 0;
	pkt->drop = 0;
	pkt->aux = 0;
	pkt->nexthop = 0;
	return TO_ROUTE;
}

/* ---- the node ------------------------------------------------------------------------ */

static inline uint8_t eliminate(struct cst_worker *w, struct rte_mbuf *m)
{
	union prer_word word = {.u64 = cst_pkt(m)->slice[0]};
	uint8_t tag = word.flags & PRER_WORD_TAGGED ? CST_RTAG_LEN : 0;
	uint32_t at = word.l2_len + tag + 2u;
	uint32_t seq = (uint32_t)cst_pkt(m)->slice[1];
	const struct prer_stream *s = prer_stream(word.stream);
	bool framed_ip;
	struct cst_ip_info ip;
	enum prer_verdict v;
	uint8_t edge;

	if (unlikely(!s || !(s->flags & PRER_RECEIVE) || word.path >= s->n_paths))
		return prer_drop(m, PRER_DROP_NO_STREAM);
	framed_ip = (s->flags & PRER_IP) && word.l2_len;
	/* before the verdict: a damaged first copy would take the sound one's place */
	if (unlikely(framed_ip && !prer_ip_at(m, at, &ip)))
		return prer_drop(m, PRER_DROP_BAD_IP);
	v = judge(s, word.path, seq, w->now);
	if (v != PRER_PASS)
		return eliminated(m, v);
	if (framed_ip)
		prer_ip_enter(m, at, &ip);
	edge = s->flags & PRER_IP ? deliver_ip(m, s) : deliver_frame(m, s, word.l2_len, tag);
	if (unlikely(s->flags & PRER_ORDER) && seq != PRER_NO_SEQ && edge != CST_EDGE_DROP)
		return prer_reorder(w, s, m, edge, word.path, seq);
	return edge;
}

uint16_t prer_eliminate_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge)
{
	uint16_t aside = 0;

	if (n > 1)
		prer_fetch(pkts, n, true);
	for (uint16_t i = 0; i < n; i++) {
		edge[i] = eliminate(w, pkts[i]);
		aside += edge[i] != TO_FRAME;
	}
	return aside;
}

CST_NODE(prer_eliminate_node, .name = "prer_eliminate",
	 .help = "lets the first copy of a stream's packet go on and drops the others",
	 .process = prer_eliminate_process, .edges = edges, .frames = true);
