/* SPDX-License-Identifier: BSD-3-Clause */
/* Identification, the workers' side. */
#include <string.h>

#include "flow.h"
#include "prer_ident_int.h"

/* Octets of the frame in the order of each kind's key; false: a frame without them. */
static bool l2_body(union ident_body *b, const struct prer_frame *f)
{
	b->w[1] = 0;
	memcpy(b->dmac, f->p, 12);
	return true;
}

static bool ip_body(union ident_body *b, const struct prer_frame *f)
{
	uint32_t at = f->payload + 2u;
	struct cst_flow flow;

	if (f->type != CST_ETH_IPV4 && f->type != CST_ETH_IPV6)
		return false;
	if (cst_flow_parse(f->p + at, f->len - at, &flow))
		return false;
	memset(b, 0, sizeof(*b));
	memcpy(b->ip.dmac, f->p, 6);
	b->ip.dscp = flow.tos >> 2;
	b->ip.proto = flow.proto;
	/* the parts of a datagram must not go different ways: its ports are those of no part */
	if ((flow.flags & CST_FLOW_PORTS) && !(flow.flags & CST_FLOW_FRAG)) {
		b->ip.src_port = flow.src_port;
		b->ip.dst_port = flow.dst_port;
	}
	b->ip.family = flow.family;
	memcpy(b->ip.src, flow.src.b, 16);
	memcpy(b->ip.dst, flow.dst.b, 16);
	return true;
}

/* What a frame is too short for is 0, as its padding would be. */
static bool msdu_body(union ident_body *b, const struct prer_frame *f)
{
	uint32_t n = f->len - f->payload;

	memcpy(b->dmac, f->p, 12);
	memset(b->msdu, 0, sizeof(b->msdu));
	memcpy(b->msdu, f->p + f->payload, n < PRER_MSDU_OCTETS ? n : PRER_MSDU_OCTETS);
	return true;
}

static bool make_body(enum ident_kind kind, union ident_body *b, const struct prer_frame *f)
{
	switch (kind) {
	case IDENT_L2:
		return l2_body(b, f);
	case IDENT_IP:
		return ip_body(b, f);
	default:
		return msdu_body(b, f);
	}
}

static inline bool same(const struct ident_key *a, const struct ident_key *b, uint32_t len)
{
	const uint64_t *x = (const uint64_t *)a, *y = (const uint64_t *)b;

	for (; len; len -= 8)
		if (*x++ != *y++)
			return false;
	return true;
}

/* From this entry of its chain on. */
static inline uint32_t look_up(const struct ident_key *k, uint32_t len, uint32_t i)
{
	while (i) {
		const struct ident_entry *e = &ident_entries[i];

		if (same(&e->key, k, len)) {
			/* 0: another holds until the change that brings this one is made */
			uint32_t value = __atomic_load_n(&e->value, __ATOMIC_ACQUIRE);

			if (value)
				return value;
		}
		i = __atomic_load_n(&e->next, __ATOMIC_ACQUIRE);
	}
	return 0;
}

static inline uint32_t chain_of(const struct ident_key *k, uint32_t len)
{
	return __atomic_load_n(ident_head(k, len), __ATOMIC_ACQUIRE);
}

static inline const struct ident_list *masks_at(uint16_t port)
{
	return __atomic_load_n(&ident_lists[port % CST_MAX_PORTS], __ATOMIC_ACQUIRE);
}

/* Under the masks but the first. */
static uint32_t find(const struct ident_list *l, uint32_t place, const struct prer_frame *f)
{
	union ident_body full;
	bool there = false;
	int kind = -1;

	for (unsigned i = 1; i < l->n; i++) {
		struct ident_key k;
		uint32_t value, len;

		if (ident_shapes[l->shape[i]].kind != kind) {
			kind = ident_shapes[l->shape[i]].kind;
			there = make_body(kind, &full, f);
		}
		if (!there)
			continue;
		len = ident_key(&k, place, l->shape[i], f->vlan, &full);
		value = look_up(&k, len, chain_of(&k, len));
		if (value)
			return value;
	}
	return 0;
}

void prer_ident_ask(struct prer_look *l, uint16_t port, uint32_t tunnel, const struct prer_frame *f)
{
	const struct ident_list *masks = masks_at(port);
	struct ident_key *k = (struct ident_key *)l->key;
	union ident_body full;

	l->frame = f;
	l->masks = masks;
	l->place = ident_place(port, tunnel);
	l->len = 0;
	l->entry = 0;
	if (!masks || !make_body(ident_shapes[masks->shape[0]].kind, &full, f))
		return;
	l->len = ident_key(k, l->place, masks->shape[0], f->vlan, &full);
	l->head = ident_head(k, l->len);
	__builtin_prefetch(l->head);
}

void prer_ident_reach(struct prer_look *l)
{
	if (!l->len)
		return;
	l->entry = __atomic_load_n(l->head, __ATOMIC_ACQUIRE);
	__builtin_prefetch(&ident_entries[l->entry]);
}

uint32_t prer_ident_answer(struct prer_look *l)
{
	const struct ident_list *masks = l->masks;
	uint32_t value = look_up((const struct ident_key *)l->key, l->len, l->entry);

	if (value || !masks || masks->n == 1)
		return value;
	return find(masks, l->place, l->frame);
}
