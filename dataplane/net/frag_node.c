/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `ip_frag`: packets that are too big for their next hop and may be cut: IPv4
 * ones without DF (RFC 791 3.2, RFC 1812 5.2.6), IPv6 ones that coast itself
 * sends (RFC 8200 4.5), tunnels' outer packets among them; pkt->icmp_info is the
 * MTU. Fragments are copies in one piece each, because some ports take nothing
 * else.
 */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_random.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "ip.h"
#include "net/drops.h"

#define BATCH 32

enum { TO_OUTPUT, TO_SLOW };

/* Identifications. IPv6 packets of all workers between two hosts must not share any (RFC 7739):
 * each worker counts within its own residue, from a random number on. */
static struct {
	uint16_t next4;
	uint32_t next6;
} __rte_cache_aligned ids[CST_MAX_WORKERS];

/* The part of a packet that each of its fragments repeats. */
struct header {
	uint8_t b[40 + 256 + 8];
	uint32_t len;  /* the IPv6 fragment header included */
	uint32_t skip; /* bytes of the packet that it stands for */
	bool v6;
};

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

static void read4(struct cst_worker *w, const uint8_t *p, struct header *h)
{
	h->len = h->skip = (p[0] & 15u) * 4;
	h->v6 = false;
	memcpy(h->b, p, h->len);
	if (!(cst_be16(p + 6) & 0x3fff) && !cst_be16(p + 4))
		cst_put_be16(h->b + 4, ++ids[w->id].next4);
}

/* Hop-by-hop options and routing headers belong to each fragment. False: more of them than coast
 * ever sends. */
static bool read6(struct cst_worker *w, const struct rte_mbuf *m, const uint8_t *p,
		  struct header *h)
{
	uint32_t named = 6, len = 40;

	while (p[named] == CST_PROTO_HOPOPT || p[named] == CST_PROTO_ROUTING) {
		if (len + 8 > m->data_len)
			return false;
		named = len;
		len += (p[len + 1] + 1u) * 8;
		if (len > m->data_len || len > sizeof(h->b) - 8)
			return false;
	}
	if (!ids[w->id].next6)
		ids[w->id].next6 = (uint32_t)rte_rand() / CST_MAX_WORKERS * CST_MAX_WORKERS + w->id;
	ids[w->id].next6 += CST_MAX_WORKERS;
	memcpy(h->b, p, len);
	h->b[named] = CST_PROTO_FRAGMENT;
	h->b[len] = p[named];
	h->b[len + 1] = 0;
	cst_put_be32(h->b + len + 4, ids[w->id].next6);
	h->skip = len;
	h->len = len + 8;
	h->v6 = true;
	return true;
}

static void finish4(uint8_t *p, const struct header *h, uint32_t off, uint32_t len, bool last)
{
	if (off)
		strip_options(p, h->len);
	cst_put_be16(p + 2, (uint16_t)(h->len + len));
	cst_put_be16(p + 6, (uint16_t)((cst_be16(h->b + 6) + off / 8) | (last ? 0 : 0x2000)));
	cst_ip4_csum_set(p);
}

static void finish6(uint8_t *p, const struct header *h, uint32_t off, uint32_t len, bool last)
{
	cst_put_be16(p + 4, (uint16_t)(h->len - 40 + len));
	cst_put_be16(p + h->len - 6, (uint16_t)(off | (last ? 0 : 1)));
}

/* The fragment of `len` payload bytes from `off` on. */
static struct rte_mbuf *fragment(struct rte_mbuf *m, const struct header *h, uint32_t off,
				 uint32_t len, bool last)
{
	struct rte_mbuf *f = rte_pktmbuf_alloc(cst_packet_pool());
	const void *from;
	uint8_t *p;

	if (!f)
		return NULL;
	p = (uint8_t *)rte_pktmbuf_append(f, (uint16_t)(h->len + len));
	from = p ? rte_pktmbuf_read(m, h->skip + off, len, p + h->len) : NULL;
	if (!from) {
		rte_pktmbuf_free(f);
		return NULL;
	}
	memcpy(p, h->b, h->len);
	if (from != p + h->len)
		memcpy(p + h->len, from, len);
	if (h->v6)
		finish6(p, h, off, len, last);
	else
		finish4(p, h, off, len, last);
	*cst_pkt(f) = *cst_pkt(m);
	cst_pkt(f)->ip_len = (uint16_t)(h->len + len);
	return f;
}

/* Payload of one fragment: what the link takes, and one buffer. */
static uint32_t room(struct rte_mbuf *m, const struct header *h)
{
	uint32_t buffer = rte_pktmbuf_data_room_size(cst_packet_pool()) - RTE_PKTMBUF_HEADROOM;
	uint32_t mtu = RTE_MIN(cst_pkt(m)->icmp_info, buffer);

	return mtu > h->len ? (mtu - h->len) & ~7u : 0;
}

/* The whole packet in fragments on edge `to`; the last fragment stands for the original in the
 * books, the others are made by coast. False: no buffers, some fragments may have left. */
static bool cut(struct cst_worker *w, struct rte_mbuf *m, const struct header *h, uint8_t to)
{
	uint32_t step = room(m, h), total = m->pkt_len - h->skip;
	struct rte_mbuf *out[BATCH];
	uint16_t n = 0;

	for (uint32_t off = 0; off < total; off += step) {
		uint32_t len = total - off < step ? total - off : step;

		out[n] = fragment(m, h, off, len, off + len == total);
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

/* What each fragment begins with. False: it cannot be cut. */
static bool read_header(struct cst_worker *w, struct rte_mbuf *m, struct header *h)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (m->data_len < 20)
		return false;
	if (p[0] >> 4 == 4) {
		uint32_t ihl = (p[0] & 15u) * 4;

		if (ihl < 20 || m->data_len < ihl)
			return false;
		read4(w, p, h);
	} else if (m->data_len < 40 || !read6(w, m, p, h)) {
		return false;
	}
	return m->pkt_len > h->skip && room(m, h) > 0;
}

static uint16_t frag_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			     uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct header h;

		if (!read_header(w, m, &h)) {
			edge[i] = cst_drop(m, cst_drop_truncated);
			continue;
		}
		if (!cut(w, m, &h, cst_pkt(m)->nexthop ? TO_OUTPUT : TO_SLOW)) {
			edge[i] = cst_drop(m, cst_drop_no_buffer);
			continue;
		}
		edge[i] = CST_EDGE_TAKEN;
		rte_pktmbuf_free(m);
	}
	return n;
}

static const char *const edges[] = {"output", "slow", NULL};
CST_NODE(frag_node, .name = "ip_frag", .help = "cuts packets down to their path's MTU",
	 .process = frag_process, .edges = edges);
