/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owners in the store: numbers, epochs and states outlive coastd. So do the
 * times that they have been lost. How long coastd was not there the clock tells
 * that runs since the machine was started; after a start of the machine only the time of
 * day does, which may be anything: it is believed up to an hour.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot.h"
#include "inertia_keep.h"
#include "log.h"
#include "now.h"
#include "store.h"

#define BELIEVE_MS 3600000 /* of the time of day */

struct saved {
	uint64_t has;
	const char *name, *client, *home;
	uint8_t state, role, sweep;
	bool unreconciled, released, leaving;
	uint64_t epoch, away_ms, stale_ms;
	uint64_t unix_ms, boot_ms; /* when it was kept, by two clocks */
	const char *boot;          /* since which start of the machine */
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
	TRUTH(leaving),
	NUMBER(lease_ms),
	NUMBER(grace_ms),
	NUMBER(away_ms),
	NUMBER(stale_ms),
	NUMBER(unix_ms),
	NUMBER(boot_ms),
	CST_F_STR(struct saved, boot, 0, CST_BOOT_SIZE - 1, 0, "", "as it was"),
};
static const struct cst_object saved_object =
	CST_OBJECT("owner_saved", struct saved, fields, "an owner in the store");

/* Goes on while the machine sleeps. */
static uint64_t boot_ms(void)
{
	return cst_clock_ns(CLOCK_BOOTTIME) / 1000000;
}

static uint64_t passed_ms(const struct saved *s)
{
	uint64_t boot = boot_ms(), now = cst_unix_ms(), passed;

	if (s->boot[0] != '\0' && strcmp(s->boot, cst_boot_id()) == 0)
		return boot > s->boot_ms ? boot - s->boot_ms : 0;
	passed = now > s->unix_ms ? now - s->unix_ms : 0;
	return passed < BELIEVE_MS ? passed : BELIEVE_MS;
}

int keep_save(const struct keep_owner *o, struct cst_err *e)
{
	const struct inertia *core = &o->core;
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
		.leaving = o->leaving,
		.lease_ms = core->lease_ms,
		.grace_ms = core->grace_ms,
		.away_ms = core->away_ms,
		.stale_ms = core->stale_ms,
		.unix_ms = cst_unix_ms(),
		.boot_ms = boot_ms(),
		.boot = cst_boot_id(),
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
	keep_begin(o, s->name);
	o->sweep = s->sweep;
	snprintf(o->core.client, sizeof(o->core.client), "%s", s->client);
	snprintf(o->core.home, sizeof(o->core.home), "%s", s->home);
	o->core.state = s->state;
	o->core.role = s->role;
	o->core.epoch = s->epoch;
	o->core.unreconciled = s->unreconciled;
	o->core.released = s->released;
	o->leaving = s->leaving;
	o->core.lease_ms = s->lease_ms;
	o->core.grace_ms = s->grace_ms;
	o->core.away_ms = s->away_ms;
	o->core.stale_ms = s->stale_ms;
	inertia_restore(&o->core, passed_ms(s));
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
