/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet packet filters, described once. */
#include "upf_api.h"

#include <errno.h>
#include <string.h>

#define S struct upf_eth_mac_obj
static const struct cst_field mac_fields[] = {
	[ETH_MAC_SOURCE] = CST_F_MAC(S, source, 0, "source, or the first of a range: SOUR"),
	[ETH_MAC_SOURCE_UPPER] = CST_F_MAC(S, source_upper, 0, "the last of the range: USOU"),
	[ETH_MAC_DESTINATION] =
		CST_F_MAC(S, destination, 0, "destination, or the first of a range: DEST"),
	[ETH_MAC_DESTINATION_UPPER] =
		CST_F_MAC(S, destination_upper, 0, "the last of the range: UDES"),
};

static int range_check(const S *m, unsigned low, const uint8_t *from, const uint8_t *to,
		       const char *field, struct cst_err *e)
{
	if (!cst_has(m, low + 1))
		return 0;
	if (!cst_has(m, low))
		return cst_err(e, -EINVAL, field, "ends a range whose first address is missing");
	if (memcmp(from, to, 6) > 0)
		return cst_err(e, -EINVAL, field, "is below the first address of the range");
	return 0;
}

static int mac_check(const void *obj, struct cst_err *e)
{
	const S *m = obj;
	int rc;

	if (!cst_has(m, ETH_MAC_SOURCE) && !cst_has(m, ETH_MAC_DESTINATION) &&
	    !cst_has(m, ETH_MAC_SOURCE_UPPER) && !cst_has(m, ETH_MAC_DESTINATION_UPPER))
		return cst_err(e, -EINVAL, "source", "or destination is required");
	rc = range_check(m, ETH_MAC_SOURCE, m->source, m->source_upper, "source_upper", e);
	if (rc == 0)
		rc = range_check(m, ETH_MAC_DESTINATION, m->destination, m->destination_upper,
				 "destination_upper", e);
	return rc;
}

static const struct cst_object mac_object = {.name = "mac_address",
					     .help = "MAC addresses, TS 29.244 8.2.93",
					     .fields = mac_fields,
					     .n_fields = sizeof(mac_fields) / sizeof(*mac_fields),
					     .size = sizeof(S),
					     .check = mac_check};
#undef S

#define S struct upf_eth_tag_obj
static const struct cst_field tag_fields[] = {
	[ETH_TAG_PCP] = CST_F_UINT(S, pcp, 0, 7, NULL, 0, NULL, "priority code point"),
	[ETH_TAG_DEI] = CST_F_UINT(S, dei, 0, 1, NULL, 0, NULL, "drop eligible indicator"),
	[ETH_TAG_VID] = CST_F_UINT(S, vid, 0, 4094, NULL, 0, NULL,
				   "VLAN identifier; 0: a priority tag, which names no VLAN"),
};

static int tag_check(const void *obj, struct cst_err *e)
{
	const S *t = obj;

	return t->has ? 0 : cst_err(e, -EINVAL, "vid", "pcp, dei or vid is required");
}

static const struct cst_object tag_object = {.name = "tag",
					     .help = "a VLAN tag, TS 29.244 8.2.94, 8.2.95: what "
						     "is absent matches any",
					     .fields = tag_fields,
					     .n_fields = sizeof(tag_fields) / sizeof(*tag_fields),
					     .size = sizeof(S),
					     .check = tag_check};
#undef S

#define S struct upf_eth_filter_obj
static const struct cst_field filter_fields[] = {
	[ETH_FILTER_ID] =
		CST_F_UINT(S, id, 1, UINT32_MAX, NULL, 0, NULL,
			   "Ethernet filter id; alone it refers to the bidirectional filter with "
			   "this id: in a PDR of the other direction source and destination change "
			   "places"),
	[ETH_FILTER_BIDIRECTIONAL] =
		CST_F_BOOL(S, bidirectional, 0, NULL, "others may refer to it: BIDE, 8.2.99"),
	[ETH_FILTER_MACS] =
		CST_F_LIST(S, mac_addresses, CST_T_OBJ, struct upf_eth_mac_obj, UPF_MAX_ETH_MACS, 0,
			   "any of which matches", .sub = &mac_object),
	[ETH_FILTER_ETHERTYPE] = CST_F_UINT(S, ethertype, 0x600, UINT16_MAX, NULL, CST_F_HEX, NULL,
					    "EtherType behind the VLAN tags, 8.2.96"),
	[ETH_FILTER_C_TAG] = CST_F_OBJ(S, c_tag, &tag_object, 0, "its C-tag (8100)"),
	[ETH_FILTER_S_TAG] = CST_F_OBJ(S, s_tag, &tag_object, 0, "its S-tag (88a8)"),
	[ETH_FILTER_SDFS] =
		CST_F_LIST(S, sdf_filters, CST_T_OBJ, struct upf_sdf_obj, UPF_MAX_ETH_SDFS, 0,
			   "of the IP packet inside, any of which matches", .sub = &upf_sdf_object),
};
const struct cst_object upf_eth_filter_object =
	CST_OBJECT("ethernet_packet_filter", S, filter_fields,
		   "which frames, all of its members together; TS 29.244 7.5.2.2");
#undef S

#define S struct upf_eth_traffic_obj
static const struct cst_field traffic_fields[] = {
	CST_F_LIST(S, mac_addresses_detected, CST_T_MAC, uint8_t[6], UPF_ETH_TOLD_MACS, CST_F_STATE,
		   "new behind the session, TS 29.244 8.2.103"),
	CST_F_LIST(S, mac_addresses_removed, CST_T_MAC, uint8_t[6], UPF_ETH_TOLD_MACS, CST_F_STATE,
		   "not there any more: silent for long, or seen elsewhere, 8.2.104"),
};
const struct cst_object upf_eth_traffic_object =
	CST_OBJECT("ethernet_traffic_information", S, traffic_fields, "TS 29.244 7.5.8.3");
#undef S

#define S struct upf_mac_obj
static const struct cst_field seen_fields[] = {
	[MAC_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, CST_F_KEY, NULL,
				   "network instance, the 5G VN group"),
	[MAC_MAC] = CST_F_MAC(S, mac, CST_F_KEY, "the address"),
	[MAC_SEID] =
		CST_F_UINT(S, seid, 0, 0, NULL, CST_F_STATE, NULL, "session behind which it is"),
	[MAC_INTERFACE] = CST_F_STR(S, interface, 0, 63, CST_F_STATE, NULL,
				    "Ethernet interface by which it is reached"),
	[MAC_AGE] = CST_F_UINT(S, age, 0, 0, "seconds", CST_F_STATE, NULL,
			       "since it was last noted; it is noted anew every half minute or so, "
			       "and forgotten after 300 seconds without a frame"),
};
const struct cst_object upf_mac_object =
	CST_OBJECT("mac", S, seen_fields,
		   "a MAC address that Ethernet PDU sessions exchange "
		   "frames with, TS 23.501 5.6.10.2");
#undef S

struct cst_class upf_mac_class = {.object = &upf_mac_object, .plural = "macs", .order = 75};
CST_CLASS(upf_mac_class);
