/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wish: what the operator configured, by name, as stage.c keeps it and
 * snapshot.c compiles it. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"

struct wish_iface {
	bool used;
	struct cst_iface_conf c;
};

struct wish_service {
	uint16_t vrf;
	uint8_t service;
	uint32_t aux;
	struct cst_prefix dst; /* host bits zero */
};

struct wish {
	char vrf[CST_MAX_VRFS][CST_NAME_LEN];    /* [id]; "": free. [0] is none */
	struct wish_iface iface[CST_MAX_IFACES]; /* [id]; [0] is none */
	uint16_t top_iface;                      /* none in use has a number above */
	struct cst_route_conf *routes;
	uint32_t n_routes, room_routes;
	struct cst_neigh_conf *neighs;
	uint32_t n_neighs, room_neighs;
	struct wish_service *services;
	uint32_t n_services, room_services;
	uint32_t *service_at, service_mask; /* services.c: number in services[] and 1, by hash */
};

struct wish *wish_copy(const struct wish *w); /* NULL: no memory */
void wish_free(struct wish *w);

uint16_t wish_vrf(const struct wish *w, const char *name);   /* 0: no such */
uint16_t wish_iface(const struct wish *w, const char *name); /* 0: no such */

/* The configured address of `vrf` whose prefix holds `ip`: interface id and address, 0: none. With
 * `iface` given, only of that interface. */
uint16_t wish_connected(const struct wish *w, uint16_t vrf, uint16_t iface, const struct cst_ip *ip,
			const struct cst_prefix **addr);
/* The interface of `vrf` that has `ip` as its own address; 0: none. */
uint16_t wish_own(const struct wish *w, uint16_t vrf, const struct cst_ip *ip);

/* One object against all the others; 0 or a negative errno with field and reason. `self` is the id
 * the interface has, 0 for a new one. */
int wish_check_iface(const struct wish *w, const struct cst_iface_conf *c, uint16_t self,
		     struct cst_err *e);
int wish_check_route(const struct wish *w, const struct cst_route_conf *c, struct cst_err *e);
int wish_check_neigh(const struct wish *w, const struct cst_neigh_conf *c, struct cst_err *e);
int wish_check_service(const struct wish *w, const struct wish_service *s, struct cst_err *e);
/* All of it, after changes: what was right when it was put may not be any more. */
int wish_check(const struct wish *w, struct cst_err *e);

/* The service prefix that is exactly this one, NULL: none. Good until the next change. */
struct wish_service *wish_service(struct wish *w, uint16_t vrf, const struct cst_prefix *dst);
/* services[n_services - 1] is new. */
void wish_service_added(struct wish *w);
/* Take it out; the last one takes its place. */
void wish_service_remove(struct wish *w, struct wish_service *s);

/* The interface a path of a route leaves by; 0: none (see wish_check_route). */
uint16_t wish_via_iface(const struct wish *w, const struct cst_route_conf *c, unsigned via);

/* ---- addresses ------------------------------------------------------------- */

#define WISH_STRLEN 64

/* "192.0.2.1", "2001:db8::1"; with a prefix, "192.0.2.0/24". Returns `buf`. */
const char *wish_ip_str(const struct cst_ip *ip, char buf[WISH_STRLEN]);
const char *wish_prefix_str(const struct cst_prefix *p, char buf[WISH_STRLEN]);

static inline unsigned wish_bits(const struct cst_ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

/* `ip` with all bits behind `len` cleared, padding cleared too. */
struct cst_ip wish_mask(const struct cst_ip *ip, unsigned len);

static inline bool wish_holds(const struct cst_prefix *p, const struct cst_ip *ip)
{
	struct cst_ip a = wish_mask(&p->ip, p->len), b = wish_mask(ip, p->len);

	return p->ip.family == ip->family && cst_ip_eq(&a, &b);
}

/* ---- compile: snapshot.c ---------------------------------------------------- */

struct cst_snap;
struct cst_snap *snap_compile(const struct wish *w, struct cst_err *e);
void snap_publish(struct cst_snap *s); /* the old one is freed after the grace period */
void snap_free(struct cst_snap *s);
/* Workers have stopped: leave nothing behind. */
void snap_fini(void);
/* Whether ports look different from what the live snapshot was built with. */
bool snap_ports_changed(const struct wish *w);
