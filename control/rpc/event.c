/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbered events. The ring keeps them as the lines they are sent as; each
 * subscriber has a place in it and is fed from there, so that a slow one costs
 * no memory of its own and no time of the others.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>

#include "log.h"
#include "now.h"
#include "rpc_int.h"

struct entry {
	const struct cst_event_type *type;
	char *line;
	size_t len;
	uint64_t end; /* bytes published up to and with this one */
};

static struct entry *ring;   /* slot: number modulo CST_EVENT_RING */
static uint64_t first, next; /* kept: first .. next-1; next 0: not yet begun */
static uint64_t began;       /* the first number of this life */
static uint64_t bytes_in;    /* ever published */
static uint64_t bytes_out;   /* ever forgotten */
void (*rpc_event_hook)(void);

static struct entry *entry_of(uint64_t seq)
{
	return &ring[seq % CST_EVENT_RING];
}

static void begin(void)
{
	if (next != 0)
		return;
	/* A million events a second would have to be published for two lives to overlap, and the
	 * numbers stay below 2^53, so that every JSON reader keeps them exact. */
	began = first = next = cst_unix_ms() << 10;
}

static void forget_first(void)
{
	struct entry *en = entry_of(first);

	bytes_out = en->end;
	free(en->line);
	en->line = NULL;
	first++;
}

void rpc_event_reset(void)
{
	while (first < next)
		forget_first();
	bytes_in = bytes_out = 0;
	first = next = 0;
}

static json_t *time_text(void)
{
	uint64_t ms = cst_unix_ms();
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char text[64];
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned)(ms % 1000));
	return json_string(text);
}

uint64_t cst_event_next(void)
{
	begin();
	return next;
}

void cst_event_begin_after(uint64_t number)
{
	begin();
	if (number < next)
		return;
	while (first < next)
		forget_first();
	began = first = next = number + 1;
}

char *cst_event_text(const struct cst_event_type *t, json_t *data)
{
	json_t *js;
	char *text;

	begin();
	js = json_pack("{s:I, s:s, s:o, s:o}", "seq", (json_int_t)next, "type", t->name, "time",
		       time_text(), "data", data != NULL ? data : json_object());
	text = js != NULL ? json_dumps(js, JSON_COMPACT) : NULL;
	json_decref(js);
	return text;
}

static char *line_of(const char *text)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":";
	size_t n = strlen(text);
	char *line = malloc(sizeof(head) + n + 1);

	if (line == NULL)
		return NULL;
	memcpy(line, head, sizeof(head) - 1);
	memcpy(line + sizeof(head) - 1, text, n);
	memcpy(line + sizeof(head) - 1 + n, "}", 2);
	return line;
}

void cst_event_send(const struct cst_event_type *t, const char *text)
{
	struct entry *en;
	char *line;

	begin();
	if (ring == NULL)
		ring = calloc(CST_EVENT_RING, sizeof(*ring));
	line = ring != NULL && text != NULL ? line_of(text) : NULL;
	if (line == NULL) {
		/* The number is spent all the same: a gap tells subscribers that one is missing. */
		LOG_ERR("event %s lost: out of memory", t->name);
		if (ring == NULL)
			return;
	}
	if (next - first == CST_EVENT_RING)
		forget_first();
	en = entry_of(next++);
	en->type = t;
	en->line = line;
	en->len = line != NULL ? strlen(line) : 0;
	bytes_in += en->len;
	en->end = bytes_in;
	while (first < next && bytes_in - bytes_out > CST_EVENT_BYTES)
		forget_first();
	if (rpc_event_hook != NULL)
		rpc_event_hook();
}

void cst_event_publish(const struct cst_event_type *t, json_t *data)
{
	char *text = cst_event_text(t, data);

	cst_event_send(t, text);
	free(text);
}

static bool wanted(const struct cst_event_type *t, const struct cst_event_type *const *types,
		   unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (types[i] == t)
			return true;
	return n == 0;
}

int rpc_sub_pump(struct rpc_sub *s, struct evbuffer *out, size_t room, size_t max_backlog)
{
	uint64_t from;
	struct entry *en;

	if (!s->on)
		return 0;
	if (s->next < first)
		return -ENOBUFS;
	while (s->next < next && evbuffer_get_length(out) < room) {
		en = entry_of(s->next++);
		if (en->line == NULL || !wanted(en->type, s->types, s->n_types))
			continue;
		evbuffer_add(out, en->line, en->len);
		evbuffer_add(out, "\n", 1);
	}
	if (s->next == next)
		return 0;
	/* What was there when it subscribed does not count: it asked for that and gets time. */
	from = entry_of(s->next)->end - entry_of(s->next)->len;
	if (from < s->from_bytes)
		from = s->from_bytes;
	return bytes_in - from > max_backlog ? -ENOBUFS : 0;
}

/* ---- methods ------------------------------------------------------------- */

static int types_of(const struct cst_list *names, const struct cst_event_type **types,
		    struct cst_err *e)
{
	const struct cst_event_type *t;
	const char *name;
	int ret;

	for (uint32_t i = 0; i < names->n; i++) {
		name = ((const char *const *)names->items)[i];
		for (t = cst_event_type_first(); t != NULL && strcmp(t->name, name) != 0;)
			t = t->next;
		if (t == NULL) {
			ret = cst_err(e, -EINVAL, NULL,
				      "there is no event %s; rpc.describe lists them", name);
			cst_err_prefix(e, "types[%u]", i);
			return ret;
		}
		types[i] = t;
	}
	return (int)names->n;
}

struct subscribe_params {
	uint64_t has;
	struct cst_list types;
	uint64_t from;
};

static const struct cst_field subscribe_fields[] = {
	CST_F_LIST(struct subscribe_params, types, CST_T_STR, const char *, RPC_SUB_TYPES, 0,
		   "names of the events wanted; absent: all", .min = 1, .max = 63),
	CST_F_UINT(
		struct subscribe_params, from, 0, INT64_MAX, NULL, 0, NULL,
		"number to resume with, 0: the oldest kept; absent: only what comes from now on"),
};
static const struct cst_object subscribe_object = CST_OBJECT(
	"subscribe_params", struct subscribe_params, subscribe_fields, "which events, from where");

static int subscribe(const void *params, json_t **result, struct cst_err *e)
{
	const struct subscribe_params *p = params;
	const struct rpc_peer *peer = rpc_current();
	struct rpc_sub sub = {.on = true};
	uint64_t from, lost = 0;
	int n;

	if (peer == NULL || peer->sub == NULL)
		return cst_err(e, -ENOTCONN, NULL, "events need a connection");
	begin();
	n = types_of(&p->types, sub.types, e);
	if (n < 0)
		return n;
	from = !cst_has(p, 1) ? next : p->from != 0 ? p->from : first;
	if (from > next)
		return cst_err(e, -EINVAL, "from", "the next event is number %llu",
			       (unsigned long long)next);
	if (from < first) {
		lost = first - from;
		from = first;
	}
	sub.n_types = (unsigned)n;
	sub.next = from;
	sub.from_bytes = bytes_in;
	*peer->sub = sub;
	*result =
		json_pack("{s:I, s:I, s:I, s:I}", "next", (json_int_t)from, "first",
			  (json_int_t)first, "lost", (json_int_t)lost, "began", (json_int_t)began);
	return 0;
}

static struct cst_method subscribe_method = {
	.name = "event.subscribe",
	.help = "send events on this connection. In the reply, `next` comes next, `lost` counts "
		"those asked for that are no longer kept, `first` is the oldest kept, `began` the "
		"first since coastd started",
	.params = &subscribe_object,
	.call = subscribe,
};
CST_METHOD(subscribe_method);

static int unsubscribe(const void *params, json_t **result, struct cst_err *e)
{
	const struct rpc_peer *peer = rpc_current();

	if (peer == NULL || peer->sub == NULL)
		return cst_err(e, -ENOTCONN, NULL, "events need a connection");
	peer->sub->on = false;
	*result = json_object();
	return 0;
}

static struct cst_method unsubscribe_method = {
	.name = "event.unsubscribe",
	.help = "send no more events on this connection",
	.call = unsubscribe,
};
CST_METHOD(unsubscribe_method);

struct list_params {
	uint64_t has;
	struct cst_list types;
	uint32_t limit;
	uint64_t cursor;
};

static const struct cst_field list_fields[] = {
	CST_F_LIST(struct list_params, types, CST_T_STR, const char *, RPC_SUB_TYPES, 0,
		   "names of the events wanted; absent: all", .min = 1, .max = 63),
	CST_F_UINT(struct list_params, limit, 1, CST_RPC_LIST_LIMIT_MAX, NULL, 0, "100",
		   "at most this many"),
	CST_F_UINT(struct list_params, cursor, 0, INT64_MAX, NULL, 0, NULL,
		   "number of the event to go on with; 0 or absent: the oldest kept"),
};
static const struct cst_object list_object =
	CST_OBJECT("event_list_params", struct list_params, list_fields, "a page of kept events");

static int list(const void *params, json_t **result, struct cst_err *e)
{
	const struct cst_event_type *types[RPC_SUB_TYPES];
	const struct list_params *p = params;
	json_t *items, *js, *event;
	uint64_t seq, lost = 0;
	struct entry *en;
	int n;

	begin();
	n = types_of(&p->types, types, e);
	if (n < 0)
		return n;
	seq = p->cursor != 0 ? p->cursor : first;
	if (seq < first) {
		lost = first - seq;
		seq = first;
	}
	items = json_array();
	for (; seq < next && json_array_size(items) < p->limit; seq++) {
		en = entry_of(seq);
		if (en->line == NULL || !wanted(en->type, types, (unsigned)n))
			continue;
		js = json_loadb(en->line, en->len, 0, NULL);
		event = json_object_get(js, "params");
		json_array_append(items, event);
		json_decref(js);
	}
	*result = json_pack("{s:o, s:I, s:I, s:I}", "items", items, "cursor",
			    seq < next ? (json_int_t)seq : (json_int_t)0, "first",
			    (json_int_t)first, "lost", (json_int_t)lost);
	return 0;
}

static struct cst_method list_method = {
	.name = "event.list",
	.help = "the events kept, oldest first, a page at a time; `cursor` 0: no more",
	.params = &list_object,
	.call = list,
};
CST_METHOD(list_method);
