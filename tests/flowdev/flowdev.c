/* SPDX-License-Identifier: BSD-3-Clause */
/* The device: made by its name, started, polled. */
#include "flowdev.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_kvargs.h>
#include <rte_mbuf.h>

#include "flowdev_int.h"

#define BURST 32
#define RING  1024

static const char prefix[] = "net_flowdev";
static struct flowdev devices[RTE_MAX_ETHPORTS];
uint32_t flowdev_left;

void *flowdev_behind(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL) {
		fprintf(stderr, "flowdev: no %s in DPDK\n", name);
		abort();
	}
	return f;
}

struct flowdev *flowdev_of(uint16_t port)
{
	return port < RTE_MAX_ETHPORTS && devices[port].used ? &devices[port] : NULL;
}

uint32_t flowdev_rules(uint16_t port)
{
	return devices[port].n_rules;
}

/* ---- packets ---------------------------------------------------------------------------- */

static void deliver(struct flowdev *d, struct rte_mbuf *m)
{
	int queue = flowdev_classify(d, m);

	if (queue < 0 || rte_ring_enqueue(d->queue[queue].ring, m) != 0)
		rte_pktmbuf_free(m);
}

/* The kernel takes the VLAN tag off and tells it beside the frame: put it back. */
static void put_tag(struct rte_mbuf *m, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		const struct tpacket_auxdata *aux = (const void *)CMSG_DATA(c);
		uint16_t tag[2];
		char *start;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA ||
		    !(aux->tp_status & TP_STATUS_VLAN_VALID))
			continue;
		tag[0] = htons(aux->tp_vlan_tpid);
		tag[1] = htons(aux->tp_vlan_tci);
		start = rte_pktmbuf_prepend(m, 4);
		if (start == NULL)
			return;
		memmove(start, start + 4, 12);
		memcpy(start + 12, tag, 4);
	}
}

static bool read_frame(struct flowdev *d, struct rte_mbuf *m)
{
	char aside[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct iovec at = {rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m)};
	struct msghdr msg = {.msg_iov = &at,
			     .msg_iovlen = 1,
			     .msg_control = aside,
			     .msg_controllen = sizeof(aside)};
	ssize_t n = recvmsg(d->sock, &msg, MSG_DONTWAIT);

	if (n < 14)
		return false;
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	put_tag(m, &msg);
	return true;
}

/* Whoever polls reads for all queues. */
static void read_socket(struct flowdev *d, struct rte_mempool *pool)
{
	for (int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL)
			return;
		if (!read_frame(d, m)) {
			rte_pktmbuf_free(m);
			return;
		}
		deliver(d, m);
	}
}

static uint16_t receive(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct flowdev_queue *q = queue;
	struct flowdev *d = q->dev;

	if (d->sock >= 0 && rte_spinlock_trylock(&d->lock)) {
		read_socket(d, q->pool);
		rte_spinlock_unlock(&d->lock);
	}
	n = (uint16_t)rte_ring_dequeue_burst(q->ring, (void **)pkts, n, NULL);
	for (uint16_t i = 0; i < n; i++)
		pkts[i]->port = d->port;
	return n;
}

static uint16_t transmit(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct flowdev *d = ((struct flowdev_queue *)queue)->dev;

	if (d->sock < 0)
		rte_spinlock_lock(&d->lock);
	for (uint16_t i = 0; i < n; i++) {
		if (d->sock < 0) {
			deliver(d, pkts[i]);
			continue;
		}
		if (send(d->sock, rte_pktmbuf_mtod(pkts[i], void *), pkts[i]->data_len,
			 MSG_DONTWAIT) < 0)
			return i;
		rte_pktmbuf_free(pkts[i]);
	}
	if (d->sock < 0)
		rte_spinlock_unlock(&d->lock);
	return n;
}

/* ---- arguments ---------------------------------------------------------------------------- */

static int set_iface(const char *key, const char *value, void *arg)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex(value)};
	struct flowdev *d = arg;
	int on = 1;

	if (at.sll_ifindex == 0)
		return -ENODEV;
	d->sock = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (d->sock < 0 ||
	    setsockopt(d->sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(d->sock, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    bind(d->sock, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return 0;
}

static int set_refuse(const char *key, const char *value, void *arg)
{
	char copy[128], *rest = copy, *word;
	struct flowdev *d = arg;

	snprintf(copy, sizeof(copy), "%s", value);
	while ((word = strsep(&rest, ":")) != NULL) {
		int i = 0;

		while (flowdev_words[i] != NULL && strcmp(flowdev_words[i], word) != 0)
			i++;
		if (flowdev_words[i] == NULL)
			return -EINVAL;
		d->refuse |= 1u << i;
	}
	return 0;
}

static int set_number(const char *key, const char *value, void *arg)
{
	*(uint32_t *)arg = (uint32_t)strtoul(value, NULL, 10);
	return 0;
}

static int read_args(const char *args, struct flowdev *d)
{
	static const char *const known[] = {"iface", "refuse", "table", "delay", NULL};
	struct rte_kvargs *kv = rte_kvargs_parse(args, known);
	int rc;

	if (kv == NULL)
		return -EINVAL;
	rc = rte_kvargs_process(kv, "iface", set_iface, d);
	rc = rc != 0 ? rc : rte_kvargs_process(kv, "refuse", set_refuse, d);
	rc = rc != 0 ? rc : rte_kvargs_process(kv, "table", set_number, &d->table);
	rc = rc != 0 ? rc : rte_kvargs_process(kv, "delay", set_number, &d->delay_us);
	rte_kvargs_free(kv);
	return rc;
}

/* ---- in the place of DPDK's ---------------------------------------------------------------- */

int rte_dev_probe(const char *devargs)
{
	__typeof__(&rte_dev_probe) next = flowdev_behind("rte_dev_probe");
	const char *comma = strchr(devargs, ',');
	struct flowdev d = {.sock = -1, .used = true};
	char shell[64];
	int rc;

	if (strncmp(devargs, prefix, strlen(prefix)) != 0)
		return next(devargs);
	rc = read_args(comma != NULL ? comma + 1 : "", &d);
	if (rc < 0)
		return rc;
	snprintf(shell, sizeof(shell), "net_null_flowdev%.*s",
		 (int)strspn(devargs + strlen(prefix), "0123456789"), devargs + strlen(prefix));
	while (rte_eth_dev_is_valid_port(d.port)) /* the next one is given the lowest number */
		d.port++;
	strcat(shell, ",no-rx=1");
	rc = next(shell);
	if (rc < 0)
		return rc;
	rte_spinlock_init(&d.lock);
	devices[d.port] = d;
	return 0;
}

int rte_eth_rx_queue_setup(uint16_t port, uint16_t queue, uint16_t n, unsigned socket,
			   const struct rte_eth_rxconf *conf, struct rte_mempool *pool)
{
	__typeof__(&rte_eth_rx_queue_setup) next = flowdev_behind("rte_eth_rx_queue_setup");
	struct flowdev *d = flowdev_of(port);
	char name[64];

	if (d != NULL && queue < FLOWDEV_QUEUES && d->queue[queue].ring == NULL) {
		snprintf(name, sizeof(name), "flowdev%u_%u", port, queue);
		d->queue[queue] = (struct flowdev_queue){
			.dev = d,
			.n = queue,
			.pool = pool,
			.ring = rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SC_DEQ)};
		d->n_queues = queue + 1;
	}
	return next(port, queue, n, socket, conf, pool);
}

int rte_eth_dev_start(uint16_t port)
{
	__typeof__(&rte_eth_dev_start) next = flowdev_behind("rte_eth_dev_start");
	static void *queues[RTE_MAX_ETHPORTS][FLOWDEV_QUEUES];
	struct flowdev *d = flowdev_of(port);
	int rc = next(port);

	if (d == NULL || rc < 0)
		return rc;
	for (int i = 0; i < FLOWDEV_QUEUES; i++)
		queues[port][i] = &d->queue[i < d->n_queues ? i : 0];
	rte_eth_fp_ops[port].rx_pkt_burst = receive;
	rte_eth_fp_ops[port].tx_pkt_burst = transmit;
	rte_eth_fp_ops[port].rxq.data = queues[port];
	rte_eth_fp_ops[port].txq.data = queues[port];
	return 0;
}

int rte_eth_dev_stop(uint16_t port)
{
	__typeof__(&rte_eth_dev_stop) next = flowdev_behind("rte_eth_dev_stop");
	struct flowdev *d = flowdev_of(port);

	if (d != NULL && d->n_rules > 0) {
		fprintf(stderr, "flowdev: %u rules were left in port %u\n", d->n_rules, port);
		flowdev_left += d->n_rules;
		rte_flow_flush(port, NULL);
	}
	return next(port);
}

int rte_eth_dev_close(uint16_t port)
{
	__typeof__(&rte_eth_dev_close) next = flowdev_behind("rte_eth_dev_close");
	struct flowdev *d = flowdev_of(port);
	int rc = next(port);

	if (d == NULL)
		return rc;
	for (uint16_t q = 0; q < d->n_queues; q++) {
		struct rte_mbuf *m;

		while (rte_ring_dequeue(d->queue[q].ring, (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(d->queue[q].ring);
	}
	if (d->sock >= 0)
		close(d->sock);
	memset(d, 0, sizeof(*d));
	return rc;
}
