/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole engine in the benchmarks' process: two workers, and two ports whose
 * devices are functions of the benchmark. The network around it:
 *
 *	gNBs 192.0.2.2 .. 65 --- n3 192.0.2.1 (access) | (core) n6 198.51.100.1 --- 198.51.100.2, to
 *all
 *
 * and the UE pool 10.0.0.0/8. The tables are those of upf_bench_tables(). The
 * benchmarks' thread has the packet cache of an EAL thread and walks worker 0
 * itself, as nobody else does; worker 1 belongs to a thread of its own, which
 * rests until it is launched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "engine/worker.h"
#include "err.h"
#include "upf_bench.h"

#define UPF_BENCH_GNB(session) (2 + (session) % 64) /* last byte of its address */
#define UPF_BENCH_USER_LEN     64u                  /* bytes of a user's IP packet */
#define UPF_BENCH_UL_LEN       (14 + 44 + UPF_BENCH_USER_LEN)
#define UPF_BENCH_DL_LEN       (14 + UPF_BENCH_USER_LEN)

enum upf_bench_port { UPF_BENCH_N3, UPF_BENCH_N6, UPF_BENCH_PORTS };

/* At the first call all is brought up, for good. False: `e` says why not. */
bool upf_bench_engine(struct cst_err *e);

/* What the port does when it is polled and when packets are sent on it; from now on. */
void upf_bench_device(enum upf_bench_port port, eth_rx_burst_t rx, eth_tx_burst_t tx);

/* Worker 0 polls one port, `times` in each walk; worker 1 polls none. No worker may walk. */
bool upf_bench_poll(enum upf_bench_port port, uint16_t times);

/* A user's packet as it comes from its port, and as it has to leave by the other one; `was` is what
 * left, whose free choices (IPv4 identification, UDP source port) are taken over. The buffers have
 * room for UPF_BENCH_UL_LEN bytes. The lengths come back. */
uint32_t upf_bench_put_ul(uint8_t *p, uint32_t session);
uint32_t upf_bench_put_dl(uint8_t *p, uint32_t session);
uint32_t upf_bench_expect_ul(uint8_t *p, uint32_t session);
uint32_t upf_bench_expect_dl(uint8_t *p, uint32_t session, const uint8_t *was);
