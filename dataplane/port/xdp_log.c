/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libbpf and libxdp speak to stderr of their own. They come with the driver, a
 * plugin: coast is not linked with them, so their hooks are looked up.
 */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "port/xsk.h"

/* libbpf_print_fn_t and libxdp_print_fn_t: level 0 warns, 1 informs, 2 debugs */
typedef int (*print_fn)(int level, const char *fmt, va_list ap);

static int print(int level, const char *fmt, va_list ap)
{
	char line[512];
	size_t n;

	if (level > 1)
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	n = strlen(line);
	while (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	/* what matters is said when the port fails; the rest is about features that are not used */
	LOG_DEBUG("%s", line);
	return 0;
}

static void hook(const char *library, const char *function)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
	print_fn (*set)(print_fn);

	if (lib == NULL)
		return;
	*(void **)&set = dlsym(lib, function);
	if (set != NULL)
		set(print);
	dlclose(lib);
}

void cst_xdp_take_log(void)
{
	hook("libbpf.so.1", "libbpf_set_print");
	hook("libxdp.so.1", "libxdp_set_print");
}
