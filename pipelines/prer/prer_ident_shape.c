/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_ident_shape.h"

#include <string.h>

#include "engine/rcu.h"

struct ident_shape ident_shapes[IDENT_MAX_SHAPES + 1];

static uint32_t refs[IDENT_MAX_SHAPES + 1]; /* a freed one keeps 1 until the grace period is over */

void ident_shape_hold(uint16_t shape)
{
	refs[shape]++;
}

static void release(void *unused, uint64_t shape)
{
	if (refs[shape])
		refs[shape]--;
}

void ident_shape_put(uint16_t shape)
{
	cst_rcu_defer(release, NULL, shape);
}

void ident_shapes_forget(void)
{
	memset(refs, 0, sizeof(refs));
}

/* ---- from what is asked ------------------------------------------------------- */

static void mac(uint8_t *mask, uint8_t *value, const uint8_t *mac)
{
	memset(mask, 0xff, 6);
	memcpy(value, mac, 6);
}

static void ip(const struct prer_ident_conf *c, union ident_body *mask, union ident_body *v)
{
	unsigned n = c->family == 4 ? 4 : 16;

	if (c->has_mac)
		mac(mask->ip.dmac, v->ip.dmac, c->mac);
	mask->ip.family = 0xff;
	v->ip.family = c->family;
	if (c->has_src) {
		memset(mask->ip.src, 0xff, 16);
		memcpy(v->ip.src, c->src, n);
	}
	if (c->has_dst) {
		memset(mask->ip.dst, 0xff, 16);
		memcpy(v->ip.dst, c->dst, n);
	}
	if (c->dscp < PRER_ANY_DSCP) {
		mask->ip.dscp = 0xff;
		v->ip.dscp = c->dscp;
	}
	mask->ip.proto = c->proto ? 0xff : 0;
	v->ip.proto = c->proto;
	mask->ip.src_port = c->src_port ? 0xffff : 0;
	v->ip.src_port = c->src_port;
	mask->ip.dst_port = c->dst_port ? 0xffff : 0;
	v->ip.dst_port = c->dst_port;
}

static void octets(uint8_t *mask, uint8_t *value, const uint8_t *m, const uint8_t *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		mask[i] = m[i];
		value[i] = m[i] & v[i];
	}
}

static enum ident_vlan vlan_of(const struct prer_ident_conf *c)
{
	if (c->tagged == PRER_PRIORITY || c->vlan)
		return VLAN_EXACT;
	return c->tagged == PRER_TAGGED ? VLAN_SOME : VLAN_ANY;
}

static void describe(const struct prer_ident_conf *c, struct ident_shape *s, struct ident_key *k)
{
	union ident_body *v = &k->body;

	memset(v, 0, sizeof(*v));
	s->kind = c->type == PRER_IDENT_IP     ? IDENT_IP
		  : c->type == PRER_IDENT_MASK ? IDENT_MSDU
					       : IDENT_L2;
	s->words = s->kind == IDENT_L2 ? 2 : 6;
	s->vlan = vlan_of(c);
	k->vlan = s->vlan == VLAN_SOME ? 1 : c->tagged == PRER_PRIORITY ? 0 : c->vlan;
	if (s->kind == IDENT_IP) {
		ip(c, &s->mask, v);
	} else if (s->kind == IDENT_MSDU) {
		octets(s->mask.dmac, v->dmac, c->dmac_mask, c->dmac, 6);
		octets(s->mask.smac, v->smac, c->smac_mask, c->smac, 6);
		octets(s->mask.msdu, v->msdu, c->msdu_mask, c->msdu, PRER_MSDU_OCTETS);
	} else if (c->type == PRER_IDENT_SOURCE) {
		mac(s->mask.smac, v->smac, c->mac);
	} else {
		mac(s->mask.dmac, v->dmac, c->mac);
	}
}

static bool asks_nothing(const struct ident_shape *s)
{
	static const union ident_body none;

	return s->vlan == VLAN_ANY && memcmp(&s->mask, &none, sizeof(none)) == 0;
}

bool ident_shape_of(const struct prer_ident_conf *c, struct ident_key *k, enum prer_ident_why *why)
{
	struct ident_shape s = {0};
	uint16_t unused = 0;

	describe(c, &s, k);
	if (asks_nothing(&s)) {
		*why = PRER_IDENT_EMPTY;
		return false;
	}
	for (uint16_t i = 1; i <= IDENT_MAX_SHAPES; i++) {
		if (!refs[i])
			unused = unused ? unused : i;
		else if (memcmp(&ident_shapes[i], &s, sizeof(s)) == 0)
			unused = i;
		if (unused && refs[unused])
			break;
	}
	if (!unused) {
		*why = PRER_IDENT_MASKS;
		return false;
	}
	if (!refs[unused])
		ident_shapes[unused] = s;
	k->shape = unused;
	ident_shape_hold(unused);
	return true;
}

/* ---- do two meet? ----------------------------------------------------------------- */

static bool vlans_meet(const struct ident_key *a, const struct ident_key *b)
{
	uint8_t of_a = ident_shapes[a->shape].vlan, of_b = ident_shapes[b->shape].vlan;

	if (of_a == VLAN_ANY || of_b == VLAN_ANY)
		return true;
	if (of_a == VLAN_EXACT && of_b == VLAN_EXACT)
		return a->vlan == b->vlan;
	return (of_a == VLAN_SOME || a->vlan) && (of_b == VLAN_SOME || b->vlan);
}

static bool bodies_meet(const union ident_body *ma, const union ident_body *a,
			const union ident_body *mb, const union ident_body *b)
{
	for (unsigned i = 0; i < 6; i++)
		if (ma->w[i] & mb->w[i] & (a->w[i] ^ b->w[i]))
			return false;
	return true;
}

/* What an IP identification says of the octets that mask-and-match sees: all but ports, which stand
 * behind options, and the last octets of an IPv6 destination. */
static void ip_as_octets(const union ident_body *m, const union ident_body *v,
			 union ident_body *mask, union ident_body *value)
{
	bool v4 = v->ip.family == 4;
	uint8_t *mp = mask->msdu + 2, *vp = value->msdu + 2; /* the IP header */
	uint16_t tos = (uint16_t)(v->ip.dscp << 2), tos_mask = (uint16_t)(m->ip.dscp ? 0xfc : 0);

	memset(mask, 0, sizeof(*mask));
	memset(value, 0, sizeof(*value));
	memcpy(mask->dmac, m->ip.dmac, 6);
	memcpy(value->dmac, v->ip.dmac, 6);
	cst_put_be16(mask->msdu, 0xffff);
	cst_put_be16(value->msdu, v4 ? CST_ETH_IPV4 : CST_ETH_IPV6);
	if (v4) {
		cst_put_be16(mp, (uint16_t)(0xf000 | tos_mask));
		cst_put_be16(vp, (uint16_t)(0x4000 | tos));
		mp[9] = m->ip.proto;
		vp[9] = v->ip.proto;
		octets(mp + 12, vp + 12, m->ip.src, v->ip.src, 4);
		octets(mp + 16, vp + 16, m->ip.dst, v->ip.dst, 4);
	} else {
		cst_put_be16(mp, (uint16_t)(0xf000 | tos_mask << 4));
		cst_put_be16(vp, (uint16_t)(0x6000 | tos << 4));
		octets(mp + 8, vp + 8, m->ip.src, v->ip.src, 16);
		octets(mp + 24, vp + 24, m->ip.dst, v->ip.dst, PRER_MSDU_OCTETS - 26);
	}
}

bool ident_overlap(const struct ident_key *a, const struct ident_key *b)
{
	const struct ident_shape *sa = &ident_shapes[a->shape], *sb = &ident_shapes[b->shape];
	const union ident_body *ma = &sa->mask, *va = &a->body, *mb = &sb->mask, *vb = &b->body;
	union ident_body am, av, bm, bv;

	if (a->place != b->place || !vlans_meet(a, b))
		return false;
	if ((sa->kind == IDENT_IP) == (sb->kind == IDENT_IP))
		return bodies_meet(ma, va, mb, vb);
	if (sa->kind == IDENT_IP) {
		ip_as_octets(ma, va, &am, &av);
		return bodies_meet(&am, &av, mb, vb);
	}
	ip_as_octets(mb, vb, &bm, &bv);
	return bodies_meet(ma, va, &bm, &bv);
}

void prer_ident_on_path(struct prer_ident_conf *c, const struct prer_path *path)
{
	bool has_dmac = c->type == PRER_IDENT_NULL || c->type == PRER_IDENT_DESTINATION ||
			(c->type == PRER_IDENT_IP && c->has_mac);

	if (path->flags & PRER_PATH_VLAN) {
		c->vlan = path->vlan;
		c->tagged = path->vlan ? PRER_TAGGED : PRER_PRIORITY;
	}
	if ((path->flags & PRER_PATH_DMAC) && has_dmac)
		memcpy(c->mac, path->dmac, 6);
}
