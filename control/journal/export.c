/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the journal cannot keep becomes lines of a file in the store's
 * directory, for offline rating: written, on disk, and only then removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal/journal_int.h"
#include "log.h"

#define ENTRIES_AT_ONCE 2048
#define AGE_EVERY_MS    10000
#define RETRY_MS        1000

struct exported_obj {
	uint64_t has;
	uint64_t entries, bytes;
	uint64_t first, last;
	const char *file;
};

static const struct cst_field exported_fields[] = {
	CST_F_UINT(struct exported_obj, entries, 0, 0, NULL, CST_F_STATE, NULL, "how many"),
	CST_F_UINT(struct exported_obj, bytes, 0, 0, "bytes", CST_F_STATE, NULL, "of them"),
	CST_F_UINT(struct exported_obj, first, 0, 0, NULL, CST_F_STATE, NULL,
		   "number of the first"),
	CST_F_UINT(struct exported_obj, last, 0, 0, NULL, CST_F_STATE, NULL, "number of the last"),
	CST_F_STR(struct exported_obj, file, 0, 0, CST_F_STATE, NULL, "to which they were added"),
};
static const struct cst_object exported_object =
	CST_OBJECT("journal_exported", struct exported_obj, exported_fields, "records in a file");

static struct cst_event_type exported_event = {
	.name = "journal.exported",
	.help = "events that nobody has acknowledged in time were written to a file, one JSON text "
		"per line, and left the journal",
	.data = &exported_object,
};
CST_EVENT(exported_event);

struct batch {
	uint64_t numbers[ENTRIES_AT_ONCE];
	size_t n;
	uint64_t bytes;
};

/* ---- the file ------------------------------------------------------------ */

static void path_of(char *path, size_t size)
{
	static struct cst_store_state st;
	time_t now = time(NULL);
	char day[16];
	struct tm tm;

	cst_store_state(&st);
	strftime(day, sizeof(day), "%Y%m%d", gmtime_r(&now, &tm));
	snprintf(path, size, "%s/export-%s.jsonl", st.path, day);
}

static int sync_directory(const char *path)
{
	char dir[300];
	int fd, ret;

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* All lines are in the file and on disk, else a negative errno. A damaged entry has none. */
static int append(int fd, const struct batch *b)
{
	FILE *f = fdopen(dup(fd), "a");
	int ret = f != NULL ? 0 : -errno;

	for (size_t i = 0; f != NULL && i < b->n; i++) {
		const char *text = jnl_text(jnl_find(b->numbers[i]), NULL);

		if (text != NULL && fprintf(f, "%s\n", text) < 0)
			ret = -errno;
	}
	if (f != NULL && fclose(f) != 0 && ret == 0)
		ret = -errno;
	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	return ret;
}

static void lose_damaged(struct batch *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct jnl_entry *en = jnl_find(b->numbers[i]);

		if (jnl_text(en, NULL) == NULL)
			jnl_lose(en, "its entry in the store is damaged");
		else
			b->numbers[kept++] = b->numbers[i];
	}
	b->n = kept;
}

/* Written, then removed; when either fails neither has happened. */
static int write_out(const struct batch *b, const char *path, struct cst_err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), ret;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = cst_err(e, -errno, NULL, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	ret = append(fd, b);
	if (ret == 0 && st.st_size == 0)
		ret = sync_directory(path);
	if (ret < 0)
		cst_err(e, ret, NULL, "%s: %s", path, strerror(-ret));
	else
		ret = jnl_take(b->numbers, b->n, e);
	if (ret < 0 && ftruncate(fd, st.st_size) < 0)
		LOG_WARN("%s: has records of events that are still in the journal", path);
	close(fd);
	return ret;
}

static int export(struct batch *b)
{
	struct exported_obj o = {.has = 0x1f, .bytes = b->bytes};
	struct cst_err e = {0};
	char path[320];

	lose_damaged(b);
	if (b->n == 0)
		return 0;
	path_of(path, sizeof(path));
	o.entries = b->n;
	o.first = b->numbers[0];
	o.last = b->numbers[b->n - 1];
	o.file = path;
	if (write_out(b, path, &e) < 0) {
		if (journal.export_error[0] == '\0')
			LOG_ERR("journal: not exported: %s", e.reason);
		snprintf(journal.export_error, sizeof(journal.export_error), "%.191s", e.reason);
		return -1;
	}
	journal.export_error[0] = '\0';
	journal.exported += b->n;
	LOG_WARN("journal: %zu events that nobody acknowledged were exported to %s", b->n, path);
	cst_event_publish(&exported_event, cst_encode(&exported_object, &o));
	return 0;
}

/* ---- what has to go ------------------------------------------------------ */

static void add(struct batch *b, const struct jnl_entry *en)
{
	b->numbers[b->n++] = en->number;
	b->bytes += en->len;
}

static void choose_old(struct batch *b, int64_t now)
{
	for (size_t i = jnl_first(); i < jnl_n() && b->n < ENTRIES_AT_ONCE; i++)
		if (!jnl_at(i)->dead && now - jnl_at(i)->since > (int64_t)journal.max_ms)
			add(b, jnl_at(i));
}

/* Some more than has to go, so that not each event brings an export. */
static void choose_excess(struct batch *b)
{
	uint64_t want = journal.bound - journal.bound / 64;

	for (size_t i = jnl_first(); i < jnl_n() && b->n < ENTRIES_AT_ONCE; i++) {
		if (jnl_total.bytes - b->bytes <= want)
			return;
		if (!jnl_at(i)->dead)
			add(b, jnl_at(i));
	}
}

/* Without a store there is nowhere to put it; with a store that takes nothing, memory is bounded.
 */
static void lose_excess(void)
{
	bool stored = cst_store_is_open();

	for (size_t i = jnl_first(); i < jnl_n(); i++) {
		if ((stored ? journal.pending_bytes : jnl_total.bytes) <= journal.bound)
			break;
		if (!jnl_at(i)->dead && (!stored || jnl_at(i)->pending))
			jnl_lose(jnl_at(i), stored ? "the store takes nothing, and the bound in "
						     "memory is reached"
						   : "the bound is reached, and there is no store");
	}
	jnl_pack();
}

/* In memory only: there is no file to export to. */
static void lose_old(int64_t now)
{
	for (size_t i = jnl_first(); i < jnl_n(); i++)
		if (!jnl_at(i)->dead && now - jnl_at(i)->since > (int64_t)journal.max_ms)
			jnl_lose(jnl_at(i),
				 "nobody acknowledged it in time, and there is no store");
	jnl_pack();
}

void jnl_bound(void)
{
	static struct batch b;
	int64_t now = jnl_now();
	bool old = now >= journal.next_age;

	b.n = b.bytes = 0;
	if (old) {
		journal.next_age = now + AGE_EVERY_MS;
		if (cst_store_is_open())
			choose_old(&b, now);
		else
			lose_old(now);
	}
	if (b.n == 0 && cst_store_is_open() && jnl_total.bytes > journal.bound)
		choose_excess(&b);
	if (b.n > 0 && now >= journal.next_export) {
		journal.next_export = export(&b) < 0 ? now + RETRY_MS : 0;
		if (b.n == ENTRIES_AT_ONCE)
			journal.next_age = 0; /* there may be more */
	}
	lose_excess();
}
