/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owners in the store: numbers, epochs and states outlive coastd. When one was
 * lost is kept by the time of day, since no other clock goes on while coastd is
 * not there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "inertia_keep.h"
#include "log.h"
#include "store.h"

struct saved {
	uint64_t has;
	const char *name, *client, *home;
	uint8_t state, role, sweep;
	bool unreconciled, released;
	uint64_t epoch, lost_at_ms;
	uint32_t lease_ms, grace_ms;
};

#define TEXT(m)   CST_F_STR(struct saved, m, 0, INERTIA_NAME, CST_F_REQUIRED, NULL, "as it was")
#define NUMBER(m) CST_F_UINT(struct saved, m, 0, 0, NULL, 0, "0", "as it was")
#define TRUTH(m)  CST_F_BOOL(struct saved, m, 0, "false", "as it was")

static const struct cst_field fields[] = {
	TEXT(name),
	TEXT(client),
	TEXT(home),
	NUMBER(state),
	NUMBER(role),
	NUMBER(sweep),
	NUMBER(epoch),
	TRUTH(unreconciled),
	TRUTH(released),
	NUMBER(lease_ms),
	NUMBER(grace_ms),
	CST_F_UINT(struct saved, lost_at_ms, 0, 0, "ms", 0, "0", "since 1970, 0: not lost"),
};
static const struct cst_object saved_object =
	CST_OBJECT("owner_saved", struct saved, fields, "an owner in the store");

static uint64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int keep_save(const struct keep_owner *o, struct cst_err *e)
{
	const struct inertia *core = &o->core;
	uint64_t lost_ms = inertia_lost_ms(core);
	struct saved s = {
		.has = (1ull << sizeof(fields) / sizeof(*fields)) - 1,
		.name = o->name,
		.client = core->client,
		.home = core->home,
		.state = core->state,
		.role = core->role,
		.sweep = o->sweep,
		.epoch = core->epoch,
		.unreconciled = core->unreconciled,
		.released = core->released,
		.lease_ms = core->lease_ms,
		.grace_ms = core->grace_ms,
		.lost_at_ms = lost_ms > 0 ? unix_ms() - lost_ms : 0,
	};
	uint8_t key = (uint8_t)keep_number(o), buf[1024];
	uint16_t shape = cst_store_shape(&saved_object);
	struct cst_err spare = {0};
	size_t n;
	int ret;

	if (e == NULL)
		e = &spare;
	memcpy(buf, &shape, sizeof(shape));
	n = cst_pack(&saved_object, &s, buf + sizeof(shape), sizeof(buf) - sizeof(shape));
	cst_store_put(CST_DB_OWNER, &key, 1, buf, sizeof(shape) + n);
	ret = cst_store_write(e);
	if (ret < 0)
		LOG_ERR("owner %s is not kept: %s", o->name, e->reason);
	return ret;
}

void keep_unsave(unsigned number)
{
	uint8_t key = (uint8_t)number;
	struct cst_err e = {0};

	cst_store_del(CST_DB_OWNER, &key, 1);
	if (cst_store_write(&e) < 0)
		LOG_ERR("owner %u stays in the store: %s", number, e.reason);
}

static void restore(struct keep_owner *o, const struct saved *s)
{
	uint64_t now = unix_ms();

	keep_begin(o, s->name);
	o->sweep = s->sweep;
	snprintf(o->core.client, sizeof(o->core.client), "%s", s->client);
	snprintf(o->core.home, sizeof(o->core.home), "%s", s->home);
	o->core.state = s->state;
	o->core.role = s->role;
	o->core.epoch = s->epoch;
	o->core.unreconciled = s->unreconciled;
	o->core.released = s->released;
	o->core.lease_ms = s->lease_ms;
	o->core.grace_ms = s->grace_ms;
	/* a clock that was set back meanwhile takes no time from sessions */
	inertia_restore(&o->core,
			s->lost_at_ms > 0 && s->lost_at_ms < now ? now - s->lost_at_ms : 0);
	o->restored = true;
}

static int load_one(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	struct cst_pool *pool = arg;
	struct keep_owner *o;
	struct saved s = {0};
	uint16_t shape;
	int ret;

	if (klen != 1 || vlen < sizeof(shape))
		return -EBADMSG;
	memcpy(&shape, val, sizeof(shape));
	ret = cst_store_unpack(shape, &saved_object, (const uint8_t *)val + sizeof(shape),
			       vlen - sizeof(shape), pool, &s);
	if (ret < 0)
		return ret;
	o = keep_slot(*(const uint8_t *)key);
	if (o == NULL || s.state > CST_OWNER_RECONCILING || s.epoch > INERTIA_EPOCH_MAX)
		return -EBADMSG;
	restore(o, &s);
	cst_pool_reset(pool);
	return 0;
}

int keep_load(struct cst_err *e)
{
	struct cst_pool *pool = cst_pool_new();
	int ret;

	if (pool == NULL)
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	ret = cst_store_each(CST_DB_OWNER, NULL, 0, load_one, pool);
	cst_pool_free(pool);
	return ret < 0 ? cst_err(e, ret, NULL, "owners in the store cannot be read: %s",
				 strerror(-ret))
		       : 0;
}
