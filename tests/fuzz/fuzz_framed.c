/* SPDX-License-Identifier: BSD-3-Clause */
/* Framed routes as text, and lists of them: what is read is a network, and those of a list are
 * apart from each other. First byte: family; routes are parted by NUL bytes. */
#include <stdlib.h>
#include <string.h>

#include "upf_match.h"
#include "upf_net.h"

#define MAX_TEXTS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct upf_net *n, uint8_t family)
{
	unsigned bits = family == 4 ? 32 : 128;

	must(n->family == family && n->len > 0 && n->len <= bits);
	for (unsigned i = n->len; i < 128; i++)
		must(!(n->addr[i / 8] & (0x80 >> (i % 8))));
}

static void list(const char **texts, unsigned n, uint8_t family)
{
	struct upf_pdi_obj pdi = {0};
	struct upf_net nets[UPF_MAX_NETS] = {{{0}}};
	int got;

	*(family == 4 ? &pdi.framed_routes : &pdi.framed_ipv6_routes) =
		(struct cst_list){.n = n, .items = texts};
	got = upf_nets_add(&pdi, nets, 0, NULL);
	for (int i = 0; i < got; i++) {
		check(&nets[i], family);
		for (int j = 0; j < i; j++) {
			uint8_t len = nets[i].len < nets[j].len ? nets[i].len : nets[j].len;

			must(!upf_prefix_eq(nets[i].addr, nets[j].addr, len));
		}
	}
	/* the same ones again are no more */
	if (got >= 0)
		must(upf_nets_add(&pdi, nets, (unsigned)got, NULL) == got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *texts[MAX_TEXTS];
	uint8_t family;
	char *copy;
	unsigned n = 0;

	if (size == 0)
		return 0;
	family = data[0] & 1 ? 6 : 4;
	copy = malloc(size);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	for (size_t at = 0; at < size && n < MAX_TEXTS; at += strlen(copy + at) + 1) {
		struct upf_net one;

		texts[n] = copy + at;
		if (upf_net_parse(texts[n], family, &one, NULL) == 0)
			check(&one, family);
		n++;
	}
	list(texts, n, family);
	free(copy);
	return 0;
}
