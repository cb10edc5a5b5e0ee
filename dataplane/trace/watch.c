/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What to look for: filters of traces and the one capture, compiled into a
 * struct cst_watch whenever one of them, or what it stands for, changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "log.h"
#include "module.h"
#include "net/nexthop.h"
#include "port/port.h"
#include "trace/internal.h"

/* After its last packet a trace goes on for so long, for what waits somewhere. */
#define LINGER_MS 5000

static struct cst_trace_filter filters[CST_TRACE_FILTERS];
static atomic_int left[CST_TRACE_FILTERS];
static struct cst_watch_keys keys[CST_WATCH_FILTERS]; /* [CST_TRACE_FILTERS] the capture's */
static uint16_t last_id;
static uint8_t epoch;
static uint64_t idle_since_ms; /* no filter waits for packets; 0: one does */
static uint64_t now_ms;

static struct {
	struct cst_capture *run; /* NULL: none */
	bool off;                /* workers have been told that it ends */
	struct cst_watch_want want;
	struct cst_capture_info last; /* of the one before, when there is none */
} capture;

static cst_watch_resolver resolver;

void cst_watch_resolver_set(cst_watch_resolver fn)
{
	resolver = fn;
}

/* ---- from what is wanted to keys ---------------------------------------------------------- */

static int resolve(const struct cst_watch_want *want, struct cst_watch_keys *k, struct cst_err *e)
{
	uint16_t port;

	memset(k, 0, sizeof(*k));
	switch (want->what) {
	case CST_WATCH_SESSION:
		if (resolver == NULL)
			return cst_err(e, -ENOTSUP, "session", "this coastd has no sessions");
		return resolver(want->seid, k, e);
	case CST_WATCH_UE:
		k->addrs[0].prefix = want->ue;
		k->n_addrs = 1;
		return 0;
	case CST_WATCH_TEID:
		k->teids[0].teid = want->teid;
		k->n_teids = 1;
		return 0;
	case CST_WATCH_PORT:
		port = cst_port_by_name(want->port);
		if (port == 0)
			return cst_err(e, -ENOENT, "port", "there is no port %s", want->port);
		k->ports = UINT64_C(1) << port;
		return 0;
	default:
		k->any = true;
		return 0;
	}
}

/* ---- publishing ------------------------------------------------------------------------------ */

static void release(void *watch, uint64_t arg)
{
	/* the slow path reads it with this held */
	cst_net_lock();
	cst_net_unlock();
	free(watch);
}

static bool capturing(void)
{
	return capture.run != NULL && !capture.off;
}

static bool waiting(void)
{
	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
		if (filters[i].id != 0 && atomic_load(&left[i]) > 0)
			return true;
	return false;
}

static int publish(bool on, struct cst_err *e)
{
	const struct cst_watch *old = atomic_load(&cst_watch_live);
	struct cst_watch *w = NULL;

	if (on) {
		w = calloc(1, sizeof(*w) + CST_WATCH_FILTERS * sizeof(w->filters[0]));
		if (w == NULL)
			return cst_err(e, -ENOMEM, NULL, "out of memory");
		if (old == NULL)
			epoch = epoch % CST_MARK_EPOCH + 1;
		w->epoch = epoch;
		w->logs = trace_logs;
		w->capture = capturing() ? capture.run : NULL;
		if (capturing() && capture.want.what == CST_WATCH_SESSION)
			w->filters[w->n_filters++].keys = keys[CST_TRACE_FILTERS];
		for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
			if (filters[i].id != 0)
				w->filters[w->n_filters++] = (struct cst_watch_filter){
					.left = &left[i], .id = filters[i].id, .keys = keys[i]};
	}
	atomic_store_explicit(&cst_watch_live, w, memory_order_release);
	if (old != NULL)
		cst_rcu_defer(release, (void *)(uintptr_t)old, 0);
	return 0;
}

/* ---- traces ------------------------------------------------------------------------------------
 */

/* Numbers are of 16 bits, and none may be given twice. */
static bool numbers_left(uint32_t count)
{
	uint64_t n = trace_numbered() + (uint64_t)count;

	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
		n += filters[i].id != 0 && atomic_load(&left[i]) > 0
			     ? (uint64_t)atomic_load(&left[i])
			     : 0;
	return n < UINT16_MAX;
}

static int slot(uint16_t id)
{
	for (int i = 0; i < CST_TRACE_FILTERS; i++)
		if (filters[i].id == id)
			return i;
	return -1;
}

int cst_trace_add(const struct cst_watch_want *want, uint32_t count, uint16_t *id,
		  struct cst_err *e)
{
	int i = slot(0), ret;

	if (i < 0)
		return cst_err(e, -ENOSPC, NULL,
			       "there are %d traces already: 'coastctl trace delete' one",
			       CST_TRACE_FILTERS);
	if (!numbers_left(count))
		return cst_err(e, -ENOSPC, "count",
			       "too many packets in all: 'coastctl trace clear'");
	ret = resolve(want, &keys[i], e);
	if (ret == 0)
		ret = trace_logs_make(e);
	if (ret < 0)
		return ret;
	last_id = last_id % UINT16_MAX + 1;
	atomic_store(&left[i], (int)count);
	filters[i] = (struct cst_trace_filter){.id = last_id, .want = *want, .count = count};
	idle_since_ms = 0;
	ret = publish(true, e);
	if (ret < 0)
		filters[i].id = 0;
	*id = last_id;
	return ret;
}

int cst_trace_delete(uint16_t id, struct cst_err *e)
{
	int i = id != 0 ? slot(id) : -1;

	if (i < 0)
		return cst_err(e, -ENOENT, "id", "there is no trace %u", id);
	filters[i].id = 0;
	atomic_store(&left[i], 0);
	/* packets under way keep their marks until the trace is idle for a while */
	return atomic_load(&cst_watch_live) != NULL ? publish(true, e) : 0;
}

void cst_trace_clear(void)
{
	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++) {
		filters[i].id = 0;
		atomic_store(&left[i], 0);
	}
	if (atomic_load(&cst_watch_live) != NULL) {
		/* in a new epoch packets under way leave no more steps */
		epoch = epoch % CST_MARK_EPOCH + 1;
		publish(capturing(), NULL);
	}
	trace_logs_clear();
}

const struct cst_trace_filter *cst_trace_filters(void)
{
	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
		filters[i].left = (uint32_t)RTE_MAX(atomic_load(&left[i]), 0);
	return filters;
}

/* ---- the capture
 * --------------------------------------------------------------------------------- */

static uint64_t all_ports(void)
{
	uint64_t ports = 0;

	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (cst_port_conf(i) != NULL)
			ports |= UINT64_C(1) << i;
	return ports;
}

static uint64_t ports_wanted(const struct cst_watch_want *want)
{
	return want->what == CST_WATCH_ALL    ? all_ports()
	       : want->what == CST_WATCH_PORT ? keys[CST_TRACE_FILTERS].ports
					      : 0;
}

static void name_ports(void)
{
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (cst_port_conf(i) != NULL)
			cst_capture_name(capture.run, i, cst_port_conf(i)->name);
}

/* One that has ended makes room for the next. */
static void reap(void)
{
	struct cst_capture_info info;

	cst_capture_info(capture.run, &info);
	if (info.phase != CST_CAPTURE_ENDED || !cst_capture_close(capture.run, false))
		return;
	LOG_NOTICE("capture %s: ended, %s: %llu packets, %llu lost", info.file, info.why,
		   (unsigned long long)info.packets, (unsigned long long)info.lost);
	capture.last = info;
	capture.run = NULL;
}

int cst_capture_begin(const struct cst_watch_want *want, const struct cst_capture_conf *conf,
		      unsigned gid, struct cst_err *e)
{
	struct cst_capture_conf c = *conf;
	int ret;

	if (capture.run != NULL)
		reap(); /* told as ended already, but the tick has not come by */
	if (capture.run != NULL)
		return cst_err(e, -EBUSY, NULL, "a capture runs: 'coastctl capture stop' ends it");
	ret = resolve(want, &keys[CST_TRACE_FILTERS], e);
	if (ret == 0)
		ret = trace_logs_make(e);
	if (ret < 0)
		return ret;
	c.ports = ports_wanted(want);
	if (want->what == CST_WATCH_ALL && c.ports == 0)
		return cst_err(e, -ENOENT, "port", "there is no port");
	capture.run = cst_capture_open(&c, gid, e);
	if (capture.run == NULL)
		return e->code;
	name_ports();
	ret = cst_capture_start(capture.run, e);
	if (ret < 0) {
		capture.run = NULL;
		return ret;
	}
	capture.want = *want;
	capture.off = false;
	ret = publish(true, e);
	if (ret < 0) {
		capture.off = true;
		cst_capture_finish(capture.run, e->reason);
	}
	return ret;
}

static void quiet(void *c, uint64_t arg)
{
	/* nor is the slow path in the midst of it */
	cst_net_lock();
	cst_net_unlock();
	cst_capture_finish(c, "stopped");
}

static void turn_off(void)
{
	capture.off = true;
	/* nobody may look at it any more, not even for want of memory */
	if (publish(waiting() || idle_since_ms != 0, NULL) < 0)
		publish(false, NULL);
	cst_rcu_defer(quiet, capture.run, 0);
}

int cst_capture_end(struct cst_err *e)
{
	if (capture.run == NULL)
		return cst_err(e, -ENOENT, NULL, "no capture runs");
	if (!capture.off)
		turn_off();
	return 0;
}

void cst_capture_state(struct cst_capture_info *out, struct cst_watch_want *want)
{
	if (capture.run != NULL)
		cst_capture_info(capture.run, out);
	else
		*out = capture.last;
	if (want != NULL)
		*want = capture.want;
}

static void capture_tick(void)
{
	if (capture.run == NULL)
		return;
	if (!capture.off && cst_capture_full(capture.run))
		turn_off();
	if (!capture.off)
		name_ports();
	reap();
}

/* ---- as time goes on
 * ------------------------------------------------------------------------------ */

/* A session may have got other tunnels or addresses, a port another number. */
static bool renew(const struct cst_watch_want *want, struct cst_watch_keys *k, bool *gone)
{
	static struct cst_watch_keys now;

	if (want->what != CST_WATCH_SESSION && want->what != CST_WATCH_PORT)
		return false;
	*gone = resolve(want, &now, NULL) < 0;
	if (*gone)
		memset(&now, 0, sizeof(now));
	if (memcmp(&now, k, sizeof(now)) == 0)
		return false;
	*k = now;
	return true;
}

static bool renew_all(void)
{
	bool changed = false, gone = false;

	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
		if (filters[i].id != 0)
			changed |= renew(&filters[i].want, &keys[i], &filters[i].gone);
	if (capturing()) {
		changed |= renew(&capture.want, &keys[CST_TRACE_FILTERS], &gone);
		cst_capture_ports(capture.run, ports_wanted(&capture.want));
	}
	return changed;
}

static void tick(uint64_t ms)
{
	now_ms = ms;
	capture_tick();
	if (atomic_load(&cst_watch_live) == NULL)
		return;
	if (renew_all())
		publish(true, NULL);
	if (waiting())
		idle_since_ms = 0;
	else if (idle_since_ms == 0)
		idle_since_ms = now_ms;
	else if (!capturing() && now_ms - idle_since_ms > LINGER_MS)
		publish(false, NULL);
}

static void stop(void)
{
	/* workers and the slow path, which starts after this one, have ended */
	cst_trace_clear();
	if (capture.run != NULL) {
		if (!capture.off)
			turn_off();
		cst_rcu_reclaim(true);
		cst_capture_close(capture.run, true);
		capture.run = NULL;
	}
	publish(false, NULL);
	cst_rcu_reclaim(true);
	trace_logs_free();
}

static struct cst_module watch_module = {.name = "trace", .order = 24, .tick = tick, .stop = stop};
CST_MODULE(watch_module);
