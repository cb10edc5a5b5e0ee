/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused of streams, why, and that it leaves no trace. */
#include "prer_ctl_test.h"

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

/* Two names of one way are no two paths. */
static void paths_alike(void **state)
{
	put(PATH, "[{'name':'w2','encapsulation':'dcw','network_instance':'wan','local':"
		  "'192.0.2.1','remote':'192.0.2.2'},"
		  "{'name':'a2','encapsulation':'rtag','port':'a','vlan':10}]");
	refused(STREAM,
		"{'name':'t','paths':['w','w2'],'service_label':100,'receive':{'port':'plc'}}",
		-EINVAL, "paths[1]", "'w'");
	refused(STREAM, "{'name':'t','paths':['w','w2'],'remote_service_label':100," SEND("01") "}",
		-EINVAL, "paths[1]", "'w'");
	refused(STREAM, "{'name':'t','paths':['a','a2']," RECEIVE("01") "}", -EINVAL, "paths[1]",
		"'a'");
	refused(STREAM, "{'name':'t','paths':['a','a2']," SEND("01") "}", -EINVAL, "paths[1]",
		"'a'");
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

static void one_end_each(void **state)
{
	refused(STREAM, "{'name':'t','paths':['a'],'send':{'port':'plc','session':4," ID("01") "}}",
		-EINVAL, "send.session", "name one of them");
	refused(STREAM, "{'name':'t','paths':['a'],'send':{" ID("01") "}}", -EINVAL, "send.port",
		"missing");
	refused(PATH,
		"{'name':'m','encapsulation':'dcw','network_instance':'wan','local':'192.0.2.1',"
		"'remote':'224.0.0.1'}",
		-EINVAL, "remote", "one far end");
	refused(PATH,
		"{'name':'m','encapsulation':'dcw','network_instance':'wan',"
		"'local':'2001:db8::1','remote':'ff02::1'}",
		-EINVAL, "remote", "one far end");
}

static int plan_path(bool check_only, const char *text)
{
	struct cst_txn t = {.pool = cst_pool_new(), .startup = true, .check_only = check_only};
	struct prer_path_obj p = {0};
	json_t *js = quoted(text);
	int rc = cst_decode(&prer_path_object, js, false, t.pool, &p, &err);

	assert_int_equal(rc, 0);
	rc = prer_path_class.put(&t, &p, &err);
	if (rc == 0) {
		assert_int_equal(prer_party.compile(&t, &err), 0);
		prer_party.commit(&t);
	} else {
		prer_party.abort(&t);
	}
	json_decref(js);
	cst_pool_free(t.pool);
	return rc;
}

/* An interface that was deleted while the file still has it. */
static void starts_without_an_interface(void **state)
{
	const char path[] = "{'name':'m','encapsulation':'dcw','network_instance':'wan',"
			    "'local':'192.0.2.77','remote':'192.0.2.2'}";
	json_t *js;

	assert_int_equal(plan_path(false, path), 0);
	assert_int_equal(prer_show_get(PRER_PATHWAYS, "m", &js, &err), 0);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(js, "state"), "reason")),
		"no interface has its local address");
	json_decref(js);
	assert_int_equal(plan_path(true, path), -EINVAL);
	refused(PATH, path, -EINVAL, "local", "no interface");
}

static void ports_in_use(void **state)
{
	const char *const names[] = {"plc", "a"};
	const char *const users[] = {"stream 's'", "path 'a'"};

	put(STREAM, TALKER("s", "01"));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cst_port_may_lose(names[i], CST_PORT_GOES, &err), -EBUSY);
		assert_string_equal(err.field, "name");
		assert_non_null(strstr(err.reason, users[i]));
	}
	assert_int_equal(cst_port_may_lose("shy", CST_PORT_GOES, &err), 0);
	put(STREAM, "{'name':'s','paths':['a']," RECEIVE("01") "}");
	assert_int_equal(cst_port_may_lose("plc", CST_PORT_GOES, &err), -EBUSY);
	del(STREAM, "{'name':'s'}");
	assert_int_equal(cst_port_may_lose("plc", CST_PORT_GOES, &err), 0);
}

/* What takes in frames for anybody: where they are numbered, and where members come in. */
static void ports_that_listen(void **state)
{
	put(STREAM, TALKER("s", "01"));
	assert_int_equal(cst_port_may_lose("plc", CST_PORT_OWN_FRAMES, &err), -EBUSY);
	assert_string_equal(err.field, "promiscuous");
	assert_non_null(strstr(err.reason, "stream 's'"));
	assert_int_equal(cst_port_may_lose("a", CST_PORT_OWN_FRAMES, &err), 0);
	put(STREAM, "{'name':'s','paths':['a']," RECEIVE("01") "}");
	assert_int_equal(cst_port_may_lose("plc", CST_PORT_OWN_FRAMES, &err), 0);
	assert_int_equal(cst_port_may_lose("a", CST_PORT_OWN_FRAMES, &err), -EBUSY);
	del(STREAM, "{'name':'s'}");
	assert_int_equal(cst_port_may_lose("a", CST_PORT_OWN_FRAMES, &err), 0);
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
		T(conflicts),    T(references),      T(encapsulations),
		T(loops),        T(identifications), T(bad_recoveries),
		T(no_room),      T(ports_in_use),    T(ports_that_listen),
		T(one_end_each), T(paths_alike),     T(starts_without_an_interface),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
