/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules in the NIC (rte_flow): which queue a packet comes to, a mark on it, or
 * that it is dropped there. All of it is a help that may be missing: a rule that
 * the NIC does not take says so and its packets are treated in software.
 *
 * What is wanted is kept here by port and key; the tick brings the NIC up to it,
 * some rules at a time. A rule that no longer drops leaves the NIC at once.
 * Control thread only.
 *
 * One rule must not depend on another one: no two of them match the same packet
 * but for kinds that a port has beside each other.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

/* What a rule matches. A further one is a further row in flow_shape.c. */
enum cst_flow_kind {
	CST_FLOW_TEID4,     /* GTP-U over IPv4: own address, TEID */
	CST_FLOW_TEID6,     /* GTP-U over IPv6 */
	CST_FLOW_TEID4_PSC, /* the same with a PDU Session Container: NICs that tell the two apart
			     */
	CST_FLOW_TEID6_PSC,
	CST_FLOW_INNER44, /* GTP-U over IPv4: own address, source address of the IPv4 packet inside
			   */
	CST_FLOW_INNER46, /* IPv6 inside */
	CST_FLOW_INNER64,
	CST_FLOW_INNER66,
	CST_FLOW_DST4, /* destination address */
	CST_FLOW_DST6,
	CST_FLOW_KINDS
};

/* What becomes of its packets. */
enum cst_flow_act {
	CST_FLOW_QUEUE,      /* they come to a queue */
	CST_FLOW_QUEUE_MARK, /* and bear a mark (mbuf->hash.fdir.hi) */
	CST_FLOW_DROP,
	CST_FLOW_DROP_COUNT, /* dropped and counted */
	CST_FLOW_ACTS
};

/* Compared as bytes: zero what a kind does not use. */
struct cst_flow_key {
	uint16_t port;
	uint16_t vlan; /* 0: untagged */
	uint8_t kind;  /* enum cst_flow_kind */
	uint8_t len;   /* prefix length of `ue` */
	uint16_t pad;
	uint32_t teid;     /* host order */
	struct cst_ip own; /* with a TEID: destination of the outer packet */
	struct cst_ip ue;
};
_Static_assert(sizeof(struct cst_flow_key) == 52, "no padding");

struct cst_flow_wish {
	uint64_t session; /* for whom: only it can take the wish back */
	uint32_t mark;    /* 0: none; else where the port can */
	uint16_t worker;  /* whose queue */
	bool drop;
};

/* From here on the packets of `key` are to be treated so. A wish for the same key replaces the one
 * before it, whoever's that was. `stamp` is for the two calls below. Without memory the rule is
 * not there, which is as good as one that the NIC refuses. */
void cst_flow_want(const struct cst_flow_key *key, const struct cst_flow_wish *wish,
		   uint32_t stamp);
/* Take it back, unless it is another session's by now, or was wanted anew with this stamp. */
void cst_flow_unwant(const struct cst_flow_key *key, uint64_t session, uint32_t stamp);
/* No rule drops until it is wanted anew: what is on the ports has changed. */
void cst_flow_drop_none(void);
/* Take back what was not wanted with this stamp or a later one, among `n` slots from *cursor.
 * True: that was all. */
bool cst_flow_sweep(uint32_t *cursor, uint32_t n, uint32_t stamp);

/* May this be wanted on the port? Asks the driver once for each kind. */
bool cst_flow_can(uint16_t port, enum cst_flow_kind kind, bool tagged, enum cst_flow_act act);
/* Rises whenever a port's answers to the above may have changed. */
uint32_t cst_flow_generation(void);

/* ---- what there is, for people ---------------------------------------------------- */

enum cst_flow_state { CST_FLOW_PENDING, CST_FLOW_OFFLOADED, CST_FLOW_SOFTWARE };

struct cst_flow_info {
	struct cst_flow_key key;
	struct cst_flow_wish wish;
	enum cst_flow_state state;
	enum cst_flow_act act; /* as installed, else as intended */
	uint16_t queue;        /* CST_NO_QUEUE: none */
	const char *why;       /* not offloaded: the reason; until the next change */
	bool counted;          /* packets is valid */
	uint64_t packets;      /* dropped in the NIC */
};

uint32_t cst_flow_slots(void);                               /* beyond the last one in use */
bool cst_flow_get(uint32_t slot, struct cst_flow_info *out); /* false: empty */

struct cst_flow_port_info {
	bool on;            /* it is a NIC, up, and `offload` is not off */
	const char *steers; /* why it cannot spread sessions over queues; NULL: it may */
	uint32_t offloaded, software, pending;
};

void cst_flow_port_info(uint16_t port, struct cst_flow_port_info *out);
const char *cst_flow_kind_name(enum cst_flow_kind kind);
const char *cst_flow_act_name(enum cst_flow_act act);
/* Why the port does not take such rules; "": it does. NULL: nobody has asked yet. */
const char *cst_flow_refusal(uint16_t port, enum cst_flow_kind kind, bool tagged,
			     enum cst_flow_act act);

/* ---- for port.c ---------------------------------------------------------------------- */

/* The device has started and is polled: see what it can do. */
void cst_flow_port_up(uint16_t port, const char *name, uint16_t ethdev, uint16_t queues);
/* It is about to stop: no rule stays in it, and none is wanted on it any more. */
void cst_flow_port_down(uint16_t port);
