/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `ip_frag`: IPv4 packets that may be fragmented and are too big for their next
 * hop (RFC 791 3.2, RFC 1812 5.2.6); pkt->icmp_info is the MTU. Fragments are
 * copies in one piece each, because some ports take nothing else.
 */
#include <string.h>

#include <rte_mbuf.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "ip.h"
#include "net/drops.h"

#define BATCH 32

enum { TO_OUTPUT, TO_SLOW };

static struct {
	uint16_t next;
} __rte_cache_aligned ids[CST_MAX_WORKERS];

/* Options that stay in the first fragment only become "no operation" in the others. */
static void strip_options(uint8_t *p, uint32_t ihl)
{
	for (uint32_t i = 20; i < ihl && p[i] != 0;) {
		uint32_t len = p[i] == 1 ? 1 : i + 1 < ihl ? p[i + 1] : 0;

		if (len < 1 || (len < 2 && p[i] != 1) || i + len > ihl)
			return;
		if (!(p[i] & 0x80))
			memset(p + i, 1, len);
		i += len;
	}
}

/* The fragment of `len` payload bytes from `off` on. */
static struct rte_mbuf *fragment(struct rte_mbuf *m, const uint8_t *header, uint32_t ihl,
				 uint32_t off, uint32_t len, bool last)
{
	struct rte_mbuf *f = rte_pktmbuf_alloc(cst_packet_pool());
	uint16_t field = cst_be16(header + 6);
	const void *from;
	uint8_t *p;

	if (!f)
		return NULL;
	p = (uint8_t *)rte_pktmbuf_append(f, (uint16_t)(ihl + len));
	from = p ? rte_pktmbuf_read(m, ihl + off, len, p + ihl) : NULL;
	if (!from) {
		rte_pktmbuf_free(f);
		return NULL;
	}
	memcpy(p, header, ihl);
	if (from != p + ihl)
		memcpy(p + ihl, from, len);
	if (off)
		strip_options(p, ihl);
	cst_put_be16(p + 2, (uint16_t)(ihl + len));
	cst_put_be16(p + 6, (uint16_t)((field + off / 8) | (last ? 0 : 0x2000)));
	cst_ip4_csum_set(p);
	*cst_pkt(f) = *cst_pkt(m);
	cst_pkt(f)->ip_len = (uint16_t)(ihl + len);
	return f;
}

/* The whole packet in fragments on edge `to`; the last fragment stands for the original in the
 * books, the others are made by coast. False: no buffers, some fragments may have left. */
static bool cut(struct cst_worker *w, struct rte_mbuf *m, uint8_t to)
{
	uint8_t header[60];
	uint32_t ihl = (*rte_pktmbuf_mtod(m, uint8_t *) & 15u) * 4;
	uint32_t room, total = m->pkt_len - ihl;
	struct rte_mbuf *out[BATCH];
	uint16_t n = 0;

	memcpy(header, rte_pktmbuf_mtod(m, uint8_t *), ihl);
	if (!(cst_be16(header + 6) & 0x3fff) && !cst_be16(header + 4))
		cst_put_be16(header + 4, ++ids[w->id % CST_MAX_WORKERS].next);
	room = (cst_pkt(m)->icmp_info - ihl) & ~7u;
	for (uint32_t off = 0; off < total; off += room) {
		uint32_t len = total - off < room ? total - off : room;

		out[n] = fragment(m, header, ihl, off, len, off + len == total);
		if (!out[n]) {
			w->stats.injected += n;
			cst_emit(w, to, out, n);
			return false;
		}
		n++;
		if (n == BATCH && off + len < total) {
			w->stats.injected += n;
			cst_emit(w, to, out, n);
			n = 0;
		}
	}
	w->stats.injected += n - 1;
	cst_emit(w, to, out, n);
	return true;
}

static uint16_t frag_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			     uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t ihl = (*rte_pktmbuf_mtod(m, uint8_t *) & 15u) * 4;

		if (ihl < 20 || m->data_len < ihl || cst_pkt(m)->icmp_info < ihl + 8) {
			edge[i] = cst_drop(m, cst_drop_truncated);
			continue;
		}
		if (!cut(w, m, cst_pkt(m)->nexthop ? TO_OUTPUT : TO_SLOW)) {
			edge[i] = cst_drop(m, cst_drop_no_buffer);
			continue;
		}
		edge[i] = CST_EDGE_TAKEN;
		rte_pktmbuf_free(m);
	}
	return n;
}

static const char *const edges[] = {"output", "slow", NULL};
CST_NODE(frag_node, .name = "ip_frag", .help = "cuts IPv4 packets down to their path's MTU",
	 .process = frag_process, .edges = edges);
