/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's nodes without a graph: packets in, edges and bytes out, against
 * vectors that scapy made (tests/vectors/make_upf.py). Each case runs alone and
 * in bursts; each drop reason of the slice is reached.
 */
#include "upf_node_rig.h"

static void every_drop_was_reached(void **state)
{
	for (int i = 0; i < UPF_DROPS; i++) {
		if (!reached[i])
			fail_msg("%s was not reached", upf_drops[i].name);
	}
}

static void nothing_leaks(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(cases_in_segments),
		cmocka_unit_test(mixed_burst),
		cmocka_unit_test(icmp),
		cmocka_unit_test(ttl_already_counted),
		cmocka_unit_test(nobody),
		cmocka_unit_test(fragmented),
		cmocka_unit_test(handed_off),
		cmocka_unit_test(from_another_ue),
		cmocka_unit_test(several_owners),
		cmocka_unit_test(strays_are_found),
		cmocka_unit_test(odd_buffers),
		cmocka_unit_test(jumbo),
		cmocka_unit_test(jumbo_uplink),
		cmocka_unit_test(echo),
		cmocka_unit_test(answers),
		cmocka_unit_test(rate_limit),
		cmocka_unit_test(suppressed),
		cmocka_unit_test(every_drop_was_reached),
		cmocka_unit_test(nothing_leaks),
	};

	return cmocka_run_group_tests_name("upf_node", tests, set_up, tear_down);
}
