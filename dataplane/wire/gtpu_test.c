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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
