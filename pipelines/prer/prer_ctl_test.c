/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams through the control side: what they become for workers, and what stays
 * through changes of them, of what they name, and of ports and sessions.
 */
#include "prer_ctl_test.h"

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
	/* each is counted, also without a packet in between */
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(cst_method_by_name("stream.reset")
					 ->call(&(struct prer_stream_key){.has = 1, .name = "s"},
						NULL, &err),
				 0);
	s = record("s");
	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	assert_int_equal(st->recovery.window, 0);
	assert_int_equal(st->counts.resets, 2);
	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	assert_int_equal(st->counts.resets, 2);
	assert_int_equal(
		cst_method_by_name("stream.restart")
			->call(&(struct prer_stream_key){.has = 1, .name = "s"}, NULL, &err),
		-EINVAL);
}

static struct prer_state *obeyed(const char *name)
{
	const struct prer_stream *s = record(name);
	struct prer_state *st = &prer_tables.state[s->id];

	prer_obey_recovery(s, st, &prer_tables.params[s->recovery]);
	return st;
}

/* A ring that takes the place of another knows nothing, so the state may not think it does. */
static void history_moves(void **state)
{
	const struct prer_stream *s;
	struct prer_state *st;
	uint32_t ring;

	put(RECOVERY, "{'name':'r','history_length':100}");
	put(STREAM, "{'name':'s','recovery':'r','paths':['a','b']," RECEIVE("01") "}");
	s = record("s");
	ring = s->ring;
	st = obeyed("s");
	for (unsigned i = 0; i < 200; i++)
		prer_recover(&st->recovery, &st->counts, prer_base_ring(s),
			     &prer_tables.params[s->recovery], 16, i, 1);
	put(STREAM, "{'name':'s','recovery':'r','paths':['b','a']," RECEIVE("01") "}");
	assert_int_equal(obeyed("s")->recovery.window, 100);
	put(RECOVERY, "{'name':'r','history_length':100,'individual_recovery':true}");
	assert_int_not_equal(record("s")->ring, ring);
	assert_int_equal(obeyed("s")->recovery.window, 0);
	assert_int_equal(st->counts.resets, 1);
}

/* Management resets what each path recovers too, and another path takes over nothing. */
static void individual_obeys(void **state)
{
	const struct prer_stream *s;
	struct prer_recovery *r;

	put(PATH, "{'name':'c','encapsulation':'rtag','port':'a','vlan':30}");
	put(RECOVERY, "{'name':'r','individual_recovery':true}");
	put(STREAM, "{'name':'s','recovery':'r','paths':['a','b']," RECEIVE("01") "}");
	s = record("s");
	r = &prer_tables.individual[s->individual];
	for (unsigned i = 0; i < 2; i++)
		prer_recover_individual(
			&r[i], 0, prer_individual_ring(s, &prer_tables.params[s->recovery], i),
			&prer_tables.params[s->recovery], 16, 5000, 1);
	assert_int_equal(
		cst_method_by_name("stream.reset")
			->call(&(struct prer_stream_key){.has = 1, .name = "s"}, NULL, &err),
		0);
	obeyed("s");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(r[i].window, 0);
		assert_int_equal(r[i].passed, 1);
	}
	put(STREAM, "{'name':'s','recovery':'r','paths':['c','b']," RECEIVE("01") "}");
	obeyed("s");
	assert_int_equal(r[0].passed, 0);
	assert_int_equal(r[1].passed, 1);
}

/* A restarted coastd gives places anew: what was counted of a path goes with it. */
static void paths_are_recalled(void **state)
{
	static const char again[] =
		"{'name':'s','recovery':'r','paths':['b','c']," RECEIVE("01") "}";
	const struct prer_params *p;
	const struct prer_stream *s;
	struct prer_recovery *r;
	struct prer_state *st;

	put(PATH, "{'name':'c','encapsulation':'rtag','port':'a','vlan':30}");
	put(RECOVERY, "{'name':'r','history_length':100,'individual_recovery':true}");
	put(STREAM, "{'name':'s','recovery':'r','paths':['a','b']," RECEIVE("01") "}");
	put(STREAM, again);
	s = record("s");
	st = obeyed("s");
	p = &prer_tables.params[s->recovery];
	st->health[0].seen = 3; /* c */
	st->health[1].seen = 2; /* b */
	for (unsigned i = 0; i < 2; i++)
		prer_recover_individual(&prer_tables.individual[s->individual + i], 0,
					prer_individual_ring(s, p, i), p, 16, 70 + i, 1);
	close_tables();
	open_tables();
	open_paths();
	put(PATH, "{'name':'c','encapsulation':'rtag','port':'a','vlan':30}");
	put(RECOVERY, "{'name':'r','history_length':100,'individual_recovery':true}");
	put(STREAM, again);
	s = record("s");
	st = obeyed("s");
	p = &prer_tables.params[s->recovery];
	assert_int_equal(st->health[0].seen, 2);
	assert_int_equal(st->health[1].seen, 3);
	r = &prer_tables.individual[s->individual];
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(prer_recover_individual(&r[i], 0, prer_individual_ring(s, p, i), p,
							 16, 71 - i, 2),
				 PRER_DUPLICATE);
		assert_int_equal(prer_recover_individual(&r[i], 0, prer_individual_ring(s, p, i), p,
							 16, 70 - i, 2),
				 PRER_PASS);
	}
	prer_tables_settle();
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

/* What a refused change would have made of a path or a recovery is nobody's. */
static void refused_changes_are_forgotten(void **state)
{
	put(STREAM, TALKER("s", "01"));
	refused(PATH, "{'name':'a','encapsulation':'rtag','port':'plc'}", -EINVAL,
		"streams[s].paths[0]", "loops back");
	refused(PATH,
		"[{'name':'a','encapsulation':'rtag','port':'a','vlan':11},"
		"{'name':'b','encapsulation':'rtag','port':'plc'}]",
		-EINVAL, "streams[s].paths[1]", "loops back");
	put(STREAM, TALKER("t", "02"));
	assert_int_equal(record("t")->path[0], record("s")->path[0]);
	assert_int_equal(record("t")->path[1], record("s")->path[1]);
	assert_int_equal(record("t")->recovery, record("s")->recovery);
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
		T(history_moves),
		T(individual_obeys),
		T(paths_are_recalled),
		T(all_or_nothing),
		T(refused_changes_are_forgotten),
		T(sessions_come_and_go),
		T(delivery_into_a_session),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
