/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "log.h"

#define FIELD "system.cpus"

static int parse_number(const char **s, struct cst_err *e)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)**s))
		return cst_err(e, -EINVAL, FIELD, "a CPU number is wanted at '%s', as in \"0@1-3\"",
			       *s);
	v = strtoul(*s, &end, 10);
	if (v >= CPU_SETSIZE)
		return cst_err(e, -EINVAL, FIELD, "there is no CPU %lu", v);
	*s = end;
	return (int)v;
}

static int check_allowed(int cpu, const cpu_set_t *allowed, struct cst_err *e)
{
	if (CPU_ISSET(cpu, allowed))
		return 0;
	return cst_err(e, -EINVAL, FIELD, "CPU %d does not exist or is not allowed to this process",
		       cpu);
}

/* "1-3,5" -> list; its length or a negative errno. More than `max` are read and ignored. */
static int parse_list(const char *s, uint16_t *list, int max, const cpu_set_t *allowed,
		      struct cst_err *e)
{
	int n = 0;

	for (;;) {
		int first = parse_number(&s, e), last = first, ret;

		if (first < 0)
			return first;
		if (*s == '-') {
			s++;
			last = parse_number(&s, e);
			if (last < 0)
				return last;
		}
		if (last < first)
			return cst_err(e, -EINVAL, FIELD, "range %d-%d runs backwards", first,
				       last);
		for (int cpu = first; cpu <= last; cpu++) {
			ret = check_allowed(cpu, allowed, e);
			if (ret < 0)
				return ret;
			if (n < max)
				list[n++] = (uint16_t)cpu;
		}
		if (*s == '\0')
			return n;
		if (*s++ != ',')
			return cst_err(e, -EINVAL, FIELD, "',' or the end is wanted before '%s'",
				       s - 1);
	}
}

static int given(const struct cst_system *sys, const cpu_set_t *allowed, struct cst_cpus *cpus,
		 struct cst_err *e)
{
	const char *s = sys->cpus;
	int control = parse_number(&s, e), n, ret;

	if (control < 0)
		return control;
	ret = check_allowed(control, allowed, e);
	if (ret < 0)
		return ret;
	if (*s++ != '@')
		return cst_err(e, -EINVAL, FIELD,
			       "'@' and the workers' CPUs are wanted, as in \"0@1-3\"");
	cpus->control = (uint16_t)control;
	n = parse_list(s, cpus->worker, CST_MAX_WORKERS, allowed, e);
	if (n < 0)
		return n;
	for (int i = n; i < sys->workers; i++)
		cpus->worker[i] = cpus->worker[i % n];
	return 0;
}

static void chosen(const struct cst_system *sys, const cpu_set_t *allowed, struct cst_cpus *cpus)
{
	uint16_t list[CPU_SETSIZE];
	unsigned n = 0;

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, allowed))
			list[n++] = (uint16_t)cpu;
	cpus->control = list[0];
	for (unsigned i = 0; i < sys->workers; i++)
		cpus->worker[i] = list[(i + 1) % n];
}

static bool any_shared(const struct cst_system *sys, const struct cst_cpus *cpus)
{
	for (unsigned i = 0; i < sys->workers; i++) {
		if (cpus->worker[i] == cpus->control)
			return true;
		for (unsigned j = 0; j < i; j++)
			if (cpus->worker[i] == cpus->worker[j])
				return true;
	}
	return false;
}

int cst_cpus_choose(const struct cst_system *sys, struct cst_cpus *cpus, struct cst_err *e)
{
	cpu_set_t allowed;
	int ret = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return cst_err(e, -errno, FIELD, "the allowed CPUs cannot be read");
	if (sys->cpus[0] != '\0')
		ret = given(sys, &allowed, cpus, e);
	else
		chosen(sys, &allowed, cpus);
	if (ret < 0)
		return ret;
	cpus->shared = any_shared(sys, cpus);
	if (cpus->shared)
		LOG_NOTICE("%u worker%s and the control thread have less than a CPU each: %s",
			   sys->workers, sys->workers == 1 ? "" : "s",
			   sys->busy ? "'poll: busy' starves them, set 'poll: adaptive'"
				     : "enough for small traffic, give more CPUs for more");
	return 0;
}
