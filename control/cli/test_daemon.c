/* SPDX-License-Identifier: BSD-3-Clause */
/* coastd without a data plane, for the tests of coastctl: test_daemon SOCKET */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "config.h"
#include "rpc/rpc.h"
#include "rpc/test_memory.h"

static int drop_list(const void *params, json_t **result, struct cst_err *e)
{
	*result = json_pack("{s:[{s:s, s:s, s:i}, {s:s, s:s, s:i}]}", "items", "reason",
			    "gtpu_no_session", "help", "no session has this TEID", "packets", 3,
			    "reason", "ip_ttl", "help", "TTL expired", "packets", 0);
	return 0;
}

static struct cst_method drop_method = {
	.name = "drop.list", .help = "why packets were dropped", .call = drop_list};
CST_METHOD(drop_method);

static void on_stop(evutil_socket_t sig, short what, void *base)
{
	event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	struct event *stop = evsignal_new(base, SIGTERM, on_stop, base);
	struct cst_rpc_conf conf = {.group = "daemon"};
	struct cst_err e = {0};
	struct cst_system sys;

	cst_system_load(NULL, &sys, &e);
	signal(SIGPIPE, SIG_IGN);
	snprintf(conf.path, sizeof(conf.path), "%s", argc > 1 ? argv[1] : "");
	memory_bind();
	event_add(stop, NULL);
	if (cst_rpc_start(base, &conf, &e) < 0) {
		fprintf(stderr, "test_daemon: %s\n", e.reason);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	event_base_dispatch(base);
	cst_rpc_stop();
	memory_reset();
	event_free(stop);
	event_base_free(base);
	return 0;
}
