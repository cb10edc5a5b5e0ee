/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena sections of streams and who hands out what in them. Control thread
 * only; workers see prer_tables.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "module.h"
#include "prer_stream.h"
#include "table/index.h"
#include "table/lines.h"

#define PRER_PATH_NUMBERS     8192 /* number 0 is none: it takes no packets */
#define PRER_RECOVERY_NUMBERS 4096

/* Where a stream's history lies and whose it is, for the coastd after this one. */
struct prer_place_of {
	uint64_t name;       /* hash of its name; 0: the number is free */
	uint32_t ring;       /* as in its record */
	uint32_t ring_words; /* all of them, 0: none */
	uint32_t individual; /* first of PRER_MAX_PATHS, 0: none */
	uint32_t reserved;
	uint64_t path[PRER_MAX_PATHS]; /* hash of the path's name, by its place in the record */
};

extern struct prer_place_of *prer_places; /* [streams] */

struct prer_books {
	struct cst_index *streams, *paths, *recoveries;
	struct cst_lines *lines;      /* of prer_tables.lines */
	struct cst_lines *rings;      /* 8 words each */
	struct cst_lines *individual; /* one struct prer_recovery each */
};
extern struct prer_books prer_books; /* zero where there are no tables: coastd --check */

static inline bool prer_has_tables(void)
{
	return prer_tables.slot != 0;
}

/* Nothing came of this stream. No worker knows it. */
void prer_tables_begin(uint32_t stream);
/* What an earlier coastd left of the stream with this number and name goes back where it belongs
 * now. Before workers run; nothing happens when there was none. */
void prer_tables_recall(uint32_t stream, uint64_t name, const struct prer_stream *now);
/* All streams of the start are there: what else was left is forgotten. */
void prer_tables_settle(void);
/* Does this number have a state of an earlier coastd's that belongs to this name? */
bool prer_tables_knows(uint32_t stream, uint64_t name);

extern struct cst_module prer_tables_module;
