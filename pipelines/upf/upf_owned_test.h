/* SPDX-License-Identifier: BSD-3-Clause */
/* A keeper of owners and a caller that tests set. */
#pragma once

#include "upf_urr_test.h"

#include "owner.h"
#include "upf_node.h"
#include "upf_owned.h"

#define SMF   1 /* owners */
#define OTHER 2

static struct cst_caller caller;
static struct cst_inertia_class plain, special; /* special: DNN "special" */
static unsigned admits_left;
static enum cst_owner_state states[3];

struct cst_caller *__wrap_cst_caller_get(void);
struct cst_caller *__wrap_cst_caller_get(void)
{
	return caller.owner ? &caller : NULL;
}

static bool fake_info(unsigned owner, struct cst_owner_info *out)
{
	if (owner != SMF && owner != OTHER)
		return false;
	*out = (struct cst_owner_info){.state = states[owner]};
	snprintf(out->name, sizeof(out->name), "%s", owner == SMF ? "smf" : "other");
	return true;
}

static unsigned fake_by_name(const char *name)
{
	return strcmp(name, "smf") == 0 ? SMF : strcmp(name, "other") == 0 ? OTHER : 0;
}

static const struct cst_inertia_class *fake_match(const struct cst_inertia_traits *t)
{
	return t->dnn && strcmp(t->dnn, "special") == 0 ? &special : &plain;
}

static int fake_admit(const struct cst_caller *c, struct cst_err *e)
{
	if (!c)
		return 0;
	if (c->role != CST_ROLE_AUTHORITY)
		return c->owner;
	if (states[c->owner] != CST_OWNER_INERTIAL)
		return cst_err(e, -EBUSY, NULL, "the owner is there");
	if (admits_left == 0)
		return cst_err(e, -EDQUOT, NULL, "no more");
	admits_left--;
	return c->owner;
}

static const struct cst_owner_keeper fake_keeper = {
	.info = fake_info, .by_name = fake_by_name, .match = fake_match, .admit = fake_admit};

static inline const struct cst_owned *owned(void)
{
	return cst_owned_first();
}

/* The owner's state is another one, and the walk has been through all. */
static inline void turn_only(unsigned owner, enum cst_owner_state to)
{
	enum cst_owner_state from = states[owner];

	states[owner] = to;
	owned()->turn(owner, from, to);
}

static inline void turn(unsigned owner, enum cst_owner_state to)
{
	turn_only(owner, to);
	for (int i = 0; i < 3; i++)
		upf_owned_tick();
}

static inline void claim(unsigned owner, enum cst_role role)
{
	caller = (struct cst_caller){.owner = (uint8_t)owner, .role = (uint8_t)role, .epoch = 1};
}

static inline struct cst_owned_counts counts(unsigned owner)
{
	struct cst_owned_counts c;

	owned()->count(owner, &c);
	return c;
}

static inline void adopt(uint64_t seid)
{
	assert_int_equal(owned()->adopt(SMF, &seid, 1, &err), 0);
	upf_owned_tick();
}

/* A member of session.get. */
static inline json_t *shown(uint64_t seid)
{
	struct upf_session_obj key = {.has = 1, .seid = seid};
	json_t *out = NULL;

	assert_int_equal(upf_session_class.get(&key, &out, &err), 0);
	return out;
}

static inline int64_t urr_number(uint64_t seid, const char *member)
{
	json_t *s = shown(seid);
	int64_t n = num(json_array_get(json_object_get(s, "urrs"), 0), member);

	json_decref(s);
	return n;
}

static inline bool flag(uint64_t seid, const char *member)
{
	json_t *s = shown(seid);
	bool on = json_is_true(json_object_get(s, member));

	json_decref(s);
	return on;
}

static inline int owned_setup(void **state)
{
	int rc = setup(state);

	cst_owner_keeper = &fake_keeper;
	return rc;
}

/* Each test begins with both owners there, and the first of them calling. */
static inline int owned_begin(void **state)
{
	(void)state;
	plain = (struct cst_inertia_class){.name = "plain"};
	special = (struct cst_inertia_class){.name = "special"};
	admits_left = 100;
	turn(SMF, CST_OWNER_CONNECTED);
	turn(OTHER, CST_OWNER_CONNECTED);
	claim(SMF, CST_ROLE_OWNER);
	return 0;
}

static inline int owned_clear(void **state)
{
	caller.owner = 0;
	clear(state);
	assert_int_equal(counts(SMF).all + counts(OTHER).all, 0);
	assert_int_equal(counts(SMF).stale + counts(SMF).local + counts(SMF).owed, 0);
	return 0;
}

#define OWNED(f) cmocka_unit_test_setup_teardown(f, owned_begin, owned_clear)

#define GIVEN(teid)      "'f_teid':{'teid':'" teid "','ipv4':'192.0.2.1'}"
#define UE_IS(a)         ",'ue_ip_address':[{'ipv4':'" a "'}]"
#define ONE(seid, ul, a) SESSION(seid, UL(1, ul), DL(2, UE_IS(a)))

static inline uint32_t ref_of(const char *address)
{
	struct cst_ip ip;

	assert_int_equal(cst_ip_from_text(address, &ip), 0);
	return addr_find(vrf("internet"), &ip);
}

static inline uint64_t holder(const char *address)
{
	const struct upf_session *s = upf_session_by_ref(ref_of(address));

	return s ? s->seid : 0;
}
