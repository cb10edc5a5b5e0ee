/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The live snapshot as workers and the slow-path thread read it. Immutable
 * once published; replaced as a whole by snapshot.c.
 *
 * Workers: a pointer from cst_snap() is good until process() returns. The
 * slow-path thread: only while it holds cst_net_lock().
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "net/lpm.h"
#include "net/net.h"
#include "net/nexthop.h"
#include "port/port.h"

#define CST_SNAP_GTPU     0x01
#define CST_SNAP_KERNEL   0x02
#define CST_SNAP_IP6      0x04 /* has an IPv6 address, so neighbour discovery is spoken */
#define CST_SNAP_ETHERNET 0x08 /* a slice's, with all its frames */

/* BLACKHOLE entry's `sub`: the subnet's broadcast or all-zeros address, not a configured route. */
#define CST_FIB_SUB_BROADCAST 1

struct cst_snap_iface {
	uint16_t vrf; /* 0: no such interface */
	uint16_t port;
	uint16_t vlan;
	uint16_t mtu;
	uint16_t epoch; /* differs whenever port, VLAN, MTU or MAC do: keys next hops */
	uint8_t flags;  /* CST_SNAP_* */
	uint8_t n_addrs;
	uint8_t mac[6];
	uint16_t next_ethernet; /* with CST_SNAP_ETHERNET: the next one of its VRF; 0: the last */
	uint8_t link_local[16]; /* own fe80:: address, from the MAC (RFC 4291 appendix A) */
	struct cst_prefix addrs[CST_MAX_IF_ADDRS];
	char name[CST_NAME_LEN];
};

struct cst_snap_port {
	uint64_t mac;      /* bytes 0..5 in memory order, the rest zero; 0: no interface here */
	uint16_t untagged; /* interface, 0: none */
	uint16_t mtu;
	uint16_t *vlan; /* [4096] interface by VLAN; NULL: no tagged interface */
	/* Interfaces with CST_SNAP_ETHERNET, which are in neither of the two above: frames that
	 * these do not take. */
	uint16_t ethernet;       /* whatever their tags */
	uint16_t *ethernet_vlan; /* [4096] by the VLAN of the outer tag; NULL: none */
};

struct cst_snap_vrf {
	const struct cst_lpm *lpm4, *lpm6; /* never NULL */
	struct cst_ip source4, source6;    /* family 0: none */
	uint16_t ethernet; /* the first of its interfaces with CST_SNAP_ETHERNET; 0: none */
};

struct cst_snap_group {
	uint32_t n;
	uint32_t nexthop[CST_MAX_ECMP];
};

struct cst_snap_neigh {
	uint32_t nexthop;
	uint8_t mac[6];
};

struct cst_snap {
	uint64_t generation;
	struct cst_snap_vrf vrfs[CST_MAX_VRFS];
	struct cst_snap_port ports[CST_MAX_PORTS];
	struct cst_snap_iface ifaces[CST_MAX_IFACES];
	struct cst_snap_group *groups; /* [n_groups] */
	uint32_t n_groups;
	struct cst_snap_neigh *neighs; /* [n_neighs], fixed neighbours */
	uint32_t n_neighs;
	uint32_t *held; /* [n_held] next hops that this snapshot keeps alive, one reference each */
	uint32_t n_held;
};

extern struct cst_snap *_Atomic cst_snap_live; /* never NULL */

static inline const struct cst_snap *cst_snap(void)
{
	return atomic_load_explicit(&cst_snap_live, memory_order_acquire);
}

static inline union cst_fib_entry cst_snap_lookup4(const struct cst_snap *s, uint16_t vrf,
						   uint32_t dst)
{
	return cst_lpm_lookup4(s->vrfs[vrf % CST_MAX_VRFS].lpm4, dst);
}

static inline union cst_fib_entry cst_snap_lookup6(const struct cst_snap *s, uint16_t vrf,
						   const uint8_t *dst)
{
	return cst_lpm_lookup6(s->vrfs[vrf % CST_MAX_VRFS].lpm6, dst);
}

/* cst_fib_nexthop() for a worker, whose entry is of this snapshot and maybe no more of the live
 * one. */
uint32_t cst_snap_nexthop(const struct cst_snap *s, union cst_fib_entry fe, uint8_t family,
			  const void *dst, uint32_t hash);

/* ---- services and UDP ports: registered before start, constant after ------ */

#define CST_MAX_SERVICES  32
#define CST_MAX_UDP_PORTS 16

struct cst_service_slot {
	const char *name;
	const uint8_t *classify_edge, *route_edge;
};

struct cst_udp_slot {
	uint16_t port; /* host order */
	bool gtpu_only;
	const uint8_t *classify_edge, *reassemble_edge;
};

extern const uint8_t *cst_ethernet_edge;                       /* NULL: nobody takes frames */
extern struct cst_service_slot cst_services[CST_MAX_SERVICES]; /* [0] is none */
extern struct cst_udp_slot cst_udp_slots[CST_MAX_UDP_PORTS];
extern unsigned cst_n_udp_slots;

static inline const struct cst_udp_slot *cst_udp_slot(uint16_t port, uint8_t fib_flags)
{
	for (unsigned i = 0; i < cst_n_udp_slots; i++) {
		const struct cst_udp_slot *s = &cst_udp_slots[i];

		if (s->port == port && (!s->gtpu_only || (fib_flags & CST_FIBF_GTPU)))
			return s;
	}
	return NULL;
}
