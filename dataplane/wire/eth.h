/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet II header and MAC addresses (IEEE 802.3). A frame whose type field
 * is below 0x0600 is an 802.3/LLC one; the field is then given as it stands.
 *
 * EtherTypes in host order, MAC addresses as six bytes. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"

struct cst_eth_hdr {
	uint8_t dst[6], src[6];
	uint16_t type; /* network order */
} __attribute__((packed));

_Static_assert(sizeof(struct cst_eth_hdr) == 14, "IEEE 802.3");

enum cst_ethertype {
	CST_ETH_IPV4 = 0x0800,
	CST_ETH_ARP = 0x0806,
	CST_ETH_CTAG = 0x8100,
	CST_ETH_IPV6 = 0x86dd,
	CST_ETH_STAG = 0x88a8,
	CST_ETH_RTAG = 0xf1c1,
};

static inline int cst_mac_is_multicast(const uint8_t *mac) /* broadcast too */
{
	return mac[0] & 1;
}

static inline int cst_mac_eq(const uint8_t *a, const uint8_t *b)
{
	return cst_be32(a) == cst_be32(b) && cst_be16(a + 4) == cst_be16(b + 4);
}

static inline int cst_mac_is_zero(const uint8_t *mac)
{
	return cst_be32(mac) == 0 && cst_be16(mac + 4) == 0;
}

static inline int cst_mac_is_broadcast(const uint8_t *mac)
{
	return cst_be32(mac) == 0xffffffff && cst_be16(mac + 4) == 0xffff;
}

/* A MAC address that a station may have as its own. */
static inline int cst_mac_is_station(const uint8_t *mac)
{
	return !cst_mac_is_multicast(mac) && !cst_mac_is_zero(mac);
}

/* Group address of an IPv4 (RFC 1112 6.4) or IPv6 (RFC 2464 7) multicast address. */
static inline void cst_mac_of_group4(uint8_t *mac, const uint8_t *group)
{
	mac[0] = 0x01;
	mac[1] = 0x00;
	mac[2] = 0x5e;
	mac[3] = group[1] & 0x7f;
	mac[4] = group[2];
	mac[5] = group[3];
}

static inline void cst_mac_of_group6(uint8_t *mac, const uint8_t *group)
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	__builtin_memcpy(mac + 2, group + 12, 4);
}

/* Write an untagged header; 14. */
static inline uint32_t cst_eth_put(uint8_t *p, const uint8_t *dst, const uint8_t *src,
				   uint16_t type)
{
	__builtin_memcpy(p, dst, 6);
	__builtin_memcpy(p + 6, src, 6);
	cst_put_be16(p + 12, type);
	return 14;
}
