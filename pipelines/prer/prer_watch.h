/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The health of streams and paths, told from what workers count: losses, delay
 * differences, whether paths fail together, whether a history is long enough.
 * Streams with traffic are looked at one after the other, so much at a time that
 * the control thread stays free; a window of a stream is half a second or longer,
 * until some hundred numbers went by. Events follow with hysteresis
 * (prer_watch_judge.h). Control thread only.
 *
 * Memory is the control thread's own, about 300 octets for each stream that had
 * traffic; nothing of it outlives coastd.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prer_watch_judge.h"
#include "prer_watch_window.h"

#define PRER_WATCH_LEAST_MS   500   /* of a window, */
#define PRER_WATCH_LEAST      100   /* numbers in it, */
#define PRER_WATCH_MOST_MS    10000 /* unless it took so long */
#define PRER_WATCH_SLICE_US   3000  /* of a tick, for streams */
#define PRER_WATCH_PATHS_MS   300   /* between two looks at all paths */
#define PRER_WATCH_MAX_EVENTS 50    /* about streams in a second; others are not told */

/* ---- asked of the objects -------------------------------------------------- */

struct prer_watch_path_conf {
	const char *name;
	struct prer_watch_limits limits;
};

struct prer_watch_latent {
	uint32_t difference, period_ms, reset_period_ms;
};

struct prer_watch_ask {
	const char *(*stream)(uint32_t stream); /* of a flow, too; NULL: none */
	uint32_t (*find)(const char *name);     /* and the stream of this name; 0: none */
	/* By struct prer_path.number; false: no such path. `cause`, unless NULL: why nothing can
	 * come by it, as far as that needs no traffic to be known. */
	bool (*path)(uint32_t number, struct prer_watch_path_conf *out, enum prer_watch_why *cause);
	/* Latent error detection of this recovery; false: none. */
	bool (*latent)(uint16_t recovery, struct prer_watch_latent *out);
};

/* Before start. Without it streams have no names and no limits. Functions may be NULL. */
void prer_watch_ask(const struct prer_watch_ask *ask);

/* ---- figures -------------------------------------------------------------- */

/* One path of a stream, in the last window. */
struct prer_watch_member {
	bool there; /* else this place is free */
	struct prer_watch_state state;
	double rate;  /* packets per second */
	double share; /* of the packets passed, those by this path: it carries */
	double loss, loss_long;
	uint32_t lag_us, lag_max_us; /* of second copies behind first ones; 0: none measured */
	uint32_t out_of_order;       /* in the window */
	int32_t ahead;               /* numbers, of what was passed last */
};

struct prer_watch_figures {
	uint32_t window_ms;       /* 0: no window was closed yet, nothing else counts */
	double rate;              /* numbers per second, lost ones included */
	double joint, joint_long; /* share that no path brought */
	double at_most;           /* of joint_long: 95 % confident */
	bool has_rho, has_rho_long;
	double rho, rho_long;     /* correlation of the losses of two paths */
	double independent;       /* what joint_long would be without correlation */
	uint32_t rogue;           /* in the window */
	uint32_t history, needed; /* numbers; needed: what delay differences ask for */
	bool too_small;
	bool stuck; /* all that comes is taken for rogue, and nothing is passed */
	uint32_t latent_errors, latent_resets; /* since start; signals, and LatentErrorResets */
	unsigned n_paths;                      /* places */
	struct prer_watch_member path[PRER_MAX_PATHS];
};

/* False: no such stream, or no traffic yet. */
bool prer_watch_get(uint32_t stream, struct prer_watch_figures *out);

/* A path by its number, all its streams together. */
struct prer_watch_path_figures {
	struct prer_watch_state state; /* as it is, all causes considered */
	uint32_t streams;              /* that have traffic */
	double rate, loss, share;
	uint32_t lag_us, lag_max_us;
};
void prer_watch_get_path(uint32_t number, struct prer_watch_path_figures *out);

/* All streams and paths, as the last round over them found them. */
struct prer_watch_totals {
	uint64_t streams, active, too_small, stuck; /* active: with traffic to be eliminated */
	uint64_t generated, encode_errored;
	uint64_t passed, discarded, rogue, out_of_order, lost, lost_guarded, tagless;
	uint64_t paths[3]; /* by enum prer_watch_mood */
};
/* Any thread. */
void prer_watch_get_totals(struct prer_watch_totals *out);

/* ---- for the parts of it, and tests ---------------------------------------- */

extern uint64_t prer_watch_hz; /* of the TSC; set at start */
void prer_watch_tick(uint64_t now_ms);
/* Everything is forgotten. */
void prer_watch_stop(void);
