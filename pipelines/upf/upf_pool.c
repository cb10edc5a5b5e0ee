/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UE addresses: pools with a slot for each address, and the addresses outside
 * them, each with a service prefix of its own. What a transaction takes is marked
 * at once, in books that workers never see, and given back by its abort.
 */
#include "upf_pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/rcu.h"
#include "upf_books.h"
#include "upf_node.h"

/* Each address outside pools costs an entry in the routing table, which is built anew for it. */
#define MAX_STRAY_ADDRS 4096

enum state { FREE, PLANNED, LIVE, DYING };

struct pool {
	struct cst_prefix prefix; /* host bits zero */
	uint32_t first, count;    /* slots; count 0: only checked (no tables) */
	uint32_t used, next;      /* next: where the search for a free one goes on */
	uint64_t *taken;          /* bit: address in use or resting */
	uint16_t vrf;
	uint8_t state;
	bool deleting; /* in the running transaction */
	char name[64];
	char network_instance[64];
};

static struct pool pools[UPF_MAX_POOLS]; /* 0 is none */
static unsigned n_pools = 1;             /* above the highest in use */
static uint32_t n_slots;
static uint32_t n_stray_addrs;

void upf_pools_open(uint32_t slots)
{
	n_slots = slots;
}

static void drop(struct pool *p)
{
	free(p->taken);
	memset(p, 0, sizeof(*p));
	while (n_pools > 1 && pools[n_pools - 1].state == FREE)
		n_pools--;
}

void upf_pools_close(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++)
		drop(&pools[i]);
	n_stray_addrs = 0;
	n_slots = 0;
}

void upf_pools_usage(struct upf_usage *u)
{
	u->addresses = n_stray_addrs;
	u->pools = 0;
	for (unsigned i = 1; i < n_pools; i++) {
		u->addresses += pools[i].used;
		u->pools += pools[i].state != FREE;
	}
}

/* ---- places in a pool -------------------------------------------------------------- */

static uint64_t be64(const uint8_t *b)
{
	uint64_t x;

	memcpy(&x, b, 8);
	return __builtin_bswap64(x);
}

static void put64(uint8_t *b, uint64_t x)
{
	x = __builtin_bswap64(x);
	memcpy(b, &x, 8);
}

/* Upper half of the address as a number; IPv4 in its upper 32 bits, so that prefixes compare alike. */
static uint64_t number_of(const uint8_t *b, bool v6)
{
	return v6 ? be64(b) : be64(b) >> 32 << 32;
}

static uint64_t prefix_mask(uint8_t len)
{
	return len == 0 ? 0 : ~0ull << (64 - len);
}

static bool covers(const struct pool *p, const struct upf_held_addr *a)
{
	uint64_t n = number_of(a->b, a->v6);

	return p->vrf == a->vrf && (p->prefix.ip.family == 6) == a->v6
	       && ((n ^ number_of(p->prefix.ip.b, a->v6)) & prefix_mask(p->prefix.len)) == 0;
}

static struct pool *pool_of(const struct upf_held_addr *a)
{
	for (unsigned i = 1; i < n_pools; i++) {
		struct pool *p = &pools[i];

		if ((p->state == PLANNED || p->state == LIVE) && !p->deleting && covers(p, a))
			return p;
	}
	return NULL;
}

static uint32_t place_of(const struct pool *p, const struct upf_held_addr *a)
{
	uint64_t low = number_of(a->b, a->v6) & ~prefix_mask(p->prefix.len);

	return (uint32_t)(a->v6 ? low : low >> 32);
}

static uint32_t span(const struct upf_held_addr *a)
{
	return a->v6 ? 1u << a->bits : 1;
}

static bool is_taken(const struct pool *p, uint32_t at)
{
	return p->taken[at / 64] >> (at % 64) & 1;
}

static void mark(struct pool *p, uint32_t at, uint32_t n, bool taken)
{
	for (uint32_t i = at; i < at + n; i++) {
		if (taken)
			p->taken[i / 64] |= 1ull << (i % 64);
		else
			p->taken[i / 64] &= ~(1ull << (i % 64));
	}
	p->used += taken ? n : -n;
}

static struct cst_prefix prefix_of(const struct upf_held_addr *a)
{
	struct cst_prefix p = {.ip = {.family = a->v6 ? 6 : 4},
			       .len = a->v6 ? (uint8_t)(64 - a->bits) : 32};

	memcpy(p.ip.b, a->b, a->v6 ? 8 : 4);
	return p;
}

const char *upf_addr_text(const struct upf_held_addr *a, char buf[64])
{
	struct cst_prefix p = prefix_of(a);

	return a->v6 ? cst_prefix_text(&p, buf) : cst_ip_text(&p.ip, buf);
}

static int held_by(const struct upf_held_addr *a, const struct upf_session *s, struct cst_err *e)
{
	char text[64];

	if (s == NULL)
		return cst_err(e, -EADDRINUSE, NULL, "%s is given out twice in this call",
			       upf_addr_text(a, text));
	return cst_err(e, -EADDRINUSE, NULL, "%s belongs to session %llu", upf_addr_text(a, text),
		       (unsigned long long)s->seid);
}

/* ---- taking ------------------------------------------------------------------------ */

static uint32_t first_taken(const struct pool *p, uint32_t at, uint32_t n)
{
	uint32_t i = at;

	while (i < at + n && !is_taken(p, i))
		i++;
	return i - at;
}

static int take_in_pool(struct pool *p, struct upf_held_addr *a, struct cst_err *e)
{
	uint32_t at = place_of(p, a), n = span(a), i;

	if (p->count == 0)
		return 0;
	if (at + n > p->count)
		return cst_err(e, -EINVAL, NULL, "the prefix is larger than pool %s", p->name);
	i = first_taken(p, at, n);
	if (i < n && upf_tables.pool_slots[p->first + at + i] == 0) {
		cst_rcu_reclaim(true); /* it only rests */
		i = first_taken(p, at, n);
	}
	if (i < n)
		return held_by(a, upf_session_by_ref(upf_tables.pool_slots[p->first + at + i]), e);
	mark(p, at, n, true);
	a->pool = (uint8_t)(p - pools);
	a->fresh = 1;
	return 0;
}

static uint32_t stray_kind(const struct upf_held_addr *a)
{
	return a->v6 ? UPF_STRAY_V6(a->vrf) : UPF_STRAY_V4(a->vrf);
}

/* Key of the i-th /64 of it, as the packet path makes it (upf_stray_key()). */
static uint64_t stray_key(const struct upf_held_addr *a, uint32_t i)
{
	uint8_t b[8];
	uint64_t key;

	memcpy(b, a->b, 8);
	if (a->v6)
		put64(b, be64(b) + i);
	memcpy(&key, b, 8);
	if (!a->v6)
		key = (uint32_t)key;
	return key;
}

static int take_stray(struct upf_held_addr *a, struct cst_err *e)
{
	struct cst_prefix prefix = prefix_of(a);
	uint32_t i;
	int rc;

	for (i = 0; i < span(a); i++) {
		struct upf_stray *s = upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i));

		if (s)
			return held_by(a, upf_session_by_ref(s->ref), e);
	}
	if (n_stray_addrs >= MAX_STRAY_ADDRS)
		return cst_err(e, -ENOSPC, NULL,
			       "more than %d UE addresses outside pools: put a pool for them",
			       MAX_STRAY_ADDRS);
	rc = upf_net_open(e);
	if (rc == 0)
		rc = cst_net_put_service(a->vrf, &prefix, upf_service, 0, e);
	if (rc < 0)
		return rc;
	for (i = 0; i < span(a); i++) {
		if (upf_stray_take(&upf_strays, stray_kind(a), stray_key(a, i)))
			continue;
		while (i-- > 0)
			upf_stray_remove(&upf_strays, upf_stray_get(&upf_strays, stray_kind(a),
								    stray_key(a, i)));
		return cst_err(e, -ENOSPC, NULL, "no room: raise system.max_sessions");
	}
	a->pool = 0;
	a->fresh = 1;
	n_stray_addrs++;
	return 0;
}

int upf_addr_take(struct upf_held_addr *a, struct cst_err *e)
{
	struct pool *p = pool_of(a);

	if (p)
		return take_in_pool(p, a, e);
	return upf_tables.lines ? take_stray(a, e) : 0;
}

/* Addresses are given out one after the other and round again, so that one rests long. */
static bool choose_in(struct pool *p, struct upf_held_addr *a)
{
	/* the first and the last of an IPv4 network look odd to users */
	uint32_t edge = p->prefix.ip.family == 4 && p->count > 2 ? 1 : 0;

	for (uint32_t n = 0; n < p->count && p->used < p->count; n++) {
		uint32_t at = p->next++;

		if (p->next >= p->count)
			p->next = 0;
		if (at % 64 == 0 && p->taken[at / 64] == ~0ull && p->next != 0 && at + 64 < p->count) {
			p->next = at + 64;
			n += 63;
			continue;
		}
		if (at < edge || at >= p->count - edge || is_taken(p, at))
			continue;
		mark(p, at, 1, true);
		memcpy(a->b, p->prefix.ip.b, 8);
		if (a->v6) {
			put64(a->b, be64(a->b) + at);
		} else {
			put64(a->b, be64(a->b) + ((uint64_t)at << 32));
			memset(a->b + 4, 0, 4);
		}
		return true;
	}
	return false;
}

int upf_addr_choose(struct upf_held_addr *a, struct cst_err *e)
{
	bool any = false;

	a->bits = 0;
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 1; i < n_pools; i++) {
			struct pool *p = &pools[i];

			if ((p->state != PLANNED && p->state != LIVE) || p->deleting
			    || p->vrf != a->vrf || (p->prefix.ip.family == 6) != a->v6)
				continue;
			any = true;
			if (p->count == 0 || choose_in(p, a)) {
				a->pool = (uint8_t)i;
				a->fresh = a->chosen = 1;
				return 0;
			}
		}
		if (!any)
			return cst_err(e, -ENOENT, NULL,
				       "network instance %s has no %s pool to choose from",
				       cst_vrf_name(a->vrf), a->v6 ? "IPv6" : "IPv4");
		cst_rcu_reclaim(true); /* some may only rest */
	}
	return cst_err(e, -ENOSPC, NULL, "the %s pools of network instance %s are used up",
		       a->v6 ? "IPv6" : "IPv4", cst_vrf_name(a->vrf));
}

int upf_addr_leave(const struct upf_held_addr *a, struct cst_err *e)
{
	struct cst_prefix prefix = prefix_of(a);
	int rc;

	if (a->pool)
		return 0;
	rc = upf_net_open(e);
	if (rc < 0)
		return rc;
	rc = cst_net_del_service(a->vrf, &prefix);
	return rc < 0 ? cst_err(e, rc, NULL, "its address cannot be taken out of the routes") : 0;
}

/* ---- live --------------------------------------------------------------------------- */

void upf_addr_set(const struct upf_held_addr *a, uint32_t ref)
{
	const struct pool *p = &pools[a->pool];

	for (uint32_t i = 0; i < span(a); i++) {
		if (a->pool)
			__atomic_store_n(&upf_tables.pool_slots[p->first + place_of(p, a) + i], ref,
					 __ATOMIC_RELEASE);
		else
			upf_stray_set(upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i)),
				      ref);
	}
}

void upf_addr_free(const struct upf_held_addr *a)
{
	struct pool *p = &pools[a->pool];

	if (a->pool) {
		mark(p, place_of(p, a), span(a), false);
		return;
	}
	for (uint32_t i = 0; i < span(a); i++)
		upf_stray_remove(&upf_strays,
				 upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i)));
	n_stray_addrs--;
}

uint32_t upf_addr_find(uint16_t vrf, const struct cst_ip *ip)
{
	for (unsigned i = 1; i < n_pools; i++) {
		struct upf_held_addr a = {.v6 = ip->family == 6, .vrf = pools[i].vrf};
		uint32_t ref;

		memcpy(a.b, ip->b, 8);
		if (pools[i].state != LIVE || (vrf && pools[i].vrf != vrf) || !covers(&pools[i], &a))
			continue;
		ref = upf_tables.pool_slots[pools[i].first + place_of(&pools[i], &a)];
		if (ref)
			return ref;
	}
	for (unsigned v = vrf ? vrf : 1; n_stray_addrs && v < (vrf ? vrf + 1u : CST_MAX_VRFS); v++) {
		uint32_t ref = upf_stray_addr((uint16_t)v, ip);

		if (ref)
			return ref;
	}
	return 0;
}

/* ---- pools as objects ------------------------------------------------------------------ */

static struct pool *by_name(const char *name)
{
	for (unsigned i = 1; i < n_pools; i++)
		if (pools[i].state != FREE && pools[i].state != DYING && !pools[i].deleting
		    && strcmp(pools[i].name, name) == 0)
			return &pools[i];
	return NULL;
}

static int normalize(const struct upf_pool_obj *obj, struct cst_prefix *out, uint64_t *count,
		     struct cst_err *e)
{
	const struct cst_prefix *in = &obj->prefix;
	bool v6 = in->ip.family == 6;
	uint64_t n = number_of(in->ip.b, v6) & prefix_mask(in->len);
	uint8_t unit = v6 ? 64 : 32;

	if (in->len > unit)
		return cst_err(e, -EINVAL, "prefix", "each UE gets a /64, so the pool is /64 or larger");
	if (v6 && be64(in->ip.b + 8) != 0)
		return cst_err(e, -EINVAL, "prefix", "the lower half of the address must be zero");
	if (unit - in->len > 31)
		return cst_err(e, -ENOSPC, "prefix", "too large: raise the prefix length");
	*out = (struct cst_prefix){.ip = {.family = in->ip.family}, .len = in->len};
	put64(out->ip.b, n);
	*count = 1ull << (unit - in->len);
	return 0;
}

static int overlaps(const struct cst_prefix *prefix, uint16_t vrf, struct cst_err *e)
{
	bool v6 = prefix->ip.family == 6;
	uint64_t n = number_of(prefix->ip.b, v6);

	for (unsigned i = 1; i < n_pools; i++) {
		const struct pool *p = &pools[i];
		uint8_t len = p->prefix.len < prefix->len ? p->prefix.len : prefix->len;

		if ((p->state != PLANNED && p->state != LIVE) || p->deleting || p->vrf != vrf
		    || p->prefix.ip.family != prefix->ip.family)
			continue;
		if (((n ^ number_of(p->prefix.ip.b, v6)) & prefix_mask(len)) == 0)
			return cst_err(e, -EEXIST, "prefix", "overlaps with pool %s", p->name);
	}
	return 0;
}

/* Sessions that have addresses in it as strays would lose them to it. */
static int strays_in(const struct pool *p, struct cst_err *e)
{
	char text[64];

	for (uint32_t i = 0; n_stray_addrs && i <= upf_strays.mask; i++) {
		const struct upf_stray *s = &upf_strays.e[i];
		struct upf_held_addr a = {.vrf = p->vrf, .v6 = s->kind == UPF_STRAY_V6(p->vrf)};
		const struct upf_session *holder;

		if (!a.v6 && s->kind != UPF_STRAY_V4(p->vrf))
			continue;
		memcpy(a.b, &s->key, 8);
		if (!covers(p, &a))
			continue;
		holder = upf_session_by_ref(s->ref);
		return cst_err(e, -EBUSY, "prefix", "session %llu has %s in it: delete it first",
			       holder ? (unsigned long long)holder->seid : 0ull,
			       upf_addr_text(&a, text));
	}
	return 0;
}

/* The lowest run of free slots that is long enough: pools are few and rarely change. */
static bool find_slots(uint32_t count, uint32_t *first)
{
	uint32_t at = 1;

	for (unsigned i = 1; i < n_pools;) {
		const struct pool *p = &pools[i++];

		if (p->state == FREE || p->count == 0 || p->first >= at + count
		    || p->first + p->count <= at)
			continue;
		at = p->first + p->count;
		i = 1;
	}
	*first = at;
	return (uint64_t)at + count <= (uint64_t)n_slots + 1;
}

static int place(struct pool *p, uint64_t count, struct cst_err *e)
{
	if (upf_tables.lines == NULL)
		return 0; /* checking a file: no tables */
	if (count > n_slots || !find_slots((uint32_t)count, &p->first)) {
		cst_rcu_reclaim(true);
		if (count > n_slots || !find_slots((uint32_t)count, &p->first))
			return cst_err(e, -ENOSPC, "prefix",
				       "%llu addresses do not fit: raise system.max_addresses, now %u",
				       (unsigned long long)count, n_slots);
	}
	p->taken = calloc((count + 63) / 64, sizeof(uint64_t));
	if (!p->taken)
		return cst_err(e, -ENOMEM, NULL, "no memory for the pool");
	p->count = (uint32_t)count;
	return 0;
}

static int put_new(const struct upf_pool_obj *obj, const struct cst_prefix *prefix, uint64_t count,
		   struct cst_err *e)
{
	uint16_t vrf = cst_vrf_by_name(obj->network_instance);
	struct pool p = {.prefix = *prefix, .vrf = vrf, .state = PLANNED};
	unsigned number = 1;
	int rc;

	if (vrf == 0)
		return cst_err(e, -ENOENT, "network_instance", "there is no network instance %s",
			       obj->network_instance);
	rc = overlaps(prefix, vrf, e);
	if (rc == 0)
		rc = strays_in(&p, e);
	if (rc < 0)
		return rc;
	while (number < UPF_MAX_POOLS && pools[number].state != FREE)
		number++;
	if (number == UPF_MAX_POOLS)
		return cst_err(e, -ENOSPC, NULL, "there are %d pools already", UPF_MAX_POOLS - 1);
	snprintf(p.name, sizeof(p.name), "%s", obj->name);
	snprintf(p.network_instance, sizeof(p.network_instance), "%s", cst_vrf_name(vrf));
	rc = place(&p, count, e);
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
	pools[number] = p;
	if (number >= n_pools)
		n_pools = number + 1;
	return 0;
}

int upf_pool_put(struct cst_txn *t, const void *o, struct cst_err *e)
{
	const struct upf_pool_obj *obj = o;
	const struct pool *old = by_name(obj->name);
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
	struct pool *p = by_name(obj->name);
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
		return e && e->code ? rc : cst_err(e, rc, NULL, "pool %s cannot be taken out", p->name);
	p->deleting = true;
	return 0;
}

static void bury(void *ptr, uint64_t arg)
{
	(void)arg;
	upf_tables.pools[(struct pool *)ptr - pools] = (struct upf_pool){0};
	drop(ptr);
}

/* The route to it may be live already: without a count nothing else of it is looked at. */
static void publish(const struct pool *p, struct upf_pool *out)
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
		struct pool *p = &pools[i];

		if (p->state == PLANNED) {
			p->state = LIVE;
			publish(p, &upf_tables.pools[i]);
		}
		if (p->deleting) {
			cst_vrf_hold(p->vrf, -1);
			p->deleting = false;
			p->state = DYING;
			cst_rcu_defer(bury, p, 0);
		}
	}
}

void upf_pools_abort(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		struct pool *p = &pools[i];

		p->deleting = false;
		if (p->state == PLANNED) {
			cst_vrf_hold(p->vrf, -1);
			drop(p);
		}
	}
}

/* ---- showing ---------------------------------------------------------------------------- */

static json_t *show(const struct pool *p)
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
	const struct pool *p = by_name(obj->name);

	if (!p)
		return cst_err(e, -ENOENT, "name", "there is no pool %s", obj->name);
	*out = show(p);
	return 0;
}

static bool wanted(const struct pool *p, const json_t *filter)
{
	const char *ni = json_string_value(json_object_get(filter, "network_instance"));
	const char *name = json_string_value(json_object_get(filter, "name"));

	return p->state == LIVE && (!ni || strcasecmp(ni, p->network_instance) == 0)
	       && (!name || strcmp(name, p->name) == 0);
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
	for (; i < n_pools; i++) {
		if (!wanted(&pools[i], page->filter))
			continue;
		if (json_array_size(page->items) >= page->limit) {
			page->cursor = i;
			break;
		}
		json_array_append_new(page->items, show(&pools[i]));
	}
	return 0;
}
