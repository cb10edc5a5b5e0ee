/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of prer_watch.h. */
#pragma once

#include <stddef.h>

#include "prer_flow.h"
#include "prer_watch.h"

/* What is remembered of a stream. */
struct prer_watched {
	struct prer_watch_look was; /* when its window began */
	struct prer_watch_window last;
	struct prer_watch_sums sums;
	uint32_t path[PRER_MAX_PATHS]; /* numbers, whose figures these are */
	uint32_t began_ms, took_ms;    /* modulo 2^32; began 0: never looked at */
	struct prer_watch_state state[PRER_MAX_PATHS];
	struct prer_watch_state history; /* degraded: too small; down: stuck */
	uint32_t needed;
	uint8_t silent; /* bit by path */
	uint8_t told;   /* bit by path: subscribers know that it is not up */
	bool latent_told;
	uint32_t latent_ms, latent_reset_ms, latent_errors, latent_resets;
	int64_t latent_base; /* CurBaseDifference */
};

/* Moments are kept modulo 2^32 ms, and never 0. */
static inline uint32_t prer_watch_ms(uint64_t now_ms)
{
	return (uint32_t)now_ms | 1;
}

/* Flows of other slices (prer_flow.h) are known by their number and this bit. */
#define PRER_WATCH_FLOW (1u << 31)

/* NULL: there is none. A flow's is made for the purpose, and holds until the next call. */
const struct prer_stream *prer_watch_record(uint32_t stream);

static inline const struct prer_state *prer_watch_state(uint32_t stream)
{
	return stream & PRER_WATCH_FLOW ? &prer_flows.flow[stream & ~PRER_WATCH_FLOW].state
					: &prer_tables.state[stream];
}

static inline const struct prer_params *prer_watch_params(const struct prer_stream *s)
{
	return s->flags & PRER_FLOW ? &prer_flows.params[s->recovery]
				    : &prer_tables.params[s->recovery];
}

/* Of paths 2 and 3; NULL: it has no more than two. */
static inline const struct prer_health *prer_watch_more(uint32_t stream)
{
	return (stream & PRER_WATCH_FLOW) || !prer_tables.more_health
		       ? NULL
		       : &prer_tables.more_health[(size_t)stream * 2];
}

static inline const struct prer_health *prer_watch_health(uint32_t stream, unsigned i)
{
	return i < 2 ? &prer_watch_state(stream)->health[i] : &prer_watch_more(stream)[i - 2];
}

static inline unsigned prer_watch_n_paths(const struct prer_stream *s)
{
	return s->n_paths < PRER_MAX_PATHS ? s->n_paths : PRER_MAX_PATHS;
}

/* Is there a path at this place? */
static inline bool prer_watch_there(const struct prer_stream *s, unsigned i)
{
	return i < prer_watch_n_paths(s) && (s->path[i] != 0 || (s->flags & PRER_FLOW));
}

/* Number of the path at this place; 0: there is none, or it is not one of ours. */
static inline uint32_t prer_watch_number(const struct prer_stream *s, unsigned i)
{
	return prer_watch_there(s, i) ? prer_tables.path[s->path[i]].number : 0;
}

/* NULL: nothing is known of it under its paths of now. */
const struct prer_watched *prer_watched(uint32_t stream, const struct prer_stream *s);
const struct prer_watch_ask *prer_watch_asked(void);
const char *prer_watch_name(uint32_t stream); /* "": it has none */
const char *prer_watch_path_name(const struct prer_stream *s, unsigned i);
/* A path that fails for a million streams is one event, its own; these are for the rest. */
bool prer_watch_may_tell(uint64_t now_ms);

/* The window of `w` has ended with `is`; w->last says what was in it. */
void prer_watch_close_window(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
			     const struct prer_watch_look *is, uint64_t now_ms);
/* Nothing came in it: that says nothing of the paths. */
void prer_watch_close_empty(struct prer_watched *w, uint64_t now_ms);
/* Latent error detection, at each visit. */
void prer_watch_latent(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
		       uint64_t now_ms);

/* What a stream's window says of a path; summed until the path is looked at. */
void prer_watch_path_add(uint32_t number, const struct prer_watch_facts *f, uint64_t first,
			 uint64_t passed, uint32_t lag_max_us);
/* As they were when the path was looked at last. */
struct prer_watch_limits prer_watch_path_limits(uint32_t number);
/* It has a stream with traffic. Of a round over all streams, which the next one replaces. */
void prer_watch_path_in_use(uint32_t number, uint32_t round);
void prer_watch_path_count(uint64_t by_mood[3]);
void prer_watch_path_tick(uint64_t now_ms);
void prer_watch_path_stop(void);

/* ---- prer_watch_totals.c: each stream in a round, those that are watched, its end ------------ */

void prer_watch_total(const struct prer_state *s);
void prer_watch_total_watched(const struct prer_watched *w);
void prer_watch_total_round(void);
