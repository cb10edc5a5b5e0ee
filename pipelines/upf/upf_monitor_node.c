/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_monitor_node.h"

#include <rte_cycles.h>
#include <rte_random.h>

#include "engine/wall.h"
#include "upf_match.h"
#include "upf_out.h"

void (*upf_monitor_told)(const struct upf_monitor_notice *n);

static uint16_t notice;
static uint64_t secret, mark_interval, patience; /* TSC cycles */

static void on_notice(const void *data, uint8_t len)
{
	struct upf_monitor_notice n;

	if (len != sizeof(n) || !upf_monitor_told)
		return;
	__builtin_memcpy(&n, data, sizeof(n));
	upf_monitor_told(&n);
}

static void __attribute__((constructor)) register_notice(void)
{
	notice = cst_notice_register(on_notice);
}

static void add(uint64_t *word)
{
	__atomic_store_n(word, *word + 1, __ATOMIC_RELAXED);
}

/* Stamps are good for one flow, one life of coastd, and between two steps of the clock. */
static uint64_t key_of(uint32_t number, uint32_t step)
{
	return cst_hash_mix(secret, (uint64_t)step << 32 | number);
}

static void tell(struct cst_worker *w, uint32_t number, const struct upf_monitor_notice *n)
{
	struct upf_monitor *m = &upf_tables.monitors[number];

	if (w->now < m->tell_after)
		return;
	m->tell_after = w->now + __atomic_load_n(&m->wait, __ATOMIC_RELAXED);
	cst_notice(w, notice, n, sizeof(*n));
}

/* Nobody has answered for a second, or for longer than a threshold that is to be told of
 * (TS 29.244 8.2.171: PLMF). */
static void check_silence(struct cst_worker *w, uint32_t number)
{
	struct upf_monitor *m = &upf_tables.monitors[number];
	uint64_t most = 0;

	for (int i = 0; i < UPF_DELAYS; i++) {
		uint32_t us = __atomic_load_n(&m->threshold[i], __ATOMIC_RELAXED);

		if (us != UINT32_MAX && us > most)
			most = us;
	}
	if (most == 0 || m->waiting == 0 || w->now - m->waiting <= patience ||
	    w->now - m->waiting <= most * rte_get_tsc_hz() / 1000000)
		return;
	tell(w, number, &(struct upf_monitor_notice){.tsc = w->now, .number = number});
}

bool upf_monitor_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
		       uint8_t inner_tos, uint32_t number)
{
	struct upf_monitor *mon = &upf_tables.monitors[number];
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	uint32_t payload = rte_pktmbuf_pkt_len(m);
	uint16_t psc = cst_gtpu_psc_dl(pdr->out_qfi, pdr->flags & UPF_PDR_PSC_RQI);
	uint64_t stamp;
	uint32_t step;

	if (rte_pktmbuf_headroom(m) < peer->hdr_len + CST_GTPU_QMP_LEN ||
	    peer->hdr_len + CST_GTPU_QMP_LEN + payload > upf_peer_mtu(peer))
		return false;
	/* the clock of this moment, not of the walk's start */
	stamp = cst_wall_ntp(rte_rdtsc(), &step);
	stamp = upf_stamp(stamp, key_of(number, step));
	cst_gtpu_put_qmp((uint8_t *)rte_pktmbuf_prepend(m, CST_GTPU_QMP_LEN), CST_GTPU_GPDU,
			 pdr->out_teid, (uint16_t)payload, psc, stamp);
	upf_enter(&upf_worker[w->id], m, pdr, peer, 0, inner_tos);
	mon->mark_after = w->now + mark_interval;
	if (mon->waiting == 0)
		mon->waiting = w->now;
	else
		check_silence(w, number);
	add(&mon->marked);
	return true;
}

static void take(struct cst_worker *w, uint32_t number, const uint64_t delay[UPF_DELAYS],
		 int one_clock)
{
	struct upf_monitor *m = &upf_tables.monitors[number];
	struct upf_monitor_notice n = {.tsc = w->now, .number = number};

	upf_monitor_follow(m);
	for (int i = one_clock ? 0 : UPF_DELAY_RP; i < UPF_DELAYS; i++) {
		upf_delay_note(&m->delay[i], (uint32_t)delay[i]);
		n.delay[i] = (uint32_t)delay[i];
		n.told |= 1u << i;
	}
	m->waiting = 0;
	add(&m->answered);
	if (!one_clock)
		add(&m->unsynchronised);
	n.beyond = upf_monitor_beyond(m, delay, one_clock);
	if (unlikely(n.beyond != 0))
		tell(w, number, &n);
}

bool upf_monitor_answer(struct cst_worker *w, uint32_t first, const uint8_t *gtpu,
			const struct cst_gtpu *g)
{
	uint32_t number = upf_monitor_of(upf_tables.monitors, first, g->qfi);
	uint64_t now, delay[UPF_DELAYS];
	struct cst_gtpu_qmp q;
	uint32_t step;
	int rc;

	if (number == 0)
		return false;
	rc = cst_gtpu_qmp_read(gtpu, g, &q);
	if (rc == 0)
		return false;
	now = cst_wall_ntp(rte_rdtsc(), &step);
	if (rc > 0)
		rc = upf_stamp_is_ours(q.dl_sent, key_of(number, step))
			     ? upf_monitor_delays(&q, now, delay)
			     : -1;
	if (rc < 0)
		add(&upf_tables.monitors[number].ignored);
	else
		take(w, number, delay, rc);
	return true;
}

uint32_t upf_monitor_of_tunnel(const struct upf_rules *r, const struct cst_gtpu *g)
{
	const struct upf_pdr *p = upf_pdrs(r, UPF_UL);

	for (unsigned i = 0; i < r->n_ul; i++)
		if ((p[i].flags & UPF_PDR_POLICY) && (p[i].teid == 0 || p[i].teid == g->teid) &&
		    upf_policy_of(r, &p[i])->monitor)
			return upf_policy_of(r, &p[i])->monitor;
	return 0;
}

static int monitor_start(const struct cst_system *sys, struct cst_err *e)
{
	secret = rte_rand();
	mark_interval = rte_get_tsc_hz() / UPF_MARKS_PER_S;
	patience = rte_get_tsc_hz();
	return 0;
}

static struct cst_module monitor_module = {
	.name = "upf_monitor", .order = 30, .start = monitor_start};
CST_MODULE(monitor_module);
