/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tunnels by their far end: a hash of 8 bytes for each, kept by every change of
 * a session. Which tunnel an entry stands for is told by its session's rules.
 */
#include "upf_errind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hash.h"
#include "ip.h"
#include "log.h"
#include "module.h"
#include "rpc/rpc.h"
#include "upf_buffer_ctl.h"
#include "upf_hook.h"
#include "upf_order.h"
#include "upf_owned.h"
#include "upf_policy_run.h"
#include "upf_report.h"
#include "upf_times.h"

#define FIRST_SIZE 1024
/* A far end gives each tunnel a TEID of its own. Where a control plane gives many sessions the same
 * one, an Error Indication speaks of these; the others are left out, or the search for a free entry
 * would walk by all of them. */
#define MAX_ALIKE 32
/* A gNB that has restarted answers every packet so. What is over this in one tick is forgotten: the
 * session's next packet brings another one. */
#define PER_TICK 500
/* Of a copy's tunnel a session is told this much later again. */
#define COPY_AGAIN_MS 10000

struct entry {
	uint32_t hash;  /* of vrf, far end, TEID */
	uint32_t state; /* the session's first state line; 0: empty */
};

static struct entry *table;
static uint32_t mask, used; /* size - 1 */
static uint64_t seed;
static uint16_t notice;
static unsigned handled;  /* in this tick */
static uint64_t clock_ms; /* of the tick */

/* ---- the index ---------------------------------------------------------------------- */

static struct upf_errind_notice far_end(const struct upf_pdr *pdr)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	struct upf_errind_notice t = {.teid = pdr->out_teid, .vrf = peer->vrf};
	struct cst_ip local;

	cst_ip_addrs(peer->hdr, &local, &t.peer);
	return t;
}

static uint32_t hash_of(const struct upf_errind_notice *t)
{
	uint64_t h = cst_hash_mix(t->peer.d[0] ^ seed, t->peer.family == 6 ? t->peer.d[1] : 4);

	return (uint32_t)cst_hash_mix(h, (uint64_t)t->vrf << 32 | t->teid);
}

static bool is_tunnel(const struct upf_pdr *pdr)
{
	return (pdr->flags & UPF_PDR_ENCAP) && pdr->peer != 0;
}

static bool same_far_end(const struct upf_errind_notice *t, const struct upf_pdr *pdr)
{
	struct upf_errind_notice f;

	if (!is_tunnel(pdr) || pdr->out_teid != t->teid)
		return false;
	f = far_end(pdr);
	return f.vrf == t->vrf && cst_ip_eq(&f.peer, &t->peer);
}

static void insert(struct entry e)
{
	uint32_t i = e.hash & mask;

	while (table[i].state != 0)
		i = (i + 1) & mask;
	table[i] = e;
	used++;
}

/* False: no memory. What is not in the index is only counted. */
static bool make_room(void)
{
	struct entry *old = table;
	uint32_t old_size = table ? mask + 1 : 0, size = table ? 2 * old_size : FIRST_SIZE;
	struct entry *new;

	if (table && used < old_size / 4 * 3)
		return true;
	new = calloc(size, sizeof(*new));
	if (!new)
		return false;
	table = new;
	mask = size - 1;
	used = 0;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].state != 0)
			insert(old[i]);
	free(old);
	return true;
}

static bool crowded(uint32_t hash)
{
	unsigned alike = 0;

	for (uint32_t i = hash & mask; table[i].state != 0; i = (i + 1) & mask)
		alike += table[i].hash == hash;
	return alike >= MAX_ALIKE;
}

static void add(const struct upf_errind_notice *t, uint32_t state)
{
	static bool said;

	if (make_room()) {
		uint32_t hash = hash_of(t);

		if (!crowded(hash))
			insert((struct entry){hash, state});
		return;
	}
	if (!said)
		LOG_WARN("no memory for the index of tunnels: Error Indications for some of them "
			 "will be counted only");
	said = true;
}

static void take_out(const struct upf_errind_notice *t, uint32_t state)
{
	uint32_t hash = hash_of(t), gap;

	if (!table)
		return;
	for (gap = hash & mask; table[gap].state != 0; gap = (gap + 1) & mask)
		if (table[gap].hash == hash && table[gap].state == state)
			break;
	if (table[gap].state == 0)
		return;
	for (uint32_t i = (gap + 1) & mask; table[i].state != 0; i = (i + 1) & mask) {
		if (((i - table[i].hash) & mask) < ((i - gap) & mask))
			continue;
		table[gap] = table[i];
		gap = i;
	}
	table[gap] = (struct entry){0};
	used--;
}

/* The session's first record that sends into this tunnel, by its place. */
static bool find(const struct upf_session *s, const struct upf_errind_notice *t, struct upf_walk *w)
{
	const struct upf_pdr *rec;

	*w = (struct upf_walk){.s = s};
	while ((rec = upf_walk_next(w)) != NULL)
		if (same_far_end(t, rec))
			return true;
	return false;
}

static bool has(const struct upf_session *s, const struct upf_errind_notice *t)
{
	struct upf_walk w;

	return find(s, t, &w);
}

/* For each tunnel of `of` that `other` has not, once. */
static void difference(const struct upf_session *of, const struct upf_session *other,
		       void (*fn)(const struct upf_errind_notice *t, uint32_t state))
{
	struct upf_walk w = {.s = of}, first;
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL) {
		struct upf_errind_notice t;

		if (!is_tunnel(rec))
			continue;
		t = far_end(rec);
		if (find(of, &t, &first) && first.pdr == w.pdr && first.at == w.at &&
		    !has(other, &t))
			fn(&t, upf_run(of)->state);
	}
}

static void on_commit(const struct upf_change *c)
{
	difference(c->old, c->next, take_out);
	difference(c->next, c->old, add);
}

uint32_t upf_errind_tunnels(void)
{
	return used;
}

/* ---- events ---------------------------------------------------------------------------- */

enum { ERRIND_SEID, ERRIND_F_TEID, ERRIND_PDR_IDS, ERRIND_FAR_IDS };
struct errind {
	uint64_t has;
	uint64_t seid;
	struct upf_f_teid_obj remote_f_teid;
	struct cst_list pdr_ids, far_ids;
};
static const struct cst_field errind_fields[] = {
	[ERRIND_SEID] = CST_F_UINT(struct errind, seid, 0, 0, NULL, 0, NULL, "session"),
	[ERRIND_F_TEID] = CST_F_OBJ(struct errind, remote_f_teid, &upf_f_teid_object, 0,
				    "the tunnel's far end, that knows it no more"),
	[ERRIND_PDR_IDS] = CST_F_LIST(struct errind, pdr_ids, CST_T_UINT, uint16_t, 0, 0,
				      "PDRs whose packets, or copies of them, went there"),
	[ERRIND_FAR_IDS] = CST_F_LIST(struct errind, far_ids, CST_T_UINT, uint32_t, 0, 0,
				      "FARs that sent there; downlink of theirs waits from now on, "
				      "unless the session's inertia class says otherwise while its "
				      "owner is away. None: only copies went there, or "
				      "packets that go by another tunnel, too"),
};
static const struct cst_object errind_object = CST_OBJECT(
	"error_indication", struct errind, errind_fields, "TS 29.244 7.5.8.4, TS 23.527 5.3.3.1");
static struct cst_event_type errind_event = {
	.name = "session.error_indication",
	.help = "a tunnel's far end has said that it knows the tunnel no more",
	.data = &errind_object};
CST_EVENT(errind_event);

/* PDRs of which anything goes there, each once. */
static json_t *pdrs_of(const struct upf_session *s, const struct upf_errind_notice *t)
{
	json_t *ids = json_array();
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;
	unsigned next = 0;

	while ((rec = upf_walk_next(&w)) != NULL) {
		if (w.pdr < next || !same_far_end(t, rec))
			continue;
		json_array_append_new(ids, json_integer(rec->id));
		next = w.pdr + 1;
	}
	return ids;
}

static void publish(const struct upf_session *s, const struct upf_errind_notice *t,
		    const uint32_t *fars, unsigned n_fars)
{
	struct upf_f_teid_obj f = {.has = 1u << F_TEID_TEID, .teid = t->teid};
	json_t *ids = json_array();

	if (t->peer.family == 4) {
		f.has |= 1u << F_TEID_IPV4;
		f.ipv4 = t->peer;
	} else {
		f.has |= 1u << F_TEID_IPV6;
		f.ipv6 = t->peer;
	}
	for (unsigned i = 0; i < n_fars; i++)
		json_array_append_new(ids, json_integer(fars[i]));
	upf_report_event(&errind_event, s->seid,
			 json_pack("{s:I,s:o,s:o,s:o}", "seid", (json_int_t)s->seid,
				   "remote_f_teid", cst_encode(&upf_f_teid_object, &f), "pdr_ids",
				   pdrs_of(s, t), "far_ids", ids));
}

/* ---- one Error Indication ----------------------------------------------------------------- */

static bool is_among(const uint32_t *ids, unsigned n, uint32_t id)
{
	for (unsigned i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* What is lost there goes another way too: a copy, and either of two redundant ones. */
static bool is_spare(const struct upf_session *s, const struct upf_walk *w,
		     const struct upf_pdr *rec)
{
	return w->copy || upf_second_of(upf_run(s), rec) != NULL;
}

/* FARs that send into the tunnel and of which the control plane has yet to hear. */
static unsigned fars_of(const struct upf_session *s, const struct upf_errind_notice *t,
			uint32_t fars[UPF_MAX_FARS])
{
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;
	unsigned n = 0;

	while ((rec = upf_walk_next(&w)) != NULL)
		if (!is_spare(s, &w, rec) && rec->action == UPF_FORW && same_far_end(t, rec) &&
		    !is_among(fars, n, rec->far_id) && !upf_part_of(s, UPF_PART_HELD, rec->far_id))
			fars[n++] = rec->far_id;
	return n;
}

static void hold(struct upf_session *s, const uint32_t *fars, unsigned n)
{
	uint64_t seid = s->seid;
	struct cst_err e = {0};

	upf_order_holds = (struct upf_order_holds){fars, n};
	if (upf_renew(s, &e) < 0)
		LOG_WARN("session %llu: a lost tunnel cannot be marked as such: %s",
			 (unsigned long long)seid, e.reason);
	upf_order_holds = (struct upf_order_holds){0};
}

static bool sends_spares(const struct upf_session *s, const struct upf_errind_notice *t)
{
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL)
		if (is_spare(s, &w, rec) && same_far_end(t, rec))
			return true;
	return false;
}

/* Nothing is held for a copy, since the user's own packets do arrive, perhaps by the other one of
 * two redundant tunnels: each copy may bring another Error Indication. What pushes another one out
 * of its place here is told of more often. */
static bool is_told(const struct upf_session *s, const struct upf_errind_notice *t)
{
	static struct {
		uint32_t hash, state;
		uint64_t until;
	} told[256];
	uint32_t hash = hash_of(t), state = upf_run(s)->state, i = (hash ^ state) % 256;

	if (told[i].hash == hash && told[i].state == state && clock_ms < told[i].until)
		return true;
	told[i].hash = hash;
	told[i].state = state;
	told[i].until = clock_ms + COPY_AGAIN_MS;
	return false;
}

static bool tell_session(struct upf_session *s, const struct upf_errind_notice *t)
{
	uint32_t fars[UPF_MAX_FARS];
	unsigned n = fars_of(s, t, fars);
	uint64_t seid = s->seid;
	bool goes_on = n && upf_owned_keeps_tunnels(s);

	if (n == 0 && (!sends_spares(s, t) || is_told(s, t)))
		return false;
	if (goes_on && s->owed_error) /* each packet may bring another one */
		return false;
	publish(s, t, fars, n);
	if (n && !goes_on)
		hold(s, fars, n);
	if (n && (s = upf_session_by_seid(seid)) != NULL)
		upf_owned_owe_error(s);
	return true;
}

/* The first record that sends by this FAR. */
static const struct upf_pdr *record_of(const struct upf_session *s, uint32_t far)
{
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL)
		if (!w.copy && rec->far_id == far && is_tunnel(rec))
			return rec;
	return NULL;
}

void upf_errind_again(const struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++) {
		const struct upf_pdr *rec =
			p[i].kind == UPF_PART_HELD ? record_of(s, p[i].rule) : NULL;
		struct upf_errind_notice t;

		if (!rec)
			continue;
		t = far_end(rec);
		publish(s, &t, &p[i].rule, 1);
	}
}

/* Several sessions may send into one tunnel; each of them is told of once. */
bool upf_errind_handle(const struct upf_errind_notice *t)
{
	uint32_t hash = hash_of(t), found[MAX_ALIKE];
	unsigned n = 0;
	bool any = false;

	if (!table)
		return false;
	for (uint32_t i = hash & mask; table[i].state != 0 && n < MAX_ALIKE; i = (i + 1) & mask)
		if (table[i].hash == hash)
			found[n++] = table[i].state;
	for (unsigned i = 0; i < n; i++) {
		struct upf_session *s = upf_session_by_state(found[i]);

		if (s && has(s, t))
			any |= tell_session(s, t);
	}
	return any;
}

void upf_errind_tell(struct cst_worker *w, const struct upf_errind_notice *n)
{
	cst_notice(w, notice, n, sizeof(*n));
}

static void on_notice(const void *data, uint8_t len)
{
	struct upf_errind_notice n;

	if (len != sizeof(n) || handled >= PER_TICK)
		return;
	handled++;
	memcpy(&n, data, sizeof(n));
	upf_errind_handle(&n);
}

/* ---- the module ----------------------------------------------------------------------------- */

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	/* control planes choose the keys */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = 0;
	upf_hook_add(&hook);
	notice = cst_notice_register(on_notice);
}

static void tick(uint64_t now_ms)
{
	clock_ms = now_ms;
	handled = 0;
}

static void stop(void)
{
	free(table);
	table = NULL;
	mask = used = 0;
}

struct cst_module upf_errind_module = {
	.name = "upf.errind", .order = 30, .tick = tick, .stop = stop};
CST_MODULE(upf_errind_module);
