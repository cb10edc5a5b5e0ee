/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.health: what is known of the health of a stream. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prer_watch_int.h"
#include "prer_watch_show.h"
#include "rpc/rpc.h"

static uint32_t parts(double share, double per)
{
	return (uint32_t)(share * per + 0.5);
}

static void fill_member(const char *name, const struct prer_watch_member *m,
			struct prer_health_member *out)
{
	*out = (struct prer_health_member){
		.has = m->state.mood == PRER_UP ? 0x1ff : 0x3ff,
		.path = name,
		.reason = prer_watch_why_text(m->state.why),
		.status = m->state.mood,
		.carries = parts(m->share, 100),
		.packet_rate = parts(m->rate, 1),
		.loss = parts(m->loss, 1e6),
		.loss_long = parts(m->loss_long, 1e6),
		.delay_difference_us = m->lag_us,
		.delay_difference_max_us = m->lag_max_us,
		.out_of_order = m->out_of_order,
	};
}

static void fill_rho(const struct prer_watch_figures *f, struct prer_watch_shown *out)
{
	snprintf(out->rho, sizeof(out->rho), "%.2f", f->rho);
	snprintf(out->rho_long, sizeof(out->rho_long), "%.2f", f->rho_long);
	out->obj.correlation = out->rho;
	out->obj.correlation_long = out->rho_long;
	if (!f->has_rho)
		out->obj.has &= ~(1ull << HEALTH_RHO);
	if (!f->has_rho_long)
		out->obj.has &= ~(1ull << HEALTH_RHO_LONG);
}

bool prer_watch_show(uint32_t stream, struct prer_watch_shown *out)
{
	const struct prer_stream *s;
	struct prer_watch_figures f;

	if (!prer_watch_get(stream, &f) || f.window_ms == 0)
		return false;
	s = prer_watch_record(stream);
	out->obj = (struct prer_health_obj){
		.has = (1ull << (HEALTH_PATHS + 1)) - 1,
		.stream = prer_watch_name(stream),
		.window_ms = f.window_ms,
		.packet_rate = parts(f.rate, 1),
		.joint_loss = parts(f.joint, 1e9),
		.joint_loss_long = parts(f.joint_long, 1e9),
		.joint_loss_at_most = parts(f.at_most, 1e9),
		.independent_loss = parts(f.independent, 1e9),
		.history = f.stuck ? 2 : f.too_small,
		.history_needed = f.needed,
		.latent_errors = f.latent_errors,
		.latent_error_resets = f.latent_resets,
		.paths = {.items = out->member},
	};
	fill_rho(&f, out);
	for (unsigned i = 0; i < f.n_paths; i++)
		if (f.path[i].there)
			fill_member(prer_watch_path_name(s, i), &f.path[i],
				    &out->member[out->obj.paths.n++]);
	return true;
}

/* ---- the method ------------------------------------------------------------------------- */

struct health_params {
	uint64_t has;
	const char *name;
};

static const struct cst_field params_fields[] = {
	CST_F_STR(struct health_params, name, 1, 255, CST_F_REQUIRED, NULL, "name of the stream"),
};
static const struct cst_object params_object =
	CST_OBJECT("stream_health_params", struct health_params, params_fields, "which stream");

static int health(const void *params, json_t **result, struct cst_err *e)
{
	const struct health_params *p = params;
	const struct prer_watch_ask *ask = prer_watch_asked();
	uint32_t stream = ask->find ? ask->find(p->name) : 0;
	struct prer_watch_shown shown;

	if (stream == 0)
		return cst_err(e, -ENOENT, "name", "there is no stream '%s'", p->name);
	if (prer_watch_show(stream, &shown))
		*result = cst_encode(&prer_health_object, &shown.obj);
	else
		*result = json_pack("{s:s}", "stream", p->name);
	return 0;
}

static struct cst_method health_method = {
	.name = "stream.health",
	.help = "what each path does for a stream, and whether they fail together; its name alone "
		"while nothing came",
	.params = &params_object,
	.call = health,
};
CST_METHOD(health_method);
