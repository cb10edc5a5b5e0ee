/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_refused.h"

#include <stdlib.h>
#include <string.h>

struct refused {
	struct refused *next;
	struct upf_session *book; /* `used` and `fresh` mark what is kept for it */
};

#define BUCKETS 4096 /* a missing network instance may keep back all sessions */

static struct refused *all[BUCKETS]; /* by SEID */

static struct refused **bucket_of(uint64_t seid)
{
	return &all[seid % BUCKETS];
}

static void keep_teids(struct upf_session *s)
{
	for (unsigned i = 0; i < s->n_teids; i++) {
		struct upf_held_teid *t = &s->teids[i];

		t->used =
			!t->stray && t->teid >> upf_tables.teid_tag_bits && upf_teid_claim(t->teid);
	}
}

static void keep_addrs(struct upf_session *s)
{
	for (unsigned i = 0; i < s->n_addrs; i++) {
		struct upf_held_addr *a = &upf_addrs(s)[i];

		a->fresh = 0;
		if (a->chosen)
			a->fresh = upf_addr_reserve(a);
	}
}

void upf_refused_keep(const struct upf_session *book)
{
	size_t n = sizeof(*book) + book->n_teids * sizeof(struct upf_held_teid) +
		   book->n_addrs * sizeof(struct upf_held_addr);
	struct refused *r = malloc(sizeof(*r));
	struct upf_session *s = malloc(n);

	if (!r || !s) {
		free(r);
		free(s);
		return;
	}
	memcpy(s, book, n);
	keep_teids(s);
	keep_addrs(s);
	r->book = s;
	r->next = *bucket_of(s->seid);
	*bucket_of(s->seid) = r;
}

static struct refused **find(uint64_t seid)
{
	struct refused **at = bucket_of(seid);

	while (*at && (*at)->book->seid != seid)
		at = &(*at)->next;
	return at;
}

bool upf_refused_has(uint64_t seid)
{
	return *find(seid) != NULL;
}

static void forget(struct refused **at)
{
	struct refused *r = *at;

	*at = r->next;
	free(r->book);
	free(r);
}

bool upf_refused_let_go(uint64_t seid)
{
	struct refused **at = find(seid);
	struct upf_session *s;

	if (!*at)
		return false;
	s = (*at)->book;
	for (unsigned i = 0; i < s->n_teids; i++)
		if (s->teids[i].used)
			upf_teid_free(s->teids[i].teid);
	for (unsigned i = 0; i < s->n_addrs; i++)
		if (upf_addrs(s)[i].fresh)
			upf_addr_free(&upf_addrs(s)[i]);
	forget(at);
	return true;
}

void upf_refused_close(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (all[i])
			forget(&all[i]);
}
