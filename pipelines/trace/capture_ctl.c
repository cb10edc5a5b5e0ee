/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.start, .stop, .get.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "module.h"
#include "rpc/rpc.h"
#include "trace/trace.h"
#include "trace_api.h"

static char directory[108]; /* where captures go of which nobody says where to */

static void want_of(const struct capture_start_obj *o, struct cst_watch_want *want)
{
	*want = (struct cst_watch_want){.what = CST_WATCH_ALL};
	if (cst_has(o, CAPTURE_SESSION)) {
		want->what = CST_WATCH_SESSION;
		want->seid = o->session;
	} else if (cst_has(o, CAPTURE_PORT)) {
		want->what = CST_WATCH_PORT;
		snprintf(want->port, sizeof(want->port), "%s", o->port);
	}
}

static void name_file(char *buf, size_t size)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(buf, size, "%s/capture-%s.pcapng", directory, text);
}

/* Who may change things here may read what was captured at their request. */
static unsigned group(void)
{
	const struct group *g = cst_rpc_group()[0] != '\0' ? getgrnam(cst_rpc_group()) : NULL;

	return g != NULL ? g->gr_gid : (unsigned)-1;
}

static int start(const void *params, json_t **result, struct cst_err *e)
{
	const struct capture_start_obj *o = params;
	struct cst_capture_conf conf = {
		.dirs = (uint8_t)o->direction,
		.snaplen = o->snaplen,
		.max_bytes = o->max_bytes,
		.max_packets = o->max_packets,
	};
	struct cst_watch_want want;
	int ret;

	want_of(o, &want);
	if (cst_has(o, CAPTURE_FILE))
		snprintf(conf.file, sizeof(conf.file), "%s", o->file);
	else
		name_file(conf.file, sizeof(conf.file));
	ret = cst_capture_begin(&want, &conf, group(), e);
	if (ret < 0 && want.what == CST_WATCH_SESSION && strcmp(e->field, "seid") == 0)
		snprintf(e->field, sizeof(e->field), "session");
	if (ret == 0)
		*result = json_pack("{s:s}", "file", conf.file);
	return ret;
}

static struct cst_method start_method = {
	.name = "capture.start",
	.help = "write packets to a pcapng file, dropped ones with the reason as comment",
	.write = true,
	.params = &capture_start_object,
	.call = start,
};
CST_METHOD(start_method);

static int stop(const void *params, json_t **result, struct cst_err *e)
{
	return cst_capture_end(e);
}

static struct cst_method stop_method = {
	.name = "capture.stop",
	.help = "end the capture; its file is complete when capture.get says ended",
	.write = true,
	.call = stop,
};
CST_METHOD(stop_method);

static int get(const void *params, json_t **result, struct cst_err *e)
{
	static const char *const phases[] = {"none", "running", "ending", "ended"};
	struct cst_capture_info info;
	struct cst_watch_want want;
	json_t *js;

	cst_capture_state(&info, &want);
	js = json_pack("{s:s}", "state", phases[info.phase]);
	*result = js;
	if (info.phase == CST_CAPTURE_NONE)
		return 0;
	if (want.what == CST_WATCH_SESSION)
		json_object_set_new(js, "session", json_integer((json_int_t)want.seid));
	else if (want.what == CST_WATCH_PORT)
		json_object_set_new(js, "port", json_string(want.port));
	json_object_set_new(js, "file", json_string(info.file));
	json_object_set_new(js, "packets", json_integer((json_int_t)info.packets));
	json_object_set_new(js, "bytes", json_integer((json_int_t)info.bytes));
	json_object_set_new(js, "lost", json_integer((json_int_t)info.lost));
	if (info.why[0] != '\0')
		json_object_set_new(js, "why", json_string(info.why));
	return 0;
}

static struct cst_method get_method = {
	.name = "capture.get",
	.help = "the capture that runs, or the last one: file, packets, how many were lost",
	.call = get,
};
CST_METHOD(get_method);

static int begin(const struct cst_system *sys, struct cst_err *e)
{
	snprintf(directory, sizeof(directory), "%s", sys->run_dir);
	return 0;
}

static struct cst_module capture_module = {.name = "capture", .order = 30, .start = begin};
CST_MODULE(capture_module);
