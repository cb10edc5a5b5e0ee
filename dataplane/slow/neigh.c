/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a neighbour record, the same for ARP and ND (RFC 4861 7.3 in
 * spirit): asked for three times, a second apart; good for 30 s; asked again by
 * unicast before that is over while it is in use, so that traffic never sees it
 * expire; forgotten when nobody uses it.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/node.h"
#include "icmp.h"
#include "ip.h"
#include "slow/internal.h"

#define ASK_MS     1000
#define ASKS       3     /* unanswered requests until it counts as gone */
#define FRESH_MS   25000 /* from then on it is asked again */
#define REACH_MS   30000 /* from then on what is known is stale */
#define IN_USE_MS  30000 /* sent to within this time */
#define FORGET_MS  60000
#define RETRY_MS   2000 /* between requests to one that is gone */
#define INCOMPLETE 1024 /* records waiting for an answer: a scan must not crowd out the others */

CST_DROP(table_full, "neigh.table_full",
	 "too many neighbours are being asked for at once, or known; a scan of a subnet?");

struct slow_neigh *slow_neighs;
static uint32_t n_incomplete; /* as of the last tick, and those since */

int neigh_init(void)
{
	slow_neighs = calloc(CST_MAX_NEXTHOPS, sizeof(*slow_neighs));
	return slow_neighs ? 0 : -1;
}

void neigh_fini(void)
{
	struct rte_mbuf *m;

	for (uint32_t id = 1; slow_neighs && id < CST_MAX_NEXTHOPS; id++)
		while ((m = hold_take(&slow_neighs[id].queue)))
			slow_consume(m);
	free(slow_neighs);
	slow_neighs = NULL;
}

/* ---- addresses ---------------------------------------------------------------- */

bool iface_owns(const struct cst_snap_iface *ifc, const struct cst_ip *ip)
{
	for (unsigned i = 0; i < ifc->n_addrs; i++)
		if (cst_ip_eq(&ifc->addrs[i].ip, ip))
			return true;
	return ip->family == 6 && (ifc->flags & CST_SNAP_IP6) &&
	       memcmp(ip->b, ifc->link_local, 16) == 0;
}

bool iface_on_link(const struct cst_snap_iface *ifc, const struct cst_ip *ip)
{
	for (unsigned i = 0; i < ifc->n_addrs; i++)
		if (cst_prefix_holds(&ifc->addrs[i], ip))
			return true;
	return ip->family == 6 && cst_ip6_is_link_local(ip->b);
}

/* ---- records ------------------------------------------------------------------- */

static enum cst_nh_state state_of(uint32_t id)
{
	return cst_nexthop_state(cst_nexthop_word(&cst_nexthops[id]));
}

static void set_word(uint32_t id, const uint8_t mac[6], enum cst_nh_state state)
{
	uint64_t word = 0;

	if (mac)
		memcpy(&word, mac, 6);
	word |= (uint64_t)state << 48;
	atomic_store_explicit(&cst_nexthops[id].mac, word, memory_order_release);
}

static void set_state(uint32_t id, enum cst_nh_state state)
{
	uint64_t word = cst_nexthop_word(&cst_nexthops[id]);
	uint8_t mac[8];

	memcpy(mac, &word, 8);
	set_word(id, mac, state);
}

uint32_t neigh_find(uint16_t iface, const struct cst_ip *ip)
{
	return cst_nexthop_find(iface, ip);
}

/* An on-link route makes every destination a neighbour, whatever the interface's prefixes. */
static uint32_t make(const struct cst_snap *s, uint16_t iface, const struct cst_ip *ip)
{
	uint32_t id = neigh_find(iface, ip);

	if (id)
		return id;
	if (n_incomplete >= INCOMPLETE)
		return 0;
	id = cst_nexthop_get(&s->ifaces[iface], iface, ip);
	if (!id)
		return 0;
	n_incomplete++;
	slow_neighs[id].confirmed_ms = 0;
	slow_neighs[id].used_ms = slow_now_ms;
	slow_neighs[id].next_ms = 0;
	return id;
}

uint32_t neigh_get(const struct cst_snap *s, uint16_t iface, const struct cst_ip *ip)
{
	if (!s->ifaces[iface].vrf || !iface_on_link(&s->ifaces[iface], ip) ||
	    iface_owns(&s->ifaces[iface], ip))
		return 0;
	return make(s, iface, ip);
}

static void release_all(uint32_t id, enum slow_edge edge)
{
	struct rte_mbuf *m;

	while ((m = hold_take(&slow_neighs[id].queue))) {
		struct cst_pkt *pkt = cst_pkt(m);

		pkt->nexthop = id;
		if (edge == SLOW_TO_ERROR) {
			bool v4 = *rte_pktmbuf_mtod(m, uint8_t *) >> 4 == 4;

			pkt->ip_version = v4 ? 4 : 6;
			pkt->icmp_type = v4 ? CST_ICMP4_UNREACHABLE : CST_ICMP6_UNREACHABLE;
			pkt->icmp_code = v4 ? CST_ICMP4_HOST : CST_ICMP6_ADDRESS;
			pkt->icmp_info = 0;
		}
		slow_release(m, edge);
	}
}

void neigh_confirm(uint32_t id, const uint8_t mac[6])
{
	if (state_of(id) == CST_NH_STATIC)
		return;
	slow_neighs[id].confirmed_ms = slow_now_ms;
	cst_nexthops[id].probes = 0;
	slow_neighs[id].next_ms = 0;
	set_word(id, mac, CST_NH_REACHABLE);
	release_all(id, SLOW_TO_OUTPUT);
}

void neigh_hear(uint32_t id, const uint8_t mac[6])
{
	uint64_t word = cst_nexthop_word(&cst_nexthops[id]);

	if (cst_nexthop_state(word) == CST_NH_STATIC)
		return;
	if (cst_nexthop_usable(word) && memcmp(&word, mac, 6) == 0)
		return; /* nothing new, and no proof that it hears us */
	set_word(id, mac, CST_NH_STALE);
	slow_neighs[id].confirmed_ms = 0;
	neigh_doubt(id);
	release_all(id, SLOW_TO_OUTPUT);
}

void neigh_doubt(uint32_t id)
{
	cst_nexthops[id].probes = 0;
	slow_neighs[id].next_ms = slow_now_ms;
}

/* ---- asking -------------------------------------------------------------------- */

static void ask(const struct cst_snap *s, uint32_t id, bool unicast)
{
	struct cst_nexthop *nh = &cst_nexthops[id];
	uint64_t word = cst_nexthop_word(nh);
	uint8_t mac[8];

	memcpy(mac, &word, 8);
	if (nh->ip.family == 4)
		arp_solicit(&s->ifaces[nh->iface], &nh->ip, unicast ? mac : NULL);
	else
		nd_solicit(&s->ifaces[nh->iface], &nh->ip, unicast ? mac : NULL);
	nh->probes++;
	slow_neighs[id].next_ms = slow_now_ms + ASK_MS;
}

static void fail(uint32_t id)
{
	set_word(id, NULL, CST_NH_FAILED);
	slow_neighs[id].next_ms = slow_now_ms + RETRY_MS;
	release_all(id, SLOW_TO_ERROR);
}

static void forget(uint32_t id)
{
	release_all(id, SLOW_TO_ERROR);
	memset(&slow_neighs[id], 0, sizeof(slow_neighs[id]));
	cst_nexthop_remove(id);
}

static void tick_known(const struct cst_snap *s, uint32_t id, enum cst_nh_state state)
{
	struct slow_neigh *n = &slow_neighs[id];
	struct cst_nexthop *nh = &cst_nexthops[id];
	uint64_t age = slow_now_ms - n->confirmed_ms, idle = slow_now_ms - n->used_ms;

	if (age < FRESH_MS)
		return;
	if (state == CST_NH_REACHABLE && age >= REACH_MS)
		set_state(id, CST_NH_STALE);
	if (!nh->refs && idle >= IN_USE_MS) {
		nh->probes = 0;
		if (idle >= FORGET_MS)
			forget(id);
		return;
	}
	if (slow_now_ms < n->next_ms)
		return;
	if (nh->probes >= 2 * ASKS)
		fail(id);
	else
		ask(s, id, nh->probes < ASKS); /* itself first, then everybody: it may have moved */
}

static void tick_one(const struct cst_snap *s, uint32_t id)
{
	struct slow_neigh *n = &slow_neighs[id];
	struct cst_nexthop *nh = &cst_nexthops[id];
	const struct cst_snap_iface *ifc = &s->ifaces[nh->iface];
	enum cst_nh_state state = state_of(id);

	if (state == CST_NH_FREE)
		return;
	if (!ifc->vrf || ifc->epoch != nh->epoch) { /* of an interface that is gone or changed */
		if (!nh->refs)
			forget(id);
		return;
	}
	if (state == CST_NH_STATIC)
		return;
	if (!n->used_ms || atomic_exchange_explicit(&nh->used, 0, memory_order_relaxed))
		n->used_ms = slow_now_ms;

	switch (state) {
	case CST_NH_INCOMPLETE:
		n_incomplete++;
		if (slow_now_ms < n->next_ms)
			break;
		if (nh->probes >= ASKS)
			fail(id);
		else
			ask(s, id, false);
		break;
	case CST_NH_FAILED: /* stays so while it is asked for, so that nothing waits in vain */
		if (!nh->refs && slow_now_ms - n->used_ms >= IN_USE_MS) {
			forget(id);
		} else if (slow_now_ms >= n->next_ms) {
			ask(s, id, false);
			n->next_ms = slow_now_ms + RETRY_MS;
		}
		break;
	default:
		tick_known(s, id, state);
	}
}

void neigh_tick(const struct cst_snap *s)
{
	uint32_t high = cst_nexthop_high();

	n_incomplete = 0;
	for (uint32_t id = 1; id < high; id++)
		tick_one(s, id);
	cst_nexthop_reap();
}

/* ---- packets that wait ------------------------------------------------------------ */

/* `m` goes to pkt->nexthop, or to its own destination on interface pkt->aux. */
static uint32_t next_hop_of(const struct cst_snap *s, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	uint16_t iface = (uint16_t)pkt->aux;
	struct cst_ip src, dst;

	if (pkt->slow == CST_SLOW_HOLD)
		return pkt->nexthop < CST_MAX_NEXTHOPS ? pkt->nexthop : 0;
	if (iface >= CST_MAX_IFACES || !s->ifaces[iface].vrf)
		return 0;
	cst_ip_addrs(p, &src, &dst);
	return make(s, iface, &dst);
}

void neigh_resolve(const struct cst_snap *s, struct rte_mbuf *m)
{
	uint32_t id = next_hop_of(s, m);

	if (!id) {
		slow_drop(m, &table_full);
		return;
	}
	cst_pkt(m)->nexthop = id;
	switch (state_of(id)) {
	case CST_NH_INCOMPLETE:
		slow_neighs[id].used_ms = slow_now_ms;
		hold_add(&slow_neighs[id].queue, m);
		if (!cst_nexthops[id].probes)
			ask(s, id, false);
		break;
	default: /* answered, or given up, since the worker looked */
		slow_release(m, SLOW_TO_OUTPUT);
	}
}

/* ---- fixed neighbours ----------------------------------------------------------- */

void neigh_sync(const struct cst_snap *s)
{
	uint32_t high = cst_nexthop_high();

	/* those that are fixed no more are found out about like any other */
	for (uint32_t id = 1; id < high; id++) {
		if (state_of(id) == CST_NH_STATIC) {
			set_state(id, CST_NH_STALE);
			slow_neighs[id].confirmed_ms = 0;
			neigh_doubt(id);
		}
	}
	for (uint32_t i = 0; i < s->n_neighs; i++) {
		uint32_t id = s->neighs[i].nexthop;

		set_word(id, s->neighs[i].mac, CST_NH_STATIC);
		release_all(id, SLOW_TO_OUTPUT);
	}
}
