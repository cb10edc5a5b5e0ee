/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream of numbered packets both ways through coastd, counted one by one:
 * uplink from gNBs through their tunnels to the data network, downlink from
 * there to the users. One process with a hand in both namespaces.
 *
 *   stream --gnb-ns NS --gnb 192.0.2.2 [--gnb ADDRESS ...] --upf 192.0.2.1 \
 *       --dn-ns NS --dn 198.51.100.2 --sessions FILE [--rate PPS] [--size BYTES] \
 *       [--seconds S] [--qfi QFI]
 *
 * FILE: a session a line, UE-ADDRESS UL-TEID DL-TEID [DL-TEID of a second path].
 * --rate is that of each way, --size that of a user's IP packet. SIGUSR1 prints
 * what was sent and what came so far; SIGTERM, or the end of the time, stops the
 * sender, waits for what is under way and prints the end. Each report is a line
 * of JSON. Packets that the kernel did not take from us were not sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "count.h"

#define TICK_NS      1000000
#define MOST         64 /* each way in a tick: what was missed is made up for, not all at once */
#define SOCKET_ROOM  (64 << 20)
#define UNDER_WAY_MS 300 /* so young ones are not lost yet */

static struct {
	const char *gnb_ns, *dn_ns, *upf, *dn, *sessions;
	const char *gnbs[MAX_GNBS];
	unsigned n_gnbs, rate, size, qfi;
	double seconds;
} opt = {.rate = 2000, .size = 128, .qfi = 9};

static int gnb_fds[MAX_GNBS], dn_fd;
static struct sockaddr_in upf_addr;
static uint32_t dn_ip;
static volatile sig_atomic_t stop, report_asked;
static bool stop_receiving;

static void die(const char *what)
{
	fprintf(stderr, "stream: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- sockets ------------------------------------------------------------------------ */

static void enter(const char *ns)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

static struct sockaddr_in address(const char *text, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		errno = EINVAL;
		die(text);
	}
	return a;
}

/* Belongs to the namespace the caller is in. */
static int udp_socket(const char *local, uint16_t port)
{
	struct sockaddr_in a = address(local, port);
	int size = SOCKET_ROOM, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(local);
	return fd;
}

static void open_sockets(void)
{
	upf_addr = address(opt.upf, GTPU_PORT);
	dn_ip = address(opt.dn, 0).sin_addr.s_addr;
	enter(opt.gnb_ns);
	for (unsigned i = 0; i < opt.n_gnbs; i++)
		gnb_fds[i] = udp_socket(opt.gnbs[i], GTPU_PORT);
	enter(opt.dn_ns);
	dn_fd = udp_socket(opt.dn, DN_PORT);
}

/* ---- sending ------------------------------------------------------------------------ */

/* False: the kernel would not have it. */
static bool send_one(enum way way, uint64_t seq)
{
	static uint8_t buf[GTPU_BYTES + MAX_BYTES];
	struct mark m = {.way = (uint8_t)way, .session = (uint32_t)(seq % n_sessions), .seq = seq};
	const struct session *s = &sessions[m.session];
	struct sockaddr_in ue = {.sin_family = AF_INET, .sin_port = htons(UE_PORT)};
	ssize_t n;

	count_sent(&m);
	if (way == UPLINK) {
		gpdu_write(buf, s->ul_teid, (uint8_t)opt.qfi, s->ue, dn_ip, opt.size, &m);
		n = sendto(gnb_fds[0], buf, GTPU_BYTES + opt.size, 0, (struct sockaddr *)&upf_addr,
			   sizeof(upf_addr));
	} else {
		ue.sin_addr.s_addr = s->ue;
		memset(buf, 0, opt.size);
		mark_write(buf, &m);
		n = sendto(dn_fd, buf, opt.size - 28, 0, (struct sockaddr *)&ue, sizeof(ue));
	}
	if (n < 0)
		count_unsent(&m);
	return n >= 0;
}

struct pace {
	uint64_t tried, sent; /* numbers go on from what was really sent */
};

static void send_due(enum way way, uint64_t due, struct pace *p)
{
	for (unsigned i = 0; i < MOST && p->tried < due; i++, p->tried++)
		p->sent += send_one(way, p->sent);
}

static void send_all(void)
{
	struct pace pace[2] = {0};
	uint64_t began = now_ns(), next = began;

	while (!stop) {
		uint64_t since = now_ns() - began;
		uint64_t due = since / 1000 * opt.rate / 1000000;
		struct timespec ts;

		if (opt.seconds > 0 && (double)since / 1e9 >= opt.seconds)
			break;
		send_due(UPLINK, due, &pace[UPLINK]);
		send_due(DOWNLINK, due, &pace[DOWNLINK]);
		if (report_asked) {
			report_asked = 0;
			count_report(stdout, UNDER_WAY_MS);
		}
		next += TICK_NS;
		if (next < now_ns())
			next = now_ns() + TICK_NS / 10;
		ts = (struct timespec){.tv_sec = (time_t)(next / 1000000000),
				       .tv_nsec = (long)(next % 1000000000)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
}

/* ---- receiving ------------------------------------------------------------------------ */

static void echo_reply(int fd, const uint8_t *req, ssize_t n, const struct sockaddr_in *to)
{
	uint8_t rsp[14] = {0x32, 2, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0};

	if (n >= 12 && (req[0] & 0x02))
		memcpy(rsp + 8, req + 8, 2);
	sendto(fd, rsp, sizeof(rsp), 0, (const struct sockaddr *)to, sizeof(*to));
}

static bool is_own(const struct session *s, const struct gtpu *g, uint32_t ue)
{
	return s->ue == ue && g->qfi == (int)opt.qfi &&
	       (g->teid == s->dl_teid[0] || (s->dl_teid[1] != 0 && g->teid == s->dl_teid[1]));
}

static void take_gpdu(unsigned gnb, const struct gtpu *g)
{
	struct mark m;
	uint32_t ue;

	if (!inner_read(g, &ue, &m) || m.way != DOWNLINK || m.session >= n_sessions ||
	    !is_own(&sessions[m.session], g, ue)) {
		count_wrong(DOWNLINK);
		return;
	}
	count_tunnel(gnb, g->teid, false);
	count_arrival(&m, (unsigned)g->len, g->teid != sessions[m.session].dl_teid[0]);
}

static void take_at_gnb(unsigned gnb)
{
	static uint8_t buf[65536];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(gnb_fds[gnb], buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &len);
	struct gtpu g;

	if (n < 0)
		return;
	switch (gtpu_read(buf, (size_t)n, &g)) {
	case GTPU_GPDU:
		take_gpdu(gnb, &g);
		break;
	case GTPU_END_MARKER:
		count_tunnel(gnb, g.teid, true);
		break;
	case GTPU_ECHO_REQUEST:
		echo_reply(gnb_fds[gnb], buf, n, &from);
		break;
	case GTPU_ERROR:
		count_error_indication();
		break;
	case GTPU_BAD:
		count_wrong(DOWNLINK);
		break;
	}
}

static void take_at_dn(void)
{
	static uint8_t buf[65536];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(dn_fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	struct mark m;

	if (n < 0)
		return;
	if (mark_read(buf, (size_t)n, &m) && m.way == UPLINK && m.session < n_sessions &&
	    sessions[m.session].ue == from.sin_addr.s_addr && ntohs(from.sin_port) == UE_PORT)
		count_arrival(&m, (unsigned)n + 28, 0);
	else
		count_wrong(UPLINK);
}

static bool receiving(void)
{
	return !__atomic_load_n(&stop_receiving, __ATOMIC_RELAXED);
}

static void *at_gnbs(void *arg)
{
	struct pollfd fds[MAX_GNBS];

	for (unsigned i = 0; i < opt.n_gnbs; i++)
		fds[i] = (struct pollfd){.fd = gnb_fds[i], .events = POLLIN};
	while (receiving()) {
		poll(fds, opt.n_gnbs, 100);
		for (unsigned i = 0; i < opt.n_gnbs; i++)
			if (fds[i].revents & POLLIN)
				take_at_gnb(i);
	}
	return NULL;
}

static void *at_dn(void *arg)
{
	struct pollfd fd = {.fd = dn_fd, .events = POLLIN};

	while (receiving())
		if (poll(&fd, 1, 100) > 0)
			take_at_dn();
	return NULL;
}

/* ---- the rest ------------------------------------------------------------------------- */

static void read_sessions(void)
{
	FILE *f = fopen(opt.sessions, "r");
	char line[160], ue[64], teid[3][32];

	if (f == NULL)
		die(opt.sessions);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct session s = {0};
		int n = sscanf(line, "%63s %31s %31s %31s", ue, teid[0], teid[1], teid[2]);

		if (n < 3 || inet_pton(AF_INET, ue, &s.ue) != 1) {
			fprintf(stderr, "stream: %s: want UE UL-TEID DL-TEID, not %s", opt.sessions,
				line);
			exit(2);
		}
		s.ul_teid = (uint32_t)strtoul(teid[0], NULL, 0);
		s.dl_teid[0] = (uint32_t)strtoul(teid[1], NULL, 0);
		s.dl_teid[1] = n > 3 ? (uint32_t)strtoul(teid[2], NULL, 0) : 0;
		sessions = realloc(sessions, (n_sessions + 1) * sizeof(s));
		if (sessions == NULL)
			die("memory");
		sessions[n_sessions++] = s;
	}
	fclose(f);
}

static void usage(void)
{
	fputs("usage: stream --gnb-ns NS --gnb ADDRESS --upf ADDRESS --dn-ns NS --dn ADDRESS "
	      "--sessions FILE [--rate PPS] [--size BYTES] [--seconds S] [--qfi QFI]\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{"gnb-ns", required_argument, NULL, 'G'},
		{"gnb", required_argument, NULL, 'g'},
		{"upf", required_argument, NULL, 'u'},
		{"dn-ns", required_argument, NULL, 'D'},
		{"dn", required_argument, NULL, 'd'},
		{"sessions", required_argument, NULL, 's'},
		{"rate", required_argument, NULL, 'r'},
		{"size", required_argument, NULL, 'b'},
		{"seconds", required_argument, NULL, 't'},
		{"qfi", required_argument, NULL, 'q'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'G':
			opt.gnb_ns = optarg;
			break;
		case 'g':
			if (opt.n_gnbs == MAX_GNBS)
				usage();
			opt.gnbs[opt.n_gnbs++] = optarg;
			break;
		case 'u':
			opt.upf = optarg;
			break;
		case 'D':
			opt.dn_ns = optarg;
			break;
		case 'd':
			opt.dn = optarg;
			break;
		case 's':
			opt.sessions = optarg;
			break;
		case 'r':
			opt.rate = (unsigned)atoi(optarg);
			break;
		case 'b':
			opt.size = (unsigned)atoi(optarg);
			break;
		case 't':
			opt.seconds = atof(optarg);
			break;
		case 'q':
			opt.qfi = (unsigned)atoi(optarg);
			break;
		default:
			usage();
		}
	}
	if (opt.gnb_ns == NULL || opt.n_gnbs == 0 || opt.upf == NULL || opt.dn_ns == NULL ||
	    opt.dn == NULL || opt.sessions == NULL || opt.rate == 0 || opt.size < MIN_BYTES ||
	    opt.size > MAX_BYTES)
		usage();
}

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		report_asked = 1;
	else
		stop = 1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t threads[2];

	parse(argc, argv);
	read_sessions();
	if (n_sessions == 0)
		usage();
	setpriority(PRIO_PROCESS, 0, -15); /* what it does not offer looks like a gap */
	open_sockets();
	count_open();
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	pthread_create(&threads[0], NULL, at_gnbs, NULL);
	pthread_create(&threads[1], NULL, at_dn, NULL);
	puts("stream ready");
	fflush(stdout);
	send_all();
	usleep(2 * UNDER_WAY_MS * 1000);
	__atomic_store_n(&stop_receiving, true, __ATOMIC_RELAXED);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	count_report(stdout, 0);
	return 0;
}
