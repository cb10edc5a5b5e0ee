/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share among themselves. Control thread. */
#pragma once

#include "trace/trace.h"

extern struct cst_trace_log *trace_logs[CST_MAX_WORKERS + 1];

/* Logs come with the first trace or capture and stay. */
int trace_logs_make(struct cst_err *e);
/* All that was recorded is forgotten, and packets are numbered from 1 again. */
void trace_logs_clear(void);
void trace_logs_free(void);
/* Packets that have got a number since. */
uint32_t trace_numbered(void);
