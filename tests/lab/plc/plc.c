/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pair of controllers for the lab: cyclic packets between two ends, each in its
 * namespace, and what comes of them (see usage[]).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../frame_io.h"
#include "flow.h"

static const char usage[] =
	"usage: plc --a [NAMESPACE/]IF --b [NAMESPACE/]IF --flow KIND[,WORD=VALUE...] ...\n"
	"\n"
	"Sends numbered packets both ways between the ends a and b, one each cycle. SIGUSR1\n"
	"ends a phase, SIGTERM the run: after what is under way had time to come, prints what\n"
	"the application saw of the packets sent in the phase, as one line of JSON.\n"
	"\n"
	"  udp,a=ADDRESS,b=ADDRESS   by the kernel's stack\n"
	"    port=N                  34964\n"
	"  eth                       frames from 02:0a:FF:00:HH:LL at a to 02:0b:FF:00:HH:LL at b\n"
	"                            and back; FF: number of the flow, HHLL: of the stream\n"
	"    type=N                  0x88b5, local experimental\n"
	"    vlan=N,pcp=N            with a C-tag; vlan 0: a priority tag\n"
	"    count=N                 streams, each once a cycle\n"
	"  both:\n"
	"    name=WORD\n"
	"    cycle=US                1000\n"
	"    size=OCTETS             of payload, 64\n"
	"    from=a|b                one way only\n";

#define DRAIN_NS (250 * 1000000ull) /* longer than any delay in the lab */

/* What each payload begins with; filler follows that depends on the number. */
struct head {
	char magic[4];
	uint16_t flow, stream;
	uint32_t number;
	uint32_t from; /* end */
	uint64_t sent; /* ns of CLOCK_REALTIME */
};
_Static_assert(sizeof(struct head) == HEAD, "no holes");

static const char *ends[2];
static int packet_fd[2];
static uint64_t phase_began;
static volatile sig_atomic_t asked_phase, asked_end;

/* That of the kernel's time stamps. */
static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

/* ---- packets ------------------------------------------------------------------- */

static size_t put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

static size_t put_mac(uint8_t *p, unsigned end, unsigned flow, unsigned stream)
{
	p[0] = 0x02;
	p[1] = end == 0 ? 0x0a : 0x0b;
	p[2] = (uint8_t)flow;
	p[3] = 0;
	return 4 + put16(p + 4, stream);
}

/* The packet as it leaves its end; for UDP the payload alone. */
static size_t craft(uint8_t *p, const struct head *h)
{
	const struct flow *f = &flows[h->flow];
	size_t n = 0;

	if (f->kind == ETH) {
		n += put_mac(p + n, !h->from, h->flow, h->stream);
		n += put_mac(p + n, h->from, h->flow, h->stream);
		if (f->tagged) {
			n += put16(p + n, 0x8100);
			n += put16(p + n, f->pcp << 13 | f->vlan);
		}
		n += put16(p + n, f->type);
	}
	memcpy(p + n, h, HEAD);
	for (unsigned i = HEAD; i < f->size; i++)
		p[n + i] = (uint8_t)(h->number + i);
	return n + f->size;
}

static void send_one(unsigned flow, unsigned end, unsigned stream)
{
	static uint8_t packet[FRAME_MAX];
	struct flow *f = &flows[flow];
	struct head h = {"PLC", (uint16_t)flow, (uint16_t)stream, 0, end, now_ns()};
	size_t len;

	h.number = track_sent(&f->track[end][stream], h.sent);
	len = craft(packet, &h);
	if (f->kind == ETH)
		frame_write(packet_fd[end], packet, len);
	else
		(void)!sendto(f->fd[end], packet, len, 0, (struct sockaddr *)&f->addr[!end],
			      sizeof(f->addr[0]));
}

/* At `end` came what must be, octet by octet, what the other sent. */
static void receive_one(unsigned end, const uint8_t *packet, size_t len, size_t at, uint64_t when)
{
	static uint8_t want[FRAME_MAX];
	struct head h;
	struct flow *f;

	if (len < at + HEAD)
		return;
	memcpy(&h, packet + at, HEAD);
	if (memcmp(h.magic, "PLC", 4) != 0 || h.flow >= n_flows || h.from != !end ||
	    h.stream >= flows[h.flow].count)
		return;
	f = &flows[h.flow];
	if (craft(want, &h) != len || memcmp(want, packet, len) != 0 ||
	    !track_received(&f->track[h.from][h.stream], h.number, h.sent, when))
		f->wrong[h.from]++;
}

static void receive_frames(unsigned end)
{
	static uint8_t frame[FRAME_MAX];
	uint64_t when = 0;
	size_t len;

	for (unsigned i = 0; i < 256 && (len = frame_read(packet_fd[end], frame, &when)) > 0; i++) {
		size_t at = 14;

		while (len >= at + 4 && frame[at - 2] == 0x81 && frame[at - 1] == 0)
			at += 4;
		receive_one(end, frame, len, at, when);
	}
}

static void receive_udp(struct flow *f, unsigned end)
{
	static uint8_t payload[FRAME_MAX];
	uint64_t when = 0;
	size_t len;

	while ((len = frame_read(f->fd[end], payload, &when)) > 0)
		receive_one(end, payload, len, 0, when);
}

static void begin_phase(void)
{
	for (unsigned i = 0; i < n_flows; i++)
		for (unsigned from = 0; from < 2; from++)
			for (unsigned s = 0; s < flows[i].count; s++)
				track_phase(&flows[i].track[from][s]);
}

/* ---- the cycle ----------------------------------------------------------------- */

/* What is due leaves; when the next is. */
static uint64_t send_due(uint64_t now)
{
	uint64_t next = now + NS;

	for (unsigned i = 0; i < n_flows; i++) {
		struct flow *f = &flows[i];

		for (unsigned end = 0; end < 2; end++) {
			if (f->only >= 0 && f->only != (int)end)
				continue;
			while (f->due[end] <= now) {
				send_one(i, end, f->turn[end]);
				f->turn[end] = (f->turn[end] + 1) % f->count;
				f->due[end] += f->cycle / f->count;
				/* a controller that was held up leaves cycles out */
				if (f->due[end] + f->cycle < now)
					f->due[end] = now + f->cycle / f->count;
			}
			next = f->due[end] < next ? f->due[end] : next;
		}
	}
	return next;
}

static void receive(struct pollfd *polled)
{
	unsigned n = 2;

	for (unsigned end = 0; end < 2; end++)
		if (polled[end].revents)
			receive_frames(end);
	for (unsigned i = 0; i < n_flows; i++)
		for (unsigned end = 0; flows[i].kind == UDP && end < 2; end++)
			if (polled[n++].revents)
				receive_udp(&flows[i], end);
}

static unsigned watch(struct pollfd *polled)
{
	unsigned n = 0;

	for (unsigned end = 0; end < 2; end++)
		polled[n++] = (struct pollfd){.fd = packet_fd[end], .events = POLLIN};
	for (unsigned i = 0; i < n_flows; i++)
		for (unsigned end = 0; flows[i].kind == UDP && end < 2; end++)
			polled[n++] = (struct pollfd){.fd = flows[i].fd[end], .events = POLLIN};
	return n;
}

static void run(void)
{
	struct pollfd polled[2 + 2 * MAX_FLOWS];
	unsigned n = watch(polled);
	uint64_t ended = 0; /* when the phase did whose packets are still coming */
	bool last = false;

	phase_began = now_ns();
	for (;;) {
		uint64_t now = now_ns(), next = last ? now + NS / 100 : send_due(now);
		uint64_t wait = next > (now = now_ns()) ? next - now : 0;
		struct timespec ts = {(time_t)(wait / NS), (long)(wait % NS)};

		if (ppoll(polled, n, &ts, NULL) > 0)
			receive(polled);
		now = now_ns();
		if (ended == 0 && (asked_phase || asked_end)) {
			last = asked_end;
			asked_phase = 0;
			ended = now;
			begin_phase();
		} else if (ended != 0 && now > ended + DRAIN_NS) {
			flows_print((double)(ended - phase_began) / NS);
			phase_began = ended;
			ended = 0;
			if (last)
				return;
		}
	}
}

/* ---- start --------------------------------------------------------------------- */

static void open_udp(struct flow *f, unsigned end)
{
	const int room = 4 << 20;

	f->addr[end].sin_family = AF_INET;
	f->addr[end].sin_port = htons((uint16_t)f->port);
	f->fd[end] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd[end] < 0 ||
	    bind(f->fd[end], (struct sockaddr *)&f->addr[end], sizeof(f->addr[end])) < 0)
		refuse(f->name, strerror(errno));
	setsockopt(f->fd[end], SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	frame_times(f->fd[end]);
}

static void open_end(unsigned end)
{
	const char *slash = strchr(ends[end], '/');
	char ns[64];

	packet_fd[end] = frame_open(ends[end]);
	frame_times(packet_fd[end]);
	snprintf(ns, sizeof(ns), "%.*s", slash != NULL ? (int)(slash - ends[end]) : 0, ends[end]);
	if (slash != NULL)
		netns_enter(ns);
	for (unsigned i = 0; i < n_flows; i++)
		if (flows[i].kind == UDP)
			open_udp(&flows[i], end);
	if (slash != NULL)
		netns_leave();
}

static void on_signal(int signal)
{
	if (signal == SIGUSR1)
		asked_phase = 1;
	else
		asked_end = 1;
}

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"a", required_argument, NULL, 'a'},
		{"b", required_argument, NULL, 'b'},
		{"flow", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 'a':
		case 'b':
			ends[c - 'a'] = optarg;
			break;
		case 'f':
			flow_add(optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		refuse(argv[optind], "unknown argument");
	if (ends[0] == NULL || ends[1] == NULL || n_flows == 0)
		refuse("--a, --b, --flow", "each is needed");
}

/* Flows and ends take turns within the cycle. */
static void spread(void)
{
	uint64_t begin = now_ns() + NS / 100;

	for (unsigned i = 0; i < n_flows; i++)
		for (unsigned end = 0; end < 2; end++)
			flows[i].due[end] = begin + flows[i].cycle * (2 * i + end) / (2 * n_flows);
}

int main(int argc, char **argv)
{
	const struct sigaction act = {.sa_handler = on_signal};
	const struct sched_param param = {.sched_priority = 20};

	options(argc, argv);
	for (unsigned end = 0; end < 2; end++)
		open_end(end);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	/* the cycle is kept better where that is allowed, and kept all the same */
	mlockall(MCL_CURRENT);
	sched_setscheduler(0, SCHED_FIFO, &param);
	puts("plc ready");
	fflush(stdout);
	spread();
	run();
	return 0;
}
