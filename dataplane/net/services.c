/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Service prefixes of a wish, by network instance and prefix: there may be tens
 * of thousands, and a transaction may bring as many more. The hash is made when
 * the first is looked for, and kept up from then on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/wish.h"

static uint32_t start_of(const struct wish *w, uint16_t vrf, const struct cst_prefix *dst)
{
	uint64_t x = dst->ip.d[0] * 0x9e3779b97f4a7c15ull ^ dst->ip.d[1];

	x = (x ^ x >> 29 ^ (uint64_t)vrf << 8 ^ dst->len) * 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(x >> 32) & w->service_mask;
}

static bool is(const struct wish_service *s, uint16_t vrf, const struct cst_prefix *dst)
{
	return s->vrf == vrf && s->dst.len == dst->len && cst_ip_eq(&s->dst.ip, &dst->ip);
}

/* The place in the hash of this prefix, or the free one where it would stand. */
static uint32_t place_of(const struct wish *w, uint16_t vrf, const struct cst_prefix *dst)
{
	uint32_t i = start_of(w, vrf, dst);

	while (w->service_at[i] && !is(&w->services[w->service_at[i] - 1], vrf, dst))
		i = (i + 1) & w->service_mask;
	return i;
}

/* Room for half as many again. False: no memory, then searches go through all. */
static bool make_hash(struct wish *w)
{
	uint32_t size = 64;

	while (size < 3 * w->n_services)
		size *= 2;
	free(w->service_at);
	w->service_mask = size - 1;
	w->service_at = calloc(size, sizeof(*w->service_at));
	for (uint32_t i = 0; w->service_at && i < w->n_services; i++)
		w->service_at[place_of(w, w->services[i].vrf, &w->services[i].dst)] = i + 1;
	return w->service_at != NULL;
}

struct wish_service *wish_service(struct wish *w, uint16_t vrf, const struct cst_prefix *dst)
{
	uint32_t at;

	if (w->service_at || make_hash(w)) {
		at = w->service_at[place_of(w, vrf, dst)];
		return at ? &w->services[at - 1] : NULL;
	}
	for (uint32_t i = 0; i < w->n_services; i++)
		if (is(&w->services[i], vrf, dst))
			return &w->services[i];
	return NULL;
}

void wish_service_added(struct wish *w)
{
	const struct wish_service *s = &w->services[w->n_services - 1];

	if (!w->service_at)
		return;
	if (2 * w->n_services > w->service_mask)
		make_hash(w);
	else
		w->service_at[place_of(w, s->vrf, &s->dst)] = w->n_services;
}

/* What stands behind the freed place and may not be found any more moves up. */
static void close_gap(struct wish *w, uint32_t gap)
{
	for (uint32_t i = (gap + 1) & w->service_mask; w->service_at[i] != 0;
	     i = (i + 1) & w->service_mask) {
		const struct wish_service *s = &w->services[w->service_at[i] - 1];
		uint32_t home = start_of(w, s->vrf, &s->dst);

		if (((i - home) & w->service_mask) >= ((i - gap) & w->service_mask)) {
			w->service_at[gap] = w->service_at[i];
			gap = i;
		}
	}
	w->service_at[gap] = 0;
}

void wish_service_remove(struct wish *w, struct wish_service *s)
{
	struct wish_service *last = &w->services[w->n_services - 1];

	if (w->service_at) {
		close_gap(w, place_of(w, s->vrf, &s->dst));
		if (s != last)
			w->service_at[place_of(w, last->vrf, &last->dst)] =
				(uint32_t)(s - w->services) + 1;
	}
	*s = *last;
	w->n_services--;
}
