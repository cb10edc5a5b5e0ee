/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The networks hang in a treap by network instance, family and address. As they
 * never overlap, "overlaps" can be its "equal". Nodes are the numbers' own
 * records: nothing is allocated, so that an abort cannot fail.
 */
#include "upf_framed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upf_match.h"
#include "upf_node.h"
#include "upf_pool_int.h"

struct framed {
	struct upf_net net;
	uint64_t seid;
	uint32_t left, right, priority;
	uint16_t vrf;
};

struct step { /* of the running transaction */
	uint32_t number;
	bool taken; /* else left */
};

static struct framed *all; /* [0] is none */
static uint32_t root;
static struct step *steps;
static size_t n_steps, room;

int upf_framed_open(uint32_t count, struct cst_err *e)
{
	all = calloc((size_t)count + 1, sizeof(*all));
	return all ? 0 : cst_err(e, -ENOMEM, NULL, "no memory for framed routes");
}

void upf_framed_close(void)
{
	free(all);
	free(steps);
	all = NULL;
	steps = NULL;
	root = 0;
	n_steps = room = 0;
}

/* ---- the treap -------------------------------------------------------------------- */

/* 0: they overlap. */
static int compare(const struct framed *a, uint16_t vrf, const struct upf_net *b)
{
	uint8_t len = a->net.len < b->len ? a->net.len : b->len;

	if (a->vrf != vrf)
		return a->vrf < vrf ? -1 : 1;
	if (a->net.family != b->family)
		return a->net.family < b->family ? -1 : 1;
	return upf_prefix_eq(a->net.addr, b->addr, len) ? 0 : memcmp(a->net.addr, b->addr, 16);
}

static uint32_t find(uint16_t vrf, const struct upf_net *net)
{
	uint32_t i = root;

	while (i) {
		int c = compare(&all[i], vrf, net);

		if (c == 0)
			return i;
		i = c > 0 ? all[i].left : all[i].right;
	}
	return 0;
}

static uint32_t rotate_right(uint32_t i)
{
	uint32_t up = all[i].left;

	all[i].left = all[up].right;
	all[up].right = i;
	return up;
}

static uint32_t rotate_left(uint32_t i)
{
	uint32_t up = all[i].right;

	all[i].right = all[up].left;
	all[up].left = i;
	return up;
}

static uint32_t insert(uint32_t at, uint32_t number)
{
	const struct framed *n = &all[number];

	if (!at)
		return number;
	if (compare(&all[at], n->vrf, &n->net) > 0) {
		all[at].left = insert(all[at].left, number);
		return all[all[at].left].priority > all[at].priority ? rotate_right(at) : at;
	}
	all[at].right = insert(all[at].right, number);
	return all[all[at].right].priority > all[at].priority ? rotate_left(at) : at;
}

static uint32_t merge(uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	if (all[a].priority > all[b].priority) {
		all[a].right = merge(all[a].right, b);
		return a;
	}
	all[b].left = merge(a, all[b].left);
	return b;
}

static void add(uint32_t number)
{
	static uint32_t x = 2463534242u; /* depth must be even, not unforeseeable */

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	all[number].left = all[number].right = 0;
	all[number].priority = x;
	root = insert(root, number);
}

static void cut(uint32_t number)
{
	const struct framed *n = &all[number];
	uint32_t *at = &root;

	while (*at != number)
		at = compare(&all[*at], n->vrf, &n->net) > 0 ? &all[*at].left : &all[*at].right;
	*at = merge(n->left, n->right);
}

/* ---- the transaction ----------------------------------------------------------------- */

static bool note(uint32_t number, bool taken)
{
	if (n_steps == room) {
		size_t more = room ? room * 2 : 64;
		struct step *s = realloc(steps, more * sizeof(*s));

		if (!s)
			return false;
		steps = s;
		room = more;
	}
	steps[n_steps++] = (struct step){number, taken};
	return true;
}

static struct cst_prefix prefix_of(const struct upf_net *net)
{
	struct cst_prefix p = {.ip = {.family = net->family}, .len = net->len};

	memcpy(p.ip.b, net->addr, 16);
	return p;
}

static struct upf_net net_of(const struct cst_prefix *p)
{
	struct upf_net n = {.family = p->ip.family, .len = p->len};

	memcpy(n.addr, p->ip.b, p->ip.family == 4 ? 4 : 16);
	return n;
}

static int held_by(const struct framed *f, struct cst_err *e)
{
	struct cst_prefix p = prefix_of(&f->net);
	char text[64];

	return cst_err(e, -EADDRINUSE, NULL, "overlaps with framed route %s of session %llu",
		       cst_prefix_text(&p, text), (unsigned long long)f->seid);
}

int upf_framed_check(uint16_t vrf, const struct cst_prefix *prefix, uint64_t seid,
		     struct cst_err *e)
{
	struct upf_net net = net_of(prefix);
	uint32_t other = find(vrf, &net);

	return other && all[other].seid != seid ? held_by(&all[other], e) : 0;
}

int upf_framed_take(uint32_t number, uint64_t seid, uint16_t vrf, const struct upf_net *net,
		    struct cst_err *e)
{
	struct cst_prefix prefix = prefix_of(net);
	uint32_t other = find(vrf, net);
	int rc;

	if (other)
		return held_by(&all[other], e);
	rc = upf_pools_overlap(&prefix, vrf, e);
	if (rc == 0)
		rc = upf_strays_overlap(&prefix, vrf, seid, e);
	if (rc == 0)
		rc = upf_net_open(e);
	if (rc < 0)
		return rc;
	rc = cst_net_put_service(vrf, &prefix, upf_service, UPF_MAX_POOLS + number, e);
	if (rc < 0) {
		if (e)
			e->field[0] = '\0'; /* the route's, which nobody has put */
		return rc;
	}
	if (!note(number, true))
		return cst_err(e, -ENOMEM, NULL, "no memory for the framed route");
	all[number] = (struct framed){.net = *net, .seid = seid, .vrf = vrf};
	add(number);
	return 0;
}

int upf_framed_leave(uint32_t number, struct cst_err *e)
{
	struct cst_prefix prefix = prefix_of(&all[number].net);
	int rc = upf_net_open(e);

	if (rc < 0)
		return rc;
	rc = cst_net_del_service(all[number].vrf, &prefix);
	if (rc == 0 && !note(number, false))
		rc = -ENOMEM;
	if (rc < 0)
		return cst_err(e, rc, NULL, "its framed route cannot be taken out of the routes");
	cut(number);
	return 0;
}

void upf_framed_commit(void)
{
	n_steps = 0;
}

void upf_framed_abort(void)
{
	while (n_steps > 0) {
		struct step s = steps[--n_steps];

		if (!s.taken) {
			add(s.number);
			continue;
		}
		cut(s.number);
		upf_part_free(UPF_PART_FRAMED, s.number);
	}
}

/* ---- live ------------------------------------------------------------------------------ */

bool upf_framed_is(uint32_t number, uint16_t vrf, const struct upf_net *net)
{
	return all[number].vrf == vrf && memcmp(&all[number].net, net, sizeof(*net)) == 0;
}

void upf_framed_set(uint32_t number, uint32_t ref)
{
	__atomic_store_n(&upf_tables.framed[number], ref, __ATOMIC_RELEASE);
}
