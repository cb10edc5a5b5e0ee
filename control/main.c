/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coastd: start in order, run the control thread's loop, stop in reverse.
 * Nothing here forwards a packet; the workers do, whether this loop runs or not.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include "class.h"
#include "config.h"
#include "engine/engine.h"
#include "engine/rcu.h"
#include "log.h"
#include "module.h"
#include "now.h"
#include "rpc/rpc.h"
#include "store.h"
#include "table/arena.h"

#define DEFAULT_CONFIG "/etc/coast/coast.yaml"
#define TICK_MS        100
#define NOTICES_MS     10
#define SETTLED_MS     10000
#define TELL_MS        60000

struct options {
	const char *config; /* NULL: defaults, no objects */
	const char *check;
	const char *socket;
	const char *group;
	bool graph, verbose;
};

static const char usage_text[] =
	"Usage: coastd [-c FILE] [-s SOCKET] [-g GROUP] [-v]\n"
	"       coastd --check FILE\n"
	"       coastd --graph | --version | --help\n"
	"\n"
	"The coast user plane: forwards packets as its configuration and its control\n"
	"socket say.\n"
	"\n"
	"  -c, --config FILE    start-up objects (default " DEFAULT_CONFIG " when it exists)\n"
	"  -s, --socket SOCKET  control socket (default: the run directory's NAME.sock)\n"
	"  -g, --group GROUP    who may change things beside root (default coast)\n"
	"      --check FILE     report every error in FILE with its line, start nothing\n"
	"      --graph          print the node graph as Graphviz text\n"
	"  -v, --verbose        say more\n"
	"  -V, --version        print the version\n"
	"  -h, --help           this text\n"
	"\n"
	"See coastd(8), coast.yaml(5), coastctl(1).\n";

static void usage_error(void)
{
	fputs("Try 'coastd --help'.\n", stderr);
	exit(2);
}

static void parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"socket", required_argument, NULL, 's'},
		{"group", required_argument, NULL, 'g'},
		{"check", required_argument, NULL, 'C'},
		{"graph", no_argument, NULL, 'G'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct stat st;
	int c;

	o->group = "coast";
	if (stat(DEFAULT_CONFIG, &st) == 0)
		o->config = DEFAULT_CONFIG;
	while ((c = getopt_long(argc, argv, "c:s:g:vVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'g':
			o->group = optarg;
			break;
		case 'C':
			o->check = optarg;
			break;
		case 'G':
			o->graph = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("coastd " COAST_VERSION);
			exit(0);
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			usage_error();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "coastd: unexpected argument '%s'\n", argv[optind]);
		usage_error();
	}
}

static void report(const char *file, unsigned line, const struct cst_err *e)
{
	if (line > 0)
		fprintf(stderr, "%s:%u: ", file, line);
	else
		fprintf(stderr, "%s: ", file);
	fprintf(stderr, "%s%s%s\n", e->field, e->field[0] != '\0' ? ": " : "", e->reason);
}

static int check(const char *file)
{
	int errors = cst_config_check(file, report);

	if (errors > 0) {
		fprintf(stderr, "%s: %d error%s\n", file, errors, errors == 1 ? "" : "s");
		return 1;
	}
	printf("%s: ok\n", file);
	return 0;
}

static uint64_t watchdog_ms; /* between two signs of life to systemd; 0: it waits for none */

/* Seldom: sd_notify() waits when systemd does not read what it has been sent. */
static void show_life(uint64_t now)
{
	static uint64_t next;

	if (watchdog_ms == 0 || now < next)
		return;
	next = now + watchdog_ms;
	sd_notify(0, "WATCHDOG=1");
}

/* What was attached has not killed this process so far. */
static void settle(uint64_t now)
{
	static uint64_t due;

	if (due == 0)
		due = now + SETTLED_MS;
	else if (now >= due)
		cst_arena_settled();
}

/* What no reply waits for. A disk that does not take it is told of once in a while. */
static void sync_store(void)
{
	static uint64_t tell;
	struct cst_err e = {0};
	int ret = cst_store_write(&e);

	if (ret == 0 && cst_store_dirty())
		ret = cst_store_sync(&e);
	if (ret == 0 || cst_now_ms() < tell)
		return;
	LOG_ERR("store: %s", e.reason);
	tell = cst_now_ms() + TELL_MS;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now = cst_now_ms();

	cst_modules_tick(now);
	cst_rcu_reclaim(false);
	sync_store();
	settle(now);
	show_life(now);
}

static void on_notices(evutil_socket_t fd, short what, void *arg)
{
	cst_engine_notices();
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	LOG_NOTICE("%s received, stopping", strsignal((int)sig));
	event_base_loopbreak(arg);
}

static void on_hangup(evutil_socket_t sig, short what, void *arg)
{
	json_t *result;
	int errors;

	sd_notify(0, "RELOADING=1");
	errors = cst_config_reload(NULL, false, report, &result);
	if (errors > 0)
		LOG_ERR("not reloaded: %d error%s, nothing was changed", errors,
			errors == 1 ? "" : "s");
	else
		LOG_NOTICE("reloaded %s: %zu created, %zu changed, %zu deleted",
			   json_string_value(json_object_get(result, "file")),
			   json_array_size(json_object_get(result, "created")),
			   json_array_size(json_object_get(result, "changed")),
			   json_array_size(json_object_get(result, "deleted")));
	json_decref(result);
	sd_notify(0, "READY=1");
}

static int failed(const char *what, const struct cst_err *e)
{
	LOG_ERR("%s: %s%s%s", what, e->field, e->field[0] != '\0' ? ": " : "", e->reason);
	return 1;
}

static int run_loop(const struct options *o, const struct cst_system *sys)
{
	struct cst_rpc_conf rpc = {0};
	struct cst_err e = {0};
	struct event_base *base;
	struct event *events[5];
	uint64_t watchdog_us;
	int ret = 1;

	if (sd_watchdog_enabled(0, &watchdog_us) > 0)
		watchdog_ms = watchdog_us / 3000;
	base = event_base_new();
	if (base == NULL)
		return failed("event loop", &(struct cst_err){.reason = "out of memory"});
	events[0] = evsignal_new(base, SIGTERM, on_signal, base);
	events[1] = evsignal_new(base, SIGINT, on_signal, base);
	events[2] = event_new(base, -1, EV_PERSIST, on_tick, NULL);
	events[3] = event_new(base, -1, EV_PERSIST, on_notices, NULL);
	events[4] = evsignal_new(base, SIGHUP, on_hangup, NULL);
	event_add(events[0], NULL);
	event_add(events[1], NULL);
	event_add(events[4], NULL);
	event_add(events[2], &(struct timeval){.tv_usec = TICK_MS * 1000});
	event_add(events[3], &(struct timeval){.tv_usec = NOTICES_MS * 1000});

	if (o->socket != NULL)
		snprintf(rpc.path, sizeof(rpc.path), "%s", o->socket);
	else
		snprintf(rpc.path, sizeof(rpc.path), "%.70s/%s.sock", sys->run_dir, sys->name);
	snprintf(rpc.group, sizeof(rpc.group), "%s", o->group);
	if (cst_rpc_start(base, &rpc, &e) < 0) {
		failed("control socket", &e);
		goto out;
	}
	LOG_NOTICE("ready, control socket %s", rpc.path);
	sd_notify(0, "READY=1");
	event_base_dispatch(base);
	sd_notify(0, "STOPPING=1");
	cst_rpc_stop();
	ret = 0;
out:
	for (unsigned i = 0; i < 5; i++)
		event_free(events[i]);
	event_base_free(base);
	return ret;
}

/* ---- what outlives this process ------------------------------------------------ */

static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
static struct sigaction crash_before[sizeof(crash_signals) / sizeof(*crash_signals)];

/* Noted in the arena, so that one which kills those who attach it is not attached for ever; then
 * whatever would have happened does. */
static void on_crash(int sig)
{
	cst_arena_crashed();
	for (unsigned i = 0; i < sizeof(crash_signals) / sizeof(*crash_signals); i++)
		if (crash_signals[i] == sig)
			sigaction(sig, &crash_before[i], NULL);
	if (sig == SIGABRT)
		raise(sig);
}

static void watch_crashes(void)
{
	struct sigaction sa = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};

	for (unsigned i = 0; i < sizeof(crash_signals) / sizeof(*crash_signals); i++)
		sigaction(crash_signals[i], &sa, &crash_before[i]);
}

static void make_parent(const char *path)
{
	char dir[sizeof(((struct cst_system *)0)->store)];

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (dir[0] != '\0')
		mkdir(dir, 0755); /* what is wrong with it, opening tells */
}

/* One that is damaged is put aside, never written to: better an empty store than no service. One
 * that is whole is not: what it has would be lost for a reason that passes. */
static int open_store(const char *dir, struct cst_err *e)
{
	char where[256];
	int ret;

	if (dir[0] == '\0')
		return 0;
	ret = cst_store_open(dir, e);
	if (ret == -EPROTONOSUPPORT)
		LOG_ERR("store: start the coastd that wrote it, or move %s away to begin anew",
			dir);
	if (ret != -EBADMSG)
		return ret;
	LOG_ERR("store: %s", e->reason);
	if (cst_store_set_aside(dir, where, sizeof(where), e) < 0)
		return e->code;
	LOG_ERR("store: it now is %s; coastd goes on with a new one", where);
	return cst_store_open(dir, e);
}

/* Tables are gone on with only beside the store that was there when they were made: to another one,
 * or an older copy, they would be somebody else's. */
static uint64_t salt_in_store(void)
{
	return (uint64_t)cst_store_number("arena", "high") << 32 | cst_store_number("arena", "low");
}

static void set_salt_in_store(void)
{
	cst_store_set_number("arena", "high", (uint32_t)(cst_arena_salt() >> 32));
	cst_store_set_number("arena", "low", (uint32_t)cst_arena_salt());
}

static int map_tables(const struct cst_system *sys, struct cst_err *e)
{
	struct cst_arena_info info;
	uint64_t salt = salt_in_store();
	int ret = salt != 0 ? cst_arena_attach(sys, salt, e) : cst_arena_map(sys, e);

	if (ret == 0 && cst_arena_salt() != salt)
		set_salt_in_store();
	cst_arena_info(&info);
	if (ret == 0 && info.why_new != NULL)
		LOG_NOTICE("the tables are made anew from the store: %s", info.why_new);
	return ret;
}

static int not_started(const struct options *o)
{
	const char *file = o->config != NULL ? o->config : "FILE";

	LOG_ERR("%s: not started; 'coastd --check %s' finds what can be found without starting",
		o->config != NULL ? file : "the store", file);
	return 1;
}

/* Nothing of an earlier life waits to come back. */
static bool is_first_life(void)
{
	struct cst_arena_info arena;
	struct cst_store_state store;

	cst_arena_info(&arena);
	cst_store_state(&store);
	return !arena.attached && store.entries[CST_DB_SESSION] == 0;
}

/* Packets are forwarded once the engine runs, by what is in the arena; sessions come back then, and
 * after them those of the file. Where none come back those of the file are there first. */
static int bring_up(const struct options *o, const struct cst_system *sys)
{
	bool first = is_first_life();
	struct cst_err e = {0};

	if (cst_modules_start(sys, &e) < 0)
		return failed("start", &e);
	if (cst_config_start(o->config, false, report) > 0)
		return not_started(o);
	if (first && cst_config_start(o->config, true, report) > 0)
		return not_started(o);
	if (cst_engine_run(&e) < 0 || cst_modules_resume(&e) < 0)
		return failed("start", &e);
	if (!first && cst_config_start(o->config, true, report) > 0)
		return not_started(o);
	cst_arena_ready();
	return 0;
}

static int serve(const struct options *o)
{
	struct cst_system sys;
	struct cst_err e = {0};
	int ret;

	if (cst_system_load(o->config, &sys, &e) < 0) {
		report(o->config, 0, &e);
		return 1;
	}
	if (mkdir(sys.run_dir, 0755) < 0 && errno != EEXIST) {
		LOG_ERR("%s: %s: start as root, or set system.run_dir", sys.run_dir,
			strerror(errno));
		return 1;
	}
	if (sys.store[0] != '\0') {
		make_parent(sys.store);
		cst_store_precheck(sys.store); /* while EAL starts */
	}
	if (cst_modules_reserve(&sys, &e) < 0)
		return failed("start", &e);
	if (cst_engine_init(&sys, &e) < 0)
		return failed("start", &e);
	if (open_store(sys.store, &e) < 0 || map_tables(&sys, &e) < 0) {
		failed("start", &e);
		cst_store_close();
		cst_engine_fini();
		return 1;
	}
	watch_crashes();
	ret = bring_up(o, &sys);
	if (ret == 0)
		ret = run_loop(o, &sys);
	cst_engine_stop();
	cst_modules_stop();
	cst_rcu_reclaim(true); /* what waits for its turn lies in the arena */
	cst_store_close();
	cst_arena_unmap();
	cst_engine_fini();
	return ret;
}

int main(int argc, char **argv)
{
	struct options o = {0};

	parse_options(argc, argv, &o);
	if (o.verbose)
		cst_log_set_level(CST_LOG_DEBUG);
	if (o.graph) {
		cst_engine_graph(stdout);
		return 0;
	}
	if (o.check != NULL)
		return check(o.check);
	signal(SIGPIPE, SIG_IGN);
	return serve(&o);
}
