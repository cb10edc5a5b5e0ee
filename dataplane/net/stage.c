/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wish and the open stage: a copy that changes are made to, compiled into
 * a snapshot, and put in the wish's place or thrown away.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "net/fib.h"
#include "net/nexthop.h"
#include "net/wish.h"

static struct wish *live, *stage;
static struct cst_snap *compiled; /* of the stage; NULL: not yet, or changed since */
static int vrf_holds[CST_MAX_VRFS];
static uint32_t generation; /* of what look-ups see */

struct cst_service_slot cst_services[CST_MAX_SERVICES];
static uint8_t n_services = 1;
const uint8_t *cst_ethernet_edge;
struct cst_udp_slot cst_udp_slots[CST_MAX_UDP_PORTS];
unsigned cst_n_udp_slots;

/* ---- the copy --------------------------------------------------------------- */

void wish_free(struct wish *w)
{
	if (!w)
		return;
	free(w->routes);
	free(w->neighs);
	free(w->services);
	free(w->service_at);
	free(w);
}

static bool dup_array(void *array, uint32_t n, size_t size)
{
	void **p = array, *copy = NULL;

	if (n) {
		copy = malloc(n * size);
		if (copy)
			memcpy(copy, *p, n * size);
	}
	*p = copy;
	return copy || !n;
}

struct wish *wish_copy(const struct wish *w)
{
	struct wish *c = malloc(sizeof(*c));
	bool ok;

	if (!c)
		return NULL;
	*c = *w;
	c->room_routes = c->n_routes;
	c->room_neighs = c->n_neighs;
	c->room_services = c->n_services;
	c->service_at = NULL;
	ok = dup_array(&c->routes, c->n_routes, sizeof(*c->routes));
	ok &= dup_array(&c->neighs, c->n_neighs, sizeof(*c->neighs));
	ok &= dup_array(&c->services, c->n_services, sizeof(*c->services));
	if (!ok) {
		wish_free(c);
		return NULL;
	}
	return c;
}

static int grow(void *array, uint32_t n, uint32_t *room, size_t size)
{
	void **p = array, *more;
	uint32_t want = n < 8 ? 16 : n * 2;

	if (n < *room)
		return 0;
	more = realloc(*p, want * size);
	if (!more)
		return -ENOMEM;
	*p = more;
	*room = want;
	return 0;
}

/* What look-ups see: the stage when one is open. Always there, if empty. */
static const struct wish *seen(void)
{
	static const struct wish empty;

	return stage ? stage : live ? live : &empty;
}

static void drop_compiled(void)
{
	generation++; /* whoever drops it is about to change the stage */
	if (compiled)
		snap_free(compiled);
	compiled = NULL;
}

/* ---- transaction ------------------------------------------------------------ */

int cst_net_begin(void)
{
	static const struct wish empty;

	if (stage)
		return -EBUSY;
	stage = wish_copy(live ? live : &empty);
	return stage ? 0 : -ENOMEM;
}

int cst_net_compile(struct cst_err *e)
{
	int rc;

	if (!stage)
		return cst_err(e, -EINVAL, NULL, "no change of the network is open");
	drop_compiled();
	rc = wish_check(stage, e);
	if (rc || !cst_nexthops)
		return rc;
	compiled = snap_compile(stage, e);
	return compiled ? 0 : e ? e->code : -ENOMEM;
}

void cst_net_commit(void)
{
	if (!stage)
		return;
	generation++;
	wish_free(live);
	live = stage;
	stage = NULL;
	if (compiled)
		snap_publish(compiled);
	compiled = NULL;
}

void cst_net_abort(void)
{
	drop_compiled();
	wish_free(stage);
	stage = NULL;
}

void cst_net_fini(void)
{
	cst_net_abort();
	snap_fini();
	wish_free(live);
	live = NULL;
	cst_nexthops_fini();
}

void cst_net_refresh(void)
{
	struct cst_err e = {0};

	if (!live || stage || !snap_ports_changed(live))
		return;
	compiled = snap_compile(live, &e);
	if (compiled)
		snap_publish(compiled);
	else
		LOG_ERR("ports have changed, but the routes cannot follow: %s", e.reason);
	compiled = NULL;
}

static int must_be_open(struct cst_err *e)
{
	if (!stage)
		return cst_err(e, -EINVAL, NULL, "no change of the network is open");
	drop_compiled();
	return 0;
}

/* ---- network instances ------------------------------------------------------ */

/* A number that something still refers to is not given to another name. */
static bool is_free_vrf(uint16_t id)
{
	return !stage->vrf[id][0] && !vrf_holds[id] && !(live && live->vrf[id][0]);
}

int cst_net_put_vrf(const struct cst_vrf_conf *c, struct cst_err *e)
{
	int rc = must_be_open(e);
	uint16_t id;

	if (rc)
		return rc;
	if (!c->name[0])
		return cst_err(e, -EINVAL, "name", "is missing");
	id = wish_vrf(stage, c->name);
	if (!id && c->number && c->number < CST_MAX_VRFS && is_free_vrf(c->number))
		id = c->number;
	for (uint16_t i = 1; !id && i < CST_MAX_VRFS; i++)
		if (is_free_vrf(i))
			id = i;
	if (!id)
		return cst_err(e, -ENOSPC, NULL, "there are %d network instances already",
			       CST_MAX_VRFS - 1);
	memcpy(stage->vrf[id], c->name, CST_NAME_LEN);
	return 0;
}

int cst_net_del_vrf(const char *name, struct cst_err *e)
{
	int rc = must_be_open(e);
	char a[WISH_STRLEN];
	uint16_t id;

	if (rc)
		return rc;
	id = wish_vrf(stage, name);
	if (!id)
		return cst_err(e, -ENOENT, "name", "no network instance '%s'", name);
	for (uint16_t i = 1; i < CST_MAX_IFACES; i++)
		if (stage->iface[i].used && strcasecmp(stage->iface[i].c.vrf, name) == 0)
			return cst_err(e, -EBUSY, "name", "used by interface '%s'",
				       stage->iface[i].c.name);
	for (uint32_t i = 0; i < stage->n_routes; i++)
		if (strcasecmp(stage->routes[i].vrf, name) == 0)
			return cst_err(e, -EBUSY, "name", "used by route %s",
				       wish_prefix_str(&stage->routes[i].dst, a));
	for (uint32_t i = 0; i < stage->n_services; i++)
		if (stage->services[i].vrf == id)
			return cst_err(e, -EBUSY, "name", "used by pool %s",
				       wish_prefix_str(&stage->services[i].dst, a));
	if (vrf_holds[id] > 0)
		return cst_err(e, -EBUSY, "name", "used by %d sessions or other objects",
			       vrf_holds[id]);
	stage->vrf[id][0] = 0;
	return 0;
}

/* ---- interfaces ------------------------------------------------------------- */

int cst_net_put_iface(const struct cst_iface_conf *c, struct cst_err *e)
{
	int rc = must_be_open(e);
	uint16_t id;

	if (rc)
		return rc;
	id = wish_iface(stage, c->name);
	rc = wish_check_iface(stage, c, id, e);
	if (rc)
		return rc;
	for (uint16_t i = 1; !id && i < CST_MAX_IFACES; i++)
		if (!stage->iface[i].used)
			id = i;
	if (!id)
		return cst_err(e, -ENOSPC, NULL, "there are %d interfaces already",
			       CST_MAX_IFACES - 1);
	stage->iface[id] = (struct wish_iface){.used = true, .c = *c};
	if (id > stage->top_iface)
		stage->top_iface = id;
	return 0;
}

int cst_net_del_iface(const char *name, struct cst_err *e)
{
	int rc = must_be_open(e);
	char a[WISH_STRLEN];
	uint16_t id;

	if (rc)
		return rc;
	id = wish_iface(stage, name);
	if (!id)
		return cst_err(e, -ENOENT, "name", "no interface '%s'", name);
	for (uint32_t i = 0; i < stage->n_routes; i++) {
		const struct cst_route_conf *r = &stage->routes[i];

		for (unsigned k = 0; k < r->n_via; k++)
			if (wish_via_iface(stage, r, k) == id)
				return cst_err(e, -EBUSY, "name",
					       "used by route %s of network instance '%s'",
					       wish_prefix_str(&r->dst, a), r->vrf);
	}
	for (uint32_t i = 0; i < stage->n_neighs; i++)
		if (strcmp(stage->neighs[i].iface, name) == 0)
			return cst_err(e, -EBUSY, "name", "used by neighbour %s",
				       wish_ip_str(&stage->neighs[i].ip, a));
	stage->iface[id].used = false;
	return 0;
}

/* ---- routes ----------------------------------------------------------------- */

static struct cst_route_conf *find_route(const char *vrf, const struct cst_prefix *dst)
{
	for (uint32_t i = 0; i < stage->n_routes; i++) {
		struct cst_route_conf *r = &stage->routes[i];

		if (r->dst.len == dst->len && cst_ip_eq(&r->dst.ip, &dst->ip) &&
		    strcasecmp(r->vrf, vrf) == 0)
			return r;
	}
	return NULL;
}

int cst_net_put_route(const struct cst_route_conf *c, struct cst_err *e)
{
	int rc = must_be_open(e);
	struct cst_route_conf *r;
	char a[WISH_STRLEN];

	if (rc || (rc = wish_check_route(stage, c, e)))
		return rc;
	if (wish_service(stage, wish_vrf(stage, c->vrf), &c->dst))
		return cst_err(e, -EEXIST, "prefix", "%s is a pool already",
			       wish_prefix_str(&c->dst, a));
	r = find_route(c->vrf, &c->dst);
	if (!r) {
		if (stage->n_routes >= CST_LPM_LIMIT / 2)
			return cst_err(e, -ENOSPC, NULL, "there are %d routes already",
				       CST_LPM_LIMIT / 2);
		if (grow(&stage->routes, stage->n_routes, &stage->room_routes, sizeof(*r)))
			return cst_err(e, -ENOMEM, NULL, "out of memory");
		r = &stage->routes[stage->n_routes++];
	}
	*r = *c;
	return 0;
}

int cst_net_del_route(const char *vrf, const struct cst_prefix *dst, struct cst_err *e)
{
	int rc = must_be_open(e);
	struct cst_route_conf *r;
	char a[WISH_STRLEN];

	if (rc)
		return rc;
	r = find_route(vrf, dst);
	if (!r)
		return cst_err(e, -ENOENT, "prefix", "no route %s in network instance '%s'",
			       wish_prefix_str(dst, a), vrf);
	/* keeps the operator's order in listings */
	memmove(r, r + 1, (char *)&stage->routes[stage->n_routes] - (char *)(r + 1));
	stage->n_routes--;
	return 0;
}

/* ---- fixed neighbours ------------------------------------------------------- */

static struct cst_neigh_conf *find_neigh(const char *iface, const struct cst_ip *ip)
{
	for (uint32_t i = 0; i < stage->n_neighs; i++)
		if (strcmp(stage->neighs[i].iface, iface) == 0 &&
		    cst_ip_eq(&stage->neighs[i].ip, ip))
			return &stage->neighs[i];
	return NULL;
}

int cst_net_put_neigh(const struct cst_neigh_conf *c, struct cst_err *e)
{
	int rc = must_be_open(e);
	struct cst_neigh_conf *n;

	if (rc || (rc = wish_check_neigh(stage, c, e)))
		return rc;
	n = find_neigh(c->iface, &c->ip);
	if (!n) {
		if (stage->n_neighs >= CST_MAX_NEXTHOPS / 2)
			return cst_err(e, -ENOSPC, NULL, "there are %d fixed neighbours already",
				       CST_MAX_NEXTHOPS / 2);
		if (grow(&stage->neighs, stage->n_neighs, &stage->room_neighs, sizeof(*n)))
			return cst_err(e, -ENOMEM, NULL, "out of memory");
		n = &stage->neighs[stage->n_neighs++];
	}
	*n = *c;
	return 0;
}

int cst_net_del_neigh(const char *iface, const struct cst_ip *ip, struct cst_err *e)
{
	int rc = must_be_open(e);
	struct cst_neigh_conf *n;
	char a[WISH_STRLEN];

	if (rc)
		return rc;
	n = find_neigh(iface, ip);
	if (!n)
		return cst_err(e, -ENOENT, "address", "no fixed neighbour %s on interface '%s'",
			       wish_ip_str(ip, a), iface);
	memmove(n, n + 1, (char *)&stage->neighs[stage->n_neighs] - (char *)(n + 1));
	stage->n_neighs--;
	return 0;
}

/* ---- services --------------------------------------------------------------- */

uint8_t cst_service_register(const char *name, const uint8_t *classify_edge,
			     const uint8_t *route_edge)
{
	if (n_services == CST_MAX_SERVICES)
		abort(); /* a bug of ours, seen at the first start */
	cst_services[n_services] = (struct cst_service_slot){name, classify_edge, route_edge};
	return n_services++;
}

void cst_udp_port_register(uint16_t port, bool gtpu_only, const uint8_t *classify_edge,
			   const uint8_t *reassemble_edge)
{
	if (cst_n_udp_slots == CST_MAX_UDP_PORTS)
		abort();
	cst_udp_slots[cst_n_udp_slots++] =
		(struct cst_udp_slot){port, gtpu_only, classify_edge, reassemble_edge};
}

void cst_ethernet_register(const uint8_t *classify_edge)
{
	cst_ethernet_edge = classify_edge;
}

static bool vrf_has_route(uint16_t vrf, const struct cst_prefix *dst)
{
	return stage->n_routes && vrf && stage->vrf[vrf][0] && find_route(stage->vrf[vrf], dst);
}

int cst_net_put_service(uint16_t vrf, const struct cst_prefix *dst, uint8_t service, uint32_t aux,
			struct cst_err *e)
{
	struct wish_service want = {.vrf = vrf, .service = service, .aux = aux, .dst = *dst};
	int rc = must_be_open(e);
	struct wish_service *s;
	char a[WISH_STRLEN];

	if (rc)
		return rc;
	if (!service || service >= n_services)
		return cst_err(e, -EINVAL, NULL, "no service %u", service);
	want.dst.ip = wish_mask(&dst->ip, dst->len);
	if ((rc = wish_check_service(stage, &want, e)))
		return rc;
	if (vrf_has_route(vrf, &want.dst))
		return cst_err(e, -EEXIST, "prefix", "%s is a configured route already",
			       wish_prefix_str(&want.dst, a));
	s = wish_service(stage, vrf, &want.dst);
	if (s && s->service != service)
		return cst_err(e, -EEXIST, "prefix", "%s belongs to '%s' already",
			       wish_prefix_str(&want.dst, a), cst_services[s->service].name);
	if (!s) {
		if (stage->n_services >= CST_LPM_LIMIT / 2)
			return cst_err(e, -ENOSPC, NULL, "there are %d pools already",
				       CST_LPM_LIMIT / 2);
		if (grow(&stage->services, stage->n_services, &stage->room_services, sizeof(*s)))
			return cst_err(e, -ENOMEM, NULL, "out of memory");
		stage->services[stage->n_services++] = want;
		wish_service_added(stage);
		return 0;
	}
	*s = want;
	return 0;
}

int cst_net_del_service(uint16_t vrf, const struct cst_prefix *dst)
{
	struct cst_prefix p = *dst;
	struct wish_service *s;

	if (must_be_open(NULL))
		return -EINVAL;
	p.ip = wish_mask(&dst->ip, dst->len);
	s = wish_service(stage, vrf, &p);
	if (!s)
		return -ENOENT;
	wish_service_remove(stage, s);
	return 0;
}

/* ---- names, uses, lists ----------------------------------------------------- */

uint32_t cst_net_generation(void)
{
	return generation;
}

uint16_t cst_vrf_by_name(const char *name)
{
	return wish_vrf(seen(), name);
}

const char *cst_vrf_name(uint16_t vrf)
{
	return vrf && vrf < CST_MAX_VRFS && seen()->vrf[vrf][0] ? seen()->vrf[vrf] : NULL;
}

void cst_vrf_hold(uint16_t vrf, int delta)
{
	if (vrf && vrf < CST_MAX_VRFS)
		vrf_holds[vrf] += delta;
}

bool cst_vrf_gtpu_addr(uint16_t vrf, uint8_t family, struct cst_ip *out)
{
	const struct wish *w = seen();

	for (uint16_t i = 1; i <= w->top_iface; i++) {
		const struct cst_iface_conf *c = &w->iface[i].c;

		if (!w->iface[i].used || !c->gtpu || wish_vrf(w, c->vrf) != vrf)
			continue;
		for (unsigned a = 0; a < c->n_addrs; a++) {
			if (c->addrs[a].ip.family == family) {
				*out = c->addrs[a].ip;
				return true;
			}
		}
	}
	return false;
}

int cst_net_each_vrf(cst_net_iter fn, void *arg)
{
	const struct wish *w = seen();
	struct cst_vrf_conf c;
	int rc = 0;

	for (uint16_t i = 1; i < CST_MAX_VRFS && !rc; i++) {
		if (!w->vrf[i][0])
			continue;
		memcpy(c.name, w->vrf[i], sizeof(c.name));
		rc = fn(&c, arg);
	}
	return rc;
}

int cst_net_each_iface(cst_net_iter fn, void *arg)
{
	const struct wish *w = seen();
	int rc = 0;

	for (uint16_t i = 1; i < CST_MAX_IFACES && !rc; i++)
		if (w->iface[i].used)
			rc = fn(&w->iface[i].c, arg);
	return rc;
}

int cst_net_each_route(cst_net_iter fn, void *arg)
{
	const struct wish *w = seen();
	int rc = 0;

	for (uint32_t i = 0; i < w->n_routes && !rc; i++)
		rc = fn(&w->routes[i], arg);
	return rc;
}

int cst_net_each_neigh(cst_net_iter fn, void *arg)
{
	const struct wish *w = seen();
	int rc = 0;

	for (uint32_t i = 0; i < w->n_neighs && !rc; i++)
		rc = fn(&w->neighs[i], arg);
	return rc;
}
