/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_stream.h"

struct prer_tables prer_tables;
