/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PDR matching against an oracle that goes over the rules as TS 29.244 5.2.1
 * words it, bit by bit and on the packet's fields as they were before they became
 * bytes; and the arithmetic of outer headers against its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upf_encap.h"
#include "upf_match.h"

static uint64_t seed = 0x243f6a8885a308d3ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/* --- a packet as fields, and its bytes --- */

struct fields {
	int family, proto, tos;
	uint8_t src[16], dst[16];
	int sport, dport; /* also of SPI: the upper and lower half of its word */
	uint32_t label;
	bool later, first; /* fragment */
};

static const int protos[] = {6, 17, 132, 50, 51, 1, 58, 33, 136};

/* Few different addresses, that rules and packets meet often. */
static void some_address(uint8_t a[16], int family)
{
	memset(a, 0, 16);
	if (family == 4) {
		a[0] = 10;
		a[1] = (uint8_t)rnd(2);
		a[3] = (uint8_t)rnd(4);
	} else {
		a[0] = 0x20;
		a[1] = (uint8_t)rnd(2);
		a[7] = (uint8_t)rnd(3);
		a[8] = (uint8_t)rnd(2);
		a[15] = (uint8_t)rnd(3);
		if (rnd(12) == 0) {
			memset(a, 0, 8);
			a[0] = 0xfe;
			a[1] = 0x80;
		}
	}
}

static struct fields some_packet(void)
{
	struct fields f = {.family = rnd(2) ? 4 : 6,
			   .proto = protos[rnd(9)],
			   .tos = (int)rnd(4) << 2 | (int)rnd(4),
			   .sport = (int)rnd(6),
			   .dport = (int)rnd(6),
			   .label = rnd(3)};

	some_address(f.src, f.family);
	some_address(f.dst, f.family);
	if (rnd(6) == 0) {
		f.later = rnd(2);
		f.first = !f.later;
	}
	return f;
}

static uint32_t bytes_of(const struct fields *f, uint8_t *p)
{
	uint32_t l4 = f->proto == 51 ? 12 : 8;
	uint32_t ports = (uint32_t)f->sport << 16 | (uint32_t)f->dport;
	uint32_t off;

	if (f->family == 4) {
		off = cst_ip4_put(p, f->src, f->dst, (uint8_t)f->proto, (uint16_t)(20 + 16),
				  (uint8_t)f->tos, 9, 1, 0);
		cst_put_be16(p + 6, f->later ? 2 : f->first ? 0x2000 : 0);
	} else {
		bool frag = f->later || f->first;

		off = cst_ip6_put(p, f->src, f->dst, frag ? 44 : (uint8_t)f->proto, frag ? 24 : 16,
				  (uint8_t)f->tos, 9, f->label);
		if (frag) {
			memset(p + off, 0, 8);
			p[off] = (uint8_t)f->proto;
			cst_put_be16(p + off + 2, f->later ? 2 << 3 : 1);
			off += 8;
		}
	}
	memset(p + off, 0, 16);
	cst_put_be32(p + off, ports);
	if (l4 == 12) { /* AH: the SPI is its second word */
		cst_put_be32(p + off, 0);
		cst_put_be32(p + off + 4, ports);
	}
	return off + 16;
}

/* --- the oracle --- */

static bool bit(const uint8_t *a, int i)
{
	return a[i / 8] >> (7 - i % 8) & 1;
}

static bool within(const uint8_t *a, const uint8_t *prefix, int len)
{
	for (int i = 0; i < len; i++)
		if (bit(a, i) != bit(prefix, i))
			return false;
	return true;
}

static bool oracle_sdf(const struct upf_sdf *s, const struct fields *f, bool uplink)
{
	const uint8_t *ue = uplink ? f->src : f->dst, *remote = uplink ? f->dst : f->src;
	int ue_port = uplink ? f->sport : f->dport, remote_port = uplink ? f->dport : f->sport;
	bool ported = f->proto == 6 || f->proto == 17 || f->proto == 132;

	if (s->family && s->family != f->family)
		return false;
	if (s->flags & UPF_SDF_PROTO && s->proto != f->proto)
		return false;
	if (!within(remote, s->remote, s->remote_len) || !within(ue, s->ue, s->ue_len))
		return false;
	if (s->flags & UPF_SDF_PORTS) {
		if (!ported || f->later)
			return false;
		if (remote_port < s->remote_port_lo || remote_port > s->remote_port_hi ||
		    ue_port < s->ue_port_lo || ue_port > s->ue_port_hi)
			return false;
	}
	if (s->flags & UPF_SDF_TOS && (f->tos & s->tos_mask) != (s->tos & s->tos_mask))
		return false;
	if (s->flags & UPF_SDF_SPI) {
		uint32_t spi = (uint32_t)f->sport << 16 | (uint32_t)f->dport;

		if ((f->proto != 50 && f->proto != 51) || f->later || spi != s->spi)
			return false;
	}
	if (s->flags & UPF_SDF_LABEL && (f->family != 6 || f->label != s->flow_label))
		return false;
	return true;
}

struct rule {
	struct upf_pdr pdr;
	struct upf_sdf sdf[3];
	struct upf_net nets[3]; /* pdr.n_nets */
	uint32_t precedence;
};

struct session {
	struct rule rules[8];
	int n;
	bool v4, v6;
	uint8_t ue4[16], ue6[16];
	int ue6_len;
};

struct arrival {
	struct fields f;
	bool tunnel;
	int qfi; /* -1: none */
	uint32_t teid;
	uint16_t vrf;
};

static bool oracle_spoof(const struct session *s, const struct rule *r, const struct fields *f)
{
	const uint8_t *ue = r->pdr.source_if == UPF_IF_ACCESS ? f->src : f->dst;
	bool to_cp = r->pdr.dest_if == UPF_IF_CP_FUNCTION;
	bool from_cp = r->pdr.source_if == UPF_IF_CP_FUNCTION;

	for (int i = 0; i < r->pdr.n_nets; i++)
		if (r->nets[i].family == f->family && within(ue, r->nets[i].addr, r->nets[i].len))
			return false;
	if (f->family == 4)
		return r->pdr.nets_only || !(s->v4 && within(ue, s->ue4, 32));
	if (!r->pdr.nets_only && s->v6 && within(ue, s->ue6, s->ue6_len))
		return false;
	if (ue[0] == 0xff && from_cp)
		return false;
	return !((to_cp || from_cp) && ue[0] == 0xfe && (ue[1] & 0xc0) == 0x80);
}

static bool oracle_rule(const struct rule *r, const struct arrival *a)
{
	const struct upf_pdr *p = &r->pdr;
	bool any = p->n_sdf == 0;

	if (p->flags & UPF_PDR_NEVER)
		return false;
	if ((p->need & UPF_NEED_V4 && a->f.family != 4) ||
	    (p->need & UPF_NEED_V6 && a->f.family != 6))
		return false;
	if ((p->need & UPF_NEED_TUNNEL && !a->tunnel) || (p->need & UPF_NEED_PLAIN && a->tunnel))
		return false;
	if (p->need & UPF_NEED_QFI && a->qfi < 0)
		return false;
	if (p->teid != 0 && p->teid != a->teid)
		return false;
	if (p->in_vrf != 0 && p->in_vrf != a->vrf)
		return false;
	if (p->qfi_set != UPF_ANY_QFI && (a->qfi < 0 || !(p->qfi_set >> a->qfi & 1)))
		return false;
	for (int i = 0; i < p->n_sdf; i++)
		any |= oracle_sdf(&r->sdf[i], &a->f, p->source_if == UPF_IF_ACCESS);
	return any;
}

/* The id of the PDR, 0: none. Rules of `ul` first, as those of access precede the others. */
static int oracle(const struct session *s, const struct arrival *a, bool *spoofed)
{
	*spoofed = false;
	for (int side = a->tunnel ? 0 : 1; side < 2; side++) {
		const struct rule *best = NULL;

		for (int i = 0; i < s->n; i++) {
			const struct rule *r = &s->rules[i];

			if ((r->pdr.source_if == UPF_IF_ACCESS) != (side == 0) ||
			    !oracle_rule(r, a))
				continue;
			if (r->pdr.flags & UPF_PDR_SPOOF && oracle_spoof(s, r, &a->f)) {
				*spoofed = true;
				continue;
			}
			if (!best || r->precedence < best->precedence)
				best = r;
		}
		if (best)
			return best->pdr.id;
	}
	return 0;
}

/* --- random rules, and their run --- */

static struct upf_sdf some_sdf(void)
{
	struct upf_sdf s = {.family = (uint8_t)(rnd(3) ? (rnd(2) ? 4 : 6) : 0)};
	uint32_t what = rnd(64);

	if (s.family && what & 1) {
		some_address(s.remote, s.family);
		s.remote_len = (uint8_t)rnd(s.family == 4 ? 33 : 129);
	}
	if (s.family && what & 2) {
		some_address(s.ue, s.family);
		s.ue_len = (uint8_t)rnd(s.family == 4 ? 33 : 129);
	}
	/* host bits are zero in a record */
	for (int i = 0; i < 128; i++) {
		if (i >= s.remote_len)
			s.remote[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
		if (i >= s.ue_len)
			s.ue[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	}
	if (what & 4) {
		s.flags |= UPF_SDF_PROTO;
		s.proto = (uint8_t)protos[rnd(9)];
	}
	if (rnd(3) == 0) {
		s.flags |= UPF_SDF_PORTS;
		s.remote_port_lo = (uint16_t)rnd(5);
		s.remote_port_hi = (uint16_t)(s.remote_port_lo + rnd(4));
		s.ue_port_lo = (uint16_t)rnd(3);
		s.ue_port_hi = (uint16_t)(s.ue_port_lo + rnd(6));
	}
	if (rnd(5) == 0) {
		s.flags |= UPF_SDF_TOS;
		s.tos = (uint8_t)rnd(16);
		s.tos_mask = (uint8_t)rnd(16);
	}
	if (rnd(8) == 0) {
		s.flags |= UPF_SDF_SPI;
		s.spi = rnd(3) << 16 | rnd(3);
	}
	if (rnd(8) == 0) {
		s.flags |= UPF_SDF_LABEL;
		s.flow_label = rnd(3);
	}
	return s;
}

static struct upf_net some_net(void)
{
	struct upf_net n = {.family = rnd(2) ? 4 : 6};
	int bits = n.family == 4 ? 32 : 128;

	some_address(n.addr, n.family);
	n.len = (uint8_t)(1 + rnd((uint32_t)bits));
	for (int i = n.len; i < 128; i++)
		n.addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return n;
}

static struct rule some_rule(int id)
{
	static const uint32_t needs[] = {0,
					 UPF_NEED_V4,
					 UPF_NEED_V6,
					 UPF_NEED_TUNNEL,
					 UPF_NEED_PLAIN,
					 UPF_NEED_QFI | UPF_NEED_TUNNEL};
	struct rule r = {.precedence = rnd(1000) << 8 | (uint32_t)id};
	struct upf_pdr *p = &r.pdr;

	p->id = (uint16_t)id;
	p->qfi_set = rnd(2) ? UPF_ANY_QFI : (uint64_t)rnd(8) << rnd(4) | (uint64_t)rnd(2) << 63;
	p->teid = rnd(2) ? 0 : 1 + rnd(2);
	p->need = needs[rnd(6)];
	p->in_vrf = (uint16_t)rnd(3);
	p->n_sdf = (uint8_t)(rnd(2) ? 0 : 1 + rnd(3));
	p->flags =
		(uint8_t)((rnd(3) == 0 ? UPF_PDR_SPOOF : 0) | (rnd(10) == 0 ? UPF_PDR_NEVER : 0));
	p->source_if = (uint8_t)rnd(4);
	p->dest_if = (uint8_t)rnd(4);
	p->action = (uint8_t)rnd(3);
	for (int i = 0; i < p->n_sdf; i++)
		r.sdf[i] = some_sdf();
	p->n_nets = (uint8_t)(rnd(3) ? 0 : 1 + rnd(3));
	p->nets_only = p->n_nets && rnd(2);
	for (int i = 0; i < p->n_nets; i++)
		r.nets[i] = some_net();
	return r;
}

static struct session some_session(void)
{
	struct session s = {.n = (int)rnd(9), .v4 = rnd(4), .v6 = rnd(4)};

	some_address(s.ue4, 4);
	some_address(s.ue6, 6);
	s.ue6_len = (int)(rnd(4) ? 64 : 1 + rnd(64));
	for (int i = 0; i < s.n; i++)
		s.rules[i] = some_rule(i + 1);
	return s;
}

static int by_precedence(const void *a, const void *b)
{
	uint32_t x = ((const struct rule *)a)->precedence, y = ((const struct rule *)b)->precedence;

	return x < y ? -1 : x > y;
}

/* Lay out the run as upf_core.h says, exactly as long as it is, so that ASan sees reads behind it.
 */
static struct upf_rules *compile(const struct session *s)
{
	struct rule sorted[8];
	struct upf_rules *r;
	struct upf_pdr *p;
	struct upf_sdf *f;
	size_t lines = 1 + (size_t)(s->n < 2 ? 2 : s->n);
	uint16_t n_ul = 0, n_sdf = 0, net_lines = 0;

	memcpy(sorted, s->rules, sizeof(sorted));
	qsort(sorted, (size_t)s->n, sizeof(sorted[0]), by_precedence);
	for (int i = 0; i < s->n; i++) {
		n_ul += sorted[i].pdr.source_if == UPF_IF_ACCESS;
		n_sdf += sorted[i].pdr.n_sdf;
		net_lines += (sorted[i].pdr.n_nets + 1) / 2;
	}
	r = aligned_alloc(64, (lines + n_sdf + net_lines) * 64);
	assert_non_null(r);
	*r = (struct upf_rules){
		.n_lines = (uint16_t)(lines + n_sdf + net_lines),
		.n_ul = n_ul,
		.n_dl = (uint16_t)(s->n - n_ul),
		.ul = 1,
		.dl = (uint16_t)(1 + n_ul),
		.sdf = (uint16_t)lines,
		.flags = (uint8_t)((s->v4 ? UPF_RULES_V4 : 0) | (s->v6 ? UPF_RULES_V6 : 0)),
		.ue_v6_len = (uint8_t)s->ue6_len};
	memcpy(&r->ue_v4, s->ue4, 4);
	memcpy(r->ue_v6, s->ue6, 8);
	p = (struct upf_pdr *)(r + 1);
	f = (struct upf_sdf *)upf_line(r, r->sdf);
	for (int i = s->n; i < 2; i++)
		p[i] = (struct upf_pdr){.flags = UPF_PDR_NEVER};
	for (int side = 0; side < 2; side++) {
		for (int i = 0; i < s->n; i++) {
			if ((sorted[i].pdr.source_if == UPF_IF_ACCESS) != (side == 0))
				continue;
			*p = sorted[i].pdr;
			if (p == upf_pdrs(r, (enum upf_dir)side))
				p->first = (side ? r->n_dl : r->n_ul) == 1 ? UPF_ONLY : UPF_FIRST;
			p->ue_v4 = s->v4 ? r->ue_v4 : 0;
			p->sdf = (uint16_t)(((char *)f - (char *)r) / 64);
			memcpy(f, sorted[i].sdf, p->n_sdf * sizeof(*f));
			upf_pdr_set_look(p, f);
			f += p->n_sdf;
			p->nets = (uint16_t)(((char *)f - (char *)r) / 64);
			memcpy(f, sorted[i].nets, p->n_nets * sizeof(struct upf_net));
			f += (p->n_nets + 1) / 2;
			p++;
		}
	}
	return r;
}

static struct arrival some_arrival(void)
{
	struct arrival a = {
		.f = some_packet(), .tunnel = rnd(3), .qfi = -1, .vrf = (uint16_t)(1 + rnd(2))};

	if (a.tunnel) {
		a.teid = 1 + rnd(2);
		if (rnd(3))
			a.qfi = rnd(8) ? (int)rnd(7) : 63;
	}
	return a;
}

static void matcher(void **state)
{
	unsigned hits[2] = {0}, firsts[2] = {0}, only[2] = {0}, spoofs = 0, misses = 0,
		 by_id[9] = {0};

	for (int round = 0; round < 20000; round++) {
		struct session s = some_session();
		struct upf_rules *r = compile(&s);

		for (int i = 0; i < 20; i++) {
			struct arrival a = some_arrival();
			uint8_t bytes[80];
			struct cst_flow flow = {0};
			struct upf_ask q;
			const struct upf_pdr *p, *first;
			bool want_spoofed;
			int spoofed;
			int want = oracle(&s, &a, &want_spoofed);

			assert_int_equal(cst_flow_parse(bytes, bytes_of(&a.f, bytes), &flow), 0);
			q.flow = &flow;
			q.qfi_bit = a.qfi < 0 ? 0 : 1ull << a.qfi;
			q.teid = a.teid;
			q.have = upf_have(flow.family, a.tunnel, a.qfi >= 0);
			q.vrf = a.vrf;
			p = a.tunnel ? upf_match_tunnel(r, &q, &spoofed)
				     : upf_match_plain(r, &q, &spoofed);
			assert_int_equal(p ? p->id : 0, want);
			first = a.tunnel ? upf_match_first_tunnel(r, &q)
					 : upf_match_first_plain(r, &q);
			assert_true(!first || first == p);
			firsts[a.tunnel] += first != NULL;
			first = upf_match_only(r, a.tunnel ? UPF_LINE_UL : UPF_LINE_DL, &q);
			assert_true(!first || first == p);
			only[a.tunnel] += first && first->n_sdf;
			if (want == 0) /* else nobody asks */
				assert_int_equal(spoofed, want_spoofed);
			hits[a.tunnel] += want != 0;
			misses += want == 0;
			spoofs += want == 0 && want_spoofed;
			by_id[want]++;
		}
		free(r);
	}
	print_message("matched %u out of tunnels, %u plain; %u not, %u of them for the address\n",
		      hits[1], hits[0], misses, spoofs);
	/* an oracle that never says yes, or never no, would prove nothing */
	assert_true(hits[0] > 10000 && hits[1] > 10000 && misses > 10000 && spoofs > 1000);
	print_message("by one line: %u, %u, with filters %u, %u\n", firsts[0], firsts[1], only[0],
		      only[1]);
	assert_true(firsts[0] > 500 && firsts[1] > 5000 && only[0] > 10 && only[1] > 500);
	for (int i = 1; i <= 8; i++)
		assert_true(by_id[i] > 1000);
}

static void filters(void **state)
{
	unsigned hits = 0, misses = 0;

	for (int round = 0; round < 300000; round++) {
		struct fields f = some_packet();
		struct upf_sdf s = some_sdf();
		uint8_t bytes[80];
		struct cst_flow flow = {0};
		bool ul = rnd(2), want = oracle_sdf(&s, &f, ul);

		assert_int_equal(cst_flow_parse(bytes, bytes_of(&f, bytes), &flow), 0);
		assert_int_equal(upf_sdf_match(&s, &flow, ul), want);
		hits += want;
		misses += !want;
	}
	assert_true(hits > 10000 && misses > 10000);
}

static void prefixes(void **state)
{
	for (int len = 0; len <= 128; len++) {
		uint8_t a[16], b[16];

		for (int i = 0; i < 16; i++)
			a[i] = b[i] = (uint8_t)rnd(256);
		assert_true(upf_prefix_eq(a, b, (uint32_t)len));
		for (int i = 0; i < 128; i++) {
			b[i / 8] ^= (uint8_t)(0x80 >> i % 8);
			assert_int_equal(upf_prefix_eq(a, b, (uint32_t)len), i >= len);
			b[i / 8] ^= (uint8_t)(0x80 >> i % 8);
		}
	}
}

/* Equal precedence: the rule that was there first. The run keeps that order. */
static void first_of_equals(void **state)
{
	struct {
		struct upf_rules r;
		struct upf_pdr p[2];
	} __attribute__((aligned(64)))
	run = {.r = {.n_ul = 2, .ul = 1, .dl = 3, .n_lines = 3},
	       .p = {{.id = 7, .qfi_set = UPF_ANY_QFI}, {.id = 8, .qfi_set = UPF_ANY_QFI}}};
	struct cst_flow flow = {.family = 4};
	struct upf_ask q = {.flow = &flow, .teid = 1, .have = upf_have(4, 1, 0)};
	int spoofed;

	assert_int_equal(upf_match_tunnel(&run.r, &q, &spoofed)->id, 7);
}

/* End Markers go with the first rule of their tunnel that goes on into another. */
static void signals(void **state)
{
	struct {
		struct upf_rules r;
		struct upf_pdr p[5];
	} __attribute__((aligned(64)))
	run = {.r = {.n_ul = 3, .n_dl = 2, .ul = 1, .dl = 4, .n_lines = 6},
	       .p = {{.id = 1, .teid = 5, .action = UPF_FORW},
		     {.id = 2, .teid = 5, .action = UPF_BUFF, .flags = UPF_PDR_ENCAP},
		     {.id = 3, .teid = 5, .action = UPF_FORW, .flags = UPF_PDR_ENCAP, .in_vrf = 1},
		     {.id = 4, .action = UPF_FORW, .flags = UPF_PDR_ENCAP, .need = UPF_NEED_PLAIN},
		     {.id = 5, .teid = 6, .action = UPF_FORW, .flags = UPF_PDR_ENCAP}}};

	assert_int_equal(upf_match_signal(&run.r, 5, 1)->id, 3);
	assert_null(upf_match_signal(&run.r, 5, 2));
	assert_int_equal(upf_match_signal(&run.r, 6, 2)->id, 5);
	assert_null(upf_match_signal(&run.r, 7, 1));
	run.p[4].flags |= UPF_PDR_NEVER;
	assert_null(upf_match_signal(&run.r, 6, 2));
}

/* --- outer headers --- */

static void ecn(void **state)
{
	/* RFC 6040 figure 4: rows inner 00 01 10 11, columns outer 00 01 10 11 (-1: drop) */
	static const int want[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};

	for (int i = 0; i < 256; i++) {
		for (int o = 0; o < 256; o++) {
			int w = want[i & 3][o & 3];
			int got = cst_ip_decap_tos((uint8_t)o, (uint8_t)i);

			assert_int_equal(got, w < 0 ? -1 : (i & 0xfc) | w);
			assert_int_equal(cst_ip_decap_differs((uint8_t)o, (uint8_t)i), got != i);
		}
	}
}

static void marking(void **state)
{
	struct upf_pdr copy = {0}, mark = {.flags = UPF_PDR_MARK, .out_tos = 0xb8};

	for (int i = 0; i < 256; i++) {
		assert_int_equal(upf_outer_tos(&copy, (uint8_t)i), i);
		assert_int_equal(upf_outer_tos(&mark, (uint8_t)i), 0xb8 | (i & 3));
	}
}

/* The patched checksum is the one that the whole header gives. */
static void patched_checksum(void **state)
{
	struct upf_peer peer = {0};
	struct cst_ip a = {.family = 4}, b = {.family = 4};
	uint8_t p[64];

	for (int i = 0; i < 200000; i++) {
		uint32_t payload = rnd(65536 - 28);
		uint8_t tos = (uint8_t)rnd(256);
		uint16_t id = (uint16_t)rnd(65536);

		a.v4 = rnd(UINT32_MAX);
		b.v4 = rnd(UINT32_MAX);
		upf_peer_set(&peer, 3, &a, &b, 2152);
		cst_outer_put(p, peer.hdr, peer.family, payload, tos, id, 50000, 0);
		assert_true(cst_ip4_csum_ok(p));
		assert_int_equal(p[1], tos);
		assert_int_equal(cst_be16(p + 2), 28 + payload);
		assert_int_equal(cst_be16(p + 4), id);
		assert_int_equal(cst_be16(p + 6), 0);
		assert_memory_equal(p + 12, a.b, 4);
		assert_memory_equal(p + 16, b.b, 4);
		assert_int_equal(cst_be16(p + 24), 8 + payload);
	}
}

static void peer_record(void **state)
{
	struct upf_peer peer = {.refs = 5, .mtu = 9};
	struct cst_ip a = {.family = 6}, b = {.family = 6};

	upf_peer_set(&peer, 3, &a, &b, 2152);
	assert_int_equal(peer.hdr_len, 48);
	assert_int_equal(peer.family, 6);
	assert_int_equal(peer.vrf, 3);
	assert_int_equal(peer.refs, 5); /* the books' */
	assert_int_equal(peer.mtu, 0);  /* of another path: to be found out */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes),    cmocka_unit_test(filters),
		cmocka_unit_test(matcher),     cmocka_unit_test(first_of_equals),
		cmocka_unit_test(signals),     cmocka_unit_test(ecn),
		cmocka_unit_test(marking),     cmocka_unit_test(patched_checksum),
		cmocka_unit_test(peer_record),
	};

	return cmocka_run_group_tests_name("upf_core", tests, NULL, NULL);
}
