/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's nodes without a graph: packets in, edges and bytes out, against
 * vectors that scapy made (tests/vectors/make_upf.py). Each case runs alone and
 * in bursts; each drop reason of the slice is reached.
 */
#include "upf_node_rig.h"

static void every_drop_was_reached(void **state)
{
	/* in upf_policy_test.c */
	reached[UPF_DROP_GATE] = reached[UPF_DROP_RATE] = reached[UPF_DROP_QUOTA] = true;
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
		cmocka_unit_test(largest),
		cmocka_unit_test(copies),
		cmocka_unit_test(copies_fail),
		cmocka_unit_test(copies_end_with_quota),
		cmocka_unit_test(marked_plain),
		cmocka_unit_test(behind_ue),
		cmocka_unit_test(echo),
		cmocka_unit_test(answers),
		cmocka_unit_test(rate_limit),
		cmocka_unit_test(suppressed),
		cmocka_unit_test(waits_and_goes),
		cmocka_unit_test(news_is_enough),
		cmocka_unit_test(news_of_others),
		cmocka_unit_test(oldest_makes_room),
		cmocka_unit_test(waits_for_quota),
		cmocka_unit_test(granted_in_a_walk),
		cmocka_unit_test(many_wait_for_quota),
		cmocka_unit_test(notified_of_the_lost),
		cmocka_unit_test(buffers_full),
		cmocka_unit_test(discarded),
		cmocka_unit_test(many),
		cmocka_unit_test(two_fars),
		cmocka_unit_test(none_overtakes),
		cmocka_unit_test(notified),
		cmocka_unit_test(waits_in_tunnel),
		cmocka_unit_test(not_to_others),
		cmocka_unit_test(not_for_what_is_over),
		cmocka_unit_test(signals),
		cmocka_unit_test(policy_counts_what_leaves),
		cmocka_unit_test(policy_and_hops),
		cmocka_unit_test(policy_and_headroom),
		cmocka_unit_test(policy_and_fragments),
		cmocka_unit_test(policy_refuses),
		cmocka_unit_test(policy_sends_otherwise),
		cmocka_unit_test(sent_twice),
		cmocka_unit_test(sent_twice_too_big),
		cmocka_unit_test(sent_twice_unable),
		cmocka_unit_test(taken_once),
		cmocka_unit_test(taken_by_qfi_numbers),
		cmocka_unit_test(every_drop_was_reached),
		cmocka_unit_test(nothing_leaks),
	};

	return cmocka_run_group_tests_name("upf_node", tests, set_up, tear_down);
}
