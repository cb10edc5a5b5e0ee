/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: packets that come in, go out or are dropped, copied by workers into
 * rings and written to a pcapng file by a thread that lives as long as the
 * capture. One capture at a time. Workers never wait: what does not fit is lost
 * and counted.
 *
 * Control thread, but for what says otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "err.h"
#include "module.h"
#include "trace/watch.h"

/* Bits: what to take. A dropped packet counts to the port by which it came in. */
enum cst_capture_dir { CST_CAPTURE_IN = 1, CST_CAPTURE_OUT = 2, CST_CAPTURE_DROP = 4 };

#define CST_CAPTURE_SNAPLEN 65535

struct cst_capture_conf {
	char file[256];       /* absolute path */
	uint64_t ports;       /* bit by port number; 0: a session, by its marks */
	uint8_t dirs;         /* CST_CAPTURE_* */
	uint32_t snaplen;     /* bytes kept of a packet */
	uint64_t max_bytes;   /* of the file; 0: no end */
	uint64_t max_packets; /* 0: no end */
};

enum cst_capture_phase {
	CST_CAPTURE_NONE,
	CST_CAPTURE_RUNNING,
	CST_CAPTURE_ENDING,
	CST_CAPTURE_ENDED
};

struct cst_capture_info { /* of the running one, or of the last */
	enum cst_capture_phase phase;
	char file[256];
	uint64_t packets, bytes; /* in the file */
	uint64_t lost;           /* found no room on the way there */
	char why[128];           /* it ended: "stopped", "128 packets", "No space left on device" */
};

/* Make the file, NULL: not done. -EINVAL, -EEXIST, or what the system says of the path. The
 * file belongs to `gid`, (gid_t)-1: to whom the directory says. */
struct cst_capture *cst_capture_open(const struct cst_capture_conf *conf, unsigned gid,
				     struct cst_err *e);
/* Start the thread; frees the capture when there is none to be had. */
int cst_capture_start(struct cst_capture *c, struct cst_err *e);
/* Has it met its limit or an error? Then nobody needs to fill it any more. */
bool cst_capture_full(const struct cst_capture *c);
/* No worker writes to it any more: the thread writes what is left and ends. */
void cst_capture_finish(struct cst_capture *c, const char *why);
/* Free it when its thread has ended, else false. `wait`: give it two seconds; a thread that hangs
 * on its disk is left behind then. */
bool cst_capture_close(struct cst_capture *c, bool wait);
void cst_capture_info(const struct cst_capture *c, struct cst_capture_info *out);
uint8_t cst_capture_mark(const struct cst_capture *c); /* CST_MARK_CAPTURE bits of its packets */
/* What a port is called in the file: the first name that it is given stays. */
void cst_capture_name(struct cst_capture *c, uint16_t port, const char *name);
/* Other ports, when one was deleted and made anew. */
void cst_capture_ports(struct cst_capture *c, uint64_t ports);

/* ---- workers ----------------------------------------------------------------------- */

/* Where the L2 header of a packet that came in stands. */
enum cst_l2_place { CST_L2_GONE, CST_L2_AT_START, CST_L2_IN_FRONT };

/* Only of a packet whose mark is valid. Any thread that may look at it. */
enum cst_l2_place cst_capture_l2(const struct cst_watch *watch, const struct rte_mbuf *m);

/* A packet as it came in by a port. */
void cst_capture_origin(uint16_t port, const struct rte_mbuf *m);

/* `id` is a worker's or CST_WATCH_SLOW. */
void cst_capture_rx(const struct cst_watch *watch, uint16_t id, uint16_t port,
		    struct rte_mbuf **pkts, uint16_t n);
void cst_capture_tx(const struct cst_watch *watch, uint16_t id, uint16_t port,
		    struct rte_mbuf **pkts, uint16_t n);
void cst_capture_sent(struct cst_capture *c, uint16_t id, uint16_t sent);
void cst_capture_drop(const struct cst_watch *watch, uint16_t id, struct rte_mbuf *m, uint16_t why,
		      bool frame);
void cst_capture_flush(struct cst_capture *c, uint16_t id);
