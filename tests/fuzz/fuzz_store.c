/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes as a segment of the store's log, and as LMDB's file. First byte: which. A
 * record counts only with its checksum, so the input gets one where it wants to be a
 * record: what is behind the checksum is to be reached. For the file it is the count
 * of pages that the rest is spread over.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/check_pages.h"
#include "store/log_format.h"

#define STORE 7
#define PAGE  4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void changes(const uint8_t *data, size_t size)
{
	struct log_record *r = calloc(1, log_record_size(size)), got;
	const uint8_t *at, *end;
	struct log_change c;
	uint32_t count = 0;
	int ret;

	if (r == NULL)
		return;
	memcpy(r + 1, data, size);
	at = (const void *)(r + 1);
	end = at + size;
	while ((ret = log_change_next(&at, end, &c)) > 0) {
		must(c.db < CST_DBS && c.klen > 0 && c.klen <= LOG_KEY_MAX);
		must((const uint8_t *)c.val + c.vlen <= end && !(c.del && c.vlen > 0));
		count++;
	}
	log_record_make(r, STORE, 1, 0, size, count);
	must(log_record_check(r, log_record_size(size), STORE, &got));
	must(!log_record_check(r, log_record_size(size), STORE + 1, &got));
	must(!log_record_check(r, log_record_size(size) - 1, STORE, &got));
	must((log_changes_check(r, (const void *)(r + 1)) == 0) == (ret == 0));
	free(r);
}

static void segment(const uint8_t *data, size_t size)
{
	struct log_record r;

	log_head_check(data, size);
	for (size_t at = 0; at + sizeof(r) <= size; at += 8)
		if (log_record_check(data + at, size - at, STORE, &r))
			log_changes_check(&r, data + at + sizeof(r));
}

/* Each page's beginning and end from the input, a quarter of a KiB each. */
static void file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct cst_err e;
	off_t at = 0;

	must(fd >= 0);
	for (size_t i = 0; i < size; at += i / 256 % 2 == 0 ? PAGE - 256 : 256) {
		size_t n = size - i < 256 ? size - i : 256;

		must(pwrite(fd, data + i, n, at) == (ssize_t)n);
		i += 256;
	}
	must(ftruncate(fd, (size / 512 + 1) * PAGE) == 0);
	/* which would be no store, whatever it is */
	must(store_check_pages(fd, &e) < 0 || size > 2048);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		changes(data + 1, size - 1);
		break;
	case 1:
		segment(data + 1, size - 1);
		break;
	default:
		file(data + 1, size - 1);
	}
	return 0;
}
