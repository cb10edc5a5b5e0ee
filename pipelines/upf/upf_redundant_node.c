/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_redundant_node.h"

#include "net/redundancy.h"

void upf_redundant_prefetch(const struct upf_pdr *second)
{
	if (second->counter != 0)
		cst_redundancy()->prefetch(second->counter);
}

/* ---- downlink ------------------------------------------------------------------- */

static bool leg_fits(const struct rte_mbuf *m, const struct upf_pdr *leg, uint32_t gtpu_len)
{
	uint32_t hdr = upf_tables.peers[leg->peer].hdr_len + gtpu_len;

	return rte_pktmbuf_headroom(m) >= hdr && hdr + rte_pktmbuf_pkt_len(m) <= UINT16_MAX;
}

bool upf_redundant_fits(const struct rte_mbuf *m, const struct upf_pdr *pdr,
			const struct upf_pdr *second)
{
	return leg_fits(m, pdr, upf_numbered_len(pdr, second)) &&
	       leg_fits(m, second, upf_numbered_len(second, second));
}

static void put_numbered(uint8_t *p, const struct upf_pdr *leg, uint16_t payload, bool by_qfi,
			 uint32_t seq)
{
	if (by_qfi)
		cst_gtpu_put_qfi_seq(p, leg->out_teid, payload, upf_psc(leg), seq);
	else
		upf_put_gtpu_seq(p, leg, payload, (uint16_t)seq);
}

static bool enter(struct upf_worker *uw, struct rte_mbuf *m, const struct upf_pdr *leg,
		  const struct upf_pdr *second, uint32_t seq, uint8_t inner_tos)
{
	const struct upf_peer *peer = &upf_tables.peers[leg->peer];
	uint32_t len = upf_numbered_len(leg, second);
	uint16_t payload = (uint16_t)rte_pktmbuf_pkt_len(m);

	if (unlikely(!leg_fits(m, leg, len)))
		return false;
	put_numbered((uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)len), leg, payload,
		     second->first == UPF_BY_QFI, seq);
	return upf_enter(uw, m, leg, peer, 0, inner_tos);
}

static struct rte_mbuf *copy_of(const struct rte_mbuf *m, const struct upf_pdr *second)
{
	const struct cst_pkt *pkt = cst_pkt((struct rte_mbuf *)m);
	struct rte_mbuf *c;

	if (unlikely(upf_tables.peers[second->peer].family == 0))
		return NULL;
	c = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	if (likely(c != NULL))
		*cst_pkt(c) =
			(struct cst_pkt){.iface = pkt->iface, .port = pkt->port, .hash = pkt->hash};
	return c;
}

void upf_redundant_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
			 const struct upf_pdr *second, uint8_t inner_tos)
{
	struct upf_worker *uw = &upf_worker[w->id];
	uint32_t seq = cst_redundancy()->next(second->counter);
	struct rte_mbuf *c = copy_of(m, second);

	w->stats.injected++;
	if (unlikely(!c))
		w->stats.drops[upf_drops[UPF_DROP_COPY].id]++;
	else if (likely(enter(uw, c, second, second, seq, inner_tos)))
		cst_emit(w, 0, &c, 1);
	else
		cst_drop_burst(w, &upf_drops[UPF_DROP_COPY], &c, 1);
	enter(uw, m, pdr, second, seq, inner_tos);
}

/* ---- uplink --------------------------------------------------------------------- */

bool upf_redundant_is_known(struct cst_worker *w, const struct upf_pdr *second, uint32_t teid,
			    uint16_t vrf, uint32_t number)
{
	unsigned path = upf_is_by_second(second, teid, vrf);

	return second->counter != 0 && !cst_redundancy()->accept(w, second->counter, path, number);
}

bool upf_redundant_ask_first(const struct upf_rules *r, struct upf_ask *ask)
{
	const struct upf_pdr *p = upf_pdrs(r, UPF_UL);

	for (uint32_t n = r->n_ul; n > 0; n--, p++) {
		if (!upf_is_by_second(upf_second_of(r, p), ask->teid, ask->vrf))
			continue;
		ask->teid = p->teid;
		ask->vrf = p->in_vrf;
		return true;
	}
	return false;
}
