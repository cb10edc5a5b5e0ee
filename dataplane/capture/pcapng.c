/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/pcapng.h"

#include <string.h>

enum { INTERFACE_BLOCK = 1, STATISTICS_BLOCK = 5, PACKET_BLOCK = 6 };
enum { OPT_END = 0, OPT_COMMENT = 1 };
enum { SHB_APPLICATION = 4 };
enum { IF_NAME = 2, IF_TSRESOL = 9 };
enum { EPB_FLAGS = 2 };
enum { ISB_RECEIVED = 4, ISB_DROPPED = 5 };

struct out {
	uint8_t *p;
	size_t n, cap; /* n may pass cap: then nothing more is written */
};

static void put(struct out *o, const void *data, size_t n)
{
	static const uint8_t zeros[4];
	size_t pad = -n & 3;

	if (o->n + n + pad <= o->cap) {
		memcpy(o->p + o->n, data, n);
		memcpy(o->p + o->n + n, zeros, pad);
	}
	o->n += n + pad;
}

static void put32(struct out *o, uint32_t v)
{
	put(o, &v, sizeof(v));
}

static void option(struct out *o, uint16_t code, const void *data, size_t n)
{
	uint16_t head[2] = {code, (uint16_t)n};

	put(o, head, sizeof(head));
	put(o, data, n);
}

static void text_option(struct out *o, uint16_t code, const char *text)
{
	if (text != NULL && *text != '\0')
		option(o, code, text, strlen(text));
}

static struct out begin(uint8_t *out, size_t cap, uint32_t type)
{
	struct out o = {.p = out, .cap = cap};

	put32(&o, type);
	put32(&o, 0); /* the length, by end() */
	return o;
}

static size_t end(struct out *o)
{
	uint32_t len;

	put32(o, OPT_END);
	len = (uint32_t)o->n + 4;
	put32(o, len);
	if (o->n > o->cap)
		return 0;
	memcpy(o->p + 4, &len, sizeof(len));
	return o->n;
}

size_t cst_pcapng_section(uint8_t *out, size_t cap, const char *program)
{
	struct out o = begin(out, cap, CST_PCAPNG_MAGIC);
	const uint16_t version[2] = {1, 0};
	const uint64_t unknown = UINT64_MAX; /* length of the section */

	put32(&o, 0x1a2b3c4d);
	put(&o, version, sizeof(version));
	put(&o, &unknown, sizeof(unknown));
	text_option(&o, SHB_APPLICATION, program);
	return end(&o);
}

size_t cst_pcapng_interface(uint8_t *out, size_t cap, uint16_t linktype, uint32_t snaplen,
			    const char *name)
{
	struct out o = begin(out, cap, INTERFACE_BLOCK);
	const uint16_t link[2] = {linktype, 0};
	const uint8_t nanoseconds = 9;

	put(&o, link, sizeof(link));
	put32(&o, snaplen);
	text_option(&o, IF_NAME, name);
	option(&o, IF_TSRESOL, &nanoseconds, 1);
	return end(&o);
}

static void put_time(struct out *o, uint64_t ns)
{
	put32(o, (uint32_t)(ns >> 32));
	put32(o, (uint32_t)ns);
}

size_t cst_pcapng_packet(uint8_t *out, size_t cap, const struct cst_pcapng_packet *p)
{
	struct out o = begin(out, cap, PACKET_BLOCK);

	put32(&o, p->iface);
	put_time(&o, p->ns);
	put32(&o, p->cap);
	put32(&o, p->len);
	put(&o, p->data, p->cap);
	text_option(&o, OPT_COMMENT, p->comment);
	if (p->direction != 0)
		option(&o, EPB_FLAGS, &p->direction, sizeof(p->direction));
	return end(&o);
}

size_t cst_pcapng_statistics(uint8_t *out, size_t cap, uint32_t iface, uint64_t ns,
			     uint64_t packets, uint64_t lost)
{
	struct out o = begin(out, cap, STATISTICS_BLOCK);

	put32(&o, iface);
	put_time(&o, ns);
	option(&o, ISB_RECEIVED, &packets, sizeof(packets));
	option(&o, ISB_DROPPED, &lost, sizeof(lost));
	return end(&o);
}
