/* SPDX-License-Identifier: BSD-3-Clause */

#include "engine/pkt.h"
#include "ip.h"
#include "upf_frag.h"

/* Options without the copy flag stand in the first fragment alone; elsewhere they become "no
 * operation", which keeps the header's length. */
static void blank_options(uint8_t *ip, uint32_t hdr)
{
	for (uint32_t i = 20; i < hdr && ip[i] != 0;) {
		uint32_t size = ip[i] == 1 ? 1 : i + 1 < hdr ? ip[i + 1] : 0;

		if (size == 0 || i + size > hdr)
			size = hdr - i;
		if (!(ip[i] & 0x80))
			__builtin_memset(ip + i, 1, size);
		i += size;
	}
}

/* One fragment: the header and `len` payload bytes from `off` on. */
static struct rte_mbuf *piece(struct rte_mbuf *m, uint32_t hdr, uint32_t off, uint32_t len,
			      int more)
{
	struct rte_mbuf *f = rte_pktmbuf_alloc(m->pool);
	uint32_t place;
	uint8_t *ip;

	if (!f)
		return NULL;
	ip = (uint8_t *)rte_pktmbuf_append(f, (uint16_t)(hdr + len));
	if (!ip) {
		rte_pktmbuf_free(f);
		return NULL;
	}
	__builtin_memcpy(ip, rte_pktmbuf_mtod(m, uint8_t *), hdr);
	for (uint32_t done = 0; done < len;) {
		const struct rte_mbuf *s = m;
		uint32_t at = hdr + off + done;
		uint32_t n;

		for (; at >= s->data_len; s = s->next)
			at -= s->data_len;
		n = RTE_MIN(len - done, s->data_len - at);
		__builtin_memcpy(ip + hdr + done, rte_pktmbuf_mtod_offset(s, uint8_t *, at), n);
		done += n;
	}
	place = cst_be16(ip + 6);
	place = (place & 0xe000) | ((place & 0x1fff) + off / 8) | (more ? 0x2000 : 0);
	cst_put_be16(ip + 6, (uint16_t)place);
	cst_put_be16(ip + 2, (uint16_t)(hdr + len));
	if (place & 0x1fff)
		blank_options(ip, hdr);
	cst_ip4_csum_set(ip);

	*cst_pkt(f) = *cst_pkt(m);
	cst_pkt(f)->ip_len = (uint16_t)(hdr + len);
	return f;
}

uint16_t upf_fragment(struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *out[UPF_MAX_FRAGS])
{
	uint32_t hdr = (*rte_pktmbuf_mtod(m, uint8_t *) & 15u) * 4;
	uint32_t payload = rte_pktmbuf_pkt_len(m) - hdr;
	uint32_t buffer = rte_pktmbuf_data_room_size(m->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t most = RTE_MIN(mtu, buffer);
	uint32_t step = most > hdr ? (most - hdr) & ~7u : 0;
	uint16_t n = 0;

	if (step == 0 || payload > step * UPF_MAX_FRAGS)
		return 0;
	for (uint32_t off = 0; off < payload; off += step) {
		uint32_t len = RTE_MIN(step, payload - off);

		out[n] = piece(m, hdr, off, len, off + len < payload);
		if (!out[n]) {
			rte_pktmbuf_free_bulk(out, n);
			return 0;
		}
		n++;
	}
	return n;
}
