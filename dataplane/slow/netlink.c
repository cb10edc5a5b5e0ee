/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "slow/netlink.h"

struct request {
	struct nlmsghdr nh;
	struct ifaddrmsg ifa;
	char attrs[64];
};

static void put_attr(struct request *r, unsigned short type, const void *data, unsigned short len)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->nh.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->nh.nlmsg_len = NLMSG_ALIGN(r->nh.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static int transact(int sock, struct request *r)
{
	struct {
		struct nlmsghdr nh;
		struct nlmsgerr err;
		char rest[256];
	} reply;

	if (send(sock, r, r->nh.nlmsg_len, 0) < 0)
		return -1;
	if (recv(sock, &reply, sizeof(reply), 0) < (ssize_t)NLMSG_LENGTH(sizeof(reply.err)))
		return -1;
	if (reply.nh.nlmsg_type == NLMSG_ERROR && reply.err.error) {
		errno = -reply.err.error;
		return -1;
	}
	return 0;
}

static int add(int sock, unsigned index, const struct cst_prefix *p)
{
	unsigned short len = p->ip.family == 4 ? 4 : 16;
	struct request r = {
		.nh = {.nlmsg_len = NLMSG_LENGTH(sizeof(r.ifa)),
		       .nlmsg_type = RTM_NEWADDR,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE},
		.ifa = {.ifa_family = p->ip.family == 4 ? AF_INET : AF_INET6,
			.ifa_prefixlen = p->len,
			.ifa_flags = IFA_F_NODAD,
			.ifa_index = index},
	};

	put_attr(&r, IFA_LOCAL, p->ip.b, len);
	put_attr(&r, IFA_ADDRESS, p->ip.b, len);
	return transact(sock, &r);
}

int cst_netlink_addrs(const char *dev, const struct cst_prefix *addrs, unsigned n)
{
	unsigned index = if_nametoindex(dev);
	int sock, rc = 0;

	if (!index)
		return -1;
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (sock < 0)
		return -1;
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = add(sock, index, &addrs[i]);
	close(sock);
	return rc;
}
