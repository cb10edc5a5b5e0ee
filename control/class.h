/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes of managed objects and the walk of a change: decode -> plan ->
 * compile -> persist -> commit. A call is a transaction over one or more
 * objects; any error before commit leaves no trace, after it nothing can fail.
 *
 * A slice registers its classes (constructor); the control socket then has
 * CLASS.put, .delete, .get, .list, coast.yaml has the key `plural`, coastctl has the
 * object, the manual has the page. X_api.c defines and registers the class, so that
 * programs without a data plane know it; X_ctl.c puts its functions into it
 * (constructor as well). A function that is not there is refused as -ENOTSUP.
 */
#pragma once

#include <stdbool.h>

#include "err.h"
#include "object.h"

struct cst_txn {
	struct cst_pool *pool; /* decoded requests; dies with the transaction */
	bool check_only;       /* coastd --check: no EAL, stop before commit */
	bool startup;          /* of a start: from its file and from the store */
};

/* What takes part in transactions: one per slice. What is to outlive coastd goes into the store's
 * batch (store.h) in plan or compile; it is written between compile and commit. The order of calls
 * is: begin (before the slice's first plan of this transaction), plan..., compile, then commit or
 * abort. Exactly one of commit and abort follows a begin that succeeded. Parties compile and commit
 * in the order in which they began, and abort in the opposite one. Any of the four may be NULL. A
 * check-only transaction compiles and then aborts. */
struct cst_party {
	const char *name;
	int (*begin)(struct cst_txn *t, struct cst_err *e);
	int (*compile)(struct cst_txn *t, struct cst_err *e);
	void (*commit)(struct cst_txn *t);
	void (*abort)(struct cst_txn *t);
	bool open; /* this and `next`: kept by the transaction code */
	struct cst_party *next;
};

struct cst_page {             /* a listing, a page at a time */
	const json_t *filter; /* members to match, as in the request; NULL: all */
	uint32_t limit;       /* at most this many */
	uint64_t cursor;      /* where to go on; 0: from the start. Out: 0 when at the end */
	json_t *items;        /* append to it */
	bool config;          /* what was configured alone, not what coastd learnt (config.get) */
};
/* Does the item have each member that the filter names, as it names it? */
bool cst_page_wants(const struct cst_page *page, const json_t *item);

struct cst_class {
	const struct cst_object *object; /* its key fields identify it */
	const char *plural;              /* key in coast.yaml */
	int order;                       /* in which classes of a file are applied */
	bool singleton;          /* one object and no key: an object, not a list, in coast.yaml */
	struct cst_party *party; /* NULL: the class changes nothing live */

	/* Plan one change. `obj` is decoded, complete, in t->pool. May fail; touches nothing live.
	 * What it allocates, abort gives back. What it chooses (CST_F_AUTO) it may write into obj,
	 * by a cast, for reply() to find. -ENOENT with e->field set: the object named by that field
	 * is not there. */
	int (*put)(struct cst_txn *t, const void *obj, struct cst_err *e);
	int (*modify)(struct cst_txn *t, const void *obj,
		      struct cst_err *e);       /* partial; may be NULL */
	const struct cst_object *modify_object; /* shape of modify requests; NULL: `object` */
	int (*del)(struct cst_txn *t, const void *key, struct cst_err *e);

	/* What the reply to put/modify of this obj says: one JSON object, e.g. with created
	 * F-TEIDs. After commit. NULL: {}. */
	void (*reply)(const void *obj, struct cst_text *out);
	/* Same for a delete: what was still to be said of it. */
	void (*del_reply)(const void *key, struct cst_text *out);

	/* State fields included. -ENOENT with the reason when there is none. */
	int (*get)(const void *key, json_t **out, struct cst_err *e);
	int (*list)(struct cst_page *page, struct cst_err *e);
	const struct cst_object *filter_object; /* what lists are filtered by; NULL: `object` */
	bool config; /* shown by config.get, kept by coast.yaml and as a whole in the store */
	/* Its objects outlive coastd by themselves: those of coast.yaml are put once they are back
	 * (module.h: resume). */
	bool late;
	struct cst_class *next;
};

void cst_class_add(struct cst_class *c);
const struct cst_class *cst_class_first(void);                   /* in rising order */
const struct cst_class *cst_class_by_name(const char *name);     /* "port" */
const struct cst_class *cst_class_by_plural(const char *plural); /* "ports" */

#define CST_CLASS(var)                                                           \
	static void __attribute__((constructor, used)) cst_class_reg_##var(void) \
	{                                                                        \
		cst_class_add(&var);                                             \
	}                                                                        \
	struct cst_swallow_semicolon

enum cst_op { CST_OP_PUT, CST_OP_MODIFY, CST_OP_DELETE };

/* Run one all-or-nothing call over an array of request objects (JSON), or over a single one.
 * `reply` (may be NULL) gets an array of replies, one per object, {} when there is nothing to say;
 * of cst_txn_run_node() the text of the replies with commas between, appended.
 * On error e->field starts with the object's index when there are several: "[3].pdrs[0].far_id". */
int cst_txn_run(const struct cst_class *c, enum cst_op op, const json_t *objs, json_t **reply,
		struct cst_err *e);
int cst_txn_run_node(const struct cst_class *c, enum cst_op op, const struct cst_node *objs,
		     struct cst_text *reply, struct cst_err *e);

/* What is configured now, in the shape of coast.yaml: classes with .config, state fields left out.
 * New reference; NULL with the reason when a listing fails. */
json_t *cst_config_dump(struct cst_err *e);
