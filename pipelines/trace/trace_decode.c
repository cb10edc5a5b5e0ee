/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace_decode.h"

#include <stdio.h>
#include <string.h>

#include "arp.h"
#include "gtpu.h"
#include "icmp.h"
#include "ip.h"
#include "object.h"
#include "tcp.h"
#include "udp.h"
#include "vlan.h"

/* Past what was kept there are zeros up to the packet's length, so that lengths can be checked as
 * they were; what was read from there is not shown. */
static uint8_t packet[UINT16_MAX + 1];
static uint32_t kept;

/* Are `n` bytes at `p` the packet's own? */
static bool have(const uint8_t *p, uint32_t n)
{
	return (uint32_t)(p - packet) + n <= kept;
}

static json_t *header(json_t *out, const char *name)
{
	json_t *h = json_pack("{s:s}", "header", name);

	json_array_append_new(out, h);
	return h;
}

static void put(json_t *h, const char *name, json_int_t v)
{
	json_object_set_new(h, name, json_integer(v));
}

static void put_text(json_t *h, const char *name, const char *text)
{
	json_object_set_new(h, name, json_string(text));
}

static void put_hex(json_t *h, const char *name, uint32_t v, int digits)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%0*x", digits, v);
	put_text(h, name, text);
}

static void put_mac(json_t *h, const char *name, const uint8_t *mac)
{
	char text[64];

	put_text(h, name, cst_mac_text(mac, text));
}

static void malformed(json_t *out, const char *what, const char *why)
{
	put_text(header(out, what), "malformed", why);
}

static void decode_ip(json_t *out, const uint8_t *p, uint32_t len);

/* ---- GTP-U ---------------------------------------------------------------------------- */

static void put_message(json_t *h, uint8_t type)
{
	static const struct {
		uint8_t type;
		const char *name;
	} names[] = {
		{CST_GTPU_ECHO_REQUEST, "echo_request"},
		{CST_GTPU_ECHO_RESPONSE, "echo_response"},
		{CST_GTPU_ERROR_INDICATION, "error_indication"},
		{CST_GTPU_SUPPORTED_EXT, "supported_extension_headers"},
		{CST_GTPU_TUNNEL_STATUS, "tunnel_status"},
		{CST_GTPU_END_MARKER, "end_marker"},
		{CST_GTPU_GPDU, "g_pdu"},
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].type == type) {
			put_text(h, "message", names[i].name);
			return;
		}
	put(h, "message", type);
}

static void decode_gtpu(json_t *out, const uint8_t *p, uint32_t len)
{
	struct cst_gtpu g;
	int rc = cst_gtpu_parse(p, len, &g);
	json_t *h;

	if (!have(p, 8))
		return;
	if (rc != CST_GTPU_OK && rc != CST_GTPU_EXT_UNKNOWN) {
		malformed(out, "gtpu", "its lengths or its version are wrong");
		return;
	}
	h = header(out, "gtpu");
	put_message(h, g.type);
	put_hex(h, "teid", g.teid, 1);
	if (!have(p, g.hdr_len))
		return;
	if (g.has_psc) {
		put_text(h, "psc", g.psc_type == CST_GTPU_PSC_DL ? "dl" : "ul");
		put(h, "qfi", g.qfi);
		if (g.rqi)
			json_object_set_new(h, "rqi", json_true());
	}
	if (g.flags & CST_GTPU_HAS_SEQ)
		put(h, "sequence", g.seq);
	put(h, "length", g.end - 8);
	if (rc == CST_GTPU_OK && g.type == CST_GTPU_GPDU)
		decode_ip(out, p + g.hdr_len, g.end - g.hdr_len);
}

/* ---- on top of IP ----------------------------------------------------------------------- */

static void decode_udp(json_t *out, const uint8_t *p, uint32_t len)
{
	struct cst_udp udp;
	json_t *h;

	if (!have(p, 8))
		return;
	if (cst_udp_parse(p, len, &udp) != CST_UDP_OK) {
		malformed(out, "udp", "its length is not the packet's");
		return;
	}
	h = header(out, "udp");
	put(h, "source", udp.src_port);
	put(h, "destination", udp.dst_port);
	put(h, "length", udp.len);
	if (udp.dst_port == CST_GTPU_PORT)
		decode_gtpu(out, p + 8, udp.len - 8u);
}

static void decode_tcp(json_t *out, const uint8_t *p, uint32_t len)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	struct cst_tcp tcp;
	json_t *h, *flags;

	if (!have(p, 20))
		return;
	if (cst_tcp_parse(p, len, &tcp) != CST_TCP_OK) {
		malformed(out, "tcp", "its header is longer than the packet");
		return;
	}
	h = header(out, "tcp");
	put(h, "source", tcp.src_port);
	put(h, "destination", tcp.dst_port);
	flags = json_array();
	for (unsigned i = 0; i < 8; i++)
		if (tcp.flags >> i & 1)
			json_array_append_new(flags, json_string(names[i]));
	json_object_set_new(h, "flags", flags);
	put(h, "sequence", tcp.seq);
	put(h, "acknowledgement", tcp.ack);
	put(h, "window", tcp.window);
}

static void decode_icmp(json_t *out, const uint8_t *p, uint32_t len, bool v6)
{
	uint8_t echo = v6 ? CST_ICMP6_ECHO : CST_ICMP4_ECHO;
	uint8_t reply = v6 ? CST_ICMP6_ECHO_REPLY : CST_ICMP4_ECHO_REPLY;
	json_t *h;

	if (len < 8) {
		malformed(out, v6 ? "icmpv6" : "icmp", "it is shorter than its header");
		return;
	}
	if (!have(p, 8))
		return;
	h = header(out, v6 ? "icmpv6" : "icmp");
	if (p[0] == echo || p[0] == reply) {
		put_text(h, "message", p[0] == echo ? "echo_request" : "echo_reply");
		put(h, "identifier", cst_be16(p + 4));
		put(h, "sequence", cst_be16(p + 6));
	} else {
		put(h, "type", p[0]);
		put(h, "code", p[1]);
	}
}

static void put_addresses(json_t *h, const uint8_t *p)
{
	struct cst_ip src, dst;
	char text[64];

	cst_ip_addrs(p, &src, &dst);
	put_text(h, "source", cst_ip_text(&src, text));
	put_text(h, "destination", cst_ip_text(&dst, text));
}

static void put_fragment(json_t *h, const struct cst_ip_info *ip)
{
	if (!(ip->flags & CST_IP_FRAG))
		return;
	put(h, "fragment_offset", ip->frag_off);
	put(h, "fragment_id", ip->frag_id);
}

static void decode_ip(json_t *out, const uint8_t *p, uint32_t len)
{
	struct cst_ip_info ip;
	json_t *h;
	bool v6 = len > 0 && p[0] >> 4 == 6;

	if (!have(p, v6 ? 40 : 20))
		return;
	if (cst_ip_parse(p, len, &ip) != CST_IP_OK) {
		malformed(out, v6 ? "ipv6" : "ipv4", "its header contradicts itself or the packet");
		return;
	}
	h = header(out, v6 ? "ipv6" : "ipv4");
	put_addresses(h, p);
	put(h, "ttl", ip.ttl);
	put(h, "protocol", ip.proto);
	if (ip.tos != 0)
		put_hex(h, "tos", ip.tos, 2);
	put(h, "length", ip.total_len);
	put_fragment(h, &ip);
	if (ip.l4_off == 0 || (ip.flags & CST_IP_FRAG_LATER))
		return;
	p += ip.l4_off;
	len = ip.total_len - ip.l4_off;
	/* the datagram of a first fragment is longer than the fragment */
	if (ip.flags & CST_IP_FRAG)
		return;
	if (ip.proto == CST_PROTO_UDP)
		decode_udp(out, p, len);
	else if (ip.proto == CST_PROTO_TCP)
		decode_tcp(out, p, len);
	else if (ip.proto == (v6 ? CST_PROTO_ICMPV6 : CST_PROTO_ICMP))
		decode_icmp(out, p, len, v6);
}

/* ---- L2 ------------------------------------------------------------------------------------ */

static void decode_arp(json_t *out, const uint8_t *p, uint32_t len)
{
	struct cst_ip ip = {.family = 4};
	struct cst_arp arp;
	char text[64];
	json_t *h;

	if (!have(p, CST_ARP_LEN))
		return;
	if (cst_arp_parse(p, len, &arp) != CST_ARP_OK) {
		malformed(out, "arp", "not IPv4 over Ethernet, or of no station");
		return;
	}
	h = header(out, "arp");
	put_text(h, "operation", arp.op == CST_ARP_REQUEST ? "request" : "reply");
	memcpy(ip.b, arp.sender_ip, 4);
	put_text(h, "sender", cst_ip_text(&ip, text));
	memcpy(ip.b, arp.target_ip, 4);
	put_text(h, "target", cst_ip_text(&ip, text));
	put_mac(h, "sender_mac", arp.sender_mac);
}

static void decode_frame(json_t *out, const uint8_t *p, uint32_t len)
{
	struct cst_l2 l2;
	json_t *h;

	if (cst_l2_parse(p, len, &l2) != 0) {
		malformed(out, "eth", "the frame ends within its header");
		return;
	}
	h = header(out, "eth");
	put_mac(h, "source", p + 6);
	put_mac(h, "destination", p);
	put_hex(h, "type", l2.ethertype, 4);
	for (int i = 0; i < l2.tags; i++) {
		h = header(out, "vlan");
		put(h, "id", CST_VLAN_VID(l2.tci[i]));
		if (CST_VLAN_PCP(l2.tci[i]) != 0)
			put(h, "priority", CST_VLAN_PCP(l2.tci[i]));
	}
	p += l2.len;
	len -= l2.len;
	if (l2.ethertype == CST_ETH_IPV4 || l2.ethertype == CST_ETH_IPV6)
		decode_ip(out, p, len);
	else if (l2.ethertype == CST_ETH_ARP)
		decode_arp(out, p, len);
}

json_t *trace_decode(const uint8_t *data, uint32_t cap, uint32_t len, bool frame)
{
	json_t *out = json_array();

	if (cap > sizeof(packet))
		cap = sizeof(packet);
	if (len > sizeof(packet))
		len = sizeof(packet);
	memcpy(packet, data, cap);
	kept = cap;
	if (frame)
		decode_frame(out, packet, len);
	else if (cap >= 20 && (data[0] >> 4 == 4 || data[0] >> 4 == 6))
		decode_ip(out, packet, len);
	else if (cap >= CST_ARP_LEN)
		decode_arp(out, packet, len);
	memset(packet, 0, cap);
	return out;
}
