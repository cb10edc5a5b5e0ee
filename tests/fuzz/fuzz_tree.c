/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of plain JSON: what it takes, jansson reads alike. */
#include <stdlib.h>

#include "object/tree_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool taken;

	if (!tree_agrees((const char *)data, size, &taken))
		abort();
	return 0;
}
