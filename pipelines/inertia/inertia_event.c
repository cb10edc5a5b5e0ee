/* SPDX-License-Identifier: BSD-3-Clause */
/* What subscribers are told about owners. */
#include "inertia_keep.h"
#include "rpc/rpc.h"

struct owner_event {
	uint64_t has;
	const char *owner;
	uint8_t from, to;
	const char *reason, *client, *holder;
	uint64_t epoch, holder_epoch, sessions;
};

#define TEXT(m, h)   CST_F_STR(struct owner_event, m, 0, 255, 0, NULL, h)
#define NUMBER(m, h) CST_F_UINT(struct owner_event, m, 0, 0, NULL, 0, NULL, h)

static const struct cst_field state_fields[] = {
	TEXT(owner, "name of the owner"),
	CST_F_ENUM(struct owner_event, from, inertia_states, 0, NULL, "state before"),
	CST_F_ENUM(struct owner_event, to, inertia_states, 0, NULL, "state now"),
	TEXT(reason, "why"),
	NUMBER(epoch, "of its latest claim"),
	TEXT(client, "who holds it, or did"),
};
static const struct cst_object state_object =
	CST_OBJECT("owner_state", struct owner_event, state_fields, "an owner's change of state");

static const struct cst_field fenced_fields[] = {
	TEXT(owner, "name of the owner"),
	TEXT(client, "who was refused"),
	NUMBER(epoch, "that it has"),
	TEXT(holder, "who holds the owner"),
	NUMBER(holder_epoch, "that the holder has"),
};
static const struct cst_object fenced_object = CST_OBJECT(
	"owner_fenced", struct owner_event, fenced_fields, "a client whose epoch is over");

static const struct cst_field swept_fields[] = {
	TEXT(owner, "name of the owner"),
	NUMBER(sessions, "that were ended"),
};
static const struct cst_object swept_object = CST_OBJECT(
	"inertia_swept", struct owner_event, swept_fields, "sessions that nobody came back for");

struct stalled_event {
	uint64_t has;
	uint64_t ms;
};
static const struct cst_field stalled_fields[] = {
	CST_F_UINT(struct stalled_event, ms, 0, 0, "ms", 0, NULL, "how long"),
};
static const struct cst_object stalled_object =
	CST_OBJECT("inertia_stall", struct stalled_event, stalled_fields,
		   "a time in which the control thread stood still and workers went on");

static struct cst_event_type state_event = {
	.name = "owner.state",
	.help = "an owner was lost, came back, or has reconciled",
	.data = &state_object,
};
CST_EVENT(state_event);
static struct cst_event_type fenced_event = {
	.name = "owner.fenced",
	.help = "a client wanted to change something with an epoch that is over",
	.data = &fenced_object,
};
CST_EVENT(fenced_event);
static struct cst_event_type swept_event = {
	.name = "inertia.swept",
	.help = "sessions were ended: their time without an owner is over, or they were not "
		"adopted",
	.data = &swept_object,
};
CST_EVENT(swept_event);
static struct cst_event_type stalled_event = {
	.name = "inertia.control_stalled",
	.help = "the control thread stood still, as the workers noticed; forwarding went on",
	.data = &stalled_object,
};
CST_EVENT(stalled_event);

void keep_tell_state(const struct keep_owner *o, enum cst_owner_state from)
{
	cst_event_publish(&state_event,
			  json_pack("{s:s, s:s, s:s, s:s, s:I, s:s}", "owner", o->name, "from",
				    inertia_states[from], "to", inertia_states[o->core.state],
				    "reason", o->core.why, "epoch", (json_int_t)o->core.epoch,
				    "client", o->core.client));
}

void keep_tell_fenced(struct keep_owner *o, const struct cst_caller *c)
{
	if (o->fenced_epoch == c->epoch)
		return;
	o->fenced_epoch = c->epoch;
	cst_event_publish(&fenced_event,
			  json_pack("{s:s, s:s, s:I, s:s, s:I}", "owner", o->name, "client",
				    c->client, "epoch", (json_int_t)c->epoch, "holder",
				    o->core.client, "holder_epoch", (json_int_t)o->core.epoch));
}

void keep_tell_swept(const struct keep_owner *o, uint64_t n)
{
	cst_event_publish(&swept_event,
			  json_pack("{s:s, s:I}", "owner", o->name, "sessions", (json_int_t)n));
}

void keep_tell_stalled(uint64_t ms)
{
	cst_event_publish(&stalled_event, json_pack("{s:I}", "ms", (json_int_t)ms));
}
