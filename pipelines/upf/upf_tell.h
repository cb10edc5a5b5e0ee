/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the control thread to the worker that owns a session, through its inbox:
 * after what it was handed before, before what comes after. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Look at this queue (upf_buffer.h), for it has changed; 0: go on with what was begun. False: not
 * now, ask again. */
bool upf_tell_news(uint16_t worker, uint32_t queue);

/* Notices to the control thread were lost: say again who waits in this queue. False as above. */
bool upf_tell_lost(uint16_t worker, uint32_t queue);

/* Send a message of coast's own: `len` bytes from the IP header on, in network instance `vrf`. The
 * worker gives it its IPv4 identification. False as above. */
bool upf_tell_signal(uint16_t worker, uint16_t vrf, const uint8_t *ip, uint16_t len);
