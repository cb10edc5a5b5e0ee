/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random sequences of put, modify and delete against a model of who has which
 * F-TEID and address; then more than there is room for.
 */
#include "upf_ctl_test.h"
#include "upf_framed.h"

#define SEIDS 40
#define UES   30
#define GIVEN 20
#define NETS  12 /* 172.20.N.0/24, of which session and network may be any */

static struct {
	bool live, choose;
	int ue, given;   /* numbers of address and given TEID, -1: none */
	int net;         /* network behind the UE, -1: none */
	uint32_t chosen; /* the F-TEID it was told */
} model[SEIDS + 1];

static unsigned rnd(unsigned n)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x % n);
}

static bool free_for(int seid, int ue, int given)
{
	for (int i = 1; i <= SEIDS; i++)
		if (i != seid && model[i].live &&
		    (model[i].ue == ue || (given >= 0 && model[i].given == given)))
			return false;
	return true;
}

static bool net_free_for(int seid, int net)
{
	for (int i = 1; i <= SEIDS; i++)
		if (i != seid && model[i].live && model[i].net == net)
			return net < 0;
	return true;
}

/* Who the packet path finds behind the slots. */
static void check_nets(void)
{
	unsigned live = 0, wanted = 0;

	for (int i = 1; i <= SEIDS; i++) {
		const struct upf_session *s = upf_session_by_seid((uint64_t)i);
		struct upf_net net = {
			.addr = {172, 20, (uint8_t)model[i].net}, .family = 4, .len = 24};
		bool found = false;

		if (!s || model[i].net < 0)
			continue;
		wanted++;
		for (unsigned k = 0; k < s->n_parts; k++)
			found |= upf_parts(s)[k].kind == UPF_PART_FRAMED &&
				 upf_framed_is(upf_parts(s)[k].number, vrf("internet"), &net) &&
				 upf_session_by_ref(upf_tables.framed[upf_parts(s)[k].number]) == s;
		assert_true(found);
	}
	for (uint32_t n = 0; n < upf_tables.n_framed; n++)
		live += upf_tables.framed[n] != 0;
	assert_int_equal(live, wanted);
}

static void check_model(void)
{
	unsigned n = 0;

	for (int i = 1; i <= SEIDS; i++) {
		const struct upf_session *s = upf_session_by_seid((uint64_t)i);
		struct cst_ip ip = {.family = 4, .b = {10, 45, 3, 0}};

		assert_int_equal(s != NULL, model[i].live);
		if (!s)
			continue;
		n++;
		ip.b[3] = (uint8_t)model[i].ue;
		assert_ptr_equal(upf_session_by_ref(addr_find(vrf("internet"), &ip)), s);
		assert_ptr_equal(upf_session_by_ref(upf_find_teid(vrf("access"), model[i].chosen)),
				 s);
		if (model[i].given >= 0)
			assert_ptr_equal(upf_session_by_ref(upf_find_teid(
						 vrf("access"), 0x70000000u + model[i].given)),
					 s);
	}
	for (int ue = 0; ue < UES; ue++) {
		struct cst_ip ip = {.family = 4, .b = {10, 45, 3, (uint8_t)ue}};

		if (free_for(0, ue, -1))
			assert_int_equal(addr_find(vrf("internet"), &ip), 0);
	}
	for (int g = 0; g < GIVEN; g++)
		if (free_for(0, -1, g))
			assert_int_equal(upf_find_teid(vrf("access"), 0x70000000u + g), 0);
	{
		struct upf_inventory u;

		upf_inventory(&u);
		assert_int_equal(u.sessions, n);
		assert_int_equal(u.teids, n);
		assert_int_equal(u.addresses, n);
	}
	check_nets();
}

static void text_of(char *text, size_t size, int seid, int ue, int given, int net, unsigned pdrs)
{
	int n = snprintf(text, size,
			 "{'seid':%d,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[" UL(1, CHOOSE) "," DL(
				 2, ",'ue_ip_address':[{'ipv4':'10.45.3.%d'}]"),
			 seid, ue);

	if (given >= 0)
		n += snprintf(text + n, size - n,
			      "," UL(3, "'f_teid':{'teid':%u,'ipv4':'192.0.2.1'}"),
			      0x70000000u + given);
	if (net >= 0)
		n += snprintf(text + n, size - n,
			      ",{'id':4,'precedence':8,'pdi':{'source_interface':'core',"
			      "'network_instance':'internet','framed_routes':['172.20.%d.0/24']},"
			      "'far_id':2}",
			      net);
	for (unsigned i = 0; i < pdrs; i++)
		n += snprintf(text + n, size - n,
			      ",{'id':%u,'precedence':9,'pdi':{'source_interface':"
			      "'core','network_instance':'internet'},'far_id':2}",
			      100 + i);
	snprintf(text + n, size - n, "]}");
}

static void random_put(int seid)
{
	char text[8192];
	int ue = (int)rnd(UES), given = (int)rnd(GIVEN * 2) - GIVEN;
	int net = (int)rnd(NETS * 2) - NETS;
	bool fits;

	if (given < 0)
		given = -1;
	if (net < 0)
		net = -1;
	fits = free_for(seid, ue, given) && net_free_for(seid, net);
	text_of(text, sizeof(text), seid, ue, given, net, rnd(12));
	assert_int_equal(call(&upf_session_class, CST_OP_PUT, text, NULL) == 0, fits);
	if (!fits)
		return;
	if (model[seid].live)
		assert_int_equal(pdr_of((uint64_t)seid, 1)->teid, model[seid].chosen);
	model[seid].live = true;
	model[seid].ue = ue;
	model[seid].given = given;
	model[seid].net = net;
	model[seid].chosen = pdr_of((uint64_t)seid, 1)->teid;
}

static void random_modify(int seid)
{
	char text[1024];
	int given = (int)rnd(GIVEN);
	bool fits = model[seid].live && free_for(seid, -1, given);

	snprintf(text, sizeof(text),
		 model[seid].given >= 0
			 ? "{'seid':%d,'update_pdrs':[{'id':3,'pdi':{'source_interface':'access',"
			   "'network_instance':'access','f_teid':{'teid':%u,'ipv4':'192.0.2.1'}}}]}"
			 : "{'seid':%d,'create_pdrs':[" UL(
				   3, "'f_teid':{'teid':%u,'ipv4':'192.0.2.1'}") "]}",
		 seid, 0x70000000u + given);
	assert_int_equal(call(&upf_session_class, CST_OP_MODIFY, text, NULL) == 0, fits);
	if (fits)
		model[seid].given = given;
}

static void test_random(void **state)
{
	(void)state;
	memset(model, 0, sizeof(model));
	for (int i = 1; i <= SEIDS; i++)
		model[i].given = model[i].ue = model[i].net = -1;
	for (int step = 0; step < 5000; step++) {
		int seid = 1 + (int)rnd(SEIDS);
		char key[32];
		int rc;

		switch (rnd(4)) {
		case 0:
			snprintf(key, sizeof(key), "{'seid':%d}", seid);
			rc = call(&upf_session_class, CST_OP_DELETE, key, NULL);
			assert_int_equal(rc == 0, model[seid].live);
			model[seid].live = false;
			model[seid].given = model[seid].net = -1;
			break;
		case 1:
			random_modify(seid);
			break;
		default:
			random_put(seid);
		}
		if (step % 50 == 0)
			check_model();
	}
	check_model();
}

/* Beyond all capacities: refused with what to raise, and no trace. */
static void test_full(void **state)
{
	char text[1000];
	struct upf_inventory full;
	int n = 0;

	(void)state;
	for (n = 1;; n++) {
		snprintf(text, sizeof(text),
			 "{'seid':%d,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[" UL(1, CHOOSE) "," DL(
				 2, ",'ue_ip_address':[{'ipv4':'10.45.%d.%d'}]") "]}",
			 n, 16 + n / 256, n % 256);
		if (call(&upf_session_class, CST_OP_PUT, text, NULL) != 0)
			break;
	}
	assert_int_equal(n, 2001);
	assert_int_equal(err.code, -ENOSPC);
	assert_non_null(strstr(err.reason, "max_sessions"));
	upf_inventory(&full);
	assert_int_equal(full.sessions, 2000);
	assert_int_equal(full.teids, 2000);
	assert_int_equal(full.addresses, 2000);
	assert_int_equal(call(&upf_session_class, CST_OP_PUT, text, NULL), -ENOSPC);
	same_usage(&full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_random, nothing_left),
		cmocka_unit_test_teardown(test_full, nothing_left),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
