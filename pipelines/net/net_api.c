/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "net_api.h"

/* ---- port ------------------------------------------------------------------ */

const char *const net_offload_names[] = {"rx_checksum", "tx_ipv4_checksum", "tx_l4_checksum", NULL};
const char *const net_offload_modes[] = {"auto", "off", NULL};

#define STATE(m, lo, hi, u, h) CST_F_UINT(struct net_port_state, m, lo, hi, u, CST_F_STATE, NULL, h)
#define COUNTER(m, u, h)       STATE(m, 0, UINT64_MAX, u, h)

static const struct cst_field port_state_fields[] = {
	CST_F_BOOL(struct net_port_state, up, CST_F_STATE, NULL, "the device is open and polled"),
	CST_F_BOOL(struct net_port_state, link, CST_F_STATE, NULL, "the device has a link"),
	STATE(speed, 0, UINT32_MAX, "Mbit/s", "of the link, where the device knows it"),
	CST_F_MAC(struct net_port_state, mac, CST_F_STATE, "MAC address"),
	CST_F_STR(struct net_port_state, driver, 0, 63, CST_F_STATE, NULL, "DPDK driver"),
	STATE(mtu, 0, UINT16_MAX, "bytes", "largest IP packet"),
	STATE(queues, 0, UINT16_MAX, NULL, "receive queues in use"),
	CST_F_FLAGS(struct net_port_state, offloads, net_offload_names, CST_F_STATE, NULL,
		    "checksums that the device sees to; the others are done in software"),
	CST_F_STR(struct net_port_state, fault, 0, 255, CST_F_STATE, NULL,
		  "why it is down, and what helps"),
	COUNTER(rx_packets, "packets", "received, as the driver counts"),
	COUNTER(rx_bytes, "bytes", "received, as the driver counts"),
	COUNTER(rx_errors, "packets", "received broken, as the driver counts"),
	COUNTER(rx_missed, "packets", "lost because the receive queue was full"),
	COUNTER(rx_no_buffer, "packets", "lost because no packet buffer was free"),
	COUNTER(tx_packets, "packets", "sent, as the driver counts"),
	COUNTER(tx_bytes, "bytes", "sent, as the driver counts"),
	COUNTER(tx_errors, "packets", "not sent, as the driver counts"),
};
_Static_assert(sizeof(port_state_fields) / sizeof(*port_state_fields) == NET_PS_FIELDS,
	       "net_port_state_field");

const struct cst_object net_port_state_object = CST_OBJECT(
	"port_state", struct net_port_state, port_state_fields, "what has become of a port");

static const struct cst_field port_fields[] = {
	CST_F_STR(struct net_port, name, 1, NET_MAX_PORT_NAME, CST_F_KEY, NULL,
		  "name that interfaces refer to it by"),
	CST_F_STR(struct net_port, device, 1, 191, CST_F_REQUIRED | CST_F_NEW, NULL,
		  "what stands behind it: pci:ADDRESS, af_xdp:INTERFACE, vhost:SOCKET, "
		  "virtio_user:SOCKET, tap:NAME, pcap:IN,OUT, null, null:SIZE, eal:DEVARGS"),
	CST_F_UINT(struct net_port, mtu, 68, 9600, "bytes", 0, "1500",
		   "largest IP packet the port carries"),
	CST_F_UINT(struct net_port, queues, 0, 32, NULL, CST_F_NEW, "0",
		   "receive queues; 0: one per worker where the device can"),
	CST_F_UINT(struct net_port, rx_ring, 0, 32768, "descriptors", CST_F_NEW, "0",
		   "length of each receive queue; 0: chosen"),
	CST_F_UINT(struct net_port, tx_ring, 0, 32768, "descriptors", CST_F_NEW, "0",
		   "length of each transmit queue; 0: chosen"),
	CST_F_BOOL(struct net_port, promiscuous, 0, "false", "take in frames for any MAC address"),
	CST_F_BOOL(struct net_port, optional, 0, "false",
		   "start without it when it cannot come up, and retry every few seconds"),
	CST_F_ENUM(struct net_port, offload, net_offload_modes, 0, "auto",
		   "auto: rules in the NIC bring a session's packets to its worker and drop what a "
		   "closed gate drops, where the NIC can (`flow show`); off: no rules in it"),
	CST_F_OBJ(struct net_port, state, &net_port_state_object, CST_F_STATE,
		  "what has become of it"),
};

const struct cst_object net_port_object = CST_OBJECT("port", struct net_port, port_fields,
						     "a network port, whatever stands behind it");

struct cst_class net_port_class = {
	.object = &net_port_object, .plural = "ports", .order = 20, .config = true};
CST_CLASS(net_port_class);

/* ---- network instance ------------------------------------------------------ */

static const struct cst_field instance_fields[] = {
	CST_F_STR(struct net_instance, name, 1, NET_MAX_NAME, CST_F_KEY, NULL,
		  "name, compared without case as a DNN is (TS 29.244, 8.2.4)"),
};

const struct cst_object net_instance_object =
	CST_OBJECT("network_instance", struct net_instance, instance_fields,
		   "a routing table of its own (VRF); sessions name it (TS 29.244, 8.2.4)");

struct cst_class net_instance_class = {
	.object = &net_instance_object, .plural = "network_instances", .order = 10, .config = true};
CST_CLASS(net_instance_class);

/* ---- interface ------------------------------------------------------------- */

static const struct cst_field interface_fields[] = {
	CST_F_STR(struct net_interface, name, 1, NET_MAX_NAME, CST_F_KEY, NULL, "name"),
	CST_F_STR(struct net_interface, port, 1, NET_MAX_PORT_NAME, CST_F_REQUIRED, NULL,
		  "port it stands on"),
	CST_F_UINT(struct net_interface, vlan, 0, 4094, NULL, 0, "0",
		   "VLAN identifier; 0: untagged frames"),
	CST_F_STR(struct net_interface, network_instance, 1, NET_MAX_NAME, CST_F_REQUIRED, NULL,
		  "network instance whose routes it uses"),
	CST_F_UINT(struct net_interface, mtu, 0, 9600, "bytes", 0, "0",
		   "largest IP packet sent; 0: the port's"),
	CST_F_LIST(struct net_interface, addresses, CST_T_PREFIX, struct cst_prefix,
		   NET_MAX_ADDRESSES, 0, "own addresses with the length of their prefix"),
	CST_F_BOOL(struct net_interface, gtpu, 0, "false",
		   "its addresses end GTP-U tunnels; F-TEIDs are given out on them"),
	CST_F_BOOL(struct net_interface, kernel, 0, "false",
		   "hand what is not coast's to the kernel by a TAP of this name, and take "
		   "back what the kernel sends"),
	CST_F_BOOL(struct net_interface, ethernet, 0, "false",
		   "no IP: its frames, for whatever MAC address, belong to the Ethernet PDU "
		   "sessions of the network instance (TS 23.501 5.6.10.2); vlan 0: all frames of "
		   "the port that no other interface has; the port must be promiscuous"),
	CST_F_BOOL(struct net_interface, up, CST_F_STATE, NULL, "its port is up and has a link"),
};

static int check_interface(const void *obj, struct cst_err *e)
{
	const struct net_interface *i = obj;

	if (i->mtu > 0 && i->mtu < 68)
		return cst_err(e, -ERANGE, "mtu", "%u is below 68, the least that IPv4 allows",
			       i->mtu);
	return 0;
}

const struct cst_object net_interface_object = {
	.name = "interface",
	.help = "an IP interface: a port or one VLAN of it, in one network instance",
	.fields = interface_fields,
	.n_fields = sizeof(interface_fields) / sizeof(*interface_fields),
	.size = sizeof(struct net_interface),
	.check = check_interface,
};

struct cst_class net_interface_class = {
	.object = &net_interface_object, .plural = "interfaces", .order = 30, .config = true};
CST_CLASS(net_interface_class);

/* ---- route ----------------------------------------------------------------- */

static const struct cst_field via_fields[] = {
	CST_F_IP(struct net_via, gateway, CST_T_IP, 0,
		 "next router; absent: the destination is on the interface itself"),
	CST_F_STR(struct net_via, interface, 1, NET_MAX_NAME, 0, NULL,
		  "interface to send on; absent: the one whose prefix holds the gateway"),
};

static int check_via(const void *obj, struct cst_err *e)
{
	if (!cst_has(obj, NET_VIA_GATEWAY) && !cst_has(obj, NET_VIA_INTERFACE))
		return cst_err(e, -EINVAL, "", "give a gateway, an interface or both");
	return 0;
}

static const struct cst_object via_object = {
	.name = "via",
	.help = "one next hop; several share the flows (ECMP)",
	.fields = via_fields,
	.n_fields = sizeof(via_fields) / sizeof(*via_fields),
	.size = sizeof(struct net_via),
	.check = check_via,
};

static const struct cst_field route_fields[] = {
	CST_F_STR(struct net_route, network_instance, 1, NET_MAX_NAME, CST_F_KEY, NULL,
		  "network instance it is in"),
	CST_F_IP(struct net_route, prefix, CST_T_PREFIX, CST_F_KEY, "destination"),
	CST_F_BOOL(struct net_route, blackhole, 0, "false", "drop what goes there"),
	CST_F_LIST(struct net_route, via, CST_T_OBJ, struct net_via, NET_MAX_VIA, 0, "next hops",
		   .sub = &via_object),
};

static int check_route(const void *obj, struct cst_err *e)
{
	const struct net_route *r = obj;

	if (r->blackhole && r->via.n > 0)
		return cst_err(e, -EINVAL, "via", "a blackhole has no next hops");
	if (!r->blackhole && r->via.n == 0)
		return cst_err(e, -EINVAL, "via", "give at least one next hop, or blackhole: true");
	return 0;
}

const struct cst_object net_route_object = {
	.name = "route",
	.help = "a static route",
	.fields = route_fields,
	.n_fields = sizeof(route_fields) / sizeof(*route_fields),
	.size = sizeof(struct net_route),
	.check = check_route,
};

struct cst_class net_route_class = {
	.object = &net_route_object, .plural = "routes", .order = 40, .config = true};
CST_CLASS(net_route_class);

/* ---- neighbour ------------------------------------------------------------- */

const char *const net_neigh_states[] = {"free",   "incomplete", "reachable", "stale",
					"failed", "static",     NULL};

static const struct cst_field neighbour_fields[] = {
	CST_F_STR(struct net_neighbour, interface, 1, NET_MAX_NAME, CST_F_KEY, NULL,
		  "interface it is on"),
	CST_F_IP(struct net_neighbour, address, CST_T_IP, CST_F_KEY, "its IP address"),
	CST_F_MAC(struct net_neighbour, mac, CST_F_REQUIRED, "its MAC address"),
	CST_F_ENUM(struct net_neighbour, state, net_neigh_states, CST_F_STATE, NULL,
		   "what is known of it: static ones are configured, the others learnt by ARP "
		   "(RFC 826) or Neighbor Discovery (RFC 4861)"),
};

static int check_neighbour(const void *obj, struct cst_err *e)
{
	static const uint8_t zero[6];
	const struct net_neighbour *n = obj;

	if ((n->mac[0] & 1) != 0 || memcmp(n->mac, zero, sizeof(zero)) == 0)
		return cst_err(e, -EINVAL, "mac", "not the address of one station");
	return 0;
}

const struct cst_object net_neighbour_object = {
	.name = "neighbour",
	.help = "who has which MAC address on an interface; put makes a fixed one",
	.fields = neighbour_fields,
	.n_fields = sizeof(neighbour_fields) / sizeof(*neighbour_fields),
	.size = sizeof(struct net_neighbour),
	.check = check_neighbour,
};

struct cst_class net_neighbour_class = {
	.object = &net_neighbour_object, .plural = "neighbours", .order = 45, .config = true};
CST_CLASS(net_neighbour_class);
