/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_eth_macs.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_random.h>

#define BUCKETS (1u << UPF_ETH_BUCKET_BITS)

_Static_assert(BUCKETS *UPF_ETH_SLOTS == 2 * UPF_ETH_MAX_MACS, "half of the slots stay free");

struct upf_eth_slot *upf_eth_slots;
uint64_t upf_eth_salt;

static uint32_t count;

int upf_eth_macs_open(struct cst_err *e)
{
	/* whoever chooses MAC addresses shall not choose their buckets */
	upf_eth_salt = rte_rand() ^ rte_rdtsc();
	count = 0;
	upf_eth_slots = aligned_alloc(64, (size_t)BUCKETS * UPF_ETH_SLOTS * sizeof(*upf_eth_slots));
	if (!upf_eth_slots)
		return cst_err(e, -ENOMEM, NULL, "no memory for MAC addresses");
	for (uint32_t i = 0; i < BUCKETS * UPF_ETH_SLOTS; i++)
		upf_eth_slots[i] = (struct upf_eth_slot){0};
	return 0;
}

void upf_eth_macs_close(void)
{
	free(upf_eth_slots);
	upf_eth_slots = NULL;
	count = 0;
}

uint32_t upf_eth_macs_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}

static struct upf_eth_slot *slot_of(uint64_t key)
{
	for (unsigned i = 0; i < 2; i++) {
		struct upf_eth_slot *s = upf_eth_bucket(key, i);

		for (unsigned k = 0; k < UPF_ETH_SLOTS; k++)
			if (s[k].key == key && s[k].value)
				return &s[k];
	}
	return NULL;
}

/* Of the emptier one of its buckets. */
static struct upf_eth_slot *free_slot(uint64_t key)
{
	struct upf_eth_slot *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct upf_eth_slot *s = upf_eth_bucket(key, i), *one = NULL;
		unsigned n = 0;

		for (unsigned k = 0; k < UPF_ETH_SLOTS; k++) {
			if (s[k].value)
				continue;
			one = &s[k];
			n++;
		}
		if (n > most) {
			most = n;
			best = one;
		}
	}
	return best;
}

static void set(struct upf_eth_slot *s, uint64_t value)
{
	__atomic_store_n(&s->value, value, __ATOMIC_RELEASE);
}

enum upf_eth_learnt upf_eth_macs_learn(uint64_t key, uint32_t where, uint32_t now, uint32_t *was)
{
	struct upf_eth_slot *s = slot_of(key);
	uint64_t value = (uint64_t)where << 32 | now;

	if (s) {
		*was = upf_eth_where(s->value);
		set(s, value);
		return *was == where ? UPF_ETH_SEEN : UPF_ETH_MOVED;
	}
	s = count < UPF_ETH_MAX_MACS ? free_slot(key) : NULL;
	if (!s)
		return UPF_ETH_FULL;
	/* its value has been 0 for readers since it was removed */
	__atomic_store_n(&s->key, key, __ATOMIC_RELEASE);
	set(s, value);
	__atomic_store_n(&count, count + 1, __ATOMIC_RELAXED);
	return UPF_ETH_NEW;
}

static void empty(struct upf_eth_slot *s)
{
	set(s, 0);
	__atomic_store_n(&count, count - 1, __ATOMIC_RELAXED);
}

void upf_eth_macs_each(uint32_t from, uint32_t n,
		       bool (*fn)(uint64_t key, uint64_t value, void *arg), void *arg)
{
	for (uint32_t i = from; i < from + n; i++) {
		struct upf_eth_slot *s = &upf_eth_slots[(size_t)(i % BUCKETS) * UPF_ETH_SLOTS];

		for (unsigned k = 0; k < UPF_ETH_SLOTS; k++)
			if (s[k].value && fn(s[k].key, s[k].value, arg))
				empty(&s[k]);
	}
}
