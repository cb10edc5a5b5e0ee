/* SPDX-License-Identifier: BSD-3-Clause */
/* `system`: what is fixed from start to start. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

struct system_obj {
	uint64_t has;
	const char *name;
	uint16_t workers;
	const char *cpus;
	uint8_t poll;
	uint8_t hugepages;
	uint32_t memory_mb, packet_buffers, buffer_size;
	uint32_t max_sessions, max_pdrs, max_addresses, max_streams;
	uint32_t big_loop_us;
	uint32_t journal_mb, journal_hours;
	const char *run_dir, *arena_path, *store;
};

static const char *const polls[] = {"adaptive", "busy", NULL};
static const char *const hugepages[] = {"auto", "on", "off", NULL};

static const struct cst_field fields[] = {
	CST_F_STR(struct system_obj, name, 1, 31, 0, "coastd",
		  "instance name; two instances on one machine need two"),
	CST_F_UINT(struct system_obj, workers, 1, CST_MAX_WORKERS, NULL, CST_F_AUTO, NULL,
		   "threads that forward packets; when absent as many as cpus lists, else one less "
		   "than there are cores"),
	CST_F_STR(struct system_obj, cpus, 0, 255, 0, "",
		  "cores to use, CONTROL@WORKERS such as 0@1-3,5; empty: chosen"),
	CST_F_ENUM(struct system_obj, poll, polls, 0, "adaptive",
		   "adaptive: idle workers rest; busy: they poll on, for the lowest delay"),
	CST_F_ENUM(struct system_obj, hugepages, hugepages, 0, "auto",
		   "auto: used when there are enough; on: required; off: not used"),
	CST_F_UINT(
		struct system_obj, memory_mb, 64, 1u << 20, "MiB", CST_F_AUTO, NULL,
		"packet memory when hugepages are not used; when absent what packet_buffers needs"),
	CST_F_UINT(struct system_obj, packet_buffers, 2047, 16777215, NULL, 0, "65535",
		   "packet buffers in all; 2^n - 1 wastes the least"),
	CST_F_UINT(struct system_obj, buffer_size, 1024, 16384, "bytes", 0, "2048",
		   "packet data per buffer; longer packets take several"),
	CST_F_UINT(struct system_obj, max_sessions, 1, 1u << 20, NULL, 0, "100000",
		   "room for so many PFCP sessions"),
	CST_F_UINT(struct system_obj, max_pdrs, 1, 1u << 24, NULL, CST_F_AUTO, NULL,
		   "room for so many PDRs, in all sessions together; when absent 4 per session"),
	CST_F_UINT(
		struct system_obj, max_addresses, 1, 1u << 26, NULL, 0, "1048576",
		"room for so many addresses (IPv6: prefixes of 64 bits) in all UE pools together"),
	CST_F_UINT(struct system_obj, max_streams, 1, (1u << 20) - 1, NULL, 0, "65535",
		   "room for so many streams"),
	CST_F_UINT(struct system_obj, big_loop_us, 10, 10000000, "microseconds", 0, "1000",
		   "one walk of a worker that takes longer is counted and told"),
	CST_F_UINT(struct system_obj, journal_mb, 1, 1u << 20, "MiB", 0, "64",
		   "events that nobody has acknowledged: at most so much of them is kept; beyond "
		   "it the oldest become records in files"),
	CST_F_UINT(struct system_obj, journal_hours, 1, 87600, "hours", 0, "168",
		   "events that nobody has acknowledged: kept so long at most"),
	CST_F_STR(struct system_obj, run_dir, 1, 64, 0, "/run/coast",
		  "directory of the control socket"),
	CST_F_STR(struct system_obj, arena_path, 0, 199, 0, "",
		  "file of the forwarding tables; empty: chosen, on hugepages where they fit"),
	CST_F_STR(
		struct system_obj, store, 4, 160, 0, "/var/lib/coast",
		"directory in which each instance has a store, NAME, of all that it has confirmed; "
		"none: nothing outlives coastd"),
};

/* CPUs in a list such as "1-3,5"; 0: not such a list. */
static unsigned count_cpus(const char *s)
{
	unsigned n = 0, from, to;
	int used;

	for (;; s++) {
		used = 0;
		if (sscanf(s, "%4u%n", &from, &used) != 1 || *s < '0' || *s > '9')
			return 0;
		s += used;
		to = from;
		if (*s == '-' && s[1] >= '0' && s[1] <= '9') {
			if (sscanf(s + 1, "%4u%n", &to, &used) != 1 || to < from)
				return 0;
			s += 1 + used;
		}
		n += to - from + 1;
		if (*s != ',')
			return *s == '\0' ? n : 0;
	}
}

static unsigned workers_of(const char *cpus)
{
	const char *at = strchr(cpus, '@');
	char control[8];

	if (at == NULL || at - cpus >= (long)sizeof(control))
		return 0;
	memcpy(control, cpus, at - cpus);
	control[at - cpus] = '\0';
	return count_cpus(control) == 1 ? count_cpus(at + 1) : 0;
}

static int check(const void *obj, struct cst_err *e)
{
	static const char safe[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const struct system_obj *s = obj;
	unsigned n = workers_of(s->cpus);

	if (strspn(s->name, safe) != strlen(s->name))
		return cst_err(e, -EINVAL, "name", "may only have letters, digits, '-' and '_'");
	if (s->cpus[0] != '\0' && n == 0)
		return cst_err(e, -EINVAL, "cpus", "must be CONTROL@WORKERS, such as 0@1-3,5");
	if (n > CST_MAX_WORKERS)
		return cst_err(e, -EINVAL, "cpus", "lists %u workers, at most %u can be", n,
			       CST_MAX_WORKERS);
	if (s->workers != 0 && s->workers < n) /* more share the CPUs */
		return cst_err(e, -EINVAL, "workers", "is %u, but cpus lists %u", s->workers, n);
	if (s->run_dir[0] != '/')
		return cst_err(e, -EINVAL, "run_dir", "must begin with '/'");
	if (s->arena_path[0] != '\0' && s->arena_path[0] != '/')
		return cst_err(e, -EINVAL, "arena_path", "must begin with '/'");
	if (s->store[0] != '/' && strcmp(s->store, "none") != 0)
		return cst_err(e, -EINVAL, "store", "must begin with '/', or be none");
	if (s->max_pdrs != 0 && s->max_pdrs < s->max_sessions)
		return cst_err(e, -EINVAL, "max_pdrs", "is %u, less than max_sessions, %u",
			       s->max_pdrs, s->max_sessions);
	return 0;
}

static const struct cst_object object = {
	.name = "system",
	.help = "what is fixed from one start of coastd to the next",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(*fields),
	.size = sizeof(struct system_obj),
	.check = check,
};

/* ---- the class: shown at run time, changed only by the file ---------------- */

static struct cst_pool *kept;
static struct system_obj current;

static void choose(struct system_obj *s);

/* Names of the fields in which they differ; `which`: bits of those to compare. */
static void differing(const json_t *a, const json_t *b, uint64_t which, const char **first,
		      char *others, size_t size)
{
	*first = NULL;
	others[0] = '\0';
	for (unsigned i = 0; i < object.n_fields; i++) {
		const char *name = fields[i].name;

		if (!(which >> i & 1) ||
		    json_equal(json_object_get(a, name), json_object_get(b, name)))
			continue;
		if (*first == NULL)
			*first = name;
		else
			snprintf(others + strlen(others), size - strlen(others), "%s%s",
				 others[0] != '\0' ? ", " : "; so does ", name);
	}
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	struct system_obj want = *(const struct system_obj *)obj;
	uint64_t given = want.has;
	const char *first;
	json_t *now, *then;
	char others[160];

	if (t->startup)
		return 0; /* taken by cst_system_load() before the engine started */
	choose(&want);
	now = cst_encode(&object, &current);
	then = cst_encode(&object, &want);
	differing(now, then, given, &first, others, sizeof(others));
	if (first == NULL) /* one that is not given any more, and is chosen otherwise */
		differing(now, then, want.has, &first, others, sizeof(others));
	json_decref(now);
	json_decref(then);
	if (first == NULL)
		return 0;
	return cst_err(e, -ENOTSUP, first, "takes effect at the next start%s", others);
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	*out = cst_encode(&object, &current);
	return 0;
}

static int list(struct cst_page *page, struct cst_err *e)
{
	page->cursor = 0;
	json_array_append_new(page->items, cst_encode(&object, &current));
	return 0;
}

static struct cst_class class = {
	.object = &object,
	.plural = "system",
	.order = -100,
	.singleton = true,
	.put = put,
	.get = get,
	.list = list,
	.config = true,
};
CST_CLASS(class);

/* ---- before the start ---------------------------------------------------- */

/* Asked once: later the control thread is bound to one of them. */
static unsigned cores(void)
{
	static unsigned n;
	cpu_set_t set;

	if (n == 0)
		n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	return n;
}

/* An absent number is 0, below every lower bound. */
static void choose(struct system_obj *s)
{
	unsigned n = workers_of(s->cpus);
	uint64_t buffer = s->buffer_size + 768u; /* headroom, the mbuf itself, the pool's share */

	if (s->workers == 0) {
		if (n == 0)
			n = cores() - 1;
		s->workers = n < 1 ? 1 : n > CST_MAX_WORKERS ? CST_MAX_WORKERS : n;
	}
	if (s->memory_mb == 0)
		s->memory_mb = (s->packet_buffers * buffer >> 20) + 128;
	if (s->max_pdrs == 0)
		s->max_pdrs = 4 * s->max_sessions;
	s->has = (1u << object.n_fields) - 1; /* all have a value now */
}

static void copy(const struct system_obj *s, struct cst_system *sys)
{
	*sys = (struct cst_system){
		.workers = s->workers,
		.busy = s->poll == 1,
		.hugepages = s->hugepages,
		.memory_mb = s->memory_mb,
		.packet_buffers = s->packet_buffers,
		.buffer_size = s->buffer_size,
		.max_sessions = s->max_sessions,
		.max_pdrs = s->max_pdrs,
		.max_addresses = s->max_addresses,
		.max_streams = s->max_streams,
		.big_loop_us = s->big_loop_us,
		.journal_mb = s->journal_mb,
		.journal_hours = s->journal_hours,
	};
	snprintf(sys->cpus, sizeof(sys->cpus), "%s", s->cpus);
	snprintf(sys->name, sizeof(sys->name), "%s", s->name);
	snprintf(sys->run_dir, sizeof(sys->run_dir), "%s", s->run_dir);
	snprintf(sys->arena_path, sizeof(sys->arena_path), "%s", s->arena_path);
	if (s->store[0] == '/')
		snprintf(sys->store, sizeof(sys->store), "%s/%s", s->store, s->name);
}

static unsigned first_line;
static struct cst_err first_error;

static void keep_first(const char *file, unsigned line, const struct cst_err *e)
{
	if (first_error.code != 0)
		return;
	first_error = *e;
	first_line = line;
}

/* The error as the caller gets it: the line is part of the sentence. */
static int told(struct cst_err *e, const struct cst_err *from, unsigned line)
{
	if (line == 0)
		return cst_err(e, from->code, from->field, "%s", from->reason);
	return cst_err(e, from->code, from->field, "%.200s (line %u)", from->reason, line);
}

int cst_system_load(const char *yaml_path, struct cst_system *sys, struct cst_err *e)
{
	struct cst_yaml y = {0};
	struct cst_err why = {0};
	json_t *js = NULL, *none = NULL;
	int ret;

	first_error.code = 0;
	if (yaml_path != NULL) {
		cst_yaml_read(&y, yaml_path, NULL, keep_first);
		if (y.root == NULL) {
			cst_yaml_free(&y);
			return told(e, &first_error, first_line);
		}
		js = json_object_get(y.root, "system");
	}
	if (js == NULL || json_is_null(js))
		js = none = json_object();
	if (kept == NULL)
		kept = cst_pool_new();
	cst_pool_reset(kept);
	ret = cst_decode(&object, js, false, kept, &current, &why);
	if (ret == 0) {
		choose(&current);
		copy(&current, sys);
	} else {
		cst_err_prefix(&why, "system");
		told(e, &why, yaml_path != NULL ? cst_yaml_line(&y, why.field) : 0);
	}
	json_decref(none);
	cst_yaml_free(&y);
	return ret;
}
