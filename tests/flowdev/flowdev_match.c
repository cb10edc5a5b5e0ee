/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets against rules, header by header. */
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "flowdev_int.h"

/* Where in a packet the next item is looked for. */
struct place {
	const uint8_t *p;
	uint32_t at, len;
	uint16_t ether_type, port;
	uint8_t proto;
	bool tunnel, psc;
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

unsigned flowdev_header(enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_ETH:
		return 14;
	case RTE_FLOW_ITEM_TYPE_VLAN:
		return 4;
	case RTE_FLOW_ITEM_TYPE_IPV4:
		return 20;
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return 40;
	case RTE_FLOW_ITEM_TYPE_UDP:
	case RTE_FLOW_ITEM_TYPE_GTPU:
	case RTE_FLOW_ITEM_TYPE_GTP:
		return 8;
	default:
		return 0;
	}
}

/* Extension headers of GTP-U (TS 29.281 5.2.1): is there a PDU Session Container? */
static bool pass_extensions(struct place *w, const uint8_t *gtpu)
{
	uint8_t next = gtpu[0] & 0x04 ? gtpu[11] : 0;

	w->at += gtpu[0] & 0x07 ? 12 : 8;
	while (next != 0) {
		uint32_t size;

		if (w->at >= w->len || w->p[w->at] == 0)
			return false;
		size = w->p[w->at] * 4u;
		if (w->at + size > w->len)
			return false;
		w->psc |= next == 0x85;
		next = w->p[w->at + size - 1];
		w->at += size;
	}
	return w->at <= w->len;
}

static bool is_ip(const struct place *w, uint8_t version)
{
	if (w->tunnel)
		return w->p[w->at] >> 4 == version;
	return w->ether_type == (version == 4 ? 0x0800 : 0x86dd);
}

/* Is the item's header here? Goes on behind it. */
static bool step(struct place *w, enum rte_flow_item_type type)
{
	const uint8_t *h = w->p + w->at;

	switch (type) {
	case RTE_FLOW_ITEM_TYPE_ETH:
		w->ether_type = be16(h + 12);
		w->at += 14;
		return true;
	case RTE_FLOW_ITEM_TYPE_VLAN:
		if (w->ether_type != 0x8100)
			return false;
		w->ether_type = be16(h + 2);
		w->at += 4;
		return true;
	case RTE_FLOW_ITEM_TYPE_IPV4:
		w->proto = h[9];
		w->at += (h[0] & 15u) * 4;
		return is_ip(
			&(struct place){.p = h, .tunnel = w->tunnel, .ether_type = w->ether_type},
			4);
	case RTE_FLOW_ITEM_TYPE_IPV6:
		w->proto = h[6];
		w->at += 40;
		return is_ip(
			&(struct place){.p = h, .tunnel = w->tunnel, .ether_type = w->ether_type},
			6);
	case RTE_FLOW_ITEM_TYPE_UDP:
		w->port = be16(h + 2);
		w->at += 8;
		return w->proto == 17;
	case RTE_FLOW_ITEM_TYPE_GTPU:
	case RTE_FLOW_ITEM_TYPE_GTP:
		w->tunnel = true;
		return w->port == 2152 && w->at + 12 <= w->len && pass_extensions(w, h);
	case RTE_FLOW_ITEM_TYPE_GTP_PSC:
		return w->psc;
	default:
		return false;
	}
}

static bool matches(const struct rte_flow *r, const uint8_t *frame, uint32_t len)
{
	struct place w = {.p = frame, .len = len};

	for (unsigned i = 0; i < r->n_items; i++) {
		const struct flowdev_item *it = &r->item[i];
		unsigned n = flowdev_header(it->type);
		const uint8_t *h = frame + w.at;

		if (w.at + n > len)
			return false;
		for (unsigned k = 0; k < n; k++)
			if ((h[k] ^ it->spec[k]) & it->mask[k])
				return false;
		if (!step(&w, it->type))
			return false;
	}
	return true;
}

static uint16_t spread(const struct flowdev *d, const uint8_t *frame, uint32_t len)
{
	unsigned from = be16(frame + 12) == 0x86dd ? 22 : 26, to = from == 22 ? 54 : 34, sum = 0;

	for (unsigned i = from; i < to && i < len; i++)
		sum += frame[i];
	return (uint16_t)(sum % d->n_queues);
}

int flowdev_classify(struct flowdev *d, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	m->ol_flags &= ~(RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID);
	for (struct rte_flow *r = d->rules; r != NULL; r = r->next) {
		if (!matches(r, frame, m->data_len))
			continue;
		r->hits++;
		r->bytes += m->pkt_len;
		if (r->drop)
			return -1;
		if (r->marked) {
			m->ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
			m->hash.fdir.hi = r->mark;
		}
		return r->queue;
	}
	return spread(d, frame, m->data_len);
}
