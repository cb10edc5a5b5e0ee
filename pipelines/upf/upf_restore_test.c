/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions over restarts of coastd: with the arena, without it, with a damaged one. */
#include "owner.h"
#include "rpc/rpc.h"
#include "upf_attach.h"
#include "upf_clock.h"
#include "upf_framed.h"
#include "upf_handover.h"
#include "upf_owned_int.h"
#include "upf_restore_test.h"
#include "upf_urr.h"

/* ---- sessions of many kinds -------------------------------------------------------------- */

#define GIVEN     "'f_teid':{'teid':'0x7001','ipv4':'192.0.2.1'}"
#define CHOSEN_UE ",'ue_ip_address':[{'choose_v4':true}]"
#define OUTSIDE   ",'ue_ip_address':[{'ipv4':'172.16.9.9'}]"
#define N_KINDS   6

static void put_all(void)
{
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	PUT(SESSION(2, UL(1, GIVEN), DL(2, ",'ue_ip_address':[{'ipv4':'10.45.0.3'}]")));
	PUT(SESSION(3, UL(1, CHOOSE), DL(2, CHOSEN_UE)));
	PUT(SESSION(4, UL(1, CHOOSE), DL(2, OUTSIDE)));
	PUT(SESSION(5, UL(1, CHOOSE),
		    DL(2, ",'ue_ip_address':[{'ipv4':'10.45.0.5'}],"
			  "'framed_routes':['10.200.0.0/24']")));
	PUT("{'seid':6,'pdrs':[{'id':1,'precedence':255,'pdi':{'source_interface':'access',"
	    "'network_instance':'access'," CHOOSE "},'outer_header_removal':'gtpu-udp-ip',"
	    "'far_id':1,'qer_ids':[7],'urr_ids':[8]},"
	    "{'id':2,'precedence':255,'pdi':{'source_interface':'core','network_instance':'"
	    "internet'"
	    ",'ue_ip_address':[{'ipv4':'10.45.0.6'}]},'far_id':2,'qer_ids':[7],'urr_ids':[8]},"
	    "{'id':3,'precedence':100,'pdi':{'source_interface':'core','network_instance':'"
	    "internet'"
	    ",'ue_ip_address':[{'ipv4':'10.45.0.6'}],'sdf_filters':[{'flow_description':"
	    "'permit out 17 from 192.0.2.77 53 to assigned'}]},'far_id':2}],"
	    "'fars':[" TO_CORE "," TO_GNB "],"
	    "'qers':[{'id':7,'gate_status':{'ul':'open','dl':'open'},"
	    "'mbr':{'ul':1000,'dl':1000}}],"
	    "'urrs':[{'id':8,'measurement_method':['VOLUM'],'reporting_triggers':['VOLTH','VOLQU'],"
	    "'volume_threshold':{'total':1000000},'volume_quota':{'total':5000000}}]}");
}

/* Who had what: filled in before, compared after. */
struct memory {
	uint32_t line, state, counter[3], teid, usage, meter;
	uint64_t packets[3];
};

static uint32_t teid_now(uint64_t seid)
{
	return upf_session_by_seid(seid)->teids[0].teid;
}

static uint32_t part_now(uint64_t seid, enum upf_part kind, uint32_t rule)
{
	const struct upf_held_part *p = upf_part_of(upf_session_by_seid(seid), kind, rule);

	return p ? p->number : 0;
}

static void remember(uint64_t seid, struct memory *m)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	*m = (struct memory){.line = s->line,
			     .state = upf_run(s)->state,
			     .teid = teid_now(seid),
			     .usage = part_now(seid, UPF_PART_USAGE, 8),
			     .meter = part_now(seid, UPF_PART_METER, 7)};
	for (unsigned i = 0; i < upf_run_n(s); i++) {
		uint32_t c = upf_run_pdrs(s)[i].counter;

		m->counter[i] = c;
		m->packets[i] = upf_tables.counts[c].packets = seid * 100 + i;
		upf_tables.counts[c].bytes = m->packets[i] * 1000;
	}
}

static void remember_all(struct memory m[N_KINDS + 1])
{
	for (uint64_t seid = 1; seid <= N_KINDS; seid++)
		remember(seid, &m[seid]);
}

static void same_identity(uint64_t seid, const struct memory *m)
{
	const struct upf_session *s = upf_session_by_seid(seid);
	uint32_t ref, found;

	assert_non_null(s);
	ref = UPF_REF(0, s->line);
	assert_int_equal(teid_now(seid), m->teid);
	found = upf_find_teid(cst_vrf_by_name("access"), m->teid);
	assert_int_equal(UPF_REF_LINE(found), UPF_REF_LINE(ref));
	for (unsigned i = 0; i < s->n_addrs; i++) {
		struct cst_ip ip = {.family = upf_addrs(s)[i].v6 ? 6 : 4};

		memcpy(ip.b, upf_addrs(s)[i].b, 8);
		assert_int_equal(UPF_REF_LINE(addr_find(upf_addrs(s)[i].vrf, &ip)), s->line);
	}
}

static void all_same(const struct memory m[N_KINDS + 1])
{
	for (uint64_t seid = 1; seid <= N_KINDS; seid++)
		same_identity(seid, &m[seid]);
}

static void same_counts(uint64_t seid, const struct memory *m)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	assert_int_equal(upf_run(s)->state, m->state);
	for (unsigned i = 0; i < upf_run_n(s); i++) {
		assert_int_equal(upf_run_pdrs(s)[i].counter, m->counter[i]);
		assert_int_equal(upf_tables.counts[m->counter[i]].packets, m->packets[i]);
		assert_int_equal(upf_tables.counts[m->counter[i]].bytes, m->packets[i] * 1000);
	}
	assert_int_equal(part_now(seid, UPF_PART_USAGE, 8), m->usage);
	assert_int_equal(part_now(seid, UPF_PART_METER, 7), m->meter);
}

/* ---- cases -------------------------------------------------------------------------------- */

static void delete_one(uint64_t seid)
{
	char key[48];

	snprintf(key, sizeof(key), "{'seid':%llu}", (unsigned long long)seid);
	DELETE(key);
}

static void delete_all(struct upf_inventory *none)
{
	for (uint64_t seid = 1; seid <= N_KINDS; seid++)
		delete_one(seid);
	cst_rcu_reclaim(true);
	same_usage(none);
}

static void with_the_arena(void **state)
{
	struct upf_inventory none, before;
	struct memory m[N_KINDS + 1];
	struct upf_restored r;

	(void)state;
	upf_inventory(&none);
	put_all();
	upf_inventory(&before);
	remember_all(m);
	upf_tables.usages[m[6].usage].bytes[UPF_UL] = 4711;
	upf_urr_at(m[6].usage)->seqn = 3;
	for (unsigned lives = 0; lives < 3; lives++) {
		next_life(&r);
		assert_true(r.attached);
		assert_int_equal(r.sessions, N_KINDS);
		assert_int_equal(r.adopted, N_KINDS);
		assert_int_equal(r.orphans, 0);
		for (uint64_t seid = 1; seid <= N_KINDS; seid++) {
			same_identity(seid, &m[seid]);
			same_counts(seid, &m[seid]);
			assert_int_equal(upf_session_by_seid(seid)->line, m[seid].line);
		}
		assert_int_equal(upf_tables.usages[m[6].usage].bytes[UPF_UL], 4711);
		assert_int_equal(upf_urr_at(m[6].usage)->seqn, 3);
		same_usage(&before);
	}
	delete_all(&none);
}

static void without_it(void **state)
{
	struct upf_inventory none, before;
	struct memory m[N_KINDS + 1];
	struct upf_restored r;

	(void)state;
	upf_inventory(&none);
	put_all();
	upf_inventory(&before);
	remember_all(m);
	end_life();
	unlink(arena);
	begin_life(500);
	resume(&r);
	assert_false(r.attached);
	assert_int_equal(r.sessions, N_KINDS);
	all_same(m);
	same_usage(&before);
	/* and those with the new arena */
	next_life(&r);
	assert_int_equal(r.adopted, N_KINDS);
	/* more room: another layout, and TEIDs that are in the table's way */
	end_life();
	begin_life(5000);
	resume(&r);
	assert_false(r.attached);
	assert_int_equal(r.sessions, N_KINDS);
	all_same(m);
	delete_all(&none);
}

/* A change was written and coastd killed before it was live; another was live and never written. */
static void half_way(void **state)
{
	struct upf_inventory none;
	struct upf_restored r;
	struct upf_session *s;
	uint32_t teid;

	(void)state;
	upf_inventory(&none);
	put_all();
	/* as if the deletion of 1 had been written, and no more */
	cst_store_del(CST_DB_SESSION, "\0\0\0\0\0\0\0\1", 8);
	assert_int_equal(cst_store_write(&err), 0);
	teid = teid_now(1);
	/* as if 2 had been made live by a change that was never written */
	s = upf_session_by_seid(2);
	((struct upf_rules *)upf_run(s))->generation += 5;
	upf_run_seal(s->line);
	end_life();
	begin_life(500);
	/* packets still go by what was there */
	assert_int_not_equal(upf_find_teid(cst_vrf_by_name("access"), teid), 0);
	resume(&r);
	assert_int_equal(r.sessions, N_KINDS - 1);
	assert_null(upf_session_by_seid(1));
	assert_int_equal(upf_find_teid(cst_vrf_by_name("access"), teid), 0);
	assert_true(r.orphans >= 1);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	delete_all(&none);
}

/* Bits fall over in the rules, and in the slots. */
static void damage(void **state)
{
	struct upf_inventory none;
	struct memory m[N_KINDS + 1];
	struct upf_restored r;

	(void)state;
	upf_inventory(&none);
	put_all();
	remember_all(m);
	((uint8_t *)upf_run(upf_session_by_seid(1)))[70] ^= 4;
	((struct upf_rules *)upf_run(upf_session_by_seid(3)))->n_lines = 60000;
	upf_tables.teids[m[5].teid >> upf_tables.teid_tag_bits].ref ^= 0x70000;
	upf_tables.teids[77].ref = 0x7ffffff;
	upf_tables.pools[3].first -= 100; /* over slots of another pool */
	end_life();
	begin_life(500);
	assert_int_equal(upf_find_teid(cst_vrf_by_name("access"), m[1].teid), 0);
	assert_int_equal(upf_find_teid(cst_vrf_by_name("access"), m[3].teid), 0);
	assert_int_equal(upf_find_teid(cst_vrf_by_name("access"), m[5].teid), 0);
	resume(&r);
	assert_int_equal(r.sessions, N_KINDS);
	assert_int_equal(r.adopted, N_KINDS - 2);
	all_same(m);
	same_counts(2, &m[2]);
	same_counts(5, &m[5]);
	delete_all(&none);
}

/* What cannot come back keeps its place, until somebody says otherwise. */
static void refused_ones(void **state)
{
	struct upf_inventory none;
	struct upf_restored r;
	uint32_t teid;

	(void)state;
	upf_inventory(&none);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, CHOSEN_UE)));
	PUT(SESSION(2, UL(1, CHOOSE), DL(2, "," UE)));
	teid = teid_now(1);
	end_life();
	assert_int_equal(cst_net_begin(), 0);
	put_iface("n3", "access", false, "192.0.2.1/24", NULL); /* ends no tunnels now */
	assert_int_equal(cst_net_compile(&err), 0);
	cst_net_commit();
	begin_life(500);
	resume(&r);
	assert_int_equal(r.refused, 2);
	assert_int_equal(r.sessions, 0);
	assert_int_equal(upf_find_teid(cst_vrf_by_name("access"), teid), 0);
	DELETE("{'seid':2}");
	refused(&upf_session_class, CST_OP_DELETE, "{'seid':2}", -ENOENT, "seid", "no session 2");
	end_life();
	open_network();
	begin_life(500);
	resume(&r);
	assert_int_equal(r.refused, 0);
	assert_int_equal(r.sessions, 1);
	assert_int_equal(teid_now(1), teid);
	DELETE("{'seid':1}");
	cst_rcu_reclaim(true);
	same_usage(&none);
}

/* SEIDs and addresses that were given out rest over a restart. */
static void positions(void **state)
{
	struct upf_restored r;
	json_t *reply = NULL;
	uint64_t seid;
	uint32_t ue;

	(void)state;
	for (unsigned lives = 0; lives < 3; lives++) {
		static uint64_t last_seid;
		static uint32_t last_ue;

		assert_int_equal(call(&upf_session_class, CST_OP_PUT,
				      "{'pdrs':[" UL(1, CHOOSE) "," DL(
					      2, CHOSEN_UE) "],"
							    "'fars':[" TO_CORE "," TO_GNB "]}",
				      &reply),
				 0);
		json_decref(reply);
		reply = NULL;
		seid = 0;
		for (uint32_t i = 1; i <= upf_state_lines() && !seid; i++)
			seid = upf_session_by_state(i) ? upf_session_by_state(i)->seid : 0;
		ue = __builtin_bswap32(upf_run(upf_session_by_seid(seid))->ue_v4);
		assert_true(seid > last_seid);
		assert_true(ue > last_ue);
		last_seid = seid;
		last_ue = ue;
		delete_one(seid);
		next_life(&r);
	}
}

static void renamed_pools(void)
{
	ok(&upf_pool_class, CST_OP_PUT,
	   "[{'name':'mec','network_instance':'internet','prefix':'10.45.0.0/16'},"
	   "{'name':'six','network_instance':'internet','prefix':'2001:db8:45::/48'},"
	   "{'name':'v4','network_instance':'mec','prefix':'10.45.0.0/16'},"
	   "{'name':'tiny','network_instance':'old','prefix':'10.99.0.0/30'}]");
}

static void moved_pools(void)
{
	ok(&upf_pool_class, CST_OP_PUT,
	   "[{'name':'v4','network_instance':'mec','prefix':'10.46.0.0/16'},"
	   "{'name':'mec','network_instance':'internet','prefix':'10.45.0.0/16'},"
	   "{'name':'six','network_instance':'mec','prefix':'2001:db8:46::/48'}]");
}

static bool leads_to(const struct memory *m)
{
	struct cst_ip ip = {.family = 4, .b = {10, 45, 0, 2}};

	return UPF_REF_LINE(addr_find(vrf("internet"), &ip)) == m->line;
}

/* There is room for the pools once, and the file has other names or other addresses for them. */
static void other_pools(void **state)
{
	struct memory m[N_KINDS + 1];
	struct upf_restored r;

	(void)state;
	put_all();
	end_life();
	unlink(arena);
	addresses = 3 * 65536 + 4;
	begin_life(500);
	resume(&r);
	remember_all(m);
	for (unsigned life = 0; life < 4; life++) {
		end_life();
		make_pools = life % 2 ? moved_pools : renamed_pools;
		begin_life(500);
		if (life == 0) /* packets find the session before it is back */
			assert_true(leads_to(&m[1]));
		resume(&r);
		assert_true(r.attached);
		assert_int_equal(r.sessions, N_KINDS);
		assert_true(leads_to(&m[1]));
		all_same(m);
	}
}

/* ---- owners -------------------------------------------------------------------------- */

static bool owner_info(unsigned owner, struct cst_owner_info *out)
{
	*out = (struct cst_owner_info){.state = CST_OWNER_CONNECTED, .name = "smf"};
	return owner == 1;
}

static unsigned owner_number(const char *name)
{
	return strcmp(name, "smf") == 0;
}

static const struct cst_inertia_class *owner_class(const struct cst_inertia_traits *t)
{
	static const struct cst_inertia_class plain = {.name = "plain"};

	(void)t;
	return &plain;
}

/* That all are adopted is kept before it is said, though each one is seen to later. */
static void adopted_together(void **state)
{
	static const struct cst_owner_keeper keeper = {
		.info = owner_info, .by_name = owner_number, .match = owner_class};
	const struct cst_owner_keeper *before = cst_owner_keeper;
	const struct cst_owned *owned = cst_owned_first();
	uint32_t kept;

	(void)state;
	cst_owner_keeper = &keeper;
	owned->turn(1, CST_OWNER_NONE, CST_OWNER_CONNECTED);
	PUT("{'seid':1,'owner':'smf'}");
	owned->turn(1, CST_OWNER_INERTIAL, CST_OWNER_RECONCILING);
	assert_int_equal(owned->adopt(1, NULL, 0, &err), 0);
	kept = cst_store_number("owner_round", "smf");
	assert_int_equal(kept & 0xffff, 1);
	assert_true(kept >> 16 > 1000);
	upf_owned_tick();
	assert_int_equal(cst_store_number("owner_round", "smf"), 1);
	DELETE("{'seid':1}");
	cst_owner_keeper = before;
}

static struct upf_now clock_now = {.hz = 1000000000, .ms = 5000, .unix_ms = 1800000000000ull};

static void test_clock(struct upf_now *now)
{
	*now = clock_now;
}

/* How many events came of what is due so much later. */
static unsigned told_after(uint64_t ms)
{
	uint64_t next = cst_event_next();

	clock_now.ms += ms;
	clock_now.unix_ms += ms;
	upf_handover_module.tick(clock_now.ms);
	return (unsigned)(cst_event_next() - next);
}

static const struct upf_pdr *downlink(uint64_t seid)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (upf_run_pdrs(s)[i].id == 2)
			return &upf_run_pdrs(s)[i];
	return NULL;
}

/* Announced and fed before, due after: once each, and nothing is told again. */
static void announced(void **state)
{
#define NEXT(seid, teid)                                                      \
	"{'seid':" seid ",'far_id':2,'outer_header_creation':{'description':" \
	"'gtpu-udp-ipv4','teid':'" teid "','ipv4':'192.0.2.3'},'feed':true,'feed_ms':"
	struct upf_restored r;
	uint64_t next;

	(void)state;
	upf_clock = test_clock;
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	PUT(SESSION(2, UL(1, GIVEN), DL(2, ",'ue_ip_address':[{'ipv4':'10.45.0.3'}]")));
	does("handover.prepare", NEXT("1", "0x22") "9000}");
	does("handover.commit", "{'seid':1,'far_id':2,'lead_ms':1000}");
	does("handover.prepare", NEXT("2", "0x23") "3000}");
	assert_int_equal(told_after(500), 0);
	for (unsigned lives = 0; lives < 2; lives++) {
		upf_handover_module.stop();
		end_life();
		begin_life(500);
		next = cst_event_next();
		resume(&r);
		assert_int_equal(r.adopted, 2);
		assert_int_equal(cst_event_next(), next);
		assert_int_equal(told_after(0), 0);
	}
	assert_int_equal(told_after(499), 0);
	assert_int_equal(downlink(1)->out_teid, 0x11);
	assert_int_equal(told_after(1), 1);
	assert_int_equal(downlink(1)->out_teid, 0x22);
	assert_int_equal(told_after(1999), 0);
	assert_int_equal(told_after(1), 1); /* the feed of 2 ends */
	assert_int_equal(downlink(2)->out_teid, 0x11);
	assert_int_equal(told_after(10000), 0);
	/* the time comes while coastd is away */
	does("handover.commit", "{'seid':2,'far_id':2,'lead_ms':1000}");
	upf_handover_module.stop();
	end_life();
	clock_now.unix_ms += 7000;
	clock_now.ms = 10;
	begin_life(500);
	resume(&r);
	assert_int_equal(told_after(0), 1);
	assert_int_equal(downlink(2)->out_teid, 0x23);
	assert_int_equal(told_after(10000), 0);
	DELETE("{'seid':1}");
	DELETE("{'seid':2}");
}

/* What an owner could not be told outlives coastd until it is told, and no longer. */
static void owed(void **state)
{
	const struct cst_owned *o = cst_owned_first();
	struct upf_restored r;
	uint64_t next;

	(void)state;
	PUT("{'seid':1,'pdrs':[" UL(1, CHOOSE) "," DL(
		2, "," UE) "],'fars':[" TO_CORE ",{'id':2,'apply_action':['BUFF','NOCP']}]}");
	o->turn(1, CST_OWNER_NONE, CST_OWNER_CONNECTED);
	upf_owned_touch(upf_session_by_seid(1), 1);
	o->turn(1, CST_OWNER_CONNECTED, CST_OWNER_INERTIAL);
	upf_owned_owe_data(upf_session_by_seid(1));
	next_life(&r);
	assert_true(upf_session_by_seid(1)->owed_data);
	next = cst_event_next();
	o->turn(1, CST_OWNER_INERTIAL, CST_OWNER_CONNECTED);
	upf_owned_tick();
	assert_int_equal(cst_event_next(), next + 1);
	next_life(&r);
	assert_int_equal(upf_session_by_seid(1)->owner, 1);
	assert_false(upf_session_by_seid(1)->owed_data);
	DELETE("{'seid':1}");
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(with_the_arena), CASE(without_it), CASE(half_way),    CASE(damage),
		CASE(refused_ones),   CASE(positions),  CASE(other_pools), CASE(adopted_together),
		CASE(announced),      CASE(owed),
	};

	open_network();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
