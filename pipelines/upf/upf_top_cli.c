/* SPDX-License-Identifier: BSD-3-Clause */
/* The sessions' part of `coastctl top`. */
#include "cli/cli.h"

struct row {
	uint64_t has;
	uint64_t seid;
	const char *ue, *dnn;
	uint64_t ul_bit_rate, ul_packet_rate, dl_bit_rate, dl_packet_rate, worker;
};

#define NUMBER(m, u, h) CST_F_UINT(struct row, m, 0, 0, u, 0, NULL, h)
#define TEXT(m, h)      CST_F_STR(struct row, m, 0, 255, 0, NULL, h)

static const struct cst_field fields[] = {
	NUMBER(seid, NULL, "SESSION"),
	TEXT(ue, "UE"),
	NUMBER(ul_bit_rate, "bit/s", "UL bit/s"),
	NUMBER(dl_bit_rate, "bit/s", "DL bit/s"),
	NUMBER(ul_packet_rate, "packets/s", "UL packets/s"),
	NUMBER(dl_packet_rate, "packets/s", "DL packets/s"),
	TEXT(dnn, "DNN"),
	NUMBER(worker, NULL, "worker"),
};
static const struct cst_object columns = CST_OBJECT("session_rates", struct row, fields, "rates");

static json_t *params(const json_t *args)
{
	json_t *by = json_object_get(args, "by"), *limit = json_object_get(args, "limit");
	json_t *js = json_pack("{s:i}", "limit", 100);

	if (by != NULL)
		json_object_set(js, "by", by);
	if (limit != NULL)
		json_object_set(js, "limit", limit);
	return js;
}

/* coastd has worked the rates out. */
static json_t *row(const json_t *item, const json_t *before, double seconds)
{
	json_t *out = json_copy((json_t *)item), *ue = json_object_get(item, "ue_ipv4");

	if (ue == NULL)
		ue = json_object_get(item, "ue_ipv6");
	if (ue != NULL)
		json_object_set(out, "ue", ue);
	return out;
}

static struct cst_top session_top = {
	.title = "sessions",
	.order = 30,
	.method = "session.top",
	.key = "seid",
	.params = params,
	.row = row,
	.columns = &columns,
};
CST_TOP(session_top);
