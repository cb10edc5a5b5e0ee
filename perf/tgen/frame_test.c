/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames as the generator makes them, and as a user plane would hand them back:
 * right ones pass, each wrong field is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "eth.h"
#include "frame.h"
#include "gtpu.h"
#include "ip.h"

#define SESSION 4711

static struct net net;
static uint8_t sent[FRAME_ROOM], got[FRAME_ROOM];
static uint32_t got_len;

static int setup(void **state)
{
	net = (struct net){.n3 = {.mac = {2, 0, 0, 0, 3, 2},
				  .peer_mac = {2, 0, 0, 0, 3, 1},
				  .ip = {192, 0, 2, 2},
				  .peer_ip = {192, 0, 2, 1}},
			   .n6 = {.mac = {2, 0, 0, 0, 6, 2},
				  .peer_mac = {2, 0, 0, 0, 6, 1},
				  .ip = {198, 51, 100, 2},
				  .peer_ip = {198, 51, 100, 1}},
			   .ue_base = 10u << 24,
			   .teid_base = 0x1000,
			   .dl_teid_base = 0x2000,
			   .sessions = 10000,
			   .qfi = 9};
	return 0;
}

static uint32_t put(enum direction dir, uint16_t size)
{
	struct frame f;

	frame_make(&f, &net, dir, size);
	memset(sent, 0, sizeof(sent));
	frame_put(&f, &net, sent, SESSION, 7, 3, 123456789);
	return f.len;
}

/* One hop on: TTL less one, its checksum by the book. */
static void route(uint8_t *ip)
{
	ip[8]--;
	cst_put_be16(ip + 10, 0);
	cst_put_be16(ip + 10, cst_csum_fold(cst_csum_add(0, ip, 20)));
}

/* What a user plane makes of the frame in `sent`. */
static void forward(enum direction dir, uint16_t size, bool psc)
{
	uint32_t gtpu = psc ? 16 : 8;
	uint8_t *ip = got + 14;

	memset(got, 0, sizeof(got));
	if (dir == UP) {
		cst_eth_put(got, net.n6.mac, net.n6.peer_mac, CST_ETH_IPV4);
		memcpy(got + 14, sent + 14 + 44, size);
		route(got + 14);
		got_len = 14u + size;
		return;
	}
	cst_eth_put(got, net.n3.mac, net.n3.peer_mac, CST_ETH_IPV4);
	memcpy(ip, "\x45\0\0\0\0\0\0\0\x40\x11\0\0", 12);
	cst_put_be16(ip + 2, (uint16_t)(28 + gtpu + size));
	memcpy(ip + 12, net.n3.peer_ip, 4);
	memcpy(ip + 16, net.n3.ip, 4);
	cst_put_be16(ip + 10, cst_csum_fold(cst_csum_add(0, ip, 20)));
	cst_put_be32(ip + 20, 2152u << 16 | 2152);
	cst_put_be32(ip + 24, (8u + gtpu + size) << 16);
	if (psc)
		cst_gtpu_put_psc(ip + 28, CST_GTPU_GPDU, 0x2000 + SESSION, size,
				 cst_gtpu_psc_dl(9, 0));
	else
		cst_gtpu_put(ip + 28, CST_GTPU_GPDU, 0x2000 + SESSION, size);
	memcpy(ip + 28 + gtpu, sent + 14, size);
	route(ip + 28 + gtpu);
	got_len = 14 + 28 + gtpu + size;
}

static enum verdict check(bool n3)
{
	struct stamp s;

	return frame_check(&net, n3, got, got_len, &s);
}

static void uplink_bytes(void **state)
{
	static const uint16_t sizes[] = {FRAME_SIZE_MIN, 65, 576, FRAME_SIZE_MAX};

	for (unsigned i = 0; i < 4; i++) {
		uint16_t size = sizes[i];
		struct cst_ip_info outer, inner;
		struct cst_gtpu g;

		assert_int_equal(put(UP, size), 14 + 20 + 8 + 16 + size);
		assert_memory_equal(sent, "\x02\0\0\0\x03\x01\x02\0\0\0\x03\x02\x08\0", 14);
		assert_int_equal(cst_ip4_parse(sent + 14, 44u + size, &outer), 0);
		assert_int_equal(outer.total_len, 44 + size);
		assert_int_equal(cst_csum_fold(cst_csum_add(0, sent + 14, 20)), 0);
		assert_int_equal(cst_be16(sent + 14 + 24), 24 + size);
		assert_int_equal(cst_gtpu_parse(sent + 42, 16u + size, &g), 0);
		assert_int_equal(g.teid, 0x1000 + SESSION);
		assert_int_equal(g.end, 16 + size);
		assert_true(g.has_psc && g.psc_type == CST_GTPU_PSC_UL && g.qfi == 9);
		assert_int_equal(cst_ip4_parse(sent + 58, size, &inner), 0);
		assert_int_equal(inner.total_len, size);
		assert_int_equal(cst_csum_fold(cst_csum_add(0, sent + 58, 20)), 0);
		assert_int_equal(cst_be32(sent + 58 + 12), (10u << 24) + 1 + SESSION);
		assert_memory_equal(sent + 58 + 16, net.n6.ip, 4);
		assert_int_equal(cst_be16(sent + 58 + 24), size - 20);
	}
}

static void downlink_bytes(void **state)
{
	struct cst_ip_info ip;

	assert_int_equal(put(DOWN, 64), 78);
	assert_memory_equal(sent, "\x02\0\0\0\x06\x01\x02\0\0\0\x06\x02\x08\0", 14);
	assert_int_equal(cst_ip4_parse(sent + 14, 64, &ip), 0);
	assert_int_equal(cst_csum_fold(cst_csum_add(0, sent + 14, 20)), 0);
	assert_memory_equal(sent + 14 + 12, net.n6.ip, 4);
	assert_int_equal(cst_be32(sent + 14 + 16), (10u << 24) + 1 + SESSION);
}

/* The checksum is made from the template's: every address must come out right. */
static void checksums_of_all_sessions(void **state)
{
	struct frame f[DIRECTIONS];

	net.ue_base = 0xfffe0000;
	net.sessions = 0x1ffff;
	frame_make(&f[UP], &net, UP, 64);
	frame_make(&f[DOWN], &net, DOWN, 64);
	for (uint32_t s = 0; s < net.sessions; s++)
		for (unsigned dir = 0; dir < DIRECTIONS; dir++) {
			frame_put(&f[dir], &net, sent, s, 0, 0, 0);
			assert_int_equal(cst_csum_fold(cst_csum_add(0, sent + f[dir].ip_at, 20)),
					 0);
		}
}

static void teids_of_a_table(void **state)
{
	static uint32_t teids[SESSION + 1];

	teids[SESSION] = 0xdeadbeef;
	net.teids = teids;
	put(UP, 64);
	assert_int_equal(cst_be32(sent + 46), 0xdeadbeef);
}

static void right_ones_pass(void **state)
{
	static const uint16_t sizes[] = {FRAME_SIZE_MIN, 576, FRAME_SIZE_MAX};
	struct stamp s;

	for (unsigned i = 0; i < 3; i++) {
		put(UP, sizes[i]);
		forward(UP, sizes[i], false);
		assert_int_equal(frame_check(&net, false, got, got_len, &s), FRAME_OK);
		assert_true(s.session == SESSION && s.seq == 7 && s.trial == 3 && s.dir == UP);
		assert_true(s.size == sizes[i] && s.tsc == 123456789);
		for (unsigned psc = 0; psc < 2; psc++) {
			put(DOWN, sizes[i]);
			forward(DOWN, sizes[i], psc);
			assert_int_equal(check(true), FRAME_OK);
		}
	}
}

/* Change one byte of what came back; checksums are made right again where `fix` is an IP header. */
static void breaks(enum direction dir, uint32_t at, uint32_t fix)
{
	put(dir, 64);
	forward(dir, 64, true);
	got[at] ^= 1;
	if (fix > 0) {
		cst_put_be16(got + fix + 10, 0);
		cst_put_be16(got + fix + 10, cst_csum_fold(cst_csum_add(0, got + fix, 20)));
	}
	if (check(dir == DOWN) != FRAME_WRONG)
		fail_msg("direction %d, byte %u changed: not found", dir, at);
}

static void wrong_ones_are_found(void **state)
{
	breaks(UP, 5, 0);          /* to another station */
	breaks(UP, 14 + 11, 0);    /* header checksum */
	breaks(UP, 14 + 15, 14);   /* another user's address */
	breaks(UP, 14 + 19, 14);   /* to elsewhere */
	breaks(UP, 14 + 21, 0);    /* source port */
	breaks(UP, 14 + 25, 0);    /* UDP length */
	breaks(UP, 42 + 4, 0);     /* stamp: another session */
	breaks(UP, 42 + 12, 0);    /* stamp: another size */
	breaks(UP, 42 + 15, 0);    /* stamp: downlink, but it came up */
	breaks(DOWN, 5, 0);        /* to another station */
	breaks(DOWN, 14 + 11, 0);  /* outer header checksum */
	breaks(DOWN, 14 + 15, 14); /* not from the UPF */
	breaks(DOWN, 14 + 19, 14); /* to another gNB */
	breaks(DOWN, 14 + 25, 0);  /* outer UDP length */
	breaks(DOWN, 42 + 7, 0);   /* another tunnel */
	breaks(DOWN, 42 + 14, 0);  /* another QoS flow */
	breaks(DOWN, 58 + 11, 0);  /* inner header checksum */
	breaks(DOWN, 58 + 19, 58); /* another user's address */
}

static void wrong_form_or_port_is_found(void **state)
{
	uint32_t len = put(UP, 64);

	memcpy(got, sent, len); /* nobody took the tunnel off */
	got_len = len;
	assert_int_equal(check(false), FRAME_WRONG);
	forward(UP, 64, false);
	assert_int_equal(check(true), FRAME_WRONG);
	got_len--; /* cut off */
	assert_int_not_equal(check(false), FRAME_OK);
}

static void others_are_not_ours(void **state)
{
	memset(got, 0, sizeof(got));
	got_len = 60;
	assert_int_equal(check(true), FRAME_OTHER);
	frame_arp_ask(&net.n3, got);
	assert_int_equal(check(true), FRAME_OTHER);
	put(UP, 64);
	forward(UP, 64, false);
	got[42] ^= 1; /* magic */
	assert_int_equal(check(false), FRAME_OTHER);
	for (uint32_t len = 0; len < got_len; len++) {
		struct stamp s;

		assert_int_not_equal(frame_check(&net, false, got, len, &s), FRAME_OK);
	}
}

static void echo_is_as_sent(void **state)
{
	net.echo = true;
	net.echo_other = true;
	for (unsigned dir = 0; dir < DIRECTIONS; dir++) {
		got_len = put(dir, 64);
		memcpy(got, sent, got_len);
		assert_int_equal(check(dir == DOWN), FRAME_OK);
		assert_int_equal(check(dir == UP), FRAME_WRONG);
		net.echo_other = false;
		assert_int_equal(check(dir == UP), FRAME_OK);
		net.echo_other = true;
	}
	put(UP, 64);
	forward(UP, 64, false);
	assert_int_equal(check(false), FRAME_WRONG); /* a UPF's work is none of an echo's */
}

static void arp(void **state)
{
	struct side upf = {
		.mac = {2, 0, 0, 0, 3, 1}, .ip = {192, 0, 2, 1}, .peer_ip = {192, 0, 2, 2}};
	bool learnt = false;
	struct cst_arp a;

	frame_arp_ask(&upf, got); /* the UPF asks for the gNB */
	assert_true(frame_arp_input(&net.n3, got, FRAME_ARP_LEN, &learnt));
	assert_false(learnt);
	assert_memory_equal(got, upf.mac, 6);
	assert_int_equal(cst_arp_parse(got + 14, CST_ARP_LEN, &a), 0);
	assert_int_equal(a.op, CST_ARP_REPLY);
	assert_memory_equal(a.sender_mac, net.n3.mac, 6);
	assert_memory_equal(a.target_ip, upf.ip, 4);
	assert_false(frame_arp_input(&upf, got, FRAME_ARP_LEN, &learnt)); /* and hears the reply */
	assert_true(learnt);
	assert_memory_equal(upf.peer_mac, net.n3.mac, 6);

	learnt = false;
	upf.peer_ip[3] = 77; /* not ours */
	frame_arp_ask(&upf, got);
	assert_false(frame_arp_input(&net.n3, got, FRAME_ARP_LEN, &learnt));
	assert_false(learnt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(uplink_bytes, setup),
		cmocka_unit_test_setup(downlink_bytes, setup),
		cmocka_unit_test_setup(checksums_of_all_sessions, setup),
		cmocka_unit_test_setup(teids_of_a_table, setup),
		cmocka_unit_test_setup(right_ones_pass, setup),
		cmocka_unit_test_setup(wrong_ones_are_found, setup),
		cmocka_unit_test_setup(wrong_form_or_port_is_found, setup),
		cmocka_unit_test_setup(others_are_not_ours, setup),
		cmocka_unit_test_setup(echo_is_as_sent, setup),
		cmocka_unit_test_setup(arp, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
