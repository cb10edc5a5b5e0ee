/* SPDX-License-Identifier: BSD-3-Clause */
/* Reloads of a world of lans and of hosts that name one; every call is noted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_test.h"

/* ---- the world: what is live, and the copy that a transaction works on ---------------- */

struct row {
	char name[16];
	char lan[16]; /* hosts */
	unsigned n;   /* vlan, or port */
};

struct world {
	struct row lans[16], hosts[16];
	unsigned n_lans, n_hosts;
};

static struct world live, stage;
static bool open_;
static char calls[1024];

static void note(const char *what, const char *name)
{
	snprintf(calls + strlen(calls), sizeof(calls) - strlen(calls), "%s%s ", what, name);
}

static int begin(struct cst_txn *t, struct cst_err *e)
{
	stage = live;
	open_ = true;
	assert_false(t->startup && live.n_lans > 0);
	return 0;
}

static const char *refuse_compile;

static int compile(struct cst_txn *t, struct cst_err *e)
{
	return refuse_compile != NULL ? cst_err(e, -EIO, NULL, "%s", refuse_compile) : 0;
}

static void commit(struct cst_txn *t)
{
	note("commit", "");
	live = stage;
	open_ = false;
}

static void abort_all(struct cst_txn *t)
{
	note("abort", "");
	open_ = false;
}

static struct cst_party party = {
	.name = "world", .begin = begin, .compile = compile, .commit = commit, .abort = abort_all};

static struct world *seen(void)
{
	return open_ ? &stage : &live;
}

static struct row *find(struct row *rows, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void drop(struct row *rows, unsigned *n, struct row *r)
{
	memmove(r, r + 1, (size_t)((rows + *n) - (r + 1)) * sizeof(*r));
	--*n;
}

/* ---- lan: its number can only be had anew; names are kept as they were first written -- */

struct lan {
	uint64_t has;
	const char *name;
	uint16_t vlan;
	uint32_t hosts; /* state */
};

static const struct cst_field lan_fields[] = {
	CST_F_STR(struct lan, name, 1, 15, CST_F_KEY, NULL, "name"),
	CST_F_UINT(struct lan, vlan, 1, 4094, NULL, 0, "1", "VLAN"),
	CST_F_UINT(struct lan, hosts, 0, 0, NULL, CST_F_STATE, NULL, "hosts in it"),
};
static const struct cst_object lan_object = CST_OBJECT("lan", struct lan, lan_fields, "a LAN");

static int lan_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct lan *l = obj;
	struct row *r = find(stage.lans, stage.n_lans, l->name);

	note("+", l->name);
	for (unsigned i = 0; i < stage.n_lans; i++)
		if (&stage.lans[i] != r && stage.lans[i].n == l->vlan)
			return cst_err(e, -EEXIST, "vlan", "is lan %s's", stage.lans[i].name);
	if (r != NULL && r->n != l->vlan)
		return cst_err(e, -EBUSY, "vlan", "stays: delete lan %s first", l->name);
	if (r == NULL) {
		r = &stage.lans[stage.n_lans++];
		snprintf(r->name, sizeof(r->name), "%s", l->name);
	}
	r->n = l->vlan;
	return 0;
}

static int lan_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct lan *l = key;
	struct row *r = find(stage.lans, stage.n_lans, l->name);

	note("-", l->name);
	if (r == NULL)
		return cst_err(e, -ENOENT, "name", "no lan %s", l->name);
	for (unsigned i = 0; i < stage.n_hosts; i++)
		if (strcasecmp(stage.hosts[i].lan, l->name) == 0)
			return cst_err(e, -EBUSY, "name", "host %s is in it", stage.hosts[i].name);
	drop(stage.lans, &stage.n_lans, r);
	return 0;
}

static int lan_get(const void *key, json_t **out, struct cst_err *e)
{
	const struct row *r = find(seen()->lans, seen()->n_lans, ((const struct lan *)key)->name);
	struct lan l;

	if (r == NULL)
		return cst_err(e, -ENOENT, "name", "no such lan");
	l = (struct lan){
		.has = 7, .name = r->name, .vlan = (uint16_t)r->n, .hosts = seen()->n_hosts};
	*out = cst_encode(&lan_object, &l);
	return 0;
}

static struct cst_class lan_class = {.object = &lan_object,
				     .plural = "lans",
				     .order = 10,
				     .party = &party,
				     .put = lan_put,
				     .del = lan_del,
				     .get = lan_get};
CST_CLASS(lan_class);

/* ---- host: its number is chosen when it is not given --------------------------------- */

struct host {
	uint64_t has;
	uint32_t id;
	const char *lan;
	uint16_t port;
};

static const struct cst_field host_fields[] = {
	CST_F_UINT(struct host, id, 1, 999, NULL, CST_F_KEY | CST_F_AUTO, NULL, "number"),
	CST_F_STR(struct host, lan, 1, 15, CST_F_REQUIRED, NULL, "where it is"),
	CST_F_UINT(struct host, port, 0, 0, NULL, 0, "80", "open"),
};
static const struct cst_object host_object = CST_OBJECT("host", struct host, host_fields, "a host");

static int host_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	static unsigned next = 100;
	struct host *h = (struct host *)obj;
	struct row *r;
	char name[16];

	if (!cst_has(h, 0)) {
		h->id = next++;
		h->has |= 1;
	}
	snprintf(name, sizeof(name), "%u", h->id);
	note("+", name);
	if (find(stage.lans, stage.n_lans, h->lan) == NULL)
		return cst_err(e, -ENOENT, "lan", "no lan %s", h->lan);
	r = find(stage.hosts, stage.n_hosts, name);
	if (r == NULL)
		r = &stage.hosts[stage.n_hosts++];
	memcpy(r->name, name, sizeof(name));
	snprintf(r->lan, sizeof(r->lan), "%s", h->lan);
	r->n = h->port;
	return 0;
}

static int host_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	struct row *r;
	char name[16];

	snprintf(name, sizeof(name), "%u", ((const struct host *)key)->id);
	note("-", name);
	r = find(stage.hosts, stage.n_hosts, name);
	if (r == NULL)
		return cst_err(e, -ENOENT, "id", "no host %s", name);
	drop(stage.hosts, &stage.n_hosts, r);
	return 0;
}

static int host_get(const void *key, json_t **out, struct cst_err *e)
{
	const struct row *r;
	struct host h;
	char name[16];

	snprintf(name, sizeof(name), "%u", ((const struct host *)key)->id);
	r = find(seen()->hosts, seen()->n_hosts, name);
	if (r == NULL)
		return cst_err(e, -ENOENT, "id", "no such host");
	h = (struct host){
		.has = 7, .id = (uint32_t)atoi(r->name), .lan = r->lan, .port = (uint16_t)r->n};
	*out = cst_encode(&host_object, &h);
	return 0;
}

static struct cst_class host_class = {.object = &host_object,
				      .plural = "hosts",
				      .order = 20,
				      .party = &party,
				      .put = host_put,
				      .del = host_del,
				      .get = host_get};
CST_CLASS(host_class);

/* ---- doing it -------------------------------------------------------------------------- */

static json_t *result;

static void begin_with(const char *text)
{
	put_file(text);
	assert_int_equal(cst_config_start(path, false, report), 0);
	calls[0] = '\0';
}

static int reload(const char *text, bool check_only)
{
	int errors;

	put_file(text);
	calls[0] = told[0] = '\0';
	json_decref(result);
	errors = cst_config_reload(NULL, check_only, report, &result);
	assert_true((result != NULL) == (errors == 0));
	assert_false(open_);
	return errors;
}

/* A reload that is accepted, the calls it makes, and what it says of itself. */
static void good(const char *text, const char *want_calls, unsigned created, unsigned changed,
		 unsigned deleted, unsigned unchanged)
{
	if (reload(text, false) != 0)
		fail_msg("refused:\n%s", told);
	assert_string_equal(calls, want_calls);
	assert_int_equal(json_array_size(json_object_get(result, "created")), created);
	assert_int_equal(json_array_size(json_object_get(result, "changed")), changed);
	assert_int_equal(json_array_size(json_object_get(result, "deleted")), deleted);
	assert_int_equal(json_integer_value(json_object_get(result, "unchanged")), unchanged);
	assert_true(json_is_true(json_object_get(result, "applied")));
}

static void bad(const char *text, const char *errors)
{
	struct world before = live;

	assert_true(reload(text, false) > 0);
	if (strcmp(told, errors) != 0)
		fail_msg("got:\n%swant:\n%s", told, errors);
	assert_null(strstr(calls, "commit"));
	assert_memory_equal(&before, &live, sizeof(live));
}

static int setup(void **state)
{
	struct cst_system sys;
	struct cst_err e;

	assert_int_equal(cst_system_load(NULL, &sys, &e), 0);
	memset(&live, 0, sizeof(live));
	refuse_compile = NULL;
	told[0] = '\0';
	snprintf(path, sizeof(path), "/tmp/coast-reload-test.%d.yaml", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	/* leave no object behind as the file's */
	live = (struct world){0};
	put_file("lans: []\n");
	json_decref(result);
	cst_config_reload(NULL, false, report, &result);
	json_decref(result);
	result = NULL;
	unlink(path);
	return 0;
}

#define BASE                                                  \
	"lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 2}\n" \
	"hosts:\n- {id: 1, lan: a}\n- {id: 2, lan: b}\n"

static void test_nothing_to_do(void **state)
{
	begin_with(BASE);
	good(BASE, "", 0, 0, 0, 4);
	/* written otherwise, in another order, defaults spelt out */
	good("hosts:\n- {lan: b, id: 0x2, port: 80}\n- {id: 1, lan: a}\n"
	     "lans: [{name: b, vlan: '2'}, {vlan: 1, name: a}]\n",
	     "", 0, 0, 0, 4);
}

/* What coast keeps is not what the file says, letter by letter. */
static void test_kept_otherwise(void **state)
{
	begin_with("lans: [{name: c, vlan: 3}]\n");
	snprintf(live.lans[0].name, sizeof(live.lans[0].name), "C");
	good("lans: [{name: c, vlan: 3}]\n", "+c commit ", 0, 1, 0, 0);
	good("lans: [{name: c, vlan: 3}]\n", "", 0, 0, 0, 1);
}

static void test_difference(void **state)
{
	const json_t *one;

	begin_with(BASE);
	/* the last class goes first, then the puts in order */
	good("lans:\n- {name: b, vlan: 2}\n- {name: c, vlan: 1}\n"
	     "hosts:\n- {id: 2, lan: b, port: 81}\n- {id: 3, lan: c}\n",
	     "-1 -a +c +2 +3 commit ", 2, 1, 2, 1);
	one = json_array_get(json_object_get(result, "changed"), 0);
	assert_string_equal(json_string_value(json_object_get(one, "class")), "host");
	assert_int_equal(json_integer_value(cst_json_at(one, "fields.port.from")), 80);
	assert_int_equal(json_integer_value(cst_json_at(one, "fields.port.to")), 81);
	assert_int_equal(json_object_size(json_object_get(one, "fields")), 1);
	assert_int_equal(live.n_lans, 2);
	assert_int_equal(live.n_hosts, 2);
	/* a host moves off a lan that goes: the delete is tried again after it */
	good("lans:\n- {name: c, vlan: 1}\nhosts:\n- {id: 2, lan: c, port: 81}\n- {id: 3, lan: "
	     "c}\n",
	     "-b +2 -b commit ", 0, 1, 1, 2);
	/* a field that only a new object can have */
	good("lans:\n- {name: c, vlan: 1}\n- {name: d, vlan: 4}\n"
	     "hosts:\n- {id: 2, lan: c, port: 81}\n- {id: 3, lan: c}\n",
	     "+d commit ", 1, 0, 0, 3);
	good("lans:\n- {name: c, vlan: 1}\n- {name: d, vlan: 5}\n"
	     "hosts:\n- {id: 2, lan: c, port: 81}\n- {id: 3, lan: c}\n",
	     "+d -d +d commit ", 0, 1, 0, 3);
	assert_int_equal(find(live.lans, live.n_lans, "d")->n, 5);
}

static void test_socket_objects(void **state)
{
	begin_with(BASE);
	by_socket(&lan_class, CST_OP_PUT, "[{\"name\": \"s\", \"vlan\": 9}]");
	by_socket(&host_class, CST_OP_PUT, "{\"id\": 9, \"lan\": \"s\"}");
	good(BASE, "", 0, 0, 0, 4);
	/* changed by the socket: the file's word counts again */
	by_socket(&host_class, CST_OP_PUT, "{\"id\": 2, \"lan\": \"b\", \"port\": 8080}");
	good(BASE, "+2 commit ", 0, 1, 0, 3);
	/* deleted by the socket: made anew */
	by_socket(&host_class, CST_OP_DELETE, "{\"id\": 2}");
	good(BASE, "+2 commit ", 1, 0, 0, 3);
	/* deleted and made again by the socket: not the file's any more */
	by_socket(&host_class, CST_OP_DELETE, "[2]");
	by_socket(&host_class, CST_OP_PUT, "{\"id\": 2, \"lan\": \"b\"}");
	good("lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 2}\nhosts:\n- {id: 1, lan: a}\n", "",
	     0, 0, 0, 3);
	/* named by the file: the file's from now on */
	good(BASE, "+2 commit ", 0, 1, 0, 3);
	good("lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 2}\nhosts:\n- {id: 1, lan: a}\n",
	     "-2 commit ", 0, 0, 1, 3);
	assert_non_null(find(live.lans, live.n_lans, "s"));
	assert_non_null(find(live.hosts, live.n_hosts, "9"));
	/* gone from the file and from the world: nothing to do */
	by_socket(&host_class, CST_OP_DELETE, "{\"id\": 1}");
	good("lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 2}\n", "", 0, 0, 0, 2);
	/* the socket's object stands on the file's */
	by_socket(&host_class, CST_OP_PUT, "{\"id\": 5, \"lan\": \"b\"}");
	bad("lans: [{name: a, vlan: 1}]\n",
	    "1 lans: lan {\"name\":\"b\"} is no longer in the file, but cannot go: host 5 is in "
	    "it\n");
}

static void test_chosen_keys(void **state)
{
	static const char text[] =
		"lans: [{name: a}]\nhosts: [{lan: a}, {lan: a}, {lan: a, port: 1}]\n";

	begin_with(text);
	assert_int_equal(live.n_hosts, 3);
	good(text, "", 0, 0, 0, 4);
	reload("lans: [{name: a}]\nhosts: [{lan: a, port: 1}, {lan: a}]\n", false);
	assert_int_equal(live.n_hosts, 2);
	assert_int_equal(json_array_size(json_object_get(result, "deleted")), 1);
	assert_int_equal(json_array_size(json_object_get(result, "created")), 0);
	reload("lans: [{name: a}]\nhosts: [{lan: a, port: 1}, {lan: a}, {lan: a, port: 2}]\n",
	       false);
	assert_int_equal(live.n_hosts, 3);
	assert_int_equal(json_array_size(json_object_get(result, "created")), 1);
}

static void test_refused(void **state)
{
	begin_with(BASE);
	bad("lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 9999}\nhosts:\n- {id: 1, lan: a, x: "
	    "1}\n",
	    "3 lans[1].vlan: must be 1..4094, got 9999\n"
	    "5 hosts[0].x: unknown member; host has id, lan, port\n");
	assert_string_equal(calls, ""); /* nothing was begun */
	bad("lans:\n- {name: a, vlan: 1}\n- {name: b, vlan: 2}\nhosts:\n- {id: 1, lan: zz}\n",
	    "5 hosts[0].lan: no lan zz\n");
	bad("lans:\n- {name: b, vlan: 2}\n- {name: c, vlan: 2}\n", "3 lans[1].vlan: is lan b's\n");
	bad("", "0 : has nothing in it: that would delete all that came from the file\n");
	bad("lans: [\n",
	    "2 : is not YAML: while parsing a flow node, did not find expected node content\n");
	refuse_compile = "too much";
	bad("lans:\n- {name: a, vlan: 1}\n", "0 : too much\n");
	refuse_compile = NULL;
	/* and what was refused has left no trace in the books */
	good(BASE, "", 0, 0, 0, 4);
	good("lans:\n- {name: a, vlan: 1}\n", "-2 -1 -b commit ", 0, 0, 3, 1);
}

static void test_check(void **state)
{
	struct world before;

	begin_with(BASE);
	before = live;
	assert_int_equal(reload("lans:\n- {name: a, vlan: 1}\n", true), 0);
	assert_int_equal(json_array_size(json_object_get(result, "deleted")), 3);
	assert_true(json_is_false(json_object_get(result, "applied")));
	assert_string_equal(calls, "-2 -1 -b abort ");
	assert_memory_equal(&before, &live, sizeof(live));
	good(BASE, "", 0, 0, 0, 4);
}

static void test_system(void **state)
{
	struct cst_system sys;
	struct cst_err e;

	put_file("system: {workers: 1, big_loop_us: 500}\n" BASE);
	assert_int_equal(cst_system_load(path, &sys, &e), 0);
	begin_with("system: {workers: 1, big_loop_us: 500}\n" BASE);
	good("system:\n  workers: 1\n  big_loop_us: 500\n" BASE, "", 0, 0, 0, 5);
	/* the same spelt out */
	good("system:\n  workers: 1\n  big_loop_us: 500\n  poll: adaptive\n" BASE, "", 0, 0, 0, 5);
	bad("system:\n  workers: 1\n  big_loop_us: 501\n" BASE,
	    "3 system.big_loop_us: takes effect at the next start\n");
	bad("system:\n  workers: 1\n  poll: busy\n  big_loop_us: 501\n" BASE,
	    "3 system.poll: takes effect at the next start; so does big_loop_us\n");
	assert_true(reload(BASE, false) > 0); /* back to the default at the next start */
	assert_non_null(strstr(told, "big_loop_us"));
}

static void test_no_file(void **state)
{
	assert_int_equal(cst_config_reload("/nonexistent/x.yaml", false, report, &result), 1);
	assert_non_null(strstr(told, "No such file"));
	assert_null(result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_to_do, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept_otherwise, setup, teardown),
		cmocka_unit_test_setup_teardown(test_difference, setup, teardown),
		cmocka_unit_test_setup_teardown(test_socket_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chosen_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_system, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
