/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_dl: plain packets to UE addresses. Finds the session by the address's
 * place in its pool, and puts the packet into the tunnel that its rule names.
 *
 * Comes from `classify` (from the network) and from `route` (from another UE, or
 * from coast itself). A chunk passes in stages as in upf_ul.
 */

#include <rte_prefetch.h>

#include "flow.h"
#include "icmp.h"
#include "net/net.h"
#include "upf_buffer.h"
#include "upf_copy.h"
#include "upf_frag.h"
#include "upf_many.h"
#include "upf_mark.h"
#include "upf_match.h"
#include "upf_monitor_node.h"
#include "upf_out.h"
#include "upf_policy.h"
#include "upf_redundant_node.h"
#include "upf_split.h"
#include "upf_trace.h"

enum { TO_ROUTE, TO_ICMP, TO_BUFFER };
static const char *const edges[] = {"route", "icmp_error", "upf_buffer", NULL};

static uint8_t from_classify;
static uint8_t from_route;
static uint8_t from_rx;

uint8_t upf_service;

/* What the stages hand down about one packet. */
struct item {
	const uint32_t *slot;      /* NULL: not in a pool */
	const struct upf_pdr *pdr; /* NULL: its edge is set */
	uint32_t ref;
};

/* --- packets that do not just go on --- */

static void ask_icmp(struct cst_pkt *pkt, uint8_t type, uint8_t code, uint32_t info)
{
	pkt->icmp_type = type;
	pkt->icmp_code = code;
	pkt->icmp_info = info;
}

/* The sender hears that nobody has this address, but a scan of the pool is not answered throughout.
 */
static __rte_noinline uint8_t no_session(struct cst_worker *w, struct rte_mbuf *m)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t edge = upf_drop(m, UPF_DROP_NO_SESSION);

	if (pkt->flags & CST_PKT_AGAIN)
		return upf_drop(m, UPF_DROP_BUFFER_DISCARDED);
	if ((pkt->flags & CST_PKT_LOCAL) || !upf_may_answer(w, pkt->hash))
		return edge;
	if (pkt->ip_version == 4)
		ask_icmp(pkt, CST_ICMP4_UNREACHABLE, CST_ICMP4_HOST, 0);
	else
		ask_icmp(pkt, CST_ICMP6_UNREACHABLE, CST_ICMP6_ADDRESS, 0);
	return TO_ICMP; /* which drops it, by the name just given */
}

static __rte_noinline uint8_t ttl_over(struct rte_mbuf *m)
{
	struct cst_pkt *pkt = cst_pkt(m);

	ask_icmp(pkt, pkt->ip_version == 4 ? CST_ICMP4_TIME_EXCEEDED : CST_ICMP6_TIME_EXCEEDED, 0,
		 0);
	return TO_ICMP;
}

/* A rule that cannot put the packet into a tunnel. */
static __rte_noinline uint8_t act_otherwise(struct cst_worker *w, struct rte_mbuf *m, uint32_t ref,
					    const struct upf_pdr *pdr)
{
	if (pdr->action == UPF_DROP && (pdr->flags & UPF_PDR_POLICY))
		upf_copies(w, upf_rules_of(ref), pdr, m, 0, rte_pktmbuf_pkt_len(m));
	if (pdr->action != UPF_FORW)
		return upf_drop(m, UPF_DROP_FAR);
	/* out as plain IP it would meet the same pool's route again */
	return upf_drop(m, UPF_DROP_NO_OUTER_HEADER);
}

/* --- stages --- */

/* Of a network behind a UE. */
static __rte_noinline const uint32_t *net_slot(uint32_t number)
{
	return number < upf_tables.n_framed ? &upf_tables.framed[number] : NULL;
}

/* The address's place in its pool. The pool's prefix may be written with host bits. */
static inline const uint32_t *slot_of(const struct cst_pkt *pkt, const uint8_t *ip)
{
	const struct upf_pool *pool = &upf_tables.pools[pkt->aux];
	uint64_t off;

	if (unlikely(pkt->aux >= UPF_MAX_POOLS))
		return net_slot(pkt->aux - UPF_MAX_POOLS);
	if (pkt->ip_version == 4)
		off = cst_be32(ip + 16) & (0xffffffffull >> pool->prefix.len);
	else
		off = pool->prefix.len < 64 ? cst_be64(ip + 24) & (~0ull >> pool->prefix.len) : 0;
	return likely(off < pool->count) ? &upf_tables.pool_slots[pool->first + off] : NULL;
}

/* Asks for the slot. */
static inline void read_header(struct rte_mbuf *m, struct item *it)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);

	it->slot = slot_of(cst_pkt(m), ip);
	it->pdr = NULL;
	rte_prefetch0(it->slot);
	rte_prefetch0_write(ip - UPF_MAX_OVERHEAD); /* the tunnel's headers will stand there */
}

/* Addresses outside pools (framed routes and the like) are in a hash. */
static __rte_noinline uint32_t find_stray(struct rte_mbuf *m)
{
	struct cst_ip src, dst;

	cst_ip_addrs(rte_pktmbuf_mtod(m, const uint8_t *), &src, &dst);
	return upf_stray_addr(cst_pkt(m)->vrf, &dst);
}

/* The slot; asks for the rule. */
static inline void find_session(struct cst_worker *w, struct rte_mbuf *m, struct item *it,
				uint8_t *edge, struct upf_strangers *strangers)
{
	it->ref = likely(it->slot != NULL) ? __atomic_load_n(it->slot, __ATOMIC_ACQUIRE)
					   : find_stray(m);
	if (unlikely(it->ref == 0)) {
		*edge = no_session(w, m);
	} else if (unlikely(!upf_buffer_is_for(m, it->ref))) {
		*edge = upf_drop(m, UPF_DROP_BUFFER_DISCARDED);
		it->ref = 0;
	} else if (unlikely(UPF_REF_OWNER(it->ref) != w->id)) {
		upf_strangers_add(strangers, m, (uint16_t)UPF_REF_OWNER(it->ref), from_rx);
		*edge = CST_EDGE_TAKEN;
		it->ref = 0;
	} else {
		rte_prefetch0(upf_line(upf_rules_of(it->ref), UPF_LINE_DL));
	}
}

/* What SDF filters ask about; the default rule of most sessions asks nothing. */
static __rte_noinline bool read_flow(struct rte_mbuf *m, struct cst_flow *f)
{
	uint32_t len = rte_pktmbuf_pkt_len(m);

	if (likely(m->nb_segs == 1))
		return cst_flow_parse(rte_pktmbuf_mtod(m, uint8_t *), len, f) == CST_IP_OK;
	return upf_pull(m, UPF_SPLIT_HEAD) && upf_split_flow(m, 0, len, f) == CST_IP_OK;
}

/* From another UE: `classify` has not seen the packet, only its tunnel. */
static __rte_noinline void make_hash(struct rte_mbuf *m)
{
	struct cst_flow f;

	if (read_flow(m, &f))
		cst_pkt(m)->hash = cst_hash_flow(&f);
}

static inline struct upf_ask ask_of(struct rte_mbuf *m, const struct cst_flow *f)
{
	const struct cst_pkt *pkt = cst_pkt(m);

	return (struct upf_ask){
		.flow = f, .have = upf_have(pkt->ip_version, false, false), .vrf = pkt->vrf};
}

/* The counter and the tunnel's headers, and what the policy is. */
static inline void ask_for_what_follows(const struct item *it)
{
	const struct upf_pdr *pdr = it->pdr;

	rte_prefetch0_write(&upf_tables.counts[pdr->counter]);
	rte_prefetch0(&upf_tables.peers[pdr->peer]);
	if (unlikely(pdr->flags & UPF_PDR_POLICY))
		rte_prefetch0(upf_policy_of(upf_rules_of(it->ref), pdr));
}

/* The rule, where the session's first one takes the packet; else asks for the lines that tell. */
static inline void match_first(struct rte_mbuf *m, struct item *it)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	struct upf_ask ask = ask_of(m, NULL);

	it->pdr = upf_match_first_plain(r, &ask);
	if (likely(it->pdr != NULL))
		ask_for_what_follows(it);
	else
		upf_prefetch_rules(r, UPF_LINE_DL);
}

/* The rule in sessions with many, as far as it is found at first sight. */
static __rte_noinline void match_many(struct rte_mbuf **pkts, struct item *items, uint16_t n)
{
	struct cst_flow flows[UPF_CHUNK];
	const struct item *of[UPF_CHUNK];
	struct upf_many many;

	many.n = 0; /* the rest is written when it is used */
	for (uint16_t i = 0; i < n; i++) {
		struct item *it = &items[i];
		struct upf_ask ask;

		if (it->ref == 0 || it->pdr ||
		    !upf_is_of_many(upf_rules_of(it->ref), UPF_DL, UPF_LINE_DL) ||
		    !read_flow(pkts[i], &flows[i]))
			continue;
		ask = ask_of(pkts[i], &flows[i]);
		of[many.n] = it;
		upf_many_add(&many, upf_rules_of(it->ref), UPF_DL, &ask, &it->pdr);
	}
	upf_many_match(&many);
	for (uint16_t i = 0; i < many.n; i++)
		if (of[i]->pdr)
			ask_for_what_follows(of[i]);
}

/* The rule, of all that the session has. */
static __rte_noinline void match_all(struct rte_mbuf *m, struct item *it, uint8_t *edge)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	const struct upf_pdr *first = upf_pdrs(r, UPF_DL);
	struct cst_flow f = {0};
	struct upf_ask ask = ask_of(m, &f);
	int spoofed = 0;

	/* the only PDR may stand elsewhere, and ask nothing of the flow */
	if ((r->n_dl != 1 || first->n_sdf != 0 || (first->flags & UPF_PDR_SPOOF)) &&
	    !read_flow(m, &f)) {
		*edge = upf_drop(m, UPF_DROP_INNER);
		return;
	}
	it->pdr = upf_match_only(r, UPF_LINE_DL, &ask);
	if (!it->pdr)
		it->pdr = upf_match_plain(r, &ask, &spoofed);
	if (unlikely(!it->pdr))
		*edge = upf_drop(m, spoofed ? UPF_DROP_SPOOFED : UPF_DROP_NO_PDR);
	else
		ask_for_what_follows(it);
}

static __rte_noinline void ask_for_flows(const struct item *items, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		const struct upf_pdr *second =
			items[i].pdr ? upf_second_of(upf_rules_of(items[i].ref), items[i].pdr)
				     : NULL;

		if (second)
			upf_redundant_prefetch(second);
	}
}

/* The policy's line; asks for meters and usage. Not 0: some have a second tunnel. */
static __rte_noinline uint8_t read_policies(struct item *items, uint16_t n)
{
	uint8_t second = 0;

	for (uint16_t i = 0; i < n; i++)
		if (items[i].pdr && (items[i].pdr->flags & UPF_PDR_POLICY))
			second |= upf_policy_prefetch(upf_rules_of(items[i].ref), items[i].pdr);
	if (unlikely(second))
		ask_for_flows(items, n);
	return second;
}

/* One hop less, unless `route` or coast itself has seen to that. False: none left. */
static inline bool hop(const struct cst_pkt *pkt, uint8_t *ip)
{
	if (unlikely(pkt->flags & (CST_PKT_TTL_DONE | CST_PKT_LOCAL)))
		return true;
	if (likely(pkt->ip_version == 4)) {
		if (unlikely(ip[8] <= 1))
			return false;
		cst_ip4_ttl_dec(ip);
	} else {
		if (unlikely(ip[7] <= 1))
			return false;
		cst_ip6_hop_dec(ip);
	}
	return true;
}

static inline uint8_t tos_of(const uint8_t *ip, uint8_t version)
{
	return likely(version == 4) ? ip[1] : (uint8_t)(cst_be16(ip) >> 4);
}

static uint8_t apply_policy(struct cst_worker *w, struct rte_mbuf *m, const struct item *it);

/* By another record than that of the match; the hop is counted. */
static __rte_noinline uint8_t apply_instead(struct cst_worker *w, struct rte_mbuf *m,
					    const struct item *it, const struct upf_pdr *by)
{
	struct item other = *it;

	cst_pkt(m)->flags |= CST_PKT_TTL_DONE;
	if (by->action == UPF_BUFF &&
	    upf_buffer_meet(w, m, it->ref, it->pdr, UPF_BUFF, UPF_FROM_DL, rte_pktmbuf_pkt_len(m)))
		return TO_BUFFER;
	other.pdr = by;
	return apply_policy(w, m, &other);
}

/* Into both tunnels of redundant transmission, when quotas and meters let it: it counts once. */
static __rte_noinline uint8_t enter_twice(struct cst_worker *w, struct rte_mbuf *m,
					  const struct item *it, const struct upf_pdr *second,
					  uint8_t tos, uint32_t bytes)
{
	const struct upf_rules *r = upf_rules_of(it->ref);
	enum upf_drop why = UPF_DROP_NO_HEADROOM;
	const struct upf_pdr *by = NULL;

	if (likely(upf_redundant_fits(m, it->pdr, second)))
		by = upf_policy_pass(w, r, it->pdr, UPF_DL, bytes, &why);
	if (unlikely(by != it->pdr))
		return by ? apply_instead(w, m, it, by) : upf_drop(m, why);
	upf_copies(w, r, it->pdr, m, 0, bytes);
	if (unlikely(cst_pkt(m)->hash == 0))
		make_hash(m);
	upf_redundant_enter(w, m, it->pdr, second, tos);
	upf_count(it->pdr->counter, bytes);
	return TO_ROUTE;
}

/* Into the tunnel, or into `second`, too, when quotas and meters let it. What does not fit is
 * neither counted nor charged. */
static inline __attribute__((always_inline)) uint8_t enter(struct cst_worker *w, struct rte_mbuf *m,
							   const struct item *it,
							   const struct upf_pdr *second,
							   uint8_t tos, uint32_t bytes, bool policy)
{
	const struct upf_pdr *pdr = it->pdr;
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	uint32_t gtpu_len = upf_gtpu_len(pdr);
	uint32_t monitor = 0;

	if (policy) {
		enum upf_drop why = UPF_DROP_NO_HEADROOM;
		const struct upf_pdr *by = NULL;

		if (second)
			return enter_twice(w, m, it, second, tos, bytes);
		if (likely(rte_pktmbuf_headroom(m) >= peer->hdr_len + gtpu_len))
			by = upf_policy_pass(w, upf_rules_of(it->ref), pdr, UPF_DL, bytes, &why);
		if (unlikely(by != pdr))
			return by ? apply_instead(w, m, it, by) : upf_drop(m, why);
		upf_copies(w, upf_rules_of(it->ref), pdr, m, 0, bytes);
		monitor = upf_monitor_due(w, upf_rules_of(it->ref), pdr);
	}
	if (unlikely(cst_pkt(m)->hash == 0))
		make_hash(m);
	if (unlikely(monitor != 0) && upf_monitor_enter(w, m, pdr, tos, monitor)) {
		upf_count(pdr->counter, bytes);
		return TO_ROUTE;
	}
	if (unlikely(!upf_enter(&upf_worker[w->id], m, pdr, peer, gtpu_len, tos)))
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	upf_count(pdr->counter, bytes);
	return TO_ROUTE;
}

/* Nobody may be asked to send less than this (RFC 8200 5, RFC 791 3.2). */
static inline uint32_t least_mtu(const struct cst_pkt *pkt)
{
	return pkt->ip_version == 6 ? CST_IP6_MIN_MTU : CST_IP4_MIN_MTU;
}

/* Too big for the way to the peer, and yet it goes: nobody can be asked for smaller ones, so the
 * outer packet is cut behind `route` (TS 29.281 4.2.2: the last resort). */
static bool goes_whole(struct rte_mbuf *m)
{
	const struct cst_pkt *pkt = cst_pkt(m);

	return (pkt->flags & CST_PKT_LOCAL) || m->pkt_len <= least_mtu(pkt);
}

/* The largest user packet that the way takes; where there are two, either. */
static uint32_t room_for(const struct upf_pdr *pdr, const struct upf_pdr *second)
{
	return second ? upf_redundant_room(pdr, second) : upf_room_of(pdr, upf_gtpu_len(pdr));
}

/* Larger than what the way to the peer takes: the sender is told, or, when it allows fragments, the
 * user packet is cut, so that the UE puts it together and not the gNB. False: neither can be. */
static __rte_noinline bool too_big(struct cst_worker *w, struct rte_mbuf *m, const struct item *it,
				   const struct upf_pdr *second, uint8_t tos, uint8_t *edge)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint32_t room = RTE_MAX(room_for(it->pdr, second), least_mtu(pkt));
	struct rte_mbuf *frags[UPF_MAX_FRAGS];
	uint16_t n;

	if (pkt->ip_version == 6) {
		ask_icmp(pkt, CST_ICMP6_TOO_BIG, 0, room);
		*edge = TO_ICMP;
		return true;
	}
	if (rte_pktmbuf_mtod(m, const uint8_t *)[6] & 0x40) {
		ask_icmp(pkt, CST_ICMP4_UNREACHABLE, CST_ICMP4_FRAG_NEEDED, room);
		*edge = TO_ICMP;
		return true;
	}
	n = upf_fragment(m, (uint16_t)room, frags);
	if (n == 0)
		return false;
	w->stats.injected += n;
	w->stats.consumed++;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t to = enter(w, frags[i], it, second, tos, frags[i]->pkt_len,
				   it->pdr->flags & UPF_PDR_POLICY);

		if (to != CST_EDGE_TAKEN)
			cst_emit(w, to, &frags[i], 1);
	}
	rte_pktmbuf_free(m);
	*edge = CST_EDGE_TAKEN;
	return true;
}

/* The rule, to its end. `second`: its PDR's other tunnel; `policy`: its PDR has one; where there
 * are none, constants. */
static inline __attribute__((always_inline)) void apply(struct cst_worker *w, struct rte_mbuf *m,
							const struct item *it,
							const struct upf_pdr *second, bool policy,
							uint8_t *edge)
{
	const struct upf_pdr *pdr = it->pdr;
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	const struct cst_pkt *pkt = cst_pkt(m);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t tos = tos_of(ip, pkt->ip_version);
	uint32_t gtpu_len = upf_gtpu_len(pdr);
	uint32_t bytes = rte_pktmbuf_pkt_len(m);

	if (policy && upf_buffer_meet(w, m, it->ref, pdr, pdr->action, UPF_FROM_DL, bytes)) {
		*edge = TO_BUFFER;
		return;
	}
	if (unlikely(pdr->action != UPF_FORW || !(pdr->flags & UPF_PDR_ENCAP) ||
		     peer->family == 0)) {
		*edge = act_otherwise(w, m, it->ref, pdr);
		return;
	}
	if (unlikely(!hop(pkt, ip))) {
		*edge = ttl_over(m);
		return;
	}
	if (unlikely(peer->hdr_len + gtpu_len + bytes > upf_peer_mtu(peer) ||
		     (second && bytes > upf_redundant_room(pdr, second))) &&
	    !goes_whole(m) && too_big(w, m, it, second, tos, edge))
		return;
	*edge = enter(w, m, it, second, tos, bytes, policy);
}

/* Apart, so that plain sessions do not carry it along. */
static __rte_noinline uint8_t apply_policy(struct cst_worker *w, struct rte_mbuf *m,
					   const struct item *it)
{
	uint8_t edge = TO_ROUTE;

	apply(w, m, it, NULL, true, &edge);
	return edge;
}

/* Where second tunnels are about. */
static __rte_noinline uint8_t apply_twice(struct cst_worker *w, struct rte_mbuf *m,
					  const struct item *it)
{
	const struct upf_pdr *second = upf_second_of(upf_rules_of(it->ref), it->pdr);
	uint8_t edge = TO_ROUTE;

	if (!second)
		return apply_policy(w, m, it);
	apply(w, m, it, second, true, &edge);
	return edge;
}

static uint16_t chunk(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct upf_strangers strangers = {.n = 0};
	struct item items[UPF_CHUNK];
	uint16_t aside = 0;
	uint8_t flags = 0, second = 0;
	bool others = false;

	upf_marks_prefetch(pkts, n);
	for (uint16_t i = 0; i < n; i++)
		read_header(pkts[i], &items[i]);
	for (uint16_t i = 0; i < n; i++)
		find_session(w, pkts[i], &items[i], &edge[i], &strangers);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(items[i].ref != 0))
			match_first(pkts[i], &items[i]);
		others |= !items[i].pdr;
	}
	if (unlikely(others))
		match_many(pkts, items, n);
	for (uint16_t i = 0; unlikely(others) && i < n; i++)
		if (items[i].ref != 0 && !items[i].pdr)
			match_all(pkts[i], &items[i], &edge[i]);
	for (uint16_t i = 0; i < n; i++)
		flags |= items[i].pdr ? items[i].pdr->flags : 0;
	for (uint16_t i = 0; cst_watched(w) && i < n; i++)
		if (items[i].ref != 0)
			upf_trace_rule(w, pkts[i], upf_rules_of(items[i].ref), items[i].pdr);
	for (uint16_t i = 0; i < n; i++) {
		const struct upf_pdr *pdr = items[i].pdr;

		if (unlikely(flags & UPF_PDR_POLICY) && i % UPF_POLICY_CHUNK == 0)
			second = read_policies(items + i, RTE_MIN(n - i, UPF_POLICY_CHUNK));
		if (likely(pdr != NULL && !(pdr->flags & UPF_PDR_POLICY)))
			apply(w, pkts[i], &items[i], NULL, false, &edge[i]);
		else if (pdr != NULL)
			edge[i] = (second ? apply_twice : apply_policy)(w, pkts[i], &items[i]);
		aside += edge[i] != TO_ROUTE;
	}
	if (unlikely(strangers.n > 0))
		upf_strangers_send(w, &strangers);
	return aside;
}

uint16_t upf_dl_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i = (uint16_t)(i + UPF_CHUNK))
		aside += chunk(w, pkts + i, RTE_MIN(n - i, UPF_CHUNK), edge + i);
	return aside;
}

CST_NODE(upf_dl_node, .name = "upf_dl", .help = "to UEs: session by address, rule, encapsulation",
	 .process = upf_dl_process, .edges = edges);
CST_ATTACH(upf_dl_classify, "classify", "upf_dl", &from_classify);
CST_ATTACH(upf_dl_route, "route", "upf_dl", &from_route);
CST_ATTACH(upf_dl_rx, "rx", "upf_dl", &from_rx);

static void __attribute__((constructor)) upf_dl_register(void)
{
	upf_service = cst_service_register("upf", &from_classify, &from_route);
}
