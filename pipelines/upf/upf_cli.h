/* SPDX-License-Identifier: BSD-3-Clause */
/* What the UPF's commands of coastctl share. */
#pragma once

#include <jansson.h>

/* One session, as an operator reads it, to stdout. */
void upf_cli_session(const json_t *session);
