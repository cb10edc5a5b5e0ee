/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UE addresses: in pools, with a slot for each, and outside them, each with a
 * service prefix of its own. What a transaction takes is marked at once, in books
 * that workers never see, and given back by its abort.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/rcu.h"
#include "store.h"
#include "upf_attach.h"
#include "upf_framed.h"
#include "upf_node.h"
#include "upf_pool_int.h"
#include "upf_supersede.h"
#include "upf_work.h"

/* Each address outside pools costs an entry in the routing table, which is built anew for it. */
#define MAX_STRAY_ADDRS 4096

/* Numbers in the store: of pools, the piece behind the one that addresses are chosen from. */
#define POSITIONS "pool_position"
#define PIECE     256u

struct upf_ue_pool upf_ue_pools[UPF_MAX_POOLS];
unsigned upf_n_ue_pools = 1;
uint32_t upf_n_slots, upf_n_stray_addrs;

/* Addresses outside pools, for what must not overlap with them. */
static struct {
	struct upf_held_addr a;
	uint64_t seid;
} outside[MAX_STRAY_ADDRS]; /* upf_n_stray_addrs */

void upf_pools_open(uint32_t slots)
{
	upf_n_slots = slots;
}

void upf_ue_drop(struct upf_ue_pool *p)
{
	free(p->taken);
	memset(p, 0, sizeof(*p));
	while (upf_n_ue_pools > 1 && upf_ue_pools[upf_n_ue_pools - 1].state == UPF_POOL_FREE)
		upf_n_ue_pools--;
}

void upf_pools_close(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++)
		upf_ue_drop(&upf_ue_pools[i]);
	upf_n_stray_addrs = 0;
	upf_n_slots = 0;
}

void upf_pools_inventory(struct upf_inventory *u)
{
	u->addresses = upf_n_stray_addrs;
	u->pools = 0;
	for (unsigned i = 1; i < upf_n_ue_pools; i++) {
		u->addresses += upf_ue_pools[i].used;
		u->pools += upf_ue_pools[i].state != UPF_POOL_FREE;
	}
}

/* ---- places in a pool -------------------------------------------------------------- */

bool upf_ue_covers(const struct upf_ue_pool *p, const struct upf_held_addr *a)
{
	uint64_t n = upf_ue_number_of(a->b, a->v6);

	return p->vrf == a->vrf && (p->prefix.ip.family == 6) == a->v6 &&
	       ((n ^ upf_ue_number_of(p->prefix.ip.b, a->v6)) &
		upf_ue_prefix_mask(p->prefix.len)) == 0;
}

static struct upf_ue_pool *pool_of(const struct upf_held_addr *a)
{
	for (unsigned i = 1; i < upf_n_ue_pools; i++) {
		struct upf_ue_pool *p = &upf_ue_pools[i];

		if (upf_ue_pool_usable(p) && upf_ue_covers(p, a))
			return p;
	}
	return NULL;
}

static uint32_t place_of(const struct upf_ue_pool *p, const struct upf_held_addr *a)
{
	uint64_t low = upf_ue_number_of(a->b, a->v6) & ~upf_ue_prefix_mask(p->prefix.len);

	return (uint32_t)(a->v6 ? low : low >> 32);
}

static uint32_t span(const struct upf_held_addr *a)
{
	return a->v6 ? 1u << a->bits : 1;
}

static bool is_taken(const struct upf_ue_pool *p, uint32_t at)
{
	return p->taken[at / 64] >> (at % 64) & 1;
}

static void mark(struct upf_ue_pool *p, uint32_t at, uint32_t n, bool taken)
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

/* From a session that gives way. */
static bool take_over(struct upf_session *holder, struct upf_held_addr *a, struct cst_err *e)
{
	const struct upf_held_addr *own =
		holder && upf_supersede(holder, e) ? upf_pass_addr(holder, a) : NULL;

	if (own)
		a->pool = own->pool;
	return own != NULL;
}

/* ---- taking ------------------------------------------------------------------------ */

static uint32_t first_taken(const struct upf_ue_pool *p, uint32_t at, uint32_t n)
{
	uint32_t i = at;

	while (i < at + n && !is_taken(p, i))
		i++;
	return i - at;
}

static int take_in_pool(struct upf_ue_pool *p, struct upf_held_addr *a, struct cst_err *e)
{
	uint32_t at = place_of(p, a), n = span(a), i;
	struct upf_session *holder;

	if (p->count == 0)
		return 0;
	if (at + n > p->count)
		return cst_err(e, -EINVAL, NULL, "the prefix is larger than pool %s", p->name);
	i = first_taken(p, at, n);
	if (i < n && upf_tables.pool_slots[p->first + at + i] == 0) {
		cst_rcu_reclaim(true); /* it only rests */
		i = first_taken(p, at, n);
	}
	if (i < n) {
		holder = upf_session_by_ref(upf_tables.pool_slots[p->first + at + i]);
		return take_over(holder, a, e) ? 0 : held_by(a, holder, e);
	}
	mark(p, at, n, true);
	a->pool = (uint8_t)(p - upf_ue_pools);
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
		cst_put_be64(b, cst_be64(b) + i);
	memcpy(&key, b, 8);
	if (!a->v6)
		key = (uint32_t)key;
	return key;
}

int upf_strays_overlap(const struct cst_prefix *prefix, uint16_t vrf, uint64_t seid,
		       struct cst_err *e)
{
	bool v6 = prefix->ip.family == 6;
	uint64_t n = upf_ue_number_of(prefix->ip.b, v6);
	char text[64];

	for (uint32_t i = 0; i < upf_n_stray_addrs; i++) {
		const struct upf_held_addr *a = &outside[i].a;
		uint8_t len = RTE_MIN(prefix_of(a).len, prefix->len);

		if (a->vrf != vrf || a->v6 != v6 || outside[i].seid == seid ||
		    ((n ^ upf_ue_number_of(a->b, v6)) & upf_ue_prefix_mask(len)) != 0)
			continue;
		return cst_err(e, -EADDRINUSE, NULL, "overlaps with %s of session %llu",
			       upf_addr_text(a, text), (unsigned long long)outside[i].seid);
	}
	return 0;
}

static void forget_outside(const struct upf_held_addr *a)
{
	for (uint32_t i = 0; i < upf_n_stray_addrs; i++) {
		if (!upf_same_addr(&outside[i].a, a))
			continue;
		outside[i] = outside[--upf_n_stray_addrs];
		return;
	}
}

/* The route to an address outside pools. */
static int put_route(const struct upf_held_addr *a, struct cst_err *e)
{
	struct cst_prefix prefix = prefix_of(a);
	int rc = upf_framed_check(a->vrf, &prefix, upf_work.s->seid, e);

	if (rc == 0)
		rc = upf_net_open(e);
	if (rc == 0)
		rc = cst_net_put_service(a->vrf, &prefix, upf_service, 0, e);
	if (rc < 0 && e)
		e->field[0] = '\0'; /* the route's, which nobody has put */
	return rc;
}

static int take_stray(struct upf_held_addr *a, struct cst_err *e)
{
	uint32_t i;
	int rc;

	for (i = 0; i < span(a); i++) {
		struct upf_stray *s = upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i));
		struct upf_session *holder = s ? upf_session_by_ref(s->ref) : NULL;

		/* its own, from an earlier life of coastd */
		if (s && upf_work.past && !upf_ref_is_live(s->ref))
			continue;
		if (s)
			return take_over(holder, a, e) ? put_route(a, e) : held_by(a, holder, e);
	}
	if (upf_n_stray_addrs >= MAX_STRAY_ADDRS)
		return cst_err(e, -ENOSPC, NULL,
			       "more than %d UE addresses outside pools: put a pool for them",
			       MAX_STRAY_ADDRS);
	rc = put_route(a, e);
	if (rc < 0)
		return rc;
	for (i = 0; i < span(a); i++) {
		if (upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i)) ||
		    upf_stray_take(&upf_strays, stray_kind(a), stray_key(a, i)))
			continue;
		while (i-- > 0)
			upf_stray_remove(&upf_strays, upf_stray_get(&upf_strays, stray_kind(a),
								    stray_key(a, i)));
		return cst_err(e, -ENOSPC, NULL, "no room: raise system.max_sessions");
	}
	a->pool = 0;
	a->fresh = 1;
	outside[upf_n_stray_addrs].a = *a;
	outside[upf_n_stray_addrs++].seid = upf_work.s->seid;
	return 0;
}

int upf_addr_take(struct upf_held_addr *a, struct cst_err *e)
{
	struct upf_ue_pool *p = pool_of(a);

	if (p)
		return take_in_pool(p, a, e);
	return upf_tables.lines ? take_stray(a, e) : 0;
}

/* Where the search is, a piece ahead: what was given out before a restart rests, too. */
static void go_on_from(struct upf_ue_pool *p)
{
	if (!p->resumed)
		p->next = cst_store_number(POSITIONS, p->name) * PIECE;
	if (p->next >= p->count)
		p->next = 0;
	p->resumed = true;
}

static void keep_position(const struct upf_ue_pool *p)
{
	uint32_t piece = p->next / PIECE + 1;

	if (cst_store_number(POSITIONS, p->name) != piece)
		cst_store_set_number(POSITIONS, p->name, piece);
}

/* Addresses are given out one after the other and round again, so that one rests long. */
static bool choose_in(struct upf_ue_pool *p, struct upf_held_addr *a)
{
	/* the first and the last of an IPv4 network look odd to users */
	uint32_t edge = p->prefix.ip.family == 4 && p->count > 2 ? 1 : 0;

	go_on_from(p);
	for (uint32_t n = 0; n < p->count && p->used < p->count; n++) {
		uint32_t at = p->next++;

		if (p->next >= p->count)
			p->next = 0;
		if (at % 64 == 0 && p->taken[at / 64] == ~0ull && p->next != 0 &&
		    at + 64 < p->count) {
			p->next = at + 64;
			n += 63;
			continue;
		}
		if (at < edge || at >= p->count - edge || is_taken(p, at))
			continue;
		mark(p, at, 1, true);
		keep_position(p);
		memcpy(a->b, p->prefix.ip.b, 8);
		if (a->v6) {
			cst_put_be64(a->b, cst_be64(a->b) + at);
		} else {
			cst_put_be64(a->b, cst_be64(a->b) + ((uint64_t)at << 32));
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
		for (unsigned i = 1; i < upf_n_ue_pools; i++) {
			struct upf_ue_pool *p = &upf_ue_pools[i];

			if (!upf_ue_pool_usable(p) || p->vrf != a->vrf ||
			    (p->prefix.ip.family == 6) != a->v6)
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

bool upf_addr_reserve(struct upf_held_addr *a)
{
	struct upf_ue_pool *p = pool_of(a);
	uint32_t at;

	if (!p || p->count == 0)
		return false;
	at = place_of(p, a);
	if (at + span(a) > p->count || first_taken(p, at, span(a)) < span(a))
		return false;
	mark(p, at, span(a), true);
	a->pool = (uint8_t)(p - upf_ue_pools);
	return true;
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
	const struct upf_ue_pool *p = &upf_ue_pools[a->pool];

	for (uint32_t i = 0; i < span(a); i++) {
		if (a->pool)
			__atomic_store_n(&upf_tables.pool_slots[p->first + place_of(p, a) + i], ref,
					 __ATOMIC_RELEASE);
		else
			upf_stray_set(upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i)),
				      ref);
	}
}

/* One outside pools may be another session's by now. */
void upf_addr_settle(const struct upf_held_addr *a)
{
	const struct upf_stray *e =
		a->pool ? NULL : upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, 0));
	const struct upf_session *s = e ? upf_session_by_ref(e->ref) : NULL;

	for (uint32_t i = 0; s && i < upf_n_stray_addrs; i++)
		if (upf_same_addr(&outside[i].a, a))
			outside[i].seid = s->seid;
}

void upf_addr_free(const struct upf_held_addr *a)
{
	struct upf_ue_pool *p = &upf_ue_pools[a->pool];

	if (a->pool) {
		mark(p, place_of(p, a), span(a), false);
		return;
	}
	for (uint32_t i = 0; i < span(a); i++)
		upf_stray_remove(&upf_strays,
				 upf_stray_get(&upf_strays, stray_kind(a), stray_key(a, i)));
	forget_outside(a);
}
