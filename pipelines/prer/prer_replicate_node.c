/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prer_replicate: one number for each packet of a stream, and one copy by each of
 * its paths (IEEE 802.1CB 7.4.1, 7.6), made by the stream's owner.
 *
 * What is too big for one path goes by none, and gets no number: a burst of such
 * would else look like loss by all paths at the other end, and may move its window
 * too far. Copies are made before any is sent, so that there are all or none.
 */
#include <string.h>

#include <rte_mbuf.h>

#include "engine/worker.h"
#include "icmp.h"
#include "net/drops.h"
#include "net/fib.h"
#include "net/frames.h"
#include "port/tables.h"
#include "prer_copy.h"
#include "prer_dcw.h"
#include "prer_drops.h"
#include "prer_in.h"
#include "prer_l2.h"
#include "prer_obey.h"
#include "prer_payload.h"

enum { TO_FRAME, TO_ROUTE, TO_ERROR };
static const char *const edges[] = {"frame_out", "route", "icmp_error", NULL};

/* The most that goes in front of a payload: a whole L2 header, and what carries it. */
#define HEAD_ROOM (PRER_L2_MAX + 2 + 48 + CST_DCW_LEN)

struct job {
	const struct prer_stream *s;
	const struct prer_path *path[PRER_MAX_PATHS]; /* that take packets */
	unsigned n;
	uint8_t l2_len;
	uint8_t at;                    /* where the payload begins, behind its EtherType */
	uint8_t head[PRER_L2_MAX + 2]; /* of the frame as it came, up to there */
	struct cst_ip_info ip;         /* payload ip */
};

/* Copies on their way; the packet itself goes by edge[]. */
struct copies {
	struct {
		uint16_t n;
		struct rte_mbuf *pkts[CST_MAX_BURST];
	} to[PRER_MAX_PATHS - 1][2]; /* by path, and TO_FRAME or TO_ROUTE */
};

/* ---- does it fit? --------------------------------------------------------------- */

/* Into a tunnel it goes with its header. One that is shut now keeps no other path from it. */
static bool __rte_noinline fits_tunnel(const struct job *j, const struct prer_path *path,
				       uint32_t len)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();
	uint32_t room = t ? t->room(path->tunnel) : 0, l2 = j->at + CST_RTAG_LEN;

	if (path->flags & PRER_PATH_VLAN) {
		l2 += path->vlan ? 4 : 0;
		l2 -= j->l2_len > 12 ? 4 : 0;
	}
	return !room || l2 + len <= room;
}

static inline bool fits(const struct job *j, const struct prer_path *path, uint32_t len)
{
	if (unlikely(path->encap == PRER_RTAG && !path->port))
		return fits_tunnel(j, path, len);
	if (path->encap == PRER_DCW)
		return prer_dcw_fits(path, j->s->flags & PRER_IP ? len : j->at + len);
	return !path->mtu || len + CST_RTAG_LEN <= path->mtu;
}

/* The largest IP packet that all paths take; 0: not known. */
static uint32_t ip_mtu(const struct job *j)
{
	uint32_t least = 0;

	for (unsigned i = 0; i < j->n; i++) {
		const struct prer_path *path = j->path[i];
		uint32_t mtu = path->encap == PRER_DCW ? prer_dcw_mtu(path)
			       : path->mtu             ? path->mtu - (uint32_t)CST_RTAG_LEN
						       : 0;

		if (mtu && (!least || mtu < least))
			least = mtu;
	}
	return least;
}

/* The network instance of the interface that the frame would else have come in by, for the way back
 * of an ICMP error; 0: there is none. */
static uint16_t vrf_of(struct rte_mbuf *m, const struct job *j)
{
	const struct cst_snap *snap = cst_snap();
	const struct cst_snap_port *port = &snap->ports[cst_pkt(m)->port % CST_MAX_PORTS];
	uint16_t vlan = j->l2_len > 12 ? CST_VLAN_VID(cst_be16(j->head + 14)) : 0;
	uint16_t id = !vlan ? port->untagged : port->vlan ? port->vlan[vlan] : 0;

	return snap->ifaces[id].vrf;
}

static uint8_t __rte_noinline too_big(struct rte_mbuf *m, const struct job *j)
{
	struct cst_pkt *pkt = cst_pkt(m);
	bool v4 = j->ip.version == 4;

	prer_tables.state[j->s->id].counts.encode_errored++;
	pkt->vrf = j->s->flags & PRER_IP ? vrf_of(m, j) : 0;
	if (!pkt->vrf)
		return prer_drop(m, PRER_DROP_TOO_BIG);
	prer_ip_enter(m, j->at, &j->ip);
	pkt->drop = prer_drops[PRER_DROP_TOO_BIG].id;
	pkt->icmp_type = v4 ? CST_ICMP4_UNREACHABLE : CST_ICMP6_TOO_BIG;
	pkt->icmp_code = v4 ? CST_ICMP4_FRAG_NEEDED : 0;
	pkt->icmp_info = ip_mtu(j);
	return TO_ERROR;
}

/* ---- headers ------------------------------------------------------------------------ */

/* The original frame's header with the path's VLAN and address, and the redundancy tag. */
static inline uint8_t put_rtag(const struct job *j, const struct prer_path *path,
			       struct rte_mbuf *m, uint32_t seq)
{
	struct prer_l2_edit edit = {.set_vlan = path->flags & PRER_PATH_VLAN,
				    .vlan = path->vlan,
				    .dmac = path->flags & PRER_PATH_DMAC ? path->dmac : NULL};
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t l2[PRER_L2_MAX];
	uint8_t len = prer_l2_put(l2, j->head, j->l2_len, &edit);
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, len + CST_RTAG_LEN + 2);

	memcpy(p, l2, len);
	cst_rtag_put(p + len, (uint16_t)seq);
	memcpy(p + len + CST_RTAG_LEN, j->head + j->l2_len, 2);
	pkt->port = path->port;
	pkt->aux = path->tunnel;
	return TO_FRAME;
}

static inline uint8_t put_dcw(const struct job *j, const struct prer_path *path, struct rte_mbuf *m,
			      uint32_t seq)
{
	if (!(j->s->flags & PRER_IP))
		memcpy(rte_pktmbuf_prepend(m, j->at), j->head, j->at);
	if (unlikely(!prer_dcw_put(j->s, path, m, seq)))
		return cst_drop(m, cst_drop_no_headroom);
	cst_pkt(m)->aux = 0;
	return TO_ROUTE;
}

static inline uint8_t put(const struct job *j, const struct prer_path *path, struct rte_mbuf *m,
			  uint32_t seq)
{
	return path->encap == PRER_DCW ? put_dcw(j, path, m, seq) : put_rtag(j, path, m, seq);
}

/* ---- copies --------------------------------------------------------------------------- */

static inline bool takes_one_piece(const struct prer_path *path)
{
	const struct cst_port_out *o;

	if (path->encap == PRER_DCW || !path->port)
		return false;
	o = atomic_load_explicit(&cst_port_outs[path->port % CST_MAX_PORTS], memory_order_acquire);
	return o && o->plain;
}

/* For all paths but the last one; false: there are none at all. */
static inline bool make(const struct job *j, struct rte_mbuf *m, struct rte_mbuf **copy)
{
	for (unsigned i = 0; i + 1 < j->n; i++) {
		copy[i] = prer_copy(m, takes_one_piece(j->path[i]));
		if (unlikely(!copy[i])) {
			rte_pktmbuf_free_bulk(copy, i);
			return false;
		}
		*cst_pkt(copy[i]) = (struct cst_pkt){.worker = cst_pkt(m)->worker};
	}
	return true;
}

static inline void keep(struct cst_worker *w, struct copies *out, unsigned path, struct rte_mbuf *m,
			uint8_t edge)
{
	w->stats.injected++;
	if (unlikely(edge == CST_EDGE_DROP))
		cst_drop_burst(w, cst_drop_no_headroom, &m, 1);
	else
		out->to[path][edge].pkts[out->to[path][edge].n++] = m;
}

static inline uint8_t multiply(struct cst_worker *w, struct rte_mbuf *m, const struct job *j,
			       struct copies *out)
{
	struct prer_state *st = &prer_tables.state[j->s->id];
	struct rte_mbuf *copy[PRER_MAX_PATHS - 1];
	uint32_t seq;

	rte_pktmbuf_adj(m, j->at);
	if (unlikely(!make(j, m, copy))) {
		st->counts.encode_errored++;
		return cst_drop(m, cst_drop_no_buffer);
	}
	prer_obey_generator(j->s, st);
	seq = prer_generate(&st->counts, j->s->bits);
	for (unsigned i = 0; i + 1 < j->n; i++)
		keep(w, out, i, copy[i], put(j, j->path[i], copy[i], seq));
	return put(j, j->path[j->n - 1], m, seq);
}

/* ---- the node --------------------------------------------------------------------------- */

static inline void find_paths(struct job *j)
{
	for (unsigned i = 0; i < j->s->n_paths; i++) {
		const struct prer_path *path = &prer_tables.path[j->s->path[i]];

		if (likely(!(__atomic_load_n(&path->flags, __ATOMIC_RELAXED) & PRER_PATH_DOWN)))
			j->path[j->n++] = path;
	}
}

static inline uint8_t replicate(struct cst_worker *w, struct rte_mbuf *m, struct copies *out)
{
	union prer_word word = {.u64 = cst_pkt(m)->slice[0]};
	struct job j = {.s = prer_stream(word.stream), .l2_len = word.l2_len};
	uint32_t len;

	if (unlikely(!j.s || !(j.s->flags & PRER_SEND)))
		return prer_drop(m, PRER_DROP_NO_STREAM);
	find_paths(&j);
	if (unlikely(!j.n))
		return prer_drop(m, PRER_DROP_PATHS_DOWN);
	j.at = word.l2_len + 2;
	if (j.s->flags & PRER_IP) {
		if (unlikely(!prer_ip_at(m, j.at, &j.ip)))
			return prer_drop(m, PRER_DROP_BAD_IP);
		cst_trim(m, j.at + j.ip.total_len);
	}
	memcpy(j.head, rte_pktmbuf_mtod(m, void *), j.at);
	len = m->pkt_len - j.at;
	for (unsigned i = 0; i < j.n; i++)
		if (unlikely(!fits(&j, j.path[i], len)))
			return too_big(m, &j);
	if (unlikely(rte_pktmbuf_headroom(m) + j.at < HEAD_ROOM))
		return cst_drop(m, cst_drop_no_headroom);
	return multiply(w, m, &j, out);
}

uint16_t prer_replicate_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge)
{
	struct copies out;
	uint16_t aside = 0;

	for (unsigned i = 0; i < PRER_MAX_PATHS - 1; i++)
		out.to[i][TO_FRAME].n = out.to[i][TO_ROUTE].n = 0;
	if (n > 1)
		prer_fetch(pkts, n, false);
	for (uint16_t i = 0; i < n; i++) {
		edge[i] = replicate(w, pkts[i], &out);
		aside += edge[i] != TO_FRAME;
	}
	for (unsigned i = 0; i < PRER_MAX_PATHS - 1; i++)
		for (unsigned e = TO_FRAME; e <= TO_ROUTE; e++)
			if (out.to[i][e].n)
				cst_emit(w, (uint8_t)e, out.to[i][e].pkts, out.to[i][e].n);
	return aside;
}

CST_NODE(prer_replicate_node, .name = "prer_replicate",
	 .help = "numbers the packets of streams and sends a copy by each path",
	 .process = prer_replicate_process, .edges = edges, .frames = true);
