/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams through the control side: what they become for workers, what is refused
 * and why, that what fails leaves no trace, what stays through a change and a
 * restart. No EAL.
 */
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

static int call(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *js = quoted(text);
	int rc = cst_txn_run(c, op, js, NULL, &err);

	json_decref(js);
	return rc;
}

static void put(const struct cst_class *c, const char *text)
{
	if (call(c, CST_OP_PUT, text) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

static void del(const struct cst_class *c, const char *text)
{
	if (call(c, CST_OP_DELETE, text) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

/* What workers and the store see of it all. */
static uint64_t sum(void)
{
	char *config = json_dumps(cst_config_dump(&err), JSON_SORT_KEYS);
	uint64_t h = prer_name_hash(config);

	free(config);
	h = h * 31 + cst_lines_used(prer_books.lines) + cst_lines_used(prer_books.rings) * 1000ull +
	    cst_lines_used(prer_books.individual) * 1000000ull;
	h = h * 31 + cst_index_used(prer_books.streams) +
	    cst_index_used(prer_books.paths) * 1000ull;
	h = h * 31 + prer_ident_used();
	for (uint32_t i = 0; i < prer_tables.streams; i++)
		h = h * 31 + prer_tables.slot[i];
	return h;
}

static void refused_op(const struct cst_class *c, enum cst_op op, const char *text, int code,
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

static void refused(const struct cst_class *c, const char *text, int code, const char *field,
		    const char *reason)
{
	refused_op(c, CST_OP_PUT, text, code, field, reason);
}

static const struct prer_entry *entry(const char *name)
{
	const struct prer_entry *x = prer_entry_live(PRER_STREAMS, name);

	assert_non_null(x);
	return x;
}

static const struct prer_stream *record(const char *name)
{
	const struct prer_stream *s = prer_stream(entry(name)->number);

	assert_non_null(s);
	return s;
}

/* ---- the world ----------------------------------------------------------------------- */

static void declare(const char *name, bool promiscuous, uint16_t mtu)
{
	struct cst_port_conf c = {.device = "null", .mtu = mtu, .promiscuous = promiscuous};

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_true(cst_port_declare(&c, &err) > 0);
}

static void open_network(void)
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

static void open_tables(void)
{
	assert_int_equal(prer_tables_module.reserve(&sys, &err), 0);
	if (cst_arena_map(&sys, &err) != 0)
		fail_msg("%s", err.reason);
	assert_int_equal(prer_tables_module.start(&sys, &err), 0);
}

static void close_tables(void)
{
	prer_resume_module.stop();
	prer_tables_module.stop();
	cst_arena_unmap();
}

static int set_up(void **state)
{
	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/prer-test-%d", getpid());
	open_network();
	return 0;
}

static int open_all(void **state)
{
	open_tables();
	put(PATH, "[{'name':'a','encapsulation':'rtag','port':'a','vlan':10},"
		  "{'name':'b','encapsulation':'rtag','port':'b','vlan':20},"
		  "{'name':'w','encapsulation':'dcw','network_instance':'wan','local':'192.0.2.1',"
		  "'remote':'192.0.2.2'},"
		  "{'name':'x','encapsulation':'dcw','network_instance':'wan',"
		  "'local':'2001:db8::1','remote':'2001:db8::2'}]");
	return 0;
}

static int close_all(void **state)
{
	close_tables();
	unlink(sys.arena_path);
	return 0;
}

#define ID(mac)           "'identification':{'type':'null','mac':'02:00:00:00:00:" mac "','vlan':5}"
#define SEND(mac)         "'send':{'port':'plc'," ID(mac) "}"
#define RECEIVE(mac)      "'receive':{'port':'plc'," ID(mac) "}"
#define TALKER(name, mac) "{'name':'" name "','paths':['a','b']," SEND(mac) "}"

/* ---- what they become ------------------------------------------------------------------- */

static void tables_are_sound(void **state)
{
	const struct cst_object *all[] = {&prer_recovery_object, &prer_path_object,
					  &prer_stream_object, &prer_stream_key_object};

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (cst_object_verify(all[i], &err) != 0)
			fail_msg("%s: %s: %s", all[i]->name, err.field, err.reason);
}

static void frames(void **state)
{
	const struct prer_stream *s;
	const struct prer_path *p;

	put(STREAM, "{'name':'s','paths':['a','b']," SEND(
			    "01") ",'receive':{'port':'plc',"
				  "'vlan':5,'destination_mac':'02:00:00:00:00:09'," ID("02") "}}");
	s = record("s");
	assert_int_equal(s->id, entry("s")->number);
	assert_int_equal(s->flags, PRER_SEND | PRER_RECEIVE | PRER_TO_VLAN | PRER_TO_DMAC);
	assert_int_equal(s->n_paths, 2);
	assert_int_equal(s->bits, 16);
	assert_int_equal(s->to_port, cst_port_by_name("plc"));
	assert_int_equal(s->to_vlan, 5);
	assert_int_equal(s->to_dmac[5], 9);
	assert_int_equal(s->ring, 0);
	p = &prer_tables.path[s->path[1]];
	assert_int_equal(p->encap, PRER_RTAG);
	assert_int_equal(p->port, cst_port_by_name("b"));
	assert_int_equal(p->flags, PRER_PATH_VLAN);
	assert_int_equal(p->vlan, 20);
	assert_int_equal(p->mtu, 1506);
	assert_int_equal(prer_tables.params[s->recovery].history, 64);
	assert_int_equal(prer_tables.params[s->recovery].mask, 63);
	assert_int_equal(prer_ident_used(), 4); /* sent: with the VID or without */
	del(STREAM, "{'name':'s'}");
	assert_int_equal(prer_ident_used(), 0);
	assert_int_equal(cst_index_used(prer_books.streams), 0);
}

static void routed(void **state)
{
	const struct prer_stream *s;

	put(STREAM, "{'name':'s','paths':['w','x'],'payload':'ip','sequence_bits':28,"
		    "'service_label':1000,'remote_service_label':2000,"
		    "'send':{'port':'plc','identification':{'type':'ip','ip':{'source':'10.0.0.1',"
		    "'protocol':17,'destination_port':5000}}},"
		    "'receive':{'network_instance':'wan'}}");
	s = record("s");
	assert_int_equal(s->flags, PRER_SEND | PRER_RECEIVE | PRER_IP);
	assert_int_equal(s->bits, 28);
	assert_int_equal(s->label_in, 1000);
	assert_int_equal(s->label_out, 2000);
	assert_int_equal(s->to_vrf, cst_vrf_by_name("wan"));
	assert_int_equal(s->udp_port, 49152 + s->id);
	assert_int_equal(prer_tables.label[1000], s->id);
	assert_int_equal(prer_tables.path[s->path[0]].hdr_len, 28);
	assert_int_equal(prer_tables.path[s->path[1]].hdr_len, 48);
	assert_memory_equal(prer_tables.path[s->path[0]].remote, "\xc0\x00\x02\x02", 4);
	put(STREAM, "{'name':'s','paths':['w','x'],'payload':'ip','service_label':1001,"
		    "'receive':{'network_instance':'wan'}}");
	assert_int_equal(prer_tables.label[1000], 0);
	assert_int_equal(prer_tables.label[1001], entry("s")->number);
	del(STREAM, "{'name':'s'}");
	assert_int_equal(prer_tables.label[1001], 0);
}

static void recoveries(void **state)
{
	const struct prer_stream *s;
	const struct prer_params *p;

	put(RECOVERY, "{'name':'long','history_length':1000,'rogue_rule':'cb_2017',"
		      "'individual_recovery':true,'take_no_sequence':true}");
	put(STREAM, "{'name':'s','paths':['a','b'],'recovery':'long'," RECEIVE("01") "}");
	s = record("s");
	p = &prer_tables.params[s->recovery];
	assert_int_equal(p->history, 1000);
	assert_int_equal(p->mask, 1023);
	assert_int_equal(p->flags, PRER_RULE_2017 | PRER_TAKE_NO_SEQUENCE);
	assert_true(s->flags & PRER_INDIV);
	assert_int_not_equal(s->ring, 0);
	assert_int_not_equal(s->individual, 0);
	assert_int_equal(entry("s")->made.ring_lines, 10);

	/* what it names changes: a new record, the same history */
	put(RECOVERY, "{'name':'long','history_length':1000,'individual_recovery':true}");
	assert_ptr_not_equal(record("s"), s);
	assert_int_equal(prer_tables.params[record("s")->recovery].flags, 0);
	put(RECOVERY, "{'name':'long','history_length':64}");
	assert_int_equal(record("s")->ring, 0);
	assert_int_equal(record("s")->individual, 0);
	assert_int_equal(cst_lines_used(prer_books.rings), 0);
	assert_int_equal(cst_lines_used(prer_books.individual), 0);
	refused_op(RECOVERY, CST_OP_DELETE, "{'name':'long'}", -EBUSY, "name", "stream 's'");
	del(STREAM, "{'name':'s'}");
	del(RECOVERY, "{'name':'long'}");
}

static void intent(void **state)
{
	put(RECOVERY, "{'name':'i','intent':{'packet_rate':1000,'delay_difference_ms':50,"
		      "'joint_burst':20}}");
	put(STREAM, "{'name':'s','paths':['a','b'],'recovery':'i'," RECEIVE("01") "}");
	assert_int_equal(prer_tables.params[record("s")->recovery].history, 71);
	assert_int_equal(prer_tables.params[record("s")->recovery].mask, 127);
	refused(RECOVERY, "{'name':'i','intent':{'packet_rate':1000000,'delay_difference_ms':50}}",
		-ERANGE, "intent", "8192");
}

static void default_recovery(void **state)
{
	put(STREAM, TALKER("s", "01"));
	put(RECOVERY, "{'name':'default','history_length':128}");
	assert_int_equal(prer_tables.params[record("s")->recovery].history, 128);
	del(RECOVERY, "{'name':'default'}");
	assert_int_equal(prer_tables.params[record("s")->recovery].history, 64);
	refused_op(RECOVERY, CST_OP_DELETE, "{'name':'default'}", -ENOENT, "name", "default");
}

/* ---- make before break ------------------------------------------------------------------ */

static void paths_keep_their_places(void **state)
{
	struct prer_state *st;
	uint16_t b;

	put(PATH, "{'name':'c','encapsulation':'rtag','port':'a','vlan':30}");
	put(STREAM, TALKER("s", "01"));
	st = &prer_tables.state[entry("s")->number];
	st->counts.gen_seq = 77;
	b = record("s")->path[1];
	put(STREAM, "{'name':'s','paths':['b','c']," SEND("01") "}");
	assert_int_equal(record("s")->path[1], b);
	assert_int_equal(record("s")->fresh, 1);
	assert_int_equal(record("s")->paths_epoch, 1);
	put(STREAM, "{'name':'s','paths':['b']," SEND("01") "}");
	assert_int_equal(record("s")->path[0], 0);
	assert_int_equal(record("s")->path[1], b);
	assert_int_equal(record("s")->n_paths, 2);
	assert_true(prer_tables.path[0].flags & PRER_PATH_DOWN);
	/* a path that changes keeps its place too */
	put(PATH, "{'name':'b','encapsulation':'rtag','port':'b','vlan':21}");
	assert_int_not_equal(record("s")->path[1], b);
	assert_int_equal(prer_tables.path[record("s")->path[1]].vlan, 21);
	assert_int_equal(st->counts.gen_seq, 77);
	refused_op(PATH, CST_OP_DELETE, "{'name':'b'}", -EBUSY, "name", "stream 's'");
	del(PATH, "{'name':'c'}");
}

static void owner_obeys(void **state)
{
	const struct prer_stream *s;
	struct prer_state *st;

	put(PATH, "{'name':'c','encapsulation':'rtag','port':'a','vlan':30}");
	put(STREAM, "{'name':'s','paths':['a','b']," RECEIVE("01") "}");
	s = record("s");
	st = &prer_tables.state[s->id];
	st->health[0].seen = st->health[1].seen = 5;
	prer_recover(&st->recovery, &st->counts, NULL, &prer_tables.params[s->recovery], 16, 100,
		     1);
	put(STREAM, "{'name':'s','paths':['c','b']," RECEIVE("01") "}");
	s = record("s");
	assert_int_equal(prer_health_at(s, 0)->seen, 0);
	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	assert_int_equal(st->health[0].seen, 0);
	assert_int_equal(st->health[1].seen, 5);
	assert_int_equal(st->recovery.seq, 100);
	assert_int_not_equal(st->recovery.window, 0);
	assert_int_equal(
		cst_method_by_name("stream.reset")
			->call(&(struct prer_stream_key){.has = 1, .name = "s"}, NULL, &err),
		0);
	s = record("s");
	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	assert_int_equal(st->recovery.window, 0);
	assert_int_equal(st->counts.resets, 1);
	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	assert_int_equal(st->counts.resets, 1);
	assert_int_equal(
		cst_method_by_name("stream.restart")
			->call(&(struct prer_stream_key){.has = 1, .name = "s"}, NULL, &err),
		-EINVAL);
}

static void all_or_nothing(void **state)
{
	uint64_t before;

	put(STREAM, TALKER("s", "01"));
	before = sum();
	refused(STREAM, "[" TALKER("t", "02") "," TALKER("s", "03") "," TALKER("u", "02") "]",
		-EEXIST, "streams[u].send.identification", "stream 't'");
	assert_true(sum() == before);
	/* frames and labels change hands within a transaction */
	put(STREAM, "[" TALKER("t", "02") "]");
	put(STREAM, "[" TALKER("t", "01") "," TALKER("s", "02") "]");
}

/* ---- ports and sessions come and go ---------------------------------------------------------- */

static uint32_t tunnel_of_7; /* 0: there is no session 7 */
static bool taken;

static uint32_t find(uint64_t seid, struct cst_err *e)
{
	return seid == 7 ? tunnel_of_7 : 0;
}

static void take(uint32_t tunnel, bool by_taker)
{
	assert_int_equal(tunnel, 3);
	taken = by_taker;
}

static void refresh(void)
{
	static uint64_t now_ms;

	now_ms += 2000;
	prer_refresh_module.tick(now_ms);
}

static void sessions_come_and_go(void **state)
{
	static const struct cst_frame_tunnels tunnels = {.find = find, .take = take};
	const struct prer_path *p;

	cst_frame_tunnels_offer(&tunnels);
	put(PATH, "{'name':'n','encapsulation':'rtag','session':7}");
	put(STREAM, "{'name':'s','paths':['n','a']," RECEIVE("01") "}");
	assert_true(prer_tables.path[record("s")->path[0]].flags & PRER_PATH_DOWN);
	assert_int_equal(entry("s")->made.claim[1], 0);
	tunnel_of_7 = 3;
	refresh();
	p = &prer_tables.path[record("s")->path[0]];
	assert_int_equal(p->flags, 0);
	assert_int_equal(p->tunnel, 3);
	assert_int_not_equal(entry("s")->made.claim[1], 0);
	assert_true(taken);
	tunnel_of_7 = 0;
	refresh();
	assert_true(prer_tables.path[record("s")->path[0]].flags & PRER_PATH_DOWN);
	assert_int_equal(entry("s")->made.claim[1], 0);
	assert_false(taken);
}

static void delivery_into_a_session(void **state)
{
	tunnel_of_7 = 0;
	put(STREAM, "{'name':'s','paths':['a'],'receive':{'session':7," ID(
			    "01") "},"
				  "'send':{'session':7," ID("02") "}}");
	assert_int_equal(record("s")->to_tunnel, 0);
	tunnel_of_7 = 3;
	refresh();
	assert_int_equal(record("s")->to_tunnel, 3);
	assert_int_equal(entry("s")->made.in_tunnel, 3);
	assert_true(taken);
	del(STREAM, "{'name':'s'}");
	assert_false(taken);
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void conflicts(void **state)
{
	put(STREAM, TALKER("s", "01"));
	refused(STREAM, TALKER("t", "01"), -EEXIST, "streams[t].send.identification",
		"stream 's' matches some of these frames on plc already");
	put(STREAM, "{'name':'r','paths':['a','b']," RECEIVE("02") "}");
	refused(STREAM,
		"{'name':'t','paths':['b'],'receive':{'port':'plc','identification':{'type':"
		"'destination_mac_vlan','mac':'02:00:00:00:00:02'}}}",
		-EEXIST, "streams[t].receive.identification", "stream 'r'");
	put(STREAM, "{'name':'l','paths':['w'],'service_label':99,'receive':{'port':'plc'}}");
	refused(STREAM, "{'name':'m','paths':['x'],'service_label':99,'receive':{'port':'plc'}}",
		-EEXIST, "streams[m].service_label", "99 is that of stream 'l'");
}

static void references(void **state)
{
	refused(STREAM, "{'name':'t','paths':['a','zz']," SEND("01") "}", -ENOENT, "paths[1]",
		"'zz'");
	refused(STREAM, "{'name':'t','paths':['a','a']," SEND("01") "}", -EINVAL, "paths", "twice");
	refused(STREAM, "{'name':'t','paths':[]," SEND("01") "}", -EINVAL, "paths", "");
	refused(STREAM, "{'name':'t','paths':['a','b','w','x','y']," SEND("01") "}", -EINVAL,
		"paths", "4");
	refused(STREAM, "{'name':'t','paths':['a'],'recovery':'zz'," SEND("01") "}", -ENOENT,
		"recovery", "'zz'");
	refused(STREAM, "{'name':'t','paths':['a'],'send':{'port':'zz'," ID("01") "}}", -ENOENT,
		"send.port", "'zz'");
	refused(STREAM, "{'name':'t','paths':['a'],'send':{'port':'shy'," ID("01") "}}", -EINVAL,
		"send.port", "promiscuous: true");
	refused(STREAM, "{'name':'t','paths':['a']}", -EINVAL, "send", "or receive");
	refused(STREAM,
		"{'name':'t','paths':['w'],'payload':'ip','service_label':20,'receive':{"
		"'network_instance':'zz'}}",
		-ENOENT, "receive.network_instance", "'zz'");
	refused(PATH, "{'name':'t','encapsulation':'rtag','port':'zz'}", -ENOENT, "port", "'zz'");
	refused(PATH, "{'name':'t','encapsulation':'rtag'}", -EINVAL, "port", "missing");
	refused(PATH, "{'name':'t','encapsulation':'rtag','port':'a','remote':'10.0.0.1'}", -EINVAL,
		"remote", "dcw");
	refused(PATH,
		"{'name':'t','encapsulation':'dcw','network_instance':'wan','local':"
		"'192.0.2.9','remote':'192.0.2.2'}",
		-EINVAL, "local", "no interface");
	refused(PATH,
		"{'name':'t','encapsulation':'dcw','network_instance':'wan','local':"
		"'192.0.2.1','remote':'2001:db8::2'}",
		-EINVAL, "remote", "family");
	refused(PATH,
		"{'name':'t','encapsulation':'dcw','network_instance':'zz','local':"
		"'192.0.2.1','remote':'192.0.2.2'}",
		-ENOENT, "network_instance", "'zz'");
	refused_op(STREAM, CST_OP_DELETE, "{'name':'zz'}", -ENOENT, "name", "'zz'");
	refused_op(PATH, CST_OP_DELETE, "{'name':'zz'}", -ENOENT, "name", "'zz'");
}

static void encapsulations(void **state)
{
	refused(STREAM, "{'name':'t','paths':['a'],'sequence_bits':28," SEND("01") "}", -EINVAL,
		"sequence_bits", "R-TAG of path 'a' has 16");
	refused(STREAM,
		"{'name':'t','paths':['w'],'sequence_bits':24,'remote_service_label':20," SEND(
			"01") "}",
		-EINVAL, "sequence_bits", "16, 28 or 0");
	refused(STREAM, "{'name':'t','paths':['a'],'payload':'ip'," SEND("01") "}", -EINVAL,
		"payload", "path 'a'");
	refused(STREAM, "{'name':'t','paths':['w']," SEND("01") "}", -EINVAL,
		"remote_service_label", "path 'w'");
	refused(STREAM, "{'name':'t','paths':['w'],'receive':{'port':'plc'}}", -EINVAL,
		"service_label", "path 'w'");
	refused(STREAM, "{'name':'t','paths':['a'],'service_label':99," SEND("01") "}", -EINVAL,
		"service_label", "is for dcw");
	refused(STREAM, "{'name':'t','paths':['a'],'receive':{'port':'plc'}}", -EINVAL,
		"receive.identification", "path 'a'");
	refused(STREAM,
		"{'name':'t','paths':['w','x'],'sequence_bits':0,'service_label':20,"
		"'receive':{'port':'plc'}}",
		-EINVAL, "sequence_bits", "2 paths");
	refused(STREAM, "{'name':'t','paths':['w'],'service_label':3,'receive':{'port':'plc'}}",
		-EINVAL, "service_label", "16");
	refused(STREAM, "{'name':'t','paths':['a'],'receive':{" ID("01") "}}", -EINVAL,
		"receive.port", "session");
	refused(STREAM,
		"{'name':'t','paths':['w'],'payload':'ip','service_label':20,'receive':{"
		"'network_instance':'wan','port':'plc'}}",
		-EINVAL, "receive", "payload: ethernet");
}

static void loops(void **state)
{
	put(PATH, "{'name':'back','encapsulation':'rtag','port':'plc'}");
	put(PATH, "{'name':'arm','encapsulation':'rtag','port':'plc','vlan':40}");
	refused(STREAM, "{'name':'t','paths':['a','back']," SEND("01") "}", -EINVAL, "paths[1]",
		"loops back");
	refused(STREAM, "{'name':'t','paths':['a','back']," RECEIVE("01") "}", -EINVAL, "paths[1]",
		"loops back");
	put(STREAM, "{'name':'one_armed','paths':['a','arm']," SEND("01") "}");
	refused(PATH,
		"{'name':'t','encapsulation':'dcw','network_instance':'wan','local':"
		"'192.0.2.1','remote':'192.0.2.1'}",
		-EINVAL, "remote", "loop back");
	/* a path that would become a loop for a stream that has it */
	refused(PATH, "{'name':'arm','encapsulation':'rtag','port':'plc','vlan':5}", -EINVAL,
		"streams[one_armed].paths[1]", "loops back");
}

#define WITH(id) "{'name':'t','paths':['a'],'send':{'port':'plc','identification':{" id "}}}"

static void identifications(void **state)
{
	static const char id[] = "send.identification";
	char field[64];

	refused(STREAM, WITH("'type':'null'"), -EINVAL, "send.identification.mac", "missing");
	refused(STREAM, WITH("'type':'ip'"), -EINVAL, "send.identification.ip", "missing");
	refused(STREAM, WITH("'type':'ip','ip':{'source':'10.0.0.1','destination':'::1'}"), -EINVAL,
		"send.identification.ip.destination", "family");
	refused(STREAM, WITH("'type':'ip','ip':{'source':'10.0.0.1','source_port':5}"), -EINVAL,
		"send.identification.ip.protocol", "ports");
	refused(STREAM, WITH("'type':'mask_and_match','mask':'ff'"), -EINVAL,
		"send.identification.value", "missing");
	refused(STREAM, WITH("'type':'mask_and_match','mask':'ff','value':'0g'"), -EINVAL,
		"send.identification.value", "hexadecimal");
	refused(STREAM, WITH("'type':'mask_and_match','mask':'ff','value':'0102'"), -EINVAL,
		"send.identification.value", "2 octets");
	refused(STREAM, WITH("'type':'mask_and_match','mask':'0000','value':'0000'"), -EINVAL,
		"send.identification.mask", "every frame");
	refused(STREAM, WITH("'type':'mask_and_match','mask':'0f','value':'1f'"), -EINVAL,
		"send.identification.value", "leaves out");
	refused(STREAM,
		WITH("'type':'null','mac':'02:00:00:00:00:01','tagged':'priority','vlan':5"),
		-EINVAL, "send.identification.vlan", "priority");
	snprintf(field, sizeof(field), "%s.mac", id);
	refused(STREAM, WITH("'type':'mask_and_match','mac':'02:00:00:00:00:01'"), -EINVAL, field,
		"part of mask");
	put(STREAM, WITH("'type':'mask_and_match','mask':'ffffffffffff0000000000008000',"
			 "'value':'0200000000010000000000008000'"));
}

static void bad_recoveries(void **state)
{
	refused(RECOVERY, "{'name':'t','history_length':1}", -EINVAL, "history_length", "2");
	refused(RECOVERY, "{'name':'t','history_length':9000}", -EINVAL, "history_length", "8192");
	refused(RECOVERY,
		"{'name':'t','history_length':9,'intent':{'packet_rate':1,'delay_difference_ms':1}"
		"}",
		-EINVAL, "history_length", "intent");
	refused(RECOVERY,
		"{'name':'t','individual_recovery':true,'latent_error':{'difference':10}}", -EINVAL,
		"latent_error", "individual");
	refused(RECOVERY,
		"{'name':'t','order':{'mode':'basic','max_delay_us':2000,'take_any_ms':2}}",
		-ERANGE, "order.take_any_ms", "longer");
	refused(RECOVERY, "{'name':'t','algorithm':'match','resync':true}", -EINVAL, "resync",
		"vector");
}

static void no_room(void **state)
{
	char text[300];

	for (unsigned i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text),
			 "{'name':'s%u','paths':['a'],'send':{'port':'plc','identification':{"
			 "'type':'null','mac':'02:00:00:00:01:%02x'}}}",
			 i, i);
		put(STREAM, text);
	}
	refused(STREAM, TALKER("t", "01"), -ENOSPC, "streams[t]", "raise system.max_streams");
	del(STREAM, "{'name':'s7'}");
	put(STREAM, TALKER("t", "01"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_sound),
		T(frames),
		T(routed),
		T(recoveries),
		T(intent),
		T(default_recovery),
		T(paths_keep_their_places),
		T(owner_obeys),
		T(all_or_nothing),
		T(sessions_come_and_go),
		T(delivery_into_a_session),
		T(conflicts),
		T(references),
		T(encapsulations),
		T(loops),
		T(identifications),
		T(bad_recoveries),
		T(no_room),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
