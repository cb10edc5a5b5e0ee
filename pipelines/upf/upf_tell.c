/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_tell.h"

#include <string.h>

#include "engine/engine.h"
#include "upf_buffer.h"

static struct rte_mbuf *message(enum upf_parcel_kind kind)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

	if (!m)
		return NULL;
	*cst_pkt(m) = (struct cst_pkt){.resume = upf_buffer_from_rx};
	upf_parcel(m)->kind = (uint8_t)kind;
	return m;
}

static bool inject(uint16_t worker, struct rte_mbuf *m)
{
	if (cst_inject(worker, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static bool of_queue(enum upf_parcel_kind kind, uint16_t worker, uint32_t queue)
{
	struct rte_mbuf *m;

	if (!cst_packet_pool()) /* nobody forwards */
		return true;
	m = message(kind);
	if (!m)
		return false;
	upf_parcel(m)->run = queue;
	return inject(worker, m);
}

bool upf_tell_news(uint16_t worker, uint32_t queue)
{
	return of_queue(UPF_PARCEL_NEWS, worker, queue);
}

bool upf_tell_lost(uint16_t worker, uint32_t queue)
{
	return of_queue(UPF_PARCEL_LOST, worker, queue);
}

bool upf_tell_signal(uint16_t worker, uint16_t vrf, const uint8_t *ip, uint16_t len)
{
	struct rte_mbuf *m;
	struct cst_pkt *pkt;

	if (!cst_packet_pool())
		return true;
	m = message(UPF_PARCEL_SIGNAL);
	if (!m)
		return false;
	memcpy(rte_pktmbuf_append(m, len), ip, len);
	pkt = cst_pkt(m);
	pkt->vrf = vrf;
	pkt->ip_version = ip[0] >> 4;
	pkt->l4_proto = CST_PROTO_UDP;
	pkt->l4_off = pkt->ip_version == 4 ? 20 : 40;
	pkt->ip_len = len;
	pkt->flags = CST_PKT_LOCAL;
	return inject(worker, m);
}
