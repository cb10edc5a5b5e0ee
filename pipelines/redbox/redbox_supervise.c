/* SPDX-License-Identifier: BSD-3-Clause */
/* Supervision frames, made here and sent by the box's owner, which has the numbers. */
#include <string.h>

#include <rte_cycles.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "prp.h"
#include "redbox.h"

static bool send(uint32_t number, uint16_t port, uint8_t last, const uint8_t *mac,
		 const struct cst_prp_sup *sup)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());
	uint8_t group[6], *p;

	if (!m)
		return false;
	p = (uint8_t *)rte_pktmbuf_append(m, 14 + CST_PRP_SUP_LEN);
	cst_prp_sup_group(group, last);
	cst_eth_put(p, group, mac, CST_PRP_SUFFIX);
	cst_prp_sup_put(p + 14, sup);
	*cst_pkt(m) =
		(struct cst_pkt){.port = port, .flags = CST_PKT_LOCAL, .resume = redbox_at_rx()};
	if (cst_inject(cst_owner_of(number), &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

void redbox_supervise(uint32_t number, uint8_t last, const uint8_t *mac, uint16_t seq)
{
	const struct redbox *box =
		atomic_load_explicit(&redbox_records[number], memory_order_relaxed);
	struct cst_prp_sup sup = {.seq = seq, .type = CST_PRP_TLV_DISCARD};
	uint64_t now = rte_rdtsc();

	if (!box || !box->port[REDBOX_PORT])
		return;
	memcpy(sup.mac, mac, 6);
	if (!send(number, box->port[REDBOX_PORT], last, mac, &sup))
		return;
	sup.behind = 1;
	memcpy(sup.redbox, mac, 6);
	for (unsigned i = 0; i < REDBOX_DEVICES; i++) {
		const struct redbox_behind *b = &box->state->behind[i];
		uint64_t who = atomic_load_explicit(&b->mac, memory_order_relaxed);

		if (!who || now - b->last >= box->node_forget)
			continue;
		redbox_mac_of(who, sup.mac);
		if (!send(number, box->port[REDBOX_PORT], last, mac, &sup))
			return;
	}
}
