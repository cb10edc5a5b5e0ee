/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gNB for the lab: users behind a TUN interface, one GTP-U tunnel pair each.
 * Encodes and decodes on its own, without coast's headers, so that the two
 * ends of the lab do not share a mistake.
 *
 *   gnb --tun ue0 --local 192.0.2.2 --remote 192.0.2.1 \
 *       --ue 10.45.0.2,0x1001,9,0x11 [--ue 2001:db8:45::,0x1001,9,0x11] ...
 *
 * --ue ADDRESS,UL-TEID,QFI,DL-TEID: an IPv6 address stands for its /64. Runs
 * until it is killed. "error-indication TEID" and "rejected REASON" go to stdout.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stream/packet.h"

#define MAX_UES 4096
#define ROOM    64 /* for the headers in front of a user's packet */

struct ue {
	uint8_t addr[16]; /* IPv4 in the first four; IPv6: the upper eight count */
	uint8_t family, qfi;
	uint32_t ul_teid, dl_teid;
};

static struct ue ues[MAX_UES];
static unsigned n_ues;

static void die(const char *what)
{
	fprintf(stderr, "gnb: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_ue(const char *spec)
{
	struct ue *ue = &ues[n_ues];
	char addr[64];
	unsigned ul, qfi, dl;

	if (n_ues == MAX_UES ||
	    sscanf(spec, "%63[^,],%i,%u,%i", addr, (int *)&ul, &qfi, (int *)&dl) != 4) {
		fprintf(stderr, "gnb: --ue %s: want ADDRESS,UL-TEID,QFI,DL-TEID\n", spec);
		exit(2);
	}
	ue->family = strchr(addr, ':') != NULL ? 6 : 4;
	if (inet_pton(ue->family == 6 ? AF_INET6 : AF_INET, addr, ue->addr) != 1) {
		fprintf(stderr, "gnb: --ue %s: bad address\n", spec);
		exit(2);
	}
	ue->ul_teid = ul;
	ue->qfi = (uint8_t)qfi;
	ue->dl_teid = dl;
	n_ues++;
}

static const struct ue *ue_by_source(const uint8_t *ip, size_t len)
{
	if (len < 20)
		return NULL;
	for (unsigned i = 0; i < n_ues; i++) {
		const struct ue *ue = &ues[i];

		if ((ip[0] >> 4) != ue->family)
			continue;
		if (ue->family == 4 ? memcmp(ip + 12, ue->addr, 4) == 0
				    : len >= 40 && memcmp(ip + 8, ue->addr, 8) == 0)
			return ue;
	}
	return NULL;
}

static const struct ue *ue_by_teid(uint32_t teid, unsigned family)
{
	for (unsigned i = 0; i < n_ues; i++)
		if (ues[i].dl_teid == teid && ues[i].family == family)
			return &ues[i];
	return NULL;
}

static int open_tun(const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		die(name);
	return fd;
}

static int open_udp(const char *local, const char *remote)
{
	bool v6 = strchr(local, ':') != NULL;
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(GTPU_PORT)};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(GTPU_PORT)};
	int size = 4 << 20;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct sockaddr *sa = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;
	socklen_t len = v6 ? sizeof(a6) : sizeof(a4);
	void *where = v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (inet_pton(sa->sa_family, local, where) != 1 || bind(fd, sa, len) < 0)
		die(local);
	if (inet_pton(sa->sa_family, remote, where) != 1)
		die(remote);
	/* not connect(): the peer may send from any port (TS 29.281 4.4.2) */
	return fd;
}

struct link {
	int tun, udp;
	struct sockaddr_storage peer;
	socklen_t peer_len;
};

static void uplink(struct link *l)
{
	static uint8_t buf[ROOM + 65536];

	for (int i = 0; i < 64; i++) {
		ssize_t n = read(l->tun, buf + ROOM, 65536);
		const struct ue *ue;
		uint8_t *h = buf + ROOM - 16;

		if (n <= 0)
			return;
		ue = ue_by_source(buf + ROOM, (size_t)n);
		if (ue == NULL)
			continue; /* the kernel's own router solicitations and the like */
		h[0] = 0x34;      /* version 1, GTP, extension header follows */
		h[1] = 255;
		h[2] = (uint8_t)((n + 8) >> 8);
		h[3] = (uint8_t)(n + 8);
		h[4] = (uint8_t)(ue->ul_teid >> 24);
		h[5] = (uint8_t)(ue->ul_teid >> 16);
		h[6] = (uint8_t)(ue->ul_teid >> 8);
		h[7] = (uint8_t)ue->ul_teid;
		memset(h + 8, 0, 3);
		h[11] = 0x85; /* PDU Session Container, uplink */
		h[12] = 1;
		h[13] = 0x10;
		h[14] = ue->qfi;
		h[15] = 0;
		sendto(l->udp, h, (size_t)n + 16, 0, (struct sockaddr *)&l->peer, l->peer_len);
	}
}

static void echo_reply(struct link *l, const uint8_t *req, ssize_t n,
		       const struct sockaddr_storage *to, socklen_t to_len)
{
	uint8_t rsp[14] = {0x32, 2, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0};

	if (n >= 12 && (req[0] & 0x02))
		memcpy(rsp + 8, req + 8, 2);
	sendto(l->udp, rsp, sizeof(rsp), 0, (const struct sockaddr *)to, to_len);
}

static void to_user(struct link *l, const struct gtpu *g)
{
	const struct ue *ue = g->len > 0 ? ue_by_teid(g->teid, g->inner[0] >> 4) : NULL;

	if (ue == NULL)
		printf("rejected teid 0x%08x\n", g->teid);
	else if (g->qfi != ue->qfi)
		printf("rejected qfi %d\n", g->qfi);
	else if (write(l->tun, g->inner, g->len) < 0)
		printf("rejected tun %s\n", strerror(errno));
}

static void downlink(struct link *l)
{
	static uint8_t buf[65536];

	for (int i = 0; i < 64; i++) {
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n =
			recvfrom(l->udp, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);
		struct gtpu g;

		if (n < 8)
			return;
		switch (gtpu_read(buf, (size_t)n, &g)) {
		case GTPU_ECHO_REQUEST:
			echo_reply(l, buf, n, &from, from_len);
			break;
		case GTPU_ERROR:
			if (g.len >= 5 && g.inner[0] == 16)
				printf("error-indication 0x%02x%02x%02x%02x\n", g.inner[1],
				       g.inner[2], g.inner[3], g.inner[4]);
			break;
		case GTPU_END_MARKER:
			printf("end-marker 0x%08x\n", g.teid);
			break;
		case GTPU_GPDU:
			to_user(l, &g);
			break;
		default:
			puts("rejected malformed");
		}
	}
}

static void set_peer(struct link *l, const char *remote)
{
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&l->peer;
	struct sockaddr_in *a4 = (struct sockaddr_in *)&l->peer;

	if (inet_pton(AF_INET, remote, &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons(GTPU_PORT);
		l->peer_len = sizeof(*a4);
	} else if (inet_pton(AF_INET6, remote, &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons(GTPU_PORT);
		l->peer_len = sizeof(*a6);
	} else {
		errno = EINVAL;
		die(remote);
	}
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"tun", required_argument, NULL, 't'},
		{"local", required_argument, NULL, 'l'},
		{"remote", required_argument, NULL, 'r'},
		{"ue", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	const char *tun = "ue0", *local = NULL, *remote = NULL;
	struct link l = {0};
	struct pollfd fds[2];
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			tun = optarg;
			break;
		case 'l':
			local = optarg;
			break;
		case 'r':
			remote = optarg;
			break;
		case 'u':
			add_ue(optarg);
			break;
		default:
			return 2;
		}
	}
	if (local == NULL || remote == NULL || n_ues == 0) {
		fputs("usage: gnb --tun NAME --local ADDRESS --remote ADDRESS --ue "
		      "ADDRESS,UL-TEID,QFI,DL-TEID ...\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_peer(&l, remote);
	l.tun = open_tun(tun);
	l.udp = open_udp(local, remote);
	puts("gnb ready");
	fds[0] = (struct pollfd){.fd = l.tun, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = l.udp, .events = POLLIN};
	while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
		if (fds[0].revents)
			uplink(&l);
		if (fds[1].revents)
			downlink(&l);
	}
	die("poll");
}
