/* SPDX-License-Identifier: BSD-3-Clause */
/* eth.h, vlan.h, rtag.h, arp.h, icmp.h and nd.h against vectors that scapy wrote. */
#include "exact.h"

#include "arp.h"
#include "eth.h"
#include "icmp.h"
#include "nd.h"
#include "rtag.h"
#include "vlan.h"
#include "wire_vectors.h"

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 0x22}, gnb_mac[6] = {2, 0, 0, 0, 0, 0x11};

static void frames_are_what_scapy_built(void **state)
{
	for (size_t i = 0; i < COUNT(l2_vecs); i++) {
		const struct l2_vec *v = &l2_vecs[i];
		struct cst_l2 got;

		for (uint32_t len = 0; len <= v->len; len++) {
			uint8_t *p = exact(v->p, len);
			int rc = cst_l2_parse(p, len, &got);

			assert_int_equal(rc, len < v->want.len ? CST_L2_TRUNCATED : 0);
			free(p);
		}
		assert_memory_equal(&got, &v->want, sizeof(got));
	}
}

static void l2_headers_equal_scapys(void **state)
{
	uint8_t p[18];

	assert_int_equal(cst_l2_put(p, own_mac, gnb_mac, CST_ETH_IPV4, 0), 14);
	assert_memory_equal(p, vec_l2_plain, 14);
	assert_int_equal(cst_l2_put(p, own_mac, gnb_mac, CST_ETH_IPV4, 0xb064), 18);
	assert_memory_equal(p, vec_l2_vlan, 18);
	assert_int_equal(CST_VLAN_VID(0xb064), 100);
	assert_int_equal(CST_VLAN_PCP(0xb064), 5);
	assert_int_equal(CST_VLAN_DEI(0xb064), 1);
}

static void mac_addresses_are_told_apart(void **state)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255}, none[6] = {0};
	static const uint8_t group[4] = {239, 129, 2, 3};
	uint8_t mac[6];

	assert_true(cst_mac_is_station(own_mac));
	assert_false(cst_mac_is_station(all));
	assert_false(cst_mac_is_station(none));
	assert_true(cst_mac_is_broadcast(all));
	assert_true(cst_mac_eq(own_mac, own_mac));
	assert_false(cst_mac_eq(own_mac, gnb_mac));
	cst_mac_of_group4(mac, group);
	assert_memory_equal(mac, "\x01\x00\x5e\x01\x02\x03", 6);
	cst_mac_of_group6(mac, vec_nd_ns + 24); /* ff02::1:ff00:2 */
	assert_memory_equal(mac, "\x33\x33\xff\x00\x00\x02", 6);
}

static void rtags_are_read_and_written(void **state)
{
	uint32_t at = 16; /* behind the C-tag of the vector */
	uint32_t left = sizeof(vec_l2_rtag) - at;
	struct cst_rtag t;
	uint8_t p[CST_RTAG_LEN];

	for (uint32_t len = 0; len <= 8; len++) {
		uint8_t *q = exact(vec_l2_rtag + at, len);

		assert_int_equal(cst_rtag_parse(q, len, &t),
				 len < 8 ? CST_RTAG_TRUNCATED : CST_RTAG_OK);
		free(q);
	}
	assert_true(left > 8);
	assert_int_equal(t.seq, 0x1234);
	assert_int_equal(t.ethertype, CST_ETH_IPV4);
	assert_int_equal(cst_rtag_put(p, 0x1234), CST_RTAG_LEN);
	assert_memory_equal(p, vec_l2_rtag + at, CST_RTAG_LEN);
	/* another EtherType is a tagless frame */
	assert_int_equal(cst_rtag_parse(vec_l2_plain + 12, 8, &t), CST_RTAG_NONE);
	assert_int_equal(cst_rtag_parse((const uint8_t *)"\xf1\xc2\0\0\0\0\0\0", 8, &t),
			 CST_RTAG_NONE);
}

static void arp_equals_scapys(void **state)
{
	struct cst_arp a;
	uint8_t p[CST_ARP_LEN];

	for (uint32_t len = 0; len < CST_ARP_LEN; len++) {
		uint8_t *q = exact(vec_arp_request, len);

		assert_int_equal(cst_arp_parse(q, len, &a), CST_ARP_TRUNCATED);
		free(q);
	}
	assert_int_equal(cst_arp_parse(vec_arp_request, CST_ARP_LEN, &a), CST_ARP_OK);
	assert_int_equal(a.op, CST_ARP_REQUEST);
	assert_memory_equal(a.sender_mac, own_mac, 6);
	assert_memory_equal(a.sender_ip, "\xc0\x00\x02\x01", 4);
	assert_memory_equal(a.target_ip, "\xc0\x00\x02\x02", 4);
	assert_int_equal(cst_arp_put(p, &a), CST_ARP_LEN);
	assert_memory_equal(p, vec_arp_request, CST_ARP_LEN);
	a.op = CST_ARP_REPLY;
	memcpy(a.target_mac, gnb_mac, 6);
	cst_arp_put(p, &a);
	assert_memory_equal(p, vec_arp_reply, CST_ARP_LEN);

	p[7] = 3;
	assert_int_equal(cst_arp_parse(p, CST_ARP_LEN, &a), CST_ARP_FORMAT);
	p[7] = 1;
	p[5] = 16;
	assert_int_equal(cst_arp_parse(p, CST_ARP_LEN, &a), CST_ARP_FORMAT);
	p[5] = 4;
	p[8] = 3;
	assert_int_equal(cst_arp_parse(p, CST_ARP_LEN, &a), CST_ARP_SENDER);
}

static int nd(const uint8_t *packet, uint32_t len, struct cst_nd *out)
{
	uint8_t *p = exact(packet, len);
	int rc = cst_nd_parse(p, p + 40, len - 40, out);

	free(p);
	return rc;
}
#define ND(name, out) nd(vec_nd_##name, sizeof(vec_nd_##name), out)

static void neighbour_messages_are_read(void **state)
{
	struct cst_nd m;

	assert_int_equal(ND(ns, &m), CST_ND_OK);
	assert_int_equal(m.type, CST_ICMP6_NEIGHBOUR_SOLICIT);
	assert_int_equal(m.has, CST_ND_HAS_SOURCE_MAC);
	assert_memory_equal(m.source_mac, own_mac, 6);
	assert_int_equal(cst_be64(m.target), 0x20010db800030000);
	assert_int_equal(m.target[15], 2);

	assert_int_equal(ND(na, &m), CST_ND_OK);
	assert_int_equal(m.flags, CST_ND_NA_ROUTER | CST_ND_NA_SOLICITED | CST_ND_NA_OVERRIDE);
	assert_int_equal(m.has, CST_ND_HAS_TARGET_MAC);
	assert_memory_equal(m.target_mac, own_mac, 6);

	assert_int_equal(ND(dad, &m), CST_ND_OK);
	assert_int_equal(m.has, 0);
	assert_int_equal(ND(rs, &m), CST_ND_OK);
	assert_int_equal(m.type, CST_ICMP6_ROUTER_SOLICIT);

	assert_int_equal(ND(ra, &m), CST_ND_OK);
	assert_int_equal(m.has, CST_ND_HAS_SOURCE_MAC | CST_ND_HAS_MTU | CST_ND_HAS_PREFIX);
	assert_int_equal(m.hop_limit, 64);
	assert_int_equal(m.flags & 0xc0, 0x80);
	assert_int_equal(m.router_lifetime, 1800);
	assert_int_equal(m.reachable_ms, 30000);
	assert_int_equal(m.retrans_ms, 1000);
	assert_int_equal(m.mtu, 1400);
	assert_int_equal(m.prefix_len, 64);
	assert_int_equal(m.prefix_flags & 0xc0, CST_ND_PREFIX_AUTONOMOUS);
	assert_int_equal(m.prefix_valid, 7200);
	assert_int_equal(m.prefix_preferred, 3600);
	assert_int_equal(cst_be64(m.prefix), 0x20010db800450000);
}

static void neighbour_breaches_are_refused(void **state)
{
	struct cst_nd m;

	assert_int_equal(ND(bad_hops, &m), CST_ND_HOP_LIMIT);
	assert_int_equal(ND(bad_code, &m), CST_ND_TYPE);
	assert_int_equal(ND(bad_sum, &m), CST_ND_CHECKSUM);
	assert_int_equal(ND(bad_target, &m), CST_ND_ADDRESS);
	assert_int_equal(ND(bad_option, &m), CST_ND_OPTION);
	assert_int_equal(ND(bad_dad, &m), CST_ND_ADDRESS);
	assert_int_equal(ND(bad_dad_to, &m), CST_ND_ADDRESS);
	assert_int_equal(ND(bad_ra, &m), CST_ND_ADDRESS);
	assert_int_equal(ND(bad_na, &m), CST_ND_ADDRESS);
	assert_int_equal(nd(vec_icmp6_echo, sizeof(vec_icmp6_echo), &m), CST_ND_TYPE);
}

/* cut anywhere, with a checksum that is right for what is left: only at an option's end is it whole
 */
static void neighbour_prefixes_are_refused(void **state)
{
	uint32_t whole = 0;

	for (uint32_t len = 40; len <= sizeof(vec_nd_ra); len++) {
		uint8_t *p = exact(vec_nd_ra, len);
		struct cst_nd m;

		if (len >= 44)
			cst_icmp6_csum_set(p + 8, p + 24, p + 40, len - 40);
		whole += cst_nd_parse(p, p + 40, len - 40, &m) == CST_ND_OK;
		free(p);
	}
	assert_int_equal(whole, 4); /* none, one, two, three options */
}

static void neighbour_messages_equal_scapys(void **state)
{
	const uint8_t *own = vec_nd_probe + 8, *gnb = vec_nd_probe + 24;
	uint8_t p[72];

	assert_int_equal(cst_nd_put_solicit(p, own, NULL, gnb, own_mac), sizeof(vec_nd_ns));
	assert_memory_equal(p, vec_nd_ns, sizeof(vec_nd_ns));
	assert_int_equal(cst_nd_put_solicit(p, own, gnb, gnb, own_mac), sizeof(vec_nd_probe));
	assert_memory_equal(p, vec_nd_probe, sizeof(vec_nd_probe));
	assert_int_equal(cst_nd_put_advert(p, own, gnb, own, own_mac, 0xe0), sizeof(vec_nd_na));
	assert_memory_equal(p, vec_nd_na, sizeof(vec_nd_na));
}

static void icmp_equals_scapys(void **state)
{
	uint8_t p[128];
	uint32_t n;

	memcpy(p, vec_icmp_echo, sizeof(vec_icmp_echo));
	assert_true(cst_icmp4_csum_ok(p, sizeof(vec_icmp_echo)));
	cst_icmp_echo_reply(p, CST_ICMP4_ECHO_REPLY);
	assert_memory_equal(p, vec_icmp_reply, sizeof(vec_icmp_reply));
	p[9] ^= 1;
	assert_false(cst_icmp4_csum_ok(p, sizeof(vec_icmp_echo)));

	memset(p, 0, 16); /* a request of zeroes */
	p[0] = CST_ICMP4_ECHO;
	cst_icmp4_csum_set(p, 16);
	cst_icmp_echo_reply(p, CST_ICMP4_ECHO_REPLY);
	assert_true(cst_icmp4_csum_ok(p, 16));

	n = sizeof(vec_icmp6_echo) - 40;
	memcpy(p, vec_icmp6_echo + 40, n);
	assert_true(cst_icmp6_csum_ok(vec_icmp6_echo + 8, vec_icmp6_echo + 24, p, n));
	cst_icmp_echo_reply(p, CST_ICMP6_ECHO_REPLY);
	assert_memory_equal(p, vec_icmp6_reply + 40, n);

	memset(p, 0, sizeof(p));
	n = sizeof(vec_icmp_frag_needed) - 8;
	memcpy(p + 8, vec_icmp_frag_needed + 8, n);
	assert_int_equal(
		cst_icmp4_put_error(p, CST_ICMP4_UNREACHABLE, CST_ICMP4_FRAG_NEEDED, 1400, n), 8);
	assert_memory_equal(p, vec_icmp_frag_needed, n + 8);

	n = sizeof(vec_icmp6_too_big) - 48;
	memcpy(p + 8, vec_icmp6_too_big + 48, n);
	cst_icmp6_put_error(p, CST_ICMP6_TOO_BIG, 0, 1280, n, vec_icmp6_too_big + 8,
			    vec_icmp6_too_big + 24);
	assert_memory_equal(p, vec_icmp6_too_big + 40, n + 8);
	cst_icmp6_put_error(p, CST_ICMP6_UNREACHABLE, CST_ICMP6_PROHIBITED, 0, n,
			    vec_icmp6_unreach + 8, vec_icmp6_unreach + 24);
	assert_memory_equal(p, vec_icmp6_unreach + 40, n + 8);

	assert_true(cst_icmp4_is_error(CST_ICMP4_UNREACHABLE));
	assert_false(cst_icmp4_is_error(CST_ICMP4_ECHO));
	assert_true(cst_icmp6_is_error(CST_ICMP6_TOO_BIG));
	assert_false(cst_icmp6_is_error(CST_ICMP6_ECHO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_what_scapy_built),
		cmocka_unit_test(l2_headers_equal_scapys),
		cmocka_unit_test(mac_addresses_are_told_apart),
		cmocka_unit_test(rtags_are_read_and_written),
		cmocka_unit_test(arp_equals_scapys),
		cmocka_unit_test(neighbour_messages_are_read),
		cmocka_unit_test(neighbour_breaches_are_refused),
		cmocka_unit_test(neighbour_prefixes_are_refused),
		cmocka_unit_test(neighbour_messages_equal_scapys),
		cmocka_unit_test(icmp_equals_scapys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
