/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream's record, made beside the one in force and shown in its place. Its
 * state stays: a path keeps its place in the record for as long as the stream
 * takes it, and with that what is counted of it there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/rcu.h"
#include "net/net.h"
#include "prer_ctl.h"
#include "prer_reorder.h"
#include "store.h"

#define PORT_FIRST 49152 /* RFC 6335: UDP source ports of streams */

static struct prer_stream *line_at(uint32_t line)
{
	return cst_line(prer_tables.lines, line);
}

/* ---- number --------------------------------------------------------------------------- */

static uint32_t take_number(const struct prer_entry *x)
{
	uint32_t had = cst_store_number("stream", x->name);
	uint32_t top = cst_store_number("streams", "highest") + 1;

	if (had && had < prer_tables.streams && cst_index_take(prer_books.streams, had))
		return had;
	/* rather one that no other stream has had, which may be yet to come back */
	if (top < prer_tables.streams && cst_index_take(prer_books.streams, top))
		return top;
	return cst_index_alloc(prer_books.streams);
}

static void keep_number(const struct prer_entry *x)
{
	if (cst_store_number("stream", x->name) != x->number)
		cst_store_set_number("stream", x->name, x->number);
	if (cst_store_number("streams", "highest") < x->number)
		cst_store_set_number("streams", "highest", x->number);
}

/* No worker knows the number yet. */
static void begin_state(const struct prer_entry *x)
{
	if (prer_tables_knows(x->number, x->hash))
		return;
	prer_tables_begin(x->number);
	prer_tables.state[x->number].counts.gen_seq = prer_mark_at(PRER_MARK_STREAM, x->name);
}

/* What its owner has done of an earlier coastd's bidding. */
static void begin_epochs(struct prer_entry *x)
{
	const struct prer_state *st = &prer_tables.state[x->number];
	struct prer_made *m = &x->made_next;
	bool known = prer_tables_knows(x->number, x->hash);

	m->recovery_epoch = known ? st->recovery.epoch : 0;
	m->generator_epoch = known ? st->counts.generator_epoch : 0;
	m->paths_epoch = known ? st->counts.paths_epoch : 0;
	m->fresh = 0;
}

static int number(struct prer_entry *x, struct cst_err *e)
{
	if (x->number)
		return 0;
	x->number = take_number(x);
	if (x->number == 0)
		return cst_err(e, -ENOSPC, NULL,
			       "there is room for %u streams: raise system.max_streams",
			       prer_tables.streams - 1);
	keep_number(x);
	begin_epochs(x);
	return 0;
}

/* ---- history ----------------------------------------------------------------------------- */

/* The base recovery's ring, then with individual recovery one for each place of a path. */
static uint32_t ring_lines(const struct prer_params *p, bool individual)
{
	uint32_t words = p->mask < 64 ? 0 : (p->mask + 1) / 64;

	return (words * (individual ? 1 + PRER_MAX_PATHS : 1) + 7) / 8;
}

static int no_history(struct cst_err *e)
{
	return cst_err(e, -ENOSPC, "recovery",
		       "no room for its history: shorten it, or raise system.max_streams");
}

static int history(struct prer_entry *x, const struct prer_params *p, bool individual,
		   struct cst_err *e)
{
	struct prer_made *m = &x->made_next;
	uint32_t n = ring_lines(p, individual), line;

	if (n != m->ring_lines) {
		line = n ? cst_lines_alloc(prer_books.rings, n) : 0;
		if (n && !line)
			return no_history(e);
		m->ring = line * 8;
		m->ring_lines = n;
		memset(&prer_tables.rings[m->ring], 0, n * 64ull);
		/* of what the state says was passed the new ring knows nothing */
		m->recovery_epoch += x->live != NULL;
	}
	if (individual && !m->individual) {
		m->individual = cst_lines_alloc(prer_books.individual, PRER_MAX_PATHS);
		if (!m->individual)
			return no_history(e);
		memset(&prer_tables.individual[m->individual], 0,
		       PRER_MAX_PATHS * sizeof(struct prer_recovery));
	}
	if (!individual)
		m->individual = 0;
	return 0;
}

/* Where packets wait for those before them. */
static int queue(struct prer_entry *x, const struct prer_stream_obj *s,
		 const struct prer_order_obj *order, struct cst_err *e)
{
	struct prer_made *m = &x->made_next;
	uint32_t packets = order->mode == PRER_ORDER_DROP_OLDER ? 0 : order->packets;

	if (order->mode == PRER_ORDER_OFF || !cst_has(s, STREAM_RECEIVE)) {
		m->queue = 0;
		return 0;
	}
	if (m->queue && m->queue_packets == packets)
		return 0;
	m->queue = prer_queue_open(packets);
	m->queue_packets = packets;
	if (!m->queue)
		return cst_err(e, -ENOSPC, "recovery",
			       "orders packets, and there is no room for one more queue: take one "
			       "with order mode off");
	return 0;
}

/* ---- record -------------------------------------------------------------------------------- */

static void deliver(const struct prer_stream_obj *s, struct prer_stream *rec)
{
	const struct prer_receive_obj *r = &s->receive;

	rec->to_port = prer_port_of(r->port);
	rec->to_tunnel = prer_tunnel_of(r->session);
	rec->to_vrf = r->network_instance ? cst_vrf_by_name(r->network_instance) : 0;
	if (cst_has(r, RECEIVE_VLAN)) {
		rec->flags |= PRER_TO_VLAN;
		rec->to_vlan = r->vlan;
	}
	if (cst_has(r, RECEIVE_DMAC)) {
		rec->flags |= PRER_TO_DMAC;
		memcpy(rec->to_dmac, r->destination_mac, 6);
	}
}

static void fill(const struct prer_entry *x, const struct prer_stream_obj *s,
		 const struct prer_recovery_obj *r, struct prer_stream *rec)
{
	const struct prer_made *m = &x->made_next;

	*rec = (struct prer_stream){
		.id = x->number,
		.bits = s->sequence_bits,
		.label_in = s->service_label,
		.label_out = s->remote_service_label,
		.recovery = (uint16_t)m->recovery->shared_next.at,
		.ring = m->ring,
		.individual = m->individual,
		.udp_port = (uint16_t)(PORT_FIRST + (x->number & 0x3fff)),
		.order = r->order.mode,
		.order_queue = m->queue,
		.recovery_epoch = m->recovery_epoch,
		.generator_epoch = m->generator_epoch,
		.paths_epoch = m->paths_epoch,
		.fresh = m->fresh,
	};
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++) {
		if (!m->path[i])
			continue;
		rec->path[i] = (uint16_t)m->path[i]->shared_next.at;
		rec->n_paths = (uint8_t)(i + 1);
	}
	rec->flags = (uint8_t)((cst_has(s, STREAM_SEND) ? PRER_SEND : 0) |
			       (cst_has(s, STREAM_RECEIVE) ? PRER_RECEIVE : 0) |
			       (s->payload == PRER_PAYLOAD_IP ? PRER_IP : 0) |
			       (m->individual ? PRER_INDIV : 0) |
			       (r->order.mode != PRER_ORDER_OFF ? PRER_ORDER : 0));
	deliver(s, rec);
}

int prer_made_compile(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		      struct cst_err *e)
{
	struct prer_made *m = &x->made_next;
	struct prer_recovery_obj *r = cst_pool_alloc(pool, sizeof(*r));
	int rc;

	if (!r || prer_entry_read(m->recovery, false, pool, r) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory for stream '%s'", x->name);
	rc = number(x, e);
	if (rc == 0)
		rc = history(x, &prer_tables.params[m->recovery->shared_next.at],
			     r->individual_recovery, e);
	if (rc == 0)
		rc = queue(x, s, &r->order, e);
	if (rc < 0)
		return rc;
	m->line = cst_lines_alloc(prer_books.lines, 1);
	if (!m->line)
		return cst_err(e, -ENOSPC, NULL, "too many streams change at once");
	fill(x, s, r, line_at(m->line));
	return 0;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void free_line(void *unused, uint64_t line)
{
	(void)unused;
	cst_lines_free(prer_books.lines, (uint32_t)line, 1);
}

static void free_ring(void *unused, uint64_t run)
{
	(void)unused;
	cst_lines_free(prer_books.rings, (uint32_t)(run >> 32), (uint32_t)run);
}

static void free_individual(void *unused, uint64_t line)
{
	(void)unused;
	cst_lines_free(prer_books.individual, (uint32_t)line, PRER_MAX_PATHS);
}

/* Workers have let go of it: nobody writes its state any more. */
static void free_number(void *unused, uint64_t number)
{
	(void)unused;
	prer_tables_begin((uint32_t)number);
	cst_index_free(prer_books.streams, (uint32_t)number);
}

static void give_back(const struct prer_made *old, const struct prer_made *now)
{
	if (old->line && old->line != now->line)
		cst_rcu_defer(free_line, NULL, old->line);
	if (old->ring && old->ring != now->ring)
		cst_rcu_defer(free_ring, NULL, (uint64_t)old->ring / 8 << 32 | old->ring_lines);
	if (old->individual && old->individual != now->individual)
		cst_rcu_defer(free_individual, NULL, old->individual);
	if (old->queue && old->queue != now->queue)
		prer_queue_close(old->queue);
}

static void note_place(const struct prer_entry *x)
{
	const struct prer_made *m = &x->made_next;
	struct prer_place_of *p = &prer_places[x->number];

	*p = (struct prer_place_of){
		.name = x->hash,
		.ring = m->ring,
		.ring_words = m->ring_lines * 8,
		.individual = m->individual,
	};
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		p->path[i] = m->path[i] ? m->path[i]->hash : 0;
}

static void show(struct prer_entry *x)
{
	const struct prer_made *m = &x->made_next;

	if (!x->live)
		begin_state(x);
	note_place(x);
	if (!x->live)
		prer_tables_recall(x->number, x->hash, line_at(m->line));
	__atomic_store_n(&prer_tables.slot[x->number], m->line, __ATOMIC_RELEASE);
}

void prer_made_commit(struct prer_entry *x)
{
	static const struct prer_made none;

	if (x->next) {
		show(x);
		prer_entry_number(PRER_STREAMS, x->number, x);
		give_back(&x->made, &x->made_next);
	} else if (x->live) {
		__atomic_store_n(&prer_tables.slot[x->number], 0, __ATOMIC_RELEASE);
		prer_places[x->number].name = 0;
		give_back(&x->made, &none);
		prer_entry_number(PRER_STREAMS, x->number, NULL);
		cst_rcu_defer(free_number, NULL, x->number);
		x->number = 0;
	}
	x->made = x->made_next;
}

void prer_made_abort(struct prer_entry *x)
{
	struct prer_made *m = &x->made_next, *was = &x->made;

	if (m->line && m->line != was->line)
		cst_lines_free(prer_books.lines, m->line, 1);
	if (m->ring && m->ring != was->ring)
		cst_lines_free(prer_books.rings, m->ring / 8, m->ring_lines);
	if (m->individual && m->individual != was->individual)
		cst_lines_free(prer_books.individual, m->individual, PRER_MAX_PATHS);
	if (m->queue && m->queue != was->queue)
		prer_queue_close(m->queue);
	if (!x->live && x->number) {
		cst_index_free(prer_books.streams, x->number);
		x->number = 0;
	}
}
