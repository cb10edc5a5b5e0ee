/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flow flows[MAX_FLOWS];
unsigned n_flows;

_Noreturn void refuse(const char *what, const char *why)
{
	fprintf(stderr, "plc: %s: %s; try --help\n", what, why);
	exit(2);
}

static unsigned number(const char *of, const char *word, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long n = strtoul(word, &end, 0);

	if (*word == '\0' || *end != '\0' || n < least || n > most) {
		char why[80];

		snprintf(why, sizeof(why), "want a number, %lu to %lu", least, most);
		refuse(of, why);
	}
	return (unsigned)n;
}

static void flow_word(struct flow *f, char *word, const char *value)
{
	if (strcmp(word, "name") == 0 && strlen(value) < sizeof(f->name))
		strcpy(f->name, value);
	else if (strcmp(word, "cycle") == 0)
		f->cycle = number(word, value, 10, 60000000) * 1000ull;
	else if (strcmp(word, "size") == 0)
		f->size = number(word, value, HEAD, 9000);
	else if (strcmp(word, "from") == 0 && (*value == 'a' || *value == 'b') && value[1] == '\0')
		f->only = *value - 'a';
	else if (f->kind == UDP && strlen(word) == 1 && (*word == 'a' || *word == 'b')) {
		if (inet_pton(AF_INET, value, &f->addr[*word - 'a'].sin_addr) != 1)
			refuse(value, "no IPv4 address");
	} else if (f->kind == UDP && strcmp(word, "port") == 0)
		f->port = (int)number(word, value, 1, 65535);
	else if (f->kind == ETH && strcmp(word, "type") == 0)
		f->type = number(word, value, 0x0600, 0xffff);
	else if (f->kind == ETH && strcmp(word, "count") == 0)
		f->count = number(word, value, 1, MAX_COUNT);
	else if (f->kind == ETH && strcmp(word, "vlan") == 0) {
		f->vlan = number(word, value, 0, 4094);
		f->tagged = true;
	} else if (f->kind == ETH && strcmp(word, "pcp") == 0) {
		f->pcp = number(word, value, 0, 7);
		f->tagged = true;
	} else
		refuse(word, "no such word of this flow, or no such value");
}

void flow_add(char *spec)
{
	struct flow *f = &flows[n_flows];
	char *save, *kind = strtok_r(spec, ",", &save), *word;

	if (n_flows == MAX_FLOWS)
		refuse("--flow", "too many");
	*f = (struct flow){.only = -1, .cycle = 1000000, .size = 64, .count = 1, .port = 34964};
	f->type = 0x88b5;
	if (kind != NULL && strcmp(kind, "udp") == 0)
		f->kind = UDP;
	else if (kind != NULL && strcmp(kind, "eth") == 0)
		f->kind = ETH;
	else
		refuse("--flow", "begins with udp or eth");
	snprintf(f->name, sizeof(f->name), "%s%u", kind, n_flows);
	while ((word = strtok_r(NULL, ",", &save)) != NULL) {
		char *value = strchr(word, '=');

		if (value == NULL)
			refuse(word, "want WORD=VALUE");
		*value = '\0';
		flow_word(f, word, value + 1);
	}
	for (unsigned end = 0; end < 2; end++) {
		if (f->kind == UDP && f->addr[end].sin_addr.s_addr == 0)
			refuse("udp", "say a=ADDRESS and b=ADDRESS");
		f->track[end] = calloc(f->count, sizeof(struct track));
		if (f->track[end] == NULL)
			abort();
	}
	n_flows++;
}

/* ---- reports ------------------------------------------------------------------- */

static bool is_hurt(const struct track *t)
{
	return t->before.received != t->before.sent || t->before.duplicated > 0;
}

static void print_flow(struct flow *f, unsigned from)
{
	struct seen sum = {0};
	unsigned hurt = 0, longest = 0;

	for (unsigned i = 0; i < f->count; i++) {
		const struct track *t = &f->track[from][i];
		const struct seen *s = &t->before;
		uint32_t run = track_longest_loss(t);

		sum.sent += s->sent;
		sum.received += s->received;
		sum.duplicated += s->duplicated;
		sum.reordered += s->reordered;
		sum.gap = s->gap > sum.gap ? s->gap : sum.gap;
		sum.sent_gap = s->sent_gap > sum.sent_gap ? s->sent_gap : sum.sent_gap;
		sum.delay_sum += s->delay_sum;
		sum.delay_max = s->delay_max > sum.delay_max ? s->delay_max : sum.delay_max;
		hurt += is_hurt(t);
		longest = run > longest ? run : longest;
	}
	printf("{\"name\": \"%s\", \"from\": \"%c\", \"streams\": %u, \"hurt\": %u, \"sent\": %lu, "
	       "\"received\": %lu, \"lost\": %lu, \"longest_loss\": %u, \"duplicated\": %lu, "
	       "\"reordered\": %lu, \"wrong\": %lu, \"gap_ms\": %.3f, \"sent_gap_ms\": %.3f, "
	       "\"delay_ms\": %.3f, \"delay_max_ms\": %.3f}",
	       f->name, 'a' + (int)from, f->count, hurt, sum.sent, sum.received,
	       sum.sent - sum.received, longest, sum.duplicated, sum.reordered, f->wrong[from],
	       (double)sum.gap / 1e6, (double)sum.sent_gap / 1e6,
	       sum.received > 0 ? (double)sum.delay_sum / (double)sum.received / 1e6 : 0,
	       (double)sum.delay_max / 1e6);
	f->wrong[from] = 0;
}

void flows_print(double seconds)
{
	static unsigned phases;
	const char *comma = "";

	printf("{\"phase\": %u, \"seconds\": %.3f, \"flows\": [", phases++, seconds);
	for (unsigned i = 0; i < n_flows; i++) {
		for (unsigned from = 0; from < 2; from++) {
			if (flows[i].only >= 0 && flows[i].only != (int)from)
				continue;
			printf("%s", comma);
			print_flow(&flows[i], from);
			comma = ", ";
		}
	}
	printf("]}\n");
	fflush(stdout);
}
