/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_lost.h"

#include "engine/engine.h"

void upf_lost_search(struct upf_lost *l, uint32_t last, unsigned most,
		     bool (*look)(uint32_t number))
{
	uint64_t seen = cst_engine_notices_lost();

	if (seen != l->seen)
		l->number = last ? 1 : 0;
	l->seen = seen;
	for (unsigned i = 0; l->number != 0 && i < most && look(l->number); i++)
		l->number = l->number < last ? l->number + 1 : 0;
}
