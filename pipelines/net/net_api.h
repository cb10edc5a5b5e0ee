/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports, network instances, interfaces, routes and neighbours as objects of
 * the control socket, coast.yaml and coastctl.
 *
 * How an object is tied to the packet machinery: this file and net_api.c know
 * the shape alone (control headers only), so that coastctl links them without
 * DPDK. The classes are defined and registered here with their callbacks
 * empty; net_ctl.c, which only coastd links, fills them in from a constructor:
 *
 *   static void __attribute__((constructor, used)) net_bind(void)
 *   {
 *           net_port_class.party = &net_party;
 *           net_port_class.put = put_port; ...
 *   }
 *
 * Registration looks at `order` and the name only, so it does not matter
 * which constructor runs first.
 */
#pragma once

#include "class.h"

#define NET_MAX_PORT_NAME 31
#define NET_MAX_NAME      63
#define NET_MAX_ADDRESSES 8
#define NET_MAX_VIA       8

extern const char *const net_offload_names[]; /* bits of net_port_state.offloads */
extern const char *const net_offload_modes[]; /* net_port.offload: 0 auto, 1 off */
extern const char *const net_neigh_states[];  /* enum cst_nh_state, in its order */

struct net_port_state {
	uint64_t has;
	bool up;
	bool link;
	uint32_t speed;
	uint8_t mac[6];
	const char *driver;
	uint16_t mtu;
	uint16_t queues;
	uint32_t offloads;
	const char *fault;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_errors;
	uint64_t rx_missed;
	uint64_t rx_no_buffer;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_errors;
};

struct net_port {
	uint64_t has;
	const char *name;
	const char *device;
	uint16_t mtu;
	uint16_t queues;
	uint16_t rx_ring;
	uint16_t tx_ring;
	bool promiscuous;
	bool optional;
	uint8_t offload;
	struct net_port_state state;
};

struct net_instance {
	uint64_t has;
	const char *name;
};

struct net_interface {
	uint64_t has;
	const char *name;
	const char *port;
	uint16_t vlan;
	const char *network_instance;
	uint16_t mtu;
	struct cst_list addresses; /* of struct cst_prefix */
	bool gtpu;
	bool kernel;
	bool ethernet;
	bool up; /* state */
};

struct net_via {
	uint64_t has;
	struct cst_ip gateway;
	const char *interface;
};

struct net_route {
	uint64_t has;
	const char *network_instance;
	struct cst_prefix prefix;
	bool blackhole;
	struct cst_list via; /* of struct net_via */
};

struct net_neighbour {
	uint64_t has;
	const char *interface;
	struct cst_ip address;
	uint8_t mac[6];
	uint8_t state; /* state */
};

/* Field numbers, for `has`; in the order of the tables in net_api.c. */
enum net_port_field {
	NET_PORT_NAME,
	NET_PORT_DEVICE,
	NET_PORT_MTU,
	NET_PORT_QUEUES,
	NET_PORT_RX_RING,
	NET_PORT_TX_RING,
	NET_PORT_PROMISCUOUS,
	NET_PORT_OPTIONAL,
	NET_PORT_OFFLOAD,
	NET_PORT_STATE,
};
enum net_port_state_field {
	NET_PS_UP,
	NET_PS_LINK,
	NET_PS_SPEED,
	NET_PS_MAC,
	NET_PS_DRIVER,
	NET_PS_MTU,
	NET_PS_QUEUES,
	NET_PS_OFFLOADS,
	NET_PS_FAULT,
	NET_PS_RX_PACKETS, /* from here on the counters, to the end */
	NET_PS_FIELDS = NET_PS_RX_PACKETS + 8,
};
enum net_interface_field {
	NET_IF_NAME,
	NET_IF_PORT,
	NET_IF_VLAN,
	NET_IF_INSTANCE,
	NET_IF_MTU,
	NET_IF_ADDRESSES,
	NET_IF_GTPU,
	NET_IF_KERNEL,
	NET_IF_ETHERNET,
	NET_IF_UP,
};
enum net_via_field { NET_VIA_GATEWAY, NET_VIA_INTERFACE };
enum net_route_field { NET_ROUTE_INSTANCE, NET_ROUTE_PREFIX, NET_ROUTE_BLACKHOLE, NET_ROUTE_VIA };
enum net_neigh_field { NET_NEIGH_INTERFACE, NET_NEIGH_ADDRESS, NET_NEIGH_MAC, NET_NEIGH_STATE };

extern const struct cst_object net_port_object, net_port_state_object, net_instance_object,
	net_interface_object, net_route_object, net_neighbour_object;
extern struct cst_class net_port_class, net_instance_class, net_interface_class, net_route_class,
	net_neighbour_class;
