/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tgen.h"

#define BUFFERS   32767
#define RING      1024
#define LINK_WAIT 10   /* seconds */
#define MTU       1600 /* the largest packet and the headers of its tunnel */

static int fail(const char *name, const char *what, int ret)
{
	fprintf(stderr, "coast-tgen: port %s: %s: %s\n", name, what, rte_strerror(-ret));
	return -1;
}

static int find(const char *name, uint16_t *id)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (isdigit((unsigned char)name[0]) && *end == '\0' && n < RTE_MAX_ETHPORTS &&
	    rte_eth_dev_is_valid_port((uint16_t)n)) {
		*id = (uint16_t)n;
		return 0;
	}
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	fprintf(stderr,
		"coast-tgen: there is no port %s; DPDK has %u: give two with --vdev, or bind two "
		"NICs to vfio-pci, and name them with --n3-port and --n6-port\n",
		name, rte_eth_dev_count_avail());
	return -1;
}

static int queues(const char *name, uint16_t id, struct rte_mempool *pool)
{
	uint16_t rx = RING, tx = RING;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(id, 0, rx, rte_eth_dev_socket_id(id), NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(id, 0, tx, rte_eth_dev_socket_id(id), NULL);
	return ret < 0 ? fail(name, "queues", ret) : 0;
}

/* As much as the device says to carry; some carry more than that. */
static uint32_t carried(const struct rte_eth_dev_info *info)
{
	uint32_t mtu = info->max_mtu < MTU ? info->max_mtu : MTU;
	uint32_t frame = info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN;

	return frame < mtu ? frame : mtu;
}

static int open_port(const char *name, struct port *port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = {0};
	struct rte_ether_addr mac;
	struct rte_eth_dev_info info;
	int ret;

	if (find(name, &port->id) < 0)
		return -1;
	ret = rte_eth_dev_info_get(port->id, &info);
	if (ret < 0)
		return fail(name, "information", ret);
	conf.rxmode.mtu = carried(&info);
	ret = rte_eth_dev_configure(port->id, 1, 1, &conf);
	if (ret < 0)
		return fail(name, "configuration", ret);
	if (queues(name, port->id, pool) < 0)
		return -1;
	ret = rte_eth_dev_start(port->id);
	if (ret < 0)
		return fail(name, "start", ret);
	rte_eth_promiscuous_enable(port->id); /* an echo's MAC addresses are whatever they are */
	ret = rte_eth_macaddr_get(port->id, &mac);
	if (ret < 0)
		return fail(name, "MAC address", ret);
	memcpy(port->side->mac, mac.addr_bytes, 6);
	return 0;
}

/* A vhost-user peer may take a while to come. */
static int wait_link(const char *name, const struct tgen *t, uint16_t id)
{
	uint64_t end = rte_get_tsc_cycles() + LINK_WAIT * rte_get_tsc_hz();
	struct rte_eth_link link = {0};

	while (rte_eth_link_get_nowait(id, &link) < 0 || !link.link_status) {
		if (t->stop)
			return -1;
		if (rte_get_tsc_cycles() > end) {
			fprintf(stderr,
				"coast-tgen: port %s: no link for %d seconds: is the other "
				"side up?\n",
				name, LINK_WAIT);
			return -1;
		}
		rte_delay_us_sleep(10000);
	}
	return 0;
}

int ports_open(struct tgen *t)
{
	t->pool = rte_pktmbuf_pool_create("tgen", BUFFERS, 512, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					  (int)rte_socket_id());
	if (t->pool == NULL) {
		fprintf(stderr, "coast-tgen: packet memory: %s: give more with -m or hugepages\n",
			rte_strerror(rte_errno));
		return -1;
	}
	t->port[0].side = &t->net->n3;
	t->port[1].side = &t->net->n6;
	for (unsigned i = 0; i < 2; i++)
		if (open_port(t->o->port_name[i], &t->port[i], t->pool) < 0)
			return -1;
	for (unsigned i = 0; i < 2; i++)
		if (wait_link(t->o->port_name[i], t, t->port[i].id) < 0)
			return -1;
	return 0;
}

void ports_close(struct tgen *t)
{
	for (unsigned i = 0; i < 2; i++) {
		rte_eth_dev_stop(t->port[i].id);
		rte_eth_dev_close(t->port[i].id);
	}
}
