/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_eth_dl: frames into the tunnel of an Ethernet PDU session, pkt->aux. The
 * rule, policy and counters as for packets, by the session's worker.
 */
#include "upf_buffer.h"
#include "upf_copy.h"
#include "upf_eth_group.h"
#include "upf_eth_node.h"
#include "upf_out.h"
#include "upf_trace.h"

enum { TO_ROUTE, TO_BUFFER };
static const char *const edges[] = {"route", "upf_buffer", NULL};

uint8_t upf_eth_from_frame_out;

static uint8_t from_rx;

static const struct upf_pdr *match(const struct upf_rules *r, struct upf_eth_frame *f)
{
	struct upf_ask ask = {.have = UPF_NEED_FRAME | UPF_NEED_PLAIN, .vrf = r->vrf};

	return upf_eth_match(r, UPF_DL, &ask, f);
}

/* What one of two tunnels does not take goes by neither. */
static const struct cst_drop *bars_twice(const struct rte_mbuf *m, const struct upf_pdr *pdr,
					 const struct upf_pdr *second)
{
	if (m->pkt_len > upf_redundant_room(pdr, second))
		return &upf_eth_drops[UPF_ETH_DROP_TOO_BIG];
	return upf_redundant_fits(m, pdr, second) ? NULL : &upf_drops[UPF_DROP_NO_HEADROOM];
}

static const struct cst_drop *bars(const struct rte_mbuf *m, const struct upf_rules *r,
				   const struct upf_pdr *pdr)
{
	const struct upf_pdr *second = upf_second_of(r, pdr);
	const struct cst_drop *why;

	if (pdr->action != UPF_FORW)
		return &upf_drops[UPF_DROP_FAR];
	if (!(pdr->flags & UPF_PDR_ENCAP))
		return &upf_drops[UPF_DROP_NO_OUTER_HEADER];
	why = upf_eth_bars(m, pdr);
	return why == NULL && second ? bars_twice(m, pdr, second) : why;
}

static uint8_t enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_rules *r,
		     const struct upf_pdr *pdr, const struct upf_eth_frame *f)
{
	const struct upf_pdr *second = upf_second_of(r, pdr);

	if (likely(second == NULL))
		return upf_eth_enter(w, m, pdr, f);
	cst_pkt(m)->hash = upf_eth_hash(f);
	upf_redundant_enter(w, m, pdr, second, 0);
	return TO_ROUTE;
}

/* By the rule, or the one that holds once its quota is spent. */
static uint8_t apply(struct cst_worker *w, struct rte_mbuf *m, uint32_t ref,
		     const struct upf_pdr *pdr, const struct upf_eth_frame *f)
{
	const struct upf_rules *r = upf_rules_of(ref);
	const struct upf_pdr *rule = pdr;
	const struct cst_drop *why;
	enum upf_drop reason;

	for (;;) {
		const struct upf_pdr *by;

		if ((pdr->flags & UPF_PDR_POLICY) &&
		    upf_buffer_meet(w, m, ref, rule, pdr->action, UPF_FROM_ETH, m->pkt_len))
			return TO_BUFFER;
		why = bars(m, r, pdr);
		if (why) {
			if (pdr->action == UPF_DROP && (pdr->flags & UPF_PDR_POLICY))
				upf_copies(w, r, pdr, m, 0, m->pkt_len);
			return cst_drop(m, why);
		}
		if (!(pdr->flags & UPF_PDR_POLICY))
			break;
		by = upf_policy_pass(w, r, pdr, UPF_DL, m->pkt_len, &reason);
		if (!by)
			return upf_drop(m, reason);
		if (by == pdr) {
			upf_copies(w, r, pdr, m, 0, m->pkt_len);
			break;
		}
		pdr = by;
	}
	upf_count(pdr->counter, m->pkt_len);
	return enter(w, m, r, pdr, f);
}

static uint8_t one(struct cst_worker *w, struct rte_mbuf *m, struct upf_strangers *strangers)
{
	uint32_t ref = upf_eth_ref(cst_pkt(m)->aux);
	struct upf_eth_frame f;
	const struct cst_drop *why;
	const struct upf_pdr *pdr;

	if (unlikely(ref == 0))
		return upf_drop(m, cst_pkt(m)->flags & CST_PKT_AGAIN ? UPF_DROP_BUFFER_DISCARDED
								     : UPF_DROP_NO_SESSION);
	if (unlikely(UPF_REF_OWNER(ref) != w->id)) {
		upf_strangers_add(strangers, m, (uint16_t)UPF_REF_OWNER(ref), from_rx);
		return CST_EDGE_TAKEN;
	}
	why = upf_eth_read(m, &f);
	if (unlikely(why != NULL))
		return cst_drop(m, why);
	pdr = match(upf_rules_of(ref), &f);
	if (unlikely(cst_watched(w)))
		upf_trace_rule(w, m, upf_rules_of(ref), pdr);
	return pdr ? apply(w, m, ref, pdr, &f) : upf_drop(m, UPF_DROP_NO_PDR);
}

static uint16_t chunk(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct upf_strangers strangers = {.n = 0};
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = one(w, pkts[i], &strangers);
		aside += edge[i] != TO_ROUTE;
	}
	if (unlikely(strangers.n > 0))
		upf_strangers_send(w, &strangers);
	return aside;
}

uint16_t upf_eth_dl_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i = (uint16_t)(i + UPF_CHUNK))
		aside += chunk(w, pkts + i, RTE_MIN(n - i, UPF_CHUNK), edge + i);
	return aside;
}

CST_NODE(upf_eth_dl_node, .name = "upf_eth_dl",
	 .help = "frames into tunnels of Ethernet PDU sessions: rule, policy, counters",
	 .process = upf_eth_dl_process, .edges = edges, .frames = true);
CST_ATTACH(upf_eth_dl_rx, "rx", "upf_eth_dl", &from_rx);
CST_ATTACH(upf_eth_dl_frame_out, "frame_out", "upf_eth_dl", &upf_eth_from_frame_out);
