/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines to stderr, or to the systemd journal's format when started by it.
 * Never from a node: the packet path counts, it does not talk (law 6).
 */
#pragma once

#include <stdbool.h>

enum cst_log_level { CST_LOG_ERR, CST_LOG_WARN, CST_LOG_NOTICE, CST_LOG_INFO, CST_LOG_DEBUG };

void cst_log_set_level(enum cst_log_level level);
bool cst_log_on(enum cst_log_level level); /* would a line of this level be seen? */
void cst_log(enum cst_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LOG_ERR(...)    cst_log(CST_LOG_ERR, __VA_ARGS__)
#define LOG_WARN(...)   cst_log(CST_LOG_WARN, __VA_ARGS__)
#define LOG_NOTICE(...) cst_log(CST_LOG_NOTICE, __VA_ARGS__)
#define LOG_INFO(...)   cst_log(CST_LOG_INFO, __VA_ARGS__)
#define LOG_DEBUG(...)  cst_log(CST_LOG_DEBUG, __VA_ARGS__)
