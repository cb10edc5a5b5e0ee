/* SPDX-License-Identifier: BSD-3-Clause */
/* csum.h, ip.h, flow.h, hash.h and udp.h against vectors that scapy wrote. */
#include "exact.h"

#include "csum.h"
#include "flow.h"
#include "hash.h"
#include "ip.h"
#include "tcp.h"
#include "udp.h"
#include "wire_vectors.h"

static const uint8_t ue4[4] = {10, 45, 0, 2}, dn4[4] = {198, 51, 100, 2};

static void checksums_are_right(void **state)
{
	for (size_t i = 0; i < COUNT(sum_vecs); i++) {
		const struct sum_vec *v = &sum_vecs[i];
		uint8_t *p = exact(v->p, v->len);

		assert_int_equal(cst_csum_fold(cst_csum_add(0, p, v->len)), v->want);
		/* in pieces */
		for (uint32_t cut = 0; cut <= v->len; cut += 2) {
			uint64_t sum = cst_csum_add(0, p, cut);

			assert_int_equal(cst_csum_fold(cst_csum_add(sum, p + cut, v->len - cut)),
					 v->want);
		}
		free(p);
	}
}

static void checksum_updates_equal_a_new_sum(void **state)
{
	uint8_t p[40];
	uint64_t seed = 1624;

	for (int n = 0; n < 200000; n++) {
		uint8_t was[16];
		uint16_t c;

		for (size_t i = 0; i < sizeof(p); i += 8) {
			seed = cst_hash_mix(seed, i);
			/* zeros and ones are where one's complement goes wrong */
			uint64_t v = n % 3 == 0 ? 0 : n % 3 == 1 ? ~0ull : seed;
			memcpy(p + i, &v, 8);
		}
		p[0] = 0x45; /* a sum of nothing but zeros does not occur in a header */
		cst_put_be16(p + 10, 0);
		cst_put_be16(p + 10, cst_csum_fold(cst_csum_add(0, p, sizeof(p))));

		c = cst_csum_update16(cst_be16(p + 10), cst_be16(p + 8), (uint16_t)seed);
		cst_put_be16(p + 8, (uint16_t)seed);
		cst_put_be16(p + 10, c);
		assert_int_equal(cst_csum_fold(cst_csum_add(0, p, sizeof(p))), 0);

		c = cst_csum_update32(cst_be16(p + 10), cst_be32(p + 16), (uint32_t)seed);
		cst_put_be32(p + 16, (uint32_t)seed);
		cst_put_be16(p + 10, c);
		assert_int_equal(cst_csum_fold(cst_csum_add(0, p, sizeof(p))), 0);

		memcpy(was, p + 24, 16);
		cst_put_be64(p + 24, seed * 7);
		cst_put_be64(p + 32, seed * 11);
		c = cst_csum_update(cst_be16(p + 10), was, p + 24, 16);
		cst_put_be16(p + 10, c);
		assert_int_equal(cst_csum_fold(cst_csum_add(0, p, sizeof(p))), 0);
	}
}

static void print_flow(const char *name, const struct cst_flow *f)
{
	print_error(
		"%s: family %u proto %u tos %#x flags %#x l4 %u ports %u %u ttl %u len %u label "
		"%#x spi %#x\n",
		name, f->family, f->proto, f->tos, f->flags, f->l4_off, f->src_port, f->dst_port,
		f->ttl, f->ip_len, f->flow_label, f->spi);
}

static void flows_are_what_scapy_built(void **state)
{
	for (size_t i = 0; i < COUNT(flow_vecs); i++) {
		const struct flow_vec *v = &flow_vecs[i];
		uint8_t *p = exact(v->p, v->len);
		struct cst_flow got;
		int rc;

		memset(&got, 0xee, sizeof(got));
		rc = cst_flow_parse(p, v->len, &got);
		if (rc != v->rc)
			print_error("%s: %d, not %d\n", v->name, rc, v->rc);
		assert_int_equal(rc, v->rc);
		if (rc == CST_IP_OK && memcmp(&got, &v->want, sizeof(got)) != 0) {
			print_flow(v->name, &got);
			print_flow("wanted", &v->want);
			fail();
		}
		free(p);
	}
}

static void every_prefix_of_a_packet_is_refused(void **state)
{
	for (size_t i = 0; i < COUNT(flow_vecs); i++) {
		const struct flow_vec *v = &flow_vecs[i];

		for (uint32_t len = 0; len < v->len; len++) {
			uint8_t *p = exact(v->p, len);
			struct cst_flow got;
			int rc = cst_flow_parse(p, len, &got);

			if (v->rc == CST_IP_OK && len < v->want.ip_len)
				assert_int_not_equal(rc, CST_IP_OK);
			free(p);
		}
	}
}

/* the packet made shorter by its own length field, so that headers are cut within */
static void every_total_length_is_survived(void **state)
{
	for (size_t i = 0; i < COUNT(flow_vecs); i++) {
		const struct flow_vec *v = &flow_vecs[i];
		uint32_t fixed = v->want.family == 6 ? 40 : 20;

		if (v->rc)
			continue;
		for (uint32_t len = fixed; len <= v->want.ip_len; len++) {
			uint8_t *p = exact(v->p, len);
			struct cst_flow got;

			cst_put_be16(p + (fixed == 40 ? 4 : 2),
				     (uint16_t)(fixed == 40 ? len - 40 : len));
			if (cst_flow_parse(p, len, &got) == CST_IP_OK) {
				assert_int_equal(got.ip_len, len);
				assert_true(got.l4_off <= len);
			}
			free(p);
		}
	}
}

static void source_routes_are_seen(void **state)
{
	struct cst_ip_info ip;

	assert_int_equal(cst_ip_parse(vec_flow_lsrr4, sizeof(vec_flow_lsrr4), &ip), CST_IP_OK);
	assert_true(ip.flags & CST_IP_SOURCE_ROUTE);
	assert_int_equal(cst_ip_parse(vec_flow_options4, sizeof(vec_flow_options4), &ip),
			 CST_IP_OK);
	assert_false(ip.flags & CST_IP_SOURCE_ROUTE);
	assert_int_equal(cst_ip_parse(vec_route_6, sizeof(vec_route_6), &ip), CST_IP_OK);
	assert_true(ip.flags & CST_IP_SOURCE_ROUTE);
	assert_int_equal(cst_ip_parse(vec_flow_chain6, sizeof(vec_flow_chain6), &ip), CST_IP_OK);
	assert_false(ip.flags & CST_IP_SOURCE_ROUTE);
}

static void header_fields_change_with_their_checksum(void **state)
{
	uint8_t p[sizeof(vec_flow_tos4)];

	memcpy(p, vec_flow_tos4, sizeof(p));
	assert_true(cst_ip4_csum_ok(p));
	for (int ttl = 64; ttl > 1; ttl--) {
		cst_ip4_ttl_dec(p);
		assert_int_equal(p[8], ttl - 1);
		assert_true(cst_ip4_csum_ok(p));
	}
	for (int tos = 0; tos < 256; tos++) {
		cst_ip4_set_tos(p, (uint8_t)tos);
		assert_int_equal(p[1], tos);
		assert_true(cst_ip4_csum_ok(p));
	}
	p[4] ^= 1;
	assert_false(cst_ip4_csum_ok(p));

	uint8_t q[sizeof(vec_flow_tos6)];
	struct cst_flow f;

	memcpy(q, vec_flow_tos6, sizeof(q));
	for (int tos = 0; tos < 256; tos++) {
		cst_ip6_set_tos(q, (uint8_t)tos);
		assert_int_equal(cst_flow_parse(q, sizeof(q), &f), CST_IP_OK);
		assert_int_equal(f.tos, tos);
		assert_int_equal(f.flow_label, 0xabcde);
	}
}

/* the outer headers of an N3 packet, written and compared with scapy's */
static void outer_headers_equal_scapys(void **state)
{
	uint8_t p[sizeof(vec_n3_v4)], q[sizeof(vec_n3_v6)];

	memcpy(p, vec_n3_v4, sizeof(p));
	memset(p, 0, 28);
	cst_ip4_put(p, vec_n3_v4 + 12, vec_n3_v4 + 16, CST_PROTO_UDP, sizeof(p), 0, 64, 1, 0);
	cst_udp_put(p + 20, 50000, 2152, sizeof(p) - 20);
	cst_udp_csum_set(p, p + 20, sizeof(p) - 20);
	assert_memory_equal(p, vec_n3_v4, sizeof(p));
	assert_true(cst_udp_csum_ok(p, p + 20, sizeof(p) - 20, 0));
	p[30] ^= 0x10;
	assert_false(cst_udp_csum_ok(p, p + 20, sizeof(p) - 20, 0));
	cst_put_be16(p + 26, 0); /* none */
	assert_true(cst_udp_csum_ok(p, p + 20, sizeof(p) - 20, 0));

	memcpy(q, vec_n3_v6, sizeof(q));
	memset(q, 0, 48);
	cst_ip6_put(q, vec_n3_v6 + 8, vec_n3_v6 + 24, CST_PROTO_UDP, sizeof(q) - 40, 0, 64, 0);
	cst_udp_put(q + 40, 50000, 2152, sizeof(q) - 40);
	cst_udp_csum_set(q, q + 40, sizeof(q) - 40);
	assert_memory_equal(q, vec_n3_v6, sizeof(q));
	assert_true(cst_udp_csum_ok(q, q + 40, sizeof(q) - 40, 0));
	cst_put_be16(q + 46, 0);
	assert_false(cst_udp_csum_ok(q, q + 40, sizeof(q) - 40, 0));
	assert_true(cst_udp_csum_ok(q, q + 40, sizeof(q) - 40, 1));
}

static void ports_headers_are_checked(void **state)
{
	struct cst_udp u;
	struct cst_tcp t;
	uint8_t udp[8], tcp[20] = {4, 0, 1, 187, [12] = 0x50, [13] = CST_TCP_SYN};

	cst_udp_put(udp, 1, 2, 8);
	assert_int_equal(cst_udp_parse(udp, 8, &u), CST_UDP_OK);
	assert_int_equal(u.src_port, 1);
	assert_int_equal(u.dst_port, 2);
	assert_int_equal(cst_udp_parse(udp, 7, &u), CST_UDP_TRUNCATED);
	cst_udp_put(udp, 1, 2, 9);
	assert_int_equal(cst_udp_parse(udp, 8, &u), CST_UDP_TRUNCATED);
	cst_udp_put(udp, 1, 2, 7);
	assert_int_equal(cst_udp_parse(udp, 8, &u), CST_UDP_LENGTH);

	assert_int_equal(cst_tcp_parse(tcp, 20, &t), CST_TCP_OK);
	assert_int_equal(t.src_port, 1024);
	assert_int_equal(t.dst_port, 443);
	assert_int_equal(t.flags, CST_TCP_SYN);
	assert_int_equal(cst_tcp_parse(tcp, 19, &t), CST_TCP_TRUNCATED);
	tcp[12] = 0x60;
	assert_int_equal(cst_tcp_parse(tcp, 20, &t), CST_TCP_TRUNCATED);
	tcp[12] = 0x40;
	assert_int_equal(cst_tcp_parse(tcp, 20, &t), CST_TCP_OFFSET);
}

static struct cst_flow flow4(uint32_t n, uint16_t sport)
{
	struct cst_flow f = {.family = 4,
			     .proto = CST_PROTO_UDP,
			     .flags = CST_FLOW_PORTS,
			     .src_port = sport,
			     .dst_port = 53};

	memcpy(f.src.b, ue4, 4);
	memcpy(f.dst.b, dn4, 4);
	cst_put_be32(f.src.b, cst_be32(f.src.b) + n);
	return f;
}

static struct cst_flow turned(struct cst_flow f)
{
	union cst_flow_addr a = f.src;
	uint16_t port = f.src_port;

	f.src = f.dst;
	f.dst = a;
	f.src_port = f.dst_port;
	f.dst_port = port;
	return f;
}

/* addresses in a row, as a pool gives them: every part gets its share within 5 % */
static void hashes_spread(void **state)
{
	enum { FLOWS = 1 << 17, PARTS = 13 };

	for (int kind = 0; kind < 6; kind++) {
		uint32_t part[PARTS] = {0}, bits[32] = {0};

		for (uint32_t n = 0; n < FLOWS; n++) {
			struct cst_flow f = flow4(kind % 2 ? n : 0, (uint16_t)(kind % 2 ? 7 : n));
			uint32_t h;

			if (kind >= 4) {
				f.family = 6;
				f.src.d[1] = n;
			} else if (kind % 2 == 0) {
				f.src.b[3] = (uint8_t)(n >> 16);
			}
			h = kind / 2 % 2 ? cst_hash_flow_symmetric(&f) : cst_hash_flow(&f);
			part[cst_hash_reduce(h, PARTS)]++;
			for (int b = 0; b < 32; b++)
				bits[b] += h >> b & 1;
		}
		for (int i = 0; i < PARTS; i++) {
			assert_in_range(part[i], FLOWS / PARTS * 95 / 100,
					FLOWS / PARTS * 105 / 100);
		}
		for (int b = 0; b < 32; b++)
			assert_in_range(bits[b], FLOWS * 48 / 100, FLOWS * 52 / 100);
	}
}

static void symmetric_hash_is_symmetric(void **state)
{
	unsigned differ = 0;

	for (uint32_t n = 0; n < 10000; n++) {
		struct cst_flow f = flow4(n, (uint16_t)(n * 7)), r = turned(f);

		assert_int_equal(cst_hash_flow_symmetric(&f), cst_hash_flow_symmetric(&r));
		differ += cst_hash_flow(&f) != cst_hash_flow(&r);
		f.family = r.family = 6;
		assert_int_equal(cst_hash_flow_symmetric(&f), cst_hash_flow_symmetric(&r));
	}
	assert_true(differ > 9990);
}

/* all fragments of a packet go one way: first and later ones, which have no ports */
static void fragments_hash_alike(void **state)
{
	struct cst_flow first = flow4(1, 4000), later = flow4(1, 0), whole = flow4(1, 4000);

	first.flags |= CST_FLOW_FRAG;
	later.flags = CST_FLOW_FRAG | CST_FLOW_FRAG_LATER;
	later.dst_port = 0;
	assert_int_equal(cst_hash_flow(&first), cst_hash_flow(&later));
	assert_int_equal(cst_hash_flow_symmetric(&first), cst_hash_flow_symmetric(&later));
	assert_int_not_equal(cst_hash_flow(&first), cst_hash_flow(&whole));
}

static void tunnel_ports_are_dynamic_ones(void **state)
{
	assert_int_equal(cst_hash_port(0), 49152);
	assert_int_equal(cst_hash_port(0xffffffff), 65535);
}

static void bytes_hash_by_content(void **state)
{
	uint8_t *p = exact("internet.mnc001", 15);

	assert_int_equal(cst_hash_bytes(p, 15, 0), cst_hash_bytes("internet.mnc001", 15, 0));
	assert_int_not_equal(cst_hash_bytes(p, 15, 0), cst_hash_bytes(p, 14, 0));
	assert_int_not_equal(cst_hash_bytes(p, 15, 0), cst_hash_bytes(p, 15, 1));
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checksums_are_right),
		cmocka_unit_test(checksum_updates_equal_a_new_sum),
		cmocka_unit_test(flows_are_what_scapy_built),
		cmocka_unit_test(every_prefix_of_a_packet_is_refused),
		cmocka_unit_test(every_total_length_is_survived),
		cmocka_unit_test(source_routes_are_seen),
		cmocka_unit_test(header_fields_change_with_their_checksum),
		cmocka_unit_test(outer_headers_equal_scapys),
		cmocka_unit_test(ports_headers_are_checked),
		cmocka_unit_test(hashes_spread),
		cmocka_unit_test(symmetric_hash_is_symmetric),
		cmocka_unit_test(fragments_hash_alike),
		cmocka_unit_test(tunnel_ports_are_dynamic_ones),
		cmocka_unit_test(bytes_hash_by_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
