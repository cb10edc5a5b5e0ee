/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ports by number: prepared, published, lost and found again, retired.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "log.h"
#include "module.h"
#include "now.h"
#include "port/device.h"
#include "port/ethdev.h"
#include "port/flow.h"
#include "port/kernel_if.h"
#include "port/port.h"
#include "port/tables.h"

#define WATCH_MS      500   /* between looks at the links */
#define RETRY_MS      3000  /* between tries to bring up a port that is not there */
#define RETRY_SLOW_MS 60000 /* when each try costs packet buffers */
#define COSTLY_MAX    3     /* such tries in all */
#define NO_ETHDEV     0xffff

enum stage {
	FREE,
	PREPARED, /* nobody polls it yet */
	LIVE,     /* workers poll it whenever it is open */
	LEAVING,  /* deleted, a worker may still hold it */
};

struct port {
	enum stage stage;
	struct cst_port_conf conf;
	struct cst_device dev;
	struct cst_port_state st;
	struct cst_ethdev eth; /* valid while `open` */
	bool open;
	bool draining;    /* to be closed after the grace period */
	bool wanted;      /* in workers' tables, or to be */
	unsigned ifindex; /* af_xdp: of the interface that was opened */
	uint64_t retry_ms;
	unsigned costly;          /* tries after which packet buffers were missing */
	struct cst_port_out *out; /* made with the device, so that publishing cannot fail */
};

static struct port ports[CST_MAX_PORTS]; /* 0 is never used */
static uint16_t last_given;
static bool unsettled; /* workers' lists are behind the ports */
static uint64_t watched_ms;

struct cst_poll_list *_Atomic cst_poll_lists[CST_MAX_WORKERS];
struct cst_port_out *_Atomic cst_port_outs[CST_MAX_PORTS];

static uint16_t number(const struct port *p)
{
	return (uint16_t)(p - ports);
}

static struct port *get(uint16_t port)
{
	return port > 0 && port < CST_MAX_PORTS &&
			       (ports[port].stage == PREPARED || ports[port].stage == LIVE)
		       ? &ports[port]
		       : NULL;
}

/* ---- which worker serves which queue --------------------------------------------- */

/* Receive and transmit queue of the same number go to the same worker, and single-queue ports
 * spread over the workers by their numbers. */
static uint16_t queue_owner(const struct port *p, uint16_t queue)
{
	return (uint16_t)((queue + number(p)) % cst_workers());
}

uint16_t cst_port_queue_of(uint16_t port, uint16_t worker)
{
	const struct port *p = get(port);

	for (uint16_t q = 0; p != NULL && p->wanted && q < p->eth.rxq; q++)
		if (queue_owner(p, q) == worker)
			return q;
	return CST_NO_QUEUE;
}

static struct cst_port_out *make_out(const struct port *p)
{
	struct cst_port_out *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->ethdev = p->eth.id;
	o->plain = p->eth.plain;
	for (uint16_t w = 0; w < CST_MAX_WORKERS; w++)
		o->path[w].queue = CST_NO_QUEUE;
	for (uint16_t q = 0; q < p->eth.txq && cst_workers() > 0; q++) {
		struct cst_tx_path *path = &o->path[queue_owner(p, q)];

		if (path->queue == CST_NO_QUEUE)
			path->queue = q;
	}
	for (uint16_t w = 0; w < cst_workers(); w++)
		o->path[w].owner = queue_owner(p, w % p->eth.txq);
	return o;
}

static struct cst_poll_list *make_list(uint16_t worker)
{
	struct cst_poll_list *l;
	size_t n = 0;

	for (struct port *p = ports; p < ports + CST_MAX_PORTS; p++)
		n += p->wanted ? p->eth.rxq : 0;
	l = calloc(1, sizeof(*l) + n * sizeof(l->q[0]));
	if (l == NULL)
		return NULL;
	for (struct port *p = ports; p < ports + CST_MAX_PORTS; p++)
		for (uint16_t q = 0; p->wanted && q < p->eth.rxq; q++)
			if (queue_owner(p, q) == worker)
				l->q[l->n++] = (struct cst_poll_queue){
					.ethdev = p->eth.id,
					.queue = q,
					.port = number(p),
					.soft_csum = p->eth.soft_csum,
				};
	return l;
}

static void free_record(void *ptr, uint64_t arg)
{
	free(ptr);
}

static void close_drained(void *ptr, uint64_t arg)
{
	struct port *p = ptr;

	cst_ethdev_close(&p->eth);
	free(p->out);
	p->out = NULL;
	p->open = false;
	p->draining = false;
	if (p->stage == LEAVING)
		p->stage = FREE;
}

/* Bring workers' lists up to the ports, then let go of what they no longer name. Without memory
 * for it all stays as it was, and the next tick tries again. */
static void settle(void)
{
	struct cst_poll_list *fresh[CST_MAX_WORKERS];
	uint16_t n = cst_workers();

	unsettled = true;
	for (uint16_t w = 0; w < n; w++) {
		fresh[w] = make_list(w);
		if (fresh[w] == NULL) {
			while (w-- > 0)
				free(fresh[w]);
			return;
		}
	}
	for (uint16_t w = 0; w < n; w++) {
		struct cst_poll_list *old = atomic_exchange(&cst_poll_lists[w], fresh[w]);

		if (old != NULL)
			cst_rcu_defer(free_record, old, 0);
	}
	unsettled = false;
	for (struct port *p = ports; p < ports + CST_MAX_PORTS; p++)
		if (p->open && !p->wanted && !p->draining && p->stage != PREPARED) {
			p->draining = true;
			cst_rcu_defer(close_drained, p, 0);
		}
}

/* ---- up and down -------------------------------------------------------------------- */

static int bring_up(struct port *p, struct cst_err *e)
{
	struct cst_kif k;
	int ret;

	ret = cst_ethdev_open(&p->conf, &p->dev, &p->eth, &p->st, e);
	if (ret < 0)
		return ret;
	p->out = make_out(p);
	if (p->out == NULL) {
		cst_ethdev_close(&p->eth);
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	}
	if (p->dev.kind == CST_DEV_AF_XDP) {
		cst_kif_get(p->dev.name, &k);
		p->ifindex = k.index;
	}
	p->open = true;
	p->st.fault[0] = '\0';
	return 0;
}

static void set_down(struct port *p, const char *fault)
{
	p->st.up = p->st.link = false;
	p->st.ethdev = NO_ETHDEV;
	p->st.queues = 0;
	p->st.speed_mbps = 0;
	snprintf(p->st.fault, sizeof(p->st.fault), "%s", fault);
}

/* Some drivers keep the buffers of a queue that they could not set up: not for ever, then. */
static void retry_later(struct port *p, uint64_t now_ms)
{
	p->retry_ms = now_ms + RETRY_MS;
	if (!p->eth.queued)
		return;
	p->retry_ms = ++p->costly < COSTLY_MAX ? now_ms + RETRY_SLOW_MS : UINT64_MAX;
}

static void look_at_link(struct port *p)
{
	struct rte_eth_link link = {0};
	struct cst_kif k;
	bool up;

	if (p->dev.kind == CST_DEV_AF_XDP) {
		cst_kif_get(p->dev.name, &k);
		up = k.index == p->ifindex && k.up && k.running;
		if (up && !p->st.link)
			p->st.speed_mbps = cst_kif_speed(p->dev.name);
		p->st.link = up;
		return;
	}
	if (rte_eth_link_get_nowait(p->st.ethdev, &link) < 0)
		return;
	p->st.link = link.link_status == RTE_ETH_LINK_UP;
	p->st.speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
}

static void offload(const struct port *p, bool on)
{
	if (on && p->eth.hardware && !p->conf.no_offload)
		cst_flow_port_up(number(p), p->conf.name, p->eth.id, p->eth.rxq);
	else
		cst_flow_port_down(number(p));
}

static void join(struct port *p)
{
	p->wanted = true;
	p->st.up = true;
	atomic_store_explicit(&cst_port_outs[number(p)], p->out, memory_order_release);
	settle();
	look_at_link(p);
	offload(p, true);
}

static void leave(struct port *p, const char *fault)
{
	offload(p, false);
	p->wanted = false;
	set_down(p, fault);
	atomic_store_explicit(&cst_port_outs[number(p)], NULL, memory_order_release);
	settle();
}

/* ---- the calls ------------------------------------------------------------------------ */

int cst_port_check(const struct cst_port_conf *conf, struct cst_err *e)
{
	struct cst_device dev;

	return cst_device_parse(conf->device, &dev, e);
}

static struct port *take_number(void)
{
	/* round and round, so that a number rests before it means another port */
	for (unsigned i = 1; i < CST_MAX_PORTS; i++) {
		uint16_t n = (uint16_t)((last_given + i - 1) % (CST_MAX_PORTS - 1) + 1);

		if (ports[n].stage == FREE) {
			last_given = n;
			return &ports[n];
		}
	}
	return NULL;
}

/* One device, one port: drivers differ in how badly they take it otherwise. */
static const struct port *same_device(const char *device)
{
	if (strncmp(device, "null", 4) == 0)
		return NULL;
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (get(i) != NULL && strcmp(ports[i].conf.device, device) == 0)
			return &ports[i];
	return NULL;
}

int cst_port_declare(const struct cst_port_conf *conf, struct cst_err *e)
{
	const struct port *other;
	struct cst_device dev;
	struct port *p;
	int ret;

	ret = cst_device_parse(conf->device, &dev, e);
	if (ret < 0)
		return ret;
	if (cst_port_by_name(conf->name) != 0)
		return cst_err(e, -EEXIST, "name", "there is a port '%s' already", conf->name);
	other = same_device(conf->device);
	if (other != NULL)
		return cst_err(e, -EBUSY, "device", "port '%s' has it already", other->conf.name);
	p = take_number();
	if (p == NULL)
		return cst_err(e, -ENOSPC, NULL, "at most %d ports", CST_MAX_PORTS - 1);
	memset(p, 0, sizeof(*p));
	p->stage = PREPARED;
	p->conf = *conf;
	p->dev = dev;
	p->st.mtu = conf->mtu != 0 ? conf->mtu : CST_DEFAULT_MTU;
	set_down(p, "");
	return number(p);
}

int cst_port_prepare(const struct cst_port_conf *conf, struct cst_err *e)
{
	struct cst_err why = {0};
	struct port *p;
	int n, ret;

	/* a device just deleted may wait for its grace period */
	cst_rcu_reclaim(true);
	n = cst_port_declare(conf, e);
	if (n < 0)
		return n;
	p = &ports[n];
	ret = bring_up(p, &why);
	if (ret < 0 && !conf->optional) {
		p->stage = FREE;
		if (e != NULL)
			*e = why;
		return ret;
	}
	if (ret < 0) {
		set_down(p, why.reason);
		retry_later(p, cst_now_ms());
		LOG_WARN("port %s: %s; it is optional and tried again", conf->name, why.reason);
	}
	return n;
}

void cst_port_discard(uint16_t port)
{
	struct port *p = get(port);

	if (p == NULL || p->stage != PREPARED)
		return;
	if (p->open) {
		cst_ethdev_close(&p->eth);
		free(p->out);
	}
	memset(p, 0, sizeof(*p));
}

void cst_port_publish(uint16_t port)
{
	struct port *p = get(port);

	if (p == NULL || p->stage != PREPARED)
		return;
	p->stage = LIVE;
	if (p->open)
		join(p);
}

#define MAX_ASKED 8
static int (*asked[MAX_ASKED])(const char *name, enum cst_port_loss loss, struct cst_err *e);
static unsigned n_asked;

void cst_port_ask(int (*has)(const char *name, enum cst_port_loss loss, struct cst_err *e))
{
	if (n_asked < MAX_ASKED)
		asked[n_asked++] = has;
}

int cst_port_may_lose(const char *name, enum cst_port_loss loss, struct cst_err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n_asked; i++)
		rc = asked[i](name, loss, e);
	return rc;
}

void cst_port_retire(uint16_t port)
{
	struct port *p = get(port);

	if (p == NULL)
		return;
	if (p->stage == PREPARED) {
		cst_port_discard(port);
		return;
	}
	if (p->open) {
		p->stage = LEAVING;
		leave(p, "deleted");
	} else {
		memset(p, 0, sizeof(*p));
	}
}

int cst_port_may_change(uint16_t port, const struct cst_port_conf *conf, struct cst_err *e)
{
	const struct port *p = get(port);

	if (p == NULL)
		return cst_err(e, -ENOENT, "name", "no port '%s'", conf->name);
	if (strcmp(conf->device, p->conf.device) != 0 || conf->queues != p->conf.queues ||
	    conf->rx_ring != p->conf.rx_ring || conf->tx_ring != p->conf.tx_ring)
		return cst_err(
			e, -EBUSY, "device",
			"device, queues and rings stay as they are: delete port '%s' and put "
			"it again",
			conf->name);
	return 0;
}

int cst_port_change(uint16_t port, const struct cst_port_conf *conf, struct cst_err *e)
{
	struct port *p = get(port);
	uint16_t mtu = conf->mtu != 0 ? conf->mtu : CST_DEFAULT_MTU;
	int rc = cst_port_may_change(port, conf, e);
	bool turned;

	if (rc < 0)
		return rc;
	if (p->open && !p->draining && mtu != p->st.mtu) {
		int ret = cst_ethdev_set_mtu(&p->eth, mtu, e);

		if (ret < 0)
			return ret;
		p->st.mtu = mtu;
	}
	if (p->open && !p->draining && conf->promiscuous)
		cst_ethdev_set_promiscuous(&p->eth, true);
	turned = conf->no_offload != p->conf.no_offload;
	p->conf = *conf;
	if (turned && p->wanted)
		offload(p, true);
	return 0;
}

void cst_port_settle(uint16_t port)
{
	const struct port *p = get(port);

	if (p != NULL && p->open && !p->draining)
		cst_ethdev_set_promiscuous(&p->eth, p->conf.promiscuous);
}

uint16_t cst_port_by_name(const char *name)
{
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (get(i) != NULL && strcmp(ports[i].conf.name, name) == 0)
			return i;
	return 0;
}

const struct cst_port_conf *cst_port_conf(uint16_t port)
{
	const struct port *p = get(port);

	return p != NULL ? &p->conf : NULL;
}

void cst_port_state(uint16_t port, struct cst_port_state *st)
{
	const struct port *p = get(port);

	if (p != NULL)
		*st = p->st;
	else
		*st = (struct cst_port_state){.ethdev = NO_ETHDEV};
}

int cst_port_stats(uint16_t port, struct cst_port_stats *st)
{
	const struct port *p = get(port);
	struct rte_eth_stats s;
	int ret;

	memset(st, 0, sizeof(*st));
	if (p == NULL || !p->open || p->draining)
		return -ENODEV;
	ret = rte_eth_stats_get(p->eth.id, &s);
	if (ret < 0)
		return ret;
	*st = (struct cst_port_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.rx_errors = s.ierrors,
		.rx_missed = s.imissed,
		.rx_nombuf = s.rx_nombuf,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.tx_errors = s.oerrors,
	};
	return 0;
}

/* ---- watch: ports come and go ------------------------------------------------------- */

/* The other end is gone for good and only a new device finds the next one. */
static bool lost(struct port *p, char *why, size_t size)
{
	struct cst_kif k;

	if (p->dev.kind == CST_DEV_AF_XDP) {
		cst_kif_get(p->dev.name, &k);
		if (k.index == p->ifindex)
			return false;
		snprintf(why, size, "interface '%s' was removed; waiting for it to come back",
			 p->dev.name);
		return true;
	}
	if (p->dev.kind == CST_DEV_VIRTIO_USER && !p->st.link) {
		snprintf(why, size,
			 "the vhost-user server at %s went away; waiting for it to come "
			 "back",
			 p->dev.name);
		return true;
	}
	return false;
}

static void retry(struct port *p, uint64_t now_ms)
{
	struct cst_err why = {0};

	if (now_ms < p->retry_ms)
		return;
	if (bring_up(p, &why) < 0) {
		snprintf(p->st.fault, sizeof(p->st.fault), "%s", why.reason);
		retry_later(p, now_ms);
		return;
	}
	LOG_NOTICE("port %s is up", p->conf.name);
	join(p);
}

static void watch(struct port *p, uint64_t now_ms)
{
	char why[sizeof(p->st.fault)];

	if (p->stage != LIVE)
		return;
	if (!p->open) {
		retry(p, now_ms);
		return;
	}
	if (p->draining || !p->wanted)
		return;
	look_at_link(p);
	if (lost(p, why, sizeof(why))) {
		LOG_WARN("port %s: %s", p->conf.name, why);
		p->retry_ms = now_ms;
		leave(p, why);
	}
}

static void tick(uint64_t now_ms)
{
	if (unsettled)
		settle();
	if (now_ms - watched_ms < WATCH_MS)
		return;
	watched_ms = now_ms;
	for (struct port *p = ports + 1; p < ports + CST_MAX_PORTS; p++)
		watch(p, now_ms);
}

/* Workers have stopped: nobody holds anything. */
static void stop(void)
{
	cst_rcu_reclaim(true);
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++) {
		atomic_store(&cst_port_outs[i], NULL);
		if (ports[i].open) {
			offload(&ports[i], false);
			cst_ethdev_close(&ports[i].eth);
			free(ports[i].out);
		}
		memset(&ports[i], 0, sizeof(ports[i]));
	}
	for (uint16_t w = 0; w < CST_MAX_WORKERS; w++)
		free(atomic_exchange(&cst_poll_lists[w], NULL));
}

static struct cst_module port_module = {
	.name = "port",
	.order = 15,
	.tick = tick,
	.stop = stop,
};
CST_MODULE(port_module);
