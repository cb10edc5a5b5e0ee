/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions and frames for the tests of them. No EAL. */
#pragma once

#include "upf_ctl_test.h"
#include "upf_eth_core.h"
#include "upf_eth_group.h"
#include "upf_eth_learn.h"

#define SECOND (1ull << 30) /* of the test's TSC: the unit that MAC addresses age by */

uint64_t __wrap_rte_get_tsc_hz(void);
uint64_t __wrap_rte_get_tsc_hz(void)
{
	return SECOND;
}

#define A 0x020000000a01ull
#define B 0x020000000b01ull
#define D 0x020000000d01ull

extern struct cst_module upf_eth_module;

#define ETH_UL(more) UL(1, CHOOSE more)
#define ETH_DL(more)                                                 \
	"{'id':2,'precedence':255,'pdi':{'source_interface':'core'," \
	"'network_instance':'lan','ethernet_pdu_session_information':true" more "},'far_id':2}"
#define TO_LAN                                                      \
	"{'id':1,'apply_action':['FORW'],'forwarding_parameters':{" \
	"'destination_interface':'core','network_instance':'lan'}}"
#define ETHERNET(seid, ul, dl)                                                           \
	"{'seid':" #seid ",'pdn_type':'ethernet','pdrs':[" ul "," dl "],'fars':[" TO_LAN \
	"," TO_GNB "]}"
#define FILTERS(text) ",'ethernet_packet_filters':[" text "]"

static inline int open_all(void **state)
{
	(void)state;
	open_tables(2000, 400000);
	open_network();
	assert_int_equal(cst_net_begin(), 0);
	put_vrf("lan");
	assert_int_equal(cst_net_compile(&err), 0);
	cst_net_commit();
	open_pools();
	assert_int_equal(upf_eth_module.start(NULL, &err), 0);
	upf_inventory(&empty);
	return 0;
}

static inline int close_all(void **state)
{
	upf_eth_module.stop();
	return group_teardown(state);
}

/* A frame of 60 octets; tags as 32 bits, 0: none. */
static inline uint32_t frame(uint8_t *p, uint64_t dst, uint64_t src, uint32_t outer, uint32_t inner,
			     uint16_t type)
{
	uint8_t *at = p + 12;

	memset(p, 0, 60);
	cst_put_be16(p, (uint16_t)(dst >> 32));
	cst_put_be32(p + 2, (uint32_t)dst);
	cst_put_be16(p + 6, (uint16_t)(src >> 32));
	cst_put_be32(p + 8, (uint32_t)src);
	if (outer) {
		cst_put_be32(at, outer);
		at += 4;
	}
	if (inner) {
		cst_put_be32(at, inner);
		at += 4;
	}
	cst_put_be16(at, type);
	return (uint32_t)(at + 2 - p);
}
