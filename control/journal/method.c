/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal on the control socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal_int.h"
#include "owner.h"

#define NUMBERS 1000

/* ---- owners -------------------------------------------------------------- */

static json_t *owner_text(unsigned owner)
{
	struct cst_owner_info info;

	if (owner == 0)
		return json_string("none");
	if (cst_owner_keeper != NULL && cst_owner_keeper->info(owner, &info))
		return json_string(info.name);
	return json_sprintf("%u", owner);
}

/* The number, or -ENOENT. One that is gone may still be named by its number. */
static int owner_of(const char *name, struct cst_err *e)
{
	unsigned long number;
	char *end;

	number = cst_owner_keeper != NULL ? cst_owner_keeper->by_name(name) : 0;
	if (number != 0)
		return (int)number;
	if (strcmp(name, "none") == 0)
		return 0;
	number = strtoul(name, &end, 10);
	if (*end == '\0' && name[0] >= '0' && name[0] <= '9' && number < CST_OWNERS)
		return (int)number;
	return cst_err(e, -ENOENT, "owner", "there is no owner %s, and no events of one", name);
}

/* ---- pages --------------------------------------------------------------- */

struct page_params {
	uint64_t has;
	const char *owner;
	uint64_t subject;
	uint64_t cursor;
	uint32_t limit;
	uint8_t format;
};
enum { PAGE_OWNER, PAGE_SUBJECT, PAGE_CURSOR, PAGE_LIMIT, PAGE_FORMAT };
enum { FORMAT_CSV, FORMAT_JSON };
static const char *const formats[] = {"csv", "json", NULL};

#define PAGE_FIELDS                                                                               \
	[PAGE_OWNER] = CST_F_STR(struct page_params, owner, 1, 63, 0, NULL,                       \
				 "events of this owner, none: of nobody; absent: all"),           \
	[PAGE_SUBJECT] = CST_F_UINT(struct page_params, subject, 0, 0, NULL, 0, NULL,             \
				    "events of this session, its SEID; absent: of all"),          \
	[PAGE_CURSOR] = CST_F_UINT(struct page_params, cursor, 0, INT64_MAX, NULL, 0, NULL,       \
				   "number of the event to begin with; 0 or absent: the oldest"), \
	[PAGE_LIMIT] = CST_F_UINT(struct page_params, limit, 1, CST_RPC_LIST_LIMIT_MAX, NULL, 0,  \
				  "100", "at most this many")

static const struct cst_field list_fields[] = {PAGE_FIELDS};
static const struct cst_object list_object =
	CST_OBJECT("journal_list_params", struct page_params, list_fields, "a page of the journal");

static const struct cst_field export_fields[] = {
	PAGE_FIELDS,
	[PAGE_FORMAT] = CST_F_ENUM(struct page_params, format, formats, 0, "json",
				   "csv: lines of text; json: as in journal.list"),
};
static const struct cst_object export_object =
	CST_OBJECT("journal_export_params", struct page_params, export_fields, "a page of records");

typedef json_t *(*shape)(const struct jnl_entry *en, const json_t *event);

static json_t *as_event(const struct jnl_entry *en, const json_t *event)
{
	(void)en;
	return json_incref((json_t *)event);
}

static int page(const struct page_params *p, shape one, json_t **result, struct cst_err *e)
{
	int owner = p->owner != NULL ? owner_of(p->owner, e) : -1;
	json_t *items, *event;
	size_t i;

	if (p->owner != NULL && owner < 0)
		return owner;
	items = json_array();
	for (i = jnl_from(p->cursor); i < jnl_n() && json_array_size(items) < p->limit; i++) {
		struct jnl_entry *en = jnl_at(i);

		if (en->dead || (owner >= 0 && en->owner != owner) ||
		    (cst_has(p, PAGE_SUBJECT) && en->rule->subject != p->subject))
			continue;
		event = jnl_event(en, NULL);
		if (event != NULL) {
			json_array_append_new(items, one(en, event));
			if (en->number > journal.shown)
				journal.shown = en->number;
		} else
			jnl_lose(en, "its entry in the store is damaged");
		json_decref(event);
	}
	*result = json_pack("{s:o, s:I}", "items", items, "cursor",
			    (json_int_t)(i < jnl_n() ? jnl_at(i)->number : 0));
	return 0;
}

static int list(const void *params, json_t **result, struct cst_err *e)
{
	return page(params, as_event, result, e);
}

static struct cst_method list_method = {
	.name = "journal.list",
	.help = "events that nobody has acknowledged, oldest first, those of a session in the "
		"order "
		"of UR-SEQN, a page at a time; `cursor` 0: no more",
	.params = &list_object,
	.call = list,
};
CST_METHOD(list_method);

static int export(const void *params, json_t **result, struct cst_err *e)
{
	const struct page_params *p = params;
	int ret;

	if (p->format == FORMAT_JSON)
		return page(p, as_event, result, e);
	ret = page(p, jnl_csv_line, result, e);
	if (ret == 0)
		json_object_set_new(*result, "head", jnl_csv_head());
	return ret;
}

static struct cst_method export_method = {
	.name = "journal.export",
	.help = "the same as records for offline rating; nothing is removed. With csv `head` names "
		"the columns, and `items` are lines of RFC 4180",
	.params = &export_object,
	.call = export,
};
CST_METHOD(export_method);

/* ---- acknowledgement ----------------------------------------------------- */

struct ack_params {
	uint64_t has;
	uint64_t through;
	struct cst_list numbers;
	const char *owner;
};
enum { ACK_THROUGH, ACK_NUMBERS, ACK_OWNER };

static int ack_check(const void *params, struct cst_err *e)
{
	if (cst_has(params, ACK_THROUGH) == cst_has(params, ACK_NUMBERS))
		return cst_err(e, -EINVAL, "through", "give either through or numbers");
	return 0;
}

static const struct cst_field ack_fields[] = {
	[ACK_THROUGH] = CST_F_UINT(struct ack_params, through, 0, INT64_MAX, NULL, 0, NULL,
				   "all up to the event with this number"),
	[ACK_NUMBERS] = CST_F_LIST(struct ack_params, numbers, CST_T_UINT, uint64_t, NUMBERS, 0,
				   "the events with these numbers", .max = INT64_MAX),
	[ACK_OWNER] =
		CST_F_STR(struct ack_params, owner, 1, 63, 0, NULL,
			  "whose; absent: those of the owner that the connection has claimed, "
			  "without a claim those of nobody"),
};
static const struct cst_object ack_object = {
	.name = "journal_ack_params",
	.help = "what has been processed",
	.fields = ack_fields,
	.n_fields = sizeof(ack_fields) / sizeof(*ack_fields),
	.size = sizeof(struct ack_params),
	.check = ack_check,
};

/* Whose events the caller may acknowledge now. */
static int whose(const struct ack_params *p, struct cst_err *e)
{
	const struct cst_caller *c = cst_caller_get();
	int claimed = c != NULL ? c->owner : 0;
	int named = p->owner != NULL ? owner_of(p->owner, e) : claimed;

	if (claimed != 0 && c->role == CST_ROLE_AUTHORITY)
		return cst_err(e, -EPERM, NULL,
			       "local authority does not acknowledge: what an owner that is away "
			       "is told of waits for it, or for an heir");
	if (claimed != 0 && named >= 0 && named != claimed)
		return cst_err(
			e, -EPERM, "owner",
			"this connection has claimed another owner; acknowledge with its claim, "
			"or over a connection without one");
	return named;
}

static size_t through(uint64_t number, int owner, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = jnl_first(); i < jnl_n() && jnl_at(i)->number <= number; i++)
		if (!jnl_at(i)->dead && jnl_at(i)->owner == owner)
			out[n++] = jnl_at(i)->number;
	return n;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Each once, whose entry there is. */
static size_t among(const struct cst_list *l, int owner, uint64_t *out)
{
	const struct jnl_entry *en;
	size_t n = 0, once = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		en = jnl_find(((const uint64_t *)l->items)[i]);
		if (en != NULL && en->owner == owner)
			out[n++] = en->number;
	}
	qsort(out, n, sizeof(*out), by_number);
	for (size_t i = 0; i < n; i++)
		if (once == 0 || out[i] != out[once - 1])
			out[once++] = out[i];
	return once;
}

static int ack(const void *params, json_t **result, struct cst_err *e)
{
	const struct ack_params *p = params;
	bool all = cst_has(p, ACK_THROUGH);
	int owner = whose(p, e), ret;
	uint64_t *numbers;
	size_t n;

	if (owner < 0)
		return owner;
	if (all && p->through >= cst_event_next())
		return cst_err(e, -EINVAL, "through", "the last event is number %llu",
			       (unsigned long long)cst_event_next() - 1);
	numbers = malloc((all ? jnl_n() : p->numbers.n) * sizeof(*numbers) + 1);
	if (numbers == NULL)
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	n = all ? through(p->through, owner, numbers) : among(&p->numbers, owner, numbers);
	ret = jnl_take(numbers, n, e);
	free(numbers);
	if (ret < 0)
		return ret;
	journal.acknowledged += n;
	*result = json_pack("{s:I, s:I}", "acknowledged", (json_int_t)n, "unknown",
			    (json_int_t)(all ? 0 : p->numbers.n - n));
	return 0;
}

static struct cst_method ack_method = {
	.name = "journal.ack",
	.help = "these events have been processed: they leave the journal. `unknown` counts "
		"numbers "
		"that are not there, or of another owner",
	.write = true,
	.params = &ack_object,
	.call = ack,
};
CST_METHOD(ack_method);

/* ---- state --------------------------------------------------------------- */

static json_t *owners(void)
{
	json_t *list = json_array();
	struct cst_journal_info in;

	for (int i = 0; i < CST_OWNERS; i++) {
		if (jnl_counts[i].entries == 0)
			continue;
		cst_journal_info(i, &in);
		json_array_append_new(list, json_pack("{s:o, s:I, s:I, s:I}", "owner",
						      owner_text((unsigned)i), "entries",
						      (json_int_t)in.entries, "bytes",
						      (json_int_t)in.bytes, "oldest_seconds",
						      (json_int_t)in.oldest_ms / 1000));
	}
	return list;
}

static int show(const void *params, json_t **result, struct cst_err *e)
{
	struct cst_journal_info in;

	(void)params;
	(void)e;
	cst_journal_info(-1, &in);
	*result = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:o}",
			    "entries", (json_int_t)in.entries, "bytes", (json_int_t)in.bytes,
			    "bound_bytes", (json_int_t)journal.bound, "oldest_seconds",
			    (json_int_t)in.oldest_ms / 1000, "bound_seconds",
			    (json_int_t)journal.max_ms / 1000, "last_number",
			    (json_int_t)in.last_number, "stored", cst_store_is_open(), "pending",
			    (json_int_t)in.pending, "merged", (json_int_t)in.merged, "exported",
			    (json_int_t)in.exported, "acknowledged", (json_int_t)in.acknowledged,
			    "lost", (json_int_t)in.lost, "owners", owners());
	if (journal.store_error[0] != '\0')
		json_object_set_new(*result, "error", json_string(journal.store_error));
	if (journal.export_error[0] != '\0')
		json_object_set_new(*result, "export_error", json_string(journal.export_error));
	return 0;
}

static struct cst_method show_method = {
	.name = "journal.show",
	.help = "how many events wait to be acknowledged, of whom, and since when. `pending`: the "
		"store does not take them, `error` says why; `export_error`: why no file does",
	.call = show,
};
CST_METHOD(show_method);
