/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods handover.*: each is a modify of the sessions that it names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/rpc.h"
#include "upf_clock.h"
#include "upf_handover.h"
#include "upf_handover_api.h"
#include "upf_next.h"

#define MAX_SCAN 200000 /* sessions looked at for one page of the list */

/* ---- the FAR meant ---------------------------------------------------------------------- */

/* Decoded into memory that the next call takes again. */
static int find_session(uint64_t seid, struct upf_session_obj *out, struct cst_err *e)
{
	static struct cst_pool *pool;
	const struct upf_session *s = upf_session_by_seid(seid);

	if (!s)
		return cst_err(e, -ENOENT, "seid", "there is no session %llu",
			       (unsigned long long)seid);
	if (!pool)
		pool = cst_pool_new();
	cst_pool_reset(pool);
	return upf_session_unpack(s, pool, out, e);
}

static int find_far(uint64_t seid, uint32_t id, const struct upf_far_obj **far, struct cst_err *e)
{
	static struct upf_session_obj s;
	int rc = find_session(seid, &s, e);

	if (rc < 0)
		return rc;
	*far = upf_rule_find(UPF_RULE_FAR, &s.fars, id);
	return *far ? 0
		    : cst_err(e, -ENOENT, "far_id", "session %llu has no FAR %u",
			      (unsigned long long)seid, id);
}

static uint64_t unix_ms(void)
{
	struct upf_now now;

	upf_clock(&now);
	return now.unix_ms;
}

/* ---- handover.prepare ----------------------------------------------------------------------- */

static int may_prepare(const struct upf_prepare_obj *p, const struct upf_far_obj *far,
		       struct cst_err *e)
{
	if (!cst_has(&far->forwarding_parameters, FP_OHC))
		return cst_err(e, -EINVAL, "far_id",
			       "FAR %u leaves by no tunnel that another one could follow", far->id);
	if (cst_has(far, FAR_NEXT_TUNNEL))
		return cst_err(e, -EEXIST, "far_id",
			       "FAR %u has a next tunnel already: commit or drop it first",
			       far->id);
	if (p->feed && !(far->apply_action & UPF_AA_FORW))
		return cst_err(e, -EINVAL, "feed",
			       "FAR %u does not forward: there is nothing to copy", far->id);
	return 0;
}

/* "update_fars[0].next_tunnel.network_instance" is "network_instance" here. */
static void explain_prepare(struct cst_err *e)
{
	static const char far[] = "update_fars[0]", next[] = "update_fars[0].next_tunnel.";

	if (strncmp(e->field, next, strlen(next)) == 0)
		memmove(e->field, e->field + strlen(next), strlen(e->field + strlen(next)) + 1);
	else if (strncmp(e->field, far, strlen(far)) == 0)
		snprintf(e->field, sizeof(e->field), "far_id");
}

static void fill_next(const struct upf_prepare_obj *p, struct upf_next_obj *next)
{
	next->has = 1u << NEXT_OHC;
	next->outer_header_creation = p->outer_header_creation;
	if (cst_has(p, PREPARE_NETWORK_INSTANCE)) {
		next->has |= 1u << NEXT_NETWORK_INSTANCE;
		next->network_instance = p->network_instance;
	}
	if (p->feed) {
		next->has |= 1u << NEXT_FEED | 1u << NEXT_FEED_UNTIL;
		next->feed = true;
		next->feed_until = unix_ms() + p->feed_ms;
	}
}

static int prepare(const void *params, json_t **result, struct cst_err *e)
{
	const struct upf_prepare_obj *p = params;
	struct upf_far_obj delta = {.has = 1u << FAR_ID | 1u << FAR_NEXT_TUNNEL, .id = p->far_id};
	const struct upf_far_obj *far;
	json_t *modify;
	int rc = find_far(p->seid, p->far_id, &far, e);

	if (rc == 0)
		rc = may_prepare(p, far, e);
	if (rc < 0)
		return rc;
	fill_next(p, &delta.next_tunnel);
	modify = upf_handover_modify(p->seid);
	upf_handover_update(modify, &delta);
	rc = cst_txn_run(&upf_session_class, CST_OP_MODIFY, modify, NULL, e);
	json_decref(modify);
	if (rc < 0) {
		explain_prepare(e);
		return rc;
	}
	rc = find_far(p->seid, p->far_id, &far, e);
	*result = rc == 0 ? upf_handover_tell(p->seid, far) : NULL;
	return rc;
}

static struct cst_method prepare_method = {
	.name = "handover.prepare",
	.help = "prepare the tunnel that a FAR will leave by, beside the one in use",
	.write = true,
	.params = &upf_prepare_object,
	.call = prepare,
};
CST_METHOD(prepare_method);

/* ---- handover.commit, handover.drop -------------------------------------------------------------
 */

/* One call: what it names, and the modifies that it becomes, one for each session. */
struct call {
	const struct upf_pick_obj *picks;
	unsigned n;
	bool single; /* not told as items */
	json_t *modifies;
	unsigned modify[UPF_HANDOVER_ITEMS], update[UPF_HANDOVER_ITEMS]; /* of each pick */
};

/* An error about one of those that the call names, "items[3].far_id". */
static int wrong(const struct call *c, unsigned i, struct cst_err *e)
{
	if (!c->single)
		cst_err_prefix(e, "items[%u]", i);
	return e->code;
}

static bool is_twice(const struct call *c, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (c->picks[k].seid == c->picks[i].seid &&
		    c->picks[k].far_id == c->picks[i].far_id)
			return true;
	return false;
}

/* The request about this session. */
static json_t *modify_of(struct call *c, unsigned i)
{
	c->modify[i] = (unsigned)json_array_size(c->modifies);
	for (unsigned k = 0; k < i; k++)
		if (c->picks[k].seid == c->picks[i].seid)
			c->modify[i] = c->modify[k];
	if (c->modify[i] == json_array_size(c->modifies))
		json_array_append_new(c->modifies, upf_handover_modify(c->picks[i].seid));
	return json_array_get(c->modifies, c->modify[i]);
}

/* `switch_at`: when it commits, 0: now. */
static int add_pick(struct call *c, unsigned i, uint8_t hand_over, uint64_t switch_at,
		    struct cst_err *e)
{
	const struct upf_pick_obj *p = &c->picks[i];
	struct upf_far_obj delta = {.has = 1u << FAR_ID, .id = p->far_id};
	const struct upf_far_obj *far;
	json_t *modify;
	int rc;

	if (is_twice(c, i))
		return cst_err(e, -EINVAL, "far_id", "FAR %u of session %llu is named twice",
			       p->far_id, (unsigned long long)p->seid);
	rc = find_far(p->seid, p->far_id, &far, e);
	if (rc < 0)
		return rc;
	if (!cst_has(far, FAR_NEXT_TUNNEL))
		return cst_err(e, -ENOENT, "far_id",
			       "FAR %u has no next tunnel: call handover.prepare first", far->id);
	if (switch_at) {
		delta.has |= 1u << FAR_NEXT_TUNNEL;
		delta.next_tunnel = far->next_tunnel;
		delta.next_tunnel.has |= 1u << NEXT_SWITCH_AT;
		delta.next_tunnel.switch_at = switch_at;
	} else {
		delta.has |= 1u << FAR_HAND_OVER;
		delta.hand_over = hand_over;
	}
	modify = modify_of(c, i);
	c->update[i] = (unsigned)json_array_size(json_object_get(modify, "update_fars"));
	upf_handover_update(modify, &delta);
	return 0;
}

/* An error of the modifies, "[1].update_fars[2]...", told about what the call names. */
static int explain(const struct call *c, struct cst_err *e)
{
	const char *field = e->field;
	unsigned modify = 0, update;
	int n = 0;

	if (sscanf(field, "[%u].%n", &modify, &n) == 1 && n > 0)
		field += n;
	for (unsigned i = 0; i < c->n; i++) {
		bool far = sscanf(field, "update_fars[%u]", &update) == 1;

		if (c->modify[i] != modify || (far && c->update[i] != update))
			continue;
		snprintf(e->field, sizeof(e->field), far ? "far_id" : "seid");
		return wrong(c, i, e);
	}
	return e->code;
}

static int run(const struct upf_switch_obj *o, uint8_t hand_over, uint64_t switch_at,
	       struct cst_err *e)
{
	static struct call c;
	struct upf_pick_obj one = {.seid = o->seid, .far_id = o->far_id};
	int rc = 0;

	c.single = !cst_has(o, SWITCH_ITEMS);
	c.picks = c.single ? &one : o->items.items;
	c.n = c.single ? 1 : o->items.n;
	c.modifies = json_array();
	for (unsigned i = 0; rc == 0 && i < c.n; i++) {
		rc = add_pick(&c, i, hand_over, switch_at, e);
		if (rc < 0)
			wrong(&c, i, e);
	}
	if (rc == 0) {
		rc = cst_txn_run(&upf_session_class, CST_OP_MODIFY, c.modifies, NULL, e);
		if (rc < 0)
			explain(&c, e);
	}
	json_decref(c.modifies);
	return rc;
}

static int commit(const void *params, json_t **result, struct cst_err *e)
{
	const struct upf_switch_obj *o = params;
	uint64_t switch_at = o->lead_ms ? unix_ms() + o->lead_ms : 0;
	int rc = run(o, UPF_HAND_OVER_COMMIT, switch_at, e);

	if (rc == 0 && switch_at)
		*result = json_pack("{s:I}", "switch_at", (json_int_t)switch_at);
	return rc;
}

static int drop(const void *params, json_t **result, struct cst_err *e)
{
	(void)result;
	return run(params, UPF_HAND_OVER_DROP, 0, e);
}

static struct cst_method commit_method = {
	.name = "handover.commit",
	.help = "leave by the next tunnel and end the one in use by an End Marker, now or soon",
	.write = true,
	.params = &upf_commit_object,
	.call = commit,
};
CST_METHOD(commit_method);

static struct cst_method drop_method = {
	.name = "handover.drop",
	.help = "forget the next tunnel; the one in use stays",
	.write = true,
	.params = &upf_drop_object,
	.call = drop,
};
CST_METHOD(drop_method);

/* ---- handover.list
 * --------------------------------------------------------------------------------- */

static int show(const struct upf_session *s, json_t *items, struct cst_err *e)
{
	struct upf_session_obj o;
	const struct upf_far_obj *fars;
	int rc = find_session(s->seid, &o, e);

	if (rc < 0)
		return rc;
	fars = o.fars.items;
	for (unsigned i = 0; i < o.fars.n; i++)
		if (cst_has(&fars[i], FAR_NEXT_TUNNEL))
			json_array_append_new(items, upf_handover_tell(o.seid, &fars[i]));
	return 0;
}

/* Where to go on, 0: that was all. */
static int scan(const struct upf_prepared_list_obj *l, json_t *items, uint32_t *next,
		struct cst_err *e)
{
	uint32_t last = upf_state_lines(), shown = 0, scanned = 0;
	int rc = 0;

	for (uint32_t at = l->cursor ? l->cursor : 1; rc == 0 && at <= last; at++) {
		const struct upf_session *s = upf_session_by_state(at);

		if (shown >= l->limit || scanned++ >= MAX_SCAN) {
			*next = at;
			return 0;
		}
		if (!s || !s->prepared)
			continue;
		shown++;
		rc = show(s, items, e);
	}
	*next = 0;
	return rc;
}

static int list(const void *params, json_t **result, struct cst_err *e)
{
	const struct upf_prepared_list_obj *l = params;
	const struct upf_session *s;
	json_t *items = json_array();
	uint32_t next = 0;
	int rc = 0;

	if (!cst_has(l, PREPARED_LIST_SEID))
		rc = scan(l, items, &next, e);
	else if ((s = upf_session_by_seid(l->seid)) != NULL)
		rc = show(s, items, e);
	else
		rc = cst_err(e, -ENOENT, "seid", "there is no session %llu",
			     (unsigned long long)l->seid);
	if (rc < 0) {
		json_decref(items);
		return rc;
	}
	*result = json_pack("{s:o, s:I}", "items", items, "cursor", (json_int_t)next);
	return 0;
}

static struct cst_method list_method = {
	.name = "handover.list",
	.help = "FARs that have a next tunnel",
	.params = &upf_prepared_list_object,
	.call = list,
};
CST_METHOD(list_method);
