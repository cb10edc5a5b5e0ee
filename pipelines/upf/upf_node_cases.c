/* SPDX-License-Identifier: BSD-3-Clause */
/* Each packet has its verdict: edge, bytes, counter, drop reason. Alone, in bursts, in two
 * segments. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>

#include "../../tests/vectors/upf_vectors.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_stray.h"

struct verdict {
	const char *name;
	int node;
	const uint8_t *in;
	uint32_t in_len;
	int edge; /* UL: 1 is upf_gtpu; DL: 1 is icmp_error */
	int drop; /* enum upf_drop, with DROPPED */
	const uint8_t *out;
	uint32_t out_len;
	uint16_t vrf;     /* that it leaves into */
	uint32_t counter; /* that counts it; 0: none may */
	uint32_t bytes;   /* counted per packet */
	bool any_sport;   /* of IPv4 output: the vector has 0 */
};

static const struct verdict verdicts[] = {
	{"IPv4 in IPv4", UL, IN(in_ul4), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"IPv6 in IPv6", UL, IN(in_ul6), ROUTE, 0, IN(out_ul6), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul6)},
	{"IPv4 in IPv6", UL, IN(in_ul4_outer6), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"bytes behind the inner packet", UL, IN(in_ul_trailer), ROUTE, 0, IN(out_ul4), VRF_CORE,
	 COUNT(1, 0), sizeof(out_ul4)},
	{"outer IP options", UL, IN(in_ul_options), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"sequence number", UL, IN(in_ul_seq), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"congestion outside", UL, IN(in_ul_ce), ROUTE, 0, IN(out_ul_ce), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul_ce)},
	{"ECT(1) outside", UL, IN(in_ul_ect1), ROUTE, 0, IN(out_ul_ect1), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul_ect1)},
	{"lower precedence", UL, IN(in_ul_sdf_udp), ROUTE, 0, IN(out_ul_sdf_udp), VRF_CORE,
	 COUNT(9, 1), sizeof(out_ul_sdf_udp)},
	{"filter", UL, IN(in_ul_sdf_tcp), DROPPED, UPF_DROP_FAR},
	{"QFI of no PDR", UL, IN(in_ul_wrong_qfi), DROPPED, UPF_DROP_NO_PDR},
	{"no QFI, one is wanted", UL, IN(in_ul_no_qfi), DROPPED, UPF_DROP_NO_PDR},
	{"someone else's IPv4", UL, IN(in_ul_spoof4), DROPPED, UPF_DROP_SPOOFED},
	{"someone else's IPv6", UL, IN(in_ul_spoof6), DROPPED, UPF_DROP_SPOOFED},
	{"unknown TEID", UL, IN(in_ul_unknown), SECOND},
	{"old tag", UL, IN(in_ul_stale_tag), SECOND},
	{"inner version", UL, IN(in_ul_inner_version), DROPPED, UPF_DROP_INNER},
	{"inner cut short", UL, IN(in_ul_inner_short), DROPPED, UPF_DROP_INNER},
	{"no inner", UL, IN(in_ul_empty), DROPPED, UPF_DROP_INNER},
	{"GTP'", UL, IN(in_ul_prime), DROPPED, UPF_DROP_MALFORMED},
	{"extension of length 0", UL, IN(in_ul_zero_ext), DROPPED, UPF_DROP_MALFORMED},
	{"extension to be understood", UL, IN(in_ul_must_ext), SECOND},
	{"congestion, deaf transport", UL, IN(in_ul_ce_deaf), DROPPED, UPF_DROP_ECN},
	{"FAR drops", UL, IN(in_ul_drop), DROPPED, UPF_DROP_FAR},
	{"FAR buffers", UL, IN(in_ul_buff), DROPPED, UPF_DROP_FAR},
	{"to access, no tunnel", UL, IN(in_ul_no_ohc), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"no header removal", UL, IN(in_ul_keep), DROPPED, UPF_DROP_KEPT_OUTER_HEADER},
	{"echo", UL, IN(in_echo), SECOND},
	{"N9, container kept", UL, IN(in_n9_keep), ROUTE, 0, IN(out_n9_keep), VRF_ACCESS,
	 COUNT(4, 0), 42, true},
	{"N9, container made", UL, IN(in_n9_make), ROUTE, 0, IN(out_n9_make), VRF_ACCESS,
	 COUNT(4, 0), 42, true},
	{"N9, sequence number kept", UL, IN(in_n9_seq), ROUTE, 0, IN(out_n9_seq), VRF_ACCESS,
	 COUNT(4, 0), 42, true},
	{"N9, downlink", UL, IN(in_n9_down), ROUTE, 0, IN(out_n9_down), VRF_ACCESS, COUNT(4, 1), 44,
	 true},
	{"N9, too big", UL, IN(in_n9_big), ROUTE, 0, IN(out_n9_big), VRF_ACCESS, COUNT(10, 0), 162,
	 true},
	{"N9, peer unknown", UL, IN(in_n9_gone), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"End Marker passed on", UL, IN(in_marker_n9), ROUTE, 0, IN(out_marker_n9), VRF_ACCESS, 0,
	 0, true},
	{"End Marker", UL, IN(in_marker), DROPPED, UPF_DROP_END_MARKER},
	{"End Marker of no session", UL, IN(in_marker_unknown), DROPPED, UPF_DROP_UNKNOWN_TEID},

	{"IPv4 to a UE", DL, IN(in_dl4), ROUTE, 0, IN(out_dl4), VRF_ACCESS, COUNT(1, 1), 44},
	{"IPv6 to a UE", DL, IN(in_dl6), ROUTE, 0, IN(out_dl6), VRF_ACCESS, COUNT(1, 1), 64},
	{"end of an IPv4 pool", DL, IN(in_dl_far4), ROUTE, 0, IN(out_dl_far4), VRF_ACCESS,
	 COUNT(1, 1), 44},
	{"end of an IPv6 pool", DL, IN(in_dl_far6), ROUTE, 0, IN(out_dl_far6), VRF_ACCESS,
	 COUNT(1, 1), 64},
	{"DSCP and ECN", DL, IN(in_dl_tos), ROUTE, 0, IN(out_dl_tos), VRF_ACCESS, COUNT(1, 1), 44},
	{"marked, no container", DL, IN(in_dl_mark), ROUTE, 0, IN(out_dl_mark), VRF_ACCESS,
	 COUNT(6, 1), 44},
	{"IPv4 in IPv6, odd", DL, IN(in_dl_outer6), ROUTE, 0, IN(out_dl_outer6), VRF_ACCESS,
	 COUNT(7, 1), 31},
	{"IPv6 in IPv6", DL, IN(in_dl6_outer6), ROUTE, 0, IN(out_dl6_outer6), VRF_ACCESS,
	 COUNT(7, 1), 64},
	{"filter's tunnel", DL, IN(in_dl_sdf), ROUTE, 0, IN(out_dl_sdf), VRF_ACCESS, COUNT(9, 2),
	 44},
	{"other tunnel", DL, IN(in_dl_sdf_default), ROUTE, 0, IN(out_dl_sdf_default), VRF_ACCESS,
	 COUNT(9, 3), 44},
	{"no PDR", DL, IN(in_dl_no_pdr), DROPPED, UPF_DROP_NO_PDR},
	{"FAR drops", DL, IN(in_dl_drop), DROPPED, UPF_DROP_FAR},
	{"FAR buffers", DL, IN(in_dl_buff), DROPPED, UPF_DROP_FAR},
	{"no tunnel yet", DL, IN(in_dl_no_ohc), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"TTL over", DL, IN(in_dl_ttl4), SECOND},
	{"hop limit over", DL, IN(in_dl_ttl6), SECOND},
	{"too big, DF", DL, IN(in_dl_big_df), SECOND},
	{"too big, IPv6", DL, IN(in_dl_big6), SECOND},
	{"1280 bytes are never too big", DL, IN(in_dl_least6), ROUTE, 0, IN(out_dl_least6),
	 VRF_ACCESS, COUNT(10, 1), 1280},
};

static uint64_t all_counted(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < SESSIONS * 4; i++)
		sum += upf_tables.counts[i].packets;
	return sum;
}

static void assert_out(const struct verdict *v, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	assert_marks(m, v->vrf, v->vrf == VRF_ACCESS);
	if (v->any_sport) {
		assert_true(cst_be16(p + 20) >= 49152);
		cst_put_be16(p + 20, 0);
	}
	assert_bytes(m, v->out, v->out_len);
}

/* `n` copies in one burst; `cut` not 0: in two segments each. */
static void run_case(const struct verdict *v, uint16_t n, uint16_t cut)
{
	struct rte_mbuf *pkts[CST_MAX_BURST];
	uint8_t edge[CST_MAX_BURST] = {0};
	uint64_t before = all_counted();
	struct upf_count was = upf_tables.counts[v->counter];
	const struct upf_count *is = &upf_tables.counts[v->counter];
	uint16_t aside;

	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	worker.now += 100 * rte_get_tsc_hz();
	for (uint16_t i = 0; i < n; i++) {
		pkts[i] = packet(v->in, v->in_len, v->node == UL ? VRF_ACCESS : VRF_CORE);
		if (cut && cut < pkts[i]->data_len)
			split(pkts[i], cut);
	}
	aside = process[v->node](&worker, pkts, n, edge);
	assert_int_equal(aside, v->edge == ROUTE ? 0 : n);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(edge[i], v->edge);
		if (v->edge == DROPPED) {
			assert_int_equal(cst_pkt(pkts[i])->drop, upf_drops[v->drop].id);
			reached[v->drop] = true;
		} else if (v->edge == ROUTE) {
			assert_out(v, pkts[i]);
		}
		rte_pktmbuf_free(pkts[i]);
	}
	assert_int_equal(all_counted() - before, v->counter ? n : 0);
	assert_int_equal(is->packets - was.packets, v->counter ? n : 0);
	assert_int_equal(is->bytes - was.bytes, v->counter ? n * v->bytes : 0);
	forget_caught();
}

void cases(void **state)
{
	static const uint16_t bursts[] = {1, 2, 7, 8, 31, 32, 33, 64, 100, 256};

	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		print_message("%s %s\n",
			      verdicts[i].node == UL ? "uplink:" : "downlink:", verdicts[i].name);
		for (unsigned b = 0; b < sizeof(bursts) / sizeof(*bursts); b++)
			run_case(&verdicts[i], bursts[b], 0);
	}
}

void cases_in_segments(void **state)
{
	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		for (uint16_t cut = 1; cut < 120; cut++) {
			/* `classify` has brought the headers that it read together */
			if (verdicts[i].node == DL && cut < 60)
				continue;
			run_case(&verdicts[i], 1, cut);
		}
	}
}

/* All verdicts in one burst, each packet must get its own. */
void mixed_burst(void **state)
{
	enum { N = sizeof(verdicts) / sizeof(*verdicts) };

	for (int node = UL; node <= DL; node++) {
		struct rte_mbuf *pkts[CST_MAX_BURST];
		const struct verdict *of[CST_MAX_BURST];
		uint8_t edge[CST_MAX_BURST] = {0};
		uint16_t n = 0, aside = 0;

		upf_worker[0] = (struct upf_worker){.ip_id = 1};
		for (unsigned i = 0; n < 200; i = (i + 7) % N) {
			if (verdicts[i].node != node)
				continue;
			of[n] = &verdicts[i];
			pkts[n++] = packet(verdicts[i].in, verdicts[i].in_len,
					   node == UL ? VRF_ACCESS : VRF_CORE);
			aside += verdicts[i].edge != ROUTE;
		}
		assert_int_equal(process[node](&worker, pkts, n, edge), aside);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(edge[i], of[i]->edge);
			if (edge[i] == ROUTE)
				assert_out(of[i], pkts[i]);
			rte_pktmbuf_free(pkts[i]);
		}
		forget_caught();
	}
}
