/* SPDX-License-Identifier: BSD-3-Clause */
/* The sieve of a direction with many PDRs (upf_sieve.h). Pure; part of upf_compile(). */
#pragma once

#include "upf_core.h"

/* To be called when the run has its PDRs and filters: writes the direction's table behind line `at`
 * and its place into the run's first line, if it has as many PDRs as pay for it and fields that
 * part them, and the run ends at line `most` at the latest. Returns how many lines there are then.
 */
unsigned upf_sieve_compile(char (*line)[64], enum upf_dir dir, unsigned at, unsigned most);
