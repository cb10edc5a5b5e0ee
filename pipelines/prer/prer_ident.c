/* SPDX-License-Identifier: BSD-3-Clause */
/* Identification, the control thread's side: one entry in, one out. */
#include "prer_ident.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engine/rcu.h"
#include "prer_ident_int.h"
#include "prer_ident_shape.h"

/* What only the control thread needs of an entry. */
struct book {
	uint32_t after, before; /* others of this port and mask */
	uint32_t second;        /* the other of two that stand for one identification */
	uint32_t value;
	bool leaving;
};

struct ident_entry *ident_entries;
uint32_t *ident_heads;
uint64_t ident_seed = CST_HASH_K2;
struct ident_list *ident_lists[CST_MAX_PORTS];

static struct book *books;
static uint32_t first_of[CST_MAX_PORTS][IDENT_MAX_SHAPES + 1]; /* head of `after` */
static uint32_t n_used, n_touched, free_list;

#define ENTRIES_BYTES ((IDENT_MAX_ENTRIES + 1ull) * sizeof(struct ident_entry))
#define HEADS_BYTES   (IDENT_BUCKETS * sizeof(uint32_t))
#define BOOKS_BYTES   ((IDENT_MAX_ENTRIES + 1ull) * sizeof(struct book))

/* ---- memory ------------------------------------------------------------------ */

/* Room that costs nothing until it is used. */
static void *room(uint64_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static void give_back(void *p, uint64_t bytes)
{
	if (p)
		munmap(p, bytes);
}

void prer_ident_fini(void)
{
	give_back(ident_entries, ENTRIES_BYTES);
	give_back(ident_heads, HEADS_BYTES);
	give_back(books, BOOKS_BYTES);
	ident_entries = NULL;
	ident_heads = NULL;
	books = NULL;
	for (unsigned i = 0; i < CST_MAX_PORTS; i++) {
		free(ident_lists[i]);
		ident_lists[i] = NULL;
	}
	memset(first_of, 0, sizeof(first_of));
	n_used = n_touched = free_list = 0;
	ident_shapes_forget();
}

static bool ready(void)
{
	if (books)
		return true;
	ident_entries = room(ENTRIES_BYTES);
	ident_heads = room(HEADS_BYTES);
	books = room(BOOKS_BYTES);
	if (ident_entries && ident_heads && books)
		return true;
	prer_ident_fini();
	return false;
}

static uint32_t entry_alloc(void)
{
	uint32_t i = free_list;

	if (i)
		free_list = books[i].after;
	else if (n_touched < IDENT_MAX_ENTRIES)
		i = ++n_touched;
	if (i)
		n_used++;
	return i;
}

static void entry_free(void *unused, uint64_t i)
{
	if (!books) /* it is all gone meanwhile */
		return;
	books[i].after = free_list;
	free_list = (uint32_t)i;
	n_used--;
}

uint32_t prer_ident_used(void)
{
	return n_used;
}

/* ---- masks at a port ------------------------------------------------------------ */

static void list_free(void *l, uint64_t unused)
{
	free(l);
}

static void list_set(uint16_t port, struct ident_list *l)
{
	struct ident_list *was = ident_lists[port];

	__atomic_store_n(&ident_lists[port], l, __ATOMIC_RELEASE);
	if (was)
		cst_rcu_defer(list_free, was, 0);
}

/* Kinds in their order, so that each is read from the frame once and mask-and-match last. */
static bool list_add(uint16_t port, uint16_t shape)
{
	const struct ident_list *was = ident_lists[port];
	struct ident_list *l;
	unsigned at = 0;

	if (was && was->n == IDENT_AT_PLACE)
		return false;
	l = calloc(1, sizeof(*l));
	if (!l)
		return false;
	while (was && at < was->n &&
	       ident_shapes[was->shape[at]].kind <= ident_shapes[shape].kind) {
		l->shape[at] = was->shape[at];
		at++;
	}
	l->shape[at] = (uint8_t)shape;
	for (unsigned i = at; was && i < was->n; i++)
		l->shape[i + 1] = was->shape[i];
	l->n = (uint8_t)((was ? was->n : 0) + 1);
	list_set(port, l);
	return true;
}

/* Without memory it stays, and costs a look in vain. */
static void list_remove(uint16_t port, uint16_t shape)
{
	const struct ident_list *was = ident_lists[port];
	struct ident_list *l = was->n > 1 ? calloc(1, sizeof(*l)) : NULL;

	if (was->n > 1 && !l)
		return;
	for (unsigned i = 0; l && i < was->n; i++)
		if (was->shape[i] != shape)
			l->shape[l->n++] = was->shape[i];
	list_set(port, l);
}

static bool list_has(uint16_t port, uint16_t shape)
{
	const struct ident_list *l = ident_lists[port];

	for (unsigned i = 0; l && i < l->n; i++)
		if (l->shape[i] == shape)
			return true;
	return false;
}

/* ---- conflicts --------------------------------------------------------------------- */

static uint32_t same_key(const struct ident_key *k, uint32_t len)
{
	for (uint32_t i = *ident_head(k, len); i; i = ident_entries[i].next)
		if (!books[i].leaving && memcmp(&ident_entries[i].key, k, len) == 0)
			return i;
	return 0;
}

/* An entry in the way of this one: of the same mask by one look, else by a walk over those of the
 * other masks at this port, of which there are few where there are many entries. */
static uint32_t in_the_way(uint16_t port, const struct ident_key *k, uint32_t len)
{
	const struct ident_list *l = ident_lists[port];
	uint32_t i = same_key(k, len);

	if (i)
		return i;
	for (unsigned n = 0; l && n < l->n; n++) {
		if (l->shape[n] == k->shape)
			continue;
		for (i = first_of[port][l->shape[n]]; i; i = books[i].after)
			if (!books[i].leaving && ident_overlap(k, &ident_entries[i].key))
				return i;
	}
	return 0;
}

/* ---- in and out ----------------------------------------------------------------------- */

static uint32_t key_len(const struct ident_key *k)
{
	return 8 + 8u * ident_shapes[k->shape].words;
}

static void chain(uint16_t port, uint32_t i)
{
	struct ident_entry *e = &ident_entries[i];
	uint32_t *head = ident_head(&e->key, key_len(&e->key));
	uint32_t *first = &first_of[port][e->key.shape];

	e->next = *head;
	__atomic_store_n(head, i, __ATOMIC_RELEASE);
	books[i].before = 0;
	books[i].after = *first;
	if (*first)
		books[*first].before = i;
	*first = i;
}

static uint16_t port_of(const struct ident_key *k)
{
	return k->place >> 31 ? 0 : (uint16_t)k->place;
}

static void unchain(uint32_t i)
{
	struct ident_entry *e = &ident_entries[i];
	uint32_t *at = ident_head(&e->key, key_len(&e->key));
	uint16_t port = port_of(&e->key);

	while (*at != i)
		at = &ident_entries[*at].next;
	__atomic_store_n(at, e->next, __ATOMIC_RELEASE);
	if (books[i].before)
		books[books[i].before].after = books[i].after;
	else
		first_of[port][e->key.shape] = books[i].after;
	if (books[i].after)
		books[books[i].after].before = books[i].before;
	if (!first_of[port][e->key.shape])
		list_remove(port, e->key.shape);
	ident_shape_put(e->key.shape);
	cst_rcu_defer(entry_free, NULL, i);
}

/* One key in; takes over the shape's reference, which it gives back when it fails. */
static uint32_t insert(uint16_t port, const struct ident_key *k, uint32_t value,
		       enum prer_ident_why *why, uint32_t *other)
{
	uint32_t len = key_len(k), i = in_the_way(port, k, len);

	if (i) {
		*why = PRER_IDENT_TAKEN;
		*other = PRER_VALUE_STREAM(books[i].value);
		ident_shape_put(k->shape);
		return 0;
	}
	i = entry_alloc();
	if (!i || (!list_has(port, k->shape) && !list_add(port, k->shape))) {
		*why = i ? PRER_IDENT_MASKS : PRER_IDENT_FULL;
		ident_shape_put(k->shape);
		if (i)
			entry_free(NULL, i);
		return 0;
	}
	ident_entries[i].key = *k;
	ident_entries[i].value = 0;
	books[i] = (struct book){.value = value};
	chain(port, i);
	return i;
}

uint32_t prer_ident_claim(const struct prer_place *at, const struct prer_ident_conf *c,
			  uint32_t value, enum prer_ident_why *why, uint32_t *other)
{
	uint16_t port = at->port % CST_MAX_PORTS;
	struct ident_key k = {.place = ident_place(at->port, at->tunnel)};
	uint32_t one, two;

	*other = 0;
	if (!ready()) {
		*why = PRER_IDENT_FULL;
		return 0;
	}
	if (!ident_shape_of(c, &k, why))
		return 0;
	one = insert(port, &k, value, why, other);
	if (!one || c->tagged != PRER_ALL || !c->vlan)
		return one;
	/* frames with this VLAN, and those without any */
	k.vlan = 0;
	ident_shape_hold(k.shape);
	two = insert(port, &k, value, why, other);
	if (!two) {
		prer_ident_drop(one);
		return 0;
	}
	books[one].second = two;
	return one;
}

void prer_ident_leave(uint32_t entry, bool leaving)
{
	for (uint32_t i = entry; i; i = books[i].second)
		books[i].leaving = leaving;
}

void prer_ident_show(uint32_t entry)
{
	for (uint32_t i = entry; i; i = books[i].second)
		__atomic_store_n(&ident_entries[i].value, books[i].value, __ATOMIC_RELEASE);
}

void prer_ident_drop(uint32_t entry)
{
	uint32_t second = entry ? books[entry].second : 0;

	if (entry)
		unchain(entry);
	if (second)
		unchain(second);
}
