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

static uint32_t look_up(const struct ident_key *k, uint32_t len)
{
	uint32_t i = __atomic_load_n(ident_head(k, len), __ATOMIC_ACQUIRE);

	while (i) {
		const struct ident_entry *e = &ident_entries[i];
		uint32_t value;

		if (memcmp(&e->key, k, len) == 0) {
			/* 0: another holds until the change that brings this one is made */
			value = __atomic_load_n(&e->value, __ATOMIC_ACQUIRE);
			if (value)
				return value;
		}
		i = __atomic_load_n(&e->next, __ATOMIC_ACQUIRE);
	}
	return 0;
}

bool prer_ident_at(uint16_t port)
{
	return __atomic_load_n(&ident_lists[port % CST_MAX_PORTS], __ATOMIC_ACQUIRE) != NULL;
}

uint32_t prer_ident_find(uint16_t port, uint32_t tunnel, const struct prer_frame *f)
{
	const struct ident_list *l =
		__atomic_load_n(&ident_lists[port % CST_MAX_PORTS], __ATOMIC_ACQUIRE);
	uint32_t place = ident_place(port, tunnel);
	union ident_body full;
	bool there = false;
	int kind = -1;

	for (unsigned i = 0; l && i < l->n; i++) {
		struct ident_key k;
		uint32_t value;

		if (ident_shapes[l->shape[i]].kind != kind) {
			kind = ident_shapes[l->shape[i]].kind;
			there = make_body(kind, &full, f);
		}
		if (!there)
			continue;
		value = look_up(&k, ident_key(&k, place, l->shape[i], f->vlan, &full));
		if (value)
			return value;
	}
	return 0;
}
