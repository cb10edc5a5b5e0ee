/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile_policy.h"

#include <string.h>

#define MAX_ITEMS        (2 * UPF_POLICY_QERS + UPF_POLICY_URRS)
#define MAX_POLICY_LINES UPF_POLICY_LINES(MAX_ITEMS)

/* A run in the making: what stands in it already, for those that share it. */
struct run {
	char (*line)[64];
	unsigned n; /* lines */
	unsigned n_qers, n_policies;
	uint16_t qers[UPF_MAX_QERS];
	struct {
		uint16_t line;
		uint8_t lines;
	} policies[UPF_MAX_PDRS];
	uint64_t tsc_hz;
};

/* Room for n more lines, zeroed; 0: there is none. */
static unsigned more_lines(struct run *run, unsigned n)
{
	unsigned at = run->n;

	if (at + n > UPF_MAX_RUN)
		return 0;
	memset(run->line[at], 0, (size_t)n * 64);
	run->n += n;
	return at;
}

static unsigned put_qer(struct run *run, const struct upf_qer_obj *q, uint32_t meter)
{
	unsigned at;

	for (unsigned i = 0; i < run->n_qers; i++)
		if (((const struct upf_qer *)run->line[run->qers[i]])->id == q->id)
			return run->qers[i];
	at = more_lines(run, 1);
	if (at == 0)
		return 0;
	upf_qer_set((struct upf_qer *)run->line[at], q, meter, run->tsc_hz);
	run->qers[run->n_qers++] = (uint16_t)at;
	return at;
}

static unsigned put_pdrs(struct run *run, const struct upf_pdr *pdrs, unsigned n)
{
	unsigned at = more_lines(run, n);

	if (at != 0)
		memcpy(run->line[at], pdrs, n * sizeof(*pdrs));
	return at;
}

/* Where copies go, then the second tunnel. */
static unsigned put_copies(struct run *run, const struct upf_link *l)
{
	struct upf_pdr all[UPF_MAX_COPIES + 1];
	unsigned n = l->n_copies;

	memcpy(all, l->copies, n * sizeof(*all));
	if (l->has_second)
		all[n++] = l->second;
	return put_pdrs(run, all, n);
}

/* The policy's lines, the same ones for all that ask the same. */
static unsigned share_policy(struct run *run, const void *policy, unsigned lines)
{
	unsigned at;

	for (unsigned i = 0; i < run->n_policies; i++) {
		at = run->policies[i].line;
		if (run->policies[i].lines == lines &&
		    memcmp(run->line[at], policy, (size_t)lines * 64) == 0)
			return at;
	}
	at = more_lines(run, lines);
	if (at == 0)
		return 0;
	memcpy(run->line[at], policy, (size_t)lines * 64);
	run->policies[run->n_policies].line = (uint16_t)at;
	run->policies[run->n_policies++].lines = (uint8_t)lines;
	return at;
}

static bool asks_nothing(const struct upf_link *l)
{
	return l->n_qers == 0 && l->n_urrs == 0 && l->n_copies == 0 && !l->has_spent &&
	       !l->has_second && l->policy.flags == 0 && l->policy.queue == 0 &&
	       l->policy.monitor == 0;
}

/* Line of the policy of one PDR; 0: no room. */
static unsigned put_policy(struct run *run, const struct upf_link *l)
{
	union {
		struct upf_policy p;
		uint32_t word[16 * MAX_POLICY_LINES];
	} u = {.p = l->policy};
	/* items run on over the lines that follow */
	uint32_t *item = &u.word[offsetof(struct upf_policy, item) / 4];

	u.p.n_qers = l->n_qers;
	u.p.n_urrs = l->n_urrs;
	u.p.n_copies = l->n_copies;
	for (unsigned i = 0; i < l->n_qers; i++) {
		unsigned at = put_qer(run, l->qers[i], l->meters[i]);

		if (at == 0)
			return 0;
		item[i] = at;
		item[l->n_qers + i] = l->meters[i];
	}
	item += 2 * l->n_qers;
	for (unsigned i = 0; i < l->n_urrs; i++)
		*item++ = l->usages[i];
	if (l->n_copies || l->has_second) {
		u.p.second = l->has_second;
		u.p.copies = (uint16_t)put_copies(run, l);
		if (u.p.copies == 0)
			return 0;
	}
	if (l->has_spent) {
		u.p.spent = (uint16_t)put_pdrs(run, &l->spent, 1);
		if (u.p.spent == 0)
			return 0;
	}
	return share_policy(run, &u, UPF_POLICY_LINES(2 * l->n_qers + l->n_urrs));
}

/* The record for spent quotas is under the same policy: it says what is left to pass. */
static void tie_spent(char (*line)[64], uint16_t policy)
{
	const struct upf_policy *p = (const struct upf_policy *)line[policy];
	struct upf_pdr *spent = (struct upf_pdr *)line[p->spent];

	if (p->spent == 0)
		return;
	spent->policy = policy;
	spent->flags |= UPF_PDR_POLICY;
}

unsigned upf_compile_policies(const struct upf_link *links, const uint16_t *by, unsigned n,
			      const struct upf_identity *id, char (*line)[64], unsigned at)
{
	struct run run = {.line = line, .n = at, .tsc_hz = id->tsc_hz};

	for (unsigned i = 0; i < n; i++) {
		struct upf_pdr *rec = (struct upf_pdr *)line[1 + i];

		if (asks_nothing(&links[by[i]]))
			continue;
		rec->policy = (uint16_t)put_policy(&run, &links[by[i]]);
		if (rec->policy == 0)
			return 0;
		rec->flags |= UPF_PDR_POLICY;
		tie_spent(line, rec->policy);
	}
	return run.n;
}
