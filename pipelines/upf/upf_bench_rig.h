/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rig of all benchmarks (bench_rig.h) with gNBs at 192.0.2.2 .. 65, and the
 * UE pool 10.0.0.0/8 in front of its core. The tables are those of
 * upf_bench_tables().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench_rig.h"
#include "err.h"
#include "upf_bench.h"

#define UPF_BENCH_GNB(session) (2 + (session) % 64) /* last byte of its address */
#define UPF_BENCH_USER_LEN     64u                  /* bytes of a user's IP packet */
#define UPF_BENCH_UL_LEN       (14 + 44 + UPF_BENCH_USER_LEN)
#define UPF_BENCH_DL_LEN       (14 + UPF_BENCH_USER_LEN)

/* cst_bench_engine() and the pool. False: `e` says why not. */
bool upf_bench_engine(struct cst_err *e);

/* A user's packet as it comes from its port, and as it has to leave by the other one; `was` is what
 * left, whose free choices (IPv4 identification, UDP source port) are taken over. The buffers have
 * room for UPF_BENCH_UL_LEN bytes. The lengths come back. */
uint32_t upf_bench_put_ul(uint8_t *p, uint32_t session);
uint32_t upf_bench_put_dl(uint8_t *p, uint32_t session);
uint32_t upf_bench_expect_ul(uint8_t *p, uint32_t session);
uint32_t upf_bench_expect_dl(uint8_t *p, uint32_t session, const uint8_t *was);
