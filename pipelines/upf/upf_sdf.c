/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_sdf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define MAX_TOKENS 16

struct token {
	const char *s;
	size_t n;
};

struct range {
	uint16_t lo, hi;
};

struct end { /* one end of the flow */
	uint8_t family, len;
	uint8_t addr[16];
	unsigned n_ranges;
	struct range ranges[UPF_SDF_RANGES_MAX];
};

static bool is(const struct token *t, const char *word)
{
	return t->n == strlen(word) && memcmp(t->s, word, t->n) == 0;
}

/* Split at blanks; -1: too many. */
static int split(const char *text, size_t len, struct token tokens[MAX_TOKENS])
{
	int n = 0;

	for (size_t i = 0; i < len;) {
		if (text[i] == ' ' || text[i] == '\t') {
			i++;
			continue;
		}
		size_t start = i;
		while (i < len && text[i] != ' ' && text[i] != '\t')
			i++;
		if (n == MAX_TOKENS)
			return -1;
		tokens[n++] = (struct token){text + start, i - start};
	}
	return n;
}

/* Decimal digits only, at most `max`. Returns how many characters were read, 0: no number. */
static size_t number(const char *s, size_t n, uint32_t max, uint32_t *out)
{
	uint32_t v = 0;
	size_t i = 0;

	for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
		v = v * 10 + (uint32_t)(s[i] - '0');
		if (v > max)
			return 0;
	}
	*out = v;
	return i;
}

static int protocol(const struct token *t, struct upf_sdf *f, struct cst_err *e)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"sctp", 132}};
	uint32_t v = 0;

	if (is(t, "ip"))
		return 0;
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (is(t, names[i].name)) {
			f->flags |= UPF_SDF_PROTO;
			f->proto = names[i].number;
			return 0;
		}
	}
	if (t->n == 0 || number(t->s, t->n, 255, &v) != t->n)
		return cst_err(e, -EINVAL, NULL, "\"%.*s\" is no protocol: ip or a number 0..255",
			       (int)t->n, t->s);
	f->flags |= UPF_SDF_PROTO;
	f->proto = (uint8_t)v;
	return 0;
}

static void clear_host_bits(uint8_t *addr, unsigned len, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		if (i * 8 >= len)
			addr[i] = 0;
		else if (len - i * 8 < 8)
			addr[i] &= (uint8_t)(0xff00 >> (len - i * 8));
	}
}

static int address(const struct token *t, struct end *end, struct cst_err *e)
{
	char text[INET6_ADDRSTRLEN];
	const char *slash = memchr(t->s, '/', t->n);
	size_t n = slash ? (size_t)(slash - t->s) : t->n;
	unsigned max;
	uint32_t len;

	if (t->n > 0 && t->s[0] == '!')
		return cst_err(e, -EINVAL, NULL, "\"!\" is not allowed (TS 29.212 5.4.2)");
	if (n >= sizeof(text))
		return cst_err(e, -EINVAL, NULL, "\"%.*s\" is no address", (int)t->n, t->s);
	memcpy(text, t->s, n);
	text[n] = '\0';
	if (inet_pton(AF_INET, text, end->addr) == 1)
		end->family = 4;
	else if (inet_pton(AF_INET6, text, end->addr) == 1)
		end->family = 6;
	else
		return cst_err(e, -EINVAL, NULL, "\"%.*s\" is no address", (int)t->n, t->s);
	max = end->family == 4 ? 32 : 128;
	len = max;
	if (slash != NULL) {
		size_t rest = t->n - n - 1;
		if (rest == 0 || number(slash + 1, rest, max, &len) != rest)
			return cst_err(e, -EINVAL, NULL, "\"%.*s\": the prefix length is 0..%u",
				       (int)t->n, t->s, max);
	}
	end->len = (uint8_t)len;
	clear_host_bits(end->addr, len, max / 8);
	return 0;
}

static int ports(const struct token *t, struct end *end, struct cst_err *e)
{
	const char *s = t->s;
	size_t n = t->n;

	for (;;) {
		uint32_t lo, hi;
		size_t used = number(s, n, 65535, &lo);
		if (used == 0)
			break;
		s += used, n -= used;
		hi = lo;
		if (n > 0 && *s == '-') {
			s++, n--;
			used = number(s, n, 65535, &hi);
			if (used == 0 || hi < lo)
				break;
			s += used, n -= used;
		}
		if (end->n_ranges == UPF_SDF_RANGES_MAX)
			return cst_err(e, -E2BIG, NULL, "more than %d port ranges",
				       UPF_SDF_RANGES_MAX);
		end->ranges[end->n_ranges++] = (struct range){(uint16_t)lo, (uint16_t)hi};
		if (n == 0)
			return 0;
		if (*s != ',')
			break;
		s++, n--;
	}
	return cst_err(e, -EINVAL, NULL, "\"%.*s\" is no port, range or list of them", (int)t->n,
		       t->s);
}

static bool has_ports(uint8_t proto)
{
	return proto == 6 || proto == 17 || proto == 132;
}

static void put_end(const struct end *end, uint8_t *len, uint8_t *addr)
{
	*len = end->len;
	memcpy(addr, end->addr, 16);
}

/* Every pairing of a remote range with a UE range is a record. */
static int records(const struct upf_sdf *base, const struct end *remote, const struct end *ue,
		   struct upf_sdf *out, struct cst_err *e)
{
	static const struct range all = {0, 65535};
	unsigned nr = remote->n_ranges ? remote->n_ranges : 1;
	unsigned nu = ue->n_ranges ? ue->n_ranges : 1;
	int n = 0;

	if (nr * nu > UPF_SDF_RECORDS_MAX)
		return cst_err(e, -E2BIG, NULL, "more than %d pairs of port ranges",
			       UPF_SDF_RECORDS_MAX);
	for (unsigned i = 0; i < nr; i++) {
		for (unsigned j = 0; j < nu; j++) {
			struct range r = remote->n_ranges ? remote->ranges[i] : all;
			struct range u = ue->n_ranges ? ue->ranges[j] : all;
			out[n] = *base;
			out[n].remote_port_lo = r.lo;
			out[n].remote_port_hi = r.hi;
			out[n].ue_port_lo = u.lo;
			out[n].ue_port_hi = u.hi;
			n++;
		}
	}
	return n;
}

int upf_sdf_parse(const char *text, size_t len, struct upf_sdf *out, struct cst_err *e)
{
	struct token t[MAX_TOKENS];
	struct end remote = {0}, ue = {0};
	struct upf_sdf f = {0};
	int n, i = 3, rc;

	if (len > UPF_SDF_TEXT_MAX)
		return cst_err(e, -E2BIG, NULL, "longer than %d bytes", UPF_SDF_TEXT_MAX);
	if (memchr(text, '\0', len) != NULL)
		return cst_err(e, -EINVAL, NULL, "contains a NUL byte");
	n = split(text, len, t);
	if (n < 0)
		return cst_err(e, -EINVAL, NULL, "more than %d words", MAX_TOKENS);
	if (n < 1 || !is(&t[0], "permit"))
		return cst_err(e, -EINVAL, NULL, "must begin with \"permit\" (TS 29.212 5.4.2)");
	if (n < 2 || !is(&t[1], "out"))
		return cst_err(e, -EINVAL, NULL, "the direction must be \"out\" (TS 29.212 5.4.2)");
	if (n < 3)
		return cst_err(e, -EINVAL, NULL, "no protocol after \"out\"");
	rc = protocol(&t[2], &f, e);
	if (rc < 0)
		return rc;

	if (n < 5 || !is(&t[i++], "from"))
		return cst_err(e, -EINVAL, NULL,
			       "\"from\" and an address must follow the protocol");
	if (is(&t[i], "assigned"))
		return cst_err(e, -EINVAL, NULL,
			       "\"assigned\" is the UE's end and belongs after \"to\"");
	if (!is(&t[i], "any") && (rc = address(&t[i], &remote, e)) < 0)
		return rc;
	i++;
	if (i < n && !is(&t[i], "to") && (rc = ports(&t[i++], &remote, e)) < 0)
		return rc;

	if (i + 1 >= n || !is(&t[i++], "to"))
		return cst_err(e, -EINVAL, NULL, "\"to\" and an address must follow the source");
	if (!is(&t[i], "any") && !is(&t[i], "assigned") && (rc = address(&t[i], &ue, e)) < 0)
		return rc;
	i++;
	if (i < n && t[i].s[0] >= '0' && t[i].s[0] <= '9' && (rc = ports(&t[i++], &ue, e)) < 0)
		return rc;
	if (i < n)
		return cst_err(e, -EINVAL, NULL, "option \"%.*s\" is not allowed (TS 29.212 5.4.2)",
			       (int)t[i].n, t[i].s);

	if (remote.family && ue.family && remote.family != ue.family)
		return cst_err(e, -EINVAL, NULL, "the two addresses are of different families");
	if (remote.n_ranges || ue.n_ranges) {
		if ((f.flags & UPF_SDF_PROTO) && !has_ports(f.proto))
			return cst_err(e, -EINVAL, NULL, "protocol %u has no ports", f.proto);
		f.flags |= UPF_SDF_PORTS;
	}
	f.family = remote.family ? remote.family : ue.family;
	put_end(&remote, &f.remote_len, f.remote);
	put_end(&ue, &f.ue_len, f.ue);
	return records(&f, &remote, &ue, out, e);
}
