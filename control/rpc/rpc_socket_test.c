/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket itself: a server in a process of its own, clients here. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <grp.h>

#include <cmocka.h>
#include <event2/event.h>

#include "rpc/rpc_int.h"
#include "rpc/rpc_socket_test.h"
#include "rpc/test_class.h"
#include "store.h"

#define SUM       "{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[42,23],\"id\":1}\n"
#define SUM_REPLY "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":65}"
#define SUBSCRIBE "{\"jsonrpc\":\"2.0\",\"method\":\"event.subscribe\",\"id\":7}\n"

static char dir[] = "/tmp/coast-rpc-test.XXXXXX";
static char store[100];
static pid_t server;

/* ---- server -------------------------------------------------------------- */

struct noise_params {
	uint64_t has;
	uint32_t count, bytes;
};
static const struct cst_field noise_fields[] = {
	CST_F_UINT(struct noise_params, count, 1, 1000000, NULL, CST_F_REQUIRED, NULL, "events"),
	CST_F_UINT(struct noise_params, bytes, 0, 100000, "bytes", 0, "0", "in each"),
};
static const struct cst_object noise_object =
	CST_OBJECT("noise_params", struct noise_params, noise_fields, "how many events");

static int noise(const void *params, json_t **result, struct cst_err *e)
{
	const struct noise_params *p = params;
	char *text = calloc(1, p->bytes + 1);

	memset(text, 'x', p->bytes);
	for (uint32_t i = 0; i < p->count; i++)
		cst_event_publish(thing_noise_type,
				  json_pack("{s:i, s:s}", "i", (int)i, "x", text));
	free(text);
	return 0;
}

static struct cst_method noise_method = {
	.name = "thing.noise", .help = "make events", .params = &noise_object, .call = noise};
CST_METHOD(noise_method);

/* A change that the store keeps, and its event. */
static int keep(const void *params, json_t **result, struct cst_err *e)
{
	cst_store_put(CST_DB_OBJECT, "thing", 5, "kept", 4);
	cst_event_publish(thing_noise_type, json_object());
	return cst_store_write(e);
}

static struct cst_method keep_method = {
	.name = "thing.keep", .help = "change the store", .write = true, .call = keep};
CST_METHOD(keep_method);

static volatile bool *no_sync; /* shared with the server */

int fdatasync(int fd)
{
	if (no_sync != NULL && *no_sync) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void on_stop(evutil_socket_t sig, short what, void *base)
{
	event_base_loopbreak(base);
}

static void serve_until_stopped(const struct cst_rpc_conf *conf, int ready)
{
	struct event_base *base = event_base_new();
	struct event *stop = evsignal_new(base, SIGTERM, on_stop, base);
	struct cst_err e = {0};

	signal(SIGPIPE, SIG_IGN);
	event_add(stop, NULL);
	if (no_sync != NULL && cst_store_open(store, &e) < 0) {
		fprintf(stderr, "server: %s\n", e.reason);
		_exit(1);
	}
	if (cst_rpc_start(base, conf, &e) < 0) {
		fprintf(stderr, "server: %s\n", e.reason);
		_exit(1);
	}
	if (write(ready, "r", 1) != 1)
		_exit(1);
	event_base_dispatch(base);
	cst_rpc_stop();
	cst_store_close();
	rpc_event_reset();
	event_free(stop);
	event_base_free(base);
}

/* Returns false when the server did not come up. */
static bool start(const struct cst_rpc_conf *conf)
{
	int pipefd[2];
	char c;

	assert_int_equal(pipe(pipefd), 0);
	server = fork();
	if (server == 0) {
		close(pipefd[0]);
		serve_until_stopped(conf, pipefd[1]);
		exit(0); /* a leak checker has its say here */
	}
	close(pipefd[1]);
	c = 0;
	if (read(pipefd[0], &c, 1) != 1)
		c = 0;
	close(pipefd[0]);
	return c == 'r';
}

static int stop(void **state)
{
	int status = 0;

	if (server <= 0)
		return 0;
	kill(server, SIGTERM);
	waitpid(server, &status, 0);
	server = 0;
	return status;
}

static int start_default(void **state)
{
	struct cst_rpc_conf conf = {0};

	strcpy(conf.path, path);
	return start(&conf) ? 0 : -1;
}

/* Small bounds, so that they are met soon. */
static int start_small(void **state)
{
	struct cst_rpc_conf conf = {
		.max_clients = 4, .max_message = 4096, .max_backlog = 1 << 20, .max_rate = 1000};

	strcpy(conf.path, path);
	return start(&conf) ? 0 : -1;
}

/* ---- tests --------------------------------------------------------------- */

static void lines(void **state)
{
	struct conn c = open_conn();
	char all[] = SUM SUM "\n" SUM;

	put(&c, all);
	for (int i = 0; i < 3; i++)
		expect_line(&c, SUM_REPLY);
	/* byte by byte */
	for (const char *s = SUM; *s != '\0'; s++)
		put_bytes(&c, s, 1);
	expect_line(&c, SUM_REPLY);
	/* an error leaves the connection usable */
	put(&c, "{nonsense\n");
	expect_part(&c, "-32700");
	put(&c, SUM);
	expect_line(&c, SUM_REPLY);
	close_conn(&c);
}

/* What was complete is answered, what was cut is not executed. */
static void half_close(void **state)
{
	struct conn c = open_conn();

	put(&c, SUM "{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\","
		    "\"size\":100},\"id\":1}");
	shutdown(c.fd, SHUT_WR);
	expect_line(&c, SUM_REPLY);
	expect_end(&c);
	close_conn(&c);
	c = open_conn();
	put(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1}\n");
	expect_line(&c, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"items\":[],\"cursor\":0}}");
	close_conn(&c);
}

static void oversized(void **state)
{
	struct conn c = open_conn();
	char *big = malloc(8192);

	memset(big, ' ', 8192);
	put_bytes(&c, big, 8192);
	expect_part(&c, "at most 4096 bytes");
	expect_end(&c);
	close_conn(&c);
	c = open_conn();
	memcpy(big + 4096 - strlen(SUM), SUM, strlen(SUM));
	put_bytes(&c, big, 4096);
	expect_line(&c, SUM_REPLY);
	free(big);
	close_conn(&c);
}

static void too_many_clients(void **state)
{
	struct conn c[5];

	for (int i = 0; i < 4; i++) {
		c[i] = open_conn();
		put(&c[i], SUM);
		expect_line(&c[i], SUM_REPLY);
	}
	c[4] = open_conn();
	expect_part(&c[4], "too many clients");
	expect_end(&c[4]);
	for (int i = 0; i < 5; i++)
		close_conn(&c[i]);
	/* places are given back */
	usleep(50000);
	c[0] = open_conn();
	put(&c[0], SUM);
	expect_line(&c[0], SUM_REPLY);
	close_conn(&c[0]);
}

/* 1000 calls are a second's worth; the rest waits its turn and another client does not. */
static void rate(void **state)
{
	struct conn fast = open_conn(), other = open_conn();
	double began = now(), answered;

	for (int i = 0; i < 1400; i++)
		put(&fast, SUM);
	put(&other, SUM);
	expect_line(&other, SUM_REPLY);
	answered = now() - began;
	for (int i = 0; i < 1400; i++)
		expect_line(&fast, SUM_REPLY);
	assert_true(now() - began > 0.3);
	assert_true(answered < 0.3);
	close_conn(&fast);
	close_conn(&other);
}

static void slow_client(void **state)
{
	struct conn slow = open_conn(), other = open_conn();
	double began, longest = 0;
	char *line;
	int n = 0;

	put(&slow, SUBSCRIBE);
	expect_part(&slow, "\"lost\":0");
	/* it reads no more; 40 MB of events pass by while the other is served */
	for (int i = 0; i < 400; i++) {
		began = now();
		put(&other,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"thing.noise\",\"params\":[1,100000]}\n" SUM);
		expect_line(&other, SUM_REPLY);
		if (now() - began > longest)
			longest = now() - began;
	}
	assert_true(longest < 0.5);
	while ((line = next_line(&slow)) != NULL) {
		n++;
		free(line);
	}
	assert_true(n < 100); /* the bound is 1 MiB, plus what the kernel holds */
	close_conn(&slow);
	close_conn(&other);
}

/* Somebody who asks and asks without reading is not served further, and holds nobody up. */
static void deaf_client(void **state)
{
	struct conn deaf = open_conn(), other = open_conn();
	static const char ask[] = "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.describe\",\"id\":1}\n";
	int full = 0;

	while (full < 5) {
		if (send(deaf.fd, ask, strlen(ask), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
			assert_int_equal(errno, EAGAIN);
			full++;
			usleep(20000);
		}
	}
	put(&other, SUM);
	expect_line(&other, SUM_REPLY);
	close_conn(&deaf);
	put(&other, SUM);
	expect_line(&other, SUM_REPLY);
	close_conn(&other);
}

static long long number_after(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	assert_non_null(at);
	return atoll(at + strlen(name));
}

static void resume(void **state)
{
	struct conn a = open_conn(), b = open_conn();
	long long seq, last = 0, first;
	char ask[200], *line;

	put(&a, SUBSCRIBE);
	expect_part(&a, "\"lost\":0");
	put(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.noise\",\"params\":[10],\"id\":1}\n");
	expect_part(&b, "result");
	for (int i = 0; i < 3; i++) {
		line = next_line(&a);
		last = number_after(line, "\"seq\":");
		free(line);
	}
	close_conn(&a);
	put(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\",\"size\":"
		"100},\"id\":1}\n");
	expect_part(&b, "result");
	/* goes on after the last one it saw, without a gap */
	a = open_conn();
	snprintf(ask, sizeof(ask),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"event.subscribe\",\"id\":7,\"params\":{"
		 "\"from\":%lld}}\n",
		 last + 1);
	put(&a, ask);
	expect_part(&a, "\"lost\":0");
	for (int i = 0; i < 8; i++) {
		line = next_line(&a);
		seq = number_after(line, "\"seq\":");
		assert_int_equal(seq, last + 1);
		last = seq;
		assert_non_null(strstr(line, i < 7 ? "thing.noise" : "thing.changed"));
		free(line);
	}
	close_conn(&a);
	/* only one type */
	a = open_conn();
	put(&a, "{\"jsonrpc\":\"2.0\",\"method\":\"event.subscribe\",\"id\":7,\"params\":{\"from\":"
		"0,\"types\":[\"thing.changed\"]}}\n");
	expect_part(&a, "\"lost\":0");
	expect_part(&a, "thing.changed");
	close_conn(&a);
	/* past the ring: told how many are gone */
	put(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.noise\",\"params\":[70000],\"id\":1}\n");
	expect_part(&b, "result");
	a = open_conn();
	put(&a, ask);
	line = next_line(&a);
	assert_true(number_after(line, "\"lost\":") > 4000);
	first = number_after(line, "\"first\":");
	free(line);
	for (int i = 0; i < CST_EVENT_RING; i++) {
		line = next_line(&a);
		assert_int_equal(number_after(line, "\"seq\":"), first + i);
		free(line);
	}
	/* the future is not for sale */
	snprintf(ask, sizeof(ask),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"event.subscribe\",\"id\":7,\"params\":{"
		 "\"from\":%lld}}\n",
		 last + 1000000);
	put(&a, ask);
	expect_part(&a, "-32602");
	close_conn(&a);
	close_conn(&b);
}

/* Run `what` as somebody else: what it does not find fails the parent's test. */
static void as_nobody(const gid_t *groups, size_t n, const char *part)
{
	struct conn c;
	int status;
	pid_t pid;
	char *line;

	pid = fork();
	if (pid == 0) {
		if (setgroups(n, groups) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		c = open_conn();
		put(&c, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\","
			"\"size\":100},\"id\":1}\n" SUM);
		line = next_line(&c);
		if (line == NULL || strstr(line, part) == NULL)
			_exit(3);
		free(line);
		line = next_line(&c);
		_exit(line != NULL && strcmp(line, SUM_REPLY) == 0 ? 0 : 4);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void rights(void **state)
{
	struct cst_rpc_conf conf = {.group = "daemon"};
	struct group *gr = getgrnam("daemon");
	struct stat st;

	if (geteuid() != 0 || gr == NULL) {
		print_message("skipped: only root can become somebody else\n");
		skip();
	}
	strcpy(conf.path, path);
	assert_true(start(&conf));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(st.st_gid, gr->gr_gid);
	as_nobody(NULL, 0, "\"EACCES\"");
	as_nobody(&gr->gr_gid, 1, "\"result\":{}");
}

/* A socket whose owner is dead is replaced, a live one is not, nor is a file. */
static void stale(void **state)
{
	struct cst_rpc_conf conf = {0};
	pid_t living;
	struct stat st;
	FILE *f;

	strcpy(conf.path, path);
	assert_true(start(&conf));
	living = server;
	assert_false(start(&conf));
	waitpid(server, NULL, 0);
	kill(living, SIGKILL);
	waitpid(living, NULL, 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(start(&conf));
	assert_int_equal(stop(NULL), 0);
	assert_int_equal(stat(path, &st), -1);
	f = fopen(path, "w");
	fclose(f);
	assert_false(start(&conf));
	waitpid(server, NULL, 0);
	server = 0;
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
}

/* ---- a disk that fails -------------------------------------------------------- */

static int start_stored(void **state)
{
	no_sync = mmap(NULL, sizeof(*no_sync), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (no_sync == MAP_FAILED)
		return -1;
	return start_default(state);
}

static int stop_stored(void **state)
{
	char cmd[128];
	int ret = stop(state);

	munmap((void *)no_sync, sizeof(*no_sync));
	no_sync = NULL;
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", store);
	return ret != 0 ? ret : system(cmd);
}

#define KEEP "{\"jsonrpc\":\"2.0\",\"method\":\"thing.keep\",\"id\":2}\n"

static bool is_silent(struct conn *c, int ms)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	return c->n == 0 && poll(&p, 1, ms) == 0;
}

/* Who has not changed anything goes on; events of what is not on disk wait, and come. */
static void failing_disk(void **state)
{
	struct conn reader = open_conn(), sub = open_conn(), writer;

	put(&sub, SUBSCRIBE);
	expect_part(&sub, "\"id\":7");
	put(&reader, KEEP);
	expect_part(&reader, "\"id\":2");
	expect_part(&sub, "thing.noise");
	*no_sync = true;
	for (unsigned i = 0; i < 3; i++) {
		writer = open_conn();
		put(&writer, KEEP);
		expect_end(&writer);
		close_conn(&writer);
		put(&reader, SUM);
		expect_line(&reader, SUM_REPLY);
	}
	put(&sub, SUM);
	expect_line(&sub, SUM_REPLY);
	assert_true(is_silent(&sub, 300));
	*no_sync = false;
	for (unsigned i = 0; i < 3; i++)
		expect_part(&sub, "thing.noise");
	put(&reader, KEEP);
	expect_part(&reader, "\"id\":2");
	expect_part(&sub, "thing.noise");
	close_conn(&reader);
	close_conn(&sub);
}

static uint32_t rnd(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* Clients that send noise and go at any moment. */
static void rude_clients(void **state)
{
	uint32_t s = 42;
	char noise_bytes[3000];
	bool served;
	char *line;
	struct conn c;
	int fd;

	for (int i = 0; i < 500; i++) {
		fd = dial();
		assert_true(fd >= 0);
		for (size_t k = 0; k < sizeof(noise_bytes); k++)
			noise_bytes[k] = rnd(&s) % 20 == 0 ? '\n' : (char)rnd(&s);
		send(fd, SUBSCRIBE, rnd(&s) % 2 ? strlen(SUBSCRIBE) : rnd(&s) % 40, MSG_NOSIGNAL);
		send(fd, noise_bytes, rnd(&s) % sizeof(noise_bytes), MSG_NOSIGNAL);
		if (rnd(&s) % 3 == 0)
			shutdown(fd, SHUT_WR);
		close(fd);
	}
	/* the last of them may still hold all places */
	for (int i = 0; i < 100; i++) {
		c = open_conn();
		/* refused at once: the other end may be closed already */
		line = send(c.fd, SUM, strlen(SUM), MSG_NOSIGNAL) > 0 ? next_line(&c) : NULL;
		served = line != NULL && strcmp(line, SUM_REPLY) == 0;
		free(line);
		close_conn(&c);
		if (served)
			return;
		usleep(20000);
	}
	fail_msg("not served any more");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines, start_default, stop),
		cmocka_unit_test_setup_teardown(half_close, start_default, stop),
		cmocka_unit_test_setup_teardown(oversized, start_small, stop),
		cmocka_unit_test_setup_teardown(too_many_clients, start_small, stop),
		cmocka_unit_test_setup_teardown(rate, start_small, stop),
		cmocka_unit_test_setup_teardown(slow_client, start_small, stop),
		cmocka_unit_test_setup_teardown(deaf_client, start_small, stop),
		cmocka_unit_test_setup_teardown(resume, start_default, stop),
		cmocka_unit_test_setup_teardown(failing_disk, start_stored, stop_stored),
		cmocka_unit_test_teardown(rights, stop),
		cmocka_unit_test_teardown(stale, stop),
		cmocka_unit_test_setup_teardown(rude_clients, start_default, stop),
	};
	int failed;

	if (mkdtemp(dir) == NULL || chmod(dir, 0755) < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(store, sizeof(store), "%s/store", dir);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return failed;
}
