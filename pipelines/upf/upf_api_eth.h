/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet packet filters on the control socket (TS 29.244 7.5.2.2, IE Ethernet
 * Packet Filter). Part of upf_api.h.
 */
#pragma once

#include "class.h"
#include "object.h"

#define UPF_MAX_ETH_FILTERS 15 /* of one PDR */
#define UPF_MAX_ETH_MACS    16 /* of one filter */
#define UPF_MAX_ETH_SDFS    8

enum { ETH_MAC_SOURCE, ETH_MAC_SOURCE_UPPER, ETH_MAC_DESTINATION, ETH_MAC_DESTINATION_UPPER };
struct upf_eth_mac_obj { /* 8.2.93 */
	uint64_t has;
	uint8_t source[6], source_upper[6];
	uint8_t destination[6], destination_upper[6];
};

enum { ETH_TAG_PCP, ETH_TAG_DEI, ETH_TAG_VID };
struct upf_eth_tag_obj { /* 8.2.94, 8.2.95 */
	uint64_t has;
	uint8_t pcp, dei;
	uint16_t vid;
};

enum {
	ETH_FILTER_ID,
	ETH_FILTER_BIDIRECTIONAL,
	ETH_FILTER_MACS,
	ETH_FILTER_ETHERTYPE,
	ETH_FILTER_C_TAG,
	ETH_FILTER_S_TAG,
	ETH_FILTER_SDFS
};
struct upf_eth_filter_obj { /* 7.5.2.2 */
	uint64_t has;
	uint32_t id;
	bool bidirectional;
	struct cst_list mac_addresses; /* struct upf_eth_mac_obj */
	uint16_t ethertype;
	struct upf_eth_tag_obj c_tag, s_tag;
	struct cst_list sdf_filters; /* struct upf_sdf_obj */
};

/* A MAC address that was seen: state alone. */
#define UPF_ETH_TOLD_MACS 64 /* in one report, of either kind */

enum { MAC_INSTANCE, MAC_MAC, MAC_SEID, MAC_INTERFACE, MAC_AGE };
struct upf_mac_obj {
	uint64_t has;
	const char *network_instance;
	uint8_t mac[6];
	uint64_t seid;
	const char *interface;
	uint32_t age;
};

struct upf_eth_traffic_obj { /* 7.5.8.3, Ethernet Traffic Information */
	uint64_t has;
	struct cst_list mac_addresses_detected, mac_addresses_removed; /* uint8_t[6] */
};

extern const struct cst_object upf_eth_traffic_object;
extern const struct cst_object upf_eth_filter_object, upf_mac_object;
extern struct cst_class upf_mac_class; /* callbacks: upf_eth_show.c, in coastd only */
