/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON-RPC 2.0 over a UNIX stream socket, one JSON text per line. Batches are
 * arrays. Everything runs in the control thread's libevent loop.
 *
 * Every class (class.h) has the methods CLASS.put, .modify, .delete (params: one
 * object or an array of them, all-or-nothing), .get (the key; or an array of
 * keys) and .list ({"filter":{..},"limit":N,"cursor":N} -> {"items":[..],"cursor":N},
 * cursor 0 when there is no more). The other methods register with CST_METHOD.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "err.h"
#include "object.h"

struct event_base;

struct cst_method {
	const char *name; /* "drop.list" */
	const char *help;
	bool write;    /* needs the right to change */
	bool unfenced; /* asks itself whether the caller's claim stands (owner.h) */
	const struct cst_object *params; /* NULL: takes none */
	/* `params` is decoded (zeroed struct when absent). Result: new reference. A method that
	 * refuses for several reasons may leave a list of them there: it becomes error.data.errors.
	 */
	int (*call)(const void *params, json_t **result, struct cst_err *e);
	struct cst_method *next;
};

void cst_method_add(struct cst_method *m);
const struct cst_method *cst_method_first(void);
const struct cst_method *cst_method_by_name(const char *name);

#define CST_METHOD(var)                                                           \
	static void __attribute__((constructor, used)) cst_method_reg_##var(void) \
	{                                                                         \
		cst_method_add(&var);                                             \
	}                                                                         \
	struct cst_swallow_semicolon

/* Error codes on the wire: JSON-RPC's own (-32700 parse, -32600 request, -32601 method, -32602
 * params, also for EINVAL, -32603 internal) and, for everything else, the positive errno;
 * error.data is {field, reason, errno: "ENOENT"}, where `field` is absent when the call as a whole
 * is meant. */

#define CST_RPC_LIST_LIMIT     100  /* items of a page when the call does not say */
#define CST_RPC_LIST_LIMIT_MAX 1000 /* more are not given at once */

/* In every field 0 means the default. */
struct cst_rpc_conf {
	char path[108];
	char group[32];       /* may change: root, coastd's own user, this group; others read */
	unsigned mode;        /* of the socket; default 0666: any local user may read */
	unsigned max_clients; /* 64; a quarter of it is kept for those who may change */
	unsigned max_message; /* bytes of one line, 8 MiB; 64 KiB for those who may only read */
	unsigned max_depth;   /* nesting, 32 */
	unsigned max_backlog; /* bytes a slow client leaves unread before it is cut off, 16 MiB */
	unsigned max_rate;    /* calls per second and client, 20000: a faster client waits */
};

/* Listen and serve from `base`'s loop. `conf` is copied. -EADDRINUSE when another coastd answers
 * on the path. SIGPIPE must be ignored. */
int cst_rpc_start(struct event_base *base, const struct cst_rpc_conf *conf, struct cst_err *e);
/* Close every client and remove the socket. */
void cst_rpc_stop(void);

/* The group whose members may change things, "": none. */
const char *cst_rpc_group(void);

/* Serve one line as a client with these rights would send it; the reply line (malloc'd, no \n) or
 * NULL for notifications and blank lines. The socket and the fuzz target both come through here. */
char *cst_rpc_serve(const char *line, size_t len, bool may_write);

/* ---- events -------------------------------------------------------------- */

struct cst_event_type {
	const char *name; /* "port.link" */
	const char *help;
	const struct cst_object *data; /* NULL: no data */
	struct cst_event_type *next;
};
void cst_event_type_add(struct cst_event_type *t);
const struct cst_event_type *cst_event_type_first(void);
#define CST_EVENT(var)                                                           \
	static void __attribute__((constructor, used)) cst_event_reg_##var(void) \
	{                                                                        \
		cst_event_type_add(&var);                                        \
	}                                                                        \
	struct cst_swallow_semicolon

#define CST_EVENT_RING  65536              /* events kept for resume, */
#define CST_EVENT_BYTES (32 * 1024 * 1024) /* and at most so many bytes of them */

/* Publish; steals `data`. Subscribers get {"jsonrpc":"2.0","method":"event","params":
 * {"seq":N,"type":..,"time":..,"data":..}}; the last ones are kept for resume. Numbers rise by one
 * per event and start from the clock, so that they also rise from one life of coastd to the next.
 * Control thread. */
void cst_event_publish(const struct cst_event_type *t, json_t *data);

/* The same in two steps, for who keeps an event before it can be seen. The text is that of
 * `params`, with the number that comes next; malloc'd, NULL: out of memory. Nothing may be
 * published in between. */
char *cst_event_text(const struct cst_event_type *t, json_t *data);
void cst_event_send(const struct cst_event_type *t,
		    const char *text); /* NULL: the number is spent */
uint64_t cst_event_next(void);
/* No number up to this one is given again, whatever the clock says. At the start. */
void cst_event_begin_after(uint64_t number);
