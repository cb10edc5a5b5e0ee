/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the journal holds, without the entries' text: an array in the order of
 * numbers, and the rules that the entries belong to.
 */
#include <stdlib.h>
#include <string.h>

#include "journal/journal_int.h"

#define PACK_LEAST 1024

struct jnl_count jnl_counts[256];
struct jnl_count jnl_total;

static struct jnl_entry *entries;
static size_t n, fit, first, n_dead;

static struct jnl_rule **rules; /* by subject, chained */
static size_t n_rules, n_buckets;

/* ---- entries ------------------------------------------------------------- */

size_t jnl_n(void)
{
	return n;
}

struct jnl_entry *jnl_at(size_t i)
{
	return &entries[i];
}

size_t jnl_first(void)
{
	return first;
}

size_t jnl_from(uint64_t number)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (entries[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct jnl_entry *jnl_find(uint64_t number)
{
	size_t i = jnl_from(number);

	return i < n && entries[i].number == number && !entries[i].dead ? &entries[i] : NULL;
}

static void count(const struct jnl_entry *en, int64_t sign)
{
	jnl_total.entries += sign;
	jnl_total.bytes += sign * en->len;
	jnl_counts[en->owner].entries += sign;
	jnl_counts[en->owner].bytes += sign * en->len;
}

struct jnl_entry *jnl_add(const struct jnl_entry *en)
{
	struct jnl_entry *more;

	if (n == fit) {
		more = realloc(entries, (fit ? 2 * fit : 256) * sizeof(*entries));
		if (more == NULL)
			return NULL;
		entries = more;
		fit = fit ? 2 * fit : 256;
	}
	entries[n] = *en;
	en->rule->entries++;
	count(en, 1);
	return &entries[n++];
}

void jnl_remove(struct jnl_entry *en)
{
	struct jnl_rule *r = en->rule;

	count(en, -1);
	free(en->value);
	en->value = NULL;
	en->rule = NULL;
	en->dead = true;
	n_dead++;
	while (first < n && entries[first].dead)
		first++;
	if (--r->entries == 0 && (r->gone || r->rule == CST_JOURNAL_NO_RULE))
		jnl_rule_drop(r);
}

void jnl_resize(struct jnl_entry *en, uint32_t len)
{
	count(en, -1);
	en->len = len;
	count(en, 1);
}

void jnl_pack(void)
{
	size_t to = 0;

	if (n_dead < PACK_LEAST || n_dead < n / 2)
		return;
	for (size_t i = first; i < n; i++)
		if (!entries[i].dead)
			entries[to++] = entries[i];
	n = to;
	first = n_dead = 0;
}

/* ---- rules --------------------------------------------------------------- */

static size_t bucket_of(uint64_t subject)
{
	return (subject * 0x9e3779b97f4a7c15ull >> 32) & (n_buckets - 1);
}

static bool grow(void)
{
	size_t old = n_buckets;
	struct jnl_rule **was = rules, *r, *next;

	rules = calloc(old ? 2 * old : 1024, sizeof(*rules));
	if (rules == NULL) {
		rules = was;
		return old != 0;
	}
	n_buckets = old ? 2 * old : 1024;
	for (size_t i = 0; i < old; i++)
		for (r = was[i]; r != NULL; r = next) {
			next = r->next;
			r->next = rules[bucket_of(r->subject)];
			rules[bucket_of(r->subject)] = r;
		}
	free(was);
	return true;
}

struct jnl_rule *jnl_rule(uint64_t subject, uint32_t rule, bool make)
{
	struct jnl_rule *r;

	if (n_rules == n_buckets && (!make || !grow()) && n_buckets == 0)
		return NULL;
	for (r = rules[bucket_of(subject)]; r != NULL; r = r->next)
		if (r->subject == subject && r->rule == rule)
			return r;
	r = make ? calloc(1, sizeof(*r)) : NULL;
	if (r == NULL)
		return NULL;
	r->subject = subject;
	r->rule = rule;
	r->next = rules[bucket_of(subject)];
	rules[bucket_of(subject)] = r;
	n_rules++;
	return r;
}

void jnl_rules_of(uint64_t subject, void (*fn)(struct jnl_rule *r))
{
	struct jnl_rule *r, *next;

	for (r = n_buckets != 0 ? rules[bucket_of(subject)] : NULL; r != NULL; r = next) {
		next = r->next;
		if (r->subject == subject)
			fn(r);
	}
}

void jnl_rule_drop(struct jnl_rule *r)
{
	struct jnl_rule **at = &rules[bucket_of(r->subject)];

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	n_rules--;
	free(r);
}

void jnl_clear(void)
{
	struct jnl_rule *r, *next;

	for (size_t i = 0; i < n; i++)
		free(entries[i].value);
	for (size_t i = 0; i < n_buckets; i++)
		for (r = rules[i]; r != NULL; r = next) {
			next = r->next;
			free(r);
		}
	free(entries);
	free(rules);
	entries = NULL;
	rules = NULL;
	n = fit = first = n_dead = n_rules = n_buckets = 0;
	memset(jnl_counts, 0, sizeof(jnl_counts));
	memset(&jnl_total, 0, sizeof(jnl_total));
}
