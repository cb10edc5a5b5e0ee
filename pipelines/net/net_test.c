/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network's objects through transactions, on null ports: all or nothing,
 * refusals that name who is in the way, listings.
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

#include "class.h"
#include "config.h"
#include "engine/engine.h"
#include "engine/rcu.h"
#include "net/net.h"
#include "net_api.h"
#include "port/port.h"
#include "quoted.h"
#include "rpc/rpc.h"
#include "table/arena.h"

static char dir[] = "/tmp/coast-net-XXXXXX";
static struct cst_err err;

static int run(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *js = quoted(text);
	int ret = cst_txn_run(c, op, js, NULL, &err);

	json_decref(js);
	return ret;
}

static void done(const struct cst_class *c, enum cst_op op, const char *text)
{
	if (run(c, op, text) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

static void refused(const struct cst_class *c, enum cst_op op, const char *text, int code,
		    const char *field, const char *word)
{
	if (run(c, op, text) == 0)
		fail_msg("%s: taken", text);
	assert_int_equal(err.code, code);
	assert_string_equal(err.field, field);
	if (strstr(err.reason, word) == NULL)
		fail_msg("%s: '%s' lacks '%s'", text, err.reason, word);
}

/* The whole configuration as text: equal before and after means that nothing changed. */
static char *config(void)
{
	json_t *js = cst_config_dump(&err);
	char *s;

	assert_non_null(js);
	s = json_dumps(js, JSON_SORT_KEYS);
	json_decref(js);
	return s;
}

static void unchanged(const char *before)
{
	char *now = config();

	assert_string_equal(now, before);
	free(now);
}

static json_t *call(const char *request)
{
	char line[512], *answer;
	json_t *js, *result;

	snprintf(line, sizeof(line), "%s", request);
	unquote(line);
	answer = cst_rpc_serve(line, strlen(line), true);
	js = json_loads(answer, 0, NULL);
	result = json_incref(json_object_get(js, "result"));
	if (result == NULL)
		fail_msg("%s", answer);
	json_decref(js);
	free(answer);
	return result;
}

static size_t count(const char *class)
{
	char request[128];
	json_t *js;
	size_t n;

	snprintf(request, sizeof(request), "{'jsonrpc':'2.0','id':1,'method':'%s.list'}", class);
	js = call(request);
	n = json_array_size(json_object_get(js, "items"));
	json_decref(js);
	return n;
}

#define PUT    CST_OP_PUT
#define MODIFY CST_OP_MODIFY
#define DELETE CST_OP_DELETE

/* ---- coastd --check: before EAL is there --------------------------------------------- */

static unsigned reports;
static char last_report[512];

static void report(const char *file, unsigned line, const struct cst_err *e)
{
	reports++;
	snprintf(last_report, sizeof(last_report), "%u %s: %s", line, e->field, e->reason);
}

static int check(const char *text)
{
	char path[64];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "%s/check.yaml", dir);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	reports = 0;
	last_report[0] = '\0';
	ret = cst_config_check(path, report);
	unlink(path);
	return ret;
}

#define GOOD                                                               \
	"network_instances:\n  - {name: access}\n"                         \
	"ports:\n  - {name: n3, device: \"af_xdp:not-here\"}\n"            \
	"interfaces:\n  - {name: n3, port: n3, network_instance: access, " \
	"addresses: [192.0.2.1/24]}\n"

static void test_check(void **state)
{
	if (check(GOOD) != 0)
		fail_msg("%s", last_report);
	/* nothing is left of it, so that the same again is no double */
	assert_int_equal(cst_port_by_name("n3"), 0);
	assert_int_equal(check(GOOD), 0);

	assert_int_equal(check(GOOD "routes:\n  - {network_instance: access, prefix: 0.0.0.0/0}\n"),
			 1);
	assert_non_null(strstr(last_report, "via"));
	assert_int_equal(check("ports:\n  - {name: n3, device: \"afxdp:n3\"}\n"), 1);
	assert_non_null(strstr(last_report, "2 ports[0].device: "));
	assert_int_equal(check("network_instances:\n  - {name: access}\n"
			       "interfaces:\n  - {name: i, port: n9, network_instance: access}\n"),
			 1);
	assert_non_null(strstr(last_report, "4 interfaces[0].port: there is no port 'n9'"));
	assert_int_equal(cst_port_by_name("n3"), 0);
}

/* ---- ports ------------------------------------------------------------------------------- */

static void test_port(void **state)
{
	struct cst_port_state st;
	json_t *js;

	done(&net_port_class, PUT, "{'name':'p','device':'null'}");
	cst_port_state(cst_port_by_name("p"), &st);
	assert_true(st.up);
	js = call("{'jsonrpc':'2.0','id':1,'method':'port.get','params':{'name':'p'}}");
	assert_string_equal(json_string_value(json_object_get(js, "device")), "null");
	assert_true(json_is_true(json_object_get(json_object_get(js, "state"), "up")));
	assert_non_null(json_object_get(json_object_get(js, "state"), "rx_packets"));
	json_decref(js);

	done(&net_port_class, PUT, "{'name':'p','device':'null'}"); /* the same again */
	done(&net_port_class, MODIFY, "{'name':'p','mtu':1400}");
	cst_port_state(cst_port_by_name("p"), &st);
	assert_int_equal(st.mtu, 1400);
	refused(&net_port_class, PUT, "{'name':'p','device':'null:64'}", -EBUSY, "device",
		"delete port");
	refused(&net_port_class, MODIFY, "{'name':'q','mtu':1400}", -ENOENT, "name", "'q'");
	refused(&net_port_class, DELETE, "{'name':'q'}", -ENOENT, "name", "'q'");
	refused(&net_port_class, PUT, "{'name':'q','device':'nul'}", -EINVAL, "device",
		"unknown kind");
	done(&net_port_class, DELETE, "{'name':'p'}");
	assert_int_equal(cst_port_by_name("p"), 0);
	cst_rcu_reclaim(true);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_port_all_or_nothing(void **state)
{
	char *before;
	json_t *js;

	done(&net_port_class, PUT, "{'name':'p','device':'null'}");
	before = config();
	refused(&net_port_class, PUT,
		"[{'name':'a','device':'null'},{'name':'p','device':'null','mtu':900},"
		"{'name':'b','device':'null:60'},{'name':'c','device':'pcap:/nowhere,'}]",
		-ENOENT, "[3].device", "No such file");
	js = json_loads(before, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(js, "ports")), 1);
	json_decref(js);
	unchanged(before);
	assert_int_equal(cst_port_by_name("a"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 1);
	refused(&net_port_class, PUT,
		"[{'name':'a','device':'null'},{'name':'a','device':'null','mtu':900}]", -EEXIST,
		"[1].name", "twice");
	assert_int_equal(rte_eth_dev_count_avail(), 1);
	refused(&net_port_class, DELETE, "[{'name':'p'},{'name':'p'}]", -ENOENT, "[1].name",
		"no port");
	unchanged(before);
	done(&net_port_class, DELETE, "{'name':'p'}");
	cst_rcu_reclaim(true);
	free(before);
}

/* ---- interfaces, routes, neighbours ---------------------------------------------------------- */

static void build(void)
{
	done(&net_instance_class, PUT, "[{'name':'access'},{'name':'internet'}]");
	done(&net_port_class, PUT, "[{'name':'n3','device':'null'},{'name':'n6','device':'null'}]");
	done(&net_interface_class, PUT,
	     "[{'name':'n3','port':'n3','network_instance':'access','addresses':['192.0.2.1/24',"
	     "'2001:db8:3::1/64'],'gtpu':true},"
	     "{'name':'n6','port':'n6','network_instance':'internet','addresses':["
	     "'198.51.100.1/24']}]");
	done(&net_route_class, PUT,
	     "{'network_instance':'internet','prefix':'0.0.0.0/0','via':[{'gateway':"
	     "'198.51.100.2'}]}");
	done(&net_neighbour_class, PUT,
	     "{'interface':'n6','address':'198.51.100.2','mac':'02:00:00:00:00:06'}");
}

static void demolish(void)
{
	done(&net_neighbour_class, DELETE, "{'interface':'n6','address':'198.51.100.2'}");
	done(&net_route_class, DELETE, "{'network_instance':'internet','prefix':'0.0.0.0/0'}");
	done(&net_interface_class, DELETE, "[{'name':'n3'},{'name':'n6'}]");
	done(&net_port_class, DELETE, "[{'name':'n3'},{'name':'n6'}]");
	done(&net_instance_class, DELETE, "[{'name':'access'},{'name':'internet'}]");
	cst_rcu_reclaim(true);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_network(void **state)
{
	struct cst_ip ip;
	json_t *js;

	build();
	assert_true(cst_vrf_gtpu_addr(cst_vrf_by_name("access"), 4, &ip));
	assert_int_equal(cst_fib_lookup4(cst_vrf_by_name("internet"), htonl(0x08080808)).type,
			 CST_FIB_NEXTHOPS);
	js = call("{'jsonrpc':'2.0','id':1,'method':'route.get','params':{'network_instance':"
		  "'Internet','prefix':'0.0.0.0/0'}}");
	assert_int_equal(json_array_size(json_object_get(js, "via")), 1);
	json_decref(js);
	js = call("{'jsonrpc':'2.0','id':1,'method':'interface.get','params':{"
		  "'name':'n3'}}");
	assert_int_equal(json_array_size(json_object_get(js, "addresses")), 2);
	assert_true(json_is_true(json_object_get(js, "gtpu")));
	json_decref(js);
	demolish();
	assert_int_equal(count("interface") + count("route") + count("network_instance") +
				 count("neighbour"),
			 0);
}

static void test_failure_leaves_nothing(void **state)
{
	char *before;

	build();
	before = config();
	refused(&net_interface_class, PUT,
		"[{'name':'v5','port':'n3','vlan':5,'network_instance':'access','addresses':["
		"'10.5.0.1/24']},{'name':'v6','port':'n9','network_instance':'access'}]",
		-ENOENT, "[1].port", "'n9'");
	unchanged(before);
	refused(&net_interface_class, MODIFY, "{'name':'n6','network_instance':'nowhere'}", -ENOENT,
		"network_instance", "nowhere");
	unchanged(before);
	refused(&net_route_class, PUT,
		"[{'network_instance':'internet','prefix':'10.0.0.0/8','blackhole':true},"
		"{'network_instance':'internet','prefix':'11.0.0.0/8','via':[{'gateway':"
		"'203.0.113.1'}]}]",
		-EINVAL, "[1].via[0].gateway", "203.0.113.1");
	unchanged(before);
	assert_int_equal(cst_fib_lookup4(cst_vrf_by_name("internet"), htonl(0x0a000001)).type,
			 CST_FIB_NEXTHOPS);
	demolish();
	free(before);
}

static void test_in_use(void **state)
{
	build();
	refused(&net_port_class, DELETE, "{'name':'n3'}", -EBUSY, "name", "interface 'n3'");
	refused(&net_instance_class, DELETE, "{'name':'access'}", -EBUSY, "name", "'n3'");
	refused(&net_interface_class, DELETE, "{'name':'n6'}", -EBUSY, "name", "0.0.0.0/0");
	assert_int_not_equal(cst_port_by_name("n3"), 0);
	demolish();
}

static void test_modify_interface(void **state)
{
	json_t *js;

	build();
	done(&net_interface_class, MODIFY, "{'name':'n3','mtu':1400}");
	js = call("{'jsonrpc':'2.0','id':1,'method':'interface.get','params':{'name':'n3'}}");
	assert_int_equal(json_integer_value(json_object_get(js, "mtu")), 1400);
	assert_int_equal(json_array_size(json_object_get(js, "addresses")), 2);
	json_decref(js);
	demolish();
}

/* ---- listings ------------------------------------------------------------------------------- */

static void test_pages(void **state)
{
	char request[128];
	uint64_t cursor = 0;
	size_t n = 0;
	json_t *js;

	done(&net_instance_class, PUT,
	     "[{'name':'a'},{'name':'b'},{'name':'c'},{'name':'d'},{'name':'e'}]");
	do {
		snprintf(request, sizeof(request),
			 "{'jsonrpc':'2.0','id':1,'method':'network_instance.list','params':{"
			 "'limit':2,'cursor':%u}}",
			 (unsigned)cursor);
		js = call(request);
		assert_in_range(json_array_size(json_object_get(js, "items")), 1, 2);
		n += json_array_size(json_object_get(js, "items"));
		cursor = (uint64_t)json_integer_value(json_object_get(js, "cursor"));
		json_decref(js);
	} while (cursor != 0);
	assert_int_equal(n, 5);
	js = call("{'jsonrpc':'2.0','id':1,'method':'network_instance.list','params':{'filter':{"
		  "'name':'d'}}}");
	assert_int_equal(json_array_size(json_object_get(js, "items")), 1);
	json_decref(js);
	done(&net_instance_class, DELETE,
	     "[{'name':'a'},{'name':'b'},{'name':'c'},{'name':'d'},{'name':'e'}]");
}

static void test_figures(void **state)
{
	static const char *const methods[] = {"drop.list", "worker.list", "node.list"};
	char request[128];
	bool named = false;
	json_t *js, *item;
	size_t i;

	for (i = 0; i < 3; i++) {
		snprintf(request, sizeof(request), "{'jsonrpc':'2.0','id':1,'method':'%s'}",
			 methods[i]);
		js = call(request);
		assert_true(json_array_size(json_object_get(js, "items")) > 1);
		json_decref(js);
	}
	js = call("{'jsonrpc':'2.0','id':1,'method':'drop.list'}");
	json_array_foreach (json_object_get(js, "items"), i, item)
		named |= strcmp(json_string_value(json_object_get(item, "name")), "port.down") == 0;
	assert_true(named);
	json_decref(js);
	js = call("{'jsonrpc':'2.0','id':1,'method':'system.info'}");
	assert_int_equal(json_integer_value(json_object_get(js, "packet_buffers")), 8192);
	json_decref(js);
}

/* ---- frame ------------------------------------------------------------------------------------
 */

static int setup(void **state)
{
	struct cst_system sys = {
		.workers = 1,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 128,
		.packet_buffers = 8192,
		.buffer_size = 2048,
		.max_sessions = 16,
		.max_pdrs = 64,
		.max_addresses = 1024,
	};

	snprintf(sys.name, sizeof(sys.name), "nettest%d", getpid());
	snprintf(sys.run_dir, sizeof(sys.run_dir), "%s", dir);
	snprintf(sys.arena_path, sizeof(sys.arena_path), "%s/arena", dir);
	if (cst_modules_reserve(&sys, &err) < 0 || cst_engine_init(&sys, &err) < 0 ||
	    cst_arena_map(&sys, &err) < 0 || cst_modules_start(&sys, &err) < 0) {
		fprintf(stderr, "%s: %s\n", err.field, err.reason);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	char path[64];

	cst_modules_stop();
	cst_arena_unmap();
	cst_engine_fini();
	snprintf(path, sizeof(path), "%s/arena", dir);
	unlink(path);
	return 0;
}

int main(void)
{
	const struct CMUnitTest first[] = {
		cmocka_unit_test(test_check),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port),    cmocka_unit_test(test_port_all_or_nothing),
		cmocka_unit_test(test_network), cmocka_unit_test(test_failure_leaves_nothing),
		cmocka_unit_test(test_in_use),  cmocka_unit_test(test_modify_interface),
		cmocka_unit_test(test_pages),   cmocka_unit_test(test_figures),
	};
	int failed;

	if (mkdtemp(dir) == NULL)
		return 1;
	failed = cmocka_run_group_tests_name("before EAL", first, NULL, NULL);
	failed += cmocka_run_group_tests(tests, setup, teardown);
	rmdir(dir);
	return failed;
}
