/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which XDP program an interface carries. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* False: none. `name` gets the program's name, "" when the kernel does not tell. */
bool cst_xdp_prog(unsigned ifindex, uint32_t *id, char name[16]);
