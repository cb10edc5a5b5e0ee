/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's side of interfaces with kernel: true. Each has a TAP, ct-NAME,
 * with the port's MAC address and the interface's addresses, so that programs
 * that bind to these see what is not coast's: ping replies, ssh, routing
 * daemons. What they send leaves by the port as it is. Coast alone answers ARP
 * and ND for the addresses; the kernel sees the answers to its own questions.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arp.h"
#include "ip.h"
#include "log.h"
#include "nd.h"
#include "slow/internal.h"
#include "slow/netlink.h"
#include "vlan.h"

#define MAX_TAPS 64
#define BURST    32
#define MAX_IOV  16

static struct {
	uint16_t iface;
	uint16_t epoch;
	uint16_t mtu;
	uint8_t n_addrs;
	struct cst_prefix addrs[CST_MAX_IF_ADDRS];
	char name[CST_NAME_LEN];
} taps[MAX_TAPS];
static struct pollfd fds[MAX_TAPS]; /* beside taps[] */
static unsigned n_taps;

struct pollfd *tap_fds(unsigned *n)
{
	*n = n_taps;
	return fds;
}

/* ---- making them ----------------------------------------------------------------- */

/* Neither routers' advertisements nor duplicate detection are the kernel's business here. */
static void quiet(const char *dev)
{
	static const char *const keys[][2] = {
		{"accept_ra", "0"}, {"accept_dad", "0"}, {"autoconf", "0"}, {"addr_gen_mode", "0"}};
	char path[128];

	for (unsigned i = 0; i < RTE_DIM(keys); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", dev, keys[i][0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, keys[i][1], 1) < 0)
			LOG_DEBUG("%s: %s", path, strerror(errno));
		close(fd);
	}
}

/* MAC address and MTU can be set while it is down only; addresses once it is there. */
static int configure(const char *dev, const struct cst_snap_iface *ifc)
{
	struct ifreq ifr = {0};
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = -1;

	if (sock < 0)
		return -1;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	ifr.ifr_hwaddr.sa_family = 1; /* Ethernet */
	memcpy(ifr.ifr_hwaddr.sa_data, ifc->mac, 6);
	if (ioctl(sock, SIOCSIFHWADDR, &ifr) < 0)
		goto out;
	ifr.ifr_mtu = ifc->mtu;
	if (ioctl(sock, SIOCSIFMTU, &ifr) < 0)
		goto out;
	quiet(dev);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		goto out;
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(sock, SIOCSIFFLAGS, &ifr) < 0)
		goto out;
	rc = cst_netlink_addrs(dev, ifc->addrs, ifc->n_addrs);
out:
	close(sock);
	return rc;
}

static void add(uint16_t iface, const struct cst_snap_iface *ifc)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	if (n_taps == MAX_TAPS) {
		LOG_ERR("interface '%s': more than %d interfaces with kernel: true", ifc->name,
			MAX_TAPS);
		return;
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "ct-%.12s", ifc->name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || configure(ifr.ifr_name, ifc) < 0) {
		LOG_ERR("interface '%s': the kernel's side %s cannot be made: %s; coastd needs "
			"/dev/net/tun and CAP_NET_ADMIN",
			ifc->name, ifr.ifr_name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	taps[n_taps].iface = iface;
	taps[n_taps].epoch = ifc->epoch;
	taps[n_taps].mtu = ifc->mtu;
	taps[n_taps].n_addrs = ifc->n_addrs;
	memcpy(taps[n_taps].addrs, ifc->addrs, sizeof(ifc->addrs));
	memcpy(taps[n_taps].name, ifc->name, sizeof(ifc->name));
	fds[n_taps++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void drop_tap(unsigned i)
{
	close(fds[i].fd);
	n_taps--;
	taps[i] = taps[n_taps];
	fds[i] = fds[n_taps];
}

static bool still_right(unsigned i, const struct cst_snap *s)
{
	const struct cst_snap_iface *ifc = &s->ifaces[taps[i].iface];

	return ifc->vrf && (ifc->flags & CST_SNAP_KERNEL) && taps[i].epoch == ifc->epoch &&
	       taps[i].n_addrs == ifc->n_addrs &&
	       memcmp(taps[i].addrs, ifc->addrs, ifc->n_addrs * sizeof(ifc->addrs[0])) == 0;
}

static bool there(uint16_t iface)
{
	for (unsigned i = 0; i < n_taps; i++)
		if (taps[i].iface == iface)
			return true;
	return false;
}

void tap_sync(const struct cst_snap *s)
{
	static const uint8_t none[6];

	for (unsigned i = n_taps; i-- > 0;)
		if (!still_right(i, s))
			drop_tap(i);
	for (uint16_t id = 1; id < CST_MAX_IFACES; id++) {
		const struct cst_snap_iface *ifc = &s->ifaces[id];

		/* a port that is down has no MAC address yet; it comes with a new snapshot */
		if (ifc->vrf && (ifc->flags & CST_SNAP_KERNEL) && !there(id) &&
		    memcmp(ifc->mac, none, 6))
			add(id, ifc);
	}
}

void tap_fini(void)
{
	while (n_taps)
		drop_tap(0);
}

/* ---- to the kernel ------------------------------------------------------------------ */

bool tap_give(const struct cst_snap *s, struct rte_mbuf *m, uint16_t ethertype)
{
	static const uint8_t inside[6] = {2, 0, 0, 0, 0, 1}; /* sender of what came from no wire */
	const struct cst_pkt *pkt = cst_pkt(m);
	uint16_t iface = pkt->iface % CST_MAX_IFACES;
	const uint8_t *l2 = rte_pktmbuf_mtod(m, uint8_t *) - pkt->l2_len;
	struct iovec iov[MAX_IOV + 1];
	uint8_t eth[14];
	int n = 0, fd = -1;

	for (unsigned i = 0; i < n_taps; i++)
		if (taps[i].iface == iface)
			fd = fds[i].fd;
	if (fd < 0)
		return false;
	/* untagged, whatever the wire had: the TAP is the VLAN's interface */
	if (pkt->l2_len)
		cst_eth_put(eth, l2, l2 + 6, ethertype);
	else
		cst_eth_put(eth, s->ifaces[iface].mac, inside, ethertype);
	iov[n++] = (struct iovec){eth, sizeof(eth)};
	for (; m; m = m->next) {
		if (n > MAX_IOV)
			return false;
		iov[n++] = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	}
	if (writev(fd, iov, n) < 0)
		return false;
	slow_stats.to_kernel++;
	return true;
}

/* ---- from the kernel ---------------------------------------------------------------- */

/* What coast says itself: ARP replies and advertisements for the addresses both have. */
static bool is_ours_to_say(const uint8_t *p, uint32_t len)
{
	uint16_t type = cst_be16(p + 12);

	if (type == CST_ETH_ARP)
		return len >= 22 && cst_be16(p + 20) == CST_ARP_REPLY;
	return type == CST_ETH_IPV6 && len >= 14 + 41 && p[14 + 6] == CST_PROTO_ICMPV6 &&
	       p[14 + 40] == CST_ICMP6_NEIGHBOUR_ADVERT;
}

static void add_tag(struct rte_mbuf *m, uint16_t vlan)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *) - 4;

	memmove(p, p + 4, 12);
	cst_vlan_put(p + 12, CST_ETH_CTAG, vlan);
	rte_pktmbuf_prepend(m, 4);
}

static bool read_one(const struct cst_snap_iface *ifc, int fd)
{
	struct rte_mbuf *m = slow_alloc();
	ssize_t len;

	if (!m)
		return false;
	len = read(fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (len < 14 || is_ours_to_say(rte_pktmbuf_mtod(m, uint8_t *), (uint32_t)len)) {
		rte_pktmbuf_free(m);
		return len > 0;
	}
	rte_pktmbuf_append(m, (uint16_t)len);
	if (ifc->vlan)
		add_tag(m, ifc->vlan);
	slow_stats.from_kernel++;
	slow_send_frame(m, ifc);
	return true;
}

bool tap_read(const struct cst_snap *s)
{
	bool any = false;

	for (unsigned i = 0; i < n_taps; i++)
		for (unsigned k = 0; k < BURST && read_one(&s->ifaces[taps[i].iface], fds[i].fd);
		     k++)
			any = true;
	return any;
}
