/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coast-tgen: traffic for a user plane over any two DPDK ports. See --help.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "search.h"
#include "tgen.h"

#define REACHED 0.98 /* of the rate asked for: below that the generator was the limit */

static struct tgen tgen;
static struct options options;
static struct trial overload, zero_loss, delay; /* each holds a histogram: too large for a stack */

static void on_signal(int sig)
{
	tgen.stop = true;
}

static bool search_trial(double mpps, double *reached, void *arg)
{
	static struct trial r;
	struct tgen *t = arg;
	double allowed = t->o->loss_percent / 100;
	uint64_t offered, lost;

	traffic_trial(t, mpps, t->o->seconds, &r);
	offered = trial_sent(&r) + r.refused;
	lost = trial_lost(&r) + r.refused;
	*reached = trial_offered(&r);
	fprintf(stderr, "trial at %.4f Mpps: %llu of %llu lost\n", *reached,
		(unsigned long long)lost, (unsigned long long)offered);
	if (offered == 0 || *reached < mpps * REACHED || (double)lost > (double)offered * allowed)
		return false;
	zero_loss = r;
	return true;
}

static bool search_stop(void *arg)
{
	return ((struct tgen *)arg)->stop;
}

static void search(struct tgen *t, struct report *report)
{
	struct search s = {.min = t->o->search_min,
			   .max = t->o->search_max,
			   .resolution = t->o->resolution,
			   .tries = t->o->tries,
			   .trial = search_trial,
			   .stop = search_stop,
			   .arg = t};
	double best;

	traffic_trial(t, 0, t->o->seconds, &overload);
	report->overload = &overload;
	if (s.max == 0)
		s.max = trial_rate(&overload) * 1.05;
	if (s.min > s.max)
		s.min = s.max;
	best = s.max > 0 ? search_run(&s, &report->trials) : 0;
	if (best == 0 || t->stop)
		return;
	report->zero_loss = &zero_loss;
	if (t->o->latency_percent == 0)
		return;
	traffic_trial(t, best * t->o->latency_percent / 100, t->o->seconds, &delay);
	report->delay = &delay;
}

static int measure(struct tgen *t)
{
	struct report report = {0};

	if (traffic_resolve(t) < 0)
		return 1;
	if (t->o->search) {
		search(t, &report);
	} else {
		traffic_trial(t, t->o->mpps, t->o->seconds, &overload);
		report.trial = &overload;
	}
	if (t->stop)
		fputs("coast-tgen: interrupted: what follows is of the time until then\n", stderr);
	if (t->o->json == NULL || strcmp(t->o->json, "-") != 0)
		report_table(stdout, t->o, &report);
	return t->o->json != NULL && report_json(t->o->json, t->o, &report) < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	char **eal_argv;
	int eal_argc, ret = 1;

	options_parse(argc, argv, &options, &eal_argc, &eal_argv);
	tgen.o = &options;
	tgen.net = &options.net;
	if (rte_eal_init(eal_argc, eal_argv) < 0) {
		fprintf(stderr,
			"coast-tgen: DPDK does not start: %s: start as root, reserve "
			"hugepages or add --no-huge behind --\n",
			rte_strerror(rte_errno));
		return 1;
	}
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (ports_open(&tgen) == 0 && traffic_init(&tgen) == 0) {
		ret = measure(&tgen);
		ports_close(&tgen);
	}
	traffic_fini(&tgen);
	free((void *)(uintptr_t)options.net.teids);
	rte_eal_cleanup();
	return ret;
}
