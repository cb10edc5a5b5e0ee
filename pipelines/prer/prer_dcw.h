/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Member streams over routed IP: payload into IP, UDP, S-Label and d-CW (RFC
 * 9566), 36 octets with IPv4 and 56 with IPv6. Lengths in octets, numbers in
 * host order, addresses in network order.
 *
 * IPv4 goes without a UDP checksum, as RFC 7510 3 recommends; IPv6 with one,
 * since coast cannot vouch for the networks between that go without need (3.1).
 * Both are taken either way: a datagram must come from the far end of one of its
 * stream's paths, as 3.1 asks of those who take none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "dcw.h"
#include "engine/worker.h"
#include "hash.h"
#include "ip.h"
#include "outer.h"
#include "prer_stream.h"
#include "udp.h"
#include "vlan.h"

/* IPv4 identification per worker, whose numbers are not those of another: DF is 0 outside, so they
 * may not repeat soon (RFC 6864). */
struct prer_dcw_id {
	uint16_t next, step;
} __rte_cache_aligned;
extern struct prer_dcw_id prer_dcw_id[CST_MAX_WORKERS];

/* ---- control thread ---------------------------------------------------------- */

/* Fill in what PRER_DCW needs, the ready header included; number and flags stay. */
static inline void prer_dcw_path_set(struct prer_path *p, uint16_t vrf, const struct cst_ip *local,
				     const struct cst_ip *remote)
{
	p->encap = PRER_DCW;
	p->vrf = vrf;
	p->family = remote->family;
	__builtin_memcpy(p->remote, remote->b, 16);
	p->hdr_len = cst_outer_set(p->hdr, local, remote, CST_DCW_PORT);
	p->mtu = 0;
}

/* The MTU of the way there, which is looked up again every now and then: as it is now. */
void prer_dcw_path_refresh(struct prer_path *p);

/* ---- workers -------------------------------------------------------------------- */

/* The largest payload that goes by this path in one piece; 0: the way there is not known now, and
 * `route` has the last word. */
static inline uint32_t prer_dcw_mtu(const struct prer_path *p)
{
	uint32_t mtu = __atomic_load_n(&p->mtu, __ATOMIC_RELAXED);
	uint32_t own = p->hdr_len + CST_DCW_LEN;

	return mtu > own ? mtu - own : 0;
}

/* Asked of all paths before the packet goes by any: what is too big for one goes by none. */
static inline bool prer_dcw_fits(const struct prer_path *p, uint32_t payload)
{
	uint32_t mtu = prer_dcw_mtu(p);

	return mtu ? payload <= mtu : p->hdr_len + CST_DCW_LEN + payload <= UINT16_MAX;
}

static inline uint8_t prer_dcw_tos_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(cst_be16(ip) >> 4);
}

/* Type of service of an IP packet, 0 where there is none. ECN is left out: two copies may be marked
 * differently, and what is delivered shall be what was sent (RFC 6040 4.1, compatibility mode). */
static inline uint8_t prer_dcw_dscp(const uint8_t *p, uint32_t len)
{
	if (len < 2 || (p[0] >> 4 != 4 && p[0] >> 4 != 6))
		return 0;
	return prer_dcw_tos_of(p) & 0xfc;
}

/* The outer one: the payload's own; a tagged frame's priority as a class selector (RFC 2474
 * 4.2.2). */
static inline uint8_t prer_dcw_tos(const struct prer_stream *s, const struct rte_mbuf *m)
{
	uint8_t buf[16];
	uint32_t len = rte_pktmbuf_pkt_len(m) < sizeof(buf) ? rte_pktmbuf_pkt_len(m) : sizeof(buf);
	const uint8_t *p = (const uint8_t *)rte_pktmbuf_read(m, 0, len, buf);
	uint16_t type;

	if (unlikely(!p))
		return 0;
	if (s->flags & PRER_IP)
		return prer_dcw_dscp(p, len);
	if (unlikely(len < sizeof(buf)))
		return 0;
	type = cst_be16(p + 12);
	if (type == CST_ETH_CTAG || type == CST_ETH_STAG)
		return (uint8_t)(CST_VLAN_PCP(cst_be16(p + 14)) << 5);
	return type == CST_ETH_IPV4 || type == CST_ETH_IPV6 ? prer_dcw_dscp(p + 14, len - 14) : 0;
}

/* IP and UDP of a path in front of `payload` octets (outer.h). */
static inline void prer_dcw_put_outer(uint8_t *p, const struct prer_path *path, uint32_t payload,
				      uint8_t tos, uint16_t id, uint16_t sport, uint32_t label)
{
	cst_outer_put(p, path->hdr, path->family, payload, tos, id, sport, label);
}

static inline void prer_dcw_fill_csum6(struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = rte_pktmbuf_pkt_len(m) - 40;
	uint64_t sum = cst_csum_pseudo6(p + 8, p + 24, CST_PROTO_UDP, len);
	uint16_t raw = 0;

	if (likely(m->nb_segs == 1))
		sum = cst_csum_add(sum, p + 40, len);
	else if (rte_raw_cksum_mbuf(m, 40, len, &raw) == 0)
		sum += raw;
	cst_put_be16(p + 46, cst_csum_fold_udp(sum));
}

/* From a packet at its payload (IP packet or whole frame; in any number of segments, the first of
 * them may be empty) to one at the outer IP header, ready for `route`: coast's own, so that no hop
 * is counted outside and no ICMP error is made about it. False: no headroom, or more than an IP
 * packet holds; nothing is changed. By the stream's owner. */
static inline bool prer_dcw_put(const struct prer_stream *s, const struct prer_path *path,
				struct rte_mbuf *m, uint32_t seq)
{
	struct prer_dcw_id *id = &prer_dcw_id[cst_owner_of(s->id) % CST_MAX_WORKERS];
	uint32_t hash = (uint32_t)cst_hash_mix(s->id, s->udp_port);
	uint32_t payload = CST_DCW_LEN + rte_pktmbuf_pkt_len(m);
	uint32_t hdr = path->hdr_len;
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t tos;
	uint8_t *p;

	if (unlikely(rte_pktmbuf_headroom(m) < hdr + CST_DCW_LEN || hdr + payload > UINT16_MAX))
		return false;
	tos = prer_dcw_tos(s, m);
	p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(hdr + CST_DCW_LEN));
	id->next = (uint16_t)(id->next + id->step);
	prer_dcw_put_outer(p, path, payload, tos, id->next, s->udp_port, hash);
	cst_dcw_put(p + hdr, s->label_out, seq, s->bits);
	if (path->family == 6)
		prer_dcw_fill_csum6(m);
	pkt->vrf = path->vrf;
	pkt->ip_version = path->family;
	pkt->l4_proto = CST_PROTO_UDP;
	pkt->l4_off = (uint16_t)(hdr - 8);
	pkt->ip_len = (uint16_t)(hdr + payload);
	pkt->hash = hash; /* one way for all of the stream (RFC 9025 5.2) */
	pkt->flags = CST_PKT_LOCAL;
	return true;
}

/* Whether a packet, at its outer IP header, came from the path's far end. */
static inline bool prer_dcw_came_by(const struct prer_path *path, const uint8_t *ip, uint16_t vrf)
{
	if (path->encap != PRER_DCW || path->vrf != vrf || path->family != ip[0] >> 4)
		return false;
	/* source there is destination here */
	if (likely(path->family == 4))
		return cst_be32(ip + 12) == cst_be32(path->hdr + 16) &&
		       cst_be32(ip + 16) == cst_be32(path->hdr + 12);
	return __builtin_memcmp(ip + 8, path->hdr + 24, 16) == 0 &&
	       __builtin_memcmp(ip + 24, path->hdr + 8, 16) == 0;
}

/* Node function, for tests: members of streams, at their outer IP header. */
uint16_t prer_dcw_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
