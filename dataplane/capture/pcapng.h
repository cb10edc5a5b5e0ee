/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in this machine's byte
 * order. Pure: into memory that the caller gives, `cap` bytes of it. Each
 * returns the block's length, a multiple of 4, or 0 when it does not fit.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CST_PCAPNG_MAGIC    0x0a0d0d0a /* the first word of every file */
#define CST_PCAPNG_ETHERNET 1          /* LINKTYPE_ETHERNET */
#define CST_PCAPNG_RAW      101        /* LINKTYPE_RAW: begins with the IP header */

#define CST_PCAPNG_INBOUND  1 /* epb_flags, bits 0-1 */
#define CST_PCAPNG_OUTBOUND 2

struct cst_pcapng_packet {
	uint32_t iface; /* number in the order of their blocks */
	uint64_t ns;    /* since 1970-01-01 UTC */
	uint32_t cap, len;
	uint32_t direction;  /* 0: neither */
	const char *comment; /* NULL: none */
	const uint8_t *data;
};

size_t cst_pcapng_section(uint8_t *out, size_t cap, const char *program);
/* Timestamps are in nanoseconds. */
size_t cst_pcapng_interface(uint8_t *out, size_t cap, uint16_t linktype, uint32_t snaplen,
			    const char *name);
size_t cst_pcapng_packet(uint8_t *out, size_t cap, const struct cst_pcapng_packet *p);
/* Of one interface, at the end: packets written, packets lost. */
size_t cst_pcapng_statistics(uint8_t *out, size_t cap, uint32_t iface, uint64_t ns,
			     uint64_t packets, uint64_t lost);
