/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "log.h"
#include "port/check_device.h"
#include "port/ethdev.h"
#include "port/kernel_if.h"

#define DEFAULT_RING 1024
#define FRAME_EXTRA  22  /* Ethernet header, one VLAN tag and FCS */
#define XDP_HEADROOM 256 /* what the kernel keeps free before the packet (XDP_PACKET_HEADROOM) */

/* ---- probe ------------------------------------------------------------------- */

/* Numbers of ethdevs are not told by the probe: see which one came. */
static int probe(const char *devargs, uint16_t *id)
{
	bool before[RTE_MAX_ETHPORTS] = {false};
	uint16_t port;
	int ret;

	RTE_ETH_FOREACH_DEV (port)
		before[port] = true;
	ret = rte_dev_probe(devargs);
	if (ret < 0)
		return ret;
	RTE_ETH_FOREACH_DEV (port)
		if (!before[port]) {
			*id = port;
			return 0;
		}
	return -ENODEV;
}

static void take_out(struct rte_device *dev)
{
	int ret = rte_dev_remove(dev);

	if (ret < 0 && ret != -ENOENT)
		LOG_WARN("a device is not given back whole: %s", strerror(-ret));
}

/* ---- configure ----------------------------------------------------------------- */

static bool hardware(const struct cst_device *dev)
{
	return dev->kind == CST_DEV_PCI || dev->kind == CST_DEV_EAL;
}

/* These drivers want as many transmit queues as receive queues, or gain nothing from more. */
static bool paired(const struct cst_device *dev)
{
	return dev->kind == CST_DEV_AF_XDP || dev->kind == CST_DEV_TAP ||
	       dev->kind == CST_DEV_VHOST || dev->kind == CST_DEV_VIRTIO_USER;
}

static int choose_queues(const struct cst_port_conf *conf, const struct cst_device *dev,
			 const struct rte_eth_dev_info *info, uint16_t pairs, struct cst_ethdev *d,
			 struct cst_err *e)
{
	uint16_t workers = RTE_MAX(cst_workers(), (uint16_t)1);

	if (paired(dev)) {
		d->rxq = d->txq = pairs;
	} else {
		d->rxq = conf->queues != 0 ? conf->queues : RTE_MIN(workers, info->max_rx_queues);
		d->txq = RTE_MIN(workers, info->max_tx_queues);
	}
	if (d->rxq > info->max_rx_queues || d->txq > info->max_tx_queues)
		return cst_err(e, -ERANGE, "queues", "the device has at most %u",
			       RTE_MIN(info->max_rx_queues, info->max_tx_queues));
	if (d->rxq == 0 || d->txq == 0)
		return cst_err(e, -ENODEV, "device", "the device has no queues");
	return 0;
}

/* A frame longer than a buffer is spread over several where the driver can. */
static int choose_buffers(const struct cst_device *dev, const struct rte_eth_dev_info *info,
			  uint16_t mtu, struct rte_eth_conf *c, struct cst_err *e)
{
	uint32_t room = rte_pktmbuf_data_room_size(cst_packet_pool()) - RTE_PKTMBUF_HEADROOM;
	uint32_t frame = mtu + FRAME_EXTRA;

	if (dev->kind == CST_DEV_AF_XDP)
		frame += XDP_HEADROOM;
	if (frame <= room || dev->kind == CST_DEV_VHOST || dev->kind == CST_DEV_PCAP ||
	    dev->kind == CST_DEV_NULL)
		return 0;
	if ((info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) == 0)
		return cst_err(e, -ERANGE, "mtu",
			       "frames of this size do not fit a packet buffer, and the device "
			       "cannot spread them: set system.buffer_size to %u or more",
			       frame);
	c->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	return 0;
}

static void choose_offloads(const struct cst_device *dev, const struct rte_eth_dev_info *info,
			    struct rte_eth_conf *c)
{
	c->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (!hardware(dev))
		return; /* software drivers save nothing by it */
	c->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
	c->txmode.offloads |= info->tx_offload_capa &
			      (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
			       RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
}

/* Spread by addresses and ports, and by the TEID where the device reads GTP-U. Which worker ends up
 * with a session is settled later; this only keeps one flow on one queue. */
static void choose_rss(const struct rte_eth_dev_info *info, uint16_t rxq, struct rte_eth_conf *c)
{
	uint64_t hf =
		info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP |
						RTE_ETH_RSS_SCTP | RTE_ETH_RSS_GTPU);

	if (rxq < 2 || hf == 0)
		return;
	c->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	c->rx_adv_conf.rss_conf.rss_hf = hf;
}

/* Drivers that are not asked before their queues are set up may not hand marks of rules on
 * (port/flow.h); most know nothing of the question and do. */
static void ask_for_marks(const struct cst_port_conf *conf, uint16_t id)
{
	uint64_t features = RTE_ETH_RX_METADATA_USER_MARK;

	if (!conf->no_offload)
		rte_eth_rx_metadata_negotiate(id, &features);
}

static uint16_t max_mtu(const struct rte_eth_dev_info *info)
{
	uint32_t by_frame = info->max_rx_pktlen > RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN
				    ? info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN
				    : 0;

	if (info->max_mtu != UINT16_MAX && info->max_mtu != 0)
		return info->max_mtu;
	return (uint16_t)RTE_MIN(by_frame, (uint32_t)UINT16_MAX);
}

static int configure(const struct cst_port_conf *conf, const struct cst_device *dev,
		     const struct rte_eth_dev_info *info, uint16_t pairs, struct cst_ethdev *d,
		     struct rte_eth_conf *c, struct cst_err *e)
{
	uint16_t mtu = conf->mtu != 0 ? conf->mtu : CST_DEFAULT_MTU;
	int ret;

	ret = choose_queues(conf, dev, info, pairs, d, e);
	if (ret < 0)
		return ret;
	d->hardware = hardware(dev);
	d->max_mtu = max_mtu(info);
	if (mtu > d->max_mtu || mtu < info->min_mtu)
		return cst_err(e, -ERANGE, "mtu", "the device carries %u to %u bytes",
			       info->min_mtu, d->max_mtu);
	ret = choose_buffers(dev, info, mtu, c, e);
	if (ret < 0)
		return ret;
	choose_offloads(dev, info, c);
	choose_rss(info, d->rxq, c);
	c->rxmode.mtu = mtu;
	d->plain = (c->txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) == 0 &&
		   dev->kind != CST_DEV_PCAP && dev->kind != CST_DEV_NULL;
	d->soft_csum = dev->kind == CST_DEV_VHOST || dev->kind == CST_DEV_EAL;
	ask_for_marks(conf, d->id);
	ret = rte_eth_dev_configure(d->id, d->rxq, d->txq, c);
	if (ret < 0)
		return cst_err(e, ret, "device", "the driver %s refuses the settings: %s",
			       info->driver_name, strerror(-ret));
	ret = rte_eth_dev_set_mtu(d->id, mtu);
	if (ret < 0 && ret != -ENOTSUP)
		return cst_err(e, ret, "mtu", "the driver refuses %u: %s", mtu, strerror(-ret));
	return 0;
}

/* ---- queues -------------------------------------------------------------------- */

static uint16_t ring_length(const struct cst_device *dev, uint16_t wish, uint16_t usual)
{
	uint16_t n = wish != 0 ? wish : usual != 0 ? usual : DEFAULT_RING;

	if (dev->kind != CST_DEV_AF_XDP)
		return n;
	/* masks over shared memory, and no smaller than what xsk.c can measure */
	return (uint16_t)RTE_MAX(rte_align32pow2(n), 256u);
}

static int setup_queues(const struct cst_port_conf *conf, const struct cst_device *dev,
			const struct rte_eth_dev_info *info, const struct rte_eth_conf *c,
			struct cst_ethdev *d, struct cst_err *e)
{
	struct rte_eth_rxconf rxconf = info->default_rxconf;
	struct rte_eth_txconf txconf = info->default_txconf;
	uint16_t rx = ring_length(dev, conf->rx_ring, info->default_rxportconf.ring_size);
	uint16_t tx = ring_length(dev, conf->tx_ring, info->default_txportconf.ring_size);
	int socket = rte_eth_dev_socket_id(d->id);
	int ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(d->id, &rx, &tx);
	if (ret < 0)
		return cst_err(e, ret, "rx_ring", "the driver has no such ring length");
	rxconf.offloads = c->rxmode.offloads;
	txconf.offloads = c->txmode.offloads;
	for (uint16_t q = 0; q < d->txq && ret == 0; q++)
		ret = rte_eth_tx_queue_setup(d->id, q, tx, (unsigned)socket, &txconf);
	for (uint16_t q = 0; q < d->rxq && ret == 0; q++) {
		d->queued = true;
		ret = rte_eth_rx_queue_setup(d->id, q, rx, (unsigned)socket, &rxconf,
					     cst_packet_pool());
	}
	if (ret == 0)
		return 0;
	if (dev->kind == CST_DEV_AF_XDP)
		return cst_device_explain(dev, ret, e);
	return cst_err(e, ret, "device", "the driver's queues cannot be set up: %s%s",
		       strerror(-ret),
		       ret == -ENOMEM ? "; raise system.packet_buffers or memory" : "");
}

/* ---- up and down ------------------------------------------------------------------ */

static int start(const struct cst_port_conf *conf, const struct cst_ethdev *d, struct cst_err *e)
{
	int ret = rte_eth_dev_start(d->id);

	if (ret < 0)
		return cst_err(e, ret, "device", "the device does not start: %s", strerror(-ret));
	/* Neighbor Discovery comes by multicast; drivers that take all anyway do not know the call
	 */
	rte_eth_allmulticast_enable(d->id);
	cst_ethdev_set_promiscuous(d, conf->promiscuous);
	rte_eth_dev_set_link_up(d->id);
	return 0;
}

static void describe(const struct cst_ethdev *d, const struct rte_eth_dev_info *info,
		     const struct rte_eth_conf *c, struct cst_port_state *st)
{
	struct rte_ether_addr mac;

	st->ethdev = d->id;
	st->queues = d->rxq;
	st->mtu = (uint16_t)c->rxmode.mtu;
	snprintf(st->driver, sizeof(st->driver), "%s", info->driver_name);
	if (rte_eth_macaddr_get(d->id, &mac) == 0)
		memcpy(st->mac, mac.addr_bytes, sizeof(st->mac));
	st->offload_rx = (c->rxmode.offloads & RTE_ETH_RX_OFFLOAD_CHECKSUM) != 0;
	st->offload_tx_ip4 = (c->txmode.offloads & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	st->offload_tx_l4 = (c->txmode.offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0 &&
			    (c->txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
}

static uint16_t virtio_ring(const struct cst_port_conf *conf)
{
	uint32_t n = RTE_MAX(conf->rx_ring, conf->tx_ring);

	return n == 0 ? DEFAULT_RING : (uint16_t)rte_align32pow2(RTE_MIN(n, 32768u));
}

int cst_ethdev_open(const struct cst_port_conf *conf, const struct cst_device *dev,
		    struct cst_ethdev *d, struct cst_port_state *st, struct cst_err *e)
{
	static unsigned unique; /* an old device of the name may still wait for its grace period */
	struct rte_eth_conf c = {0};
	struct rte_eth_dev_info info;
	struct cst_xsk before;
	uint16_t pairs;
	int ret;

	memset(d, 0, sizeof(*d));
	ret = cst_device_check(dev, conf, &pairs, e);
	if (ret == 0)
		ret = cst_device_args(dev, unique++, pairs, virtio_ring(conf), d->devargs,
				      sizeof(d->devargs), e);
	if (ret < 0)
		return ret;
	cst_xsk_list(&before);
	ret = probe(d->devargs, &d->id);
	if (ret < 0)
		return cst_device_explain(dev, ret, e);
	ret = rte_eth_dev_info_get(d->id, &info);
	if (ret < 0) {
		cst_err(e, ret, "device", "the driver tells nothing of the device: %s",
			strerror(-ret));
	} else {
		ret = configure(conf, dev, &info, pairs, d, &c, e);
		if (ret == 0)
			ret = setup_queues(conf, dev, &info, &c, d, e);
		if (ret == 0)
			ret = start(conf, d, e);
	}
	cst_xsk_list(&d->xsk);
	cst_xsk_minus(&d->xsk, &before);
	/* net_af_xdp 22.11 closes what it has already freed when a queue failed: leave it be */
	if (ret < 0 && !(dev->kind == CST_DEV_AF_XDP && d->queued))
		cst_ethdev_close(d);
	if (ret < 0)
		return ret;
	describe(d, &info, &c, st);
	return 0;
}

void cst_ethdev_close(struct cst_ethdev *d)
{
	struct cst_xsk_buffers *b = d->xsk.n > 0 ? cst_xsk_note(&d->xsk) : NULL;
	struct rte_eth_dev_info info;
	struct rte_device *dev = NULL;

	if (rte_eth_dev_info_get(d->id, &info) == 0)
		dev = info.device;
	rte_eth_dev_stop(d->id);
	rte_eth_dev_close(d->id);
	if (dev != NULL)
		take_out(dev);
	cst_xsk_reclaim(&d->xsk, b);
}

int cst_ethdev_set_mtu(const struct cst_ethdev *d, uint16_t mtu, struct cst_err *e)
{
	uint32_t room = rte_pktmbuf_data_room_size(cst_packet_pool()) - RTE_PKTMBUF_HEADROOM;
	int ret;

	if (mtu > d->max_mtu)
		return cst_err(e, -ERANGE, "mtu", "the device carries at most %u bytes",
			       d->max_mtu);
	if ((uint32_t)mtu + FRAME_EXTRA + XDP_HEADROOM > room)
		return cst_err(e, -EBUSY, "mtu",
			       "frames of this size need other buffers: delete the port and put it "
			       "again");
	ret = rte_eth_dev_set_mtu(d->id, mtu);
	if (ret < 0 && ret != -ENOTSUP)
		return cst_err(e, ret, "mtu", "the driver refuses %u: %s", mtu, strerror(-ret));
	return 0;
}

void cst_ethdev_set_promiscuous(const struct cst_ethdev *d, bool on)
{
	if (on)
		rte_eth_promiscuous_enable(d->id);
	else
		rte_eth_promiscuous_disable(d->id);
}
