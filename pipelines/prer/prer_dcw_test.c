/* SPDX-License-Identifier: BSD-3-Clause */
/* wire/dcw.h, prer_dcw.h and the node prer_dcw, packet by packet. */
#include "prer_dcw_rig.h"

/* ---- wire ------------------------------------------------------------------------------ */

static void labels_and_words_are_read(void **state)
{
	static const uint8_t good[] = {0x04, 0x00, 0x01, 0x40, 0x0f, 0xff, 0xff, 0xff, 0x45};
	static const uint8_t ach[] = {0x00, 0x00, 0xd1, 0xff, 0x10, 0x00, 0x7f, 0xfa};
	struct cst_dcw cw;
	uint8_t *p;

	for (uint32_t len = 0; len <= sizeof(good); len++) {
		p = exact(good, len);
		assert_int_equal(cst_dcw_parse(p, len, &cw), len < 8 ? CST_DCW_TRUNCATED : 0);
		free(p);
	}
	assert_int_equal(cw.label, 16384);
	assert_int_equal(cw.seq, 0x0fffffff);
	assert_int_equal(cw.ach, 0);

	p = exact(ach, sizeof(ach));
	assert_int_equal(cst_dcw_parse(p, sizeof(ach), &cw), 0);
	assert_int_equal(cw.label, CST_LABEL_GAL);
	assert_int_equal(cw.ach, 1);
	assert_int_equal(cw.channel, 0x7ffa);
	/* another version of the ACH, and all other nibbles */
	for (unsigned v = 0x11; v < 0x100; v++) {
		p[4] = (uint8_t)v;
		assert_int_equal(cst_dcw_parse(p, sizeof(ach), &cw), CST_DCW_NIBBLE);
	}
	/* not the bottom of the stack, however short it is */
	p[2] &= 0xfe;
	for (uint32_t len = 4; len <= sizeof(ach); len++)
		assert_int_equal(cst_dcw_parse(p, len, &cw), CST_DCW_STACK);
	free(p);
}

static void numbers_wrap_at_their_length(void **state)
{
	uint8_t b[8];

	assert_int_equal(cst_dcw_put(b, 16384, 0x12345678, 28), 8);
	assert_memory_equal(b, "\x04\x00\x01\x40\x02\x34\x56\x78", 8);
	cst_dcw_put(b, 0xfffff, 0x12345678, 16);
	assert_memory_equal(b, "\xff\xff\xf1\x40\x00\x00\x56\x78", 8);
	cst_dcw_put(b, 16, 0x12345678, 0);
	assert_memory_equal(b, "\x00\x01\x01\x40\x00\x00\x00\x00", 8);
	cst_dcw_put(b, 16, (1u << 28) - 1, 28);
	assert_int_equal(cst_be32(b + 4), 0x0fffffff);
	cst_dcw_put(b, 16, 1u << 28, 28);
	assert_int_equal(cst_be32(b + 4), 0);
}

/* ---- out --------------------------------------------------------------------------------- */

static void headers_are_complete(void **state)
{
	for (unsigned i = 1; i <= 3; i++) {
		for (unsigned family = 4; family <= 6; family += 2) {
			uint32_t own = i == 3 ? 56 : 36;
			uint8_t b[200];
			struct cst_ip_info info = {0};
			struct cst_udp udp = {0};
			struct rte_mbuf *m;
			uint8_t *p;

			inner(b, family, sizeof(b), 0xbb); /* EF and congestion experienced */
			m = mbuf(b, sizeof(b));
			assert_true(prer_dcw_put(&streams[STREAM], &paths[i], m, 77));
			assert_int_equal(m->pkt_len, sizeof(b) + own);
			p = rte_pktmbuf_mtod(m, uint8_t *);
			assert_int_equal(cst_ip_parse(p, m->pkt_len, &info), 0);
			assert_int_equal(info.total_len, m->pkt_len);
			assert_int_equal(info.proto, CST_PROTO_UDP);
			assert_int_equal(info.ttl, 64);
			assert_int_equal(info.tos, 0xb8);
			assert_int_equal(info.version, i == 3 ? 6 : 4);
			if (i != 3)
				assert_true(cst_ip4_csum_ok(p));
			assert_int_equal(
				cst_udp_parse(p + info.l4_off, m->pkt_len - info.l4_off, &udp), 0);
			assert_int_equal(udp.dst_port, 6635);
			assert_int_equal(udp.src_port, 50000 + STREAM);
			assert_int_equal(udp.len, m->pkt_len - info.l4_off);
			assert_int_equal(udp.csum == 0, i != 3);
			assert_true(cst_udp_csum_ok(p, p + info.l4_off, udp.len, 0));
			assert_int_equal(cst_be32(p + own - 4), 77);
			assert_memory_equal(p + own, b, sizeof(b));
			assert_int_equal(cst_pkt(m)->vrf, VRF);
			assert_int_equal(cst_pkt(m)->flags, CST_PKT_LOCAL);
			assert_int_equal(cst_pkt(m)->l4_off, info.l4_off);
			rte_pktmbuf_free(m);
		}
	}
}

/* A payload that copies share, behind a header of each copy's own. */
static void a_shared_payload_stays_behind_its_header(void **state)
{
	uint8_t b[300], flat[400];
	struct rte_mbuf *m, *head;

	inner(b, 6, sizeof(b), 0x20);
	m = mbuf(b, sizeof(b));
	head = rte_pktmbuf_alloc(pool);
	rte_pktmbuf_chain(head, m);
	assert_true(prer_dcw_put(&streams[STREAM], &paths[3], head, 1));
	assert_int_equal(head->data_len, 56);
	assert_int_equal(head->pkt_len, 356);
	memcpy(flat, rte_pktmbuf_mtod(head, void *), 56);
	memcpy(flat + 56, rte_pktmbuf_mtod(m, void *), sizeof(b));
	assert_true(cst_udp_csum_ok(flat, flat + 40, 316, 0));
	assert_int_equal(cst_be16(flat) >> 4 & 0xff, 0x20);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), b, sizeof(b));
	rte_pktmbuf_free(head);
}

static void what_does_not_fit_is_left_alone(void **state)
{
	uint8_t b[60] = {0x45};
	struct rte_mbuf *m = mbuf(b, sizeof(b));

	m->data_off = 35;
	assert_false(prer_dcw_put(&streams[STREAM], &paths[1], m, 0));
	assert_int_equal(m->pkt_len, sizeof(b));
	m->data_off = 36;
	assert_true(prer_dcw_put(&streams[STREAM], &paths[1], m, 0));
	rte_pktmbuf_free(m);

	paths[1].mtu = 1535;
	paths[3].mtu = 1555;
	assert_false(prer_dcw_fits(&paths[1], 1500));
	assert_false(prer_dcw_fits(&paths[3], 1500));
	assert_int_equal(prer_dcw_mtu(&paths[1]), 1499);
	paths[1].mtu = 1536;
	paths[3].mtu = 1556;
	assert_true(prer_dcw_fits(&paths[1], 1500));
	assert_true(prer_dcw_fits(&paths[3], 1500));
	/* not known: only what no IP packet holds is refused */
	paths[1].mtu = paths[3].mtu = 0;
	assert_true(prer_dcw_fits(&paths[1], 65535 - 36));
	assert_false(prer_dcw_fits(&paths[1], 65535 - 35));
}

static void frames_are_marked_by_their_priority(void **state)
{
	uint8_t tagged[60] = {[12] = 0x81, 0x00, 0xd0, 0x64, 0x08, 0x00, 0x45, 0xb8};
	uint8_t plain[60] = {[12] = 0x08, 0x00, 0x45, 0xb9};
	uint8_t six[60] = {[12] = 0x86, 0xdd, 0x6b, 0x90};
	struct {
		const uint8_t *b;
		uint8_t tos;
	} cases[] = {{tagged, 0xc0}, {plain, 0xb8}, {six, 0xb8}};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct rte_mbuf *m = mbuf(cases[i].b, 60);

		assert_int_equal(prer_dcw_tos(&streams[FRAMES], m), cases[i].tos);
		rte_pktmbuf_free(m);
	}
}

/* ---- in ------------------------------------------------------------------------------------ */

static void members_come_out_as_they_went_in(void **state)
{
	for (unsigned i = 1; i <= 3; i++) {
		for (unsigned family = 4; family <= 6; family += 2) {
			union prer_word word;
			uint8_t b[200];
			struct rte_mbuf *m;

			inner(b, family, sizeof(b), 0);
			m = mbuf(b, sizeof(b));
			assert_true(prer_dcw_put(&streams[STREAM], &paths[i], m, (1u << 28) - 1));
			come_in(m);
			memset(rte_pktmbuf_append(m, 8), 0xee, 8); /* padding of nobody's */
			assert_int_equal(into_node(m), TO_ELIMINATE);
			assert_int_equal(m->pkt_len, sizeof(b));
			assert_memory_equal(rte_pktmbuf_mtod(m, void *), b, sizeof(b));
			word.u64 = cst_pkt(m)->slice[0];
			assert_int_equal(word.stream, STREAM);
			assert_int_equal(word.path, i - 1);
			assert_int_equal(cst_pkt(m)->slice[1], (1u << 28) - 1);
			assert_int_equal(cst_pkt(m)->ip_version, family);
			assert_int_equal(cst_pkt(m)->l4_off, family == 4 ? 20 : 40);
			assert_int_equal(cst_pkt(m)->ip_len, sizeof(b));
			rte_pktmbuf_free(m);
		}
	}
}

static void frames_come_out_with_their_tags(void **state)
{
	static const unsigned tags[] = {0, 4, 8};

	for (unsigned i = 0; i < COUNT(tags); i++) {
		uint8_t b[64] = {2};
		union prer_word word;
		struct rte_mbuf *m;

		for (unsigned t = 0; t < tags[i]; t += 4)
			cst_put_be32(b + 12 + t, 0x8100a064);
		cst_put_be16(b + 12 + tags[i], 0x88b8);
		m = mbuf(b, sizeof(b));
		assert_true(prer_dcw_put(&streams[FRAMES], &paths[2], m, 0x12345));
		assert_int_equal(into_node(come_in(m)), TO_ELIMINATE);
		assert_int_equal(m->pkt_len, sizeof(b));
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), b, sizeof(b));
		word.u64 = cst_pkt(m)->slice[0];
		assert_int_equal(word.path, 1);
		assert_int_equal(word.l2_len, 12 + tags[i]);
		assert_int_equal(cst_pkt(m)->slice[1], 0x2345);
		rte_pktmbuf_free(m);
	}
}

static void a_stream_without_numbers_says_so(void **state)
{
	struct rte_mbuf *m = member(NO_SEQ, 1, 9);

	assert_int_equal(into_node(m), TO_ELIMINATE);
	assert_int_equal(cst_pkt(m)->slice[1], PRER_NO_SEQ);
	rte_pktmbuf_free(m);
}

static void strangers_are_dropped_by_name(void **state)
{
	struct rte_mbuf *m;

	m = member(STREAM, 1, 0);
	label_of(m)[0] ^= 0x80;
	expect_drop(m, into_node(m), "prer.unknown_label");
	m = member(ONE_WAY, 1, 0);
	expect_drop(m, into_node(m), "prer.unknown_label");
	/* from elsewhere, to elsewhere, in another network instance, in another family */
	m = member(STREAM, 1, 0);
	rte_pktmbuf_mtod(m, uint8_t *)[15] ^= 1;
	expect_drop(m, into_node(m), "prer.no_path");
	m = member(STREAM, 1, 0);
	rte_pktmbuf_mtod(m, uint8_t *)[19] ^= 1;
	expect_drop(m, into_node(m), "prer.no_path");
	m = member(STREAM, 1, 0);
	cst_pkt(m)->vrf = VRF + 1;
	expect_drop(m, into_node(m), "prer.no_path");
	m = member(STREAM, 3, 0);
	rte_pktmbuf_mtod(m, uint8_t *)[23] ^= 1;
	expect_drop(m, into_node(m), "prer.no_path");
}

static void bad_words_are_dropped_by_name(void **state)
{
	struct rte_mbuf *m;

	m = member(STREAM, 1, 0);
	label_of(m)[2] ^= 1;
	expect_drop(m, into_node(m), "prer.dcw_labels");
	m = member(STREAM, 1, 0);
	label_of(m)[4] = 0x10;
	expect_drop(m, into_node(m), "prer.dcw_channel");
	for (unsigned v = 2; v < 16; v++) {
		m = member(STREAM, 1, 0);
		label_of(m)[4] = (uint8_t)(v << 4);
		expect_drop(m, into_node(m), "prer.dcw_malformed");
	}
	/* the datagram ends before the payload, by its own length */
	for (uint16_t len = 0; len <= 8 + 100; len++) {
		m = member(STREAM, 1, 0);
		cst_put_be16(label_of(m) - 4, 8 + len);
		if (len == 8 + 100) {
			assert_int_equal(into_node(m), TO_ELIMINATE);
			rte_pktmbuf_free(m);
			continue;
		}
		expect_drop(m, into_node(m), len < 8 ? "prer.dcw_malformed" : "prer.dcw_payload");
	}
}

static void bad_payloads_are_dropped_by_name(void **state)
{
	struct rte_mbuf *m;

	for (unsigned v = 0; v < 16; v++) {
		if (v == 4)
			continue;
		m = member(STREAM, 1, 0);
		label_of(m)[8] = (uint8_t)(v << 4 | 5);
		expect_drop(m, into_node(m), "prer.dcw_payload");
	}
	m = member(STREAM, 1, 0);
	label_of(m)[8] = 0x44;
	expect_drop(m, into_node(m), "prer.dcw_payload");
	for (uint16_t len = 0; len < 14; len++) {
		m = member(FRAMES, 1, 0);
		cst_put_be16(label_of(m) - 4, 16 + len);
		expect_drop(m, into_node(m), "prer.dcw_payload");
	}
}

/* RFC 6040, figure 4: an inner packet marked `in`, outside `out`. */
static void congestion_outside_is_told_inside(void **state)
{
	static const struct {
		uint8_t out, in;
		int want; /* -1: dropped */
	} cases[] = {{3, 0, -1}, {3, 1, 3}, {3, 2, 3}, {1, 2, 1}, {2, 1, 1}, {0, 3, 3}, {1, 0, 0}};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		for (unsigned family = 4; family <= 6; family += 2) {
			uint8_t b[80], *p;
			struct rte_mbuf *m;
			uint8_t edge;

			inner(b, family, sizeof(b), 0xb8 | cases[i].in);
			m = mbuf(b, sizeof(b));
			assert_true(prer_dcw_put(&streams[STREAM], &paths[1], m, 0));
			cst_ip4_set_tos(rte_pktmbuf_mtod(m, uint8_t *), 0xb8 | cases[i].out);
			edge = into_node(come_in(m));
			if (cases[i].want < 0) {
				expect_drop(m, edge, "prer.dcw_ecn");
				continue;
			}
			assert_int_equal(edge, TO_ELIMINATE);
			p = rte_pktmbuf_mtod(m, uint8_t *);
			assert_int_equal(prer_dcw_tos_of(p), 0xb8 | cases[i].want);
			if (family == 4)
				assert_true(cst_ip4_csum_ok(p));
			rte_pktmbuf_free(m);
		}
	}
	/* frames are of no IP network */
	for (unsigned out = 0; out < 4; out++) {
		uint8_t b[64] = {[12] = 0x08, 0x00, 0x45, 0x02};
		struct rte_mbuf *m = mbuf(b, sizeof(b));

		assert_true(prer_dcw_put(&streams[FRAMES], &paths[1], m, 0));
		cst_ip4_set_tos(rte_pktmbuf_mtod(m, uint8_t *), (uint8_t)out);
		assert_int_equal(into_node(come_in(m)), TO_ELIMINATE);
		assert_memory_equal(rte_pktmbuf_mtod(m, void *), b, sizeof(b));
		rte_pktmbuf_free(m);
	}
}

/* Reassembled packets come in segments. */
static void segments_are_read_as_one(void **state)
{
	for (uint32_t cut = 28; cut < 136; cut += 9) {
		struct rte_mbuf *m = member(STREAM, 1, 3);
		struct rte_mbuf *rest = mbuf(rte_pktmbuf_mtod(m, uint8_t *) + cut, 136 - cut);

		rte_pktmbuf_trim(m, (uint16_t)(136 - cut));
		rte_pktmbuf_chain(m, rest);
		assert_int_equal(into_node(m), TO_ELIMINATE);
		assert_int_equal(m->pkt_len, 100);
		assert_int_equal(m->nb_segs, 1);
		rte_pktmbuf_free(m);
	}
}

static void strangers_go_to_their_owner(void **state)
{
	struct rte_mbuf *m = member(STREAM, 1, 0);
	uint32_t len = m->pkt_len;

	worker.id = 1;
	n_handed = 0;
	assert_int_equal(into_node(m), CST_EDGE_TAKEN);
	assert_int_equal(n_handed, 1);
	assert_int_equal(m->pkt_len, len);
	worker.id = 0;
	assert_int_equal(into_node(m), TO_ELIMINATE);
	rte_pktmbuf_free(m);
}

static void bursts_keep_their_order(void **state)
{
	struct rte_mbuf *pkts[100];
	uint8_t edge[100] = {0};

	for (unsigned i = 0; i < 100; i++) {
		pkts[i] = member(STREAM, 1 + i % 2, i);
		if (i % 10 == 3)
			label_of(pkts[i])[2] ^= 1;
	}
	assert_int_equal(prer_dcw_process(&worker, pkts, 100, edge), 10);
	for (unsigned i = 0; i < 100; i++) {
		if (i % 10 == 3) {
			expect_drop(pkts[i], edge[i], "prer.dcw_labels");
			continue;
		}
		assert_int_equal(edge[i], TO_ELIMINATE);
		assert_int_equal(cst_pkt(pkts[i])->slice[1], i);
		rte_pktmbuf_free(pkts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_and_words_are_read),
		cmocka_unit_test(numbers_wrap_at_their_length),
		cmocka_unit_test(headers_are_complete),
		cmocka_unit_test(a_shared_payload_stays_behind_its_header),
		cmocka_unit_test(what_does_not_fit_is_left_alone),
		cmocka_unit_test(frames_are_marked_by_their_priority),
		cmocka_unit_test(members_come_out_as_they_went_in),
		cmocka_unit_test(frames_come_out_with_their_tags),
		cmocka_unit_test(a_stream_without_numbers_says_so),
		cmocka_unit_test(strangers_are_dropped_by_name),
		cmocka_unit_test(bad_words_are_dropped_by_name),
		cmocka_unit_test(bad_payloads_are_dropped_by_name),
		cmocka_unit_test(congestion_outside_is_told_inside),
		cmocka_unit_test(segments_are_read_as_one),
		cmocka_unit_test(strangers_go_to_their_owner),
		cmocka_unit_test(bursts_keep_their_order),
		cmocka_unit_test(no_packet_is_lost),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
