/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_eth_report.h"

#include <string.h>

#include "upf_urr.h"

#define GATHERED 1024

static struct {
	uint64_t mac;
	uint32_t state;
	bool gone;
} gathered[GATHERED];
static unsigned n_gathered;

/* What is told now. */
static struct {
	uint8_t macs[2][UPF_ETH_TOLD_MACS][6]; /* detected, removed */
	uint32_t n[2];
} told;

static void tell(uint32_t i)
{
	uint8_t *to = told.macs[gathered[i].gone][told.n[gathered[i].gone]++];

	for (int k = 5; k >= 0; k--)
		to[k] = (uint8_t)(gathered[i].mac >> 8 * (5 - k));
}

/* As many of one session as a report takes. */
static uint32_t take_one_session(void)
{
	uint32_t state = gathered[0].state;
	unsigned rest = 0;

	memset(&told, 0, sizeof(told));
	for (unsigned i = 0; i < n_gathered; i++) {
		if (gathered[i].state == state && told.n[gathered[i].gone] < UPF_ETH_TOLD_MACS)
			tell(i);
		else
			gathered[rest++] = gathered[i];
	}
	n_gathered = rest;
	return state;
}

static void report(uint32_t state)
{
	const struct upf_session *s = upf_session_by_state(state);

	for (unsigned i = 0; s && i < s->n_parts; i++) {
		const struct upf_held_part *p = &upf_parts(s)[i];
		const struct upf_urr *b;

		if (p->kind != UPF_PART_USAGE)
			continue;
		b = upf_urr_at(p->number);
		if ((b->triggers & UPF_RT_MACAR) && !(b->flags & UPF_URR_SILENT))
			upf_urr_look(p->number, UPF_UR_MACAR);
	}
}

void upf_eth_report_flush(void)
{
	while (n_gathered > 0)
		report(take_one_session());
	memset(&told, 0, sizeof(told));
}

void upf_eth_report_add(uint32_t state, uint64_t mac, bool gone)
{
	if (n_gathered == GATHERED)
		upf_eth_report_flush();
	gathered[n_gathered].mac = mac;
	gathered[n_gathered].state = state;
	gathered[n_gathered++].gone = gone;
}

void upf_eth_report_drop(uint32_t state)
{
	unsigned rest = 0;

	for (unsigned i = 0; i < n_gathered; i++)
		if (gathered[i].state != state)
			gathered[rest++] = gathered[i];
	n_gathered = rest;
}

void upf_eth_report_fill(struct upf_usage_report_obj *r)
{
	struct upf_eth_traffic_obj *t = &r->ethernet_traffic_information;

	t->mac_addresses_detected = (struct cst_list){told.n[0], told.macs[0]};
	t->mac_addresses_removed = (struct cst_list){told.n[1], told.macs[1]};
	t->has = (told.n[0] ? 1 : 0) | (told.n[1] ? 2 : 0);
	r->has |= 1u << REPORT_ETHERNET;
}
