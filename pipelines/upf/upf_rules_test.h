/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets asked of rules, and one network instance more, for the tests of what rules mean. */
#pragma once

#include "upf_ctl_test.h"
#include "upf_match.h"

static inline struct cst_flow flow_of(const char *src, const char *dst)
{
	struct cst_flow f = {.proto = 17, .src_port = 1000, .dst_port = 2000};
	struct cst_ip a, b;

	assert_int_equal(cst_ip_from_text(src, &a), 0);
	assert_int_equal(cst_ip_from_text(dst, &b), 0);
	f.family = a.family;
	f.flags = CST_FLOW_PORTS;
	memcpy(f.src.b, a.b, 16);
	memcpy(f.dst.b, b.b, 16);
	return f;
}

/* PDR that a plain packet falls to; 0: none, -1: none, for its address. */
static inline int plain(uint64_t seid, const char *in, const char *dst)
{
	struct cst_flow f = flow_of(strchr(dst, ':') ? "2001:db8:ffff::1" : "8.8.8.8", dst);
	struct upf_ask q = {.flow = &f, .have = upf_have(f.family, false, false), .vrf = vrf(in)};
	int spoofed = 0;
	const struct upf_pdr *p = upf_match_plain(run_of(seid), &q, &spoofed);

	return p ? p->id : spoofed ? -1 : 0;
}

static inline int tunnel(uint64_t seid, uint32_t teid, const char *in, const char *src)
{
	struct cst_flow f = flow_of(src, strchr(src, ':') ? "2001:db8:ffff::1" : "8.8.8.8");
	struct upf_ask q = {
		.flow = &f, .have = upf_have(f.family, true, false), .vrf = vrf(in), .teid = teid};
	int spoofed = 0;
	const struct upf_pdr *p = upf_match_tunnel(run_of(seid), &q, &spoofed);

	return p ? p->id : spoofed ? -1 : 0;
}

static inline int setup(void **state)
{
	(void)state;
	open_tables(2000, 400000);
	open_network();
	assert_int_equal(cst_net_begin(), 0);
	put_vrf("default");
	put_iface("n3b", "access", true, "198.18.0.1/24", NULL);
	put_iface("n3c", "default", true, "198.20.0.1/24", NULL);
	assert_int_equal(cst_net_compile(&err), 0);
	cst_net_commit();
	open_pools();
	upf_inventory(&empty);
	return 0;
}
