/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "engine/rcu.h"
#include "store.h"
#include "upf_attach.h"
#include "upf_framed.h"
#include "upf_node.h"
#include "upf_pool_int.h"

static struct upf_ue_pool *by_name(const char *name)
{
	for (unsigned i = 1; i < upf_n_ue_pools; i++)
		if (upf_ue_pools[i].state != UPF_POOL_FREE &&
		    upf_ue_pools[i].state != UPF_POOL_DYING && !upf_ue_pools[i].deleting &&
		    strcmp(upf_ue_pools[i].name, name) == 0)
			return &upf_ue_pools[i];
	return NULL;
}

static int normalize(const struct upf_pool_obj *obj, struct cst_prefix *out, uint64_t *count,
		     struct cst_err *e)
{
	const struct cst_prefix *in = &obj->prefix;
	bool v6 = in->ip.family == 6;
	uint64_t n = upf_ue_number_of(in->ip.b, v6) & upf_ue_prefix_mask(in->len);
	uint8_t unit = v6 ? 64 : 32;

	if (in->len > unit)
		return cst_err(e, -EINVAL, "prefix",
			       "each UE gets a /64, so the pool is /64 or larger");
	if (v6 && cst_be64(in->ip.b + 8) != 0)
		return cst_err(e, -EINVAL, "prefix", "the lower half of the address must be zero");
	if (unit - in->len > 31)
		return cst_err(e, -ENOSPC, "prefix", "too large: raise the prefix length");
	*out = (struct cst_prefix){.ip = {.family = in->ip.family}, .len = in->len};
	cst_put_be64(out->ip.b, n);
	*count = 1ull << (unit - in->len);
	return 0;
}

int upf_pools_overlap(const struct cst_prefix *prefix, uint16_t vrf, struct cst_err *e)
{
	bool v6 = prefix->ip.family == 6;
	uint64_t n = upf_ue_number_of(prefix->ip.b, v6);

	for (unsigned i = 1; i < upf_n_ue_pools; i++) {
		const struct upf_ue_pool *p = &upf_ue_pools[i];
		uint8_t len = p->prefix.len < prefix->len ? p->prefix.len : prefix->len;

		if (!upf_ue_pool_usable(p) || p->vrf != vrf ||
		    p->prefix.ip.family != prefix->ip.family)
			continue;
		if (((n ^ upf_ue_number_of(p->prefix.ip.b, v6)) & upf_ue_prefix_mask(len)) == 0)
			return cst_err(e, -EEXIST, NULL, "overlaps with pool %s", p->name);
	}
	return 0;
}

/* Sessions that have addresses in it as strays would lose them to it. */
static int strays_in(const struct upf_ue_pool *p, struct cst_err *e)
{
	char text[64];

	for (uint32_t i = 0; upf_n_stray_addrs && i <= upf_strays.mask; i++) {
		const struct upf_stray *s = &upf_strays.e[i];
		struct upf_held_addr a = {.vrf = p->vrf, .v6 = s->kind == UPF_STRAY_V6(p->vrf)};
		const struct upf_session *holder;

		if (!a.v6 && s->kind != UPF_STRAY_V4(p->vrf))
			continue;
		memcpy(a.b, &s->key, 8);
		if (!upf_ue_covers(p, &a))
			continue;
		holder = upf_session_by_ref(s->ref);
		return cst_err(e, -EBUSY, "prefix", "session %llu has %s in it: delete it first",
			       holder ? (unsigned long long)holder->seid : 0ull,
			       upf_addr_text(&a, text));
	}
	return 0;
}

/* Those of a pool that is there, or was in an earlier life of coastd and may come back. */
static uint32_t slots_of(unsigned number, uint32_t *first)
{
	const struct upf_ue_pool *p = &upf_ue_pools[number];

	if (p->state == UPF_POOL_FREE && upf_attach_has_slots(number)) {
		*first = upf_tables.pools[number].first;
		return upf_tables.pools[number].count;
	}
	*first = p->first;
	return p->state == UPF_POOL_FREE ? 0 : p->count;
}

/* The lowest run of free slots that is long enough: pools are few and rarely change. */
static bool find_free(uint32_t count, uint32_t *first)
{
	uint32_t at = 1;

	if (count > upf_n_slots)
		return false;
	for (unsigned i = 1; i < UPF_MAX_POOLS;) {
		uint32_t from, n = slots_of(i++, &from);

		if (n == 0 || from >= at + count || from + n <= at)
			continue;
		at = from + n;
		i = 1;
	}
	*first = at;
	return (uint64_t)at + count <= (uint64_t)upf_n_slots + 1;
}

/* Pools of an earlier life make room: what has not come back may well be gone or changed, and if it
 * does come back its sessions set its slots anew. */
static bool find_slots(uint32_t count, uint32_t *first)
{
	if (find_free(count, first))
		return true;
	cst_rcu_reclaim(true);
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		if (upf_ue_pools[i].state != UPF_POOL_FREE || !upf_attach_has_slots(i))
			continue;
		upf_attach_forget_slots(i);
		if (find_free(count, first))
			return true;
	}
	return find_free(count, first);
}

static int make_books(struct upf_ue_pool *p, uint64_t count, struct cst_err *e)
{
	p->taken = calloc((count + 63) / 64, sizeof(uint64_t));
	if (!p->taken)
		return cst_err(e, -ENOMEM, NULL, "no memory for the pool");
	p->count = (uint32_t)count;
	return 0;
}

/* It is as it was, and its slots are still good. */
static bool comes_back(const struct upf_ue_pool *p, unsigned number)
{
	const struct upf_pool *was;

	if (!upf_attach_has_slots(number))
		return false;
	was = &upf_tables.pools[number];
	return was->vrf == p->vrf && cst_ip_eq(&was->prefix.ip, &p->prefix.ip) &&
	       was->prefix.len == p->prefix.len;
}

static int place(struct upf_ue_pool *p, unsigned number, uint64_t count, struct cst_err *e)
{
	if (upf_tables.lines == NULL)
		return 0; /* checking a file: no tables */
	if (comes_back(p, number)) {
		p->first = upf_tables.pools[number].first;
		return make_books(p, count, e);
	}
	if (!find_slots((uint32_t)count, &p->first))
		return cst_err(e, -ENOSPC, "prefix",
			       "%llu addresses do not fit: raise system.max_addresses, now %u",
			       (unsigned long long)count, upf_n_slots);
	/* a pool of an earlier life may have had them */
	memset(upf_tables.pool_slots + p->first, 0, count * sizeof(*upf_tables.pool_slots));
	return make_books(p, count, e);
}

/* That of the same addresses in an earlier life of coastd, which may have had another name; else
 * the one that it had; else one that no pool of an earlier life had. */
static unsigned free_number(const struct upf_ue_pool *p, const char *name)
{
	unsigned had = cst_store_number("pool", name), number;

	for (number = 1; number < UPF_MAX_POOLS; number++)
		if (upf_ue_pools[number].state == UPF_POOL_FREE && comes_back(p, number))
			return number;
	if (had > 0 && had < UPF_MAX_POOLS && upf_ue_pools[had].state == UPF_POOL_FREE &&
	    !upf_attach_has_slots(had))
		return had;
	for (number = 1; number < UPF_MAX_POOLS; number++)
		if (upf_ue_pools[number].state == UPF_POOL_FREE && !upf_attach_has_slots(number))
			break;
	return number;
}

static int put_new(const struct upf_pool_obj *obj, const struct cst_prefix *prefix, uint64_t count,
		   struct cst_err *e)
{
	uint16_t vrf = cst_vrf_by_name(obj->network_instance);
	struct upf_ue_pool p = {.prefix = *prefix, .vrf = vrf, .state = UPF_POOL_PLANNED};
	unsigned number;
	int rc;

	if (vrf == 0)
		return cst_err(e, -ENOENT, "network_instance", "there is no network instance %s",
			       obj->network_instance);
	rc = upf_pools_overlap(prefix, vrf, e);
	if (rc == 0)
		rc = upf_framed_check(vrf, prefix, 0, e);
	if (rc < 0)
		cst_err_prefix(e, "prefix");
	if (rc == 0)
		rc = strays_in(&p, e);
	if (rc < 0)
		return rc;
	number = free_number(&p, obj->name);
	if (number == UPF_MAX_POOLS)
		return cst_err(e, -ENOSPC, NULL, "there are %d pools already", UPF_MAX_POOLS - 1);
	snprintf(p.name, sizeof(p.name), "%s", obj->name);
	snprintf(p.network_instance, sizeof(p.network_instance), "%s", cst_vrf_name(vrf));
	rc = place(&p, number, count, e);
	if (rc == 0)
		rc = upf_net_open(e);
	if (rc == 0) {
		rc = cst_net_put_service(vrf, prefix, upf_service, number, e);
		if (rc < 0 && e && !e->field[0])
			cst_err_prefix(e, "prefix");
	}
	if (rc < 0) {
		free(p.taken);
		return rc;
	}
	cst_vrf_hold(vrf, 1);
	if (upf_tables.lines && cst_store_number("pool", obj->name) != number)
		cst_store_set_number("pool", obj->name, number);
	upf_ue_pools[number] = p;
	if (number >= upf_n_ue_pools)
		upf_n_ue_pools = number + 1;
	return 0;
}

int upf_pool_put(struct cst_txn *t, const void *o, struct cst_err *e)
{
	const struct upf_pool_obj *obj = o;
	const struct upf_ue_pool *old = by_name(obj->name);
	struct cst_prefix prefix;
	uint64_t count = 0;
	int rc = normalize(obj, &prefix, &count, e);

	(void)t;
	if (rc < 0)
		return rc;
	if (!old)
		return put_new(obj, &prefix, count, e);
	if (strcasecmp(old->network_instance, obj->network_instance) != 0)
		return cst_err(e, -EBUSY, "network_instance", "pool %s is in %s: delete it first",
			       old->name, old->network_instance);
	if (!cst_ip_eq(&old->prefix.ip, &prefix.ip) || old->prefix.len != prefix.len)
		return cst_err(e, -EBUSY, "prefix", "pool %s has another one: delete it first",
			       old->name);
	return 0;
}

int upf_pool_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct upf_pool_obj *obj = key;
	struct upf_ue_pool *p = by_name(obj->name);
	int rc;

	(void)t;
	if (!p)
		return cst_err(e, -ENOENT, "name", "there is no pool %s", obj->name);
	if (p->used)
		cst_rcu_reclaim(true);
	if (p->used)
		return cst_err(e, -EBUSY, "name", "%u addresses of pool %s are in use by sessions",
			       p->used, p->name);
	rc = upf_net_open(e);
	if (rc == 0)
		rc = cst_net_del_service(p->vrf, &p->prefix);
	if (rc < 0)
		return e && e->code ? rc
				    : cst_err(e, rc, NULL, "pool %s cannot be taken out", p->name);
	p->deleting = true;
	/* its network instance may go in the same transaction */
	cst_vrf_hold(p->vrf, -1);
	return 0;
}

static void bury(void *ptr, uint64_t arg)
{
	(void)arg;
	upf_tables.pools[(struct upf_ue_pool *)ptr - upf_ue_pools] = (struct upf_pool){0};
	upf_ue_drop(ptr);
}

/* The route to it may be live already: without a count nothing else of it is looked at. */
static void publish(const struct upf_ue_pool *p, struct upf_pool *out)
{
	out->prefix = p->prefix;
	out->first = p->first;
	out->vrf = p->vrf;
	out->unit = p->prefix.ip.family == 6 ? 64 : 0;
	out->used = 1;
	__atomic_store_n(&out->count, p->count, __ATOMIC_RELEASE);
}

void upf_pools_commit(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		struct upf_ue_pool *p = &upf_ue_pools[i];

		if (p->state == UPF_POOL_PLANNED) {
			p->state = UPF_POOL_LIVE;
			publish(p, &upf_tables.pools[i]);
		}
		if (p->deleting) {
			p->deleting = false;
			p->state = UPF_POOL_DYING;
			cst_rcu_defer(bury, p, 0);
		}
	}
}

void upf_pools_abort(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		struct upf_ue_pool *p = &upf_ue_pools[i];

		if (p->deleting)
			cst_vrf_hold(p->vrf, 1);
		p->deleting = false;
		if (p->state == UPF_POOL_PLANNED) {
			cst_vrf_hold(p->vrf, -1);
			upf_ue_drop(p);
		}
	}
}

/* ---- showing ---------------------------------------------------------------------------- */

static json_t *show(const struct upf_ue_pool *p)
{
	struct upf_pool_obj o = {.has = ~0ull >> (64 - upf_pool_object.n_fields),
				 .name = p->name,
				 .network_instance = p->network_instance,
				 .prefix = p->prefix,
				 .addresses = p->count,
				 .used = p->used};

	return cst_encode(&upf_pool_object, &o);
}

int upf_pool_get(const void *key, json_t **out, struct cst_err *e)
{
	const struct upf_pool_obj *obj = key;
	const struct upf_ue_pool *p = by_name(obj->name);

	if (!p)
		return cst_err(e, -ENOENT, "name", "there is no pool %s", obj->name);
	*out = show(p);
	return 0;
}

static bool wanted(const struct upf_ue_pool *p, const json_t *filter)
{
	const char *ni = json_string_value(json_object_get(filter, "network_instance"));
	const char *name = json_string_value(json_object_get(filter, "name"));

	return p->state == UPF_POOL_LIVE && (!ni || strcasecmp(ni, p->network_instance) == 0) &&
	       (!name || strcmp(name, p->name) == 0);
}

int upf_pool_list(struct cst_page *page, struct cst_err *e)
{
	const char *member;
	json_t *value;
	uint64_t i = page->cursor ? page->cursor : 1;

	json_object_foreach ((json_t *)page->filter, member, value) {
		if (strcmp(member, "network_instance") != 0 && strcmp(member, "name") != 0)
			return cst_err(e, -EINVAL, member,
				       "pools are filtered by name and network_instance");
	}
	page->cursor = 0;
	for (; i < upf_n_ue_pools; i++) {
		if (!wanted(&upf_ue_pools[i], page->filter))
			continue;
		if (json_array_size(page->items) >= page->limit) {
			page->cursor = i;
			break;
		}
		json_array_append_new(page->items, show(&upf_ue_pools[i]));
	}
	return 0;
}
