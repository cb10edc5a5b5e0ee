/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports that come and go, told to those who subscribed.
 */
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "module.h"
#include "port/port.h"
#include "rpc/rpc.h"

#define WATCH_MS 300

struct port_event {
	uint64_t has;
	const char *port;
	bool link;
	const char *fault;
};

enum { EV_PORT, EV_LINK, EV_FAULT };

static const struct cst_field link_fields[] = {
	CST_F_STR(struct port_event, port, 1, 31, 0, NULL, "name of the port"),
	CST_F_BOOL(struct port_event, link, 0, NULL, "it has a link"),
};
static const struct cst_object link_object =
	CST_OBJECT("port_link", struct port_event, link_fields, "a port's link");

static const struct cst_field up_fields[] = {
	CST_F_STR(struct port_event, port, 1, 31, 0, NULL, "name of the port"),
};
static const struct cst_object up_object =
	CST_OBJECT("port_up", struct port_event, up_fields, "a port");

static const struct cst_field down_fields[] = {
	CST_F_STR(struct port_event, port, 1, 31, 0, NULL, "name of the port"),
	CST_F_STR(struct port_event, fault, 0, 255, 0, NULL, "why, and what helps"),
};
static const struct cst_object down_object =
	CST_OBJECT("port_down", struct port_event, down_fields, "a port and its fault");

static struct cst_event_type link_event = {
	.name = "port.link", .help = "a port got or lost its link", .data = &link_object};
CST_EVENT(link_event);
static struct cst_event_type up_event = {
	.name = "port.up", .help = "a port was opened and is polled", .data = &up_object};
CST_EVENT(up_event);
static struct cst_event_type down_event = {
	.name = "port.down",
	.help = "a port is gone: deleted, or lost and tried again",
	.data = &down_object};
CST_EVENT(down_event);

/* ---- what was last told ------------------------------------------------------------ */

static struct told {
	char name[32]; /* "": nothing yet */
	bool up, link;
} told[CST_MAX_PORTS];
static uint64_t watched_ms;

static void tell_up(struct told *t)
{
	t->up = true;
	cst_event_publish(&up_event, json_pack("{s:s}", "port", t->name));
}

static void tell_down(struct told *t, const char *fault)
{
	t->up = t->link = false;
	cst_event_publish(&down_event, json_pack("{s:s, s:s}", "port", t->name, "fault", fault));
}

static void tell_link(struct told *t, bool link)
{
	t->link = link;
	LOG_INFO("port %s: link %s", t->name, link ? "up" : "down");
	cst_event_publish(&link_event, json_pack("{s:s, s:b}", "port", t->name, "link", link));
}

static void watch(uint16_t number)
{
	const struct cst_port_conf *c = cst_port_conf(number);
	struct told *t = &told[number];
	struct cst_port_state st;

	cst_port_state(number, &st);
	if (t->name[0] != '\0' && (c == NULL || strcmp(c->name, t->name) != 0)) {
		if (t->up)
			tell_down(t, "deleted");
		memset(t, 0, sizeof(*t));
	}
	if (c == NULL)
		return;
	if (t->name[0] == '\0')
		snprintf(t->name, sizeof(t->name), "%s", c->name);
	if (st.up && !t->up)
		tell_up(t);
	if (!st.up && t->up)
		tell_down(t, st.fault);
	if (st.link != t->link)
		tell_link(t, st.link);
}

static void tick(uint64_t now_ms)
{
	if (now_ms - watched_ms < WATCH_MS)
		return;
	watched_ms = now_ms;
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		watch(i);
}

static struct cst_module event_module = {.name = "net_event", .order = 30, .tick = tick};
CST_MODULE(event_module);
