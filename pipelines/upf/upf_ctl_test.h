/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables, network instances and calls for the tests of the UPF's control side. No EAL. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rcu.h"
#include "upf_books.h"

static struct cst_err err;

/* JSON with ' for ", as C likes it. */
static inline json_t *js(const char *text)
{
	char *s = strdup(text);
	json_error_t je;
	json_t *out;

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	out = json_loads(s, 0, &je);
	if (!out)
		fail_msg("%s at %d of %s", je.text, je.position, s);
	free(s);
	return out;
}

static inline int call(const struct cst_class *c, enum cst_op op, const char *text, json_t **reply)
{
	json_t *j = js(text);
	int rc = cst_txn_run(c, op, j, reply, &err);

	json_decref(j);
	return rc;
}

static inline void ok(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *reply = NULL;
	int rc = call(c, op, text, &reply);

	json_decref(reply);
	if (rc != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
}

static inline void refused(const struct cst_class *c, enum cst_op op, const char *text, int code,
			   const char *field, const char *reason)
{
	int rc = call(c, op, text, NULL);

	if (rc != code || strcmp(err.field, field) != 0 || !strstr(err.reason, reason))
		fail_msg("%s: rc %d, field '%s', reason '%s'; wanted %d, '%s', '%s'", text, rc,
			 err.field, err.reason, code, field, reason);
}

#define PUT(text)    ok(&upf_session_class, CST_OP_PUT, text)
#define MODIFY(text) ok(&upf_session_class, CST_OP_MODIFY, text)
#define DELETE(text) ok(&upf_session_class, CST_OP_DELETE, text)
#define NO_PUT(text, code, field, reason)                                                          \
	refused(&upf_session_class, CST_OP_PUT, text, code, field, reason)
#define NO_MODIFY(text, code, field, reason)                                                       \
	refused(&upf_session_class, CST_OP_MODIFY, text, code, field, reason)

static inline void put_vrf(const char *name)
{
	struct cst_vrf_conf c = {0};

	snprintf(c.name, sizeof(c.name), "%s", name);
	assert_int_equal(cst_net_put_vrf(&c, &err), 0);
}

static inline void put_iface(const char *name, const char *vrf, bool gtpu, const char *v4,
			     const char *v6)
{
	struct cst_iface_conf c = {.gtpu = gtpu};

	snprintf(c.name, sizeof(c.name), "%s", name);
	snprintf(c.port, sizeof(c.port), "%s", name);
	snprintf(c.vrf, sizeof(c.vrf), "%s", vrf);
	if (v4)
		assert_int_equal(cst_prefix_parse(v4, &c.addrs[c.n_addrs++]), 0);
	if (v6)
		assert_int_equal(cst_prefix_parse(v6, &c.addrs[c.n_addrs++]), 0);
	if (cst_net_put_iface(&c, &err) != 0)
		fail_msg("%s: %s", err.field, err.reason);
}

static inline void open_tables(uint32_t sessions, uint32_t addresses)
{
	struct cst_system sys = {.max_sessions = sessions,
				 .max_pdrs = 4 * sessions,
				 .max_addresses = addresses,
				 .hugepages = CST_HUGE_OFF};

	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/upf-test-%d", getpid());
	assert_int_equal(upf_tables_module.reserve(&sys, &err), 0);
	if (cst_arena_map(&sys, &err) != 0)
		fail_msg("%s", err.reason);
	unlink(sys.arena_path);
	assert_int_equal(upf_tables_module.start(&sys, &err), 0);
}

static inline void close_tables(void)
{
	upf_tables_module.stop();
	cst_arena_unmap();
}

/* access: GTP-U on both families; old: GTP-U, IPv4 only; internet, mec: N6. */
static inline void open_network(void)
{
	assert_int_equal(cst_net_begin(), 0);
	put_vrf("access");
	put_vrf("old");
	put_vrf("internet");
	put_vrf("mec");
	put_iface("n3", "access", true, "192.0.2.1/24", "2001:db8:3::1/64");
	put_iface("n9", "old", true, "203.0.113.1/24", NULL);
	put_iface("n6", "internet", false, "198.51.100.1/24", NULL);
	if (cst_net_compile(&err) != 0)
		fail_msg("%s: %s", err.field, err.reason);
	cst_net_commit();
}

static inline void open_pools(void)
{
	ok(&upf_pool_class, CST_OP_PUT,
	   "[{'name':'v4','network_instance':'internet','prefix':'10.45.0.0/16'},"
	   "{'name':'v6','network_instance':'internet','prefix':'2001:db8:45::/48'},"
	   "{'name':'mec','network_instance':'mec','prefix':'10.45.0.0/16'},"
	   "{'name':'tiny','network_instance':'old','prefix':'10.99.0.0/30'}]");
}

static inline void same_usage(const struct upf_usage *a)
{
	struct upf_usage b;

	upf_usage(&b);
	assert_int_equal(a->sessions, b.sessions);
	assert_int_equal(a->lines, b.lines);
	assert_int_equal(a->states, b.states);
	assert_int_equal(a->teids, b.teids);
	assert_int_equal(a->strays, b.strays);
	assert_int_equal(a->addresses, b.addresses);
	assert_int_equal(a->peers, b.peers);
	assert_int_equal(a->pools, b.pools);
}

static inline const struct upf_rules *run_of(uint64_t seid)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	assert_non_null(s);
	return upf_run(s);
}

static inline const struct upf_pdr *pdr_of(uint64_t seid, uint16_t id)
{
	const struct upf_session *s = upf_session_by_seid(seid);
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (p[i].id == id)
			return &p[i];
	fail_msg("session %llu has no PDR %u", (unsigned long long)seid, id);
	return NULL;
}

static inline const struct upf_sdf *sdf_of(uint64_t seid, uint16_t id)
{
	return (const struct upf_sdf *)((const char *)run_of(seid) + 64 * pdr_of(seid, id)->sdf);
}

static inline uint16_t vrf(const char *name)
{
	return cst_vrf_by_name(name);
}
