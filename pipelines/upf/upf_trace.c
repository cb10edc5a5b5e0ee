/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's part in traces: which rule a packet fell to, and by what the packets
 * of a session are known as they come in.
 */
#include "upf_trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "trace/trace.h"
#include "upf_books.h"

/* ---- the rule --------------------------------------------------------------------------- */

enum { V_SESSION, V_PDR, V_FAR, V_ACTION };

static void rule_text(const uint64_t *v, char *buf, size_t size)
{
	static const char *const actions[] = {"DROP", "FORW", "BUFF"};
	unsigned long long session = v[V_SESSION];

	if (v[V_PDR] == 0)
		snprintf(buf, size, "session %llu: no PDR matches", session);
	else
		snprintf(buf, size, "session %llu: PDR %llu, FAR %llu %s", session,
			 (unsigned long long)v[V_PDR], (unsigned long long)v[V_FAR],
			 v[V_ACTION] < 3 ? actions[v[V_ACTION]] : "?");
}

static struct cst_trace_kind rule_kind = {
	.name = "rule", .values = {"session", "pdr", "far", "action"}, .text = rule_text};
CST_TRACE_KIND(rule_kind);

void upf_trace_rule(struct cst_worker *w, struct rte_mbuf *m, const struct upf_rules *r,
		    const struct upf_pdr *pdr)
{
	uint64_t v[CST_TRACE_VALUES] = {r->seid};

	if (pdr != NULL) {
		v[V_PDR] = pdr->id;
		v[V_FAR] = pdr->far_id;
		v[V_ACTION] = pdr->action;
	}
	cst_trace_note(w, m, &rule_kind, v);
}

/* ---- sessions ----------------------------------------------------------------------------- */

static int add_addr(struct cst_watch_keys *k, uint16_t vrf, uint8_t family, const uint8_t *b,
		    uint32_t bytes, uint8_t len, struct cst_err *e)
{
	struct cst_watch_addr *a = &k->addrs[k->n_addrs];

	if (k->n_addrs == CST_WATCH_ADDRS)
		return cst_err(e, -E2BIG, "session",
			       "it has more than %d addresses and networks: name its 'ue' instead",
			       CST_WATCH_ADDRS);
	k->n_addrs++;
	a->vrf = vrf;
	a->prefix.len = len;
	a->prefix.ip.family = family;
	memcpy(a->prefix.ip.b, b, bytes);
	return 0;
}

static int add_addrs(const struct upf_session *s, struct cst_watch_keys *k, struct cst_err *e)
{
	const struct upf_rules *r = upf_run(s);
	const struct upf_net *net = (const struct upf_net *)((const char *)r + r->nets * 64u);
	const struct upf_held_addr *a = upf_addrs(s);
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < s->n_addrs; i++) {
		if (a[i].v6)
			rc = add_addr(k, a[i].vrf, 6, a[i].b, 8, (uint8_t)(64 - a[i].bits), e);
		else
			rc = add_addr(k, a[i].vrf, 4, a[i].b, 4, 32, e);
	}
	for (unsigned i = 0; rc == 0 && i < r->n_nets; i++)
		rc = add_addr(k, r->vrf, net[i].family, net[i].addr, 16, net[i].len, e);
	return rc;
}

static int session_keys(uint64_t seid, struct cst_watch_keys *k, struct cst_err *e)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	if (s == NULL || s->planned)
		return cst_err(e, -ENOENT, "session", "there is no session %llu",
			       (unsigned long long)seid);
	if (s->n_teids > CST_WATCH_TEIDS)
		return cst_err(e, -E2BIG, "session", "it has more than %d tunnels",
			       CST_WATCH_TEIDS);
	for (unsigned i = 0; i < s->n_teids; i++)
		k->teids[k->n_teids++] =
			(struct cst_watch_teid){.teid = s->teids[i].teid, .vrf = s->teids[i].vrf};
	return add_addrs(s, k, e);
}

static void __attribute__((constructor)) upf_trace_register(void)
{
	cst_watch_resolver_set(session_keys);
}
