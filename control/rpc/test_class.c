/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "class.h"
#include "test_class.h"

struct thing {
	uint64_t has;
	const char *name;
	uint32_t size;
	struct cst_list addresses;
	uint8_t mode;
	uint64_t changes;
};
enum { F_NAME, F_SIZE, F_ADDRESSES, F_MODE, F_CHANGES };

static const char *const modes[] = {"poll", "sleep", NULL};
static const struct cst_field thing_fields[] = {
	CST_F_STR(struct thing, name, 1, 15, CST_F_KEY, NULL, "name of the thing"),
	CST_F_UINT(struct thing, size, 68, 9600, "bytes", CST_F_REQUIRED, NULL, "how large it is"),
	CST_F_LIST(struct thing, addresses, CST_T_PREFIX, struct cst_prefix, 4, 0, "where it is"),
	CST_F_ENUM(struct thing, mode, modes, 0, "poll", "how it waits"),
	CST_F_UINT(struct thing, changes, 0, INT64_MAX, NULL, CST_F_STATE, NULL,
		   "how often it was changed"),
};
static const struct cst_object thing_object =
	CST_OBJECT("thing", struct thing, thing_fields, "a thing for tests");

struct slot {
	bool used;
	char name[16];
	uint32_t size;
	uint8_t mode;
	uint64_t changes;
};
static struct slot live[THING_MAX], plan[THING_MAX];
static unsigned planned;

static struct cst_event_type changed_type = {
	.name = "thing.changed",
	.help = "a thing was changed",
};
CST_EVENT(changed_type);
static struct cst_event_type noise_type = {
	.name = "thing.noise",
	.help = "nothing of interest",
};
CST_EVENT(noise_type);
const struct cst_event_type *const thing_noise_type = &noise_type;

static struct slot *slot_of(struct slot *slots, const char *name)
{
	for (unsigned i = 0; i < THING_MAX; i++)
		if (slots[i].used && strcmp(slots[i].name, name) == 0)
			return &slots[i];
	return NULL;
}

static int begin(struct cst_txn *t, struct cst_err *e)
{
	memcpy(plan, live, sizeof(plan));
	planned = 0;
	return 0;
}

static int compile(struct cst_txn *t, struct cst_err *e)
{
	return 0;
}

static void commit(struct cst_txn *t)
{
	memcpy(live, plan, sizeof(live));
	cst_event_publish(&changed_type, json_pack("{s:i}", "planned", planned));
}

static void do_abort(struct cst_txn *t)
{
	planned = 0;
}

static struct cst_party party = {
	.name = "thing", .begin = begin, .compile = compile, .commit = commit, .abort = do_abort};

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct thing *in = obj;
	struct slot *s = slot_of(plan, in->name);

	for (unsigned i = 0; s == NULL && i < THING_MAX; i++)
		if (!plan[i].used)
			s = &plan[i];
	if (s == NULL)
		return cst_err(e, -ENOSPC, NULL, "all %d things are in use", THING_MAX);
	s->used = true;
	snprintf(s->name, sizeof(s->name), "%s", in->name);
	s->size = in->size;
	s->mode = in->mode;
	s->changes++;
	planned++;
	return 0;
}

static int modify(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct thing *in = obj;
	struct slot *s = slot_of(plan, in->name);

	if (s == NULL)
		return cst_err(e, -ENOENT, "name", "there is no thing %s", in->name);
	if (cst_has(in, F_SIZE))
		s->size = in->size;
	if (cst_has(in, F_MODE))
		s->mode = in->mode;
	s->changes++;
	planned++;
	return 0;
}

static int del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	struct slot *s = slot_of(plan, ((const struct thing *)key)->name);

	if (s == NULL)
		return cst_err(e, -ENOENT, "name", "there is no thing %s",
			       ((const struct thing *)key)->name);
	memset(s, 0, sizeof(*s));
	planned++;
	return 0;
}

static json_t *encode(const struct slot *s)
{
	struct thing t = {
		.has = 1 << F_NAME | 1 << F_SIZE | 1 << F_MODE | 1 << F_CHANGES,
		.name = s->name,
		.size = s->size,
		.mode = s->mode,
		.changes = s->changes,
	};

	return cst_encode(&thing_object, &t);
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	struct slot *s = slot_of(live, ((const struct thing *)key)->name);

	if (s == NULL)
		return cst_err(e, -ENOENT, "name", "there is no thing %s",
			       ((const struct thing *)key)->name);
	*out = encode(s);
	return 0;
}

static int list(struct cst_page *page, struct cst_err *e)
{
	const json_t *name = json_object_get(page->filter, "name");
	uint64_t i;

	for (i = page->cursor; i < THING_MAX && json_array_size(page->items) < page->limit; i++)
		if (live[i].used && (name == NULL || !json_is_string(name) ||
				     strcmp(json_string_value(name), live[i].name) == 0))
			json_array_append_new(page->items, encode(&live[i]));
	page->cursor = i < THING_MAX ? i : 0;
	return 0;
}

static struct cst_class thing_class = {
	.object = &thing_object,
	.plural = "things",
	.order = 1,
	.party = &party,
	.put = put,
	.modify = modify,
	.del = del,
	.get = get,
	.list = list,
	.config = true,
};
CST_CLASS(thing_class);

struct sum_params {
	uint64_t has;
	uint32_t a, b;
};
static const struct cst_field sum_fields[] = {
	CST_F_UINT(struct sum_params, a, 0, 1000, NULL, CST_F_REQUIRED, NULL, "first"),
	CST_F_UINT(struct sum_params, b, 0, 1000, NULL, 0, "1", "second"),
};
static const struct cst_object sum_object =
	CST_OBJECT("sum_params", struct sum_params, sum_fields, "what to add");

static int sum(const void *params, json_t **result, struct cst_err *e)
{
	const struct sum_params *p = params;

	*result = json_integer((json_int_t)p->a + p->b);
	return 0;
}

static struct cst_method sum_method = {
	.name = "thing.sum", .help = "adds", .params = &sum_object, .call = sum};
CST_METHOD(sum_method);

static int reset(const void *params, json_t **result, struct cst_err *e)
{
	thing_reset();
	return 0;
}

static struct cst_method reset_method = {
	.name = "thing.reset", .help = "forget all", .write = true, .call = reset};
CST_METHOD(reset_method);

unsigned thing_count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < THING_MAX; i++)
		n += live[i].used;
	return n;
}

long thing_size(const char *name)
{
	struct slot *s = slot_of(live, name);

	return s != NULL ? (long)s->size : -1;
}

void thing_reset(void)
{
	memset(live, 0, sizeof(live));
}
