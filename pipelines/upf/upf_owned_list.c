/* SPDX-License-Identifier: BSD-3-Clause */
/* What an owner that comes back looks through, takes up again, and is shown. */
#include <errno.h>
#include <stdio.h>

#include "hash.h"
#include "store.h"
#include "upf_kept.h"
#include "upf_owned_int.h"

/* Lines looked at for one page: the control thread has other things to do. */
#define MAX_SCAN 20000

/* ---- pages --------------------------------------------------------------------------- */

/* Of the intent: equal when a put of the same would change nothing. */
static const char *digest_of(const struct upf_session *s, char buf[17])
{
	snprintf(buf, 17, "%016llx",
		 (unsigned long long)cst_hash_bytes(upf_intent(s), s->intent_len, 0));
	return buf;
}

static const char *class_of(const struct upf_session *s)
{
	const struct cst_inertia_class *c = upf_owned_class_of(s);

	return c ? c->name : "";
}

static int add_item(json_t *items, const struct upf_session *s, struct cst_err *e)
{
	char digest[17];
	json_t *js = json_pack("{s:I,s:s,s:b,s:b,s:s}", "seid", (json_int_t)s->seid, "digest",
			       digest_of(s, digest), "stale", upf_owned_stale(s), "local",
			       (int)s->local, "class", class_of(s));

	if (!js || json_array_append_new(items, js) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory for the reply");
	return 0;
}

int upf_owned_page(unsigned owner, bool stale_only, uint64_t *cursor, uint32_t limit, json_t *items,
		   struct cst_err *e)
{
	uint64_t at = *cursor ? *cursor : 1, last = upf_state_lines();
	uint32_t n = 0;

	*cursor = 0;
	for (uint32_t scanned = 0; at <= last; at++, scanned++) {
		const struct upf_session *s;
		int rc;

		if (n >= limit || scanned >= MAX_SCAN) {
			*cursor = at;
			return 0;
		}
		s = upf_session_by_state((uint32_t)at);
		if (!s || s->owner != owner || (stale_only && !upf_owned_stale(s)))
			continue;
		rc = add_item(items, s, e);
		if (rc < 0)
			return rc;
		n++;
	}
	return 0;
}

/* ---- adoption ------------------------------------------------------------------------------ */

/* The book as it will be: what cannot be kept does not become of it. */
static void keep_adopted(struct upf_session *s)
{
	struct upf_session was = *s;

	upf_owned_speak(s);
	upf_kept_put(s, NULL, 0);
	*s = was;
}

int upf_owned_adopt(unsigned owner, const uint64_t *ids, unsigned n, struct cst_err *e)
{
	int rc;

	if (!ids)
		return upf_owned_adopt_all(owner, e);
	for (unsigned i = 0; i < n; i++) {
		const struct upf_session *s = upf_session_by_seid(ids[i]);

		if (s && s->owner == owner)
			continue;
		cst_err(e, -ENOENT, NULL, "the owner has no session %llu",
			(unsigned long long)ids[i]);
		cst_err_prefix(e, "ids[%u]", i);
		return -ENOENT;
	}
	for (unsigned i = 0; i < n; i++)
		keep_adopted(upf_session_by_seid(ids[i]));
	rc = cst_store_write(e);
	for (unsigned i = 0; rc == 0 && i < n; i++)
		upf_owned_touch(upf_session_by_seid(ids[i]), (uint8_t)owner);
	upf_kept_write(); /* what was paid */
	return rc;
}

/* ---- one session --------------------------------------------------------------------------- */

void upf_owned_show(const struct upf_session *s, struct upf_session_obj *o)
{
	static struct cst_owner_info info;
	const struct cst_inertia_class *c;

	if (!s->owner || !cst_owner_keeper)
		return;
	c = upf_owned_class(o, upf_run(s));
	o->inertia_class = c->name;
	o->stale = upf_owned_stale(s);
	o->local = s->local;
	o->has |= 1ull << SESSION_INERTIA_CLASS | 1ull << SESSION_STALE | 1ull << SESSION_LOCAL;
	if (!cst_owner_keeper->info(s->owner, &info))
		return;
	o->owner = info.name;
	o->has |= 1ull << SESSION_OWNER;
}
