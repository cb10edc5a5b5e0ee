/* SPDX-License-Identifier: BSD-3-Clause */
#include "inertia_double.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inertia_api.h"
#include "journal.h"
#include "store.h"

/* ---- the store, by --wrap ------------------------------------------------ */

int double_write_error;
static struct {
	size_t n; /* 0: nothing is there */
	uint8_t bytes[1024];
} values[256];

void __wrap_cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val,
			  size_t vlen);
void __wrap_cst_store_del(enum cst_db db, const void *key, size_t klen);
int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_each(enum cst_db db, const void *from, size_t klen,
			  int (*fn)(void *arg, const void *key, size_t klen, const void *val,
				    size_t vlen),
			  void *arg);
uint16_t __wrap_cst_store_shape(const struct cst_object *o);
int __wrap_cst_store_unpack(uint16_t shape, const struct cst_object *o, const void *buf, size_t len,
			    struct cst_pool *p, void *out);
void __wrap_cst_journal_info(int owner, struct cst_journal_info *out);

void __wrap_cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val,
			  size_t vlen)
{
	uint8_t k = *(const uint8_t *)key;

	if (double_write_error != 0)
		return;
	values[k].n = vlen;
	memcpy(values[k].bytes, val, vlen);
}

void __wrap_cst_store_del(enum cst_db db, const void *key, size_t klen)
{
	values[*(const uint8_t *)key].n = 0;
}

int __wrap_cst_store_write(struct cst_err *e)
{
	return double_write_error < 0 ? cst_err(e, double_write_error, NULL, "no room") : 0;
}

int __wrap_cst_store_each(enum cst_db db, const void *from, size_t klen,
			  int (*fn)(void *arg, const void *key, size_t klen, const void *val,
				    size_t vlen),
			  void *arg)
{
	int ret = 0;

	for (unsigned i = 0; i < 256 && ret == 0; i++) {
		uint8_t key = (uint8_t)i;

		if (values[i].n > 0)
			ret = fn(arg, &key, 1, values[i].bytes, values[i].n);
	}
	return ret;
}

uint16_t __wrap_cst_store_shape(const struct cst_object *o)
{
	return 7;
}

int __wrap_cst_store_unpack(uint16_t shape, const struct cst_object *o, const void *buf, size_t len,
			    struct cst_pool *p, void *out)
{
	return shape == 7 ? cst_unpack(o, buf, len, p, out) : -EBADMSG;
}

void double_store_clear(void)
{
	memset(values, 0, sizeof(values));
	double_write_error = 0;
}

void __wrap_cst_journal_info(int owner, struct cst_journal_info *out)
{
	memset(out, 0, sizeof(*out));
}

/* ---- sessions ------------------------------------------------------------ */

struct double_session double_sessions[DOUBLE_SESSIONS];
bool double_lingers;
static char turned[64];

const char *double_turned(void)
{
	static char last[64];

	memcpy(last, turned, sizeof(last));
	turned[0] = '\0';
	return last;
}

static void turn(unsigned owner, enum cst_owner_state from, enum cst_owner_state to)
{
	snprintf(turned, sizeof(turned), "%s>%s", inertia_states[from], inertia_states[to]);
	for (unsigned i = 0; i < DOUBLE_SESSIONS; i++) {
		struct double_session *s = &double_sessions[i];

		if (s->owner != owner)
			continue;
		if (to == CST_OWNER_RECONCILING && from != to)
			s->stale = true;
		if (to == CST_OWNER_NONE && !double_lingers)
			*s = (struct double_session){0};
	}
}

static void count(unsigned owner, struct cst_owned_counts *out)
{
	for (unsigned i = 0; i < DOUBLE_SESSIONS; i++) {
		const struct double_session *s = &double_sessions[i];

		if (s->owner != owner)
			continue;
		out->all++;
		out->leaving += double_lingers;
		out->stale += s->stale;
		out->local += s->local;
	}
}

static int page(unsigned owner, bool stale_only, uint64_t *cursor, uint32_t limit, json_t *items,
		struct cst_err *e)
{
	uint64_t i = *cursor;

	for (; i < DOUBLE_SESSIONS && json_array_size(items) < limit; i++)
		if (double_sessions[i].owner == owner && (double_sessions[i].stale || !stale_only))
			json_array_append_new(items, json_pack("{s:i, s:b}", "seid", (int)i + 1,
							       "stale", double_sessions[i].stale));
	*cursor = i < DOUBLE_SESSIONS ? i : 0;
	return 0;
}

static int adopt(unsigned owner, const uint64_t *ids, unsigned n, struct cst_err *e)
{
	for (unsigned i = 0; i < n; i++)
		if (ids[i] == 0 || ids[i] > DOUBLE_SESSIONS ||
		    double_sessions[ids[i] - 1].owner != owner)
			return cst_err(e, -ENOENT, NULL, "[%u]: there is no such session", i);
	for (unsigned i = 0; ids == NULL && i < DOUBLE_SESSIONS; i++)
		if (double_sessions[i].owner == owner)
			double_sessions[i].stale = double_sessions[i].local = false;
	for (unsigned i = 0; i < n; i++)
		double_sessions[ids[i] - 1].stale = double_sessions[ids[i] - 1].local = false;
	return 0;
}

static unsigned sweep(unsigned owner, const struct cst_owned_age *age, bool now, unsigned most)
{
	struct cst_owner_info info = {0};
	unsigned n = 0;

	cst_owner_keeper->info(owner, &info);
	for (unsigned i = 0; i < DOUBLE_SESSIONS && n < most; i++) {
		struct double_session *s = &double_sessions[i];

		if (s->owner != owner || (!s->stale && info.state != CST_OWNER_INERTIAL))
			continue;
		if (!now && (s->seconds == 0 ||
			     (s->stale ? age->stale_ms : age->lost_ms) < s->seconds * 1000))
			continue;
		*s = (struct double_session){0};
		n++;
	}
	return n;
}

static const char *const for_authority[] = {"session.admit", NULL};

static struct cst_owned sessions = {.what = "sessions",
				    .for_authority = for_authority,
				    .turn = turn,
				    .count = count,
				    .page = page,
				    .adopt = adopt,
				    .sweep = sweep};

void double_owned_add(void)
{
	cst_owned_add(&sessions);
}
