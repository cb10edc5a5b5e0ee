/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "net/net.h"
#include "table/index.h"
#include "upf_encap.h"
#include "upf_node.h"
#include "upf_tables.h"

#define HASH_SIZE (UPF_MAX_PEERS * 2)
#define HASH_MASK (HASH_SIZE - 1)

static struct cst_index *numbers;
/* Rules of an earlier life of coastd are in use, which nobody counts for. */
static bool unsettled;
static uint32_t *hash; /* peer numbers, 0: empty */

static uint32_t start_of(const struct upf_peer *p)
{
	uint64_t x = p->vrf, w;

	for (unsigned i = 0; i < sizeof(p->hdr); i += 8) {
		memcpy(&w, p->hdr + i, 8);
		x = (x ^ w) * 0x9e3779b97f4a7c15ull;
		x ^= x >> 32;
	}
	return (uint32_t)x & HASH_MASK;
}

static bool same(const struct upf_peer *a, const struct upf_peer *b)
{
	return a->vrf == b->vrf && a->family == b->family &&
	       memcmp(a->hdr, b->hdr, sizeof(a->hdr)) == 0;
}

static uint32_t find(const struct upf_peer *p)
{
	uint32_t i = start_of(p);

	while (hash[i] != 0 && !same(&upf_tables.peers[hash[i]], p))
		i = (i + 1) & HASH_MASK;
	return i;
}

uint32_t upf_peer_hold(uint16_t vrf, const struct cst_ip *local, const struct cst_ip *remote,
		       uint16_t port)
{
	struct upf_peer want = {0};
	uint32_t at, n;

	upf_peer_set(&want, vrf, local, remote, port);
	at = find(&want);
	if (hash[at] == 0) {
		n = cst_index_alloc(numbers);
		if (n == 0) {
			cst_rcu_reclaim(true);
			at = find(&want); /* what was given back has moved entries */
			n = cst_index_alloc(numbers);
		}
		if (n == 0)
			return 0;
		upf_tables.peers[n] = want;
		upf_path_refresh(&upf_tables.peers[n]);
		hash[at] = n;
	}
	upf_tables.peers[hash[at]].refs++;
	return hash[at];
}

void upf_peer_release(uint32_t peer)
{
	struct upf_peer *p = &upf_tables.peers[peer];
	uint32_t gap;

	if (--p->refs > 0 || unsettled)
		return;
	gap = find(p);
	for (uint32_t i = (gap + 1) & HASH_MASK; hash[i] != 0; i = (i + 1) & HASH_MASK) {
		uint32_t home = start_of(&upf_tables.peers[hash[i]]);

		if (((i - home) & HASH_MASK) >= ((i - gap) & HASH_MASK)) {
			hash[gap] = hash[i];
			gap = i;
		}
	}
	hash[gap] = 0;
	*p = (struct upf_peer){0};
	cst_index_free(numbers, peer);
}

uint32_t upf_peers_used(void)
{
	return cst_index_used(numbers);
}

/* Left by an earlier coastd: sessions that come back hold it anew. */
static void go_on_with(uint32_t number)
{
	struct upf_peer *p = &upf_tables.peers[number];
	uint32_t at;

	if (p->family == 0)
		return;
	p->refs = 0;
	at = find(p);
	if ((p->family == 4 && p->hdr_len == 28) || (p->family == 6 && p->hdr_len == 48)) {
		if (hash[at] == 0 && p->vrf < CST_MAX_VRFS && cst_index_take(numbers, number)) {
			hash[at] = number;
			unsettled = true;
			return;
		}
	}
	*p = (struct upf_peer){0};
}

int upf_peers_open(struct cst_err *e)
{
	numbers = cst_index_new(UPF_MAX_PEERS - 1);
	hash = calloc(HASH_SIZE, sizeof(*hash));
	if (!numbers || !hash)
		return cst_err(e, -ENOMEM, NULL, "no memory for GTP-U peers");
	for (uint32_t i = 1; i < UPF_MAX_PEERS; i++)
		go_on_with(i);
	return 0;
}

void upf_peers_settle(void)
{
	unsettled = false;
	for (uint32_t i = 1; i < UPF_MAX_PEERS; i++) {
		struct upf_peer *p = &upf_tables.peers[i];

		if (p->family == 0 || p->refs > 0)
			continue;
		p->refs = 1;
		upf_peer_release(i);
	}
}

void upf_peers_close(void)
{
	if (numbers)
		cst_index_destroy(numbers);
	free(hash);
	numbers = NULL;
	hash = NULL;
	unsettled = false;
}
