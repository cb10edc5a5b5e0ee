/* SPDX-License-Identifier: BSD-3-Clause */
/* In whose name calls are made: what is asked before each, and told at the end of a connection. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "owner.h"
#include "rpc/rpc_int.h"
#include "rpc/test_class.h"

#define CALL(m, p) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" m "\",\"params\":" p "}"
#define PUT        CALL("thing.put", "{\"name\":\"a\",\"size\":100}")

static unsigned gates, seen, gone;
static uint64_t now_epoch;

static int gate(const struct cst_caller *c, const char *method, struct cst_err *e)
{
	gates++;
	assert_non_null(method);
	return c->epoch < now_epoch ? cst_err(e, -ESTALE, NULL, "FENCED: epoch is over") : 0;
}

static void on_seen(const struct cst_caller *c)
{
	seen++;
}

static void on_gone(const struct cst_caller *c)
{
	assert_int_equal(c->owner, 5);
	gone++;
}

/* ---- methods that claim -------------------------------------------------- */

static int claim(const void *params, json_t **result, struct cst_err *e)
{
	struct cst_caller *c = cst_caller_get();

	if (c == NULL)
		return cst_err(e, -ENOTCONN, NULL, "not a connection");
	c->owner = 5;
	c->epoch = now_epoch;
	return 0;
}

static struct cst_method claim_method = {
	.name = "test.claim", .help = "claims", .write = true, .unfenced = true, .call = claim};
CST_METHOD(claim_method);

static int setup(void **state)
{
	gates = seen = gone = 0;
	now_epoch = 1;
	cst_caller_gate = gate;
	cst_caller_seen = on_seen;
	cst_caller_gone = on_gone;
	thing_reset();
	return 0;
}

/* The error code of the reply, 0: none. */
static int ask(const struct rpc_peer *peer, const char *line)
{
	char *text = rpc_serve(line, strlen(line), peer, NULL);
	json_t *js = json_loads(text, 0, NULL);
	json_t *error = json_object_get(js, "error");
	int code = (int)json_integer_value(json_object_get(error, "code"));

	if (code == ESTALE)
		assert_non_null(strstr(text, "FENCED"));
	json_decref(js);
	free(text);
	return code;
}

/* ---- cases --------------------------------------------------------------- */

static void who_claims_nothing_is_not_asked(void **state)
{
	struct cst_caller caller = {0};
	struct rpc_peer peer = {.may_write = true, .caller = &caller}, none = {.may_write = true};

	assert_int_equal(ask(&peer, PUT), 0);
	assert_int_equal(ask(&none, PUT), 0);
	assert_int_equal(ask(&none, CALL("test.claim", "{}")), ENOTCONN);
	assert_null(cst_caller_get());
	assert_int_equal(gates, 0);
	assert_int_equal(seen, 0);
}

static void an_old_epoch_changes_nothing(void **state)
{
	struct cst_caller caller = {0};
	struct rpc_peer peer = {.may_write = true, .caller = &caller};

	assert_int_equal(ask(&peer, CALL("test.claim", "{}")), 0);
	assert_int_equal(ask(&peer, PUT), 0);
	assert_int_equal(gates, 1);
	now_epoch = 2;
	assert_int_equal(ask(&peer, CALL("thing.put", "{\"name\":\"b\",\"size\":100}")), ESTALE);
	assert_int_equal(ask(&peer, CALL("thing.modify", "{\"name\":\"a\",\"size\":200}")), ESTALE);
	assert_int_equal(ask(&peer, CALL("thing.delete", "{\"name\":\"a\"}")), ESTALE);
	assert_int_equal(ask(&peer, CALL("thing.reset", "{}")), ESTALE);
	assert_int_equal(thing_count(), 1);
	/* it may look, and may claim anew */
	assert_int_equal(ask(&peer, CALL("thing.get", "{\"name\":\"a\"}")), 0);
	assert_int_equal(ask(&peer, CALL("test.claim", "{}")), 0);
	assert_int_equal(ask(&peer, CALL("thing.delete", "{\"name\":\"a\"}")), 0);
	assert_int_equal(seen, 7);
}

static void each_call_of_a_batch_is_asked(void **state)
{
	static const char line[] = "[" CALL("test.claim", "{}") "," PUT "," PUT "]";
	struct cst_caller caller = {0};
	struct rpc_peer peer = {.may_write = true, .caller = &caller};

	free(rpc_serve(line, strlen(line), &peer, NULL));
	assert_int_equal(gates, 2);
}

static int dial(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void run(struct event_base *base)
{
	event_base_loopexit(base, &(struct timeval){.tv_usec = 20000});
	event_base_dispatch(base);
}

static void the_end_of_a_connection_is_told(void **state)
{
	static const char line[] = CALL("test.claim", "{}") "\n";
	struct event_base *base = event_base_new();
	struct cst_rpc_conf conf = {0};
	struct cst_err e;
	char buf[256];
	int a, b;

	snprintf(conf.path, sizeof(conf.path), "/tmp/coast-owner-test.%d", (int)getpid());
	assert_int_equal(cst_rpc_start(base, &conf, &e), 0);
	a = dial(conf.path);
	b = dial(conf.path);
	assert_int_equal(send(a, line, strlen(line), 0), strlen(line));
	run(base);
	assert_true(recv(a, buf, sizeof(buf), MSG_DONTWAIT) > 0);
	close(b); /* claimed nothing */
	run(base);
	assert_int_equal(gone, 0);
	close(a);
	run(base);
	assert_int_equal(gone, 1);
	cst_rpc_stop();
	event_base_free(base);
}

static void owned_kinds_in_their_order(void **state)
{
	static struct cst_owned a = {.what = "a"}, b = {.what = "b"};

	assert_null(cst_owned_first());
	cst_owned_add(&a);
	cst_owned_add(&b);
	assert_ptr_equal(cst_owned_first(), &a);
	assert_ptr_equal(a.next, &b);
	assert_null(b.next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_claims_nothing_is_not_asked, setup),
		cmocka_unit_test_setup(an_old_epoch_changes_nothing, setup),
		cmocka_unit_test_setup(each_call_of_a_batch_is_asked, setup),
		cmocka_unit_test_setup(the_end_of_a_connection_is_told, setup),
		cmocka_unit_test(owned_kinds_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
