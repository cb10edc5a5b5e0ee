/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "module.h"

static struct cst_module *modules;

void cst_module_add(struct cst_module *m)
{
	struct cst_module **at = &modules;

	while (*at != NULL && (*at)->order <= m->order)
		at = &(*at)->next;
	m->next = *at;
	*at = m;
}

int cst_modules_reserve(const struct cst_system *sys, struct cst_err *e)
{
	for (struct cst_module *m = modules; m != NULL; m = m->next) {
		int ret = m->reserve != NULL ? m->reserve(sys, e) : 0;
		if (ret < 0)
			return ret;
	}
	return 0;
}

int cst_modules_start(const struct cst_system *sys, struct cst_err *e)
{
	for (struct cst_module *m = modules; m != NULL; m = m->next) {
		int ret = m->start != NULL ? m->start(sys, e) : 0;
		if (ret < 0)
			return ret;
	}
	return 0;
}

int cst_modules_resume(struct cst_err *e)
{
	for (struct cst_module *m = modules; m != NULL; m = m->next) {
		int ret = m->resume != NULL ? m->resume(e) : 0;
		if (ret < 0)
			return ret;
	}
	return 0;
}

void cst_modules_tick(uint64_t now_ms)
{
	for (struct cst_module *m = modules; m != NULL; m = m->next)
		if (m->tick != NULL)
			m->tick(now_ms);
}

/* Falling order without a second list: the chain is short and this runs once. */
static void stop_from(struct cst_module *m)
{
	if (m == NULL)
		return;
	stop_from(m->next);
	if (m->stop != NULL)
		m->stop();
}

void cst_modules_stop(void)
{
	stop_from(modules);
}
