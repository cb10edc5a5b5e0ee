/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "sample_test.h"

static void test_ip(void **state)
{
	static const char *const good[] = {
		"0.0.0.0", "192.0.2.1", "::", "2001:db8::1", "::ffff:192.0.2.1", "ff02::1:ff00:1"};
	static const char *const bad[] = {
		"",    "1.2.3",      "1.2.3.4.5",      "01.2.3.4", "1.2.3.4 ",
		":::", "fe80::1%lo", "2001:db8::1/64", "a"};
	struct cst_ip ip;
	char buf[64];

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(cst_ip_from_text(good[i], &ip), 0);
		assert_string_equal(cst_ip_text(&ip, buf), good[i]);
	}
	memset(&ip, 0x55, sizeof(ip));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(cst_ip_from_text(bad[i], &ip), -22);
	assert_int_equal(ip.family, 0x55); /* a refused text leaves the place alone */
	assert_string_equal(cst_ip_text(&(struct cst_ip){0}, buf), "");
}

static void test_prefix(void **state)
{
	struct cst_prefix p;
	char buf[64];

	assert_int_equal(cst_prefix_from_text("10.0.0.1/24", &p), 0);
	assert_string_equal(cst_prefix_text(&p, buf), "10.0.0.1/24");
	assert_int_equal(cst_prefix_from_text("2001:db8::", &p), 0);
	assert_string_equal(cst_prefix_text(&p, buf), "2001:db8::/128");
	assert_int_equal(cst_prefix_from_text("10.0.0.1/-1", &p), -22);
	assert_int_equal(cst_prefix_from_text("10.0.0.1/24/8", &p), -22);
	assert_int_equal(cst_prefix_from_text("/24", &p), -22);
	assert_int_equal(
		cst_prefix_from_text("2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0/24", &p),
		-22);
	assert_int_equal(cst_prefix_from_text("10.0.0.1/99999999999999999999", &p), -22);
}

static void test_mac(void **state)
{
	uint8_t mac[6];
	char buf[64];

	assert_int_equal(cst_mac_parse("02:00:5E:10:0f:ff", mac), 0);
	assert_string_equal(cst_mac_text(mac, buf), "02:00:5e:10:0f:ff");
	assert_int_equal(cst_mac_parse("2:0:5e:10:f:ff", mac), -22);
	assert_int_equal(cst_mac_parse("02:00:5e:10:0f:f", mac), -22);
	assert_int_equal(cst_mac_parse("", mac), -22);
}

static bool plain(const char *s)
{
	/* exactly-sized memory: ASan sees a read past the end of a cut character */
	size_t n = strlen(s);
	char *copy = malloc(n);
	bool ok;

	memcpy(copy, s, n);
	ok = cst_utf8_plain(copy, n);
	free(copy);
	return ok;
}

static void test_utf8(void **state)
{
	assert_true(plain("internet"));
	assert_true(plain("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_true(plain("\xc2\xa0"));
	assert_false(plain("\xc2\x9b")); /* CSI, C1 */
	assert_false(plain("\x1b[0m"));
	assert_false(plain("\x7f"));
	assert_false(plain("\xc0\x80")); /* overlong */
	assert_false(plain("\xe0\x80\x80"));
	assert_false(plain("\xed\xa0\x80"));     /* surrogate */
	assert_false(plain("\xf4\x90\x80\x80")); /* beyond Unicode */
	assert_false(plain("\xe2\x82"));         /* cut */
	assert_false(plain("\xff"));
}

static const char *suggestion(const char *word)
{
	static const char *const words[] = {"mtu",  "name",      "addresses", "network_instance",
					    "port", "interface", "queues"};
	struct cst_suggest s = {.word = word};

	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		cst_suggest_try(&s, words[i]);
	return s.best;
}

static void test_suggest(void **state)
{
	assert_string_equal(suggestion("mtuu"), "mtu");
	assert_string_equal(suggestion("nmae"), "name");
	assert_string_equal(suggestion("addr"), "addresses");
	assert_string_equal(suggestion("network-instance"), "network_instance");
	assert_string_equal(suggestion("ports"), "port");
	assert_null(suggestion("zebra"));
	assert_null(suggestion(""));
	assert_null(suggestion("x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip),      cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_mac),     cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
