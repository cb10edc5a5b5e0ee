/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is the control thread alive? It gives a sign with each tick, and a worker looks
 * for it now and then. Workers need nothing from it: they count its silence and go
 * on.
 */
#pragma once

#include <stdint.h>

/* A sign of life. Control thread. */
void cst_alive_sign(uint64_t tsc);
/* Look whether there was one in the last `silent` cycles. Worker 0. */
void cst_alive_look(uint64_t tsc, uint64_t silent);

/* Silences that the worker saw, since the process began. Any thread. */
uint64_t cst_alive_stalls(void);
