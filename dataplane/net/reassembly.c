/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "hash.h"
#include "module.h"
#include "net/reassembly.h"

#define BUCKETS 1024 /* by ten bits */

CST_DROP(malformed, "ip.fragment_malformed",
	 "fragments that contradict each other: two ends, bytes behind the end, more than 65535 "
	 "bytes in all, or some of them marked for congestion and others not able to be");
CST_DROP(
	overlap, "ip.fragment_overlap",
	"fragments of one datagram overlap: the whole datagram is dropped (RFC 5722); an attack or "
	"identifications used again too soon");
CST_DROP(duplicate, "ip.fragment_duplicate", "a fragment that is there already");
CST_DROP(timeout, "ip.fragment_timeout",
	 "the rest of the datagram did not come within a second; fragments are lost on the way: "
	 "raise the MTU of the tunnels' links");
CST_DROP(too_many, "ip.fragment_limit", "a datagram in more than 64 fragments");
CST_DROP(full, "ip.fragment_overflow",
	 "more datagrams in fragments at once than a worker keeps (1024, or a quarter of "
	 "system.packet_buffers): the oldest made room");

struct key {
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes */
	uint32_t id;
	uint16_t vrf;
	uint8_t proto;  /* IPv4 only: of IPv6 fragments the first alone says it (RFC 8200 4.5) */
	uint8_t inside; /* came from a tunnel: never mixed with what came by wire */
};
_Static_assert(sizeof(struct key) == 40, "compared as bytes");

struct datagram {
	struct key key;
	uint64_t since;                /* TSC */
	struct rte_mbuf *first, *last; /* in rising offset */
	uint32_t have;                 /* payload bytes */
	uint32_t total;                /* 0: not known yet */
	uint16_t fragments, segments;
	uint16_t next;         /* in its bucket */
	uint16_t older, newer; /* [0] is the list's head */
	uint16_t bucket;
	uint8_t ecn;                    /* bit n: some fragment has codepoint n */
	const struct cst_drop *refused; /* why it has no fragments and takes no more */
};

/* What is kept of a fragment in its own struct cst_pkt while it waits. */
struct piece {
	struct rte_mbuf *next;
	uint32_t off, len; /* of its payload */
	uint32_t hdr;      /* bytes in front of the payload */
	uint32_t frag_hdr; /* offset of the IPv6 fragment header */
};
_Static_assert(sizeof(struct piece) <= sizeof(((struct cst_pkt *)0)->slice), "fits");

struct store {
	struct datagram d[CST_REASM_DATAGRAMS + 1];
	uint16_t buckets[BUCKETS];
	uint16_t free; /* by next */
	uint32_t segments;
};

static struct store *stores[CST_MAX_WORKERS];
struct cst_reasm_due cst_reasm_due[CST_MAX_WORKERS];
static uint32_t max_segments;
static uint64_t lifetime; /* TSC cycles */
static uint64_t seed;     /* so that nobody can aim at a bucket or a worker */

static inline struct piece *piece_of(struct rte_mbuf *m)
{
	return (struct piece *)cst_pkt(m)->slice;
}

/* ---- finding ------------------------------------------------------------------- */

static struct key key_of(struct rte_mbuf *m, const struct cst_ip_info *ip)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct cst_pkt *pkt = cst_pkt(m);
	struct key k = {.id = ip->frag_id, .vrf = pkt->vrf, .inside = pkt->l2_len == 0};

	if (ip->version == 4) {
		memcpy(k.src, p + 12, 4);
		memcpy(k.dst, p + 16, 4);
		k.proto = ip->proto;
	} else {
		memcpy(k.src, p + 8, 16);
		memcpy(k.dst, p + 24, 16);
	}
	return k;
}

uint32_t cst_reasm_hash(struct rte_mbuf *m, const struct cst_ip_info *ip)
{
	struct key k = key_of(m, ip);

	return (uint32_t)cst_hash_bytes(&k, sizeof(k), seed);
}

static uint16_t find(const struct store *s, const struct key *k, uint16_t bucket)
{
	uint16_t at = s->buckets[bucket];

	while (at && memcmp(&s->d[at].key, k, sizeof(*k)))
		at = s->d[at].next;
	return at;
}

/* ---- the store's lists ------------------------------------------------------------ */

/* The oldest's end decides when to look again. */
static void set_due(const struct cst_worker *w, const struct store *s)
{
	uint16_t oldest = s->d[0].newer;

	cst_reasm_due[w->id].at = oldest ? s->d[oldest].since + lifetime : UINT64_MAX;
}

static void unlink_datagram(const struct cst_worker *w, struct store *s, uint16_t at)
{
	struct datagram *d = &s->d[at];
	uint16_t *link = &s->buckets[d->bucket];

	while (*link != at)
		link = &s->d[*link].next;
	*link = d->next;
	s->d[d->older].newer = d->newer;
	s->d[d->newer].older = d->older;
	d->next = s->free;
	s->free = at;
	set_due(w, s);
}

/* All fragments it has leave the store; they stay linked by piece->next. */
static struct rte_mbuf *take_fragments(struct cst_worker *w, struct store *s, struct datagram *d)
{
	struct rte_mbuf *first = d->first;

	w->stats.held -= d->fragments;
	s->segments -= d->segments;
	d->first = d->last = NULL;
	d->fragments = d->segments = 0;
	return first;
}

static void drop_from(struct cst_worker *w, struct rte_mbuf *m, const struct cst_drop *why)
{
	while (m) {
		struct rte_mbuf *next = piece_of(m)->next;

		cst_drop_burst(w, why, &m, 1);
		m = next;
	}
}

/* The oldest goes, for the sake of a newer one. */
static void evict(struct cst_worker *w, struct store *s)
{
	uint16_t at = s->d[0].newer;

	drop_from(w, take_fragments(w, s, &s->d[at]), &full);
	unlink_datagram(w, s, at);
}

static uint16_t begin(struct cst_worker *w, struct store *s, const struct key *k, uint16_t bucket)
{
	struct datagram *d;
	uint16_t at;

	if (!s->free)
		evict(w, s);
	at = s->free;
	d = &s->d[at];
	s->free = d->next;
	*d = (struct datagram){
		.key = *k,
		.since = w->now,
		.next = s->buckets[bucket],
		.older = s->d[0].older,
		.bucket = bucket,
	};
	s->buckets[bucket] = at;
	s->d[d->older].newer = at;
	s->d[0].older = at;
	set_due(w, s);
	return at;
}

/* ---- one fragment more ----------------------------------------------------------------- */

/* Nothing more of this datagram is taken; it is remembered until its time is over, so that what is
 * still on its way does not begin a new one (RFC 5722 4: "and any additional ones"). */
static void refuse(struct cst_worker *w, struct store *s, struct datagram *d, struct rte_mbuf *m,
		   const struct cst_drop *why)
{
	drop_from(w, take_fragments(w, s, d), why);
	d->refused = why;
	cst_drop_burst(w, why, &m, 1);
}

/* After which fragment (NULL: before all) the new one goes. Nearly always it is the last. */
static struct rte_mbuf *place(const struct datagram *d, uint32_t off)
{
	struct rte_mbuf *at = NULL;

	if (d->last && piece_of(d->last)->off <= off)
		return d->last;
	for (struct rte_mbuf *m = d->first; m && piece_of(m)->off <= off; m = piece_of(m)->next)
		at = m;
	return at;
}

/* NULL: it goes in behind `*after`. */
static const struct cst_drop *why_not(const struct datagram *d, const struct piece *p, bool last,
				      struct rte_mbuf **after)
{
	uint32_t end = p->off + p->len;
	struct rte_mbuf *next;

	*after = place(d, p->off);
	next = *after ? piece_of(*after)->next : d->first;
	if (*after) {
		const struct piece *before = piece_of(*after);

		if (before->off == p->off && before->len == p->len)
			return &duplicate;
		if (before->off + before->len > p->off)
			return &overlap;
	}
	if (next && piece_of(next)->off < end)
		return &overlap;
	if (d->total ? end > d->total || (last && end != d->total)
		     : last && d->last && piece_of(d->last)->off + piece_of(d->last)->len > end)
		return &malformed;
	return d->fragments == CST_REASM_FRAGMENTS ? &too_many : NULL;
}

static void insert(struct cst_worker *w, struct store *s, struct datagram *d, struct rte_mbuf *m,
		   struct rte_mbuf *after)
{
	struct piece *p = piece_of(m);

	p->next = after ? piece_of(after)->next : d->first;
	if (after)
		piece_of(after)->next = m;
	else
		d->first = m;
	if (!p->next)
		d->last = m;
	d->have += p->len;
	d->fragments++;
	d->segments = (uint16_t)(d->segments + m->nb_segs);
	s->segments += m->nb_segs;
	w->stats.held++;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Its pieces in a row, headers but the first's cut off. */
static struct rte_mbuf *join(struct rte_mbuf *m)
{
	struct rte_mbuf *next = piece_of(m)->next, *tail = rte_pktmbuf_lastseg(m);

	while (next) {
		const struct piece p = *piece_of(next);

		rte_pktmbuf_adj(next, (uint16_t)p.hdr);
		tail->next = next;
		m->nb_segs = (uint16_t)(m->nb_segs + next->nb_segs);
		m->pkt_len += next->pkt_len;
		tail = rte_pktmbuf_lastseg(next);
		next = p.next;
	}
	return m;
}

/* Congestion met by one fragment was met by the datagram (RFC 3168 5.3). */
#define MET_CONGESTION(seen) ((seen)&1 << 3)

static void heal4(struct rte_mbuf *m, uint8_t seen)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	cst_put_be16(ip + 2, (uint16_t)m->pkt_len);
	cst_put_be16(ip + 6, cst_be16(ip + 6) & 0x4000);
	if (MET_CONGESTION(seen))
		ip[1] |= 3;
	cst_ip4_csum_set(ip);
}

/* Out comes the fragment header: what stands in front, the L2 header too, moves over it. */
static void heal6(struct rte_mbuf *m, uint8_t seen, uint32_t frag_hdr)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t l2 = cst_pkt(m)->l2_len;
	uint32_t named = 6; /* the byte that says "fragment" */

	for (uint32_t off = 40; off < frag_hdr; off += (ip[off + 1] + 1u) * 8)
		named = off;
	ip[named] = ip[frag_hdr];
	memmove(ip - l2 + 8, ip - l2, l2 + frag_hdr);
	rte_pktmbuf_adj(m, 8);
	ip += 8;
	cst_put_be16(ip + 4, (uint16_t)(m->pkt_len - 40));
	if (MET_CONGESTION(seen))
		ip[1] |= 0x30;
}

static struct rte_mbuf *complete(struct cst_worker *w, struct store *s, uint16_t at)
{
	struct datagram *d = &s->d[at];
	uint32_t size = piece_of(d->first)->hdr + d->total;
	uint16_t n = d->fragments;
	uint8_t seen = d->ecn;
	struct rte_mbuf *m = take_fragments(w, s, d);
	struct cst_pkt *pkt = cst_pkt(m);
	uint32_t frag_hdr = piece_of(m)->frag_hdr;

	unlink_datagram(w, s, at);
	if (size > UINT16_MAX) { /* the first one's header is longer than the others' */
		drop_from(w, m, &malformed);
		return NULL;
	}
	join(m);
	if (frag_hdr) {
		heal6(m, seen, frag_hdr);
		pkt->l4_off = (uint16_t)(pkt->l4_off - 8);
	} else {
		heal4(m, seen);
	}
	pkt->flags &= ~(CST_PKT_FRAG | CST_PKT_L4_LATER);
	pkt->ip_len = (uint16_t)m->pkt_len;
	/* what a NIC says of checksums, it said of a fragment */
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	w->stats.consumed += n - 1u;
	/* in one piece all goes the fast way; what is too long for that goes on as it is */
	rte_pktmbuf_linearize(m);
	return m;
}

struct rte_mbuf *cst_reasm_add(struct cst_worker *w, struct rte_mbuf *m,
			       const struct cst_ip_info *ip, uint32_t hash)
{
	struct store *s = stores[w->id];
	uint32_t hdr =
		ip->frag_hdr ? ip->frag_hdr + 8u : (*rte_pktmbuf_mtod(m, uint8_t *) & 15u) * 4;
	uint32_t len = ip->total_len - hdr;
	uint16_t bucket = (uint16_t)(hash >> 22); /* the low bits choose the worker */
	bool last = !(ip->flags & CST_IP_FRAG_MORE);
	const struct key key = key_of(m, ip);
	const struct cst_drop *why;
	struct rte_mbuf *after;
	struct datagram *d;
	uint16_t at;

	/* headers of later fragments are cut off within one segment; an empty one says nothing */
	if (unlikely(len == 0 || m->data_len < hdr || hdr + ip->frag_off + len > UINT16_MAX)) {
		cst_drop_burst(w, &malformed, &m, 1);
		return NULL;
	}
	*piece_of(m) = (struct piece){NULL, ip->frag_off, len, hdr, ip->frag_hdr};
	at = find(s, &key, bucket);
	if (!at)
		at = begin(w, s, &key, bucket);
	d = &s->d[at];
	if (unlikely(d->refused != NULL)) {
		cst_drop_burst(w, d->refused, &m, 1);
		return NULL;
	}
	why = why_not(d, piece_of(m), last, &after);
	if (unlikely(why == &duplicate)) {
		cst_drop_burst(w, why, &m, 1);
		return NULL;
	}
	d->ecn |= (uint8_t)(1u << (ip->tos & 3));
	if (!why && MET_CONGESTION(d->ecn) && (d->ecn & 1))
		why = &malformed;
	if (unlikely(why != NULL)) {
		refuse(w, s, d, m, why);
		return NULL;
	}
	if (last)
		d->total = piece_of(m)->off + len;
	insert(w, s, d, m, after);
	if (unlikely(d->total && d->have == d->total))
		return complete(w, s, at);
	/* it may be the oldest itself: then it goes too */
	while (unlikely(s->segments > max_segments))
		evict(w, s);
	return NULL;
}

bool cst_reasm_expire(struct cst_worker *w, struct rte_mbuf **first)
{
	struct store *s = stores[w->id];
	uint16_t at = s->d[0].newer;
	struct rte_mbuf *m;

	*first = NULL;
	if (!at || w->now < s->d[at].since + lifetime)
		return false;
	m = take_fragments(w, s, &s->d[at]);
	if (m && piece_of(m)->off == 0) {
		*first = m;
		m = piece_of(m)->next;
		cst_pkt(*first)->drop = timeout.id;
	}
	drop_from(w, m, &timeout);
	unlink_datagram(w, s, at);
	return true;
}

/* ---- up and down ---------------------------------------------------------------------------- */

static struct store *make(uint16_t worker)
{
	const struct cst_worker *w = cst_worker_get(worker);
	struct store *s =
		rte_zmalloc_socket("reassembly", sizeof(*s), RTE_CACHE_LINE_SIZE,
				   w ? (int)rte_lcore_to_socket_id(w->lcore) : SOCKET_ID_ANY);

	for (uint16_t i = CST_REASM_DATAGRAMS; s && i > 0; i--) {
		s->d[i].next = s->free;
		s->free = i;
	}
	return s;
}

int cst_reasm_start(uint16_t workers, uint32_t packet_buffers, struct cst_err *e)
{
	lifetime = rte_get_tsc_hz() / 1000 * CST_REASM_MS;
	seed = rte_rand();
	max_segments = RTE_MAX(packet_buffers / 4 / workers, (uint32_t)CST_REASM_FRAGMENTS);
	for (uint16_t i = 0; i < CST_MAX_WORKERS; i++)
		cst_reasm_due[i].at = UINT64_MAX;
	for (uint16_t i = 0; i < workers; i++) {
		stores[i] = make(i);
		if (!stores[i])
			return cst_err(e, -ENOMEM, NULL, "no packet memory for reassembly");
	}
	return 0;
}

void cst_reasm_stop(void)
{
	for (uint16_t i = 0; i < CST_MAX_WORKERS; i++) {
		struct store *s = stores[i];

		for (uint16_t at = s ? s->d[0].newer : 0; at; at = s->d[at].newer) {
			struct rte_mbuf *m = s->d[at].first, *next;

			for (; m; m = next) {
				next = piece_of(m)->next;
				rte_pktmbuf_free(m);
			}
		}
		rte_free(s);
		stores[i] = NULL;
		cst_reasm_due[i].at = UINT64_MAX;
	}
}
