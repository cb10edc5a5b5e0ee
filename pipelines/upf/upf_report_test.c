/* SPDX-License-Identifier: BSD-3-Clause */
/* What the journal may do to usage reports: nothing that changes a sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upf_report.h"

static json_t *report(const char *text)
{
	json_error_t why;
	json_t *js = json_loads(text, 0, &why);

	if (!js)
		fail_msg("%s: %s", why.text, text);
	return js;
}

static void merges_to(const char *older, const char *newer, const char *result)
{
	json_t *a = report(older), *b = report(newer), *want = report(result ? result : newer);

	assert_int_equal(upf_report_merge(a, b), result != NULL);
	if (!json_equal(b, want))
		fail_msg("%s", json_dumps(b, 0));
	json_decref(a);
	json_decref(b);
	json_decref(want);
}

static void test_merge(void **state)
{
	merges_to("{\"seid\":1,\"urr_id\":2,\"ur_seqn\":5,\"usage_report_trigger\":[\"PERIO\"],"
		  "\"start_time\":100,\"end_time\":110,\"volume_measurement\":{\"ul\":7,\"dl\":3,"
		  "\"total\":10,\"ul_packets\":1},\"duration_measurement\":4,"
		  "\"time_of_first_packet\":101,\"time_of_last_packet\":102}",
		  "{\"seid\":1,\"urr_id\":2,\"ur_seqn\":6,\"usage_report_trigger\":[\"VOLTH\"],"
		  "\"start_time\":110,\"end_time\":120,\"volume_measurement\":{\"ul\":1,\"dl\":1,"
		  "\"total\":2,\"ul_packets\":2},\"duration_measurement\":6,"
		  "\"time_of_first_packet\":111,\"time_of_last_packet\":119}",
		  "{\"seid\":1,\"urr_id\":2,\"ur_seqn\":6,\"first_ur_seqn\":5,"
		  "\"usage_report_trigger\":[\"VOLTH\",\"PERIO\"],\"start_time\":100,"
		  "\"end_time\":120,\"volume_measurement\":{\"ul\":8,\"dl\":4,\"total\":12,"
		  "\"ul_packets\":3},\"duration_measurement\":10,\"time_of_first_packet\":101,"
		  "\"time_of_last_packet\":119}");
	/* what was merged merges on; a report without packets keeps the times of the other */
	merges_to("{\"ur_seqn\":6,\"first_ur_seqn\":5,\"time_of_last_packet\":119,"
		  "\"usage_report_trigger\":[\"PERIO\"]}",
		  "{\"ur_seqn\":7,\"usage_report_trigger\":[\"PERIO\"]}",
		  "{\"ur_seqn\":7,\"first_ur_seqn\":5,\"time_of_last_packet\":119,"
		  "\"usage_report_trigger\":[\"PERIO\"]}");
	(void)state;
}

static void test_stay_two(void **state)
{
	merges_to("{\"ur_seqn\":4}", "{\"ur_seqn\":6}", NULL); /* one between them was taken */
	merges_to("{\"ur_seqn\":5,\"usage_information\":[\"BEF\"]}",
		  "{\"ur_seqn\":6,\"usage_information\":[\"AFT\"]}", NULL);
	merges_to("{\"ur_seqn\":5,\"usage_information\":[\"UBE\"]}", "{\"ur_seqn\":6}", NULL);
	merges_to("{\"ur_seqn\":5,\"volume_measurement\":{\"ul\":1}}",
		  "{\"ur_seqn\":6,\"volume_measurement\":{\"ul\":1,\"ul_packets\":1}}", NULL);
	merges_to("{\"ur_seqn\":5,\"volume_measurement\":{\"ul\":9223372036854775807}}",
		  "{\"ur_seqn\":6,\"volume_measurement\":{\"ul\":1}}", NULL);
	merges_to("{\"ur_seqn\":5,\"volume_measurement\":{\"ul\":\"0xffffffffffffffff\"}}",
		  "{\"ur_seqn\":6,\"volume_measurement\":{\"ul\":1}}", NULL);
	merges_to("{\"ur_seqn\":5}", "{\"ur_seqn\":6,\"duration_measurement\":1}", NULL);
	(void)state;
}

static void test_mergeable(void **state)
{
	static const uint32_t never[] = {UPF_UR_VOLQU, UPF_UR_TIMQU, UPF_UR_EVEQU,
					 UPF_UR_TERMR, UPF_UR_START, UPF_UR_STOPT,
					 UPF_UR_MONIT, UPF_UR_QUHTI, UPF_UR_QUVTI};

	assert_true(upf_report_mergeable(UPF_UR_PERIO | UPF_UR_VOLTH));
	assert_true(upf_report_mergeable(UPF_UR_LIUSA));
	assert_false(upf_report_mergeable(0));
	for (unsigned i = 0; i < sizeof(never) / sizeof(*never); i++)
		assert_false(upf_report_mergeable(UPF_UR_PERIO | never[i]));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_stay_two),
		cmocka_unit_test(test_mergeable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
