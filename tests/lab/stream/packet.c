/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include <arpa/inet.h>
#include <string.h>

#define MAGIC 0x53747265u

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void mark_write(uint8_t *payload, const struct mark *m)
{
	put32(payload, MAGIC);
	put32(payload + 4, m->way);
	put32(payload + 8, m->session);
	put32(payload + 12, (uint32_t)(m->seq >> 32));
	put32(payload + 16, (uint32_t)m->seq);
}

bool mark_read(const uint8_t *payload, size_t len, struct mark *m)
{
	if (len < MARK_BYTES || get32(payload) != MAGIC || get32(payload + 4) > DOWNLINK)
		return false;
	m->way = payload[7];
	m->session = get32(payload + 8);
	m->seq = (uint64_t)get32(payload + 12) << 32 | get32(payload + 16);
	return true;
}

/* 0 over a header whose checksum is right. */
static uint16_t ip_sum(const uint8_t *ip)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void user_packet(uint8_t *ip, uint32_t ue, uint32_t dn, unsigned bytes, const struct mark *m)
{
	memset(ip, 0, bytes);
	ip[0] = 0x45;
	put16(ip + 2, bytes);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, &ue, 4);
	memcpy(ip + 16, &dn, 4);
	put16(ip + 10, ip_sum(ip));
	put16(ip + 20, UE_PORT);
	put16(ip + 22, DN_PORT);
	put16(ip + 24, bytes - 20); /* and no checksum, as IPv4 allows */
	mark_write(ip + 28, m);
}

void gpdu_write(uint8_t *out, uint32_t teid, uint8_t qfi, uint32_t ue, uint32_t dn, unsigned bytes,
		const struct mark *m)
{
	memset(out, 0, GTPU_BYTES);
	out[0] = 0x34; /* version 1, GTP, an extension header follows */
	out[1] = 255;
	put16(out + 2, bytes + GTPU_BYTES - 8);
	put32(out + 4, teid);
	out[11] = 0x85; /* PDU Session Container, uplink */
	out[12] = 1;
	out[13] = 0x10;
	out[14] = qfi;
	user_packet(out + GTPU_BYTES, ue, dn, bytes, m);
}

/* Length of the header with its extension headers; 0: not well formed. */
static size_t header_len(const uint8_t *p, size_t n, int *qfi)
{
	size_t at = 12;
	uint8_t next;

	*qfi = -1;
	if (n < 8 || (p[0] & 0xf0) != 0x30)
		return 0;
	if ((p[0] & 0x07) == 0)
		return 8;
	if (n < 12)
		return 0;
	for (next = (p[0] & 0x04) ? p[11] : 0; next != 0; next = p[at - 1]) {
		if (at >= n || p[at] == 0 || at + p[at] * 4u > n)
			return 0;
		if (next == 0x85)
			*qfi = p[at + 2] & 0x3f;
		at += p[at] * 4u;
	}
	return at;
}

enum gtpu_kind gtpu_read(const uint8_t *p, size_t n, struct gtpu *g)
{
	size_t skip = header_len(p, n, &g->qfi);

	if (skip == 0 || (size_t)(p[2] << 8 | p[3]) + 8 != n)
		return GTPU_BAD;
	g->teid = get32(p + 4);
	g->inner = p + skip;
	g->len = n - skip;
	switch (p[1]) {
	case 1:
		return GTPU_ECHO_REQUEST;
	case 26:
		return GTPU_ERROR;
	case 254:
		return GTPU_END_MARKER;
	case 255:
		return GTPU_GPDU;
	default:
		return GTPU_BAD;
	}
}

bool inner_read(const struct gtpu *g, uint32_t *ue, struct mark *m)
{
	const uint8_t *ip = g->inner;

	if (g->len < MIN_BYTES || ip[0] != 0x45 || ip[9] != 17 || ip_sum(ip) != 0 ||
	    (size_t)(ip[2] << 8 | ip[3]) != g->len || (ip[22] << 8 | ip[23]) != UE_PORT)
		return false;
	memcpy(ue, ip + 16, 4);
	return mark_read(ip + 28, g->len - 28, m);
}
