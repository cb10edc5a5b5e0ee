/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/huge.h"
#include "table/arena.h"
#include "table/index.h"
#include "table/lines.h"

/* ---- index ------------------------------------------------------------------- */

static void index_is_fifo(void **state)
{
	struct cst_index *x = cst_index_new(4);

	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(cst_index_alloc(x), i);
	assert_int_equal(cst_index_alloc(x), 0);
	assert_int_equal(cst_index_used(x), 4);
	cst_index_free(x, 3);
	cst_index_free(x, 1);
	assert_int_equal(cst_index_alloc(x), 3);
	cst_index_free(x, 4);
	assert_int_equal(cst_index_alloc(x), 1);
	assert_int_equal(cst_index_alloc(x), 4);
	cst_index_destroy(x);
}

static void index_takes_a_given_one(void **state)
{
	struct cst_index *x = cst_index_new(5);

	assert_true(cst_index_take(x, 1));
	assert_true(cst_index_take(x, 4));
	assert_false(cst_index_take(x, 4));
	assert_false(cst_index_take(x, 0));
	assert_false(cst_index_take(x, 6));
	assert_int_equal(cst_index_alloc(x), 2);
	assert_int_equal(cst_index_alloc(x), 3);
	cst_index_free(x, 4);
	assert_int_equal(cst_index_alloc(x), 5);
	assert_int_equal(cst_index_alloc(x), 4);
	assert_int_equal(cst_index_alloc(x), 0);
	assert_int_equal(cst_index_used(x), 5);
	cst_index_destroy(x);
}

/* ---- lines ------------------------------------------------------------------- */

#define LINES 4096

static void lines_are_reused(void **state)
{
	struct cst_lines *l = cst_lines_new(*state, LINES);
	uint32_t a = cst_lines_alloc(l, 5), all;

	assert_int_not_equal(a, 0);
	assert_int_equal(cst_lines_used(l), 6); /* its size class */
	cst_lines_free(l, a, 5);
	assert_int_equal(cst_lines_used(l), 0);
	assert_int_equal(cst_lines_alloc(l, LINES), 0);
	assert_int_equal(cst_lines_alloc(l, 0), 0);
	all = cst_lines_alloc(l, 3072); /* only in one piece when the pieces have joined */
	assert_int_not_equal(all, 0);
	cst_lines_free(l, all, 3072);
	cst_lines_free_all(l);
}

static void lines_get_full(void **state)
{
	struct cst_lines *l = cst_lines_new(*state, LINES);
	uint32_t n = 0, last = 0, at;

	while ((at = cst_lines_alloc(l, 1)) != 0) {
		last = at;
		n++;
	}
	assert_int_equal(n, LINES - 1); /* all but line 0 */
	cst_lines_free(l, last, 1);
	assert_int_equal(cst_lines_alloc(l, 2), 0);
	assert_int_equal(cst_lines_alloc(l, 1), last);
	cst_lines_free_all(l);
}

static void lines_are_taken_again(void **state)
{
	struct cst_lines *l = cst_lines_new(*state, LINES);
	uint32_t at, n = 0;

	assert_true(cst_lines_take(l, 1, 3));
	assert_true(cst_lines_take(l, 4, 1));
	assert_true(cst_lines_take(l, 20, 4));
	assert_false(cst_lines_take(l, 19, 1)); /* behind the one before */
	assert_false(cst_lines_take(l, 23, 1));
	assert_false(cst_lines_take(l, LINES - 1, 2)); /* not in the section */
	assert_false(cst_lines_take(l, LINES, 1));
	assert_true(cst_lines_take(l, LINES - 1, 1));
	assert_false(cst_lines_take(l, LINES - 1, 1));
	assert_int_equal(cst_lines_used(l), 9);
	while ((at = cst_lines_alloc(l, 1)) != 0) {
		assert_true(at > 4 && (at < 20 || at > 23) && at != LINES - 1);
		n++;
	}
	assert_int_equal(n, LINES - 1 - 9);
	cst_lines_free(l, 1, 3);
	cst_lines_free(l, 4, 1);
	assert_int_equal(cst_lines_alloc(l, 4), 1);
	cst_lines_free_all(l);
}

static bool claim(uint8_t *owned, uint32_t first, uint32_t n, uint8_t value)
{
	for (uint32_t i = first; i < first + n; i++) {
		if (i == 0 || i >= LINES || owned[i] == value)
			return false;
		owned[i] = value;
	}
	return true;
}

/* Random requests against a map of who owns which line. */
static void lines_never_overlap(void **state)
{
	struct cst_lines *l = cst_lines_new(*state, LINES);
	static uint8_t owned[LINES];
	struct {
		uint32_t first, n;
	} held[512] = {{0}};
	unsigned full = 0;

	memset(owned, 0, sizeof(owned));
	srand(1);
	for (int i = 0; i < 200000; i++) {
		unsigned k = (unsigned)rand() % 512;
		uint32_t n = 1 + (uint32_t)rand() % (rand() % 16 == 0 ? 64 : 8);

		if (held[k].first != 0) {
			assert_true(claim(owned, held[k].first, held[k].n, 0));
			cst_lines_free(l, held[k].first, held[k].n);
			held[k].first = 0;
			continue;
		}
		held[k].first = cst_lines_alloc(l, n);
		held[k].n = n;
		if (held[k].first == 0)
			full++;
		else
			assert_true(claim(owned, held[k].first, n, 1));
	}
	for (unsigned k = 0; k < 512; k++)
		if (held[k].first != 0)
			cst_lines_free(l, held[k].first, held[k].n);
	assert_int_equal(cst_lines_used(l), 0);
	assert_int_not_equal(cst_lines_alloc(l, 3072), 0);
	assert_true(full < 200000 / 10);
	cst_lines_free_all(l);
}

/* ---- arena ------------------------------------------------------------------- */

static struct cst_section small = {.name = "test.small", .elem_size = 24, .count = 3};
static struct cst_section large = {.name = "test.large", .elem_size = 64, .count = 1 << 20};
static struct cst_system sys;

static int arena_setup(void **state)
{
	memset(&sys, 0, sizeof(sys));
	sys.hugepages = CST_HUGE_OFF;
	snprintf(sys.arena_path, sizeof(sys.arena_path), "/tmp/coast-arena-%d", getpid());
	small.count = 3;
	return 0;
}

static int arena_teardown(void **state)
{
	cst_arena_unmap();
	unlink(sys.arena_path);
	return 0;
}

static int map_both(struct cst_err *e)
{
	cst_arena_add(&small);
	cst_arena_add(&large);
	return cst_arena_map(&sys, e);
}

static void arena_maps_sections(void **state)
{
	struct cst_arena_info info;
	struct cst_err e = {0};
	struct stat st;
	char magic[8];
	int fd;

	assert_int_equal(map_both(&e), 0);
	cst_arena_info(&info);
	assert_string_equal(info.path, sys.arena_path);
	assert_int_equal(info.generation, 1);
	assert_int_equal((uintptr_t)small.base % 4096, 0);
	assert_int_equal((uintptr_t)large.base % 4096, 0);
	assert_true((char *)small.base >= (char *)large.base + 64 * large.count);
	memset(small.base, 0xff, 72);
	memset((char *)large.base + 64 * (large.count - 1), 0xff, 64);
	assert_int_equal(stat(sys.arena_path, &st), 0);
	assert_int_equal(st.st_size, info.bytes);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true((uint64_t)st.st_blocks * 512 < info.bytes / 4); /* sparse */
	fd = open(sys.arena_path, O_RDONLY);
	assert_int_equal(read(fd, magic, 8), 8);
	assert_memory_equal(magic, "coastTbl", 8);
	close(fd);
}

static void arena_starts_afresh(void **state)
{
	struct cst_arena_info a, b;
	struct cst_err e = {0};

	assert_int_equal(map_both(&e), 0);
	cst_arena_info(&a);
	memset(small.base, 0xff, 72);
	cst_arena_unmap();
	assert_null(small.base);
	assert_int_equal(map_both(&e), 0);
	cst_arena_info(&b);
	assert_int_equal(b.generation, a.generation + 1);
	assert_int_equal(b.layout_hash, a.layout_hash);
	assert_int_equal(*(uint64_t *)small.base, 0);
	cst_arena_unmap();

	small.count = 4; /* another layout: another file under the same name */
	assert_int_equal(map_both(&e), 0);
	cst_arena_info(&a);
	assert_int_equal(a.generation, b.generation + 1);
	assert_int_not_equal(a.layout_hash, b.layout_hash);
	assert_int_equal(*(uint64_t *)small.base, 0);
}

static uint64_t of_salt; /* 0: any */

static void attach_both(bool want, const char *why)
{
	struct cst_arena_info info;
	struct cst_err e = {0};

	cst_arena_unmap();
	cst_arena_add(&small);
	cst_arena_add(&large);
	assert_int_equal(cst_arena_attach(&sys, of_salt, &e), 0);
	cst_arena_info(&info);
	assert_int_equal(info.attached, want);
	assert_int_equal(*(uint64_t *)small.base, want ? 7 : 0);
	if (why == NULL)
		assert_null(info.why_new);
	else
		assert_non_null(strstr(info.why_new, why));
	*(uint64_t *)small.base = 7;
}

static void arena_is_gone_on_with(void **state)
{
	uint64_t salt;

	attach_both(false, NULL); /* the first of all */
	attach_both(false, "never complete");
	cst_arena_ready();
	salt = cst_arena_salt();
	attach_both(true, NULL);
	assert_int_equal(cst_arena_salt(), salt);
	of_salt = salt;
	attach_both(true, NULL);
	of_salt = salt + 1;
	attach_both(false, "another store");
	of_salt = 0;
	cst_arena_ready();
	attach_both(true, NULL);

	small.version++;
	attach_both(false, "layout");
	cst_arena_ready();
	large.count /= 2;
	attach_both(false, "layout");
	large.count *= 2;
	small.version--;
}

/* What is in it may be what kills whoever attaches it. */
static void arena_that_kills_is_left(void **state)
{
	attach_both(false, NULL);
	cst_arena_ready();
	cst_arena_crashed(); /* it was new: nothing to say against it */
	attach_both(true, NULL);
	cst_arena_crashed();
	attach_both(true, NULL);
	cst_arena_settled();
	cst_arena_crashed();
	attach_both(true, NULL);
	cst_arena_crashed();
	attach_both(false, "crashed");
}

/* ---- hugepages: a directory of ordinary ones stands for them ------------------------ */

static char huge_dir[64];
static bool huge_free;

bool __wrap_cst_huge_find(struct cst_huge *h, uint64_t want);
bool __wrap_cst_huge_find(struct cst_huge *h, uint64_t want)
{
	*h = (struct cst_huge){.page_size = 8192, .free = huge_free ? want : 0};
	snprintf(h->mount, sizeof(h->mount), "%s", huge_dir);
	return huge_free;
}

int __wrap_cst_huge_each(int (*fn)(void *arg, const char *mount, uint64_t page_size), void *arg);
int __wrap_cst_huge_each(int (*fn)(void *arg, const char *mount, uint64_t page_size), void *arg)
{
	return fn(arg, huge_dir, 8192);
}

static bool is_in(const char *place)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s-tables", place, sys.name);
	return access(path, F_OK) == 0;
}

/* Tables are found where they are, whatever has room now; what is left over elsewhere goes. */
static void arena_is_found(void **state)
{
	sys.arena_path[0] = '\0';
	sys.hugepages = CST_HUGE_AUTO;
	snprintf(sys.name, sizeof(sys.name), "coast-test-%d", getpid());
	strcpy(huge_dir, "/tmp/coast-huge-XXXXXX");
	assert_non_null(mkdtemp(huge_dir));
	huge_free = true;
	attach_both(false, NULL);
	cst_arena_ready();
	assert_true(is_in(huge_dir));
	huge_free = false; /* another process took them */
	attach_both(true, NULL);
	assert_false(is_in("/dev/shm"));
	small.version++;
	attach_both(false, "layout");
	assert_true(is_in("/dev/shm"));
	assert_false(is_in(huge_dir));
	cst_arena_ready();
	huge_free = true;
	attach_both(true, NULL);
	assert_false(is_in(huge_dir));
	small.version--;
	attach_both(false, "layout");
	assert_true(is_in(huge_dir));
	assert_false(is_in("/dev/shm"));
	snprintf(sys.arena_path, sizeof(sys.arena_path), "%s/%s-tables", huge_dir, sys.name);
	arena_teardown(NULL);
	rmdir(huge_dir);
}

static void change_file(long at)
{
	FILE *f = fopen(sys.arena_path, "r+");
	int c;

	fseek(f, at, SEEK_SET);
	c = fgetc(f);
	fseek(f, at, SEEK_SET);
	fputc(c ^ 1, f);
	fclose(f);
}

/* Whichever byte of the identity is another one, the content is not taken over. */
static void arena_with_another_header_is_left(void **state)
{
	/* magic, version; layout; size; ready; boot. Between them: what may be anything. */
	static const struct {
		long from, to;
	} parts[] = {{0, 12}, {16, 24}, {32, 40}, {56, 57}, {64, 100}};
	struct cst_arena_info info;
	struct cst_err e = {0};

	for (unsigned i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		for (long at = parts[i].from; at < parts[i].to; at++) {
			attach_both(false, NULL);
			cst_arena_ready();
			cst_arena_unmap();
			change_file(at);
			cst_arena_add(&small);
			cst_arena_add(&large);
			assert_int_equal(cst_arena_attach(&sys, 0, &e), 0);
			cst_arena_info(&info);
			assert_false(info.attached);
			assert_int_equal(*(uint64_t *)small.base, 0);
			unlink(sys.arena_path);
		}
	}
}

/* What lies there may be anything. */
static void arena_replaces_a_strange_file(void **state)
{
	struct cst_arena_info info;
	struct cst_err e = {0};
	FILE *f = fopen(sys.arena_path, "w");

	for (int i = 0; i < 10000; i++)
		fprintf(f, "strange ");
	fclose(f);
	assert_int_equal(map_both(&e), 0);
	cst_arena_info(&info);
	assert_int_equal(info.generation, 1);
	assert_int_equal(*(uint64_t *)large.base, 0);
}

static void arena_excludes_others(void **state)
{
	struct cst_err e = {0};
	int go[2], status;
	char c = 0;
	pid_t child;

	assert_int_equal(pipe(go), 0);
	child = fork();
	if (child == 0) {
		/* 0: refused with a reason that names the other process */
		char want[32];

		snprintf(want, sizeof(want), "process %d", getppid());
		if (read(go[0], &c, 1) != 1)
			_exit(3);
		if (map_both(&e) != -EWOULDBLOCK)
			_exit(1);
		_exit(strstr(e.reason, want) != NULL ? 0 : 2);
	}
	assert_int_equal(map_both(&e), 0);
	assert_int_equal(write(go[1], &c, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(WIFEXITED(status));
	*(uint64_t *)small.base = 1; /* still ours */
	close(go[0]);
	close(go[1]);
}

static void arena_refuses_what_does_not_fit(void **state)
{
	struct cst_err e = {0};

	large.count = UINT64_C(1) << 40;
	assert_int_equal(map_both(&e), -ENOSPC);
	assert_non_null(strstr(e.reason, "max_sessions"));
	cst_arena_unmap();
	large.count = UINT64_MAX / 2;
	assert_int_equal(map_both(&e), -E2BIG);
	large.count = 1 << 20;
}

static void arena_refuses_double_names(void **state)
{
	static struct cst_section twin = {.name = "test.small", .elem_size = 8, .count = 1};
	struct cst_err e = {0};

	cst_arena_add(&twin);
	assert_int_equal(map_both(&e), -EEXIST);
}

int main(void)
{
	static char base[64];
#define ARENA(fn) cmocka_unit_test_setup_teardown(fn, arena_setup, arena_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_is_fifo),
		cmocka_unit_test(index_takes_a_given_one),
		cmocka_unit_test_prestate(lines_are_reused, base),
		cmocka_unit_test_prestate(lines_get_full, base),
		cmocka_unit_test_prestate(lines_never_overlap, base),
		cmocka_unit_test_prestate(lines_are_taken_again, base),
		ARENA(arena_maps_sections),
		ARENA(arena_starts_afresh),
		ARENA(arena_is_gone_on_with),
		ARENA(arena_that_kills_is_left),
		ARENA(arena_is_found),
		ARENA(arena_with_another_header_is_left),
		ARENA(arena_replaces_a_strange_file),
		ARENA(arena_excludes_others),
		ARENA(arena_refuses_what_does_not_fit),
		ARENA(arena_refuses_double_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
