/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of names, all in memory: a hash table of (space, name). In the store the
 * key is "space\0name". What the batch notes counts at once, and no longer when the
 * batch is rewound or cannot be written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "store/store_int.h"

struct number {
	struct number *next; /* in the same slot */
	uint32_t number;
	uint16_t klen;
	bool gone;  /* none of what was written has it */
	char key[]; /* space, NUL, name */
};

static struct number **slots;
static unsigned n_slots, n_numbers;

/* What the batch that gathers has noted, and what was there before. */
static struct undo {
	struct number *number;
	uint32_t before;
	size_t mark;
} * undos;
static unsigned n_undos, undos_cap;

static unsigned slot_of(const char *key, size_t klen)
{
	return cst_crc32c(0, key, klen) & (n_slots - 1);
}

static int widen(void)
{
	unsigned old_n = n_slots, want = n_slots != 0 ? 2 * n_slots : 256;
	struct number **old = slots, *n, *next;

	if (n_numbers < n_slots)
		return 0;
	slots = calloc(want, sizeof(*slots));
	if (slots == NULL) {
		slots = old;
		return n_slots != 0 ? 0 : -ENOMEM;
	}
	n_slots = want;
	for (unsigned i = 0; i < old_n; i++)
		for (n = old[i]; n != NULL; n = next) {
			unsigned k = slot_of(n->key, n->klen);

			next = n->next;
			n->next = slots[k];
			slots[k] = n;
		}
	free(old);
	return 0;
}

static struct number *find(const char *key, size_t klen)
{
	struct number *n = n_slots > 0 ? slots[slot_of(key, klen)] : NULL;

	while (n != NULL && (n->klen != klen || memcmp(n->key, key, klen) != 0))
		n = n->next;
	return n;
}

static struct number *make(const char *key, size_t klen)
{
	struct number *n;
	unsigned k;

	if (widen() < 0)
		return NULL;
	n = calloc(1, sizeof(*n) + klen);
	if (n == NULL)
		return NULL;
	memcpy(n->key, key, klen);
	n->klen = klen;
	k = slot_of(key, klen);
	n->next = slots[k];
	slots[k] = n;
	n_numbers++;
	return n;
}

/* 0: too long. */
static size_t make_key(const char *space, const char *name, char key[LOG_KEY_MAX])
{
	size_t a = strlen(space) + 1, b = strlen(name);

	if (a + b > LOG_KEY_MAX)
		return 0;
	memcpy(key, space, a);
	memcpy(key + a, name, b);
	return a + b;
}

uint32_t cst_store_number(const char *space, const char *name)
{
	char key[LOG_KEY_MAX];
	size_t klen = make_key(space, name, key);
	const struct number *n = klen > 0 ? find(key, klen) : NULL;

	return n != NULL ? n->number : 0;
}

static bool note_undo(struct number *n, size_t mark)
{
	if (n_undos == undos_cap) {
		unsigned cap = undos_cap != 0 ? 2 * undos_cap : 16;
		void *p = realloc(undos, cap * sizeof(*undos));

		if (p == NULL)
			return false;
		undos = p;
		undos_cap = cap;
	}
	undos[n_undos++] = (struct undo){n, n->number, mark};
	return true;
}

void cst_store_set_number(const char *space, const char *name, uint32_t number)
{
	char key[LOG_KEY_MAX];
	size_t klen = make_key(space, name, key), mark = cst_store_mark();
	struct number *n;

	if (!cst_the_store.open)
		return;
	/* a name that is too long is refused with the batch */
	if (number != 0)
		cst_store_put(CST_DB_NAME, key, klen, &number, sizeof(number));
	else
		cst_store_del(CST_DB_NAME, key, klen);
	if (klen == 0)
		return;
	n = find(key, klen);
	if (n == NULL)
		n = make(key, klen);
	/* without memory it is known after the next start */
	if (n != NULL && note_undo(n, mark))
		n->number = number;
}

void store_numbers_rewind(size_t mark)
{
	while (n_undos > 0 && undos[n_undos - 1].mark >= mark) {
		n_undos--;
		undos[n_undos].number->number = undos[n_undos].before;
	}
}

static void drop(struct number *n)
{
	struct number **at = &slots[slot_of(n->key, n->klen)];

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n_numbers--;
	free(n);
}

/* What has no number now is not kept; the batch may have noted it more than once. */
void store_numbers_written(void)
{
	for (unsigned i = 0; i < n_undos; i++) {
		struct number *n = undos[i].number;

		if (n->number != 0 || n->gone)
			undos[i].number = NULL;
		else
			n->gone = true;
	}
	for (unsigned i = 0; i < n_undos; i++)
		if (undos[i].number != NULL)
			drop(undos[i].number);
	n_undos = 0;
}

static int load_one(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	struct number *n;

	if (vlen != sizeof(n->number))
		return -EBADMSG;
	n = make(key, klen);
	if (n == NULL)
		return -ENOMEM;
	memcpy(&n->number, val, vlen);
	return 0;
}

int store_numbers_load(void)
{
	return cst_store_each(CST_DB_NAME, NULL, 0, load_one, NULL);
}

void store_numbers_free(void)
{
	for (unsigned i = 0; i < n_slots; i++)
		for (struct number *n = slots[i], *next; n != NULL; n = next) {
			next = n->next;
			free(n);
		}
	free(slots);
	free(undos);
	slots = NULL;
	undos = NULL;
	n_slots = n_numbers = n_undos = undos_cap = 0;
}
