/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Look at what stands behind a device before DPDK does, because its drivers
 * say little of why they fail, and some of them keep packet buffers when they
 * do.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "engine/engine.h"
#include "log.h"
#include "port/check_device.h"
#include "port/kernel_if.h"
#include "port/xsk.h"

#define AF_XDP_BUFFERS 4096 /* what the driver puts into one queue's fill ring and works with */

static int check_af_xdp(const struct cst_device *dev, const struct cst_port_conf *conf,
			uint16_t *queues, struct cst_err *e)
{
	struct rte_mempool *pool = cst_packet_pool();
	int ret;

	cst_xdp_take_log();
	ret = cst_kif_raise(dev->name, e);

	if (ret == 0)
		ret = cst_kif_queues(dev->name, queues, e);
	if (ret < 0)
		return ret;
	if (conf->queues != 0 && conf->queues != *queues)
		return cst_err(e, -EINVAL, "queues",
			       "AF_XDP has to serve all of the queues of '%s', which has %u: leave "
			       "queues out, or change the interface with ethtool -L",
			       dev->name, *queues);
	if (pool->nb_mem_chunks != 1)
		return cst_err(e, -ENOMEM, "device",
			       "AF_XDP needs packet memory in one piece: use larger hugepages, or "
			       "system.hugepages: off");
	if (rte_mempool_avail_count(pool) < (unsigned)*queues * AF_XDP_BUFFERS)
		return cst_err(e, -ENOBUFS, "device",
			       "%u queues of '%s' need %u packet buffers, %u are free: raise "
			       "system.packet_buffers",
			       *queues, dev->name, *queues * AF_XDP_BUFFERS,
			       rte_mempool_avail_count(pool));
	return cst_xsk_trial(dev->name, *queues, e);
}

/* -errno of a connect() to a UNIX stream socket; 0: somebody listens. */
static int try_socket(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.107s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static int check_vhost(const struct cst_device *dev, struct cst_err *e)
{
	char dir[PATH_MAX];
	struct stat st;

	snprintf(dir, sizeof(dir), "%s", dev->name);
	*(strrchr(dir, '/') + 1) = '\0';
	if (access(dir, W_OK | X_OK) < 0)
		return cst_err(e, -errno, "device",
			       "%s: %s: make the directory that the socket is to be in", dir,
			       strerror(errno));
	if (lstat(dev->name, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return cst_err(e, -EEXIST, "device", "%s exists and is not a socket: move it away",
			       dev->name);
	if (try_socket(dev->name) != -ECONNREFUSED)
		return cst_err(e, -EADDRINUSE, "device", "another program listens on %s",
			       dev->name);
	/* left behind by one that was killed; the driver does not bind over it */
	if (unlink(dev->name) < 0)
		return cst_err(e, -errno, "device",
			       "%s is left over from before and cannot be removed: %s", dev->name,
			       strerror(errno));
	return 0;
}

static int check_virtio_user(const struct cst_device *dev, struct cst_err *e)
{
	struct stat st;

	if (stat(dev->name, &st) < 0)
		return cst_err(e, -errno, "device",
			       "%s: %s: start the vhost-user server first, or set optional: true",
			       dev->name, strerror(errno));
	/* a server that takes one client only would take a trial for it: do not connect */
	return S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode)
		       ? 0
		       : cst_err(e, -ENOTSOCK, "device", "%s is not a socket", dev->name);
}

static int check_pcap(const struct cst_device *dev, struct cst_err *e)
{
	int fd;

	if (dev->name[0] != '\0' && access(dev->name, R_OK) < 0)
		return cst_err(e, -errno, "device", "%s: %s", dev->name, strerror(errno));
	if (dev->other[0] == '\0')
		return 0;
	fd = open(dev->other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return cst_err(e, -errno, "device", "%s: %s", dev->other, strerror(errno));
	close(fd);
	return 0;
}

static int check_tap(const struct cst_device *dev, struct cst_err *e)
{
	struct cst_kif k;

	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		return cst_err(
			e, -errno, "device",
			"/dev/net/tun: %s: 'modprobe tun', and start coastd with CAP_NET_ADMIN",
			strerror(errno));
	cst_kif_get(dev->name, &k);
	if (k.index != 0)
		return cst_err(e, -EEXIST, "device",
			       "an interface '%s' exists already: take another name, or 'ip link "
			       "del' it",
			       dev->name);
	return 0;
}

static int check_null(const struct cst_device *dev, struct cst_err *e)
{
	unsigned room = rte_pktmbuf_data_room_size(cst_packet_pool()) - RTE_PKTMBUF_HEADROOM;

	if (dev->size > room)
		return cst_err(e, -EINVAL, "device",
			       "packets of %u bytes do not fit a buffer of %u", dev->size, room);
	return 0;
}

static int check_pci(const struct cst_device *dev, struct cst_err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.12s", dev->name);
	if (access(path, F_OK) < 0)
		return cst_err(e, -ENODEV, "device",
			       "there is no PCI device %.12s; 'lspci -D' lists those there are",
			       dev->name);
	return 0;
}

int cst_device_check(const struct cst_device *dev, const struct cst_port_conf *conf,
		     uint16_t *queues, struct cst_err *e)
{
	*queues = conf->queues != 0 ? conf->queues : 1;
	switch (dev->kind) {
	case CST_DEV_AF_XDP:
		return check_af_xdp(dev, conf, queues, e);
	case CST_DEV_VHOST:
		return check_vhost(dev, e);
	case CST_DEV_VIRTIO_USER:
		return check_virtio_user(dev, e);
	case CST_DEV_PCAP:
		return check_pcap(dev, e);
	case CST_DEV_TAP:
		return check_tap(dev, e);
	case CST_DEV_NULL:
		return check_null(dev, e);
	case CST_DEV_PCI:
		return check_pci(dev, e);
	case CST_DEV_EAL:
		break;
	}
	return 0;
}

/* ---- after a failure ------------------------------------------------------------ */

static int explain_pci(const struct cst_device *dev, int code, struct cst_err *e)
{
	char path[80], link[256];
	const char *driver;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.12s/driver", dev->name);
	n = readlink(path, link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	driver = strrchr(link, '/');
	if (driver == NULL)
		return cst_err(
			e, code, "device",
			"no driver is bound to %.12s: 'driverctl set-override %.12s vfio-pci' "
			"(or 'dpdk-devbind.py -b vfio-pci %.12s')",
			dev->name, dev->name, dev->name);
	return cst_err(e, code, "device",
		       "DPDK cannot drive %.12s, bound to the kernel's %.32s (%s): 'driverctl "
		       "set-override %.12s vfio-pci', with the IOMMU on; see the lines above",
		       dev->name, driver + 1, strerror(-code), dev->name);
}

int cst_device_explain(const struct cst_device *dev, int code, struct cst_err *e)
{
	switch (dev->kind) {
	case CST_DEV_PCI:
		return explain_pci(dev, code, e);
	case CST_DEV_AF_XDP:
		return cst_err(
			e, code, "device",
			"AF_XDP on '%s' fails (%s): it must carry no other XDP program "
			"('ip link show %s' names it, 'ip link set %s xdp off' takes it off), "
			"and its MTU must leave room for one; see the lines above",
			dev->name, strerror(-code), dev->name, dev->name);
	case CST_DEV_VIRTIO_USER:
		return cst_err(e, code, "device",
			       "%s: no vhost-user server answers (%s): start it first, or set "
			       "optional: true",
			       dev->name, strerror(-code));
	case CST_DEV_TAP:
		return cst_err(e, code, "device",
			       "no TAP '%s' (%s): coastd needs root or CAP_NET_ADMIN", dev->name,
			       strerror(-code));
	case CST_DEV_PCAP:
		return cst_err(e, code, "device",
			       "%s is not a packet capture that libpcap can read", dev->name);
	case CST_DEV_VHOST:
	case CST_DEV_NULL:
	case CST_DEV_EAL:
		break;
	}
	return cst_err(e, code, "device", "DPDK does not open '%s' (%s); see the lines above",
		       dev->name, strerror(-code));
}
