/* SPDX-License-Identifier: BSD-3-Clause */
#include "sample_test.h"

static struct cst_pool *pool;
static struct sample s;
static struct cst_err err;

static int decode(const char *text, bool partial)
{
	json_t *js = quoted(text);
	int ret;

	cst_pool_reset(pool);
	memset(&err, 0, sizeof(err));
	ret = cst_decode(&sample_object, js, partial, pool, &s, &err);
	json_decref(js); /* what was decoded must not need it */
	return ret;
}

/* `member` is put into an otherwise good object. */
static int decode_member(const char *member)
{
	char text[2048];

	snprintf(text, sizeof(text), "{'name':'x',%s}", member);
	return decode(text, false);
}

static void good(const char *member)
{
	if (decode_member(member) != 0)
		fail_msg("%s: %s: %s", member, err.field, err.reason);
}

static void bad(const char *member, const char *field, const char *reason)
{
	assert_int_equal(decode_member(member), -22);
	assert_int_equal(err.code, -22);
	assert_string_equal(err.field, field);
	if (strstr(err.reason, reason) == NULL)
		fail_msg("%s: \"%s\" lacks \"%s\"", member, err.reason, reason);
}

static void test_tables(void **state)
{
	if (cst_object_verify(&sample_object, &err) < 0)
		fail_msg("%s: %s", err.field, err.reason);
}

static void test_uint(void **state)
{
	good("'mtu':68");
	good("'mtu':9600");
	assert_int_equal(s.mtu, 9600);
	good("'mtu':'0x5dc'");
	assert_int_equal(s.mtu, 1500);
	good("'mtu':'1400'");
	assert_int_equal(s.mtu, 1400);
	good("'u8':255");
	good("'u64':'0xffffffffffffffff'");
	assert_true(s.u64 == UINT64_MAX);
	good("'u64':'18446744073709551615'");
	assert_true(s.u64 == UINT64_MAX);
	good("'u32':4294967295");
	bad("'mtu':12", "mtu", "must be 68..9600 bytes, got 12");
	bad("'mtu':9601", "mtu", "must be 68..9600 bytes, got 9601");
	bad("'mtu':-1", "mtu", "got -1");
	bad("'mtu':1.5", "mtu", "got 1.5");
	bad("'mtu':true", "mtu", "got true");
	bad("'mtu':null", "mtu", "got null");
	bad("'mtu':[1500]", "mtu", "got a list");
	bad("'mtu':{}", "mtu", "got an object");
	bad("'mtu':''", "mtu", "got \"\"");
	bad("'mtu':'0x'", "mtu", "got \"0x\"");
	bad("'mtu':'1500 '", "mtu", "got \"1500 \"");
	bad("'mtu':'0x15g'", "mtu", "got");
	bad("'mtu':'-68'", "mtu", "got");
	bad("'u8':256", "u8", "must be 0..255, got 256");
	bad("'u32':4", "u32", "must be 5..4294967295, got 4");
	bad("'u32':4294967296", "u32", "got 4294967296");
	bad("'u64':'0x10000000000000000'", "u64", "got");
	bad("'u64':'18446744073709551616'", "u64", "got");
	bad("'numbers':[1,2,1001]", "numbers[2]", "must be 0..1000, got 1001");
}

static void test_text_values(void **state)
{
	good("'name':'0123456789abcde'");
	bad("'name':''", "name", "must be 1..15 characters, got 0");
	bad("'name':'0123456789abcdef'", "name", "must be 1..15 characters, got 16");
	bad("'name':'a\\u0000b'", "name", "without control characters");
	bad("'name':'a\\u001b[2J'", "name", "without control characters");
	bad("'name':7", "name", "got 7");
	good("'colour':'blue'");
	assert_int_equal(s.colour, BLUE);
	bad("'colour':'purple'", "colour", "must be red, green or blue, got \"purple\"");
	bad("'colour':'bleu'", "colour", "did you mean 'blue'?");
	bad("'colour':2", "colour", "got 2");
	good("'on':false");
	assert_false(s.on);
	bad("'on':1", "on", "must be true or false, got 1");
	bad("'on':'true'", "on", "must be true or false");
	good("'apply':['BUFF','NOCP']");
	assert_int_equal(s.apply, 12);
	bad("'apply':['BUFF','FROW']", "apply[1]", "did you mean 'FORW'?");
	bad("'apply':'BUFF'", "apply", "must be a list of DROP, FORW, BUFF or NOCP");
}

static void test_addresses(void **state)
{
	good("'ip':'192.0.2.1'");
	assert_int_equal(s.ip.family, 4);
	assert_memory_equal(s.ip.b, "\xc0\x00\x02\x01\0\0\0\0", 8);
	good("'ip':'2001:db8::1'");
	assert_int_equal(s.ip.family, 6);
	bad("'ip':'192.0.2.256'", "ip", "must be an IP address, got \"192.0.2.256\"");
	bad("'ip':'192.0.2.1/24'", "ip", "got");
	bad("'ip':'fe80::1%eth0'", "ip", "got");
	bad("'ip4':'2001:db8::1'", "ip4", "must be an IPv4 address");
	bad("'ip6':'192.0.2.1'", "ip6", "must be an IPv6 address");
	good("'prefix':'10.0.0.1/24'");
	assert_int_equal(s.prefix.len, 24);
	assert_int_equal(s.prefix.ip.b[3], 1);
	good("'prefix':'10.0.0.1'");
	assert_int_equal(s.prefix.len, 32);
	good("'prefix':'::/0'");
	assert_int_equal(s.prefix.ip.family, 6);
	bad("'prefix':'10.0.0.0/33'", "prefix", "must be an IP prefix (ADDRESS/LENGTH)");
	bad("'prefix':'10.0.0.0/'", "prefix", "got");
	bad("'prefix':'10.0.0.0/08'", "prefix", "got");
	bad("'prefix':'::/129'", "prefix", "got");
	good("'mac':'02:00:5e:Aa:bB:0c'");
	assert_memory_equal(s.mac, "\x02\x00\x5e\xaa\xbb\x0c", 6);
	bad("'mac':'02:00:5e:aa:bb'", "mac", "got");
	bad("'mac':'02:00:5e:aa:bb:0c:0d'", "mac", "got");
	bad("'mac':'02-00-5e-aa-bb-0c'", "mac", "got");
}

static void test_paths(void **state)
{
	good("'rules':[{'id':1},{'id':2,'leaf':{'teid':'0x11'}}]");
	assert_int_equal(s.rules.n, 2);
	assert_int_equal(((struct rule *)s.rules.items)[1].leaf.teid, 0x11);
	bad("'rules':[{'id':1},{'id':2,'leaf':{'teid':0}}]", "rules[1].leaf.teid",
	    "must be 0x1..0xffffffff, got 0");
	bad("'rules':[{'id':1},{'id':2,'leaf':{}}]", "rules[1].leaf.teid", "is required: tunnel");
	bad("'rules':[{'id':1},{}]", "rules[1].id", "is required");
	bad("'rules':[{'id':1},7]", "rules[1]", "must be an object");
	bad("'rules':{}", "rules", "must be a list");
	bad("'rules':[{'id':1},{'id':1},{'id':1},{'id':1},{'id':1}]", "rules",
	    "at most 4 items, got 5");
	bad("'rule':{'id':1,'filters':['ok','x']}", "rule.filters[1]", "must be 2..8 characters");
	bad("'rule':{'id':1,'leaf':{'tied':1}}", "rule.leaf.tied",
	    "unknown member, did you mean 'teid'?");
	bad("'mtuu':1500", "mtuu", "did you mean 'mtu'?");
	bad("'zebra':1500", "zebra", "sample has name, on, u8");
	bad("'hits':1", "hits", "is state");
	bad("'rules':[{'id':3},{'id':666}]", "rules[1].id", "the number of the beast");
	assert_int_equal(decode("[]", false), -22);
	assert_string_equal(err.field, "");
	assert_string_equal(err.reason, "must be an object");
	assert_int_equal(decode("{}", false), -22);
	assert_string_equal(err.field, "name");
}

static void test_defaults_and_partial(void **state)
{
	good("'rule':{'id':1}");
	assert_int_equal(s.mtu, 1500);
	assert_true(s.on);
	assert_int_equal(s.apply, 2 | 8);
	assert_int_equal(s.rule.colour, GREEN);
	assert_true(cst_has(&s, cst_field_index(&sample_object, "mtu")));
	assert_false(cst_has(&s, cst_field_index(&sample_object, "ip")));

	assert_int_equal(decode("{'name':'x','u8':3}", true), 0);
	assert_false(cst_has(&s, cst_field_index(&sample_object, "mtu")));
	assert_int_equal(decode("{'u8':3}", true), -22);
	assert_string_equal(err.field, "name");

	/* the list is marked partial, and so is the leaf in it; the single rule is not */
	assert_int_equal(
		decode("{'name':'x','rules':[{'id':1,'leaf':{'ipv4':'192.0.2.1'}}]}", true), 0);
	assert_int_equal(decode("{'name':'x','rules':[{'leaf':{}}]}", true), -22);
	assert_string_equal(err.field, "rules[0].id");
	assert_int_equal(decode("{'name':'x','rule':{'id':1,'leaf':{'ipv4':'192.0.2.1'}}}", true),
			 -22);
	assert_string_equal(err.field, "rule.leaf.teid");
}

static void test_key(void **state)
{
	json_t *js = quoted("{'name':'x'}"), *more = quoted("{'name':'x','mtu':1500}");

	assert_int_equal(cst_decode_key(&sample_object, js, pool, &s, &err), 0);
	assert_string_equal(s.name, "x");
	assert_int_equal(s.has, 1);
	assert_int_equal(cst_decode_key(&sample_object, more, pool, &s, &err), -22);
	assert_string_equal(err.field, "mtu");
	json_object_clear(js);
	assert_int_equal(cst_decode_key(&sample_object, js, pool, &s, &err), -22);
	assert_string_equal(err.field, "name");
	json_decref(js);
	json_decref(more);
}

static char seen[1024];

static void note(void *arg, const struct cst_err *e)
{
	strcat(seen, e->field);
	strcat(seen, "\n");
}

static void test_all_errors(void **state)
{
	json_t *js =
		quoted("{'mtu':1,'rules':[{'id':1,'color':1},7,{'id':66666,'leaf':{}}],'hits':1}");

	seen[0] = '\0';
	assert_int_equal(cst_decode_all(&sample_object, js, pool, &s, note, NULL), 7);
	assert_string_equal(seen, "mtu\nrules[0].color\nrules[1]\nrules[2].id\n"
				  "rules[2].leaf.teid\nhits\nname\n");
	json_decref(js);
}

static void test_encode(void **state)
{
	static const char text[] =
		"{'name':'x','on':false,'u8':1,'mtu':1400,'u64':'0xffffffffffffffff',"
		"'colour':'red','apply':['DROP'],'ip':'2001:db8::1','prefix':'10.0.0.1/24',"
		"'mac':'02:00:00:00:00:0f',"
		"'rule':{'id':1,'colour':'blue','leaf':{'teid':'0x1001','ipv4':'192.0.2.1'},"
		"'filters':['ab']},'numbers':[1,2],'switches':[true,false],'hues':['red']}";
	json_t *js = quoted(text), *back;

	assert_int_equal(decode(text, false), 0);
	back = cst_encode(&sample_object, &s);
	assert_true(json_equal(js, back));
	json_decref(js);
	json_decref(back);
	good("'numbers':[]");
	back = cst_encode(&sample_object, &s);
	assert_null(json_object_get(back, "numbers"));
	json_decref(back);
}

/* The text that is written is the one that jansson writes of the encoded object. */
static void same_text(const void *obj)
{
	json_t *js = cst_encode(&sample_object, obj);
	char *text = json_dumps(js, JSON_COMPACT);
	struct cst_text t = {0};

	cst_text_str(&t, "before ");
	cst_write(&sample_object, obj, &t);
	assert_false(t.failed);
	assert_int_equal(strlen(t.s), t.n);
	assert_string_equal(t.s + 7, text);
	free(t.s);
	free(text);
	json_decref(js);
}

static void test_write(void **state)
{
	static const char *const members[] = {
		"'u8':1",
		"'on':false,'mtu':1400,'u64':'0xffffffffffffffff','u32':4294967295",
		"'u64':9223372036854775807",
		"'u64':'9223372036854775808'",
		"'colour':'red','apply':['DROP','NOCP'],'ip':'2001:db8::1'",
		"'apply':[],'prefix':'10.0.0.1/24','mac':'02:00:00:00:00:0f'",
		"'rule':{'id':1,'leaf':{'teid':'0x1001','ipv4':'192.0.2.1'},'filters':['ab','cd']}",
		"'rules':[{'id':1},{'id':2}],'numbers':[1,2]",
		"'switches':[true,false],'hues':['red']",
		"'rule':{'id':1,'filters':['a\\\\b','a\\u0022b','a/b']}",
		"'rule':{'id':1,'filters':['\xc3\xa4z','~~']}",
	};
	struct sample bare = {0};

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		good(members[i]);
		same_text(&s);
	}
	same_text(&bare);
	bare = (struct sample){.has = 1, .name = "not UTF-8: \xff"};
	same_text(&bare);
	bare.name = "control \t\x01 \x7f";
	same_text(&bare);
	bare.name = NULL;
	same_text(&bare);
}

static void test_merge(void **state)
{
	struct sample base;
	json_t *js;

	good("'mtu':1400,'u8':7,'rules':[{'id':1}],'ip':'192.0.2.1'");
	base = s;
	js = quoted("{'name':'x','mtu':1300,'rules':[]}");
	assert_int_equal(cst_decode(&sample_object, js, true, pool, &s, &err), 0);
	cst_merge(&sample_object, &base, &s);
	assert_int_equal(base.mtu, 1300);
	assert_int_equal(base.u8, 7);
	assert_int_equal(base.rules.n, 0);
	assert_int_equal(base.ip.family, 4);
	json_decref(js);

	struct rule r = {.has = 5, .id = 1, .leaf = {.has = 1, .teid = 3}};
	struct rule d = {.has = 4, .leaf = {.has = 2, .ipv4 = {.family = 4}}};
	cst_merge(&rule_object, &r, &d);
	assert_int_equal(r.leaf.teid, 3);
	assert_int_equal(r.leaf.ipv4.family, 4);
	assert_int_equal(r.leaf.has, 3);
}

static void test_pool(void **state)
{
	struct cst_pool *p = cst_pool_new();
	json_t *js = quoted("{'name':'x','numbers':[1,2,3]}");
	unsigned char *m;

	cst_pool_limit(p, 100000);
	for (int round = 0; round < 3; round++) {
		size_t got = 0;

		while ((m = cst_pool_alloc(p, 1000)) != NULL) {
			for (int i = 0; i < 1000; i++)
				assert_int_equal(m[i], 0);
			memset(m, 0xaa, 1000);
			got += 1000;
		}
		assert_in_range(got, 70000, 100000);
		while (cst_pool_alloc(p, 8) != NULL)
			continue;
		assert_null(cst_pool_alloc(p, SIZE_MAX));
		assert_int_equal(cst_decode(&sample_object, js, false, p, &s, &err), -12);
		assert_string_equal(err.reason, "the request needs too much memory");
		cst_pool_reset(p);
	}
	json_decref(js);
	cst_pool_free(p);
	cst_pool_free(NULL);
}

static const struct cst_field *field(const char *name)
{
	return &sample_fields[cst_field_index(&sample_object, name)];
}

static void from_text(const char *name, const char *text, const char *want)
{
	json_t *js, *w = quoted(want);

	if (cst_field_from_text(field(name), text, &js, &err) < 0)
		fail_msg("%s=%s: %s", name, text, err.reason);
	assert_true(json_equal(js, w));
	json_decref(js);
	json_decref(w);
}

static void from_text_bad(const char *name, const char *text, const char *where)
{
	json_t *js;

	assert_int_equal(cst_field_from_text(field(name), text, &js, &err), -22);
	assert_null(js);
	assert_string_equal(err.field, where);
}

static void test_from_text(void **state)
{
	from_text("mtu", "1400", "1400");
	from_text("u64", "18446744073709551615", "'18446744073709551615'");
	from_text("on", "no", "false");
	from_text("name", "7", "'7'");
	from_text("colour", "red", "'red'");
	from_text("apply", "DROP,NOCP", "['DROP','NOCP']");
	from_text("numbers", "1,2", "[1,2]");
	from_text("numbers", "[1,2]", "[1,2]");
	from_text("prefixes", "10.0.0.0/8,::/0", "['10.0.0.0/8','::/0']");
	from_text("rule", "{\"id\":1}", "{'id':1}");
	from_text("rules", "[{\"id\":1}]", "[{'id':1}]");
	from_text_bad("mtu", "12", "mtu");
	from_text_bad("on", "maybe", "on");
	from_text_bad("numbers", "1,x", "numbers[1]");
	from_text_bad("rule", "id=1", "rule");
	from_text_bad("rule", "{\"id\":-1}", "rule.id");
	from_text_bad("name", "\xff", "name");
}

static void test_describe(void **state)
{
	json_t *js = cst_object_describe(&sample_object), *f;

	assert_string_equal(json_string_value(json_object_get(js, "name")), "sample");
	f = json_array_get(json_object_get(js, "fields"), cst_field_index(&sample_object, "mtu"));
	assert_int_equal(json_integer_value(json_object_get(f, "min")), 68);
	assert_string_equal(json_string_value(json_object_get(f, "unit")), "bytes");
	assert_string_equal(json_string_value(json_object_get(f, "default")), "1500");
	f = json_array_get(json_object_get(js, "fields"), cst_field_index(&sample_object, "rules"));
	assert_true(json_is_true(json_object_get(f, "list")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(f, "object"), "name")), "rule");
	json_decref(js);
}

static int setup(void **state)
{
	pool = cst_pool_new();
	return 0;
}

static int teardown(void **state)
{
	cst_pool_free(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),      cmocka_unit_test(test_uint),
		cmocka_unit_test(test_text_values), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_paths),       cmocka_unit_test(test_defaults_and_partial),
		cmocka_unit_test(test_key),         cmocka_unit_test(test_all_errors),
		cmocka_unit_test(test_encode),      cmocka_unit_test(test_write),
		cmocka_unit_test(test_merge),       cmocka_unit_test(test_pool),
		cmocka_unit_test(test_from_text),   cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
