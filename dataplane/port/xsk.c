/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/if_xdp.h>
#include <net/if.h>

#include <rte_common.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "engine/engine.h"
#include "log.h"
#include "port/xdp_prog.h"
#include "port/xsk.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

/* ---- is a queue to be had? -------------------------------------------------------- */

#define TRIAL_FRAMES 2
#define TRIAL_FRAME  2048
/* The kernel gives a queue back in the background, a moment after its socket was closed. */
#define RELEASE_US    100000
#define RELEASE_TRIES 10

/* What it takes for the kernel to bind: memory, a fill ring, a completion ring, a receive ring.
 * Asked for zero-copy, a device that has none refuses without having taken the queue, but only
 * after it looked whether the queue is free. */
static int trial_bind(int fd, void *mem, unsigned ifindex, uint16_t queue)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)mem,
		.len = TRIAL_FRAMES * TRIAL_FRAME,
		.chunk_size = TRIAL_FRAME,
	};
	struct sockaddr_xdp sa = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_ZEROCOPY,
		.sxdp_ifindex = ifindex,
		.sxdp_queue_id = queue,
	};
	int entries = TRIAL_FRAMES;

	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)) < 0 ||
	    setsockopt(fd, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return 0;
}

static int trial(unsigned ifindex, uint16_t queue)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	void *mem;
	int ret;

	if (fd < 0)
		return -errno;
	mem = mmap(NULL, TRIAL_FRAMES * TRIAL_FRAME, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}
	ret = trial_bind(fd, mem, ifindex, queue);
	close(fd);
	munmap(mem, TRIAL_FRAMES * TRIAL_FRAME);
	if (ret == 0)
		usleep(RELEASE_US);
	return ret == -EOPNOTSUPP || ret == -EINVAL ? 0 : ret;
}

static int explain(const char *iface, uint16_t queue, int code, struct cst_err *e)
{
	switch (-code) {
	case EAFNOSUPPORT:
		return cst_err(e, code, "device",
			       "this kernel has no AF_XDP (CONFIG_XDP_SOCKETS): take another kind "
			       "of device");
	case EPERM:
	case EACCES:
		return cst_err(e, code, "device",
			       "AF_XDP on '%s' is not allowed: start coastd as root, or give it "
			       "CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF and CAP_IPC_LOCK",
			       iface);
	case EBUSY:
		return cst_err(e, code, "device",
			       "queue %u of '%s' is another program's AF_XDP socket: 'ss -X' or "
			       "'fuser' may tell whose; stop it",
			       queue, iface);
	case ENOBUFS:
		return cst_err(e, code, "device",
			       "the limit of locked memory is too low for AF_XDP: 'ulimit -l "
			       "unlimited', or LimitMEMLOCK=infinity in the service");
	default:
		return cst_err(e, code, "device", "AF_XDP cannot have queue %u of '%s': %s", queue,
			       iface, strerror(-code));
	}
}

/* The program that steers packets to AF_XDP sockets may be there from a run that was killed: it is
 * used again. Any other is somebody's. */
static int check_program(const char *iface, unsigned ifindex, struct cst_err *e)
{
	uint32_t id;
	char name[16];

	if (!cst_xdp_prog(ifindex, &id, name) || strncmp(name, "xsk_def_prog", 12) == 0 ||
	    strncmp(name, "xdp_dispatcher", 14) == 0)
		return 0;
	return cst_err(e, -EBUSY, "device",
		       "'%s' carries another XDP program (%s, id %u): 'ip link set dev %s xdp off' "
		       "takes it off",
		       iface, name[0] != '\0' ? name : "no name", id, iface);
}

int cst_xsk_trial(const char *iface, uint16_t queues, struct cst_err *e)
{
	unsigned ifindex = if_nametoindex(iface);

	if (check_program(iface, ifindex, e) < 0)
		return -EBUSY;
	for (uint16_t q = 0; q < queues; q++) {
		int ret = trial(ifindex, q);

		for (int tries = 0; ret == -EBUSY && tries < RELEASE_TRIES; tries++) {
			usleep(RELEASE_US / RELEASE_TRIES);
			ret = trial(ifindex, q);
		}
		if (ret < 0)
			return explain(iface, q, ret, e);
	}
	return 0;
}

/* ---- whose sockets ------------------------------------------------------------------- */

static uint64_t xsk_inode(int fd)
{
	socklen_t len = sizeof(int);
	struct stat st;
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 || domain != AF_XDP)
		return 0;
	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

void cst_xsk_list(struct cst_xsk *x)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *ent;

	x->n = 0;
	if (d == NULL)
		return;
	while ((ent = readdir(d)) != NULL && x->n < CST_MAX_XSK) {
		int fd = atoi(ent->d_name);
		uint64_t inode = ent->d_name[0] != '.' ? xsk_inode(fd) : 0;

		if (inode == 0)
			continue;
		x->s[x->n].fd = fd;
		x->s[x->n++].inode = inode;
	}
	closedir(d);
}

void cst_xsk_minus(struct cst_xsk *x, const struct cst_xsk *before)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < x->n; i++) {
		bool old = false;

		for (unsigned k = 0; k < before->n && !old; k++)
			old = before->s[k].inode == x->s[i].inode;
		if (!old)
			x->s[kept++] = x->s[i];
	}
	x->n = kept;
}

/* ---- buffers in rings ------------------------------------------------------------------ */

struct cst_xsk_buffers {
	uint32_t n, room;
	struct rte_mbuf **m;
};

/* The driver's own mapping of a ring, and its length. */
static uint8_t *find_mapping(uint64_t inode, uint64_t offset, uint64_t *len)
{
	FILE *f = fopen("/proc/self/maps", "re");
	uint8_t *found = NULL;
	char line[512];

	if (f == NULL)
		return NULL;
	while (found == NULL && fgets(line, sizeof(line), f) != NULL) {
		uint64_t from, to, at, ino;

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*x:%*x %" SCNu64, &from,
			   &to, &at, &ino) != 4 ||
		    ino != inode || at != offset)
			continue;
		found = (uint8_t *)(uintptr_t)from;
		*len = to - from;
	}
	fclose(f);
	return found;
}

/* Buffers are told by where they begin in the pool's memory, from the page it begins in; the upper
 * 16 bits say where in the buffer the packet lies. */
static struct rte_mbuf *to_mbuf(uint64_t addr)
{
	struct rte_mempool *pool = cst_packet_pool();
	const struct rte_mempool_memhdr *mem = STAILQ_FIRST(&pool->mem_list);
	uintptr_t base = (uintptr_t)mem->addr & ~((uintptr_t)getpagesize() - 1);
	uintptr_t m = base + (addr & XSK_UNALIGNED_BUF_ADDR_MASK) + pool->header_size;
	uintptr_t first = (uintptr_t)mem->addr;

	if (m < first || m + sizeof(struct rte_mbuf) > first + mem->len)
		return NULL;
	return ((struct rte_mbuf *)m)->pool == pool ? (struct rte_mbuf *)m : NULL;
}

static void note(struct cst_xsk_buffers *b, uint64_t addr)
{
	struct rte_mbuf *m = to_mbuf(addr);

	if (m == NULL)
		return;
	if (b->n == b->room) {
		uint32_t room = b->room != 0 ? b->room * 2 : 4096;
		struct rte_mbuf **more = realloc(b->m, room * sizeof(*more));

		if (more == NULL)
			return;
		b->m = more;
		b->room = room;
	}
	b->m[b->n++] = m;
}

/* What lies between consumer and producer. `entry` is the size of an element, an address or a
 * descriptor that begins with one. */
static void note_ring(struct cst_xsk_buffers *b, uint64_t inode, uint64_t pgoff,
		      const struct xdp_ring_offset *off, size_t entry)
{
	uint32_t cons, prod, size;
	uint64_t len, addr;
	uint8_t *map = find_mapping(inode, pgoff, &len);

	if (map == NULL || len < off->desc + entry)
		return;
	/* a power of two that fills its pages more than half: rings are made no smaller than that
	 */
	size = rte_align32prevpow2((uint32_t)((len - off->desc) / entry));
	cons = __atomic_load_n((uint32_t *)(map + off->consumer), __ATOMIC_ACQUIRE);
	prod = __atomic_load_n((uint32_t *)(map + off->producer), __ATOMIC_ACQUIRE);
	for (; prod - cons <= size && cons != prod; cons++) {
		memcpy(&addr, map + off->desc + (cons & (size - 1)) * entry, sizeof(addr));
		note(b, addr);
	}
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;

	return x < y ? -1 : x > y;
}

/* The kernel may move a buffer from ring to ring while this reads: it is then seen twice. */
static void drop_doubles(struct cst_xsk_buffers *b)
{
	uint32_t kept = 0;

	qsort(b->m, b->n, sizeof(*b->m), by_address);
	for (uint32_t i = 0; i < b->n; i++)
		if (i == 0 || b->m[i] != b->m[i - 1])
			b->m[kept++] = b->m[i];
	b->n = kept;
}

struct cst_xsk_buffers *cst_xsk_note(const struct cst_xsk *x)
{
	struct cst_xsk_buffers *b = calloc(1, sizeof(*b));
	struct xdp_mmap_offsets off;

	if (b == NULL)
		return NULL;
	for (unsigned i = 0; i < x->n; i++) {
		socklen_t len = sizeof(off);

		if (getsockopt(x->s[i].fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) < 0 ||
		    len != sizeof(off))
			continue;
		note_ring(b, x->s[i].inode, XDP_PGOFF_RX_RING, &off.rx, sizeof(struct xdp_desc));
		note_ring(b, x->s[i].inode, XDP_UMEM_PGOFF_FILL_RING, &off.fr, sizeof(uint64_t));
		note_ring(b, x->s[i].inode, XDP_PGOFF_TX_RING, &off.tx, sizeof(struct xdp_desc));
		note_ring(b, x->s[i].inode, XDP_UMEM_PGOFF_COMPLETION_RING, &off.cr,
			  sizeof(uint64_t));
	}
	if (b->n > 0)
		drop_doubles(b);
	return b;
}

void cst_xsk_reclaim(const struct cst_xsk *x, struct cst_xsk_buffers *b)
{
	for (unsigned i = 0; i < x->n; i++)
		if (xsk_inode(x->s[i].fd) == x->s[i].inode)
			close(x->s[i].fd);
	if (b == NULL)
		return;
	/* only now can the kernel not write into them any more */
	for (uint32_t i = 0; i < b->n; i++)
		rte_pktmbuf_free(b->m[i]);
	LOG_DEBUG("%u packet buffers taken back from AF_XDP rings", b->n);
	free(b->m);
	free(b);
}
