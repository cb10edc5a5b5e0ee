/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire headers' parsers and checksums, on packets that lie apart in memory as in a mempool. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "csum.h"
#include "flow.h"
#include "gtpu.h"
#include "hash.h"
#include "ip.h"
#include "udp.h"

#define SLOTS 512u
#define SLOT  2048u

static uint8_t *slots(void)
{
	uint8_t *mem = aligned_alloc(64, SLOTS * SLOT);

	if (mem)
		memset(mem, 0, SLOTS * SLOT);
	return mem;
}

/* An inner UDP packet of `len` bytes at `p`. */
static void put_inner(uint8_t *p, uint32_t n, uint16_t len)
{
	uint8_t src[4] = {10, 45, (uint8_t)(n >> 8), (uint8_t)n};
	uint8_t dst[4] = {198, 51, 100, 2};

	cst_ip4_put(p, src, dst, CST_PROTO_UDP, len, 0, 64, (uint16_t)n, 1);
	cst_udp_put(p + 20, (uint16_t)(1024 + n), 53, (uint16_t)(len - 20));
}

enum form { GTPU_PLAIN, GTPU_PSC, GTPU_SEQ };

static void parse_gtpu(struct cst_bench *b, enum form form)
{
	uint32_t burst = (uint32_t)cst_bench_arg(b);
	uint8_t *mem = slots();
	uint64_t sum = 0;
	uint32_t at = 0;

	if (!mem) {
		cst_bench_fail(b, "no memory");
		return;
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		uint8_t *p = mem + i * SLOT;

		if (form == GTPU_PSC)
			p += cst_gtpu_put_psc(p, CST_GTPU_GPDU, i, 84, cst_gtpu_psc_ul(9));
		else if (form == GTPU_SEQ) {
			p += cst_gtpu_put_seq(p, CST_GTPU_GPDU, (uint16_t)i, 84);
		} else
			p += cst_gtpu_put(p, CST_GTPU_GPDU, i, 84);
		put_inner(p, i, 84);
	}
	while (cst_bench_run(b, burst)) {
		for (uint32_t i = 0; i < burst; i++) {
			struct cst_gtpu g;

			if (cst_gtpu_parse(mem + at * SLOT, 100, &g)) {
				cst_bench_fail(b, "a good header was refused");
				break;
			}
			sum += g.teid + g.hdr_len + g.qfi;
			at = (at + 1) % SLOTS;
		}
		cst_bench_keep(sum);
	}
	free(mem);
}

static void gtpu_plain(struct cst_bench *b)
{
	parse_gtpu(b, GTPU_PLAIN);
}
CST_BENCH(gtpu_plain, "wire/gtpu_parse/plain", 1, 64);

static void gtpu_psc(struct cst_bench *b)
{
	parse_gtpu(b, GTPU_PSC);
}
CST_BENCH(gtpu_psc, "wire/gtpu_parse/psc", 1, 64);

static void gtpu_seq(struct cst_bench *b)
{
	parse_gtpu(b, GTPU_SEQ);
}
CST_BENCH(gtpu_seq, "wire/gtpu_parse/seq", 1, 64);

static void gtpu_put(struct cst_bench *b)
{
	uint32_t burst = (uint32_t)cst_bench_arg(b);
	uint8_t buf[64];

	while (cst_bench_run(b, burst)) {
		for (uint32_t i = 0; i < burst; i++) {
			cst_gtpu_put_psc(buf, CST_GTPU_GPDU, i, 84, cst_gtpu_psc_dl(9, 0));
			cst_bench_touch(buf);
		}
	}
}
CST_BENCH(gtpu_put, "wire/gtpu_put/psc", 64);

static void flow(struct cst_bench *b)
{
	uint32_t burst = (uint32_t)cst_bench_arg(b);
	uint8_t *mem = slots();
	uint64_t sum = 0;
	uint32_t at = 0;

	if (!mem) {
		cst_bench_fail(b, "no memory");
		return;
	}
	for (uint32_t i = 0; i < SLOTS; i++)
		put_inner(mem + i * SLOT, i, 84);
	while (cst_bench_run(b, burst)) {
		for (uint32_t i = 0; i < burst; i++) {
			struct cst_flow f;

			if (cst_flow_parse(mem + at * SLOT, 84, &f)) {
				cst_bench_fail(b, "a good packet was refused");
				break;
			}
			sum += cst_hash_flow(&f);
			at = (at + 1) % SLOTS;
		}
		cst_bench_keep(sum);
	}
	free(mem);
}
CST_BENCH(flow, "wire/flow_parse_and_hash/ipv4_udp", 1, 64);

static void ttl(struct cst_bench *b)
{
	uint32_t burst = (uint32_t)cst_bench_arg(b);
	uint8_t p[64];

	put_inner(p, 1, 64);
	while (cst_bench_run(b, burst)) {
		for (uint32_t i = 0; i < burst; i++) {
			cst_ip4_ttl_dec(p);
			cst_bench_touch(p);
		}
	}
	if (!cst_ip4_csum_ok(p))
		cst_bench_fail(b, "checksum is off");
}
CST_BENCH(ttl, "wire/ip4_ttl_dec", 64);

/* argument: bytes summed */
static void csum(struct cst_bench *b)
{
	uint32_t len = (uint32_t)cst_bench_arg(b);
	uint8_t p[2048];

	memset(p, 0xa5, sizeof(p));
	while (cst_bench_run(b, 1)) {
		cst_bench_touch(p);
		cst_bench_keep(cst_csum_fold(cst_csum_add(0, p, len)));
	}
}
CST_BENCH(csum, "wire/csum_bytes", 20, 84, 576, 1500);
