/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses of kernel interfaces by rtnetlink.
 */
#pragma once

#include "addr.h"

/* Add these addresses to the kernel interface `dev`. 0, or -1 with errno. */
int cst_netlink_addrs(const char *dev, const struct cst_prefix *addrs, unsigned n);
