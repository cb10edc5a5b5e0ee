/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams and paths watched over time: packets go through the engine, events are caught. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "prer_event.h"
#include "prer_watch_int.h"
#include "prer_watch_show.h"
#include "rpc/rpc.h"

#define STREAMS   (1u << 16)
#define TICK_MS   100
#define HZ        2500000000u
#define MS        ((uint64_t)HZ / 1000)
#define MAX_EVENT 64

/* ---- what is caught ---------------------------------------------------------------------- */

static struct {
	const char *type;
	json_t *data;
} events[MAX_EVENT];
static unsigned n_events;

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data);
void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data)
{
	const char *name;
	json_t *v;

	json_object_foreach (data, name, v)
		assert_true(cst_field_index(t->data, name) >= 0); /* as it is described */
	assert_true(n_events < MAX_EVENT);
	events[n_events].type = t->name;
	events[n_events++].data = data;
}

static void forget(void)
{
	while (n_events > 0)
		json_decref(events[--n_events].data);
}

static unsigned told(const char *type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_events; i++)
		n += strcmp(events[i].type, type) == 0;
	return n;
}

static const json_t *last_of(const char *type)
{
	for (unsigned i = n_events; i-- > 0;)
		if (strcmp(events[i].type, type) == 0)
			return events[i].data;
	fail_msg("no %s was told", type);
	return NULL;
}

static json_int_t number(const char *type, const char *name)
{
	return json_integer_value(json_object_get(last_of(type), name));
}

static const char *text(const char *type, const char *name)
{
	return json_string_value(json_object_get(last_of(type), name));
}

/* ---- the tables --------------------------------------------------------------------------- */

static struct prer_stream lines[STREAMS];
static uint32_t slots[STREAMS];
static struct prer_state states[STREAMS];
static struct prer_path paths[4];
static struct prer_params params[2];
static struct prer_watch_latent latent_conf;
static enum prer_watch_why causes[4];
static uint64_t now_ms, random_state;

/* A tick ends when its time is over: here it never is, however busy the machine. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	*ts = (struct timespec){.tv_sec = (time_t)(now_ms / 1000),
				.tv_nsec = (long)(now_ms % 1000) * 1000000};
	return 0;
}
static uint32_t seq = 1000; /* that comes next */

static const char *stream_name(uint32_t stream)
{
	static char name[16];

	snprintf(name, sizeof(name), "s%u", stream);
	return name;
}

static uint32_t find(const char *name)
{
	unsigned n;

	return sscanf(name, "s%u", &n) == 1 ? n : 0;
}

static bool path_conf(uint32_t path, struct prer_watch_path_conf *out, enum prer_watch_why *cause)
{
	static const char *const names[] = {NULL, "lte", "wlan"};

	if (path == 0 || path > 2)
		return false;
	*out = (struct prer_watch_path_conf){
		.name = names[path],
		.limits = {.loss_ppm = 20000, .lag_us = 50000},
	};
	if (cause)
		*cause = causes[path];
	return true;
}

static bool latent(uint16_t recovery, struct prer_watch_latent *out)
{
	*out = latent_conf;
	return latent_conf.period_ms != 0;
}

static void add(uint32_t stream)
{
	lines[stream] = (struct prer_stream){
		.id = stream, .flags = PRER_RECEIVE, .n_paths = 2, .bits = 16, .path = {1, 2}};
	slots[stream] = stream;
}

static int setup(void **state)
{
	static const struct prer_watch_ask ask = {
		.stream = stream_name, .find = find, .path = path_conf, .latent = latent};

	prer_tables = (struct prer_tables){
		.slot = slots,
		.lines = lines,
		.state = states,
		.path = paths,
		.params = params,
		.streams = STREAMS,
	};
	memset(slots, 0, sizeof(slots));
	memset(states, 0, sizeof(states));
	memset(paths, 0, sizeof(paths));
	for (uint32_t i = 1; i < 4; i++)
		paths[i].number = i;
	params[0] = (struct prer_params){.history = 64, .mask = 63, .reset = 2000 * MS};
	latent_conf = (struct prer_watch_latent){0};
	memset(causes, 0, sizeof(causes));
	prer_watch_hz = HZ;
	prer_watch_ask(&ask);
	now_ms = 1000;
	random_state = 1;
	return 0;
}

static int teardown(void **state)
{
	prer_watch_stop();
	forget();
	return 0;
}

/* ---- traffic ------------------------------------------------------------------------------- */

struct lane {
	double loss;
	uint32_t lag; /* numbers, i.e. ms */
};

static bool chance(double p)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (double)(random_state >> 33) / 0x7fffffff < p;
}

static void arrive(uint32_t stream, unsigned path, uint32_t n)
{
	struct prer_state *s = &states[stream];
	enum prer_verdict v = prer_recover(&s->recovery, &s->counts, NULL, &params[0], 16,
					   n & 0xffff, now_ms * MS);

	prer_health_seen(&s->health[path], &s->counts, path, n & 0xffff, 16, v, now_ms * MS);
}

/* A packet each ms to each of the streams 1..n, by both lanes; `joint`: lost on both. */
static void run_streams(unsigned n, uint32_t ms, struct lane a, struct lane b, double joint)
{
	for (uint32_t i = 0; i < ms; i++, now_ms++, seq++) {
		for (uint32_t s = 1; s <= n; s++) {
			bool both = chance(joint);

			if (!both && !chance(a.loss))
				arrive(s, 0, seq - a.lag);
			if (!both && !chance(b.loss))
				arrive(s, 1, seq - b.lag);
		}
		if (now_ms % TICK_MS == 0)
			prer_watch_tick(now_ms);
	}
}

static void run(uint32_t ms, struct lane a, struct lane b, double joint)
{
	run_streams(1, ms, a, b, joint);
}

static const struct lane well, dead = {.loss = 1};

static enum prer_watch_mood path_mood(uint16_t path)
{
	struct prer_watch_path_figures f;

	prer_watch_get_path(path, &f);
	return f.state.mood;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_figures(void **state)
{
	struct lane slow = {.loss = 0.01, .lag = 10}, fast = {.loss = 0.01};
	struct prer_watch_path_figures whole;
	struct prer_watch_figures f;

	add(1);
	assert_false(prer_watch_get(1, &f));
	assert_false(prer_watch_get(2, &f));
	run(60000, fast, slow, 0);
	assert_true(prer_watch_get(1, &f));
	assert_int_equal(f.n_paths, 2);
	assert_true(f.rate > 990 && f.rate < 1010);
	assert_true(f.path[0].share > 0.95);
	assert_true(f.path[0].loss_long > 0.008 && f.path[0].loss_long < 0.012);
	assert_in_range(f.path[1].lag_us, 9900, 10100);
	assert_in_range(f.path[1].lag_max_us, 9900, 10100);
	assert_true(f.path[1].ahead == -10 || f.path[1].ahead == -11 || f.path[1].ahead == -9);
	assert_true(f.has_rho_long && fabs(f.rho_long) < 0.03);
	assert_true(f.joint_long < 0.0005 && f.at_most > f.joint_long);
	assert_true(f.independent > 0.00005 && f.independent < 0.00015);
	assert_int_equal(f.needed, 11);
	assert_false(f.too_small);
	prer_watch_get_path(2, &whole);
	assert_int_equal(whole.streams, 1);
	assert_in_range(whole.lag_us, 9000, 10100);
	assert_int_equal(n_events, 0);
}

static void test_correlated(void **state)
{
	struct prer_watch_figures f;

	add(1);
	run(30000, well, well, 0.01);
	assert_true(prer_watch_get(1, &f));
	assert_true(f.has_rho_long && f.rho_long > 0.98);
	assert_true(f.joint_long > 10 * f.independent);
}

/* One path dies: down after two windows, up again after five. */
static void test_path_dies(void **state)
{
	struct prer_watch_figures f;
	uint64_t cut;

	add(1);
	run(5000, well, well, 0);
	assert_int_equal(n_events, 0);
	cut = now_ms;
	while (n_events == 0 && now_ms < cut + 5000)
		run(100, well, dead, 0);
	assert_in_range(now_ms - cut, 1000, 2500);
	assert_int_equal(n_events, 1);
	assert_string_equal(text("path.down", "path"), "wlan");
	assert_string_equal(text("path.down", "was"), "up");
	assert_int_equal(number("path.down", "loss"), 1000000);
	assert_int_equal(path_mood(1), PRER_UP);
	prer_watch_get(1, &f);
	assert_int_equal(f.path[1].state.mood, PRER_DOWN);
	assert_int_equal(f.path[1].state.why, PRER_WHY_SILENT);
	run(10000, well, dead, 0);
	assert_int_equal(n_events, 1);
	run(2000, well, well, 0);
	assert_int_equal(n_events, 1); /* not yet */
	run(3000, well, well, 0);
	assert_int_equal(told("path.up"), 1);
	assert_string_equal(text("path.up", "was"), "down");
	assert_int_equal(n_events, 2);
}

/* A loss at the limit goes up and down by chance; that is no news. */
static void test_hysteresis(void **state)
{
	struct lane at_limit = {.loss = 0.02}, above = {.loss = 0.06}, below = {.loss = 0.01};

	add(1);
	run(60000, well, at_limit, 0);
	assert_int_equal(n_events, 0);
	run(3000, well, above, 0);
	assert_int_equal(n_events, 1);
	assert_string_equal(text("path.degraded", "reason"), "it loses more than degraded.loss");
	assert_in_range(number("path.degraded", "loss"), 30000, 90000);
	run(6000, well, below, 0);
	assert_int_equal(told("path.up"), 1);
	assert_int_equal(n_events, 2);
}

static void test_lag(void **state)
{
	struct lane late = {.lag = 60};

	add(1);
	run(4000, well, late, 0);
	assert_int_equal(told("path.degraded"), 1);
	assert_string_equal(text("path.degraded", "path"), "wlan");
	assert_in_range(number("path.degraded", "delay_difference_us"), 59000, 61000);
}

/* Second copies that come later than the history is long; and a fast path that is ahead of it. */
static void test_history(void **state)
{
	struct lane late = {.lag = 100};
	struct prer_watch_figures f;

	add(1);
	run(4000, well, late, 0);
	assert_int_equal(told("stream.history_too_small"), 1);
	assert_string_equal(text("stream.history_too_small", "stream"), "s1");
	assert_string_equal(text("stream.history_too_small", "path"), "wlan");
	assert_int_equal(number("stream.history_too_small", "history_length"), 64);
	assert_in_range(number("stream.history_too_small", "needed"), 100, 102);
	assert_true(number("stream.history_too_small", "rogue") > 400);
	prer_watch_get(1, &f);
	assert_true(f.too_small);
	run(30000, well, late, 0); /* told once */
	assert_int_equal(told("stream.history_too_small"), 1);
}

static void test_locked_out(void **state)
{
	struct lane late = {.lag = 100};

	add(1);
	run(3000, dead, late, 0);
	forget();
	run(3000, well, late, 0); /* the fast one is back, and all of it is rogue */
	assert_int_equal(told("stream.history_too_small"), 1);
	assert_string_equal(text("stream.history_too_small", "path"), "lte");
	assert_in_range(number("stream.history_too_small", "needed"), 99, 102);
}

/* The sender began anew, far from where it was. */
static void test_stuck(void **state)
{
	struct prer_watch_figures f;

	add(1);
	run(3000, well, well, 0);
	seq += 20000;
	run(1800, well, well, 0);
	assert_int_equal(told("stream.stuck"), 1);
	assert_int_equal(told("stream.history_too_small"), 0);
	prer_watch_get(1, &f);
	assert_true(f.stuck && !f.too_small);
	run(6000, well, well, 0);
	prer_watch_get(1, &f);
	assert_false(f.stuck);
	assert_int_equal(n_events, 1);
}

/* It is just long enough. */
static void test_enough(void **state)
{
	struct lane late = {.lag = 62};

	add(1);
	run(10000, well, late, 0);
	assert_int_equal(told("stream.history_too_small"), 0);
}

static void test_latent(void **state)
{
	struct lane lossy = {.loss = 0.1};
	struct prer_watch_figures f;

	latent_conf = (struct prer_watch_latent){
		.difference = 100, .period_ms = 2000, .reset_period_ms = 30000};
	add(1);
	run(10000, well, well, 0);
	assert_int_equal(told("stream.latent_error"), 0);
	run(5000, well, lossy, 0);
	assert_int_equal(told("stream.latent_error"), 1);
	assert_in_range(number("stream.latent_error", "missing"), 101, 500);
	assert_int_equal(number("stream.latent_error", "allowed"), 100);
	run(14000, well, well, 0); /* told once until the balance is struck anew */
	assert_int_equal(told("stream.latent_error"), 1);
	prer_watch_get(1, &f);
	assert_true(f.latent_errors > 1);
	run(32000, well, well, 0);
	prer_watch_get(1, &f);
	assert_int_equal(f.latent_resets, 3);
	assert_int_equal(told("stream.latent_error"), 1);
}

/* No traffic at all says nothing; the probe and the port do. */
static void test_silent(void **state)
{
	struct prer_watch_figures f;

	add(1);
	run(3000, well, well, 0);
	run(20000, dead, dead, 0);
	assert_int_equal(n_events, 0);
	prer_watch_get(1, &f);
	assert_true(f.rate <= 0 && f.path[0].rate <= 0);
	causes[2] = PRER_WHY_PROBE;
	run(400, dead, dead, 0);
	assert_string_equal(text("path.down", "reason"), "the far end does not answer its probe");
	causes[2] = PRER_WHY_NONE;
	run(400, dead, dead, 0);
	assert_int_equal(told("path.up"), 1);
	causes[1] = PRER_WHY_NO_PORT;
	run(400, dead, dead, 0);
	assert_string_equal(text("path.down", "path"), "lte");
	assert_int_equal(path_mood(1), PRER_DOWN);
	assert_int_equal(n_events, 3);
}

/* A path that is down for a few streams, and one that is down for all. */
static void test_many(void **state)
{
	for (uint32_t s = 1; s <= 50; s++)
		add(s);
	run_streams(50, 3000, well, well, 0);
	assert_int_equal(n_events, 0);
	run_streams(50, 3000, well, dead, 0);
	assert_int_equal(told("path.down"), 1);
	assert_int_equal(n_events, 1);
	run_streams(50, 6000, well, well, 0);
	assert_int_equal(n_events, 2);
	forget();
	for (uint32_t i = 0; i < 3000; i++, now_ms++, seq++) {
		for (uint32_t s = 1; s <= 50; s++) {
			arrive(s, 0, seq);
			if (s != 7)
				arrive(s, 1, seq);
		}
		if (now_ms % TICK_MS == 0)
			prer_watch_tick(now_ms);
	}
	assert_int_equal(n_events, 1);
	assert_string_equal(text("stream.path", "stream"), "s7");
	assert_string_equal(text("stream.path", "status"), "down");
}

/* Make before break: other paths, other figures. */
static void test_changed(void **state)
{
	struct prer_watch_figures f;

	add(1);
	run(3000, well, well, 0);
	assert_true(prer_watch_get(1, &f));
	lines[2] = lines[1];
	lines[2].path[1] = 3;
	slots[1] = 2;
	assert_false(prer_watch_get(1, &f));
	run(3000, well, well, 0);
	assert_true(prer_watch_get(1, &f));
	slots[1] = 0;
	assert_false(prer_watch_get(1, &f));
	run(100, well, well, 0);
}

static json_t *call(const char *line)
{
	char *reply = cst_rpc_serve(line, strlen(line), false);
	json_t *js = json_loads(reply, 0, NULL);

	free(reply);
	return js;
}

#define HEALTH_CALL(name)                                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"stream.health\",\"params\":{" \
	"\"name\":\"" name "\"}}"

static void test_shown(void **state)
{
	struct lane lossy = {.loss = 0.1};
	json_t *js, *r, *path;
	struct cst_err e;

	assert_int_equal(cst_object_verify(&prer_health_object, &e), 0);
	add(1);
	js = call(HEALTH_CALL("s1"));
	assert_null(json_object_get(json_object_get(js, "result"), "paths"));
	json_decref(js);
	run(5000, lossy, lossy, 0);
	js = call(HEALTH_CALL("s1"));
	r = json_object_get(js, "result");
	assert_string_equal(json_string_value(json_object_get(r, "stream")), "s1");
	assert_string_equal(json_string_value(json_object_get(r, "history")), "enough");
	assert_in_range(json_integer_value(json_object_get(r, "independent_loss")), 5000000,
			15000000);
	assert_non_null(json_object_get(r, "correlation_long"));
	path = json_array_get(json_object_get(r, "paths"), 1);
	assert_string_equal(json_string_value(json_object_get(path, "path")), "wlan");
	assert_string_equal(json_string_value(json_object_get(path, "status")), "degraded");
	assert_non_null(json_object_get(path, "reason"));
	json_decref(js);
	js = call(HEALTH_CALL("nobody"));
	assert_non_null(json_object_get(js, "error"));
	json_decref(js);
}

/* Deleted and made again: what the one before lost is forgotten. */
static void test_another(void **state)
{
	struct prer_watch_figures f;

	add(1);
	run(5000, well, well, 0.1);
	assert_true(prer_watch_get(1, &f) && f.joint_long > 0.05);
	memset(&states[1], 0, sizeof(states[1]));
	run(3000, well, well, 0);
	assert_true(prer_watch_get(1, &f) && f.joint_long <= 0);
}

/* A flow of another slice, whose second path dies. */
static void test_flow(void **state)
{
	static struct prer_flow flows[2];
	struct prer_watch_figures f;
	struct prer_state *s = &flows[1].state;

	memset(flows, 0, sizeof(flows));
	flows[1].key = 5;
	flows[1].bits = 16;
	prer_flows = (struct prer_flows){.flow = flows, .params = params, .count = 2};
	for (uint32_t i = 0; i < 4000; i++, now_ms++) {
		for (unsigned path = 0; path < (i < 2000 ? 2 : 1); path++) {
			enum prer_verdict v = prer_recover(&s->recovery, &s->counts, NULL,
							   &params[0], 16, i, now_ms * MS);

			prer_health_seen(&s->health[path], &s->counts, path, i, 16, v, now_ms * MS);
		}
		if (now_ms % TICK_MS == 0)
			prer_watch_tick(now_ms);
	}
	assert_true(prer_watch_get(1 | PRER_WATCH_FLOW, &f));
	assert_int_equal(f.path[1].state.mood, PRER_DOWN);
	assert_int_equal(n_events, 1);
	assert_string_equal(text("stream.path", "path"), "2");
	prer_flows = (struct prer_flows){0};
}

static void test_totals(void **state)
{
	struct prer_watch_totals t;

	for (uint32_t s = 1; s <= 10; s++)
		add(s);
	run_streams(10, 5000, well, dead, 0);
	prer_watch_get_totals(&t);
	assert_int_equal(t.streams, 10);
	assert_int_equal(t.active, 10);
	assert_in_range(t.passed, 45000, 50000);
	assert_int_equal(t.paths[PRER_UP], 1);
	assert_int_equal(t.paths[PRER_DOWN], 1);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_figures),    TEST(test_correlated), TEST(test_path_dies),
		TEST(test_hysteresis), TEST(test_lag),        TEST(test_history),
		TEST(test_locked_out), TEST(test_stuck),      TEST(test_enough),
		TEST(test_latent),     TEST(test_silent),     TEST(test_many),
		TEST(test_changed),    TEST(test_shown),      TEST(test_totals),
		TEST(test_flow),       TEST(test_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
