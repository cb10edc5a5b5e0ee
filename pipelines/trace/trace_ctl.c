/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.add, .list, .delete, .clear: what was recorded of traced packets, told
 * packet by packet.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/node.h"
#include "engine/stats.h"
#include "port/port.h"
#include "rpc/rpc.h"
#include "trace/trace.h"
#include "trace_api.h"
#include "trace_decode.h"

static json_t *id_reply(uint16_t id)
{
	return json_pack("{s:i}", "id", id);
}

static int add(const void *params, json_t **result, struct cst_err *e)
{
	const struct trace_add_obj *o = params;
	struct cst_watch_want want = {.what = CST_WATCH_ALL};
	uint16_t id;
	int ret;

	if (cst_has(o, TRACE_SESSION)) {
		want.what = CST_WATCH_SESSION;
		want.seid = o->session;
	} else if (cst_has(o, TRACE_UE)) {
		want.what = CST_WATCH_UE;
		want.ue = o->ue;
	} else if (cst_has(o, TRACE_TEID)) {
		want.what = CST_WATCH_TEID;
		want.teid = o->teid;
	} else if (cst_has(o, TRACE_PORT)) {
		want.what = CST_WATCH_PORT;
		snprintf(want.port, sizeof(want.port), "%s", o->port);
	}
	ret = cst_trace_add(&want, o->count, &id, e);
	if (ret == 0)
		*result = id_reply(id);
	return ret;
}

static struct cst_method add_method = {
	.name = "trace.add",
	.help = "trace the next packets that match: 'coastctl trace show' tells every step they "
		"take",
	.write = true,
	.params = &trace_add_object,
	.call = add,
};
CST_METHOD(add_method);

static int delete (const void *params, json_t **result, struct cst_err *e)
{
	return cst_trace_delete(((const struct trace_key_obj *)params)->id, e);
}

static struct cst_method delete_method = {
	.name = "trace.delete",
	.help = "end a trace before its count; what it has recorded stays",
	.write = true,
	.params = &trace_key_object,
	.call = delete,
};
CST_METHOD(delete_method);

static int clear(const void *params, json_t **result, struct cst_err *e)
{
	cst_trace_clear();
	return 0;
}

static struct cst_method clear_method = {
	.name = "trace.clear",
	.help = "end all traces and forget what they have recorded",
	.write = true,
	.call = clear,
};
CST_METHOD(clear_method);

/* ---- filters ------------------------------------------------------------------------------ */

static json_t *filter_item(const struct cst_trace_filter *f)
{
	json_t *js = json_pack("{s:i, s:i, s:i}", "id", f->id, "count", (int)f->count, "left",
			       (int)f->left);
	char text[64];

	switch (f->want.what) {
	case CST_WATCH_SESSION:
		json_object_set_new(js, "session", json_integer((json_int_t)f->want.seid));
		break;
	case CST_WATCH_UE:
		json_object_set_new(js, "ue", json_string(cst_prefix_text(&f->want.ue, text)));
		break;
	case CST_WATCH_TEID:
		snprintf(text, sizeof(text), "0x%x", f->want.teid);
		json_object_set_new(js, "teid", json_string(text));
		break;
	case CST_WATCH_PORT:
		json_object_set_new(js, "port", json_string(f->want.port));
		break;
	default:
		break;
	}
	if (f->gone)
		json_object_set_new(js, "gone", json_true());
	return js;
}

static json_t *filter_items(void)
{
	const struct cst_trace_filter *f = cst_trace_filters();
	json_t *items = json_array();

	for (unsigned i = 0; i < CST_TRACE_FILTERS; i++)
		if (f[i].id != 0)
			json_array_append_new(items, filter_item(&f[i]));
	return items;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static const char *node_name(uint16_t id)
{
	struct cst_node_stats s;

	switch (id) {
	case CST_TRACE_TX:
		return "tx";
	case CST_TRACE_SLOW:
		return "slow_path";
	case CST_TRACE_DROP:
		return "drop";
	default:
		return cst_node_stats(id, 0, &s) ? s.name : "?";
	}
}

static const char *port_name(uint16_t port)
{
	const struct cst_port_conf *c = cst_port_conf(port);

	return c != NULL ? c->name : "?";
}

static const struct cst_drop *drop_of(uint16_t id)
{
	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next)
		if (d->id == id)
			return d;
	return NULL;
}

static json_t *note_item(const struct cst_trace_note *n)
{
	const struct cst_trace_kind *k = cst_trace_kind_by_id(n->kind);
	char text[160] = "";
	json_t *js;

	if (k == NULL)
		return json_object();
	k->text(n->values, text, sizeof(text));
	js = json_pack("{s:s, s:s}", "note", k->name, "text", text);
	for (unsigned i = 0; i < CST_TRACE_VALUES && k->values[i] != NULL; i++)
		json_object_set_new(js, k->values[i], json_integer((json_int_t)n->values[i]));
	return js;
}

static void put_drop(json_t *js, uint16_t id)
{
	const struct cst_drop *d = drop_of(id);

	if (d == NULL)
		return;
	json_object_set_new(js, "drop", json_string(d->name));
	json_object_set_new(js, "help", json_string(d->help));
}

static json_t *hex(const struct cst_trace_step *s)
{
	char text[2 * CST_TRACE_BYTES + 1] = "";

	for (unsigned i = 0; i < s->cap; i++)
		snprintf(text + 2 * i, 3, "%02x", s->data[i]);
	return json_string(text);
}

static json_t *step_item(const struct cst_trace_step *s, uint64_t since)
{
	double us = cst_clock_span(cst_trace_clock(), s->tsc - since) / 1000;
	json_t *js = json_pack("{s:s, s:f}", "node", node_name(s->node), "us",
			       (double)(int64_t)(us * 1000 + 0.5) / 1000);

	if (s->worker == CST_WATCH_SLOW)
		json_object_set_new(js, "worker", json_string("slow"));
	else
		json_object_set_new(js, "worker", json_integer(s->worker));
	if (s->port != 0)
		json_object_set_new(js, "port", json_string(port_name(s->port)));
	if (s->to != CST_TRACE_TAKEN)
		json_object_set_new(js, "next", json_string(node_name(s->to)));
	if (s->drop != 0)
		put_drop(js, s->drop);
	if (s->n_notes > 0) {
		json_t *notes = json_array();

		for (unsigned i = 0; i < s->n_notes; i++)
			json_array_append_new(notes, note_item(&s->notes[i]));
		json_object_set_new(js, "notes", notes);
	}
	json_object_set_new(js, "length", json_integer(s->len));
	json_object_set_new(js, "headers", trace_decode(s->data, s->cap, s->len, s->frame));
	json_object_set_new(js, "bytes", hex(s));
	return js;
}

/* ---- packets --------------------------------------------------------------------------------- */

static json_t *time_text(uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[48], full[64];
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	snprintf(full, sizeof(full), "%s.%06uZ", text, (unsigned)(ns % 1000000000 / 1000));
	return json_string(full);
}

/* What became of it: the ports that sent it, the reasons for which it was dropped. It may have been
 * multiplied on the way, so there may be several. */
static void put_ends(json_t *js, const struct cst_trace_step *const *steps, uint32_t n)
{
	json_t *out = json_array();
	const struct cst_drop *d;

	for (uint32_t i = 0; i < n; i++) {
		if (steps[i]->node == CST_TRACE_TX)
			json_array_append_new(out, json_string(port_name(steps[i]->port)));
		d = steps[i]->node == CST_TRACE_DROP || steps[i]->node == CST_TRACE_SLOW
			    ? drop_of(steps[i]->drop)
			    : NULL;
		if (d == NULL)
			continue;
		json_object_set_new(js, "drop", json_string(d->name));
		json_object_set_new(js, "help", json_string(d->help));
	}
	if (json_array_size(out) > 0)
		json_object_set(js, "out", out);
	json_decref(out);
}

static json_t *packet_item(const struct cst_trace_step *const *steps, uint32_t n)
{
	json_t *js = json_pack("{s:i}", "packet", (int)cst_trace_number(steps[0]));
	json_t *list = json_array();

	json_object_set_new(js, "time", time_text(cst_clock_ns(cst_trace_clock(), steps[0]->tsc)));
	if (steps[0]->port != 0)
		json_object_set_new(js, "in", json_string(port_name(steps[0]->port)));
	put_ends(js, steps, n);
	for (uint32_t i = 0; i < n; i++)
		json_array_append_new(list, step_item(steps[i], steps[0]->tsc));
	json_object_set_new(js, "steps", list);
	return js;
}

/* Steps of one packet from the front of the list. */
static uint32_t run(const struct cst_trace_step *const *steps, uint32_t n)
{
	uint32_t i = 1;

	while (i < n && steps[i]->number == steps[0]->number)
		i++;
	return i;
}

static int list(const void *params, json_t **result, struct cst_err *e)
{
	const struct trace_list_obj *o = params;
	const struct cst_trace_step *const *steps;
	uint32_t n = cst_trace_steps(&steps), k, cursor = 0;
	json_t *items = json_array();

	for (; n > 0; steps += k, n -= k) {
		uint32_t number = cst_trace_number(steps[0]);

		k = run(steps, n);
		if (number < o->cursor || (cst_has(o, TRACE_LIST_PACKET) && number != o->packet))
			continue;
		if (json_array_size(items) == o->limit) {
			cursor = number;
			break;
		}
		json_array_append_new(items, packet_item(steps, k));
	}
	if (cst_has(o, TRACE_LIST_PACKET) && json_array_size(items) == 0) {
		json_decref(items);
		return cst_err(e, -ENOENT, "packet", "packet %u was not traced", o->packet);
	}
	*result = json_pack("{s:o, s:o, s:I, s:i}", "items", items, "traces", filter_items(),
			    "lost", (json_int_t)cst_trace_lost(), "cursor", (int)cursor);
	return *result != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "no memory for the reply");
}

static struct cst_method list_method = {
	.name = "trace.list",
	.write = true, /* what users send and receive is not for everybody's eyes */
	.help = "the packets traced so far, step by step, and the traces that look for more",
	.params = &trace_list_object,
	.call = list,
};
CST_METHOD(list_method);
