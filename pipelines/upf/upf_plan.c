/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/wall.h"
#include "table/lines.h"
#include "upf_attach.h"
#include "upf_eth_group.h"
#include "upf_framed.h"
#include "upf_next.h"
#include "upf_ni.h"
#include "upf_order.h"
#include "upf_restore.h"
#include "upf_owned.h"
#include "upf_times.h"
#include "upf_work.h"

#define GTPU_PORT 2152

/* The TSC's rate is measured, and a little different each time: rates that are the same to 20 ppm
 * give the same rules, so that a session goes on with them after a restart. */
#define HZ_STEP UINT64_C(100000)

struct upf_work upf_work;

/* ---- where packets go ----------------------------------------------------------------------- */

/* Without a network instance: towards access the one the session's tunnels end in, else the UE's.
 */
static int out_vrf(struct upf_pdr *rec, const char *network_instance, struct cst_err *e)
{
	if (network_instance)
		return upf_ni_find(network_instance, &rec->out_vrf, e);
	if (rec->dest_if == UPF_IF_ACCESS && upf_work.n_teids)
		rec->out_vrf = upf_work.teids[0].vrf;
	else if (rec->dest_if != UPF_IF_ACCESS && upf_work.ue_vrf)
		rec->out_vrf = upf_work.ue_vrf;
	else
		return upf_ni_find(NULL, &rec->out_vrf, e);
	return 0;
}

static int no_local(uint16_t vrf, const char *family, struct cst_err *e)
{
	return cst_err(e, -EINVAL, "outer_header_creation",
		       "network instance %s has no %s GTP-U address: give an interface of it one",
		       cst_vrf_name(vrf), family);
}

/* Both ends of the tunnel. */
static int find_ends(uint16_t vrf, const struct upf_ohc_obj *o, struct cst_ip *local,
		     const struct cst_ip **remote, struct cst_err *e)
{
	bool found = false;

	*remote = &o->ipv4;
	if (o->description != UPF_OHC_GTPU_IPV6)
		found = upf_ni_local_to(vrf, &o->ipv4, local);
	if (!found && o->description != UPF_OHC_GTPU_IPV4) {
		*remote = &o->ipv6;
		found = upf_ni_local_to(vrf, &o->ipv6, local);
	}
	return found ? 0 : no_local(vrf, (*remote)->family == 6 ? "IPv6" : "IPv4", e);
}

static int plan_peer(struct upf_pdr *rec, const struct upf_ohc_obj *o, struct cst_err *e)
{
	uint16_t port = cst_has(o, OHC_PORT) ? o->port : GTPU_PORT;
	const struct cst_ip *remote;
	struct cst_ip local;
	int rc = find_ends(rec->out_vrf, o, &local, &remote, e);

	if (rc < 0 || upf_work.dry)
		return rc;
	rec->peer = upf_peer_hold(rec->out_vrf, &local, remote, port);
	if (rec->peer == 0)
		return cst_err(e, -ENOSPC, "outer_header_creation",
			       "there are %u tunnel peers already, the most there can be",
			       UPF_MAX_PEERS - 1);
	return 0;
}

int upf_plan_way(struct upf_pdr *rec, const char *network_instance, const struct upf_ohc_obj *ohc,
		 struct cst_err *e)
{
	int rc = out_vrf(rec, network_instance, e);

	return rc == 0 && ohc ? plan_peer(rec, ohc, e) : rc;
}

static unsigned far_index(const struct upf_far_obj *far)
{
	return (unsigned)(far - (const struct upf_far_obj *)upf_work.s->fars.items);
}

static int plan_far(struct upf_pdr *rec, const struct upf_far_obj *far, struct cst_err *e)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;
	int rc;

	if (!cst_has(far, FAR_FORWARDING_PARAMETERS))
		return 0;
	rc = upf_plan_way(rec, fp->network_instance,
			  cst_has(fp, FP_OHC) ? &fp->outer_header_creation : NULL, e);
	if (rc < 0)
		cst_err_prefix(e, "fars[%u].forwarding_parameters", far_index(far));
	return rc;
}

static int plan_copies(struct upf_link *l, struct cst_err *e)
{
	const struct upf_dup_obj *d = l->far->duplicating_parameters.items;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < upf_far_copies(l->far); i++) {
		rc = upf_plan_way(&l->copies[i], d[i].network_instance, &d[i].outer_header_creation,
				  e);
		if (rc < 0)
			cst_err_prefix(e, "fars[%u].duplicating_parameters[%u]", far_index(l->far),
				       i);
	}
	return rc;
}

/* The way into a tunnel that is not fed is looked for too, so that a commit will find it. */
static int plan_next(struct upf_link *l, struct cst_err *e)
{
	const struct upf_next_obj *next = &l->far->next_tunnel;
	const char *instance = upf_next_instance(l->far);
	struct upf_pdr unfed = {.dest_if = l->rec.dest_if};
	const struct cst_ip *remote;
	struct cst_ip local;
	int rc;

	if (!cst_has(l->far, FAR_NEXT_TUNNEL))
		return 0;
	if (l->fed) {
		rc = upf_plan_way(&l->copies[l->n_copies - 1], instance,
				  &next->outer_header_creation, e);
	} else {
		rc = out_vrf(&unfed, instance, e);
		if (rc == 0)
			rc = find_ends(unfed.out_vrf, &next->outer_header_creation, &local, &remote,
				       e);
	}
	if (rc < 0)
		cst_err_prefix(e, "fars[%u].next_tunnel", far_index(l->far));
	return rc;
}

static int plan_forwarding(struct cst_err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];

		rc = plan_far(&l->rec, l->far, e);
		if (rc == 0 && l->has_spent)
			rc = plan_far(&l->spent, l->spent_far, e);
		if (rc == 0)
			rc = plan_copies(l, e);
		if (rc == 0)
			rc = plan_next(l, e);
		if (rc == 0 && l->has_second && l->dl)
			rc = upf_plan_second_way(l, e);
	}
	return rc;
}

/* What plan_forwarding() has held. */
static void release_peers(const struct upf_link *l)
{
	if (l->rec.peer)
		upf_peer_release(l->rec.peer);
	if (l->has_spent && l->spent.peer)
		upf_peer_release(l->spent.peer);
	if (l->second.peer)
		upf_peer_release(l->second.peer);
	for (unsigned i = 0; i < l->n_copies; i++)
		if (l->copies[i].peer)
			upf_peer_release(l->copies[i].peer);
}

/* ---- counters -----------------------------------------------------------------------------------
 */

static unsigned state_index(uint32_t counter)
{
	uint32_t line = counter / 4;

	if (line == upf_work.state)
		return 0;
	for (unsigned i = 0; i < upf_work.n_states; i++)
		if (upf_work.states[i].line == line)
			return i + 1;
	return 0; /* not of this session: cannot be */
}

/* The run by which packets of the session go now; NULL: by none. */
static const struct upf_rules *run_before(void)
{
	if (upf_work.old)
		return upf_run(upf_work.old);
	return upf_work.past ? upf_work.past->run : NULL;
}

static uint32_t counter_before(const struct upf_rules *run, uint16_t pdr)
{
	const struct upf_pdr *p;

	if (!run)
		return 0;
	p = (const struct upf_pdr *)(run + 1);
	for (unsigned i = 0; i < (unsigned)run->n_ul + run->n_dl; i++)
		if (p[i].id == pdr)
			return p[i].counter;
	return 0;
}

int upf_plan_may_take(bool identity, struct cst_err *e)
{
	const struct upf_past *past = upf_work.past;

	if (!past || past->last || (past->anew && !identity))
		return 0;
	return cst_err(e, -EAGAIN, NULL, "it waits for the others");
}

bool upf_past_has_numbers(void)
{
	return upf_work.past && !upf_work.past->anew && !upf_work.past->lost;
}

static int new_counter(uint32_t *counter, struct cst_err *e)
{
	uint32_t line;
	int rc;

	for (unsigned i = 0; i <= upf_work.n_states; i++) {
		unsigned k = (unsigned)__builtin_ctz(~(unsigned)upf_work.taken[i]);

		if (k >= 4)
			continue;
		upf_work.taken[i] |= (uint8_t)(1u << k);
		*counter = (i ? upf_work.states[i - 1].line : upf_work.state) * 4 + k;
		/* a rule may have counted here in an earlier life of coastd */
		upf_tables.counts[*counter] = (struct upf_count){0};
		return 0;
	}
	rc = upf_plan_may_take(false, e);
	if (rc < 0)
		return rc;
	line = upf_work.n_states < UPF_MAX_HELD_STATES ? upf_state_alloc() : 0;
	if (line == 0)
		return cst_err(e, -ENOSPC, "pdrs", "no counters left: raise system.max_pdrs");
	upf_work.states[upf_work.n_states] = (struct upf_held_state){.line = line, .fresh = 1};
	upf_work.taken[++upf_work.n_states] = 1;
	*counter = line * 4;
	return 0;
}

/* The state lines of a book, whose run is `r` (NULL: it is gone). What that counts with is neither
 * free nor resting. */
static void go_on_counting(const struct upf_session *book, uint32_t state,
			   const struct upf_rules *r, bool resting)
{
	const struct upf_held_state *s = upf_states(book);

	upf_work.state = state;
	upf_work.n_states = book->n_states;
	memcpy(upf_work.states, s, upf_work.n_states * sizeof(*s));
	upf_work.taken[0] = resting ? book->resting : 0;
	for (unsigned i = 0; i < upf_work.n_states; i++)
		upf_work.taken[i + 1] = resting ? s[i].resting : 0;
	for (unsigned i = 0; r && i < (unsigned)r->n_ul + r->n_dl; i++) {
		uint32_t counter = ((const struct upf_pdr *)(r + 1))[i].counter;

		upf_work.taken[state_index(counter)] |= (uint8_t)(1u << (counter & 3));
	}
}

/* Those of an earlier life of coastd: no worker has any other, so none rests. */
static int claim_states(struct cst_err *e)
{
	const struct upf_past *past = upf_work.past;
	unsigned n = past->book->n_states;

	if (!upf_state_claim(past->state))
		return cst_err(e, -EEXIST, NULL, "its counters are another session's");
	go_on_counting(past->book, past->state, past->run, false);
	upf_work.n_states = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!upf_state_claim(upf_work.states[i].line))
			return cst_err(e, -EEXIST, NULL, "its counters are another session's");
		upf_work.states[i].fresh = 1;
		upf_work.states[i].resting = 0;
		upf_work.n_states++;
	}
	return 0;
}

/* A PDR keeps its counter while it has its id. */
static int plan_counters(struct cst_err *e)
{
	const struct upf_rules *before = run_before();

	if (upf_work.dry)
		return 0;
	if (upf_work.old) {
		go_on_counting(upf_work.old, before->state, before, true);
	} else if (upf_past_has_numbers()) {
		int rc = claim_states(e);

		if (rc < 0)
			return rc;
	} else {
		int rc = upf_plan_may_take(false, e);

		if (rc < 0)
			return rc;
		upf_work.state = upf_state_alloc();
		if (upf_work.state == 0)
			return cst_err(e, -ENOSPC, NULL, "no room: raise system.max_sessions");
	}
	upf_work.taken[0] |= 1; /* the session's own */
	for (unsigned i = 0; i < upf_work.n; i++) {
		struct upf_pdr *rec = &upf_work.links[i].rec;
		int rc = 0;

		rec->counter = counter_before(before, rec->id);
		if (rec->counter == 0)
			rc = new_counter(&rec->counter, e);
		if (rc < 0)
			return rc;
		upf_work.links[i].spent.counter = rec->counter;
	}
	return 0;
}

/* ---- the book
 * ------------------------------------------------------------------------------------- */

void upf_work_undo(void)
{
	for (unsigned i = 0; i < upf_work.n; i++)
		release_peers(&upf_work.links[i]);
	if (upf_work.dry)
		return;
	for (unsigned i = 0; i < upf_work.n_teids; i++) {
		if (upf_work.teids[i].fresh)
			upf_teid_give_back(&upf_work.teids[i]);
	}
	for (unsigned i = 0; i < upf_work.n_addrs; i++)
		if (upf_work.addrs[i].fresh)
			upf_addr_free(&upf_work.addrs[i]);
	for (unsigned i = 0; i < upf_work.n_states; i++)
		if (upf_work.states[i].fresh)
			upf_state_free(upf_work.states[i].line);
	for (unsigned i = 0; i < upf_work.n_parts; i++)
		/* a framed route's number is its node in the books until the transaction ends */
		if (upf_work.parts[i].fresh && upf_work.parts[i].kind != UPF_PART_FRAMED)
			upf_part_give_back(upf_work.parts[i].kind, upf_work.parts[i].number);
	if (!upf_work.old && upf_work.state)
		upf_state_free(upf_work.state);
}

/* The intent of nearly every session; valid until the next one. */
static uint8_t packed[65536];

static size_t pack_intent(const struct upf_session_obj *s)
{
	return cst_pack(&upf_session_object, s, packed, sizeof(packed));
}

/* The run is copied into its place, where nobody looks yet; or is there already. 0: no room. */
static uint32_t place_run(uint32_t n_lines)
{
	const struct upf_past *past = upf_work.past;
	uint32_t line;

	if (past && past->run && past->run->n_lines == n_lines &&
	    memcmp(past->run, upf_work.lines, (size_t)n_lines * 64) == 0) {
		upf_attach_claim(past->line);
		upf_restore_adopted();
		return past->line;
	}
	if (past && past->run) /* to workers that know the old one it is another */
		((struct upf_rules *)upf_work.lines)->generation = ++upf_work.id.generation;
	line = upf_lines_alloc(n_lines);
	if (line) {
		memcpy(cst_line(upf_tables.lines, line), upf_work.lines, (size_t)n_lines * 64);
		upf_run_seal(line);
	}
	return line;
}

/* Lines and book. */
static struct upf_session *make_book(int n_lines, struct cst_err *e)
{
	size_t intent = pack_intent(upf_work.s);
	struct upf_session *b = malloc(sizeof(*b) + upf_work.n_teids * sizeof(*upf_work.teids) +
				       upf_work.n_addrs * sizeof(*upf_work.addrs) +
				       upf_work.n_states * sizeof(*upf_work.states) +
				       upf_work.n_parts * sizeof(*upf_work.parts) + intent);

	if (!b) {
		cst_err(e, -ENOMEM, NULL, "no memory for the session");
		return NULL;
	}
	*b = (struct upf_session){.seid = upf_work.s->seid,
				  .intent_len = (uint32_t)intent,
				  .wake = upf_work.wake,
				  .n_teids = (uint16_t)upf_work.n_teids,
				  .n_addrs = (uint16_t)upf_work.n_addrs,
				  .n_states = (uint16_t)upf_work.n_states,
				  .n_parts = (uint16_t)upf_work.n_parts,
				  .prepared = upf_next_any(upf_work.s),
				  .planned = !upf_work.old,
				  .throttled = upf_work.throttled,
				  .capped = upf_work.capped};
	upf_owned_mark(b, upf_work.old);
	memcpy(b->teids, upf_work.teids, upf_work.n_teids * sizeof(*upf_work.teids));
	memcpy(upf_addrs(b), upf_work.addrs, upf_work.n_addrs * sizeof(*upf_work.addrs));
	memcpy(upf_states(b), upf_work.states, upf_work.n_states * sizeof(*upf_work.states));
	memcpy(upf_parts(b), upf_work.parts, upf_work.n_parts * sizeof(*upf_work.parts));
	if (intent <= sizeof(packed))
		memcpy(upf_intent(b), packed, intent);
	else
		cst_pack(&upf_session_object, upf_work.s, upf_intent(b), intent);
	b->line = place_run((uint32_t)n_lines);
	b->generation = upf_work.id.generation;
	if (b->line == 0) {
		free(b);
		cst_err(e, -ENOSPC, NULL, "no room for the rules: raise system.max_pdrs");
		return NULL;
	}
	if (!upf_work.old && !upf_session_add(b)) {
		upf_lines_free(b->line, (uint32_t)n_lines);
		free(b);
		cst_err(e, -ENOSPC, NULL,
			"there are as many sessions as system.max_sessions allows");
		return NULL;
	}
	return b;
}

void upf_hold_vrfs(const struct upf_session *b, int delta)
{
	struct upf_walk w = {.s = b};
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL) {
		cst_vrf_hold(rec->in_vrf, delta);
		cst_vrf_hold(rec->out_vrf, delta);
	}
	for (unsigned i = 0; i < b->n_teids; i++)
		cst_vrf_hold(b->teids[i].vrf, delta);
	for (unsigned i = 0; i < b->n_addrs; i++)
		cst_vrf_hold(upf_addrs(b)[i].vrf, delta);
}

bool upf_keeps_teid(const struct upf_session *next, const struct upf_held_teid *t)
{
	for (unsigned i = 0; next && i < next->n_teids; i++)
		if (next->teids[i].teid == t->teid && next->teids[i].vrf == t->vrf)
			return true;
	return false;
}

bool upf_keeps_addr(const struct upf_session *next, const struct upf_held_addr *a)
{
	for (unsigned i = 0; next && i < next->n_addrs; i++)
		if (upf_same_addr(&upf_addrs(next)[i], a))
			return true;
	return false;
}

static int leave_addrs(const struct upf_session *old, const struct upf_session *next,
		       struct cst_err *e)
{
	for (unsigned i = 0; i < old->n_addrs; i++) {
		const struct upf_held_addr *a = &upf_addrs(old)[i];
		int rc = upf_keeps_addr(next, a) ? 0 : upf_addr_leave(a, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- from wish to change
 * ---------------------------------------------------------------------------- */

static bool unchanged(const struct upf_session_obj *s, const struct upf_session *old)
{
	size_t n;

	if (old->wake && old->wake <= upf_unix_time())
		return false; /* what it was compiled to is not true any more */
	if (upf_order_replans(old) || upf_owned_replans(s, old))
		return false;
	n = pack_intent(s);
	return n == old->intent_len && n <= sizeof(packed) &&
	       memcmp(packed, upf_intent(old), n) == 0;
}

static void start(const struct upf_session_obj *s, struct upf_session *old,
		  const struct upf_past *past, bool modify)
{
	upf_work.s = s;
	upf_work.old = old;
	upf_work.past = past;
	upf_work.modify = modify;
	upf_work.dry = upf_tables.lines == NULL;
	upf_work.n = upf_work.n_addrs = upf_work.n_states = upf_work.n_teids = 0;
	upf_work.n_parts = 0;
	upf_work.state = 0;
	upf_work.ue_vrf = 0;
	upf_work.n_ue_vrfs = 0;
	upf_work.wake = 0;
	upf_work.inert = upf_work.throttled = upf_work.capped = false;
	upf_work.class = NULL;
	memset(upf_work.taken, 0, sizeof(upf_work.taken));
	memset(&upf_work.id, 0, sizeof(upf_work.id));
	for (unsigned i = 0; old && i < old->n_teids; i++) {
		upf_work.teids[i] = old->teids[i];
		upf_work.teids[i].used = upf_work.teids[i].fresh = 0;
		upf_work.n_teids++;
	}
}

static void plan_times(void)
{
	uint32_t now = upf_unix_time();

	for (unsigned i = 0; i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];
		uint32_t turn = upf_pdr_turns(l->pdr, now);

		if (!upf_pdr_active(l->pdr, now))
			l->rec.flags |= UPF_PDR_NEVER;
		if (turn && (upf_work.wake == 0 || turn < upf_work.wake))
			upf_work.wake = turn;
	}
}

static uint32_t next_generation(void)
{
	if (upf_work.old)
		return upf_work.old->generation + 1;
	return upf_work.past && upf_work.past->run ? upf_work.past->run->generation : 1;
}

static int plan(struct upf_change *c, struct cst_err *e)
{
	const struct upf_session_obj *s = upf_work.s;
	struct upf_session *old = upf_work.old;
	int rc, n_lines;

	rc = upf_link(s, upf_work.links, e);
	if (rc < 0)
		return rc;
	upf_work.n = s->pdrs.n;
	plan_times();
	rc = upf_work.past ? upf_claim_teids(upf_work.past->book, e) : 0;
	if (rc == 0)
		rc = upf_plan_detection(e);
	if (rc == 0)
		rc = upf_plan_addrs(e);
	if (rc == 0)
		rc = upf_plan_nets(e);
	if (rc == 0)
		rc = plan_forwarding(e);
	if (rc == 0)
		rc = upf_eth_plan(e);
	if (rc == 0)
		rc = plan_counters(e);
	if (rc == 0)
		rc = upf_plan_parts(e);
	if (rc < 0)
		goto fail;
	upf_work.id.seid = s->seid;
	upf_work.id.state = upf_work.state;
	upf_work.id.tsc_hz = (cst_wall_tsc_hz() + HZ_STEP / 2) / HZ_STEP * HZ_STEP;
	upf_work.id.generation = next_generation();
	rc = n_lines = upf_compile(upf_work.links, upf_work.n, &upf_work.id, upf_work.lines, e);
	if (rc < 0)
		goto fail;
	if (upf_work.dry)
		return 1;
	c->old = old;
	c->s = s;
	c->next = make_book(n_lines, e);
	if (!c->next) {
		rc = e ? e->code : -ENOSPC;
		goto fail;
	}
	rc = old ? leave_addrs(old, c->next, e) : 0;
	if (rc < 0) {
		upf_lines_free(c->next->line, (uint32_t)n_lines);
		free(c->next);
		goto fail;
	}
	upf_hold_vrfs(c->next, 1);
	if (old)
		old->changing = 1;
	return 0;
fail:
	upf_work_undo();
	return rc;
}

int upf_plan(const struct upf_session_obj *s, struct upf_session *old, bool modify,
	     struct upf_change *c, struct cst_err *e)
{
	if (old && unchanged(s, old))
		return 1;
	start(s, old, NULL, modify);
	return plan(c, e);
}

int upf_plan_again(const struct upf_session_obj *s, const struct upf_past *past,
		   struct upf_change *c, struct cst_err *e)
{
	start(s, NULL, past, true);
	c->returns = true;
	c->again = upf_past_has_numbers();
	return plan(c, e);
}

int upf_plan_end(struct upf_session *old, struct upf_change *c, struct cst_err *e)
{
	int rc = leave_addrs(old, NULL, e);

	for (unsigned i = 0; rc == 0 && i < old->n_parts; i++)
		if (upf_parts(old)[i].kind == UPF_PART_FRAMED)
			rc = upf_framed_leave(upf_parts(old)[i].number, e);
	if (rc < 0)
		return rc;
	*c = (struct upf_change){.old = old};
	old->changing = 1;
	return 0;
}
