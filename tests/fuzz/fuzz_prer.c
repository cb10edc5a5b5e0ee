/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence recovery on arbitrary sequences of packets, silences, resets and other
 * parameters, against a model that knows of every number since the reset whether it
 * came. The input: seven bytes of parameters, then three for each step.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prer_core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

struct model {
	uint8_t came[1 << 16]; /* by number: further apart are no two in a window */
	uint32_t seq, window;  /* window 0: whatever comes is taken */
	uint32_t expected;     /* with resync; ~0: none */
	uint64_t deadline;     /* of the timer, 0: it does not run */
	uint64_t passed, discarded, rogue, decoded;
};

struct run {
	struct prer_params p;
	struct prer_recovery r;
	struct prer_counts c;
	uint64_t *ring; /* exactly as long as it is, so that a word too far is seen */
	unsigned bits;
	int individual;
	uint64_t now;
};

static void model_reset(struct model *m)
{
	m->window = 0;
	m->deadline = 0;
	m->expected = ~0u;
}

/* What the history is kept by, as struct prer_recovery has it. */
static uint32_t window(const struct run *x)
{
	return x->p.algorithm == PRER_MATCH ? 1 : x->p.history;
}

/* A ring of another size is a new one, with a reset; another length in the same ring needs none. */
static void set_history(struct run *x, struct model *m, uint32_t history, int match)
{
	uint32_t mask = 63;

	history = 2 + history % 8191;
	while (!match && mask + 1 < history)
		mask = 2 * mask + 1;
	x->p.history = history;
	x->p.algorithm = match ? PRER_MATCH : PRER_VECTOR;
	if (mask == x->p.mask)
		return;
	x->p.mask = mask;
	free(x->ring);
	x->ring = mask > 63 ? calloc((mask + 1) / 64, 8) : NULL;
	must(mask == 63 || x->ring);
	prer_reset(&x->r, &x->c, x->ring, &x->p);
	model_reset(m);
}

static void model_load(struct model *m, const struct run *x)
{
	m->deadline = x->p.reset ? x->now + x->p.reset : 0;
}

static enum prer_verdict model_take(struct model *m, const struct run *x, uint32_t seq)
{
	m->seq = seq;
	m->expected = ~0u;
	m->passed++;
	model_load(m, x);
	return PRER_PASS;
}

static enum prer_verdict model_first(struct model *m, const struct run *x, uint32_t seq)
{
	memset(m->came, 0, sizeof(m->came));
	m->came[seq & 0xffff] = 1;
	m->window = window(x);
	return model_take(m, x, seq);
}

static enum prer_verdict model_refuse(struct model *m, const struct run *x, uint64_t *count,
				      enum prer_verdict v)
{
	++*count;
	if (x->individual)
		model_load(m, x);
	return v;
}

static enum prer_verdict model_rx(struct model *m, const struct run *x, uint32_t seq)
{
	int32_t d = prer_delta(m->seq, seq, x->bits), h = (int32_t)x->p.history;

	if (m->window != window(x))
		return model_first(m, x, seq);
	if (x->p.algorithm == PRER_MATCH)
		return d ? model_take(m, x, seq)
			 : model_refuse(m, x, &m->discarded, PRER_DUPLICATE);
	if (d <= -h || d > h || (d == h && (x->p.flags & PRER_RULE_2017))) {
		if ((x->p.flags & PRER_RESYNC) && seq == m->expected)
			return model_first(m, x, seq);
		m->expected = (seq + 1) & ((1u << x->bits) - 1);
		return model_refuse(m, x, &m->rogue, PRER_ROGUE);
	}
	if (d <= 0 && m->came[seq & 0xffff])
		return model_refuse(m, x, &m->discarded, PRER_DUPLICATE);
	for (int32_t i = 1; i <= d; i++)
		m->came[(m->seq + (uint32_t)i) & 0xffff] = 0;
	m->came[seq & 0xffff] = 1;
	return model_take(m, x, d > 0 ? seq : m->seq);
}

static enum prer_verdict model_none(struct model *m, const struct run *x)
{
	if (x->p.algorithm != PRER_MATCH) {
		if (!(x->p.flags & PRER_TAKE_NO_SEQUENCE)) {
			m->discarded++;
			return PRER_TAGLESS;
		}
		model_load(m, x);
	}
	m->passed++;
	return PRER_PASS;
}

/* The ring holds what the model knows, and nothing else. */
static void same_history(const struct run *x, const struct model *m)
{
	const uint64_t *ring = x->p.mask > 63 ? x->ring : &x->r.history;
	uint32_t set = 0, came = 0;

	if (m->window <= 1 || m->window != window(x))
		return;
	for (uint32_t i = 0; i <= x->p.mask >> 6; i++)
		set += (uint32_t)__builtin_popcountll(ring[i]);
	for (uint32_t i = 0; i < m->window; i++) {
		uint32_t seq = m->seq - i;

		came += m->came[seq & 0xffff];
		must((ring[(seq & x->p.mask) >> 6] >> (seq & 63) & 1) == m->came[seq & 0xffff]);
	}
	must(set == came);
}

static void packet(struct run *x, struct model *m, uint32_t seq, int none)
{
	enum prer_verdict v, w;

	seq &= (1u << x->bits) - 1;
	if (m->deadline && x->now >= m->deadline)
		model_reset(m);
	w = none ? model_none(m, x) : model_rx(m, x, seq);
	if (none)
		v = prer_recover_none(&x->r, &x->c, x->ring, &x->p, x->now);
	else if (x->individual)
		v = prer_recover_individual(&x->r, &x->c, x->ring, &x->p, x->bits, seq, x->now);
	else
		v = prer_recover(&x->r, &x->c, x->ring, &x->p, x->bits, seq, x->now);
	m->decoded++;
	must(v == w);
	must(x->r.passed == m->passed && x->r.discarded == m->discarded);
	must(x->r.rogue == m->rogue);
	must(m->decoded == x->r.passed + x->r.discarded + x->r.rogue);
	must(x->c.lost_guarded <= x->c.lost);
}

static void step(struct run *x, struct model *m, const uint8_t *d)
{
	int32_t near = (int8_t)d[1], h = (int32_t)x->p.history;
	uint32_t wide = (uint32_t)d[1] << 8 | d[2];

	switch (d[0] & 7) {
	case 0:
		for (int i = d[1] & 15; i > 0; i--)
			prer_generate(&x->c, x->bits);
		packet(x, m, prer_generate(&x->c, x->bits), 0);
		break;
	case 1:
		packet(x, m, m->seq + (uint32_t)near, 0);
		break;
	case 2:
		packet(x, m, m->seq + (uint32_t)(near + (d[2] & 1 ? h : -h)), 0);
		break;
	case 3:
		packet(x, m, wide << (d[0] >> 4), 0);
		break;
	case 4:
		packet(x, m, 0, 1);
		break;
	case 5:
		x->now += d[0] & 8 ? wide : d[1];
		break;
	case 6:
		prer_reset(&x->r, &x->c, x->ring, &x->p);
		model_reset(m);
		break;
	default:
		set_history(x, m, wide, d[0] & 8);
		break;
	}
	same_history(x, m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned widths[] = {16, 24, 28, 16};
	static struct model m;
	struct run x = {.now = 1};

	if (size < 7)
		return 0;
	memset(&m, 0, sizeof(m));
	m.expected = ~0u;
	x.bits = widths[data[0] & 3];
	x.individual = data[0] >> 2 & 1;
	x.p.flags = data[1] & (PRER_RULE_2017 | PRER_TAKE_NO_SEQUENCE | PRER_RESYNC);
	x.p.reset = (uint64_t)data[2] << (data[3] & 7);
	x.c.gen_seq = (uint32_t)-data[4] & ((1u << x.bits) - 1);
	set_history(&x, &m, (uint32_t)data[5] << 8 | data[6], data[1] & 8);
	for (size_t i = 7; i + 3 <= size; i += 3)
		step(&x, &m, data + i);
	free(x.ring);
	return 0;
}
