/* SPDX-License-Identifier: BSD-3-Clause */
#include "trace_api.h"

#include <errno.h>

/* ---- trace ---------------------------------------------------------------------------- */

static const struct cst_field add_fields[] = {
	CST_F_UINT(struct trace_add_obj, session, 1, UINT64_MAX, NULL, 0, NULL,
		   "SEID: packets that come in by the session's tunnels or to its addresses"),
	CST_F_(struct trace_add_obj, ue, CST_T_PREFIX,
	       .help = "packets from or to this address or prefix, inside or outside a tunnel"),
	CST_F_UINT(struct trace_add_obj, teid, 0, UINT32_MAX, NULL, CST_F_HEX, NULL,
		   "GTP-U packets that come in with this TEID"),
	CST_F_STR(struct trace_add_obj, port, 1, 31, 0, NULL, "packets that come in by this port"),
	CST_F_UINT(struct trace_add_obj, count, 1, 1000, "packets", 0, "10",
		   "how many to trace; then the trace ends"),
};

static int at_most_one(uint64_t has, const unsigned *fields, unsigned n, const struct cst_object *o,
		       struct cst_err *e)
{
	const char *first = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (!(has >> fields[i] & 1))
			continue;
		if (first != NULL)
			return cst_err(e, -EINVAL, o->fields[fields[i]].name,
				       "goes not with %s: name one of them", first);
		first = o->fields[fields[i]].name;
	}
	return 0;
}

static int check_add(const void *obj, struct cst_err *e)
{
	static const unsigned fields[] = {TRACE_SESSION, TRACE_UE, TRACE_TEID, TRACE_PORT};

	return at_most_one(((const struct trace_add_obj *)obj)->has, fields, 4, &trace_add_object,
			   e);
}

const struct cst_object trace_add_object = {
	.name = "trace_filter",
	.help = "which packets to trace, as they come in; all when nothing is named",
	.fields = add_fields,
	.n_fields = sizeof(add_fields) / sizeof(*add_fields),
	.size = sizeof(struct trace_add_obj),
	.check = check_add,
};

static const struct cst_field list_fields[] = {
	CST_F_UINT(struct trace_list_obj, packet, 1, UINT16_MAX, NULL, 0, NULL, "only this packet"),
	CST_F_UINT(struct trace_list_obj, limit, 1, 200, "packets", 0, "100",
		   "at most so many at once"),
	CST_F_UINT(struct trace_list_obj, cursor, 0, UINT32_MAX, NULL, 0, "0",
		   "where to go on, as the last call said"),
};
const struct cst_object trace_list_object = CST_OBJECT("trace_list", struct trace_list_obj,
						       list_fields, "which traced packets to show");

static const struct cst_field key_fields[] = {
	CST_F_UINT(struct trace_key_obj, id, 1, UINT16_MAX, NULL, CST_F_KEY, NULL,
		   "number of the filter, as trace.add and trace.list tell it"),
};
const struct cst_object trace_key_object =
	CST_OBJECT("trace_key", struct trace_key_obj, key_fields, "a trace's filter");

/* ---- capture --------------------------------------------------------------------------- */

const char *const capture_directions[] = {"in", "out", "drop", NULL};

static const struct cst_field start_fields[] = {
	CST_F_STR(struct capture_start_obj, port, 1, 31, 0, NULL,
		  "packets of this port; when neither port nor session is named, of all ports"),
	CST_F_UINT(struct capture_start_obj, session, 1, UINT64_MAX, NULL, 0, NULL,
		   "SEID: packets of this session, by whichever port"),
	CST_F_STR(struct capture_start_obj, file, 1, 255, CST_F_AUTO, NULL,
		  "absolute path of the pcapng file, as coastd sees it; a capture that is there is "
		  "written over, no other file is"),
	CST_F_FLAGS(struct capture_start_obj, direction, capture_directions, 0, "in,out,drop",
		    "in: as they come in; out: as they leave; drop: as they are dropped, with the "
		    "reason's name as comment"),
	CST_F_UINT(struct capture_start_obj, snaplen, 64, 65535, "bytes", 0, "65535",
		   "how much of a packet to keep"),
	CST_F_UINT(struct capture_start_obj, max_bytes, 0, INT64_MAX, "bytes", 0, "104857600",
		   "the capture ends when its file is so long; 0: does not"),
	CST_F_UINT(struct capture_start_obj, max_packets, 0, INT64_MAX, "packets", 0, "0",
		   "the capture ends when its file holds so many; 0: does not"),
};

static int check_start(const void *obj, struct cst_err *e)
{
	static const unsigned fields[] = {CAPTURE_PORT, CAPTURE_SESSION};
	const struct capture_start_obj *o = obj;

	if (o->direction == 0)
		return cst_err(e, -EINVAL, "direction", "name at least one of in, out, drop");
	return at_most_one(o->has, fields, 2, &capture_start_object, e);
}

const struct cst_object capture_start_object = {
	.name = "capture_start",
	.help = "what to capture, and where to",
	.fields = start_fields,
	.n_fields = sizeof(start_fields) / sizeof(*start_fields),
	.size = sizeof(struct capture_start_obj),
	.check = check_start,
};
