/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Masks of identifications: what is asked, as a key under a mask, and whether
 * two of them can meet in one frame. Control thread.
 */
#pragma once

#include "prer_ident_int.h"

/* Fill k->shape, vlan and body. The mask is then held once; false and *why when it cannot be. */
bool ident_shape_of(const struct prer_ident_conf *c, struct ident_key *k, enum prer_ident_why *why);
void ident_shape_hold(uint16_t shape);
void ident_shape_put(uint16_t shape); /* the last one frees it after the grace period */
void ident_shapes_forget(void);

/* Is there a frame that both match? */
bool ident_overlap(const struct ident_key *a, const struct ident_key *b);
