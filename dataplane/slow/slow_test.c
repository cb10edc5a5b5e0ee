/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path with its thread running: ARP, ND, packets that wait, ageing,
 * and the kernel's TAP in a network namespace of the test's own.
 */
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "arp.h"
#include "icmp.h"
#include "nd.h"
#include "net/rig.h"
#include "slow/internal.h"
#include "vlan.h"

static struct rig_port *const p0 = &rig_ports[0], *const p1 = &rig_ports[1];
static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t mac_a[6] = {2, 0, 0, 0, 1, 0xa}, mac_b[6] = {2, 0, 0, 0, 1, 0xb};

/* Walk until `cond` holds; fails after five seconds. */
#define UNTIL(cond)                                           \
	do {                                                  \
		int tries_ = 0;                               \
		for (rig_walk(); !(cond); rig_walk()) {       \
			if (++tries_ > 5000)                  \
				fail_msg("never: %s", #cond); \
			usleep(1000);                         \
		}                                             \
	} while (0)

static void settle(void)
{
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		rig_walk();
	}
}

static void quiet(void)
{
	settle();
	for (unsigned i = 0; i < RIG_PORTS; i++) {
		rig_clear(&rig_ports[i].sent);
		rig_clear(&rig_ports[i].talk);
	}
	rig_clear(&rig_inside);
}

/* ---- words to say ---------------------------------------------------------------------- */

static void say_arp(struct rig_port *p, const uint8_t *to, uint8_t op, const uint8_t *mac,
		    const char *sender, const char *target)
{
	struct cst_arp a = {.op = op};
	struct cst_ip s = rig_ip(sender), t = rig_ip(target);
	uint8_t b[60] = {0};

	memcpy(a.sender_mac, mac, 6);
	memcpy(a.sender_ip, s.b, 4);
	memcpy(a.target_ip, t.b, 4);
	cst_eth_put(b, to, mac, CST_ETH_ARP);
	cst_arp_put(b + 14, &a);
	rig_frame((unsigned)(p - rig_ports), b, sizeof(b));
	rig_walk();
}

static bool heard_arp(struct rig_port *p, uint8_t op, const char *sender, const char *target,
		      const uint8_t *to)
{
	struct cst_ip s = rig_ip(sender), t = rig_ip(target);
	struct cst_arp a;

	for (unsigned i = 0; i < p->talk.n; i++) {
		const uint8_t *b = p->talk.p[i]->b;

		if (cst_be16(b + 12) == CST_ETH_ARP && !cst_arp_parse(b + 14, 28, &a) &&
		    a.op == op && !memcmp(a.sender_ip, s.b, 4) && !memcmp(a.target_ip, t.b, 4) &&
		    !memcmp(b, to, 6) && !memcmp(a.sender_mac, p->mac, 6))
			return true;
	}
	return false;
}

static void say_nd(struct rig_port *p, const uint8_t *b, unsigned len, const uint8_t *from)
{
	uint8_t f[128];
	bool group = cst_ip6_is_multicast(b + 24);

	cst_eth_put(f, rig_own, from, CST_ETH_IPV6);
	if (group)
		cst_mac_of_group6(f, b + 24);
	memcpy(f + 14, b, len);
	rig_frame((unsigned)(p - rig_ports), f, len + 14);
	rig_walk();
}

/* The first neighbour message of this kind about `target`; NULL: none. */
static const uint8_t *heard_nd(struct rig_port *p, uint8_t type, const char *target,
			       struct cst_nd *nd)
{
	struct cst_ip t = rig_ip(target);

	for (unsigned i = 0; i < p->talk.n; i++) {
		const uint8_t *b = p->talk.p[i]->b;

		if (cst_be16(b + 12) == CST_ETH_IPV6 && !cst_nd_parse(b + 14, b + 54, 32, nd) &&
		    nd->type == type && !memcmp(nd->target, t.b, 16))
			return b;
	}
	return NULL;
}

static void say_advert(struct rig_port *p, const char *target, const char *dst, const uint8_t *mac,
		       uint8_t flags)
{
	struct cst_ip t = rig_ip(target), d = rig_ip(dst);
	uint8_t b[72];

	cst_nd_put_advert(b, t.b, d.b, t.b, mac, flags);
	say_nd(p, b, sizeof(b), mac);
}

/* An IP packet from inside coast to `dst`; its last byte is `tag`. */
static void go_to(const char *dst, uint8_t tag)
{
	struct cst_ip d = rig_ip(dst);
	const struct net_vec *v = rig_vec("go", d.family == 4 ? "far4" : "far6");
	struct rte_mbuf *m = rig_mbuf(v->p, v->len);
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	memcpy(p + (d.family == 4 ? 16 : 24), d.b, d.family == 4 ? 4 : 16);
	p[v->len - 1] = tag;
	if (d.family == 4)
		cst_ip4_csum_set(p);
	*cst_pkt(m) =
		(struct cst_pkt){.vrf = cst_vrf_by_name("internet"), .resume = rig_edge_route};
	assert_int_equal(cst_inject(0, &m, 1), 1);
	rig_walk();
}

static enum cst_nh_state state_of(uint32_t id)
{
	return cst_nexthop_state(cst_nexthop_word(&cst_nexthops[id]));
}

static bool has_mac(uint32_t id, const uint8_t *mac)
{
	uint64_t word = cst_nexthop_word(&cst_nexthops[id]);

	return memcmp(&word, mac, 6) == 0;
}

/* ---- announcing -------------------------------------------------------------------------- */

static void announces_itself(void **state)
{
	struct cst_nd nd;
	const uint8_t *b;

	UNTIL(heard_arp(p0, CST_ARP_REQUEST, "192.0.2.1", "192.0.2.1", all));
	UNTIL((b = heard_nd(p0, CST_ICMP6_NEIGHBOUR_ADVERT, "2001:db8:3::1", &nd)));
	assert_int_equal(nd.flags & CST_ND_NA_SOLICITED, 0);
	assert_int_equal(nd.flags & CST_ND_NA_OVERRIDE, CST_ND_NA_OVERRIDE);
	assert_memory_equal(nd.target_mac, p0->mac, 6);
	assert_int_equal(b[0], 0x33);
	/* all three times, so that later tests hear only what they ask for */
	for (unsigned n = 0, i; n < 3; usleep(1000)) {
		rig_walk();
		for (i = 0, n = 0; i < p0->talk.n; i++)
			n += cst_be16(p0->talk.p[i]->b + 12) == CST_ETH_ARP;
	}
	quiet();
}

/* ---- ARP ------------------------------------------------------------------------------------- */

static void answers_arp_and_learns(void **state)
{
	say_arp(p0, all, CST_ARP_REQUEST, mac_a, "192.0.2.50", "192.0.2.1");
	UNTIL(heard_arp(p0, CST_ARP_REPLY, "192.0.2.1", "192.0.2.50", mac_a));
	assert_int_equal(p0->talk.n, 1);
	assert_int_equal(state_of(rig_nexthop("n3", "192.0.2.50")), CST_NH_REACHABLE);
	assert_true(has_mac(rig_nexthop("n3", "192.0.2.50"), mac_a));
	quiet();
	/* a probe for a second owner (RFC 5227) is answered, not learnt from */
	say_arp(p0, all, CST_ARP_REQUEST, mac_b, "0.0.0.0", "192.0.2.1");
	UNTIL(heard_arp(p0, CST_ARP_REPLY, "192.0.2.1", "0.0.0.0", mac_b));
	quiet();
	rig_conserved();
}

static void learns_from_nobody_else(void **state)
{
	uint64_t other = rig_drops("arp.not_for_us"), clash = rig_drops("arp.conflict");

	say_arp(p0, all, CST_ARP_REQUEST, mac_a, "192.0.2.51", "192.0.2.52");
	say_arp(p0, rig_own, CST_ARP_REPLY, mac_a, "192.0.2.51", "192.0.2.52");
	UNTIL(rig_drops("arp.not_for_us") == other + 2);
	/* an announcement of somebody unknown; an answer that nobody asked for; off the prefix */
	say_arp(p0, all, CST_ARP_REQUEST, mac_a, "192.0.2.53", "192.0.2.53");
	say_arp(p0, rig_own, CST_ARP_REPLY, mac_a, "192.0.2.54", "192.0.2.1");
	say_arp(p0, all, CST_ARP_REQUEST, mac_a, "203.0.113.9", "192.0.2.1");
	settle();
	for (const char *const *a = (const char *const[]){"192.0.2.51", "192.0.2.53", "192.0.2.54",
							  "203.0.113.9", NULL};
	     *a; a++)
		assert_int_equal(rig_nexthop("n3", *a), 0);
	say_arp(p0, all, CST_ARP_REQUEST, mac_a, "192.0.2.1", "192.0.2.1");
	UNTIL(rig_drops("arp.conflict") == clash + 1);
	/* a fixed neighbour stays as it is */
	say_arp(p0, rig_own, CST_ARP_REPLY, mac_a, "192.0.2.2", "192.0.2.1");
	settle();
	assert_true(has_mac(rig_nexthop("n3", "192.0.2.2"), rig_peer));
	assert_int_equal(state_of(rig_nexthop("n3", "192.0.2.2")), CST_NH_STATIC);
	quiet();
	rig_conserved();
}

static void refuses_malformed(void **state)
{
	uint64_t arp = rig_drops("arp.malformed"), nd = rig_drops("nd.malformed");
	struct cst_ip src = rig_ip("2001:db8:3::9"), dst = rig_ip("2001:db8:3::1");
	uint8_t b[72], f[60] = {0};

	cst_eth_put(f, all, mac_a, CST_ETH_ARP);
	rig_frame(0, f, sizeof(f));
	rig_frame(0, f, 20);
	UNTIL(rig_drops("arp.malformed") == arp + 2);

	cst_nd_put_solicit(b, src.b, NULL, dst.b, mac_a);
	b[7] = 254; /* it has crossed a router */
	say_nd(p0, b, sizeof(b), mac_a);
	b[7] = 255;
	b[42] ^= 1; /* checksum */
	say_nd(p0, b, sizeof(b), mac_a);
	UNTIL(rig_drops("nd.malformed") == nd + 2);
	assert_int_equal(p0->talk.n, 0);
	rig_conserved();
}

static void resolves_and_keeps_order(void **state)
{
	go_to("198.51.100.70", 1);
	go_to("198.51.100.70", 2);
	go_to("198.51.100.70", 3);
	UNTIL(heard_arp(p1, CST_ARP_REQUEST, "198.51.100.1", "198.51.100.70", all));
	assert_int_equal(p1->sent.n, 0);
	rig_conserved();
	say_arp(p1, rig_own, CST_ARP_REPLY, mac_a, "198.51.100.70", "198.51.100.1");
	UNTIL(p1->sent.n == 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct rig_packet *p = p1->sent.p[i];

		assert_memory_equal(p->b, mac_a, 6);
		assert_int_equal(p->b[p->len - 1], i + 1);
		assert_int_equal(p->b[14 + 8], 63); /* one hop, not one for each look */
	}
	go_to("198.51.100.70", 4);
	assert_int_equal(p1->sent.n, 4); /* at once from now on */
	quiet();
	rig_conserved();
}

static void holds_so_many(void **state)
{
	uint64_t before = rig_drops("neigh.hold_full");

	for (uint8_t i = 0; i < 70; i++)
		go_to("198.51.100.71", i);
	UNTIL(rig_drops("neigh.hold_full") == before + 6);
	rig_conserved();
	say_arp(p1, rig_own, CST_ARP_REPLY, mac_a, "198.51.100.71", "198.51.100.1");
	UNTIL(p1->sent.n == 64);
	for (unsigned i = 0; i < 64; i++) /* the oldest had to go */
		assert_int_equal(p1->sent.p[i]->b[p1->sent.p[i]->len - 1], i + 6);
	quiet();
	rig_conserved();
}

static void gives_up_and_says_so(void **state)
{
	uint32_t id = rig_nexthop("n6", "198.51.100.66"); /* the gateway of 172.31.0.0/16 */
	uint64_t before = rig_drops("neigh.unresolved");
	unsigned asked = 0;

	/* nobody has answered since the start: asked for three times, then taken for gone */
	UNTIL(state_of(id) == CST_NH_FAILED);
	quiet();
	rig_go("internet", "err_failed4", 0);
	assert_int_equal(rig_drops("neigh.unresolved"), before + 1);
	rig_expect(&rig_inside, "out", "err_failed4");

	go_to("198.51.100.72", 0);
	UNTIL(rig_drops("neigh.unresolved") == before + 2);
	for (unsigned i = 0; i < p1->talk.n; i++)
		asked += cst_be16(p1->talk.p[i]->b + 12) == CST_ETH_ARP &&
			 p1->talk.p[i]->b[14 + 27] == 72;
	assert_int_equal(asked, 3);
	assert_int_equal(rig_inside.n, 1); /* its user is told */

	/* it comes back: asked for again while it counts as gone */
	say_arp(p1, rig_own, CST_ARP_REPLY, mac_a, "198.51.100.66", "198.51.100.1");
	UNTIL(state_of(id) == CST_NH_REACHABLE);
	quiet();
	rig_go("internet", "err_failed4", 0);
	assert_int_equal(p1->sent.n, 1);
	quiet();
	rig_conserved();
}

/* ---- ageing ------------------------------------------------------------------------------------
 */

static void age(uint32_t id, uint64_t confirmed, uint64_t used)
{
	cst_net_lock();
	slow_neighs[id].confirmed_ms = slow_now_ms - confirmed;
	slow_neighs[id].used_ms = slow_now_ms - used;
	cst_net_unlock();
}

static void asks_again_before_expiry(void **state)
{
	uint32_t id = rig_nexthop("n6", "198.51.100.70");

	age(id, 26000, 1000);
	UNTIL(heard_arp(p1, CST_ARP_REQUEST, "198.51.100.1", "198.51.100.70", mac_a));
	assert_int_equal(state_of(id), CST_NH_REACHABLE); /* traffic sees nothing of it */
	say_arp(p1, rig_own, CST_ARP_REPLY, mac_a, "198.51.100.70", "198.51.100.1");
	UNTIL(cst_nexthops[id].probes == 0);
	settle();
	quiet();

	/* out of use: stale, not asked for, at last forgotten */
	age(id, 31000, 31000);
	UNTIL(state_of(id) == CST_NH_STALE);
	usleep(250000);
	settle();
	assert_false(heard_arp(p1, CST_ARP_REQUEST, "198.51.100.1", "198.51.100.70", mac_a));
	go_to("198.51.100.70", 1); /* but stale is good enough to send to, and is asked for then */
	assert_int_equal(p1->sent.n, 1);
	UNTIL(heard_arp(p1, CST_ARP_REQUEST, "198.51.100.1", "198.51.100.70", mac_a));
	say_arp(p1, rig_own, CST_ARP_REPLY, mac_b, "198.51.100.70", "198.51.100.1");
	UNTIL(has_mac(id, mac_b));
	age(id, 61000, 61000);
	UNTIL(rig_nexthop("n6", "198.51.100.70") == 0);
	quiet();
}

static void follows_a_gateway_that_moves(void **state)
{
	uint32_t id = rig_nexthop("n6", "198.51.100.66");

	say_arp(p1, all, CST_ARP_REQUEST, mac_b, "198.51.100.66", "198.51.100.66");
	UNTIL(has_mac(id, mac_b));
	assert_int_equal(state_of(id), CST_NH_STALE);
	UNTIL(heard_arp(p1, CST_ARP_REQUEST, "198.51.100.1", "198.51.100.66", mac_b));
	quiet();
}

/* ---- ND
 * ------------------------------------------------------------------------------------------ */

static void answers_nd(void **state)
{
	struct cst_ip src = rig_ip("2001:db8:3::50"), own = rig_ip("2001:db8:3::1");
	struct cst_ip none = rig_ip("::");
	uint8_t b[72], group[16];
	struct cst_nd nd;
	const uint8_t *f;

	cst_nd_put_solicit(b, src.b, NULL, own.b, mac_a);
	say_nd(p0, b, sizeof(b), mac_a);
	UNTIL((f = heard_nd(p0, CST_ICMP6_NEIGHBOUR_ADVERT, "2001:db8:3::1", &nd)));
	assert_memory_equal(f, mac_a, 6);
	assert_memory_equal(f + 14 + 24, src.b, 16);
	assert_int_equal(nd.flags, CST_ND_NA_ROUTER | CST_ND_NA_SOLICITED | CST_ND_NA_OVERRIDE);
	assert_memory_equal(nd.target_mac, p0->mac, 6);
	assert_true(has_mac(rig_nexthop("n3", "2001:db8:3::50"), mac_a));
	quiet();

	/* by the link-local address too */
	cst_nd_put_solicit(b, src.b, NULL, cst_snap()->ifaces[rig_iface_id("n3")].link_local,
			   mac_a);
	say_nd(p0, b, sizeof(b), mac_a);
	UNTIL(p0->talk.n > 0);
	quiet();

	/* somebody about to take our address (RFC 4862 5.4): told by all-nodes */
	cst_nd_solicited_node(group, own.b);
	cst_nd_put_solicit(b, none.b, group, own.b, mac_b);
	b[5] = 24; /* without the option */
	cst_icmp6_csum_set(b + 8, b + 24, b + 40, 24);
	say_nd(p0, b, 64, mac_b);
	UNTIL((f = heard_nd(p0, CST_ICMP6_NEIGHBOUR_ADVERT, "2001:db8:3::1", &nd)));
	assert_int_equal(f[14 + 24], 0xff);
	assert_int_equal(nd.flags & CST_ND_NA_SOLICITED, 0);
	quiet();
	rig_conserved();
}

static void resolves_nd(void **state)
{
	uint64_t other = rig_drops("nd.not_for_us"), clash = rig_drops("nd.conflict");
	char ll[64];
	struct cst_nd nd;
	const uint8_t *f;

	go_to("2001:db8:6::70", 1);
	go_to("2001:db8:6::70", 2);
	UNTIL((f = heard_nd(p1, CST_ICMP6_NEIGHBOUR_SOLICIT, "2001:db8:6::70", &nd)));
	assert_int_equal(f[0], 0x33);
	assert_int_equal(f[5], 0x70);
	assert_int_equal(nd.has, CST_ND_HAS_SOURCE_MAC);
	inet_ntop(AF_INET6, f + 14 + 8, ll, sizeof(ll));
	say_advert(p1, "2001:db8:6::70", ll, mac_a, CST_ND_NA_SOLICITED | CST_ND_NA_OVERRIDE);
	UNTIL(p1->sent.n == 2);
	assert_memory_equal(p1->sent.p[0]->b, mac_a, 6);
	assert_int_equal(state_of(rig_nexthop("n6", "2001:db8:6::70")), CST_NH_REACHABLE);

	/* RFC 4861 7.2.5: another MAC without the override flag is not believed, only doubted */
	say_advert(p1, "2001:db8:6::70", ll, mac_b, CST_ND_NA_SOLICITED);
	settle();
	assert_true(has_mac(rig_nexthop("n6", "2001:db8:6::70"), mac_a));
	say_advert(p1, "2001:db8:6::70", ll, mac_b, CST_ND_NA_SOLICITED | CST_ND_NA_OVERRIDE);
	UNTIL(has_mac(rig_nexthop("n6", "2001:db8:6::70"), mac_b));

	say_advert(p1, "2001:db8:6::71", ll, mac_b, CST_ND_NA_SOLICITED);
	settle();
	assert_int_equal(rig_nexthop("n6", "2001:db8:6::71"), 0);
	say_advert(p1, "2001:db8:6::1", "ff02::1", mac_b, CST_ND_NA_OVERRIDE);
	UNTIL(rig_drops("nd.conflict") == clash + 1);
	{
		struct cst_ip src = rig_ip("2001:db8:6::70"), t = rig_ip("2001:db8:6::99");
		uint8_t b[72];

		cst_nd_put_solicit(b, src.b, NULL, t.b, mac_b);
		say_nd(p1, b, sizeof(b), mac_b);
		UNTIL(rig_drops("nd.not_for_us") == other + 1);
	}
	quiet();
	rig_conserved();
}

/* ---- the kernel ---------------------------------------------------------------------------------
 */

static bool own_namespace;

static void set_kernel(bool on)
{
	struct cst_iface_conf c =
		rig_iface("n3", "p0", "access", 0, "192.0.2.1/24", "2001:db8:3::1/64");
	struct cst_err e = {0};

	c.gtpu = true;
	c.kernel = on;
	assert_int_equal(cst_net_begin(), 0);
	rig_ok(cst_net_put_iface(&c, &e), &e);
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
}

static void kernel_has_the_rest(void **state)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(9)}, peer;
	struct sockaddr_in other = {.sin_family = AF_INET, .sin_port = htons(7)};
	const struct net_vec *v = rig_vec("in", "err_port4");
	struct cst_slow_stats st;
	struct ifreq ifr = {.ifr_name = "ct-n3"};
	socklen_t len = sizeof(peer);
	char b[100];
	int fd;

	if (!own_namespace || access("/dev/net/tun", R_OK | W_OK)) {
		print_message("skipped: a network namespace of its own and /dev/net/tun need "
			      "root\n");
		skip();
	}
	set_kernel(true);
	UNTIL(if_nametoindex("ct-n3") != 0);
	settle();
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &ifr), 0);
	assert_memory_equal(ifr.ifr_hwaddr.sa_data, p0->mac, 6);
	inet_pton(AF_INET, "192.0.2.1", &own.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);

	/* in: a port that only a program of the kernel's has */
	rig_frame(0, v->p, v->len);
	rig_walk();
	UNTIL(recvfrom(fd, b, sizeof(b), 0, (struct sockaddr *)&peer, &len) == 40);
	assert_int_equal(ntohs(peer.sin_port), 5);
	assert_memory_equal(b, v->p + 42, 40);
	quiet();

	/* and out: the kernel asks for its neighbour itself, and hears the answer */
	inet_pton(AF_INET, "192.0.2.60", &other.sin_addr);
	assert_int_equal(sendto(fd, "hello", 5, 0, (struct sockaddr *)&other, sizeof(other)), 5);
	UNTIL(heard_arp(p0, CST_ARP_REQUEST, "192.0.2.1", "192.0.2.60", all));
	say_arp(p0, rig_own, CST_ARP_REPLY, mac_a, "192.0.2.60", "192.0.2.1");
	UNTIL(p0->sent.n == 1);
	assert_memory_equal(p0->sent.p[0]->b, mac_a, 6);
	assert_memory_equal(p0->sent.p[0]->b + 42, "hello", 5);
	quiet();

	/* one answer to a question for the address that both have */
	say_arp(p0, all, CST_ARP_REQUEST, mac_b, "192.0.2.61", "192.0.2.1");
	UNTIL(heard_arp(p0, CST_ARP_REPLY, "192.0.2.1", "192.0.2.61", mac_b));
	usleep(50000);
	settle();
	assert_int_equal(p0->talk.n, 1);
	quiet();

	/* a routing protocol's multicast */
	cst_slow_stats(&st);
	{
		uint64_t before = st.to_kernel;

		rig_in(0, "multicast4");
		rig_in(0, "broadcast");
		for (int i = 0; st.to_kernel != before + 2 && i < 2000; i++) {
			usleep(1000);
			cst_slow_stats(&st);
		}
		assert_int_equal(st.to_kernel, before + 2);
	}
	close(fd);
	set_kernel(false);
	UNTIL(if_nametoindex("ct-n3") == 0);
	quiet();
	rig_conserved();
}

/* ---- too many
 * ------------------------------------------------------------------------------------- */

static void survives_a_scan(void **state)
{
	uint64_t before = rig_drops("neigh.table_full"), full = rig_drops("neigh.hold_full");
	char dst[64];

	for (unsigned i = 0; i < 6000; i++) {
		snprintf(dst, sizeof(dst), "2001:db8:6::5:%x", i);
		go_to(dst, 0);
		if (i % 64 == 0) {
			usleep(1000);
			rig_clear(&p1->talk);
		}
	}
	for (int i = 0; i < 4500; i++) { /* all of it is given up in the end */
		usleep(1000);
		rig_walk();
		rig_clear(&p1->talk);
		rig_clear(&rig_inside);
	}
	assert_true(rig_drops("neigh.table_full") > before);
	assert_int_equal(rig_drops("neigh.hold_full"), full); /* others' packets still have room */
	assert_int_equal(p1->sent.n, 0);
	rig_conserved();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announces_itself),
		cmocka_unit_test(answers_arp_and_learns),
		cmocka_unit_test(learns_from_nobody_else),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(resolves_and_keeps_order),
		cmocka_unit_test(holds_so_many),
		cmocka_unit_test(gives_up_and_says_so),
		cmocka_unit_test(asks_again_before_expiry),
		cmocka_unit_test(follows_a_gateway_that_moves),
		cmocka_unit_test(answers_nd),
		cmocka_unit_test(resolves_nd),
		cmocka_unit_test(kernel_has_the_rest),
		cmocka_unit_test(survives_a_scan),
	};

	/* before any thread is there, so that all share it */
	own_namespace = unshare(CLONE_NEWNET) == 0;
	return cmocka_run_group_tests(tests, rig_up, rig_down);
}
