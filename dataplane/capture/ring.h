/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captured packets on their way from one worker to the thread that writes them:
 * records of any length in a ring of bytes. One writer, one reader, no lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

#define CST_CAPTURE_RING (4u << 20) /* bytes, a power of two */

struct cst_capture_record {
	uint32_t size; /* of it all, a multiple of 8; 0: the rest of the ring is not used */
	uint32_t cap;  /* bytes in data */
	uint32_t len;  /* bytes of the packet */
	uint16_t port; /* by which it came in or leaves */
	uint16_t drop; /* number of the reason; 0: none */
	uint64_t tsc;
	uint8_t dir; /* enum cst_capture_dir */
	bool raw;    /* data begins with the IP header */
	uint8_t pad[6];
	uint8_t data[];
};

struct cst_capture_ring {
	/* the worker's */
	uint64_t next; /* bytes written; free-running like the other two */
	uint64_t seen; /* tail, as last looked at */
	uint64_t lost; /* packets that did not fit */
	uint16_t n_sent;
	struct {
		uint16_t at;
		uint64_t next;                     /* before it */
	} sent[256];                               /* of the burst that goes out */
	_Atomic uint64_t head __rte_cache_aligned; /* bytes that may be read */
	_Atomic uint64_t tail __rte_cache_aligned; /* the reader's: bytes read */
	uint8_t bytes[CST_CAPTURE_RING] __rte_cache_aligned;
};

/* The next record, NULL: nothing more now. Reader. */
const struct cst_capture_record *cst_capture_peek(struct cst_capture_ring *r);
/* Done with what cst_capture_peek() gave. Reader. */
void cst_capture_pop(struct cst_capture_ring *r);
/* Room for a record of `cap` bytes, NULL: none. Not seen by the reader before cst_capture_flush().
 * Writer. */
struct cst_capture_record *cst_capture_push(struct cst_capture_ring *r, uint32_t cap);
