/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's control side as a client drives it: lines of JSON-RPC, of which those
 * about sessions are served by the real classes and methods. What is accepted
 * must compile to runs whose every index leads somewhere; packets of all sizes
 * pass their policies; and when all sessions are deleted nothing may be left.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "net/net.h"
#include "rpc/rpc_int.h"
#include "upf_books.h"
#include "upf_match.h"
#include "upf_policy.h"
#include "upf_tell.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64

static struct cst_worker worker;
static struct upf_inventory empty;

static void must(int holds)
{
	if (!holds)
		abort();
}

/* ---- the engine's part: there is neither EAL nor a worker ---------------------------- */

bool __wrap_cst_notice(struct cst_worker *by, uint16_t kind, const void *data, uint8_t len);
uint64_t __wrap_rte_get_tsc_hz(void);
uint16_t __wrap_cst_workers(void);
struct cst_worker *__wrap_cst_worker_get(uint16_t id);
bool __wrap_upf_tell_news(uint16_t to, uint32_t queue);
bool __wrap_upf_tell_signal(uint16_t to, uint16_t vrf, const uint8_t *ip, uint16_t len);

bool __wrap_cst_notice(struct cst_worker *by, uint16_t kind, const void *data, uint8_t len)
{
	struct upf_usage_notice n;

	(void)by;
	(void)kind;
	if (len == sizeof(n) && upf_usage_told) {
		memcpy(&n, data, sizeof(n));
		upf_usage_told(&n);
	}
	return true;
}

uint64_t __wrap_rte_get_tsc_hz(void)
{
	return 2450000000;
}

uint16_t __wrap_cst_workers(void)
{
	return 1;
}

struct cst_worker *__wrap_cst_worker_get(uint16_t id)
{
	(void)id;
	return &worker;
}

bool __wrap_upf_tell_news(uint16_t to, uint32_t queue)
{
	(void)to;
	(void)queue;
	return true;
}

bool __wrap_upf_tell_signal(uint16_t to, uint16_t vrf, const uint8_t *ip, uint16_t len)
{
	(void)to;
	(void)vrf;
	must(len >= 28 && ip[0] >> 4 == (ip[0] & 0x40 ? 4 : 6));
	return true;
}

/* ---- a network, and tables of little room -------------------------------------------- */

static void put_iface(const char *name, const char *vrf, bool gtpu, const char *v4, const char *v6)
{
	struct cst_iface_conf c = {.gtpu = gtpu};
	struct cst_vrf_conf v = {0};
	struct cst_err e;

	strcpy(v.name, vrf);
	strcpy(c.name, name);
	strcpy(c.port, name);
	strcpy(c.vrf, vrf);
	must(cst_prefix_from_text(v4, &c.addrs[c.n_addrs++]) == 0);
	must(cst_prefix_from_text(v6, &c.addrs[c.n_addrs++]) == 0);
	must(cst_net_put_vrf(&v, &e) == 0);
	must(cst_net_put_iface(&c, &e) == 0);
}

static void serve(const char *line, size_t len)
{
	char *reply = cst_rpc_serve(line, len, true);

	must(!reply || strchr(reply, '\n') == NULL);
	free(reply);
}

static void open_once(void)
{
	static const char pools[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pool.put\",\"params\":["
		"{\"name\":\"v4\",\"network_instance\":\"internet\",\"prefix\":\"10.45.0.0/20\"},"
		"{\"name\":\"v6\",\"network_instance\":\"internet\",\"prefix\":\"2001:db8:45::/"
		"52\"}]}";
	struct cst_system sys = {.max_sessions = 64,
				 .max_pdrs = 512,
				 .max_addresses = 16384,
				 .hugepages = CST_HUGE_OFF};
	struct cst_err e;

	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/fuzz-session-%d", getpid());
	must(upf_tables_module.reserve(&sys, &e) == 0);
	must(cst_arena_map(&sys, &e) == 0);
	unlink(sys.arena_path);
	must(upf_tables_module.start(&sys, &e) == 0);
	must(cst_net_begin() == 0);
	put_iface("n3", "access", true, "192.0.2.1/24", "2001:db8:3::1/64");
	put_iface("n6", "internet", false, "198.51.100.1/24", "2001:db8:6::1/64");
	must(cst_net_compile(&e) == 0);
	cst_net_commit();
	serve(pools, sizeof(pools) - 1);
	upf_inventory(&empty);
	must(empty.pools == 2);
}

/* ---- what was compiled --------------------------------------------------------------- */

static void check_policy(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);
	unsigned items = 2u * p->n_qers + p->n_urrs;

	must(pdr->policy > 0 && pdr->policy + UPF_POLICY_LINES(items) <= r->n_lines);
	must(p->n_before <= p->n_urrs && p->n_urrs <= UPF_POLICY_URRS);
	must(p->n_qers <= UPF_POLICY_QERS && p->n_copies <= UPF_MAX_COPIES);
	must(p->n_copies == 0 || (p->copies > 0 && p->copies + p->n_copies <= r->n_lines));
	must(p->spent < r->n_lines);
	must(p->queue <= upf_parts_count(UPF_PART_QUEUE));
	must(p->monitor <= upf_parts_count(UPF_PART_MONITOR));
	for (unsigned i = 0; i < p->n_qers; i++) {
		must(p->item[i] > 0 && p->item[i] < r->n_lines);
		must(p->item[p->n_qers + i] <= upf_parts_count(UPF_PART_METER));
	}
	for (unsigned i = 0; i < p->n_urrs; i++) {
		must(p->item[2 * p->n_qers + i] > 0);
		must(p->item[2 * p->n_qers + i] <= upf_parts_count(UPF_PART_USAGE));
	}
}

static void pass(const struct upf_rules *r, const struct upf_pdr *pdr, uint32_t bytes)
{
	enum upf_dir dir = pdr->source_if == UPF_IF_ACCESS ? UPF_UL : UPF_DL;
	const struct upf_pdr *by;
	enum upf_drop why = UPF_DROPS;

	worker.now += 1000000 + bytes;
	by = upf_policy_pass(&worker, r, pdr, dir, bytes, &why);
	must(by ? by > (const struct upf_pdr *)r && by < (const struct upf_pdr *)r + r->n_lines
		: why < UPF_DROPS);
}

static void check_session(const struct upf_session *s, const uint8_t *data, size_t size)
{
	const struct upf_rules *r = upf_run(s);
	const struct upf_pdr *p = upf_run_pdrs(s);
	unsigned n = upf_run_n(s);

	must(r->seid == s->seid && r->n_ul + r->n_dl == n && n < r->n_lines);
	for (unsigned i = 0; i < n; i++) {
		must(p[i].n_sdf == 0 || p[i].sdf + p[i].n_sdf <= r->n_lines);
		must(i == 0 || i == r->n_ul || p[i].id != p[i - 1].id);
		if (!(p[i].flags & UPF_PDR_POLICY))
			continue;
		check_policy(r, &p[i]);
		if (p[i].action == UPF_FORW)
			pass(r, &p[i], 20 + (size ? data[i % size] * 6u : 0));
	}
}

/* ---- target -------------------------------------------------------------------------- */

/* Ports and files are other targets' or nobody's. */
static bool is_about_sessions(const char *line, size_t len)
{
	static const char mark[] = "\"method\":\"session.";
	const char *at = memmem(line, len, mark, sizeof(mark) - 1);

	return at && !memmem(at + 1, len - (size_t)(at + 1 - line), "\"method\"", 8);
}

static void each_session(const uint8_t *data, size_t size, bool delete)
{
	for (uint32_t i = 1; i <= upf_state_lines(); i++) {
		struct upf_session *s = upf_session_by_state(i);
		char line[128];
		int n;

		if (!s)
			continue;
		check_session(s, data, size);
		if (!delete)
			continue;
		n = snprintf(line, sizeof(line),
			     "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"session.delete\","
			     "\"params\":{\"seid\":%llu}}",
			     (unsigned long long)s->seid);
		serve(line, (size_t)n);
		must(upf_session_by_state(i) == NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *nl;
	struct upf_inventory left;
	static bool ready;

	if (!ready)
		open_once();
	ready = true;
	for (unsigned n = 0; at < end && n < LINES_MAX; n++) {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (!nl)
			nl = end;
		if (is_about_sessions(at, (size_t)(nl - at)))
			serve(at, (size_t)(nl - at));
		each_session(data, size, false);
		at = nl + 1;
	}
	each_session(data, size, true);
	cst_rcu_reclaim(true);
	rpc_event_reset();
	upf_inventory(&left);
	must(memcmp(&left, &empty, sizeof(left)) == 0);
	for (int k = 0; k < UPF_PARTS; k++)
		must(upf_parts_used(k) == 0);
	return 0;
}
