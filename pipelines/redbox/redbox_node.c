/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * redbox: frames of the three ports of a box. What comes by its port goes out by
 * both LANs with the same number in a trailer; of what comes by the LANs the first
 * copy goes to the port, its trailer taken off. All of a box by its owner.
 */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "hash.h"
#include "net/drops.h"
#include "net/frames.h"
#include "prp.h"
#include "redbox.h"
#include "vlan.h"

#define AHEAD 4
#define LEAST 60u /* octets of a frame without its checksum (IEEE 802.3 3.2.8) */

enum { TO_FRAME, TO_CLASSIFY };
static const char *const edges[] = {"frame_out", "classify", NULL};

_Atomic(const struct redbox *) redbox_records[REDBOX_BOXES];
_Atomic uint16_t redbox_of_port[CST_MAX_PORTS];

static uint8_t from_classify, at_rx, taker;

CST_DROP(truncated, "redbox.truncated", "frame that ends within its header");
CST_DROP(duplicate, "redbox.duplicate",
	 "its copy came by the other LAN before: what a RedBox is for");
CST_DROP(too_big, "redbox.too_big",
	 "with the trailer's 6 octets it is larger than the MTU of one of the LANs, so it goes by "
	 "neither: raise the mtu of their ports by as much");
CST_DROP(loop, "redbox.loop",
	 "a frame of a device behind the box came by a LAN: the box's port and the LAN are "
	 "connected elsewhere too");
CST_DROP(link_local, "redbox.link_local",
	 "addressed to the next bridge alone (01:80:c2:00:00:0x), which a box is not");
CST_DROP(no_port, "redbox.no_port",
	 "the port that it was to leave by is gone: 'coastctl port show' tells which there are");

uint8_t redbox_taker(void)
{
	return taker;
}

uint8_t redbox_at_rx(void)
{
	return at_rx;
}

/* What goes its own way, together. */
struct apart {
	struct rte_mbuf *copies[CST_MAX_BURST]; /* for LAN B */
	struct rte_mbuf *others[CST_MAX_BURST]; /* of other workers' boxes */
	uint8_t owner[CST_MAX_BURST];           /* by others */
	uint16_t n_copies, n_others;
};

struct job {
	const struct redbox *box;
	struct redbox_state *st;
	uint8_t *p;
	struct cst_l2 l2;
	uint64_t now;
	struct apart *apart;
};

/* ---- devices behind the box ------------------------------------------------------------ */

static inline struct redbox_behind *behind(struct redbox_state *st, uint64_t mac)
{
	return &st->behind[cst_hash_mix(mac, 0) % REDBOX_DEVICES];
}

/* One place each: who shares it with another is not told of while that one speaks. */
static inline void learn(const struct job *j)
{
	uint64_t mac = redbox_mac_number(j->p + 6);
	struct redbox_behind *b = behind(j->st, mac);
	uint64_t had = atomic_load_explicit(&b->mac, memory_order_relaxed);

	if (had != mac) {
		if (had && j->now - b->last < j->box->node_forget)
			return;
		atomic_store_explicit(&b->mac, mac, memory_order_relaxed);
	}
	b->last = j->now;
}

static inline bool is_behind(const struct job *j)
{
	uint64_t mac = redbox_mac_number(j->p + 6);
	struct redbox_behind *b = behind(j->st, mac);

	return atomic_load_explicit(&b->mac, memory_order_relaxed) == mac &&
	       j->now - b->last < j->box->node_forget;
}

/* ---- to both LANs ------------------------------------------------------------------------ */

static inline bool add_trailer(struct rte_mbuf *m, uint32_t l2_len, uint16_t seq, uint8_t lan)
{
	uint8_t *rct = (uint8_t *)rte_pktmbuf_append(m, CST_PRP_RCT_LEN);

	if (unlikely(!rct))
		return false;
	cst_prp_rct_put(rct, seq, lan, m->pkt_len - l2_len);
	return true;
}

/* Padding comes before the trailer, which is to stay the last. */
static inline bool pad(struct rte_mbuf *m)
{
	uint32_t missing = m->pkt_len < LEAST ? LEAST - m->pkt_len : 0;
	char *p = rte_pktmbuf_append(m, (uint16_t)missing);

	if (unlikely(!p))
		return false;
	memset(p, 0, missing);
	return true;
}

static inline struct rte_mbuf *copy(struct rte_mbuf *m)
{
	struct rte_mbuf *c = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

	if (likely(c))
		*cst_pkt(c) = (struct cst_pkt){.worker = cst_pkt(m)->worker};
	return c;
}

static inline uint8_t leave(struct rte_mbuf *m, uint16_t port)
{
	struct cst_pkt *pkt = cst_pkt(m);

	if (unlikely(!port))
		return cst_drop(m, &no_port);
	pkt->port = port;
	pkt->aux = 0;
	pkt->flags = 0;
	return TO_FRAME;
}

/* The copy for LAN B, which goes with the others. */
static inline bool to_lan_b(struct cst_worker *w, struct rte_mbuf *m, const struct job *j)
{
	struct rte_mbuf *b;

	if (unlikely(!j->box->port[REDBOX_LAN_B]))
		return true;
	b = copy(m);
	if (unlikely(!b))
		return false;
	w->stats.injected++;
	if (unlikely(!add_trailer(b, j->l2.len, j->st->seq, CST_PRP_LAN_B))) {
		cst_drop_burst(w, cst_drop_no_headroom, &b, 1);
		return false;
	}
	leave(b, j->box->port[REDBOX_LAN_B]);
	j->apart->copies[j->apart->n_copies++] = b;
	return true;
}

static uint8_t from_port(struct cst_worker *w, struct rte_mbuf *m, struct job *j)
{
	if (!(cst_pkt(m)->flags & CST_PKT_LOCAL))
		learn(j);
	if (unlikely(m->pkt_len + CST_PRP_RCT_LEN > j->box->mtu + (uint32_t)j->l2.len))
		return cst_drop(m, &too_big);
	if (unlikely(!pad(m) || rte_pktmbuf_tailroom(m) < CST_PRP_RCT_LEN))
		return cst_drop(m, cst_drop_no_headroom);
	if (unlikely(!to_lan_b(w, m, j)))
		return cst_drop(m, cst_drop_no_buffer);
	add_trailer(m, j->l2.len, j->st->seq++, CST_PRP_LAN_A);
	j->st->sent++;
	return leave(m, j->box->port[REDBOX_LAN_A]);
}

/* ---- from a LAN ----------------------------------------------------------------------------- */

static inline struct redbox_node *node_of(const struct job *j, const uint8_t *mac)
{
	uint64_t set = cst_hash_mix(redbox_mac_number(mac), 1) % REDBOX_SETS;

	return redbox_find(&j->st->node[set * REDBOX_WAYS], mac, j->now, j->box->forget);
}

static inline void heard(struct redbox_node *n, unsigned lan, uint64_t now)
{
	n->last = now;
	n->seen[lan] = now;
}

static uint8_t supervision(struct cst_worker *w, struct rte_mbuf *m, const struct job *j,
			   unsigned lan)
{
	struct cst_prp_sup sup;
	struct redbox_node *n;

	if (cst_prp_sup_parse(j->p + j->l2.len, m->pkt_len - j->l2.len, &sup) == CST_PRP_OK) {
		n = node_of(j, sup.mac);
		if (n)
			heard(n, lan, j->now);
	}
	j->st->supervision++;
	w->stats.consumed++;
	rte_pktmbuf_free(m);
	return CST_EDGE_TAKEN;
}

static inline uint8_t deliver(struct rte_mbuf *m, struct job *j)
{
	j->st->delivered++;
	return leave(m, j->box->port[REDBOX_PORT]);
}

static uint8_t from_lan(struct cst_worker *w, struct rte_mbuf *m, struct job *j, unsigned lan)
{
	struct cst_prp_rct rct;
	struct redbox_node *n;

	if (unlikely(is_behind(j)))
		return cst_drop(m, &loop);
	if (unlikely(j->l2.ethertype == CST_PRP_SUFFIX))
		return supervision(w, m, j, lan);
	n = node_of(j, j->p + 6);
	if (n) {
		heard(n, lan, j->now);
		n->received[lan]++;
	}
	if (cst_prp_rct_parse(j->p + j->l2.len, m->pkt_len - j->l2.len, j->l2.tags, &rct)) {
		if (n)
			n->ordinary = 1;
		j->st->ordinary++;
		return deliver(m, j);
	}
	if (unlikely(rct.lan != CST_PRP_LAN_A + lan)) {
		j->st->wrong_lan++;
		if (n)
			n->wrong_lan++;
	}
	if (unlikely(!n)) {
		j->st->crowded++;
	} else if (!redbox_first(n, rct.seq, j->now, j->box->forget)) {
		n->discarded++;
		j->st->discarded++;
		return cst_drop(m, &duplicate);
	}
	if (n)
		n->ordinary = 0;
	rte_pktmbuf_trim(m, (uint16_t)(CST_PRP_RCT_LEN + rct.padding));
	return deliver(m, j);
}

/* ---- the node ---------------------------------------------------------------------------------
 */

static inline bool is_link_local(const uint8_t *mac)
{
	return cst_be32(mac) == 0x0180c200 && mac[4] == 0 && mac[5] < 16;
}

static uint8_t pass(struct rte_mbuf *m)
{
	cst_frames_pass(cst_pkt(m));
	return TO_CLASSIFY;
}

static inline uint8_t hand_off(struct rte_mbuf *m, uint16_t owner, struct apart *apart)
{
	cst_pkt(m)->resume = at_rx;
	apart->owner[apart->n_others] = (uint8_t)owner;
	apart->others[apart->n_others++] = m;
	return CST_EDGE_TAKEN;
}

static inline uint8_t frame(struct cst_worker *w, struct rte_mbuf *m, struct apart *apart)
{
	uint16_t at = atomic_load_explicit(&redbox_of_port[cst_pkt(m)->port % CST_MAX_PORTS],
					   memory_order_acquire);
	uint16_t owner, number = (at - 1) / REDBOX_ROLES;
	struct job j = {.now = w->now, .apart = apart};

	if (unlikely(!at))
		return pass(m);
	owner = cst_owner_of(number);
	if (owner != w->id)
		return hand_off(m, owner, apart);
	j.box = atomic_load_explicit(&redbox_records[number], memory_order_acquire);
	if (unlikely(!j.box))
		return pass(m);
	j.st = j.box->state;
	if (unlikely(!cst_frames_retag(m)))
		return cst_drop(m, cst_drop_no_headroom);
	/* trailers are read and written in one piece */
	if (unlikely(m->nb_segs > 1 && rte_pktmbuf_linearize(m)))
		return cst_drop(m, &too_big);
	j.p = rte_pktmbuf_mtod(m, uint8_t *);
	if (unlikely(cst_l2_parse(j.p, m->data_len, &j.l2) || !cst_mac_is_station(j.p + 6)))
		return cst_drop(m, &truncated);
	if (unlikely(is_link_local(j.p)))
		return cst_drop(m, &link_local);
	if ((at - 1) % REDBOX_ROLES == REDBOX_PORT)
		return from_port(w, m, &j);
	return from_lan(w, m, &j, (at - 1) % REDBOX_ROLES - REDBOX_LAN_A);
}

uint16_t redbox_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct apart apart;
	uint16_t aside = 0;

	apart.n_copies = apart.n_others = 0;
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], void *));
		edge[i] = frame(w, pkts[i], &apart);
		aside += edge[i] != TO_FRAME;
	}
	if (apart.n_copies > 0)
		cst_emit(w, TO_FRAME, apart.copies, apart.n_copies);
	if (apart.n_others > 0)
		cst_handoff_each(w, apart.others, apart.owner, apart.n_others);
	return aside;
}

CST_NODE(redbox_node_, .name = "redbox",
	 .help = "between devices with one Ethernet port and both LANs of a PRP network",
	 .process = redbox_process, .edges = edges, .frames = true);
CST_ATTACH(redbox_classify, "classify", "redbox", &from_classify);
CST_ATTACH(redbox_rx, "rx", "redbox", &at_rx);

static void __attribute__((constructor)) redbox_register(void)
{
	taker = cst_frames_register(&from_classify);
}
