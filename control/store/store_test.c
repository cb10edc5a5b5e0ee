/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's calls, and what it does when it cannot be written. */
#include <errno.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/store_int.h"
#include "store/store_test.h"

static void test_put_get(void **state)
{
	const void *val;
	size_t n;

	open_store();
	put("a", "one");
	put("b", "two");
	put("empty", "");
	assert_int_equal(cst_store_get(CST_DB_OBJECT, "a", 1, &val, &n), 0);
	write_sync();
	assert_value("a", "one");
	assert_value("b", "two");
	assert_value("empty", "");
	assert_int_equal(cst_store_get(CST_DB_SESSION, "a", 1, &val, &n), 0);
	cst_store_del(CST_DB_OBJECT, "a", 1);
	cst_store_del(CST_DB_OBJECT, "never", 5);
	put("b", "three");
	write_sync();
	for (unsigned i = 0; i < 2; i++) {
		assert_value("a", NULL);
		assert_value("b", "three");
		cst_store_close();
		open_store();
	}
}

static void test_closed(void **state)
{
	const void *val;
	size_t n;

	put("a", "one");
	assert_int_equal(cst_store_write(&err), 0);
	assert_int_equal(cst_store_sync(&err), 0);
	assert_false(cst_store_dirty() || cst_store_is_open());
	assert_int_equal(cst_store_get(CST_DB_OBJECT, "a", 1, &val, &n), 0);
}

static void test_rewind(void **state)
{
	size_t mark;

	open_store();
	assert_int_equal(cst_store_write(&err), 0);
	assert_false(cst_store_dirty());
	put("a", "one");
	cst_store_set_number("pool", "x", 1);
	mark = cst_store_mark();
	put("b", "two");
	cst_store_set_number("pool", "x", 2);
	cst_store_set_number("pool", "y", 3);
	assert_int_equal(cst_store_number("pool", "x"), 2);
	cst_store_rewind(mark);
	assert_int_equal(cst_store_number("pool", "x"), 1);
	assert_int_equal(cst_store_number("pool", "y"), 0);
	write_sync();
	cst_store_close();
	open_store();
	assert_value("a", "one");
	assert_value("b", NULL);
	assert_int_equal(cst_store_number("pool", "x"), 1);
	assert_int_equal(cst_store_number("pool", "y"), 0);
	assert_int_equal(cst_store_number("network_instance", "x"), 0);
}

static void test_numbers_go(void **state)
{
	struct cst_store_state st;
	uint64_t entries;

	open_store();
	cst_store_set_number("pool", "x", 1);
	write_sync();
	cst_store_set_number("pool", "x", 2);
	cst_store_set_number("pool", "x", 0);
	cst_store_set_number("pool", "x", 3);
	cst_store_set_number("pool", "x", 0);
	cst_store_set_number("pool", "never", 0);
	assert_int_equal(cst_store_number("pool", "x"), 0);
	cst_store_rewind(0);
	assert_int_equal(cst_store_number("pool", "x"), 1);
	cst_store_set_number("pool", "y", 4);
	write_sync();
	cst_store_close();
	open_store();
	cst_store_state(&st);
	entries = st.entries[CST_DB_NAME];
	cst_store_set_number("pool", "x", 0);
	cst_store_set_number("pool", "x", 0);
	write_sync();
	assert_int_equal(cst_store_number("pool", "x"), 0);
	assert_int_equal(cst_store_number("pool", "y"), 4);
	cst_store_close();
	open_store();
	assert_int_equal(cst_store_number("pool", "x"), 0);
	assert_int_equal(cst_store_number("pool", "y"), 4);
	cst_store_state(&st);
	assert_int_equal(st.entries[CST_DB_NAME], entries - 1);
}

static void test_many_numbers(void **state)
{
	char name[32];

	for (unsigned round = 0; round < 2; round++) {
		open_store();
		for (unsigned i = 1; i <= 1000; i++) {
			snprintf(name, sizeof(name), "name-%u", i);
			assert_int_equal(cst_store_number("pool", name), round * i);
			cst_store_set_number("pool", name, i);
		}
		write_sync();
		cst_store_close();
	}
}

/* A change that cannot be taken fails the batch, whole, and the next batch is fine again. */
static void test_refused_changes(void **state)
{
	static char big[8 << 20];
	char key[401] = "k";
	size_t mark;

	open_store();
	put("a", "one");
	cst_store_put(CST_DB_OBJECT, key, sizeof(key), "v", 1);
	put("b", "two");
	assert_int_equal(cst_store_write(&err), -EINVAL);
	put("c", "three");
	mark = cst_store_mark();
	cst_store_put(CST_DB_OBJECT, key, 0, "v", 1);
	cst_store_rewind(mark);
	cst_store_put(CST_DB_OBJECT, key, sizeof(key) - 1, big, sizeof(big) - 1);
	write_sync();
	cst_store_put(CST_DB_OBJECT, "d", 1, big, sizeof(big));
	assert_int_equal(cst_store_write(&err), -EFBIG);
	assert_value("a", NULL);
	assert_value("b", NULL);
	assert_value("c", "three");
}

static char seen[256];

static int note(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	const void *again;
	size_t n;

	/* a reader may read on */
	assert_int_equal(cst_store_get(CST_DB_OBJECT, key, klen, &again, &n), 1);
	assert_int_equal(n, vlen);
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s=%.*s ", (int)klen,
		 (const char *)key, (int)vlen, (const char *)val);
	return arg != NULL && strncmp(key, arg, klen) == 0 ? 7 : 0;
}

static void assert_each(const char *from, const char *stop, int ret, const char *want)
{
	seen[0] = '\0';
	assert_int_equal(cst_store_each(CST_DB_OBJECT, from, from != NULL ? strlen(from) : 0, note,
					(void *)stop),
			 ret);
	assert_string_equal(seen, want);
}

/* What the log has and what LMDB has make one order. */
static void test_each(void **state)
{
	open_store();
	assert_each(NULL, NULL, 0, "");
	put("b", "2");
	put("d", "4");
	put("f", "6");
	put("h", "8");
	write_sync();
	assert_each(NULL, NULL, 0, "b=2 d=4 f=6 h=8 ");
	cst_store_close();
	open_store();
	put("a", "1");
	put("d", "44");
	put("z", "0");
	cst_store_del(CST_DB_OBJECT, "f", 1);
	cst_store_del(CST_DB_OBJECT, "g", 1);
	write_sync();
	for (unsigned i = 0; i < 2; i++) {
		assert_each(NULL, NULL, 0, "a=1 b=2 d=44 h=8 z=0 ");
		assert_each("d", NULL, 0, "d=44 h=8 z=0 ");
		assert_each("c", "h", 7, "d=44 h=8 ");
		assert_each("zz", NULL, 0, "");
		cst_store_close();
		open_store();
	}
}

static int note_tail(void *arg, uint64_t batch, enum cst_db db, const void *key, size_t klen,
		     const void *val, size_t vlen)
{
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%u:%.*s%c%.*s ",
		 (unsigned)batch, (int)klen, (const char *)key, val != NULL ? '=' : '-', (int)vlen,
		 val != NULL ? (const char *)val : "");
	return 0;
}

static void test_tail(void **state)
{
	static char big[4 << 20];

	open_store();
	put("a", "1");
	put("b", "2");
	write_sync();
	cst_store_del(CST_DB_OBJECT, "a", 1);
	write_sync();
	seen[0] = '\0';
	assert_int_equal(cst_store_tail(0, note_tail, NULL), 0);
	assert_string_equal(seen, "1:a=1 1:b=2 2:a- ");
	seen[0] = '\0';
	assert_int_equal(cst_store_tail(1, note_tail, NULL), 0);
	assert_string_equal(seen, "2:a- ");
	assert_int_equal(cst_store_tail(2, note_tail, NULL), 0);
	assert_int_equal(cst_store_tail(3, note_tail, NULL), -ERANGE);
	/* segments that are carried go */
	for (unsigned i = 0; i < 40; i++) {
		cst_store_put(CST_DB_SESSION, "big", 3, big, sizeof(big));
		write_sync();
	}
	cst_store_close();
	open_store();
	assert_int_equal(cst_store_tail(0, note_tail, NULL), -ERANGE);
	assert_value("b", "2");
}

/* Each change is seen at once, also where the log goes on in a new segment and LMDB catches up. */
static void test_read_between(void **state)
{
	static char big[3 << 20];
	char key[16], val[16];

	open_store();
	for (unsigned i = 0; i < 24; i++) {
		snprintf(key, sizeof(key), "key-%u", i % 7);
		snprintf(val, sizeof(val), "%u", i);
		cst_store_put(CST_DB_SESSION, "big", 3, big, sizeof(big));
		put(key, val);
		put("last", val);
		assert_int_equal(cst_store_write(&err), 0);
		assert_value(key, val);
		assert_value("last", val);
		if (i % 10 == 5)
			usleep(400000);
	}
}

static void test_state(void **state)
{
	struct cst_store_state st;

	cst_store_state(&st);
	assert_int_equal(st.batches, 0);
	open_store();
	put("a", "1");
	assert_int_equal(cst_store_write(&err), 0);
	assert_true(cst_store_dirty());
	cst_store_state(&st);
	assert_string_equal(st.path, dir);
	assert_int_equal(st.batches, 1);
	assert_int_equal(st.synced, 0);
	assert_int_equal(cst_store_sync(&err), 0);
	assert_false(cst_store_dirty());
	cst_store_close();
	open_store();
	cst_store_state(&st);
	assert_int_equal(st.carried, 1);
	assert_int_equal(st.synced, 1);
	assert_int_equal(st.entries[CST_DB_OBJECT], 1);
	assert_true(st.log_bytes > 0 && st.free_bytes > 0);
	assert_string_equal(st.error, "");
}

static void test_second(void **state)
{
	char want[64];
	int status;
	pid_t pid;

	open_store();
	snprintf(want, sizeof(want), "in use by process %d", (int)getpid());
	pid = fork();
	if (pid == 0) {
		struct cst_err e = {0};
		char where[128];

		_exit(cst_store_set_aside(dir, where, sizeof(where), &e) == -EWOULDBLOCK &&
				      strstr(e.reason, want) != NULL
			      ? 0
			      : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(cst_store_open(dir, &err), -EBUSY);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Not ours: refused and left alone, set aside under a name that is free. */
static void test_foreign(void **state)
{
	char where[128], path[160], text[16];
	FILE *f;

	assert_int_equal(mkdir(dir, 0700), 0);
	write_file("data.mdb", "somebody's");
	assert_int_equal(cst_store_open(dir, &err), -EBADMSG);
	assert_non_null(strstr(err.reason, "no file of LMDB"));
	snprintf(path, sizeof(path), "%s.refused-1", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(cst_store_set_aside(dir, where, sizeof(where), &err), 0);
	assert_non_null(strstr(where, "/store.refused-2"));
	snprintf(path, sizeof(path), "%s/data.mdb", where);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_string_equal(fgets(text, sizeof(text), f), "somebody's");
	fclose(f);
	open_store();
}

static void test_log_alone(void **state)
{
	char path[128];

	open_store();
	put("a", "1");
	write_sync();
	cst_store_close();
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cst_store_open(dir, &err), -EBADMSG);
	assert_non_null(strstr(err.reason, "there is a log"));
}

static void test_precheck(void **state)
{
	cst_store_precheck(dir);
	open_store();
	put("a", "1");
	write_sync();
	cst_store_close();
	cst_store_precheck(dir);
	open_store();
	assert_value("a", "1");
}

/* Until it fails; how many were written. The log is as before, and goes on when there is room. */
static unsigned fill_up(int *code)
{
	static char big[100000];
	unsigned n = 0;
	char key[16];

	do {
		snprintf(key, sizeof(key), "%u", n);
		cst_store_put(CST_DB_SESSION, key, strlen(key), big, sizeof(big));
		*code = cst_store_write(&err);
	} while (*code == 0 && ++n < 1000);
	return n;
}

static void assert_filled(unsigned n)
{
	const void *val;
	char key[16];
	size_t len;

	for (unsigned i = 0; i < n + 2; i++) {
		snprintf(key, sizeof(key), "%u", i);
		assert_int_equal(cst_store_get(CST_DB_SESSION, key, strlen(key), &val, &len),
				 i < n);
	}
}

static void test_file_limit(void **state)
{
	struct rlimit before, small;
	struct cst_store_state st;
	unsigned n;
	int code;

	getrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_IGN);
	open_store();
	small = before;
	small.rlim_cur = 1 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	n = fill_up(&code);
	assert_int_equal(code, -EFBIG);
	assert_true(n > 1 && n < 11);
	cst_store_state(&st);
	assert_non_null(strstr(st.error, "make room"));
	/* what was written is there, although LMDB cannot be written either */
	assert_filled(n);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	put("after", "1");
	write_sync();
	cst_store_state(&st);
	assert_null(strstr(st.error, "make room"));
	assert_filled(n);
	cst_store_close();
	open_store();
	assert_filled(n);
	assert_value("after", "1");
}

static void test_full_disk(void **state)
{
	char spare[160];
	unsigned n;
	int code;

	mkdir(dir, 0700);
	if (mount("coast-test", dir, "tmpfs", 0, "size=4m") < 0) {
		print_message("skipped: a full disk needs root and a mount\n");
		return;
	}
	snprintf(spare, sizeof(spare), "dd if=/dev/zero of=%s/spare bs=64k count=8 status=none",
		 dir);
	assert_int_equal(system(spare), 0);
	open_store();
	n = fill_up(&code);
	assert_int_equal(code, -ENOSPC);
	assert_true(n > 1);
	assert_non_null(strstr(err.reason, "make room"));
	assert_filled(n);
	/* it opens all the same */
	cst_store_close();
	open_store();
	assert_filled(n);
	snprintf(spare, sizeof(spare), "%s/spare", dir);
	assert_int_equal(unlink(spare), 0);
	put("after", "1");
	write_sync();
	assert_filled(n);
	cst_store_close();
	umount2(dir, MNT_DETACH);
}

/* In place of libc's: the log's syncs, and cuts, and its next record fail while these say so. */
static bool no_sync, no_cut;
static unsigned no_write;

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	if (no_write > 0 && at > 0 && at == sizeof(struct log_head)) {
		no_write--;
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, buf, n, at);
}

int ftruncate(int fd, off_t size)
{
	if (no_cut) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

int fdatasync(int fd)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (no_sync && strstr(path, "/log-") != NULL) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_fdatasync, fd);
}

/* What the kernel failed to bring to disk it may have dropped: only LMDB has it for sure. */
static void test_sync_fails(void **state)
{
	struct cst_store_state st;

	open_store();
	put("a", "1");
	write_sync();
	put("b", "2");
	no_sync = true;
	assert_int_equal(cst_store_write(&err), 0);
	assert_int_equal(cst_store_sync(&err), -EIO);
	put("c", "3");
	assert_int_equal(cst_store_write(&err), 0);
	assert_int_equal(cst_store_sync(&err), -EIO);
	assert_true(cst_store_dirty());
	cst_store_state(&st);
	assert_int_equal(st.synced, 1);
	assert_non_null(strstr(st.error, "brought to disk"));
	no_sync = false;
	for (unsigned i = 0; i < 100 && cst_store_sync(&err) < 0; i++)
		usleep(50000);
	assert_false(cst_store_dirty());
	cst_store_state(&st);
	assert_true(st.carried >= 2);
	assert_string_equal(st.error, "");
	cst_store_close();
	open_store();
	assert_each(NULL, NULL, 0, "a=1 b=2 c=3 ");
}

/* A segment that nothing came into is begun again, and there once: the log does not lose the one
 * that is written when those before it go. */
static void test_begun_again(void **state)
{
	struct store *s = &cst_the_store;

	open_store();
	put("a", "1");
	write_sync();
	for (unsigned i = 0; i < 3; i++) {
		no_sync = true;
		put("b", "2");
		assert_int_equal(cst_store_write(&err), 0);
		assert_int_equal(cst_store_sync(&err), -EIO);
		no_sync = false;
		for (unsigned k = 0; k < 100 && cst_store_sync(&err) < 0; k++)
			usleep(50000);
		no_write = 1; /* the first in the new segment */
		no_cut = true;
		put("c", "3");
		assert_true(cst_store_write(&err) < 0);
		no_cut = false;
		put("c", "3");
		assert_int_equal(cst_store_write(&err), 0);
		for (unsigned k = 1; k < s->n_segs; k++)
			assert_true(s->segs[k].first > s->segs[k - 1].first);
	}
	put("d", "4");
	write_sync();
	cst_store_close();
	open_store();
	assert_each(NULL, NULL, 0, "a=1 b=2 c=3 d=4 ");
}

/* What a coastd to come has written is not touched by this one. */
static void test_newer(void **state)
{
	struct store_format f = {.magic = "coast store", .version = STORE_VERSION + 1, .id = 1};

	open_store();
	cst_store_put(CST_DB_META, STORE_FORMAT_KEY, strlen(STORE_FORMAT_KEY), &f, sizeof(f));
	write_sync();
	cst_store_close();
	assert_int_equal(cst_store_open(dir, &err), -EPROTONOSUPPORT);
	assert_non_null(strstr(err.reason, "newer coastd"));
}

static void test_read_only(void **state)
{
	open_store();
	put("a", "1");
	write_sync();
	cst_store_close();
	if (mount(dir, dir, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0) {
		print_message("skipped: a read-only disk needs root and a mount\n");
		return;
	}
	assert_int_equal(cst_store_open(dir, &err), 0);
	assert_value("a", "1");
	put("b", "2");
	assert_int_equal(cst_store_write(&err), -EROFS);
	cst_store_close();
	umount2(dir, MNT_DETACH);
	open_store();
	assert_value("a", "1");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_put_get),     T(test_closed),
		T(test_rewind),      T(test_each),
		T(test_tail),        T(test_many_numbers),
		T(test_numbers_go),  T(test_state),
		T(test_second),      T(test_refused_changes),
		T(test_foreign),     T(test_log_alone),
		T(test_precheck),    T(test_full_disk),
		T(test_sync_fails),  T(test_newer),
		T(test_begun_again), T(test_file_limit),
		T(test_read_only),   T(test_read_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
