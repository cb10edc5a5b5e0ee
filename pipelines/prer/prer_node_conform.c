/* SPDX-License-Identifier: BSD-3-Clause */
/* Known streams of members through the nodes, and the counters of IEEE 802.1CB clause 10 that must
 * come of them. One packet a millisecond, each by path A and path B. */
#include "prer_node_rig.h"

#include <string.h>

#include "be.h"
#include "engine/worker.h"

#define NONE (-1) /* lost, or no number */

struct counts {
	uint64_t passed, discarded, out_of_order, rogue, lost, tagless;
};

static uint16_t got[4096]; /* delivered, by the number in the payload */
static unsigned n_got;

/* A member with this number, which its payload repeats; NONE: one without. */
static void member(uint16_t port, int seq)
{
	uint8_t f[60] = {2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 1, 0xf1, 0xc1};
	uint8_t *type = seq == NONE ? f + 12 : f + 18;

	if (seq != NONE)
		cst_put_be16(f + 16, (uint16_t)seq);
	cst_put_be16(type, 0x88b5);
	cst_put_be16(type + 2, (uint16_t)seq);
	come(port, f, sizeof(f));
	if (ended[0].end == FRAME_OUT) {
		struct rte_mbuf *m = expect(FRAME_OUT, PORT_LISTENER);

		assert_int_equal(m->pkt_len, seq == NONE ? 60 : 54);
		got[n_got++ % 4096] = cst_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 14));
		rte_pktmbuf_free(m);
	} else {
		rte_pktmbuf_free(expect(DROPPED, 0));
	}
	expect_nothing();
}

static void start(uint8_t algorithm, uint32_t history, uint8_t flags)
{
	rig_reset(NULL);
	params[1].algorithm = algorithm;
	params[1].history = history;
	params[1].flags = flags;
	n_got = 0;
}

static void check(const char *name, struct counts want, unsigned delivered)
{
	const struct prer_recovery *r = &STATE(RECEIVES)->recovery;
	const struct prer_counts *c = &STATE(RECEIVES)->counts;
	struct counts have = {r->passed, r->discarded, r->out_of_order,
			      r->rogue,  c->lost,      c->tagless};

	if (memcmp(&have, &want, sizeof(have)))
		fail_msg("%s: P%d D%d O%d R%d L%d T%d", name, (int)have.passed, (int)have.discarded,
			 (int)have.out_of_order, (int)have.rogue, (int)have.lost,
			 (int)have.tagless);
	assert_int_equal(n_got, delivered);
	assert_int_equal(prer_resets(c), 1);
	conserved();
}

/* The first `n` numbers of `from`, by the paths that do not lose them; B's copy `lag` packets
 * later. */
typedef bool (*loses)(uint32_t i);
static bool never(uint32_t i)
{
	return false;
}
static bool always(uint32_t i)
{
	return true;
}
static bool odd(uint32_t i)
{
	return i % 2;
}
static bool even(uint32_t i)
{
	return i % 2 == 0;
}
static bool tenth(uint32_t i)
{
	return i % 10 == 5;
}
static bool from_500(uint32_t i)
{
	return i >= 500;
}
static bool five(uint32_t i)
{
	return i >= 20 && i < 25;
}

static void run(uint32_t n, loses a, loses b, uint32_t lag)
{
	for (uint32_t i = 0; i < n + lag; i++, worker.now += MS) {
		if (i < n && !a(i))
			member(PORT_A, (int)i);
		if (i >= lag && !b(i - lag))
			member(PORT_B, (int)(i - lag));
	}
}

static void each(const int *seq, unsigned n, bool twice)
{
	for (unsigned i = 0; i < n; i++, worker.now += MS) {
		member(PORT_A, seq[i]);
		if (twice)
			member(PORT_B, seq[i]);
	}
}
#define EACH(twice, ...) \
	each((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int), twice)

static void in_order(void)
{
	for (unsigned i = 0; i < n_got; i++)
		assert_int_equal(got[i], i);
}

static void vector(void)
{
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, never, never, 0);
	check("both paths", (struct counts){1000, 1000, 0, 0, 7, 0}, 1000);
	in_order();
	start(PRER_VECTOR, 64, PRER_RULE_2017);
	run(1000, never, never, 0);
	check("both paths, H 64", (struct counts){1000, 1000, 0, 0, 63, 0}, 1000);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, never, always, 0);
	check("A only", (struct counts){1000, 0, 0, 0, 7, 0}, 1000);
	in_order();
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, odd, even, 0);
	check("each loses half", (struct counts){1000, 0, 0, 0, 7, 0}, 1000);
	in_order();
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, tenth, never, 3);
	check("A loses a tenth, B lags", (struct counts){1000, 900, 200, 0, 7, 0}, 1000);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(60, five, five, 0);
	check("joint loss", (struct counts){55, 55, 1, 0, 12, 0}, 55);
	assert_int_equal(STATE(RECEIVES)->counts.lost_guarded, 5);
}

static void wraps_and_storms(void)
{
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(true, 65533, 65534, 65535, 0, 1, 2);
	check("wrap", (struct counts){6, 6, 0, 0, 5, 0}, 6);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(false, 65534, 0, 65535, 0, 1, 65535);
	check("wrap out of order", (struct counts){4, 2, 2, 0, 3, 0}, 4);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(false, 0, 1, 2, 3, 4, 5, 6, 7, 10, 8, 9, 11);
	check("out of order", (struct counts){12, 0, 3, 0, 7, 0}, 12);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(false, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 13, 12);
	check("edge of the window", (struct counts){20, 0, 2, 1, 8, 0}, 20);
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(false, 0);
	for (int i = 0; i < 1000; i++)
		member(PORT_A, 1);
	EACH(false, 2);
	check("storm", (struct counts){3, 999, 0, 0, 2, 0}, 3);
}

static void one_path_dies(void)
{
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, from_500, never, 3);
	check("A dies, B lags 3", (struct counts){1000, 500, 0, 0, 7, 0}, 1000);
	in_order();
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	run(1000, from_500, never, 10);
	check("A dies, B lags 10", (struct counts){1000, 8, 0, 492, 7, 0}, 1000);
}

static void without_numbers(void)
{
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	EACH(false, 0, NONE, 1, NONE, 1);
	check("tagless", (struct counts){2, 3, 0, 0, 1, 2}, 2);
	start(PRER_VECTOR, 8, PRER_RULE_2017 | PRER_TAKE_NO_SEQUENCE);
	EACH(false, 0, NONE, 1, NONE, 1);
	check("tagless, taken", (struct counts){4, 1, 0, 0, 1, 2}, 4);
	start(PRER_MATCH, 8, 0);
	EACH(false, 0, NONE, 1, NONE, 1);
	check("tagless, match", (struct counts){4, 1, 0, 0, 0, 2}, 4);
}

static void match(void)
{
	start(PRER_MATCH, 8, 0);
	run(10, never, never, 0);
	check("match", (struct counts){10, 10, 0, 0, 0, 0}, 10);
	start(PRER_MATCH, 8, 0);
	run(10, never, never, 1);
	check("match, B lags", (struct counts){20, 0, 17, 0, 0, 0}, 20);
}

void conformance(void **state)
{
	vector();
	wraps_and_storms();
	one_path_dies();
	without_numbers();
	match();
}

/* What one path repeats ends at that path, and its repetitions keep it blocked. */
void individual_recovery(void **state)
{
	start(PRER_VECTOR, 8, PRER_RULE_2017);
	streams[RECEIVES].flags |= PRER_INDIV;
	streams[RECEIVES].individual = 1;
	EACH(true, 0, 1);
	for (int i = 0; i < 200; i++, worker.now += MS)
		member(PORT_A, 1);
	assert_int_equal(STATE(RECEIVES)->recovery.passed, 2);
	assert_int_equal(STATE(RECEIVES)->recovery.discarded, 2);
	assert_int_equal(prer_tables.individual[1].discarded, 200);
	assert_int_equal(prer_tables.individual[2].passed, 2);
	assert_int_equal(n_got, 2);
	conserved();
}
