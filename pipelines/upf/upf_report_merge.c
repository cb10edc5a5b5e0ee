/* SPDX-License-Identifier: BSD-3-Clause */
/* Two usage reports of one URR that follow on each other, as one: not a byte or second more or
 * less.
 */
#include <string.h>

#include "upf_report.h"

#define MERGEABLE                                                                                  \
	(UPF_UR_PERIO | UPF_UR_VOLTH | UPF_UR_TIMTH | UPF_UR_DROTH | UPF_UR_IMMER | UPF_UR_LIUSA | \
	 UPF_UR_EVETH)

bool upf_report_mergeable(uint32_t triggers)
{
	return triggers != 0 && (triggers & ~MERGEABLE) == 0;
}

static json_int_t number(const json_t *js, const char *name)
{
	return json_integer_value(json_object_get(js, name));
}

/* Both have the same members, all of them numbers whose sums can be told. */
static bool can_sum(const json_t *older, const json_t *newer)
{
	const char *name;
	json_t *v;

	if (json_object_size(older) != json_object_size(newer))
		return false;
	json_object_foreach ((json_t *)newer, name, v) {
		json_t *was = json_object_get(older, name);

		if (!json_is_integer(v) || !json_is_integer(was) ||
		    json_integer_value(v) > INT64_MAX - json_integer_value(was))
			return false;
	}
	return true;
}

static void sum(const json_t *older, json_t *newer)
{
	const char *name;
	json_t *v;

	json_object_foreach (newer, name, v)
		json_integer_set(v, json_integer_value(v) + number(older, name));
}

static json_int_t first_seqn(const json_t *r)
{
	return number(r, json_object_get(r, "first_ur_seqn") ? "first_ur_seqn" : "ur_seqn");
}

static bool follows(const json_t *older, const json_t *newer)
{
	static const char *const same[] = {"seid", "cp_f_seid", "urr_id", "usage_information"};

	for (unsigned i = 0; i < sizeof(same) / sizeof(*same); i++) {
		json_t *a = json_object_get(older, same[i]), *b = json_object_get(newer, same[i]);

		if (a != b && !json_equal(a, b))
			return false;
	}
	return number(older, "ur_seqn") + 1 == first_seqn(newer);
}

static bool is_among(const json_t *names, const json_t *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v)
		if (json_equal(v, name))
			return true;
	return false;
}

static void join_triggers(const json_t *older, json_t *newer)
{
	json_t *v;
	size_t i;

	json_array_foreach (older, i, v)
		if (!is_among(newer, v))
			json_array_append(newer, v);
}

static void take(const json_t *older, json_t *newer, const char *name)
{
	json_t *v = json_object_get(older, name);

	if (v)
		json_object_set(newer, name, v);
}

bool upf_report_merge(const json_t *older, json_t *newer)
{
	static const char *const volume = "volume_measurement", *const time =
									"duration_measurement";
	const json_t *was = json_object_get(older, volume), *dur = json_object_get(older, time);
	json_t *v = json_object_get(newer, volume), *d = json_object_get(newer, time);
	json_int_t first = first_seqn(older);

	if (!follows(older, newer) || !can_sum(was, v) || !d != !dur ||
	    (d && (!json_is_integer(d) || !json_is_integer(dur))))
		return false;
	sum(was, v);
	if (d)
		json_integer_set(d, json_integer_value(d) + json_integer_value(dur));
	join_triggers(json_object_get(older, "usage_report_trigger"),
		      json_object_get(newer, "usage_report_trigger"));
	take(older, newer, "start_time");
	take(older, newer, "time_of_first_packet");
	if (!json_object_get(newer, "time_of_last_packet"))
		take(older, newer, "time_of_last_packet");
	json_object_set_new(newer, "first_ur_seqn", json_integer(first));
	return true;
}
