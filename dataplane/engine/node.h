/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node contract. A node sees a burst, fills edge[] for it and returns how
 * many packets do NOT leave by edge 0: 0 means that the whole burst moves on at
 * once, which is the fast case. edge[] comes zeroed, so only what leaves
 * otherwise need be written. It never frees, never logs, never blocks.
 *
 *   static const char *const edges[] = {"route", "icmp_error", NULL};
 *   static uint16_t ul(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
 *   CST_NODE(ul_node, .name = "upf_ul", .process = ul, .edges = edges);
 *
 * A child attaches itself; a parent never names it:
 *   CST_ATTACH("classify", "upf_ul", &upf_ul_edge);
 * Edge numbers given by CST_ATTACH are valid from module start on.
 *
 * A node without edges is a sink: its edge[] comes filled with CST_EDGE_TAKEN,
 * so that it keeps every packet but those it marks CST_EDGE_DROP.
 *
 * The one source is the node "rx": called once per walk with n = 0, it sends
 * on what it finds by cst_emit().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/pkt.h"

struct cst_worker;

#define CST_EDGE_DROP  0xff /* to `drop`; cst_pkt()->drop says why */
#define CST_EDGE_TAKEN 0xfe /* the node kept or passed on the packet by other means */
#define CST_MAX_BURST  256  /* n never exceeds this */

typedef uint16_t (*cst_process_t)(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				  uint8_t *edge);

struct cst_node {
	const char *name;
	const char *help; /* one line, for the graph picture and `coastctl node show` */
	cst_process_t process;
	const char *const *edges; /* names of next nodes, NULL-terminated; NULL: none of its own */
	bool frames; /* its packets begin with their L2 header, not with IP; for traces */
	struct cst_node *next;
	uint32_t id; /* set by the engine */
};

struct cst_attach {
	const char *parent, *child;
	uint8_t *edge; /* out */
	struct cst_attach *next;
};

void cst_node_add(struct cst_node *node);
const struct cst_node *cst_node_first(void); /* all registered, by name */
void cst_attach_add(struct cst_attach *a);

#define CST_NODE(var, ...)                                                      \
	static struct cst_node var = {__VA_ARGS__};                             \
	static void __attribute__((constructor, used)) cst_node_reg_##var(void) \
	{                                                                       \
		cst_node_add(&var);                                             \
	}                                                                       \
	struct cst_swallow_semicolon

#define CST_ATTACH(var, parent_, child_, edge_)                                             \
	static struct cst_attach var = {.parent = parent_, .child = child_, .edge = edge_}; \
	static void __attribute__((constructor, used)) cst_attach_reg_##var(void)           \
	{                                                                                   \
		cst_attach_add(&var);                                                       \
	}                                                                                   \
	struct cst_swallow_semicolon

/* ---- drop reasons ------------------------------------------------------- */

/* Every packet that does not leave by a port leaves by one of these. */
struct cst_drop {
	const char *name; /* "upf.no_session": slice.reason */
	const char *help; /* what it means and what the operator can do */
	struct cst_drop *next;
	uint16_t id; /* 1.., set at registration; 0 is never used */
};

#define CST_MAX_DROPS 256

void cst_drop_add(struct cst_drop *d);
const struct cst_drop *cst_drop_first(void);

#define CST_DROP(var, name_, help_)                                             \
	static struct cst_drop var = {.name = name_, .help = help_};            \
	static void __attribute__((constructor, used)) cst_drop_reg_##var(void) \
	{                                                                       \
		cst_drop_add(&var);                                             \
	}                                                                       \
	struct cst_swallow_semicolon

/* Say why, and return the edge: `edge[i] = cst_drop(m, &no_session);` */
static inline uint8_t cst_drop(struct rte_mbuf *m, const struct cst_drop *why)
{
	cst_pkt(m)->drop = why->id;
	return CST_EDGE_DROP;
}

/* Drop packets here and now, outside edge[]: count and free. */
void cst_drop_burst(struct cst_worker *w, const struct cst_drop *why, struct rte_mbuf **pkts,
		    uint16_t n);

/* Send packets to an edge of the running node now, beside what edge[] says: for nodes that make
 * or multiply packets, and for sources. Only from within process(). */
void cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n);
