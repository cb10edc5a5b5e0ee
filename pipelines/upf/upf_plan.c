/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "engine/worker.h"

#define GTPU_PORT 2152

/* The plan under way. Large, and there is one control thread. */
static struct work {
	const struct upf_session_obj *s;
	struct upf_session *old;
	bool modify, dry;
	unsigned n; /* PDRs */
	struct upf_link links[UPF_MAX_PDRS];
	struct upf_held_teid teids[UPF_MAX_HELD_TEIDS];
	struct upf_held_addr addrs[UPF_MAX_HELD_ADDRS];
	struct upf_held_state states[UPF_MAX_HELD_STATES];
	uint8_t taken[UPF_MAX_HELD_STATES + 1]; /* counts in use or resting, by state line */
	unsigned n_teids, n_addrs, n_states;
	uint32_t state; /* the first line */
	uint16_t ue_vrf;
	struct upf_identity id;
	char lines[UPF_MAX_RUN][64];
} w;

/* ---- network instances ---------------------------------------------------------------- */

/* Sessions name few network instances over and over. */
static struct {
	uint32_t generation;
	char name[64];
	uint16_t vrf;
	bool has[2]; /* GTP-U addresses, IPv4 and IPv6 */
	struct cst_ip ip[2];
} known[8];

/* Its number in `known`, or -1: there is none of this name. */
static int lookup(const char *name)
{
	static unsigned next;
	uint32_t generation = cst_net_generation();
	unsigned i;

	for (i = 0; i < 8; i++)
		if (known[i].generation == generation && known[i].vrf
		    && strcmp(known[i].name, name) == 0)
			return (int)i;
	i = next++ % 8;
	known[i].vrf = cst_vrf_by_name(name);
	if (known[i].vrf == 0)
		return -1;
	known[i].generation = generation;
	memset(known[i].name, 0, sizeof(known[i].name));
	memcpy(known[i].name, name, strnlen(name, sizeof(known[i].name) - 1));
	known[i].has[0] = cst_vrf_gtpu_addr(known[i].vrf, 4, &known[i].ip[0]);
	known[i].has[1] = cst_vrf_gtpu_addr(known[i].vrf, 6, &known[i].ip[1]);
	return (int)i;
}

/* Absent is the one named "default", as control planes leave it out when there is but one. */
static int vrf_of(const char *name, uint16_t *vrf, struct cst_err *e)
{
	int i = lookup(name ? name : "default");

	if (i < 0 && name)
		return cst_err(e, -ENOENT, "network_instance", "there is no network instance %s", name);
	if (i < 0)
		return cst_err(e, -EINVAL, "network_instance",
			       "is required: there is no network instance named default");
	*vrf = known[i].vrf;
	return 0;
}

static bool local_addr(uint16_t vrf, uint8_t family, struct cst_ip *out)
{
	int i = lookup(cst_vrf_name(vrf));
	unsigned f = family == 6;

	if (i < 0 || !known[i].has[f])
		return false;
	*out = known[i].ip[f];
	return true;
}

struct own {
	uint16_t vrf;
	const struct cst_ip *ip;
};

static int is_own(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	const struct own *o = arg;

	if (!c->gtpu || cst_vrf_by_name(c->vrf) != o->vrf)
		return 0;
	for (unsigned i = 0; i < c->n_addrs; i++)
		if (cst_ip_eq(&c->addrs[i].ip, o->ip))
			return 1;
	return 0;
}

/* Does the network instance end tunnels on this address? Usually on its first one. */
static int check_local(uint16_t vrf, const struct cst_ip *ip, const char *field, struct cst_err *e)
{
	struct own o = {vrf, ip};
	struct cst_ip first;
	char text[64];

	if ((local_addr(vrf, ip->family, &first) && cst_ip_eq(&first, ip))
	    || cst_net_each_iface(is_own, &o))
		return 0;
	return cst_err(e, -EINVAL, field, "%s is not a GTP-U address of network instance %s",
		       cst_ip_text(ip, text), cst_vrf_name(vrf));
}

/* ---- F-TEIDs ------------------------------------------------------------------------------ */

static struct upf_teid_slot *slot_of(uint32_t teid)
{
	return &upf_tables.teids[teid >> upf_tables.teid_tag_bits];
}

static void set_slot(uint32_t teid, struct upf_teid_slot value)
{
	__atomic_store(slot_of(teid), &value, __ATOMIC_RELEASE);
}

static void set_teid(const struct upf_held_teid *t, uint32_t ref)
{
	if (t->stray)
		upf_stray_set(upf_stray_get(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid), ref);
	else
		set_slot(t->teid, (struct upf_teid_slot){t->teid, ref});
}

/* No packet finds it from now on. A TEID of ours rests until upf_teid_free(). */
static void clear_teid(const struct upf_held_teid *t)
{
	if (t->stray)
		upf_stray_remove(&upf_strays,
				 upf_stray_get(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid));
	else
		set_slot(t->teid, (struct upf_teid_slot){0, 0});
}

static struct upf_held_teid *new_teid(struct cst_err *e)
{
	struct upf_held_teid *t = &w.teids[w.n_teids];

	if (w.n_teids == UPF_MAX_HELD_TEIDS) {
		cst_err(e, -E2BIG, NULL, "a session has at most %d F-TEIDs", UPF_MAX_HELD_TEIDS);
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	return t;
}

/* The one chosen before for this choose id, or for this PDR when it has none. */
static struct upf_held_teid *chosen_before(const struct upf_pdr_obj *pdr)
{
	const struct upf_f_teid_obj *f = &pdr->pdi.f_teid;

	for (unsigned i = 0; i < w.n_teids; i++) {
		struct upf_held_teid *t = &w.teids[i];

		if (cst_has(f, F_TEID_CHOOSE_ID) ? t->shared && t->choose_id == f->choose_id
						 : !t->shared && t->pdr == pdr->id)
			return t;
	}
	return NULL;
}

static int choose_teid(const struct upf_pdr_obj *pdr, uint16_t vrf, struct upf_held_teid **out,
		       struct cst_err *e)
{
	const struct upf_f_teid_obj *f = &pdr->pdi.f_teid;
	struct upf_held_teid *t = chosen_before(pdr);
	struct cst_ip ip;

	*out = t;
	if (t && t->vrf == vrf)
		return 0;
	if (t && t->shared)
		return cst_err(e, -EINVAL, "choose_id", "%u is an F-TEID of network instance %s",
			       f->choose_id, cst_vrf_name(t->vrf));
	if (!local_addr(vrf, 4, &ip) && !local_addr(vrf, 6, &ip))
		return cst_err(e, -EINVAL, NULL,
			       "network instance %s ends no tunnels: set gtpu on an interface of it",
			       cst_vrf_name(vrf));
	*out = t = new_teid(e);
	if (!t)
		return -E2BIG;
	t->vrf = vrf;
	t->shared = cst_has(f, F_TEID_CHOOSE_ID);
	t->choose_id = f->choose_id;
	t->pdr = t->shared ? 0 : pdr->id;
	if (!w.dry) {
		t->teid = upf_teid_alloc();
		if (t->teid == 0)
			return cst_err(e, -ENOSPC, NULL,
				       "all TEIDs are in use: raise system.max_sessions");
		/* with ref 0 it is taken, and leads nowhere yet */
		set_slot(t->teid, (struct upf_teid_slot){t->teid, 0});
	}
	t->fresh = 1;
	w.n_teids++;
	return 0;
}

static int teid_taken(uint32_t ref, struct cst_err *e)
{
	const struct upf_session *s = upf_session_by_ref(ref);

	if (!s)
		return cst_err(e, -EEXIST, "teid", "is given out twice in this call");
	return cst_err(e, -EEXIST, "teid", "belongs to session %llu", (unsigned long long)s->seid);
}

static int given_teid(const struct upf_pdr_obj *pdr, uint16_t vrf, struct upf_held_teid **out,
		      struct cst_err *e)
{
	const struct upf_f_teid_obj *f = &pdr->pdi.f_teid;
	struct upf_held_teid *t;
	const struct upf_stray *stray;
	int rc = 0;

	if (cst_has(f, F_TEID_IPV4))
		rc = check_local(vrf, &f->ipv4, "ipv4", e);
	if (rc == 0 && cst_has(f, F_TEID_IPV6))
		rc = check_local(vrf, &f->ipv6, "ipv6", e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < w.n_teids; i++) {
		if (w.teids[i].teid == f->teid && w.teids[i].vrf == vrf) {
			*out = &w.teids[i]; /* also one that coast chose and told */
			return 0;
		}
	}
	*out = t = new_teid(e);
	if (!t)
		return -E2BIG;
	t->teid = f->teid;
	t->vrf = vrf;
	t->stray = 1;
	if (!w.dry) {
		if (slot_of(f->teid)->teid == f->teid)
			return teid_taken(slot_of(f->teid)->ref, e);
		stray = upf_stray_get(&upf_strays, UPF_STRAY_TEID(vrf), f->teid);
		if (stray)
			return teid_taken(stray->ref, e);
		if (!upf_stray_take(&upf_strays, UPF_STRAY_TEID(vrf), f->teid))
			return cst_err(e, -ENOSPC, "teid",
				       "no room for more: raise system.max_sessions");
	}
	t->fresh = 1;
	w.n_teids++;
	return 0;
}

static int plan_teid(struct upf_link *l, struct cst_err *e)
{
	const struct upf_pdi_obj *pdi = &l->pdr->pdi;
	uint16_t vrf = l->rec.in_vrf;
	struct upf_held_teid *t = NULL;
	int rc = vrf ? 0 : vrf_of(NULL, &vrf, e);

	if (rc < 0)
		return rc;
	rc = pdi->f_teid.choose ? choose_teid(l->pdr, vrf, &t, e)
				: given_teid(l->pdr, vrf, &t, e);
	if (rc < 0) {
		cst_err_prefix(e, "f_teid");
		return rc;
	}
	t->used = 1;
	l->rec.teid = t->teid;
	return 0;
}

/* An uplink PDR without an F-TEID takes packets of the session's uplink tunnel, not of others that
 * a UPF between two others has for downlink. */
static void settle_teids(void)
{
	uint32_t only = 0;
	bool one = true;

	for (unsigned i = 0; i < w.n; i++) {
		const struct upf_link *l = &w.links[i];

		if (l->dl || !l->tunnel)
			continue;
		one &= only == 0 || only == l->rec.teid;
		only = l->rec.teid;
	}
	for (unsigned i = 0; one && i < w.n; i++)
		if (!w.links[i].dl && !w.links[i].tunnel)
			w.links[i].rec.teid = only;
}

/* What no PDR asks for goes, but a CHOOSE id keeps its F-TEID while the session lives: control planes
 * come back to it in a later modification. */
static void sweep_teids(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w.n_teids; i++)
		if (w.teids[i].used || (w.modify && w.teids[i].shared))
			w.teids[n++] = w.teids[i];
	w.n_teids = n;
}

static int plan_detection(struct cst_err *e)
{
	for (unsigned i = 0; i < w.n; i++) {
		struct upf_link *l = &w.links[i];
		int rc = 0;

		if (l->pdr->pdi.network_instance)
			rc = vrf_of(l->pdr->pdi.network_instance, &l->rec.in_vrf, e);
		if (rc == 0 && l->tunnel)
			rc = plan_teid(l, e);
		if (rc < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return rc;
		}
	}
	settle_teids();
	sweep_teids();
	return 0;
}

/* ---- addresses of the UE ----------------------------------------------------------------- */

struct wanted { /* by family */
	bool given, choose;
	struct upf_held_addr a;
};

static int want(struct wanted *one, bool v6, const uint8_t *b, uint8_t bits, const char *field,
		struct cst_err *e)
{
	struct upf_held_addr a = {.v6 = v6, .bits = bits & 15};

	memcpy(a.b, b, v6 ? 8 : 4);
	if (v6)
		a.b[7] &= (uint8_t)(0xff << bits);
	if (one->given && (memcmp(one->a.b, a.b, 8) != 0 || one->a.bits != a.bits))
		return cst_err(e, -EINVAL, field, "the session has another address of this family");
	one->given = true;
	one->a = a;
	return 0;
}

static int want_of(const struct upf_ue_ip_obj *u, struct wanted want_by[2], struct cst_err *e)
{
	uint8_t bits = cst_has(u, UE_IP_PREFIX_LENGTH) ? (uint8_t)(64 - u->ipv6_prefix_length)
						       : u->ipv6_prefix_delegation_bits;
	int rc = 0;

	want_by[0].choose |= u->choose_v4;
	want_by[1].choose |= u->choose_v6;
	if (u->choose_v6 && bits)
		return cst_err(e, -ENOTSUP, "choose_v6", "only a /64 is chosen");
	if (cst_has(u, UE_IP_IPV4))
		rc = want(&want_by[0], false, u->ipv4.b, 0, "ipv4", e);
	if (rc == 0 && cst_has(u, UE_IP_IPV6))
		rc = want(&want_by[1], true, u->ipv6.b, bits, "ipv6", e);
	return rc;
}

static int collect_addrs(struct wanted want_by[2], struct cst_err *e)
{
	for (unsigned i = 0; i < w.n; i++) {
		const struct cst_list *l = &w.links[i].pdr->pdi.ue_ip_address;
		const struct upf_ue_ip_obj *u = l->items;

		for (unsigned j = 0; j < l->n; j++) {
			int rc = want_of(&u[j], want_by, e);

			if (rc < 0) {
				cst_err_prefix(e, "pdrs[%u].pdi.ue_ip_address[%u]", i, j);
				return rc;
			}
		}
	}
	return 0;
}

/* Network instances in which plain packets to the UE come in. Where only uplink is there yet, the one
 * it goes out by. */
static int ue_vrfs(uint16_t vrfs[UPF_MAX_HELD_ADDRS / 2], bool must, struct cst_err *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w.n; i++) {
		const struct upf_link *l = &w.links[i];
		uint16_t vrf = l->rec.in_vrf;
		unsigned j = 0;

		if (!(l->rec.need & UPF_NEED_PLAIN) || l->rec.source_if == UPF_IF_CP_FUNCTION)
			continue;
		if (vrf == 0 && vrf_of(NULL, &vrf, e) < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return -EINVAL;
		}
		while (j < n && vrfs[j] != vrf)
			j++;
		if (j == UPF_MAX_HELD_ADDRS / 2)
			return cst_err(e, -E2BIG, "pdrs", "more than %d network instances for one UE",
				       UPF_MAX_HELD_ADDRS / 2);
		if (j == n)
			vrfs[n++] = vrf;
	}
	for (unsigned i = 0; n == 0 && must && i < w.n; i++) {
		const struct upf_link *l = &w.links[i];
		const struct upf_fp_obj *fp = &l->far->forwarding_parameters;

		if (!l->dl && fp->network_instance && fp->destination_interface == UPF_IF_CORE
		    && vrf_of(fp->network_instance, &vrfs[0], NULL) == 0)
			n = 1;
	}
	if (n == 0 && must) {
		if (vrf_of(NULL, &vrfs[0], e) < 0)
			return cst_err(e, -EINVAL, "pdrs",
				       "no PDR or FAR names the network instance of the UE's address");
		n = 1;
	}
	return (int)n;
}

static bool same_addr(const struct upf_held_addr *a, const struct upf_held_addr *b)
{
	return a->v6 == b->v6 && a->vrf == b->vrf && a->bits == b->bits
	       && memcmp(a->b, b->b, 8) == 0;
}

static int hold_addr(const struct upf_held_addr *want_addr, unsigned had, struct cst_err *e)
{
	struct upf_held_addr a = *want_addr;
	const struct upf_held_addr *before = w.old ? upf_addrs(w.old) : NULL;
	int rc;

	for (unsigned i = 0; i < had; i++) {
		if (same_addr(&before[i], &a)) {
			w.addrs[w.n_addrs++] = before[i];
			return 0;
		}
	}
	rc = upf_addr_take(&a, e);
	if (rc < 0)
		return rc;
	w.addrs[w.n_addrs++] = a;
	return 0;
}

/* One family: chosen when it has to be, then held in every network instance. */
static int plan_family(struct wanted *want_one, bool v6, const uint16_t *vrfs, int n,
		       struct cst_err *e)
{
	const struct upf_held_addr *before = w.old ? upf_addrs(w.old) : NULL;
	unsigned had = w.old ? w.old->n_addrs : 0;
	int first = 0;

	if (!want_one->given) {
		for (unsigned i = 0; i < had && !want_one->given; i++) {
			if (before[i].v6 == v6 && before[i].chosen) {
				want_one->a = before[i];
				want_one->given = true;
			}
		}
	}
	if (!want_one->given) {
		struct upf_held_addr a = {.v6 = v6, .vrf = vrfs[0]};
		int rc = upf_addr_choose(&a, e);

		if (rc < 0)
			return rc;
		want_one->a = w.addrs[w.n_addrs++] = a;
		want_one->given = true;
		first = 1;
	}
	for (int i = first; i < n; i++) {
		struct upf_held_addr a = want_one->a;
		int rc;

		a.vrf = vrfs[i];
		a.fresh = a.gone = 0;
		rc = hold_addr(&a, had, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int plan_addrs(struct cst_err *e)
{
	struct wanted want_by[2] = {0};
	uint16_t vrfs[UPF_MAX_HELD_ADDRS / 2] = {0};
	int rc = collect_addrs(want_by, e), n;

	if (rc < 0)
		return rc;
	n = ue_vrfs(vrfs, want_by[0].choose || want_by[1].choose, e);
	if (n < 0)
		return n;
	w.ue_vrf = vrfs[0];
	for (int f = 0; f < 2; f++) {
		struct wanted *one = &want_by[f];

		if (!one->given && !one->choose)
			continue;
		rc = plan_family(one, f == 1, vrfs, n, e);
		if (rc < 0) {
			if (e && !e->field[0])
				cst_err_prefix(e, "ue_ip_address");
			return rc;
		}
	}
	w.id.vrf = w.ue_vrf;
	w.id.v4 = want_by[0].given;
	w.id.v6 = want_by[1].given;
	memcpy(&w.id.ue_v4, want_by[0].a.b, 4);
	memcpy(w.id.ue_v6, want_by[1].a.b, 8);
	w.id.ue_v6_len = (uint8_t)(64 - want_by[1].a.bits);
	return 0;
}

/* ---- where packets go ----------------------------------------------------------------------- */

/* A FAR without a network instance: towards access the one the session's tunnels end in, else the
 * UE's. */
static int out_vrf(struct upf_link *l, struct cst_err *e)
{
	const struct upf_fp_obj *fp = &l->far->forwarding_parameters;

	if (!cst_has(l->far, FAR_FORWARDING_PARAMETERS))
		return 0;
	if (fp->network_instance)
		return vrf_of(fp->network_instance, &l->rec.out_vrf, e);
	if (fp->destination_interface == UPF_IF_ACCESS && w.n_teids)
		l->rec.out_vrf = w.teids[0].vrf;
	else if (fp->destination_interface != UPF_IF_ACCESS && w.ue_vrf)
		l->rec.out_vrf = w.ue_vrf;
	else
		return vrf_of(NULL, &l->rec.out_vrf, e);
	return 0;
}

static int no_local(uint16_t vrf, const char *family, struct cst_err *e)
{
	return cst_err(e, -EINVAL, "outer_header_creation",
		       "network instance %s has no %s GTP-U address: give an interface of it one",
		       cst_vrf_name(vrf), family);
}

static int plan_peer(struct upf_link *l, struct cst_err *e)
{
	const struct upf_ohc_obj *o = l->ohc;
	uint16_t port = cst_has(o, OHC_PORT) ? o->port : GTPU_PORT;
	const struct cst_ip *remote = &o->ipv4;
	struct cst_ip local;
	bool found = false;

	if (o->description != UPF_OHC_GTPU_IPV6)
		found = local_addr(l->rec.out_vrf, 4, &local);
	if (!found && o->description != UPF_OHC_GTPU_IPV4) {
		remote = &o->ipv6;
		found = local_addr(l->rec.out_vrf, 6, &local);
	}
	if (!found)
		return no_local(l->rec.out_vrf, remote->family == 6 ? "IPv6" : "IPv4", e);
	if (w.dry)
		return 0;
	l->rec.peer = upf_peer_hold(l->rec.out_vrf, &local, remote, port);
	if (l->rec.peer == 0)
		return cst_err(e, -ENOSPC, "outer_header_creation",
			       "there are %u tunnel peers already, the most there can be",
			       UPF_MAX_PEERS - 1);
	return 0;
}

static int plan_forwarding(struct cst_err *e)
{
	for (unsigned i = 0; i < w.n; i++) {
		struct upf_link *l = &w.links[i];
		int rc = out_vrf(l, e);

		if (rc == 0 && l->ohc)
			rc = plan_peer(l, e);
		if (rc < 0) {
			unsigned far = (unsigned)(l->far
						  - (const struct upf_far_obj *)w.s->fars.items);
			cst_err_prefix(e, "fars[%u].forwarding_parameters", far);
			return rc;
		}
	}
	return 0;
}

/* ---- counters ----------------------------------------------------------------------------------- */

static unsigned state_index(uint32_t counter)
{
	uint32_t line = counter / 4;

	if (line == w.state)
		return 0;
	for (unsigned i = 0; i < w.n_states; i++)
		if (w.states[i].line == line)
			return i + 1;
	return 0; /* not of this session: cannot be */
}

static uint32_t counter_before(uint16_t pdr)
{
	const struct upf_pdr *p = w.old ? upf_run_pdrs(w.old) : NULL;

	for (unsigned i = 0; w.old && i < upf_run_n(w.old); i++)
		if (p[i].id == pdr)
			return p[i].counter;
	return 0;
}

static int new_counter(uint32_t *counter, struct cst_err *e)
{
	uint32_t line;

	for (unsigned i = 0; i <= w.n_states; i++) {
		unsigned k = (unsigned)__builtin_ctz(~(unsigned)w.taken[i]);

		if (k >= 4)
			continue;
		w.taken[i] |= (uint8_t)(1u << k);
		*counter = (i ? w.states[i - 1].line : w.state) * 4 + k;
		return 0;
	}
	line = w.n_states < UPF_MAX_HELD_STATES ? upf_state_alloc() : 0;
	if (line == 0)
		return cst_err(e, -ENOSPC, "pdrs", "no counters left: raise system.max_pdrs");
	w.states[w.n_states] = (struct upf_held_state){.line = line, .fresh = 1};
	w.taken[++w.n_states] = 1;
	*counter = line * 4;
	return 0;
}

/* A PDR keeps its counter while it has its id. */
static int plan_counters(struct cst_err *e)
{
	if (w.dry)
		return 0;
	if (w.old) {
		const struct upf_held_state *s = upf_states(w.old);
		const struct upf_pdr *p = upf_run_pdrs(w.old);

		w.state = upf_run(w.old)->state;
		w.n_states = w.old->n_states;
		memcpy(w.states, s, w.n_states * sizeof(*s));
		w.taken[0] = w.old->resting;
		for (unsigned i = 0; i < w.n_states; i++)
			w.taken[i + 1] = s[i].resting;
		/* what the live run counts with is neither free nor resting yet */
		for (unsigned i = 0; i < upf_run_n(w.old); i++)
			w.taken[state_index(p[i].counter)] |= (uint8_t)(1u << (p[i].counter & 3));
	} else {
		w.state = upf_state_alloc();
		if (w.state == 0)
			return cst_err(e, -ENOSPC, NULL, "no room: raise system.max_sessions");
	}
	w.taken[0] |= 1; /* the session's own */
	for (unsigned i = 0; i < w.n; i++) {
		struct upf_pdr *rec = &w.links[i].rec;
		int rc = 0;

		rec->counter = counter_before(rec->id);
		if (rec->counter == 0)
			rc = new_counter(&rec->counter, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- the book ------------------------------------------------------------------------------------- */

static void undo_work(void)
{
	for (unsigned i = 0; i < w.n; i++)
		if (w.links[i].rec.peer)
			upf_peer_release(w.links[i].rec.peer);
	if (w.dry)
		return;
	for (unsigned i = 0; i < w.n_teids; i++) {
		if (!w.teids[i].fresh)
			continue;
		clear_teid(&w.teids[i]);
		if (!w.teids[i].stray)
			upf_teid_free(w.teids[i].teid);
	}
	for (unsigned i = 0; i < w.n_addrs; i++)
		if (w.addrs[i].fresh)
			upf_addr_free(&w.addrs[i]);
	for (unsigned i = 0; i < w.n_states; i++)
		if (w.states[i].fresh)
			upf_state_free(w.states[i].line);
	if (!w.old && w.state)
		upf_state_free(w.state);
}

/* Lines and book; the run is copied into its place, where nobody looks yet. */
static struct upf_session *make_book(int n_lines, struct cst_err *e)
{
	size_t intent = cst_pack(&upf_session_object, w.s, NULL, 0);
	struct upf_session *b = malloc(sizeof(*b) + w.n_teids * sizeof(*w.teids)
				       + w.n_addrs * sizeof(*w.addrs)
				       + w.n_states * sizeof(*w.states) + intent);

	if (!b) {
		cst_err(e, -ENOMEM, NULL, "no memory for the session");
		return NULL;
	}
	*b = (struct upf_session){.seid = w.s->seid,
				  .intent_len = (uint32_t)intent,
				  .generation = w.id.generation,
				  .n_teids = (uint8_t)w.n_teids,
				  .n_addrs = (uint8_t)w.n_addrs,
				  .n_states = (uint8_t)w.n_states,
				  .planned = !w.old};
	memcpy(b->teids, w.teids, w.n_teids * sizeof(*w.teids));
	memcpy(upf_addrs(b), w.addrs, w.n_addrs * sizeof(*w.addrs));
	memcpy(upf_states(b), w.states, w.n_states * sizeof(*w.states));
	cst_pack(&upf_session_object, w.s, upf_intent(b), intent);
	b->line = upf_lines_alloc((uint32_t)n_lines);
	if (b->line == 0) {
		free(b);
		cst_err(e, -ENOSPC, NULL, "no room for the rules: raise system.max_pdrs");
		return NULL;
	}
	memcpy((void *)upf_run(b), w.lines, (size_t)n_lines * 64);
	if (!w.old && !upf_session_add(b)) {
		upf_lines_free(b->line, (uint32_t)n_lines);
		free(b);
		cst_err(e, -ENOSPC, NULL, "there are as many sessions as system.max_sessions allows");
		return NULL;
	}
	return b;
}

/* Network instances that a session names cannot be deleted. */
static void hold_vrfs(const struct upf_session *b, int delta)
{
	const struct upf_pdr *p = upf_run_pdrs(b);

	for (unsigned i = 0; i < upf_run_n(b); i++) {
		cst_vrf_hold(p[i].in_vrf, delta);
		cst_vrf_hold(p[i].out_vrf, delta);
	}
	for (unsigned i = 0; i < b->n_teids; i++)
		cst_vrf_hold(b->teids[i].vrf, delta);
	for (unsigned i = 0; i < b->n_addrs; i++)
		cst_vrf_hold(upf_addrs(b)[i].vrf, delta);
}

static bool keeps_teid(const struct upf_session *next, const struct upf_held_teid *t)
{
	for (unsigned i = 0; next && i < next->n_teids; i++)
		if (next->teids[i].teid == t->teid && next->teids[i].vrf == t->vrf)
			return true;
	return false;
}

static bool keeps_addr(const struct upf_session *next, const struct upf_held_addr *a)
{
	for (unsigned i = 0; next && i < next->n_addrs; i++)
		if (same_addr(&upf_addrs(next)[i], a))
			return true;
	return false;
}

static int leave_addrs(const struct upf_session *old, const struct upf_session *next,
		       struct cst_err *e)
{
	for (unsigned i = 0; i < old->n_addrs; i++) {
		const struct upf_held_addr *a = &upf_addrs(old)[i];
		int rc = keeps_addr(next, a) ? 0 : upf_addr_leave(a, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- from wish to change ---------------------------------------------------------------------------- */

static bool unchanged(const struct upf_session_obj *s, const struct upf_session *old)
{
	static uint8_t buf[8192];
	size_t n = cst_pack(&upf_session_object, s, buf, sizeof(buf));

	return n == old->intent_len && n <= sizeof(buf) && memcmp(buf, upf_intent(old), n) == 0;
}

static void start(const struct upf_session_obj *s, struct upf_session *old, bool modify)
{
	w.s = s;
	w.old = old;
	w.modify = modify;
	w.dry = upf_tables.lines == NULL;
	w.n = w.n_addrs = w.n_states = w.n_teids = 0;
	w.state = 0;
	w.ue_vrf = 0;
	memset(w.taken, 0, sizeof(w.taken));
	memset(&w.id, 0, sizeof(w.id));
	for (unsigned i = 0; old && i < old->n_teids; i++) {
		w.teids[i] = old->teids[i];
		w.teids[i].used = w.teids[i].fresh = 0;
		w.n_teids++;
	}
}

int upf_plan(const struct upf_session_obj *s, struct upf_session *old, bool modify,
	     struct upf_change *c, struct cst_err *e)
{
	int rc, n_lines;

	if (old && unchanged(s, old))
		return 1;
	start(s, old, modify);
	rc = upf_link(s, w.links, e);
	if (rc < 0)
		return rc;
	w.n = s->pdrs.n;
	rc = plan_detection(e);
	if (rc == 0)
		rc = plan_addrs(e);
	if (rc == 0)
		rc = plan_forwarding(e);
	if (rc == 0)
		rc = plan_counters(e);
	if (rc < 0)
		goto fail;
	w.id.seid = s->seid;
	w.id.state = w.state;
	w.id.generation = old ? old->generation + 1 : 1;
	rc = n_lines = upf_compile(w.links, w.n, &w.id, w.lines, e);
	if (rc < 0)
		goto fail;
	if (w.dry)
		return 1;
	c->old = old;
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
	hold_vrfs(c->next, 1);
	if (old)
		old->changing = 1;
	return 0;
fail:
	undo_work();
	return rc;
}

int upf_plan_end(struct upf_session *old, struct upf_change *c, struct cst_err *e)
{
	int rc = leave_addrs(old, NULL, e);

	if (rc < 0)
		return rc;
	*c = (struct upf_change){.old = old};
	old->changing = 1;
	return 0;
}

/* ---- commit ------------------------------------------------------------------------------------------ */

static bool uses_counter(const struct upf_session *s, uint32_t counter)
{
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (p[i].counter == counter)
			return true;
	return false;
}

/* Where the bit of a count is kept that no rule uses any more. */
static void set_resting(struct upf_session *s, uint32_t counter, bool on)
{
	struct upf_held_state *st = upf_states(s);
	uint8_t bit = (uint8_t)(1u << (counter & 3));

	if (counter / 4 == upf_run(s)->state)
		s->resting = on ? s->resting | bit : s->resting & ~bit;
	for (unsigned i = 0; i < s->n_states; i++)
		if (st[i].line == counter / 4)
			st[i].resting = on ? st[i].resting | bit : st[i].resting & (uint8_t)~bit;
}

/* The grace period of a replaced or ended book is over. */
static void reap_counters(const struct upf_session *old)
{
	struct upf_session *s = old->ended ? NULL : upf_session_by_state(upf_run(old)->state);
	const struct upf_pdr *p = upf_run_pdrs(old);

	for (unsigned i = 0; s && s->seid == old->seid && i < upf_run_n(old); i++) {
		if (uses_counter(s, p[i].counter))
			continue;
		upf_tables.counts[p[i].counter] = (struct upf_count){0};
		set_resting(s, p[i].counter, false);
	}
}

static void reap(void *ptr, uint64_t arg)
{
	struct upf_session *old = ptr;
	const struct upf_pdr *p = upf_run_pdrs(old);

	(void)arg;
	reap_counters(old);
	for (unsigned i = 0; i < upf_run_n(old); i++)
		if (p[i].peer)
			upf_peer_release(p[i].peer);
	for (unsigned i = 0; i < old->n_teids; i++)
		if (old->teids[i].gone && !old->teids[i].stray)
			upf_teid_free(old->teids[i].teid);
	for (unsigned i = 0; i < old->n_addrs; i++)
		if (upf_addrs(old)[i].gone)
			upf_addr_free(&upf_addrs(old)[i]);
	for (unsigned i = 0; old->ended && i < old->n_states; i++)
		upf_state_free(upf_states(old)[i].line);
	if (old->ended)
		upf_state_free(upf_run(old)->state);
	upf_lines_free(old->line, upf_run(old)->n_lines);
	free(old);
}

static void let_go(struct upf_session *old, struct upf_session *next)
{
	for (unsigned i = 0; i < old->n_teids; i++) {
		if (keeps_teid(next, &old->teids[i]))
			continue;
		old->teids[i].gone = 1;
		clear_teid(&old->teids[i]);
	}
	for (unsigned i = 0; i < old->n_addrs; i++) {
		struct upf_held_addr *a = &upf_addrs(old)[i];

		if (keeps_addr(next, a))
			continue;
		a->gone = 1;
		upf_addr_set(a, 0);
	}
	hold_vrfs(old, -1);
	cst_rcu_defer(reap, old, 0);
}

static void go_live(struct upf_session *s)
{
	uint32_t ref = UPF_REF(cst_owner_of(upf_run(s)->state), s->line);

	for (unsigned i = 0; i < s->n_teids; i++) {
		s->teids[i].fresh = s->teids[i].used = 0;
		set_teid(&s->teids[i], ref);
	}
	for (unsigned i = 0; i < s->n_addrs; i++) {
		upf_addrs(s)[i].fresh = 0;
		upf_addr_set(&upf_addrs(s)[i], ref);
	}
	for (unsigned i = 0; i < s->n_states; i++)
		upf_states(s)[i].fresh = 0;
	s->planned = 0;
}

/* Counts that the old run had and the new one has not may still grow for a while. */
static void rest_counters(const struct upf_session *old, struct upf_session *next)
{
	const struct upf_pdr *p = upf_run_pdrs(old);

	next->resting = old->resting;
	for (unsigned i = 0; i < old->n_states; i++)
		upf_states(next)[i].resting = upf_states(old)[i].resting;
	for (unsigned i = 0; i < upf_run_n(old); i++)
		if (!uses_counter(next, p[i].counter))
			set_resting(next, p[i].counter, true);
}

void upf_change_commit(struct upf_change *c)
{
	if (c->next) {
		go_live(c->next);
		if (c->old) {
			rest_counters(c->old, c->next);
			upf_session_replace(c->next);
		}
	} else {
		c->old->ended = 1;
		upf_session_forget(c->old);
	}
	if (c->old)
		let_go(c->old, c->next);
}

void upf_change_undo(struct upf_change *c)
{
	struct upf_session *b = c->next;
	const struct upf_pdr *p;

	if (c->old)
		c->old->changing = 0;
	if (!b)
		return;
	hold_vrfs(b, -1);
	if (b->planned)
		upf_session_forget(b);
	p = upf_run_pdrs(b);
	w.old = c->old;
	w.dry = false;
	w.n = 0;
	for (unsigned i = 0; i < upf_run_n(b); i++)
		if (p[i].peer)
			upf_peer_release(p[i].peer);
	w.n_teids = b->n_teids;
	w.n_addrs = b->n_addrs;
	w.n_states = b->n_states;
	w.state = upf_run(b)->state;
	memcpy(w.teids, b->teids, b->n_teids * sizeof(*w.teids));
	memcpy(w.addrs, upf_addrs(b), b->n_addrs * sizeof(*w.addrs));
	memcpy(w.states, upf_states(b), b->n_states * sizeof(*w.states));
	undo_work();
	upf_lines_free(b->line, upf_run(b)->n_lines);
	free(b);
}
