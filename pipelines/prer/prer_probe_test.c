/* SPDX-License-Identifier: BSD-3-Clause */
/* Path probes: questions, answers and what is neither. */
#include "prer_dcw_rig.h"

/* A probe by path `i`, come in. */
static struct rte_mbuf *probe(unsigned i, uint8_t kind, uint32_t token)
{
	struct prer_probe p = {
		.kind = kind, .path = i, .token = token, .seq = 41, .time = worker.now - 1000};
	struct prer_path *path = &paths[i];
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, path->hdr_len + 8 + PRER_PROBE_LEN);

	prer_dcw_put_outer(b, path, 8 + PRER_PROBE_LEN, 0xc0, 0, 50000, 0);
	cst_dcw_put_ach(b + path->hdr_len, CST_LABEL_GAL, PRER_PROBE_CHANNEL);
	prer_probe_put(b + path->hdr_len + 8, &p);
	if (path->family == 6)
		prer_dcw_fill_csum6(m);
	return come_in(m);
}

static uint8_t into_probe(struct rte_mbuf *m)
{
	uint8_t edge = 0;

	assert_int_equal(into_node(m), TO_PROBE);
	prer_probe_process(&worker, &m, 1, &edge);
	return edge;
}

static void questions_are_answered(void **state)
{
	for (unsigned i = 1; i <= 3; i++) {
		uint32_t own = paths[i].hdr_len + 8u;
		struct rte_mbuf *m = probe(i, PRER_PROBE_QUESTION, 0x1234);
		struct cst_ip_info info = {0};
		struct prer_probe p;
		uint8_t *b;

		assert_non_null(rte_pktmbuf_append(m, 11)); /* padding, which is not sent back */
		assert_int_equal(into_probe(m), 0);
		b = rte_pktmbuf_mtod(m, uint8_t *);
		assert_int_equal(m->pkt_len, own + PRER_PROBE_LEN);
		assert_int_equal(cst_ip_parse(b, m->pkt_len, &info), 0);
		/* from the address that was asked to the one that asked */
		assert_memory_equal(b + (i == 3 ? 8 : 12), paths[i].hdr + (i == 3 ? 8 : 12),
				    i == 3 ? 32 : 8);
		assert_true(cst_udp_csum_ok(b, b + info.l4_off, m->pkt_len - info.l4_off, 0));
		if (i != 3)
			assert_true(cst_ip4_csum_ok(b));
		assert_int_equal(prer_probe_parse(b + own, PRER_PROBE_LEN, &p), 0);
		assert_int_equal(p.kind, PRER_PROBE_ANSWER);
		assert_int_equal(p.token, 0x1234);
		assert_int_equal(p.seq, 41);
		assert_int_equal(p.time, worker.now - 1000);
		assert_int_equal(cst_pkt(m)->flags, CST_PKT_LOCAL);
		rte_pktmbuf_free(m);
	}
}

static void answers_are_told_if_they_are_ours(void **state)
{
	struct rte_mbuf *m;

	n_notices = 0;
	assert_int_equal(into_probe(probe(2, PRER_PROBE_ANSWER, prer_probe_token(2))),
			 CST_EDGE_TAKEN);
	assert_int_equal(n_notices, 1);
	assert_int_equal(last_notice.path, 2);
	assert_int_equal(last_notice.seq, 41);
	assert_int_equal(last_notice.cycles, 1000);

	m = probe(2, PRER_PROBE_ANSWER, prer_probe_token(2) + 1);
	expect_drop(m, into_probe(m), "prer.probe_foreign");
	m = probe(2, PRER_PROBE_ANSWER, prer_probe_token(2));
	rte_pktmbuf_mtod(m, uint8_t *)[15] ^= 1; /* not from the path's far end */
	expect_drop(m, into_probe(m), "prer.probe_foreign");
	m = probe(2, PRER_PROBE_ANSWER, prer_probe_token(99));
	cst_put_be32(rte_pktmbuf_mtod_offset(m, uint8_t *, 36 + 4), 99);
	expect_drop(m, into_probe(m), "prer.probe_foreign");
	/* an own question: the path leads back */
	m = probe(2, PRER_PROBE_QUESTION, prer_probe_token(2));
	expect_drop(m, into_probe(m), "prer.probe_loop");
	assert_int_equal(n_notices, 1);
}

static void bad_probes_are_dropped_by_name(void **state)
{
	struct rte_mbuf *m;

	for (uint16_t len = 0; len < PRER_PROBE_LEN; len++) {
		m = probe(1, PRER_PROBE_QUESTION, 1);
		cst_put_be16(label_of(m) - 4, 16 + len);
		expect_drop(m, into_probe(m), "prer.probe_malformed");
	}
	for (unsigned at = 0; at < 4; at++) {
		m = probe(1, PRER_PROBE_QUESTION, 1);
		label_of(m)[8 + at] ^= 0x14;
		expect_drop(m, into_probe(m), "prer.probe_malformed");
	}
}

static void a_flood_of_questions_is_cut_off(void **state)
{
	unsigned answered = 0;
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 1000; i++) {
		uint8_t edge;

		m = probe(1, PRER_PROBE_QUESTION, 1);
		edge = into_probe(m);
		answered += edge == 0;
		rte_pktmbuf_free(m);
	}
	assert_true(answered < 210);
	worker.now += rte_get_tsc_hz();
	m = probe(1, PRER_PROBE_QUESTION, 1);
	assert_int_equal(into_probe(m), 0);
	rte_pktmbuf_free(m);
}

/* A probe frame with or without a tag, come in by `port`. */
static struct rte_mbuf *frame(uint16_t port, uint16_t tci, uint8_t kind, uint32_t token)
{
	static const uint8_t group[6] = {3}, peer[6] = {2, 0, 0, 0, 0, 9};
	struct prer_probe p = {.kind = kind, .path = 4, .token = token, .seq = 7};
	uint8_t b[64] = {0};
	struct rte_mbuf *m;

	prer_probe_put(b + cst_l2_put(b, group, peer, PRER_PROBE_ETHERTYPE, tci), &p);
	m = mbuf(b, sizeof(b));
	*cst_pkt(m) = (struct cst_pkt){.port = port};
	return m;
}

static uint8_t into_frame(struct rte_mbuf *m)
{
	uint8_t edge = 0;

	prer_probe_frame_process(&worker, &m, 1, &edge);
	return edge;
}

static void frames_are_answered_too(void **state)
{
	for (uint16_t tci = 0; tci <= 0xa064; tci += 0xa064) {
		struct rte_mbuf *m = frame(3, tci, PRER_PROBE_QUESTION, 5);
		uint32_t at = tci ? 18 : 14;
		struct prer_probe p;
		uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);

		assert_int_equal(into_frame(m), 0);
		assert_int_equal(m->pkt_len, 60);
		assert_memory_equal(b, "\2\0\0\0\0\x09\2\2\3\4\5\6", 12);
		assert_true(prer_probe_is_frame(b + at - 2, 60 - at + 2));
		assert_int_equal(prer_probe_parse(b + at, 60 - at, &p), 0);
		assert_int_equal(p.kind, PRER_PROBE_ANSWER);
		assert_int_equal(cst_pkt(m)->port, 3);
		if (tci)
			assert_int_equal(cst_be16(b + 14), tci);
		rte_pktmbuf_free(m);
	}
}

static void answers_in_frames_must_come_by_their_port(void **state)
{
	struct rte_mbuf *m;

	n_notices = 0;
	assert_int_equal(into_frame(frame(3, 0, PRER_PROBE_ANSWER, prer_probe_token(4))),
			 CST_EDGE_TAKEN);
	assert_int_equal(n_notices, 1);
	m = frame(2, 0, PRER_PROBE_ANSWER, prer_probe_token(4));
	expect_drop(m, into_frame(m), "prer.probe_foreign");
	m = frame(3, 0, PRER_PROBE_QUESTION, prer_probe_token(4));
	expect_drop(m, into_frame(m), "prer.probe_loop");
	m = frame(3, 0, PRER_PROBE_QUESTION, 1);
	rte_pktmbuf_trim(m, 64 - 14 - PRER_PROBE_LEN + 1);
	expect_drop(m, into_frame(m), "prer.probe_malformed");
	m = frame(3, 0, PRER_PROBE_QUESTION, 1);
	rte_pktmbuf_mtod(m, uint8_t *)[6] |= 1; /* from a group */
	expect_drop(m, into_frame(m), "prer.probe_malformed");
	assert_int_equal(n_notices, 1);
}

/* ---- the asking side ---------------------------------------------------------------- */

#define MINE   0x0123456789abcdefull
#define THEIRS 0x1111111111111111ull

static struct rte_mbuf *asked; /* the last question, not yet sent on */

uint16_t __wrap_cst_inject(uint16_t w, struct rte_mbuf **pkts, uint16_t n);
uint16_t __wrap_cst_inject(uint16_t w, struct rte_mbuf **pkts, uint16_t n)
{
	assert_int_equal(w, 0);
	assert_int_equal(n, 1);
	assert_null(asked);
	asked = pkts[0];
	return 1;
}

uint16_t __wrap_cst_workers(void);
uint16_t __wrap_cst_workers(void)
{
	return 1;
}

struct rte_mempool *__wrap_cst_packet_pool(void);
struct rte_mempool *__wrap_cst_packet_pool(void)
{
	return pool;
}

static enum prer_probe_state state_of(unsigned i)
{
	struct prer_probe_facts f;

	prer_probe_facts(i, &f);
	return f.state;
}

static void lose(void)
{
	assert_non_null(asked);
	rte_pktmbuf_free(asked);
	asked = NULL;
}

/* The question arrives at another coast, and its answer here. */
static void answer(unsigned i)
{
	struct rte_mbuf *m = asked;

	assert_non_null(m);
	asked = NULL;
	prer_probe_secret = THEIRS;
	if (paths[i].encap == PRER_DCW) {
		assert_int_equal(into_probe(come_in(m)), 0);
		prer_probe_secret = MINE;
		assert_int_equal(into_probe(come_in(m)), CST_EDGE_TAKEN);
	} else {
		assert_int_equal(into_frame(m), 0);
		prer_probe_secret = MINE;
		assert_int_equal(into_frame(m), CST_EDGE_TAKEN);
	}
	prer_probe_hear(&last_notice, sizeof(last_notice));
}

static void silence_brings_a_path_down_and_an_answer_up(void **state)
{
	uint64_t now = 1000;

	for (unsigned i = 1; i <= 4; i++) {
		struct prer_probe_facts f;

		worker.now = rte_rdtsc() + rte_get_tsc_hz();
		assert_int_equal(state_of(i), PRER_PROBE_OFF);
		prer_probe_set(i, 200, 3);
		prer_probe_tick(now += 100);
		assert_int_equal(state_of(i), PRER_PROBE_UNKNOWN);
		answer(i);
		assert_int_equal(state_of(i), PRER_PROBE_UP);
		prer_probe_facts(i, &f);
		assert_int_equal(f.sent, 1);
		assert_int_equal(f.answered, 1);
		assert_true(f.rtt_us > 900000 && f.rtt_us <= 1000000);
		assert_int_equal(f.rtt_us, f.rtt_mean_us);
		/* not before its time */
		prer_probe_tick(now += 100);
		assert_null(asked);
		for (unsigned n = 0; n < 3; n++) {
			prer_probe_tick(now += n ? 200 : 100);
			assert_int_equal(state_of(i), PRER_PROBE_UP);
			lose();
		}
		prer_probe_tick(now += 200);
		assert_int_equal(state_of(i), PRER_PROBE_DOWN);
		assert_false(prer_probe_alive(i));
		answer(i);
		assert_int_equal(state_of(i), PRER_PROBE_UP);
		/* the same answer once more, and one to what was never asked, say nothing */
		prer_probe_hear(&last_notice, sizeof(last_notice));
		last_notice.seq += 100;
		prer_probe_hear(&last_notice, sizeof(last_notice));
		prer_probe_facts(i, &f);
		assert_int_equal(f.answered, 2);
		prer_probe_set(i, 0, 0);
		prer_probe_tick(now += 1000);
		assert_null(asked);
		assert_int_equal(state_of(i), PRER_PROBE_OFF);
		assert_true(prer_probe_alive(i));
	}
}

static void a_path_that_never_answers_is_down(void **state)
{
	uint64_t now = 100000;

	prer_probe_set(2, 100, 1);
	prer_probe_tick(now);
	lose();
	assert_int_equal(state_of(2), PRER_PROBE_UNKNOWN);
	prer_probe_tick(now += 100);
	lose();
	assert_int_equal(state_of(2), PRER_PROBE_DOWN);
	/* after a long pause one question, not all that were missed */
	prer_probe_tick(now += 10000);
	lose();
	prer_probe_tick(now += 50);
	assert_null(asked);
	/* one that is shut is not asked, and what was known of it stays */
	paths[2].flags |= PRER_PATH_DOWN;
	prer_probe_tick(now += 1000);
	assert_null(asked);
	assert_int_equal(state_of(2), PRER_PROBE_DOWN);
	paths[2].flags &= ~PRER_PATH_DOWN;
	prer_probe_tick(now);
	lose();
	prer_probe_set(2, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_answered),
		cmocka_unit_test(answers_are_told_if_they_are_ours),
		cmocka_unit_test(bad_probes_are_dropped_by_name),
		cmocka_unit_test(a_flood_of_questions_is_cut_off),
		cmocka_unit_test(frames_are_answered_too),
		cmocka_unit_test(answers_in_frames_must_come_by_their_port),
		cmocka_unit_test(silence_brings_a_path_down_and_an_answer_up),
		cmocka_unit_test(a_path_that_never_answers_is_down),
		cmocka_unit_test(no_packet_is_lost),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
