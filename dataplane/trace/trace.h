/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread's side of traces and of the capture: what to look for, made
 * known to the workers, kept right when sessions and ports change.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "capture/capture.h"
#include "err.h"
#include "trace/clock.h"
#include "trace/steps.h"

#define CST_TRACE_FILTERS   16
#define CST_TRACE_MAX_COUNT 1000

enum cst_watch_what {
	CST_WATCH_ALL,
	CST_WATCH_SESSION,
	CST_WATCH_UE,
	CST_WATCH_TEID,
	CST_WATCH_PORT
};

struct cst_watch_want {
	enum cst_watch_what what;
	uint64_t seid;        /* CST_WATCH_SESSION */
	struct cst_prefix ue; /* CST_WATCH_UE: source or destination, inside or outside a tunnel */
	uint32_t teid;        /* CST_WATCH_TEID, host order */
	char port[32];        /* CST_WATCH_PORT: name */
};

/* Who knows what a session's packets look like: TEIDs that they come in with, addresses that they
 * come in to. `out` is zeroed. -ENOENT: there is no such session; -E2BIG. Control thread. */
typedef int (*cst_watch_resolver)(uint64_t seid, struct cst_watch_keys *out, struct cst_err *e);
void cst_watch_resolver_set(cst_watch_resolver fn); /* by the one slice that has sessions */

/* ---- traces ------------------------------------------------------------------------------ */

struct cst_trace_filter {
	uint16_t id; /* 1..; 0: free */
	bool gone;   /* the session or port is not there now */
	struct cst_watch_want want;
	uint32_t count, left; /* packets asked for, still to come */
};

/* Trace the next `count` packets that match; their steps come to stand in the logs. -ENOSPC: too
 * many filters, or packets that nobody has cleared away. */
int cst_trace_add(const struct cst_watch_want *want, uint32_t count, uint16_t *id,
		  struct cst_err *e);
int cst_trace_delete(uint16_t id, struct cst_err *e);
void cst_trace_clear(void); /* all filters, and all that was recorded */
/* All of them, free ones included; [CST_TRACE_FILTERS]. Lives until the next call. */
const struct cst_trace_filter *cst_trace_filters(void);
/* What was recorded, in the order of packets and of time; lives until the next cst_trace_clear().
 * Returns how many. */
uint32_t cst_trace_steps(const struct cst_trace_step *const **out);
/* The packet's number as told: from 1 on since the last cst_trace_clear(). */
uint32_t cst_trace_number(const struct cst_trace_step *s);
uint64_t cst_trace_lost(void); /* steps since then for which the logs had no room */
const struct cst_clock *cst_trace_clock(void);

/* ---- the capture --------------------------------------------------------------------------- */

/* CST_WATCH_ALL, _SESSION, or _PORT. conf->ports is filled in here. -EBUSY: there is one. */
int cst_capture_begin(const struct cst_watch_want *want, const struct cst_capture_conf *conf,
		      unsigned gid, struct cst_err *e);
/* -ENOENT: there is none. It has ended when cst_capture_state() says so. */
int cst_capture_end(struct cst_err *e);
/* Of the capture, or of the last one; `want` may be NULL. */
void cst_capture_state(struct cst_capture_info *out, struct cst_watch_want *want);
