/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wish, its checks, and the longest-prefix match against a plain search.
 * Without EAL, as `coastd --check` runs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/lpm.h"
#include "net/net.h"
#include "net/nexthop.h"

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* ---- longest-prefix match -------------------------------------------------------- */

static bool covers(const struct cst_lpm_item *it, const uint8_t *addr)
{
	unsigned bytes = it->len / 8, bits = it->len % 8;

	if (memcmp(it->addr, addr, bytes))
		return false;
	return !bits || !((it->addr[bytes] ^ addr[bytes]) & (0xff00 >> bits) & 0xff);
}

static uint32_t plain_search(const struct cst_lpm_item *items, uint32_t n, const uint8_t *addr)
{
	const struct cst_lpm_item *best = NULL;

	for (uint32_t i = 0; i < n; i++)
		if (covers(&items[i], addr) && (!best || items[i].len > best->len))
			best = &items[i];
	return best ? best->entry.id : 0;
}

/* Prefixes that nest and neighbour each other: few different bytes, any length. */
static uint32_t random_items(struct cst_lpm_item *items, uint32_t n, unsigned bits)
{
	uint32_t made = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct cst_lpm_item it = {.len = (uint8_t)(rnd() % (bits + 1))};
		bool twice = false;

		for (unsigned b = 0; b < bits / 8; b++)
			it.addr[b] = (uint8_t)(rnd() % 4 ? rnd() % 3 : rnd());
		for (unsigned b = it.len; b < bits; b++)
			it.addr[b / 8] &= (uint8_t) ~(0x80 >> b % 8);
		for (uint32_t k = 0; k < made; k++)
			twice |= items[k].len == it.len && !memcmp(items[k].addr, it.addr, 16);
		if (twice)
			continue;
		it.entry = (union cst_fib_entry){.type = CST_FIB_SERVICE, .id = ++made};
		items[made - 1] = it;
	}
	return made;
}

static void compare(unsigned bits, uint32_t want)
{
	static struct cst_lpm_item items[2000], sorted[2000];
	uint32_t n = random_items(items, want, bits);
	struct cst_lpm *t;

	memcpy(sorted, items, sizeof(items));
	t = cst_lpm_build(sorted, n);
	assert_non_null(t);
	for (int i = 0; i < 3000; i++) {
		uint8_t addr[16] = {0};
		union cst_fib_entry e;
		uint32_t v4;

		for (unsigned b = 0; b < bits / 8; b++)
			addr[b] = (uint8_t)(rnd() % 4 ? rnd() % 3 : rnd());
		/* half of them on or beside a prefix's edge */
		if (n && i % 2) {
			const struct cst_lpm_item *it = &items[rnd() % n];

			memcpy(addr, it->addr, 16);
			if (i % 4 == 1 && it->len < bits)
				addr[it->len / 8] ^= (uint8_t)(0x80 >> it->len % 8);
			if (i % 8 == 3 && it->len)
				addr[(it->len - 1) / 8] ^= (uint8_t)(0x80 >> (it->len - 1) % 8);
		}
		memcpy(&v4, addr, 4);
		e = bits == 32 ? cst_lpm_lookup4(t, v4) : cst_lpm_lookup6(t, addr);
		assert_int_equal(e.id, plain_search(items, n, addr));
		assert_int_equal(e.type, e.id ? CST_FIB_SERVICE : CST_FIB_NONE);
	}
	cst_lpm_free(t);
}

static void lpm_agrees_with_plain_search(void **state)
{
	static const uint32_t sizes[] = {0, 1, 2, 5, 30, 300, 1500};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (int k = 0; k < 4; k++) {
			compare(32, sizes[i]);
			compare(128, sizes[i]);
		}
	}
}

/* ---- the wish --------------------------------------------------------------------- */

static struct cst_err err;

static struct cst_ip ip(const char *text)
{
	struct cst_ip a = {.family = strchr(text, ':') ? 6 : 4};

	assert_int_equal(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.b), 1);
	return a;
}

static struct cst_prefix prefix(const char *text)
{
	struct cst_prefix p = {0};
	char buf[64];

	snprintf(buf, sizeof(buf), "%s", text);
	p.len = (uint8_t)atoi(strchr(buf, '/') + 1);
	*strchr(buf, '/') = 0;
	p.ip = ip(buf);
	return p;
}

static int put_vrf(const char *name)
{
	struct cst_vrf_conf c = {0};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return cst_net_put_vrf(&c, &err);
}

static struct cst_iface_conf iface(const char *name, const char *port, const char *vrf,
				   const char *a, const char *b)
{
	struct cst_iface_conf c = {0};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.port, sizeof(c.port), "%s", port);
	snprintf(c.vrf, sizeof(c.vrf), "%s", vrf);
	if (a)
		c.addrs[c.n_addrs++] = prefix(a);
	if (b)
		c.addrs[c.n_addrs++] = prefix(b);
	return c;
}

static int put_iface(const char *name, const char *port, const char *vrf, const char *a,
		     const char *b)
{
	struct cst_iface_conf c = iface(name, port, vrf, a, b);

	return cst_net_put_iface(&c, &err);
}

static struct cst_route_conf route(const char *vrf, const char *dst, const char *gw,
				   const char *dev)
{
	struct cst_route_conf c = {.dst = prefix(dst), .n_via = gw || dev};

	snprintf(c.vrf, sizeof(c.vrf), "%s", vrf);
	if (gw)
		c.via[0].gateway = ip(gw);
	if (dev)
		snprintf(c.via[0].iface, CST_NAME_LEN, "%s", dev);
	return c;
}

static int put_route(const char *vrf, const char *dst, const char *gw, const char *dev)
{
	struct cst_route_conf c = route(vrf, dst, gw, dev);

	return cst_net_put_route(&c, &err);
}

#define OK(call) assert_int_equal(call, 0)

static void refused(int rc, int want, const char *field, const char *reason)
{
	assert_int_equal(rc, want);
	assert_int_equal(err.code, want);
	assert_string_equal(err.field, field);
	if (!strstr(err.reason, reason))
		fail_msg("'%s' does not say '%s'", err.reason, reason);
}

static int begin(void **state)
{
	memset(&err, 0, sizeof(err));
	assert_int_equal(cst_net_begin(), 0);
	OK(put_vrf("access"));
	OK(put_vrf("internet"));
	OK(put_iface("n3", "p0", "access", "192.0.2.1/24", "2001:db8:3::1/64"));
	OK(put_iface("n6", "p1", "internet", "198.51.100.1/24", NULL));
	return 0;
}

static int end(void **state)
{
	cst_net_abort();
	return 0;
}

static void one_stage_at_a_time(void **state)
{
	assert_int_equal(cst_net_begin(), -EBUSY);
	cst_net_abort();
	assert_int_equal(put_vrf("x"), -EINVAL);
	OK(cst_net_begin());
}

static void abort_changes_nothing(void **state)
{
	assert_int_not_equal(cst_vrf_by_name("ACCESS"), 0);
	cst_net_abort();
	assert_int_equal(cst_vrf_by_name("access"), 0);
	OK(cst_net_begin());
}

static void vrf_names_have_no_case(void **state)
{
	uint16_t id = cst_vrf_by_name("access");

	OK(put_vrf("Access"));
	assert_int_equal(cst_vrf_by_name("aCCESS"), id);
	assert_string_equal(cst_vrf_name(id), "Access");
	assert_null(cst_vrf_name(77));
}

static void interfaces_are_checked(void **state)
{
	struct cst_iface_conf c;

	refused(put_iface("a", "p2", "nowhere", NULL, NULL), -ENOENT, "network_instance",
		"no network instance 'nowhere'");
	refused(put_iface("", "p2", "access", NULL, NULL), -EINVAL, "name", "missing");
	refused(put_iface("a", "", "access", NULL, NULL), -EINVAL, "port", "missing");
	refused(put_iface("a", "p0", "internet", NULL, NULL), -EEXIST, "vlan",
		"port 'p0' with VLAN 0 is interface 'n3' already");
	refused(put_iface("a", "p2", "access", "192.0.2.200/25", NULL), -EEXIST, "addresses[0]",
		"overlaps 192.0.2.1/24 of interface 'n3'");
	refused(put_iface("a", "p2", "access", "10.0.0.1/24", "2001:db8:3:0:1::/64"), -EEXIST,
		"addresses[1]", "overlaps 2001:db8:3::1/64");
	refused(put_iface("a", "p2", "access", "10.0.0.1/24", "10.0.0.1/25"), -EEXIST,
		"addresses[1]", "twice");
	refused(put_iface("a", "p2", "access", "10.0.0.0/24", NULL), -EINVAL, "addresses[0]",
		"broadcast");
	refused(put_iface("a", "p2", "access", "10.0.0.255/24", NULL), -EINVAL, "addresses[0]",
		"broadcast");
	refused(put_iface("a", "p2", "access", "224.0.0.5/24", NULL), -EINVAL, "addresses[0]",
		"no address a host can have");
	refused(put_iface("a", "p2", "access", "fe80::1/64", NULL), -EINVAL, "addresses[0]",
		"link-local");
	c = iface("a", "p0", "access", NULL, NULL);
	c.vlan = 4095;
	refused(cst_net_put_iface(&c, &err), -EINVAL, "vlan", "4095");
	c = iface("a", "p2", "access", "2001:db8::1/64", NULL);
	c.mtu = 1000;
	refused(cst_net_put_iface(&c, &err), -EINVAL, "mtu", "IPv6");
	c = iface("far-too-long-name", "p2", "access", NULL, NULL);
	c.kernel = true;
	refused(cst_net_put_iface(&c, &err), -EINVAL, "name", "kernel");

	c = iface("l2", "p0", "access", "10.2.0.1/24", NULL);
	c.ethernet = true;
	refused(cst_net_put_iface(&c, &err), -EINVAL, "addresses", "Ethernet");
	c.n_addrs = 0;
	c.gtpu = true;
	refused(cst_net_put_iface(&c, &err), -EINVAL, "gtpu", "IP interface");
	c.gtpu = false;
	OK(cst_net_put_iface(&c, &err)); /* beside the untagged n3 */
	snprintf(c.name, sizeof(c.name), "l2-b");
	refused(cst_net_put_iface(&c, &err), -EEXIST, "vlan", "is interface 'l2' already");

	OK(put_iface("a", "p2", "internet", "192.0.2.1/24", NULL)); /* another VRF */
	OK(put_iface("b", "p3", "access", "10.0.0.0/31", "10.0.0.7/32"));
	c = iface("v", "p0", "access", "10.1.0.1/24", NULL);
	c.vlan = 10;
	OK(cst_net_put_iface(&c, &err));
	OK(put_iface("n3", "p0", "access", "192.0.2.9/25", NULL)); /* over itself */
}

static void routes_are_checked(void **state)
{
	struct cst_route_conf c = route("internet", "0.0.0.0/0", "198.51.100.2", NULL);

	OK(cst_net_put_route(&c, &err));
	refused(put_route("x", "0.0.0.0/0", "198.51.100.2", NULL), -ENOENT, "network_instance",
		"'x'");
	refused(put_route("internet", "10.0.0.1/8", "198.51.100.2", NULL), -EINVAL, "prefix",
		"10.0.0.0/8?");
	refused(put_route("internet", "10.0.0.0/8", "192.0.2.2", NULL), -EINVAL, "via[0].gateway",
		"on no connected prefix of network instance 'internet'");
	refused(put_route("internet", "10.0.0.0/8", "198.51.100.1", NULL), -EINVAL,
		"via[0].gateway", "own");
	refused(put_route("internet", "10.0.0.0/8", "2001:db8::1", NULL), -EINVAL, "via[0].gateway",
		"family");
	refused(put_route("internet", "10.0.0.0/8", "198.51.100.2", "n3"), -EINVAL,
		"via[0].interface", "belongs to network instance 'access'");
	refused(put_route("internet", "10.0.0.0/8", NULL, "n9"), -ENOENT, "via[0].interface",
		"'n9'");
	refused(put_route("internet", "10.0.0.0/8", NULL, NULL), -EINVAL, "via", "at least one");
	refused(put_route("access", "2001:db8:9::/48", "fe80::1", NULL), -EINVAL,
		"via[0].interface", "link-local");
	refused(put_route("internet", "198.51.100.0/24", "198.51.100.2", NULL), -EEXIST, "prefix",
		"connected prefix of interface 'n6'");
	refused(put_route("internet", "198.51.100.1/32", "198.51.100.2", NULL), -EEXIST, "prefix",
		"own address");
	c.n_via = 2;
	c.via[1] = c.via[0];
	refused(cst_net_put_route(&c, &err), -EEXIST, "via[1].gateway", "twice");
	OK(put_route("access", "2001:db8:9::/48", "fe80::1", "n3"));
	OK(put_route("internet", "10.0.0.0/8", NULL, "n6"));
	refused(cst_net_del_iface("n6", &err), -EBUSY, "name", "used by route 0.0.0.0/0");
	OK(cst_net_compile(&err));

	/* right when it was put, wrong after its interface has changed */
	OK(put_iface("n6", "p1", "internet", "203.0.113.1/24", NULL));
	refused(cst_net_compile(&err), -EINVAL, "routes[0.0.0.0/0].via[0].gateway",
		"on no connected prefix");
}

static void uses_keep_a_vrf(void **state)
{
	struct cst_prefix pool = prefix("10.45.0.0/16");
	uint8_t service = cst_service_register("test", NULL, NULL);
	uint16_t vrf = cst_vrf_by_name("internet");

	refused(cst_net_del_vrf("access", &err), -EBUSY, "name", "used by interface 'n3'");
	OK(cst_net_del_iface("n6", &err));
	OK(cst_net_put_service(vrf, &pool, service, 7, &err));
	refused(cst_net_del_vrf("internet", &err), -EBUSY, "name", "used by pool 10.45.0.0/16");
	refused(put_route("internet", "10.45.0.0/16", NULL, NULL), -EINVAL, "via", "at least one");
	OK(cst_net_del_service(vrf, &pool));
	assert_int_equal(cst_net_del_service(vrf, &pool), -ENOENT);
	cst_vrf_hold(vrf, 2);
	refused(cst_net_del_vrf("internet", &err), -EBUSY, "name", "used by 2 ");
	cst_vrf_hold(vrf, -2);
	OK(cst_net_del_vrf("internet", &err));
	refused(cst_net_del_vrf("internet", &err), -ENOENT, "name", "'internet'");
	refused(cst_net_put_service(vrf, &pool, service, 7, &err), -ENOENT, "network_instance",
		"no such");
}

static void a_prefix_has_one_owner(void **state)
{
	struct cst_prefix pool = prefix("10.45.0.0/16"), own = prefix("198.51.100.1/32");
	uint8_t a = cst_service_register("a", NULL, NULL);
	uint8_t b = cst_service_register("b", NULL, NULL);
	uint16_t vrf = cst_vrf_by_name("internet");

	OK(cst_net_put_service(vrf, &pool, a, 1, &err));
	refused(cst_net_put_service(vrf, &pool, b, 1, &err), -EEXIST, "prefix", "'a'");
	refused(put_route("internet", "10.45.0.0/16", "198.51.100.2", NULL), -EEXIST, "prefix",
		"pool");
	refused(cst_net_put_service(vrf, &own, a, 1, &err), -EEXIST, "prefix", "own address");
	OK(put_route("internet", "10.46.0.0/16", "198.51.100.2", NULL));
	pool = prefix("10.46.0.0/16");
	refused(cst_net_put_service(vrf, &pool, a, 1, &err), -EEXIST, "prefix", "route");
}

static void neighbours_are_checked(void **state)
{
	struct cst_neigh_conf c = {.iface = "n3", .ip = ip("192.0.2.2"), .mac = {2, 0, 0, 0, 0, 2}};

	OK(cst_net_put_neigh(&c, &err));
	OK(cst_net_put_neigh(&c, &err)); /* the same again */
	refused(cst_net_del_iface("n3", &err), -EBUSY, "name", "used by neighbour 192.0.2.2");
	c.mac[0] = 3;
	refused(cst_net_put_neigh(&c, &err), -EINVAL, "mac", "single");
	c.ip = ip("192.0.3.2");
	refused(cst_net_put_neigh(&c, &err), -EINVAL, "address", "no prefix");
	refused(cst_net_del_neigh("n3", &c.ip, &err), -ENOENT, "address", "192.0.3.2");
	c.ip = ip("192.0.2.2");
	OK(cst_net_del_neigh("n3", &c.ip, &err));
	OK(cst_net_del_iface("n3", &err));
}

static int count(const void *conf, void *arg)
{
	return ++*(int *)arg == 3;
}

static void lists_follow_the_stage(void **state)
{
	int n = 0;

	OK(cst_net_each_vrf(count, &n));
	assert_int_equal(n, 2);
	OK(put_vrf("third"));
	OK(put_vrf("fourth"));
	n = 0;
	assert_int_equal(cst_net_each_vrf(count, &n), 1);
	assert_int_equal(n, 3); /* stopped by its caller */
	n = 0;
	OK(cst_net_each_iface(count, &n));
	assert_int_equal(n, 2);
}

static void gtpu_address_of_a_vrf(void **state)
{
	struct cst_iface_conf c = iface("n3", "p0", "access", "192.0.2.1/24", "2001:db8:3::1/64");
	struct cst_ip got, want = ip("2001:db8:3::1");
	uint16_t vrf = cst_vrf_by_name("access");

	assert_false(cst_vrf_gtpu_addr(vrf, 4, &got));
	c.gtpu = true;
	OK(cst_net_put_iface(&c, &err));
	assert_true(cst_vrf_gtpu_addr(vrf, 6, &got));
	assert_memory_equal(got.b, want.b, 16);
	assert_false(cst_vrf_gtpu_addr(cst_vrf_by_name("internet"), 4, &got));
}

/* ---- the lock ---------------------------------------------------------------------- */

static atomic_bool asks, has_had;

static void *asks_once(void *arg)
{
	atomic_store(&asks, true);
	cst_net_lock();
	atomic_store(&has_had, true);
	cst_net_unlock();
	return arg;
}

/* Who takes it again at once, as the slow path when it is flooded, comes after who waits. */
static void lock_is_handed_over(void **state)
{
	enum { TRIES = 20 };
	unsigned handed = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		pthread_t other;

		atomic_store(&asks, false);
		atomic_store(&has_had, false);
		cst_net_lock();
		assert_int_equal(pthread_create(&other, NULL, asks_once, NULL), 0);
		while (!atomic_load(&asks))
			usleep(100);
		usleep(5000); /* it waits by now, but for a machine that has no time for it */
		cst_net_unlock();
		cst_net_lock();
		handed += atomic_load(&has_had);
		cst_net_unlock();
		pthread_join(other, NULL);
	}
	assert_in_range(handed, TRIES / 2, TRIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lpm_agrees_with_plain_search),
		cmocka_unit_test_setup_teardown(one_stage_at_a_time, begin, end),
		cmocka_unit_test_setup_teardown(abort_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(vrf_names_have_no_case, begin, end),
		cmocka_unit_test_setup_teardown(interfaces_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(routes_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(uses_keep_a_vrf, begin, end),
		cmocka_unit_test_setup_teardown(a_prefix_has_one_owner, begin, end),
		cmocka_unit_test_setup_teardown(neighbours_are_checked, begin, end),
		cmocka_unit_test_setup_teardown(lists_follow_the_stage, begin, end),
		cmocka_unit_test_setup_teardown(gtpu_address_of_a_vrf, begin, end),
		cmocka_unit_test(lock_is_handed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
