/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_policy.h"

#include "upf_match.h"
#include "upf_meter.h"
#include "upf_parts.h"
#include "upf_tables.h"

void (*upf_usage_told)(const struct upf_usage_notice *n);

static uint16_t notice;

static void on_notice(const void *data, uint8_t len)
{
	struct upf_usage_notice n;

	if (len != sizeof(n) || !upf_usage_told)
		return;
	__builtin_memcpy(&n, data, sizeof(n));
	upf_usage_told(&n);
}

static void begin_meter(uint32_t number)
{
	upf_tables.meters[number] = (struct upf_meter){0};
}

static void __attribute__((constructor)) upf_policy_register(void)
{
	notice = cst_notice_register(on_notice);
	upf_part_define(UPF_PART_METER, &(struct upf_part_kind){.begin = begin_meter});
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* One writer; readers need no lock, but whole words. */
static void add(uint64_t *word, uint64_t n)
{
	__atomic_store_n(word, *word + n, __ATOMIC_RELAXED);
}

/* ---- usage ------------------------------------------------------------------- */

/* Private to this file, in `told`: limits beyond the first line are to be looked at; a volume quota
 * was reached, and the control thread could not be told yet. */
#define LOOK_FARTHER  0x80000000u
#define QUOTA_REACHED 0x40000000u

static const uint32_t *urrs_of(const struct upf_policy *p)
{
	return p->item + 2 * p->n_qers;
}

/* What the control thread cannot take now it is told again with the next packet. */
static void tell(struct cst_worker *w, uint32_t number, struct upf_usage *u, uint32_t bits)
{
	struct upf_usage_notice n = {.usage = number, .arm = u->arm, .told = bits & ~u->told};

	u->room = 0; /* what is told holds for smaller packets, too */
	if (n.told == 0)
		return;
	if (likely(cst_notice(w, notice, &n, sizeof(n))))
		u->told |= n.told;
	else
		u->told |= LOOK_FARTHER | (bits & UPF_TOLD_QUOTA ? QUOTA_REACHED : 0);
}

/* The control thread has reported or changed the rule: tell anew. */
static void follow_arm(struct upf_usage *u, const struct upf_limit *l)
{
	uint32_t arm = __atomic_load_n(&l->arm, __ATOMIC_ACQUIRE);

	if (likely(u->arm == arm))
		return;
	u->arm = arm;
	u->room = 0;
	u->told = LOOK_FARTHER;
	__atomic_store_n(&u->first, 0, __ATOMIC_RELAXED);
}

static bool is_rest(const struct upf_usage *u, const struct upf_limit *l, uint64_t now)
{
	uint64_t idle = load(&l->idle);

	return u->last == 0 || (idle != 0 && now - u->last > idle);
}

/* Has this packet no room? A quota that was found too small for one packet is spent for the smaller
 * ones behind it too: that is, or will be, told. */
static bool exceeds(const struct upf_limit *l, const struct upf_usage *u, enum upf_dir dir,
		    uint64_t bytes)
{
	return (u->told & (UPF_TOLD_QUOTA | QUOTA_REACHED)) ||
	       u->bytes[dir] + bytes > load(&l->quota[dir]) ||
	       u->bytes[UPF_UL] + u->bytes[UPF_DL] + bytes > load(&l->quota[2]);
}

/* Is no limit near? Then the usage's own line is all that a packet needs of a URR. */
static bool has_room(const struct upf_usage *u, uint32_t bytes)
{
	return u->room >= bytes && u->arm == __atomic_load_n(&u->kick, __ATOMIC_ACQUIRE);
}

static __rte_noinline bool is_spent_now(struct cst_worker *w, uint32_t number, enum upf_dir dir,
					uint32_t bytes)
{
	struct upf_usage *u = &upf_tables.usages[number];
	const struct upf_limit *l = &upf_tables.limits[number];

	follow_arm(u, l);
	if (unlikely(__atomic_load_n(&l->flags, __ATOMIC_RELAXED) & UPF_LIMIT_STOP))
		return true;
	if (unlikely(exceeds(l, u, dir, bytes))) {
		tell(w, number, u, UPF_TOLD_QUOTA);
		return true;
	}
	/* the last start that the event quota allows may go on to its end */
	if (unlikely(is_rest(u, l, w->now)) && u->starts >= load(&l->event_quota)) {
		tell(w, number, u, UPF_TOLD_EVQUOTA);
		return true;
	}
	return false;
}

static bool is_spent(struct cst_worker *w, uint32_t number, enum upf_dir dir, uint32_t bytes)
{
	return unlikely(!has_room(&upf_tables.usages[number], bytes)) &&
	       is_spent_now(w, number, dir, bytes);
}

static void note_refused(uint32_t number, uint32_t bytes)
{
	struct upf_usage *u = &upf_tables.usages[number];

	add(&u->refused[0], 1);
	add(&u->refused[1], bytes);
}

static void note_lost(struct cst_worker *w, uint32_t number, uint32_t bytes)
{
	struct upf_usage *u = &upf_tables.usages[number];
	const struct upf_limit *l = &upf_tables.limits[number];

	follow_arm(u, l);
	add(&u->dropped_dl[0], 1);
	add(&u->dropped_dl[1], bytes);
	if (u->dropped_dl[0] >= load(&l->dropped_packets) ||
	    u->dropped_dl[1] >= load(&l->dropped_bytes))
		tell(w, number, u, UPF_TOLD_DROPPED);
}

/* Time in use goes by the gaps between packets; a gap longer than `idle` is a rest, of which `idle`
 * counts (8.2.33), and the packet after it a start. */
static void note_time(struct upf_usage *u, const struct upf_limit *l, uint64_t now)
{
	uint64_t gap = now - u->last;

	if (unlikely(is_rest(u, l, now))) {
		if (u->last != 0)
			add(&u->active, load(&l->idle));
		add(&u->starts, 1);
		u->told |= LOOK_FARTHER;
	} else {
		add(&u->active, gap);
	}
	if (unlikely(u->first == 0))
		__atomic_store_n(&u->first, now, __ATOMIC_RELAXED);
	__atomic_store_n(&u->last, now, __ATOMIC_RELAXED);
}

/* Limits that only a start can reach. */
static uint32_t reached_events(struct upf_usage *u, const struct upf_limit *l)
{
	uint32_t bits = 0;

	u->told &= ~LOOK_FARTHER;
	if (u->starts >= load(&l->event_threshold))
		bits |= UPF_TOLD_EVENT;
	if (u->starts >= load(&l->event_quota))
		bits |= UPF_TOLD_EVQUOTA;
	return bits;
}

/* Bytes of either direction that reach none of three limits. */
static uint64_t room_below(const uint64_t limit[3], const struct upf_usage *u)
{
	uint64_t seen[3] = {u->bytes[0], u->bytes[1], u->bytes[0] + u->bytes[1]};
	uint64_t room = UINT64_MAX;

	for (unsigned i = 0; i < 3; i++) {
		uint64_t top = load(&limit[i]);

		room = RTE_MIN(room, top > seen[i] ? top - seen[i] - 1 : 0);
	}
	return room;
}

/* None where something other than volume asks for a look at each packet. */
static uint64_t room_of(const struct upf_usage *u, const struct upf_limit *l)
{
	uint64_t room;

	if (__atomic_load_n(&l->flags, __ATOMIC_RELAXED) || load(&l->idle) ||
	    u->told & (LOOK_FARTHER | UPF_TOLD_QUOTA | QUOTA_REACHED))
		return 0;
	room = room_below(l->quota, u);
	return u->told & UPF_TOLD_THRESHOLD ? room : RTE_MIN(room, room_below(l->threshold, u));
}

static __rte_noinline void count_near_limit(struct cst_worker *w, uint32_t number, enum upf_dir dir)
{
	struct upf_usage *u = &upf_tables.usages[number];
	const struct upf_limit *l = &upf_tables.limits[number];
	uint64_t here, both;
	uint32_t bits = 0;

	note_time(u, l, w->now);
	here = u->bytes[dir];
	both = u->bytes[UPF_UL] + u->bytes[UPF_DL];
	if (unlikely(here >= load(&l->threshold[dir]) || both >= load(&l->threshold[2])))
		bits |= UPF_TOLD_THRESHOLD;
	/* nothing is left for the next packet: no need to wait until it comes */
	if (unlikely(here >= load(&l->quota[dir]) || both >= load(&l->quota[2])))
		bits |= UPF_TOLD_QUOTA;
	if (unlikely(__atomic_load_n(&l->flags, __ATOMIC_RELAXED) & UPF_LIMIT_START))
		bits |= UPF_TOLD_START;
	if (unlikely(u->told & LOOK_FARTHER))
		bits |= reached_events(u, l);
	if (unlikely(bits != 0))
		tell(w, number, u, bits);
	u->room = room_of(u, l);
}

static void count(struct cst_worker *w, uint32_t number, enum upf_dir dir, uint32_t bytes)
{
	struct upf_usage *u = &upf_tables.usages[number];

	add(&u->bytes[dir], bytes);
	add(&u->packets[dir], 1);
	if (unlikely(!has_room(u, bytes))) {
		count_near_limit(w, number, dir);
		return;
	}
	u->room -= bytes;
	add(&u->active, w->now - u->last);
	__atomic_store_n(&u->last, w->now, __ATOMIC_RELAXED);
}

/* ---- meters ------------------------------------------------------------------- */

/* All of them or none: what a packet is refused by one is not taken from another. */
static bool pass_meters(struct cst_worker *w, const struct upf_rules *r, const struct upf_policy *p,
			enum upf_dir dir, uint32_t bytes)
{
	const uint32_t *meters = p->item + p->n_qers;

	for (unsigned i = 0; i < p->n_qers; i++) {
		struct upf_meter *m = &upf_tables.meters[meters[i]];

		if (unlikely(!upf_meter_has_room(upf_line(r, p->item[i]), m, dir, w->now))) {
			add(&m->dropped[dir], 1);
			return false;
		}
	}
	for (unsigned i = 0; i < p->n_qers; i++)
		upf_meter_charge(upf_line(r, p->item[i]), &upf_tables.meters[meters[i]], dir,
				 w->now, bytes);
	return true;
}

/* ---- all together --------------------------------------------------------------- */

void upf_policy_lost(struct cst_worker *w, const struct upf_rules *r, const struct upf_pdr *pdr,
		     uint32_t bytes)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);

	if (!(pdr->flags & UPF_PDR_POLICY))
		return;
	for (unsigned i = 0; i < p->n_urrs; i++)
		note_lost(w, urrs_of(p)[i], bytes);
}

static __rte_noinline const struct upf_pdr *refuse(struct cst_worker *w, const struct upf_rules *r,
						   const struct upf_pdr *pdr, enum upf_dir dir,
						   uint32_t bytes, enum upf_drop reason,
						   enum upf_drop *why)
{
	if (dir == UPF_DL)
		upf_policy_lost(w, r, pdr, bytes);
	*why = reason;
	return NULL;
}

/* URRs, by their bits, whose quota does not let the packet pass. */
static uint32_t spent_urrs(struct cst_worker *w, const struct upf_policy *p, enum upf_dir dir,
			   uint32_t bytes)
{
	uint32_t spent = 0;

	for (unsigned i = 0; i < p->n_urrs; i++)
		if (unlikely(is_spent(w, urrs_of(p)[i], dir, bytes)))
			spent |= 1u << i;
	return spent;
}

/* Of the URRs that are spent all want the same other FAR, or else the packet is dropped. */
static __rte_noinline const struct upf_pdr *instead(const struct upf_rules *r,
						    const struct upf_policy *p, uint32_t spent,
						    uint32_t bytes, enum upf_drop *why)
{
	if (p->spent && (spent & ~(uint32_t)p->spent_by) == 0)
		return upf_line(r, p->spent);
	for (unsigned i = 0; i < p->n_urrs; i++)
		if (spent & (1u << i))
			note_refused(urrs_of(p)[i], bytes);
	*why = UPF_DROP_QUOTA;
	return NULL;
}

static void note_waits(const struct cst_worker *w, const struct upf_policy *p, uint32_t spent)
{
	for (unsigned i = 0; i < p->n_urrs; i++)
		if (spent & (1u << i))
			upf_tables.usages[urrs_of(p)[i]].waited = (uint32_t)w->now;
}

/* Not yet: more than what is left goes ahead of it, or the quota was granted in the middle of this
 * walk, which let others wait that came before. */
static bool leaves_later(const struct cst_worker *w, uint32_t number, uint64_t bytes)
{
	const struct upf_usage *u = &upf_tables.usages[number];

	return exceeds(&upf_tables.limits[number], u, UPF_DL, bytes) ||
	       u->waited == (uint32_t)w->now;
}

enum upf_leave upf_policy_may_leave(struct cst_worker *w, const struct upf_rules *r,
				    const struct upf_pdr *pdr, uint32_t bytes, uint64_t ahead)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);
	uint32_t spent;

	if (likely(!upf_policy_quota_waits(r, pdr)))
		return UPF_LEAVE;
	spent = spent_urrs(w, p, UPF_DL, bytes);
	if (spent & ~(uint32_t)p->spent_by)
		return UPF_LEAVE;
	if (spent != 0) {
		note_waits(w, p, spent);
		return UPF_LEAVE_NOT;
	}
	for (unsigned i = 0; i < p->n_urrs; i++)
		if (leaves_later(w, urrs_of(p)[i], ahead + bytes))
			return UPF_LEAVE_LATER;
	return UPF_LEAVE;
}

static void count_some(struct cst_worker *w, const struct upf_policy *p, unsigned from, unsigned to,
		       uint32_t but, enum upf_dir dir, uint32_t bytes)
{
	for (unsigned i = from; i < to; i++)
		if (likely(!(but & (1u << i))))
			count(w, urrs_of(p)[i], dir, bytes);
}

const struct upf_pdr *upf_policy_pass(struct cst_worker *w, const struct upf_rules *r,
				      const struct upf_pdr *pdr, enum upf_dir dir, uint32_t bytes,
				      enum upf_drop *why)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);
	uint32_t spent = spent_urrs(w, p, dir, bytes);

	if (unlikely(spent != 0)) {
		const struct upf_pdr *by = instead(r, p, spent, bytes, why);

		if (by != pdr)
			return by;
	}
	count_some(w, p, 0, p->n_before, spent, dir, bytes);
	if (unlikely(p->flags & UPF_POLICY_GATE))
		return refuse(w, r, pdr, dir, bytes, UPF_DROP_GATE, why);
	if (unlikely(!pass_meters(w, r, p, dir, bytes)))
		return refuse(w, r, pdr, dir, bytes, UPF_DROP_RATE, why);
	count_some(w, p, p->n_before, p->n_urrs, spent, dir, bytes);
	return pdr;
}
