/* SPDX-License-Identifier: BSD-3-Clause */
#include "boot.h"

#include <stdio.h>
#include <string.h>

const char *cst_boot_id(void)
{
	static char id[CST_BOOT_SIZE];
	FILE *f;

	if (id[0] != '\0')
		return id;
	f = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (f == NULL || fgets(id, sizeof(id), f) == NULL)
		id[0] = '\0';
	if (f != NULL)
		fclose(f);
	id[strcspn(id, "\n")] = '\0';
	return id;
}
