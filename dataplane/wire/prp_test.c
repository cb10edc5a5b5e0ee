/* SPDX-License-Identifier: BSD-3-Clause */
/* prp.h: trailers and supervision frames as octets, and what is none of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "exact.h"
#include "prp.h"

static int parse(const uint8_t *p, uint32_t len, uint32_t tags, struct cst_prp_rct *rct)
{
	uint8_t *q = exact(p, len);
	int rc = cst_prp_rct_parse(q, len, tags, rct);

	free(q);
	return rc;
}

/* Behind it stands what a bridge filled a short frame up with. */
static void padded_trailers(void **state)
{
	struct cst_prp_rct rct;
	uint8_t p[60];

	(void)state;
	memset(p, 0x5a, sizeof(p));
	for (uint32_t end = CST_PRP_RCT_LEN; end <= CST_PRP_PADDED; end++) {
		cst_prp_rct_put(p + end - CST_PRP_RCT_LEN, 7, CST_PRP_LAN_B, end);
		assert_int_equal(parse(p, CST_PRP_PADDED, 0, &rct), CST_PRP_OK);
		assert_int_equal(rct.seq, 7);
		assert_int_equal(rct.padding, CST_PRP_PADDED - end);
		if (end < CST_PRP_PADDED)
			assert_int_equal(parse(p, CST_PRP_PADDED + 1, 0, &rct), CST_PRP_NONE);
		/* of another size it is none */
		cst_prp_rct_put(p + end - CST_PRP_RCT_LEN, 7, CST_PRP_LAN_B, end + 1);
		assert_int_equal(parse(p, CST_PRP_PADDED, 0, &rct), CST_PRP_NONE);
		memset(p, 0x5a, sizeof(p));
	}
	assert_int_equal(parse(p, 0, 0, &rct), CST_PRP_NONE);
}

static void trailers(void **state)
{
	static const uint8_t want[] = {0x12, 0x34, 0xa0, 0x34, 0x88, 0xfb};
	struct cst_prp_rct rct;
	uint8_t p[52] = {1};

	assert_int_equal(cst_prp_rct_put(p + 46, 0x1234, CST_PRP_LAN_A, 52), CST_PRP_RCT_LEN);
	assert_memory_equal(p + 46, want, sizeof(want));
	assert_int_equal(parse(p, 52, 0, &rct), CST_PRP_OK);
	assert_int_equal(rct.seq, 0x1234);
	assert_int_equal(rct.lan, CST_PRP_LAN_A);
	for (uint32_t len = 0; len < 52; len++)
		assert_int_equal(parse(p, len, 2, &rct), CST_PRP_NONE);
	cst_prp_rct_put(p + 46, 0xffff, CST_PRP_LAN_B, 52);
	assert_int_equal(parse(p, 52, 0, &rct), CST_PRP_OK);
	assert_int_equal(rct.seq, 0xffff);
	assert_int_equal(rct.lan, CST_PRP_LAN_B);
	cst_prp_rct_put(p + 46, 1, 0xc, 52);
	assert_int_equal(parse(p, 52, 0, &rct), CST_PRP_NONE);
	assert_int_equal(parse(p + 46, 6, 0, &rct), CST_PRP_NONE);
}

/* Whether a sender counts VLAN tags in has been read both ways. */
static void sizes_with_tags(void **state)
{
	struct cst_prp_rct rct;
	uint8_t p[52] = {0};

	for (uint32_t size = 40; size < 64; size++)
		for (uint32_t tags = 0; tags <= 2; tags++) {
			int ok = size == 52 || (size == 56 && tags >= 1) ||
				 (size == 60 && tags == 2);

			cst_prp_rct_put(p + 46, 1, CST_PRP_LAN_A, size);
			assert_int_equal(parse(p, 52, tags, &rct), ok ? CST_PRP_OK : CST_PRP_NONE);
		}
}

static void supervision(void **state)
{
	static const uint8_t want[] = {
		0x00, 0x01, 0xbe, 0xef, 20, 6, 2, 0, 0, 0, 0, 1, 30, 6, 2, 0, 0, 0, 0, 2, 0, 0,
	};
	struct cst_prp_sup out, s = {.seq = 0xbeef,
				     .type = CST_PRP_TLV_DISCARD,
				     .behind = 1,
				     .mac = {2, 0, 0, 0, 0, 1},
				     .redbox = {2, 0, 0, 0, 0, 2}};
	uint8_t p[CST_PRP_SUP_LEN], group[6];

	assert_int_equal(cst_prp_sup_put(p, &s), sizeof(want));
	assert_memory_equal(p, want, sizeof(want));
	assert_int_equal(cst_prp_sup_parse(p, sizeof(p), &out), CST_PRP_OK);
	assert_memory_equal(&out, &s, sizeof(s));
	for (uint32_t len = 0; len < sizeof(p); len++) {
		uint8_t *q = exact(p, len);

		assert_int_equal(cst_prp_sup_parse(q, len, &out),
				 len < 12 ? CST_PRP_TRUNCATED : CST_PRP_OK);
		free(q);
	}
	s.behind = 0;
	cst_prp_sup_put(p, &s);
	assert_int_equal(cst_prp_sup_parse(p, sizeof(p), &out), CST_PRP_OK);
	assert_int_equal(out.behind, 0);
	p[4] = 23; /* HSR */
	assert_int_equal(cst_prp_sup_parse(p, sizeof(p), &out), CST_PRP_NONE);
	p[4] = CST_PRP_TLV_ACCEPT;
	p[1] = 2; /* version */
	assert_int_equal(cst_prp_sup_parse(p, sizeof(p), &out), CST_PRP_NONE);
	cst_prp_sup_group(group, 7);
	assert_memory_equal(group, "\x01\x15\x4e\x00\x01\x07", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trailers),
		cmocka_unit_test(padded_trailers),
		cmocka_unit_test(sizes_with_tags),
		cmocka_unit_test(supervision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
