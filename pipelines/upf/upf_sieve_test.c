/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sieve changes nothing but the time: random rules and packets, with it and
 * without, fall to the same PDR. And it spares what it is for: PDRs looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "upf_compile_sieve.h"
#include "upf_match.h"

#define MOST_LINES 4096u

static char (*line)[64]; /* the run */
static uint64_t seed = 0x13198a2e03707344ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static int setup(void **state)
{
	(void)state;
	line = aligned_alloc(64, (MOST_LINES + 1) * 64);
	return line == NULL;
}

static int teardown(void **state)
{
	(void)state;
	free(line);
	return 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* What a session's filters are about; rules of one session are alike. A bit each. */
enum { BY_ADDR = 1, BY_NET = 2, BY_PORT = 4, BY_RANGE = 8, BY_UE_PORT = 16, BY_OTHER = 32 };

static void some_address(uint8_t *a, uint8_t family)
{
	memset(a, 0, 16);
	a[0] = 0x20;
	a[2] = (uint8_t)rnd(7);
	a[family == 4 ? 3 : 15] = (uint8_t)rnd(80);
	if (family == 6)
		a[8] = (uint8_t)rnd(2);
}

static void cut(uint8_t *a, unsigned len)
{
	for (unsigned i = len; i < 128; i++)
		a[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static void some_ports(uint16_t *lo, uint16_t *hi, bool range)
{
	*lo = (uint16_t)(rnd(8) ? rnd(300) : rnd(65536));
	*hi = *lo;
	if (range)
		*hi = (uint16_t)(*lo + rnd(65536u - *lo) % (rnd(8) ? 30 : 65536));
}

static struct upf_sdf some_filter(unsigned by)
{
	static const uint8_t protos[] = {6, 17, 132, 50, 51, 1, 136};
	struct upf_sdf s = {.remote_port_hi = 65535, .ue_port_hi = 65535};

	if (by & (BY_ADDR | BY_NET) && rnd(9)) {
		unsigned bits;

		s.family = rnd(3) ? 4 : 6;
		bits = s.family == 4 ? 32 : 128;
		some_address(s.remote, s.family);
		s.remote_len = (uint8_t)(by & BY_NET && rnd(2) ? rnd(bits + 1) : bits);
		cut(s.remote, s.remote_len);
	}
	if (by & (BY_PORT | BY_RANGE) && rnd(9)) {
		s.flags |= UPF_SDF_PORTS;
		some_ports(&s.remote_port_lo, &s.remote_port_hi, by & BY_RANGE && rnd(2));
	}
	if (by & BY_UE_PORT && rnd(9)) {
		s.flags |= UPF_SDF_PORTS;
		some_ports(&s.ue_port_lo, &s.ue_port_hi, rnd(2));
	}
	if (by & BY_OTHER || rnd(12) == 0) {
		if (rnd(3)) {
			s.flags |= UPF_SDF_PROTO;
			s.proto = protos[rnd(7)];
		}
		if (rnd(3) == 0) {
			s.flags |= UPF_SDF_TOS;
			s.tos = (uint8_t)rnd(256);
			s.tos_mask = (uint8_t)(rnd(4) ? 0xfc : rnd(256));
		}
		if (rnd(3) == 0) {
			s.flags |= UPF_SDF_SPI;
			s.spi = rnd(200) << rnd(24);
		}
		if (rnd(6) == 0) {
			s.flags |= UPF_SDF_LABEL;
			s.flow_label = rnd(3);
		}
	}
	return s;
}

static struct upf_pdr some_pdr(bool ul, bool many_qfis, bool many_teids)
{
	struct upf_pdr p = {.qfi_set = UPF_ANY_QFI, .source_if = ul ? UPF_IF_ACCESS : UPF_IF_CORE};

	if (many_qfis && rnd(9))
		p.qfi_set = 1ull << rnd(64) | (rnd(4) ? 0 : 1ull << rnd(64));
	if (many_teids && rnd(9))
		p.teid = 1 + rnd(300) * 2048;
	p.need = rnd(8) ? 0 : 1u << rnd(5);
	p.in_vrf = (uint16_t)(rnd(8) ? 0 : 1 + rnd(2));
	p.flags = (uint8_t)((rnd(3) ? 0 : UPF_PDR_SPOOF) | (rnd(20) ? 0 : UPF_PDR_NEVER));
	return p;
}

static unsigned some_size(void)
{
	static const uint16_t edges[] = {0,  1,  2,  3,  4,   5,   15,  16,  17,  31,  32,
					 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300};

	return rnd(2) ? edges[rnd(22)] : 1 + rnd(300);
}

/* A run of random rules, without sieves. Returns its lines. */
static unsigned some_run(void)
{
	struct upf_rules *r = (struct upf_rules *)line[0];
	struct upf_pdr *p = (struct upf_pdr *)line[1];
	unsigned by = rnd(64), most_filters = rnd(4) ? 1 : 3, next;
	bool qfis = rnd(4) == 0, teids = rnd(4) == 0;

	*r = (struct upf_rules){.n_ul = (uint16_t)some_size(),
				.n_dl = (uint16_t)some_size(),
				.ul = 1,
				.flags = UPF_RULES_V4 | UPF_RULES_V6,
				.ue_v6 = {0x20},
				.ue_v6_len = 24};
	r->dl = (uint16_t)(1 + r->n_ul);
	cst_put_be32(&r->ue_v4, 0x20000001);
	next = 1 + r->n_ul + r->n_dl;
	for (unsigned i = 0; i < (unsigned)r->n_ul + r->n_dl; i++) {
		p[i] = some_pdr(i < r->n_ul, qfis, teids);
		p[i].id = (uint16_t)i;
		p[i].sdf = (uint16_t)next;
		p[i].n_sdf = (uint8_t)(rnd(40) ? 1 + rnd(most_filters) : 0);
		for (unsigned k = 0; k < p[i].n_sdf; k++)
			*(struct upf_sdf *)line[next++] = some_filter(by);
		upf_pdr_set_look(&p[i], (const struct upf_sdf *)line[p[i].sdf]);
	}
	r->n_lines = (uint16_t)next;
	return next;
}

/* ---- packets ----------------------------------------------------------------------------------
 */

static uint16_t some_port(uint16_t lo, uint16_t hi)
{
	return (uint16_t)(lo + rnd((uint32_t)hi - lo + 1));
}

/* Of a kind that only the parser makes: ports or SPI by protocol, none in later fragments. */
static void settle(struct cst_flow *f)
{
	bool later = rnd(12) == 0;

	switch (f->proto) {
	case CST_PROTO_ESP:
	case CST_PROTO_AH:
		f->flags = later ? CST_FLOW_FRAG_LATER : CST_FLOW_SPI;
		break;
	case CST_PROTO_TCP:
	case CST_PROTO_UDP:
	case CST_PROTO_SCTP:
	case CST_PROTO_UDPLITE:
		f->flags = later ? CST_FLOW_FRAG_LATER : CST_FLOW_PORTS;
		break;
	default:
		f->flags = 0;
	}
	if (!(f->flags & CST_FLOW_SPI))
		f->spi = 0;
	if (!(f->flags & CST_FLOW_PORTS))
		f->src_port = f->dst_port = 0;
}

/* A packet that this filter takes, but for what is against chance here and there. */
static struct cst_flow packet_for(const struct upf_sdf *s, bool ul)
{
	struct cst_flow f = {.family = s->family ? s->family : rnd(2) ? 4 : 6};
	union cst_flow_addr *remote = ul ? &f.dst : &f.src, *ue = ul ? &f.src : &f.dst;
	uint16_t port = some_port(s->remote_port_lo, s->remote_port_hi);
	uint16_t ue_port = some_port(s->ue_port_lo, s->ue_port_hi);

	f.proto = s->flags & UPF_SDF_PROTO ? s->proto : s->flags & UPF_SDF_SPI ? 50 : 17;
	f.tos = s->flags & UPF_SDF_TOS ? s->tos : (uint8_t)rnd(256);
	f.spi = s->flags & UPF_SDF_SPI ? s->spi : rnd(200);
	f.flow_label = f.family == 6 ? s->flow_label : 0;
	some_address(remote->b, f.family);
	if (s->remote_len >= 8)
		memcpy(remote->b, s->remote, (s->remote_len + 7u) / 8);
	if (f.family == 4)
		memset(remote->b + 4, 0, 12);
	if (rnd(20) == 0)
		some_address(remote->b, f.family);
	if (rnd(20) == 0)
		f.proto = rnd(2) ? 6 : 51;
	if (rnd(20) == 0)
		port++;
	ue->b[0] = 0x20;
	if (f.family == 4)
		ue->b[3] = rnd(9) != 0; /* else it is not the UE's */
	f.src_port = ul ? ue_port : port;
	f.dst_port = ul ? port : ue_port;
	settle(&f);
	return f;
}

static struct cst_flow some_packet(const struct upf_rules *r, struct upf_ask *q)
{
	static const struct upf_sdf any = {.remote_port_hi = 65535, .ue_port_hi = 65535};
	unsigned n = (unsigned)r->n_ul + r->n_dl;
	const struct upf_pdr *p = n ? upf_pdrs(r, UPF_UL) + rnd(n) : NULL;
	const struct upf_sdf *s = &any;
	bool psc = rnd(4) != 0;

	*q = (struct upf_ask){.teid = 1 + rnd(300) * 2048, .vrf = (uint16_t)(1 + rnd(2))};
	if (p && p->n_sdf)
		s = (const struct upf_sdf *)upf_line(r, p->sdf) + rnd(p->n_sdf);
	if (p && p->teid && rnd(9))
		q->teid = p->teid;
	if (psc)
		q->qfi_bit = 1ull << rnd(64);
	if (psc && p && p->qfi_set && rnd(9))
		q->qfi_bit = p->qfi_set & -p->qfi_set;
	return packet_for(s, !p || p->source_if == UPF_IF_ACCESS);
}

/* ---- the tests ---------------------------------------------------------------------------------
 */

static struct {
	unsigned packets, found, not_first, spoofed, lost;
	unsigned sieves[5]; /* none; one line; 1, 2, 4 words */
	unsigned values[UPF_SIEVE_VALUES], fields[UPF_SIEVE_FIELDS + 1];
} seen;

static void note_sieve(const struct upf_rules *r, enum upf_dir dir)
{
	const struct upf_sieve *s = &r->sieve[dir];
	unsigned n = upf_n_pdrs(r, dir);

	seen.sieves[!s->line ? 0 : n <= 16 ? 1 : n <= 64 ? 2 : n <= 128 ? 3 : 4]++;
	if (n < UPF_SIEVE_FROM || n > UPF_SIEVE_MOST)
		assert_int_equal(s->line, 0);
	if (!s->line)
		return;
	assert_in_range(UPF_SIEVE_COUNT(s->kinds), 1, UPF_SIEVE_FIELDS);
	seen.fields[UPF_SIEVE_COUNT(s->kinds)]++;
	for (unsigned i = 0; i < UPF_SIEVE_COUNT(s->kinds); i++)
		seen.values[UPF_SIEVE_KIND_OF(s->kinds, i) >> 1]++;
}

static void same_with_and_without(struct upf_rules *r)
{
	static const struct upf_sieve none[2];
	struct upf_sieve own[2];
	int spoofed, spoofed_without;
	const struct upf_pdr *p, *without;
	struct upf_ask q;
	struct cst_flow f = some_packet(r, &q);
	bool tunnel = rnd(3);

	q.flow = &f;
	q.have = upf_have(f.family, tunnel, q.qfi_bit != 0);
	p = tunnel ? upf_match_tunnel(r, &q, &spoofed) : upf_match_plain(r, &q, &spoofed);
	memcpy(own, r->sieve, sizeof(own));
	memcpy(r->sieve, none, sizeof(none));
	without = tunnel ? upf_match_tunnel(r, &q, &spoofed_without)
			 : upf_match_plain(r, &q, &spoofed_without);
	memcpy(r->sieve, own, sizeof(own));
	assert_ptr_equal(p, without);
	assert_int_equal(spoofed, spoofed_without);
	seen.packets++;
	seen.found += p != NULL;
	seen.lost += p == NULL;
	seen.spoofed += spoofed;
	seen.not_first += p && p != upf_pdrs(r, UPF_UL) && p != upf_pdrs(r, UPF_DL);
}

static void test_same(void **state)
{
	(void)state;
	for (int round = 0; round < 4000; round++) {
		struct upf_rules *r = (struct upf_rules *)line[0];
		unsigned n = some_run();

		n = upf_sieve_compile(line, UPF_UL, n, MOST_LINES);
		n = upf_sieve_compile(line, UPF_DL, n, MOST_LINES);
		assert_true(n <= MOST_LINES);
		memset(line[n], 0xff,
		       64); /* what is behind the run admits too much, and is not read */
		note_sieve(r, UPF_UL);
		note_sieve(r, UPF_DL);
		for (int i = 0; i < 60; i++)
			same_with_and_without(r);
	}
	print_message("%u packets: %u found their PDR, %u not the first one, %u none, %u spoofed\n",
		      seen.packets, seen.found, seen.not_first, seen.lost, seen.spoofed);
	assert_true(seen.packets >= 200000 && seen.not_first > 50000);
	assert_true(seen.lost > 5000 && seen.spoofed > 2000);
	for (unsigned i = 0; i < 5; i++)
		assert_true(seen.sieves[i] > 100);
	for (unsigned i = 0; i < UPF_SIEVE_VALUES; i++)
		assert_true(seen.values[i] > 20);
	for (unsigned i = 1; i <= UPF_SIEVE_FIELDS; i++)
		assert_true(seen.fields[i] > 20);
}

/* n PDRs for a server's port each, the servers and ports in a row. */
static void servers(unsigned n, bool ports, bool addresses)
{
	struct upf_rules *r = (struct upf_rules *)line[0];
	struct upf_pdr *p = (struct upf_pdr *)line[1];

	*r = (struct upf_rules){.n_ul = (uint16_t)n, .ul = 1, .dl = (uint16_t)(1 + n)};
	for (unsigned i = 0; i < n; i++) {
		struct upf_sdf *s = (struct upf_sdf *)line[1 + n + i];

		p[i] = (struct upf_pdr){
			.qfi_set = UPF_ANY_QFI, .n_sdf = 1, .sdf = (uint16_t)(1 + n + i)};
		*s = (struct upf_sdf){
			.family = 4, .flags = UPF_SDF_PORTS, .remote_len = 32, .ue_port_hi = 65535};
		cst_put_be32(s->remote, 0xcb007100 + (addresses ? i : 0));
		s->remote_port_lo = s->remote_port_hi = (uint16_t)(5000 + (ports ? i : 0));
	}
}

static unsigned first_of(const uint64_t *set, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (set[i / 64] >> i % 64 & 1)
			return i;
	return n;
}

/* PDRs that are looked at in vain for a packet each: of 256, few; else the sieve is for nothing. */
static unsigned looked_at(unsigned n)
{
	const struct upf_rules *r = (const struct upf_rules *)line[0];
	unsigned looks = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct upf_sdf *s = (const struct upf_sdf *)line[1 + n + i];
		struct cst_flow f = {.family = 4,
				     .proto = 17,
				     .flags = CST_FLOW_PORTS,
				     .dst_port = s->remote_port_lo};
		struct upf_ask q = {.flow = &f};
		struct upf_sieving it;
		uint64_t set[4];

		memcpy(f.dst.b, s->remote, 4);
		upf_ask_sieve(r, UPF_UL, &q, &it);
		upf_sieve_pass(&it, set);
		assert_int_equal(upf_sieve_first(&it), first_of(set, n));
		assert_true(set[i / 64] >> i % 64 & 1);
		for (unsigned k = 0; k < i; k++)
			looks += set[k / 64] >> k % 64 & 1;
	}
	return looks;
}

static void test_spares(void **state)
{
	static const uint16_t sizes[] = {4, 16, 17, 64, 128, 256};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		for (unsigned what = 1; what < 4; what++) {
			unsigned n = sizes[i];

			servers(n, what & 1, what & 2);
			assert_true(upf_sieve_compile(line, UPF_UL, 1 + 2 * n, MOST_LINES) >
				    1 + 2 * n);
			assert_true(looked_at(n) <= n / 8);
		}
	}
}

/* One line up to 16 PDRs; none that does not fit or parts nothing. */
static void test_lines(void **state)
{
	struct upf_rules *r = (struct upf_rules *)line[0];

	(void)state;
	servers(16, true, true);
	assert_int_equal(upf_sieve_compile(line, UPF_UL, 33, 33), 33);
	assert_int_equal(r->sieve[UPF_UL].line, 0);
	assert_int_equal(upf_sieve_compile(line, UPF_UL, 33, 34), 34);
	assert_int_equal(r->sieve[UPF_UL].line, 33);
	assert_int_equal(r->sieve[UPF_DL].line, 0);
	servers(3, true, true);
	assert_int_equal(upf_sieve_compile(line, UPF_UL, 7, MOST_LINES), 7);
	servers(256, false, false);
	assert_int_equal(upf_sieve_compile(line, UPF_UL, 513, MOST_LINES), 513);
	servers(256, true, false);
	assert_int_equal(upf_sieve_compile(line, UPF_UL, 513, MOST_LINES) % 32, 513 % 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_spares),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
