/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side's books: sessions as kept, and who has which line, TEID,
 * address, peer. Control thread only, but for what the packet path reads in
 * upf_tables.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "net/net.h"
#include "upf_api.h"
#include "upf_compile.h"
#include "upf_core.h"
#include "upf_parts.h"
#include "upf_peer.h"
#include "upf_stray.h"
#include "upf_tables.h"

struct upf_capacity {
	uint32_t sessions, lines, states, slots;
	uint32_t teid_bits;
	uint32_t parts[UPF_PARTS];
};

extern struct cst_module upf_tables_module; /* also for tests that start nothing else */

int upf_books_open(const struct upf_capacity *c, struct cst_err *e);
void upf_books_close(void);
const struct upf_capacity *upf_books_capacity(void);

/* How much of everything is in use: equal before and after what leaves no trace. */
struct upf_inventory {
	uint32_t sessions, lines, states, teids, strays, addresses, peers, pools;
	uint32_t parts[UPF_PARTS];
};
void upf_inventory(struct upf_inventory *u);

/* Part of the above: upf_addr.c. */
void upf_pools_open(uint32_t slots);
void upf_pools_close(void);

/* ---- what a session holds ------------------------------------------------------ */

/* An F-TEID. */
struct upf_held_teid {
	uint32_t teid;
	uint16_t vrf;
	uint16_t pdr; /* CHOOSE without a choose id: the PDR it is for */
	uint8_t choose_id;
	uint8_t stray : 1;  /* chosen by the control plane: in the stray hash */
	uint8_t shared : 1; /* CHOOSE with `choose_id`: stays for the session's life */
	uint8_t fresh : 1;  /* taken in the running transaction */
	uint8_t gone : 1;   /* not taken over by the book that follows */
	uint8_t used : 1;   /* by a PDR of the running plan */
	uint8_t second : 1; /* of redundant transmission */
};

/* A UE address in one network instance. */
struct upf_held_addr {
	uint8_t b[8]; /* IPv4 in the first four; the upper half of IPv6 */
	uint16_t vrf;
	uint8_t pool; /* number; 0: in the stray hash */
	uint8_t v6 : 1;
	uint8_t fresh : 1, gone : 1;
	uint8_t bits : 4;   /* IPv6: prefix length is 64 less this */
	uint8_t chosen : 1; /* by coast */
};
_Static_assert(sizeof(struct upf_held_addr) == 12, "kept a million times");

/* A state line beyond the first, for sessions with more than three PDRs. */
struct upf_held_state {
	uint32_t line;
	uint8_t resting; /* bit k: count k is no longer used, but workers may still add to it */
	uint8_t fresh;
};

#define UPF_MAX_HELD_TEIDS  (2 * UPF_MAX_PDRS) /* the old ones and the new ones of a change */
#define UPF_MAX_HELD_ADDRS  32
#define UPF_MAX_HELD_STATES (UPF_MAX_PDRS / 2)
#define UPF_MAX_HELD_PARTS  512

/* A session as kept, one allocation: this, teids, addrs, states, parts, then the packed intent.
 * Replaced as a whole. */
struct upf_session {
	uint64_t seid;
	uint32_t line;       /* its run */
	uint32_t intent_len; /* bytes */
	uint32_t generation;
	uint32_t wake; /* UNIX time at which one of its PDRs begins or ends to match; 0: none */
	uint16_t n_teids, n_addrs, n_states, n_parts;
	uint16_t resting : 4;    /* of the first state line, as above */
	uint16_t planned : 1;    /* new in the running transaction */
	uint16_t changing : 1;   /* by the running transaction */
	uint16_t ended : 1;      /* deleted: no book follows that takes over what is not gone */
	uint16_t prepared : 1;   /* one of its FARs has a next tunnel */
	uint16_t superseded : 1; /* by another one of the running transaction */
	/* Whose it is: upf_owned.h. */
	uint16_t local : 1;      /* admitted by local authority, not yet handed over */
	uint16_t inert : 1;      /* its class's policies are in effect */
	uint16_t throttled : 1;  /* they limit its rate */
	uint16_t capped : 1;     /* they limit its buffer */
	uint16_t owed_data : 1;  /* downlink data that its owner could not be told of */
	uint16_t owed_error : 1; /* an Error Indication, likewise */
	uint8_t owner;           /* number; 0: nobody's */
	uint8_t spoken_high;     /* as spoken */
	uint16_t round;          /* its owner's when it was last put, modified or adopted by it */
	uint16_t spoken;         /* UNIX time of that, bits 0 to 15 and, spoken_high, 16 to 23 */
	struct upf_held_teid teids[];
};

_Static_assert(sizeof(struct upf_session) == 40, "kept a million times");

static inline struct upf_held_addr *upf_addrs(const struct upf_session *s)
{
	return (struct upf_held_addr *)(s->teids + s->n_teids);
}

static inline struct upf_held_state *upf_states(const struct upf_session *s)
{
	return (struct upf_held_state *)(upf_addrs(s) + s->n_addrs);
}

static inline struct upf_held_part *upf_parts(const struct upf_session *s)
{
	return (struct upf_held_part *)(upf_states(s) + s->n_states);
}

static inline uint8_t *upf_intent(const struct upf_session *s)
{
	return (uint8_t *)(upf_parts(s) + s->n_parts);
}

static inline const struct upf_rules *upf_run(const struct upf_session *s)
{
	return (const struct upf_rules *)((char *)upf_tables.lines + (uint64_t)s->line * 64);
}

static inline const struct upf_pdr *upf_run_pdrs(const struct upf_session *s)
{
	return (const struct upf_pdr *)(upf_run(s) + 1);
}

static inline unsigned upf_run_n(const struct upf_session *s)
{
	return upf_run(s)->n_ul + upf_run(s)->n_dl;
}

/* Through the records of a session's run by which packets are sent on: that of each PDR, and those
 * of its policy (where copies go, what holds once a quota is spent). A record that several PDRs
 * share comes once for each, as each holds its peer. Begin with the session alone, NULL: none. */
struct upf_walk {
	const struct upf_session *s;
	unsigned pdr, at;
	bool copy;   /* the record is a copy's, */
	bool second; /* the one by the second tunnel of redundant transmission */
};
const struct upf_pdr *upf_walk_next(struct upf_walk *w); /* NULL: that was all */
/* The peers of these records. */
void upf_run_each_peer(const struct upf_session *s, void (*fn)(uint32_t peer));

struct upf_session *upf_session_by_seid(uint64_t seid);
struct upf_session *upf_session_by_state(uint32_t state); /* its first state line */
struct upf_session *upf_session_by_ref(uint32_t ref);     /* of a slot; NULL: none */
uint32_t upf_state_lines(void);                           /* the highest state line there can be */
/* A new one, already while it is planned: refs to it come with the commit. False: full. */
bool upf_session_add(struct upf_session *s);
void upf_session_replace(struct upf_session *s); /* same seid, same state line */
void upf_session_forget(struct upf_session *s);

/* The intent of a kept session, decoded into `p`. */
int upf_session_unpack(const struct upf_session *s, struct cst_pool *p, struct upf_session_obj *out,
		       struct cst_err *e);
/* The same into memory that the next call takes again. NULL: there is no session, or it cannot be
 * decoded. */
const struct upf_session_obj *upf_session_decoded(const struct upf_session *s);

/* A free SEID for a session whose creator leaves the choice. */
uint64_t upf_session_new_seid(void);

/* ---- allocators: 0 is full, after waiting for what only rests ---------------------- */

uint32_t upf_lines_alloc(uint32_t n);
void upf_lines_free(uint32_t first, uint32_t n);
/* A run of an earlier life of coastd, in rising order and before any alloc. */
bool upf_lines_take(uint32_t first, uint32_t n);
uint32_t upf_state_alloc(void);      /* zeroed */
bool upf_state_claim(uint32_t line); /* as it was in an earlier life; false: not free */
void upf_state_free(uint32_t line);
/* A TEID of a free slot; never 0, never one that a control plane chose. */
uint32_t upf_teid_alloc(void);
bool upf_teid_claim(uint32_t teid); /* that of an earlier life; false: its slot is not free */
void upf_teid_free(uint32_t teid);

/* ---- UE addresses: upf_addr.c ------------------------------------------------------ */

/* Take an address (fills in pool, fresh). -EADDRINUSE with the holder, -ENOSPC. */
int upf_addr_take(struct upf_held_addr *a, struct cst_err *e);
/* Choose one of this family out of the pools of the network instance. */
int upf_addr_choose(struct upf_held_addr *a, struct cst_err *e);
/* Take an address of a pool for a session that is not there; false: it is not free. */
bool upf_addr_reserve(struct upf_held_addr *a);
/* It will be given up at commit. */
int upf_addr_leave(const struct upf_held_addr *a, struct cst_err *e);
/* Turn its slots over: workers see `ref` from now on; 0: it leads nowhere. */
void upf_addr_set(const struct upf_held_addr *a, uint32_t ref);
/* It has gone over to the session that its slots lead to. */
void upf_addr_settle(const struct upf_held_addr *a);
void upf_addr_free(const struct upf_held_addr *a); /* after the grace period */
/* Is a part of the prefix in a pool, or an address outside pools of another session than `seid`?
 * -EEXIST, -EADDRINUSE and which. */
int upf_pools_overlap(const struct cst_prefix *prefix, uint16_t vrf, struct cst_err *e);
int upf_strays_overlap(const struct cst_prefix *prefix, uint16_t vrf, uint64_t seid,
		       struct cst_err *e);
const char *upf_addr_text(const struct upf_held_addr *a, char buf[64]);
void upf_pools_inventory(struct upf_inventory *u);

/* Before a change of service prefixes: opens the network's stage when nobody has yet in this
 * transaction, whose end closes it (upf_ctl.c). */
int upf_net_open(struct cst_err *e);
