/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_bench_rig.h"

#include <string.h>

#include "eth.h"
#include "gtpu.h"
#include "ip.h"
#include "net/net.h"
#include "udp.h"
#include "upf_encap.h"
#include "upf_node.h"

#define SERVER "\xcb\x00\x71\x0a" /* 203.0.113.10, behind the router */

static bool put_pool(struct cst_err *e)
{
	struct cst_prefix pool = {.ip = {.family = 4, .b = {10}}, .len = 8};

	if (cst_net_begin() < 0 ||
	    cst_net_put_service(UPF_BENCH_CORE, &pool, upf_service, 1, e) < 0 ||
	    cst_net_compile(e) < 0)
		return false;
	cst_net_commit();
	return true;
}

bool upf_bench_engine(struct cst_err *e)
{
	static bool has_pool;

	if (!cst_bench_engine(e))
		return false;
	if (!has_pool)
		has_pool = put_pool(e);
	return has_pool;
}

/* --- packets --- */

static uint32_t put_user(uint8_t *p, uint32_t session, bool ul, uint8_t ttl)
{
	uint8_t ue[4];

	cst_put_be32(ue, 0x0a000000 + session);
	memset(p, 0, UPF_BENCH_USER_LEN);
	cst_ip4_put(p, ul ? ue : (const uint8_t *)SERVER, ul ? (const uint8_t *)SERVER : ue,
		    CST_PROTO_UDP, UPF_BENCH_USER_LEN, 0, ttl, 1, 1);
	cst_udp_put(p + 20, 5000, 5001, UPF_BENCH_USER_LEN - 20);
	return UPF_BENCH_USER_LEN;
}

static uint32_t put_tunnel(uint8_t *p, bool ul, uint32_t session, uint16_t id, uint16_t sport)
{
	uint8_t upf[4] = {192, 0, 2, 1}, gnb[4] = {192, 0, 2, (uint8_t)UPF_BENCH_GNB(session)};

	cst_ip4_put(p, ul ? gnb : upf, ul ? upf : gnb, CST_PROTO_UDP, 44 + UPF_BENCH_USER_LEN, 0,
		    ul ? 64 : CST_OUTER_TTL, id, 0);
	cst_udp_put(p + 20, sport, CST_GTPU_PORT, 24 + UPF_BENCH_USER_LEN);
	cst_gtpu_put_psc(p + 28, CST_GTPU_GPDU, ul ? upf_bench_teid(session) : session,
			 UPF_BENCH_USER_LEN,
			 ul ? cst_gtpu_psc_ul(UPF_BENCH_QFI) : cst_gtpu_psc_dl(UPF_BENCH_QFI, 0));
	return 44;
}

uint32_t upf_bench_put_ul(uint8_t *p, uint32_t session)
{
	uint32_t n = cst_eth_put(p, cst_bench_mac(CST_BENCH_N3), cst_bench_peer, CST_ETH_IPV4);

	n += put_tunnel(p + n, true, session, 1, 40000);
	return n + put_user(p + n, session, true, 64);
}

uint32_t upf_bench_put_dl(uint8_t *p, uint32_t session)
{
	uint32_t n = cst_eth_put(p, cst_bench_mac(CST_BENCH_N6), cst_bench_peer, CST_ETH_IPV4);

	return n + put_user(p + n, session, false, 64);
}

uint32_t upf_bench_expect_ul(uint8_t *p, uint32_t session)
{
	uint32_t n = cst_eth_put(p, cst_bench_peer, cst_bench_mac(CST_BENCH_N6), CST_ETH_IPV4);

	return n + put_user(p + n, session, true, 63);
}

uint32_t upf_bench_expect_dl(uint8_t *p, uint32_t session, const uint8_t *was)
{
	uint32_t n = cst_eth_put(p, cst_bench_peer, cst_bench_mac(CST_BENCH_N3), CST_ETH_IPV4);

	n += put_tunnel(p + n, false, session, cst_be16(was + n + 4), cst_be16(was + n + 20));
	return n + put_user(p + n, session, false, 63);
}
