/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "port/kernel_if.h"

/* One request on an interface; 0 or a negative errno. */
static int request(unsigned long what, const char *name, struct ifreq *ifr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	if (ioctl(fd, what, ifr) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

unsigned cst_kif_speed(const char *name)
{
	struct ethtool_cmd cmd = {.cmd = ETHTOOL_GSET};
	struct ifreq ifr = {.ifr_data = (void *)&cmd};
	uint32_t mbps;

	if (request(SIOCETHTOOL, name, &ifr) < 0)
		return 0;
	mbps = ethtool_cmd_speed(&cmd);
	return mbps == (uint32_t)SPEED_UNKNOWN ? 0 : mbps;
}

void cst_kif_get(const char *name, struct cst_kif *k)
{
	struct ifreq ifr = {0};

	memset(k, 0, sizeof(*k));
	if (request(SIOCGIFINDEX, name, &ifr) < 0)
		return;
	k->index = (unsigned)ifr.ifr_ifindex;
	if (request(SIOCGIFFLAGS, name, &ifr) < 0)
		return;
	k->up = (ifr.ifr_flags & IFF_UP) != 0;
	k->running = (ifr.ifr_flags & IFF_RUNNING) != 0;
}

int cst_kif_raise(const char *name, struct cst_err *e)
{
	struct ifreq ifr = {0};
	int ret = request(SIOCGIFFLAGS, name, &ifr);

	if (ret == -ENODEV)
		return cst_err(e, ret, "device",
			       "no interface '%s' in coastd's network namespace; 'ip link' lists "
			       "them",
			       name);
	if (ret == 0 && (ifr.ifr_flags & (IFF_UP | IFF_ALLMULTI)) != (IFF_UP | IFF_ALLMULTI)) {
		ifr.ifr_flags |= IFF_UP | IFF_ALLMULTI;
		ret = request(SIOCSIFFLAGS, name, &ifr);
	}
	if (ret < 0)
		return cst_err(e, ret, "device", "cannot set '%s' up (%s): %s", name,
			       strerror(-ret),
			       ret == -EPERM ? "coastd needs CAP_NET_ADMIN"
					     : "try 'ip link set up' on it by hand");
	return 0;
}

int cst_kif_queues(const char *name, uint16_t *queues, struct cst_err *e)
{
	struct ethtool_channels ch = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&ch};

	*queues = 1;
	if (request(SIOCETHTOOL, name, &ifr) < 0)
		return 0; /* the driver has one queue and no word for it */
	if (ch.combined_count > 0) {
		if (ch.rx_count > 0)
			return cst_err(e, -EINVAL, "device",
				       "'%s' has receive queues of their own beside the combined "
				       "ones, which AF_XDP cannot serve: 'ethtool -L %s rx 0'",
				       name, name);
		*queues = ch.combined_count > UINT16_MAX ? UINT16_MAX : (uint16_t)ch.combined_count;
		return 0;
	}
	if (ch.rx_count > 1)
		return cst_err(e, -EINVAL, "device",
			       "'%s' spreads packets over %u receive queues and AF_XDP can serve "
			       "only the first: 'ethtool -L %s rx 1 tx 1'",
			       name, ch.rx_count, name);
	return 0;
}
