/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP for IPv4 over Ethernet (RFC 826). Pointers are at the ARP message, behind
 * the L2 header. Addresses in network order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "eth.h"

#define CST_ARP_LEN 28

enum cst_arp_op {
	CST_ARP_REQUEST = 1,
	CST_ARP_REPLY = 2,
};

enum cst_arp_err {
	CST_ARP_OK = 0,
	CST_ARP_TRUNCATED = -1,
	CST_ARP_FORMAT = -2, /* not IPv4 over Ethernet, or neither request nor reply */
	CST_ARP_SENDER = -3, /* sender's MAC address is a group's or zero */
};

struct cst_arp {
	uint8_t op; /* enum cst_arp_op */
	uint8_t sender_mac[6], target_mac[6];
	uint8_t sender_ip[4], target_ip[4]; /* sender 0.0.0.0: a probe (RFC 5227) */
};

static inline int cst_arp_parse(const uint8_t *p, uint32_t len, struct cst_arp *out)
{
	uint16_t op;

	if (len < CST_ARP_LEN)
		return CST_ARP_TRUNCATED;
	/* hardware Ethernet, protocol IPv4, address lengths 6 and 4 */
	if (cst_be32(p) != 0x00010800 || cst_be16(p + 4) != 0x0604)
		return CST_ARP_FORMAT;
	op = cst_be16(p + 6);
	if (op != CST_ARP_REQUEST && op != CST_ARP_REPLY)
		return CST_ARP_FORMAT;
	if (!cst_mac_is_station(p + 8))
		return CST_ARP_SENDER;
	out->op = (uint8_t)op;
	__builtin_memcpy(out->sender_mac, p + 8, 6);
	__builtin_memcpy(out->sender_ip, p + 14, 4);
	__builtin_memcpy(out->target_mac, p + 18, 6);
	__builtin_memcpy(out->target_ip, p + 24, 4);
	return CST_ARP_OK;
}

/* Write the message; CST_ARP_LEN. */
static inline uint32_t cst_arp_put(uint8_t *p, const struct cst_arp *a)
{
	cst_put_be32(p, 0x00010800);
	cst_put_be32(p + 4, 0x06040000u | a->op);
	__builtin_memcpy(p + 8, a->sender_mac, 6);
	__builtin_memcpy(p + 14, a->sender_ip, 4);
	__builtin_memcpy(p + 18, a->target_mac, 6);
	__builtin_memcpy(p + 24, a->target_ip, 4);
	return CST_ARP_LEN;
}
