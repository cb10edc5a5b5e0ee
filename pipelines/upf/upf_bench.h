/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What benchmarks of the UPF's nodes share: memory in huge pages, packets, the
 * measured loop. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench_rig.h"
#include "upf_tables.h"

#define UPF_BENCH_QFI 9
enum {
	UPF_BENCH_ACCESS = CST_BENCH_ACCESS,
	UPF_BENCH_CORE = CST_BENCH_CORE
}; /* network instances */

/* Zeroed, in huge pages where there are, never given back; NULL: there is none. */
void *upf_bench_memory(size_t size);

/* Of session 1 .. */
uint32_t upf_bench_teid(uint32_t session);

/* 0 .. n-1, at random. */
uint32_t upf_bench_some(uint32_t n);

/* Tables with room for a million plain sessions, so many of which are there: peers and pools of
 * others may be taken from them. NULL: no memory. */
const struct upf_tables *upf_bench_tables(uint32_t sessions);

/* What a packet is from and to, by its user. */
struct upf_bench_to {
	uint32_t session;
	uint32_t server; /* IPv4, host order */
	uint16_t port;   /* the server's */
};
typedef struct upf_bench_to (*upf_bench_pick_t)(uint32_t arg);

/* Bursts as large as the benchmark's argument through upf_ul or upf_dl with these tables, pick(arg)
 * telling each packet. */
void upf_bench_run(struct cst_bench *b, bool ul, const struct upf_tables *tables,
		   upf_bench_pick_t pick, uint32_t arg);
