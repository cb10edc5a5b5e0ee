/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/device.h"

#define SOCKET_PATH_MAX 107 /* sun_path less its NUL */
#define IFACE_MAX       15  /* IFNAMSIZ less its NUL */
#define NULL_SIZE_MIN   14  /* an Ethernet header */
#define NULL_SIZE_MAX   9600

/* EAL takes devargs apart at these, and quotes nothing. */
static int check_text(const char *s, const char *what, struct cst_err *e)
{
	for (const char *c = s; *c != '\0'; c++)
		if (*c == ',' || *c == '=' || *c == '[' || *c == ']' || !isgraph((unsigned char)*c))
			return cst_err(e, -EINVAL, "device",
				       "%s '%s' holds a character that DPDK cannot take: rename it "
				       "without blanks and , = [ ]",
				       what, s);
	return 0;
}

static int copy(char *to, size_t size, const char *from, struct cst_err *e)
{
	if ((size_t)snprintf(to, size, "%s", from) >= size)
		return cst_err(e, -EINVAL, "device", "longer than %zu characters", size - 1);
	return 0;
}

static int parse_iface(struct cst_device *d, const char *s, struct cst_err *e)
{
	if (*s == '\0')
		return cst_err(e, -EINVAL, "device", "name a kernel interface after the colon");
	if (strlen(s) > IFACE_MAX || strchr(s, '/') != NULL || strcmp(s, ".") == 0 ||
	    strcmp(s, "..") == 0)
		return cst_err(
			e, -EINVAL, "device",
			"'%.40s' cannot be a kernel interface: at most %d characters, no '/'", s,
			IFACE_MAX);
	return copy(d->name, sizeof(d->name), s, e);
}

static int parse_socket(struct cst_device *d, const char *s, struct cst_err *e)
{
	if (*s != '/')
		return cst_err(e, -EINVAL, "device", "give the socket's whole path, from '/'");
	if (strlen(s) > SOCKET_PATH_MAX)
		return cst_err(e, -EINVAL, "device", "the socket's path is longer than %d bytes",
			       SOCKET_PATH_MAX);
	return copy(d->name, sizeof(d->name), s, e);
}

/* [DDDD:]BB:DD.F, DPDK devargs may follow after a comma */
static int parse_pci(struct cst_device *d, const char *s, struct cst_err *e)
{
	unsigned domain = 0, bus, slot, function;
	int n = -1;

	if (sscanf(s, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &n) != 4 || n < 0) {
		domain = 0;
		n = -1;
		if (sscanf(s, "%2x:%2x.%1u%n", &bus, &slot, &function, &n) != 3 || n < 0)
			n = -1;
	}
	if (n < 0 || (s[n] != '\0' && s[n] != ',') || slot > 31 || function > 7)
		return cst_err(e, -EINVAL, "device",
			       "'%.40s' is not a PCI address such as 0000:03:00.0; 'lspci -D' "
			       "lists them",
			       s);
	if ((size_t)snprintf(d->name, sizeof(d->name), "%04x:%02x:%02x.%u%s", domain, bus, slot,
			     function, s + n) >= sizeof(d->name))
		return cst_err(e, -EINVAL, "device", "too long");
	return 0;
}

static int parse_pcap(struct cst_device *d, const char *s, struct cst_err *e)
{
	const char *comma = strchr(s, ',');
	size_t n = comma != NULL ? (size_t)(comma - s) : strlen(s);

	if (n >= sizeof(d->name))
		return cst_err(e, -EINVAL, "device", "too long");
	memcpy(d->name, s, n);
	d->name[n] = '\0';
	if (comma != NULL && copy(d->other, sizeof(d->other), comma + 1, e) < 0)
		return -EINVAL;
	if (d->name[0] == '\0' && d->other[0] == '\0')
		return cst_err(e, -EINVAL, "device",
			       "name a file to read, one to write, or both: pcap:in.pcap,out.pcap");
	if (strcmp(d->name, d->other) == 0)
		return cst_err(e, -EINVAL, "device", "'%s' cannot be read and written at once",
			       d->name);
	return check_text(d->other, "the file name", e);
}

static int parse_null(struct cst_device *d, const char *s, struct cst_err *e)
{
	unsigned long size;
	char *end;

	if (*s == '\0')
		return 0;
	size = strtoul(s, &end, 10);
	if (!isdigit((unsigned char)*s) || *end != '\0' || size < NULL_SIZE_MIN ||
	    size > NULL_SIZE_MAX)
		return cst_err(e, -EINVAL, "device",
			       "null:N makes packets of N bytes, %d to %d; '%.40s' is not that",
			       NULL_SIZE_MIN, NULL_SIZE_MAX, s);
	d->size = (uint16_t)size;
	return 0;
}

static int parse_eal(struct cst_device *d, const char *s, struct cst_err *e)
{
	if (*s == '\0')
		return cst_err(e, -EINVAL, "device",
			       "give DPDK's device arguments after 'eal:', e.g. eal:net_memif0");
	return copy(d->name, sizeof(d->name), s, e);
}

static const struct {
	const char *name;
	enum cst_device_kind kind;
	int (*parse)(struct cst_device *d, const char *s, struct cst_err *e);
	const char *what; /* for check_text; NULL: devargs are meant to hold such characters */
} kinds[] = {
	{"pci", CST_DEV_PCI, parse_pci, NULL},
	{"af_xdp", CST_DEV_AF_XDP, parse_iface, "the interface name"},
	{"vhost", CST_DEV_VHOST, parse_socket, "the socket's path"},
	{"virtio_user", CST_DEV_VIRTIO_USER, parse_socket, "the socket's path"},
	{"tap", CST_DEV_TAP, parse_iface, "the interface name"},
	{"pcap", CST_DEV_PCAP, parse_pcap, "the file name"},
	{"null", CST_DEV_NULL, parse_null, NULL},
	{"eal", CST_DEV_EAL, parse_eal, NULL},
};

int cst_device_parse(const char *text, struct cst_device *d, struct cst_err *e)
{
	size_t n = strcspn(text, ":");

	memset(d, 0, sizeof(*d));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int ret;

		if (strlen(kinds[i].name) != n || memcmp(kinds[i].name, text, n) != 0)
			continue;
		d->kind = kinds[i].kind;
		if (text[n] == '\0' && d->kind != CST_DEV_NULL)
			return cst_err(e, -EINVAL, "device",
				       "'%s' needs a colon and what follows it", text);
		ret = kinds[i].parse(d, text[n] == ':' ? text + n + 1 : text + n, e);
		if (ret == 0 && kinds[i].what != NULL)
			ret = check_text(d->name, kinds[i].what, e);
		return ret;
	}
	return cst_err(
		e, -EINVAL, "device",
		"'%.60s': unknown kind of device; one of pci:, af_xdp:, vhost:, virtio_user:, "
		"tap:, pcap:, null, eal:",
		text);
}

/* The same address each time, or neighbours had to learn a new one whenever the peer restarts. */
static int virtio_user_args(const struct cst_device *d, unsigned unique, uint16_t queues,
			    uint16_t ring, char *buf, size_t size)
{
	uint32_t h = 2166136261; /* FNV-1a */

	for (const char *c = d->name; *c != '\0'; c++)
		h = (h ^ (uint8_t)*c) * 16777619;
	/* several queues are switched on through a control queue */
	return snprintf(buf, size,
			"net_virtio_user%u,path=%s,mac=02:c0:%02x:%02x:%02x:%02x,queue_size=%u,"
			"queues=%u%s",
			unique, d->name, h >> 24, h >> 16 & 0xff, h >> 8 & 0xff, h & 0xff, ring,
			queues, queues > 1 ? ",cq=1" : "");
}

int cst_device_args(const struct cst_device *d, unsigned unique, uint16_t queues, uint16_t ring,
		    char *buf, size_t size, struct cst_err *e)
{
	int n = -1;

	switch (d->kind) {
	case CST_DEV_PCI:
	case CST_DEV_EAL:
		n = snprintf(buf, size, "%s", d->name);
		break;
	case CST_DEV_AF_XDP:
		n = snprintf(buf, size, "net_af_xdp%u,iface=%s,start_queue=0,queue_count=%u",
			     unique, d->name, queues);
		break;
	case CST_DEV_VHOST:
		n = snprintf(buf, size, "net_vhost%u,iface=%s,queues=%u", unique, d->name, queues);
		break;
	case CST_DEV_VIRTIO_USER:
		n = virtio_user_args(d, unique, queues, ring, buf, size);
		break;
	case CST_DEV_TAP:
		n = snprintf(buf, size, "net_tap%u,iface=%s", unique, d->name);
		break;
	case CST_DEV_PCAP:
		n = snprintf(buf, size, "net_pcap%u%s%s%s%s", unique,
			     d->name[0] != '\0' ? ",rx_pcap=" : "", d->name,
			     d->other[0] != '\0' ? ",tx_pcap=" : "", d->other);
		break;
	case CST_DEV_NULL:
		/* left alone the driver makes packets without end */
		n = d->size > 0 ? snprintf(buf, size, "net_null%u,size=%u", unique, d->size)
				: snprintf(buf, size, "net_null%u,no-rx=1", unique);
		break;
	}
	if (n < 0 || (size_t)n >= size)
		return cst_err(e, -EINVAL, "device", "too long");
	return 0;
}
