/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of owners, and what others ask of it (owner.h). */
#include "inertia_keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"
#include "log.h"

static struct keep_owner owners[CST_OWNERS]; /* by number; 0 is nobody */

const struct keep_conf keep_defaults = {
	.lease_ms = 1000,
	.grace_ms = 300,
	.reconcile_seconds = 600,
	.authority_sessions = 1000,
};

/* ---- the table ----------------------------------------------------------- */

struct keep_owner *keep_slot(unsigned number)
{
	return number > 0 && number < CST_OWNERS ? &owners[number] : NULL;
}

struct keep_owner *keep_get(unsigned number)
{
	struct keep_owner *o = keep_slot(number);

	return o != NULL && o->used ? o : NULL;
}

unsigned keep_number(const struct keep_owner *o)
{
	return (unsigned)(o - owners);
}

unsigned keep_find(const char *name)
{
	for (unsigned i = 1; i < CST_OWNERS; i++)
		if (owners[i].used && strcmp(owners[i].name, name) == 0)
			return i;
	return 0;
}

void keep_begin(struct keep_owner *o, const char *name)
{
	static uint32_t lives;

	*o = (struct keep_owner){.used = true, .life = ++lives, .conf = keep_defaults};
	snprintf(o->name, sizeof(o->name), "%s", name);
}

struct keep_owner *keep_of(const struct cst_caller *c)
{
	struct keep_owner *o = keep_get(c->owner);

	return o != NULL && o->life == c->life ? o : NULL;
}

/* Who gets a number gets all that has it: sessions that are not yet nobody's, reports that nobody
 * has acknowledged. */
bool keep_is_clear(unsigned number)
{
	struct cst_journal_info journal = {0};
	struct cst_owned_counts n;

	keep_counts(number, &n);
	cst_journal_info((int)number, &journal);
	return n.all == 0 && journal.entries == 0;
}

int keep_no_number(struct cst_err *e)
{
	return cst_err(e, -ENOSPC, "name",
		       "none of %u numbers is free: delete owners; those of deleted ones are free "
		       "when their journal is acknowledged",
		       CST_OWNERS - 1);
}

struct keep_owner *keep_new(const char *name, struct cst_err *e)
{
	for (unsigned i = 1; i < CST_OWNERS; i++)
		if (!owners[i].used && keep_is_clear(i)) {
			keep_begin(&owners[i], name);
			return &owners[i];
		}
	keep_no_number(e);
	return NULL;
}

static void turn(const struct keep_owner *o, enum cst_owner_state from)
{
	for (const struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next)
		w->turn(keep_number(o), from, o->core.state);
}

void keep_abandon(unsigned number)
{
	for (const struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next)
		w->turn(number, CST_OWNER_NONE, CST_OWNER_NONE);
}

void keep_forget(struct keep_owner *o)
{
	enum cst_owner_state was = o->core.state;

	inertia_release(&o->core, false);
	if (was != CST_OWNER_NONE)
		keep_turned(o, was, false);
	else
		turn(o, CST_OWNER_NONE);
	keep_unsave(keep_number(o));
	o->used = false;
}

bool keep_named(const struct keep_names *names, const char *client)
{
	for (uint32_t i = 0; i < names->n; i++)
		if (strcmp(names->name[i], client) == 0)
			return true;
	return names->n == 0;
}

void keep_counts(unsigned number, struct cst_owned_counts *out)
{
	struct cst_owned_counts one;

	memset(out, 0, sizeof(*out));
	for (const struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next) {
		memset(&one, 0, sizeof(one));
		w->count(number, &one);
		out->all += one.all;
		out->stale += one.stale;
		out->local += one.local;
		out->owed += one.owed;
		out->leaving += one.leaving;
	}
}

/* ---- changes of state ---------------------------------------------------- */

/* Who goes on with a reconciliation has adopted some already. For who begins one while another is
 * at it they are stale like the rest. */
static enum cst_owner_state turns_from(const struct inertia *o, enum cst_owner_state was, bool anew)
{
	if (o->state != CST_OWNER_RECONCILING)
		return was;
	if (!anew)
		return CST_OWNER_RECONCILING;
	return was == CST_OWNER_RECONCILING ? CST_OWNER_CONNECTED : was;
}

void keep_tell_restored(struct keep_owner *o)
{
	if (o->core.state != CST_OWNER_NONE || o->leaving)
		turn(o, turns_from(&o->core, CST_OWNER_NONE, false));
}

void keep_turned(struct keep_owner *o, enum cst_owner_state was, bool anew)
{
	if (o->core.state == was && !anew)
		return;
	LOG_NOTICE("owner %s: %s, was %s: %s (client %s, epoch %llu)", o->name,
		   inertia_states[o->core.state], inertia_states[was], o->core.why, o->core.client,
		   (unsigned long long)o->core.epoch);
	if (anew)
		o->sweep = SWEEP_NONE;
	o->leaving = o->core.state == CST_OWNER_NONE;
	turn(o, turns_from(&o->core, was, anew));
	keep_save(o, NULL);
	keep_tell_state(o, was);
}

/* ---- what is asked ------------------------------------------------------- */

static bool info(unsigned number, struct cst_owner_info *out)
{
	const struct keep_owner *o = keep_get(number);

	if (o == NULL)
		return false;
	out->state = o->core.state;
	snprintf(out->name, sizeof(out->name), "%s", o->name);
	return true;
}

static int admit_locally(const struct keep_owner *o, struct cst_err *e)
{
	struct cst_owned_counts counts;

	if (o->core.state == CST_OWNER_CONNECTED && !o->core.released)
		return cst_err(e, -EPERM, NULL,
			       "owner %s is %s: local authority admits sessions only while it is "
			       "away",
			       o->name, inertia_states[o->core.state]);
	keep_counts(keep_number(o), &counts);
	if (counts.local >= o->conf.authority_sessions)
		return cst_err(e, -EDQUOT, NULL,
			       "local authority has admitted %llu sessions for owner %s, and may "
			       "admit %u (authority_sessions)",
			       (unsigned long long)counts.local, o->name,
			       o->conf.authority_sessions);
	return (int)keep_number(o);
}

/* It stands in for the owner with new users, and changes nothing else: not its own limits either.
 */
static int authority_may(const char *method, struct cst_err *e)
{
	if (method == NULL)
		return 0;
	for (const struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next)
		for (const char *const *may = w->for_authority; *may != NULL; may++)
			if (strcmp(method, *may) == 0)
				return 0;
	return cst_err(e, -EPERM, NULL,
		       "%.64s is not for local authority: it admits sessions, and modifies and "
		       "deletes those",
		       method);
}

static int gate(const struct cst_caller *c, const char *method, struct cst_err *e)
{
	struct keep_owner *o = keep_of(c);
	int ret;

	if (o == NULL)
		return cst_err(e, -ESTALE, NULL,
			       "FENCED: the owner that this connection claimed was deleted");
	if (o->core.state == CST_OWNER_NONE)
		return cst_err(e, -ESTALE, NULL, "FENCED: owner %s was released: claim it anew",
			       o->name);
	if (c->role == CST_ROLE_AUTHORITY)
		return authority_may(method, e);
	ret = inertia_gate(&o->core, c->epoch, e);
	if (ret < 0)
		keep_tell_fenced(o, c);
	return ret;
}

static int admit(const struct cst_caller *c, struct cst_err *e)
{
	int ret;

	if (c == NULL || c->owner == 0)
		return 0;
	ret = gate(c, NULL, e);
	if (ret < 0)
		return ret;
	return c->role == CST_ROLE_AUTHORITY ? admit_locally(keep_get(c->owner), e) : c->owner;
}

static void seen(const struct cst_caller *c)
{
	struct keep_owner *o = keep_of(c);
	enum cst_owner_state was;

	if (o == NULL || c->role == CST_ROLE_AUTHORITY)
		return;
	was = o->core.state;
	inertia_seen(&o->core, c->epoch);
	keep_turned(o, was, false);
}

/* The state changes with the next tick: nobody is told anything from here. */
static void gone(const struct cst_caller *c)
{
	struct keep_owner *o = keep_of(c);

	if (o != NULL && c->role != CST_ROLE_AUTHORITY)
		inertia_gone(&o->core, c->epoch);
}

static const struct cst_owner_keeper keeper = {
	.info = info,
	.by_name = keep_find,
	.match = keep_match,
	.admit = admit,
};

static void __attribute__((constructor, used)) inertia_bind(void)
{
	cst_owner_keeper = &keeper;
	cst_caller_gate = gate;
	cst_caller_seen = seen;
	cst_caller_gone = gone;
}
