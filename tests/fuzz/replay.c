/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target on the files of corpus directories, under any compiler:
 *
 *	replay_X [--prefixes] DIRECTORY ...
 *
 * --prefixes: also on every beginning of each file. Each input is a copy on the
 * heap of exactly its length, so that a sanitizer or valgrind sees reads behind.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size);

	if (!copy && size) {
		fprintf(stderr, "replay: out of memory\n");
		exit(1);
	}
	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int replay_file(const char *path, int prefixes)
{
	static uint8_t data[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t size;

	if (!f) {
		perror(path);
		return -1;
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t n = prefixes ? 0 : size; n < size; n++)
		feed(data, n);
	feed(data, size);
	return 0;
}

static int replay_dir(const char *path, int prefixes)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (!d) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(d))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		if (replay_file(file, prefixes)) {
			closedir(d);
			return -1;
		}
		count++;
	}
	closedir(d);
	return count;
}

int main(int argc, char **argv)
{
	int first = argc > 1 && strcmp(argv[1], "--prefixes") == 0 ? 2 : 1;
	int total = 0;

	for (int i = first; i < argc; i++) {
		int n = replay_dir(argv[i], first == 2);

		if (n < 0)
			return 1;
		total += n;
	}
	printf("%d files\n", total);
	/* an empty corpus tests nothing */
	return total ? 0 : 1;
}
