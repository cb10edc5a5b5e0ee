/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bad links for the lab: lanes, each between two interfaces, whose frames are
 * lost, late, doubled and turned round as commands say (see usage[]).
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "copies.h"
#include "../frame_io.h"
#include "lane.h"
#include "queue.h"

static const char usage[] =
	"usage: impair [--seed N] --lane NAME=IF,IF ... [--run COMMAND] ... [--control PATH]\n"
	"       impair --tell PATH COMMAND\n"
	"\n"
	"Forwards all frames of each lane between its two interfaces, IF or NAMESPACE/IF, and\n"
	"impairs them. Prints \"impair ready\", and counts as JSON when it ends (SIGTERM, quit).\n"
	"The same traffic under the same seed has the same fate.\n"
	"\n"
	"Commands, by --run at the start and by --tell to the one that listens at PATH; those on\n"
	"lanes and correlations also several at once, divided by ';':\n"
	"  lane NAME|all [there|back] WORD ...    there: from the first IF to the second\n"
	"    down | up                            cut; frames under way still arrive\n"
	"    loss P                               each frame on its own, 0 to 1\n"
	"    burst P MEAN                         P of them, in bursts of MEAN (Gilbert-Elliott)\n"
	"    delay MS | jitter MS                 jitter: 0 to MS more; order is kept\n"
	"    duplicate P [N]                      with N more\n"
	"    reorder P [MS]                       held back by MS (5) and overtaken\n"
	"    clear                                none of these\n"
	"  correlation RHO NAME NAME ...          of the losses of a packet's copies, with each\n"
	"                                         lane's share as it is; after `loss`\n"
	"  at SECONDS COMMAND                     so long after the start\n"
	"  stats                                  the counts so far\n"
	"  quit\n";

#define MAX_SCHEDULED 256
#define NS            1000000000u

static struct lanes lanes;
static int fds[MAX_LANES][2];
static struct copies *copies[2]; /* by way */
static uint64_t too_many;        /* frames for which the queue had no room */
static uint64_t overruns;
static struct {
	uint64_t at;
	char command[200];
} schedule[MAX_SCHEDULED];
static unsigned n_scheduled;
static uint64_t started;
static volatile sig_atomic_t stop;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS + (uint64_t)ts.tv_nsec;
}

static _Noreturn void refuse(const char *what, const char *why)
{
	fprintf(stderr, "impair: %s: %s; try --help\n", what, why);
	exit(2);
}

/* ---- counts -------------------------------------------------------------------- */

static void print_way(FILE *out, const char *name, const struct way *w)
{
	fprintf(out,
		"\"%s\": {\"frames\": %lu, \"lost\": %lu, \"cut\": %lu, \"duplicated\": %lu, "
		"\"reordered\": %lu}",
		name, w->frames, w->lost, w->cut, w->duplicated, w->reordered);
}

static void print_copies(FILE *out, unsigned way)
{
	uint64_t packets, lost;
	const char *comma = "";

	copies_all(copies[way], lanes.n, &packets, &lost);
	fprintf(out, "{\"packets\": %lu, \"lost_on_all\": %lu, \"pairs\": [", packets, lost);
	for (unsigned a = 0; a < lanes.n; a++) {
		for (unsigned b = a + 1; b < lanes.n; b++, comma = ", ") {
			struct pair p = copies_pair(copies[way], a, b);

			fprintf(out,
				"%s{\"lanes\": [\"%s\", \"%s\"], \"packets\": %lu, \"lost\": [%lu, "
				"%lu], \"lost_on_both\": %lu, \"correlation\": %.5f}",
				comma, lanes.lane[a].name, lanes.lane[b].name, p.both, p.lost[0],
				p.lost[1], p.lost_both, pair_correlation(&p));
		}
	}
	fprintf(out, "]}");
}

static void print_counts(FILE *out)
{
	for (unsigned i = 0; i < lanes.n; i++)
		overruns += frame_overruns(fds[i][0]) + frame_overruns(fds[i][1]);
	fprintf(out, "{\"seconds\": %.3f, \"overruns\": %lu, \"lanes\": {",
		(double)(now_ns() - started) / NS, overruns + too_many);
	for (unsigned i = 0; i < lanes.n; i++) {
		fprintf(out, "%s\"%s\": {", i > 0 ? ", " : "", lanes.lane[i].name);
		print_way(out, "there", &lanes.lane[i].way[0]);
		fprintf(out, ", ");
		print_way(out, "back", &lanes.lane[i].way[1]);
		fprintf(out, "}");
	}
	fprintf(out, "}, \"copies\": {\"there\": ");
	print_copies(out, 0);
	fprintf(out, ", \"back\": ");
	print_copies(out, 1);
	fprintf(out, "}}\n");
}

/* ---- commands ------------------------------------------------------------------ */

static bool command(const char *line, char *why, size_t size);

static bool later(const char *line, char *why, size_t size)
{
	struct lanes trial = lanes;
	char *end;
	double seconds = strtod(line, &end);

	if (end == line || !(seconds >= 0 && seconds < 1e6) || *end != ' ') {
		snprintf(why, size, "at: want SECONDS COMMAND");
		return false;
	}
	end += strspn(end, " ");
	/* what depends on an earlier one of the schedule is refused in its time */
	if (n_scheduled == MAX_SCHEDULED || strlen(end) >= sizeof(schedule[0].command)) {
		snprintf(why, size, "at: the schedule is full");
		return false;
	}
	if (strncmp(end, "correlation", 11) != 0 && strcmp(end, "quit") != 0 &&
	    !lanes_command(&trial, end, why, size))
		return false;
	schedule[n_scheduled].at = started + (uint64_t)(seconds * NS);
	strcpy(schedule[n_scheduled++].command, end);
	return true;
}

static bool command(const char *line, char *why, size_t size)
{
	if (strncmp(line, "at ", 3) == 0)
		return later(line + 3, why, size);
	if (strcmp(line, "quit") == 0) {
		stop = 1;
		return true;
	}
	return lanes_command(&lanes, line, why, size);
}

static void run_schedule(uint64_t now)
{
	char why[200];

	for (unsigned i = 0; i < n_scheduled;) {
		if (schedule[i].at > now) {
			i++;
			continue;
		}
		if (!command(schedule[i].command, why, sizeof(why)))
			fprintf(stderr, "impair: %s: %s\n", schedule[i].command, why);
		/* those of one time run in the order they were given */
		memmove(&schedule[i], &schedule[i + 1], (--n_scheduled - i) * sizeof(schedule[0]));
	}
}

static int control_open(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(at.sun_path))
		refuse(path, "too long for a socket");
	strcpy(at.sun_path, path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
		refuse(path, strerror(errno));
	return fd;
}

/* One command a connection; clients are the lab's own and send it at once. */
static void control_serve(int listener)
{
	char line[256], why[200] = "";
	int fd = accept(listener, NULL, NULL);
	ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;
	FILE *out = n > 0 ? fdopen(fd, "w") : NULL;

	if (out == NULL) {
		close(fd);
		return;
	}
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, "stats") == 0)
		print_counts(out);
	else if (command(line, why, sizeof(why)))
		fputs("ok\n", out);
	else
		fprintf(out, "error: %s\n", why);
	fclose(out);
}

static int tell(const char *path, const char *line)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char reply[16384];
	size_t n = 0;
	ssize_t got;

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    write(fd, line, strlen(line)) < 0)
		refuse(path, strerror(errno));
	while ((got = read(fd, reply + n, sizeof(reply) - 1 - n)) > 0)
		n += (size_t)got;
	reply[n] = '\0';
	if (n == 0 || strncmp(reply, "error", 5) == 0) {
		fprintf(stderr, "impair: %s", n > 0 ? reply : "no reply\n");
		return 1;
	}
	if (strcmp(reply, "ok\n") != 0)
		fputs(reply, stdout);
	return 0;
}

/* ---- frames -------------------------------------------------------------------- */

static void forward(unsigned lane, unsigned way)
{
	static uint8_t frame[FRAME_MAX];

	for (unsigned i = 0; i < 64; i++) {
		size_t len = frame_read(fds[lane][way], frame, NULL);
		uint64_t now = now_ns(), key;
		struct fate fate;

		if (len == 0)
			return;
		key = copies_key(frame, len);
		fate = lane_fate(&lanes, &lanes.lane[lane], way, key, now);
		copies_saw(copies[way], key, lane, fate.lost);
		if (fate.lost)
			continue;
		while (fate.copies-- > 0) {
			/* by the queue even at once: nothing overtakes what is there already */
			if (!queue_put(fate.due, (uint16_t)(lane * 2 + !way), frame, len))
				too_many++;
		}
	}
}

static void deliver(uint64_t now)
{
	const struct queued *q;

	for (; (q = queue_first()) != NULL && q->due <= now; queue_drop_first())
		frame_write(fds[q->to / 2][q->to % 2], q->frame, q->len);
}

static uint64_t next_event(uint64_t now)
{
	const struct queued *q = queue_first();
	uint64_t next = q != NULL ? q->due : now + NS;

	for (unsigned i = 0; i < n_scheduled; i++)
		if (schedule[i].at < next)
			next = schedule[i].at;
	return next > now ? next - now : 0;
}

static void run(int control)
{
	struct pollfd polled[2 * MAX_LANES + 1];

	for (unsigned i = 0; i < 2 * lanes.n; i++)
		polled[i] = (struct pollfd){.fd = fds[i / 2][i % 2], .events = POLLIN};
	polled[2 * lanes.n] = (struct pollfd){.fd = control, .events = POLLIN};
	while (!stop) {
		uint64_t wait = next_event(now_ns());
		struct timespec ts = {(time_t)(wait / NS), (long)(wait % NS)};
		int n = ppoll(polled, 2 * lanes.n + 1, &ts, NULL);

		run_schedule(now_ns());
		for (unsigned i = 0; n > 0 && i < 2 * lanes.n; i++)
			if (polled[i].revents)
				forward(i / 2, i % 2);
		deliver(now_ns());
		if (n > 0 && polled[2 * lanes.n].revents)
			control_serve(control);
	}
}

/* ---- start --------------------------------------------------------------------- */

static void add_lane(const char *spec)
{
	char name[32], first[80], second[80], why[200];

	if (sscanf(spec, "%31[^=]=%79[^,],%79s", name, first, second) != 3)
		refuse(spec, "--lane wants NAME=IF,IF");
	if (!lane_add(&lanes, name, why, sizeof(why)))
		refuse(spec, why);
	fds[lanes.n - 1][0] = frame_open(first);
	fds[lanes.n - 1][1] = frame_open(second);
}

static void on_signal(int signal)
{
	stop = 1;
}

static void options(int argc, char **argv, int *control)
{
	static const struct option longs[] = {
		{"seed", required_argument, NULL, 's'},
		{"lane", required_argument, NULL, 'l'},
		{"run", required_argument, NULL, 'r'},
		{"control", required_argument, NULL, 'c'},
		{"tell", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	char why[200];
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			lanes_seed(&lanes, strtoull(optarg, NULL, 0));
			break;
		case 'l':
			add_lane(optarg);
			break;
		case 'r':
			if (!command(optarg, why, sizeof(why)))
				refuse(optarg, why);
			break;
		case 'c':
			*control = control_open(optarg);
			break;
		case 't':
			if (optind != argc - 1)
				refuse("--tell", "wants PATH and one COMMAND in quotes");
			exit(tell(optarg, argv[optind]));
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		refuse(argv[optind], "unknown argument");
	if (lanes.n == 0)
		refuse("--lane", "name one lane or more");
}

int main(int argc, char **argv)
{
	const struct sigaction end = {.sa_handler = on_signal};
	const struct sched_param param = {.sched_priority = 20};
	int control = -1;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	started = now_ns();
	options(argc, argv, &control);
	copies[0] = copies_new();
	copies[1] = copies_new();
	/* delays are kept better where that is allowed, and kept all the same */
	prctl(PR_SET_TIMERSLACK, 1);
	sched_setscheduler(0, SCHED_FIFO, &param);
	puts("impair ready");
	fflush(stdout);
	run(control);
	print_counts(stdout);
	return 0;
}
