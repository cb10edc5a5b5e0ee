/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl capture stop`: waits for the file to be complete, and says what is in
 * it. The other verbs are coastd's own methods.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

#define PATIENCE 100 /* times a tenth of a second */

static int stop(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *result = NULL;
	int ret = cst_cli_call(cli, "capture.stop", NULL, &result, e);

	for (int i = 0; ret == 0; i++) {
		const char *state;

		json_decref(result);
		result = NULL;
		ret = cst_cli_call(cli, "capture.get", NULL, &result, e);
		state = json_string_value(json_object_get(result, "state"));
		if (ret < 0 || state == NULL || strcmp(state, "ended") == 0)
			break;
		if (i == PATIENCE)
			ret = cst_err(e, -ETIMEDOUT, NULL,
				      "the file is still being written: 'coastctl capture show' "
				      "tells when it is complete");
		nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
	}
	if (ret == 0)
		cst_cli_show(cli, NULL, result);
	json_decref(result);
	return ret;
}

static struct cst_command stop_command = {
	.object = "capture",
	.verb = "stop",
	.help = "end the capture and wait for its file to be complete",
	.run = stop,
};
CST_COMMAND(stop_command);
