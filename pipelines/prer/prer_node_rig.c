/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_node_rig.h"

#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "engine/worker.h"
#include "prer_in.h"

struct ended ended[MAX_ENDED];
unsigned n_ended;
struct rte_mempool *pool;
struct cst_worker worker;
struct prer_stream streams[STREAMS] __rte_cache_aligned;
struct prer_params *params;
struct prer_path *paths;

static struct prer_path all_paths[8] __rte_cache_aligned;
static struct prer_params all_params[2] __rte_cache_aligned;
static struct prer_state states[STREAMS] __rte_cache_aligned;
static struct prer_recovery individual[8] __rte_cache_aligned;
static struct prer_health more[2 * STREAMS];
static uint64_t rings[256];
static uint32_t slots[STREAMS];
static uint64_t n_in, n_out;

/* ---- the engine, caught ---------------------------------------------------------- */

void __wrap_cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n);
void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n);
uint16_t __wrap_cst_owner_of(uint32_t index);

static const char *drop_name(uint16_t id)
{
	for (const struct cst_drop *d = cst_drop_first(); d; d = d->next)
		if (d->id == id)
			return d->name;
	return "?";
}

static void end(struct rte_mbuf *m, enum end at)
{
	assert_true(n_ended < MAX_ENDED);
	ended[n_ended++] = (struct ended){m, at, cst_pkt(m)->port,
					  at == DROPPED ? drop_name(cst_pkt(m)->drop) : NULL};
}

/* By the edges that come first in enum end. */
void __wrap_cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		end(pkts[i], edge);
}

void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n)
{
	assert_int_equal(owner, 1);
	for (uint16_t i = 0; i < n; i++)
		end(pkts[i], HANDED);
}

uint16_t __wrap_cst_owner_of(uint32_t index)
{
	return index == ELSEWHERE;
}

/* ---- streams ------------------------------------------------------------------------ */

static void identify(uint16_t port, uint8_t type, const char *mac, uint32_t value)
{
	struct prer_ident_conf c = {.type = type, .tagged = PRER_ALL};
	struct prer_place at = {.port = port};
	enum prer_ident_why why;
	uint32_t other, e;

	memcpy(c.mac, mac, 6);
	e = prer_ident_claim(&at, &c, value, &why, &other);
	assert_true(e);
	prer_ident_show(e);
}

int rig_reset(void **state)
{
	memset(states, 0, sizeof(states));
	memset(individual, 0, sizeof(individual));
	memset(more, 0, sizeof(more));
	memset(rings, 0, sizeof(rings));
	memset(slots, 0, sizeof(slots));
	params[1] = (struct prer_params){
		.reset = 100 * MS, .history = 8, .mask = 63, .flags = PRER_RULE_2017};
	memset(all_paths, 0, sizeof(all_paths));
	paths[PATH_A] = (struct prer_path){.port = PORT_A, .mtu = 1506};
	paths[PATH_B] = (struct prer_path){.port = PORT_B, .mtu = 1506};
	streams[SENDS] = streams[RECEIVES] = (struct prer_stream){
		.n_paths = 2, .bits = 16, .path = {PATH_A, PATH_B}, .recovery = 1};
	streams[SENDS].id = SENDS;
	streams[SENDS].flags = PRER_SEND;
	streams[RECEIVES].id = RECEIVES;
	streams[RECEIVES].flags = PRER_RECEIVE;
	streams[RECEIVES].to_port = PORT_LISTENER;
	streams[ELSEWHERE] = streams[SENDS];
	streams[ELSEWHERE].id = ELSEWHERE;
	for (uint32_t i = SENDS; i <= ELSEWHERE; i++)
		slots[i] = i;
	worker.now = 1000 * MS;
	memset(&worker.stats, 0, sizeof(worker.stats));
	n_in = n_out = 0;
	return 0;
}

int rig_up(void **state)
{
	static char *argv[] = {"prer_node_test", "--no-huge",   "-m", "64", "--no-pci",
			       "--no-telemetry", "--no-shconf", "-l", "0",  "--log-level",
			       "error"};

	if (rte_eal_init(sizeof(argv) / sizeof(*argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 4095, 0, sizeof(struct cst_pkt), 2048 + 128, 0);
	params = all_params;
	paths = all_paths;
	prer_tables = (struct prer_tables){.slot = slots,
					   .lines = streams,
					   .state = states,
					   .path = all_paths,
					   .params = all_params,
					   .rings = rings,
					   .individual = individual,
					   .more_health = more,
					   .streams = STREAMS};
	identify(PORT_TALKER, PRER_IDENT_NULL, "\2\0\0\0\0\4", PRER_VALUE(SENDS, 0, 0));
	identify(PORT_TALKER, PRER_IDENT_NULL, "\2\0\0\0\0\5", PRER_VALUE(ELSEWHERE, 0, 0));
	identify(PORT_A, PRER_IDENT_SOURCE, "\2\0\0\0\0\1", PRER_VALUE(RECEIVES, 0, 1));
	identify(PORT_B, PRER_IDENT_SOURCE, "\2\0\0\0\0\1", PRER_VALUE(RECEIVES, 1, 1));
	return pool ? 0 : -1;
}

int rig_down(void **state)
{
	prer_ident_fini();
	rte_eal_cleanup();
	return 0;
}

/* ---- packets --------------------------------------------------------------------------- */

struct rte_mbuf *frame(const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	/* what the last packet left in the private area must not matter */
	memset(cst_pkt(m), 0xa5, sizeof(struct cst_pkt));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	return m;
}

typedef uint16_t (*node)(struct cst_worker *, struct rte_mbuf **, uint16_t, uint8_t *);

static void go_on(node process, struct rte_mbuf **m, uint16_t n, const enum end *ends)
{
	uint8_t edge[CST_MAX_BURST] = {0};
	uint16_t aside = process(&worker, m, n, edge), not_first = 0;

	for (uint16_t i = 0; i < n; i++) {
		not_first += edge[i] != 0;
		if (edge[i] != CST_EDGE_TAKEN)
			end(m[i], edge[i] == CST_EDGE_DROP ? DROPPED : ends[edge[i]]);
	}
	assert_int_equal(aside, not_first);
}

void come_in(uint16_t port, struct rte_mbuf **m, uint16_t n)
{
	static const enum end delivered[] = {FRAME_OUT, ROUTE},
			      sent[] = {FRAME_OUT, ROUTE, ICMP_ERROR};
	struct rte_mbuf *next[2][CST_MAX_BURST];
	uint16_t n_next[2] = {0};
	uint8_t edge[CST_MAX_BURST] = {0};

	for (uint16_t i = 0; i < n; i++) {
		cst_pkt(m[i])->port = port;
		cst_pkt(m[i])->flags = 0;
	}
	n_in += n;
	prer_in_process(&worker, m, n, edge);
	for (uint16_t i = 0; i < n; i++) {
		if (edge[i] < 2)
			next[edge[i]][n_next[edge[i]]++] = m[i];
		else if (edge[i] != CST_EDGE_TAKEN)
			end(m[i], edge[i] == CST_EDGE_DROP ? DROPPED : CLASSIFY);
	}
	if (n_next[0])
		go_on(prer_eliminate_process, next[0], n_next[0], delivered);
	if (n_next[1])
		go_on(prer_replicate_process, next[1], n_next[1], sent);
}

void come(uint16_t port, const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = frame(bytes, len);

	come_in(port, &m, 1);
}

struct rte_mbuf *expect(enum end at, uint16_t port)
{
	struct rte_mbuf *m = ended[0].m;

	assert_true(n_ended > 0);
	if (ended[0].end == DROPPED && at != DROPPED)
		fail_msg("dropped as %s", ended[0].drop);
	assert_int_equal(ended[0].end, at);
	if (at == FRAME_OUT)
		assert_int_equal(ended[0].port, port);
	memmove(ended, ended + 1, --n_ended * sizeof(ended[0]));
	rte_mbuf_sanity_check(m, 1);
	n_out++;
	return m;
}

void expect_bytes(enum end at, uint16_t port, const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = expect(at, port);
	uint8_t buf[4096];

	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(rte_pktmbuf_read(m, 0, len, buf), bytes, len);
	rte_pktmbuf_free(m);
}

void expect_drop(const char *why)
{
	assert_true(n_ended > 0);
	assert_int_equal(ended[0].end, DROPPED);
	assert_string_equal(ended[0].drop, why);
	rte_pktmbuf_free(expect(DROPPED, 0));
}

void expect_nothing(void)
{
	assert_int_equal(n_ended, 0);
}

void conserved(void)
{
	expect_nothing();
	assert_int_equal(n_in + worker.stats.injected, n_out);
	assert_int_equal(rte_mempool_avail_count(pool), pool->size);
}
