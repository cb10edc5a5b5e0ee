/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_buffer: keeps downlink packets while their user cannot be reached, and
 * sends them on in the order in which they came.
 *
 * What leaves passes the node again that it came from. Not more at once than their streams
 * take: the rest follows in the next walk, of which a packet of the worker's own
 * in its inbox reminds it.
 */
#include "upf_buffer.h"

#include <errno.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

enum { TO_DL = UPF_FROM_DL, TO_UL = UPF_FROM_UL, TO_ETH = UPF_FROM_ETH, TO_ROUTE };
static const char *const edges[] = {"upf_dl", "upf_ul", "upf_eth_dl", "route", NULL};

#define AT_ONCE  64   /* packets that leave together, */
#define PER_WALK 1024 /* and in one walk */

uint8_t upf_buffer_from_rx;
void (*upf_buffer_told)(const struct upf_buffer_notice *n);

static uint16_t notice;

/* One worker's. */
static struct store {
	uint32_t segments, max_segments;
	uint32_t leaving_first, leaving_last; /* queues that packets are to leave */
	uint32_t left;                        /* packets that may still leave in this walk; */
	uint64_t walk;                        /* its start, TSC */
	struct rte_mbuf *reminder;            /* NULL: in the inbox */
} __rte_cache_aligned stores[CST_MAX_WORKERS];

/* ---- at the nodes ---------------------------------------------------------------- */

bool upf_buffer_meet_queue(const struct cst_worker *w, struct rte_mbuf *m, uint32_t ref,
			   const struct upf_pdr *pdr, uint8_t action, enum upf_parcel_from from,
			   uint32_t bytes)
{
	const struct upf_rules *r = upf_rules_of(ref);
	const struct upf_queue *q = upf_queue_of(r, pdr);
	enum upf_parcel_kind kind;

	if (action == UPF_BUFF)
		kind = UPF_PARCEL_BUFF;
	else if (action == UPF_FORW && !(cst_pkt(m)->flags & CST_PKT_AGAIN) &&
		 (q->packets || q->released == (uint32_t)w->now))
		kind = UPF_PARCEL_WAITS;
	else
		return false;
	*upf_parcel(m) = (struct upf_parcel){.run = ref,
					     .bytes = bytes,
					     .pdr = (uint16_t)(pdr - (const struct upf_pdr *)r),
					     .kind = (uint8_t)kind,
					     .from = (uint8_t)from,
					     .state = r->state};
	return true;
}

/* ---- a queue ------------------------------------------------------------------------ */

static void put(struct cst_worker *w, struct store *s, struct upf_queue *q, struct rte_mbuf *m)
{
	struct upf_parcel *parcel = upf_parcel(m);

	parcel->next = NULL;
	parcel->run = ++q->entered;
	if (q->first)
		upf_parcel(q->last)->next = m;
	else
		q->first = m;
	q->last = m;
	__atomic_store_n(&q->bytes, q->bytes + parcel->bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&q->packets, q->packets + 1, __ATOMIC_RELAXED);
	s->segments += m->nb_segs;
	w->stats.held++;
}

/* The one behind `before`; NULL: the first. */
static struct rte_mbuf *take(struct cst_worker *w, struct store *s, struct upf_queue *q,
			     struct rte_mbuf *before)
{
	struct rte_mbuf *m = before ? upf_parcel(before)->next : q->first;
	const struct upf_parcel *parcel = upf_parcel(m);

	if (before)
		upf_parcel(before)->next = parcel->next;
	else
		q->first = parcel->next;
	if (q->last == m)
		q->last = before;
	s->segments -= m->nb_segs;
	w->stats.held--;
	__atomic_store_n(&q->bytes, q->bytes - parcel->bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&q->packets, q->packets - 1, __ATOMIC_RELAXED);
	return m;
}

/* All that are there now and need not stay leave, in this walk or the next ones. */
static void let_leave(struct store *s, struct upf_queue *q)
{
	uint32_t number = (uint32_t)(q - upf_queues);

	q->until = q->entered;
	if (q->next != 0 || q->packets == 0)
		return;
	__atomic_store_n(&q->next, number, __ATOMIC_RELAXED);
	if (s->leaving_first)
		upf_queues[s->leaving_last].next = number;
	else
		__atomic_store_n(&s->leaving_first, number, __ATOMIC_RELAXED);
	s->leaving_last = number;
}

/* What the control thread wants gone. */
static void follow_discard(struct store *s, struct upf_queue *q)
{
	uint32_t discard = __atomic_load_n(&q->discard, __ATOMIC_ACQUIRE);

	if (likely(q->discarded == discard))
		return;
	q->discarded = discard;
	for (struct rte_mbuf *m = q->first; m; m = upf_parcel(m)->next)
		upf_parcel(m)->kind = UPF_PARCEL_DOOMED;
	let_leave(s, q);
}

/* ---- one packet more ------------------------------------------------------------------ */

/* The PDR under which a packet came to wait, when the session still has it. */
static const struct upf_pdr *pdr_by_id(const struct upf_rules *r, uint16_t id)
{
	const struct upf_pdr *p = upf_pdrs(r, UPF_DL);

	for (uint32_t i = 0; i < r->n_dl; i++)
		if (p[i].id == id)
			return &p[i];
	return NULL;
}

static void lose(struct cst_worker *w, const struct upf_rules *r, struct rte_mbuf *m,
		 enum upf_drop why)
{
	const struct upf_pdr *pdr = r ? pdr_by_id(r, upf_parcel(m)->pdr) : NULL;

	if (pdr && (pdr->flags & UPF_PDR_POLICY))
		upf_policy_lost(w, r, pdr, upf_parcel(m)->bytes);
	cst_drop_burst(w, &upf_drops[why], &m, 1);
}

/* ---- out ---------------------------------------------------------------------------- */

enum fate { STAYS, GOES, LATER, LOST };

/* By the rules of now, and quotas as they are once `ahead` bytes more have left; no rules: the
 * session is gone. A packet whose PDR is gone, or over, is matched anew. */
static enum fate fate_of(struct cst_worker *w, const struct upf_rules *r, struct rte_mbuf *m,
			 uint64_t ahead)
{
	static const enum fate fates[] = {
		[UPF_LEAVE] = GOES, [UPF_LEAVE_LATER] = LATER, [UPF_LEAVE_NOT] = STAYS};
	const struct upf_parcel *parcel = upf_parcel(m);
	const struct upf_pdr *pdr;

	if (!r || parcel->kind == UPF_PARCEL_DOOMED)
		return LOST;
	pdr = pdr_by_id(r, parcel->pdr);
	if (!pdr || (pdr->flags & UPF_PDR_NEVER))
		return GOES;
	if (pdr->action == UPF_FORW)
		return fates[upf_policy_may_leave(w, r, pdr, parcel->bytes, ahead)];
	return pdr->action == UPF_BUFF ? STAYS : LOST;
}

/* Packets on their way out that came from one node, sent together. */
struct batch {
	struct rte_mbuf *pkts[AT_ONCE];
	uint16_t n;
	uint8_t from;
};

static void send(struct cst_worker *w, struct batch *b)
{
	if (b->n)
		cst_emit(w, b->from, b->pkts, b->n);
	b->n = 0;
}

static void add(struct cst_worker *w, struct batch *b, struct rte_mbuf *m)
{
	struct upf_parcel *parcel = upf_parcel(m);

	if (b->n == AT_ONCE || parcel->from != b->from)
		send(w, b);
	b->from = parcel->from;
	b->pkts[b->n++] = m;
	parcel->kind = UPF_PARCEL_GOES;
	cst_pkt(m)->flags |= CST_PKT_AGAIN;
}

/* Is it one that came in after those that are to be asked, perhaps back from its node? */
static bool is_past(const struct upf_queue *q, struct rte_mbuf *m)
{
	return (int32_t)(upf_parcel(m)->run - q->until) > 0;
}

/* Those that need not stay, the first ones first, while the walk's stint lasts. False: there is
 * more. */
static bool empty(struct cst_worker *w, struct store *s, struct upf_queue *q,
		  const struct upf_rules *r)
{
	struct rte_mbuf *before = NULL, *m = q->first;
	struct batch b = {.n = 0};
	uint64_t ahead = 0;

	for (; m && !is_past(q, m) && s->left; m = before ? upf_parcel(before)->next : q->first) {
		enum fate fate = fate_of(w, r, m, ahead);

		if (fate == STAYS) {
			before = m;
			continue;
		}
		if (fate == LATER) {
			s->left = 0; /* nothing of what has left is counted before the next walk */
			break;
		}
		take(w, s, q, before);
		s->left--;
		ahead += upf_parcel(m)->bytes;
		if (fate == GOES)
			add(w, &b, m);
		else
			lose(w, r, m, UPF_DROP_BUFFER_DISCARDED);
	}
	send(w, &b);
	q->released = (uint32_t)w->now;
	return m == NULL || is_past(q, m);
}

static const struct upf_rules *rules_of(const struct upf_queue *q)
{
	uint32_t ref = __atomic_load_n(&q->ref, __ATOMIC_ACQUIRE);

	return ref ? upf_rules_of(ref) : NULL;
}

/* All queues in the list, as far as one walk goes. `now`: rules that queue `of` is known to have,
 * fresher perhaps than what it says. */
static void release(struct cst_worker *w, struct store *s, const struct upf_queue *of,
		    const struct upf_rules *now)
{
	if (s->walk != w->now) {
		s->walk = w->now;
		s->left = PER_WALK;
	}
	while (s->leaving_first) {
		uint32_t number = s->leaving_first;
		struct upf_queue *q = &upf_queues[number];
		uint32_t next = q->next == number ? 0 : q->next;

		if (!empty(w, s, q, q == of ? now : rules_of(q)))
			return;
		__atomic_store_n(&s->leaving_first, next, __ATOMIC_RELAXED);
		/* last: with no packets in it and out of the list it may become another session's
		 */
		__atomic_store_n(&q->next, 0, __ATOMIC_RELEASE);
	}
}

/* ---- in ------------------------------------------------------------------------------ */

/* The service class of the packet, for paging (TS 23.501 5.4.3.2): DSCP of the inner header. A
 * tunnelled packet's outer header was given it. */
static uint8_t dscp_of(struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t version = cst_pkt(m)->ip_version;
	uint8_t tos = version == 4 ? ip[1] : (uint8_t)(cst_be16(ip) >> 4);

	return version ? tos >> 2 : 0; /* a frame has none */
}

/* Once for each QoS flow (TS 23.502 4.2.3.3), and after a second once more when it was not heard.
 */
static void tell(struct cst_worker *w, struct upf_queue *q, const struct upf_rules *r,
		 const struct upf_pdr *pdr, struct rte_mbuf *m)
{
	uint32_t now = (uint32_t)(w->now >> UPF_TOLD_SHIFT);
	uint32_t arm = __atomic_load_n(&q->arm, __ATOMIC_ACQUIRE);
	bool has_qfi = pdr->flags & UPF_PDR_PSC;
	uint64_t bit = has_qfi ? 1ull << (pdr->out_qfi & 63) : 1;
	struct upf_buffer_notice n;

	if (q->told_arm != arm) {
		q->told_arm = arm;
		q->told = 0;
	}
	if (q->told & bit) {
		if ((__atomic_load_n(&q->heard, __ATOMIC_RELAXED) & bit) ||
		    now - q->told_at < rte_get_tsc_hz() >> UPF_TOLD_SHIFT)
			return;
	}
	q->told |= bit;
	q->told_at = now;
	n = (struct upf_buffer_notice){
		.queue = (uint32_t)(q - upf_queues),
		.arm = arm,
		.first = {pdr->id, has_qfi ? pdr->out_qfi : UPF_NO_QFI, dscp_of(m)},
		.delay = r->notify_delay};
	if (unlikely(!cst_notice(w, notice, &n, sizeof(n))))
		q->told &= ~bit;
}

static bool notifies(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	return pdr->action == UPF_BUFF && (pdr->flags & UPF_PDR_POLICY) &&
	       (upf_policy_of(r, pdr)->flags & UPF_POLICY_NOTIFY);
}

/* Word of these may have been lost; packets that bring it again may never come. */
static void tell_again(struct cst_worker *w, struct upf_queue *q)
{
	const struct upf_rules *r = rules_of(q);

	for (struct rte_mbuf *m = q->first; r && m; m = upf_parcel(m)->next) {
		const struct upf_pdr *pdr = pdr_by_id(r, upf_parcel(m)->pdr);

		if (pdr && notifies(r, pdr))
			tell(w, q, r, pdr, m);
	}
}

/* A packet whose rule forwards, but which others wait before. True: it may go. */
static bool queues_up(struct cst_worker *w, struct store *s, struct upf_queue *q,
		      const struct upf_rules *r, const struct upf_pdr *pdr,
		      struct upf_parcel *parcel)
{
	bool quota = upf_policy_quota_waits(r, pdr);

	if (quota && upf_policy_may_leave(w, r, pdr, parcel->bytes, 0) == UPF_LEAVE_NOT) {
		parcel->kind = UPF_PARCEL_BUFF;
		return false;
	}
	/* those before it wait by other rules, or until the quota is granted: each is asked anew */
	if (quota || q->generation != r->generation) {
		q->generation = r->generation;
		let_leave(s, q);
		release(w, s, q, r);
	}
	return q->next == 0;
}

/* Returns the packet's edge. */
static uint8_t take_in(struct cst_worker *w, struct store *s, struct rte_mbuf *m)
{
	struct upf_parcel *parcel = upf_parcel(m);
	const struct upf_rules *r = upf_rules_of(parcel->run);
	const struct upf_pdr *pdr = (const struct upf_pdr *)r + parcel->pdr;
	const struct upf_policy *policy = upf_policy_of(r, pdr);
	struct upf_queue *q = &upf_queues[policy->queue];
	uint8_t kind; /* what remains of it when the packet is lost */

	follow_discard(s, q);
	if (parcel->kind == UPF_PARCEL_WAITS && queues_up(w, s, q, r, pdr, parcel)) {
		parcel->kind = UPF_PARCEL_GOES;
		cst_pkt(m)->flags |= CST_PKT_AGAIN;
		return parcel->from;
	}
	if (notifies(r, pdr))
		tell(w, q, r, pdr, m);
	if (unlikely(s->segments + m->nb_segs > s->max_segments)) {
		upf_policy_lost(w, r, pdr, parcel->bytes);
		return upf_drop(m, UPF_DROP_BUFFER_FULL);
	}
	if (q->packets == 0)
		q->generation = r->generation;
	kind = parcel->kind;
	parcel->pdr = pdr->id;
	put(w, s, q, m);
	if (kind == UPF_PARCEL_WAITS)
		q->until = q->entered; /* it goes with those before it */
	/* what only follows others does not push them out */
	while (kind == UPF_PARCEL_BUFF && q->packets > r->buffer_packets)
		lose(w, r, take(w, s, q, NULL), UPF_DROP_BUFFER_OLDEST);
	return CST_EDGE_TAKEN;
}

/* ---- reminders ------------------------------------------------------------------------ */

/* To be called again in the next walk. When the inbox is full what comes out of it may do, and the
 * control thread looks after the rest. */
static void remind(struct cst_worker *w, struct store *s)
{
	struct rte_mbuf *m = s->reminder;

	if (!m)
		return;
	cst_pkt(m)->resume = upf_buffer_from_rx;
	upf_parcel(m)->kind = UPF_PARCEL_MORE;
	s->reminder = NULL;
	if (rte_ring_enqueue(w->inbox, m) != 0)
		s->reminder = m;
}

/* News of a queue that has another owner by now came too late. */
static void hear(struct cst_worker *w, struct store *s, const struct upf_parcel *news)
{
	struct upf_queue *q = &upf_queues[news->run];

	if (news->run == 0 /* go on */ || __atomic_load_n(&q->owner, __ATOMIC_ACQUIRE) != w->id)
		return;
	follow_discard(s, q);
	if (news->kind == UPF_PARCEL_LOST) {
		tell_again(w, q);
		return;
	}
	q->generation = 0; /* of none: the next packet asks again */
	let_leave(s, q);
}

/* A message of coast's own to another node: what only the worker knows is filled in. */
static uint8_t send_signal(struct cst_worker *w, struct rte_mbuf *m)
{
	struct upf_worker *uw = &upf_worker[w->id];
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (cst_pkt(m)->ip_version == 4) {
		uw->ip_id = (uint16_t)(uw->ip_id + uw->ip_id_step);
		cst_put_be16(ip + 4, uw->ip_id);
		cst_ip4_csum_set(ip);
	}
	return TO_ROUTE;
}

static uint8_t one(struct cst_worker *w, struct store *s, struct rte_mbuf *m)
{
	const struct upf_parcel *parcel = upf_parcel(m);

	switch (parcel->kind) {
	case UPF_PARCEL_NEWS:
	case UPF_PARCEL_LOST:
		hear(w, s, parcel);
		w->stats.consumed++;
		rte_pktmbuf_free(m);
		return CST_EDGE_TAKEN;
	case UPF_PARCEL_SIGNAL:
		return send_signal(w, m);
	case UPF_PARCEL_MORE:
		s->reminder = m;
		return CST_EDGE_TAKEN;
	default:
		return take_in(w, s, m);
	}
}

uint16_t upf_buffer_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	struct store *s = &stores[w->id];

	for (uint16_t i = 0; i < n; i++) {
		uint8_t to = one(w, s, pkts[i]);

		edge[i] = to;
		if (s->leaving_first)
			release(w, s, NULL, NULL);
	}
	if (unlikely(s->leaving_first != 0))
		remind(w, s);
	return n;
}

CST_NODE(upf_buffer_node, .name = "upf_buffer",
	 .help = "downlink packets that wait until their user can be reached",
	 .process = upf_buffer_process, .edges = edges);
CST_ATTACH(upf_buffer_rx, "rx", "upf_buffer", &upf_buffer_from_rx);

/* ---- up and down -------------------------------------------------------------------- */

bool upf_buffer_unfinished(uint16_t worker)
{
	return __atomic_load_n(&stores[worker].leaving_first, __ATOMIC_RELAXED) != 0;
}

static void on_notice(const void *data, uint8_t len)
{
	struct upf_buffer_notice n;

	if (len != sizeof(n) || !upf_buffer_told)
		return;
	__builtin_memcpy(&n, data, sizeof(n));
	upf_buffer_told(&n);
}

static void __attribute__((constructor)) register_notice(void)
{
	notice = cst_notice_register(on_notice);
}

int upf_buffer_start(uint16_t workers, uint32_t segments, struct rte_mempool *pool,
		     struct cst_err *e)
{
	for (uint16_t i = 0; i < workers; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (!m)
			return cst_err(e, -ENOMEM, "system.packet_buffers",
				       "no packet buffer is left");
		*cst_pkt(m) = (struct cst_pkt){0};
		stores[i] = (struct store){.max_segments = segments, .reminder = m};
	}
	return 0;
}

void upf_buffer_stop(void)
{
	for (uint16_t i = 0; i < CST_MAX_WORKERS; i++) {
		rte_pktmbuf_free(stores[i].reminder);
		stores[i] = (struct store){0};
	}
}
