/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What traces and captures take, on the control socket and by coastctl.
 */
#pragma once

#include "object.h"

struct trace_add_obj {
	uint64_t has;
	uint64_t session;
	struct cst_prefix ue;
	uint32_t teid;
	const char *port;
	uint16_t count;
};
enum trace_add_field { TRACE_SESSION, TRACE_UE, TRACE_TEID, TRACE_PORT, TRACE_COUNT };

struct trace_list_obj {
	uint64_t has;
	uint16_t packet;
	uint16_t limit;
	uint32_t cursor;
};
enum trace_list_field { TRACE_LIST_PACKET, TRACE_LIST_LIMIT, TRACE_LIST_CURSOR };

struct trace_key_obj {
	uint64_t has;
	uint16_t id;
};

struct capture_start_obj {
	uint64_t has;
	const char *port;
	uint64_t session;
	const char *file;
	uint32_t direction; /* bits by place in capture_directions */
	uint32_t snaplen;
	uint64_t max_bytes, max_packets;
};
enum capture_start_field {
	CAPTURE_PORT,
	CAPTURE_SESSION,
	CAPTURE_FILE,
	CAPTURE_DIRECTION,
	CAPTURE_SNAPLEN,
	CAPTURE_BYTES,
	CAPTURE_PACKETS,
};

/* "in", "out", "drop": the bits of enum cst_capture_dir */
extern const char *const capture_directions[];
extern const struct cst_object trace_add_object, trace_list_object, trace_key_object,
	capture_start_object;
