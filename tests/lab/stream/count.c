/* SPDX-License-Identifier: BSD-3-Clause */
#include "count.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define MAX_SEQ (UINT64_C(1) << 28) /* of each way */
#define TUNNELS (1u << 16)

struct session *sessions;
unsigned n_sessions;

struct book {
	pthread_mutex_t lock;
	uint64_t sent, arrived, duplicated, reordered, wrong;
	uint8_t *seen;     /* by number: how often it came */
	uint32_t *sent_ms; /* by number: when it was sent, since the begin */
	uint64_t last_ns;  /* the last arrival */
	uint64_t gap_ns, gap_at_ns;
};

static struct book books[2];

/* One tunnel at one gNB. */
struct tunnel {
	uint32_t teid;
	uint8_t gnb; /* + 1; 0: free */
	uint32_t packets, end_markers, after;
};

static struct tunnel tunnels[TUNNELS];
static uint64_t error_indications, began_ns;

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Takes memory only where it is written. */
static void *room(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		perror("stream: mmap");
		exit(1);
	}
	return p;
}

void count_open(void)
{
	for (unsigned way = 0; way < 2; way++) {
		pthread_mutex_init(&books[way].lock, NULL);
		books[way].seen = room(MAX_SEQ);
		books[way].sent_ms = room(MAX_SEQ * sizeof(uint32_t));
	}
	began_ns = now_ns();
}

void count_sent(const struct mark *m)
{
	struct book *b = &books[m->way];

	if (m->seq >= MAX_SEQ) {
		fputs("stream: no room to count so many packets\n", stderr);
		exit(1);
	}
	b->sent_ms[m->seq] = (uint32_t)((now_ns() - began_ns) / 1000000);
	__atomic_add_fetch(&sessions[m->session].way[m->way].sent, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&b->sent, m->seq + 1, __ATOMIC_RELEASE);
}

void count_unsent(const struct mark *m)
{
	__atomic_sub_fetch(&sessions[m->session].way[m->way].sent, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&books[m->way].sent, m->seq, __ATOMIC_RELEASE);
}

static void note_gap(struct book *b)
{
	uint64_t now = now_ns();

	if (b->last_ns != 0 && now - b->last_ns > b->gap_ns) {
		b->gap_ns = now - b->last_ns;
		b->gap_at_ns = b->last_ns;
	}
	b->last_ns = now;
}

void count_arrival(const struct mark *m, unsigned bytes, unsigned tunnel)
{
	struct book *b = &books[m->way];
	struct session *s = m->session < n_sessions ? &sessions[m->session] : NULL;

	pthread_mutex_lock(&b->lock);
	if (s == NULL || m->seq >= __atomic_load_n(&b->sent, __ATOMIC_ACQUIRE)) {
		b->wrong++;
	} else {
		note_gap(b);
		if (b->seen[m->seq] > 0)
			b->duplicated++;
		else
			b->arrived++;
		if (b->seen[m->seq] < UINT8_MAX)
			b->seen[m->seq]++;
		s->way[m->way].packets++;
		s->way[m->way].bytes += bytes;
		if (m->seq < s->way[m->way].next[tunnel])
			b->reordered++;
		else
			s->way[m->way].next[tunnel] = m->seq + 1;
	}
	pthread_mutex_unlock(&b->lock);
}

void count_wrong(enum way way)
{
	pthread_mutex_lock(&books[way].lock);
	books[way].wrong++;
	pthread_mutex_unlock(&books[way].lock);
}

void count_error_indication(void)
{
	__atomic_add_fetch(&error_indications, 1, __ATOMIC_RELAXED);
}

void count_tunnel(unsigned gnb, uint32_t teid, bool end_marker)
{
	unsigned at = (teid * 2654435761u >> 16) % TUNNELS;
	struct tunnel *t;

	pthread_mutex_lock(&books[DOWNLINK].lock);
	for (unsigned i = 0; i < TUNNELS; i++, at = (at + 1) % TUNNELS) {
		t = &tunnels[at];
		if (t->gnb == 0)
			*t = (struct tunnel){.gnb = (uint8_t)(gnb + 1), .teid = teid};
		if (t->gnb != gnb + 1 || t->teid != teid)
			continue;
		if (end_marker)
			t->end_markers++;
		else if (t->end_markers > 0)
			t->after++;
		else
			t->packets++;
		break;
	}
	pthread_mutex_unlock(&books[DOWNLINK].lock);
}

/* ---- the report ------------------------------------------------------------------ */

static void report_lost(FILE *out, const struct book *b, unsigned young_ms)
{
	uint64_t lost = 0, now_ms = (now_ns() - began_ns) / 1000000;
	uint32_t first = 0, last = 0;

	for (uint64_t i = 0; i < b->sent; i++) {
		if (b->seen[i] > 0 || b->sent_ms[i] + young_ms > now_ms)
			continue;
		if (lost++ == 0)
			first = b->sent_ms[i];
		last = b->sent_ms[i];
	}
	fprintf(out, "\"lost\": %" PRIu64, lost);
	if (lost > 0) /* the time that it was not there */
		fprintf(out, ", \"lost_from_ms\": %u, \"lost_to_ms\": %u", first, last);
}

static void report_way(FILE *out, const char *name, struct book *b, unsigned young_ms)
{
	uint64_t now;

	pthread_mutex_lock(&b->lock);
	now = now_ns(); /* under the lock: no packet can have come after it */
	fprintf(out, "\"%s\": {\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", ", name, b->sent,
		b->arrived);
	report_lost(out, b, young_ms);
	if (young_ms > 0 && b->last_ns != 0 && now - b->last_ns > b->gap_ns) { /* it lasts */
		b->gap_ns = now - b->last_ns;
		b->gap_at_ns = b->last_ns;
	}
	fprintf(out,
		", \"duplicated\": %" PRIu64 ", \"reordered\": %" PRIu64 ", \"wrong\": %" PRIu64
		", \"gap_ms\": %.1f, \"gap_at_ms\": %.1f}",
		b->duplicated, b->reordered, b->wrong, (double)b->gap_ns / 1e6,
		b->gap_at_ns > began_ns ? (double)(b->gap_at_ns - began_ns) / 1e6 : 0.0);
	pthread_mutex_unlock(&b->lock);
}

static void report_gnbs(FILE *out)
{
	struct tunnel sum[MAX_GNBS] = {0};

	for (unsigned i = 0; i < TUNNELS; i++) {
		const struct tunnel *t = &tunnels[i];

		if (t->gnb == 0)
			continue;
		sum[t->gnb - 1].packets += t->packets;
		sum[t->gnb - 1].end_markers += t->end_markers;
		sum[t->gnb - 1].after += t->after;
	}
	fputs(", \"gnbs\": [", out);
	for (unsigned i = 0; i < MAX_GNBS; i++)
		fprintf(out, "%s{\"packets\": %u, \"end_markers\": %u, \"after_end_marker\": %u}",
			i > 0 ? ", " : "", sum[i].packets + sum[i].after, sum[i].end_markers,
			sum[i].after);
	fputs("]", out);
}

static void report_sessions(FILE *out)
{
	char ue[INET_ADDRSTRLEN];

	fputs(", \"sessions\": [", out);
	for (unsigned i = 0; i < n_sessions; i++) {
		const struct session *s = &sessions[i];

		fprintf(out, "%s{\"ue\": \"%s\"", i > 0 ? ", " : "",
			inet_ntop(AF_INET, &s->ue, ue, sizeof(ue)));
		for (unsigned way = 0; way < 2; way++)
			fprintf(out,
				", \"%s\": {\"sent\": %" PRIu64 ", \"packets\": %" PRIu64
				", \"bytes\": %" PRIu64 "}",
				way == UPLINK ? "ul" : "dl", s->way[way].sent, s->way[way].packets,
				s->way[way].bytes);
		fputs("}", out);
	}
	fputs("]", out);
}

void count_report(FILE *out, unsigned young_ms)
{
	fprintf(out, "{\"ms\": %.1f, ", (double)(now_ns() - began_ns) / 1e6);
	report_way(out, "ul", &books[UPLINK], young_ms);
	fputs(", ", out);
	report_way(out, "dl", &books[DOWNLINK], young_ms);
	fprintf(out, ", \"error_indications\": %" PRIu64, error_indications);
	report_gnbs(out);
	report_sessions(out);
	fputs("}\n", out);
	fflush(out);
}
