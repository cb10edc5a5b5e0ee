/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prer_dcw: members of streams that came over routed IP (RFC 9566). Finds the
 * stream by its S-Label and the path by the outer addresses, takes off the headers
 * and sends the payload on to its elimination, on the stream's owner. Packets of
 * the associated channel go to prer_probe.
 *
 * A chunk passes in stages, each of which asks for the memory of the next one.
 */
#include <rte_prefetch.h>

#include "net/drops.h"
#include "net/ip_in.h"
#include "net/net.h"
#include "prer_dcw.h"
#include "prer_probe.h"

#define CHUNK 32
/* A packet that cannot be had in one piece must have its headers in the first: outer IP and UDP,
 * label and control word, inner IP. */
#define HEADERS (60 + 8 + CST_DCW_LEN + 60)

enum { TO_ELIMINATE, TO_PROBE };
static const char *const edges[] = {"prer_eliminate", "prer_probe", NULL};

CST_DROP(malformed, "prer.dcw_malformed",
	 "behind UDP port 6635 there is no S-Label and control word (RFC 8964)");
CST_DROP(stack, "prer.dcw_labels",
	 "more labels than the S-Label; F-Labels and aggregation are not taken (RFC 9566)");
CST_DROP(unknown_label, "prer.unknown_label",
	 "no stream that receives has this service_label; the far end sends by another");
CST_DROP(
	no_path, "prer.no_path",
	"none of the stream's paths has these outer addresses in this network instance; forged, or "
	"the far end sends from another address");
CST_DROP(payload, "prer.dcw_payload",
	 "no sound IP packet, or Ethernet frame, behind the control word; check the stream's "
	 "payload at both ends");
CST_DROP(channel, "prer.dcw_channel",
	 "a message of the associated channel that is not coast's own probe");

CST_DROP(ecn, "prer.dcw_ecn",
	 "congestion marked outside, and the transport inside cannot hear of it (RFC 6040)");

/* What the stages hand down about one packet. */
struct item {
	uint32_t seq;
	uint32_t label;
	uint32_t stream;
	uint32_t len; /* of the payload */
	uint16_t at;  /* where it begins */
	uint8_t tos;  /* outer type of service */
	bool decided; /* its edge is set */
};

/* Packets of one chunk whose streams live on other workers. */
struct strangers {
	uint16_t n;
	struct rte_mbuf *pkts[CHUNK];
	uint8_t owner[CHUNK];
};

static uint8_t from_classify, from_reassemble, from_rx;

static uint8_t why_bad(struct rte_mbuf *m, int rc)
{
	return cst_drop(m, rc == CST_DCW_STACK ? &stack : &malformed);
}

/* True with headers in one piece. */
static bool __rte_noinline gather(struct rte_mbuf *m)
{
	return rte_pktmbuf_linearize(m) == 0 || m->data_len >= HEADERS;
}

static inline void read_header(struct rte_mbuf *m, struct item *it, uint8_t *edge)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	const uint8_t *udp;
	struct cst_dcw cw;
	uint32_t len;
	int rc;

	*it = (struct item){.decided = true};
	if (unlikely(m->nb_segs > 1 && !gather(m))) {
		*edge = cst_drop(m, cst_drop_scattered);
		return;
	}
	/* `classify` has seen that the datagram is all there */
	udp = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	len = cst_be16(udp + 4) - 8u;
	rc = cst_dcw_parse(udp + 8, len, &cw);
	if (unlikely(rc)) {
		*edge = why_bad(m, rc);
		return;
	}
	if (unlikely(cw.ach)) {
		*edge = cw.label == CST_LABEL_GAL && cw.channel == PRER_PROBE_CHANNEL
				? TO_PROBE
				: cst_drop(m, &channel);
		return;
	}
	it->decided = false;
	it->seq = cw.seq;
	it->label = cw.label;
	it->tos = prer_dcw_tos_of(rte_pktmbuf_mtod(m, const uint8_t *));
	it->at = (uint16_t)(pkt->l4_off + 8 + CST_DCW_LEN);
	it->len = len - CST_DCW_LEN;
	if (likely(prer_tables.label != NULL))
		rte_prefetch0(&prer_tables.label[cw.label]);
}

/* The stream's number; asks for the place of its record. */
static inline void find_stream(struct cst_worker *w, struct rte_mbuf *m, struct item *it,
			       uint8_t *edge, struct strangers *others)
{
	uint32_t id = 0;
	uint16_t owner;

	if (likely(prer_tables.label != NULL))
		id = __atomic_load_n(&prer_tables.label[it->label], __ATOMIC_ACQUIRE);
	if (unlikely(id == 0 || id >= prer_tables.streams)) {
		it->decided = true;
		*edge = cst_drop(m, &unknown_label);
		return;
	}
	owner = cst_owner_of(id);
	if (owner != w->id) {
		it->decided = true;
		*edge = CST_EDGE_TAKEN;
		cst_pkt(m)->resume = from_rx;
		others->owner[others->n] = (uint8_t)owner;
		others->pkts[others->n++] = m;
		return;
	}
	it->stream = id;
	rte_prefetch0(&prer_tables.slot[id]);
}

/* Which of the stream's paths it came by; PRER_MAX_PATHS: none. */
static inline unsigned path_of(const struct prer_stream *s, const uint8_t *ip, uint16_t vrf)
{
	for (unsigned i = 0; i < s->n_paths; i++)
		if (prer_dcw_came_by(&prer_tables.path[s->path[i]], ip, vrf))
			return i;
	return PRER_MAX_PATHS;
}

/* The IP packet inside, whose padding is let go. False: it contradicts itself. */
static inline bool read_ip(struct rte_mbuf *m, uint32_t *len, uint8_t *tos)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	struct cst_ip_info ip;

	/* extension headers are read within one segment */
	if (unlikely(m->nb_segs > 1 && p[0] >> 4 == 6 && cst_ip6_is_ext(p[6])))
		return false;
	if (unlikely(cst_ip_parse(p, *len, &ip)))
		return false;
	*len = ip.total_len;
	*tos = ip.tos;
	pkt->flags = 0;
	cst_ip_note(pkt, &ip);
	return true;
}

/* ECN of the IP packet inside is settled with the outer one's (RFC 6040 4.2). False: drop it. */
static bool __rte_noinline settle_ecn(struct rte_mbuf *m, uint8_t outer, uint8_t inner)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	int tos = cst_ip_decap_tos(outer, inner);

	if (tos < 0)
		return false;
	if (p[0] >> 4 == 4)
		cst_ip4_set_tos(p, (uint8_t)tos);
	else
		cst_ip6_set_tos(p, (uint8_t)tos);
	return true;
}

static inline bool read_frame(struct rte_mbuf *m, uint32_t len, uint8_t *l2_len)
{
	struct cst_l2 l2;

	if (unlikely(cst_l2_parse(rte_pktmbuf_mtod(m, const uint8_t *),
				  RTE_MIN(len, (uint32_t)m->data_len), &l2)))
		return false;
	*l2_len = (uint8_t)(l2.len - 2);
	cst_pkt(m)->flags = 0;
	return true;
}

static inline uint8_t deliver(struct rte_mbuf *m, struct item *it)
{
	const struct prer_stream *s = prer_stream(it->stream);
	union prer_word word = {.stream = it->stream};
	struct cst_pkt *pkt = cst_pkt(m);
	unsigned path;
	uint8_t tos = 0;

	if (unlikely(!s || !(s->flags & PRER_RECEIVE) || s->label_in != it->label))
		return cst_drop(m, &unknown_label);
	path = path_of(s, rte_pktmbuf_mtod(m, const uint8_t *), pkt->vrf);
	if (unlikely(path == PRER_MAX_PATHS))
		return cst_drop(m, &no_path);
	if (unlikely(!rte_pktmbuf_adj(m, it->at) || it->len == 0))
		return cst_drop(m, &payload);
	if (s->flags & PRER_IP ? !read_ip(m, &it->len, &tos)
			       : !read_frame(m, it->len, &word.l2_len))
		return cst_drop(m, &payload);
	if (unlikely((s->flags & PRER_IP) && cst_ip_decap_differs(it->tos, tos)) &&
	    !settle_ecn(m, it->tos, tos))
		return cst_drop(m, &ecn);
	cst_trim(m, it->len);
	pkt->hash = 0; /* of what was outside */
	word.path = (uint8_t)path;
	pkt->slice[0] = word.u64;
	pkt->slice[1] = s->bits ? it->seq & ((1u << s->bits) - 1) : PRER_NO_SEQ;
	return TO_ELIMINATE;
}

static uint16_t chunk(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct strangers others = {.n = 0};
	struct item items[CHUNK];
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++)
		read_header(pkts[i], &items[i], &edge[i]);
	for (uint16_t i = 0; i < n; i++)
		if (likely(!items[i].decided))
			find_stream(w, pkts[i], &items[i], &edge[i], &others);
	for (uint16_t i = 0; i < n; i++)
		if (likely(!items[i].decided))
			rte_prefetch0(prer_stream(items[i].stream));
	for (uint16_t i = 0; i < n; i++) {
		if (likely(!items[i].decided))
			edge[i] = deliver(pkts[i], &items[i]);
		aside += edge[i] != TO_ELIMINATE;
	}
	if (unlikely(others.n > 0))
		cst_handoff_each(w, others.pkts, others.owner, others.n);
	return aside;
}

uint16_t prer_dcw_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i = (uint16_t)(i + CHUNK))
		aside += chunk(w, pkts + i, RTE_MIN(n - i, CHUNK), edge + i);
	return aside;
}

CST_NODE(prer_dcw_node, .name = "prer_dcw",
	 .help = "members of streams over routed IP: stream by S-Label, path by address",
	 .process = prer_dcw_process, .edges = edges);
CST_ATTACH(prer_dcw_classify, "classify", "prer_dcw", &from_classify);
CST_ATTACH(prer_dcw_whole, "ip_reassemble", "prer_dcw", &from_reassemble);
CST_ATTACH(prer_dcw_rx, "rx", "prer_dcw", &from_rx);

static void __attribute__((constructor)) prer_dcw_register(void)
{
	cst_udp_port_register(CST_DCW_PORT, false, &from_classify, &from_reassemble);
}
