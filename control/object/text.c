/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "object.h"

int cst_ip_from_text(const char *s, struct cst_ip *out)
{
	struct cst_ip ip = {0};

	if (inet_pton(AF_INET, s, ip.b) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, s, ip.b) == 1)
		ip.family = 6;
	else
		return -EINVAL;
	*out = ip;
	return 0;
}

/* 0..max, decimal, no sign, no leading zero; -1 otherwise. */
static int small_number(const char *s, int max)
{
	int v = 0;

	if (*s == '\0' || (*s == '0' && s[1] != '\0'))
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (*s - '0');
		if (v > max)
			return -1;
	}
	return v;
}

int cst_prefix_from_text(const char *s, struct cst_prefix *out)
{
	struct cst_prefix p = {0};
	char addr[INET6_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	int len;

	if (n >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, s, n);
	addr[n] = '\0';
	if (cst_ip_from_text(addr, &p.ip) < 0)
		return -EINVAL;
	len = p.ip.family == 4 ? 32 : 128;
	if (slash != NULL)
		len = small_number(slash + 1, len);
	if (len < 0)
		return -EINVAL;
	p.len = len;
	*out = p;
	return 0;
}

const char *cst_ip_text(const struct cst_ip *ip, char buf[64])
{
	buf[0] = '\0';
	if (ip->family == 4)
		inet_ntop(AF_INET, ip->b, buf, 64);
	else if (ip->family == 6)
		inet_ntop(AF_INET6, ip->b, buf, 64);
	return buf;
}

const char *cst_prefix_text(const struct cst_prefix *p, char buf[64])
{
	size_t n;

	cst_ip_text(&p->ip, buf);
	n = strlen(buf);
	if (n > 0)
		snprintf(buf + n, 64 - n, "/%u", p->len);
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int cst_mac_parse(const char *s, uint8_t mac[6])
{
	uint8_t out[6];

	for (int i = 0; i < 6; i++, s += 3) {
		int hi = hex_digit(s[0]), lo = hi < 0 ? -1 : hex_digit(s[1]);

		if (lo < 0 || s[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		out[i] = hi << 4 | lo;
	}
	memcpy(mac, out, sizeof(out));
	return 0;
}

const char *cst_mac_text(const uint8_t mac[6], char buf[64])
{
	snprintf(buf, 64, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return buf;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. C0, DEL and C1 are the
 * control characters: names are printed on terminals. */
bool cst_utf8_plain(const char *str, size_t n)
{
	const unsigned char *s = (const unsigned char *)str, *end = s + n;

	while (s < end) {
		unsigned c = *s++, more, low = 0x80, high = 0xbf;

		if (c < 0x80) {
			if (c < 0x20 || c == 0x7f)
				return false;
			continue;
		}
		if (c >= 0xc2 && c <= 0xdf)
			more = 1;
		else if (c >= 0xe0 && c <= 0xef)
			more = 2;
		else if (c >= 0xf0 && c <= 0xf4)
			more = 3;
		else
			return false;
		if (c == 0xc2 || c == 0xe0)
			low = 0xa0;
		else if (c == 0xf0)
			low = 0x90;
		else if (c == 0xed)
			high = 0x9f;
		else if (c == 0xf4)
			high = 0x8f;
		for (; more > 0; more--, s++) {
			if (s == end || *s < low || *s > high)
				return false;
			low = 0x80;
			high = 0xbf;
		}
	}
	return true;
}
