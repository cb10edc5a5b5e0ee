/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of control/journal share among themselves. */
#pragma once

#include "journal.h"
#include "module.h"
#include "store.h"

/* ---- index.c: what there is, in memory ----------------------------------- */

struct jnl_rule { /* of a (subject, rule) that ever had an entry */
	struct jnl_rule *next;
	uint64_t subject;
	uint64_t seen; /* number of the latest entry that was looked at for merging */
	uint32_t rule;
	uint32_t seqn;    /* highest so far, CST_JOURNAL_NO_RULE has none */
	uint32_t entries; /* in the journal */
	bool gone;        /* forgotten once it has no entries */
	bool noted;       /* its UR-SEQN is in the store by itself */
};

struct jnl_entry {
	uint64_t number; /* of the event */
	const struct cst_event_type *type;
	struct jnl_rule *rule;
	char *value;   /* malloc'd; NULL: in the store */
	int64_t since; /* CLOCK_MONOTONIC, ms; that of an earlier life may be below 0 */
	uint32_t len;  /* of the value */
	uint32_t seqn;
	uint8_t owner;
	bool mergeable;
	bool dead;    /* left behind, until the array is packed */
	bool pending; /* the store has yet to take it */
};

struct jnl_count {
	uint64_t entries, bytes;
};

extern struct jnl_count jnl_counts[256]; /* by owner */
extern struct jnl_count jnl_total;

/* Entries in rising order of numbers, dead ones among them. */
size_t jnl_n(void);
struct jnl_entry *jnl_at(size_t i);
/* Index of the first with this number or a higher one. */
size_t jnl_from(uint64_t number);
struct jnl_entry *jnl_find(uint64_t number); /* NULL: none */
/* Appends; the number is above all others. NULL: out of memory. Valid until the next one. */
struct jnl_entry *jnl_add(const struct jnl_entry *en);
void jnl_remove(struct jnl_entry *en);
void jnl_resize(struct jnl_entry *en, uint32_t len);
size_t jnl_first(void); /* index of the first that is not dead; jnl_n(): none */
/* Take out the dead when they are many; indices change. */
void jnl_pack(void);
/* `make`: NULL only when out of memory. */
struct jnl_rule *jnl_rule(uint64_t subject, uint32_t rule, bool make);
/* Each rule of the subject that is known; `fn` may drop it. */
void jnl_rules_of(uint64_t subject, void (*fn)(struct jnl_rule *r));
void jnl_rule_drop(struct jnl_rule *r);
void jnl_clear(void);

/* ---- value.c: how an entry is kept --------------------------------------- */

/* The value: {header, text of the event's params}, malloc'd. `time_ms` is CLOCK_REALTIME. */
char *jnl_value(const struct jnl_entry *en, uint64_t time_ms, const char *text, uint32_t *len);
struct jnl_head {
	struct cst_journal_key key;
	uint64_t time_ms;
};
/* The text in a value that is sound and belongs to this number; NULL: it is damaged. */
const char *jnl_parse(uint64_t number, const void *value, size_t len, struct jnl_head *head);
/* The text of an entry, wherever it is kept; valid until the store is asked again. NULL: damaged.
 * `head` may be NULL. */
const char *jnl_text(const struct jnl_entry *en, struct jnl_head *head);
/* The same as JSON. New reference. */
json_t *jnl_event(const struct jnl_entry *en, struct jnl_head *head);

/* UR-SEQN of a rule by itself. */
#define JNL_SEQN_KEY 13 /* sorts behind all entries */
void jnl_seqn_key(const struct jnl_rule *r, uint8_t key[JNL_SEQN_KEY]);
void jnl_put_seqn(const struct jnl_rule *r); /* into the batch */
/* False: damaged. */
bool jnl_load_seqn(const void *key, const void *value, size_t len);
void jnl_number_key(uint64_t number, uint8_t key[8]);
uint64_t jnl_number_of(const uint8_t key[8]);

/* ---- journal.c ----------------------------------------------------------- */

struct jnl_state {
	uint64_t bound;  /* bytes */
	uint64_t max_ms; /* age */
	uint64_t looked; /* entries up to this number were looked at for merging */
	uint64_t shown;  /* the highest that a page had: somebody may have booked those up to it */
	uint64_t pending, pending_bytes;
	uint64_t merged, exported, acknowledged, lost;
	int64_t next_age, next_export; /* when to look for old ones, when to try an export again */
	char store_error[192];         /* why the store cannot take entries, "": it can */
	char export_error[192];        /* why they cannot be exported */
};
extern struct jnl_state journal;

int64_t jnl_now(void);
/* What is damaged or finds no room is dropped: counted, and told the first time. */
void jnl_lose(struct jnl_entry *en, const char *why);
/* Remove these entries: from the store in one batch, then from memory. On an error nothing is. */
int jnl_take(const uint64_t *numbers, size_t n, struct cst_err *e);

/* ---- type.c: what is known of event types -------------------------------- */

struct jnl_type {
	const struct cst_event_type *type;
	cst_journal_merge merge;
	const char *const *columns;
};
/* NULL: nothing is. */
const struct jnl_type *jnl_type(const struct cst_event_type *t);
const struct jnl_type *jnl_type_at(unsigned i); /* NULL: no more */
const struct cst_event_type *jnl_type_by_name(const char *name);

/* ---- merge.c, export.c: bounds ------------------------------------------- */

/* Merge neighbours while there is more than three quarters of the bound, a few at a time. */
void jnl_merge(void);
/* Export what is too old, or too much. */
void jnl_bound(void);

/* ---- record.c ------------------------------------------------------------ */

/* A line of names, a line of values; new references. */
json_t *jnl_csv_head(void);
json_t *jnl_csv_line(const struct jnl_entry *en, const json_t *event);
