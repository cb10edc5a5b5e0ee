/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile_sieve.h"

#include <stdbool.h>
#include <string.h>

#include "upf_match.h"

#define WORDS (UPF_SIEVE_MOST / 64)

/* Longer ranges of ports admit every category; so they nearly do anyway. */
#define MOST_PORTS 256

/* A field takes a line more of each packet, but for the second one of a small sieve. Without it
 * PDRs are looked at that do not match, and the packet stays behind the others of its burst
 * meanwhile: it must spare every eighth packet that. */
#define WORTH(n) ((n) <= UPF_SIEVE_SMALL ? 1 : (n) / 8)

/* A set of PDRs. */
struct set {
	uint64_t w[WORDS];
};

/* Which PDRs each category of one field admits. */
struct field {
	unsigned kind;
	bool is_small; /* 16 categories */
	struct set of[UPF_SIEVE_CATEGORIES];
	struct set always; /* those that every category admits: in `of` at the end only */
	uint8_t typical[UPF_SIEVE_MOST]; /* category of packets meant for a PDR */
};

struct rules {
	const struct upf_rules *r;
	const struct upf_pdr *pdr;
	unsigned n;
};

/* ---- one PDR in one field ------------------------------------------------------------------- */

static void admit(struct field *f, unsigned pdr, uint32_t value)
{
	uint32_t c = upf_sieve_category(f->kind, value, f->is_small);

	f->of[c].w[pdr / 64] |= 1ull << pdr % 64;
	f->typical[pdr] = (uint8_t)c;
}

static void admit_all(struct field *f, unsigned pdr)
{
	f->always.w[pdr / 64] |= 1ull << pdr % 64;
	/* any packet; they are not all alike */
	f->typical[pdr] = (uint8_t)upf_sieve_category(f->kind, pdr, f->is_small);
}

static void admit_ports(struct field *f, unsigned pdr, const struct upf_sdf *s, uint32_t lo,
			uint32_t hi)
{
	if (!(s->flags & UPF_SDF_PORTS) || hi - lo >= MOST_PORTS)
		admit_all(f, pdr);
	else
		for (uint32_t port = lo; port <= hi; port++)
			admit(f, pdr, port);
}

static void admit_dscp(struct field *f, unsigned pdr, const struct upf_sdf *s)
{
	for (uint32_t dscp = 0; dscp < 64; dscp++)
		if (!((s->tos ^ dscp << 2) & s->tos_mask & 0xfc))
			admit(f, pdr, dscp);
}

static void admit_filter(struct field *f, unsigned pdr, const struct upf_sdf *s)
{
	switch (f->kind >> 1) {
	case UPF_SIEVE_PORT:
		/* ESP and AH have no ports, and a packet with ports no SPI */
		if ((s->flags & UPF_SDF_SPI) && !(s->flags & UPF_SDF_PORTS))
			return admit(f, pdr, s->spi);
		return admit_ports(f, pdr, s, s->remote_port_lo, s->remote_port_hi);
	case UPF_SIEVE_UE_PORT:
		return admit_ports(f, pdr, s, s->ue_port_lo, s->ue_port_hi);
	case UPF_SIEVE_ADDR:
		if (s->family != 0 && s->remote_len == (s->family == 4 ? 32 : 128))
			return admit(f, pdr, upf_sieve_addr(s->family, s->remote));
		return admit_all(f, pdr);
	case UPF_SIEVE_NET:
		if (s->family != 0 && s->remote_len >= (s->family == 4 ? 24 : 64))
			return admit(f, pdr, upf_sieve_net(s->family, s->remote));
		return admit_all(f, pdr);
	case UPF_SIEVE_PROTO:
		if (s->flags & UPF_SDF_PROTO)
			return admit(f, pdr, s->proto);
		return admit_all(f, pdr);
	default:
		if (s->flags & UPF_SDF_TOS)
			return admit_dscp(f, pdr, s);
		return admit_all(f, pdr);
	}
}

static void admit_pdr(struct field *f, const struct rules *rules, unsigned i)
{
	const struct upf_pdr *p = &rules->pdr[i];
	const struct upf_sdf *s = upf_line(rules->r, p->sdf);

	switch (f->kind >> 1) {
	case UPF_SIEVE_QFI:
		if (p->qfi_set == UPF_ANY_QFI)
			return admit_all(f, i);
		for (uint32_t qfi = 0; qfi < 64; qfi++)
			if (p->qfi_set >> qfi & 1)
				admit(f, i, qfi);
		return;
	case UPF_SIEVE_TEID:
		return p->teid ? admit(f, i, p->teid) : admit_all(f, i);
	default:
		if (p->n_sdf == 0)
			admit_all(f, i);
		for (unsigned k = 0; k < p->n_sdf; k++)
			admit_filter(f, i, &s[k]);
	}
}

/* False: all categories admit the same. */
static bool fill(struct field *f, const struct rules *rules, unsigned kind)
{
	unsigned categories = rules->n <= UPF_SIEVE_SMALL ? 16 : UPF_SIEVE_CATEGORIES;
	bool parts = false;

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->is_small = rules->n <= UPF_SIEVE_SMALL;
	for (unsigned i = 0; i < rules->n; i++)
		if (!(rules->pdr[i].flags & UPF_PDR_NEVER)) /* no packet is for it */
			admit_pdr(f, rules, i);
	for (unsigned c = 0; c < categories; c++) {
		for (unsigned w = 0; w < WORDS; w++) {
			parts |= f->of[c].w[w] != 0;
			f->of[c].w[w] |= f->always.w[w];
		}
	}
	return parts;
}

/* ---- which fields ------------------------------------------------------------------------------
 */

/* PDRs that are looked at and do not match when each PDR gets one packet: those before it that the
 * sieve lets through, by the fields so far (`passed`, for each of the packets) and `f`. */
static unsigned idle_looks(const struct rules *rules, const struct set *passed,
			   const struct field *f)
{
	unsigned looks = 0;

	for (unsigned i = 0; i < rules->n; i++) {
		const struct set *of = &f->of[f->typical[i]];

		for (unsigned w = 0; w <= i / 64; w++) {
			uint64_t before = w < i / 64 ? UINT64_MAX : (1ull << i % 64) - 1;

			looks += (unsigned)__builtin_popcountll(passed[i].w[w] & of->w[w] & before);
		}
	}
	return looks;
}

static void pass(const struct rules *rules, struct set *passed, const struct field *f)
{
	for (unsigned i = 0; i < rules->n; i++)
		for (unsigned w = 0; w < WORDS; w++)
			passed[i].w[w] &= f->of[f->typical[i]].w[w];
}

/* The fields that spare most, one after the other while one more is worth its line. Returns how
 * many. */
static unsigned pick(const struct rules *rules, struct field *out)
{
	unsigned most = rules->n <= UPF_SIEVE_SMALL ? 2 : UPF_SIEVE_FIELDS, n = 0;
	unsigned looks = rules->n * (rules->n - 1) / 2;
	unsigned useless = 0; /* kinds, a bit each */
	struct set passed[UPF_SIEVE_MOST];
	struct field f;

	memset(passed, 0xff, sizeof(passed));
	for (; n < most; n++) {
		unsigned least = looks;

		for (unsigned kind = 0; kind < UPF_SIEVE_KINDS; kind++) {
			unsigned with;

			if (useless >> kind & 1)
				continue;
			if (!fill(&f, rules, kind)) {
				useless |= 1u << kind;
				continue;
			}
			with = idle_looks(rules, passed, &f);
			if (with >= least)
				continue;
			least = with;
			out[n] = f;
		}
		if (looks - least < WORTH(rules->n))
			break;
		looks = least;
		pass(rules, passed, &out[n]);
	}
	return n;
}

/* ---- the table ----------------------------------------------------------------------------------
 */

static void put_field(const struct rules *rules, const struct field *f, unsigned i, void *table)
{
	unsigned words = upf_sieve_words(rules->n);

	for (unsigned c = 0; f->is_small && c < 16; c++)
		((uint16_t *)table)[16 * i + c] = (uint16_t)f->of[c].w[0];
	for (unsigned c = 0; !f->is_small && c < UPF_SIEVE_CATEGORIES; c++)
		memcpy((uint64_t *)table + (UPF_SIEVE_CATEGORIES * i + c) * words, f->of[c].w,
		       words * sizeof(uint64_t));
}

unsigned upf_sieve_compile(char (*line)[64], enum upf_dir dir, unsigned at, unsigned most)
{
	struct upf_rules *r = (struct upf_rules *)line[0];
	struct rules rules = {.r = r, .pdr = upf_pdrs(r, dir), .n = upf_n_pdrs(r, dir)};
	struct field fields[UPF_SIEVE_FIELDS];
	unsigned end, n, kinds = 0;

	if (rules.n < UPF_SIEVE_FROM || rules.n > UPF_SIEVE_MOST)
		return at;
	n = pick(&rules, fields);
	end = at + (rules.n <= UPF_SIEVE_SMALL ? 1 : 8 * upf_sieve_words(rules.n) * n);
	if (n == 0 || end > most)
		return at;
	memset(line[at], 0, (size_t)(end - at) * 64);
	for (unsigned i = 0; i < n; i++) {
		put_field(&rules, &fields[i], i, line[at]);
		kinds |= fields[i].kind << 4 * i;
	}
	((struct upf_pdr *)line[dir == UPF_UL ? r->ul : r->dl])->first = UPF_OF_MANY;
	r->sieve[dir] = (struct upf_sieve){(uint16_t)at, (uint16_t)(kinds | n << 12)};
	return end;
}
