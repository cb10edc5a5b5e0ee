/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
	exit(2);
}

static void netns_open(const char *path, const char *what)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(what, strerror(errno));
	close(fd);
}

static char home[64];

void netns_enter(const char *name)
{
	char path[256];

	if (home[0] == '\0') {
		int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			die("/proc/self/ns/net", strerror(errno));
		snprintf(home, sizeof(home), "/proc/self/fd/%d", fd);
	}
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	netns_open(path, name);
}

void netns_leave(void)
{
	if (home[0] != '\0')
		netns_open(home, "network namespace");
}

static int packet_socket(const char *interface)
{
	const int on = 1, room = 32 << 20;
	struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (to.sll_ifindex == 0)
		die(interface, "there is no such interface");
	all.mr_ifindex = to.sll_ifindex;
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die(interface, strerror(errno));
	return fd;
}

int frame_open(const char *where)
{
	const char *slash = strchr(where, '/');
	char name[64];
	int fd;

	if (slash == NULL)
		return packet_socket(where);
	snprintf(name, sizeof(name), "%.*s", (int)(slash - where), where);
	netns_enter(name);
	fd = packet_socket(slash + 1);
	netns_leave();
	return fd;
}

static size_t put_tag(uint8_t *buf, size_t len, const struct tpacket_auxdata *aux)
{
	const uint16_t tag[2] = {
		htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : 0x8100),
		htons(aux->tp_vlan_tci)};

	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || len < 14 || len + 4 > FRAME_MAX)
		return len;
	memmove(buf + 16, buf + 12, len - 12);
	memcpy(buf + 12, tag, 4);
	return len + 4;
}

void frame_times(int fd)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0)
		die("SO_TIMESTAMPNS", strerror(errno));
}

size_t frame_read(int fd, uint8_t *buf, uint64_t *when)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct tpacket_auxdata)) +
			 CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec iov = {buf, FRAME_MAX - 4};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &msg, 0);
	size_t len = n > 0 ? (size_t)n : 0;

	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c != NULL;
	     c = CMSG_NXTHDR(&msg, c)) {
		struct tpacket_auxdata aux;
		struct timespec ts;

		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			len = put_tag(buf, len, &aux);
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
			   when != NULL) {
			memcpy(&ts, CMSG_DATA(c), sizeof(ts));
			*when = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
		}
	}
	return len;
}

void frame_write(int fd, const uint8_t *buf, size_t len)
{
	/* a link that takes no more loses it, as links do */
	(void)!send(fd, buf, len, 0);
}

uint64_t frame_overruns(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t size = sizeof(stats);

	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size);
	return stats.tp_drops;
}
