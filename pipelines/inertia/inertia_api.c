/* SPDX-License-Identifier: BSD-3-Clause */
#include "inertia_api.h"

#include <errno.h>

#include "rpc/rpc.h"

const char *const inertia_states[] = {"none", "connected", "inertial", "reconciling", NULL};
const char *const inertia_roles[] = {"owner", "heir", "authority", NULL};

#define NAMES(s, m, h)                                                                    \
	CST_F_LIST(struct s, m, CST_T_STR, const char *, INERTIA_CLIENTS, 0, h, .min = 1, \
		   .max = INERTIA_NAME)

/* ---- owner --------------------------------------------------------------- */

#define STATE(m, u, h) CST_F_UINT(struct inertia_owner_obj, m, 0, 0, u, CST_F_STATE, NULL, h)

static const struct cst_field owner_fields[] = {
	CST_F_STR(struct inertia_owner_obj, name, 1, INERTIA_NAME, CST_F_KEY, NULL,
		  "name of the control unit, as its clients claim it"),
	CST_F_UINT(struct inertia_owner_obj, lease_ms, 300, 3600000, "ms", 0, "1000",
		   "silent for so long it is lost; a claim may ask for another"),
	CST_F_UINT(struct inertia_owner_obj, grace_ms, 0, 3600000, "ms", 0, "300",
		   "without a connection for so long it is lost, at most the lease"),
	CST_F_UINT(struct inertia_owner_obj, reconcile_seconds, 0, 31536000, "s", 0, "600",
		   "from when on, while it reconciles, stale sessions are swept whose class's time "
		   "is over; 0: not before it is done"),
	NAMES(inertia_owner_obj, clients,
	      "clients that may claim it as owner; absent: the first that comes, and it alone"),
	NAMES(inertia_owner_obj, heirs, "clients that may take its place as heir; absent: any"),
	NAMES(inertia_owner_obj, authorities,
	      "clients that may be its local authority; absent: any"),
	CST_F_UINT(struct inertia_owner_obj, authority_sessions, 0, UINT32_MAX, NULL, 0, "1000",
		   "sessions that local authority may admit while it is away, all together"),
	STATE(number, NULL, "its number, kept over restarts"),
	CST_F_ENUM(struct inertia_owner_obj, state, inertia_states, CST_F_STATE, NULL,
		   "none: not claimed; connected; inertial: lost, its sessions go on; reconciling: "
		   "came back, or an heir did"),
	CST_F_ENUM(struct inertia_owner_obj, role, inertia_roles, CST_F_STATE, NULL,
		   "as what the client holds it"),
	STATE(epoch, NULL, "of its latest claim; calls with a lower one are refused"),
	CST_F_STR(struct inertia_owner_obj, client, 0, INERTIA_NAME, CST_F_STATE, NULL,
		  "who holds it"),
	CST_F_STR(struct inertia_owner_obj, reason, 0, 63, CST_F_STATE, NULL,
		  "of the last change of state"),
	STATE(connections, NULL, "that hold the present epoch"),
	STATE(left_ms, "ms", "left of its lease"),
	STATE(lost_ms, "ms", "since it was lost, until it has reconciled"),
	STATE(all, NULL, "its sessions"),
	STATE(stale, NULL, "of them, those not yet adopted"),
	STATE(local, NULL, "of them, those admitted by local authority and not yet handed over"),
	STATE(owed, NULL, "notifications that it could not be given"),
};

static int check_owner(const void *obj, struct cst_err *e)
{
	const struct inertia_owner_obj *o = obj;

	if (o->grace_ms > o->lease_ms)
		return cst_err(e, -ERANGE, "grace_ms", "%u is above lease_ms, %u", o->grace_ms,
			       o->lease_ms);
	return 0;
}

const struct cst_object inertia_owner_object = {
	.name = "owner",
	.help = "a control unit whose sessions outlive its failures (TS 23.527, 4.4.2); those that "
		"are "
		"claimed without being put have the defaults",
	.fields = owner_fields,
	.n_fields = sizeof(owner_fields) / sizeof(*owner_fields),
	.size = sizeof(struct inertia_owner_obj),
	.check = check_owner,
};

struct cst_class inertia_owner_class = {
	.object = &inertia_owner_object, .plural = "owners", .order = 15, .config = true};
CST_CLASS(inertia_owner_class);

/* ---- class of sessions --------------------------------------------------- */

static const char *const quota_names[] = {"drop", "throttle", "grace", "ignore", NULL};
static const char *const end_names[] = {"drop", "keep", NULL};

static const struct cst_field class_fields[] = {
	CST_F_STR(struct inertia_class_obj, name, 1, INERTIA_NAME, CST_F_KEY, NULL, "name"),
	CST_F_UINT(struct inertia_class_obj, order, 0, UINT16_MAX, NULL, 0, "100",
		   "classes are tried in rising order, equal ones by name; the first that matches "
		   "counts"),
	CST_F_STR(struct inertia_class_obj, dnn, 1, 100, 0, NULL,
		  "sessions of this DNN, compared without case"),
	CST_F_UINT(struct inertia_class_obj, sst, 0, 255, NULL, 0, NULL,
		   "sessions of this slice/service type (TS 23.003, 28.4.2)"),
	CST_F_UINT(struct inertia_class_obj, sd, 0, 0xffffff, NULL, CST_F_HEX, NULL,
		   "sessions of this slice differentiator"),
	CST_F_LIST(struct inertia_class_obj, five_qi, CST_T_UINT, uint8_t, 16, 0,
		   "sessions with one of these 5QIs (TS 23.501, 5.7.4)", .min = 1, .max = 255),
	CST_F_UINT(struct inertia_class_obj, arp_max, 1, 15, NULL, 0, NULL,
		   "sessions whose ARP priority is this or more urgent, 1 being the most"),
	CST_F_(struct inertia_class_obj, prefix, CST_T_PREFIX,
	       .help = "sessions with an address in this range"),
	CST_F_UINT(struct inertia_class_obj, max_seconds, 0, UINT32_MAX, "s", 0, "86400",
		   "how long they go on without their owner; 0: without end"),
	CST_F_ENUM(
		struct inertia_class_obj, quota, quota_names, 0, "drop",
		"when a quota is spent: drop; throttle; grace: so many bytes more, then throttle, "
		"or drop when throttle is 0; ignore: go on and record it"),
	CST_F_UINT(struct inertia_class_obj, grace_bytes, 0, INT64_MAX, "bytes", 0, "0",
		   "after the quota, with quota: grace"),
	CST_F_UINT(struct inertia_class_obj, throttle, 0, 1000000000, "kbit/s", 0, "0",
		   "each direction, with quota: throttle or grace"),
	CST_F_ENUM(struct inertia_class_obj, at_end, end_names, 0, "drop",
		   "when max_seconds are over: drop, with a last report; keep"),
	CST_F_UINT(struct inertia_class_obj, buffer_packets, 0, UINT32_MAX, "packets", 0, "0",
		   "downlink packets that may wait, at most; 0: as the session has it"),
	CST_F_BOOL(
		struct inertia_class_obj, suppress_error_indications, 0, "false",
		"while their owner is away a received Error Indication (TS 29.281, 7.3.1) ends no "
		"tunnel of theirs, and coast sends none to anybody, whosever the tunnel was"),
	CST_F_BOOL(struct inertia_class_obj, shipped, CST_F_STATE, NULL,
		   "comes with coast; those for special sessions only while no class is put"),
	CST_F_UINT(struct inertia_class_obj, sessions, 0, 0, NULL, CST_F_STATE, NULL,
		   "of all owners that go by it; absent: they are being counted"),
	CST_F_UINT(struct inertia_class_obj, counted_ms, 0, 0, "ms", CST_F_STATE, NULL,
		   "since they were counted"),
};

static int check_class(const void *obj, struct cst_err *e)
{
	const struct inertia_class_obj *c = obj;

	if (c->quota == CST_QUOTA_THROTTLE && c->throttle == 0)
		return cst_err(e, -EINVAL, "throttle", "is needed with quota: throttle");
	if (c->quota == CST_QUOTA_GRACE && c->grace_bytes == 0)
		return cst_err(e, -EINVAL, "grace_bytes", "are needed with quota: grace");
	return 0;
}

const struct cst_object inertia_class_object = {
	.name = "inertia_class",
	.help = "what goes for sessions while their owner is away; what is named must all match",
	.fields = class_fields,
	.n_fields = sizeof(class_fields) / sizeof(*class_fields),
	.size = sizeof(struct inertia_class_obj),
	.check = check_class,
};

struct cst_class inertia_class_class = {
	.object = &inertia_class_object, .plural = "inertia_classes", .order = 16, .config = true};
CST_CLASS(inertia_class_class);

/* ---- calls --------------------------------------------------------------- */

static const struct cst_field claim_fields[] = {
	CST_F_STR(struct inertia_claim_obj, name, 1, INERTIA_NAME, CST_F_REQUIRED, NULL,
		  "owner to claim"),
	CST_F_STR(struct inertia_claim_obj, client, 1, INERTIA_NAME, CST_F_REQUIRED, NULL,
		  "who claims it"),
	CST_F_ENUM(struct inertia_claim_obj, role, inertia_roles, 0, "owner",
		   "owner: the control unit itself; heir: another, in its place; authority: admits "
		   "new sessions while the owner is away"),
	CST_F_UINT(struct inertia_claim_obj, epoch, 1, INT64_MAX - 1, NULL, 0, NULL,
		   "the one that the client has, or a higher one; absent: the next"),
	CST_F_BOOL(struct inertia_claim_obj, same_state, 0, "false",
		   "with the present epoch: the client still knows all that it knew and need not "
		   "reconcile"),
	CST_F_UINT(struct inertia_claim_obj, lease_ms, 300, 3600000, "ms", 0, NULL,
		   "absent: the owner's"),
	CST_F_UINT(struct inertia_claim_obj, grace_ms, 0, 3600000, "ms", 0, NULL,
		   "absent: the owner's, at most the lease"),
};
const struct cst_object inertia_claim_object =
	CST_OBJECT("owner_claim", struct inertia_claim_obj, claim_fields, "who claims what");

#define WHAT(s) CST_F_STR(struct s, what, 1, 31, 0, "sessions", "what kind of thing it is about")

static const struct cst_field reconcile_fields[] = {
	WHAT(inertia_reconcile_obj),
	CST_F_UINT(struct inertia_reconcile_obj, cursor, 0, INT64_MAX, NULL, 0, "0",
		   "where to go on, as the reply before said"),
	CST_F_UINT(struct inertia_reconcile_obj, limit, 1, CST_RPC_LIST_LIMIT_MAX, NULL, 0, "100",
		   "at most so many"),
	CST_F_BOOL(struct inertia_reconcile_obj, stale_only, 0, "false", "not those adopted"),
};
const struct cst_object inertia_reconcile_object =
	CST_OBJECT("owner_reconcile", struct inertia_reconcile_obj, reconcile_fields,
		   "a page of what the owner has");

static const struct cst_field adopt_fields[] = {
	WHAT(inertia_adopt_obj),
	CST_F_LIST(struct inertia_adopt_obj, ids, CST_T_UINT, uint64_t, INERTIA_ADOPT,
		   CST_F_REQUIRED, "their SEIDs; all of them are adopted or none",
		   .max = UINT64_MAX),
};
const struct cst_object inertia_adopt_object =
	CST_OBJECT("owner_adopt", struct inertia_adopt_obj, adopt_fields, "what to adopt");
const struct cst_object inertia_adopt_all_object = {
	.name = "owner_adopt_all",
	.help = "what to adopt all of",
	.fields = adopt_fields,
	.n_fields = 1,
	.size = sizeof(struct inertia_adopt_obj),
};

static const char *const sweep_names[] = {"none", "expired", "now", NULL};
static const struct cst_field done_fields[] = {
	CST_F_ENUM(struct inertia_done_obj, sweep, sweep_names, 0, "none",
		   "what becomes of stale sessions: none: they stay; expired: each ends when its "
		   "class's time is over; now: they end, some at a time"),
};
const struct cst_object inertia_done_object =
	CST_OBJECT("owner_done", struct inertia_done_obj, done_fields, "how reconciling ends");

static const struct cst_field release_fields[] = {
	CST_F_BOOL(struct inertia_release_obj, keep, 0, "true",
		   "its sessions stay its own and wait for its next claim; else they are nobody's"),
};
const struct cst_object inertia_release_object = CST_OBJECT(
	"owner_release", struct inertia_release_obj, release_fields, "what a goodbye leaves");
