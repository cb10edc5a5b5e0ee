/* SPDX-License-Identifier: BSD-3-Clause */
/* gtpu.h against vectors that scapy wrote. */
#include "exact.h"

#include "gtpu.h"
#include "wire_vectors.h"

static void check(const char *name, const struct cst_gtpu *got, const struct cst_gtpu *want)
{
	if (memcmp(got, want, sizeof(*got)) == 0)
		return;
	print_error("%s: type %u teid %#x hdr %u end %u seq %u psc %u/%u qfi %u rqi %u flags %#x "
		    "port %u\n",
		    name, got->type, got->teid, got->hdr_len, got->end, got->seq, got->has_psc,
		    got->psc_type, got->qfi, got->rqi, got->flags, got->udp_src_port);
	fail();
}

static void parses_what_scapy_built(void **state)
{
	for (size_t i = 0; i < COUNT(gtpu_vecs); i++) {
		const struct gtpu_vec *v = &gtpu_vecs[i];
		uint8_t *p = exact(v->p, v->len);
		struct cst_gtpu got;
		int rc = cst_gtpu_parse(p, v->len, &got);

		if (rc != v->rc)
			print_error("%s: %d, not %d\n", v->name, rc, v->rc);
		assert_int_equal(rc, v->rc);
		if (rc == CST_GTPU_OK)
			check(v->name, &got, &v->want);
		assert_int_equal(got.ext_type, v->want.ext_type);
		free(p);
	}
}

/* the fast forms must be a short cut only: same answer as the long way */
static void fast_path_agrees(void **state)
{
	unsigned fast = 0;

	for (size_t i = 0; i < COUNT(gtpu_vecs); i++) {
		const struct gtpu_vec *v = &gtpu_vecs[i];
		struct cst_gtpu a, b;

		if (!cst_gtpu_parse_fast(v->p, v->len, &a))
			continue;
		fast++;
		assert_int_equal(cst_gtpu_parse_any(v->p, v->len, &b), CST_GTPU_OK);
		check(v->name, &a, &b);
	}
	assert_true(fast >= 5);
}

/* all values of the octets that make the short cut's decision */
static void fast_path_agrees_on_all_octets(void **state)
{
	static const uint8_t at[] = {0, 1, 3, 11, 12, 13, 14, 15};
	uint8_t p[24];

	for (size_t i = 0; i < COUNT(at); i++) {
		for (unsigned v = 0; v < 256; v++) {
			struct cst_gtpu a, b;

			memset(p, 0, sizeof(p));
			cst_gtpu_put_psc(p, CST_GTPU_GPDU, 0x01020304, 8, cst_gtpu_psc_dl(9, 1));
			cst_put_be16(p + 8, 0xbeef); /* counts with S alone */
			p[at[i]] = (uint8_t)v;
			if (!cst_gtpu_parse_fast(p, sizeof(p), &a))
				continue;
			assert_int_equal(cst_gtpu_parse_any(p, sizeof(p), &b), CST_GTPU_OK);
			assert_memory_equal(&a, &b, sizeof(a));
		}
	}
}

static void every_prefix_is_refused(void **state)
{
	for (size_t i = 0; i < COUNT(gtpu_vecs); i++) {
		const struct gtpu_vec *v = &gtpu_vecs[i];

		if (v->rc)
			continue;
		for (uint32_t len = 0; len < v->want.end; len++) {
			uint8_t *p = exact(v->p, len);
			struct cst_gtpu got;

			assert_int_not_equal(cst_gtpu_parse(p, len, &got), CST_GTPU_OK);
			free(p);
		}
	}
}

/* the length field cut short instead, so that the walk meets the end of the message */
static void every_length_is_survived(void **state)
{
	for (size_t i = 0; i < COUNT(gtpu_vecs); i++) {
		const struct gtpu_vec *v = &gtpu_vecs[i];

		for (uint32_t len = 8; len <= v->len; len++) {
			uint8_t *p = exact(v->p, len);
			struct cst_gtpu got;

			cst_put_be16(p + 2, (uint16_t)(len - 8));
			if (cst_gtpu_parse(p, len, &got) == CST_GTPU_OK) {
				assert_true(got.hdr_len <= got.end);
				assert_int_equal(got.end, len);
			}
			free(p);
		}
	}
}

static void writes_what_scapy_writes(void **state)
{
	uint8_t p[64];
	uint32_t n;

#define SAME(name)                                                      \
	do {                                                            \
		assert_int_equal(n, sizeof(vec_##name));                \
		assert_memory_equal(p, vec_##name, sizeof(vec_##name)); \
	} while (0)
	n = cst_gtpu_put(p, CST_GTPU_GPDU, 0xa1b2c3d4, 7);
	memcpy(p + n, "payload", 7);
	n += 7;
	SAME(put_plain);
	n = cst_gtpu_put_psc(p, CST_GTPU_GPDU, 0xa1b2c3d4, 7, cst_gtpu_psc_dl(9, 1));
	memcpy(p + n, "payload", 7);
	n += 7;
	SAME(put_dl);
	n = cst_gtpu_put_psc(p, CST_GTPU_GPDU, 0xa1b2c3d4, 7, cst_gtpu_psc_ul(63));
	memcpy(p + n, "payload", 7);
	n += 7;
	SAME(put_ul);
	n = cst_gtpu_put_echo_request(p, 12, 0xfffe);
	SAME(put_echo_request);
	n = cst_gtpu_put_echo_response(p, 14, 0xfffe);
	SAME(put_echo_response);
	n = cst_gtpu_put_supported_ext(p, 16, 3);
	SAME(put_supported);
	n = cst_gtpu_put_end_marker(p, 16, 0xa1b2c3d4, -1);
	SAME(put_end);
	n = cst_gtpu_put_end_marker(p, 16, 0xa1b2c3d4, 9);
	SAME(put_end_psc);

	struct cst_ip own = {.family = 4, .b = {192, 0, 2, 1}};
	n = cst_gtpu_put_error_indication(p, 28, 0xa1b2c3d4, &own, 0xc123);
	SAME(put_error_4);
	own = (struct cst_ip){.family = 6, .b = {0x20, 1, 0xd, 0xb8, 0, 3, [15] = 1}};
	n = cst_gtpu_put_error_indication(p, 40, 0xa1b2c3d4, &own, 0xc123);
	SAME(put_error_6);
#undef SAME
}

static void writes_nothing_past_the_room(void **state)
{
	struct cst_ip own = {.family = 6};
	uint8_t p[64];

	memset(p, 0xee, sizeof(p));
	assert_int_equal(cst_gtpu_put_echo_request(p, 11, 1), 0);
	assert_int_equal(cst_gtpu_put_echo_response(p, 13, 1), 0);
	assert_int_equal(cst_gtpu_put_supported_ext(p, 15, 1), 0);
	assert_int_equal(cst_gtpu_put_end_marker(p, 7, 1, -1), 0);
	assert_int_equal(cst_gtpu_put_end_marker(p, 15, 1, 9), 0);
	assert_int_equal(cst_gtpu_put_error_indication(p, 39, 1, &own, 1), 0);
	for (size_t i = 0; i < sizeof(p); i++)
		assert_int_equal(p[i], 0xee);
	assert_int_equal(cst_gtpu_put_end_marker(p, 8, 1, -1), 8);
}

static void reads_error_indications(void **state)
{
	struct cst_gtpu_error e;
	struct cst_gtpu g;
	uint8_t *p = exact(vec_put_error_4, sizeof(vec_put_error_4));

	assert_int_equal(cst_gtpu_parse(p, sizeof(vec_put_error_4), &g), CST_GTPU_OK);
	assert_int_equal(g.type, CST_GTPU_ERROR_INDICATION);
	assert_int_equal(g.udp_src_port, 0xc123);
	assert_int_equal(cst_gtpu_error_parse(p, &g, &e), CST_GTPU_OK);
	assert_int_equal(e.teid, 0xa1b2c3d4);
	assert_int_equal(e.peer.family, 4);
	assert_memory_equal(e.peer.b, "\xc0\x00\x02\x01", 4);
	free(p);

	p = exact(vec_put_error_6, sizeof(vec_put_error_6));
	assert_int_equal(cst_gtpu_parse(p, sizeof(vec_put_error_6), &g), CST_GTPU_OK);
	assert_int_equal(cst_gtpu_error_parse(p, &g, &e), CST_GTPU_OK);
	assert_int_equal(e.peer.family, 6);
	assert_int_equal(e.peer.b[15], 1);
	free(p);

	/* every shorter one lacks something */
	for (uint32_t len = 16; len < sizeof(vec_put_error_6); len++) {
		p = exact(vec_put_error_6, len);
		cst_put_be16(p + 2, (uint16_t)(len - 8));
		assert_int_equal(cst_gtpu_parse(p, len, &g), CST_GTPU_OK);
		assert_int_equal(cst_gtpu_error_parse(p, &g, &e), CST_GTPU_IE);
		free(p);
	}
}

/* TS 38.415 figures 5.5.2.1-1 and 5.5.2.2-1, octet by octet. */
static void writes_a_time_stamp(void **state)
{
	static const uint8_t want[24] = {0x34, 0xff, 0,    20,   0,    0,    0,    0x11,
					 0,    0,    0,    0x85, 3,    0x08, 0x49, 0xe8,
					 0xe7, 0x05, 0x02, 0x80, 0x01, 0x02, 0x03, 0};
	uint8_t p[64] = {[24] = 0xee};
	struct cst_gtpu_qmp q;
	struct cst_gtpu g;

	assert_int_equal(
		cst_gtpu_put_qmp(p, 255, 0x11, 4, cst_gtpu_psc_dl(9, 1), 0xe8e7050280010203), 24);
	assert_memory_equal(p, want, 24);
	assert_int_equal(p[24], 0xee);
	cst_put_be16(p + 2, 16);
	assert_int_equal(cst_gtpu_parse(p, 24, &g), CST_GTPU_OK);
	assert_int_equal(g.qfi, 9);
	assert_int_equal(g.rqi, 1);
	assert_int_equal(g.hdr_len, 24);
	assert_int_equal(g.psc_at, 12);
	assert_int_equal(cst_gtpu_qmp_read(p, &g, &q), 0); /* a downlink one says nothing here */
}

static void reads_time_stamps(void **state)
{
	static const uint8_t head[12] = {0x34, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85};
	static const struct {
		uint8_t words, flags, flags2;
		int rc;
		uint32_t dl, ul;
	} cases[] = {
		{7, 0x18, 9, 1, 0, 0},               /* three stamps */
		{8, 0x1c, 9, 1, 0x1001, 0},          /* and a downlink result */
		{8, 0x1a, 9, 1, 0, 0x1001},          /* and an uplink result */
		{9, 0x1e, 9, 1, 0x1001, 0x1002},     /* both */
		{10, 0x1f, 0x89, 1, 0x1001, 0x1002}, /* and a sequence number, an N3 result */
		{7, 0x10, 9, 0, 0, 0},               /* bytes without a flag are not stamps */
		{2, 0x16, 9, 0, 0, 0},               /* results without stamps are not asked for */
		{6, 0x18, 9, -1, 0, 0},              /* cut off */
		{7, 0x1c, 9, -1, 0, 0},
		{8, 0x1e, 9, -1, 0, 0},
		{2, 0x18, 9, -1, 0, 0},
		{7, 0x08, 9, 0, 0, 0}, /* downlink kind */
		{7, 0x28, 9, 0, 0, 0}, /* reserved kind */
	};

	for (unsigned i = 0; i < COUNT(cases); i++) {
		uint32_t len = 12 + cases[i].words * 4u;
		uint8_t b[64] = {0}, *p;
		struct cst_gtpu_qmp q;
		struct cst_gtpu g;

		memcpy(b, head, 12);
		cst_put_be16(b + 2, (uint16_t)(len - 8));
		b[12] = cases[i].words;
		b[13] = cases[i].flags;
		b[14] = cases[i].flags2;
		for (unsigned k = 0; k < 24 && 15 + k < len - 1; k++)
			b[15 + k] = (uint8_t)(0xa0 + k);
		for (unsigned k = 0; k < 2 && 39 + 4 * k + 4 < len; k++)
			cst_put_be32(b + 39 + 4 * k, 0x1001 + k);
		p = exact(b, len);
		assert_int_equal(cst_gtpu_parse(p, len, &g), CST_GTPU_OK);
		assert_int_equal(g.qfi, 9);
		if (cst_gtpu_qmp_read(p, &g, &q) != cases[i].rc)
			fail_msg("case %u: %d", i, cst_gtpu_qmp_read(p, &g, &q));
		if (cases[i].rc == 1) {
			assert_true(q.dl_sent == 0xa0a1a2a3a4a5a6a7);
			assert_true(q.dl_received == 0xa8a9aaabacadaeaf);
			assert_true(q.ul_sent == 0xb0b1b2b3b4b5b6b7);
			assert_int_equal(q.dl_result, cases[i].dl);
			assert_int_equal(q.ul_result, cases[i].ul);
		}
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_scapy_built),
		cmocka_unit_test(fast_path_agrees),
		cmocka_unit_test(fast_path_agrees_on_all_octets),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(every_length_is_survived),
		cmocka_unit_test(writes_what_scapy_writes),
		cmocka_unit_test(writes_nothing_past_the_room),
		cmocka_unit_test(reads_error_indications),
		cmocka_unit_test(writes_a_time_stamp),
		cmocka_unit_test(reads_time_stamps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
