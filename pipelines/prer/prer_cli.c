/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_api.h"
