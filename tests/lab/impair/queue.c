/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

#define MAX_QUEUED (1u << 17)

static struct queued heap[MAX_QUEUED + 1]; /* [1] is the first; children of i: 2i, 2i + 1 */
static size_t n;
static uint64_t orders;

static bool before(const struct queued *a, const struct queued *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

bool queue_put(uint64_t due, uint16_t to, const uint8_t *frame, size_t len)
{
	struct queued q = {.due = due, .order = orders++, .len = (uint32_t)len, .to = to};
	size_t i;

	if (n == MAX_QUEUED || (q.frame = malloc(len)) == NULL)
		return false;
	memcpy(q.frame, frame, len);
	for (i = ++n; i > 1 && before(&q, &heap[i / 2]); i /= 2)
		heap[i] = heap[i / 2];
	heap[i] = q;
	return true;
}

const struct queued *queue_first(void)
{
	return n > 0 ? &heap[1] : NULL;
}

void queue_drop_first(void)
{
	struct queued last = heap[n];
	size_t i = 1;

	free(heap[1].frame);
	n--;
	for (size_t child = 2; child <= n; i = child, child *= 2) {
		if (child < n && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &last))
			break;
		heap[i] = heap[child];
	}
	heap[i] = last;
}
