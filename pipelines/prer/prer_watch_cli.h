/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "cli/cli.h"

/* What stream.health says, as text. False, and nothing is said: nothing came yet. */
bool prer_watch_say(struct cst_cli *cli, const json_t *health);
