/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "engine/rcu.h"
#include "net/fib.h"
#include "net/nexthop.h"

struct nh_key {
	uint16_t iface, epoch;
	struct cst_ip ip;
};

_Static_assert(sizeof(struct nh_key) == 24, "no padding in a hash key");

/* A removed record, waiting for the workers to let go of it. */
struct grave {
	uint64_t token;
	uint32_t id;
	int32_t key_pos; /* in the hash; negative: it was not there */
};

struct cst_nexthop *cst_nexthops;

/* Who comes first has it first. A mutex alone may go to the slow path again and again while that is
 * flooded, though the control thread waits for it, above all on the same CPU. */
static struct {
	pthread_mutex_t mutex;
	pthread_cond_t turn;
	uint32_t next, now; /* numbers drawn, whose turn it is */
} lock = {.mutex = PTHREAD_MUTEX_INITIALIZER, .turn = PTHREAD_COND_INITIALIZER};

static struct rte_hash *hash;
static uint32_t *free_ids; /* ring: oldest-freed first, so that a number rests long */
static uint32_t free_head, n_free;
static struct grave *graves; /* ring */
static uint32_t grave_head, n_graves;
static uint32_t high = 1;

/* Recent answers of this thread. Records name themselves, so an entry that has become wrong is
 * seen as such; nobody ever has to clear this. */
#define HINTS 1024
static __thread uint32_t hints[HINTS];

void cst_net_lock(void)
{
	uint32_t mine;

	pthread_mutex_lock(&lock.mutex);
	mine = lock.next++;
	while (lock.now != mine)
		pthread_cond_wait(&lock.turn, &lock.mutex);
	pthread_mutex_unlock(&lock.mutex);
}

void cst_net_unlock(void)
{
	pthread_mutex_lock(&lock.mutex);
	lock.now++;
	pthread_cond_broadcast(&lock.turn);
	pthread_mutex_unlock(&lock.mutex);
}

int cst_nexthops_init(struct cst_err *e)
{
	struct rte_hash_parameters p = {
		.name = "cst_nexthops",
		.entries = CST_MAX_NEXTHOPS,
		.key_len = sizeof(struct nh_key),
		.hash_func = rte_hash_crc,
		.socket_id = SOCKET_ID_ANY,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
	};

	hash = rte_hash_create(&p);
	cst_nexthops = rte_zmalloc(NULL, sizeof(*cst_nexthops) * CST_MAX_NEXTHOPS, 64);
	free_ids = rte_zmalloc(NULL, sizeof(*free_ids) * CST_MAX_NEXTHOPS, 0);
	graves = rte_zmalloc(NULL, sizeof(*graves) * CST_MAX_NEXTHOPS, 0);
	if (!hash || !cst_nexthops || !free_ids || !graves) {
		cst_nexthops_fini();
		return cst_err(e, -ENOMEM, "system.memory_mb",
			       "not enough memory for the next-hop table; give coastd more");
	}
	for (uint32_t i = 1; i < CST_MAX_NEXTHOPS; i++)
		free_ids[n_free++] = i;
	return 0;
}

void cst_nexthops_fini(void)
{
	rte_hash_free(hash);
	rte_free(cst_nexthops);
	rte_free(free_ids);
	rte_free(graves);
	hash = NULL;
	cst_nexthops = NULL;
	free_ids = NULL;
	graves = NULL;
	free_head = n_free = 0;
	grave_head = n_graves = 0;
	high = 1;
}

static struct nh_key key_of(uint16_t iface, uint16_t epoch, const struct cst_ip *ip)
{
	struct nh_key k = {.iface = iface, .epoch = epoch, .ip = *ip};

	memset(k.ip.pad, 0, sizeof(k.ip.pad));
	return k;
}

static uint32_t lookup(const struct nh_key *k)
{
	void *data;

	return rte_hash_lookup_data(hash, k, &data) >= 0 ? (uint32_t)(uintptr_t)data : 0;
}

static inline uint32_t *hint_of(uint16_t iface, uint64_t bits)
{
	return &hints[((bits + iface) * 0x9e3779b97f4a7c15ull >> 54) % HINTS];
}

/* Whether the record is live and of this interface; a record is filled before its word leaves
 * FREE, so that is read first. */
static inline bool is_of(const struct cst_nexthop *nh, uint16_t iface, uint16_t epoch)
{
	return cst_nexthop_state(cst_nexthop_word(nh)) != CST_NH_FREE && nh->iface == iface &&
	       nh->epoch == epoch;
}

static uint32_t __rte_noinline find_hard(uint16_t iface, uint16_t epoch, const struct cst_ip *ip,
					 uint32_t *hint)
{
	struct nh_key k = key_of(iface, epoch, ip);

	*hint = lookup(&k);
	return *hint;
}

uint32_t cst_nexthop_find4(uint16_t iface, uint32_t dst)
{
	uint16_t epoch = cst_snap()->ifaces[iface % CST_MAX_IFACES].epoch;
	uint32_t *hint = hint_of(iface, dst);
	const struct cst_nexthop *nh = &cst_nexthops[*hint];
	struct cst_ip ip;

	if (likely(*hint && is_of(nh, iface, epoch) && nh->ip.family == 4 && nh->ip.v4 == dst))
		return *hint;
	ip = (struct cst_ip){.family = 4, .v4 = dst};
	return find_hard(iface, epoch, &ip, hint);
}

uint32_t cst_nexthop_find(uint16_t iface, const struct cst_ip *ip)
{
	uint16_t epoch = cst_snap()->ifaces[iface % CST_MAX_IFACES].epoch;
	uint32_t *hint = hint_of(iface, ip->family == 4 ? ip->v4 : ip->d[0] ^ ip->d[1] << 7);
	const struct cst_nexthop *nh = &cst_nexthops[*hint];

	if (likely(*hint && is_of(nh, iface, epoch) && cst_ip_eq(&nh->ip, ip)))
		return *hint;
	return find_hard(iface, epoch, ip, hint);
}

uint32_t cst_nexthop_get(const struct cst_snap_iface *ifc, uint16_t iface, const struct cst_ip *ip)
{
	struct nh_key k = key_of(iface, ifc->epoch, ip);
	uint32_t id = lookup(&k);
	struct cst_nexthop *nh;

	if (id)
		return id;
	if (n_free == 0)
		return 0;
	id = free_ids[free_head];
	nh = &cst_nexthops[id];
	nh->iface = iface;
	nh->port = ifc->port;
	nh->vlan = ifc->vlan;
	nh->mtu = ifc->mtu;
	nh->epoch = ifc->epoch;
	memcpy(nh->src_mac, ifc->mac, 6);
	nh->refs = 0;
	nh->ip = k.ip;
	nh->last_used_s = 0;
	nh->probes = 0;
	atomic_store_explicit(&nh->used, 0, memory_order_relaxed);
	atomic_store_explicit(&nh->mac, (uint64_t)CST_NH_INCOMPLETE << 48, memory_order_release);
	if (rte_hash_add_key_data(hash, &k, (void *)(uintptr_t)id) < 0) {
		atomic_store_explicit(&nh->mac, 0, memory_order_release);
		return 0;
	}
	free_head = (free_head + 1) % CST_MAX_NEXTHOPS;
	n_free--;
	if (id >= high)
		high = id + 1;
	return id;
}

void cst_nexthop_ref(uint32_t id, int delta)
{
	cst_nexthops[id].refs = (uint16_t)(cst_nexthops[id].refs + delta);
}

void cst_nexthop_remove(uint32_t id)
{
	struct cst_nexthop *nh = &cst_nexthops[id];
	struct nh_key k = key_of(nh->iface, nh->epoch, &nh->ip);
	struct grave *g = &graves[(grave_head + n_graves) % CST_MAX_NEXTHOPS];

	g->key_pos = rte_hash_del_key(hash, &k);
	g->id = id;
	/* packets on their way to it are dropped as unresolved */
	atomic_store_explicit(&nh->mac, 0, memory_order_release);
	g->token = rte_rcu_qsbr_start(cst_rcu());
	n_graves++;
}

unsigned cst_nexthop_reap(void)
{
	while (n_graves) {
		struct grave *g = &graves[grave_head];

		if (!rte_rcu_qsbr_check(cst_rcu(), g->token, false))
			break;
		if (g->key_pos >= 0)
			rte_hash_free_key_with_position(hash, g->key_pos);
		free_ids[(free_head + n_free++) % CST_MAX_NEXTHOPS] = g->id;
		grave_head = (grave_head + 1) % CST_MAX_NEXTHOPS;
		n_graves--;
	}
	return n_graves;
}

uint32_t cst_nexthop_high(void)
{
	return high;
}

uint32_t cst_nexthop_count(void)
{
	return CST_MAX_NEXTHOPS - 1 - n_free - n_graves;
}
