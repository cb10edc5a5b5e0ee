/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listener and its clients. One line is served at a time and after a few
 * milliseconds the next client has its turn, so that nobody is held up by
 * another's flood. Whoever does not read is left waiting, then cut off.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "log.h"
#include "now.h"
#include "owner.h"
#include "rpc_int.h"
#include "store.h"

#define TURN_NS         2000000ull  /* of one client before the others */
#define STALL_SECONDS   30          /* without one byte read by the client */
#define READER_MESSAGE  65536u      /* longest line of a client that may only read */
#define EVENT_ROOM      (256 << 10) /* bytes of events handed to libevent at a time */
#define ACCEPT_PAUSE_US 100000      /* after running out of descriptors */
#define READ_PIECE      (256 << 10) /* about what the socket holds */
#define RETRY_US        100000      /* between syncs while they fail */
#define TELL_NS         60000000000ull

struct client {
	TAILQ_ENTRY(client) link;
	struct bufferevent *bev;
	struct event *again; /* its next turn */
	size_t scanned;      /* bytes of the input known to hold no newline */
	size_t max_message;
	bool held;    /* what is to be written waits for the store */
	bool wrote;   /* and confirms changes */
	bool eof;     /* it will send no more */
	bool closing; /* close when all is written */
	struct rpc_peer peer;
	struct rpc_sub sub;
	struct cst_caller caller;
	double tokens; /* calls it may make now */
	uint64_t tokens_at;
};
TAILQ_HEAD(clients, client);

static struct cst_rpc_conf conf;
static struct evconnlistener *listener;
static struct event *release;
static struct event *accept_again;
static struct clients clients = TAILQ_HEAD_INITIALIZER(clients);
static unsigned n_clients;
static bool failing; /* the disk does not take what was written */

static void client_free(struct client *c)
{
	TAILQ_REMOVE(&clients, c, link);
	n_clients--;
	if (c->caller.owner != 0 && cst_caller_gone != NULL)
		cst_caller_gone(&c->caller);
	event_free(c->again);
	bufferevent_free(c->bev);
	free(c);
}

static size_t backlog(const struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

static void close_when_written(struct client *c)
{
	c->closing = true;
	c->sub.on = false;
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_setwatermark(c->bev, EV_WRITE, 0, 0);
	if (backlog(c) == 0)
		client_free(c);
}

static void free_line(const void *data, size_t len, void *arg)
{
	free(arg);
}

static void release_soon(void)
{
	if (!event_pending(release, EV_TIMEOUT, NULL))
		event_add(release, &(struct timeval){.tv_usec = failing ? RETRY_US : 0});
}

/* What a client reads is on disk: its output waits for the end of the turn, where one sync serves
 * all whose turn it was. While the disk fails only what confirms a change waits for it. */
static void hold(struct client *c, bool wrote)
{
	if (!cst_store_dirty() || (failing && !wrote && !c->held))
		return;
	c->wrote |= wrote;
	if (!c->held)
		bufferevent_disable(c->bev, EV_WRITE);
	c->held = true;
	release_soon();
}

/* False: its changes are not on disk, and it is not told that they are. */
static bool let_go(struct client *c)
{
	if (failing && c->wrote) {
		client_free(c);
		return false;
	}
	c->held = c->wrote = false;
	bufferevent_enable(c->bev, EV_WRITE);
	return true;
}

static bool feed(struct client *c);

static void on_release(evutil_socket_t fd, short what, void *arg)
{
	struct client *c, *following;
	struct cst_err e = {0};
	static uint64_t tell;
	unsigned cut_off = 0;

	failing = cst_store_sync(&e) < 0;
	for (c = TAILQ_FIRST(&clients); c != NULL; c = following) {
		following = TAILQ_NEXT(c, link);
		if (c->held && !let_go(c))
			cut_off++;
		else if (c->sub.on)
			feed(c);
	}
	if (cut_off == 0 || cst_now_ns() < tell)
		return;
	LOG_ERR("clients are cut off whose changes are not on disk: %s", e.reason);
	tell = cst_now_ns() + TELL_NS;
}

static void send_line(struct client *c, char *line, bool wrote)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (line == NULL)
		return;
	hold(c, wrote);
	if (evbuffer_add_reference(out, line, strlen(line), free_line, line) < 0)
		free(line);
	evbuffer_add(out, "\n", 1);
}

/* Hand over what events are due, which they are once what they tell of is on disk. False when the
 * client was cut off. */
static bool feed(struct client *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->sub.on && cst_store_dirty()) {
		release_soon();
		return true;
	}
	if (rpc_sub_pump(&c->sub, out, EVENT_ROOM, conf.max_backlog) == 0 &&
	    backlog(c) <= conf.max_backlog)
		return true;
	LOG_NOTICE("control socket: a client that does not read was cut off");
	client_free(c);
	return false;
}

/* Its change may not even be written: it leaves when the turn is over. */
static void on_event_published(void)
{
	struct client *c;

	TAILQ_FOREACH (c, &clients, link) {
		if (!c->sub.on)
			continue;
		release_soon();
		return;
	}
}

/* ---- requests ------------------------------------------------------------ */

/* How long the client has to wait until it may call again, in microseconds. */
static long rate_wait(struct client *c)
{
	uint64_t now = cst_now_ns();

	c->tokens += (double)(now - c->tokens_at) * 1e-9 * conf.max_rate;
	c->tokens_at = now;
	if (c->tokens > conf.max_rate)
		c->tokens = conf.max_rate;
	if (c->tokens > 0)
		return 0;
	return (long)(-c->tokens / conf.max_rate * 1e6) + 1000;
}

static void turn_later(struct client *c, long us)
{
	struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	event_add(c->again, &tv);
}

/* Length of the first line in the input without its newline; -1: not all of it is here. */
static ssize_t line_length(struct client *c, struct evbuffer *in)
{
	struct evbuffer_ptr from, at;

	if (evbuffer_ptr_set(in, &from, c->scanned, EVBUFFER_PTR_SET) < 0)
		return -1;
	at = evbuffer_search(in, "\n", 1, &from);
	if (at.pos < 0)
		c->scanned = evbuffer_get_length(in);
	return at.pos;
}

/* Libevent reads 4 KiB and comes back through its loop: of a long line all that is here is taken at
 * once. False: there was nothing; an end or an error is left for libevent to find. */
static bool read_on(struct client *c, struct evbuffer *in)
{
	struct evbuffer_iovec piece;
	size_t had = evbuffer_get_length(in);
	ssize_t n = -1;

	if (had == 0 || had > c->max_message)
		return false;
	evbuffer_unfreeze(in, 0); /* a bufferevent's input takes bytes from it alone */
	if (evbuffer_reserve_space(in, READ_PIECE, &piece, 1) == 1) {
		if (piece.iov_len > READ_PIECE)
			piece.iov_len = READ_PIECE;
		n = recv(bufferevent_getfd(c->bev), piece.iov_base, piece.iov_len, MSG_DONTWAIT);
		piece.iov_len = n > 0 ? (size_t)n : 0;
		evbuffer_commit_space(in, &piece, 1);
	}
	evbuffer_freeze(in, 0);
	return n > 0;
}

static void serve_line(struct client *c, struct evbuffer *in, size_t len)
{
	const char *line = (const char *)evbuffer_pullup(in, (ssize_t)len + 1);
	uint64_t before = cst_store_batch();
	unsigned calls = 1;
	char *reply;

	if (line == NULL)
		reply = rpc_error_line(RPC_INTERNAL, ENOMEM, "out of memory");
	else
		reply = rpc_serve(line, len, &c->peer, &calls);
	evbuffer_drain(in, len + 1);
	c->scanned = 0;
	c->tokens -= calls;
	send_line(c, reply, cst_store_batch() != before);
}

static void refuse_long_line(struct client *c)
{
	char reason[128];

	snprintf(reason, sizeof(reason), "a message is at most %zu bytes%s", c->max_message,
		 c->max_message < conf.max_message ? " from a client that may only read" : "");
	send_line(c, rpc_error_line(RPC_REQUEST, EMSGSIZE, reason), false);
	close_when_written(c);
}

/* The client's turn: serve lines until there are none, the turn is over, it has to wait, or it
 * has too much to read first. */
static void serve(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	uint64_t until = cst_now_ns() + TURN_NS;
	ssize_t len;
	long wait;

	while (!c->closing && backlog(c) <= conf.max_backlog / 4) {
		len = line_length(c, in);
		if ((len < 0 && evbuffer_get_length(in) > c->max_message) ||
		    len > (ssize_t)c->max_message) {
			refuse_long_line(c);
			return;
		}
		if (len < 0 && !c->eof && read_on(c, in))
			continue;
		if (len < 0) {
			if (c->eof)
				close_when_written(c); /* an unfinished line is not executed */
			return;
		}
		wait = rate_wait(c);
		if (wait > 0) {
			turn_later(c, wait);
			return;
		}
		serve_line(c, in, (size_t)len);
		if (!feed(c))
			return;
		if (cst_now_ns() > until) {
			turn_later(c, 0);
			return;
		}
	}
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (!event_pending(c->again, EV_TIMEOUT, NULL))
		serve(c);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	serve(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	if (c->closing) {
		if (backlog(c) == 0)
			client_free(c);
		return;
	}
	if (!feed(c))
		return;
	if (!event_pending(c->again, EV_TIMEOUT, NULL))
		serve(c);
}

static void on_condition(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	if (what & BEV_EVENT_EOF) {
		c->eof = true;
		if (!c->closing && !event_pending(c->again, EV_TIMEOUT, NULL))
			serve(c);
		return;
	}
	if (what & BEV_EVENT_TIMEOUT)
		LOG_NOTICE("control socket: a client that does not read was cut off");
	client_free(c);
}

/* ---- connections --------------------------------------------------------- */

static void refuse(evutil_socket_t fd)
{
	char *line = rpc_error_line(EAGAIN, EAGAIN,
				    "too many clients on the control socket: try again later");

	if (line != NULL) {
		if (send(fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
			send(fd, "\n", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		free(line);
	}
	close(fd);
}

static void on_connection(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *addr,
			  int addr_len, void *base)
{
	bool may_write = rpc_peer_may_write(fd, conf.group);
	unsigned kept = may_write ? 0 : conf.max_clients / 4;
	struct client *c;

	if (n_clients + kept >= conf.max_clients) {
		refuse(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (c == NULL) {
		close(fd);
		return;
	}
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->again = evtimer_new(base, on_turn, c);
	if (c->bev == NULL || c->again == NULL) {
		if (c->again != NULL)
			event_free(c->again);
		if (c->bev != NULL)
			bufferevent_free(c->bev);
		else
			close(fd);
		free(c);
		return;
	}
	c->peer.may_write = may_write;
	c->peer.owner = rpc_peer_is_owner(fd);
	c->peer.sub = &c->sub;
	c->peer.caller = &c->caller;
	c->max_message = conf.max_message;
	if (!may_write && c->max_message > READER_MESSAGE)
		c->max_message = READER_MESSAGE;
	c->tokens = conf.max_rate;
	c->tokens_at = cst_now_ns();
	TAILQ_INSERT_TAIL(&clients, c, link);
	n_clients++;
	bufferevent_setcb(c->bev, on_readable, on_written, on_condition, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, c->max_message + 1);
	bufferevent_setwatermark(c->bev, EV_WRITE, EVENT_ROOM / 2, 0);
	bufferevent_set_timeouts(c->bev, NULL, &(struct timeval){.tv_sec = STALL_SECONDS});
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	evconnlistener_enable(listener);
}

/* Out of descriptors or memory: the queue stays readable, so rest a little instead of spinning. */
static void on_accept_error(struct evconnlistener *l, void *arg)
{
	LOG_WARN("control socket: accept: %s", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(l);
	event_add(accept_again, &(struct timeval){.tv_usec = ACCEPT_PAUSE_US});
}

static void set_default(unsigned *value, unsigned def)
{
	if (*value == 0)
		*value = def;
}

int cst_rpc_start(struct event_base *base, const struct cst_rpc_conf *c, struct cst_err *e)
{
	int fd;

	if (listener != NULL)
		return cst_err(e, -EALREADY, NULL, "the control socket is open already");
	conf = *c;
	set_default(&conf.mode, 0666);
	set_default(&conf.max_clients, 64);
	set_default(&conf.max_message, 8 << 20);
	set_default(&conf.max_depth, 32);
	set_default(&conf.max_backlog, 16 << 20);
	set_default(&conf.max_rate, 20000);
	rpc_limits.max_depth = conf.max_depth;
	rpc_limits.max_message = conf.max_message;
	rpc_limits.max_reply = conf.max_backlog / 2;
	memcpy(rpc_group, conf.group, sizeof(rpc_group));
	fd = rpc_socket_open(&conf, e);
	if (fd < 0)
		return fd;
	accept_again = evtimer_new(base, on_accept_again, NULL);
	release = evtimer_new(base, on_release, NULL);
	listener = evconnlistener_new(base, on_connection, base,
				      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (listener == NULL || accept_again == NULL || release == NULL) {
		close(fd);
		cst_rpc_stop();
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	}
	evconnlistener_set_error_cb(listener, on_accept_error);
	rpc_event_hook = on_event_published;
	return 0;
}

void cst_rpc_stop(void)
{
	struct client *c;

	rpc_event_hook = NULL;
	while ((c = TAILQ_FIRST(&clients)) != NULL)
		client_free(c);
	if (listener != NULL) {
		evconnlistener_free(listener);
		rpc_socket_remove(conf.path);
	}
	if (accept_again != NULL)
		event_free(accept_again);
	if (release != NULL)
		event_free(release);
	listener = NULL;
	accept_again = release = NULL;
}
