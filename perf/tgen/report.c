/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tgen.h"

static const struct {
	const char *name;
	double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}, {"p99.99", 99.99}};

#define N_PERCENTILES (sizeof(percentiles) / sizeof(percentiles[0]))

static double us(const struct trial *r, double cycles)
{
	return cycles * 1e6 / r->hz;
}

static double lost_percent(const struct trial *r)
{
	uint64_t offered = trial_sent(r) + r->refused;

	return offered > 0 ? (double)(trial_lost(r) + r->refused) * 100 / (double)offered : 0;
}

static double waited_percent(const struct trial *r)
{
	return r->seconds > 0 ? r->waited * 100 / r->seconds : 0;
}

/* While it had no CPU it did no work. */
static double cycles_per_packet(const struct trial *r)
{
	double had = 1 - waited_percent(r) / 100;

	return r->moved > 0 ? (double)r->busy_cycles * (had > 0 ? had : 0) / (double)r->moved : 0;
}

static double busy_percent(const struct trial *r)
{
	return r->cycles > 0 ? (double)r->busy_cycles * 100 / (double)r->cycles : 0;
}

static double gbps(const struct trial *r)
{
	return r->seconds > 0 ? (double)r->bits / r->seconds / 1e9 : 0;
}

static void row(FILE *f, const char *what, const struct trial *r)
{
	if (r == NULL)
		return;
	fprintf(f, "%-10s %9.4f %9.4f %7.2f %9.5f %6llu %6llu", what, trial_offered(r),
		trial_rate(r), gbps(r), lost_percent(r), (unsigned long long)r->wrong,
		(unsigned long long)r->misordered);
	for (unsigned i = 0; i < N_PERCENTILES; i++)
		fprintf(f, " %8.1f",
			us(r, (double)hist_percentile(&r->delay, percentiles[i].percent)));
	fprintf(f, " %8.1f %7.0f %5.1f\n", us(r, (double)r->delay.max), cycles_per_packet(r),
		busy_percent(r));
	if (r->missed > 0)
		fprintf(f, "%10s the generator had no time for %llu more\n", "",
			(unsigned long long)r->missed);
	if (waited_percent(r) >= 1)
		fprintf(f, "%10s other work took its CPU for %.0f %% of the time\n", "",
			waited_percent(r));
}

void report_table(FILE *f, const struct options *o, const struct report *r)
{
	char size[16];

	snprintf(size, sizeof(size), o->size == IMIX ? "IMIX" : "%u-byte", o->size);
	fprintf(f, "%u sessions, %s packets, %u %% uplink\n", o->net.sessions, size, o->up_percent);
	fprintf(f, "%-10s %9s %9s %7s %9s %6s %6s %8s %8s %8s %8s %8s %8s %7s %5s\n", "", "offered",
		"received", "", "lost", "", "out of", "delay us", "", "", "", "", "", "cycles/",
		"busy");
	fprintf(f, "%-10s %9s %9s %7s %9s %6s %6s %8s %8s %8s %8s %8s %8s %7s %5s\n", "", "Mpps",
		"Mpps", "Gbit/s", "%", "wrong", "order", "p50", "p90", "p99", "p99.9", "p99.99",
		"max", "packet", "%");
	row(f, "trial", r->trial);
	row(f, "overload", r->overload);
	row(f, "zero loss", r->zero_loss);
	row(f, "delay", r->delay);
	if (r->overload != NULL && r->zero_loss == NULL)
		fprintf(f, "no rate from %g Mpps up passed without loss\n", o->search_min);
	fputs("cycles and busy are the generator's: near 100 % it is the limit itself\n", f);
}

static json_t *delays(const struct trial *r)
{
	json_t *d = json_object();

	for (unsigned i = 0; i < N_PERCENTILES; i++)
		json_object_set_new(d, percentiles[i].name,
				    json_real(us(r, (double)hist_percentile(
							    &r->delay, percentiles[i].percent))));
	json_object_set_new(d, "min", json_real(us(r, (double)r->delay.min)));
	json_object_set_new(d, "mean", json_real(us(r, hist_mean(&r->delay))));
	json_object_set_new(d, "max", json_real(us(r, (double)r->delay.max)));
	return d;
}

static json_int_t count(uint64_t n)
{
	return (json_int_t)n;
}

static json_t *trial(const struct trial *r)
{
	return json_pack(
		"{s:f, s:f, s:f, s:f, s:f, s:{s:I, s:I}, s:{s:I, s:I}, s:I, s:f, s:I, s:I, s:I, "
		"s:I, s:I, s:o, s:f, s:f, s:f}",
		"asked_mpps", r->mpps, "offered_mpps", trial_offered(r), "received_mpps",
		trial_rate(r), "received_gbps", gbps(r), "seconds", r->seconds, "sent", "up",
		count(r->sent[UP]), "down", count(r->sent[DOWN]), "received", "up",
		count(r->received[UP]), "down", count(r->received[DOWN]), "lost",
		count(trial_lost(r)), "lost_percent", lost_percent(r), "wrong", count(r->wrong),
		"other", count(r->other), "misordered", count(r->misordered), "refused",
		count(r->refused), "missed", count(r->missed), "delay_us", delays(r),
		"cycles_per_packet", cycles_per_packet(r), "busy_percent", busy_percent(r),
		"waited_percent", waited_percent(r));
}

static void set(json_t *to, const char *name, const struct trial *r)
{
	if (r != NULL)
		json_object_set_new(to, name, trial(r));
}

int report_json(const char *path, const struct options *o, const struct report *r)
{
	json_t *all = json_pack("{s:i, s:i, s:i}", "sessions", (int)o->net.sessions, "size",
				(int)o->size, "up_percent", (int)o->up_percent);
	int ret;

	if (o->size == IMIX)
		json_object_set_new(all, "size", json_string("imix"));
	set(all, "trial", r->trial);
	set(all, "overload", r->overload);
	set(all, "zero_loss", r->zero_loss);
	set(all, "delay", r->delay);
	if (r->overload != NULL)
		json_object_set_new(all, "trials", json_integer((json_int_t)r->trials));
	if (strcmp(path, "-") == 0)
		ret = json_dumpf(all, stdout, JSON_INDENT(2));
	else
		ret = json_dump_file(all, path, JSON_INDENT(2));
	if (ret == 0 && strcmp(path, "-") == 0)
		putchar('\n');
	if (ret < 0)
		fprintf(stderr, "coast-tgen: --json %s: cannot be written\n", path);
	json_decref(all);
	return ret;
}
