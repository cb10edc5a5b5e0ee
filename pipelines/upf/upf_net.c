/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ip.h"
#include "upf_match.h"

#define MAX_WORDS 8 /* a prefix, a gateway, metrics */

/* ---- one route as text --------------------------------------------------------- */

static int bad(const char *text, const char *why, struct cst_err *e)
{
	return cst_err(e, -EINVAL, NULL, "\"%.60s\" %s", text, why);
}

/* The next word of `*at` into `word`; false: there is none, or it is too long. */
static bool next_word(const char **at, char word[64])
{
	size_t n;

	*at += strspn(*at, " \t");
	n = strcspn(*at, " \t");
	if (n == 0 || n > 63)
		return false;
	memcpy(word, *at, n);
	word[n] = '\0';
	*at += n;
	return true;
}

/* Without a length it is that of the address's old class (RFC 2865 5.22). */
static uint8_t class_length(uint8_t first)
{
	return first < 128 ? 8 : first < 192 ? 16 : 24;
}

static bool is_network(const struct upf_net *n)
{
	if (n->family == 4)
		return n->addr[0] != 0 && n->addr[0] != 127 && n->addr[0] < 224;
	return !cst_ip6_is_multicast(n->addr) && !cst_ip6_is_link_local(n->addr) &&
	       !cst_ip6_bad_source(n->addr);
}

static bool has_host_bits(const struct upf_net *n)
{
	unsigned bits = n->family == 4 ? 32 : 128;

	for (unsigned i = n->len; i < bits; i++)
		if (n->addr[i / 8] & (0x80 >> (i % 8)))
			return true;
	return false;
}

static int read_prefix(const char *text, const char *word, uint8_t family, struct upf_net *out,
		       struct cst_err *e)
{
	struct cst_prefix p;

	if (cst_prefix_from_text(word, &p) < 0)
		return bad(text, "does not begin with a prefix", e);
	if (p.ip.family != family)
		return bad(text, family == 4 ? "is not an IPv4 network" : "is not an IPv6 network",
			   e);
	*out = (struct upf_net){.family = family, .len = p.len};
	memcpy(out->addr, p.ip.b, family == 4 ? 4 : 16);
	if (family == 4 && !strchr(word, '/'))
		out->len = class_length(out->addr[0]);
	if (out->len == 0)
		return bad(text, "is everything there is", e);
	if (has_host_bits(out))
		return bad(text, "has bits set behind its prefix length", e);
	if (!is_network(out))
		return bad(text, "is no network that a user can have", e);
	return 0;
}

static bool is_metric(const char *word)
{
	return strspn(word, "0123456789") == strlen(word);
}

int upf_net_parse(const char *text, uint8_t family, struct upf_net *out, struct cst_err *e)
{
	const char *at = text;
	char word[64];
	struct cst_ip gateway;
	int rc;

	if (!next_word(&at, word))
		return bad(text, "does not begin with a prefix", e);
	rc = read_prefix(text, word, family, out, e);
	for (int i = 1; rc == 0 && at[strspn(at, " \t")] != '\0'; i++) {
		bool ok = next_word(&at, word) && i < MAX_WORDS;

		if (ok && i == 1)
			ok = cst_ip_from_text(word, &gateway) == 0 && gateway.family == family;
		else if (ok)
			ok = is_metric(word);
		if (!ok)
			rc = bad(text, "is not PREFIX [GATEWAY [METRIC]]", e);
	}
	return rc;
}

/* ---- those of a session ---------------------------------------------------------- */

/* Does `a` hold all of `b`? */
static bool holds(const struct upf_net *a, const struct upf_net *b)
{
	return a->family == b->family && a->len <= b->len &&
	       upf_prefix_eq(a->addr, b->addr, a->len);
}

/* What leads to the same session needs no more than the largest of it. */
static int add_one(const struct upf_net *one, struct upf_net *nets, unsigned n, struct cst_err *e)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (holds(&nets[i], one))
			return (int)n;
	for (unsigned i = 0; i < n; i++)
		if (!holds(one, &nets[i]))
			nets[kept++] = nets[i];
	if (kept == UPF_MAX_NETS)
		return cst_err(e, -E2BIG, NULL, "a session has at most %d framed routes",
			       UPF_MAX_NETS);
	nets[kept++] = *one;
	return (int)kept;
}

static int add_list(const struct cst_list *l, uint8_t family, const char *field,
		    struct upf_net *nets, unsigned n, struct cst_err *e)
{
	const char *const *text = l->items;
	int rc = (int)n;

	for (unsigned i = 0; i < l->n; i++) {
		struct upf_net one;

		rc = upf_net_parse(text[i], family, &one, e);
		if (rc == 0)
			rc = add_one(&one, nets, n, e);
		if (rc < 0) {
			cst_err_prefix(e, "%s[%u]", field, i);
			return rc;
		}
		n = (unsigned)rc;
	}
	return rc;
}

int upf_nets_add(const struct upf_pdi_obj *pdi, struct upf_net nets[UPF_MAX_NETS], unsigned n,
		 struct cst_err *e)
{
	int rc = add_list(&pdi->framed_routes, 4, "framed_routes", nets, n, e);

	return rc < 0 ? rc
		      : add_list(&pdi->framed_ipv6_routes, 6, "framed_ipv6_routes", nets,
				 (unsigned)rc, e);
}

/* ---- in the run -------------------------------------------------------------------- */

/* Returns the line, 0: no room. */
static unsigned put_nets(const struct upf_net *nets, unsigned n, char (*line)[64], unsigned *at)
{
	unsigned lines = (n + 1) / 2, first = *at;

	if (first + lines > UPF_MAX_RUN)
		return 0;
	memset(line[first], 0, (size_t)lines * 64);
	memcpy(line[first], nets, n * sizeof(*nets));
	*at += lines;
	return first;
}

/* A downlink PDR takes what is for what it names. Users behind the UE send by every uplink PDR,
 * even though only downlink ones name their networks. */
static bool set_nets(const struct upf_link *l, const struct upf_rules *r, struct upf_pdr *rec,
		     char (*line)[64], unsigned *at)
{
	const struct upf_pdi_obj *pdi = &l->pdr->pdi;
	struct upf_net nets[UPF_MAX_NETS];
	unsigned n;

	if (!upf_names_nets(pdi)) {
		rec->nets = l->dl ? 0 : r->nets;
		rec->n_nets = l->dl ? 0 : (uint8_t)r->n_nets;
		return true;
	}
	n = (unsigned)upf_nets_add(pdi, nets, 0, NULL); /* read before: nothing is wrong with it */
	rec->nets_only = pdi->ue_ip_address.n == 0;
	rec->n_nets = (uint8_t)n;
	rec->nets = r->nets;
	if (n == r->n_nets && memcmp(nets, line[r->nets], n * sizeof(*nets)) == 0)
		return true;
	rec->nets = (uint16_t)put_nets(nets, n, line, at);
	return rec->nets != 0;
}

unsigned upf_nets_compile(const struct upf_link *links, const uint16_t *by, unsigned n,
			  const struct upf_identity *id, char (*line)[64], unsigned at)
{
	struct upf_rules *r = (struct upf_rules *)line[0];

	if (id->n_nets == 0)
		return at;
	r->n_nets = (uint16_t)id->n_nets;
	r->nets = (uint16_t)put_nets(id->nets, id->n_nets, line, &at);
	if (r->nets == 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		struct upf_pdr *rec = (struct upf_pdr *)line[1 + i];

		if ((rec->flags & UPF_PDR_SPOOF) && !set_nets(&links[by[i]], r, rec, line, &at))
			return 0;
	}
	return at;
}
