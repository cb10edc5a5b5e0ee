/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl stream watch`: which path carries a stream, which lags, and whether
 * they fail together, again and again.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "prer_watch_api.h"
#include "prer_watch_cli.h"

#define WAIT_MS 100 /* Ctrl-C is seen so soon */

struct watch_args {
	uint64_t has;
	const char *name;
	uint32_t interval_ms, count;
};

static const struct cst_field watch_fields[] = {
	CST_F_STR(struct watch_args, name, 1, 255, CST_F_KEY, NULL, "name of the stream"),
	CST_F_UINT(struct watch_args, interval_ms, 100, 60000, "ms", 0, "1000",
		   "between two looks"),
	CST_F_UINT(struct watch_args, count, 1, 0, NULL, 0, NULL,
		   "end after so many; absent: on a terminal never, else 1"),
};
static const struct cst_object watch_object =
	CST_OBJECT("stream_watch", struct watch_args, watch_fields, "which stream, how often");

/* A short while; false: Ctrl-C. */
static bool rest(json_int_t ms)
{
	struct timespec ts = {.tv_nsec = WAIT_MS * 1000000l};

	for (; ms > 0 && !cst_cli_interrupted(); ms -= WAIT_MS)
		nanosleep(&ts, NULL);
	return !cst_cli_interrupted();
}

static double percent(const json_t *health, const char *name)
{
	return (double)json_integer_value(json_object_get(health, name)) / 1e7;
}

static const char *text(const json_t *health, const char *name, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(health, name));

	return s ? s : otherwise;
}

static void say_losses(const json_t *health)
{
	printf("joint loss %.4g %%, since it is watched %.4g %% (at most %.4g %%)\n",
	       percent(health, "joint_loss"), percent(health, "joint_loss_long"),
	       percent(health, "joint_loss_at_most"));
	printf("independent paths would lose %.4g %%; correlation of losses %s, since it is "
	       "watched %s\n",
	       percent(health, "independent_loss"), text(health, "correlation", "-"),
	       text(health, "correlation_long", "-"));
	printf("history %s, %lld numbers are needed\n\n", text(health, "history", ""),
	       (long long)json_integer_value(json_object_get(health, "history_needed")));
}

bool prer_watch_say(struct cst_cli *cli, const json_t *health)
{
	const json_t *paths = json_object_get(health, "paths");

	if (!paths)
		return false;
	printf("%lld packets/s\n",
	       (long long)json_integer_value(json_object_get(health, "packet_rate")));
	say_losses(health);
	cst_cli_show(cli, &prer_health_member_object, paths);
	return true;
}

static void show(struct cst_cli *cli, const json_t *health)
{
	if (cst_cli_json(cli)) {
		cst_cli_show(cli, &prer_health_object, health);
		return;
	}
	if (isatty(STDOUT_FILENO))
		printf("\033[H\033[J");
	printf("stream %s: ", text(health, "stream", ""));
	if (!prer_watch_say(cli, health))
		printf("nothing came yet\n");
}

static int watch(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	const json_t *interval = json_object_get(args, "interval_ms");
	json_int_t count = json_integer_value(json_object_get(args, "count"));
	json_t *health;
	int rc;

	if (count == 0 && !isatty(STDOUT_FILENO))
		count = 1;
	do {
		rc = cst_cli_call(cli, "stream.health",
				  json_pack("{s:O}", "name", json_object_get(args, "name")),
				  &health, e);
		if (rc < 0)
			return rc;
		show(cli, health);
		fflush(stdout);
		json_decref(health);
	} while (--count != 0 && rest(interval ? json_integer_value(interval) : 1000));
	return 0;
}

static struct cst_command watch_command = {
	.object = "stream",
	.verb = "watch",
	.help = "which path carries a stream, which lags, and whether they fail together",
	.args = &watch_object,
	.run = watch,
};
CST_COMMAND(watch_command);
