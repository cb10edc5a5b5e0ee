/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports' and the workers' part of `coastctl top`. */
#include "cli/cli.h"

#define NUMBER(s, m, u, h) CST_F_UINT(s, m, 0, 0, u, 0, NULL, h)
#define TEXT(s, m, h)      CST_F_STR(s, m, 0, 255, 0, NULL, h)

static void set(json_t *row, const char *name, double v)
{
	json_object_set_new(row, name, json_real(v));
}

/* ---- ports ------------------------------------------------------------------------------ */

struct port_row {
	uint64_t has;
	const char *name, *link;
	uint64_t rx_packet_rate, rx_bit_rate, tx_packet_rate, tx_bit_rate, lost_rate, error_rate;
};

static const struct cst_field port_fields[] = {
	TEXT(struct port_row, name, "PORT"),
	TEXT(struct port_row, link, "LINK"),
	NUMBER(struct port_row, rx_packet_rate, "packets/s", "RX packets/s"),
	NUMBER(struct port_row, rx_bit_rate, "bit/s", "RX bit/s"),
	NUMBER(struct port_row, tx_packet_rate, "packets/s", "TX packets/s"),
	NUMBER(struct port_row, tx_bit_rate, "bit/s", "TX bit/s"),
	NUMBER(struct port_row, lost_rate, "packets/s", "lost/s"),
	NUMBER(struct port_row, error_rate, "packets/s", "errors/s"),
};
static const struct cst_object port_columns =
	CST_OBJECT("port_rates", struct port_row, port_fields, "a port's rates");

static json_t *port_row(const json_t *item, const json_t *before, double seconds)
{
	const json_t *is = json_object_get(item, "state"), *was = json_object_get(before, "state");
	bool link = json_is_true(json_object_get(is, "link"));
	json_t *row = json_pack("{s:O?, s:s}", "name", json_object_get(item, "name"), "link",
				!json_is_true(json_object_get(is, "up")) ? "down"
				: link                                   ? "up"
									 : "no link");

	set(row, "rx_packet_rate", cst_top_rate(is, was, "rx_packets", seconds));
	set(row, "rx_bit_rate", 8 * cst_top_rate(is, was, "rx_bytes", seconds));
	set(row, "tx_packet_rate", cst_top_rate(is, was, "tx_packets", seconds));
	set(row, "tx_bit_rate", 8 * cst_top_rate(is, was, "tx_bytes", seconds));
	set(row, "lost_rate",
	    cst_top_rate(is, was, "rx_missed", seconds) +
		    cst_top_rate(is, was, "rx_no_buffer", seconds));
	set(row, "error_rate",
	    cst_top_rate(is, was, "rx_errors", seconds) +
		    cst_top_rate(is, was, "tx_errors", seconds));
	return row;
}

/* There are fewer in any case. */
static json_t *port_params(const json_t *args)
{
	return json_pack("{s:i}", "limit", 1000);
}

static struct cst_top port_top = {
	.title = "ports",
	.order = 10,
	.method = "port.list",
	.key = "name",
	.params = port_params,
	.row = port_row,
	.columns = &port_columns,
};
CST_TOP(port_top);

/* ---- workers ----------------------------------------------------------------------------- */

struct worker_row {
	uint64_t has;
	const char *name;
	uint64_t cpu, busy_percent, rx_rate, tx_rate, drop_rate, handed_off_rate, held,
		big_loop_rate;
};

static const struct cst_field worker_fields[] = {
	TEXT(struct worker_row, name, "WORKER"),
	NUMBER(struct worker_row, cpu, NULL, "CPU"),
	NUMBER(struct worker_row, busy_percent, "%", "busy %"),
	NUMBER(struct worker_row, rx_rate, "packets/s", "in/s"),
	NUMBER(struct worker_row, tx_rate, "packets/s", "out/s"),
	NUMBER(struct worker_row, drop_rate, "packets/s", "dropped/s"),
	NUMBER(struct worker_row, handed_off_rate, "packets/s", "handed off/s"),
	NUMBER(struct worker_row, held, "packets", "held"),
	NUMBER(struct worker_row, big_loop_rate, "1/s", "long walks/s"),
};
static const struct cst_object worker_columns =
	CST_OBJECT("worker_rates", struct worker_row, worker_fields, "a worker's rates");

static json_t *worker_row(const json_t *item, const json_t *before, double seconds)
{
	json_t *row = json_pack("{s:O?, s:O?}", "name", json_object_get(item, "name"), "held",
				json_object_get(item, "held"));
	json_t *cpu = json_object_get(item, "cpu"), *busy = json_object_get(item, "busy_percent");

	if (cpu != NULL)
		json_object_set(row, "cpu", cpu);
	if (busy != NULL)
		json_object_set(row, "busy_percent", busy);
	set(row, "rx_rate",
	    cst_top_rate(item, before, "rx", seconds) +
		    cst_top_rate(item, before, "injected", seconds));
	set(row, "tx_rate",
	    cst_top_rate(item, before, "tx", seconds) +
		    cst_top_rate(item, before, "consumed", seconds));
	set(row, "drop_rate", cst_top_rate(item, before, "dropped", seconds));
	if (json_object_get(item, "handed_off") != NULL)
		set(row, "handed_off_rate", cst_top_rate(item, before, "handed_off", seconds));
	if (json_object_get(item, "big_loops") != NULL)
		set(row, "big_loop_rate", cst_top_rate(item, before, "big_loops", seconds));
	return row;
}

static struct cst_top worker_top = {
	.title = "workers",
	.order = 20,
	.method = "worker.list",
	.key = "name",
	.row = worker_row,
	.columns = &worker_columns,
};
CST_TOP(worker_top);
