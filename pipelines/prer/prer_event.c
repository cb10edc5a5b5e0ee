/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_event.h"

#include "log.h"
#include "prer_api.h"
#include "rpc/rpc.h"

struct path_event {
	uint64_t has;
	const char *stream, *path, *reason;
	uint8_t was, status;
	uint32_t streams, packet_rate, loss, delay_difference_us;
};

#define TEXT(m, h)      CST_F_STR(struct path_event, m, 0, 255, 0, NULL, h)
#define NUMBER(m, u, h) CST_F_UINT(struct path_event, m, 0, 0, u, 0, NULL, h)

static const struct cst_field path_fields[] = {
	TEXT(path, "name of the path"),
	CST_F_ENUM(struct path_event, was, prer_mood_names, 0, NULL, "status before"),
	TEXT(reason, "why it is not up"),
	NUMBER(streams, NULL, "that take it and have traffic"),
	NUMBER(packet_rate, "packets/s", "that came by it"),
	NUMBER(loss, "ppm", "that did not"),
	NUMBER(delay_difference_us, "us", "behind the first copies, in the mean"),
};
static const struct cst_object path_object =
	CST_OBJECT("path_event", struct path_event, path_fields, "a path's change of status");

static const struct cst_field member_fields[] = {
	TEXT(stream, "name of the stream"),
	TEXT(path, "name of the path"),
	CST_F_ENUM(struct path_event, status, prer_mood_names, 0, NULL,
		   "what the path is to this stream"),
	TEXT(reason, "why it is not up"),
	NUMBER(packet_rate, "packets/s", "that came by it"),
	NUMBER(loss, "ppm", "that did not"),
	NUMBER(delay_difference_us, "us", "behind the first copies, in the mean"),
};
static const struct cst_object member_object =
	CST_OBJECT("member_event", struct path_event, member_fields,
		   "a path that is not to one stream what it is to others");

struct history_event {
	uint64_t has;
	const char *stream, *path;
	uint32_t history_length, needed, rogue, packet_rate;
};

static const struct cst_field history_fields[] = {
	CST_F_STR(struct history_event, stream, 0, 255, 0, NULL, "name of the stream"),
	CST_F_STR(struct history_event, path, 0, 255, 0, NULL, "whose packets are beyond it"),
	CST_F_UINT(struct history_event, history_length, 0, 0, NULL, 0, NULL, "as it is"),
	CST_F_UINT(struct history_event, needed, 0, 0, NULL, 0, NULL,
		   "what the delay difference and the rate ask for, joint losses not included"),
	CST_F_UINT(struct history_event, rogue, 0, 0, "packets", 0, NULL,
		   "taken for rogue in the last window"),
	CST_F_UINT(struct history_event, packet_rate, 0, 0, "packets/s", 0, NULL, "of the stream"),
};
static const struct cst_object history_object =
	CST_OBJECT("history_event", struct history_event, history_fields,
		   "a history that is shorter than paths are apart");

static const struct cst_field stuck_fields[] = {
	CST_F_STR(struct history_event, stream, 0, 255, 0, NULL, "name of the stream"),
	CST_F_UINT(struct history_event, history_length, 0, 0, NULL, 0, NULL, "as it is"),
	CST_F_UINT(struct history_event, rogue, 0, 0, "packets", 0, NULL,
		   "taken for rogue in the last window"),
};
static const struct cst_object stuck_object = CST_OBJECT(
	"stuck_event", struct history_event, stuck_fields, "a stream that gets nothing through");

struct latent_event {
	uint64_t has;
	const char *stream;
	uint64_t missing, surplus;
	uint32_t allowed;
};

static const struct cst_field latent_fields[] = {
	CST_F_STR(struct latent_event, stream, 0, 255, 0, NULL, "name of the stream"),
	CST_F_UINT(struct latent_event, missing, 0, 0, "packets", 0, NULL,
		   "copies that were due and have not come"),
	CST_F_UINT(struct latent_event, surplus, 0, 0, "packets", 0, NULL,
		   "or copies that came beyond those due"),
	CST_F_UINT(struct latent_event, allowed, 0, 0, "packets", 0, NULL,
		   "latent_error.difference"),
};
static const struct cst_object latent_object = CST_OBJECT(
	"latent_event", struct latent_event, latent_fields, "copies that are missing, or too many");

static struct cst_event_type path_events[] = {
	[PRER_UP] = {.name = "path.up", .help = "a path is well again", .data = &path_object},
	[PRER_DEGRADED] = {.name = "path.degraded",
			   .help = "a path loses or lags more than it may",
			   .data = &path_object},
	[PRER_DOWN] = {.name = "path.down",
		       .help = "a path brings nothing, or its port or far end is gone",
		       .data = &path_object},
};

static struct cst_event_type member_event = {
	.name = "stream.path",
	.help = "a path is up, degraded or down to one stream, and otherwise to others",
	.data = &member_object,
};
CST_EVENT(member_event);
static struct cst_event_type history_event = {
	.name = "stream.history_too_small",
	.help = "packets are taken for rogue, or soon will be, since paths are further apart than "
		"the history is long",
	.data = &history_object,
};
CST_EVENT(history_event);
static struct cst_event_type stuck_event = {
	.name = "stream.stuck",
	.help = "all packets of a stream are taken for rogue until its reset timer ends that: its "
		"sender began anew, or more packets in a row were lost by all paths than its "
		"history is long",
	.data = &stuck_object,
};
CST_EVENT(stuck_event);
static struct cst_event_type latent_event = {
	.name = "stream.latent_error",
	.help = "a stream does not get as many copies as it should (IEEE 802.1CB, 7.4.4)",
	.data = &latent_object,
};
CST_EVENT(latent_event);

static void __attribute__((constructor, used)) add_path_events(void)
{
	for (unsigned i = 0; i < sizeof(path_events) / sizeof(*path_events); i++)
		cst_event_type_add(&path_events[i]);
}

/* ---- telling -------------------------------------------------------------------------- */

static json_int_t ppm(double share)
{
	return (json_int_t)(share * 1e6 + 0.5);
}

static void add_reason(json_t *js, const struct prer_watch_state *s)
{
	if (s->mood != PRER_UP)
		json_object_set_new(js, "reason", json_string(prer_watch_why_text(s->why)));
}

void prer_event_path(const char *path, enum prer_watch_mood was,
		     const struct prer_watch_path_figures *f)
{
	json_t *js = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "path", path, "was",
			       prer_mood_names[was], "streams", (json_int_t)f->streams,
			       "packet_rate", (json_int_t)f->rate, "loss", ppm(f->loss),
			       "delay_difference_us", (json_int_t)f->lag_us);

	add_reason(js, &f->state);
	LOG_NOTICE("path %s is %s%s%s", path, prer_mood_names[f->state.mood],
		   f->state.mood == PRER_UP ? "" : ": ", prer_watch_why_text(f->state.why));
	cst_event_publish(&path_events[f->state.mood], js);
}

void prer_event_member(const char *stream, const char *path, const struct prer_watch_member *m)
{
	json_t *js = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "stream", stream, "path", path,
			       "status", prer_mood_names[m->state.mood], "packet_rate",
			       (json_int_t)m->rate, "loss", ppm(m->loss), "delay_difference_us",
			       (json_int_t)m->lag_us);

	add_reason(js, &m->state);
	cst_event_publish(&member_event, js);
}

void prer_event_history(const char *stream, const char *path, const struct prer_watch_figures *f)
{
	cst_event_publish(&history_event,
			  json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "stream", stream, "path",
				    path, "history_length", (json_int_t)f->history, "needed",
				    (json_int_t)f->needed, "rogue", (json_int_t)f->rogue,
				    "packet_rate", (json_int_t)f->rate));
}

void prer_event_stuck(const char *stream, const struct prer_watch_figures *f)
{
	cst_event_publish(&stuck_event,
			  json_pack("{s:s, s:I, s:I}", "stream", stream, "history_length",
				    (json_int_t)f->history, "rogue", (json_int_t)f->rogue));
}

void prer_event_latent(const char *stream, int64_t missing, const struct prer_watch_latent *l)
{
	cst_event_publish(&latent_event, json_pack("{s:s, s:I, s:I}", "stream", stream,
						   missing < 0 ? "surplus" : "missing",
						   (json_int_t)(missing < 0 ? -missing : missing),
						   "allowed", (json_int_t)l->difference));
}
