/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is configured of recoveries, paths and streams, by name: as it is, and as
 * the open transaction will leave it. Control thread only.
 *
 * An entry appears when something of its name is first planned and goes when
 * nothing of it is left. Objects are kept packed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prer_api.h"
#include "prer_mark.h"
#include "prer_stream.h"

enum prer_kind { PRER_RECOVERIES, PRER_PATHWAYS, PRER_STREAMS, PRER_KINDS };

struct prer_conf { /* a packed object; its length first */
	uint32_t len;
	char bytes[];
};

#define PRER_CLAIMS (1 + PRER_MAX_PATHS) /* identifications: sending, and each path's members */

/* A stream: what it refers to, and what is its own in the tables. */
struct prer_made {
	struct prer_entry *recovery, *path[PRER_MAX_PATHS]; /* by their place in the record */
	uint32_t line;                                      /* of its record */
	uint32_t ring, ring_lines, individual;
	uint32_t queue, queue_packets; /* of prer_reorder.h, 0: none */
	uint32_t claim[PRER_CLAIMS];   /* of prer_ident.h, 0: none */
	uint64_t claimed[PRER_CLAIMS]; /* hash of what it claims */
	uint32_t label;
	uint16_t in_port; /* that its frames come in by; 0: `in_tunnel` */
	uint32_t in_tunnel;
	bool by_session; /* it names one, which may come and go */
	uint16_t vrf;    /* held */
	uint8_t recovery_epoch, generator_epoch, paths_epoch, fresh; /* as in its record */
};

/* A path or a recovery. */
struct prer_shared {
	uint32_t at; /* its number in the tables */
	uint16_t port, vrf;
	uint32_t tunnel;
	uint32_t probe_ms; /* a path's: how often it is asked; 0: never */
	uint8_t misses;
};

struct prer_entry {
	struct prer_entry *chain;   /* same hash */
	struct prer_entry *touched; /* the next that this transaction is about */
	struct prer_conf *live, *next;
	uint64_t hash;
	uint32_t at;           /* in its kind's list, from 1 on; a path is known to health by it */
	uint32_t number;       /* a stream's; 0: none */
	uint32_t users;        /* streams that will refer to it */
	uint8_t kind;          /* enum prer_kind */
	bool is_touched;       /* `next` counts, NULL: it will be gone */
	bool put, next_put;    /* by somebody; else it comes with coast */
	struct prer_mark mark; /* of a stream that sends */
	bool claims_left;      /* of a stream: its claims were given up for this transaction */
	union {
		struct {
			struct prer_made made, made_next;
		};
		struct {
			struct prer_shared shared, shared_next;
		};
	};
	char name[PRER_NAME + 1];
};

/* As it will be when the transaction commits. NULL: there is none. */
struct prer_entry *prer_entry_find(enum prer_kind kind, const char *name);
/* As it is now. */
struct prer_entry *prer_entry_live(enum prer_kind kind, const char *name);
/* The transaction makes it `obj`, NULL: takes it away. NULL and an error: no memory. */
struct prer_entry *prer_entry_touch(enum prer_kind kind, const char *name, const void *obj,
				    struct cst_err *e);
/* It stays as it is, but what is made of it is made anew. */
void prer_entry_again(struct prer_entry *x);
/* Those that the transaction is about, in the order in which they were touched first. */
struct prer_entry *prer_entry_touched(void);
/* The end of it. */
void prer_entries_commit(void);
void prer_entries_abort(void);
/* It is not there and has no room: forget it. Those that are touched are left alone. */
void prer_entry_drop(struct prer_entry *x);

/* The object that it is (`live`) or will be; into `out`, with memory of `pool`. */
int prer_entry_read(const struct prer_entry *x, bool live, struct cst_pool *pool, void *out);
const struct cst_object *prer_object_of(enum prer_kind kind);

/* The one with `at` or the next behind it; NULL: no more. Those that are not live included. */
struct prer_entry *prer_entry_from(enum prer_kind kind, uint32_t at);
/* The one that has this number in the tables (a stream's, a path's, a recovery's); NULL: none. */
struct prer_entry *prer_entry_numbered(enum prer_kind kind, uint32_t number);
void prer_entry_number(enum prer_kind kind, uint32_t number, struct prer_entry *x);
uint64_t prer_name_hash(const char *name);
void prer_entries_fini(void);
