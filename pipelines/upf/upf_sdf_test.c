/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow descriptions: what is understood, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "upf_sdf.h"

static struct cst_err err;

static void test_flow_descriptions(void **state)
{
	static const char *const good[] = {
		"permit out ip from any to assigned",
		"permit out ip from any to any",
		"permit out 17 from 10.0.0.0/8 to 10.45.0.2",
		"permit out tcp from 1.2.3.4 80,443,8000-8010 to assigned 1024-65535",
		"permit out 58 from ff02::2/128 to assigned",
		"permit out ip from 0.0.0.0/0 to any",
		"permit  out\tip from ::/0 to 2001:db8::1/64",
	};
	static const char *const bad[] = {
		"",
		" ",
		"permit",
		"permit out",
		"permit out ip",
		"permit out ip from",
		"permit out ip from any",
		"permit out ip from any to",
		"deny out ip from any to any",
		"permit in ip from any to any",
		"permit inout ip from any to any",
		"permit out ip from table(1) to any",
		"permit out ip from 10.0.0.0/33 to any",
		"permit out ip from ::1/129 to any",
		"permit out ip from 1.2.3.4/129 to any",
		"permit out ip from !1.2.3.4 to any",
		"permit out ip from any to !any",
		"permit out 256 from any to any",
		"permit out -1 from any to any",
		"permit out ip from assigned to any",
		"permit out icmp from any 80 to any",
		"permit out ip from any to any established",
		"permit out ip from any 70000 to any",
		"permit out ip from any 9-8 to any",
		"permit out ip from any 1,,2 to any",
		"permit out ip from any 1, to any",
		"permit out ip from any 1- to any",
		"permit out ip from 1.2.3.4 to ::1",
		"permit out ip from 1.2.3 to any",
		"permit out ip from 1.2.3.4/ to any",
		"permit out ip from 1.2.3.4/2x to any",
		"permit out ip from any 1,2,3,4,5,6,7,8,9 to any",
		"permit out ip from any 1,2,3,4,5 to any 1,2,3,4",
		"permit out ip from any to any 80 81",
		"PERMIT out ip from any to any",
		"permit out ip to any from any",
		"permit out  from any to any",
		"permit out ip from 11111111111111111111111111111111111111111111111111 to any",
	};
	struct upf_sdf out[UPF_SDF_RECORDS_MAX];
	char longer[600];

	(void)state;
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (upf_sdf_parse(good[i], strlen(good[i]), out, &err) < 1)
			fail_msg("%s: %s", good[i], err.reason);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (upf_sdf_parse(bad[i], strlen(bad[i]), out, &err) >= 0)
			fail_msg("%s: accepted", bad[i]);
	assert_int_equal(upf_sdf_parse(good[3], strlen(good[3]), out, &err), 3);
	assert_int_equal(out[2].remote_port_lo, 8000);
	assert_int_equal(out[2].remote_port_hi, 8010);
	assert_int_equal(out[0].ue_port_lo, 1024);
	assert_int_equal(out[0].flags, UPF_SDF_PROTO | UPF_SDF_PORTS);
	assert_int_equal(upf_sdf_parse("permit out ip from 10.255.1.2/9 to any", 38, out, &err), 1);
	assert_memory_equal(out[0].remote, "\x0a\x80\x00\x00", 4);
	memset(longer, ' ', sizeof(longer));
	assert_int_equal(upf_sdf_parse(longer, sizeof(longer), out, &err), -E2BIG);
	assert_int_equal(upf_sdf_parse("permit out ip from any\0 to any", 30, out, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_flow_descriptions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
