/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer headers of GTP-U packets (TS 29.281 4.4, 5.1; TS 38.415 5.5): built once
 * per peer, copied and patched per packet. Pure, any thread.
 *
 * Lengths in bytes, numbers in host order, addresses in network order. The
 * caller provides the room: peer->hdr_len bytes of IP and UDP, then the GTP-U
 * header.
 */
#pragma once

#include <stdint.h>

#include "csum.h"
#include "gtpu.h"
#include "ip.h"
#include "outer.h"
#include "upf_core.h"

#define UPF_MAX_OVERHEAD (48 + 16)

/* The template: all that is the same in every packet (outer.h). */
static inline void upf_peer_set(struct upf_peer *peer, uint16_t vrf, const struct cst_ip *local,
				const struct cst_ip *remote, uint16_t port)
{
	*peer = (struct upf_peer){.vrf = vrf, .family = remote->family, .refs = peer->refs};
	peer->hdr_len = cst_outer_set(peer->hdr, local, remote, port);
}

/* The GTP-U header that a rule asks for, in front of `payload` bytes: with a PDU Session Container
 * of the downlink kind towards access and of the uplink kind elsewhere (N9), or with none. */
static inline uint32_t upf_gtpu_len(const struct upf_pdr *pdr)
{
	return pdr->flags & UPF_PDR_PSC ? 16 : 8;
}

static inline uint16_t upf_psc(const struct upf_pdr *pdr)
{
	return pdr->dest_if == UPF_IF_ACCESS
		       ? cst_gtpu_psc_dl(pdr->out_qfi, pdr->flags & UPF_PDR_PSC_RQI)
		       : cst_gtpu_psc_ul(pdr->out_qfi);
}

static inline __attribute__((always_inline)) void
upf_put_gtpu(uint8_t *p, uint8_t type, const struct upf_pdr *pdr, uint16_t payload)
{
	if (__builtin_expect(pdr->flags & UPF_PDR_PSC, 1)) {
		cst_gtpu_put_psc(p, type, pdr->out_teid, payload, upf_psc(pdr));
	} else {
		cst_gtpu_put(p, type, pdr->out_teid, payload);
	}
}

/* Of a G-PDU with a sequence number: 16 or 12 bytes. */
static inline uint32_t upf_gtpu_seq_len(const struct upf_pdr *pdr)
{
	return pdr->flags & UPF_PDR_PSC ? 16 : 12;
}

static inline void upf_put_gtpu_seq(uint8_t *p, const struct upf_pdr *pdr, uint16_t payload,
				    uint16_t seq)
{
	if (!(pdr->flags & UPF_PDR_PSC)) {
		cst_gtpu_put_gpdu_seq(p, pdr->out_teid, payload, seq);
		return;
	}
	upf_put_gtpu(p, CST_GTPU_GPDU, pdr, payload);
	cst_gtpu_set_seq(p, seq);
}

/* Type of service outside: DSCP from inside unless the FAR marks, ECN copied (RFC 6040 4.1). */
static inline uint8_t upf_outer_tos(const struct upf_pdr *pdr, uint8_t inner)
{
	uint8_t dscp = pdr->flags & UPF_PDR_MARK ? pdr->out_tos : inner;

	return (uint8_t)((dscp & 0xfc) | (inner & 3));
}

/* Whole IP and UDP headers of a signalling message from coast; returns their length. The UDP
 * checksum covers the `payload` bytes that stand behind them already. */
static inline uint32_t upf_put_signal(uint8_t *p, const struct cst_ip *src,
				      const struct cst_ip *dst, uint16_t sport, uint16_t dport,
				      uint16_t payload, uint8_t tos, uint16_t id)
{
	uint16_t udp_len = (uint16_t)(8 + payload);
	uint32_t ip_len;
	uint64_t sum;

	if (src->family == 4) {
		ip_len = cst_ip4_put(p, src->b, dst->b, CST_PROTO_UDP, (uint16_t)(20 + udp_len),
				     tos, CST_OUTER_TTL, id, 0);
		sum = cst_csum_pseudo4(src->b, dst->b, CST_PROTO_UDP, udp_len);
	} else {
		ip_len = cst_ip6_put(p, src->b, dst->b, CST_PROTO_UDP, udp_len, tos, CST_OUTER_TTL,
				     0);
		sum = cst_csum_pseudo6(src->b, dst->b, CST_PROTO_UDP, udp_len);
	}
	cst_put_be16(p + ip_len, sport);
	cst_put_be16(p + ip_len + 2, dport);
	cst_put_be16(p + ip_len + 4, udp_len);
	cst_put_be16(p + ip_len + 6, 0);
	sum = cst_csum_add(sum, p + ip_len, udp_len);
	cst_put_be16(p + ip_len + 6, cst_csum_fold_udp(sum));
	return ip_len + 8;
}
