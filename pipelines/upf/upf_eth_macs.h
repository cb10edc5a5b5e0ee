/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which MAC address is where, by network instance: behind an Ethernet PDU
 * session or on an N6 interface. The control thread alone writes; workers read
 * without locks and tell it what they saw (upf_eth_learn.h).
 *
 * A key has its place in one of two buckets of eight slots, so that a look-up
 * ends after two, whatever was learnt and forgotten. In the memory of this
 * process: after a restart addresses are learnt anew, and until then flooded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define UPF_ETH_MAX_MACS     65536
#define UPF_ETH_SESSION_MACS 256 /* behind one session */
#define UPF_ETH_SLOTS        8   /* of a bucket */
#define UPF_ETH_BUCKET_BITS  14

/* Where: first state line of a session, or this and the number of an interface. */
#define UPF_ETH_IFACE 0x80000000u

/* Time in units of 2^30 TSC cycles, mod 2^32: a third of a second or so. */
#define UPF_ETH_TIME_SHIFT 30

struct upf_eth_slot {
	uint64_t key;   /* 0: never used */
	uint64_t value; /* where, in the upper half, and when it was seen last; 0: free */
};

extern struct upf_eth_slot *upf_eth_slots; /* NULL before open */
extern uint64_t upf_eth_salt;

/* `mac` as in upf_eth_core.h, of one station: not 0. */
static inline uint64_t upf_eth_key(uint16_t vrf, uint64_t mac)
{
	return mac << 16 | vrf;
}

/* The first slot of the i-th bucket (0, 1) of a key. */
static inline struct upf_eth_slot *upf_eth_bucket(uint64_t key, unsigned i)
{
	uint64_t h = (key ^ upf_eth_salt) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 32) * 0xd6e8feb86659fd93ull;
	h = i ? h >> UPF_ETH_BUCKET_BITS : h;
	h = (h >> 32) & ((1u << UPF_ETH_BUCKET_BITS) - 1);
	return upf_eth_slots + h * UPF_ETH_SLOTS;
}

/* The value of a key, 0: not known. Any thread. */
static inline uint64_t upf_eth_find(uint64_t key)
{
	for (unsigned i = 0; i < 2; i++) {
		struct upf_eth_slot *s = upf_eth_bucket(key, i);

		for (unsigned k = 0; k < UPF_ETH_SLOTS; k++, s++) {
			uint64_t value;

			if (__atomic_load_n(&s->key, __ATOMIC_RELAXED) != key)
				continue;
			value = __atomic_load_n(&s->value, __ATOMIC_ACQUIRE);
			/* was the slot another key's in between? */
			if (value && __atomic_load_n(&s->key, __ATOMIC_RELAXED) == key)
				return value;
		}
	}
	return 0;
}

static inline uint32_t upf_eth_where(uint64_t value)
{
	return (uint32_t)(value >> 32);
}

/* ---- control thread ---------------------------------------------------------- */

int upf_eth_macs_open(struct cst_err *e);
void upf_eth_macs_close(void);

enum upf_eth_learnt { UPF_ETH_SEEN, UPF_ETH_NEW, UPF_ETH_MOVED, UPF_ETH_FULL };
/* It was seen there, now. UPF_ETH_MOVED: *was is where it was before. UPF_ETH_FULL: no room, it is
 * not kept. */
enum upf_eth_learnt upf_eth_macs_learn(uint64_t key, uint32_t where, uint32_t now, uint32_t *was);
uint32_t upf_eth_macs_count(void); /* any thread */
/* All that are known in `n` buckets from `from` on; those that `fn` says true of are removed. */
void upf_eth_macs_each(uint32_t from, uint32_t n,
		       bool (*fn)(uint64_t key, uint64_t value, void *arg), void *arg);
