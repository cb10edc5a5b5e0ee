/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_eth_learn.h"

#include <rte_cycles.h>

#include "net/bucket.h"
#include "upf_eth_group.h"
#include "upf_eth_report.h"

#define RECENT     256 /* addresses that a worker has told of just now */
#define TELL_AGAIN 10  /* of a second: when it tells of one again */
#define BUCKETS    256
#define RATE       500 /* addresses a second from one side; sides whose hashes collide share it */
#define BURST      64
#define AGE_STEP   512 /* buckets looked at in one tick */

struct upf_eth_stats upf_eth_stats;

static uint16_t notice;

struct saw {
	uint64_t key;
	uint32_t where, pad;
};

static struct {
	struct {
		uint64_t key, until;
	} recent[RECENT];
	struct cst_bucket side[BUCKETS];
} __rte_cache_aligned tellers[CST_MAX_WORKERS];

/* ---- worker ------------------------------------------------------------------------ */

static bool may_tell(struct cst_worker *w, uint32_t where)
{
	uint64_t step = rte_get_tsc_hz() / RATE;

	return cst_bucket_take(&tellers[w->id].side[(where ^ where >> 8) % BUCKETS], w->now, step,
			       (BURST - 1) * step);
}

static __rte_noinline void tell(struct cst_worker *w, uint64_t key, uint32_t where)
{
	unsigned at = (unsigned)(key >> 16 ^ key >> 24) % RECENT;
	struct saw saw = {key, where, 0};

	if (tellers[w->id].recent[at].key == (key ^ where) &&
	    w->now < tellers[w->id].recent[at].until)
		return;
	if (!may_tell(w, where) || !cst_notice(w, notice, &saw, sizeof(saw)))
		return;
	tellers[w->id].recent[at].key = key ^ where;
	tellers[w->id].recent[at].until = w->now + rte_get_tsc_hz() / TELL_AGAIN;
}

void upf_eth_saw(struct cst_worker *w, uint16_t vrf, uint64_t mac, uint32_t where)
{
	uint64_t key = upf_eth_key(vrf, mac), value = upf_eth_find(key);
	uint32_t now = (uint32_t)(w->now >> UPF_ETH_TIME_SHIFT);
	int64_t fresh = (int64_t)(rte_get_tsc_hz() * (UPF_ETH_AGE_S / 8) >> UPF_ETH_TIME_SHIFT);

	/* the control thread's clock may be ahead of the walk's */
	if (unlikely(upf_eth_where(value) != where || (int32_t)(now - (uint32_t)value) > fresh))
		tell(w, key, where);
}

/* ---- control thread ------------------------------------------------------------------ */

/* Read by other threads. */
static void add(uint64_t *figure)
{
	__atomic_store_n(figure, *figure + 1, __ATOMIC_RELAXED);
}

static struct upf_eth_member *session_at(uint32_t where)
{
	return where & UPF_ETH_IFACE ? NULL : &upf_eth_members[where];
}

static void leaves(uint32_t where, uint64_t key)
{
	struct upf_eth_member *m = session_at(where);

	if (!m)
		return;
	if (m->n_macs)
		m->n_macs--;
	upf_eth_report_add(where, key >> 16, true);
}

void upf_eth_heard(uint64_t key, uint32_t where, uint32_t now)
{
	struct upf_eth_member *m = session_at(where);
	uint64_t value = upf_eth_find(key);
	uint32_t was = 0;

	if (m && !upf_eth_is_member(where, (uint16_t)key))
		return; /* it has ended meanwhile */
	if (m && (!value || upf_eth_where(value) != where) && m->n_macs >= UPF_ETH_SESSION_MACS) {
		add(&upf_eth_stats.refused);
		return;
	}
	switch (upf_eth_macs_learn(key, where, now, &was)) {
	case UPF_ETH_SEEN:
		return;
	case UPF_ETH_FULL:
		add(&upf_eth_stats.refused);
		return;
	case UPF_ETH_MOVED:
		add(&upf_eth_stats.moved);
		leaves(was, key);
		break;
	case UPF_ETH_NEW:
		add(&upf_eth_stats.learnt);
		break;
	}
	if (!m)
		return;
	m->n_macs++;
	upf_eth_report_add(where, key >> 16, false);
}

static void on_notice(const void *data, uint8_t len)
{
	struct saw saw;

	if (len != sizeof(saw) || !upf_eth_slots)
		return;
	__builtin_memcpy(&saw, data, sizeof(saw));
	upf_eth_heard(saw.key, saw.where, (uint32_t)(rte_rdtsc() >> UPF_ETH_TIME_SHIFT));
}

static bool is_there(uint64_t key, uint64_t value, void *arg)
{
	return upf_eth_where(value) == *(const uint32_t *)arg;
}

void upf_eth_forget(uint32_t where)
{
	struct upf_eth_member *m = session_at(where);

	upf_eth_macs_each(0, 1u << UPF_ETH_BUCKET_BITS, is_there, &where);
	if (m) {
		m->n_macs = 0;
		upf_eth_report_drop(where);
	}
}

static bool is_old(uint64_t key, uint64_t value, void *arg)
{
	int32_t age = (int32_t)(*(const uint32_t *)arg - (uint32_t)value);

	if (age <= (int64_t)(rte_get_tsc_hz() * UPF_ETH_AGE_S >> UPF_ETH_TIME_SHIFT))
		return false;
	add(&upf_eth_stats.aged);
	leaves(upf_eth_where(value), key);
	return true;
}

void upf_eth_age_all(uint32_t now)
{
	upf_eth_macs_each(0, 1u << UPF_ETH_BUCKET_BITS, is_old, &now);
}

void upf_eth_age(void)
{
	static uint32_t next;
	uint32_t now = (uint32_t)(rte_rdtsc() >> UPF_ETH_TIME_SHIFT);

	upf_eth_macs_each(next, AGE_STEP, is_old, &now);
	next = (next + AGE_STEP) % (1u << UPF_ETH_BUCKET_BITS);
}

static void __attribute__((constructor)) upf_eth_learn_register(void)
{
	notice = cst_notice_register(on_notice);
}
