/* SPDX-License-Identifier: BSD-3-Clause */
/* From publication to acknowledgement, and over a restart. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/journal_int.h"
#include "log.h"
#include "now.h"

#define RETRIES_A_TICK 1024
#define REFUSES_MS     1000 /* a store that has just failed is not asked for what may wait */

struct jnl_state journal = {.bound = 64ull << 20, .max_ms = 168ull * 3600 * 1000};

static uint64_t pending_from; /* none before this number waits for the store */
static int64_t refused_at;    /* when the store failed last */

int64_t jnl_now(void)
{
	return (int64_t)cst_now_ms();
}

/* ---- into the store ------------------------------------------------------ */

/* The rule's UR-SEQN by itself. */
static void put_note(struct jnl_rule *r)
{
	jnl_put_seqn(r);
	r->noted = true;
}

static void drop_note(const struct jnl_rule *r)
{
	uint8_t key[JNL_SEQN_KEY];

	jnl_seqn_key(r, key);
	cst_store_del(CST_DB_JOURNAL, key, sizeof(key));
}

static void put(const struct jnl_entry *en, const char *value)
{
	const struct jnl_rule *r = en->rule;
	uint8_t key[8];

	jnl_number_key(en->number, key);
	cst_store_put(CST_DB_JOURNAL, key, sizeof(key), value, en->len);
	if (r->noted && r->seqn == en->seqn) /* the entry itself tells it from now on */
		drop_note(r);
}

static bool write_batch(void)
{
	struct cst_err e = {0};

	if (cst_store_write(&e) == 0) {
		if (journal.store_error[0] != '\0')
			LOG_NOTICE("the store takes the journal's entries again");
		journal.store_error[0] = '\0';
		return true;
	}
	refused_at = jnl_now();
	if (journal.store_error[0] == '\0')
		LOG_ERR("the journal is kept in memory only: %s", e.reason);
	snprintf(journal.store_error, sizeof(journal.store_error), "%.191s", e.reason);
	return false;
}

static void taken(struct jnl_entry *en)
{
	en->rule->noted = en->rule->noted && en->rule->seqn != en->seqn;
	free(en->value);
	en->value = NULL;
}

static void not_pending(struct jnl_entry *en)
{
	en->pending = false;
	journal.pending--;
	journal.pending_bytes -= en->len;
}

/* It came with the batch of the change that brought it about. */
static bool arrived(const struct jnl_entry *en)
{
	const void *value;
	uint8_t key[8];
	size_t len;

	jnl_number_key(en->number, key);
	return cst_store_get(CST_DB_JOURNAL, key, sizeof(key), &value, &len) == 1;
}

static void settle(struct jnl_entry *en)
{
	taken(en);
	not_pending(en);
}

/* Once more, what the store did not take. */
static void retry(void)
{
	size_t from = jnl_from(pending_from), n = 0, i;

	for (i = from; i < jnl_n() && n < RETRIES_A_TICK; i++) {
		struct jnl_entry *en = jnl_at(i);

		if (!en->pending)
			continue;
		if (arrived(en)) {
			settle(en);
			continue;
		}
		put(en, en->value);
		n++;
	}
	if (n > 0 && !write_batch())
		return;
	pending_from = i > 0 ? jnl_at(i - 1)->number + 1 : 0;
	while (i-- > from)
		if (jnl_at(i)->pending)
			settle(jnl_at(i));
}

void jnl_lose(struct jnl_entry *en, const char *why)
{
	if (journal.lost++ == 0)
		LOG_ERR("journal: event %llu is lost: %s", (unsigned long long)en->number, why);
	if (en->pending)
		not_pending(en);
	jnl_remove(en);
}

/* ---- publication --------------------------------------------------------- */

static void wait_for_store(struct jnl_entry *en)
{
	en->pending = true;
	if (journal.pending++ == 0)
		pending_from = en->number;
	journal.pending_bytes += en->len;
}

static bool refuses(void)
{
	return journal.store_error[0] != '\0' && cst_store_mark() == 0 &&
	       jnl_now() - refused_at < REFUSES_MS;
}

/* As if it had not come. `was`: its rule before it, NULL: there was none. */
static void take_back(struct jnl_entry *en, const struct jnl_rule *was)
{
	struct jnl_rule *r = en->rule;

	if (was != NULL) {
		r->seqn = was->seqn;
		r->gone = was->gone;
	}
	jnl_remove(en);
	if (was == NULL)
		jnl_rule_drop(r);
}

static int keep(const struct cst_event_type *t, const struct cst_journal_key *k, const char *text)
{
	const struct jnl_rule *known = jnl_rule(k->subject, k->rule, false);
	const struct jnl_rule was = known != NULL ? *known : (struct jnl_rule){0};
	struct jnl_rule *r = jnl_rule(k->subject, k->rule, true);
	struct jnl_entry en = {.number = cst_event_next(),
			       .type = t,
			       .rule = r,
			       .since = jnl_now(),
			       .seqn = k->seqn,
			       .owner = k->owner,
			       .mergeable = k->mergeable},
			 *kept;
	bool within; /* a change whose batch is open, and is not to be torn */

	if (r == NULL)
		goto lost;
	if (r->gone || k->seqn > r->seqn)
		r->seqn = k->seqn;
	r->gone = false;
	en.value = jnl_value(&en, cst_unix_ms(), text, &en.len);
	kept = en.value != NULL ? jnl_add(&en) : NULL;
	if (kept == NULL)
		goto lost;
	if (!cst_store_is_open())
		return 0;
	within = cst_store_mark() > 0;
	put(kept, kept->value);
	if (!within && write_batch()) {
		taken(kept);
		return 0;
	}
	if (!within && k->may_wait)
		take_back(kept, known != NULL ? &was : NULL);
	else
		wait_for_store(kept);
	return within ? 0 : -EIO;
lost:
	free(en.value);
	if (journal.lost++ == 0)
		LOG_ERR("journal: event %llu is not kept: out of memory",
			(unsigned long long)en.number);
	return 0;
}

int cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			json_t *data)
{
	char *text;
	int rc;

	if (k->may_wait && refuses()) {
		json_decref(data);
		return -EIO;
	}
	text = cst_event_text(t, data);
	rc = text != NULL ? keep(t, k, text) : 0;
	if (rc == 0 || !k->may_wait)
		cst_event_send(t, text);
	free(text);
	/* a change whose batch is open is not to be torn: the next tick sees to it */
	if (jnl_total.bytes > journal.bound && cst_store_mark() == 0)
		jnl_bound();
	return rc;
}

/* ---- removal ------------------------------------------------------------- */

static void del(const struct jnl_entry *en)
{
	struct jnl_rule *r = en->rule;
	uint8_t key[8];

	jnl_number_key(en->number, key);
	cst_store_del(CST_DB_JOURNAL, key, sizeof(key));
	if (r->rule != CST_JOURNAL_NO_RULE && en->seqn == r->seqn)
		put_note(r);
}

int jnl_take(const uint64_t *numbers, size_t n, struct cst_err *e)
{
	struct jnl_entry *en;
	int ret;

	for (size_t i = 0; i < n; i++)
		del(jnl_find(numbers[i]));
	ret = cst_store_write(e);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++) {
		en = jnl_find(numbers[i]);
		if (en->pending)
			not_pending(en);
		/* with the last entry of a rule that is gone its UR-SEQN goes too */
		if (en->rule->gone && en->rule->entries == 1)
			drop_note(en->rule);
		jnl_remove(en);
	}
	(void)cst_store_write(NULL); /* a note that stays is no more than a few bytes */
	jnl_pack();
	return 0;
}

static void forget(struct jnl_rule *r)
{
	r->gone = true;
	if (r->entries == 0) {
		if (r->noted)
			drop_note(r);
		jnl_rule_drop(r);
	} else if (r->rule != CST_JOURNAL_NO_RULE) {
		put_note(r);
	}
}

void cst_journal_forget(uint64_t subject)
{
	jnl_rules_of(subject, forget);
}

/* ---- looking at it ------------------------------------------------------- */

static uint64_t age_of_oldest(int owner)
{
	int64_t now = jnl_now(), oldest = now;

	for (size_t i = jnl_first(); i < jnl_n(); i++) {
		const struct jnl_entry *en = jnl_at(i);

		if (!en->dead && (owner < 0 || en->owner == owner) && en->since < oldest)
			oldest = en->since;
	}
	return (uint64_t)(now - oldest);
}

void cst_journal_info(int owner, struct cst_journal_info *out)
{
	const struct jnl_count *c = owner < 0 ? &jnl_total : &jnl_counts[owner & 0xff];

	*out = (struct cst_journal_info){
		.entries = c->entries,
		.bytes = c->bytes,
		.oldest_ms = c->entries > 0 ? age_of_oldest(owner) : 0,
		.pending = journal.pending,
		.merged = journal.merged,
		.exported = journal.exported,
		.acknowledged = journal.acknowledged,
		.lost = journal.lost,
		.last_number = jnl_n() > 0 ? jnl_at(jnl_n() - 1)->number : 0,
	};
}

uint32_t cst_journal_next_seqn(uint64_t subject, uint32_t rule)
{
	const struct jnl_rule *r = jnl_rule(subject, rule, false);

	return r != NULL && !r->gone ? r->seqn + 1 : 0;
}

/* ---- from start to stop -------------------------------------------------- */

static uint64_t highest; /* of the numbers found */

/* As cst_event_text() begins; the whole of it is not parsed for this. */
static const struct cst_event_type *type_in(const char *text)
{
	char name[64];

	return sscanf(text, "{\"seq\":%*u,\"type\":\"%63[^\"]", name) == 1 ? jnl_type_by_name(name)
									   : NULL;
}

static bool load_entry(uint64_t number, const void *value, size_t len)
{
	uint64_t now = cst_unix_ms();
	struct jnl_head head;
	const char *text = jnl_parse(number, value, len, &head);
	struct jnl_entry en = {.number = number, .len = (uint32_t)len};

	en.type = text != NULL ? type_in(text) : NULL;
	if (en.type == NULL)
		return false;
	en.rule = jnl_rule(head.key.subject, head.key.rule, true);
	en.since = jnl_now() - (now > head.time_ms ? (int64_t)(now - head.time_ms) : 0);
	en.seqn = head.key.seqn;
	en.owner = head.key.owner;
	en.mergeable = head.key.mergeable;
	if (en.rule == NULL || jnl_add(&en) == NULL)
		return false;
	en.rule->seqn = en.seqn;
	highest = number;
	return true;
}

static int load(void *arg, const void *key, size_t klen, const void *value, size_t len)
{
	bool ok = klen == 8              ? load_entry(jnl_number_of(key), value, len)
		  : klen == JNL_SEQN_KEY ? jnl_load_seqn(key, value, len)
					 : false;

	if (!ok && journal.lost++ == 0)
		LOG_ERR("journal: an entry is damaged or of a kind that this coastd does not know; "
			"it stays in the store and is left out");
	(void)arg;
	return 0;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	int ret;

	journal = (struct jnl_state){.bound = (uint64_t)sys->journal_mb << 20,
				     .max_ms = (uint64_t)sys->journal_hours * 3600 * 1000};
	highest = 0;
	ret = cst_store_each(CST_DB_JOURNAL, NULL, 0, load, NULL);
	if (ret < 0)
		return cst_err(e, ret, NULL, "the journal cannot be read from the store");
	cst_event_begin_after(highest);
	if (jnl_total.entries > 0)
		LOG_NOTICE("journal: %llu events wait to be acknowledged",
			   (unsigned long long)jnl_total.entries);
	return 0;
}

static void tick(uint64_t now_ms)
{
	if (journal.pending > 0)
		retry();
	jnl_merge();
	jnl_bound();
	(void)now_ms;
}

static void stop(void)
{
	if (journal.pending > 0)
		retry();
	jnl_clear();
}

static struct cst_module module = {
	.name = "journal",
	.order = -10, /* before anybody publishes: numbers go on behind those that are kept */
	.start = start,
	.tick = tick,
	.stop = stop,
};
CST_MODULE(module);
