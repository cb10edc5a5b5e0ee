/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of the sessions the NICs could see to: their packets to the queue of the
 * worker that owns them, marked with the session, and drops where nothing of a
 * drop but the packet's end can be noticed. Follows changes of sessions at once,
 * and goes through all of them when ports or interfaces have changed.
 *
 * Without a port that can do any of it nothing is done here. Control thread.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/worker.h"
#include "module.h"
#include "net/net.h"
#include "now.h"
#include "port/flow.h"
#include "port/port.h"
#include "upf_hook.h"
#include "upf_policy_run.h"

#define ROUND_US  3000     /* of each tick, for going through all sessions */
#define LINES     20000    /* where there may be one, at most */
#define SWEEP     2000     /* rules looked at in a tick */
#define MAX_MARKS 0xfffff0 /* NICs take 24 bits of a mark, less a few values */

/* An interface on a port that can do something. */
struct place {
	uint16_t port, vlan, vrf;
	bool alone;           /* no other network instance is on the port */
	bool steers;          /* it spreads packets over the queues of several workers */
	struct cst_ip own[2]; /* IPv4, IPv6: where F-TEIDs of the network instance are; family 0:
			       * not here */
};

static struct place *places;
static unsigned n_places;
static uint32_t net_generation, port_generation;

static uint32_t stamp;
static struct {
	bool on;
	uint32_t session, slot; /* how far */
	uint32_t stamp;
} turn;

/* ---- places ---------------------------------------------------------------------- */

static bool has_addr(const struct cst_iface_conf *c, const struct cst_ip *ip)
{
	for (unsigned i = 0; i < c->n_addrs; i++)
		if (cst_ip_eq(&c->addrs[i].ip, ip))
			return true;
	return false;
}

static int count_iface(const void *conf, void *arg)
{
	++*(unsigned *)arg;
	return 0;
}

static int add_place(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	struct cst_flow_port_info info;
	struct place p;

	memset(&p, 0, sizeof(p)); /* padding too: places are compared as bytes */
	p.port = cst_port_by_name(c->port);
	p.vlan = c->vlan;
	p.vrf = cst_vrf_by_name(c->vrf);
	p.alone = true;
	cst_flow_port_info(p.port, &info);
	if (p.port == 0 || p.vrf == 0 || !info.on)
		return 0;
	p.steers = info.steers == NULL;
	for (int six = 0; c->gtpu && six < 2; six++)
		if (!cst_vrf_gtpu_addr(p.vrf, six ? 6 : 4, &p.own[six]) ||
		    !has_addr(c, &p.own[six]))
			p.own[six] = (struct cst_ip){0};
	places[n_places++] = p;
	return 0;
}

static bool can_anything(const struct place *p)
{
	for (int kind = 0; kind < CST_FLOW_KINDS; kind++)
		if ((p->steers && cst_flow_can(p->port, kind, p->vlan != 0, CST_FLOW_QUEUE)) ||
		    cst_flow_can(p->port, kind, p->vlan != 0, CST_FLOW_DROP))
			return true;
	return false;
}

/* True: they are not what they were. */
static bool look_at_places(void)
{
	struct place *before = places;
	unsigned n_before = n_places, n = 0, kept = 0;
	bool changed;

	cst_net_each_iface(count_iface, &n);
	places = calloc(n + 1, sizeof(*places));
	n_places = 0;
	if (places != NULL)
		cst_net_each_iface(add_place, NULL);
	for (unsigned i = 0; i < n_places; i++)
		for (unsigned k = 0; k < n_places; k++)
			if (places[k].port == places[i].port && places[k].vrf != places[i].vrf)
				places[i].alone = false;
	for (unsigned i = 0; i < n_places; i++)
		if (can_anything(&places[i]))
			places[kept++] = places[i];
	n_places = kept;
	changed = n_places != n_before ||
		  (n_places > 0 && memcmp(places, before, n_places * sizeof(*places)) != 0);
	free(before);
	return changed;
}

/* ---- drops ------------------------------------------------------------------------- */

/* Does this rule drop and leave no other trace than coast's own count of drops? Usage, copies and
 * what waits in a buffer are traces. */
static bool drops_silently(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	const struct upf_policy *p =
		(const struct upf_policy *)((const char *)r + (uint64_t)pdr->policy * 64);

	if (!(pdr->flags & UPF_PDR_POLICY))
		return pdr->action == UPF_DROP;
	if (p->n_urrs != 0 || p->n_copies != 0 || p->queue != 0 || p->monitor != 0)
		return false;
	/* End Markers pass a closed gate into the next tunnel */
	if (pdr->action == UPF_FORW && (pdr->flags & UPF_PDR_ENCAP) &&
	    !(pdr->need & UPF_NEED_PLAIN))
		return false;
	return pdr->action == UPF_DROP ||
	       (pdr->action == UPF_FORW && (p->flags & UPF_POLICY_GATE) != 0);
}

/* May packets of the tunnel fall to it? */
static bool listens(const struct upf_rules *r, const struct upf_pdr *pdr, uint32_t teid)
{
	const struct upf_pdr *second = upf_second_of(r, pdr);

	return pdr->teid == 0 || pdr->teid == teid || (second && second->teid == teid);
}

/* Do all rules that packets of the tunnel may fall to do so? TEID 0: plain packets. */
static bool all_drop(const struct upf_session *s, uint32_t teid)
{
	const struct upf_rules *r = upf_run(s);
	const struct upf_pdr *p = upf_run_pdrs(s);
	unsigned met = 0;

	for (unsigned i = 0; i < upf_run_n(s); i++) {
		uint32_t other = teid != 0 ? UPF_NEED_PLAIN : UPF_NEED_TUNNEL;

		if ((p[i].need & other) || !listens(r, &p[i], teid))
			continue;
		met++;
		if (!drops_silently(r, &p[i]))
			return false;
	}
	return met > 0;
}

/* ---- rules of a session --------------------------------------------------------------- */

typedef void (*rule_fn)(const struct cst_flow_key *key, const struct cst_flow_wish *wish);

static bool can(const struct place *p, enum cst_flow_kind kind, bool drop)
{
	if (!drop && !p->steers)
		return false;
	return cst_flow_can(p->port, kind, p->vlan != 0, drop ? CST_FLOW_DROP : CST_FLOW_QUEUE);
}

/* Does its access network name QoS flows in each packet? 4G does not. */
static bool names_flows(const struct upf_session *s)
{
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (p[i].qfi_set != UPF_ANY_QFI || (p[i].flags & UPF_PDR_PSC))
			return true;
	return false;
}

static struct cst_flow_key key_at(const struct place *p, enum cst_flow_kind kind)
{
	return (struct cst_flow_key){.port = p->port, .vlan = p->vlan, .kind = (uint8_t)kind};
}

static void set_ue(const struct upf_held_addr *a, struct cst_flow_key *key)
{
	key->ue.family = a->v6 ? 6 : 4;
	memcpy(key->ue.b, a->b, a->v6 ? 8 : 4);
	key->len = a->v6 ? (uint8_t)(64 - a->bits) : 32;
}

/* Steering when the NIC looks at no TEID: by the user's address inside the tunnel. */
static void by_inner(const struct upf_session *s, const struct place *p, bool six, rule_fn fn,
		     struct cst_flow_wish *w)
{
	for (unsigned i = 0; i < s->n_addrs; i++) {
		const struct upf_held_addr *a = &upf_addrs(s)[i];
		struct cst_flow_key key =
			key_at(p, six ? (a->v6 ? CST_FLOW_INNER66 : CST_FLOW_INNER64)
				      : (a->v6 ? CST_FLOW_INNER46 : CST_FLOW_INNER44));

		if (!can(p, key.kind, false))
			continue;
		set_ue(a, &key);
		fn(&key, w);
	}
}

/* A rule for untagged frames may catch tagged ones too, and another network instance may have the
 * same address and the same TEIDs: none drops then. */
static bool sees_all(const struct place *p)
{
	return p->alone;
}

static void uplink(const struct upf_session *s, const struct upf_held_teid *t,
		   const struct place *p, rule_fn fn, struct cst_flow_wish *w)
{
	bool psc = names_flows(s);

	for (int six = 0; six < 2; six++) {
		enum cst_flow_kind plain = six ? CST_FLOW_TEID6 : CST_FLOW_TEID4;
		enum cst_flow_kind with_psc = six ? CST_FLOW_TEID6_PSC : CST_FLOW_TEID4_PSC;
		struct cst_flow_key key;

		if (p->own[six].family == 0)
			continue;
		w->drop = sees_all(p) && all_drop(s, t->teid) &&
			  (can(p, plain, true) || (psc && can(p, with_psc, true)));
		if (psc && can(p, with_psc, w->drop))
			key = key_at(p, with_psc);
		else
			key = key_at(p, plain);
		key.own = p->own[six];
		key.teid = t->teid;
		if (can(p, key.kind, w->drop))
			fn(&key, w);
		else
			by_inner(s, p, six, fn, w);
	}
}

static void downlink(const struct upf_session *s, const struct upf_held_addr *a,
		     const struct place *p, rule_fn fn, struct cst_flow_wish *w)
{
	struct cst_flow_key key = key_at(p, a->v6 ? CST_FLOW_DST6 : CST_FLOW_DST4);

	w->drop = sees_all(p) && all_drop(s, 0) && can(p, key.kind, true);
	if (!can(p, key.kind, w->drop))
		return;
	set_ue(a, &key);
	fn(&key, w);
}

static void each_rule(const struct upf_session *s, rule_fn fn)
{
	uint32_t state = upf_run(s)->state;
	struct cst_flow_wish w = {.session = s->seid,
				  .worker = cst_owner_of(state),
				  .mark = state < MAX_MARKS ? state : 0};

	for (unsigned i = 0; i < n_places; i++) {
		const struct place *p = &places[i];

		for (unsigned k = 0; k < s->n_teids; k++)
			if (s->teids[k].vrf == p->vrf)
				uplink(s, &s->teids[k], p, fn, &w);
		for (unsigned k = 0; k < s->n_addrs; k++)
			if (upf_addrs(s)[k].vrf == p->vrf)
				downlink(s, &upf_addrs(s)[k], p, fn, &w);
	}
}

/* ---- changes ---------------------------------------------------------------------------- */

static void want(const struct cst_flow_key *key, const struct cst_flow_wish *wish)
{
	cst_flow_want(key, wish, stamp);
}

static void unwant(const struct cst_flow_key *key, const struct cst_flow_wish *wish)
{
	cst_flow_unwant(key, wish->session, stamp);
}

static void on_commit(const struct upf_change *c)
{
	if (n_places == 0)
		return;
	stamp++;
	if (c->next)
		each_rule(c->next, want);
	if (c->old)
		each_rule(c->old, unwant);
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

/* ---- all of them -------------------------------------------------------------------------- */

/* Then what nobody has wanted anew goes. */
static void go_round(void)
{
	uint32_t last = upf_state_lines();
	uint64_t end = cst_now_us() + ROUND_US;

	for (unsigned i = 0; i < LINES && turn.session <= last; i++) {
		const struct upf_session *s = upf_session_by_state(turn.session++);

		if (s == NULL || s->planned)
			continue;
		each_rule(s, want);
		if (cst_now_us() >= end)
			return;
	}
	if (turn.session > last)
		turn.on = !cst_flow_sweep(&turn.slot, SWEEP, turn.stamp);
}

/* The network's numbers change more often than what matters here. */
static bool must_go_round(void)
{
	bool ports = port_generation != cst_flow_generation();

	if (!ports && net_generation == cst_net_generation())
		return false;
	net_generation = cst_net_generation();
	port_generation = cst_flow_generation();
	return look_at_places() || (ports && n_places > 0);
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	if (must_go_round()) {
		cst_flow_drop_none(); /* until it is known that it is right where ports are now */
		turn.on = true;
		turn.session = turn.slot = 0;
		turn.stamp = ++stamp;
	}
	if (turn.on)
		go_round();
}

static void stop(void)
{
	free(places);
	places = NULL;
	n_places = 0;
	net_generation = port_generation = 0;
}

static struct cst_module module = {.name = "upf.offload", .order = 35, .tick = tick, .stop = stop};
CST_MODULE(module);
