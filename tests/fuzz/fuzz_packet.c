/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every parser of dataplane/wire on the same bytes, and the way of a packet
 * through them: frame, IP, UDP, GTP-U, inner flow. What a parser accepts must
 * lie within the input; offsets it gives are used to read.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arp.h"
#include "flow.h"
#include "gtpu.h"
#include "hash.h"
#include "icmp.h"
#include "nd.h"
#include "prp.h"
#include "rtag.h"
#include "tcp.h"
#include "udp.h"
#include "vlan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* Touch the bytes that a parser has vouched for. */
static volatile uint8_t sink;

static void touch(const uint8_t *p, uint32_t len)
{
	if (len) {
		sink = p[0];
		sink = p[len - 1];
	}
}

static void try_flow(const uint8_t *p, uint32_t len)
{
	struct cst_flow f, again;

	if (cst_flow_parse(p, len, &f))
		return;
	must(f.ip_len <= len && f.l4_off <= f.ip_len);
	must(f.family == 4 || f.family == 6);
	must(!(f.flags & CST_FLOW_FRAG_LATER) == (f.l4_off != 0));
	must(!(f.flags & CST_FLOW_PORTS) || f.l4_off + 4u <= f.ip_len);
	touch(p, f.ip_len);
	/* what lies behind the packet has no say, nor has what was in `f` before */
	memset(&again, 0xa5, sizeof(again));
	must(cst_flow_parse(p, f.ip_len, &again) == 0);
	must(memcmp(&f, &again, sizeof(f)) == 0);
	must(cst_hash_flow(&f) == cst_hash_flow(&again));
}

static void try_gtpu(const uint8_t *p, uint32_t len)
{
	struct cst_gtpu g, slow;
	struct cst_gtpu_error e;
	struct cst_gtpu_qmp q;
	int rc = cst_gtpu_parse(p, len, &g);

	/* the short cut and the long way agree */
	must(cst_gtpu_parse_any(p, len, &slow) == rc);
	must(memcmp(&g, &slow, sizeof(g)) == 0);
	if (rc)
		return;
	must(g.hdr_len >= 8 && g.hdr_len <= g.end && g.end <= len);
	must(g.qfi < 64 && g.rqi < 2);
	touch(p, g.end);
	must(g.psc_at == 0 || (g.has_psc && g.psc_at + p[g.psc_at] * 4u <= g.hdr_len));
	cst_gtpu_qmp_read(p, &g, &q);
	cst_gtpu_error_parse(p, &g, &e);
	if (g.type == CST_GTPU_GPDU)
		try_flow(p + g.hdr_len, g.end - g.hdr_len);
}

static void try_l4(const uint8_t *ip, const struct cst_ip_info *info)
{
	const uint8_t *p = ip + info->l4_off;
	uint32_t len = info->total_len - info->l4_off;
	struct cst_udp u;
	struct cst_tcp t;
	struct cst_nd nd;

	if (cst_udp_parse(p, len, &u) == 0) {
		must(u.len <= len);
		cst_udp_csum_ok(ip, p, u.len, 1);
		try_gtpu(p + 8, u.len - 8u);
	}
	if (cst_tcp_parse(p, len, &t) == 0)
		touch(p, t.hdr_len);
	cst_icmp4_csum_ok(p, len);
	if (info->version == 6) {
		cst_icmp6_csum_ok(ip + 8, ip + 24, p, len);
		cst_nd_parse(ip, p, len, &nd);
	}
}

/* Options are looked at after the checksum, which random bytes seldom have: set it right. */
static void try_nd(const uint8_t *data, uint32_t len)
{
	struct cst_nd nd;
	uint8_t *p;

	if (len < 48 || !(p = malloc(len)))
		return;
	memcpy(p, data, len);
	p[7] = 255;
	p[40] = (uint8_t)(CST_ICMP6_ROUTER_SOLICIT + p[40] % 4);
	p[41] = 0;
	cst_icmp6_csum_set(p + 8, p + 24, p + 40, len - 40);
	cst_nd_parse(p, p + 40, len - 40, &nd);
	free(p);
}

static void try_ip(const uint8_t *p, uint32_t len)
{
	struct cst_ip_info info;
	struct cst_ip src, dst;

	try_flow(p, len);
	if (cst_ip_parse(p, len, &info))
		return;
	must(info.total_len <= len && info.l4_off <= info.total_len);
	must(info.frag_hdr + 8u <= info.total_len || info.frag_hdr == 0);
	if (info.version == 4)
		cst_ip4_csum_ok(p);
	cst_ip_addrs(p, &src, &dst);
	if (info.l4_off)
		try_l4(p, &info);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = size > 65536 ? 65536 : (uint32_t)size;
	struct cst_l2 l2;
	struct cst_arp arp;
	struct cst_rtag rtag;
	struct cst_prp_rct rct;
	struct cst_prp_sup sup;

	try_ip(data, len);
	try_gtpu(data, len);
	try_nd(data, len);
	cst_arp_parse(data, len, &arp);
	cst_rtag_parse(data, len, &rtag);
	if (cst_l2_parse(data, len, &l2) == 0) {
		must(l2.len <= len && l2.tags <= 2);
		if (cst_rtag_parse(data + l2.len - 2, len - l2.len + 2, &rtag) == 0)
			try_ip(data + l2.len + CST_RTAG_LEN, len - l2.len - CST_RTAG_LEN);
		try_ip(data + l2.len, len - l2.len);
		cst_arp_parse(data + l2.len, len - l2.len, &arp);
		cst_prp_rct_parse(data + l2.len, len - l2.len, l2.tags, &rct);
		cst_prp_sup_parse(data + l2.len, len - l2.len, &sup);
	}
	return 0;
}
