/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes that are not what was written: what is opened then has the right values or
 * is refused, and a tail that was never acknowledged goes. Death at any moment loses
 * nothing that was acknowledged.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "store/store_test.h"

#define BATCHES 60

static uint8_t *bytes; /* of the file that is harmed */
static size_t n_bytes;
static char path[256];

static void load(const char *name)
{
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	free(bytes);
	n_bytes = st.st_size;
	bytes = malloc(n_bytes);
	assert_int_equal(read(fd, bytes, n_bytes), n_bytes);
	close(fd);
}

static void save(size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* The directory as it is, and back. */
static void copy(const char *from, const char *to)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s/%s' && cp -a '%s/%s' '%s/%s'", base, to, base, from,
		 base, to);
	assert_int_equal(system(cmd), 0);
}

/* Batch i gives key i its value, all others of 0..9 the batch's number, so that a part shows. */
static void write_batch(unsigned i)
{
	char key[16], val[600];

	snprintf(key, sizeof(key), "key-%03u", i);
	memset(val, 'a' + i % 26, sizeof(val));
	cst_store_put(CST_DB_SESSION, key, strlen(key), val, 100 + i % 500);
	for (unsigned k = 0; k < 10; k++) {
		snprintf(key, sizeof(key), "all-%u", k);
		cst_store_put(CST_DB_OBJECT, key, strlen(key), &i, sizeof(i));
	}
	if (cst_store_write(&err) < 0 || cst_store_sync(&err) < 0)
		fail_msg("write: %s", err.reason);
}

/* How many batches are there? Each of them whole, in order, with the right values. */
static unsigned count_batches(void)
{
	unsigned n = 0, last = 0;
	const void *val;
	char key[16];
	size_t len;
	int ret;

	for (;; n++) {
		snprintf(key, sizeof(key), "key-%03u", n);
		ret = cst_store_get(CST_DB_SESSION, key, strlen(key), &val, &len);
		if (ret == 0)
			break;
		assert_int_equal(ret, 1);
		assert_int_equal(len, 100 + n % 500);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(((const char *)val)[i], 'a' + n % 26);
	}
	for (unsigned k = 0; k < 10 && n > 0; k++) {
		snprintf(key, sizeof(key), "all-%u", k);
		assert_int_equal(cst_store_get(CST_DB_OBJECT, key, strlen(key), &val, &len), 1);
		memcpy(&last, val, sizeof(last));
		assert_int_equal(last, n - 1);
	}
	return n;
}

/* A process that writes batches and dies; none of them is in LMDB then. */
static void write_and_die(unsigned batches)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (cst_store_open(dir, &err) < 0)
			_exit(1);
		for (unsigned i = 0; i < batches; i++)
			write_batch(i);
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
}

static void quiet(void)
{
	cst_log_set_level(CST_LOG_ERR);
}

/* The end of the log at every byte of the last two records: the batches before are there. */
static void test_torn(void **state)
{
	unsigned before = 3;

	quiet();
	write_and_die(4);
	copy("store", "saved");
	load("log-0000000000000001");
	for (size_t n = n_bytes; n > n_bytes - 700; n--) {
		unsigned got;

		copy("saved", "store");
		save(n);
		open_store();
		got = count_batches();
		assert_true(got == 4 ? n == n_bytes : got == before || got == before - 1);
		before = got < before ? got : before;
		write_batch(got);
		cst_store_close();
		if (n % 50 != 0)
			continue;
		open_store();
		assert_int_equal(count_batches(), got + 1);
		cst_store_close();
	}
}

/* Refused, or right. At most `lost` batches may be missing at the end. */
static void flip(const char *name, unsigned step, unsigned lost)
{
	unsigned refused = 0, right = 0;

	copy("store", "saved");
	load(name);
	for (size_t at = 0; at < n_bytes; at += step) {
		copy("saved", "store");
		bytes[at] ^= 1 << (at / step) % 8;
		save(n_bytes);
		bytes[at] ^= 1 << (at / step) % 8;
		if (cst_store_open(dir, &err) < 0) {
			assert_int_equal(err.code, -EBADMSG);
			load(name); /* untouched */
			refused++;
			bytes[at] ^= 1 << (at / step) % 8;
			continue;
		}
		assert_true(count_batches() + lost >= BATCHES);
		cst_store_close();
		right++;
	}
	print_message("%s: refused %u, right %u\n", name, refused, right);
	assert_true(refused > 0);
}

static void test_flip_log(void **state)
{
	quiet();
	write_and_die(BATCHES);
	/* nothing tells the last batch from an unfinished write */
	flip("log-0000000000000001", 101, 1);
}

/* What is in LMDB is not lost with the log, all but whose head says which store it is of. */
static void test_flip_carried(void **state)
{
	unsigned refused = 0;

	quiet();
	open_store();
	for (unsigned i = 0; i < BATCHES; i++)
		write_batch(i);
	cst_store_close();
	copy("store", "saved");
	load("log-0000000000000001");
	for (size_t at = 0; at < n_bytes; at += 101) {
		copy("saved", "store");
		bytes[at] ^= 4;
		save(n_bytes);
		bytes[at] ^= 4;
		if (cst_store_open(dir, &err) < 0) {
			refused++;
			continue;
		}
		assert_int_equal(count_batches(), BATCHES);
		write_batch(BATCHES);
		cst_store_close();
		open_store();
		assert_int_equal(count_batches(), BATCHES + 1);
		cst_store_close();
	}
	assert_int_equal(refused, 1);
}

static void test_flip_data(void **state)
{
	quiet();
	open_store();
	for (unsigned i = 0; i < BATCHES; i++)
		write_batch(i);
	cst_store_close();
	flip("data.mdb", 173, 0);
}

static void test_cut_data(void **state)
{
	open_store();
	for (unsigned i = 0; i < BATCHES; i++)
		write_batch(i);
	cst_store_close();
	load("data.mdb");
	for (size_t n = 0; n < n_bytes; n += 4096) {
		save(n);
		assert_int_equal(cst_store_open(dir, &err), -EBADMSG);
	}
}

static void test_missing_segment(void **state)
{
	quiet();
	write_and_die(3);
	snprintf(path, sizeof(path), "%s/log-0000000000000001", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cst_store_open(dir, &err), -EBADMSG);
}

static void test_other_log(void **state)
{
	quiet();
	write_and_die(2);
	load("log-0000000000000001");
	copy("store", "other");
	snprintf(path, sizeof(path), "rm -rf '%s'", dir);
	assert_int_equal(system(path), 0);
	write_and_die(2);
	snprintf(path, sizeof(path), "%s/log-0000000000000001", dir);
	save(n_bytes);
	assert_int_equal(cst_store_open(dir, &err), -EBADMSG);
	assert_non_null(strstr(err.reason, "another store"));
}

/* ---- a check that is killed --------------------------------------------------------- */

static struct {
	int sig;
	unsigned times;
} * checks_die; /* shared with the children */

/* The first thing that the check's process calls. */
int prctl(int op, ...)
{
	unsigned long a[4];
	va_list ap;

	va_start(ap, op);
	for (unsigned i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (op == PR_SET_PDEATHSIG && checks_die != NULL && checks_die->times > 0) {
		checks_die->times--;
		signal(checks_die->sig, SIG_DFL);
		kill(getpid(), checks_die->sig);
	}
	return (int)syscall(SYS_prctl, op, a[0], a[1], a[2], a[3]);
}

static int open_dying(int sig, unsigned times)
{
	checks_die->sig = sig;
	checks_die->times = times;
	return cst_store_open(dir, &err);
}

/* That is no damage: a sound store stays where it is. */
static void test_check_killed(void **state)
{
	quiet();
	checks_die = mmap(NULL, sizeof(*checks_die), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(checks_die != MAP_FAILED);
	write_and_die(5);
	assert_int_equal(open_dying(SIGKILL, 1), 0);
	assert_int_equal(count_batches(), 5);
	cst_store_close();
	assert_int_equal(open_dying(SIGKILL, 2), -EAGAIN);
	assert_non_null(strstr(err.reason, "killed"));
	assert_int_equal(open_dying(SIGTERM, 2), -EAGAIN);
	assert_int_equal(open_dying(SIGBUS, 1), -EBADMSG);
	assert_int_equal(open_dying(0, 0), 0);
	assert_int_equal(count_batches(), 5);
	cst_store_close();
	munmap(checks_die, sizeof(*checks_die));
	checks_die = NULL;
}

/* ---- death ------------------------------------------------------------------------ */

static unsigned acknowledged(int fd, unsigned count)
{
	unsigned i;

	while (read(fd, &i, sizeof(i)) == sizeof(i))
		count = i + 1;
	close(fd);
	return count;
}

/* Batches from `from` on, telling each that is acknowledged, until the end. */
static void __attribute__((noreturn)) writer(int fd, unsigned from)
{
	if (cst_store_open(dir, &err) < 0 || count_batches() < from)
		_exit(1);
	from = count_batches();
	for (unsigned i = from; i < 990; i++) {
		write_batch(i);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
	for (;;)
		pause();
}

static void test_kill(void **state)
{
	unsigned told = 0;

	quiet();
	srand(getpid());
	for (unsigned round = 0; round < 100; round++) {
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		if (pid == 0)
			writer(fds[1], told);
		close(fds[1]);
		usleep(rand() % 6000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		told = acknowledged(fds[0], told);
		open_store();
		assert_true(count_batches() >= told);
		cst_store_close();
	}
	print_message("%u batches acknowledged\n", told);
	free(bytes);
	bytes = NULL;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_flip_carried), T(test_torn),         T(test_flip_log),
		T(test_flip_data),    T(test_cut_data),     T(test_missing_segment),
		T(test_other_log),    T(test_check_killed), T(test_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
