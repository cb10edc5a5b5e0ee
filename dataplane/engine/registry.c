/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nodes and attachments as constructors leave them, resolved into a graph whose
 * numbers depend on names alone, never on the order of linking. Also its picture.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "log.h"

static struct cst_node *nodes;
static struct cst_attach *attaches;
static struct cst_vertex vertices[CST_MAX_NODES];
static unsigned n_vertices;

/* Both lists are kept in name order. */
void cst_node_add(struct cst_node *node)
{
	struct cst_node **at = &nodes;

	while (*at != NULL && strcmp((*at)->name, node->name) <= 0)
		at = &(*at)->next;
	node->next = *at;
	*at = node;
}

const struct cst_node *cst_node_first(void)
{
	return nodes;
}

static int attach_cmp(const struct cst_attach *a, const struct cst_attach *b)
{
	int c = strcmp(a->parent, b->parent);

	return c != 0 ? c : strcmp(a->child, b->child);
}

void cst_attach_add(struct cst_attach *a)
{
	struct cst_attach **at = &attaches;

	while (*at != NULL && attach_cmp(*at, a) <= 0)
		at = &(*at)->next;
	a->next = *at;
	*at = a;
}

static struct cst_vertex *find(const char *name)
{
	for (unsigned i = 0; i < n_vertices; i++)
		if (strcmp(vertices[i].node->name, name) == 0)
			return &vertices[i];
	return NULL;
}

static int add_vertices(struct cst_err *e)
{
	n_vertices = 0;
	for (struct cst_node *n = nodes; n != NULL; n = n->next) {
		if (n_vertices == CST_MAX_NODES)
			return cst_err(e, -ENOSPC, NULL, "more than %d nodes", CST_MAX_NODES);
		if (n->process == NULL)
			return cst_err(e, -EINVAL, NULL, "node '%s' has no process function",
				       n->name);
		if (find(n->name) != NULL)
			return cst_err(e, -EEXIST, NULL, "two nodes are named '%s'", n->name);
		n->id = n_vertices;
		vertices[n_vertices++] = (struct cst_vertex){.node = n};
	}
	return 0;
}

/* The edge from -> to, made when there is none yet; its number or a negative errno. */
static int connect(struct cst_vertex *from, struct cst_vertex *to, struct cst_err *e)
{
	const char *a = from->node->name, *b = to->node->name;

	if (from == to)
		return cst_err(e, -ELOOP, NULL, "node '%s' leads to itself", a);
	if (strcmp(b, CST_SOURCE) == 0 || strcmp(a, CST_SINK) == 0)
		return cst_err(e, -EINVAL, NULL, "no edge may lead from '%s' to '%s'", a, b);
	for (int i = 0; i < from->n_edges; i++)
		if (from->to[i] == to)
			return i;
	if (from->n_edges == CST_MAX_EDGES)
		return cst_err(e, -ENOSPC, NULL, "node '%s' has more than %d edges", a,
			       CST_MAX_EDGES);
	from->to[from->n_edges] = to;
	return from->n_edges++;
}

static int add_own_edges(struct cst_vertex *v, struct cst_err *e)
{
	for (unsigned i = 0; v->node->edges != NULL && v->node->edges[i] != NULL; i++) {
		struct cst_vertex *to = find(v->node->edges[i]);
		int edge;

		if (to == NULL)
			return cst_err(e, -ENOENT, NULL,
				       "node '%s' leads to '%s', which does not exist",
				       v->node->name, v->node->edges[i]);
		edge = connect(v, to, e);
		if (edge < 0)
			return edge;
		if ((unsigned)edge != i)
			return cst_err(e, -EEXIST, NULL, "node '%s' names '%s' twice",
				       v->node->name, v->node->edges[i]);
	}
	v->n_own = v->n_edges;
	return 0;
}

static int add_attached(const struct cst_attach *a, struct cst_err *e)
{
	struct cst_vertex *parent = find(a->parent), *child = find(a->child);
	int edge;

	if (parent == NULL || child == NULL)
		return cst_err(e, -ENOENT, NULL,
			       "node '%s' attaches itself to '%s': '%s' does not exist", a->child,
			       a->parent, parent == NULL ? a->parent : a->child);
	edge = connect(parent, child, e);
	if (edge < 0)
		return edge;
	*a->edge = (uint8_t)edge;
	return 0;
}

static void reach(struct cst_vertex *v)
{
	if (v->reached)
		return;
	v->reached = true;
	for (unsigned i = 0; i < v->n_edges; i++)
		reach(v->to[i]);
}

static int check_reached(struct cst_err *e)
{
	struct cst_vertex *source = find(CST_SOURCE), *sink = find(CST_SINK);

	if (source == NULL || sink == NULL)
		return cst_err(e, -ENOENT, NULL, "there is no node '%s'",
			       source == NULL ? CST_SOURCE : CST_SINK);
	reach(source);
	sink->reached = true; /* by the edge that every node has */
	for (unsigned i = 0; i < n_vertices; i++)
		if (!vertices[i].reached)
			return cst_err(e, -EINVAL, NULL, "no path leads from '%s' to node '%s'",
				       CST_SOURCE, vertices[i].node->name);
	return 0;
}

int cst_registry_resolve(struct cst_err *e)
{
	int ret = add_vertices(e);

	for (unsigned i = 0; ret == 0 && i < n_vertices; i++)
		ret = add_own_edges(&vertices[i], e);
	for (const struct cst_attach *a = attaches; ret == 0 && a != NULL; a = a->next)
		ret = add_attached(a, e);
	return ret == 0 ? check_reached(e) : ret;
}

const struct cst_vertex *cst_registry_vertices(unsigned *n)
{
	*n = n_vertices;
	return vertices;
}

static void put_quoted(FILE *out, const char *s)
{
	putc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', out);
		putc(*s, out);
	}
	putc('"', out);
}

static void put_vertex(FILE *out, const struct cst_vertex *v)
{
	putc('\t', out);
	put_quoted(out, v->node->name);
	if (v->node->help != NULL) {
		fputs(" [tooltip=", out);
		put_quoted(out, v->node->help);
		putc(']', out);
	}
	fputs(";\n", out);
}

void cst_engine_graph(FILE *out)
{
	struct cst_err e = {0};

	if (cst_registry_resolve(&e) < 0) {
		LOG_ERR("node graph: %s", e.reason);
		return;
	}
	fputs("// Solid: the node names its next node. Dashed: the child attached itself.\n"
	      "// Every node also leads to \"drop\", by a named reason.\n"
	      "digraph coast {\n"
	      "\trankdir=LR;\n"
	      "\tnode [shape=box, fontname=\"sans-serif\", fontsize=11];\n",
	      out);
	for (unsigned i = 0; i < n_vertices; i++)
		put_vertex(out, &vertices[i]);
	for (unsigned i = 0; i < n_vertices; i++) {
		for (unsigned k = 0; k < vertices[i].n_edges; k++) {
			putc('\t', out);
			put_quoted(out, vertices[i].node->name);
			fputs(" -> ", out);
			put_quoted(out, vertices[i].to[k]->node->name);
			fputs(k < vertices[i].n_own ? ";\n" : " [style=dashed];\n", out);
		}
	}
	fputs("}\n", out);
}
