/* SPDX-License-Identifier: BSD-3-Clause */
/* What the journal tells, what leaves it, and what is there after a restart. */
#include "journal/journal_test.h"

/* ---- order and acknowledgement ------------------------------------------------------- */

static void test_order(void **state)
{
	uint64_t a, b, c;
	json_t *r, *events;

	a = use(1, 0, 10);
	cst_event_publish(&other, NULL); /* not journalled, its number is taken */
	b = use(2, 0, 20);
	c = use(1, 1, 30);
	assert_int_equal(b, a + 2);
	holds("10 20 30");
	assert_int_equal(info(-1).entries, 3);
	assert_int_equal(info(-1).last_number, c);
	/* the event as it was sent */
	r = call("journal.list", json_pack("{s:i, s:i}", "subject", 1, "limit", 1), 0);
	events = call("event.list", NULL, 0);
	assert_true(json_equal(json_array_get(json_object_get(r, "items"), 0),
			       json_array_get(json_object_get(events, "items"), 0)));
	assert_int_equal(json_integer_value(json_object_get(r, "cursor")), b);
	json_decref(r);
	json_decref(events);
	r = call("journal.list", json_pack("{s:I, s:i}", "cursor", (json_int_t)b, "subject", 1), 0);
	assert_int_equal(json_array_size(json_object_get(r, "items")), 1);
	assert_int_equal(json_integer_value(json_object_get(r, "cursor")), 0);
	json_decref(r);
	(void)state;
}

static void test_ack(void **state)
{
	uint64_t n[6];
	json_t *r;

	for (unsigned i = 0; i < 6; i++)
		n[i] = use(1, i, (int)i);
	assert_int_equal(ack(json_pack("{s:I}", "through", (json_int_t)n[1])), 2);
	holds("2 3 4 5");
	assert_int_equal(ack(json_pack("{s:I}", "through", (json_int_t)n[1])), 0);
	r = call("journal.ack",
		 json_pack("{s:[I, I, I, I]}", "numbers", (json_int_t)n[4], (json_int_t)n[0],
			   (json_int_t)n[2], (json_int_t)n[4]),
		 0);
	assert_int_equal(json_integer_value(json_object_get(r, "acknowledged")), 2);
	assert_int_equal(json_integer_value(json_object_get(r, "unknown")), 2);
	json_decref(r);
	holds("3 5");
	assert_int_equal(info(-1).acknowledged, 4);
	json_decref(call("journal.ack", NULL, -32602));
	json_decref(
		call("journal.ack", json_pack("{s:i, s:[i]}", "through", 1, "numbers", 1), -32602));
	json_decref(call("journal.ack", json_pack("{s:I}", "through", (json_int_t)cst_event_next()),
			 -32602));
	json_decref(
		call("journal.ack", json_pack("{s:i, s:s}", "through", 1, "owner", "nix"), ENOENT));
	holds("3 5");
	ack(json_pack("{s:I}", "through", (json_int_t)n[5]));
	holds("");
	assert_int_equal(info(-1).bytes, 0);
	(void)state;
}

/* ---- owners: a claim, as the connection of the call has it --------------------------- */

static void as(struct rpc_peer *peer, const char *method, json_t *params, const char *want)
{
	json_t *js = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method,
			       "params", params);
	char *line = json_dumps(js, 0), *reply = rpc_serve(line, strlen(line), peer, NULL);

	if (strstr(reply, want) == NULL)
		fail_msg("%s: %s", line, reply);
	json_decref(js);
	free(line);
	free(reply);
}

static void test_owners(void **state)
{
	struct cst_caller caller = {.owner = 2};
	struct rpc_peer peer = {.may_write = true, .caller = &caller};
	json_int_t last;

	publish(0, 1, 0, true, json_pack("{s:i}", "n", 1));
	publish(2, 2, 0, true, json_pack("{s:i}", "n", 2));
	publish(3, 3, 0, true, json_pack("{s:i}", "n", 3));
	last = (json_int_t)cst_event_next() - 1;
	assert_int_equal(info(2).entries, 1);
	as(&peer, "journal.ack", json_pack("{s:I, s:s}", "through", last, "owner", "3"), "claim");
	as(&peer, "journal.ack", json_pack("{s:[I]}", "numbers", last), "\"unknown\":1");
	as(&peer, "journal.ack", json_pack("{s:I}", "through", last), "\"acknowledged\":1");
	holds("1 3");
	assert_int_equal(ack(json_pack("{s:I}", "through", last)), 1); /* nobody's */
	holds("3");
	assert_int_equal(ack(json_pack("{s:I, s:s}", "through", last, "owner", "3")), 1);
	holds("");
	(void)state;
}

/* Who admits users in the owner's absence does not take its reports. */
static void test_authority(void **state)
{
	struct cst_caller caller = {.owner = 2, .role = CST_ROLE_AUTHORITY};
	struct rpc_peer peer = {.may_write = true, .caller = &caller};
	json_int_t last;

	publish(2, 2, 0, true, json_pack("{s:i}", "n", 2));
	last = (json_int_t)cst_event_next() - 1;
	as(&peer, "journal.ack", json_pack("{s:I}", "through", last), "\"EPERM\"");
	as(&peer, "journal.ack", json_pack("{s:[I]}", "numbers", last), "\"EPERM\"");
	holds("2");
	caller.role = CST_ROLE_HEIR;
	as(&peer, "journal.ack", json_pack("{s:I}", "through", last), "\"acknowledged\":1");
	(void)state;
}

/* ---- over a restart ---------------------------------------------------------------------- */

static void test_restart(void **state)
{
	uint64_t last;

	publish(5, 1, 0, false, json_pack("{s:i}", "n", 1));
	last = use(1, 7, 2);
	restart();
	holds("1 2");
	assert_int_equal(info(5).entries, 1);
	assert_false(jnl_at(0)->mergeable);
	assert_true(jnl_at(1)->mergeable);
	assert_int_equal(cst_journal_next_seqn(1, 1), 8);
	assert_true(cst_event_next() > last);
	/* the clock was put back by an hour before the start: numbers go on all the same */
	cst_event_begin_after(last + (3600ull * 1000 << 10));
	last = use(1, 8, 4);
	restart();
	assert_int_equal(cst_event_next(), last + 1);
	holds("1 2 4");
	(void)state;
}

static void test_seqn(void **state)
{
	use(1, 0, 1);
	use(1, 1, 2);
	use(2, 0, 1);
	assert_int_equal(cst_journal_next_seqn(1, 1), 2);
	assert_int_equal(cst_journal_next_seqn(1, 2), 0);
	ack(json_pack("{s:I}", "through", (json_int_t)cst_event_next() - 1));
	restart();
	holds("");
	assert_int_equal(cst_journal_next_seqn(1, 1), 2);
	use(1, 2, 4);
	restart();
	assert_int_equal(cst_journal_next_seqn(1, 1), 3);
	/* gone with an entry, and without one */
	cst_journal_forget(1);
	cst_journal_forget(2);
	assert_int_equal(cst_store_write(NULL), 0);
	assert_int_equal(cst_journal_next_seqn(2, 1), 0);
	restart();
	holds("4");
	assert_int_equal(cst_journal_next_seqn(1, 1), 0);
	assert_int_equal(cst_journal_next_seqn(2, 1), 0);
	/* the SEID is given anew, while the entry is still there */
	use(1, 0, 8);
	restart();
	holds("4 8");
	assert_int_equal(cst_journal_next_seqn(1, 1), 1);
	cst_journal_forget(1);
	ack(json_pack("{s:I}", "through", (json_int_t)cst_event_next() - 1));
	assert_int_equal(n_pairs, 0);
	(void)state;
}

static void test_damage(void **state)
{
	json_t *r;

	use(1, 0, 1);
	use(1, 1, 2);
	use(1, 2, 4);
	for (size_t at = 0; at < pairs[1].len; at += 7) { /* wherever a bit is wrong */
		pairs[1].val[at] ^= 0x10;
		restart();
		holds("1 4");
		assert_int_equal(info(-1).lost, 1);
		pairs[1].val[at] ^= 0x10;
	}
	restart();
	holds("1 2 4");
	/* under another number it is damaged too; torn; found so while coastd runs */
	pairs[1].val[pairs[1].len - 3] ^= 1;
	holds("1 4");
	assert_int_equal(info(-1).lost, 1);
	assert_int_equal(info(-1).entries, 2);
	pairs[1].val[pairs[1].len - 3] ^= 1;
	pairs[1].key[7] ^= 0x80;
	pairs[2].len -= 9;
	restart();
	holds("1");
	assert_int_equal(info(-1).lost, 2);
	r = call("journal.show", NULL, 0);
	assert_int_equal(json_integer_value(json_object_get(r, "lost")), 2);
	json_decref(r);
	(void)state;
}

/* ---- records ------------------------------------------------------------------------------ */

static void test_csv(void **state)
{
	json_t *r, *items;
	uint64_t n;
	char want[200], *line;

	n = publish(0, 1, 0, true,
		    json_pack("{s:i, s:s, s:{s:[s, s]}}", "n", 5, "text", "a \"b\", c\n", "sub",
			      "names", "X", "Y"));
	use(1, 1, 7);
	r = call("journal.export", json_pack("{s:s}", "format", "csv"), 0);
	assert_string_equal(json_string_value(json_object_get(r, "head")),
			    "seq,type,time,owner,n,text,sub.names");
	items = json_object_get(r, "items");
	assert_int_equal(json_array_size(items), 2);
	line = strdup(json_string_value(json_array_get(items, 0)));
	snprintf(want, sizeof(want), "%llu,test.used,20", (unsigned long long)n);
	assert_memory_equal(line, want, strlen(want));
	assert_non_null(strstr(line, "Z,0,5,\"a \"\"b\"\", c\n\",X Y"));
	free(line);
	assert_non_null(strstr(json_string_value(json_array_get(items, 1)), "Z,0,7,,"));
	json_decref(r);
	r = call("journal.export", json_pack("{s:i}", "limit", 1), 0);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(r, "items"), 0), "seq")),
			 n);
	json_decref(r);
	holds("5 7"); /* nothing was removed */
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),   TEST(test_ack),  TEST(test_owners), TEST(test_authority),
		TEST(test_restart), TEST(test_seqn), TEST(test_damage), TEST(test_csv),
	};

	return run(tests, sizeof(tests) / sizeof(*tests));
}
