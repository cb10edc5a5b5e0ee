/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_intent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "upf_next.h"

static const struct {
	const char *lists; /* "pdrs" */
	const char *name;  /* in reasons */
	uint32_t max;
	unsigned has; /* bit of the list in a session */
} kinds[UPF_RULES] = {
	{"pdrs", "PDR", UPF_MAX_PDRS, SESSION_PDRS}, {"fars", "FAR", UPF_MAX_FARS, SESSION_FARS},
	{"qers", "QER", UPF_MAX_QERS, SESSION_QERS}, {"urrs", "URR", UPF_MAX_URRS, SESSION_URRS},
	{"bars", "BAR", UPF_MAX_BARS, SESSION_BARS}, {"srrs", "SRR", UPF_MAX_SRRS, SESSION_SRRS},
};

static char *at(const struct cst_list *l, enum upf_rule kind, unsigned i)
{
	return (char *)l->items + (size_t)i * upf_rule_object(kind)->size;
}

static int fail(struct cst_err *e, int code, const char *verb, enum upf_rule kind, unsigned i,
		const char *what, uint32_t id)
{
	cst_err(e, code, NULL, "the session %s %s %u", what, kinds[kind].name, id);
	cst_err_prefix(e, "%s_%s[%u].id", verb, kinds[kind].lists, i);
	return code;
}

static int remove_rules(const struct cst_list *ids, struct cst_list *l, enum upf_rule kind,
			struct cst_err *e)
{
	const struct upf_rule_id_obj *id = ids->items;
	size_t size = upf_rule_object(kind)->size;

	for (unsigned i = 0; i < ids->n; i++) {
		char *rule = upf_rule_find(kind, l, id[i].id);

		if (rule == NULL)
			return fail(e, -ENOENT, "remove", kind, i, "has no", id[i].id);
		memmove(rule, rule + size, (size_t)(at(l, kind, l->n) - rule) - size);
		l->n--;
	}
	return 0;
}

static int create_rules(const struct cst_list *rules, struct cst_list *l, enum upf_rule kind,
			struct cst_err *e)
{
	for (unsigned i = 0; i < rules->n; i++) {
		const char *rule = at(rules, kind, i);
		uint32_t id = upf_rule_id(kind, rule);

		if (upf_rule_find(kind, l, id))
			return fail(e, -EEXIST, "create", kind, i, "already has", id);
		memcpy(at(l, kind, l->n), rule, upf_rule_object(kind)->size);
		l->n++;
	}
	return 0;
}

static int update_rules(const struct cst_list *rules, const struct cst_list *l, enum upf_rule kind,
			struct cst_err *e)
{
	for (unsigned i = 0; i < rules->n; i++) {
		const char *delta = at(rules, kind, i);
		uint32_t id = upf_rule_id(kind, delta);
		char *rule = upf_rule_find(kind, l, id);

		if (rule == NULL)
			return fail(e, -ENOENT, "update", kind, i, "has no", id);
		cst_merge(upf_rule_object(kind), rule, delta);
		if (kind == UPF_RULE_FAR && upf_next_settle((const void *)delta, (void *)rule, e)) {
			cst_err_prefix(e, "update_fars[%u]", i);
			return -ENOENT;
		}
	}
	return 0;
}

static int change_list(const struct upf_modify_obj *m, struct upf_session_obj *s,
		       enum upf_rule kind, struct cst_pool *p, struct cst_err *e)
{
	struct cst_list *l = upf_session_rules(s, kind);
	size_t size = upf_rule_object(kind)->size;
	uint32_t room = l->n + m->create[kind].n;
	void *items;
	int rc;

	if (!m->remove[kind].n && !m->create[kind].n && !m->update[kind].n)
		return 0;
	items = cst_pool_alloc(p, (room ? room : 1) * size);
	if (items == NULL)
		return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	if (l->n)
		memcpy(items, l->items, l->n * size);
	l->items = items;
	rc = remove_rules(&m->remove[kind], l, kind, e);
	if (rc == 0)
		rc = create_rules(&m->create[kind], l, kind, e);
	if (rc == 0)
		rc = update_rules(&m->update[kind], l, kind, e);
	if (rc < 0)
		return rc;
	if (l->n > kinds[kind].max) {
		cst_err(e, -E2BIG, NULL, "a session has at most %u %ss", kinds[kind].max,
			kinds[kind].name);
		cst_err_prefix(e, "create_%s", kinds[kind].lists);
		return -E2BIG;
	}
	if (l->n)
		s->has |= 1ull << kinds[kind].has;
	else
		s->has &= ~(1ull << kinds[kind].has);
	return 0;
}

int upf_intent_modify(const struct upf_modify_obj *m, struct upf_session_obj *s, struct cst_pool *p,
		      struct cst_err *e)
{
	if (cst_has(m, MODIFY_CP_F_SEID)) {
		s->cp_f_seid = m->cp_f_seid;
		s->has |= 1ull << SESSION_CP_F_SEID;
	}
	if (cst_has(m, MODIFY_INACTIVITY)) {
		s->user_plane_inactivity_timer = m->user_plane_inactivity_timer;
		s->has |= 1ull << SESSION_INACTIVITY;
	}
	for (int kind = 0; kind < UPF_RULES; kind++) {
		int rc = change_list(m, s, (enum upf_rule)kind, p, e);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---- errors in the request's terms ------------------------------------------------- */

static int index_of(const struct cst_list *l, enum upf_rule kind, uint32_t id)
{
	for (unsigned i = 0; i < l->n; i++)
		if (upf_rule_id(kind, at(l, kind, i)) == id)
			return (int)i;
	return -1;
}

void upf_intent_explain(const struct upf_modify_obj *m, const struct upf_session_obj *s,
			struct cst_err *e)
{
	char rest[sizeof(e->field)], name[8];
	unsigned i;
	int n = 0;

	if (e == NULL || sscanf(e->field, "%4[a-z][%u]%n", name, &i, &n) != 2 || n == 0)
		return;
	snprintf(rest, sizeof(rest), "%s", e->field + n);
	for (int k = 0; k < UPF_RULES; k++) {
		enum upf_rule kind = (enum upf_rule)k;
		const struct cst_list *l = upf_session_rules((struct upf_session_obj *)s, kind);
		uint32_t id;
		int j;

		if (strcmp(name, kinds[kind].lists) != 0 || i >= l->n)
			continue;
		id = upf_rule_id(kind, at(l, kind, i));
		if ((j = index_of(&m->update[kind], kind, id)) >= 0)
			snprintf(e->field, sizeof(e->field), "update_%s[%d]%.96s", name, j, rest);
		else if ((j = index_of(&m->create[kind], kind, id)) >= 0)
			snprintf(e->field, sizeof(e->field), "create_%s[%d]%.96s", name, j, rest);
		else
			snprintf(e->field, sizeof(e->field), "%s %u%s%.96s",
				 upf_rule_object(kind)->name, id, rest[0] ? ": " : "",
				 rest[0] == '.' ? rest + 1 : rest);
	}
}
