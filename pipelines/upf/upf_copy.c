/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_copy.h"

#include "upf_match.h"
#include "upf_out.h"

enum { TO_ROUTE };

/* Flow and type of service of the packet at the data start; the copy's headers are in one piece,
 * since a buffer holds more than any header. */
static uint8_t read_inner(struct rte_mbuf *m)
{
	struct cst_flow f = {0};

	if (upf_split_flow(m, 0, rte_pktmbuf_pkt_len(m), &f) != CST_IP_OK)
		return 0;
	cst_pkt(m)->hash = cst_hash_flow(&f);
	return f.tos;
}

static void send_one(struct cst_worker *w, struct rte_mbuf *m, uint32_t at, uint32_t len,
		     const struct upf_pdr *rec)
{
	const struct upf_peer *peer = &upf_tables.peers[rec->peer];
	struct rte_mbuf *c = peer->family ? rte_pktmbuf_copy(m, m->pool, at, len) : NULL;
	uint8_t tos;

	w->stats.injected++;
	if (!c) {
		w->stats.drops[upf_drops[UPF_DROP_COPY].id]++;
		return;
	}
	*cst_pkt(c) = (struct cst_pkt){.iface = cst_pkt(m)->iface, .port = cst_pkt(m)->port};
	tos = read_inner(c);
	/* too large for the way there: cut outside, behind `route`; nobody can be told */
	if (upf_enter(&upf_worker[w->id], c, rec, peer, upf_gtpu_len(rec), tos))
		cst_emit(w, TO_ROUTE, &c, 1);
	else
		cst_drop_burst(w, &upf_drops[UPF_DROP_COPY], &c, 1);
}

void upf_copies_send(struct cst_worker *w, const struct upf_rules *r, const struct upf_pdr *pdr,
		     struct rte_mbuf *m, uint32_t at, uint32_t len)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);
	const struct upf_pdr *rec = upf_line(r, p->copies);

	/* another FAR holds, which asks for none */
	if (p->spent && pdr == upf_line(r, p->spent))
		return;
	for (unsigned i = 0; i < p->n_copies; i++)
		send_one(w, m, at, len, &rec[i]);
}
