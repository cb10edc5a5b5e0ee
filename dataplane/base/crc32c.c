/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

#define POLY 0x82f63b78u /* bits in reverse order */

static uint32_t table[8][256]; /* [k][b]: of byte b with k zero bytes behind it */
static bool instruction;       /* the processor has one */

/* before all constructors that may want a checksum */
static void __attribute__((constructor(101))) prepare(void)
{
#ifdef __x86_64__
	__builtin_cpu_init();
	instruction = __builtin_cpu_supports("sse4.2");
#endif
	for (unsigned b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLY : 0);
		table[0][b] = crc;
	}
	for (unsigned k = 1; k < 8; k++)
		for (unsigned b = 0; b < 256; b++)
			table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
}

static uint32_t add_byte(uint32_t crc, uint8_t b)
{
	return crc >> 8 ^ table[0][(crc ^ b) & 0xff];
}

uint32_t cst_crc32c_plain(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	for (; n >= 8; n -= 8, b += 8) {
		crc ^= b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
		      table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24] ^ table[3][b[4]] ^
		      table[2][b[5]] ^ table[1][b[6]] ^ table[0][b[7]];
	}
	for (; n > 0; n--)
		crc = add_byte(crc, *b++);
	return ~crc;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t first, const void *p,
								 size_t n)
{
	const uint8_t *b = p;
	uint64_t crc = ~first;

	for (; n >= 8; n -= 8, b += 8) {
		uint64_t v;

		memcpy(&v, b, sizeof(v));
		crc = __builtin_ia32_crc32di(crc, v);
	}
	for (; n > 0; n--)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *b++);
	return ~(uint32_t)crc;
}

#else

static uint32_t by_instruction(uint32_t first, const void *p, size_t n)
{
	return cst_crc32c_plain(first, p, n);
}

#endif

uint32_t cst_crc32c(uint32_t crc, const void *p, size_t n)
{
	return instruction ? by_instruction(crc, p, n) : cst_crc32c_plain(crc, p, n);
}
