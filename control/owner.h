/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control owners: the named control units whose sessions these are, and what
 * becomes of the sessions when one is lost. Who keeps owners and policies (the
 * slice `inertia`) and who has owned objects (the slice `upf`) meet here and do
 * not know each other. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "object.h"

/* Numbers 1..63, kept over restarts; 0: nobody, such objects are never stale. */
#define CST_OWNERS 64

enum cst_owner_state {
	CST_OWNER_NONE,        /* no such owner */
	CST_OWNER_CONNECTED,   /* renews its lease */
	CST_OWNER_INERTIAL,    /* lost: its sessions go on without it */
	CST_OWNER_RECONCILING, /* came back, or an heir did: looks through what there is */
};

enum cst_role {
	CST_ROLE_OWNER,     /* the control unit itself */
	CST_ROLE_HEIR,      /* another one, which takes its place with a higher epoch */
	CST_ROLE_AUTHORITY, /* local authority: admits new users while the owner is away */
};

/* ---- who calls ----------------------------------------------------------- */

/* One per connection to the control socket, zero at first; written by owner.claim. */
struct cst_caller {
	uint8_t owner; /* number, 0: none was claimed */
	uint8_t role;  /* enum cst_role */
	uint32_t life; /* which owner had the number: of who keeps owners */
	uint64_t epoch;
	char client[64]; /* who says so, "smf-1" */
};
/* Of the call that runs; NULL: it does not come over a connection (start-up file, timers). */
struct cst_caller *cst_caller_get(void);

/* Called before each method that changes something; set by who keeps owners, NULL: nobody does.
 * -ESTALE "FENCED ..." when the caller's epoch is older than its owner's; -EPERM when the method
 * (NULL: none, who asks has looked itself) is not for its role. */
extern int (*cst_caller_gate)(const struct cst_caller *c, const char *method, struct cst_err *e);
/* Called before each call, whatever it does, of a connection with a claim: it lives. May be NULL.
 */
extern void (*cst_caller_seen)(const struct cst_caller *c);
/* Called when a connection with a claim ends; may not publish events. NULL: nobody asks. */
extern void (*cst_caller_gone)(const struct cst_caller *c);

/* ---- who keeps owners ---------------------------------------------------- */

#define CST_INERTIA_CLASSES 64 /* that may be put; one more, the last, matches all */

enum cst_quota_action { CST_QUOTA_DROP, CST_QUOTA_THROTTLE, CST_QUOTA_GRACE, CST_QUOTA_IGNORE };

/* What goes for a class of sessions while their owner is away; first match of all classes. */
struct cst_inertia_class {
	char name[64];
	uint64_t seconds;        /* how long they go on; 0: without end */
	bool drop_at_end;        /* else they are kept, and stay stale */
	uint8_t quota;           /* enum cst_quota_action, when one is spent */
	uint64_t grace_bytes;    /* CST_QUOTA_GRACE: so much more, then `throttle_kbps`, 0: drop */
	uint64_t throttle_kbps;  /* CST_QUOTA_THROTTLE: each direction */
	uint32_t buffer_packets; /* downlink packets that may wait, at most; 0: as the session has
				    it */
	bool suppress_error_indications;
};

/* What sessions are matched by; absent members are NULL or 0. */
struct cst_inertia_traits {
	const char *dnn;
	uint8_t sst;
	uint32_t sd; /* 24 bits; 0xffffff: none */
	uint8_t five_qi, arp;
	struct cst_ip ue[4];
	unsigned n_ue;
};

struct cst_owner_info {
	char name[64];
	enum cst_owner_state state;
};

/* Set by the slice that keeps owners; NULL without it. */
struct cst_owner_keeper {
	/* False: there is no such owner. */
	bool (*info)(unsigned owner, struct cst_owner_info *out);
	unsigned (*by_name)(const char *name); /* 0: none */
	/* Never NULL: the last class matches all. */
	const struct cst_inertia_class *(*match)(const struct cst_inertia_traits *t);
	/* May the caller create a session now, and whose will it be (its number, 0: nobody's)?
	 * Local authority: within its limits, for an owner that is away. Negative errno with the
	 * reason. */
	int (*admit)(const struct cst_caller *c, struct cst_err *e);
};
extern const struct cst_owner_keeper *cst_owner_keeper;

/* ---- who has owned objects ----------------------------------------------- */

struct cst_owned_counts {
	uint64_t all, stale, local; /* local: admitted by local authority, not yet handed over */
	uint64_t owed;              /* notifications that could not be delivered */
	uint64_t leaving;           /* of an owner that is gone: soon nobody's */
};

/* Since when an owner's time counts. One that was made or spoken of since counts from then. */
struct cst_owned_age {
	uint64_t lost_ms;  /* its latest loss */
	uint64_t stale_ms; /* for what is stale: the loss since which nobody spoke of it */
};

/* Registered once, by a constructor. */
struct cst_owned {
	const char *what; /* "sessions" */
	/* Methods that change something and are for local authority as well; ends with NULL. */
	const char *const *for_authority;
	/* The owner has gone from one state to another. INERTIAL: policies take effect.
	 * RECONCILING: everything of it is stale until it is adopted, updated or put again; replay
	 * what is owed; from RECONCILING: it goes on with that, after a loss or a restart, and what
	 * was adopted stays so. CONNECTED: policies end for what is not stale. NONE: it has said
	 * goodbye or was deleted, what it had is nobody's from now on. The state that owners have
	 * at start is told twice: before there is anything of theirs, and when there is. */
	void (*turn)(unsigned owner, enum cst_owner_state from, enum cst_owner_state to);
	void (*count)(unsigned owner, struct cst_owned_counts *out);
	/* A page of what the owner has: appends {"seid", "digest", "stale", "local", "class"} to
	 * `items`, at most `limit`; *cursor as in struct cst_page. */
	int (*page)(unsigned owner, bool stale_only, uint64_t *cursor, uint32_t limit,
		    json_t *items, struct cst_err *e);
	/* These (`ids` NULL: all that it has) are the owner's and no longer stale or local; nothing
	 * of their traffic changes. All or none: -ENOENT with the index, or why it cannot be kept.
	 */
	int (*adopt)(unsigned owner, const uint64_t *ids, unsigned n, struct cst_err *e);
	/* End at most `most` that are stale (while the owner is INERTIAL: of all it has) and whose
	 * time (cst_inertia_class.seconds) is over, unless their class keeps them; or stale ones of
	 * every class and age with `now`. With final reports. Returns how many. */
	unsigned (*sweep)(unsigned owner, const struct cst_owned_age *age, bool now, unsigned most);
	/* How many of all owners' go by this class, as last counted, and how long ago that was in
	 * *age_ms; -EAGAIN: the first count is under way. Who asks has them counted anew, at most
	 * once a second; of many this takes until some ticks later. */
	int64_t (*of_class)(const char *class, uint64_t *age_ms);
	struct cst_owned *next;
};
void cst_owned_add(struct cst_owned *o);
struct cst_owned *cst_owned_first(void);
