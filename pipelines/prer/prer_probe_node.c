/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prer_probe, prer_probe_frame: path probes (prer_probe_core.h). Questions are
 * answered at once, from whoever they come, as Echo Requests are, but not more
 * than so many per second. Answers are told to the control thread, if they come
 * by the path that was asked about and bear its token.
 */
#include <rte_cycles.h>
#include <rte_ether.h>

#include "module.h"
#include "net/bucket.h"
#include "prer_dcw.h"
#include "prer_probe.h"
#include "prer_probe_int.h"

#define ANSWERS_PER_S 10000 /* and worker */
#define ANSWER_BURST  200

CST_DROP(malformed, "prer.probe_malformed", "a path probe that is cut short or contradicts itself");
CST_DROP(foreign, "prer.probe_foreign",
	 "an answer to no path probe of this coast: forged, from before a restart, or by another "
	 "path than the question");
CST_DROP(loop, "prer.probe_loop",
	 "a path probe of this coast's own came back as a question: the path leads back here");
CST_DROP(flood, "prer.probe_flood",
	 "more path probes than are answered, 10000 a second and worker; set longer intervals");

static struct {
	struct cst_bucket bucket;
} __rte_cache_aligned state[CST_MAX_WORKERS];
static uint64_t interval, slack; /* TSC cycles */

enum { TO_OUT };
static const char *const edges[] = {"route", NULL};
uint8_t prer_probe_frame_edge;
static const char *const frame_edges[] = {"frame_out", NULL};

/* Why a question is not answered; NULL: it is. */
static const struct cst_drop *bars(struct cst_worker *w, const struct prer_probe *p)
{
	if (p->token == prer_probe_token(p->path))
		return &loop;
	if (!cst_bucket_take(&state[w->id % CST_MAX_WORKERS].bucket, w->now, interval, slack))
		return &flood;
	return NULL;
}

static uint8_t tell(struct cst_worker *w, struct rte_mbuf *m, const struct prer_probe *p)
{
	struct prer_probe_notice n = {.path = p->path, .seq = p->seq, .cycles = w->now - p->time};

	cst_notice(w, prer_probe_notice, &n, sizeof(n));
	w->stats.consumed++;
	rte_pktmbuf_free(m);
	return CST_EDGE_TAKEN;
}

/* The path that an answer is about; NULL: none of ours, or it bears another token. */
static const struct prer_path *path_of(const struct prer_probe *p)
{
	if (p->path >= prer_tables.paths || p->token != prer_probe_token(p->path))
		return NULL;
	return &prer_tables.path[p->path];
}

/* ---- routed paths ------------------------------------------------------------- */

/* The question becomes the answer where it stands. */
static uint8_t answer_ip(struct rte_mbuf *m, struct prer_probe *p)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	uint16_t sport = cst_be16(ip + pkt->l4_off);
	struct prer_path back = {.flags = 0};
	struct cst_ip from, to;
	uint32_t payload = CST_DCW_LEN + PRER_PROBE_LEN;

	cst_ip_addrs(ip, &from, &to);
	prer_dcw_path_set(&back, pkt->vrf, &to, &from);
	rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - back.hdr_len - payload));
	/* no identification: no link is so narrow that it would cut this (RFC 791 3.2) */
	prer_dcw_put_outer(ip, &back, payload, PRER_PROBE_TOS, 0, sport, 0);
	cst_dcw_put_ach(ip + back.hdr_len, CST_LABEL_GAL, PRER_PROBE_CHANNEL);
	p->kind = PRER_PROBE_ANSWER;
	prer_probe_put(ip + back.hdr_len + CST_DCW_LEN, p);
	if (back.family == 6)
		prer_dcw_fill_csum6(m);
	pkt->l4_off = (uint16_t)(back.hdr_len - 8);
	pkt->ip_len = (uint16_t)m->pkt_len;
	pkt->flags = CST_PKT_LOCAL;
	return TO_OUT;
}

static uint8_t of_ip(struct cst_worker *w, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct cst_pkt *pkt = cst_pkt(m);
	uint32_t at = pkt->l4_off + 8u + CST_DCW_LEN;
	const struct prer_path *path;
	const struct cst_drop *why;
	struct prer_probe p;

	/* prer_dcw has read as far as to the channel type */
	if (m->nb_segs > 1 ||
	    prer_probe_parse(ip + at, cst_be16(ip + pkt->l4_off + 4) - 8u - CST_DCW_LEN, &p))
		return cst_drop(m, &malformed);
	if (p.kind == PRER_PROBE_QUESTION) {
		why = bars(w, &p);
		return why ? cst_drop(m, why) : answer_ip(m, &p);
	}
	path = path_of(&p);
	if (!path || !prer_dcw_came_by(path, ip, pkt->vrf))
		return cst_drop(m, &foreign);
	return tell(w, m, &p);
}

uint16_t prer_probe_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = of_ip(w, pkts[i]);
		aside += edge[i] != TO_OUT;
	}
	return aside;
}

CST_NODE(prer_probe_node, .name = "prer_probe",
	 .help = "probes of routed paths: questions answered, answers told",
	 .process = prer_probe_process, .edges = edges);

/* ---- Ethernet paths -------------------------------------------------------------- */

/* Back to who asked, tags as they are. */
static uint8_t answer_frame(struct rte_mbuf *m, const struct cst_l2 *l2, struct prer_probe *p)
{
	uint32_t len = RTE_MAX(l2->len + PRER_PROBE_LEN, RTE_ETHER_MIN_LEN - RTE_ETHER_CRC_LEN);
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t own[6];

	prer_probe_mac(own, pkt->port, pkt->aux);
	if (cst_mac_is_zero(own) || !cst_mac_is_station(f + 6))
		return cst_drop(m, &malformed);
	__builtin_memcpy(f, f + 6, 6);
	__builtin_memcpy(f + 6, own, 6);
	p->kind = PRER_PROBE_ANSWER;
	prer_probe_put(f + l2->len, p);
	if (m->pkt_len > len)
		rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - len));
	pkt->flags = CST_PKT_LOCAL;
	return TO_OUT;
}

static bool came_by(const struct prer_path *path, const struct cst_pkt *pkt)
{
	return path->encap == PRER_RTAG && path->port == pkt->port &&
	       (path->port != 0 || path->tunnel == pkt->aux);
}

static uint8_t of_frame(struct cst_worker *w, struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct prer_path *path;
	const struct cst_drop *why;
	struct prer_probe p;
	struct cst_l2 l2;

	if (m->nb_segs > 1 || cst_l2_parse(f, m->data_len, &l2) ||
	    l2.ethertype != PRER_PROBE_ETHERTYPE ||
	    prer_probe_parse(f + l2.len, m->data_len - l2.len, &p))
		return cst_drop(m, &malformed);
	if (p.kind == PRER_PROBE_QUESTION) {
		why = bars(w, &p);
		return why ? cst_drop(m, why) : answer_frame(m, &l2, &p);
	}
	path = path_of(&p);
	if (!path || !came_by(path, cst_pkt(m)))
		return cst_drop(m, &foreign);
	return tell(w, m, &p);
}

uint16_t prer_probe_frame_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				  uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = of_frame(w, pkts[i]);
		aside += edge[i] != TO_OUT;
	}
	return aside;
}

CST_NODE(prer_probe_frame_node, .name = "prer_probe_frame",
	 .help = "probes of Ethernet paths: questions answered, answers told",
	 .process = prer_probe_frame_process, .edges = frame_edges, .frames = true);
CST_ATTACH(prer_probe_in, "prer_in", "prer_probe_frame", &prer_probe_frame_edge);

void prer_probe_limit(void)
{
	interval = rte_get_tsc_hz() / ANSWERS_PER_S;
	slack = interval * ANSWER_BURST;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	prer_probe_limit();
	return 0;
}

static struct cst_module prer_probe_node_module = {
	.name = "prer_probe_node", .order = 31, .start = start};
CST_MODULE(prer_probe_node_module);
