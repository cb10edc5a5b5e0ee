/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reader of LMDB's file (data version 1 on 64-bit machines) that trusts nothing.
 * Pages 0 and 1 are meta pages, of which the one with the later transaction counts.
 * It has the roots of two trees: free pages by transaction, and the named databases.
 * Tree pages begin with a header and offsets of nodes, which lie at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "store/check_pages.h"
#include "store/store_int.h"

#define MAGIC     0xbeefc0deu
#define NO_PAGE   UINT64_MAX
#define MAX_DEPTH 32
#define PAGE_HEAD 16
#define NODE_HEAD 8
#define BRANCH    0x01
#define LEAF      0x02
#define OVERFLOW  0x04
#define META      0x08
#define BIG_DATA  0x01
#define SUB_DATA  0x02
#define FREE_DB   CST_DBS /* trees that are none of ours */
#define MAIN_DB   (CST_DBS + 1)

struct tree_head {
	uint32_t pad; /* of the tree of free pages: the size of a page */
	uint16_t flags, depth;
	uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct meta {
	uint32_t magic, version;
	uint64_t address, mapsize;
	struct tree_head free, main;
	uint64_t last_page, txn;
};

struct page {
	uint64_t number;
	uint16_t pad, flags, lower, upper;
};

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct node {
	uint32_t low; /* leaf: length of the data; branch: page, with `flags` as its upper part */
	uint16_t flags;
	struct bytes key;
	const uint8_t *data;
};

struct look {
	const uint8_t *map;
	size_t size, page_size;
	uint64_t last, taken; /* taken: pages that are used or free */
	uint8_t *seen;        /* a bit for each page */
	struct tree_head dbs[CST_DBS];
	bool has_db[CST_DBS], has_format, has_carried;
	struct cst_err *e;
};

struct tree {
	unsigned db;
	const struct tree_head *head;
	uint64_t branch_pages, leaf_pages, overflow_pages, entries;
	struct bytes before; /* the key before */
};

static int damaged(const struct look *k, uint64_t page, const char *what)
{
	return cst_err(k->e, -EBADMSG, NULL, STORE_DATA " is damaged: page %" PRIu64 ": %s", page,
		       what);
}

static int not_ours(const struct look *k)
{
	return cst_err(k->e, -EBADMSG, NULL,
		       STORE_DATA " is a file of LMDB, but no store of coast");
}

static int compare(const struct tree *t, struct bytes a, struct bytes b)
{
	uint64_t x, y;

	if (t->db == FREE_DB) {
		memcpy(&x, a.p, sizeof(x));
		memcpy(&y, b.p, sizeof(y));
		return x < y ? -1 : x > y;
	}
	return store_key_compare(a.p, a.n, b.p, b.n);
}

/* Pages of the file that nobody else has. */
static int take(struct look *k, uint64_t page, uint64_t n, bool in_file)
{
	if (page < 2 || page > k->last || n > k->last - page + 1)
		return damaged(k, page, "lies outside the file");
	if (in_file && (page + n) * k->page_size > k->size)
		return damaged(k, page, "lies behind the end of the file");
	for (uint64_t i = page; i < page + n; i++) {
		if (k->seen[i / 8] >> (i % 8) & 1)
			return damaged(k, i, "is used twice, or is free and used");
		k->seen[i / 8] |= 1 << (i % 8);
	}
	k->taken += n;
	return 0;
}

static const struct page *page_at(const struct look *k, uint64_t page)
{
	return (const void *)(k->map + page * k->page_size);
}

/* ---- what leaves hold ------------------------------------------------------------- */

static int check_free(struct look *k, uint64_t page, struct bytes data)
{
	uint64_t count, id, before = UINT64_MAX;
	int ret = 0;

	if (data.n < sizeof(count))
		return damaged(k, page, "has a short list of free pages");
	memcpy(&count, data.p, sizeof(count));
	if (count > data.n / sizeof(id) - 1)
		return damaged(k, page, "has a list of free pages that is longer than itself");
	for (uint64_t i = 1; i <= count && ret == 0; i++) {
		memcpy(&id, data.p + i * sizeof(id), sizeof(id));
		if (id >= before)
			return damaged(k, page, "has a list of free pages out of order");
		before = id;
		ret = take(k, id, 1, false);
	}
	return ret;
}

static bool is_key(struct bytes key, const char *name)
{
	return key.n == strlen(name) && memcmp(key.p, name, key.n) == 0;
}

static int check_sub(struct look *k, uint64_t page, struct bytes key, struct bytes data)
{
	for (unsigned i = 0; i < CST_DBS; i++) {
		if (!is_key(key, store_db_names[i]))
			continue;
		if (data.n != sizeof(k->dbs[i]))
			break;
		memcpy(&k->dbs[i], data.p, sizeof(k->dbs[i]));
		k->has_db[i] = true;
		if (k->dbs[i].flags != 0 || k->dbs[i].pad != 0)
			return damaged(k, page, "has a database of another kind");
		return 0;
	}
	return not_ours(k);
}

static int check_format(struct look *k, struct bytes val)
{
	struct store_format f;

	if (val.n != sizeof(f))
		return not_ours(k);
	memcpy(&f, val.p, sizeof(f));
	if (memcmp(f.magic, "coast store", sizeof(f.magic)) != 0)
		return not_ours(k);
	k->has_format = true;
	if (f.version > STORE_VERSION)
		return cst_err(k->e, -EPROTONOSUPPORT, NULL,
			       "is of version %u, this coastd knows up to %u: use a newer coastd",
			       f.version, STORE_VERSION);
	return 0;
}

static int check_value(struct look *k, unsigned db, uint64_t page, struct bytes key,
		       struct bytes val)
{
	if (key.n == 0 || key.n > LOG_KEY_MAX)
		return damaged(k, page, "has an entry of no length that we write");
	if (!store_value_check(db, key.p, key.n, val.p, &val.n))
		return damaged(k, page, "has a value with a wrong checksum");
	if (db != CST_DB_META)
		return 0;
	if (is_key(key, STORE_CARRIED_KEY))
		k->has_carried = val.n == sizeof(uint64_t);
	return is_key(key, STORE_FORMAT_KEY) ? check_format(k, val) : 0;
}

/* ---- trees ------------------------------------------------------------------------ */

/* The i-th node of a page, within its bounds. `used` grows by its length. */
static int get_node(const struct look *k, const struct tree *t, const struct page *p, unsigned i,
		    struct node *out, size_t *used)
{
	const uint8_t *base = (const void *)p;
	uint16_t at, head[4];
	size_t n;

	memcpy(&at, base + PAGE_HEAD + 2 * i, sizeof(at));
	if (at % 2 != 0 || at < p->upper || (size_t)at + NODE_HEAD > k->page_size)
		return damaged(k, p->number, "has a node outside");
	memcpy(head, base + at, sizeof(head));
	out->low = head[0] | (uint32_t)head[1] << 16;
	out->flags = head[2];
	out->key = (struct bytes){base + at + NODE_HEAD, head[3]};
	out->data = out->key.p + out->key.n;
	n = NODE_HEAD + out->key.n;
	if (p->flags == LEAF)
		n += out->flags & BIG_DATA ? sizeof(uint64_t) : out->low;
	if (at + n > k->page_size)
		return damaged(k, p->number, "has a node that is longer than the page");
	if (t->db == FREE_DB && out->key.n != sizeof(uint64_t) && (p->flags == LEAF || i > 0))
		return damaged(k, p->number, "has a key of a wrong length");
	*used += (n + 1) / 2 * 2;
	return 0;
}

static int get_big(struct look *k, struct tree *t, const struct node *n, struct bytes *data)
{
	const struct page *p;
	uint32_t pages;
	uint64_t page;
	int ret;

	memcpy(&page, n->data, sizeof(page));
	pages = (PAGE_HEAD - 1 + (uint64_t)n->low) / k->page_size + 1;
	ret = take(k, page, pages, true);
	if (ret < 0)
		return ret;
	p = page_at(k, page);
	if (p->number != page || p->flags != OVERFLOW ||
	    (p->lower | (uint32_t)p->upper << 16) != pages)
		return damaged(k, page, "is not the long value that it is used for");
	t->overflow_pages += pages;
	*data = (struct bytes){(const uint8_t *)p + PAGE_HEAD, n->low};
	return 0;
}

static int check_entry(struct look *k, struct tree *t, const struct page *p, const struct node *n)
{
	struct bytes data = {n->data, n->low};
	int ret = 0;

	if ((n->flags & ~BIG_DATA) != (t->db == MAIN_DB ? SUB_DATA : 0))
		return t->db == MAIN_DB ? not_ours(k)
					: damaged(k, p->number, "has an entry of another kind");
	if (t->before.p != NULL && compare(t, t->before, n->key) >= 0)
		return damaged(k, p->number, "has keys out of order");
	t->before = n->key;
	t->entries++;
	if (n->flags & BIG_DATA)
		ret = get_big(k, t, n, &data);
	if (ret < 0)
		return ret;
	if (t->db == FREE_DB)
		return check_free(k, p->number, data);
	return t->db == MAIN_DB ? check_sub(k, p->number, n->key, data)
				: check_value(k, t->db, p->number, n->key, data);
}

/* Keys of a page lie from `low` (none: from the first) up to before `high` (none: to the last). */
static int in_bounds(const struct look *k, const struct tree *t, const struct page *p,
		     struct bytes key, struct bytes low, struct bytes high)
{
	if ((low.p != NULL && compare(t, key, low) < 0) ||
	    (high.p != NULL && compare(t, key, high) >= 0))
		return damaged(k, p->number, "has keys that belong elsewhere");
	return 0;
}

static int check_leaf(struct look *k, struct tree *t, const struct page *p, struct bytes low,
		      struct bytes high, size_t *used)
{
	unsigned n = (p->lower - PAGE_HEAD) / 2;
	struct node node = {0};
	int ret = 0;

	t->leaf_pages++;
	for (unsigned i = 0; i < n && ret == 0; i++) {
		ret = get_node(k, t, p, i, &node, used);
		if (ret == 0)
			ret = in_bounds(k, t, p, node.key, low, high);
		if (ret == 0)
			ret = check_entry(k, t, p, &node);
	}
	return ret;
}

static int check_page(struct look *k, struct tree *t, uint64_t page, unsigned depth,
		      struct bytes low, struct bytes high);

/* The first node's key is not looked at: everything below the second one's is there. */
static int check_branch(struct look *k, struct tree *t, const struct page *p, unsigned depth,
			struct bytes low, struct bytes high, size_t *used)
{
	unsigned n = (p->lower - PAGE_HEAD) / 2;
	struct node node, next;
	int ret;

	t->branch_pages++;
	if (n < 2)
		return damaged(k, p->number, "does not branch");
	ret = get_node(k, t, p, 0, &node, used);
	for (unsigned i = 0; i < n && ret == 0; i++) {
		struct bytes end = high;

		if (i + 1 < n) {
			ret = get_node(k, t, p, i + 1, &next, used);
			if (ret == 0)
				ret = in_bounds(k, t, p, next.key, low, high);
			if (ret < 0)
				return ret;
			end = next.key;
		}
		ret = check_page(k, t, node.low | (uint64_t)node.flags << 32, depth + 1, low, end);
		node = next;
		low = end;
	}
	return ret;
}

static int check_page(struct look *k, struct tree *t, uint64_t page, unsigned depth,
		      struct bytes low, struct bytes high)
{
	const struct page *p;
	size_t used = 0;
	int ret = take(k, page, 1, true);

	if (ret < 0)
		return ret;
	p = page_at(k, page);
	if (p->number != page || p->flags != (depth == t->head->depth ? LEAF : BRANCH))
		return damaged(k, page, "is not the page that it is used for");
	if (p->lower < PAGE_HEAD || p->lower % 2 != 0 || p->lower > p->upper ||
	    p->upper > k->page_size)
		return damaged(k, page, "has impossible bounds");
	ret = p->flags == LEAF ? check_leaf(k, t, p, low, high, &used)
			       : check_branch(k, t, p, depth, low, high, &used);
	if (ret == 0 && used != k->page_size - p->upper)
		ret = damaged(k, page, "has nodes that overlap");
	return ret;
}

static int check_tree(struct look *k, unsigned db, const struct tree_head *head)
{
	struct tree t = {.db = db, .head = head};
	int ret = 0;

	if (head->depth > MAX_DEPTH || (head->root == NO_PAGE) != (head->depth == 0))
		return damaged(k, head->root, "cannot be a root");
	if (head->root != NO_PAGE)
		ret = check_page(k, &t, head->root, 1, (struct bytes){0}, (struct bytes){0});
	if (ret == 0 &&
	    (t.entries != head->entries || t.branch_pages != head->branch_pages ||
	     t.leaf_pages != head->leaf_pages || t.overflow_pages != head->overflow_pages))
		ret = damaged(k, head->root, "is the root of a tree that has lost or won entries");
	return ret;
}

static int check_trees(struct look *k, const struct meta *m)
{
	int ret = check_tree(k, FREE_DB, &m->free);

	if (ret == 0)
		ret = check_tree(k, MAIN_DB, &m->main);
	for (unsigned i = 0; i < CST_DBS && ret == 0; i++)
		ret = k->has_db[i] ? check_tree(k, i, &k->dbs[i]) : not_ours(k);
	if (ret == 0 && (!k->has_format || !k->has_carried))
		ret = not_ours(k);
	/* Pages that are neither used nor free cost room and do no harm. Many of them are a last
	 * page that is not the last. */
	if (ret == 0 && k->last + 1 - 2 - k->taken > k->last / 8 + 64)
		ret = damaged(k, k->last, "is not the last one");
	return ret;
}

/* ---- the file ----------------------------------------------------------------------- */

static int get_meta(struct look *k, unsigned i, struct meta *m)
{
	const struct page *p = page_at(k, i);

	if (k->size < (i + 1) * k->page_size)
		return cst_err(k->e, -EBADMSG, NULL, STORE_DATA " is cut off");
	memcpy(m, (const uint8_t *)p + PAGE_HEAD, sizeof(*m));
	if (p->flags != META || m->magic != MAGIC)
		return i == 0 ? cst_err(k->e, -EBADMSG, NULL, STORE_DATA " is no file of LMDB")
			      : damaged(k, i, "is no meta page");
	if (m->version != 1)
		return cst_err(k->e, -EBADMSG, NULL,
			       STORE_DATA " is of version %u of LMDB's format, not 1", m->version);
	if (m->free.pad < 512 || m->free.pad > 65536 || (m->free.pad & (m->free.pad - 1)) != 0 ||
	    (i == 1 && m->free.pad != k->page_size) ||
	    m->free.flags != (MDB_INTEGERKEY | MDB_NOSUBDIR) || m->main.flags != 0)
		return damaged(k, i, "has impossible settings");
	return 0;
}

static int check_file(struct look *k)
{
	struct meta m[2];
	const struct meta *now;
	int ret;

	k->page_size = 512; /* enough for the first, which tells the true one */
	ret = get_meta(k, 0, &m[0]);
	if (ret < 0)
		return ret;
	k->page_size = m[0].free.pad;
	ret = get_meta(k, 1, &m[1]);
	if (ret < 0)
		return ret;
	now = &m[m[1].txn > m[0].txn];
	k->last = now->last_page;
	/* pages at the end may be free and never have been written */
	if (k->last < 1 || k->last / 2 > k->size / k->page_size + 64)
		return damaged(k, k->last, "is not the last one");
	k->seen = calloc(1, k->last / 8 + 1);
	if (k->seen == NULL)
		return cst_err(k->e, -ENOMEM, NULL, "the check needs more memory");
	ret = check_trees(k, now);
	free(k->seen);
	return ret;
}

int store_check_pages(int fd, struct cst_err *e)
{
	struct look k = {.e = e};
	struct stat st;
	void *map;
	int ret;

	if (fstat(fd, &st) < 0)
		return cst_err(e, -errno, NULL, STORE_DATA ": %s", strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < 512)
		return cst_err(e, -EBADMSG, NULL, STORE_DATA " is no file of LMDB");
	map = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return cst_err(e, -errno, NULL, STORE_DATA ": %s", strerror(errno));
	k.map = map;
	k.size = st.st_size;
	ret = check_file(&k);
	munmap(map, st.st_size);
	return ret;
}
