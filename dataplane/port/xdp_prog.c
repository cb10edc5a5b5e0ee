/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "port/xdp_prog.h"

#define REPLY_MAX 32768

struct request {
	struct nlmsghdr h;
	struct ifinfomsg ifi;
};

/* The reply to one RTM_GETLINK; its length or a negative number. */
static ssize_t ask(unsigned ifindex, void *reply, size_t size)
{
	struct request r = {
		.h = {.nlmsg_len = sizeof(r),
		      .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST},
		.ifi = {.ifi_index = (int)ifindex},
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	if (send(fd, &r, sizeof(r), 0) == (ssize_t)sizeof(r))
		n = recv(fd, reply, size, 0);
	close(fd);
	return n;
}

static const struct rtattr *find(const struct rtattr *a, int len, int type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static uint32_t prog_id(unsigned ifindex)
{
	static char reply[REPLY_MAX] __attribute__((aligned(8)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)reply;
	const struct rtattr *xdp, *id;
	ssize_t n = ask(ifindex, reply, sizeof(reply));

	if (n < 0 || !NLMSG_OK(h, (size_t)n) || h->nlmsg_type != RTM_NEWLINK)
		return 0;
	xdp = find(IFLA_RTA(NLMSG_DATA(h)), (int)IFLA_PAYLOAD(h), IFLA_XDP);
	if (xdp == NULL)
		return 0;
	id = find(RTA_DATA(xdp), (int)RTA_PAYLOAD(xdp), IFLA_XDP_PROG_ID);
	return id != NULL ? *(const uint32_t *)RTA_DATA(id) : 0;
}

static long bpf(int cmd, union bpf_attr *attr)
{
	return syscall(__NR_bpf, cmd, attr, sizeof(*attr));
}

bool cst_xdp_prog(unsigned ifindex, uint32_t *id, char name[16])
{
	struct bpf_prog_info info = {0};
	union bpf_attr attr;
	int fd;

	name[0] = '\0';
	*id = prog_id(ifindex);
	if (*id == 0)
		return false;
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = *id;
	fd = (int)bpf(BPF_PROG_GET_FD_BY_ID, &attr);
	if (fd < 0)
		return true;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (uintptr_t)&info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0) {
		memcpy(name, info.name, 15);
		name[15] = '\0';
	}
	close(fd);
	return true;
}
