/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_flow_room.h"

#include <errno.h>
#include <string.h>

#include "table/arena.h"
#include "table/lines.h"

#define LINE_WORDS 8 /* rings are allocated by cache lines */

static struct cst_section params = {.name = "prer.flow_params",
				    .elem_size = sizeof(struct prer_params),
				    .count = PRER_FLOW_PARAMS};
static struct cst_section rings = {.name = "prer.flow_rings", .elem_size = 64};
static uint32_t users[PRER_FLOW_PARAMS]; /* of params */
static struct cst_lines *lines;          /* of rings */

/* The number of the same ones that others have, else a free one; 0: there is none. */
static uint16_t find_params(const struct prer_params *p)
{
	uint16_t unused = 0;

	for (uint16_t i = PRER_FLOW_PARAMS - 1; i > 0; i--) {
		if (users[i] == 0)
			unused = i;
		else if (memcmp(&prer_flows.params[i], p, sizeof(*p)) == 0)
			return i;
	}
	return unused;
}

uint16_t prer_room_take_params(const struct prer_params *p, struct cst_err *e)
{
	uint16_t i = find_params(p);

	if (i == 0) {
		cst_err(e, -ENOSPC, "recovery", "flows have %d different recoveries already",
			PRER_FLOW_PARAMS - 1);
		return 0;
	}
	if (users[i]++ == 0)
		prer_flows.params[i] = *p;
	return i;
}

static uint32_t ring_lines(const struct prer_params *p)
{
	uint32_t words = p->mask < 64 ? 0 : (p->mask + 1) / 64;

	return (words + LINE_WORDS - 1) / LINE_WORDS;
}

static bool take_ring(const struct prer_params *p, uint32_t *ring, struct cst_err *e)
{
	uint32_t n = ring_lines(p), line = 0;

	if (n > 0) {
		line = cst_lines_alloc(lines, n);
		if (line == 0) {
			cst_err(e, -ENOSPC, "recovery",
				"no room for its history: shorten it, or raise "
				"system.max_streams");
			return false;
		}
		memset(cst_line(rings.base, line), 0, (size_t)n * 64);
	}
	*ring = line * LINE_WORDS;
	return true;
}

bool prer_room_take(const struct prer_params *p, uint64_t *how, struct cst_err *e)
{
	uint16_t params_at = prer_room_take_params(p, e);
	uint32_t ring;

	if (params_at == 0)
		return false;
	if (!take_ring(p, &ring, e)) {
		users[params_at]--;
		return false;
	}
	*how = prer_how(0, params_at, ring);
	return true;
}

void prer_room_give_back(uint64_t how, bool ring)
{
	uint16_t params_at = prer_how_params(how);
	uint32_t n = ring_lines(&prer_flows.params[params_at]);

	if (ring && n > 0)
		cst_lines_free(lines, prer_how_ring(how) / LINE_WORDS, n);
	users[params_at]--;
}

/* ---- an earlier coastd's ------------------------------------------------------------------ */

bool prer_room_has(uint64_t how)
{
	uint16_t at = prer_how_params(how);
	uint32_t ring = prer_how_ring(how);
	const struct prer_params *p = &prer_flows.params[at % PRER_FLOW_PARAMS];

	return at > 0 && at < PRER_FLOW_PARAMS && p->history >= 1 && p->history <= p->mask + 1 &&
	       p->mask < 8192 && (p->mask & (p->mask + 1)) == 0 &&
	       (p->mask < 64 ? ring == 0
			     : ring % LINE_WORDS == 0 &&
				       ring / LINE_WORDS + ring_lines(p) <= rings.count);
}

bool prer_room_take_again(uint64_t how)
{
	uint16_t at = prer_how_params(how);
	uint32_t n = ring_lines(&prer_flows.params[at]);

	if (n > 0 && !cst_lines_take(lines, prer_how_ring(how) / LINE_WORDS, n))
		return false;
	users[at]++;
	return true;
}

/* ---- start --------------------------------------------------------------------------------- */

void prer_room_reserve(uint64_t flows)
{
	/* a history of 64 needs no ring; one of 1024 two lines */
	rings.count = flows / 2 + 256;
	cst_arena_add(&params);
	cst_arena_add(&rings);
}

int prer_room_start(struct cst_err *e)
{
	prer_flows.params = params.base;
	prer_flows.rings = rings.base;
	lines = cst_lines_new(rings.base, (uint32_t)rings.count - 1);
	return lines ? 0
		     : cst_err(e, -ENOMEM, "system.max_streams",
			       "no memory for the histories of so many flows");
}

void prer_room_stop(void)
{
	cst_lines_free_all(lines);
	lines = NULL;
	memset(users, 0, sizeof(users));
}
