/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "net/lpm.h"

static int item_cmp(const void *a, const void *b)
{
	const struct cst_lpm_item *x = a, *y = b;
	int c = memcmp(x->addr, y->addr, 16);

	return c ? c : x->len - y->len;
}

static uint32_t node_new(struct cst_lpm *t)
{
	if (t->n_nodes == t->room) {
		uint32_t room = t->room ? t->room * 2 : 8;
		struct cst_lpm_node *more = aligned_alloc(64, room * sizeof(*more));

		if (!more)
			return UINT32_MAX;
		if (t->n_nodes)
			memcpy(more, t->nodes, t->n_nodes * sizeof(*more));
		free(t->nodes);
		t->nodes = more;
		t->room = room;
	}
	return t->n_nodes++;
}

/* Bytes that all items share and that all of them cover whole: they need no node of their own. */
static unsigned shared_bytes(const struct cst_lpm_item *items, uint32_t n)
{
	unsigned shortest = 128, same = 0;

	for (uint32_t i = 0; i < n; i++)
		if (items[i].len < shortest)
			shortest = items[i].len;
	/* sorted, so what the first and the last share, all share */
	while (same < 16 && items[0].addr[same] == items[n - 1].addr[same])
		same++;
	return same < (shortest - 1) / 8 ? same : (shortest - 1) / 8;
}

static void node_init(struct cst_lpm_node *node, const uint8_t *addr, unsigned depth,
		      union cst_fib_entry miss)
{
	memset(node, 0, sizeof(*node));
	memcpy(node->prefix, addr, depth);
	memset(node->mask, 0xff, depth);
	node->depth = (uint8_t)depth;
	node->miss = miss;
	for (unsigned i = 0; i < 256; i++)
		node->slot[i] = miss;
}

/* The subtree of items[0..n): sorted, and each longer than the bytes above this node. `miss` is
 * what holds where none of them does. False: no memory. */
static bool build(struct cst_lpm *t, const struct cst_lpm_item *items, uint32_t n,
		  union cst_fib_entry miss, union cst_fib_entry *out)
{
	unsigned depth = shared_bytes(items, n);
	uint32_t id = node_new(t);

	if (id == UINT32_MAX)
		return false;
	node_init(&t->nodes[id], items[0].addr, depth, miss);

	for (uint32_t i = 0; i < n;) {
		uint8_t b = items[i].addr[depth];
		union cst_fib_entry sub;
		uint32_t end = i + 1;

		/* shorter prefixes sort before the longer ones inside them, so painting in this
		 * order leaves the longest on top */
		if (items[i].len <= (depth + 1) * 8) {
			unsigned width = 1u << ((depth + 1) * 8 - items[i].len);

			for (unsigned s = 0; s < width; s++)
				t->nodes[id].slot[b + s] = items[i].entry;
			i++;
			continue;
		}
		while (end < n && items[end].addr[depth] == b)
			end++;
		if (!build(t, &items[i], end - i, t->nodes[id].slot[b], &sub))
			return false;
		t->nodes[id].slot[b] = sub;
		i = end;
	}
	*out = (union cst_fib_entry){.type = CST_LPM_NODE,
				     .id = id * (sizeof(struct cst_lpm_node) / 64)};
	return true;
}

struct cst_lpm *cst_lpm_build(struct cst_lpm_item *items, uint32_t n)
{
	struct cst_lpm *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	if (n > 1)
		qsort(items, n, sizeof(*items), item_cmp);
	if (n && items[0].len == 0) { /* the default route needs no node */
		t->root = items[0].entry;
		items++;
		n--;
	}
	if (n && !build(t, items, n, t->root, &t->root)) {
		cst_lpm_free(t);
		return NULL;
	}
	return t;
}

void cst_lpm_free(struct cst_lpm *t)
{
	if (!t)
		return;
	free(t->nodes);
	free(t);
}
