/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Near its bound the journal makes one entry of two neighbours of a rule. Each
 * entry is looked at once, with the one before it of its rule, so that no entry
 * that must stay by itself is ever passed over. What a page has shown is not taken up
 * by a later one: who reads on would have its usage twice.
 */
#include <stdlib.h>

#include "journal/journal_int.h"

#define STEPS_A_TICK  1024
#define BUSY_MS       20 /* of a tick's 100 */
#define LOOKS_A_CLOCK 32 /* entries between two looks at the clock */

static bool may(const struct jnl_entry *older, const struct jnl_entry *newer)
{
	return older != NULL && older->mergeable && newer->mergeable &&
	       older->number > journal.shown && older->type == newer->type &&
	       older->owner == newer->owner && !older->pending && !newer->pending;
}

/* The newer one's text when it has taken up the older, malloc'd; NULL: they stay two. */
static char *merged_text(const struct jnl_entry *older, const struct jnl_entry *newer,
			 uint64_t *time_ms)
{
	const struct jnl_type *t = jnl_type(newer->type);
	struct jnl_head head;
	json_t *a, *b;
	char *text = NULL;

	if (t == NULL || t->merge == NULL)
		return NULL;
	a = jnl_event(older, &head);
	b = jnl_event(newer, NULL);
	if (a != NULL && b != NULL &&
	    t->merge(json_object_get(a, "data"), json_object_get(b, "data")))
		text = json_dumps(b, JSON_COMPACT);
	json_decref(a);
	json_decref(b);
	*time_ms = head.time_ms; /* it is as old as the oldest in it */
	return text;
}

/* One of a tick's merges, undone when the store does not take them. */
struct step {
	uint64_t older, newer;
	uint32_t len; /* of the newer one, before */
};

static struct step steps[STEPS_A_TICK];

/* The older one stays until the store has both changes: all of a tick go there together. */
static bool merge(const struct jnl_entry *older, struct jnl_entry *newer, struct step *s)
{
	uint64_t time_ms;
	uint32_t len;
	char *text = merged_text(older, newer, &time_ms), *value;
	uint8_t key[8];

	value = text != NULL ? jnl_value(newer, time_ms, text, &len) : NULL;
	free(text);
	if (value == NULL)
		return false;
	jnl_number_key(newer->number, key);
	cst_store_put(CST_DB_JOURNAL, key, sizeof(key), value, len);
	jnl_number_key(older->number, key);
	cst_store_del(CST_DB_JOURNAL, key, sizeof(key));
	*s = (struct step){.older = older->number, .newer = newer->number, .len = newer->len};
	free(newer->value);
	newer->value = value;
	jnl_resize(newer, len);
	return true;
}

static void finish(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct jnl_entry *older = jnl_find(steps[i].older);
		struct jnl_entry *newer = jnl_find(steps[i].newer);

		newer->since = older->since;
		if (cst_store_is_open()) {
			free(newer->value);
			newer->value = NULL;
		}
		jnl_remove(older);
	}
	journal.merged += n;
	jnl_pack();
}

static void undo(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct jnl_entry *newer = jnl_find(steps[i].newer);

		free(newer->value);
		newer->value = NULL;
		jnl_resize(newer, steps[i].len);
	}
	journal.looked = 0;
	for (size_t i = jnl_first(); i < jnl_n(); i++)
		if (!jnl_at(i)->dead)
			jnl_at(i)->rule->seen = 0;
}

void jnl_merge(void)
{
	int64_t end = jnl_now() + BUSY_MS;
	unsigned looks = 0, n = 0;

	if (jnl_total.bytes <= journal.bound / 4 * 3 || journal.pending != 0)
		return;
	for (size_t i = jnl_from(journal.looked + 1); i < jnl_n() && n < STEPS_A_TICK; i++) {
		struct jnl_entry *en = jnl_at(i), *before;

		if (++looks % LOOKS_A_CLOCK == 0 && jnl_now() >= end)
			break;
		if (!en->dead) {
			before = en->rule->seen != 0 ? jnl_find(en->rule->seen) : NULL;
			n += may(before, en) && merge(before, en, &steps[n]);
			en->rule->seen = en->number;
		}
		journal.looked = en->number;
	}
	if (n == 0)
		return;
	if (cst_store_write(NULL) == 0)
		finish(n);
	else
		undo(n);
}
