/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mutable parts of sessions beside their PDR counters: a meter for each
 * QER with a limit, usage for each URR, a downlink buffer, and so on. A part
 * belongs to (kind, rule id) of a session and keeps its number, and what it has
 * counted, for as long as the session has that rule; then it rests until no
 * worker can hold it. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum upf_part {
	UPF_PART_METER,   /* struct upf_meter; rule: QER id */
	UPF_PART_USAGE,   /* struct upf_usage and struct upf_limit; rule: URR id */
	UPF_PART_QUEUE,   /* downlink buffer; rule: 0, one for the session */
	UPF_PART_MONITOR, /* QoS monitoring */
	UPF_PART_FRAMED,  /* a framed route's slot */
	UPF_PART_HELD,    /* a FAR that is held after an Error Indication; rule: FAR id */
	UPF_PART_FLOW,    /* numbers of redundant transmission; rule: upf_plan_redundant.c */
	UPF_PARTS
};

struct upf_held_part {
	uint32_t rule, number;
	uint8_t kind;
	uint8_t fresh : 1; /* taken in the running transaction */
	uint8_t used : 1;  /* by the running plan */
	uint8_t gone : 1;  /* not taken over by the book that follows */
};

struct upf_session;

/* What is particular about a kind; each may be NULL. */
struct upf_part_kind {
	/* A number is taken for a session: make what it stands for as new. May run for a plan that
	 * is undone. */
	void (*begin)(uint32_t number);
	/* No worker can hold it any more. Calls upf_part_free() now or later; NULL: now. */
	void (*end)(uint32_t number);
	/* No worker has ever had it: the plan it was taken for is undone, or did not need it. */
	void (*undo)(uint32_t number);
};
void upf_part_define(enum upf_part kind, const struct upf_part_kind *k);

/* How many of each there can be; before any session is made. -ENOMEM. */
int upf_parts_open(const uint32_t count[UPF_PARTS], struct cst_err *e);
void upf_parts_close(void);
uint32_t upf_parts_used(enum upf_part kind);
uint32_t upf_parts_count(enum upf_part kind);

uint32_t upf_part_alloc(enum upf_part kind); /* 0: none left, after waiting for what rests */
/* The one that it had in an earlier life of coastd, and all that it has counted; false: not free.
 */
bool upf_part_claim(enum upf_part kind, uint32_t number);
void upf_part_end(enum upf_part kind, uint32_t number);
void upf_part_free(enum upf_part kind, uint32_t number);
/* One that was taken in this transaction. */
void upf_part_give_back(enum upf_part kind, uint32_t number);

/* Of a kept session; NULL: has none. */
const struct upf_held_part *upf_part_of(const struct upf_session *s, enum upf_part kind,
					uint32_t rule);
