/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who takes whose frames, and what slices offer each other without knowing each
 * other.
 */
#include <assert.h>

#include "net/frames.h"
#include "net/redundancy.h"

_Atomic uint8_t cst_frames_of[CST_MAX_PORTS];
const uint8_t *cst_frames_edges[CST_MAX_FRAME_TAKERS];

static uint8_t n_takers;
static const struct cst_frame_tunnels *tunnels;
static const struct cst_redundancy *redundancy;

uint8_t cst_frames_register(const uint8_t *classify_edge)
{
	assert(n_takers + 1 < CST_MAX_FRAME_TAKERS);
	cst_frames_edges[++n_takers] = classify_edge;
	return n_takers;
}

void cst_frames_take(uint16_t port, uint8_t taker)
{
	atomic_store_explicit(&cst_frames_of[port % CST_MAX_PORTS], taker, memory_order_release);
}

uint8_t cst_frames_taker(uint16_t port)
{
	return atomic_load_explicit(&cst_frames_of[port % CST_MAX_PORTS], memory_order_acquire);
}

void cst_frame_tunnels_offer(const struct cst_frame_tunnels *t)
{
	tunnels = t;
}

const struct cst_frame_tunnels *cst_frame_tunnels(void)
{
	return tunnels;
}

void cst_redundancy_offer(const struct cst_redundancy *r)
{
	redundancy = r;
}

const struct cst_redundancy *cst_redundancy(void)
{
	return redundancy;
}
