/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_api.h"

#include <errno.h>
#include <string.h>

#define STATE(s, m, u, h) CST_F_UINT(struct s, m, 0, 0, u, CST_F_STATE, NULL, h)

/* ---- recovery ------------------------------------------------------------ */

static const struct cst_field latent_fields[] = {
	CST_F_UINT(struct prer_latent_obj, difference, 1, INT32_MAX, "packets", CST_F_REQUIRED,
		   NULL, "so many copies too few or too many are an error (802.1CB, 7.4.4.1)"),
	CST_F_UINT(struct prer_latent_obj, period_ms, 100, 3600000, "ms", 0, "2000",
		   "how often it is looked for"),
	CST_F_UINT(struct prer_latent_obj, reset_period_ms, 100, 3600000, "ms", 0, "30000",
		   "how often what has gathered is forgotten"),
};
static const struct cst_object latent_object =
	CST_OBJECT("latent_error", struct prer_latent_obj, latent_fields,
		   "latent error detection: is every packet seen on each path?");

static const struct cst_field intent_fields[] = {
	CST_F_UINT(struct prer_intent_obj, packet_rate, 1, 100000000, "packets/s", CST_F_REQUIRED,
		   NULL, "of the stream, at most"),
	CST_F_UINT(struct prer_intent_obj, delay_difference_ms, 0, 60000, "ms", CST_F_REQUIRED,
		   NULL, "by how much a path may be slower than another, jitter included"),
	CST_F_UINT(struct prer_intent_obj, joint_burst, 0, 8000, "packets", 0, "5",
		   "how many in a row may be lost on all paths at once"),
};
static const struct cst_object intent_object =
	CST_OBJECT("recovery_intent", struct prer_intent_obj, intent_fields,
		   "what the paths are like: coast finds history_length and reset_ms from it");

static const char *const order_names[] = {"off", "basic", "advanced", "drop_older", NULL};
static const struct cst_field order_fields[] = {
	CST_F_ENUM(struct prer_order_obj, mode, order_names, 0, "off",
		   "off: packets go on as they come; basic, advanced: late ones are waited for "
		   "(RFC 9550); drop_older: what is older than the last is dropped"),
	CST_F_UINT(struct prer_order_obj, max_delay_us, 1, 10000000, "us", 0, "20000",
		   "how long a packet waits for those before it (POFMaxDelay)"),
	CST_F_UINT(struct prer_order_obj, take_any_ms, 1, 3600000, "ms", 0, "2000",
		   "after such a silence whatever comes is taken (POFTakeAnyTime)"),
	CST_F_UINT(struct prer_order_obj, packets, 1, 4096, "packets", 0, "64",
		   "how many may wait at once"),
};

static int check_order(const void *obj, struct cst_err *e)
{
	const struct prer_order_obj *o = obj;

	if (o->take_any_ms * 1000ull <= o->max_delay_us)
		return cst_err(e, -ERANGE, "take_any_ms",
			       "must be longer than max_delay_us (RFC 9550)");
	return 0;
}

static const struct cst_object order_object = {
	.name = "packet_order",
	.help = "what is done about packets that come late",
	.fields = order_fields,
	.n_fields = sizeof(order_fields) / sizeof(*order_fields),
	.size = sizeof(struct prer_order_obj),
	.check = check_order,
};

static const struct cst_field recovery_state_fields[] = {
	STATE(prer_recovery_state, history_length, "packets", "the history in force"),
	STATE(prer_recovery_state, reset_ms, "ms", "the time in force"),
	STATE(prer_recovery_state, streams, NULL, "that go by it"),
	CST_F_STR(struct prer_recovery_state, explained, 0, 255, CST_F_STATE, NULL,
		  "how they were found"),
};
static const struct cst_object recovery_state_object = CST_OBJECT(
	"recovery_state", struct prer_recovery_state, recovery_state_fields, "what is in force");

static const char *const algorithm_names[] = {"vector", "match", NULL};
static const char *const rule_names[] = {"cbdb_2021", "cb_2017", NULL};
static const struct cst_field recovery_fields[] = {
	CST_F_STR(struct prer_recovery_obj, name, 1, PRER_NAME, CST_F_KEY, NULL,
		  "name; \"default\" is there without being put and holds for streams that name "
		  "none"),
	CST_F_ENUM(struct prer_recovery_obj, algorithm, algorithm_names, 0, "vector",
		   "vector: a window of numbers (802.1CB, 7.4.3.4); match: the last number alone, "
		   "for packets further apart than the paths' delays (7.4.3.5)"),
	CST_F_UINT(struct prer_recovery_obj, history_length, 2, 8192, "packets", 0, NULL,
		   "frerSeqRcvyHistoryLength: how far a copy may lag; absent: 64, or from intent"),
	CST_F_ENUM(struct prer_recovery_obj, rogue_rule, rule_names, 0, "cbdb_2021",
		   "which numbers are outside the window (802.1CBdb; 802.1CB-2017)"),
	CST_F_UINT(struct prer_recovery_obj, reset_ms, 1, 86400000, "ms", 0, NULL,
		   "frerSeqRcvyResetMSec: after such a silence whatever comes is taken; absent: "
		   "2000, or from intent"),
	CST_F_BOOL(struct prer_recovery_obj, take_no_sequence, 0, "false",
		   "frerSeqRcvyTakeNoSequence: packets without a number pass"),
	CST_F_BOOL(struct prer_recovery_obj, individual_recovery, 0, "false",
		   "each path is recovered by itself first, so that one that repeats a packet "
		   "stays blocked (802.1CB, 7.5)"),
	CST_F_BOOL(struct prer_recovery_obj, resync, 0, "false",
		   "two numbers in a row outside the window move it: a sender that starts anew is "
		   "followed at once; not in the standard"),
	CST_F_OBJ(struct prer_recovery_obj, latent_error, &latent_object, 0,
		  "latent error detection (802.1CB, 7.4.4); absent: none"),
	CST_F_OBJ(struct prer_recovery_obj, intent, &intent_object, 0,
		  "instead of history_length and reset_ms"),
	CST_F_OBJ(struct prer_recovery_obj, order, &order_object, 0,
		  "order of packets (RFC 9550); absent: off"),
	CST_F_OBJ(struct prer_recovery_obj, state, &recovery_state_object, CST_F_STATE,
		  "what is in force"),
};

static int check_recovery(const void *obj, struct cst_err *e)
{
	const struct prer_recovery_obj *r = obj;

	if (cst_has(r, RECOVERY_INTENT) && cst_has(r, RECOVERY_HISTORY))
		return cst_err(e, -EINVAL, "history_length",
			       "follows from intent: leave one of them out");
	if (cst_has(r, RECOVERY_INTENT) && cst_has(r, RECOVERY_RESET))
		return cst_err(e, -EINVAL, "reset_ms",
			       "follows from intent: leave one of them out");
	if (r->individual_recovery && cst_has(r, RECOVERY_LATENT))
		return cst_err(e, -EINVAL, "latent_error",
			       "cannot be told with individual_recovery (802.1CB, 7.4.4)");
	if (r->algorithm == 1 && cst_has(r, RECOVERY_INTENT))
		return cst_err(e, -EINVAL, "intent", "is for algorithm: vector");
	if (r->algorithm == 1 && r->resync)
		return cst_err(e, -EINVAL, "resync", "is for algorithm: vector");
	return 0;
}

const struct cst_object prer_recovery_object = {
	.name = "recovery",
	.help = "how the copies of a stream's packets are told apart (IEEE 802.1CB, 7.4.3)",
	.fields = recovery_fields,
	.n_fields = sizeof(recovery_fields) / sizeof(*recovery_fields),
	.size = sizeof(struct prer_recovery_obj),
	.check = check_recovery,
};

struct cst_class prer_recovery_class = {
	.object = &prer_recovery_object, .plural = "recoveries", .order = 60, .config = true};
CST_CLASS(prer_recovery_class);

/* ---- path ---------------------------------------------------------------- */

static const struct cst_field probe_fields[] = {
	CST_F_UINT(struct prer_probe_obj, interval_ms, 100, 60000, "ms", 0, "100",
		   "between two probes"),
	CST_F_UINT(struct prer_probe_obj, misses, 1, 100, NULL, 0, "3",
		   "so many unanswered in a row: the path is down"),
};
static const struct cst_object probe_object =
	CST_OBJECT("probe", struct prer_probe_obj, probe_fields,
		   "asks the far end whether the path is alive, for streams that are silent");

static const struct cst_field degraded_fields[] = {
	CST_F_UINT(struct prer_degraded_obj, loss, 1, 1000000, "ppm", 0, "10000",
		   "more packets lost than this"),
	CST_F_UINT(struct prer_degraded_obj, delay_difference_ms, 1, 60000, "ms", 0, "100",
		   "further than this behind the fastest path"),
};
static const struct cst_object degraded_object = CST_OBJECT(
	"degraded", struct prer_degraded_obj, degraded_fields, "from when on a path is degraded");

static const char *const probe_names[] = {"unknown", "up", "down", NULL};
static const struct cst_field probe_state_fields[] = {
	CST_F_ENUM(struct prer_probe_obj_state, status, probe_names, CST_F_STATE, NULL,
		   "unknown: nothing answered yet"),
	STATE(prer_probe_obj_state, sent, NULL, "probes"),
	STATE(prer_probe_obj_state, answered, NULL, "of them"),
	STATE(prer_probe_obj_state, silent, NULL, "sent since the last answer"),
	STATE(prer_probe_obj_state, rtt_us, "us", "to the far end and back, the last one"),
	STATE(prer_probe_obj_state, rtt_mean_us, "us", "mean of the last eight or so"),
};
static const struct cst_object probe_state_object =
	CST_OBJECT("probe_state", struct prer_probe_obj_state, probe_state_fields,
		   "what probes tell of a path");

const char *const prer_mood_names[] = {"up", "degraded", "down", NULL};
static const struct cst_field path_state_fields[] = {
	CST_F_ENUM(struct prer_path_state, status, prer_mood_names, CST_F_STATE, NULL,
		   "down: it takes no packets or answers no probe; degraded: it loses more or lags "
		   "more than it may"),
	STATE(prer_path_state, number, NULL, "its number"),
	STATE(prer_path_state, streams, NULL, "that take it"),
	CST_F_STR(struct prer_path_state, reason, 0, 255, CST_F_STATE, NULL, "why it is not up"),
	CST_F_OBJ(struct prer_path_state, probe, &probe_state_object, CST_F_STATE,
		  "what its probe tells"),
};
static const struct cst_object path_state_object = CST_OBJECT(
	"path_state", struct prer_path_state, path_state_fields, "what has become of a path");

static const char *const encap_names[] = {"rtag", "dcw", NULL};
static const struct cst_field path_fields[] = {
	CST_F_STR(struct prer_path_obj, name, 1, PRER_NAME, CST_F_KEY, NULL, "name"),
	CST_F_ENUM(struct prer_path_obj, encapsulation, encap_names, CST_F_REQUIRED, NULL,
		   "rtag: Ethernet frames with an R-TAG (IEEE 802.1CB, 7.8); dcw: IP, UDP, S-Label "
		   "and d-CW (RFC 9566)"),
	CST_F_STR(struct prer_path_obj, port, 1, 31, 0, NULL, "rtag: the port it leads by"),
	CST_F_UINT(struct prer_path_obj, session, 1, UINT64_MAX, NULL, 0, NULL,
		   "rtag: or the SEID of the Ethernet PDU session"),
	CST_F_UINT(struct prer_path_obj, vlan, 0, 4094, NULL, 0, NULL,
		   "rtag: VID there, in place of the outer one or added; 0: without the outer tag; "
		   "absent: tags stay as they are"),
	CST_F_MAC(struct prer_path_obj, destination_mac, 0,
		  "rtag: destination there (active identification, 802.1CB, 6.6)"),
	CST_F_STR(struct prer_path_obj, network_instance, 1, PRER_NAME, 0, NULL,
		  "dcw: whose routes it takes"),
	CST_F_IP(struct prer_path_obj, local, CST_T_IP, 0, "dcw: own address"),
	CST_F_IP(struct prer_path_obj, remote, CST_T_IP, 0, "dcw: address of the far end"),
	CST_F_OBJ(
		struct prer_path_obj, probe, &probe_object, 0,
		"asks whether it is alive; only another coast answers, by rtag one whose path has "
		"a probe too; absent: nobody asks"),
	CST_F_OBJ(struct prer_path_obj, degraded, &degraded_object, 0,
		  "from when on it is degraded; absent: never"),
	CST_F_BOOL(struct prer_path_obj, enabled, 0, "true", "false: it takes no packets"),
	CST_F_OBJ(struct prer_path_obj, state, &path_state_object, CST_F_STATE,
		  "what has become of it"),
};

/* The first of these fields that is there, -1: none. */
static int any_of(const void *obj, const uint8_t *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (cst_has(obj, fields[i]))
			return fields[i];
	return -1;
}

static int check_rtag(const struct prer_path_obj *p, struct cst_err *e)
{
	static const uint8_t foreign[] = {PATH_INSTANCE, PATH_LOCAL, PATH_REMOTE};
	int i = any_of(p, foreign, sizeof(foreign));

	if (i >= 0)
		return cst_err(e, -EINVAL, path_fields[i].name, "is for encapsulation: dcw");
	if (cst_has(p, PATH_PORT) && cst_has(p, PATH_SESSION))
		return cst_err(e, -EINVAL, "session", "goes not with port: name one of them");
	if (!cst_has(p, PATH_PORT) && !cst_has(p, PATH_SESSION))
		return cst_err(e, -EINVAL, "port",
			       "is missing: a port or a session leads to the far end");
	return 0;
}

static int check_dcw(const struct prer_path_obj *p, struct cst_err *e)
{
	static const uint8_t foreign[] = {PATH_PORT, PATH_SESSION, PATH_VLAN, PATH_DMAC};
	static const uint8_t needed[] = {PATH_INSTANCE, PATH_LOCAL, PATH_REMOTE};
	int f = any_of(p, foreign, sizeof(foreign));

	if (f >= 0)
		return cst_err(e, -EINVAL, path_fields[f].name, "is for encapsulation: rtag");
	for (unsigned i = 0; i < sizeof(needed); i++)
		if (!cst_has(p, needed[i]))
			return cst_err(e, -EINVAL, path_fields[needed[i]].name,
				       "is missing: encapsulation: dcw needs it");
	if (p->local.family != p->remote.family)
		return cst_err(e, -EINVAL, "remote", "is of another family than local");
	if (p->remote.family == 4 ? p->remote.b[0] >= 224 || p->remote.b[0] == 0
				  : p->remote.b[0] == 0xff)
		return cst_err(e, -EINVAL, "remote", "is not the address of one far end");
	if (cst_ip_eq(&p->local, &p->remote))
		return cst_err(e, -EINVAL, "remote", "is local: the path would loop back");
	return 0;
}

static int check_path(const void *obj, struct cst_err *e)
{
	const struct prer_path_obj *p = obj;

	return p->encapsulation == 0 ? check_rtag(p, e) : check_dcw(p, e);
}

const struct cst_object prer_path_object = {
	.name = "path",
	.help = "a way to the far end of streams, which they share",
	.fields = path_fields,
	.n_fields = sizeof(path_fields) / sizeof(*path_fields),
	.size = sizeof(struct prer_path_obj),
	.check = check_path,
};

struct cst_class prer_path_class = {
	.object = &prer_path_object, .plural = "paths", .order = 61, .config = true};
CST_CLASS(prer_path_class);
