/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence generation and recovery of one stream (IEEE 802.1CB-2017 7.4, with
 * CBdb-2021): record layout and algorithm. Pure: memory and time come in as
 * arguments. Compiles with gcc -std=gnu11 and clang -target bpf.
 *
 * The standard's SequenceHistory is a ring here: the bit of a number is number mod
 * the ring's size, so nothing is shifted. Bits of numbers outside the window, the
 * `history` numbers up to RecovSeqNum, are zero. With a history of up to 64 the
 * ring is the word in the state and `ring` is not looked at; above, `ring` has
 * (mask + 1) / 64 words.
 *
 * The reset timer (RemainingTicks) is read when a packet comes: as the timer stops
 * after one reset until the next packet that is accepted, only the moment when
 * Resets becomes visible differs.
 *
 * Numbers are in host order, `bits` wide: 16, 24 or 28; time is in TSC cycles.
 * Every packet handed in is counted as exactly one of passed, discarded, rogue.
 */
#pragma once

#include <stdint.h>

enum prer_algorithm { PRER_VECTOR, PRER_MATCH };

#define PRER_RULE_2017        0x01 /* |d| < H passes; else CBdb-2021: -H < d <= H */
#define PRER_TAKE_NO_SEQUENCE 0x02
/* Two consecutive numbers outside the window move it, when no packet was passed in between: a
 * sender that has started anew is followed, a path that lags is not. */
#define PRER_RESYNC 0x04

/* What a recovery object asks, compiled; shared by all streams that name it. */
struct prer_params {
	uint64_t reset;    /* TSC cycles without a packet after which any is taken; 0: never */
	uint32_t history;  /* H, 2..8192 */
	uint32_t mask;     /* bits of the ring less one: a power of two, at least H; 63 or more,
			    * PRER_MATCH: 63 */
	uint8_t algorithm; /* enum prer_algorithm */
	uint8_t flags;     /* PRER_RULE_2017 ... */
	uint8_t pad[6];
	uint64_t order_delay; /* POFMaxDelay, TSC cycles */
	uint64_t order_any;   /* POFTakeAnyTime, TSC cycles */
	uint32_t reserved[6];
};
_Static_assert(sizeof(struct prer_params) == 64, "one cache line");

/* Written by the stream's owner worker. Zero: just reset (BEGIN), whatever comes is taken. */
struct prer_recovery {
	uint64_t history; /* the ring of up to 64; unused when it lies elsewhere */
	uint64_t last;    /* when the reset timer was loaded last */
	uint64_t passed, discarded, rogue, out_of_order; /* frerSeqRcvy...Packets */
	uint32_t seq;                                    /* RecovSeqNum */
	uint32_t since;   /* numbers that the window moved on since the reset, up to H - 1 */
	uint32_t outside; /* PRER_RESYNC: what would move the window | PRER_OUTSIDE; 0: nothing */
	uint16_t window;  /* H that the history is kept by, PRER_MATCH: 1; 0: TakeAny */
	uint8_t running;  /* the reset timer */
	uint8_t epoch;    /* of management's resets, as far as they are done */
};
_Static_assert(sizeof(struct prer_recovery) == 64, "one cache line");

#define PRER_OUTSIDE (1u << 31)
#define PRER_GONE_ON UINT32_MAX /* in `outside`, whatever the algorithm: see prer_go_on() */

/* What is rarer, and the sending side. */
struct prer_counts {
	uint64_t lost;         /* frerSeqRcvyLostPackets, as the standard has it */
	uint64_t lost_guarded; /* less those that a reset makes up */
	uint64_t tagless;
	uint64_t generated;
	uint64_t encode_errored; /* frerSeqEncErroredPackets: too big for a path, so on none */
	uint32_t resets,
		gen_resets; /* after BEGIN: read them by prer_resets(), prer_gen_resets() */
	uint32_t gen_seq;   /* GenSeqNum, the next one */
	uint32_t sample;    /* health: number whose second copy is waited for */
	uint32_t sample_at; /* and when the first came, TSC >> 10 */
	uint8_t generator_epoch, paths_epoch; /* as in struct prer_recovery */
	uint8_t pad[2];
};
_Static_assert(sizeof(struct prer_counts) == 64, "one cache line");

enum prer_verdict {
	PRER_PASS,
	PRER_DUPLICATE, /* counted as discarded */
	PRER_ROGUE,
	PRER_TAGLESS, /* no number and none are taken; counted as discarded */
};

/* ---- sequence generation (7.4.1) ------------------------------------------ */

/* The number for the next packet, before it is replicated. No numbers, `bits` 0: always 0. */
static inline uint32_t prer_generate(struct prer_counts *c, unsigned bits)
{
	uint32_t seq = c->gen_seq;

	c->gen_seq = (seq + 1) & ((1u << bits) - 1);
	c->generated++;
	return seq;
}

/* SequenceGenerationReset. */
static inline void prer_generate_reset(struct prer_counts *c)
{
	c->gen_seq = 0;
	c->gen_resets++;
}

/* frerCpsSeqRcvyResets and frerCpsSeqGenResets: BEGIN, which left zeros, counts. */
static inline uint32_t prer_resets(const struct prer_counts *c)
{
	return c->resets + 1;
}

static inline uint32_t prer_gen_resets(const struct prer_counts *c)
{
	return c->gen_resets + 1;
}

/* ---- the history ------------------------------------------------------------ */

static inline uint64_t *prer_ring(struct prer_recovery *r, uint64_t *ring,
				  const struct prer_params *p)
{
	return p->mask < 64 ? &r->history : ring;
}

static inline uint64_t *prer_ring_word(uint64_t *ring, const struct prer_params *p, uint32_t seq)
{
	return &ring[(seq & p->mask) >> 6];
}

/* Clears the bits of `n` numbers, at most the ring's size, from `seq` on; tells how many of them
 * were clear already. */
static inline uint32_t prer_ring_clear(uint64_t *ring, const struct prer_params *p, uint32_t seq,
				       uint32_t n)
{
	uint32_t clear = 0;

	while (n > 0) {
		uint64_t *word = prer_ring_word(ring, p, seq);
		uint32_t bit = seq & 63;
		uint32_t k = n < 64 - bit ? n : 64 - bit;
		uint64_t bits = (~0ull >> (64 - k)) << bit;

		clear += (uint32_t)__builtin_popcountll(~*word & bits);
		*word &= ~bits;
		seq += k;
		n -= k;
	}
	return clear;
}

/* SequenceRecoveryReset (7.4.3.3), by the timer, by management or because the sender tells that
 * it starts anew: the next packet is taken, whatever its number. `c` as for prer_recover(). */
static inline void prer_reset(struct prer_recovery *r, struct prer_counts *c, uint64_t *ring,
			      const struct prer_params *p)
{
	uint64_t *word = prer_ring(r, ring, p);

	for (uint32_t i = 0; i <= p->mask >> 6; i++)
		word[i] = 0;
	r->since = 0;
	r->outside = 0;
	r->window = 0;
	r->running = 0;
	if (c)
		c->resets++;
}

/* The window moves on by `d` numbers, 1 <= d <= H. What leaves it and never came is lost, but a
 * number from before the reset may well have come then. */
static inline void prer_advance(struct prer_recovery *r, struct prer_counts *c, uint64_t *ring,
				const struct prer_params *p, uint32_t d)
{
	uint32_t oldest = r->seq + 1 - p->history, old = p->history - 1 - r->since;
	uint32_t lost, unknown = 0;

	if (__builtin_expect(d == 1 && old == 0, 1)) {
		uint64_t *word = prer_ring_word(ring, p, oldest), bit = 1ull << (oldest & 63);

		lost = !(*word & bit);
		*word &= ~bit;
	} else {
		if (old > d)
			old = d;
		unknown = prer_ring_clear(ring, p, oldest, old);
		lost = prer_ring_clear(ring, p, oldest + old, d - old);
		r->since += old;
	}
	if (__builtin_expect((lost | unknown) && c, 0)) {
		c->lost += lost + unknown;
		c->lost_guarded += lost;
	}
}

/* ---- sequence recovery (7.4.3.4, 7.4.3.5) ------------------------------------ */

/* From one number to another, the shorter way round. */
static inline int32_t prer_delta(uint32_t from, uint32_t to, unsigned bits)
{
	return (int32_t)((to - from) << (32 - bits)) >> (32 - bits);
}

static inline void prer_timer_load(struct prer_recovery *r, uint64_t now)
{
	r->last = now;
	r->running = 1;
}

/* Did the reset timer run out before now? A clock that differs a little between two workers, the
 * old owner and the new one, is no reason. */
static inline int prer_timer_out(const struct prer_recovery *r, const struct prer_params *p,
				 uint64_t now)
{
	uint64_t since = now - r->last;

	return __builtin_expect(since > p->reset - 1, 0) && (int64_t)since > 0 && r->running;
}

/* One packet at one recovery function; lives in registers. */
struct prer_rx {
	struct prer_recovery *r;
	struct prer_counts *c; /* NULL: what it counts is not wanted */
	uint64_t *ring;
	const struct prer_params *p;
	uint64_t now;
	uint32_t seq, bits;
	int individual; /* what is not passed loads the timer too */
};

static inline __attribute__((always_inline)) enum prer_verdict prer_take(const struct prer_rx *x,
									 uint32_t seq)
{
	x->r->seq = seq;
	x->r->outside = 0;
	x->r->passed++;
	prer_timer_load(x->r, x->now);
	return PRER_PASS;
}

/* TakeAny, or the history is kept by another length or algorithm than asked now. */
static inline __attribute__((always_inline)) enum prer_verdict
prer_take_any(const struct prer_rx *x, uint32_t window)
{
	uint64_t *ring = prer_ring(x->r, x->ring, x->p);

	if (x->r->window)
		prer_reset(x->r, x->c, x->ring, x->p);
	x->r->window = (uint16_t)window;
	*prer_ring_word(ring, x->p, x->seq) |= 1ull << (x->seq & 63);
	return prer_take(x, x->seq);
}

static inline __attribute__((always_inline)) enum prer_verdict prer_discard(const struct prer_rx *x)
{
	x->r->discarded++;
	if (x->individual)
		prer_timer_load(x->r, x->now);
	return PRER_DUPLICATE;
}

static inline __attribute__((always_inline)) enum prer_verdict prer_outside(const struct prer_rx *x,
									    int32_t d)
{
	if (x->r->outside == PRER_GONE_ON && d > 0)
		return prer_take_any(x, x->p->history);
	if (x->p->flags & PRER_RESYNC) {
		if (x->r->outside == (x->seq | PRER_OUTSIDE))
			return prer_take_any(x, x->p->history);
		x->r->outside = ((x->seq + 1) & ((1u << x->bits) - 1)) | PRER_OUTSIDE;
	}
	x->r->rogue++;
	if (x->individual)
		prer_timer_load(x->r, x->now);
	return PRER_ROGUE;
}

static inline __attribute__((always_inline)) enum prer_verdict prer_match(const struct prer_rx *x,
									  int32_t d)
{
	if (d == 0)
		return prer_discard(x);
	x->r->out_of_order += d != 1;
	return prer_take(x, x->seq);
}

static inline __attribute__((always_inline)) enum prer_verdict prer_vector(const struct prer_rx *x,
									   int32_t d)
{
	int32_t h = (int32_t)x->p->history, ahead = h - (x->p->flags & PRER_RULE_2017 ? 1 : 0);
	uint64_t *ring, *word, bit = 1ull << (x->seq & 63);

	if (__builtin_expect(d <= -h || d > ahead, 0))
		return prer_outside(x, d);
	ring = prer_ring(x->r, x->ring, x->p);
	word = prer_ring_word(ring, x->p, x->seq);
	if (d <= 0 && (*word & bit))
		return prer_discard(x);
	if (d > 0)
		prer_advance(x->r, x->c, ring, x->p, (uint32_t)d);
	*word |= bit;
	x->r->out_of_order += d != 1;
	return prer_take(x, d > 0 ? x->seq : x->r->seq);
}

static inline __attribute__((always_inline)) enum prer_verdict prer_rx(const struct prer_rx *x)
{
	int match = x->p->algorithm == PRER_MATCH;
	uint32_t window = match ? 1 : x->p->history;
	int32_t d;

	if (prer_timer_out(x->r, x->p, x->now))
		prer_reset(x->r, x->c, x->ring, x->p);
	if (__builtin_expect(x->r->window != window, 0))
		return prer_take_any(x, window);
	d = prer_delta(x->r->seq, x->seq, x->bits);
	return match ? prer_match(x, d) : prer_vector(x, d);
}

/* This end was away, and nobody knows for how many packets: the next one ahead of the window is
 * taken, since without that all were rogue until the reset timer ends. What was passed before is
 * still known. */
static inline void prer_go_on(struct prer_recovery *r)
{
	r->outside = PRER_GONE_ON;
}

/* Base recovery: a packet with number `seq` came. `c` NULL: what it counts is not wanted. */
static inline __attribute__((always_inline)) enum prer_verdict
prer_recover(struct prer_recovery *r, struct prer_counts *c, uint64_t *ring,
	     const struct prer_params *p, unsigned bits, uint32_t seq, uint64_t now)
{
	struct prer_rx x = {r, c, ring, p, now, seq, bits, 0};

	return prer_rx(&x);
}

/* Individual recovery, of one path before the base recovery: what is not passed loads the timer
 * too, so that a sender that repeats itself stays blocked. */
static inline __attribute__((always_inline)) enum prer_verdict
prer_recover_individual(struct prer_recovery *r, struct prer_counts *c, uint64_t *ring,
			const struct prer_params *p, unsigned bits, uint32_t seq, uint64_t now)
{
	struct prer_rx x = {r, c, ring, p, now, seq, bits, 1};

	return prer_rx(&x);
}

/* A packet without a number came, to either. */
static inline enum prer_verdict prer_recover_none(struct prer_recovery *r, struct prer_counts *c,
						  uint64_t *ring, const struct prer_params *p,
						  uint64_t now)
{
	if (prer_timer_out(r, p, now))
		prer_reset(r, c, ring, p);
	if (c)
		c->tagless++;
	if (p->algorithm != PRER_MATCH) {
		if (!(p->flags & PRER_TAKE_NO_SEQUENCE)) {
			r->discarded++;
			return PRER_TAGLESS;
		}
		prer_timer_load(r, now);
	}
	r->passed++;
	return PRER_PASS;
}

/* ---- latent error detection (7.4.4), control side ----------------------------- */

/* What should stand still: copies due less copies that came. LatentErrorReset makes it
 * CurBaseDifference. Packets without a number are no copies of anything. */
static inline int64_t prer_latent_balance(const struct prer_recovery *r,
					  const struct prer_counts *c, const struct prer_params *p,
					  unsigned paths)
{
	int taken = p->algorithm == PRER_MATCH || (p->flags & PRER_TAKE_NO_SEQUENCE);
	uint64_t passed = r->passed - (taken ? c->tagless : 0);
	uint64_t discarded = r->discarded - (taken ? 0 : c->tagless);

	return (int64_t)(passed * (paths - 1) - discarded);
}

/* LatentErrorTest: is it to be signalled? */
static inline int prer_latent_error(int64_t base, int64_t balance, unsigned paths,
				    uint32_t difference)
{
	int64_t e = base - balance;

	return paths > 1 && (e < 0 ? -e : e) > (int64_t)difference;
}
