/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/drops.h"

#define SHARED(var, name_, help_)    \
	CST_DROP(var, name_, help_); \
	const struct cst_drop *const cst_drop_##var = &var

SHARED(truncated, "ip.truncated", "the packet ends before its own header says; a broken sender");
SHARED(not_ours, "ip.not_ours",
       "its destination is neither coast's own nor a pool's: coast does not route between its "
       "interfaces; check the sender's routes");
SHARED(multicast, "ip.multicast",
       "IP multicast, which coast does not forward; with kernel: true the kernel gets it");
SHARED(broadcast, "ip.broadcast",
       "IP broadcast, which coast does not forward; with kernel: true the kernel gets it");
SHARED(bad_source, "ip.bad_source",
       "a source address that no single host may have: unspecified, loopback or multicast; or a "
       "link-local one, which no router forwards");
SHARED(bad_destination, "ip.bad_destination",
       "a destination that no router may forward to: unspecified, loopback or reserved");
SHARED(blackhole, "ip.blackhole", "the route to its destination is a blackhole");
SHARED(no_route, "ip.no_route", "no route to its destination in this network instance; add one");
SHARED(unresolved, "neigh.unresolved",
       "the next hop does not answer ARP or neighbour discovery; see `coastctl neighbour show`");
SHARED(no_buffer, "engine.no_buffer", "no packet buffer was free; raise system.packet_buffers");
SHARED(no_headroom, "output.no_headroom",
       "no room in front of the packet for one more header: a fault in coast");
SHARED(udp_bad_csum, "udp.bad_checksum", "the UDP checksum is wrong; bytes were damaged");
SHARED(udp_no_csum, "udp.no_checksum",
       "UDP over IPv6 without a checksum (RFC 8200 8.1), to a port that is no tunnel's");
SHARED(udp_length, "udp.truncated", "the UDP length does not agree with the packet's");
SHARED(scattered, "ip.scattered",
       "the packet lies in too many small buffers; raise system.buffer_size");
