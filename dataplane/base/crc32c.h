/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC32C (Castagnoli, as iSCSI and ext4 have it): tells damage from data. Any
 * thread. Uses the processor's instruction where there is one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of n bytes that follow what `crc` is of; 0: they are the first. */
uint32_t cst_crc32c(uint32_t crc, const void *p, size_t n);
/* The same without the processor's help; for the test of both. */
uint32_t cst_crc32c_plain(uint32_t crc, const void *p, size_t n);
