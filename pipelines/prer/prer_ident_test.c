/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a frame is, and which identifications cannot stand beside each other. */
#include "exact.h"

#include <stdio.h>

#include "prer_ident_int.h"

static const struct prer_place p1 = {.port = 1}, p2 = {.port = 2}, t1 = {.tunnel = 1},
			       t2 = {.tunnel = 2};

/* ---- frames ---------------------------------------------------------------------- */

#define MAC_A "\2\0\0\0\0\x0a"
#define MAC_B "\2\0\0\0\0\x0b"
#define MACS  MAC_A MAC_B
#define IP4                                                                         \
	"\x45\xb8\0\x24\0\1\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2" /* DSCP 46, UDP */ \
	"\x13\x88\x13\x89\0\x10\0\0pppppppp"
#define FRAME(bytes) ((const uint8_t *)(bytes)), sizeof(bytes) - 1

static uint32_t find(const struct prer_place *at, const uint8_t *p, uint32_t len)
{
	struct prer_frame f;
	struct prer_look l;

	assert_int_equal(prer_frame_parse(p, len, &f), 0);
	prer_ident_ask(&l, at->port, at->tunnel, &f);
	prer_ident_reach(&l);
	return PRER_VALUE_STREAM(prer_ident_answer(&l));
}

static const struct prer_ident_conf null_a = {
	.type = PRER_IDENT_NULL, .tagged = PRER_TAGGED, .vlan = 100, .has_mac = true, .mac = MAC_A};

static uint32_t put(const struct prer_place *at, struct prer_ident_conf c, uint32_t stream)
{
	enum prer_ident_why why = 0;
	uint32_t other = 0, e = prer_ident_claim(at, &c, PRER_VALUE(stream, 0, 0), &why, &other);

	if (!e)
		fail_msg("refused: why %d, other %u", why, other);
	prer_ident_show(e);
	return e;
}

/* 0: it goes in; else the stream in the way. */
static uint32_t refused(const struct prer_place *at, struct prer_ident_conf c)
{
	enum prer_ident_why why = 0;
	uint32_t used = prer_ident_used(), other = 0;
	uint32_t e = prer_ident_claim(at, &c, PRER_VALUE(99, 0, 0), &why, &other);

	if (e)
		prer_ident_drop(e);
	else
		assert_int_equal(why, PRER_IDENT_TAKEN);
	assert_int_equal(prer_ident_used(), used);
	return other;
}

static int forget(void **state)
{
	prer_ident_fini();
	return 0;
}

/* ---- what is matched ---------------------------------------------------------------- */

static void vlans(void **state)
{
	static const struct {
		uint8_t tagged;
		uint16_t vlan;
		bool untagged, priority, v100, v7, q100_7; /* which frames are matched */
	} cases[] = {
		{PRER_TAGGED, 100, 0, 0, 1, 0, 1}, {PRER_TAGGED, 0, 0, 0, 1, 1, 1},
		{PRER_PRIORITY, 0, 1, 1, 0, 0, 0}, {PRER_PRIORITY, 100, 1, 1, 0, 0, 0},
		{PRER_ALL, 0, 1, 1, 1, 1, 1},      {PRER_ALL, 100, 1, 1, 1, 0, 1},
		{PRER_ALL, 7, 1, 1, 0, 1, 0},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct prer_ident_conf c = null_a;

		c.tagged = cases[i].tagged;
		c.vlan = cases[i].vlan;
		put(&p1, c, 5);
		assert_int_equal(find(&p1, FRAME(MACS "\x08\0" IP4)) == 5, cases[i].untagged);
		assert_int_equal(find(&p1, FRAME(MACS "\x81\0\xa0\0\x08\0" IP4)) == 5,
				 cases[i].priority);
		assert_int_equal(find(&p1, FRAME(MACS "\x81\0\xb0\x64\x08\0" IP4)) == 5,
				 cases[i].v100);
		assert_int_equal(find(&p1, FRAME(MACS "\x81\0\0\7\x08\0" IP4)) == 5, cases[i].v7);
		assert_int_equal(find(&p1, FRAME(MACS "\x88\xa8\0\x64\x81\0\0\7\x08\0" IP4)) == 5,
				 cases[i].q100_7);
		prer_ident_fini();
	}
}

static void types(void **state)
{
	struct prer_ident_conf c = {
		.type = PRER_IDENT_SOURCE, .tagged = PRER_ALL, .has_mac = true, .mac = MAC_B};
	struct prer_ident_conf ip = {.type = PRER_IDENT_IP,
				     .tagged = PRER_ALL,
				     .family = 4,
				     .has_dst = true,
				     .dst = {10, 0, 0, 2},
				     .dscp = 46,
				     .proto = 17,
				     .dst_port = 5001};
	struct prer_ident_conf mask = {.type = PRER_IDENT_MASK,
				       .tagged = PRER_ALL,
				       .msdu_mask = {0xff, 0xff, [11] = 0xff},
				       .msdu = {0x08, 0x00, [11] = 17}};
	const char *why = MACS "\x81\0\xb0\x64\x08\0" IP4;

	put(&p1, c, 6);
	assert_int_equal(find(&p1, FRAME(MACS "\x08\0" IP4)), 6);
	assert_int_equal(find(&p1, FRAME(MAC_A MAC_A "\x08\0" IP4)), 0);
	assert_int_equal(find(&p2, FRAME(MACS "\x08\0" IP4)), 0);

	put(&p2, ip, 7);
	assert_int_equal(find(&p2, FRAME(MACS "\x08\0" IP4)), 7);
	/* behind the redundancy tag as if there were none */
	assert_int_equal(find(&p2, FRAME(MACS "\x81\0\0\1\xf1\xc1\0\0\0\1\x08\0" IP4)), 7);
	assert_int_equal(find(&p2, FRAME(MACS "\xf1\xc2\0\0\0\1\x08\0" IP4)), 0);
	assert_int_equal(find(&p2, (const uint8_t *)why, 40), 0); /* ends within its IP packet */

	put(&t1, mask, 8);
	assert_int_equal(find(&t1, FRAME(MACS "\x08\0" IP4)), 8);
	assert_int_equal(find(&t1, FRAME(MACS "\xf1\xc1\0\0\0\1\x08\0" IP4)), 8);
	assert_int_equal(find(&t1, FRAME(MACS "\x08\6" IP4)), 0);
	assert_int_equal(find(&t2, FRAME(MACS "\x08\0" IP4)), 0);
}

/* Whatever is asked, nothing is read behind the end; sanitizers tell. */
static void nothing_behind_the_end(void **state)
{
	static const char f[] = MACS "\x81\0\xb0\x64\xf1\xc1\0\0\0\1\x08\0" IP4;
	struct prer_ident_conf mask = {.type = PRER_IDENT_MASK,
				       .tagged = PRER_TAGGED,
				       .msdu_mask = {[PRER_MSDU_OCTETS - 1] = 0xff},
				       .msdu = {[PRER_MSDU_OCTETS - 1] = 'p'}};
	struct prer_ident_conf ip = {.type = PRER_IDENT_IP,
				     .tagged = PRER_PRIORITY,
				     .family = 4,
				     .proto = 6,
				     .dst_port = 1,
				     .dscp = PRER_ANY_DSCP};

	put(&p1, ip, 1);
	put(&p1, mask, 2);
	for (uint32_t len = 24; len < sizeof(f); len++) {
		uint8_t *p = exact((const uint8_t *)f, len);

		assert_int_equal(find(&p1, p, len) == 2, len >= 22 + PRER_MSDU_OCTETS);
		free(p);
	}
}

static void fragments_have_no_ports(void **state)
{
	struct prer_ident_conf ip = {.type = PRER_IDENT_IP,
				     .tagged = PRER_ALL,
				     .family = 4,
				     .dscp = PRER_ANY_DSCP,
				     .proto = 17};
	uint8_t first[] = MACS "\x08\0" IP4;

	first[14 + 6] = 0x20; /* more follow */
	put(&p1, ip, 1);
	assert_int_equal(find(&p1, first, sizeof(first) - 1), 1);
	ip.dst_port = 5001;
	put(&p2, ip, 2);
	assert_int_equal(find(&p2, first, sizeof(first) - 1), 0);
}

static void cut_tags(void **state)
{
	static const char f[] = MACS "\x88\xa8\0\x64\x81\0\0\7\xf1\xc1\0\0\0\1\x08\0";
	struct prer_frame got;

	for (uint32_t len = 0; len < sizeof(f) - 1; len++)
		assert_int_equal(prer_frame_parse((const uint8_t *)f, len, &got), CST_L2_TRUNCATED);
	assert_int_equal(prer_frame_parse((const uint8_t *)f, sizeof(f) - 1, &got), 0);
	assert_int_equal(got.l2_len, 20);
	assert_int_equal(got.payload, 26);
	assert_int_equal(got.seq, 1);
	assert_int_equal(got.vlan, 100);
	assert_int_equal(got.type, CST_ETH_IPV4);
}

/* ---- what cannot stand beside each other ----------------------------------------------- */

static void conflicts(void **state)
{
	struct prer_ident_conf c = null_a, ip = {.type = PRER_IDENT_IP,
						 .tagged = PRER_ALL,
						 .family = 4,
						 .has_mac = true,
						 .mac = MAC_B,
						 .dscp = PRER_ANY_DSCP};
	struct prer_ident_conf mask = {.type = PRER_IDENT_MASK,
				       .tagged = PRER_ALL,
				       .msdu_mask = {0xff, 0xff},
				       .msdu = {0x08, 0x06}};

	put(&p1, null_a, 5);
	assert_int_equal(refused(&p1, null_a), 5);
	assert_int_equal(refused(&p2, null_a), 0);
	c.type = PRER_IDENT_DESTINATION; /* the same frames under another name */
	assert_int_equal(refused(&p1, c), 5);
	c.vlan = 101;
	assert_int_equal(refused(&p1, c), 0);
	c.vlan = 0;
	assert_int_equal(refused(&p1, c), 5);
	c.tagged = PRER_ALL;
	c.vlan = 100;
	assert_int_equal(refused(&p1, c), 5);
	c.tagged = PRER_PRIORITY;
	assert_int_equal(refused(&p1, c), 0);
	/* one goes by the destination, one by the source: a frame may have both */
	c = null_a;
	c.type = PRER_IDENT_SOURCE;
	assert_int_equal(refused(&p1, c), 5);
	c.vlan = 3;
	assert_int_equal(refused(&p1, c), 0);

	assert_int_equal(refused(&p1, ip), 0); /* another destination MAC */
	ip.has_mac = false;
	assert_int_equal(refused(&p1, ip), 5);

	put(&p2, ip, 6);
	assert_int_equal(refused(&p2, mask), 0); /* ARP is not IPv4 */
	mask.msdu[1] = 0;
	assert_int_equal(refused(&p2, mask), 6);
	mask.msdu_mask[3] = 0xfc;
	mask.msdu[3] = 46 << 2;
	assert_int_equal(refused(&p2, mask), 6);
	ip.dscp = 0;
	put(&p1,
	    (struct prer_ident_conf){.type = PRER_IDENT_IP,
				     .tagged = PRER_TAGGED,
				     .vlan = 9,
				     .family = 4,
				     .dscp = 10},
	    7);
	assert_int_equal(refused(&p1, mask), 5); /* VLAN 100 */
	mask.tagged = PRER_TAGGED;
	mask.vlan = 9;
	assert_int_equal(refused(&p1, mask), 0); /* DSCP 46 is not 10 */
	mask.msdu[3] = 10 << 2;
	assert_int_equal(refused(&p1, mask), 7);
}

static void asks_nothing(void **state)
{
	struct prer_ident_conf c = {.type = PRER_IDENT_MASK, .tagged = PRER_ALL};
	enum prer_ident_why why = 0;
	uint32_t other;

	assert_int_equal(prer_ident_claim(&p1, &c, 1, &why, &other), 0);
	assert_int_equal(why, PRER_IDENT_EMPTY);
}

/* Nobody sees a claim before it is made good, nor loses what it takes the place of. */
static void changes(void **state)
{
	enum prer_ident_why why;
	uint32_t a = put(&p1, null_a, 5), b, other;

	prer_ident_leave(a, true);
	b = prer_ident_claim(&p1, &null_a, PRER_VALUE(6, 0, 0), &why, &other);
	assert_true(b);
	assert_int_equal(refused(&p1, null_a), 6);
	assert_int_equal(find(&p1, FRAME(MACS "\x81\0\xb0\x64\x08\0" IP4)), 5);
	prer_ident_drop(b); /* the plan fails */
	prer_ident_leave(a, false);
	assert_int_equal(refused(&p1, null_a), 5);
	prer_ident_leave(a, true);
	b = prer_ident_claim(&p1, &null_a, PRER_VALUE(6, 0, 0), &why, &other);
	prer_ident_show(b);
	prer_ident_drop(a);
	assert_int_equal(find(&p1, FRAME(MACS "\x81\0\xb0\x64\x08\0" IP4)), 6);
	prer_ident_drop(b);
	assert_int_equal(find(&p1, FRAME(MACS "\x81\0\xb0\x64\x08\0" IP4)), 0);
	assert_null(ident_lists[1]);
	assert_int_equal(prer_ident_used(), 0);
}

static void paths(void **state)
{
	struct prer_path path = {
		.flags = PRER_PATH_VLAN | PRER_PATH_DMAC, .vlan = 7, .dmac = MAC_B};
	struct prer_ident_conf c = null_a;

	prer_ident_on_path(&c, &path);
	assert_int_equal(c.vlan, 7);
	assert_memory_equal(c.mac, MAC_B, 6);
	path.vlan = 0;
	prer_ident_on_path(&c, &path);
	assert_int_equal(c.tagged, PRER_PRIORITY);
	c = null_a;
	c.type = PRER_IDENT_SOURCE;
	prer_ident_on_path(&c, &path);
	assert_memory_equal(c.mac, MAC_A, 6);
}

static void many(void **state)
{
	enum { N = 200000 };
	static uint32_t entry[N];
	uint8_t f[] = MACS "\x81\0\xb0\x64\x08\0" IP4;
	struct prer_ident_conf c = null_a;

	put(&p1,
	    (struct prer_ident_conf){
		    .type = PRER_IDENT_SOURCE, .tagged = PRER_TAGGED, .vlan = 5, .mac = MAC_B},
	    1);
	for (uint32_t i = 0; i < N; i++) {
		memcpy(c.mac + 2, &i, 4);
		entry[i] = put(&p1, c, i + 2);
	}
	for (uint32_t i = 0; i < N; i += 2)
		prer_ident_drop(entry[i]);
	for (uint32_t i = 0; i < N; i++) {
		memcpy(f + 2, &i, 4);
		assert_int_equal(find(&p1, f, sizeof(f) - 1), i % 2 ? i + 2 : 0);
	}
	assert_int_equal(prer_ident_used(), N / 2 + 1);
}

static void masks_run_out(void **state)
{
	struct prer_ident_conf c = {.type = PRER_IDENT_MASK, .tagged = PRER_TAGGED};
	enum prer_ident_why why = 0;
	uint32_t other = 0, e;

	for (unsigned i = 0; i < IDENT_AT_PLACE; i++) {
		c.vlan = (uint16_t)(i + 1);
		c.msdu_mask[i] = 1;
		put(&p1, c, i + 1);
	}
	c.msdu_mask[30] = 1;
	c.vlan = 100;
	assert_int_equal(prer_ident_claim(&p1, &c, 1, &why, &other), 0);
	assert_int_equal(why, PRER_IDENT_MASKS);
	assert_int_equal(prer_ident_used(), IDENT_AT_PLACE);
	e = put(&p2, c, 1);
	prer_ident_drop(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(vlans, forget),
		cmocka_unit_test_teardown(types, forget),
		cmocka_unit_test_teardown(nothing_behind_the_end, forget),
		cmocka_unit_test_teardown(fragments_have_no_ports, forget),
		cmocka_unit_test(cut_tags),
		cmocka_unit_test_teardown(conflicts, forget),
		cmocka_unit_test_teardown(asks_nothing, forget),
		cmocka_unit_test_teardown(changes, forget),
		cmocka_unit_test(paths),
		cmocka_unit_test_teardown(many, forget),
		cmocka_unit_test_teardown(masks_run_out, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
