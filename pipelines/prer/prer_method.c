/* SPDX-License-Identifier: BSD-3-Clause */
/* stream.reset, stream.restart: what management may ask of a stream (IEEE 802.1CB, 10.4). */
#include <errno.h>

#include "prer_ctl.h"
#include "rpc/rpc.h"

struct bump {
	struct prer_entry *stream;
	bool generator;
};

static void touch(void *arg)
{
	const struct bump *b = arg;

	prer_entry_again(b->stream);
	if (b->generator)
		b->stream->made_next.generator_epoch++;
	else
		b->stream->made_next.recovery_epoch++;
}

static int ask(const struct prer_stream_key *k, uint8_t flag, bool generator, struct cst_err *e)
{
	struct bump b = {.stream = prer_entry_live(PRER_STREAMS, k->name), .generator = generator};
	const struct prer_stream *rec;

	if (!b.stream)
		return cst_err(e, -ENOENT, "name", "there is no stream '%s'", k->name);
	rec = cst_line(prer_tables.lines, b.stream->made.line);
	if (!(rec->flags & flag))
		return cst_err(e, -EINVAL, "name", "stream '%s' %s nothing", k->name,
			       generator ? "sends" : "receives");
	return prer_redo(touch, &b, e);
}

static int reset(const void *params, json_t **result, struct cst_err *e)
{
	(void)result;
	return ask(params, PRER_RECEIVE, false, e);
}

static int restart(const void *params, json_t **result, struct cst_err *e)
{
	(void)result;
	return ask(params, PRER_SEND, true, e);
}

static struct cst_method reset_method = {
	.name = "stream.reset",
	.help = "the far end has started anew: the next packet is taken, whatever its number "
		"(frerSeqRcvyReset)",
	.write = true,
	.params = &prer_stream_key_object,
	.call = reset,
};
CST_METHOD(reset_method);

static struct cst_method restart_method = {
	.name = "stream.restart",
	.help = "numbers begin with 0 again (frerSeqGenReset); the far end wants a reset then",
	.write = true,
	.params = &prer_stream_key_object,
	.call = restart,
};
CST_METHOD(restart_method);
