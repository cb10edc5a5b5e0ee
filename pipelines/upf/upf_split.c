/* SPDX-License-Identifier: BSD-3-Clause */

#include <rte_memcpy.h>

#include "upf_split.h"

bool upf_pull(struct rte_mbuf *m, uint32_t need)
{
	if (need > rte_pktmbuf_pkt_len(m))
		need = rte_pktmbuf_pkt_len(m);
	while (m->data_len < need) {
		struct rte_mbuf *next = m->next;
		uint16_t take = (uint16_t)RTE_MIN(need - m->data_len, (uint32_t)next->data_len);

		if (rte_pktmbuf_tailroom(m) < take)
			return false;
		rte_memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len),
			   rte_pktmbuf_mtod(next, char *), take);
		m->data_len = (uint16_t)(m->data_len + take);
		next->data_off = (uint16_t)(next->data_off + take);
		next->data_len = (uint16_t)(next->data_len - take);
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			next->next = NULL;
			next->nb_segs = 1;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}

void upf_trim(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *s = m;
	uint16_t segs = 1;

	if (len >= m->pkt_len)
		return;
	m->pkt_len = len;
	for (; len > s->data_len; s = s->next, segs++)
		len -= s->data_len;
	s->data_len = (uint16_t)len;
	if (s->next) {
		rte_pktmbuf_free(s->next);
		s->next = NULL;
	}
	m->nb_segs = segs;
}

/* Parsers take a length and trust it, so they get a copy of the contiguous head that says it is the
 * whole packet; the true length is put back into what they found. */
int upf_split_gtpu(struct rte_mbuf *m, uint32_t at, uint32_t len, struct cst_gtpu *g)
{
	uint8_t head[UPF_SPLIT_HEAD];
	uint32_t n = RTE_MIN((uint32_t)m->data_len, (uint32_t)UPF_SPLIT_HEAD);
	uint32_t end;
	int rc;

	n = RTE_MIN(n > at ? n - at : 0, len);
	rte_memcpy(head, rte_pktmbuf_mtod_offset(m, uint8_t *, at), n);
	if (n < 8)
		return CST_GTPU_TRUNCATED;
	end = 8u + cst_be16(head + 2);
	if (end > len)
		return CST_GTPU_LENGTH;
	if (end > n)
		cst_put_be16(head + 2, (uint16_t)(n - 8));
	rc = cst_gtpu_parse(head, n, g);
	g->end = end;
	return rc;
}

int upf_split_flow(struct rte_mbuf *m, uint32_t at, uint32_t len, struct cst_flow *f)
{
	uint8_t head[UPF_SPLIT_HEAD];
	uint32_t n = RTE_MIN((uint32_t)m->data_len, (uint32_t)UPF_SPLIT_HEAD);
	uint32_t hdr, total;
	int rc;

	n = RTE_MIN(n > at ? n - at : 0, len);
	rte_memcpy(head, rte_pktmbuf_mtod_offset(m, uint8_t *, at), n);
	if (n < 20)
		return CST_IP_TRUNCATED;
	hdr = head[0] >> 4 == 4 ? (head[0] & 15u) * 4 : 40;
	if (n < hdr)
		return CST_IP_TRUNCATED;
	total = head[0] >> 4 == 4 ? cst_be16(head + 2) : 40u + cst_be16(head + 4);
	if (total > len)
		return CST_IP_TRUNCATED;
	if (total > n) {
		/* a fragment that others follow carries a multiple of 8 bytes; so shall the copy */
		n = hdr + ((n - hdr) & ~7u);
		if (head[0] >> 4 == 4)
			cst_put_be16(head + 2, (uint16_t)n);
		else
			cst_put_be16(head + 4, (uint16_t)(n - 40));
	}
	rc = cst_flow_parse(head, n, f);
	f->ip_len = total;
	return rc;
}

uint64_t upf_split_csum(uint64_t sum, const struct rte_mbuf *m, uint32_t at)
{
	bool odd = false;

	for (; m != NULL; m = m->next, at = 0) {
		uint32_t n = m->data_len - at;
		uint64_t part = cst_csum_add(0, rte_pktmbuf_mtod_offset(m, uint8_t *, at), n);
		uint16_t v = (uint16_t)~cst_csum_fold(part);

		/* a piece that begins between two bytes of a word counts with its bytes swapped */
		sum = cst_csum_add16(sum, odd ? __builtin_bswap16(v) : v);
		odd ^= n & 1;
	}
	return sum;
}
