/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_top.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/worker.h"
#include "module.h"
#include "now.h"
#include "rpc/rpc.h"
#include "upf_books.h"

#define CLOCK_EVERY 64 /* sessions between two looks at the clock */

struct sample { /* of the session whose first state line this is */
	uint64_t seid;
	uint64_t bytes[2], packets[2]; /* by direction */
	uint32_t ms;                   /* when, modulo 2^32; with seid 0 never */
	uint32_t pad;
};

struct rates {
	uint64_t seid;
	double bytes[2], packets[2]; /* per second */
};

enum by { BY_BITS, BY_PACKETS, N_BY };

static struct round {
	struct sample *samples; /* by state line; NULL: nobody asks */
	uint64_t asked_ms, began_ms;
	uint32_t at; /* the next state line; 0: between two rounds */
	uint32_t seen;
	unsigned rounds; /* done, up to two: rates are there from the second on */
	/* heaps, the least on top, of the round that runs */
	struct rates best[N_BY][UPF_TOP_MAX];
	unsigned n[N_BY];
} now;

static struct {
	struct rates best[N_BY][UPF_TOP_MAX]; /* falling */
	unsigned n[N_BY];
	uint32_t sessions;
	uint64_t ms, took_ms;
} last; /* the last whole round */

/* ---- the best of a round --------------------------------------------------------------- */

static double weight(const struct rates *r, enum by by)
{
	return by == BY_BITS ? r->bytes[UPF_UL] + r->bytes[UPF_DL]
			     : r->packets[UPF_UL] + r->packets[UPF_DL];
}

static void sift_down(struct rates *heap, unsigned n, enum by by)
{
	unsigned i = 0;

	for (;;) {
		unsigned least = i, l = 2 * i + 1;

		if (l < n && weight(&heap[l], by) < weight(&heap[least], by))
			least = l;
		if (l + 1 < n && weight(&heap[l + 1], by) < weight(&heap[least], by))
			least = l + 1;
		if (least == i)
			return;
		struct rates r = heap[i];

		heap[i] = heap[least];
		heap[least] = r;
		i = least;
	}
}

static void offer(const struct rates *r, enum by by)
{
	struct rates *heap = now.best[by];
	unsigned i;

	if (weight(r, by) <= 0)
		return;
	if (now.n[by] == UPF_TOP_MAX) {
		if (weight(r, by) <= weight(&heap[0], by))
			return;
		heap[0] = *r;
		sift_down(heap, UPF_TOP_MAX, by);
		return;
	}
	i = now.n[by]++;
	heap[i] = *r;
	while (i > 0 && weight(&heap[i], by) < weight(&heap[(i - 1) / 2], by)) {
		struct rates up = heap[(i - 1) / 2];

		heap[(i - 1) / 2] = heap[i];
		heap[i] = up;
		i = (i - 1) / 2;
	}
}

static int by_bits(const void *a, const void *b)
{
	double x = weight(a, BY_BITS), y = weight(b, BY_BITS);

	return x < y ? 1 : x > y ? -1 : 0;
}

static int by_packets(const void *a, const void *b)
{
	double x = weight(a, BY_PACKETS), y = weight(b, BY_PACKETS);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* ---- one session ------------------------------------------------------------------------- */

static void count(const struct upf_session *s, struct sample *out)
{
	const struct upf_rules *r = upf_run(s);
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++) {
		const struct upf_count *c = &upf_tables.counts[p[i].counter];
		enum upf_dir dir = i < r->n_ul ? UPF_UL : UPF_DL;

		out->packets[dir] += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
		out->bytes[dir] += __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
	}
}

/* 0 when it has fallen: a rule with its counter has gone. */
static double per_second(uint64_t is, uint64_t was, uint32_t ms)
{
	return is > was ? (double)(is - was) * 1000 / ms : 0;
}

static void sample(const struct upf_session *s, struct sample *was, uint32_t ms)
{
	struct sample is = {.seid = s->seid, .ms = ms};
	struct rates r = {.seid = s->seid};
	uint32_t passed = ms - was->ms;

	count(s, &is);
	if (was->seid == s->seid && passed > 0) {
		for (unsigned d = 0; d < 2; d++) {
			r.bytes[d] = per_second(is.bytes[d], was->bytes[d], passed);
			r.packets[d] = per_second(is.packets[d], was->packets[d], passed);
		}
		offer(&r, BY_BITS);
		offer(&r, BY_PACKETS);
	}
	*was = is;
}

/* What the sessions some lines ahead need is on its way while these are counted. */
static void prefetch(uint32_t line)
{
	const struct upf_session *far = upf_session_by_state(line + 16);
	const struct upf_session *near = upf_session_by_state(line + 8);

	if (far)
		__builtin_prefetch(far);
	if (near) {
		const char *run = (const char *)upf_run(near);

		__builtin_prefetch(run);
		__builtin_prefetch(run + 64);
		__builtin_prefetch(run + 128);
	}
	__builtin_prefetch(&upf_tables.counts[(uint64_t)(line + 8) * 4]);
}

/* ---- rounds ------------------------------------------------------------------------------ */

static void end_round(uint64_t now_ms)
{
	for (unsigned by = 0; by < N_BY; by++) {
		qsort(now.best[by], now.n[by], sizeof(struct rates),
		      by == BY_BITS ? by_bits : by_packets);
		memcpy(last.best[by], now.best[by], now.n[by] * sizeof(struct rates));
		last.n[by] = now.n[by];
		now.n[by] = 0;
	}
	last.sessions = now.seen;
	last.ms = now_ms;
	last.took_ms = now_ms - now.began_ms;
	now.at = 0;
	if (now.rounds < 2)
		now.rounds++;
}

static void slice(uint64_t now_ms)
{
	uint64_t until = cst_now_us() + UPF_TOP_SLICE_US;
	uint32_t end = upf_state_lines(), n = 0;

	while (now.at <= end) {
		uint32_t line = now.at++;
		const struct upf_session *s = upf_session_by_state(line);

		prefetch(line);
		if (s) {
			sample(s, &now.samples[line], (uint32_t)now_ms);
			now.seen++;
		}
		if (++n % CLOCK_EVERY == 0 && cst_now_us() >= until)
			return;
	}
	end_round(now_ms);
}

void upf_top_stop(void)
{
	free(now.samples);
	memset(&now, 0, sizeof(now));
	memset(&last, 0, sizeof(last));
}

void upf_top_tick(uint64_t now_ms)
{
	if (!now.samples)
		return;
	if (now_ms > now.asked_ms + UPF_TOP_FORGET_MS) {
		upf_top_stop();
		return;
	}
	if (now.at == 0) {
		if (now.rounds > 0 && now_ms - now.began_ms < UPF_TOP_ROUND_MS)
			return;
		now.at = 1;
		now.seen = 0;
		now.began_ms = now_ms;
	}
	slice(now_ms);
}

/* ---- session.top --------------------------------------------------------------------------- */

struct top_params {
	uint64_t has;
	uint16_t limit;
	uint8_t by;
};

static const char *const orders[] = {"bits", "packets", NULL};

static const struct cst_field params_fields[] = {
	CST_F_UINT(struct top_params, limit, 1, UPF_TOP_MAX, NULL, 0, "20", "so many at most"),
	CST_F_ENUM(struct top_params, by, orders, 0, "bits",
		   "bits: by bit rate; packets: by packet rate, both directions together"),
};
static const struct cst_object params_object =
	CST_OBJECT("session_top", struct top_params, params_fields, "how many, in which order");

/* What a person knows a session by. */
static void add_names(json_t *js, const struct upf_session *s)
{
	static struct cst_pool *pool;
	const struct upf_rules *r = upf_run(s);
	struct upf_session_obj o;
	struct cst_err e;
	struct cst_ip ip = {.family = 4};
	char text[64];

	if (!pool)
		pool = cst_pool_new();
	cst_pool_reset(pool);
	json_object_set_new(js, "worker", json_integer(cst_owner_of(r->state)));
	if (r->flags & UPF_RULES_V4) {
		ip.v4 = r->ue_v4;
		json_object_set_new(js, "ue_ipv4", json_string(cst_ip_text(&ip, text)));
	}
	if (r->flags & UPF_RULES_V6) {
		struct cst_prefix p = {.ip.family = 6, .len = r->ue_v6_len};

		memcpy(p.ip.b, r->ue_v6, 8);
		json_object_set_new(js, "ue_ipv6", json_string(cst_prefix_text(&p, text)));
	}
	if (upf_session_unpack(s, pool, &o, &e) == 0 && cst_has(&o, SESSION_DNN))
		json_object_set_new(js, "dnn", json_string(o.dnn));
}

static json_t *item(const struct rates *r)
{
	const struct upf_session *s = upf_session_by_seid(r->seid);
	json_t *js;

	if (!s)
		return NULL; /* deleted meanwhile */
	js = json_pack("{s:I, s:f, s:f, s:f, s:f}", "seid", (json_int_t)r->seid, "ul_bit_rate",
		       8 * r->bytes[UPF_UL], "ul_packet_rate", r->packets[UPF_UL], "dl_bit_rate",
		       8 * r->bytes[UPF_DL], "dl_packet_rate", r->packets[UPF_DL]);
	add_names(js, s);
	return js;
}

static int top(const void *params, json_t **result, struct cst_err *e)
{
	const struct top_params *p = params;
	uint64_t ms = cst_now_us() / 1000;
	json_t *items;

	if (!now.samples)
		now.samples = calloc((size_t)upf_state_lines() + 1, sizeof(struct sample));
	if (!now.samples)
		return cst_err(e, -ENOMEM, NULL, "no memory to remember all counters in");
	now.asked_ms = ms;
	items = json_array();
	for (unsigned i = 0; i < last.n[p->by] && json_array_size(items) < p->limit; i++) {
		json_t *js = item(&last.best[p->by][i]);

		if (js)
			json_array_append_new(items, js);
	}
	*result = json_pack("{s:o, s:b, s:i, s:I, s:I}", "items", items, "ready", now.rounds > 1,
			    "seen", (int)last.sessions, "age_ms",
			    (json_int_t)(last.ms && ms > last.ms ? ms - last.ms : 0), "round_ms",
			    (json_int_t)last.took_ms);
	return 0;
}

static struct cst_method top_method = {
	.name = "session.top",
	.help = "the busiest sessions and their rates; sampled while somebody asks, so that the "
		"first answers are not ready",
	.params = &params_object,
	.call = top,
};
CST_METHOD(top_method);

static struct cst_module top_module = {
	.name = "upf.top", .order = 35, .tick = upf_top_tick, .stop = upf_top_stop};
CST_MODULE(top_module);
