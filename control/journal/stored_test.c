/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal with the store itself: over a restart, and over an end that nobody announced. */
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "journal/journal_test.h"

static void open_store(void)
{
	struct cst_err e = {0};

	if (cst_store_open(dir, &e) < 0)
		fail_msg("%s", e.reason);
	rpc_event_reset();
	start();
}

static void close_store(void)
{
	cst_modules_stop();
	cst_store_close();
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/coast-journal-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	(void)state;
	return 0;
}

static int remove_dir(void **state)
{
	empty_dir();
	rmdir(dir);
	(void)state;
	return 0;
}

static void test_restart(void **state)
{
	open_store();
	for (unsigned i = 0; i < 50; i++)
		use(1 + i % 2, i / 2, 1);
	publish(3, 7, 0, false, json_pack("{s:i}", "n", 9));
	close_store();
	open_store();
	assert_int_equal(info(-1).entries, 51);
	assert_int_equal(info(3).entries, 1);
	for (unsigned ticks = 0; ticks < 200 && info(-1).entries > 3; ticks++) {
		journal.bound = jnl_total.bytes;
		jnl_merge();
	}
	holds("25 25 9");
	close_store();
	open_store();
	holds("25 25 9");
	assert_int_equal(ack(json_pack("{s:I}", "through", (json_int_t)info(-1).last_number)), 2);
	assert_int_equal(cst_journal_next_seqn(1, 1), 25);
	close_store();
	open_store();
	holds("9");
	assert_int_equal(cst_journal_next_seqn(1, 1), 25);
	close_store();
	(void)state;
}

/* What was seen by a subscriber is there when coastd is killed after it. */
static void test_killed(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		open_store();
		use(1, 0, 1);
		use(1, 1, 2);
		cst_store_put(CST_DB_SESSION, "12345678", 8, "half", 4);
		use(1, 2, 4); /* in the batch of a change that is never written */
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	open_store();
	holds("1 2");
	assert_true(cst_event_next() > info(-1).last_number);
	close_store();
	(void)state;
}

static void test_exported(void **state)
{
	uint64_t left;
	DIR *d;
	struct dirent *f;
	unsigned files = 0;

	sys.journal_mb = 1;
	open_store();
	for (unsigned k = 0; k < 400; k++)
		publish(0, k, 0, false, large(1));
	left = info(-1).entries;
	assert_true(left < 300);
	assert_int_equal(info(-1).exported, 400 - left);
	close_store();
	d = opendir(dir);
	while ((f = readdir(d)) != NULL)
		files += strncmp(f->d_name, "export-", 7) == 0;
	closedir(d);
	assert_int_equal(files, 1);
	open_store(); /* which does not mind the file */
	assert_int_equal(info(-1).entries, left);
	close_store();
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_restart, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_killed, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_exported, make_dir, remove_dir),
	};

	return run(tests, sizeof(tests) / sizeof(*tests));
}
