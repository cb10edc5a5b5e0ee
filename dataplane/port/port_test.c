/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports that need no privilege: device strings, null, pcap; two workers of
 * which the test walks the graph itself, so that it sees every packet.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_ethdev.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"
#include "port/device.h"
#include "net/reassembly.h"
#include "port/port.h"
#include "trace/watch.h"

/* What `rx` and the ports ask of parts that are not here: no datagram waits for its fragments, and
 * nobody watches packets. */
struct cst_reasm_due cst_reasm_due[CST_MAX_WORKERS];

void cst_reasm_give_up(struct cst_worker *w)
{
	(void)w;
}

void cst_watch_rx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	(void)w;
	(void)port;
	(void)pkts;
	(void)n;
}

#define WORKERS 2
#define BUFFERS 8192
#define FRAMES  100

static uint16_t send_to; /* 0: keep what comes */
static unsigned seen;
static uint16_t seen_port;

static uint16_t classify(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	memset(edge, CST_EDGE_TAKEN, n);
	seen += n;
	seen_port = cst_pkt(pkts[0])->port;
	if (send_to != 0)
		cst_port_tx(w, send_to, pkts, n);
	else
		rte_pktmbuf_free_bulk(pkts, n);
	return n;
}
CST_NODE(classify_node, .name = "classify", .process = classify);

static char dir[] = "/tmp/coast-port-XXXXXX";
static char path[4][64];

static struct cst_port_conf conf(const char *name, const char *fmt, const char *arg)
{
	struct cst_port_conf c = {.mtu = 1500};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.device, sizeof(c.device), fmt, arg);
	return c;
}

static void walk(void)
{
	for (int i = 0; i < 20; i++)
		for (uint16_t w = 0; w < WORKERS; w++)
			cst_graph_walk(cst_worker_get(w));
	cst_rcu_reclaim(true);
}

static unsigned buffers(void)
{
	return rte_mempool_avail_count(cst_packet_pool());
}

static uint64_t dropped(const char *name)
{
	uint64_t n = 0;

	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next)
		for (uint16_t w = 0; w < WORKERS && strcmp(d->name, name) == 0; w++)
			n += cst_worker_get(w)->stats.drops[d->id];
	return n;
}

/* ---- pcap files, written and read by hand ----------------------------------------- */

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, sizeof(v), 1, f);
}

static void write_pcap(const char *file, unsigned n)
{
	FILE *f = fopen(file, "w");
	uint8_t frame[1514];

	put32(f, 0xa1b2c3d4);
	put32(f, 2 | 4 << 16);
	put32(f, 0);
	put32(f, 0);
	put32(f, 65535);
	put32(f, 1);
	for (unsigned i = 0; i < n; i++) {
		uint32_t len = 60 + i * 14;

		memset(frame, (int)i, sizeof(frame));
		put32(f, i);
		put32(f, 0);
		put32(f, len);
		put32(f, len);
		fwrite(frame, len, 1, f);
	}
	fclose(f);
}

/* Frames in the order of write_pcap(), each whole? Returns how many there are. */
static unsigned read_pcap(const char *file)
{
	FILE *f = fopen(file, "r");
	uint8_t frame[2000];
	uint32_t h[4];
	unsigned n = 0;

	assert_non_null(f);
	assert_int_equal(fread(frame, 24, 1, f), 1);
	for (; fread(h, sizeof(h), 1, f) == 1; n++) {
		assert_int_equal(h[2], 60 + n * 14);
		assert_int_equal(fread(frame, h[2], 1, f), 1);
		assert_int_equal(frame[0], n);
		assert_int_equal(frame[h[2] - 1], n);
	}
	fclose(f);
	return n;
}

/* ---- device strings ------------------------------------------------------------------ */

static void test_devices(void **state)
{
	static const struct {
		const char *text, *args; /* args NULL: refused */
		const char *word;        /* which the reason has to hold */
	} rows[] = {
		{"null", "net_null7,no-rx=1", NULL},
		{"null:64", "net_null7,size=64", NULL},
		{"null:13", NULL, "bytes"},
		{"null:9601", NULL, "bytes"},
		{"null:6x", NULL, "bytes"},
		{"null:-64", NULL, "bytes"},
		{"pci:0000:03:00.0", "0000:03:00.0", NULL},
		{"pci:3:0.1", "0000:03:00.1", NULL},
		{"pci:0001:a3:1f.7,rx_vec=1", "0001:a3:1f.7,rx_vec=1", NULL},
		{"pci:0000:03:20.0", NULL, "lspci"},
		{"pci:eth0", NULL, "lspci"},
		{"pci:0000:03:00.0x", NULL, "lspci"},
		{"af_xdp:eth1", "net_af_xdp7,iface=eth1,start_queue=0,queue_count=2", NULL},
		{"af_xdp:", NULL, "name a kernel interface"},
		{"af_xdp", NULL, "colon"},
		{"af_xdp:sixteen-letters!", NULL, "at most 15"},
		{"af_xdp:a,b", NULL, "cannot take"},
		{"af_xdp:a b", NULL, "cannot take"},
		{"af_xdp:../x", NULL, "no '/'"},
		{"vhost:/run/v.sock", "net_vhost7,iface=/run/v.sock,queues=2", NULL},
		{"vhost:v.sock", NULL, "whole path"},
		{"vhost:/a,b", NULL, "cannot take"},
		{"tap:tap0", "net_tap7,iface=tap0", NULL},
		{"pcap:/a.pcap,/b.pcap", "net_pcap7,rx_pcap=/a.pcap,tx_pcap=/b.pcap", NULL},
		{"pcap:/a.pcap", "net_pcap7,rx_pcap=/a.pcap", NULL},
		{"pcap:,/b.pcap", "net_pcap7,tx_pcap=/b.pcap", NULL},
		{"pcap:", NULL, "name a file"},
		{"pcap:,", NULL, "name a file"},
		{"pcap:/a,/a", NULL, "at once"},
		{"pcap:/a,/b,/c", NULL, "cannot take"},
		{"eal:net_ring0", "net_ring0", NULL},
		{"eal:", NULL, "after 'eal:'"},
		{"", NULL, "unknown kind"},
		{"nul", NULL, "unknown kind"},
		{"nullx:64", NULL, "unknown kind"},
		{"eth0", NULL, "unknown kind"},
	};
	struct cst_device d;
	char args[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cst_err e = {0};
		int ret = cst_device_parse(rows[i].text, &d, &e);

		if (rows[i].args == NULL) {
			assert_int_equal(ret, -EINVAL);
			assert_string_equal(e.field, "device");
			if (strstr(e.reason, rows[i].word) == NULL)
				fail_msg("%s: '%s' lacks '%s'", rows[i].text, e.reason,
					 rows[i].word);
			continue;
		}
		if (ret != 0)
			fail_msg("%s: %s", rows[i].text, e.reason);
		assert_int_equal(cst_device_args(&d, 7, 2, 1024, args, sizeof(args), &e), 0);
		assert_string_equal(args, rows[i].args);
	}
}

static void test_virtio_user_args(void **state)
{
	struct cst_device a, b;
	char one[512], two[512];

	cst_device_parse("virtio_user:/run/a.sock", &a, NULL);
	cst_device_parse("virtio_user:/run/b.sock", &b, NULL);
	cst_device_args(&a, 1, 2, 512, one, sizeof(one), NULL);
	assert_non_null(strstr(one, "path=/run/a.sock,mac=02:c0:"));
	assert_non_null(strstr(one, "queue_size=512,queues=2,cq=1"));
	cst_device_args(&a, 1, 2, 512, two, sizeof(two), NULL);
	assert_string_equal(one, two); /* the MAC is not chance */
	cst_device_args(&b, 1, 2, 512, two, sizeof(two), NULL);
	assert_string_not_equal(strstr(one, "mac="), strstr(two, "mac="));
}

/* ---- null ------------------------------------------------------------------------------ */

static void test_null_is_silent(void **state)
{
	struct cst_port_conf c = conf("quiet", "null", "");
	struct cst_port_state st;
	int port = cst_port_prepare(&c, NULL);

	assert_in_range(port, 1, CST_MAX_PORTS - 1);
	cst_port_state((uint16_t)port, &st);
	assert_false(st.up);
	cst_port_publish((uint16_t)port);
	cst_port_state((uint16_t)port, &st);
	assert_true(st.up);
	assert_int_equal(st.queues, WORKERS);
	assert_int_equal(cst_port_by_name("quiet"), port);
	assert_int_equal(cst_port_by_name("Quiet"), 0);
	seen = 0;
	walk();
	assert_int_equal(seen, 0);
	cst_port_retire((uint16_t)port);
	assert_int_equal(cst_port_by_name("quiet"), 0);
	cst_rcu_reclaim(true);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_null_makes_packets(void **state)
{
	struct cst_port_conf c = conf("noisy", "null:%s", "64");
	uint64_t rx = cst_worker_get(0)->stats.rx + cst_worker_get(1)->stats.rx;
	unsigned before = buffers();
	int port = cst_port_prepare(&c, NULL);

	assert_true(port > 0);
	seen = 0;
	walk();
	assert_int_equal(seen, 0); /* prepared only: nobody polls it */
	cst_port_publish((uint16_t)port);
	send_to = (uint16_t)port;
	walk();
	assert_int_equal(seen, 2 * 20 * 64); /* both workers, each its queue */
	assert_int_equal(seen_port, port);
	assert_int_equal(cst_worker_get(0)->stats.rx + cst_worker_get(1)->stats.rx - rx, seen);
	send_to = 0;
	cst_port_retire((uint16_t)port);
	seen = 0;
	walk();
	assert_int_equal(seen, 0);
	assert_int_equal(buffers(), before);
}

/* ---- pcap: in by one worker, out by another --------------------------------------------- */

static void test_pcap_through(void **state)
{
	struct cst_port_conf in = conf("in", "pcap:%s", path[0]),
			     out = conf("out", "pcap:,%s", path[1]);
	unsigned before = buffers();
	int a, b;

	write_pcap(path[0], FRAMES);
	a = cst_port_prepare(&in, NULL);
	b = cst_port_prepare(&out, NULL);
	assert_true(a > 0 && b > 0 && a != b);
	send_to = (uint16_t)b;
	cst_port_publish((uint16_t)b);
	cst_port_publish((uint16_t)a);
	seen = 0;
	walk();
	assert_int_equal(seen, FRAMES);
	cst_port_retire((uint16_t)a);
	cst_port_retire((uint16_t)b);
	send_to = 0;
	cst_rcu_reclaim(true); /* closing writes the file out */
	assert_int_equal(read_pcap(path[1]), FRAMES);
	/* neighbouring numbers, one queue each: they belong to different workers */
	assert_true(cst_worker_get(0)->stats.handed_off + cst_worker_get(1)->stats.handed_off >=
		    FRAMES);
	assert_int_equal(buffers(), before);
}

static void test_send_to_nowhere(void **state)
{
	struct cst_port_conf in = conf("in", "pcap:%s", path[0]);
	uint64_t before = dropped("port.down");
	int a = cst_port_prepare(&in, NULL);

	assert_true(a > 0);
	send_to = CST_MAX_PORTS - 1;
	cst_port_publish((uint16_t)a);
	walk();
	assert_int_equal(dropped("port.down") - before, FRAMES);
	send_to = 0;
	cst_port_retire((uint16_t)a);
	cst_rcu_reclaim(true);
}

/* ---- what goes wrong ------------------------------------------------------------------------ */

static void refused(struct cst_port_conf c, int code, const char *field, const char *word)
{
	struct cst_err e = {0};

	assert_int_equal(cst_port_prepare(&c, &e), code);
	assert_string_equal(e.field, field);
	if (strstr(e.reason, word) == NULL)
		fail_msg("'%s' lacks '%s'", e.reason, word);
	assert_int_equal(cst_port_by_name(c.name), 0);
}

static void test_refusals(void **state)
{
	struct cst_port_conf c = conf("x", "pcap:%s", "/nowhere/at/all");
	FILE *f = fopen(path[2], "w");
	uint16_t ethdevs = rte_eth_dev_count_avail();
	unsigned before = buffers();

	fputs("no capture, this", f);
	fclose(f);
	refused(c, -ENOENT, "device", "No such file");
	refused(conf("x", "pcap:%s", path[2]), -EPERM, "device", "not a packet capture");
	refused(conf("x", "af_xdp:%s", "coast-none"), -ENODEV, "device",
		"no interface 'coast-none'");
	refused(conf("x", "vhost:%s", "/nowhere/v.sock"), -ENOENT, "device", "directory");
	refused(conf("x", "vhost:%s", path[2]), -EEXIST, "device", "not a socket");
	refused(conf("x", "virtio_user:%s", "/nowhere/v.sock"), -ENOENT, "device", "server first");
	refused(conf("x", "pci:%s", "ffff:ff:1f.7"), -ENODEV, "device", "no PCI device");
	refused(conf("x", "null:%s", "9000"), -EINVAL, "device", "do not fit");
	c = conf("x", "null", "");
	c.queues = 3000;
	refused(c, -ERANGE, "queues", "at most");
	assert_int_equal(rte_eth_dev_count_avail(), ethdevs);
	assert_int_equal(buffers(), before);
}

static void test_same_twice(void **state)
{
	struct cst_port_conf a = conf("one-of-them", "pcap:%s", path[0]),
			     b = conf("other", "pcap:%s", path[0]);
	struct cst_err e = {0};
	int port = cst_port_prepare(&a, NULL);

	assert_true(port > 0);
	assert_int_equal(cst_port_prepare(&a, &e), -EEXIST);
	assert_string_equal(e.field, "name");
	assert_int_equal(cst_port_prepare(&b, &e), -EBUSY);
	assert_non_null(strstr(e.reason, "one-of-them"));
	cst_port_discard((uint16_t)port);
	assert_int_equal(cst_port_by_name("one-of-them"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_too_many(void **state)
{
	struct cst_port_conf c = conf("", "null", "");
	int ports[CST_MAX_PORTS], n = 0;
	struct cst_err e = {0};

	for (;;) {
		snprintf(c.name, sizeof(c.name), "p%d", n);
		ports[n] = cst_port_declare(&c, &e);
		if (ports[n] < 0)
			break;
		n++;
		assert_in_range(n, 1, CST_MAX_PORTS - 1);
	}
	assert_int_equal(ports[n], -ENOSPC);
	assert_int_equal(n, CST_MAX_PORTS - 1);
	while (n > 0)
		cst_port_discard((uint16_t)ports[--n]);
}

/* ---- optional: there later ------------------------------------------------------------------ */

static void test_optional(void **state)
{
	struct cst_port_conf c = conf("late", "pcap:%s", path[3]);
	struct cst_port_state st;
	int port;

	c.optional = true;
	port = cst_port_prepare(&c, NULL);
	assert_true(port > 0);
	cst_port_publish((uint16_t)port);
	cst_port_state((uint16_t)port, &st);
	assert_false(st.up);
	assert_non_null(strstr(st.fault, "No such file"));
	assert_int_equal(st.mtu, 1500);
	write_pcap(path[3], FRAMES);
	cst_modules_tick(UINT64_MAX / 2); /* long after */
	cst_port_state((uint16_t)port, &st);
	assert_true(st.up);
	assert_string_equal(st.fault, "");
	seen = 0;
	walk();
	assert_int_equal(seen, FRAMES);
	cst_port_retire((uint16_t)port);
	cst_rcu_reclaim(true);
}

static void test_change(void **state)
{
	struct cst_port_conf c = conf("c", "null", ""), before, with;
	struct cst_port_state st;
	struct cst_err e = {0};
	uint16_t port = (uint16_t)cst_port_prepare(&c, NULL);

	cst_port_publish(port);
	before = with = *cst_port_conf(port);
	with.mtu = 1400;
	assert_int_equal(cst_port_change(port, &with, &e), 0);
	cst_port_state(port, &st);
	assert_int_equal(st.mtu, 1400);
	assert_int_equal(cst_port_change(port, &before, &e), 0);
	cst_port_state(port, &st);
	assert_int_equal(st.mtu, 1500);
	with.mtu = 9000; /* more than a buffer holds */
	assert_int_equal(cst_port_change(port, &with, &e), -EBUSY);
	assert_string_equal(e.field, "mtu");
	with = before;
	with.queues = 1;
	assert_int_equal(cst_port_change(port, &with, &e), -EBUSY);
	assert_string_equal(e.field, "device");
	assert_memory_equal(cst_port_conf(port), &before, sizeof(before));
	cst_port_retire(port);
	cst_rcu_reclaim(true);
}

/* ---- frame ------------------------------------------------------------------------------------
 */

static int setup(void **state)
{
	struct cst_system sys = {
		.workers = WORKERS,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 96,
		.packet_buffers = BUFFERS,
		.buffer_size = 2048,
	};
	struct cst_err e = {0};

	if (mkdtemp(dir) == NULL)
		return -1;
	for (int i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "%s/%d.pcap", dir, i);
	snprintf(sys.name, sizeof(sys.name), "porttest%d", getpid());
	snprintf(sys.run_dir, sizeof(sys.run_dir), "%s", dir);
	if (cst_engine_init(&sys, &e) < 0 || cst_modules_start(&sys, &e) < 0) {
		fprintf(stderr, "%s: %s\n", e.field, e.reason);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	cst_modules_stop();
	cst_engine_fini();
	for (int i = 0; i < 4; i++)
		unlink(path[i]);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),        cmocka_unit_test(test_virtio_user_args),
		cmocka_unit_test(test_null_is_silent), cmocka_unit_test(test_null_makes_packets),
		cmocka_unit_test(test_pcap_through),   cmocka_unit_test(test_send_to_nowhere),
		cmocka_unit_test(test_refusals),       cmocka_unit_test(test_same_twice),
		cmocka_unit_test(test_too_many),       cmocka_unit_test(test_optional),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
