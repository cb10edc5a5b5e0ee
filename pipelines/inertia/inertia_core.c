/* SPDX-License-Identifier: BSD-3-Clause */
#include "inertia_core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EPOCH(n) ((unsigned long long)(n))

/* ---- claims -------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Its epoch, when it names none, must not be taken from another that lives: who really wants that
 * names a higher one. */
static int epoch_of(const struct inertia *o, const struct inertia_claim *c, uint64_t *epoch,
		    struct cst_err *e)
{
	bool same = is(o->client, c->client);

	*epoch = c->epoch != 0 ? c->epoch : o->epoch + 1;
	if (c->epoch == 0 && !same && inertia_lives(o))
		return cst_err(e, -ESTALE, "epoch",
			       "FENCED: client %s holds it with epoch %llu and lives; to take it "
			       "over name a higher epoch",
			       o->client, EPOCH(o->epoch));
	if (c->epoch > (o->epoch == 0 ? INERTIA_EPOCH_FIRST : o->epoch + INERTIA_EPOCH_STEP))
		return cst_err(e, -ERANGE, "epoch",
			       "is too far above the present one, %llu: at most %llu",
			       EPOCH(o->epoch),
			       EPOCH(o->epoch == 0 ? INERTIA_EPOCH_FIRST : INERTIA_EPOCH_STEP));
	if (*epoch > INERTIA_EPOCH_MAX)
		return cst_err(e, -EOVERFLOW, "epoch",
			       "no higher epoch is left: delete the owner and claim it anew");
	if (*epoch < o->epoch)
		return inertia_gate(o, *epoch, e);
	if (*epoch == o->epoch && !same)
		return cst_err(e, -ESTALE, "epoch",
			       "FENCED: client %s holds epoch %llu; claim with a higher one",
			       o->client, EPOCH(o->epoch));
	return 0;
}

static int may_claim(const struct inertia *o, const struct inertia_claim *c, struct cst_err *e)
{
	if (c->same_state && c->epoch == 0)
		return cst_err(e, -EINVAL, "epoch",
			       "goes with same_state: name the epoch that the client has");
	if (c->role != CST_ROLE_OWNER || o->home[0] == '\0' || c->named || is(o->home, c->client))
		return 0;
	return cst_err(e, -EPERM, "role", "the owner is client %s's: claim it as heir", o->home);
}

static void look_through(struct inertia *o, const char *why)
{
	if (o->state == CST_OWNER_CONNECTED)
		o->away_ms = 0;
	if (!o->unreconciled)
		o->stale_ms = o->away_ms;
	o->state = CST_OWNER_RECONCILING;
	o->unreconciled = true;
	o->reconciling_ms = 0;
	o->why = why;
}

static void come_back(struct inertia *o, const char *why)
{
	if (o->state == CST_OWNER_INERTIAL)
		o->why = why;
	if (o->state == CST_OWNER_INERTIAL && o->unreconciled)
		o->reconciling_ms = 0;
	o->state = o->unreconciled ? CST_OWNER_RECONCILING : CST_OWNER_CONNECTED;
	o->left_ms = o->lease_ms;
}

static void take(struct inertia *o, const struct inertia_claim *c, uint64_t epoch)
{
	if (epoch > o->epoch)
		o->connections = 1;
	else
		o->connections += !c->again;
	o->epoch = epoch;
	o->role = c->role;
	o->released = false;
	o->lease_ms = o->left_ms = c->lease_ms;
	o->grace_ms = c->grace_ms;
	snprintf(o->client, sizeof(o->client), "%s", c->client);
	if (o->home[0] == '\0' && c->role == CST_ROLE_OWNER)
		snprintf(o->home, sizeof(o->home), "%s", c->client);
}

int inertia_claim(struct inertia *o, const struct inertia_claim *c, struct cst_err *e)
{
	uint64_t epoch = 0;
	bool newer;
	int ret;

	ret = may_claim(o, c, e);
	if (ret == 0)
		ret = epoch_of(o, c, &epoch, e);
	if (ret < 0)
		return ret;
	newer = epoch > o->epoch;
	take(o, c, epoch);
	if (o->state == CST_OWNER_NONE) {
		o->state = CST_OWNER_CONNECTED;
		o->why = "claimed";
		return 0;
	}
	if (!newer && c->same_state) {
		come_back(o, "came back");
		return 0;
	}
	look_through(o,
		     c->role == CST_ROLE_HEIR ? "claimed by an heir" : "came back without memory");
	return 1;
}

int inertia_gate(const struct inertia *o, uint64_t epoch, struct cst_err *e)
{
	if (epoch >= o->epoch)
		return 0;
	return cst_err(e, -ESTALE, NULL, "FENCED: epoch %llu is over: client %s has epoch %llu",
		       EPOCH(epoch), o->client, EPOCH(o->epoch));
}

/* ---- life ---------------------------------------------------------------- */

void inertia_seen(struct inertia *o, uint64_t epoch)
{
	if (epoch == o->epoch && o->state != CST_OWNER_NONE && !o->released)
		come_back(o, "heard again");
}

void inertia_gone(struct inertia *o, uint64_t epoch)
{
	if (epoch != o->epoch || o->connections == 0)
		return;
	o->connections--;
	if (o->connections == 0 && o->left_ms > o->grace_ms)
		o->left_ms = o->grace_ms;
}

static void lose(struct inertia *o)
{
	o->away_ms = 0;
	if (!o->unreconciled && !o->leftovers)
		o->stale_ms = 0;
	o->state = CST_OWNER_INERTIAL;
	o->why = o->connections > 0 ? "silent for its lease" : "disconnected";
}

void inertia_tick(struct inertia *o, uint64_t passed_ms)
{
	uint32_t lived_ms = passed_ms < INERTIA_LIVED_MS ? (uint32_t)passed_ms : INERTIA_LIVED_MS;

	o->away_ms += passed_ms;
	o->stale_ms += passed_ms;
	if (o->state == CST_OWNER_RECONCILING)
		o->reconciling_ms += passed_ms;
	if (!inertia_lives(o))
		return;
	o->left_ms -= lived_ms < o->left_ms ? lived_ms : o->left_ms;
	if (o->left_ms == 0)
		lose(o);
}

void inertia_done(struct inertia *o)
{
	if (o->state != CST_OWNER_RECONCILING)
		return;
	o->state = CST_OWNER_CONNECTED;
	o->unreconciled = false;
	o->why = "reconciled";
}

void inertia_release(struct inertia *o, bool keep)
{
	o->why = "released";
	if (keep) {
		o->released = true;
		return;
	}
	o->state = CST_OWNER_NONE;
	o->unreconciled = false;
	o->home[0] = '\0';
}

void inertia_restore(struct inertia *o, uint64_t passed_ms)
{
	o->connections = 0;
	o->left_ms = o->lease_ms;
	o->away_ms += passed_ms;
	o->stale_ms += passed_ms;
	o->reconciling_ms = 0;
	o->why = "coastd was started";
}

uint64_t inertia_passed(uint64_t *last_ms, uint64_t now_ms)
{
	uint64_t last = *last_ms;

	*last_ms = now_ms;
	return last != 0 && now_ms > last ? now_ms - last : 0;
}
