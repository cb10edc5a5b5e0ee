/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tgen.h"

#define EAL_MAX 64

static const char usage_text[] =
	"Usage: coast-tgen [OPTIONS] [-- EAL-ARGUMENTS]\n"
	"\n"
	"Makes N3 and N6 traffic for a user plane and measures what comes back: rate, loss,\n"
	"order and delay. What it sends up on the N3 port must arrive on the N6 port and the\n"
	"reverse; each packet is checked to be what it must be.\n"
	"\n"
	"Session i, counted from 0, has the UE address UE + 1 + i, the downlink TEID\n"
	"DL-TEID + i and the uplink TEID TEID + i, or line i of the file --teids.\n"
	"\n"
	"Traffic\n"
	"  --sessions N         sessions (default 1000)\n"
	"  --size BYTES|imix    of users' packets, 64 to 1500; imix: 64, 576 and 1500 bytes,\n"
	"                       7 : 4 : 1 (default 64)\n"
	"  --up PERCENT         share of uplink (default 50; 100: uplink only, 0: downlink only)\n"
	"  --order random|round-robin\n"
	"                       which session is next (default random)\n"
	"  --rate MPPS|max      million packets a second in both directions together; max: as\n"
	"                       fast as the ports take them (default max)\n"
	"  --burst N            packets sent at once, 1 to 64 (default 32)\n"
	"  --seconds S          how long (default 2)\n"
	"  --packets N          stop after so many, however long it takes\n"
	"  --warm-up S          traffic before that, which does not count (default 0.3)\n"
	"Search\n"
	"  --search             find the highest rate without loss by bisection (RFC 2544):\n"
	"                       first an overload of --seconds, then trials of --seconds each\n"
	"  --min MPPS           lowest rate tried (default 0.01)\n"
	"  --max MPPS           highest one (default: what passed of the overload and 5 % more)\n"
	"  --resolution PERCENT where the search ends (default 2)\n"
	"  --loss PERCENT       loss that still passes (default 0)\n"
	"  --tries N            a trial fails when it does so N times in a row (default 1)\n"
	"  --latency-at PERCENT of the rate found: one more trial, for the delay\n"
	"Network\n"
	"  --n3-port PORT       DPDK's number or name of the N3 port (default 0)\n"
	"  --n6-port PORT       the same of the N6 port (default 1)\n"
	"  --gnb ADDRESS        own address on N3 (default 192.0.2.2)\n"
	"  --upf ADDRESS        the UPF's address on N3 (default 192.0.2.1)\n"
	"  --dn ADDRESS         own address on N6, next hop and peer of all users\n"
	"                       (default 198.51.100.2)\n"
	"  --upf-n6 ADDRESS     the UPF's address on N6 (default 198.51.100.1)\n"
	"  --n3-mac MAC, --n6-mac MAC\n"
	"                       the UPF's MAC addresses (default: asked for by ARP)\n"
	"  --ue ADDRESS         UE (default 10.0.0.0)\n"
	"  --teid N             TEID (default 1)\n"
	"  --dl-teid N          DL-TEID (default 1)\n"
	"  --teids FILE         uplink TEIDs, one a line\n"
	"  --qfi N              QoS flow (default 9)\n"
	"  --echo same|other    no UPF: frames come back as they are on the same or the other\n"
	"                       port, as from dpdk-testpmd\n"
	"Output\n"
	"  --json FILE          the same as JSON; -: on standard output, without the table\n"
	"  --vdev ARGUMENTS     a DPDK device, passed on to EAL\n"
	"  -h, --help           this text\n"
	"\n"
	"Two real ports, 100 Gbit/s, one core:\n"
	"  coast-tgen --search -- -l 2 -a 0000:03:00.0 -a 0000:03:00.1\n"
	"Exit status: 0 measured, 1 could not measure, 2 wrong usage.\n";

static void __attribute__((noreturn, format(printf, 1, 2))) refuse(const char *fmt, ...)
{
	va_list ap;

	fputs("coast-tgen: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'coast-tgen --help'.\n", stderr);
	exit(2);
}

static double number(const char *option, const char *s, double min, double max)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end != '\0' || !(v >= min && v <= max))
		refuse("--%s %s: a number from %g to %g is wanted", option, s, min, max);
	return v;
}

static uint32_t whole(const char *option, const char *s, uint32_t min, uint32_t max)
{
	char *end;
	unsigned long long v = strtoull(s, &end, 0);

	if (end == s || *end != '\0' || strchr(s, '-') != NULL || v < min || v > max)
		refuse("--%s %s: a whole number from %u to %u is wanted", option, s, min, max);
	return (uint32_t)v;
}

static void address(const char *option, const char *s, uint8_t *out)
{
	if (inet_pton(AF_INET, s, out) != 1)
		refuse("--%s %s: an IPv4 address is wanted, as 192.0.2.1", option, s);
}

static void mac(const char *option, const char *s, uint8_t *out)
{
	int n = 0;

	if (sscanf(s, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", out, out + 1, out + 2, out + 3,
		   out + 4, out + 5, &n) != 6 ||
	    s[n] != '\0')
		refuse("--%s %s: a MAC address is wanted, as 02:00:00:00:00:01", option, s);
}

static bool one_of(const char *option, const char *s, const char *no, const char *yes)
{
	if (strcmp(s, no) != 0 && strcmp(s, yes) != 0)
		refuse("--%s %s: %s or %s is wanted", option, s, no, yes);
	return strcmp(s, yes) == 0;
}

enum {
	SESSIONS = 256,
	SIZE,
	UP_PERCENT,
	ORDER,
	RATE,
	BURST,
	SECONDS,
	PACKETS,
	WARM_UP,
	SEARCH,
	MIN,
	MAX,
	RESOLUTION,
	LOSS,
	TRIES,
	LATENCY_AT,
	N3_PORT,
	N6_PORT,
	GNB,
	UPF,
	DN,
	UPF_N6,
	N3_MAC,
	N6_MAC,
	UE,
	TEID,
	DL_TEID,
	TEIDS,
	QFI,
	ECHO,
	JSON,
	VDEV,
};

static const struct option longs[] = {
	{"sessions", required_argument, NULL, SESSIONS},
	{"size", required_argument, NULL, SIZE},
	{"up", required_argument, NULL, UP_PERCENT},
	{"order", required_argument, NULL, ORDER},
	{"rate", required_argument, NULL, RATE},
	{"burst", required_argument, NULL, BURST},
	{"seconds", required_argument, NULL, SECONDS},
	{"packets", required_argument, NULL, PACKETS},
	{"warm-up", required_argument, NULL, WARM_UP},
	{"search", no_argument, NULL, SEARCH},
	{"min", required_argument, NULL, MIN},
	{"max", required_argument, NULL, MAX},
	{"resolution", required_argument, NULL, RESOLUTION},
	{"loss", required_argument, NULL, LOSS},
	{"tries", required_argument, NULL, TRIES},
	{"latency-at", required_argument, NULL, LATENCY_AT},
	{"n3-port", required_argument, NULL, N3_PORT},
	{"n6-port", required_argument, NULL, N6_PORT},
	{"gnb", required_argument, NULL, GNB},
	{"upf", required_argument, NULL, UPF},
	{"dn", required_argument, NULL, DN},
	{"upf-n6", required_argument, NULL, UPF_N6},
	{"n3-mac", required_argument, NULL, N3_MAC},
	{"n6-mac", required_argument, NULL, N6_MAC},
	{"ue", required_argument, NULL, UE},
	{"teid", required_argument, NULL, TEID},
	{"dl-teid", required_argument, NULL, DL_TEID},
	{"teids", required_argument, NULL, TEIDS},
	{"qfi", required_argument, NULL, QFI},
	{"echo", required_argument, NULL, ECHO},
	{"json", required_argument, NULL, JSON},
	{"vdev", required_argument, NULL, VDEV},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool parse_traffic(struct options *o, int c, const char *name, const char *arg)
{
	switch (c) {
	case SESSIONS:
		o->net.sessions = whole(name, arg, 1, 1u << 22);
		return true;
	case SIZE:
		o->size = strcmp(arg, "imix") == 0
				  ? IMIX
				  : (uint16_t)whole(name, arg, FRAME_SIZE_MIN, FRAME_SIZE_MAX);
		return true;
	case UP_PERCENT:
		o->up_percent = whole(name, arg, 0, 100);
		return true;
	case ORDER:
		o->round_robin = one_of(name, arg, "random", "round-robin");
		return true;
	case RATE:
		o->mpps = strcmp(arg, "max") == 0 ? 0 : number(name, arg, 1e-6, 1000);
		return true;
	case BURST:
		o->burst = (uint16_t)whole(name, arg, 1, BURST_MAX);
		return true;
	case SECONDS:
		o->seconds = number(name, arg, 0.001, 86400);
		return true;
	case PACKETS:
		o->packets = whole(name, arg, 1, UINT32_MAX);
		return true;
	case WARM_UP:
		o->warm_up = number(name, arg, 0, 3600);
		return true;
	default:
		return false;
	}
}

static bool parse_search(struct options *o, int c, const char *name, const char *arg)
{
	switch (c) {
	case SEARCH:
		o->search = true;
		return true;
	case MIN:
		o->search_min = number(name, arg, 1e-6, 1000);
		return true;
	case MAX:
		o->search_max = number(name, arg, 1e-6, 1000);
		return true;
	case RESOLUTION:
		o->resolution = number(name, arg, 0.01, 50);
		return true;
	case LOSS:
		o->loss_percent = number(name, arg, 0, 100);
		return true;
	case TRIES:
		o->tries = whole(name, arg, 1, 100);
		return true;
	case LATENCY_AT:
		o->latency_percent = number(name, arg, 1, 100);
		return true;
	default:
		return false;
	}
}

static bool parse_network(struct options *o, int c, const char *name, const char *arg)
{
	struct net *net = &o->net;
	uint8_t ip[4];

	switch (c) {
	case GNB:
		address(name, arg, net->n3.ip);
		return true;
	case UPF:
		address(name, arg, net->n3.peer_ip);
		return true;
	case DN:
		address(name, arg, net->n6.ip);
		return true;
	case UPF_N6:
		address(name, arg, net->n6.peer_ip);
		return true;
	case N3_MAC:
		mac(name, arg, net->n3.peer_mac);
		return true;
	case N6_MAC:
		mac(name, arg, net->n6.peer_mac);
		return true;
	case UE:
		address(name, arg, ip);
		net->ue_base = cst_be32(ip);
		return true;
	case TEID:
		net->teid_base = whole(name, arg, 1, UINT32_MAX);
		return true;
	case DL_TEID:
		net->dl_teid_base = whole(name, arg, 1, UINT32_MAX);
		return true;
	case QFI:
		net->qfi = (uint8_t)whole(name, arg, 0, 63);
		return true;
	case ECHO:
		net->echo = true;
		net->echo_other = one_of(name, arg, "same", "other");
		return true;
	default:
		return false;
	}
}

static void read_teids(struct options *o)
{
	FILE *f = fopen(o->teids_file, "r");
	uint32_t *teids = calloc(o->net.sessions, sizeof(*teids));
	char line[32];

	if (f == NULL || teids == NULL)
		refuse("--teids %s: cannot be read", o->teids_file);
	for (uint32_t i = 0; i < o->net.sessions; i++) {
		if (fgets(line, sizeof(line), f) == NULL)
			refuse("--teids %s: %u lines, %u sessions: give one TEID for each",
			       o->teids_file, i, o->net.sessions);
		line[strcspn(line, "\n")] = '\0';
		teids[i] = whole("teids", line, 1, UINT32_MAX);
	}
	fclose(f);
	o->net.teids = teids;
}

static void check(struct options *o)
{
	if (o->search && o->search_max > 0 && o->search_min > o->search_max)
		refuse("--min %g is above --max %g", o->search_min, o->search_max);
	if (o->latency_percent > 0 && !o->search)
		refuse("--latency-at needs --search; without, give the rate with --rate");
	if (o->search && o->packets > 0)
		refuse("--search has trials of --seconds: leave --packets out");
	if (o->search && o->mpps > 0)
		refuse("--search finds the rate: leave --rate out, or bound it with --max");
	if (o->teids_file != NULL)
		read_teids(o);
}

static void defaults(struct options *o)
{
	*o = (struct options){
		.port_name = {"0", "1"},
		.size = FRAME_SIZE_MIN,
		.up_percent = 50,
		.seconds = 2,
		.warm_up = 0.3,
		.burst = 32,
		.search_min = 0.01,
		.resolution = 2,
		.tries = 1,
		.net = {.n3 = {.ip = {192, 0, 2, 2}, .peer_ip = {192, 0, 2, 1}},
			.n6 = {.ip = {198, 51, 100, 2}, .peer_ip = {198, 51, 100, 1}},
			.ue_base = 10u << 24,
			.teid_base = 1,
			.dl_teid_base = 1,
			.sessions = 1000,
			.qfi = 9},
	};
}

void options_parse(int argc, char **argv, struct options *o, int *eal_argc, char ***eal_argv)
{
	static char *eal[EAL_MAX];
	int c, at = -1, n = 0;

	defaults(o);
	eal[n++] = argv[0];
	while ((c = getopt_long(argc, argv, "+h", longs, &at)) != -1) {
		const char *name = at >= 0 ? longs[at].name : "";

		if (c == 'h') {
			fputs(usage_text, stdout);
			exit(0);
		}
		if (c == '?')
			refuse("an option is not known or lacks its value");
		if (parse_traffic(o, c, name, optarg) || parse_search(o, c, name, optarg) ||
		    parse_network(o, c, name, optarg))
			continue;
		if (c == N3_PORT || c == N6_PORT)
			o->port_name[c == N6_PORT] = optarg;
		else if (c == TEIDS)
			o->teids_file = optarg;
		else if (c == JSON)
			o->json = optarg;
		else if (n + 2 < EAL_MAX) { /* --vdev */
			eal[n++] = (char *)"--vdev";
			eal[n++] = optarg;
		}
	}
	if (optind > 1 && optind < argc && strcmp(argv[optind - 1], "--") != 0)
		refuse("unexpected argument '%s'; EAL's go behind --", argv[optind]);
	if (optind == 1 && argc > 1 && optind < argc)
		refuse("unexpected argument '%s'; EAL's go behind --", argv[optind]);
	while (optind < argc && n < EAL_MAX - 1)
		eal[n++] = argv[optind++];
	if (optind < argc || n + 2 >= EAL_MAX)
		refuse("too many arguments for EAL");
	eal[n] = NULL;
	check(o);
	*eal_argc = n;
	*eal_argv = eal;
}
