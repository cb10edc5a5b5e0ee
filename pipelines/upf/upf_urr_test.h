/* SPDX-License-Identifier: BSD-3-Clause */
/* A clock that tests set, a worker that counts as workers do, and the events that come of it. */
#pragma once

#include "upf_ctl_test.h"

#include "engine/worker.h"
#include "journal.h"
#include "rpc/rpc.h"
#include "upf_inactivity.h"
#include "upf_policy.h"
#include "upf_urr.h"

#define HZ 1000000 /* a cycle is a microsecond */

static struct upf_now test_now = {.tsc = 5 * HZ, .hz = HZ, .ms = 1000, .unix_ms = 1700000000000};

static void test_clock(struct upf_now *now)
{
	*now = test_now;
}

/* Time goes on as the control thread sees it: a tick every 100 ms. */
static inline void wait_ms(uint64_t ms)
{
	while (ms > 0) {
		uint64_t step = ms < 100 ? ms : 100;

		test_now.tsc += step * HZ / 1000;
		test_now.ms += step;
		test_now.unix_ms += step;
		ms -= step;
		upf_urr_tick();
		upf_inactivity_tick();
	}
}

/* ---- events ----------------------------------------------------------------- */

static json_t *events; /* {type, data} */
static bool store_full;
static uint8_t journal_owner; /* of the last that was kept */

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data);
void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data)
{
	if (!events)
		events = json_array();
	json_array_append_new(events, json_pack("{s:s, s:o}", "type", t->name, "data", data));
}

int __wrap_cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			       json_t *data);
int __wrap_cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			       json_t *data)
{
	assert_int_equal(k->subject, json_integer_value(json_object_get(data, "seid")));
	if (store_full && k->may_wait) {
		json_decref(data);
		return -EIO;
	}
	journal_owner = k->owner;
	__wrap_cst_event_publish(t, data);
	return store_full ? -EIO : 0;
}

static inline json_t *pop_event(const char *type)
{
	json_t *e = json_array_get(events, 0), *data;

	if (!e)
		fail_msg("no event where %s was expected", type);
	if (strcmp(json_string_value(json_object_get(e, "type")), type) != 0)
		fail_msg("%s instead of %s", json_dumps(e, 0), type);
	data = json_incref(json_object_get(e, "data"));
	json_array_remove(events, 0);
	return data;
}

static inline void no_event(void)
{
	if (json_array_size(events))
		fail_msg("unexpected event %s", json_dumps(json_array_get(events, 0), 0));
}

static inline int64_t num(const json_t *js, const char *path)
{
	char buf[64], *save = NULL;

	snprintf(buf, sizeof(buf), "%s", path);
	for (char *p = strtok_r(buf, ".", &save); p; p = strtok_r(NULL, ".", &save))
		js = json_object_get(js, p);
	return json_is_integer(js) ? json_integer_value(js) : -1;
}

static inline bool has_name(const json_t *list, const char *name)
{
	size_t i;
	json_t *v;

	json_array_foreach (list, i, v)
		if (strcmp(json_string_value(v), name) == 0)
			return true;
	return false;
}

/* The next event is a report of this URR for these reasons ("VOLTH TIMTH"), with these bytes. */
static inline json_t *report_is(uint32_t urr, uint32_t seqn, const char *why, int64_t ul,
				int64_t dl)
{
	json_t *r = pop_event("session.usage_report");
	json_t *names = json_object_get(r, "usage_report_trigger");
	char buf[64], *save = NULL, *text = json_dumps(r, 0);
	unsigned n = 0;

	snprintf(buf, sizeof(buf), "%s", why);
	for (char *p = strtok_r(buf, " ", &save); p; p = strtok_r(NULL, " ", &save), n++)
		if (!has_name(names, p))
			fail_msg("no %s in %s", p, text);
	if (json_array_size(names) != n)
		fail_msg("not %s alone: %s", why, text);
	if (num(r, "urr_id") != urr || num(r, "ur_seqn") != seqn)
		fail_msg("not report %u of URR %u: %s", seqn, urr, text);
	if (num(r, "volume_measurement.ul") != ul || num(r, "volume_measurement.dl") != dl)
		fail_msg("not %lld, %lld bytes: %s", (long long)ul, (long long)dl, text);
	if (ul >= 0 && num(r, "volume_measurement.total") != ul + dl)
		fail_msg("wrong total: %s", text);
	free(text);
	return r;
}

#define REPORT(urr, seqn, why, ul, dl) json_decref(report_is(urr, seqn, why, ul, dl))

/* ---- one worker, for what it says of lost notices --- */

static struct cst_worker test_worker;

uint16_t __wrap_cst_workers(void);
uint16_t __wrap_cst_workers(void)
{
	return 1;
}

struct cst_worker *__wrap_cst_worker_get(uint16_t id);
struct cst_worker *__wrap_cst_worker_get(uint16_t id)
{
	(void)id;
	return &test_worker;
}

/* ---- a worker -------------------------------------------------------------------- */

static bool deaf; /* notices are lost */

static inline uint32_t number_of(uint64_t seid, uint32_t urr)
{
	const struct upf_held_part *p = upf_part_of(upf_session_by_seid(seid), UPF_PART_USAGE, urr);

	assert_non_null(p);
	return p->number;
}

static inline void tell_of(uint32_t number, uint32_t bits)
{
	struct upf_usage *u = &upf_tables.usages[number];
	struct upf_usage_notice n = {.usage = number, .arm = u->arm, .told = bits & ~u->told};

	u->told |= bits;
	if (n.told && deaf)
		test_worker.stats.notices_lost++;
	else if (n.told)
		upf_usage_told(&n);
}

/* One packet past one URR. Was it let pass? */
static inline bool packet(uint32_t number, enum upf_dir dir, uint64_t bytes)
{
	struct upf_usage *u = &upf_tables.usages[number];
	const struct upf_limit *l = &upf_tables.limits[number];
	uint64_t now = test_now.tsc;
	bool rest = u->last == 0 || (l->idle && now - u->last > l->idle), first;
	uint32_t bits = 0;

	if (u->arm != l->arm) {
		u->arm = l->arm;
		u->told = 0;
		u->first = 0;
	}
	if (l->flags & UPF_LIMIT_STOP)
		goto refuse;
	if (u->told & UPF_TOLD_QUOTA || u->bytes[dir] + bytes > l->quota[dir] ||
	    u->bytes[0] + u->bytes[1] + bytes > l->quota[2]) {
		tell_of(number, UPF_TOLD_QUOTA);
		goto refuse;
	}
	if (rest && u->starts >= l->event_quota) {
		tell_of(number, UPF_TOLD_EVQUOTA);
		goto refuse;
	}
	u->bytes[dir] += bytes;
	u->packets[dir]++;
	if (u->last)
		u->active += rest ? l->idle : now - u->last;
	u->starts += rest;
	first = u->first == 0;
	if (first)
		u->first = now;
	u->last = now;
	if ((rest || first) && l->flags & UPF_LIMIT_START)
		bits |= UPF_TOLD_START;
	if (u->bytes[dir] >= l->threshold[dir] || u->bytes[0] + u->bytes[1] >= l->threshold[2])
		bits |= UPF_TOLD_THRESHOLD;
	if (u->bytes[dir] >= l->quota[dir] || u->bytes[0] + u->bytes[1] >= l->quota[2])
		bits |= UPF_TOLD_QUOTA;
	if (u->starts >= l->event_threshold)
		bits |= UPF_TOLD_EVENT;
	if (u->starts >= l->event_quota)
		bits |= UPF_TOLD_EVQUOTA;
	tell_of(number, bits);
	return true;
refuse:
	u->refused[0]++;
	u->refused[1] += bytes;
	return false;
}

/* ---- a session ------------------------------------------------------------------------ */

/* Session 1; PDR 1 uplink and PDR 2 downlink name the URRs `ids`. */
static inline void put_urrs(const char *ids, const char *urrs)
{
	char text[4000];

	snprintf(text, sizeof(text),
		 "{'seid':1,'cp_f_seid':{'seid':77,'ipv4':'192.0.2.9'},'pdrs':["
		 "{'id':1,'precedence':255,'pdi':{'source_interface':'access',"
		 "'network_instance':'access'," CHOOSE "},'outer_header_removal':'gtpu-udp-ip',"
		 "'far_id':1,'urr_ids':%s},{'id':2,'precedence':255,'pdi':{"
		 "'source_interface':'core','network_instance':'internet'," UE
		 "},'far_id':2,'urr_ids':%s}],'fars':[" TO_CORE "," TO_GNB "],'urrs':[%s]}",
		 ids, ids, urrs);
	PUT(text);
}

static inline void update_urr(const char *members)
{
	char text[1000];

	snprintf(text, sizeof(text), "{'seid':1,'update_urrs':[{'id':1,%s}]}", members);
	MODIFY(text);
}

#define METHOD(m, t) "'id':1,'measurement_method':[" m "],'reporting_triggers':[" t "]"

/* ---- fixture --- */

static inline int setup(void **state)
{
	upf_clock = test_clock;
	return group_setup(state);
}

static inline int clear(void **state)
{
	nothing_left(state);
	json_array_clear(events);
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, clear)
