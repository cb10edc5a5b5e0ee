/* SPDX-License-Identifier: BSD-3-Clause */
#include "copies.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SETS (1u << 14)
#define WAYS 8

/* A packet that waits for more copies. */
struct entry {
	uint64_t key;
	uint32_t age;
	uint8_t seen, lost; /* a bit for each lane; seen 0: free */
};

struct copies {
	struct entry entry[SETS][WAYS];
	uint64_t tally[1 << MAX_LANES][1 << MAX_LANES]; /* [seen][lost] packets */
	uint32_t now;
};

struct copies *copies_new(void)
{
	struct copies *c = calloc(1, sizeof(*c));

	if (c == NULL)
		abort();
	return c;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Octets of an IP and UDP header and of what is each path's own behind them, or 0. */
static size_t tunnel_len(const uint8_t *ip, size_t len)
{
	size_t hdr = 0, udp;

	if (len >= 20 && ip[0] >> 4 == 4 && ip[9] == 17)
		hdr = (ip[0] & 15u) * 4;
	else if (len >= 40 && ip[0] >> 4 == 6 && ip[6] == 17)
		hdr = 40;
	udp = hdr + 8;
	if (hdr == 0 || len < udp + 8)
		return 0;
	switch (be16(ip + hdr + 2)) {
	case 6635: /* RFC 9566: S-Label */
		return udp + 4;
	case 2152: /* GTP-U: up to the TEID */
		return udp + 8;
	}
	return 0;
}

/* FNV-1a */
#define FNV_BASIS 0xcbf29ce484222325u

static uint64_t hash(uint64_t key, const uint8_t *from, const uint8_t *to)
{
	for (; from < to; from++)
		key = (key ^ *from) * 0x100000001b3u;
	return key;
}

uint64_t copies_key(const uint8_t *frame, size_t len)
{
	size_t at = 12, end = len, tunnel = 0;
	uint64_t key;

	while (len >= at + 4 && (be16(frame + at) == 0x8100 || be16(frame + at) == 0x88a8))
		at += 4;
	if (len >= at + 2 && (be16(frame + at) == 0x0800 || be16(frame + at) == 0x86dd)) {
		tunnel = tunnel_len(frame + at + 2, len - at - 2);
		at += tunnel > 0 ? 2 + tunnel : 0;
	}
	/* a bridged path keeps who sent it */
	key = tunnel == 0 && len >= 12 ? hash(FNV_BASIS, frame + 6, frame + 12) : FNV_BASIS;
	if (len >= at + 8 && be16(frame + len - 2) == 0x88fb) {
		end -= 4;
		key ^= frame[end] & 15u; /* the octet of the LAN identifier */
	}
	return at < end ? hash(key, frame + at, frame + end) : key;
}

static void done(struct copies *c, struct entry *e)
{
	if (e->seen != 0)
		c->tally[e->seen][e->lost]++;
	e->seen = e->lost = 0;
}

static struct entry *find(struct copies *c, uint64_t key)
{
	struct entry *set = c->entry[(key ^ key >> 32) % SETS], *oldest = set;

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].seen != 0 && set[i].key == key)
			return &set[i];
	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].seen == 0)
			return &set[i];
		if (c->now - set[i].age > c->now - oldest->age)
			oldest = &set[i];
	}
	return oldest;
}

void copies_saw(struct copies *c, uint64_t key, unsigned lane, bool lost)
{
	struct entry *e = find(c, key);

	/* seen on this lane before: another packet with the same bytes */
	if (e->seen == 0 || e->key != key || e->seen & 1u << lane) {
		done(c, e);
		*e = (struct entry){.key = key, .age = c->now++};
	}
	e->seen |= (uint8_t)(1u << lane);
	e->lost |= (uint8_t)(lost << lane);
}

static void add(struct pair *p, unsigned lost, unsigned a, unsigned b, uint64_t n)
{
	bool la = lost >> a & 1, lb = lost >> b & 1;

	p->both += n;
	p->lost[0] += la ? n : 0;
	p->lost[1] += lb ? n : 0;
	p->lost_both += la && lb ? n : 0;
}

struct pair copies_pair(const struct copies *c, unsigned a, unsigned b)
{
	const unsigned want = 1u << a | 1u << b;
	struct pair p = {0};

	for (unsigned seen = 0; seen < 1 << MAX_LANES; seen++)
		for (unsigned lost = 0; (seen & want) == want && lost <= seen; lost++)
			add(&p, lost, a, b, c->tally[seen][lost]);
	for (unsigned i = 0; i < SETS * WAYS; i++) {
		const struct entry *e = &c->entry[i / WAYS][i % WAYS];

		if ((e->seen & want) == want)
			add(&p, e->lost, a, b, 1);
	}
	return p;
}

void copies_all(const struct copies *c, unsigned n, uint64_t *packets, uint64_t *lost)
{
	const unsigned all = (1u << n) - 1;

	*packets = *lost = 0;
	for (unsigned l = 0; l <= all; l++)
		*packets += c->tally[all][l];
	*lost = c->tally[all][all];
	for (unsigned i = 0; i < SETS * WAYS; i++) {
		const struct entry *e = &c->entry[i / WAYS][i % WAYS];

		*packets += e->seen == all;
		*lost += e->seen == all && e->lost == all;
	}
}

double pair_correlation(const struct pair *p)
{
	double n = (double)p->both, a, b, spread;

	if (p->both == 0)
		return 0;
	a = (double)p->lost[0] / n;
	b = (double)p->lost[1] / n;
	spread = sqrt(a * (1 - a) * b * (1 - b));
	return spread > 0 ? ((double)p->lost_both / n - a * b) / spread : 0;
}
