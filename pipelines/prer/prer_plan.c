/* SPDX-License-Identifier: BSD-3-Clause */
/* Planning a change: what an object refers to, and who refers to it; nothing live is touched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/rcu.h"
#include "log.h"
#include "net/net.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_flow.h"

/* ---- references ----------------------------------------------------------------------- */

void prer_count_users(const struct prer_made *m, int by)
{
	if (m->recovery)
		m->recovery->users += (uint32_t)by;
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		if (m->path[i])
			m->path[i]->users += (uint32_t)by;
	if (m->vrf)
		cst_vrf_hold(m->vrf, by);
}

static void drop_references(struct prer_made *m)
{
	m->recovery = NULL;
	memset(m->path, 0, sizeof(m->path));
	m->vrf = 0;
}

static unsigned find_place(const struct prer_made *m, const struct prer_entry *path)
{
	unsigned i = 0;

	while (i < PRER_MAX_PATHS && m->path[i] != path)
		i++;
	return i;
}

/* Paths that the stream takes already keep their places, new ones get those that are free. */
static void place_paths(const struct prer_made *was, struct prer_made *is,
			struct prer_entry *const *paths, uint32_t n)
{
	bool kept[PRER_MAX_PATHS] = {false};
	uint8_t fresh = 0;

	for (uint32_t i = 0; i < n; i++) {
		unsigned at = find_place(was, paths[i]);

		kept[i] = at < PRER_MAX_PATHS;
		if (kept[i])
			is->path[at] = paths[i];
	}
	for (uint32_t i = 0; i < n; i++) {
		unsigned at;

		if (kept[i])
			continue;
		at = find_place(is, NULL);
		is->path[at] = paths[i];
		fresh |= (uint8_t)(1u << at);
	}
	is->fresh = fresh ? fresh : was->fresh;
	is->paths_epoch = (uint8_t)(was->paths_epoch + (fresh != 0));
}

/* ---- plan: streams -------------------------------------------------------------------------- */

static int missing(const char *what, const char *name, const char *field, struct cst_err *e)
{
	return cst_err(e, -ENOENT, field, "there is no %s '%s'", what, name);
}

int prer_find_paths(const struct prer_stream_obj *s, struct prer_entry **out, struct cst_err *e)
{
	const char *const *name = s->paths.items;
	char field[32];

	for (uint32_t i = 0; i < s->paths.n; i++) {
		snprintf(field, sizeof(field), "paths[%u]", i);
		out[i] = prer_entry_find(PRER_PATHWAYS, name[i]);
		if (!out[i])
			return missing("path", name[i], field, e);
	}
	return 0;
}

int prer_check_refs(const struct prer_stream_obj *s, struct prer_entry *const *paths,
		    const struct prer_entry *recovery, struct cst_pool *pool, struct cst_err *e)
{
	struct prer_path_obj path[PRER_MAX_PATHS];
	struct prer_recovery_obj r;
	struct prer_refs refs = {.stream = s, .path = path, .recovery = &r};
	int rc = prer_entry_read(recovery, false, pool, &r);

	for (uint32_t i = 0; rc == 0 && i < s->paths.n; i++)
		rc = prer_entry_read(paths[i], false, pool, &path[i]);
	return rc == 0 ? prer_check_stream(&refs, e) : cst_err(e, rc, NULL, "no memory");
}

static int put_stream(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_stream_obj *s = obj;
	struct prer_entry *paths[PRER_MAX_PATHS], *recovery, *x;
	int rc = prer_find_paths(s, paths, e);

	if (rc < 0)
		return rc;
	recovery = prer_entry_find(PRER_RECOVERIES, s->recovery);
	if (!recovery)
		return missing("recovery", s->recovery, "recovery", e);
	rc = prer_check_refs(s, paths, recovery, t->pool, e);
	if (rc < 0)
		return rc;
	x = prer_entry_touch(PRER_STREAMS, s->name, s, e);
	if (!x)
		return -ENOMEM;
	prer_count_users(&x->made_next, -1);
	drop_references(&x->made_next);
	x->made_next.recovery = recovery;
	place_paths(&x->made, &x->made_next, paths, s->paths.n);
	x->made_next.by_session =
		cst_has(&s->send, SEND_SESSION) || cst_has(&s->receive, RECEIVE_SESSION);
	if (s->receive.network_instance)
		x->made_next.vrf = cst_vrf_by_name(s->receive.network_instance);
	prer_count_users(&x->made_next, 1);
	return 0;
}

static int del_stream(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const char *name = ((const struct prer_stream_obj *)key)->name;
	struct prer_entry *x;

	(void)t;
	if (!prer_entry_find(PRER_STREAMS, name))
		return missing("stream", name, "name", e);
	x = prer_entry_touch(PRER_STREAMS, name, NULL, e);
	if (!x)
		return -ENOMEM;
	prer_count_users(&x->made_next, -1);
	drop_references(&x->made_next);
	return 0;
}

/* ---- plan: paths and recoveries -------------------------------------------------- */

static bool uses(const struct prer_entry *stream, const struct prer_entry *x)
{
	const struct prer_made *m = stream->is_touched ? &stream->made_next : &stream->made;

	return m->recovery == x || find_place(m, x) < PRER_MAX_PATHS;
}

struct prer_entry *prer_next_user(const struct prer_entry *x, uint32_t from)
{
	struct prer_entry *s = x->users ? prer_entry_from(PRER_STREAMS, from) : NULL;

	while (s && !uses(s, x))
		s = prer_entry_from(PRER_STREAMS, s->at + 1);
	return s;
}

static int check_unused(const struct prer_entry *x, const char *what, struct cst_err *e)
{
	const struct prer_entry *s = prer_next_user(x, 1);

	return s ? cst_err(e, -EBUSY, "name",
			   "stream '%s' has %s '%s': change or delete that first", s->name, what,
			   x->name)
		 : 0;
}

void prer_hold_vrf(struct prer_entry *x, uint16_t vrf)
{
	if (x->shared_next.vrf)
		cst_vrf_hold(x->shared_next.vrf, -1);
	x->shared_next.vrf = vrf;
	if (vrf)
		cst_vrf_hold(vrf, 1);
}

/* An interface that was deleted since does not keep coastd from starting: packets of the path have
 * nowhere to come to until its address is there again. */
static int check_path(const struct cst_txn *t, const struct prer_path_obj *p, struct cst_err *e)
{
	int rc = prer_check_path(p, e);

	if (rc == 0 || !t->startup || t->check_only || strcmp(e->field, "local") != 0)
		return rc;
	LOG_WARN("path '%s': local: %s", p->name, e->reason);
	return 0;
}

static int put_path(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_path_obj *p = obj;
	struct prer_entry *x;
	int rc = check_path(t, p, e);

	if (rc < 0)
		return rc;
	x = prer_entry_touch(PRER_PATHWAYS, p->name, p, e);
	if (!x)
		return -ENOMEM;
	prer_hold_vrf(x, p->network_instance ? cst_vrf_by_name(p->network_instance) : 0);
	return 0;
}

static int del_path(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const char *name = ((const struct prer_path_obj *)key)->name;
	struct prer_entry *x = prer_entry_find(PRER_PATHWAYS, name);
	int rc;

	(void)t;
	if (!x)
		return missing("path", name, "name", e);
	rc = check_unused(x, "path", e);
	if (rc < 0)
		return rc;
	if (!prer_entry_touch(PRER_PATHWAYS, name, NULL, e))
		return -ENOMEM;
	prer_hold_vrf(x, 0);
	return 0;
}

static int put_recovery(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_recovery_obj *r = obj;
	struct prer_params unused;
	int rc = prer_params_record(r, &unused, NULL, e);

	(void)t;
	if (rc < 0)
		return rc;
	return prer_entry_touch(PRER_RECOVERIES, r->name, r, e) ? 0 : -ENOMEM;
}

int prer_default(struct cst_pool *pool, struct prer_recovery_obj *out, struct cst_err *e)
{
	json_t *js = json_pack("{s:s}", "name", PRER_DEFAULT_RECOVERY);
	int rc = cst_decode(&prer_recovery_object, js, false, pool, out, e);

	json_decref(js);
	return rc;
}

struct prer_entry *prer_touch_default(struct cst_pool *pool, struct cst_err *e)
{
	struct prer_recovery_obj r = {0};
	struct prer_entry *x = NULL;

	if (prer_default(pool, &r, e) == 0)
		x = prer_entry_touch(PRER_RECOVERIES, r.name, &r, e);
	if (x)
		x->next_put = false;
	return x;
}

/* The one that comes with coast is itself again. */
static int del_recovery(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const char *name = ((const struct prer_recovery_obj *)key)->name;
	struct prer_entry *x = prer_entry_find(PRER_RECOVERIES, name);
	const char *flow;
	int rc;

	if (!x || !(x->is_touched ? x->next_put : x->put))
		return missing("recovery", name, "name", e);
	if (strcmp(name, PRER_DEFAULT_RECOVERY) == 0)
		return prer_touch_default(t->pool, e) ? 0 : -ENOMEM;
	rc = check_unused(x, "recovery", e);
	if (rc < 0)
		return rc;
	flow = prer_flow_user(name);
	if (flow) {
		cst_rcu_reclaim(true); /* its session may be gone */
		flow = prer_flow_user(name);
	}
	if (flow)
		return cst_err(e, -EBUSY, "name",
			       "%s has recovery '%s' for its redundant packets: change or delete "
			       "that first",
			       flow, name);
	return prer_entry_touch(PRER_RECOVERIES, name, NULL, e) ? 0 : -ENOMEM;
}

/* ---- ports that are to go ------------------------------------------------------------ */

static bool leads_by(const struct prer_path_obj *p, const char *port)
{
	return p->port && strcmp(p->port, port) == 0;
}

static bool stands_on(const struct prer_stream_obj *s, const char *port)
{
	return (s->send.port && strcmp(s->send.port, port) == 0) ||
	       (s->receive.port && strcmp(s->receive.port, port) == 0);
}

static bool lead[PRER_PATH_NUMBERS]; /* by path: does it lead by the port in question? */

/* Does it take in frames by the port, whomever they are addressed to? */
static bool listens_on(const struct prer_entry *x, const struct prer_stream_obj *s,
		       const char *port)
{
	const struct prer_made *m = x->is_touched ? &x->made_next : &x->made;

	if (s->send.port && strcmp(s->send.port, port) == 0)
		return true;
	for (unsigned i = 0; cst_has(s, STREAM_RECEIVE) && i < PRER_MAX_PATHS; i++)
		if (m->path[i] && lead[m->path[i]->at])
			return true;
	return false;
}

static int path_may_lose(const struct prer_entry *x, const struct prer_path_obj *p,
			 const char *port, enum cst_port_loss loss, struct cst_err *e)
{
	lead[x->at] = leads_by(p, port);
	if (loss != CST_PORT_GOES || !lead[x->at])
		return 0;
	return cst_err(e, -EBUSY, "name", "path '%s' has port '%s': change or delete that first",
		       x->name, port);
}

static int stream_may_lose(const struct prer_entry *x, const struct prer_stream_obj *s,
			   const char *port, enum cst_port_loss loss, struct cst_err *e)
{
	if (loss == CST_PORT_GOES && stands_on(s, port))
		return cst_err(e, -EBUSY, "name",
			       "stream '%s' has port '%s': change or delete that first", x->name,
			       port);
	if (loss == CST_PORT_OWN_FRAMES && listens_on(x, s, port))
		return cst_err(e, -EBUSY, "promiscuous",
			       "stream '%s' takes in frames for anybody by port '%s': change or "
			       "delete that first",
			       x->name, port);
	return 0;
}

static int may_lose(const char *port, enum cst_port_loss loss, struct cst_err *e)
{
	static const enum prer_kind kinds[] = {PRER_PATHWAYS, PRER_STREAMS};
	struct cst_pool *pool = cst_pool_new();
	union {
		struct prer_path_obj path;
		struct prer_stream_obj stream;
	} o;
	int rc = pool ? 0 : cst_err(e, -ENOMEM, NULL, "no memory");

	for (unsigned k = 0; k < 2; k++)
		for (struct prer_entry *x = prer_entry_from(kinds[k], 1); rc == 0 && x;
		     x = prer_entry_from(kinds[k], x->at + 1)) {
			if (!(x->is_touched ? x->next : x->live) ||
			    prer_entry_read(x, false, pool, &o) < 0)
				continue;
			rc = k == 0 ? path_may_lose(x, &o.path, port, loss, e)
				    : stream_may_lose(x, &o.stream, port, loss, e);
			cst_pool_reset(pool);
		}
	cst_pool_free(pool);
	return rc;
}

/* ---- modify: what is there, with what the request says --------------------------- */

static int modify(const struct cst_class *c, enum prer_kind kind, const char *name,
		  struct cst_txn *t, const void *delta, struct cst_err *e)
{
	const struct cst_object *o = c->object;
	const struct prer_entry *x = prer_entry_find(kind, name);
	void *all = cst_pool_alloc(t->pool, o->size);
	int rc;

	if (!x)
		return missing(o->name, name, "name", e);
	if (!all || prer_entry_read(x, false, t->pool, all) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory");
	cst_merge(o, all, delta);
	rc = o->check ? o->check(all, e) : 0;
	return rc == 0 ? c->put(t, all, e) : rc;
}

static int modify_recovery(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_recovery_obj *r = obj;

	return modify(&prer_recovery_class, PRER_RECOVERIES, r->name, t, r, e);
}

static int modify_path(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_path_obj *p = obj;

	return modify(&prer_path_class, PRER_PATHWAYS, p->name, t, p, e);
}

static int modify_stream(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct prer_stream_obj *s = obj;

	return modify(&prer_stream_class, PRER_STREAMS, s->name, t, s, e);
}

/* ---- the classes' callbacks ------------------------------------------------------ */

#define SHOW(kind, name_)                                                        \
	static int get_##name_(const void *key, json_t **out, struct cst_err *e) \
	{                                                                        \
		const struct prer_##name_##_obj *k = key;                        \
                                                                                 \
		return prer_show_get(kind, k->name, out, e);                     \
	}                                                                        \
	static int list_##name_(struct cst_page *page, struct cst_err *e)        \
	{                                                                        \
		(void)e;                                                         \
		return prer_show_list(kind, page);                               \
	}
SHOW(PRER_RECOVERIES, recovery)
SHOW(PRER_PATHWAYS, path)
SHOW(PRER_STREAMS, stream)

static void __attribute__((constructor, used)) prer_bind(void)
{
	cst_port_ask(may_lose);
	prer_recovery_class.party = &prer_party;
	prer_recovery_class.put = put_recovery;
	prer_recovery_class.modify = modify_recovery;
	prer_recovery_class.del = del_recovery;
	prer_recovery_class.get = get_recovery;
	prer_recovery_class.list = list_recovery;

	prer_path_class.party = &prer_party;
	prer_path_class.put = put_path;
	prer_path_class.modify = modify_path;
	prer_path_class.del = del_path;
	prer_path_class.get = get_path;
	prer_path_class.list = list_path;

	prer_stream_class.party = &prer_party;
	prer_stream_class.put = put_stream;
	prer_stream_class.modify = modify_stream;
	prer_stream_class.del = del_stream;
	prer_stream_class.get = get_stream;
	prer_stream_class.list = list_stream;
}
