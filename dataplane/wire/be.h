/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Big-endian loads and stores at any alignment: the wire's numbers in, host
 * numbers out. The caller has checked the bounds. Pure, any thread, BPF too.
 */
#pragma once

#include <stdint.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define CST_BE16(v) ((uint16_t)__builtin_bswap16(v))
#define CST_BE32(v) ((uint32_t)__builtin_bswap32(v))
#define CST_BE64(v) ((uint64_t)__builtin_bswap64(v))
#else
#define CST_BE16(v) ((uint16_t)(v))
#define CST_BE32(v) ((uint32_t)(v))
#define CST_BE64(v) ((uint64_t)(v))
#endif

static inline uint16_t cst_be16(const void *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, 2);
	return CST_BE16(v);
}

static inline uint32_t cst_be24(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
}

static inline uint32_t cst_be32(const void *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, 4);
	return CST_BE32(v);
}

static inline uint64_t cst_be64(const void *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, 8);
	return CST_BE64(v);
}

static inline void cst_put_be16(void *p, uint16_t v)
{
	v = CST_BE16(v);
	__builtin_memcpy(p, &v, 2);
}

static inline void cst_put_be32(void *p, uint32_t v)
{
	v = CST_BE32(v);
	__builtin_memcpy(p, &v, 4);
}

static inline void cst_put_be64(void *p, uint64_t v)
{
	v = CST_BE64(v);
	__builtin_memcpy(p, &v, 8);
}
