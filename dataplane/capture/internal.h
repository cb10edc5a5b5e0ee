/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of this folder share among themselves. */
#pragma once

#include <pthread.h>

#include "capture/capture.h"
#include "capture/ring.h"

struct cst_capture {
	struct cst_capture_conf conf;
	_Atomic uint64_t ports;
	uint8_t mark;
	char names[64][32];     /* of ports */
	_Atomic uint64_t named; /* bit by port number: it has one, which stays */
	struct cst_capture_ring *rings[CST_MAX_WORKERS + 1];

	/* the writer's; others read what is atomic */
	pthread_t thread;
	int fd;
	atomic_bool full;   /* a limit or an error: `error`, else the limit */
	atomic_bool finish; /* set by the control thread */
	atomic_bool ended;
	atomic_int error; /* errno */
	_Atomic uint64_t packets, bytes;
	char why[128]; /* written by the control thread */
};

/* Rings that workers fill; [CST_WATCH_SLOW] is the slow path's. */
int capture_rings_make(struct cst_capture *c);
void capture_rings_free(struct cst_capture *c);

/* The writer's thread. */
void *capture_writer(void *capture);
/* Open the file for writing, or say why not. */
int capture_file(const char *path, unsigned gid, struct cst_err *e);
