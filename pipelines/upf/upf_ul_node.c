/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_ul: GTP-U in. Finds the session of each G-PDU by its TEID, takes off the
 * tunnel and sends the packet on as its rule says: to routing, or into the
 * next tunnel (N9). Other messages go to upf_gtpu.
 *
 * A chunk passes in stages, each of which asks for the memory of the next one.
 * Until the hand-off only the packet and the TEID's slot are read: a tunnel that
 * carries all of a gNB's users must not hold its worker.
 */

#include <rte_prefetch.h>

#include "flow.h"
#include "gtpu.h"
#include "net/net.h"
#include "upf_buffer.h"
#include "upf_copy.h"
#include "upf_eth_node.h"
#include "upf_many.h"
#include "upf_mark.h"
#include "upf_match.h"
#include "upf_monitor_node.h"
#include "upf_out.h"
#include "upf_policy.h"
#include "upf_redundant_node.h"
#include "upf_split.h"
#include "upf_trace.h"

enum { TO_ROUTE, TO_GTPU, TO_BUFFER, TO_FRAMES };
static const char *const edges[] = {"route", "upf_gtpu", "upf_buffer", "upf_eth_ul", NULL};

_Static_assert(CST_FLOW_FRAG == CST_PKT_FRAG && CST_FLOW_FRAG_LATER == CST_PKT_L4_LATER,
	       "leave_tunnel() copies these");

static uint8_t from_classify;
static uint8_t from_reassemble;
static uint8_t from_rx;

/* What the stages hand down about one packet. */
struct item {
	struct cst_gtpu g;
	struct cst_flow flow; /* inner */
	const struct upf_pdr *pdr;
	uint32_t ref;
	uint32_t counter; /* 0: not counted */
	uint32_t bytes;   /* of the inner packet */
	uint16_t at;      /* of the GTP-U header, from the data start */
	uint8_t tos;      /* outer */
	bool decided;     /* its edge is set */
};

/* --- the ways out --- */

/* After the inner header's ECN has been settled with the outer one's. False: to be dropped. */
static __rte_noinline bool settle_ecn(uint8_t *ip, struct cst_flow *f, uint8_t outer)
{
	int tos = cst_ip_decap_tos(outer, f->tos);

	if (tos < 0)
		return false;
	if (f->family == 4)
		cst_ip4_set_tos(ip, (uint8_t)tos);
	else
		cst_ip6_set_tos(ip, (uint8_t)tos);
	f->tos = (uint8_t)tos;
	return true;
}

static inline bool keeps_header(const struct item *it)
{
	return it->g.hdr_len > 12 || it->g.type != CST_GTPU_GPDU;
}

/* The header that is made where none is kept. A sequence number is for who finds duplicates behind
 * the next tunnel (TS 23.501 5.33.2.2), and goes on as it came. */
static inline uint32_t made_len(const struct item *it, const struct upf_pdr *pdr)
{
	return it->g.flags & CST_GTPU_HAS_SEQ ? upf_gtpu_seq_len(pdr) : upf_gtpu_len(pdr);
}

static void put_seq_header(struct rte_mbuf *m, const struct item *it, const struct upf_pdr *pdr)
{
	uint16_t payload = (uint16_t)rte_pktmbuf_pkt_len(m);
	char *p = rte_pktmbuf_prepend(m, (uint16_t)upf_gtpu_seq_len(pdr));

	upf_put_gtpu_seq((uint8_t *)p, pdr, payload, it->g.seq);
}

/* From tunnel to tunnel. A GTP-U header with extension headers goes on as it came but for the TEID:
 * what a PDU Session Container says is for the far end, and so are the message type and the rest
 * (TS 29.244 8.2.64: octet 6 of Outer Header Removal absent). Who sent the user packet cannot be
 * told from between two tunnels: what is too big for the next one is cut outside, behind `route`.
 */
static __rte_noinline uint8_t to_tunnel(struct cst_worker *w, struct rte_mbuf *m,
					const struct item *it, const struct upf_pdr *pdr,
					uint8_t inner_tos)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	bool keep = keeps_header(it), seq = !keep && (it->g.flags & CST_GTPU_HAS_SEQ);
	uint32_t gtpu_len = keep || seq ? 0 : upf_gtpu_len(pdr);
	uint32_t end = it->at + it->g.end;

	if (rte_pktmbuf_pkt_len(m) > end)
		upf_trim(m, end);
	rte_pktmbuf_adj(m, (uint16_t)(keep ? it->at : it->at + it->g.hdr_len));
	if (keep)
		cst_put_be32(rte_pktmbuf_mtod_offset(m, uint8_t *, 4), pdr->out_teid);
	else if (seq)
		put_seq_header(m, it, pdr);
	if (!upf_enter(&upf_worker[w->id], m, pdr, peer, gtpu_len, inner_tos))
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	return TO_ROUTE;
}

/* Why a packet cannot go from tunnel to tunnel; UPF_DROPS: it can. */
static enum upf_drop bars_tunnel(const struct rte_mbuf *m, const struct item *it,
				 const struct upf_pdr *pdr)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	bool keep = keeps_header(it);
	uint32_t strip = keep ? it->at : it->at + it->g.hdr_len;
	uint32_t hdr = peer->hdr_len + (keep ? 0 : made_len(it, pdr));

	if (unlikely(peer->family == 0))
		return UPF_DROP_NO_OUTER_HEADER;
	if (unlikely(rte_pktmbuf_headroom(m) + strip < hdr ||
		     it->at + it->g.end - strip + hdr > UINT16_MAX))
		return UPF_DROP_NO_HEADROOM;
	return UPF_DROPS;
}

/* Why a packet cannot go by its rule at all; UPF_DROPS: it can, as far as can be told here. */
static enum upf_drop bars(const struct rte_mbuf *m, const struct item *it,
			  const struct upf_pdr *pdr)
{
	if (pdr->action != UPF_FORW)
		return UPF_DROP_FAR;
	if (pdr->flags & UPF_PDR_ENCAP)
		return bars_tunnel(m, it, pdr);
	if (pdr->dest_if == UPF_IF_ACCESS)
		return UPF_DROP_NO_OUTER_HEADER;
	return pdr->flags & UPF_PDR_KEEP ? UPF_DROP_KEPT_OUTER_HEADER : UPF_DROPS;
}

/* Off comes the tunnel: the packet stands at its inner header. */
static inline void leave_tunnel(struct rte_mbuf *m, const struct item *it,
				const struct upf_pdr *pdr)
{
	const struct cst_flow *f = &it->flow;
	struct cst_pkt *pkt = cst_pkt(m);
	uint16_t strip = (uint16_t)(it->at + it->g.hdr_len);

	m->data_off = (uint16_t)(m->data_off + strip);
	m->data_len = (uint16_t)(m->data_len - strip);
	m->pkt_len -= strip;
	if (unlikely(m->pkt_len != f->ip_len))
		upf_trim(m, f->ip_len);
	pkt->vrf = pdr->out_vrf;
	pkt->ip_version = f->family;
	pkt->l4_proto = f->proto;
	pkt->flags = f->flags & (CST_FLOW_FRAG | CST_FLOW_FRAG_LATER);
	pkt->l4_off = f->l4_off;
	pkt->ip_len = (uint16_t)f->ip_len;
	pkt->hash = 0; /* of the packet inside: who needs it makes it, and few do */
}

/* Without an outer header the packet's own one is marked. */
static void mark(struct rte_mbuf *m, uint8_t tos)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (cst_pkt(m)->ip_version == 4)
		cst_ip4_set_tos(ip, tos);
	else
		cst_ip6_set_tos(ip, tos);
}

/* Plain, it may go on, as far as the packet itself tells: `route` sends none on whose hops are used
 * up, nor to a destination that is no host beyond a router. */
static bool is_routable(const struct cst_flow *f)
{
	if (f->ttl <= 1)
		return false;
	if (f->family == 4)
		return !cst_ip4_bad_source(f->dst.b);
	return !cst_ip6_bad_source(f->dst.b) && !cst_ip6_is_link_local(f->dst.b);
}

static bool came_before(struct cst_worker *w, struct rte_mbuf *m, const struct item *it,
			const struct upf_pdr *second)
{
	const uint8_t *gtpu = rte_pktmbuf_mtod_offset(m, uint8_t *, it->at);
	uint32_t number;

	return upf_number_of(gtpu, &it->g, second->first, &number) &&
	       upf_redundant_is_known(w, second, it->g.teid, cst_pkt(m)->vrf, number);
}

/* The rule does not just take the tunnel off and route. What cannot leave is not counted or
 * charged.
 */
static __rte_noinline uint8_t act_otherwise(struct cst_worker *w, struct rte_mbuf *m,
					    struct item *it, const struct upf_pdr *pdr)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	enum upf_dir dir = pdr->source_if == UPF_IF_ACCESS ? UPF_UL : UPF_DL;
	bool leaves = (pdr->flags & UPF_PDR_ENCAP) || is_routable(&it->flow);
	enum upf_drop why = bars(m, it, pdr);

	if ((pdr->flags & UPF_PDR_POLICY) &&
	    upf_buffer_meet(w, m, it->ref, pdr, pdr->action, UPF_FROM_UL, it->bytes))
		return TO_BUFFER;
	if (why != UPF_DROPS) {
		if (pdr->action == UPF_DROP && (pdr->flags & UPF_PDR_POLICY))
			upf_copies(w, r, pdr, m, it->at + it->g.hdr_len, it->bytes);
		return upf_drop(m, why);
	}
	if ((pdr->flags & UPF_PDR_POLICY) && leaves) {
		const struct upf_pdr *by = upf_policy_pass(w, r, pdr, dir, it->bytes, &why);

		if (by && by->action == UPF_BUFF &&
		    upf_buffer_meet(w, m, it->ref, pdr, UPF_BUFF, UPF_FROM_UL, it->bytes))
			return TO_BUFFER;
		if (by != pdr)
			return by ? act_otherwise(w, m, it, by) : upf_drop(m, why);
		upf_copies(w, r, pdr, m, it->at + it->g.hdr_len, it->bytes);
	}
	it->counter = leaves ? pdr->counter : 0;
	if (!(pdr->flags & UPF_PDR_ENCAP)) {
		leave_tunnel(m, it, pdr);
		if (pdr->flags & UPF_PDR_MARK)
			mark(m, upf_outer_tos(pdr, it->flow.tos));
		return TO_ROUTE;
	}
	cst_pkt(m)->hash = cst_hash_flow(&it->flow);
	return to_tunnel(w, m, it, pdr, it->flow.tos);
}

/* End Marker: of interest to who is behind the next tunnel, if there is one. */
static __rte_noinline uint8_t end_marker(struct cst_worker *w, struct rte_mbuf *m,
					 const struct item *it)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	const struct upf_pdr *pdr = upf_match_signal(r, it->g.teid, cst_pkt(m)->vrf);
	enum upf_drop why;

	if (!pdr)
		return upf_drop(m, UPF_DROP_END_MARKER);
	/* behind the packets whose end it marks */
	if ((pdr->flags & UPF_PDR_POLICY) &&
	    upf_buffer_meet(w, m, it->ref, pdr, UPF_FORW, UPF_FROM_UL, 0))
		return TO_BUFFER;
	why = bars_tunnel(m, it, pdr);
	return why == UPF_DROPS ? to_tunnel(w, m, it, pdr, it->tos) : upf_drop(m, why);
}

/* --- stages --- */

/* Anything that is not a plain G-PDU in one segment. True: goes on as a G-PDU or End Marker. */
static __rte_noinline bool read_otherwise(struct rte_mbuf *m, struct item *it, uint32_t len,
					  uint8_t *edge)
{
	struct cst_pkt *pkt = cst_pkt(m);
	int rc;

	/* A first fragment has a UDP header too, but its datagram is not whole. */
	if (pkt->flags & (CST_PKT_FRAG | CST_PKT_L4_LATER)) {
		*edge = upf_drop(m, UPF_DROP_FRAGMENT);
		return false;
	}
	rc = m->nb_segs == 1
		     ? cst_gtpu_parse(rte_pktmbuf_mtod_offset(m, uint8_t *, it->at), len, &it->g)
		     : upf_split_gtpu(m, it->at, len, &it->g);
	if (rc == CST_GTPU_EXT_UNKNOWN || (rc == CST_GTPU_OK && it->g.type != CST_GTPU_GPDU &&
					   it->g.type != CST_GTPU_END_MARKER)) {
		*edge = TO_GTPU;
		return false;
	}
	if (rc != CST_GTPU_OK) {
		*edge = upf_drop(m, UPF_DROP_MALFORMED);
		return false;
	}
	return true;
}

static inline uint8_t tos_of(const uint8_t *ip, uint8_t version)
{
	return likely(version == 4) ? ip[1] : (uint8_t)(cst_be16(ip) >> 4);
}

/* GTP-U header; asks for the TEID's slot. */
static inline void read_header(struct rte_mbuf *m, struct item *it, uint8_t *edge)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t len = 0;

	it->at = (uint16_t)(pkt->l4_off + 8);
	it->counter = 0;
	it->decided = false;
	if (unlikely(m->nb_segs > 1) && !upf_pull(m, UPF_SPLIT_HEAD)) {
		*edge = upf_drop(m, UPF_DROP_NO_HEADROOM);
		it->decided = true;
		return;
	}
	ip = rte_pktmbuf_mtod(m, const uint8_t *);
	it->tos = tos_of(ip, pkt->ip_version);
	/* what UDP says it carries, if the packet does have it */
	len = cst_be16(ip + pkt->l4_off + 4);
	len = RTE_MIN(len, rte_pktmbuf_pkt_len(m) - pkt->l4_off);
	len = len < 8 ? 0 : len - 8;
	if (unlikely(m->nb_segs > 1 || (pkt->flags & CST_PKT_FRAG) ||
		     !cst_gtpu_parse_fast(ip + it->at, len, &it->g)) &&
	    !read_otherwise(m, it, len, edge)) {
		it->decided = true;
		return;
	}
	rte_prefetch0(&upf_tables.teids[it->g.teid >> upf_tables.teid_tag_bits]);
}

/* The inner packet; what session it is of does not matter yet. */
static inline bool read_inner(struct rte_mbuf *m, struct item *it)
{
	uint32_t off = (uint32_t)it->at + it->g.hdr_len;
	uint32_t len = it->g.end - it->g.hdr_len;

	if (likely(m->nb_segs == 1))
		return cst_flow_parse(rte_pktmbuf_mtod_offset(m, uint8_t *, off), len, &it->flow) ==
		       CST_IP_OK;
	return upf_split_flow(m, off, len, &it->flow) == CST_IP_OK;
}

/* Of an Ethernet PDU session: a frame, whatever its octets look like. */
static __rte_noinline bool is_frame(struct rte_mbuf *m, const struct item *it, uint8_t *edge)
{
	const struct upf_rules *r = upf_rules_of(it->ref);

	if (!(r->flags & UPF_RULES_ETHERNET) || it->g.type != CST_GTPU_GPDU ||
	    it->g.end == it->g.hdr_len)
		return false;
	upf_eth_hand(m, it->at, &it->g, it->ref);
	*edge = TO_FRAMES;
	return true;
}

/* A gNB that has no user packet for its time stamps sends them alone (TS 23.501 5.33.3.2). */
static __rte_noinline uint8_t without_inner(struct cst_worker *w, struct rte_mbuf *m,
					    const struct item *it)
{
	uint32_t first;
	uint8_t edge;

	if (is_frame(m, it, &edge))
		return edge;
	if (it->g.psc_at == 0 || it->g.end != it->g.hdr_len)
		return upf_drop(m, UPF_DROP_INNER);
	first = upf_monitor_of_tunnel(upf_rules_of(it->ref), &it->g);
	if (!upf_monitor_answer(w, first, rte_pktmbuf_mtod_offset(m, uint8_t *, it->at), &it->g))
		return upf_drop(m, UPF_DROP_INNER);
	w->stats.consumed++;
	rte_pktmbuf_free(m);
	return CST_EDGE_TAKEN;
}

/* The slot; asks for the rule, and reads the inner packet while it comes. */
static inline void find_session(struct cst_worker *w, struct rte_mbuf *m, struct item *it,
				uint8_t *edge, struct upf_strangers *strangers)
{
	uint32_t state;

	if (unlikely(it->decided))
		return;
	it->ref = upf_find_teid_hint(cst_pkt(m)->vrf, it->g.teid, &state);
	if (unlikely(it->ref == 0)) {
		/* only a G-PDU is answered: the others announce no traffic */
		*edge = it->g.type == CST_GTPU_GPDU ? TO_GTPU : upf_drop(m, UPF_DROP_UNKNOWN_TEID);
		it->decided = true;
	} else if (unlikely(!upf_buffer_is_for(m, it->ref))) {
		*edge = upf_drop(m, UPF_DROP_BUFFER_DISCARDED);
		it->decided = true;
	} else if (unlikely(UPF_REF_OWNER(it->ref) != w->id)) {
		upf_strangers_add(strangers, m, (uint16_t)UPF_REF_OWNER(it->ref), from_rx);
		*edge = CST_EDGE_TAKEN;
		it->decided = true;
	} else {
		rte_prefetch0(upf_line(upf_rules_of(it->ref), UPF_LINE_UL));
		if (likely(state != 0))
			rte_prefetch0_write(&upf_tables.counts[(uint64_t)state * 4]);
		it->pdr = NULL;
		if (unlikely(it->g.type != CST_GTPU_GPDU))
			return;
		if (unlikely(!read_inner(m, it))) {
			*edge = without_inner(w, m, it);
			it->decided = true;
			return;
		}
	}
}

/* Asks for the policy's line; time stamps of QoS monitoring come with what it says. */
static __rte_noinline void read_stamps(struct cst_worker *w, struct rte_mbuf *m,
				       const struct item *it)
{
	const struct upf_policy *p = upf_policy_of(upf_rules_of(it->ref), it->pdr);

	rte_prefetch0(p);
	if (unlikely(it->g.psc_at != 0))
		upf_monitor_answer(w, p->monitor, rte_pktmbuf_mtod_offset(m, uint8_t *, it->at),
				   &it->g);
}

static inline struct upf_ask ask_of(struct rte_mbuf *m, const struct item *it)
{
	return (struct upf_ask){.flow = &it->flow,
				.qfi_bit = (uint64_t)it->g.has_psc << it->g.qfi,
				.teid = it->g.teid,
				.have = upf_have(it->flow.family, true, it->g.has_psc),
				.vrf = cst_pkt(m)->vrf};
}

#define LEFT 0x100 /* beside UPF_RULES_* */

/* The rule, where the session's first one takes the packet, and 0; else asks for the lines that
 * tell. */
static inline uint32_t match_first(struct rte_mbuf *m, struct item *it)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	struct upf_ask ask = ask_of(m, it);

	if (likely(it->g.type == CST_GTPU_GPDU))
		it->pdr = upf_match_first_tunnel(r, &ask);
	if (likely(it->pdr != NULL))
		return 0;
	upf_prefetch_rules(r, UPF_LINE_UL);
	return r->flags | LEFT;
}

/* What came by the second tunnel of the session's first rule, and that takes it. What is left. */
static __rte_noinline uint32_t match_by_second(struct rte_mbuf **pkts, struct item *items,
					       uint16_t n)
{
	uint32_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct item *it = &items[i];
		const struct upf_rules *r;
		const struct upf_pdr *first;
		struct upf_ask ask;

		if (it->decided || it->pdr)
			continue;
		r = upf_rules_of(it->ref);
		first = upf_line(r, UPF_LINE_UL);
		ask = ask_of(pkts[i], it);
		if ((r->flags & UPF_RULES_SECOND) && it->g.type == CST_GTPU_GPDU &&
		    upf_is_by_second(upf_second_of(r, first), ask.teid, ask.vrf)) {
			ask.teid = first->teid;
			ask.vrf = first->in_vrf;
			it->pdr = upf_match_first_tunnel(r, &ask);
		}
		left |= it->pdr ? 0 : LEFT;
	}
	return left;
}

/* The rule in sessions with many, as far as it is found at first sight; where some have a second
 * tunnel that is not told at first sight. */
static __rte_noinline void match_many(struct rte_mbuf **pkts, struct item *items, uint16_t n)
{
	struct upf_many many;

	many.n = 0; /* the rest is written when it is used */
	for (uint16_t i = 0; i < n; i++) {
		struct item *it = &items[i];
		struct upf_ask ask;

		if (it->decided || it->pdr || it->g.type != CST_GTPU_GPDU ||
		    !upf_is_of_many(upf_rules_of(it->ref), UPF_UL, UPF_LINE_UL) ||
		    unlikely(upf_rules_of(it->ref)->flags & UPF_RULES_SECOND))
			continue;
		ask = ask_of(pkts[i], it);
		upf_many_add(&many, upf_rules_of(it->ref), UPF_UL, &ask, &it->pdr);
	}
	upf_many_match(&many);
}

static inline const struct upf_pdr *match_any(const struct upf_rules *r, const struct upf_ask *ask,
					      int *spoofed)
{
	const struct upf_pdr *pdr = upf_match_only(r, UPF_LINE_UL, ask);

	return pdr ? pdr : upf_match_tunnel(r, ask, spoofed);
}

/* The same where some have a second tunnel: by that nothing comes but what has two. Apart, so that
 * others do not carry it along. */
static __rte_noinline const struct upf_pdr *match_second(struct rte_mbuf *m, const struct item *it,
							 int *spoofed)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	struct upf_ask ask = ask_of(m, it);
	bool second = upf_redundant_ask_first(r, &ask);
	const struct upf_pdr *pdr = match_any(r, &ask, spoofed);

	if (second && pdr && !upf_is_by_second(upf_second_of(r, pdr), it->g.teid, cst_pkt(m)->vrf))
		return NULL;
	return pdr;
}

/* The rule, of all that the session has. */
static __rte_noinline void match_all(struct cst_worker *w, struct rte_mbuf *m, struct item *it,
				     uint8_t *edge)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	struct upf_ask ask = ask_of(m, it);
	int spoofed = 0;

	if (unlikely(it->g.type != CST_GTPU_GPDU)) {
		*edge = end_marker(w, m, it);
		it->decided = true;
		return;
	}
	if (unlikely(r->flags & UPF_RULES_SECOND))
		it->pdr = match_second(m, it, &spoofed);
	else
		it->pdr = match_any(r, &ask, &spoofed);
	if (unlikely(!it->pdr)) {
		if (!is_frame(m, it, edge))
			*edge = upf_drop(m, spoofed ? UPF_DROP_SPOOFED : UPF_DROP_NO_PDR);
		it->decided = true;
	}
}

/* By the rule; asks for its counter, and for what else its packets have to pass. */
static inline void follow(struct cst_worker *w, struct rte_mbuf *m, struct item *it, uint8_t *edge)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, (uint32_t)it->at + it->g.hdr_len);
	struct cst_flow *f = &it->flow;

	if (unlikely(cst_ip_decap_differs(it->tos, f->tos)) && !settle_ecn(ip, f, it->tos)) {
		*edge = upf_drop(m, UPF_DROP_ECN);
		it->decided = true;
		return;
	}
	it->bytes = f->ip_len;
	rte_prefetch0_write(&upf_tables.counts[it->pdr->counter]);
	if (unlikely(it->pdr->flags & UPF_PDR_POLICY))
		read_stamps(w, m, it);
}

/* Nearly all packets just leave the tunnel. */
static inline uint8_t act(struct cst_worker *w, struct rte_mbuf *m, struct item *it)
{
	const struct upf_pdr *pdr = it->pdr;
	const uint8_t other = UPF_PDR_ENCAP | UPF_PDR_KEEP | UPF_PDR_MARK | UPF_PDR_POLICY;

	if (unlikely(pdr->action != UPF_FORW || (pdr->flags & other) ||
		     pdr->dest_if == UPF_IF_ACCESS))
		return act_otherwise(w, m, it, pdr);
	leave_tunnel(m, it, pdr);
	it->counter = pdr->counter;
	return TO_ROUTE;
}

/* The later ones of two that came by two tunnels: nothing of them counts. */
static __rte_noinline void eliminate(struct cst_worker *w, struct rte_mbuf **pkts,
				     struct item *items, uint16_t n, uint8_t *edge)
{
	const struct upf_pdr *second[UPF_POLICY_CHUNK];
	struct rte_mbuf *known[UPF_POLICY_CHUNK];
	bool watched = cst_watched(w);
	uint16_t n_known = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct upf_pdr *pdr = items[i].decided ? NULL : items[i].pdr;

		second[i] = pdr && pdr->source_if == UPF_IF_ACCESS
				    ? upf_second_of(upf_rules_of(items[i].ref), pdr)
				    : NULL;
		if (second[i])
			upf_redundant_prefetch(second[i]);
	}
	for (uint16_t i = 0; i < n; i++) {
		if (!second[i] || !came_before(w, pkts[i], &items[i], second[i]))
			continue;
		edge[i] = watched ? upf_drop(pkts[i], UPF_DROP_DUPLICATE) : CST_EDGE_TAKEN;
		items[i].decided = true;
		if (!watched)
			known[n_known++] = pkts[i];
	}
	if (n_known > 0)
		cst_drop_burst(w, &upf_drops[UPF_DROP_DUPLICATE], known, n_known);
}

/* Those whose PDR has a policy, in stages more: the policy's line, which asks for meters and usage;
 * then what came before, where there are second tunnels; then the action. */
static __rte_noinline void act_by_policy(struct cst_worker *w, struct rte_mbuf **pkts,
					 struct item *items, uint16_t n, uint8_t *edge)
{
	for (uint16_t from = 0; from < n; from = (uint16_t)(from + UPF_POLICY_CHUNK)) {
		uint16_t to = RTE_MIN(n, from + UPF_POLICY_CHUNK);
		uint8_t second = 0;

		for (uint16_t i = from; i < to; i++)
			if (!items[i].decided && (items[i].pdr->flags & UPF_PDR_POLICY))
				second |= upf_policy_prefetch(upf_rules_of(items[i].ref),
							      items[i].pdr);
		if (unlikely(second))
			eliminate(w, pkts + from, items + from, (uint16_t)(to - from), edge + from);
		for (uint16_t i = from; i < to; i++)
			if (!items[i].decided && (items[i].pdr->flags & UPF_PDR_POLICY))
				edge[i] = act_otherwise(w, pkts[i], &items[i], items[i].pdr);
	}
}

/* The rule that a traced packet falls to. */
static __rte_noinline void trace_rule(struct cst_worker *w, struct rte_mbuf *m,
				      const struct item *it, uint8_t edge)
{
	uint16_t why = edge == CST_EDGE_DROP ? cst_pkt(m)->drop : 0;

	if (!it->decided)
		upf_trace_rule(w, m, upf_rules_of(it->ref), it->pdr);
	else if (why == upf_drops[UPF_DROP_NO_PDR].id || why == upf_drops[UPF_DROP_SPOOFED].id)
		upf_trace_rule(w, m, upf_rules_of(it->ref), NULL);
}

static uint16_t chunk(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct upf_strangers strangers = {.n = 0};
	struct item items[UPF_CHUNK];
	uint16_t aside = 0;
	uint32_t others = 0;
	bool policies = false;

	upf_marks_prefetch(pkts, n);
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod_offset(pkts[i], char *, 64)); /* inner header */
	for (uint16_t i = 0; i < n; i++)
		read_header(pkts[i], &items[i], &edge[i]);
	for (uint16_t i = 0; i < n; i++)
		find_session(w, pkts[i], &items[i], &edge[i], &strangers);
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(items[i].decided))
			continue;
		others |= match_first(pkts[i], &items[i]);
	}
	if (unlikely(others & UPF_RULES_SECOND))
		others = match_by_second(pkts, items, n);
	if (unlikely(others))
		match_many(pkts, items, n);
	for (uint16_t i = 0; unlikely(others) && i < n; i++)
		if (!items[i].decided && !items[i].pdr)
			match_all(w, pkts[i], &items[i], &edge[i]);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(!items[i].decided))
			follow(w, pkts[i], &items[i], &edge[i]);
		if (unlikely(cst_watched(w)))
			trace_rule(w, pkts[i], &items[i], edge[i]);
		if (unlikely(items[i].decided))
			continue;
		if (unlikely(items[i].pdr->flags & UPF_PDR_POLICY))
			policies = true;
		else
			edge[i] = act(w, pkts[i], &items[i]);
	}
	if (policies)
		act_by_policy(w, pkts, items, n, edge);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(items[i].counter != 0))
			upf_count(items[i].counter, items[i].bytes);
		aside += edge[i] != TO_ROUTE;
	}
	if (unlikely(strangers.n > 0))
		upf_strangers_send(w, &strangers);
	return aside;
}

uint16_t upf_ul_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i = (uint16_t)(i + UPF_CHUNK))
		aside += chunk(w, pkts + i, RTE_MIN(n - i, UPF_CHUNK), edge + i);
	return aside;
}

CST_NODE(upf_ul_node, .name = "upf_ul", .help = "GTP-U in: session by TEID, rule, decapsulation",
	 .process = upf_ul_process, .edges = edges);
CST_ATTACH(upf_ul_classify, "classify", "upf_ul", &from_classify);
CST_ATTACH(upf_ul_whole, "ip_reassemble", "upf_ul", &from_reassemble);
CST_ATTACH(upf_ul_rx, "rx", "upf_ul", &from_rx);

static void __attribute__((constructor)) upf_ul_register(void)
{
	cst_udp_port_register(CST_GTPU_PORT, true, &from_classify, &from_reassemble);
}
