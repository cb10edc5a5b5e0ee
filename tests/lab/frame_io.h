/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole frames of an interface, also one in another network namespace. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define FRAME_MAX 9728

/* "IF" or "NAMESPACE/IF" (of `ip netns`): a packet socket, all frames that come in. Ends the
 * program with a message when it cannot be had. */
int frame_open(const char *where);

/* One frame with its VLAN tag, which the kernel has taken out, put back; its length, 0: none now.
 * `buf` has FRAME_MAX octets. `when`, if not NULL: when it came, ns of CLOCK_REALTIME, after
 * frame_times(). */
size_t frame_read(int fd, uint8_t *buf, uint64_t *when);

/* From now on the kernel notes when something comes, on any socket. */
void frame_times(int fd);

void frame_write(int fd, const uint8_t *buf, size_t len);

/* Frames that the kernel threw away since the last call: the reader was too slow. */
uint64_t frame_overruns(int fd);

/* Go to a network namespace of `ip netns`, or end the program. */
void netns_enter(const char *name);
/* Back to where the program started. */
void netns_leave(void);
