/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#define CST_BOOT_SIZE 40 /* with the NUL */

/* A text that is another one after each start of the machine; "": it cannot be told. Control
 * thread. */
const char *cst_boot_id(void);
