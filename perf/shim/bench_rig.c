/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_rig.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine.h"
#include "log.h"
#include "net/fib.h"
#include "net/net.h"
#include "net/nexthop.h"
#include "object.h"
#include "port/port.h"
#include "port/tables.h"
#include "slow/slow.h"
#include "table/arena.h"

static struct port {
	uint16_t id, ethdev;
	uint8_t mac[6];
} ports[CST_BENCH_PORTS];
const uint8_t cst_bench_peer[6] = {2, 0, 0, 0, 0, 0x11};
static char run_dir[] = "/tmp/coast-bench-XXXXXX";

/* --- up --- */

static bool open_port(enum cst_bench_port i, const char *name, struct cst_err *e)
{
	struct cst_port_conf conf = {
		.queues = cst_workers(), .device = "null", .promiscuous = true};
	struct cst_port_state st;
	int id;

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	id = cst_port_prepare(&conf, e);
	if (id < 0)
		return false;
	cst_port_publish((uint16_t)id);
	cst_port_state((uint16_t)id, &st);
	ports[i] = (struct port){.id = (uint16_t)id, .ethdev = st.ethdev};
	memcpy(ports[i].mac, st.mac, 6);
	return true;
}

static bool put_iface(const char *name, const char *vrf, const char *addr, bool gtpu,
		      struct cst_err *e)
{
	struct cst_iface_conf c = {.gtpu = gtpu, .n_addrs = 1};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.port, sizeof(c.port), "%s", name);
	snprintf(c.vrf, sizeof(c.vrf), "%s", vrf);
	return cst_prefix_from_text(addr, &c.addrs[0]) == 0 && cst_net_put_iface(&c, e) == 0;
}

static bool put_neigh(const char *iface, struct cst_ip ip, struct cst_err *e)
{
	struct cst_neigh_conf c = {.ip = ip};

	snprintf(c.iface, sizeof(c.iface), "%s", iface);
	memcpy(c.mac, cst_bench_peer, 6);
	return cst_net_put_neigh(&c, e) == 0;
}

static bool put_neighs(struct cst_err *e)
{
	struct cst_ip router = {.family = 4, .b = {198, 51, 100, 2}};

	for (uint8_t i = 2; i < 66; i++)
		if (!put_neigh("n3", (struct cst_ip){.family = 4, .b = {192, 0, 2, i}}, e))
			return false;
	return put_neigh("n6", router, e);
}

static bool configure(struct cst_err *e)
{
	struct cst_vrf_conf access = {"access"}, core = {"core"};
	struct cst_route_conf all = {.vrf = "core", .dst = {.ip = {.family = 4}}, .n_via = 1};

	all.via[0].gateway = (struct cst_ip){.family = 4, .b = {198, 51, 100, 2}};
	if (cst_net_begin() < 0 || cst_net_put_vrf(&access, e) < 0 || cst_net_put_vrf(&core, e) < 0)
		return false;
	if (cst_vrf_by_name("access") != CST_BENCH_ACCESS ||
	    cst_vrf_by_name("core") != CST_BENCH_CORE) {
		cst_err(e, -1, NULL, "network instances are not numbered as the tables have them");
		return false;
	}
	if (!put_iface("n3", "access", "192.0.2.1/24", true, e) ||
	    !put_iface("n6", "core", "198.51.100.1/24", false, e) || !put_neighs(e) ||
	    cst_net_put_route(&all, e) < 0 || cst_net_compile(e) < 0)
		return false;
	cst_net_commit();
	return true;
}

static uint16_t iface_of(const char *name)
{
	const struct cst_snap *s = cst_snap();
	uint16_t i = CST_MAX_IFACES - 1;

	while (i > 0 && !(s->ifaces[i].vrf && strcmp(s->ifaces[i].name, name) == 0))
		i--;
	return i;
}

static bool is_known(const char *iface, struct cst_ip ip)
{
	uint32_t id = cst_nexthop_find(iface_of(iface), &ip);

	return cst_nexthop_state(cst_nexthop_word(&cst_nexthops[id])) == CST_NH_STATIC;
}

/* The slow path makes the fixed neighbours known, one after the other. */
static bool await_neighs(struct cst_err *e)
{
	struct cst_ip last = {.family = 4, .b = {192, 0, 2, 65}};
	struct cst_ip router = {.family = 4, .b = {198, 51, 100, 2}};

	for (int i = 0; i < 2000; i++) {
		if (is_known("n3", last) && is_known("n6", router))
			return true;
		usleep(1000);
	}
	cst_err(e, -1, NULL, "the slow path does not make the neighbours known");
	return false;
}

static void down(void)
{
	cst_engine_stop();
	cst_modules_stop();
	cst_arena_unmap();
	cst_engine_fini();
	rmdir(run_dir);
}

static bool up(struct cst_err *e)
{
	struct cst_system sys = {
		.workers = 2,
		.busy = true,
		.hugepages = CST_HUGE_AUTO,
		.memory_mb = 128,
		.packet_buffers = 4095, /* an inbox takes all that there are */
		.buffer_size = 2048,
		.max_sessions = 64, /* the benchmarks' own tables take their place */
		.max_pdrs = 256,
		.max_addresses = 256,
		.max_streams = 65536,
	};
	cpu_set_t cpus;

	/* this thread's CPU is worker 0's too */
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_ISSET(0, &cpus) &&
	    CPU_ISSET(1, &cpus))
		snprintf(sys.cpus, sizeof(sys.cpus), "0@0,1");
	if (!mkdtemp(run_dir)) {
		cst_err(e, -1, NULL, "no directory can be made in /tmp");
		return false;
	}
	snprintf(sys.run_dir, sizeof(sys.run_dir), "%s", run_dir);
	snprintf(sys.name, sizeof(sys.name), "bench-%d", getpid());
	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/%s", sys.name);
	cst_log_set_level(CST_LOG_WARN);
	if (cst_modules_reserve(&sys, e) < 0 || cst_engine_init(&sys, e) < 0)
		return false;
	if (cst_arena_map(&sys, e) < 0)
		return false;
	unlink(sys.arena_path);
	if (cst_modules_start(&sys, e) < 0)
		return false;
	atexit(down);
	return open_port(CST_BENCH_N3, "n3", e) && open_port(CST_BENCH_N6, "n6", e) &&
	       configure(e) && await_neighs(e);
}

bool cst_bench_engine(struct cst_err *e)
{
	static struct cst_err why;
	static bool tried, is_up;

	if (!tried)
		is_up = up(&why);
	tried = true;
	*e = why;
	return is_up;
}

/* --- ports --- */

const uint8_t *cst_bench_mac(enum cst_bench_port port)
{
	return ports[port].mac;
}

void cst_bench_device(enum cst_bench_port port, eth_rx_burst_t rx, eth_tx_burst_t tx)
{
	/* where the null driver has put its own: a callback before them would still pay for both */
	rte_eth_fp_ops[ports[port].ethdev].rx_pkt_burst = rx;
	rte_eth_fp_ops[ports[port].ethdev].tx_pkt_burst = tx;
}

bool cst_bench_poll(enum cst_bench_port port, uint16_t times)
{
	struct cst_poll_list *l = calloc(1, sizeof(*l) + times * sizeof(l->q[0]));

	if (!l)
		return false;
	for (; l->n < times; l->n++)
		l->q[l->n] = (struct cst_poll_queue){.ethdev = ports[port].ethdev,
						     .port = ports[port].id};
	free(atomic_exchange(&cst_poll_lists[0], l));
	free(atomic_exchange(&cst_poll_lists[1], NULL));
	return true;
}
