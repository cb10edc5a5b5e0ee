/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network instances (VRFs), L3 interfaces and routes: an immutable snapshot
 * that workers read and the control thread replaces as a whole.
 *
 * Control side: copy the wish, change the copy, compile it, commit or abort.
 * One stage at a time. Look-ups by name see the open stage when there is one,
 * so that later objects of the same transaction may refer to earlier ones.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "err.h"

#define CST_MAX_VRFS     256
#define CST_MAX_IFACES   1024
#define CST_MAX_IF_ADDRS 8
#define CST_MAX_ECMP     8
#define CST_NAME_LEN     64

struct cst_vrf_conf {
	char name[CST_NAME_LEN]; /* compared without case, as DNNs are */
	uint16_t number;         /* a new one gets this number when it is free; 0: any */
};

struct cst_iface_conf {
	char name[CST_NAME_LEN];
	char port[32];
	char vrf[CST_NAME_LEN];
	uint16_t vlan; /* 0: untagged */
	uint16_t mtu;  /* 0: the port's */
	bool gtpu;     /* its addresses end GTP-U tunnels (F-TEIDs are given out on them) */
	bool kernel;   /* a TAP brings what is not coast's to the kernel and back */
	bool ethernet; /* no IP: its frames are the registered slice's (cst_ethernet_register) */
	uint8_t n_addrs;
	struct cst_prefix addrs[CST_MAX_IF_ADDRS];
};

struct cst_route_conf {
	char vrf[CST_NAME_LEN];
	struct cst_prefix dst; /* host bits zero */
	bool blackhole;
	uint8_t n_via;
	struct {
		struct cst_ip gateway;    /* family 0: directly on `iface` */
		char iface[CST_NAME_LEN]; /* "": found from the gateway's connected prefix */
	} via[CST_MAX_ECMP];
};

struct cst_neigh_conf { /* a fixed neighbour */
	char iface[CST_NAME_LEN];
	struct cst_ip ip;
	uint8_t mac[6];
};

/* ---- stage: control thread ----------------------------------------------- */

/* Errors name the field of the object at hand (cst_net_put_*), or the object and the field
 * (cst_net_compile: "routes[0.0.0.0/0].via[0].gateway"). Where there is no EAL (coastd --check)
 * ports are not looked up: whoever reads the file knows which ports it has. */

int cst_net_begin(void); /* -EBUSY: one is open */
int cst_net_put_vrf(const struct cst_vrf_conf *c, struct cst_err *e);
int cst_net_put_iface(const struct cst_iface_conf *c, struct cst_err *e);
int cst_net_put_route(const struct cst_route_conf *c, struct cst_err *e);
int cst_net_put_neigh(const struct cst_neigh_conf *c, struct cst_err *e);
int cst_net_del_vrf(const char *name, struct cst_err *e); /* -EBUSY while anything uses it */
int cst_net_del_iface(const char *name, struct cst_err *e);
int cst_net_del_route(const char *vrf, const struct cst_prefix *dst, struct cst_err *e);
int cst_net_del_neigh(const char *iface, const struct cst_ip *ip, struct cst_err *e);
/* Prefixes that belong to a slice: packets to them go to its service (see below). */
int cst_net_put_service(uint16_t vrf, const struct cst_prefix *dst, uint8_t service, uint32_t aux,
			struct cst_err *e);
int cst_net_del_service(uint16_t vrf, const struct cst_prefix *dst);
/* Build the snapshot; may fail and then changes nothing. Does nothing but check when there is no
 * EAL (coastd --check). */
int cst_net_compile(struct cst_err *e);
void cst_net_commit(void);
void cst_net_abort(void);
/* Build the snapshot anew when a port has come up or changed its MAC or MTU. From tick. */
void cst_net_refresh(void);
/* Forget everything; workers and the slow-path thread have stopped. */
void cst_net_fini(void);

/* What the look-ups below say stays true while this number stays the same. */
uint32_t cst_net_generation(void);
/* Names and uses; see the open stage if any. 0: no such. */
uint16_t cst_vrf_by_name(const char *name);
const char *cst_vrf_name(uint16_t vrf);
/* Objects elsewhere that refer to a VRF keep it from being deleted. */
void cst_vrf_hold(uint16_t vrf, int delta);
/* The address (of this family) on which `vrf` ends GTP-U tunnels; false: none. */
bool cst_vrf_gtpu_addr(uint16_t vrf, uint8_t family, struct cst_ip *out);

/* Iterate the wish (config dump, `list`): return non-zero from fn to stop. */
typedef int (*cst_net_iter)(const void *conf, void *arg);
int cst_net_each_vrf(cst_net_iter fn, void *arg);
int cst_net_each_iface(cst_net_iter fn, void *arg);
int cst_net_each_route(cst_net_iter fn, void *arg);
int cst_net_each_neigh(cst_net_iter fn, void *arg);

/* ---- snapshot: workers --------------------------------------------------- */

enum cst_fib_type {
	CST_FIB_NONE, /* no route */
	CST_FIB_BLACKHOLE,
	CST_FIB_LOCAL,     /* one of coast's own addresses; id = interface */
	CST_FIB_CONNECTED, /* id = interface; the neighbour is the destination itself */
	CST_FIB_NEXTHOPS,  /* id = next hop group */
	CST_FIB_SERVICE,   /* a slice's prefix: sub = service number, id = its aux */
};

union cst_fib_entry {
	uint64_t u64;
	struct {
		uint8_t type; /* enum cst_fib_type */
		uint8_t sub;
		uint8_t flags; /* CST_FIBF_* */
		uint8_t pad;
		uint32_t id;
	};
};
#define CST_FIBF_GTPU 0x01 /* LOCAL: ends GTP-U tunnels */

/* A service: traffic to its prefixes leaves `classify` (from the network) and `route` (from
 * inside coast) by an edge to its node. The slice attaches that node to both parents and
 * registers the two edge numbers, before start. `aux` arrives in pkt->aux. */
uint8_t cst_service_register(const char *name, const uint8_t *classify_edge,
			     const uint8_t *route_edge);
/* Packets to a LOCAL address, UDP, this destination port (host order), with CST_FIBF_GTPU when
 * `gtpu_only`: leave `classify` by this edge, and `ip_reassemble` by the other when they came in
 * fragments. The packet still stands at its IP header, with pkt->l4_off set. */
void cst_udp_port_register(uint16_t port, bool gtpu_only, const uint8_t *classify_edge,
			   const uint8_t *reassemble_edge);

/* Frames of interfaces with `ethernet`, for whatever MAC address, leave `classify` by this edge:
 * whole, with pkt->iface and pkt->vrf set. Before start. */
void cst_ethernet_register(const uint8_t *classify_edge);

/* Longest-prefix match in the live snapshot. `dst` in network order. */
union cst_fib_entry cst_fib_lookup4(uint16_t vrf, uint32_t dst);
union cst_fib_entry cst_fib_lookup6(uint16_t vrf, const uint8_t dst[16]);

/* Resolve a FIB entry to a next hop for this destination: the one place where ECMP and connected
 * prefixes are decided. 0: none (no neighbour record yet: the packet goes to `slow`). The entry
 * must be of the live snapshot: so it is in the control thread, which alone replaces it; nodes use
 * cst_snap_nexthop() (net/fib.h), or better leave it to `route`. */
uint32_t cst_fib_nexthop(union cst_fib_entry fe, uint8_t family, const void *dst, uint32_t hash);

/* An own address of the interface / VRF to send ICMP errors from; false: none of that family. */
bool cst_vrf_source(uint16_t vrf, uint8_t family, struct cst_ip *out);

/*
 * Nodes of dataplane/net and the contract between them:
 *
 *   rx        -> classify                       polls ports and the worker's inbox
 *   classify  -> icmp_local, route?, slow, ...  L2, L3 checked; FIB look-up in the interface's VRF
 *   route     -> output, icmp_error, slow       FIB look-up of the IP packet at data start in
 *                pkt->vrf; decrements TTL unless CST_PKT_LOCAL or CST_PKT_TTL_DONE; checks MTU
 *   ip_local  -> icmp_local, slow, ...          to own addresses, no slice's: echo, kernel
 *   ip_reassemble -> ip_local, ...              fragments to own addresses; whole datagrams go on
 *                                               as if they had come so
 *   ip_frag   -> output, slow                   cuts what is too big for its link and may be cut
 *   output    -> (tx), slow                     pkt->nexthop: prepends L2, sends
 *   icmp_error-> route                          makes an ICMP error out of the packet:
 *                pkt->icmp_type/code/info, rate-limited, source from pkt->vrf
 *   slow      -> (slow-path thread)             ARP, ND, unresolved next hops, punt to the kernel
 *   drop      -> (free)                         counts pkt->drop
 */
