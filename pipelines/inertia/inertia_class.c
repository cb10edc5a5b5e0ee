/* SPDX-License-Identifier: BSD-3-Clause */
/* Classes of sessions: those that were put, else those that coast comes with. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "inertia_keep.h"

#define MEGA 1000000ull

struct class
{
	struct cst_inertia_class c;
	uint16_t order;
	char dnn[101];
	bool by_sst, by_sd, by_prefix;
	uint8_t sst;
	uint32_t sd;
	uint8_t n_five_qi, five_qi[16];
	uint8_t arp_max; /* 0: any */
	struct cst_prefix prefix;
};

struct set {
	unsigned n;
	struct class at[CST_INERTIA_CLASSES];
};

static struct set sets[2]; /* what was put: in force, and planned */
static unsigned live;

static const struct class shipped[] = {
	{.c = {.name = "emergency", .quota = CST_QUOTA_IGNORE, .suppress_error_indications = true},
	 .dnn = "sos"},
	{.c = {.name = "emergency_arp",
	       .quota = CST_QUOTA_IGNORE,
	       .suppress_error_indications = true},
	 .arp_max = 1},
	{.c = {.name = "plc", .quota = CST_QUOTA_IGNORE, .suppress_error_indications = true},
	 .n_five_qi = 4,
	 .five_qi = {82, 83, 84, 85}},
	{.c = {.name = "prepaid", .seconds = 3600, .drop_at_end = true, .quota = CST_QUOTA_DROP},
	 .dnn = "prepaid"},
	{.c = {.name = "default",
	       .seconds = 86400,
	       .drop_at_end = true,
	       .quota = CST_QUOTA_GRACE,
	       .grace_bytes = 100 * MEGA,
	       .throttle_kbps = 128}},
};
#define N_SHIPPED    (sizeof(shipped) / sizeof(*shipped))
#define LAST_SHIPPED (&shipped[N_SHIPPED - 1]) /* matches all */

/* ---- matching ------------------------------------------------------------ */

static bool any_address(const struct class *k, const struct cst_inertia_traits *t)
{
	for (unsigned i = 0; i < t->n_ue; i++)
		if (cst_prefix_holds(&k->prefix, &t->ue[i]))
			return true;
	return false;
}

static bool matches(const struct class *k, const struct cst_inertia_traits *t)
{
	if (k->dnn[0] != '\0' && (t->dnn == NULL || strcasecmp(k->dnn, t->dnn) != 0))
		return false;
	if ((k->by_sst && k->sst != t->sst) || (k->by_sd && k->sd != t->sd))
		return false;
	if (k->n_five_qi > 0 && memchr(k->five_qi, t->five_qi, k->n_five_qi) == NULL)
		return false;
	if (k->arp_max > 0 && (t->arp == 0 || t->arp > k->arp_max))
		return false;
	return !k->by_prefix || any_address(k, t);
}

static const struct cst_inertia_class *first(const struct class *at, unsigned n,
					     const struct cst_inertia_traits *t)
{
	for (unsigned i = 0; i < n; i++)
		if (matches(&at[i], t))
			return &at[i].c;
	return &LAST_SHIPPED->c;
}

const struct cst_inertia_class *keep_match(const struct cst_inertia_traits *t)
{
	const struct set *s = &sets[live];

	return s->n > 0 ? first(s->at, s->n, t) : first(shipped, N_SHIPPED, t);
}

/* ---- putting ------------------------------------------------------------- */

static struct set *plan(void)
{
	return &sets[!live];
}

static int begin(struct cst_txn *t, struct cst_err *e)
{
	*plan() = sets[live];
	return 0;
}

static void commit(struct cst_txn *t)
{
	live = !live;
}

static struct cst_party party = {.name = "inertia_class", .begin = begin, .commit = commit};

static void take_out(struct set *s, unsigned i)
{
	memmove(&s->at[i], &s->at[i + 1], (s->n - i - 1) * sizeof(s->at[0]));
	s->n--;
}

static unsigned find(const struct set *s, const char *name)
{
	unsigned i = 0;

	while (i < s->n && strcmp(s->at[i].c.name, name) != 0)
		i++;
	return i;
}

static bool before(const struct class *a, const struct class *b)
{
	return a->order != b->order ? a->order < b->order : strcmp(a->c.name, b->c.name) < 0;
}

static void fill(struct class *k, const struct inertia_class_obj *o)
{
	*k = (struct class){
		.c = {.seconds = o->max_seconds,
		      .drop_at_end = o->at_end == AT_END_DROP,
		      .quota = o->quota,
		      .grace_bytes = o->grace_bytes,
		      .throttle_kbps = o->throttle,
		      .buffer_packets = o->buffer_packets,
		      .suppress_error_indications = o->suppress_error_indications},
		.order = o->order,
		.by_sst = cst_has(o, CLASS_SST),
		.by_sd = cst_has(o, CLASS_SD),
		.by_prefix = cst_has(o, CLASS_PREFIX),
		.sst = o->sst,
		.sd = o->sd,
		.arp_max = o->arp_max,
		.prefix = o->prefix,
		.n_five_qi = (uint8_t)o->five_qi.n,
	};
	snprintf(k->c.name, sizeof(k->c.name), "%s", o->name);
	if (cst_has(o, CLASS_DNN))
		snprintf(k->dnn, sizeof(k->dnn), "%s", o->dnn);
	if (o->five_qi.n > 0)
		memcpy(k->five_qi, o->five_qi.items, o->five_qi.n);
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct inertia_class_obj *o = obj;
	struct set *s = plan();
	struct class k;
	unsigned i = find(s, o->name);

	if (i < s->n)
		take_out(s, i);
	if (s->n == CST_INERTIA_CLASSES)
		return cst_err(e, -ENOSPC, "name", "there are %u classes already: delete one first",
			       CST_INERTIA_CLASSES);
	fill(&k, o);
	for (i = 0; i < s->n && before(&s->at[i], &k);)
		i++;
	memmove(&s->at[i + 1], &s->at[i], (s->n - i) * sizeof(s->at[0]));
	s->at[i] = k;
	s->n++;
	return 0;
}

static int no_such(const char *name, struct cst_err *e)
{
	return cst_err(e, -ENOENT, "name", "there is no class '%s'", name);
}

static int del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct inertia_class_obj *o = key;
	unsigned i = find(plan(), o->name);

	if (i == plan()->n)
		return no_such(o->name, e);
	take_out(plan(), i);
	return 0;
}

/* ---- showing ------------------------------------------------------------- */

static void add_count(struct inertia_class_obj *o)
{
	int64_t n = -EAGAIN;

	for (struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next) {
		n = w->of_class != NULL ? w->of_class(o->name, &o->counted_ms) : -EAGAIN;
		if (n < 0)
			return;
		o->sessions += (uint64_t)n;
	}
	if (n >= 0)
		o->has |= 1u << CLASS_SESSIONS | 1u << CLASS_COUNTED;
}

static json_t *show(const struct class *k)
{
	struct inertia_class_obj o = {
		.has = 1u << CLASS_NAME | 1u << CLASS_ORDER | 1u << CLASS_SECONDS |
		       1u << CLASS_QUOTA | 1u << CLASS_GRACE | 1u << CLASS_THROTTLE |
		       1u << CLASS_AT_END | 1u << CLASS_BUFFER | 1u << CLASS_SUPPRESS |
		       1u << CLASS_SHIPPED | 1u << CLASS_FIVE_QI,
		.name = k->c.name,
		.order = k->order,
		.dnn = k->dnn,
		.sst = k->sst,
		.sd = k->sd,
		.five_qi = {.n = k->n_five_qi, .items = (void *)k->five_qi},
		.arp_max = k->arp_max,
		.prefix = k->prefix,
		.max_seconds = k->c.seconds,
		.quota = k->c.quota,
		.grace_bytes = k->c.grace_bytes,
		.throttle = k->c.throttle_kbps,
		.at_end = k->c.drop_at_end ? AT_END_DROP : AT_END_KEEP,
		.buffer_packets = k->c.buffer_packets,
		.suppress_error_indications = k->c.suppress_error_indications,
		.shipped = k >= shipped && k <= LAST_SHIPPED,
	};

	o.has |= k->dnn[0] != '\0' ? 1u << CLASS_DNN : 0;
	o.has |= k->by_sst ? 1u << CLASS_SST : 0;
	o.has |= k->by_sd ? 1u << CLASS_SD : 0;
	o.has |= k->arp_max > 0 ? 1u << CLASS_ARP : 0;
	o.has |= k->by_prefix ? 1u << CLASS_PREFIX : 0;
	add_count(&o);
	return cst_encode(&inertia_class_object, &o);
}

/* In the order in which they are tried. */
static const struct class *nth(unsigned i, bool config)
{
	const struct set *s = &sets[live];

	if (i < s->n)
		return &s->at[i];
	i -= s->n;
	if (config)
		return NULL;
	if (s->n > 0)
		return i == 0 ? LAST_SHIPPED : NULL;
	return i < N_SHIPPED ? &shipped[i] : NULL;
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	const char *name = ((const struct inertia_class_obj *)key)->name;
	const struct class *k;

	for (unsigned i = 0; (k = nth(i, false)) != NULL; i++)
		if (strcmp(k->c.name, name) == 0) {
			*out = show(k);
			return 0;
		}
	return no_such(name, e);
}

static int list(struct cst_page *page, struct cst_err *e)
{
	const struct class *k;
	uint64_t at = page->cursor;

	page->cursor = 0;
	for (; (k = nth((unsigned)at, page->config)) != NULL; at++) {
		if (json_array_size(page->items) == page->limit) {
			page->cursor = at;
			break;
		}
		keep_offer(page, show(k));
	}
	return 0;
}

static void __attribute__((constructor, used)) inertia_class_bind(void)
{
	inertia_class_class.party = &party;
	inertia_class_class.put = put;
	inertia_class_class.del = del;
	inertia_class_class.get = get;
	inertia_class_class.list = list;
}
