/* SPDX-License-Identifier: BSD-3-Clause */
/* GTP-U signalling, and how much of it is sent. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>

#include "../../tests/vectors/upf_vectors.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_stray.h"

static struct rte_mbuf *ask(const uint8_t *in, uint32_t len, uint16_t cut, uint8_t *edge)
{
	struct rte_mbuf *m = packet(in, len, VRF_ACCESS);
	uint16_t aside;

	if (cut && cut < m->data_len)
		split(m, cut);
	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	worker.now += 100 * rte_get_tsc_hz();
	*edge = 0;
	aside = upf_gtpu_process(&worker, &m, 1, edge);
	assert_int_equal(aside, *edge != ROUTE);
	return m;
}

void echo(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		const uint8_t *out;
		uint32_t out_len;
	} cases_[] = {{IN(in_echo), IN(out_echo)}, {IN(in_echo6), IN(out_echo6)}};
	uint8_t edge;

	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t cut = 0; cut < 60; cut++) {
			struct rte_mbuf *m = ask(cases_[i].in, cases_[i].len, cut, &edge);

			assert_int_equal(edge, ROUTE);
			assert_marks(m, VRF_ACCESS, true);
			assert_bytes(m, cases_[i].out, cases_[i].out_len);
			rte_pktmbuf_free(m);
		}
	}
}

void answers(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		int drop;
		const uint8_t *out;
		uint32_t out_len;
	} cases_[] = {
		{IN(in_ul_unknown), UPF_DROP_UNKNOWN_TEID, IN(out_error)},
		{IN(in_ul_unknown6), UPF_DROP_UNKNOWN_TEID, IN(out_error6)},
		{IN(in_ul_must_ext), UPF_DROP_UNKNOWN_EXTENSION, IN(out_must_ext)},
		{IN(in_echo_response), UPF_DROP_MESSAGE, NULL, 0},
		{IN(in_error), UPF_DROP_ERROR_INDICATION, NULL, 0},
		{IN(in_error_forged), UPF_DROP_FORGED_ERROR, NULL, 0},
		{IN(in_error_short), UPF_DROP_FORGED_ERROR, NULL, 0},
		{IN(in_ul_prime), UPF_DROP_MALFORMED, NULL, 0},
	};
	uint8_t edge;

	for (unsigned i = 0; i < sizeof(cases_) / sizeof(*cases_); i++) {
		uint64_t injected = worker.stats.injected;
		struct rte_mbuf *m = ask(cases_[i].in, cases_[i].len, 0, &edge);

		assert_int_equal(edge, DROPPED);
		assert_int_equal(cst_pkt(m)->drop, upf_drops[cases_[i].drop].id);
		assert_int_equal(n_caught, cases_[i].out ? 1 : 0);
		assert_int_equal(worker.stats.injected - injected, n_caught);
		if (cases_[i].out) {
			assert_int_equal(caught[0].edge, ROUTE);
			assert_marks(caught[0].m, VRF_ACCESS, true);
			assert_bytes(caught[0].m, cases_[i].out, cases_[i].out_len);
		}
		reached[cases_[i].drop] = true;
		rte_pktmbuf_free(m);
		forget_caught();
	}
}

static unsigned errors_for(unsigned n)
{
	unsigned got;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = packet(IN(in_ul_unknown), VRF_ACCESS);
		uint8_t edge = 0;

		upf_gtpu_process(&worker, &m, 1, &edge);
		assert_int_equal(edge, DROPPED);
		rte_pktmbuf_free(m);
	}
	got = n_caught;
	forget_caught();
	return got;
}

void rate_limit(void **state)
{
	worker.now += 100 * rte_get_tsc_hz();
	assert_int_equal(errors_for(100), 10);
	assert_int_equal(errors_for(100), 0);
	worker.now += rte_get_tsc_hz() / 10;
	assert_int_equal(errors_for(100), 1);
	worker.now += rte_get_tsc_hz();
	assert_int_equal(errors_for(100), 10);
}

void suppressed(void **state)
{
	worker.now += 100 * rte_get_tsc_hz();
	atomic_store(&upf_suppress_error_indications, true);
	assert_int_equal(errors_for(5), 0);
	atomic_store(&upf_suppress_error_indications, false);
	assert_int_equal(errors_for(5), 5);
}
