/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which PDR a packet falls to (TS 29.244 5.2.1): the session's PDRs in rising
 * precedence value, the first one all of whose conditions hold. A condition that
 * a PDR does not state always holds.
 *
 * The UE's address is a condition like the others: a packet with somebody
 * else's address falls through, and only when nothing else takes it the caller
 * learns that it was for the address alone.
 *
 * Pure: reads the run and the flow, writes nothing but *spoofed. Any thread.
 */
#pragma once

#include <stdint.h>

#include "flow.h"
#include "upf_core.h"
#include "upf_sieve.h"

/* The packet as the rules ask about it. */
struct upf_ask {
	const struct cst_flow *flow; /* of the inner packet */
	uint64_t qfi_bit;            /* 1 << QFI of its PDU Session Container; 0: has none */
	uint32_t teid;               /* host order; 0: came as plain IP */
	uint32_t have;               /* UPF_NEED_*, by upf_have() */
	uint16_t vrf;                /* network instance it came in by */
};

static inline uint32_t upf_have(uint8_t family, int tunnel, int psc)
{
	return (family == 4 ? UPF_NEED_V4 : UPF_NEED_V6) |
	       (tunnel ? UPF_NEED_TUNNEL : UPF_NEED_PLAIN) | (psc ? UPF_NEED_QFI : 0);
}

/* The i-th line of a run. */
static inline const void *upf_line(const struct upf_rules *r, uint32_t i)
{
	return (const char *)r + (uint64_t)i * 64;
}

static inline const struct upf_pdr *upf_pdrs(const struct upf_rules *r, enum upf_dir dir)
{
	return (const struct upf_pdr *)upf_line(r, dir == UPF_UL ? r->ul : r->dl);
}

static inline uint32_t upf_n_pdrs(const struct upf_rules *r, enum upf_dir dir)
{
	return dir == UPF_UL ? r->n_ul : r->n_dl;
}

/* Do the first `len` bits agree? Both in network order, 16 bytes there; len 0..128. */
static inline int upf_prefix_eq(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint64_t hi = cst_be64(a) ^ cst_be64(b);

	if (len == 0)
		return 1;
	if (len <= 64)
		return hi >> (64 - len) == 0;
	if (hi != 0)
		return 0;
	return (cst_be64(a + 8) ^ cst_be64(b + 8)) >> (128 - len) == 0;
}

static inline int upf_sdf_has_ports(const struct cst_flow *f)
{
	return (f->flags & CST_FLOW_PORTS) &&
	       (f->proto == CST_PROTO_TCP || f->proto == CST_PROTO_UDP ||
		f->proto == CST_PROTO_SCTP);
}

/* One filter. `ul`: the UE is the packet's source. A later fragment has no ports and so matches
 * only filters that ask for none. */
static inline int upf_sdf_match(const struct upf_sdf *s, const struct cst_flow *f, int ul)
{
	const union cst_flow_addr *ue = ul ? &f->src : &f->dst;
	const union cst_flow_addr *remote = ul ? &f->dst : &f->src;
	uint16_t ue_port = ul ? f->src_port : f->dst_port;
	uint16_t remote_port = ul ? f->dst_port : f->src_port;

	if (s->family != 0 && s->family != f->family)
		return 0;
	if ((s->flags & UPF_SDF_PROTO) && s->proto != f->proto)
		return 0;
	if (!upf_prefix_eq(s->remote, remote->b, s->remote_len))
		return 0;
	if (!upf_prefix_eq(s->ue, ue->b, s->ue_len))
		return 0;
	if (s->flags & UPF_SDF_PORTS) {
		if (!upf_sdf_has_ports(f))
			return 0;
		if (remote_port < s->remote_port_lo || remote_port > s->remote_port_hi)
			return 0;
		if (ue_port < s->ue_port_lo || ue_port > s->ue_port_hi)
			return 0;
	}
	if ((s->flags & UPF_SDF_TOS) && ((f->tos ^ s->tos) & s->tos_mask))
		return 0;
	if ((s->flags & UPF_SDF_SPI) && (!(f->flags & CST_FLOW_SPI) || f->spi != s->spi))
		return 0;
	if ((s->flags & UPF_SDF_LABEL) && (f->family != 6 || f->flow_label != s->flow_label))
		return 0;
	return 1;
}

/* A first look at the flow tells most filters that do not match, without reading them: a bit for
 * its protocol, one for the remote port, one for the remote address. A filter admits all bits of
 * what it does not ask for, and a PDR shuns what none of its filters admits. */
#define UPF_LOOK_PROTO(proto) (1u << (((proto) ^ (proto) >> 4) & 7))
#define UPF_LOOK_PORT(port)   (0x100u << ((port)&15))
#define UPF_LOOK_ADDR(byte)   (0x1000000u << ((byte)&7)) /* the last one */
#define UPF_LOOK_PROTOS       0x000000ffu
#define UPF_LOOK_PORTS        0x00ffff00u
#define UPF_LOOK_ADDRS        0xff000000u

static inline uint32_t upf_look(const struct cst_flow *f, int ul)
{
	const union cst_flow_addr *remote = ul ? &f->dst : &f->src;
	uint32_t look = UPF_LOOK_PROTO(f->proto) |
			UPF_LOOK_ADDR(f->family == 4 ? remote->b[3] : remote->b[15]);

	if (upf_sdf_has_ports(f))
		look |= UPF_LOOK_PORT(ul ? f->dst_port : f->src_port);
	return look;
}

static inline uint32_t upf_sdf_admits(const struct upf_sdf *s)
{
	uint32_t looks = 0;

	looks |= s->flags & UPF_SDF_PROTO ? UPF_LOOK_PROTO(s->proto) : UPF_LOOK_PROTOS;
	if (!(s->flags & UPF_SDF_PORTS) || s->remote_port_hi - s->remote_port_lo >= 15)
		looks |= UPF_LOOK_PORTS;
	else
		for (uint32_t port = s->remote_port_lo; port <= s->remote_port_hi; port++)
			looks |= UPF_LOOK_PORT(port);
	if (s->family == 4 && s->remote_len == 32)
		looks |= UPF_LOOK_ADDR(s->remote[3]);
	else if (s->family == 6 && s->remote_len == 128)
		looks |= UPF_LOOK_ADDR(s->remote[15]);
	else
		looks |= UPF_LOOK_ADDRS;
	return looks;
}

/* Most filters name a server by address and port, and its protocol; such a one a PDR has in its own
 * record too. */
static inline void upf_pdr_set_brief(struct upf_pdr *p, const struct upf_sdf *s)
{
	if (s->ue_len != 0 || (s->flags & (UPF_SDF_TOS | UPF_SDF_SPI | UPF_SDF_LABEL)) ||
	    (s->remote_len != 0 && s->remote_len != 32) || (s->family != 0 && s->family != 4))
		return;
	if (s->flags & UPF_SDF_PORTS) {
		if (s->ue_port_lo != 0 || s->ue_port_hi != 0xffff)
			return;
		if (s->remote_port_lo == s->remote_port_hi)
			p->brief |= UPF_BRIEF_PORT;
		else if (s->remote_port_lo != 0 || s->remote_port_hi != 0xffff)
			return;
		p->brief |= UPF_BRIEF_PORTS;
		p->brief_port = s->remote_port_lo;
	}
	if (s->family == 4)
		p->brief |= UPF_BRIEF_V4;
	if (s->remote_len == 32)
		p->brief |= UPF_BRIEF_ADDR;
	if (s->flags & UPF_SDF_PROTO)
		p->brief |= UPF_BRIEF_PROTO;
	p->brief |= UPF_BRIEF;
	p->brief_proto = s->proto;
	__builtin_memcpy(&p->brief_addr, s->remote, 4);
}

/* What tells of a PDR's filters, p->n_sdf of them at `s`, without reading them. */
static inline void upf_pdr_set_look(struct upf_pdr *p, const struct upf_sdf *s)
{
	uint32_t admitted = 0;

	for (uint32_t i = 0; i < p->n_sdf; i++)
		admitted |= upf_sdf_admits(&s[i]);
	p->shun = p->n_sdf ? ~admitted : 0;
	p->brief = 0;
	if (p->n_sdf == 1)
		upf_pdr_set_brief(p, s);
}

/* Is the address one of the UE's? An IPv6 UE is its whole prefix. */
static inline int upf_ue_owns(const struct upf_rules *r, uint8_t family,
			      const union cst_flow_addr *a)
{
	if (family == 4)
		return (r->flags & UPF_RULES_V4) && a->w[0] == r->ue_v4;
	return (r->flags & UPF_RULES_V6) && r->ue_v6_len != 0 &&
	       (cst_be64(a->b) ^ cst_be64(r->ue_v6)) >> (64 - r->ue_v6_len) == 0;
}

/* Is the address in one of `n` networks behind the UE? */
static inline int upf_nets_hold(const struct upf_net *net, uint32_t n, uint8_t family,
				const union cst_flow_addr *a)
{
	for (uint32_t i = 0; i < n; i++) {
		if (net[i].family == family && upf_prefix_eq(net[i].addr, a->b, net[i].len))
			return 1;
	}
	return 0;
}

/* Is it the user's end of a packet that this PDR may take? Before it has an address of wider scope
 * an IPv6 UE solicits routers from a link-local one, and is answered there or at all nodes; such
 * packets go to and come from the CP function and nobody else (TS 23.501 5.8.2.2.3). */
static inline int upf_ue_side_ok(const struct upf_rules *r, const struct upf_pdr *p,
				 const struct cst_flow *f)
{
	const union cst_flow_addr *ue = p->source_if == UPF_IF_ACCESS ? &f->src : &f->dst;

	if (__builtin_expect(!p->nets_only && upf_ue_owns(r, f->family, ue), 1))
		return 1;
	if (p->n_nets &&
	    upf_nets_hold((const struct upf_net *)upf_line(r, p->nets), p->n_nets, f->family, ue))
		return 1;
	if (f->family != 6)
		return 0;
	if (p->source_if == UPF_IF_CP_FUNCTION && cst_ip6_is_multicast(ue->b))
		return 1;
	return (p->dest_if == UPF_IF_CP_FUNCTION || p->source_if == UPF_IF_CP_FUNCTION) &&
	       cst_ip6_is_link_local(ue->b);
}

/* The conditions that need no look at the flow, together in one word: 0 when all hold. */
static inline uint64_t upf_pdr_misses(const struct upf_pdr *p, const struct upf_ask *q)
{
	uint64_t bad = p->need & ~q->have;

	bad |= p->flags & UPF_PDR_NEVER;
	bad |= p->teid ? p->teid ^ q->teid : 0;
	bad |= p->in_vrf ? (uint64_t)(p->in_vrf ^ q->vrf) : 0;
	bad |= (uint64_t)(p->qfi_set != UPF_ANY_QFI && !(p->qfi_set & q->qfi_bit));
	return bad;
}

/* The only filter of a PDR that has it in its record. */
static inline int upf_pdr_brief_ok(const struct upf_pdr *p, const struct cst_flow *f)
{
	int ul = p->source_if == UPF_IF_ACCESS;
	const union cst_flow_addr *remote = ul ? &f->dst : &f->src;
	uint32_t brief = p->brief, port = ul ? f->dst_port : f->src_port, bad = 0;

	bad |= brief & UPF_BRIEF_V4 ? f->family ^ 4u : 0;
	bad |= brief & UPF_BRIEF_ADDR ? remote->w[0] ^ p->brief_addr : 0;
	bad |= brief & UPF_BRIEF_PORT ? port ^ p->brief_port : 0;
	bad |= brief & UPF_BRIEF_PROTO ? (uint32_t)f->proto ^ p->brief_proto : 0;
	return bad == 0 && (!(brief & UPF_BRIEF_PORTS) || upf_sdf_has_ports(f));
}

static inline int upf_pdr_sdf_ok(const struct upf_rules *r, const struct upf_pdr *p,
				 const struct cst_flow *f)
{
	const struct upf_sdf *s = (const struct upf_sdf *)upf_line(r, p->sdf);

	if (p->brief & UPF_BRIEF)
		return upf_pdr_brief_ok(p, f);
	for (uint32_t i = 0; i < p->n_sdf; i++) {
		if (upf_sdf_match(&s[i], f, p->source_if == UPF_IF_ACCESS))
			return 1;
	}
	return p->n_sdf == 0;
}

/* Into the sieve of a direction that has one. */
static inline void upf_ask_sieve(const struct upf_rules *r, enum upf_dir dir,
				 const struct upf_ask *q, struct upf_sieving *it)
{
	const struct upf_sieve *s = &r->sieve[dir];
	uint32_t values[UPF_SIEVE_VALUES];

	upf_sieve_values(q->flow, q->qfi_bit, q->teid, dir == UPF_UL, values);
	it->pdrs = upf_pdrs(r, dir);
	upf_sieve_enter(s, upf_line(r, s->line), upf_n_pdrs(r, dir), values, it);
}

/* Does the i-th PDR, which the sieve lets through, take the packet? */
static inline int upf_sieved_takes(const struct upf_rules *r, const struct upf_sieving *it,
				   uint32_t i, const struct upf_ask *q, int *spoofed)
{
	const struct upf_pdr *p = &it->pdrs[i];

	if (upf_pdr_misses(p, q) != 0 || (p->n_sdf != 0 && !upf_pdr_sdf_ok(r, p, q->flow)))
		return 0;
	if (!(p->flags & UPF_PDR_SPOOF) || upf_ue_side_ok(r, p, q->flow))
		return 1;
	*spoofed = 1;
	return 0;
}

/* Where many PDRs are: those that the sieve lets through, as the walk would come by them. */
static __attribute__((noinline, unused)) const struct upf_pdr *
upf_match_sieved(const struct upf_rules *r, enum upf_dir dir, const struct upf_ask *q, int *spoofed)
{
	struct upf_sieving it;
	uint64_t set[4];

	upf_ask_sieve(r, dir, q, &it);
	upf_sieve_pass(&it, set);
	for (uint32_t i = 0; (i = upf_sieve_next(&it, set, i / 64)) < it.n;)
		if (upf_sieved_takes(r, &it, i, q, spoofed))
			return &it.pdrs[i];
	return 0;
}

static inline const struct upf_pdr *upf_match_dir(const struct upf_rules *r, enum upf_dir dir,
						  const struct upf_ask *q, int *spoofed)
{
	const struct upf_pdr *p = upf_pdrs(r, dir);
	uint32_t n = upf_n_pdrs(r, dir), look = 0;

	if (__builtin_expect(r->sieve[dir].line != 0, 0))
		return upf_match_sieved(r, dir, q, spoofed);
	for (; n > 0; n--, p++) {
		if (__builtin_expect(upf_pdr_misses(p, q) != 0, 0))
			continue;
		if (__builtin_expect(p->n_sdf != 0, 0)) {
			if (look == 0)
				look = upf_look(q->flow, dir == UPF_UL);
			if (!(p->brief & UPF_BRIEF) && (p->shun & look))
				continue;
			if (!upf_pdr_sdf_ok(r, p, q->flow))
				continue;
		}
		if ((p->flags & UPF_PDR_SPOOF) &&
		    __builtin_expect(!upf_ue_side_ok(r, p, q->flow), 0)) {
			*spoofed = 1;
			continue;
		}
		return p;
	}
	return 0;
}

/* ---- told from few lines ---------------------------------------------------------
 *
 * The first PDR of a direction nearly always takes the packet, and its own line tells so. Who asks
 * below and hears 0 asks upf_match_tunnel() or upf_match_plain(); else these find the same. */

/* Is the user's end the UE's, as far as the PDR's line tells? Of IPv6 and networks behind the UE it
 * does not. */
static inline int upf_pdr_ue_ok(const struct upf_pdr *p, const struct upf_ask *q)
{
	const union cst_flow_addr *ue;

	if (!(p->flags & UPF_PDR_SPOOF))
		return 1;
	ue = p->source_if == UPF_IF_ACCESS ? &q->flow->src : &q->flow->dst;
	return __builtin_expect(
		(q->have & UPF_NEED_V4) && p->ue_v4 && ue->w[0] == p->ue_v4 && !p->nets_only, 1);
}

static inline int upf_pdr_takes(const struct upf_pdr *p, const struct upf_ask *q)
{
	return __builtin_expect((upf_pdr_misses(p, q) | p->n_sdf) == 0, 1);
}

/* With a filter: is it in the PDR's line, and does it match? Of many PDRs the first one is not more
 * likely than others. */
static inline int upf_pdr_takes_brief(const struct upf_pdr *p, const struct upf_ask *q)
{
	return (p->brief & UPF_BRIEF) && p->first != UPF_OF_MANY && upf_pdr_misses(p, q) == 0 &&
	       upf_pdr_brief_ok(p, q->flow);
}

/* Packet out of a tunnel. */
static inline const struct upf_pdr *upf_match_first_tunnel(const struct upf_rules *r,
							   const struct upf_ask *q)
{
	const struct upf_pdr *p = (const struct upf_pdr *)upf_line(r, UPF_LINE_UL);

	return (upf_pdr_takes(p, q) || upf_pdr_takes_brief(p, q)) && upf_pdr_ue_ok(p, q) ? p : 0;
}

/* Plain packet; its flow is not looked at. */
static inline const struct upf_pdr *upf_match_first_plain(const struct upf_rules *r,
							  const struct upf_ask *q)
{
	const struct upf_pdr *p = (const struct upf_pdr *)upf_line(r, UPF_LINE_DL);

	if (!p->first || p->source_if == UPF_IF_ACCESS || (p->flags & UPF_PDR_SPOOF))
		return 0;
	return upf_pdr_takes(p, q) ? p : 0;
}

/* Of the PDR at line `at`, if it is the only one of its direction: its filters are read, too. */
static inline const struct upf_pdr *upf_match_only(const struct upf_rules *r, uint32_t at,
						   const struct upf_ask *q)
{
	const struct upf_pdr *p = (const struct upf_pdr *)upf_line(r, at);

	if (p->first != UPF_ONLY || upf_pdr_misses(p, q))
		return 0;
	if (at == UPF_LINE_DL && p->source_if == UPF_IF_ACCESS)
		return 0;
	return upf_pdr_sdf_ok(r, p, q->flow) && upf_pdr_ue_ok(p, q) ? p : 0;
}

/* ---- told from all ---------------------------------------------------------------- */

/* Plain IP packet for a UE: PDRs whose source interface is not access. */
static inline const struct upf_pdr *upf_match_plain(const struct upf_rules *r,
						    const struct upf_ask *q, int *spoofed)
{
	*spoofed = 0;
	return upf_match_dir(r, UPF_DL, q, spoofed);
}

/* Packet out of a tunnel: the TEID decides, whatever source interface the PDR names; a UPF between
 * two others (N9) gets downlink packets by tunnel too. */
static inline const struct upf_pdr *upf_match_tunnel(const struct upf_rules *r,
						     const struct upf_ask *q, int *spoofed)
{
	const struct upf_pdr *p;

	*spoofed = 0;
	p = upf_match_dir(r, UPF_UL, q, spoofed);
	if (__builtin_expect(p != 0, 1))
		return p;
	return upf_match_dir(r, UPF_DL, q, spoofed);
}

/* A GTP-U message without a T-PDU (End Marker): goes with the first rule of its tunnel that
 * forwards into another one. 0: none does. */
static inline const struct upf_pdr *upf_match_signal(const struct upf_rules *r, uint32_t teid,
						     uint16_t vrf)
{
	for (int dir = UPF_UL; dir <= UPF_DL; dir++) {
		const struct upf_pdr *p = upf_pdrs(r, (enum upf_dir)dir);
		uint32_t n = upf_n_pdrs(r, (enum upf_dir)dir);

		for (; n > 0; n--, p++) {
			if ((p->need & UPF_NEED_PLAIN) || (p->flags & UPF_PDR_NEVER))
				continue;
			if ((p->teid && p->teid != teid) || (p->in_vrf && p->in_vrf != vrf))
				continue;
			if (p->action == UPF_FORW && (p->flags & UPF_PDR_ENCAP))
				return p;
		}
	}
	return 0;
}
