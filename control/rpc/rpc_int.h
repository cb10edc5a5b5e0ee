/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of control/rpc share among themselves. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "rpc/rpc.h"

struct cst_caller;
struct evbuffer;

/* ---- dispatch.c ---------------------------------------------------------- */

struct rpc_limits {
	unsigned max_depth;
	size_t max_message; /* bytes of a line; bounds the values in it too */
	size_t max_reply;   /* bytes of a batch's replies */
};
extern struct rpc_limits rpc_limits;
extern char rpc_group[32]; /* who may change, for the error text */

struct rpc_sub;
struct rpc_peer {
	bool may_write;
	bool owner;                /* root or coastd's own user: may read what coastd may */
	struct rpc_sub *sub;       /* where its events go; NULL: no connection */
	struct cst_caller *caller; /* in whose name it calls (owner.h); NULL: no connection */
};

/* `calls` (may be NULL) gets the count of requests in the line, at least 1. */
char *rpc_serve(const char *line, size_t len, const struct rpc_peer *peer, unsigned *calls);
/* The peer whose method runs; NULL outside. */
const struct rpc_peer *rpc_current(void);

/* ---- scan.c -------------------------------------------------------------- */

/* Look at the text before the parser builds anything from it: nesting and the count of values are
 * bounded. NULL when fine, else the reason. */
const char *rpc_scan(const char *text, size_t len, const struct rpc_limits *lim);

/* ---- error.c ------------------------------------------------------------- */

enum {
	RPC_PARSE = -32700,
	RPC_REQUEST = -32600,
	RPC_METHOD = -32601,
	RPC_PARAMS = -32602,
	RPC_INTERNAL = -32603,
};

/* The error member of a reply; `code` is one of the above or 0: from e->code. New reference. */
json_t *rpc_error(int code, const struct cst_err *e);
/* A string from bytes that may not be whole UTF-8. New reference. */
json_t *rpc_text(const char *s);
/* {"jsonrpc":"2.0","id":null,"error":...} as a malloc'd line. */
char *rpc_error_line(int code, int err, const char *reason);

/* ---- event.c ------------------------------------------------------------- */

#define RPC_SUB_TYPES 32

struct rpc_sub { /* one connection's subscription */
	bool on;
	unsigned n_types; /* 0: all */
	const struct cst_event_type *types[RPC_SUB_TYPES];
	uint64_t next;       /* sequence number to deliver next */
	uint64_t from_bytes; /* the ring's byte count when it subscribed */
};

/* Append what is due while `out` holds less than `room` bytes. -ENOBUFS: the client is too slow,
 * it left more than max_backlog unread or the ring has moved past its place. */
int rpc_sub_pump(struct rpc_sub *s, struct evbuffer *out, size_t room, size_t max_backlog);
/* Called after each publication; NULL: nobody. */
extern void (*rpc_event_hook)(void);
void rpc_event_reset(void); /* forget all events; for tests and the fuzz target */

/* ---- socket.c ------------------------------------------------------------ */

/* A bound, listening, non-blocking socket or a negative errno. */
int rpc_socket_open(const struct cst_rpc_conf *conf, struct cst_err *e);
/* Remove the socket file if it is still the one that rpc_socket_open made. */
void rpc_socket_remove(const char *path);
/* May the process at the other end change things? */
bool rpc_peer_may_write(int fd, const char *group);
/* Is it root's or coastd's own user's? */
bool rpc_peer_is_owner(int fd);
