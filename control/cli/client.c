/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of the control socket. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli_int.h"

int cli_connect(struct cst_cli *cli, struct cst_err *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, err;

	if (cli->fd >= 0)
		return 0;
	if (strlen(cli->socket) >= sizeof(addr.sun_path))
		return cst_err(e, -ENAMETOOLONG, NULL, "the socket's path is too long");
	strcpy(addr.sun_path, cli->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		err = errno;
		if (fd >= 0)
			close(fd);
		if (err == ENOENT || err == ECONNREFUSED)
			return cst_err(e, -ECONNREFUSED, NULL, "%s: coastd is not running",
				       cli->socket);
		return cst_err(e, -err, NULL, "%s: %s", cli->socket, strerror(err));
	}
	cli->fd = fd;
	cli->n = 0;
	return 0;
}

void cli_disconnect(struct cst_cli *cli)
{
	if (cli->fd >= 0)
		close(cli->fd);
	cli->fd = -1;
	cli->n = 0;
}

static int lost(struct cst_cli *cli, struct cst_err *e)
{
	cli_disconnect(cli);
	return cst_err(e, -ECONNRESET, NULL, "%s: coastd closed the connection", cli->socket);
}

static int wait_readable(struct cst_cli *cli, int timeout_ms, struct cst_err *e)
{
	struct pollfd p = {.fd = cli->fd, .events = POLLIN};
	int ret;

	do
		ret = poll(&p, 1, timeout_ms);
	while (ret < 0 && errno == EINTR && !cst_cli_interrupted());
	if (ret < 0)
		return cst_err(e, -EINTR, NULL, "interrupted");
	if (ret == 0)
		return cst_err(e, -ETIMEDOUT, NULL, "%s: coastd did not answer within %d s",
			       cli->socket, timeout_ms / 1000);
	return 0;
}

int cli_read_line(struct cst_cli *cli, int timeout_ms, char **line, struct cst_err *e)
{
	size_t seen = 0;
	ssize_t got;
	char *end;
	int ret;

	while ((end = cli->n > seen ? memchr(cli->buf + seen, '\n', cli->n - seen) : NULL) ==
	       NULL) {
		seen = cli->n;
		if (cli->cap - cli->n < 65536) {
			char *more = realloc(cli->buf, cli->cap * 2 + 65536);

			if (more == NULL)
				return cst_err(e, -ENOMEM, NULL, "out of memory");
			cli->buf = more;
			cli->cap = cli->cap * 2 + 65536;
		}
		ret = wait_readable(cli, timeout_ms, e);
		if (ret < 0)
			return ret;
		got = recv(cli->fd, cli->buf + cli->n, cli->cap - cli->n, 0);
		if (got <= 0)
			return lost(cli, e);
		cli->n += (size_t)got;
	}
	*line = strndup(cli->buf, (size_t)(end - cli->buf));
	cli->n -= (size_t)(end + 1 - cli->buf);
	memmove(cli->buf, end + 1, cli->n);
	return *line != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "out of memory");
}

/* A peer that refuses may close before it has read all: what it said first is still to be read. */
static void write_line(struct cst_cli *cli, const char *text, size_t n)
{
	ssize_t ret;

	while (n > 0) {
		ret = send(cli->fd, text, n, MSG_NOSIGNAL);
		if (ret < 0 && errno != EINTR)
			return;
		if (ret > 0) {
			text += ret;
			n -= (size_t)ret;
		}
	}
}

static int errno_by_name(const char *name)
{
	for (int i = 1; name != NULL && i < 256; i++)
		if (strerrorname_np(i) != NULL && strcmp(strerrorname_np(i), name) == 0)
			return i;
	return 0;
}

static int refusal(struct cst_cli *cli, const json_t *error, struct cst_err *e)
{
	const json_t *data = json_object_get(error, "data");
	const char *reason = json_string_value(json_object_get(data, "reason"));
	int err = errno_by_name(json_string_value(json_object_get(data, "errno")));

	cli->rpc_code = (int)json_integer_value(json_object_get(error, "code"));
	cli->refusal = json_incref((json_t *)data);
	if (reason == NULL)
		reason = json_string_value(json_object_get(error, "message"));
	if (err == 0)
		err = cli->rpc_code > 0 ? cli->rpc_code : cli->rpc_code == -32601 ? ENOSYS : EPROTO;
	return cst_err(e, -err, json_string_value(json_object_get(data, "field")), "%s",
		       reason != NULL ? reason : "refused without a reason");
}

/* Events may come between a call and its reply on a connection that subscribed. */
static int read_reply(struct cst_cli *cli, long id, json_t **reply, struct cst_err *e)
{
	const json_t *got;
	char *line;
	int ret;

	for (;;) {
		ret = cli_read_line(cli, cli->timeout_ms, &line, e);
		if (ret < 0)
			return ret;
		*reply = json_loads(line, 0, NULL);
		free(line);
		if (!json_is_object(*reply)) {
			json_decref(*reply);
			cli_disconnect(cli);
			return cst_err(e, -EPROTO, NULL, "%s: what answers there is not coastd",
				       cli->socket);
		}
		got = json_object_get(*reply, "id");
		if (got != NULL && (json_is_null(got) || json_integer_value(got) == id))
			return 0;
		json_decref(*reply);
	}
}

int cst_cli_call(struct cst_cli *cli, const char *method, json_t *params, json_t **result,
		 struct cst_err *e)
{
	json_t *js, *reply = NULL, *error;
	char *text, *line = NULL;
	long id = ++cli->next_id;
	int ret, n;

	*result = NULL;
	cli->rpc_code = 0;
	json_decref(cli->refusal);
	cli->refusal = NULL;
	js = json_pack("{s:s, s:s, s:I}", "jsonrpc", "2.0", "method", method, "id", (json_int_t)id);
	if (params != NULL)
		json_object_set_new(js, "params", params);
	text = json_dumps(js, JSON_COMPACT);
	json_decref(js);
	n = text != NULL ? asprintf(&line, "%s\n", text) : -1;
	free(text);
	if (n < 0)
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	ret = cli_connect(cli, e);
	if (ret == 0) {
		write_line(cli, line, (size_t)n);
		ret = read_reply(cli, id, &reply, e);
	}
	free(line);
	if (ret < 0) {
		cli_disconnect(cli); /* a late reply must not meet another question */
		return ret;
	}
	error = json_object_get(reply, "error");
	if (error != NULL)
		ret = refusal(cli, error, e);
	else
		*result = json_incref(json_object_get(reply, "result"));
	json_decref(reply);
	return ret;
}

const json_t *cst_cli_errors(const struct cst_cli *cli)
{
	const json_t *errors = json_object_get(cli->refusal, "errors");

	return json_is_array(errors) ? errors : NULL;
}
