/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of groups over restarts of coastd. */
#include "upf_eth_test.h"
#include "upf_out.h"
#include "upf_restore_test.h"

static void pools_and_group(void)
{
	open_pools();
	assert_int_equal(upf_eth_module.start(NULL, &err), 0);
}

static int first_life(void **state)
{
	struct upf_restored r;

	open_network();
	assert_int_equal(cst_net_begin(), 0);
	put_vrf("lan");
	assert_int_equal(cst_net_compile(&err), 0);
	cst_net_commit();
	assert_int_equal(setup(state), 0);
	make_pools = pools_and_group;
	next_life(&r);
	return 0;
}

static void end(void)
{
	upf_eth_module.stop();
	end_life();
}

static uint32_t members(void)
{
	const struct upf_eth_group *g = upf_eth_group_of(vrf("lan"));

	return g ? g->n : 0;
}

static void members_are_there_at_once(void **state)
{
	struct upf_restored r;
	uint32_t a;

	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(2, ETH_UL(""), ETH_DL("")));
	a = run_of(1)->state;
	end();
	begin_life(500);
	assert_null(upf_session_by_seid(1));
	assert_int_equal(members(), 2);
	assert_int_not_equal(upf_eth_ref(a), 0);
	assert_int_equal(upf_rules_of(upf_eth_ref(a))->seid, 1);
	resume(&r);
	assert_int_equal(r.sessions, 2);
	assert_int_equal(members(), 2);
	assert_int_equal(UPF_REF_LINE(upf_eth_ref(a)), upf_session_by_seid(1)->line);
	DELETE("[{'seid':1},{'seid':2}]");
	assert_int_equal(members(), 0);
}

/* The store knows nothing of them. */
static void rules_of_nobody_are_no_members(void **state)
{
	struct upf_restored r;

	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(2, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(3, ETH_UL(""), ETH_DL("")));
	end();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	begin_life(500);
	assert_int_equal(members(), 3);
	resume(&r);
	assert_int_equal(r.orphans, 3);
	assert_int_equal(members(), 0);
}

static int last_life(void **state)
{
	upf_eth_module.stop();
	return teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_there_at_once),
		cmocka_unit_test(rules_of_nobody_are_no_members),
	};

	return cmocka_run_group_tests_name("upf_eth_restore", tests, first_life, last_life);
}
