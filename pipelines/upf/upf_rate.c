/* SPDX-License-Identifier: BSD-3-Clause */
/* QER limits (TS 29.244 8.2.8, 8.2.67) as the packet path compares them. */
#include "upf_compile_policy.h"
#include "upf_meter.h"

#define BURST_MS  50    /* what a sender may be ahead of its rate, */
#define BURST_MIN 10000 /* but at least one large packet's bytes */

static void set_rate(struct upf_rate *r, uint64_t kbps, uint64_t tsc_hz)
{
	/* ticks per byte, with as many binary places as fit */
	unsigned __int128 ticks = (unsigned __int128)tsc_hz << UPF_METER_SHIFT;
	uint64_t bytes_per_s = kbps * 125;
	unsigned shift = 0;
	uint64_t burst_ticks;

	r->limited = 1;
	if (kbps == 0)
		return;
	while (shift < 40 && ((ticks << (shift + 1)) / bytes_per_s) <= UINT32_MAX)
		shift++;
	r->shift = (uint8_t)shift;
	r->mult = (uint32_t)(((ticks << shift) + bytes_per_s / 2) / bytes_per_s);
	r->burst = (uint64_t)(ticks * BURST_MS / 1000);
	burst_ticks = upf_rate_cost(r, BURST_MIN);
	if (r->burst < burst_ticks)
		r->burst = burst_ticks;
}

static uint32_t unit_seconds(uint8_t unit)
{
	static const uint32_t seconds[] = {60, 360, 3600, 86400, 604800}; /* 8.2.67 */

	return unit < sizeof(seconds) / sizeof(seconds[0]) ? seconds[unit] : 60;
}

void upf_qer_set(struct upf_qer *rec, const struct upf_qer_obj *q, uint32_t meter, uint64_t tsc_hz)
{
	const struct upf_packet_rate_obj *p = &q->packet_rate;

	rec->id = q->id;
	rec->meter = meter;
	if (cst_has(q, QER_MBR)) {
		set_rate(&rec->rate[UPF_UL], q->mbr.ul, tsc_hz);
		set_rate(&rec->rate[UPF_DL], q->mbr.dl, tsc_hz);
	}
	if (cst_has(p, PACKET_RATE_UL)) {
		rec->packets[UPF_UL] = p->ul;
		rec->unit[UPF_UL] = unit_seconds(p->ul_unit) * tsc_hz;
	}
	if (cst_has(p, PACKET_RATE_DL)) {
		rec->packets[UPF_DL] = p->dl;
		rec->unit[UPF_DL] = unit_seconds(p->dl_unit) * tsc_hz;
	}
}
