/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules as wanted, and the NICs brought up to them. A rule is in one queue or in
 * none: `todo`, in order of wishes, but those to be taken out first; or its port's
 * `waiting`, refused and tried again later.
 */
#include "port/flow.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_flow.h>

#include "log.h"
#include "module.h"
#include "now.h"
#include "port/flow_int.h"
#include "port/flow_shape.h"
#include "port/tables.h"

#define PER_TICK   1000 /* rules, at most, */
#define BUDGET_US  5000 /* and so long: drivers take 10 to 100 us for one */
#define RETRY_MS   5000 /* between two tries of a rule that was refused */
#define RETRY_TICK 64   /* such tries in one tick */

struct rule {
	struct cst_flow_key key; /* first: the tree compares it */
	struct cst_flow_wish wish;
	bool wanted;
	uint8_t state;         /* enum cst_flow_state */
	struct rte_flow *live; /* NULL: not in the NIC */
	uint8_t act;           /* of `live`, as the next two */
	uint16_t queue;
	uint32_t mark;
	uint32_t slot, stamp;
	uint64_t retry_ms;
	char *why; /* SOFTWARE */
	struct queue *in;
	TAILQ_ENTRY(rule) link;
};

TAILQ_HEAD(queue, rule);
static struct queue todo = TAILQ_HEAD_INITIALIZER(todo);
static struct {
	struct queue waiting;
	uint32_t room; /* rules taken out since one that waits was tried */
} ports[CST_MAX_PORTS];

static void *tree; /* by key */
static struct rule **slots;
static uint32_t n_slots, n_rules, free_hint;

/* ---- the books ------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct cst_flow_key));
}

static struct rule *find(const struct cst_flow_key *key)
{
	struct rule **at = tfind(key, &tree, by_key);

	return at != NULL ? *at : NULL;
}

static bool take_slot(struct rule *r)
{
	if (n_rules == n_slots) {
		uint32_t n = n_slots != 0 ? 2 * n_slots : 256;
		struct rule **more = realloc(slots, n * sizeof(struct rule *));

		if (more == NULL)
			return false;
		memset(more + n_slots, 0, (n - n_slots) * sizeof(struct rule *));
		slots = more;
		free_hint = n_slots;
		n_slots = n;
	}
	while (slots[free_hint] != NULL)
		free_hint = (free_hint + 1) % n_slots;
	r->slot = free_hint;
	slots[free_hint] = r;
	n_rules++;
	return true;
}

static void set_state(struct rule *r, enum cst_flow_state state, const char *why)
{
	struct cst_flow_port *p = &cst_flow_ports[r->key.port];

	p->n[r->state]--;
	r->state = state;
	p->n[r->state]++;
	free(r->why);
	r->why = why != NULL ? strdup(why) : NULL;
}

static void move_to(struct rule *r, struct queue *q, bool first)
{
	if (r->in != NULL)
		TAILQ_REMOVE(r->in, r, link);
	r->in = q;
	if (q != NULL && first)
		TAILQ_INSERT_HEAD(q, r, link);
	else if (q != NULL)
		TAILQ_INSERT_TAIL(q, r, link);
}

static struct rule *add(const struct cst_flow_key *key)
{
	struct rule *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->key = *key;
	if (!take_slot(r)) {
		free(r);
		return NULL;
	}
	if (tsearch(r, &tree, by_key) == NULL) {
		slots[r->slot] = NULL;
		free_hint = r->slot;
		n_rules--;
		free(r);
		return NULL;
	}
	cst_flow_ports[key->port].n[r->state]++;
	return r;
}

/* It is not in the NIC. */
static void forget(struct rule *r)
{
	move_to(r, NULL, false);
	tdelete(r, &tree, by_key);
	cst_flow_ports[r->key.port].n[r->state]--;
	slots[r->slot] = NULL;
	free_hint = r->slot;
	n_rules--;
	free(r->why);
	free(r);
}

void cst_flow_forget(uint16_t port)
{
	for (uint32_t i = 0; i < n_slots; i++)
		if (slots[i] != NULL && slots[i]->key.port == port)
			forget(slots[i]);
}

/* ---- the NIC ---------------------------------------------------------------------- */

static bool drops(const struct rule *r)
{
	return r->live != NULL && r->act >= CST_FLOW_DROP;
}

static void intend(const struct rule *r, enum cst_flow_act *act, uint16_t *queue)
{
	bool tagged = r->key.vlan != 0;

	*queue = CST_NO_QUEUE;
	if (r->wish.drop) {
		*act = cst_flow_can(r->key.port, r->key.kind, tagged, CST_FLOW_DROP_COUNT)
			       ? CST_FLOW_DROP_COUNT
			       : CST_FLOW_DROP;
		return;
	}
	*queue = cst_port_queue_of(r->key.port, r->wish.worker);
	*act = r->wish.mark != 0 &&
			       cst_flow_can(r->key.port, r->key.kind, tagged, CST_FLOW_QUEUE_MARK)
		       ? CST_FLOW_QUEUE_MARK
		       : CST_FLOW_QUEUE;
}

static bool is_as_wanted(const struct rule *r)
{
	enum cst_flow_act act;
	uint16_t queue;

	if (r->live == NULL || !r->wanted)
		return r->live == NULL && !r->wanted;
	intend(r, &act, &queue);
	return r->act == act && r->queue == queue &&
	       (act != CST_FLOW_QUEUE_MARK || r->mark == r->wish.mark);
}

/* All rules of the port go, and those that are wanted come again. */
static void start_over(uint16_t port)
{
	struct rte_flow_error err = {0};
	char why[160];

	if (rte_flow_flush(cst_flow_ports[port].ethdev, &err) < 0) {
		LOG_ERR("port %s: a rule cannot be taken out of the NIC, nor all of them: %s; "
			"restart coastd if packets are missing",
			cst_flow_ports[port].name, cst_flow_reason(&err, why, sizeof(why)));
		cst_flow_ports[port].stuck = true;
		return;
	}
	cst_flow_ports[port].stuck = false;
	for (uint32_t i = 0; i < n_slots; i++) {
		struct rule *r = slots[i];

		if (r == NULL || r->key.port != port || r->live == NULL)
			continue;
		r->live = NULL;
		set_state(r, CST_FLOW_PENDING, NULL);
		move_to(r, &todo, false);
	}
}

static void take_out(struct rule *r)
{
	struct rte_flow_error err = {0};
	uint16_t port = r->key.port;
	char why[160];

	if (rte_flow_destroy(cst_flow_ports[port].ethdev, r->live, &err) < 0) {
		LOG_WARN("port %s: a rule cannot be taken out of the NIC: %s; all are put anew",
			 cst_flow_ports[port].name, cst_flow_reason(&err, why, sizeof(why)));
		start_over(port);
	}
	r->live = NULL;
	set_state(r, CST_FLOW_PENDING, NULL);
	ports[port].room++;
}

static void put_in(struct rule *r, uint64_t now_ms)
{
	struct rte_flow_error err = {0};
	struct cst_flow_shape shape;
	enum cst_flow_act act;
	uint16_t queue;
	char why[160];

	intend(r, &act, &queue);
	r->act = act;
	r->queue = queue;
	r->mark = r->wish.mark;
	if (!r->wish.drop && queue == CST_NO_QUEUE) {
		set_state(r, CST_FLOW_SOFTWARE, "the session's worker has no queue on this port");
		return;
	}
	cst_flow_shape(&r->key, cst_flow_ports[r->key.port].gtp, act, queue, r->mark, &shape);
	r->live = rte_flow_create(cst_flow_ports[r->key.port].ethdev, &cst_flow_ingress,
				  shape.items, shape.actions, &err);
	if (r->live != NULL) {
		set_state(r, CST_FLOW_OFFLOADED, NULL);
		return;
	}
	set_state(r, CST_FLOW_SOFTWARE, cst_flow_reason(&err, why, sizeof(why)));
	r->retry_ms = now_ms + RETRY_MS;
	move_to(r, &ports[r->key.port].waiting, false);
}

static void settle(struct rule *r, uint64_t now_ms)
{
	move_to(r, NULL, false);
	if (r->live != NULL && !is_as_wanted(r))
		take_out(r);
	move_to(r, NULL, false); /* where start_over() may have put it */
	if (!r->wanted)
		forget(r);
	else if (r->live == NULL)
		put_in(r, now_ms);
	else
		set_state(r, CST_FLOW_OFFLOADED, NULL);
}

/* ---- wishes ------------------------------------------------------------------------- */

/* What must not go on for a moment longer: that packets are dropped. */
static void stop_dropping(struct rule *r)
{
	if (drops(r) && !(r->wanted && r->wish.drop))
		take_out(r);
}

static bool is_same(const struct cst_flow_wish *a, const struct cst_flow_wish *b)
{
	return a->session == b->session && a->mark == b->mark && a->worker == b->worker &&
	       a->drop == b->drop;
}

void cst_flow_want(const struct cst_flow_key *key, const struct cst_flow_wish *wish, uint32_t stamp)
{
	struct rule *r = find(key);
	bool same;

	if (!cst_flow_ports[key->port].up)
		return;
	if (r == NULL)
		r = add(key);
	if (r == NULL)
		return;
	same = r->wanted && is_same(&r->wish, wish);
	r->wish = *wish;
	r->wanted = true;
	r->stamp = stamp;
	stop_dropping(r);
	if (r->in == &todo || (same && r->in != NULL) || is_as_wanted(r))
		return;
	set_state(r, CST_FLOW_PENDING, NULL);
	move_to(r, &todo, false);
}

static void take_back(struct rule *r)
{
	r->wanted = false;
	stop_dropping(r);
	if (r->live == NULL) {
		forget(r);
		return;
	}
	set_state(r, CST_FLOW_PENDING, NULL);
	move_to(r, &todo, true);
}

void cst_flow_drop_none(void)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		struct rule *r = slots[i];

		if (r == NULL || !r->wanted || !r->wish.drop)
			continue;
		r->wish.drop = false;
		stop_dropping(r);
		if (r->in != &todo) {
			set_state(r, CST_FLOW_PENDING, NULL);
			move_to(r, &todo, false);
		}
	}
}

void cst_flow_unwant(const struct cst_flow_key *key, uint64_t session, uint32_t stamp)
{
	struct rule *r = find(key);

	if (r != NULL && r->wanted && r->wish.session == session && r->stamp != stamp)
		take_back(r);
}

bool cst_flow_sweep(uint32_t *cursor, uint32_t n, uint32_t stamp)
{
	for (; n > 0 && *cursor < n_slots; n--, ++*cursor) {
		struct rule *r = slots[*cursor];

		if (r != NULL && r->wanted && (int32_t)(r->stamp - stamp) < 0)
			take_back(r);
	}
	return *cursor >= n_slots;
}

/* ---- show ---------------------------------------------------------------------------- */

uint32_t cst_flow_slots(void)
{
	return n_slots;
}

static bool ask_count(const struct rule *r, uint64_t *packets)
{
	static const struct rte_flow_action count[] = {{.type = RTE_FLOW_ACTION_TYPE_COUNT},
						       {.type = RTE_FLOW_ACTION_TYPE_END}};
	struct rte_flow_query_count q = {0};
	struct rte_flow_error err;

	if (r->live == NULL || r->act != CST_FLOW_DROP_COUNT ||
	    rte_flow_query(cst_flow_ports[r->key.port].ethdev, r->live, count, &q, &err) < 0 ||
	    !q.hits_set)
		return false;
	*packets = q.hits;
	return true;
}

bool cst_flow_get(uint32_t slot, struct cst_flow_info *out)
{
	const struct rule *r = slot < n_slots ? slots[slot] : NULL;

	if (r == NULL || !r->wanted)
		return false;
	*out = (struct cst_flow_info){.key = r->key,
				      .wish = r->wish,
				      .state = r->state,
				      .act = r->act,
				      .queue = r->queue};
	if (r->live == NULL)
		intend(r, &out->act, &out->queue);
	if (r->state == CST_FLOW_PENDING)
		out->why = "its turn has not come yet";
	else
		out->why = r->why;
	out->counted = ask_count(r, &out->packets);
	return true;
}

/* ---- module --------------------------------------------------------------------------- */

/* Those whose time has come, and as many as there is new room for. */
static void try_again(uint16_t port, uint64_t now_ms, uint64_t end_us)
{
	struct rule *r;

	for (unsigned n = 0; n < RETRY_TICK && cst_now_us() < end_us; n++) {
		r = TAILQ_FIRST(&ports[port].waiting);
		if (r == NULL || (ports[port].room == 0 && now_ms < r->retry_ms))
			break;
		settle(r, now_ms);
		if (ports[port].room > 0)
			ports[port].room = r->live != NULL ? ports[port].room - 1 : 0;
	}
	if (TAILQ_EMPTY(&ports[port].waiting))
		ports[port].room = 0;
}

static void tick(uint64_t now_ms)
{
	uint64_t end_us;
	struct rule *r;

	if (n_rules == 0)
		return;
	end_us = cst_now_us() + BUDGET_US;
	for (unsigned n = 0; n < PER_TICK && cst_now_us() < end_us; n++) {
		r = TAILQ_FIRST(&todo);
		if (r == NULL)
			break;
		settle(r, now_ms);
	}
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		try_again(i, now_ms, end_us);
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	for (int i = 0; i < CST_MAX_PORTS; i++)
		TAILQ_INIT(&ports[i].waiting);
	return 0;
}

/* After the ports', which have taken all rules out. */
static void stop(void)
{
	free(slots);
	slots = NULL;
	n_slots = n_rules = free_hint = 0;
}

static struct cst_module flow_module = {
	.name = "flow", .order = 14, .start = start, .tick = tick, .stop = stop};
CST_MODULE(flow_module);
