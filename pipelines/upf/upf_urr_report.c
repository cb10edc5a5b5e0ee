/* SPDX-License-Identifier: BSD-3-Clause */
/* From a book and what was seen to a report, after which measurement begins anew. */
#include <string.h>

#include "upf_eth_report.h"
#include "upf_report.h"
#include "upf_urr_int.h"

static void tell_packets(struct upf_usage_report_obj *r, const struct upf_urr *b,
			 const struct upf_seen *s)
{
	uint64_t first = b->first > b->since ? b->first : b->since;
	uint64_t last = s->u.last > first ? s->u.last : first;

	if (s->u.packets[0] == b->packets[0] && s->u.packets[1] == b->packets[1])
		return;
	r->time_of_first_packet = upf_unix_of(&s->now, first);
	r->time_of_last_packet = upf_unix_of(&s->now, last);
	r->has |= 1u << REPORT_TIME_OF_FIRST_PACKET | 1u << REPORT_TIME_OF_LAST_PACKET;
}

void upf_urr_measured(struct upf_measured_obj *m, const struct upf_usage *u,
		      const uint64_t bytes[2], const uint64_t packets[2], bool with_packets)
{
	m->ul = u->bytes[UPF_UL] - bytes[UPF_UL];
	m->dl = u->bytes[UPF_DL] - bytes[UPF_DL];
	m->total = m->ul + m->dl;
	m->has = 1u << MEASURED_UL | 1u << MEASURED_DL | 1u << MEASURED_TOTAL;
	if (!with_packets)
		return;
	m->ul_packets = u->packets[UPF_UL] - packets[UPF_UL];
	m->dl_packets = u->packets[UPF_DL] - packets[UPF_DL];
	m->total_packets = m->ul_packets + m->dl_packets;
	m->has |= 1u << MEASURED_UL_PACKETS | 1u << MEASURED_DL_PACKETS |
		  1u << MEASURED_TOTAL_PACKETS;
}

static uint32_t usage_information(const struct upf_urr *b, uint32_t why)
{
	uint32_t info = 0;

	if (why & UPF_UR_MONIT)
		info |= UPF_UI_BEF;
	else if (b->flags & UPF_URR_AFT)
		info |= UPF_UI_AFT;
	if (b->info & UPF_MI_MBQE)
		info |= UPF_UI_UBE;
	else if (b->flags & UPF_URR_UAE)
		info |= UPF_UI_UAE;
	return info;
}

/* Keep the report, then the book after it. Killed in between, coastd finds the new book beside the
 * old one, and in the journal whether the report was kept: it counts once. False: it may wait, and
 * does, since the store does not take it; the book stays. */
static bool settle(struct upf_urr *b, const struct upf_urr *next,
		   const struct upf_usage_report_obj *r, bool may_wait)
{
	struct upf_settling *w = upf_tables.settling;
	const struct upf_session *s = upf_urr_session(b);
	bool sent;

	w->book = *next;
	__atomic_store_n(&w->number, upf_urr_number(b), __ATOMIC_RELEASE);
	sent = upf_report_send(r, s ? s->owner : b->owner, may_wait);
	if (sent)
		*b = *next;
	__atomic_store_n(&w->number, 0, __ATOMIC_RELEASE);
	return sent;
}

/* `b` here and below: the book as it will be. */
static void begin_report(struct upf_usage_report_obj *r, struct upf_urr *b, uint32_t why,
			 const struct upf_session_obj *o)
{
	*r = (struct upf_usage_report_obj){.has = 1u << REPORT_SEID | 1u << REPORT_URR_ID |
						  1u << REPORT_UR_SEQN | 1u << REPORT_TRIGGER,
					   .seid = b->seid,
					   .urr_id = b->id,
					   .ur_seqn = b->seqn++,
					   .usage_report_trigger = why};
	if (why & UPF_UR_MACAR)
		upf_eth_report_fill(r);
	if (o && cst_has(o, SESSION_CP_F_SEID)) {
		r->cp_f_seid = o->cp_f_seid;
		r->has |= 1u << REPORT_CP_F_SEID;
	}
}

/* Start and stop of traffic carry no measurement: what was counted stays for the next report. */
void upf_urr_report_traffic(struct upf_urr *book, uint32_t why, uint64_t when,
			    const struct upf_seen *s, const struct upf_session_obj *o)
{
	struct upf_urr b = *book;
	struct upf_usage_report_obj r;

	begin_report(&r, &b, why, o);
	if (why & UPF_UR_START) {
		r.time_of_first_packet = upf_unix_of(&s->now, when);
		r.has |= 1u << REPORT_TIME_OF_FIRST_PACKET;
	} else {
		r.time_of_last_packet = upf_unix_of(&s->now, when);
		r.has |= 1u << REPORT_TIME_OF_LAST_PACKET;
	}
	settle(book, &b, &r, false);
}

/* What was counted since the report before. */
static void measure(struct upf_usage_report_obj *r, const struct upf_urr *b, uint64_t seconds,
		    const struct upf_seen *s)
{
	r->start_time = b->start_unix;
	r->end_time = (uint32_t)(s->now.unix_ms / 1000);
	r->has |= 1u << REPORT_START_TIME | 1u << REPORT_END_TIME;
	if (b->method & UPF_MM_VOLUM) {
		upf_urr_measured(&r->volume_measurement, &s->u, b->bytes, b->packets,
				 b->info & UPF_MI_MNOP);
		r->has |= 1u << REPORT_VOLUME_MEASUREMENT;
	}
	if (b->method & UPF_MM_DURAT) {
		r->duration_measurement = (uint32_t)seconds;
		r->has |= 1u << REPORT_DURATION_MEASUREMENT;
	}
	tell_packets(r, b, s);
}

static void begin_anew(struct upf_urr *b, uint64_t seconds, const struct upf_seen *s)
{
	memcpy(b->bytes, s->u.bytes, sizeof(b->bytes));
	memcpy(b->packets, s->u.packets, sizeof(b->packets));
	memcpy(b->dropped, s->u.dropped_dl, sizeof(b->dropped));
	b->starts = s->u.starts;
	b->used += seconds * s->now.hz; /* the rest of a second is in the next report */
	b->since = s->now.tsc;
	b->start_unix = (uint32_t)(s->now.unix_ms / 1000);
	b->first = 0;
}

static bool report(struct upf_urr *book, uint32_t why, const struct upf_seen *s,
		   const struct upf_session_obj *o, bool may_wait)
{
	uint64_t seconds = s->used > book->used ? (s->used - book->used) / s->now.hz : 0;
	struct upf_urr b = *book;
	struct upf_usage_report_obj r;

	begin_report(&r, &b, why, o);
	measure(&r, &b, seconds, s);
	r.usage_information = usage_information(&b, why);
	if (r.usage_information)
		r.has |= 1u << REPORT_USAGE_INFORMATION;
	begin_anew(&b, seconds, s);
	if (!(why & UPF_UR_MONIT))
		b.flags &= (uint16_t)~UPF_URR_AFT;
	if (!(why & (UPF_UR_IMMER | UPF_UR_TERMR)) && b.reports_left && --b.reports_left == 0)
		b.flags |= UPF_URR_SILENT;
	return settle(book, &b, &r, may_wait);
}

void upf_urr_report(struct upf_urr *book, uint32_t why, const struct upf_seen *s,
		    const struct upf_session_obj *o)
{
	report(book, why, s, o, false);
}

bool upf_urr_report_kept(struct upf_urr *book, uint32_t why, const struct upf_seen *s,
			 const struct upf_session_obj *o)
{
	return report(book, why, s, o, true);
}
