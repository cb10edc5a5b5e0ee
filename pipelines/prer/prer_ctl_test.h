/* SPDX-License-Identifier: BSD-3-Clause */
/* A network, tables and calls for the tests of streams' control side. No EAL. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rcu.h"
#include "net/frames.h"
#include "net/net.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_ident.h"
#include "prer_obey.h"
#include "quoted.h"
#include "rpc/rpc.h"
#include "table/arena.h"

static struct cst_err err;

#define RECOVERY &prer_recovery_class
#define PATH     &prer_path_class
#define STREAM   &prer_stream_class

static inline int call(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *js = quoted(text);
	int rc = cst_txn_run(c, op, js, NULL, &err);

	json_decref(js);
	return rc;
}

static inline void put(const struct cst_class *c, const char *text)
{
	if (call(c, CST_OP_PUT, text) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

static inline void del(const struct cst_class *c, const char *text)
{
	if (call(c, CST_OP_DELETE, text) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

/* What workers and the store see of it all. */
static inline uint64_t sum(void)
{
	json_t *all = cst_config_dump(&err);
	char *config = json_dumps(all, JSON_SORT_KEYS);
	uint64_t h = prer_name_hash(config);

	free(config);
	json_decref(all);
	h = h * 31 + cst_lines_used(prer_books.lines) + cst_lines_used(prer_books.rings) * 1000ull +
	    cst_lines_used(prer_books.individual) * 1000000ull;
	h = h * 31 + cst_index_used(prer_books.streams) +
	    cst_index_used(prer_books.paths) * 1000ull;
	h = h * 31 + prer_ident_used();
	for (uint32_t i = 0; i < prer_tables.streams; i++)
		h = h * 31 + prer_tables.slot[i];
	return h;
}

static inline void refused_op(const struct cst_class *c, enum cst_op op, const char *text, int code,
			      const char *field, const char *reason)
{
	uint64_t before = sum();
	int rc = call(c, op, text);

	if (rc != code || strcmp(err.field, field) != 0 || !strstr(err.reason, reason))
		fail_msg("%s: rc %d, field '%s', reason '%s'; wanted %d, '%s', '%s'", text, rc,
			 err.field, err.reason, code, field, reason);
	if (sum() != before)
		fail_msg("%s: left a trace", text);
}

static inline void refused(const struct cst_class *c, const char *text, int code, const char *field,
			   const char *reason)
{
	refused_op(c, CST_OP_PUT, text, code, field, reason);
}

static inline const struct prer_entry *entry(const char *name)
{
	const struct prer_entry *x = prer_entry_live(PRER_STREAMS, name);

	assert_non_null(x);
	return x;
}

static inline const struct prer_stream *record(const char *name)
{
	const struct prer_stream *s = prer_stream(entry(name)->number);

	assert_non_null(s);
	return s;
}

/* ---- the world ----------------------------------------------------------------------- */

static inline void declare(const char *name, bool promiscuous, uint16_t mtu)
{
	struct cst_port_conf c = {.device = "null", .mtu = mtu, .promiscuous = promiscuous};

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_true(cst_port_declare(&c, &err) > 0);
}

static inline void open_network(void)
{
	struct cst_vrf_conf v = {.name = "wan"};
	struct cst_iface_conf i = {.name = "wan0", .port = "a", .vrf = "wan", .n_addrs = 2};

	declare("plc", true, 1500);
	declare("a", true, 1506);
	declare("b", true, 1506);
	declare("shy", false, 1500);
	assert_int_equal(cst_net_begin(), 0);
	assert_int_equal(cst_net_put_vrf(&v, &err), 0);
	assert_int_equal(cst_prefix_from_text("192.0.2.1/24", &i.addrs[0]), 0);
	assert_int_equal(cst_prefix_from_text("2001:db8::1/64", &i.addrs[1]), 0);
	assert_int_equal(cst_net_put_iface(&i, &err), 0);
	assert_int_equal(cst_net_compile(&err), 0);
	cst_net_commit();
}

static struct cst_system sys = {.max_streams = 100, .hugepages = CST_HUGE_OFF};

static inline void open_tables(void)
{
	assert_int_equal(prer_tables_module.reserve(&sys, &err), 0);
	if (cst_arena_attach(&sys, 0, &err) != 0)
		fail_msg("%s", err.reason);
	assert_int_equal(prer_tables_module.start(&sys, &err), 0);
	cst_arena_ready();
}

static inline void close_tables(void)
{
	prer_resume_module.stop();
	prer_tables_module.stop();
	cst_arena_unmap();
}

static inline int set_up(void **state)
{
	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/prer-test-%d", getpid());
	open_network();
	return 0;
}

static inline void open_paths(void)
{
	put(PATH, "[{'name':'a','encapsulation':'rtag','port':'a','vlan':10},"
		  "{'name':'b','encapsulation':'rtag','port':'b','vlan':20},"
		  "{'name':'w','encapsulation':'dcw','network_instance':'wan','local':'192.0.2.1',"
		  "'remote':'192.0.2.2'},"
		  "{'name':'x','encapsulation':'dcw','network_instance':'wan',"
		  "'local':'2001:db8::1','remote':'2001:db8::2'}]");
}

static inline int open_all(void **state)
{
	open_tables();
	open_paths();
	return 0;
}

static inline int close_all(void **state)
{
	close_tables();
	unlink(sys.arena_path);
	return 0;
}

#define ID(mac)           "'identification':{'type':'null','mac':'02:00:00:00:00:" mac "','vlan':5}"
#define SEND(mac)         "'send':{'port':'plc'," ID(mac) "}"
#define RECEIVE(mac)      "'receive':{'port':'plc'," ID(mac) "}"
#define TALKER(name, mac) "{'name':'" name "','paths':['a','b']," SEND(mac) "}"
