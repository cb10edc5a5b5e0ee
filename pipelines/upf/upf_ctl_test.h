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
#include "quoted.h"
#include "rpc/rpc.h"
#include "upf_books.h"

static struct cst_err err;

static inline int call(const struct cst_class *c, enum cst_op op, const char *text, json_t **reply)
{
	json_t *j = quoted(text);
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
#define NO_PUT(text, code, field, reason) \
	refused(&upf_session_class, CST_OP_PUT, text, code, field, reason)
#define NO_MODIFY(text, code, field, reason) \
	refused(&upf_session_class, CST_OP_MODIFY, text, code, field, reason)

/* A call over the socket: the whole reply. */
static inline json_t *rpc(const char *method, const char *params)
{
	char line[3000];
	json_t *p = quoted(params), *reply;
	char *text = json_dumps(p, 0), *out;

	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method, text);
	out = cst_rpc_serve(line, strlen(line), true);
	reply = json_loads(out, 0, NULL);
	free(out);
	free(text);
	json_decref(p);
	return reply;
}

static inline void does(const char *method, const char *params)
{
	json_t *reply = rpc(method, params);

	if (json_object_get(reply, "error"))
		fail_msg("%s: %s", method, json_dumps(reply, 0));
	json_decref(reply);
}

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
		assert_int_equal(cst_prefix_from_text(v4, &c.addrs[c.n_addrs++]), 0);
	if (v6)
		assert_int_equal(cst_prefix_from_text(v6, &c.addrs[c.n_addrs++]), 0);
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

static inline void same_usage(const struct upf_inventory *a)
{
	struct upf_inventory b;

	upf_inventory(&b);
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

/* As the downlink node looks: the pool by its prefix, the slot by the offset; else the hash. */
static inline uint32_t addr_find(uint16_t in, const struct cst_ip *ip)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		const struct upf_pool *p = &upf_tables.pools[i];
		uint64_t mask, a, b;

		if (!p->used || p->vrf != in || p->prefix.ip.family != ip->family)
			continue;
		memcpy(&a, ip->b, 8);
		memcpy(&b, p->prefix.ip.b, 8);
		a = __builtin_bswap64(a);
		b = __builtin_bswap64(b);
		mask = ~0ull >> p->prefix.len;
		if ((a ^ b) & ~mask)
			continue;
		return upf_tables.pool_slots[p->first + ((a & mask) >> (p->unit ? 0 : 32))];
	}
	return upf_stray_addr(in, ip);
}

static inline uint16_t vrf(const char *name)
{
	return cst_vrf_by_name(name);
}

/* ---- fixture, and the rules of an ordinary session ------------------------------------- */

static struct upf_inventory empty;

static inline int group_setup(void **state)
{
	(void)state;
	open_tables(2000, 400000);
	open_network();
	open_pools();
	upf_inventory(&empty);
	return 0;
}

static inline int group_teardown(void **state)
{
	(void)state;
	close_tables();
	return 0;
}

/* Each test deletes what it put. */
static inline int nothing_left(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= upf_state_lines(); i++) {
		struct upf_session *s = upf_session_by_state(i);
		char key[64];

		if (!s)
			continue;
		snprintf(key, sizeof(key), "{'seid':%llu}", (unsigned long long)s->seid);
		DELETE(key);
	}
	same_usage(&empty);
	return 0;
}

#define UL(id, more)                                                         \
	"{'id':" #id ",'precedence':255,'pdi':{'source_interface':'access'," \
	"'network_instance':'access'," more "},'outer_header_removal':'gtpu-udp-ip','far_id':1}"
#define DL(id, more)                                                       \
	"{'id':" #id ",'precedence':255,'pdi':{'source_interface':'core'," \
	"'network_instance':'internet'" more "},'far_id':2}"
#define CHOOSE "'f_teid':{'choose':true,'choose_id':5}"
#define UE     "'ue_ip_address':[{'ipv4':'10.45.0.2'}]"
#define TO_CORE                                                     \
	"{'id':1,'apply_action':['FORW'],'forwarding_parameters':{" \
	"'destination_interface':'core','network_instance':'internet'}}"
#define OHC \
	"'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'0x11','ipv4':'192.0.2.2'}"
#define TO_GNB                                                      \
	"{'id':2,'apply_action':['FORW'],'forwarding_parameters':{" \
	"'destination_interface':'access','network_instance':'access'," OHC "}}"
#define SESSION(seid, ul, dl) \
	"{'seid':" #seid ",'pdrs':[" ul "," dl "],'fars':[" TO_CORE "," TO_GNB "]}"
