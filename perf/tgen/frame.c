/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "eth.h"
#include "frame.h"
#include "gtpu.h"
#include "ip.h"
#include "udp.h"

static uint16_t put_ip(uint8_t *p, const uint8_t *src, const uint8_t *dst, uint16_t total)
{
	struct cst_ip4_hdr *ip = (struct cst_ip4_hdr *)p;

	memset(p, 0, sizeof(*ip));
	ip->version_ihl = 0x45;
	ip->ttl = 64;
	ip->proto = CST_PROTO_UDP;
	memcpy(ip->src, src, 4);
	memcpy(ip->dst, dst, 4);
	cst_put_be16(&ip->total_length, total);
	cst_put_be16(&ip->csum, cst_csum_fold(cst_csum_add(0, p, sizeof(*ip))));
	return cst_be16(&ip->csum);
}

void frame_make(struct frame *f, const struct net *net, enum direction dir, uint16_t size)
{
	static const uint8_t any[4];
	const struct side *side = dir == UP ? &net->n3 : &net->n6;
	uint8_t *p = f->head;

	memset(f, 0, sizeof(*f));
	f->dir = (uint8_t)dir;
	f->size = size;
	p += cst_eth_put(p, side->peer_mac, side->mac, CST_ETH_IPV4);
	if (dir == UP) {
		put_ip(p, net->n3.ip, net->n3.peer_ip, (uint16_t)(20 + 8 + 16 + size));
		p += 20;
		p += cst_udp_put(p, CST_GTPU_PORT, CST_GTPU_PORT, (uint16_t)(8 + 16 + size));
		p += cst_gtpu_put_psc(p, CST_GTPU_GPDU, 0, size, cst_gtpu_psc_ul(net->qfi));
	}
	f->ip_at = (uint16_t)(p - f->head);
	f->csum = dir == UP ? put_ip(p, any, net->n6.ip, size) : put_ip(p, net->n6.ip, any, size);
	p += 20;
	p += dir == UP ? cst_udp_put(p, UE_PORT, DN_PORT, (uint16_t)(size - 20))
		       : cst_udp_put(p, DN_PORT, UE_PORT, (uint16_t)(size - 20));
	f->stamp_at = (uint16_t)(p - f->head);
	f->len = (uint16_t)(f->ip_at + size);
}

/* Of a header without options: a fixed number of words, no loop. */
static bool csum_ok(const uint8_t *ip)
{
	uint32_t w[5];

	memcpy(w, ip, sizeof(w));
	return cst_csum_fold((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]) == 0;
}

/* An IPv4 header without options, as all of these frames have. */
static bool plain_udp(const uint8_t *ip, uint32_t len)
{
	return len >= 28 && ip[0] == 0x45 && ip[9] == CST_PROTO_UDP && cst_be16(ip + 2) <= len &&
	       cst_be16(ip + 2) >= 28;
}

/* Where the packet is, behind a GTP-U header; NULL: no G-PDU. */
static const uint8_t *decap(const uint8_t *ip, uint32_t len, struct cst_gtpu *g)
{
	const uint8_t *gtpu = ip + 28;

	if (!plain_udp(ip, len) || cst_be16(ip + 22) != CST_GTPU_PORT)
		return NULL;
	if (cst_gtpu_parse(gtpu, cst_be16(ip + 2) - 28u, g) < 0 || g->type != CST_GTPU_GPDU)
		return NULL;
	return gtpu + g->hdr_len;
}

static bool outer_ok(const struct net *net, const uint8_t *ip, const struct cst_gtpu *g,
		     const struct stamp *s)
{
	const uint8_t *src = s->dir == UP ? net->n3.ip : net->n3.peer_ip;
	const uint8_t *dst = s->dir == UP ? net->n3.peer_ip : net->n3.ip;
	uint32_t teid = s->dir == UP ? ul_teid_of(net, s->session) : dl_teid_of(net, s->session);

	return g->teid == teid && cst_be32(ip + 12) == cst_be32(src) &&
	       cst_be32(ip + 16) == cst_be32(dst) && cst_be16(ip + 2) == 28u + g->end &&
	       cst_be16(ip + 24) == cst_be16(ip + 2) - 20 && csum_ok(ip) &&
	       g->end == (uint32_t)g->hdr_len + s->size &&
	       (!g->has_psc || (g->qfi == net->qfi &&
				g->psc_type == (s->dir == UP ? CST_GTPU_PSC_UL : CST_GTPU_PSC_DL)));
}

static bool inner_ok(const struct net *net, const uint8_t *ip, const struct stamp *s)
{
	uint32_t ue = ue_of(net, s->session), dn = cst_be32(net->n6.ip);
	uint32_t ports = s->dir == UP ? UE_PORT << 16 | DN_PORT : DN_PORT << 16 | UE_PORT;

	return cst_be16(ip + 2) == s->size && cst_be32(ip + 12) == (s->dir == UP ? ue : dn) &&
	       cst_be32(ip + 16) == (s->dir == UP ? dn : ue) && cst_be32(ip + 20) == ports &&
	       cst_be16(ip + 24) == s->size - 20 && csum_ok(ip);
}

enum verdict frame_check(const struct net *net, bool n3, const uint8_t *p, uint32_t len,
			 struct stamp *out)
{
	const uint8_t *inner, *ip = p + 14;
	struct cst_gtpu g = {0};

	if (len < 14 || cst_be16(p + 12) != CST_ETH_IPV4)
		return FRAME_OTHER;
	inner = decap(ip, len - 14, &g);
	ip = inner != NULL ? inner : ip;
	if (p + len < ip + 28 + sizeof(*out) || !plain_udp(ip, (uint32_t)(p + len - ip)))
		return FRAME_OTHER;
	memcpy(out, ip + 28, sizeof(*out));
	if (out->magic != STAMP_MAGIC)
		return FRAME_OTHER;
	if (out->session >= net->sessions || out->dir >= DIRECTIONS || !inner_ok(net, ip, out))
		return FRAME_WRONG;
	/* which form it must have: a UPF turns one into the other, an echo leaves it */
	if ((inner != NULL) != (net->echo ? out->dir == UP : out->dir == DOWN))
		return FRAME_WRONG;
	if (inner != NULL && !outer_ok(net, p + 14, &g, out))
		return FRAME_WRONG;
	if (net->echo)
		return n3 == (net->echo_other ? out->dir == DOWN : out->dir == UP) ? FRAME_OK
										   : FRAME_WRONG;
	if (n3 != (out->dir == DOWN) || !cst_mac_eq(p, n3 ? net->n3.mac : net->n6.mac))
		return FRAME_WRONG;
	return FRAME_OK;
}

void frame_arp_ask(const struct side *side, uint8_t *p)
{
	static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	struct cst_arp a = {.op = CST_ARP_REQUEST};

	memcpy(a.sender_mac, side->mac, 6);
	memcpy(a.sender_ip, side->ip, 4);
	memcpy(a.target_ip, side->peer_ip, 4);
	cst_arp_put(p + cst_eth_put(p, all, side->mac, CST_ETH_ARP), &a);
}

bool frame_arp_input(struct side *side, uint8_t *p, uint32_t len, bool *learnt)
{
	struct cst_arp q, a = {.op = CST_ARP_REPLY};

	if (len < FRAME_ARP_LEN || cst_be16(p + 12) != CST_ETH_ARP ||
	    cst_arp_parse(p + 14, len - 14, &q) != CST_ARP_OK)
		return false;
	if (q.op == CST_ARP_REPLY && memcmp(q.sender_ip, side->peer_ip, 4) == 0) {
		memcpy(side->peer_mac, q.sender_mac, 6);
		*learnt = true;
	}
	if (q.op != CST_ARP_REQUEST || memcmp(q.target_ip, side->ip, 4) != 0)
		return false;
	memcpy(a.sender_mac, side->mac, 6);
	memcpy(a.sender_ip, side->ip, 4);
	memcpy(a.target_mac, q.sender_mac, 6);
	memcpy(a.target_ip, q.sender_ip, 4);
	cst_arp_put(p + cst_eth_put(p, q.sender_mac, side->mac, CST_ETH_ARP), &a);
	return true;
}
