/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test rig: the engine on ordinary memory with two ports that end in the
 * test, walked from the test's own thread; the slow-path thread runs. Packets
 * come from tests/vectors/net_vectors.h by name.
 */
#pragma once

#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"
#include "net/fib.h"
#include "net/net.h"
#include "net/nexthop.h"
#include "net_vectors.h"
#include "port/port.h"
#include "slow/slow.h"

#define RIG_PORTS 2
#define RIG_MAX   512

struct rig_packet {
	uint16_t len;
	uint8_t b[4096];
	struct cst_pkt pkt;
};

struct rig_log {
	unsigned n;
	struct rig_packet *p[RIG_MAX];
};

static struct cst_worker *rig_worker;
static struct rig_port {
	uint16_t id, ethdev;
	uint8_t mac[6];
	struct rte_mbuf *in[RIG_MAX]; /* to be received */
	unsigned n_in;
	struct rig_log sent, talk; /* talk: ARP and neighbour discovery */
} rig_ports[RIG_PORTS];

static struct rig_log rig_gtpu, rig_pool, rig_inside;
static const uint8_t rig_own[6] = {2, 0, 0, 0, 0, 0x22}, rig_peer[6] = {2, 0, 0, 0, 0, 0x11};

static __attribute__((unused)) void rig_clear(struct rig_log *l)
{
	while (l->n)
		free(l->p[--l->n]);
}

static void rig_keep(struct rig_log *l, struct rte_mbuf *m)
{
	struct rig_packet *p = calloc(1, sizeof(*p));
	const void *b;

	assert_true(l->n < RIG_MAX);
	assert_true(m->pkt_len <= sizeof(p->b));
	p->len = (uint16_t)m->pkt_len;
	p->pkt = *cst_pkt(m);
	b = rte_pktmbuf_read(m, 0, p->len, p->b);
	if (b != p->b)
		memcpy(p->b, b, p->len);
	l->p[l->n++] = p;
}

/* ---- nodes of the test's own ------------------------------------------------------ */

#define RIG_SINK(name_, log_)                                                                     \
	static uint16_t name_##_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, \
					uint8_t *edge)                                            \
	{                                                                                         \
		for (uint16_t i = 0; i < n; i++)                                                  \
			rig_keep(&log_, pkts[i]);                                                 \
		w->stats.consumed += n;                                                           \
		rte_pktmbuf_free_bulk(pkts, n);                                                   \
		return n;                                                                         \
	}                                                                                         \
	CST_NODE(name_##_node, .name = #name_, .process = name_##_process)

RIG_SINK(rig_gtpu, rig_gtpu);
RIG_SINK(rig_pool, rig_pool);
RIG_SINK(rig_inside, rig_inside);

static uint8_t rig_edge_gtpu, rig_edge_whole, rig_edge_pool, rig_edge_inside, rig_edge_route;
CST_ATTACH(rig_a, "classify", "rig_gtpu", &rig_edge_gtpu);
CST_ATTACH(rig_w, "ip_reassemble", "rig_gtpu", &rig_edge_whole);
CST_ATTACH(rig_b, "classify", "rig_pool", &rig_edge_pool);
CST_ATTACH(rig_c, "route", "rig_inside", &rig_edge_inside);
CST_ATTACH(rig_d, "rx", "route", &rig_edge_route);

/* ---- ports -------------------------------------------------------------------------- */

static uint16_t rig_rx_cb(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
			  uint16_t max, void *arg)
{
	struct rig_port *p = arg;
	uint16_t k = 0;

	rte_pktmbuf_free_bulk(pkts, n);
	while (k < max && k < p->n_in) {
		pkts[k] = p->in[k];
		k++;
	}
	p->n_in -= k;
	memmove(p->in, p->in + k, p->n_in * sizeof(p->in[0]));
	return k;
}

static bool rig_is_talk(const uint8_t *b, unsigned len)
{
	unsigned at = b[12] == 0x81 ? 16 : 12;

	return (b[at] == 8 && b[at + 1] == 6) ||
	       (b[at] == 0x86 && len > at + 42u && b[at + 2 + 6] == 58 && b[at + 42] >= 133 &&
		b[at + 42] <= 137);
}

static uint16_t rig_tx_cb(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n,
			  void *arg)
{
	struct rig_port *p = arg;

	for (uint16_t i = 0; i < n; i++) {
		struct rig_log *l =
			rig_is_talk(rte_pktmbuf_mtod(pkts[i], uint8_t *), pkts[i]->pkt_len)
				? &p->talk
				: &p->sent;
		uint8_t *b;

		if (l == &p->talk && l->n == RIG_MAX)
			continue; /* a storm, of which a part tells enough */
		rig_keep(l, pkts[i]);
		b = l->p[l->n - 1]->b;
		if (memcmp(b + 6, p->mac, 6) == 0)
			memcpy(b + 6, rig_own, 6);
	}
	return n;
}

static void rig_port(unsigned i, const char *name)
{
	struct cst_port_conf conf = {.queues = 1};
	struct rig_port *p = &rig_ports[i];
	struct cst_err e = {0};
	struct cst_port_state st;
	int id;

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	snprintf(conf.device, sizeof(conf.device), "null");
	id = cst_port_prepare(&conf, &e);
	if (id < 0)
		fail_msg("%s: %s", name, e.reason);
	cst_port_publish((uint16_t)id);
	cst_port_state((uint16_t)id, &st);
	p->id = (uint16_t)id;
	p->ethdev = st.ethdev;
	memcpy(p->mac, st.mac, 6);
	assert_non_null(rte_eth_add_rx_callback(p->ethdev, 0, rig_rx_cb, p));
	assert_non_null(rte_eth_add_tx_callback(p->ethdev, 0, rig_tx_cb, p));
}

/* ---- configuration --------------------------------------------------------------------- */

static struct cst_ip rig_ip(const char *text)
{
	struct cst_ip a = {.family = strchr(text, ':') ? 6 : 4};

	assert_int_equal(inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.b), 1);
	return a;
}

static struct cst_prefix rig_prefix(const char *text)
{
	struct cst_prefix p = {0};
	char buf[64];

	snprintf(buf, sizeof(buf), "%s", text);
	p.len = (uint8_t)atoi(strchr(buf, '/') + 1);
	*strchr(buf, '/') = 0;
	p.ip = rig_ip(buf);
	return p;
}

static void rig_ok(int rc, const struct cst_err *e)
{
	if (rc)
		fail_msg("%s: %s", e->field, e->reason);
}

static struct cst_iface_conf rig_iface(const char *name, const char *port, const char *vrf,
				       uint16_t vlan, const char *a, const char *b)
{
	struct cst_iface_conf c = {.vlan = vlan, .n_addrs = 2};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.port, sizeof(c.port), "%s", port);
	snprintf(c.vrf, sizeof(c.vrf), "%s", vrf);
	c.addrs[0] = rig_prefix(a);
	c.addrs[1] = rig_prefix(b);
	return c;
}

static void rig_route(const char *dst, int n, const char *const *gateways)
{
	struct cst_route_conf c = {.dst = rig_prefix(dst), .vrf = "internet", .blackhole = !n};
	struct cst_err e = {0};

	for (int i = 0; i < n; i++)
		c.via[c.n_via++].gateway = rig_ip(gateways[i]);
	rig_ok(cst_net_put_route(&c, &e), &e);
}

static void rig_neigh(const char *iface, const char *ip)
{
	struct cst_neigh_conf c = {.ip = rig_ip(ip)};
	struct cst_err e = {0};

	snprintf(c.iface, sizeof(c.iface), "%s", iface);
	memcpy(c.mac, rig_peer, 6);
	rig_ok(cst_net_put_neigh(&c, &e), &e);
}

static void rig_configure(uint8_t service)
{
	struct cst_vrf_conf access = {"access"}, internet = {"internet"};
	struct cst_prefix pool4 = rig_prefix("10.45.0.0/16"),
			  pool6 = rig_prefix("2001:db8:45::/48");
	struct cst_iface_conf c;
	struct cst_err e = {0};

	assert_int_equal(cst_net_begin(), 0);
	rig_ok(cst_net_put_vrf(&access, &e), &e);
	rig_ok(cst_net_put_vrf(&internet, &e), &e);
	c = rig_iface("n3", "p0", "access", 0, "192.0.2.1/24", "2001:db8:3::1/64");
	c.gtpu = true;
	rig_ok(cst_net_put_iface(&c, &e), &e);
	c = rig_iface("n6", "p1", "internet", 0, "198.51.100.1/24", "2001:db8:6::1/64");
	rig_ok(cst_net_put_iface(&c, &e), &e);
	c = rig_iface("n7", "p1", "internet", 7, "203.0.113.1/24", "2001:db8:7::1/64");
	c.mtu = 1400;
	rig_ok(cst_net_put_iface(&c, &e), &e);
	rig_neigh("n3", "192.0.2.2");
	rig_neigh("n3", "2001:db8:3::2");
	rig_neigh("n6", "198.51.100.2");
	rig_neigh("n6", "2001:db8:6::2");
	rig_neigh("n7", "203.0.113.2");
	rig_neigh("n7", "2001:db8:7::2");
	for (const char *const *g =
		     (const char *const[]){"198.51.100.3", "198.51.100.4", "198.51.100.5", NULL};
	     *g; g++)
		rig_neigh("n6", *g);
	rig_route("0.0.0.0/0", 1, (const char *const[]){"198.51.100.2"});
	rig_route("::/0", 1, (const char *const[]){"2001:db8:6::2"});
	rig_route("172.16.0.0/16", 4,
		  (const char *const[]){"198.51.100.2", "198.51.100.3", "198.51.100.4",
					"198.51.100.5"});
	rig_route("172.31.0.0/16", 1, (const char *const[]){"198.51.100.66"});
	rig_route("192.168.0.0/16", 0, NULL);
	rig_ok(cst_net_put_service(cst_vrf_by_name("internet"), &pool4, service, 4, &e), &e);
	rig_ok(cst_net_put_service(cst_vrf_by_name("internet"), &pool6, service, 6, &e), &e);
	/* so that frames to the pools come from both sides */
	rig_ok(cst_net_put_service(cst_vrf_by_name("access"), &pool4, service, 4, &e), &e);
	rig_ok(cst_net_put_service(cst_vrf_by_name("access"), &pool6, service, 6, &e), &e);
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
}

/* ---- up and down ------------------------------------------------------------------------- */

static uint16_t rig_iface_id(const char *name)
{
	const struct cst_snap *s = cst_snap();

	for (uint16_t i = 1; i < CST_MAX_IFACES; i++)
		if (s->ifaces[i].vrf && strcmp(s->ifaces[i].name, name) == 0)
			return i;
	fail_msg("no interface %s", name);
	return 0;
}

static uint32_t rig_nexthop(const char *iface, const char *text)
{
	struct cst_ip ip = rig_ip(text);

	return cst_nexthop_find(rig_iface_id(iface), &ip);
}

static __attribute__((unused)) int rig_up(void **state)
{
	struct cst_system sys = {
		.workers = 1,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 192,
		.packet_buffers = 8192,
		.buffer_size = 2048,
		.cpus = "0@0",
	};
	struct cst_err e = {0};
	uint8_t service;

	snprintf(sys.name, sizeof(sys.name), "net-test-%d", getpid()); /* tests run side by side */
	service = cst_service_register("rig", &rig_edge_pool, &rig_edge_inside);
	cst_udp_port_register(2152, true, &rig_edge_gtpu, &rig_edge_whole);
	rig_ok(cst_engine_init(&sys, &e), &e);
	rig_ok(cst_modules_start(&sys, &e), &e);
	rig_worker = cst_worker_get(0);
	rig_port(0, "p0");
	rig_port(1, "p1");
	rig_configure(service);
	/* the slow path makes the fixed neighbours known */
	for (int i = 0; i < 2000; i++) {
		uint32_t id = rig_nexthop("n7", "2001:db8:7::2");

		if (cst_nexthop_state(cst_nexthop_word(&cst_nexthops[id])) == CST_NH_STATIC)
			return 0;
		usleep(1000);
	}
	return -1;
}

static __attribute__((unused)) int rig_down(void **state)
{
	for (unsigned i = 0; i < RIG_PORTS; i++) {
		rig_clear(&rig_ports[i].sent);
		rig_clear(&rig_ports[i].talk);
	}
	rig_clear(&rig_gtpu);
	rig_clear(&rig_pool);
	rig_clear(&rig_inside);
	cst_engine_stop();
	cst_modules_stop();
	cst_engine_fini();
	return 0;
}

/* ---- packets --------------------------------------------------------------------------------- */

static const struct net_vec *rig_vec(const char *kind, const char *name)
{
	char full[96];

	snprintf(full, sizeof(full), "%s_%s", kind, name);
	for (unsigned i = 0; i < RTE_DIM(net_vecs); i++)
		if (strcmp(net_vecs[i].name, full) == 0)
			return &net_vecs[i];
	fail_msg("no vector %s", full);
	return NULL;
}

/* Walk until nothing moves. */
static void rig_walk(void)
{
	for (int idle = 0; idle < 3;) {
		rig_worker->now = rte_rdtsc();
		idle = cst_graph_walk(rig_worker) ? 0 : idle + 1;
	}
}

static struct rte_mbuf *rig_mbuf(const uint8_t *b, unsigned len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

	assert_non_null(m);
	if (len > 1900)
		rte_pktmbuf_chain(m, rig_mbuf(b + 1900, len - 1900));
	len = len > 1900 ? 1900 : len;
	memcpy(rte_pktmbuf_mtod(m, void *), b, len);
	m->data_len = (uint16_t)len;
	m->pkt_len += len;
	/* what the last packet left in the private area must not matter */
	memset(cst_pkt(m), 0xa5, sizeof(struct cst_pkt));
	return m;
}

/* A frame into a port, our MAC address put in. */
static struct rte_mbuf *rig_frame(unsigned port, const uint8_t *b, unsigned len)
{
	struct rig_port *p = &rig_ports[port];
	struct rte_mbuf *m = rig_mbuf(b, len);

	if (memcmp(b, rig_own, 6) == 0)
		memcpy(rte_pktmbuf_mtod(m, void *), p->mac, 6);
	p->in[p->n_in++] = m;
	return m;
}

static __attribute__((unused)) void rig_in(unsigned port, const char *name)
{
	const struct net_vec *v = rig_vec("in", name);

	rig_frame(port, v->p, v->len);
	rig_walk();
}

/* An IP packet from inside coast into `route`. */
static __attribute__((unused)) void rig_go(const char *vrf, const char *name, uint8_t flags)
{
	const struct net_vec *v = rig_vec("go", name);
	struct rte_mbuf *m = rig_mbuf(v->p, v->len);

	*cst_pkt(m) = (struct cst_pkt){
		.vrf = cst_vrf_by_name(vrf), .flags = flags, .resume = rig_edge_route};
	assert_int_equal(cst_inject(0, &m, 1), 1);
	rig_walk();
}

static uint64_t rig_drops(const char *name)
{
	for (const struct cst_drop *d = cst_drop_first(); d; d = d->next) {
		struct cst_slow_stats slow;

		if (strcmp(d->name, name))
			continue;
		cst_slow_stats(&slow);
		return rig_worker->stats.drops[d->id] + slow.drops[d->id];
	}
	fail_msg("no drop reason %s", name);
	return 0;
}

/* The next packet of a log is exactly this vector. */
static __attribute__((unused)) void rig_expect(struct rig_log *l, const char *kind,
					       const char *name)
{
	const struct net_vec *v = rig_vec(kind, name);
	struct rig_packet *p;

	if (!l->n)
		fail_msg("nothing came out where %s_%s was expected", kind, name);
	p = l->p[0];
	if (p->len != v->len || memcmp(p->b, v->p, v->len)) {
		for (unsigned i = 0; i < p->len; i++)
			fprintf(stderr, "%02x%s", p->b[i],
				i < v->len && p->b[i] == v->p[i] ? " " : "! ");
		fail_msg("%s_%s: %u bytes came out, %u expected", kind, name, p->len, v->len);
	}
	free(p);
	memmove(l->p, l->p + 1, --l->n * sizeof(l->p[0]));
}

/* What was dropped so far, for a look when a test fails. */
static __attribute__((unused)) void rig_show_drops(void)
{
	for (const struct cst_drop *d = cst_drop_first(); d; d = d->next)
		if (rig_drops(d->name))
			fprintf(stderr, "%8" PRIu64 " %s\n", rig_drops(d->name), d->name);
}

/* Every packet is accounted for. */
static __attribute__((unused)) void rig_conserved(void)
{
	struct cst_worker_stats w;
	struct cst_slow_stats slow;
	uint64_t out;

	for (int i = 0; i < 1000; i++) { /* the slow path may be between two counters */
		cst_worker_stats(0, &w);
		cst_slow_stats(&slow);
		out = w.tx + w.consumed + w.held + slow.consumed + slow.held;
		for (unsigned d = 0; d < CST_MAX_DROPS; d++)
			out += w.drops[d] + slow.drops[d];
		if (w.rx + w.injected == out)
			return;
		usleep(1000);
		rig_walk();
	}
	assert_int_equal(w.rx + w.injected, out);
}
