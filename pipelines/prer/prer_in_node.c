/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prer_in: frames of the ports and tunnels that streams use. Finds the stream by
 * its identification: a member that came by one of its paths goes to
 * prer_eliminate, with or without a number; what is to be sent to prer_replicate;
 * everything else back to `classify`. Each on the stream's owner. Path probes go to
 * prer_probe_frame, whoever's they are.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "net/frames.h"
#include "prer_drops.h"
#include "prer_ident.h"
#include "prer_in.h"
#include "prer_probe.h"

#define CHUNK 32

enum { TO_ELIMINATE, TO_REPLICATE, TO_CLASSIFY };
static const char *const edges[] = {"prer_eliminate", "prer_replicate", "classify", NULL};

static uint8_t from_classify, at_eliminate, at_replicate;
static uint8_t taker;

uint8_t prer_in_taker(void)
{
	return taker;
}

static uint8_t pass(struct rte_mbuf *m)
{
	cst_frames_pass(cst_pkt(m));
	return TO_CLASSIFY;
}

/* Of what the last packet in this buffer left nothing stays, but where it came by and traces. */
static inline void forget(struct cst_pkt *pkt)
{
	pkt->iface = 0;
	pkt->vrf = 0;
	pkt->drop = 0;
	pkt->hash = 0;
	pkt->nexthop = 0;
	pkt->l2_len = 0;
	pkt->flags = 0;
}

static inline bool carries_ip(const struct prer_frame *f)
{
	return f->type == CST_ETH_IPV4 || f->type == CST_ETH_IPV6;
}

static inline uint8_t identified(struct rte_mbuf *m, const struct prer_frame *f, uint32_t value)
{
	const struct prer_stream *s = prer_stream(PRER_VALUE_STREAM(value));
	union prer_word word = {.stream = PRER_VALUE_STREAM(value),
				.path = (uint8_t)PRER_VALUE_PATH(value),
				.l2_len = f->l2_len};
	struct cst_pkt *pkt = cst_pkt(m);
	bool receive = PRER_VALUE_RECEIVE(value);

	/* its record comes last and goes first; ARP is of no stream of IP packets */
	if (unlikely(!s || !(s->flags & (receive ? PRER_RECEIVE : PRER_SEND)) ||
		     ((s->flags & PRER_IP) && !carries_ip(f))))
		return pass(m);
	if (!receive && f->seq != PRER_NO_SEQ)
		return prer_drop(m, PRER_DROP_HAS_TAG);
	if (f->seq != PRER_NO_SEQ)
		word.flags |= PRER_WORD_TAGGED;
	forget(pkt);
	pkt->slice[0] = word.u64;
	pkt->slice[1] = f->seq;
	return receive ? TO_ELIMINATE : TO_REPLICATE;
}

/* False: its edge is settled already. */
static inline bool parse(struct rte_mbuf *m, struct prer_frame *f, uint8_t *edge)
{
	if (unlikely(!cst_frames_retag(m))) {
		*edge = pass(m);
		return false;
	}
	/* headers are looked for in the first segment; what is too large for one is not in it */
	if (unlikely(m->nb_segs > 1))
		rte_pktmbuf_linearize(m);
	if (unlikely(prer_frame_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, f))) {
		*edge = prer_drop(m, PRER_DROP_TRUNCATED);
		return false;
	}
	if (unlikely(prer_probe_is_frame(f->p + f->payload, f->len - f->payload))) {
		*edge = prer_probe_frame_edge;
		return false;
	}
	return true;
}

/* What is known of the frames of a chunk: each step asks for the memory of the next. */
struct chunk {
	struct prer_frame frame[CHUNK];
	struct prer_look look[CHUNK];
	uint32_t value[CHUNK];
	uint8_t left[CHUNK]; /* numbers of those whose edge is still to be found */
};

static void identify(struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct chunk c;
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		const struct cst_pkt *pkt = cst_pkt(pkts[i]);

		if (likely(parse(pkts[i], &c.frame[i], &edge[i]))) {
			prer_ident_ask(&c.look[i], pkt->port, pkt->aux, &c.frame[i]);
			c.left[left++] = (uint8_t)i;
		}
	}
	for (uint16_t k = 0; k < left; k++)
		prer_ident_reach(&c.look[c.left[k]]);
	for (uint16_t k = 0; k < left; k++) {
		uint16_t i = c.left[k];

		c.value[i] = prer_ident_answer(&c.look[i]);
		rte_prefetch0(&prer_tables.slot[PRER_VALUE_STREAM(c.value[i])]);
	}
	for (uint16_t k = 0; k < left; k++)
		rte_prefetch0(prer_stream(PRER_VALUE_STREAM(c.value[c.left[k]])));
	for (uint16_t k = 0; k < left; k++) {
		uint16_t i = c.left[k];

		edge[i] = c.value[i] ? identified(pkts[i], &c.frame[i], c.value[i]) : pass(pkts[i]);
	}
}

/* Those of other workers' streams leave here; how many do not go by edge 0. */
static uint16_t to_owners(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct rte_mbuf *others[CST_MAX_BURST];
	uint8_t owners[CST_MAX_BURST];
	uint16_t aside = 0, away = 0;

	for (uint16_t i = 0; i < n; i++) {
		union prer_word word = {.u64 = cst_pkt(pkts[i])->slice[0]};
		uint16_t owner;

		if (edge[i] > TO_REPLICATE || (owner = cst_owner_of(word.stream)) == w->id) {
			aside += edge[i] != TO_ELIMINATE;
			continue;
		}
		cst_pkt(pkts[i])->resume = edge[i] == TO_ELIMINATE ? at_eliminate : at_replicate;
		edge[i] = CST_EDGE_TAKEN;
		others[away] = pkts[i];
		owners[away++] = (uint8_t)owner;
	}
	if (unlikely(away > 0))
		cst_handoff_each(w, others, owners, away);
	return aside + away;
}

uint16_t prer_in_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i += CHUNK)
		identify(pkts + i, RTE_MIN(n - i, CHUNK), edge + i);
	return to_owners(w, pkts, n, edge);
}

CST_NODE(prer_in_node, .name = "prer_in",
	 .help = "frames of ports that streams use: whose they are, by identification",
	 .process = prer_in_process, .edges = edges, .frames = true);
CST_ATTACH(prer_in_classify, "classify", "prer_in", &from_classify);
CST_ATTACH(prer_in_eliminate, "rx", "prer_eliminate", &at_eliminate);
CST_ATTACH(prer_in_replicate, "rx", "prer_replicate", &at_replicate);

static void __attribute__((constructor)) prer_in_register(void)
{
	taker = cst_frames_register(&from_classify);
}
