/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "err.h"

/* Is this a sound file of LMDB's, and a store that we know? Every page is looked at: that the tree
 * is one, keys are in order and found where one looks for them, no page is used twice or both used
 * and free, counts agree, each value has its checksum. Reads the file through a mapping: to be
 * called in a process that may die of it. */
int store_check_pages(int fd, struct cst_err *e);
