/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions whose owner has not spoken of them come to their end, a few at a time. */
#include "log.h"
#include "object/txn.h"
#include "upf_owned_int.h"
#include "upf_times.h"

#define MAX_SCAN 20000 /* state lines of one call */
#define AT_ONCE  256   /* of one transaction: their final reports wait for the workers together */

/* ---- its age ------------------------------------------------------------------------- */

#define SPOKEN_MASK 0xffffffu /* 194 days: then the count begins anew */

void upf_owned_stamp(struct upf_session *s)
{
	uint32_t now = upf_unix_time();

	s->spoken = (uint16_t)now;
	s->spoken_high = (uint8_t)(now >> 16);
}

/* From the loss of its owner on or, when it was made or spoken of later, from then on: up to two
 * seconds late, not early. After a loss of 194 days that cannot be told any more. */
static uint64_t age_of(const struct upf_session *s, const struct cst_owned_age *age)
{
	uint64_t lost = upf_owned_stale(s) ? age->stale_ms : age->lost_ms;
	uint32_t spoken = (uint32_t)s->spoken_high << 16 | s->spoken;
	uint64_t own = (upf_unix_time() - spoken) & SPOKEN_MASK;

	own = own > 0 ? (own - 1) * 1000 : 0;
	return lost / 1000 < SPOKEN_MASK && own < lost ? own : lost;
}

/* ---- what ends ------------------------------------------------------------------------- */

/* Before its time is over it stays, whatever happens; a class that keeps its sessions keeps them
 * beyond. */
static bool time_is_over(const struct upf_session *s, const struct cst_owned_age *age)
{
	const struct cst_inertia_class *c = upf_owned_class_of(s);

	return c && c->drop_at_end && c->seconds && age_of(s, age) / 1000 >= c->seconds;
}

static bool is_due(const struct upf_session *s, unsigned owner, const struct cst_owned_age *age,
		   bool now)
{
	if (s->owner != owner)
		return false;
	if (now)
		return upf_owned_stale(s);
	return upf_owned_in_force(s) && time_is_over(s, age);
}

/* From where the last call ended on, round once at most. */
static unsigned find_due(unsigned owner, const struct cst_owned_age *age, bool now, uint64_t *seids,
			 unsigned most)
{
	uint32_t last = upf_state_lines(), *at = &upf_owned_by[owner].sweep;
	unsigned n = 0;

	for (uint32_t i = 0; i < last && i < MAX_SCAN && n < most; i++) {
		const struct upf_session *s;

		*at = *at < last ? *at + 1 : 1;
		s = upf_session_by_state(*at);
		if (s && is_due(s, owner, age, now))
			seids[n++] = s->seid;
	}
	return n;
}

static int end_together(const uint64_t *seids, unsigned n, struct cst_err *e)
{
	static struct cst_pool *pool;
	struct cst_txn_run run;
	int rc = 0;

	if (!pool)
		pool = cst_pool_new();
	cst_txn_open(&run, pool);
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		struct upf_session_obj key = {.has = 1, .seid = seids[i]};

		rc = cst_txn_plan(&run, &upf_session_class, CST_OP_DELETE, &key, e);
	}
	if (rc == 0)
		rc = cst_txn_prepare(&run, e);
	if (rc == 0)
		cst_txn_commit(&run);
	else
		cst_txn_abort(&run);
	cst_pool_reset(pool);
	return rc;
}

/* Together or, when one cannot be ended, each one that can. Returns how many. */
static unsigned end_all(const uint64_t *seids, unsigned n)
{
	unsigned done = 0, refused = 0;
	struct cst_err e = {0}, last = {0};

	if (end_together(seids, n, &e) == 0)
		return n;
	for (unsigned i = 0; i < n; i++) {
		e = (struct cst_err){0};
		if (end_together(&seids[i], 1, &e) == 0) {
			done++;
			continue;
		}
		refused++;
		last = e;
	}
	if (refused)
		LOG_WARN("%u stale sessions cannot be ended: %s", refused, last.reason);
	return done;
}

unsigned upf_owned_sweep(unsigned owner, const struct cst_owned_age *age, bool now, unsigned most)
{
	uint64_t seids[AT_ONCE];
	unsigned done = 0, n, want, ended;

	if (owner == 0 || owner >= CST_OWNERS || !upf_owned_by[owner].all)
		return 0;
	do {
		want = most - done < AT_ONCE ? most - done : AT_ONCE;
		n = find_due(owner, age, now, seids, want);
		ended = n ? end_all(seids, n) : 0;
		done += ended;
	} while (ended == want && done < most);
	return done;
}
