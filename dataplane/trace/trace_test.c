/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces of packets through the nodes of dataplane/net: what is matched, which
 * steps are recorded, and that nothing is when nobody asked.
 */
#include "csum.h"
#include "net/rig.h"
#include "trace/trace.h"
#include "upf_vectors.h"

static const struct cst_trace_step *const *steps;
static uint32_t n_steps;

static const char *name_of(uint16_t node)
{
	struct cst_node_stats s;

	return node == CST_TRACE_TX          ? "tx"
	       : node == CST_TRACE_DROP      ? "drop"
	       : node == CST_TRACE_TAKEN     ? "taken"
	       : cst_node_stats(node, 0, &s) ? s.name
					     : "?";
}

static const char *drop_name(uint16_t id)
{
	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next)
		if (d->id == id)
			return d->name;
	return "none";
}

static void forget(void)
{
	cst_trace_clear();
	rig_clear(&rig_gtpu);
	rig_clear(&rig_pool);
	rig_clear(&rig_ports[0].sent);
	rig_clear(&rig_ports[1].sent);
}

static int after_each(void **state)
{
	forget();
	return 0;
}

static uint16_t trace(const struct cst_watch_want *want, uint32_t count)
{
	struct cst_err e = {0};
	uint16_t id = 0;

	rig_ok(cst_trace_add(want, count, &id, &e), &e);
	assert_int_not_equal(id, 0);
	return id;
}

/* The way of the one packet traced, as "rx classify ...". */
static const char *way(void)
{
	static char text[256];

	n_steps = cst_trace_steps(&steps);
	text[0] = '\0';
	for (uint32_t i = 0; i < n_steps; i++) {
		assert_int_equal(steps[i]->number, steps[0]->number);
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
			 name_of(steps[i]->node));
	}
	return text;
}

/* How many packets are in the logs. */
static unsigned packets(void)
{
	unsigned n = 0;

	n_steps = cst_trace_steps(&steps);
	for (uint32_t i = 0; i < n_steps; i++)
		n += i == 0 || steps[i]->number != steps[i - 1]->number;
	return n;
}

#define TEID 0x923 /* of in_ul4, whose user is 10.45.0.2 */

/* An uplink packet into a port, `more` bytes longer: past 1900 in several buffers. */
static void gtpu_in(unsigned port, unsigned more)
{
	static uint8_t frame[4000];
	uint8_t *ip = frame + 14, *gtpu = ip + 28;
	unsigned len = sizeof(in_ul4) + more;

	memcpy(frame, rig_vec("in", "gtpu4")->p, 14);
	memcpy(ip, in_ul4, sizeof(in_ul4));
	memset(ip + sizeof(in_ul4), 0, more);
	cst_put_be16(ip + 2, (uint16_t)len);
	cst_put_be16(ip + 10, 0);
	cst_put_be16(ip + 10, cst_csum_fold(cst_csum_add(0, ip, 20)));
	cst_put_be16(ip + 24, (uint16_t)(len - 20));
	cst_put_be16(ip + 26, 0); /* UDP without a checksum */
	cst_put_be16(gtpu + 2, (uint16_t)(len - 36));
	cst_put_be16(gtpu + 16 + 2, (uint16_t)(len - 44));
	rig_frame(port, frame, 14 + len);
	rig_walk();
}

static const struct cst_watch_want all = {.what = CST_WATCH_ALL};

/* ---- what is recorded ------------------------------------------------------------------ */

static void nothing_without_a_trace(void **state)
{
	rig_in(1, "pool4");
	assert_null(atomic_load(&cst_watch_live));
	assert_int_equal(packets(), 0);
	/* not even the mark that the buffer's last packet left is wiped off */
	assert_int_equal(rig_pool.p[0]->pkt.mark, 0xa5);
}

static void steps_of_a_packet(void **state)
{
	const struct net_vec *v = rig_vec("in", "pool4");

	trace(&all, 1);
	rig_in(1, "pool4");
	assert_string_equal(way(), "rx classify rig_pool");
	assert_int_equal(cst_trace_number(steps[0]), 1);
	assert_int_equal(steps[0]->port, rig_ports[1].id);
	assert_string_equal(name_of(steps[0]->to), "classify");
	assert_string_equal(name_of(steps[1]->to), "rig_pool");
	assert_string_equal(name_of(steps[2]->to), "taken");
	assert_true(steps[0]->frame && steps[1]->frame && !steps[2]->frame);
	assert_int_equal(steps[1]->len, v->len);
	assert_int_equal(steps[1]->cap, RTE_MIN(v->len, CST_TRACE_BYTES));
	assert_memory_equal(steps[1]->data + 6, v->p + 6, steps[1]->cap - 6u);
	assert_memory_equal(steps[2]->data, v->p + 14, steps[2]->cap);
	assert_true(steps[0]->tsc <= steps[1]->tsc && steps[1]->tsc <= steps[2]->tsc);
}

static void the_way_out(void **state)
{
	trace(&all, 1);
	rig_in(0, "echo4");
	assert_int_equal(rig_ports[0].sent.n, 1);
	way();
	assert_true(n_steps >= 5);
	assert_int_equal(steps[n_steps - 1]->node, CST_TRACE_TX);
	assert_int_equal(steps[n_steps - 1]->port, rig_ports[0].id);
	assert_true(steps[n_steps - 1]->frame);
	/* as it stands on the wire, but for the MAC address that the rig puts in */
	assert_memory_equal(steps[n_steps - 1]->data, rig_ports[0].sent.p[0]->b, 6);
	assert_memory_equal(steps[n_steps - 1]->data + 12, rig_ports[0].sent.p[0]->b + 12,
			    steps[n_steps - 1]->cap - 12u);
	assert_string_equal(name_of(steps[n_steps - 2]->node), "output");
}

static void drops_have_their_reason(void **state)
{
	static const struct {
		const char *name, *why;
		bool frame;
	} cases[] = {
		{"not_ours", "eth.not_ours", true},
		{"gtpu4_bad_sum", "udp.bad_checksum", false},
		{"checksum", "ip.bad_checksum", false},
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		trace(&all, 1);
		rig_in(0, cases[i].name);
		assert_string_equal(way(), "rx classify drop");
		assert_string_equal(drop_name(steps[1]->drop), cases[i].why);
		assert_string_equal(name_of(steps[1]->to), "drop");
		assert_string_equal(drop_name(steps[2]->drop), cases[i].why);
		assert_int_equal(steps[2]->frame, cases[i].frame);
		forget();
	}
}

/* ---- what is matched ---------------------------------------------------------------------- */

static void counts_end(void **state)
{
	trace(&all, 2);
	for (int i = 0; i < 3; i++)
		rig_in(1, "pool4");
	assert_int_equal(packets(), 2);
	assert_int_equal(cst_trace_filters()[0].left, 0);
	/* and with the last one, some time after it, all that traces cost */
	cst_modules_tick(1000);
	assert_non_null(atomic_load(&cst_watch_live));
	cst_modules_tick(7000);
	assert_null(atomic_load(&cst_watch_live));
	assert_int_equal(packets(), 2);
}

static void by_port(void **state)
{
	struct cst_watch_want want = {.what = CST_WATCH_PORT, .port = "p1"};
	struct cst_err e = {0};
	uint16_t id;

	trace(&want, 10);
	rig_in(0, "echo4");
	assert_int_equal(packets(), 0);
	rig_in(1, "pool4");
	assert_int_equal(packets(), 1);
	snprintf(want.port, sizeof(want.port), "p9");
	assert_int_equal(cst_trace_add(&want, 1, &id, &e), -ENOENT);
	assert_string_equal(e.field, "port");
}

static struct cst_watch_want ue(const char *prefix)
{
	return (struct cst_watch_want){.what = CST_WATCH_UE, .ue = rig_prefix(prefix)};
}

static void by_address(void **state)
{
	struct cst_watch_want want;
	char inner[64], text[72];

	inet_ntop(AF_INET, rig_vec("in", "pool4")->p + 30, inner, sizeof(inner));
	snprintf(text, sizeof(text), "%s/32", inner);
	want = ue(text);
	trace(&want, 10);
	rig_in(0, "echo4");
	assert_int_equal(packets(), 0);
	rig_in(1, "pool4");
	assert_int_equal(packets(), 1);
	rig_in(1, "pool4_vlan");
	assert_int_equal(packets(), 2);
	forget();
	inet_ntop(AF_INET6, rig_vec("in", "pool6")->p + 38, inner, sizeof(inner));
	snprintf(text, sizeof(text), "%s/64", inner);
	want = ue(text);
	trace(&want, 10);
	rig_in(1, "pool4");
	assert_int_equal(packets(), 0);
	rig_in(1, "pool6");
	assert_int_equal(packets(), 1);
}

static void inside_a_tunnel(void **state)
{
	struct cst_watch_want want = ue("10.45.0.2/32");

	trace(&want, 10);
	gtpu_in(0, 0);
	gtpu_in(0, 3000); /* in several buffers */
	assert_int_equal(packets(), 2);
	forget();
	want = ue("10.45.0.3/32");
	trace(&want, 10);
	gtpu_in(0, 0);
	gtpu_in(0, 3000);
	assert_int_equal(packets(), 0);
}

static void by_teid(void **state)
{
	struct cst_watch_want want = {.what = CST_WATCH_TEID, .teid = TEID};

	trace(&want, 10);
	rig_in(1, "pool4");
	rig_in(0, "gtpu4"); /* no GTP-U, whatever its port is */
	assert_int_equal(packets(), 0);
	gtpu_in(0, 0);
	assert_string_equal(way(), "rx classify rig_gtpu");
	gtpu_in(0, 3000);
	assert_int_equal(packets(), 2);
	forget();
	want.teid++;
	trace(&want, 10);
	gtpu_in(0, 0);
	assert_int_equal(packets(), 0);
}

static uint64_t known; /* the session that there is */
static uint16_t known_vrf;
static uint32_t known_teid;

static int find_session(uint64_t seid, struct cst_watch_keys *k, struct cst_err *e)
{
	if (seid != known)
		return cst_err(e, -ENOENT, "session", "there is no session");
	memcpy(k->addrs[0].prefix.ip.b, rig_vec("in", "pool4")->p + 30, 4);
	k->addrs[0].prefix.ip.family = 4;
	k->addrs[0].prefix.len = 32;
	k->addrs[0].vrf = known_vrf;
	k->n_addrs = 1;
	k->teids[0] = (struct cst_watch_teid){.teid = known_teid, .vrf = cst_vrf_by_name("access")};
	k->n_teids = 1;
	return 0;
}

static void by_session(void **state)
{
	struct cst_watch_want want = {.what = CST_WATCH_SESSION, .seid = 7};
	struct cst_err e = {0};
	uint16_t id;

	assert_int_equal(cst_trace_add(&want, 1, &id, &e), -ENOTSUP);
	cst_watch_resolver_set(find_session);
	assert_int_equal(cst_trace_add(&want, 1, &id, &e), -ENOENT);
	known = 7;
	known_vrf = cst_vrf_by_name("internet");
	known_teid = TEID;
	trace(&want, 10);
	rig_in(1, "pool4");
	gtpu_in(0, 0);
	assert_int_equal(packets(), 2);
	/* the same address in another network instance is somebody else's */
	rig_in(0, "pool4");
	assert_int_equal(packets(), 2);

	/* the session changes under way */
	known_vrf = cst_vrf_by_name("access");
	known_teid++;
	cst_modules_tick(20000);
	rig_in(1, "pool4");
	gtpu_in(0, 0);
	assert_int_equal(packets(), 2);
	rig_in(0, "pool4");
	assert_int_equal(packets(), 3);

	/* ends, and comes anew */
	known = 0;
	cst_modules_tick(20100);
	assert_true(cst_trace_filters()[0].gone);
	rig_in(0, "pool4");
	assert_int_equal(packets(), 3);
	known = 7;
	cst_modules_tick(20200);
	assert_false(cst_trace_filters()[0].gone);
	rig_in(0, "pool4");
	assert_int_equal(packets(), 4);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void filters_come_and_go(void **state)
{
	struct cst_err e = {0};
	uint16_t id, first = trace(&all, 5);

	for (int i = 1; i < CST_TRACE_FILTERS; i++)
		trace(&all, 5);
	assert_int_equal(cst_trace_add(&all, 5, &id, &e), -ENOSPC);
	assert_int_equal(cst_trace_delete(first, &e), 0);
	assert_int_equal(cst_trace_delete(first, &e), -ENOENT);
	assert_int_equal(cst_trace_add(&all, 5, &id, &e), 0);
	assert_int_not_equal(id, first);
	cst_trace_clear();
	/* numbers are of 16 bits */
	assert_int_equal(cst_trace_add(&all, 65000, &id, &e), 0);
	assert_int_equal(cst_trace_add(&all, 600, &id, &e), -ENOSPC);
	assert_string_equal(e.field, "count");
}

static void logs_have_an_end(void **state)
{
	uint64_t lost = cst_trace_lost();
	uint32_t n;

	trace(&all, 2000);
	for (int i = 0; i < 1500; i++) {
		rig_in(1, "pool4");
		rig_clear(&rig_pool);
	}
	assert_true(cst_trace_lost() > lost);
	n = cst_trace_steps(&steps);
	assert_int_equal(n, CST_TRACE_STEPS);
	assert_int_equal(n + cst_trace_lost() - lost, 4500);
	/* the first ones stay as they were */
	assert_int_equal(cst_trace_number(steps[0]), 1);
	assert_string_equal(name_of(steps[2]->node), "rig_pool");
	forget();
	assert_int_equal(cst_trace_steps(&steps), 0);
	assert_int_equal(cst_trace_lost(), 0);
	trace(&all, 1);
	rig_in(1, "pool4");
	assert_string_equal(way(), "rx classify rig_pool");
	assert_int_equal(cst_trace_number(steps[0]), 1);
}

#define T(fn) cmocka_unit_test_teardown(fn, after_each)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_without_a_trace),
		T(steps_of_a_packet),
		T(the_way_out),
		T(drops_have_their_reason),
		T(counts_end),
		T(by_port),
		T(by_address),
		T(inside_a_tunnel),
		T(by_teid),
		T(by_session),
		T(filters_come_and_go),
		T(logs_have_an_end),
	};

	return cmocka_run_group_tests(tests, rig_up, rig_down);
}
