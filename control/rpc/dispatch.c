/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON-RPC 2.0 (jsonrpc.org/specification): one line in, at most one line out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "owner.h"
#include "rpc_int.h"
#include "tree.h"

#define BYTES_PER_NODE 16        /* a text with fewer nodes than this is within every bound */
#define KEPT_TEXT      (2 << 20) /* bytes of a request whose memory is kept for the next */

struct rpc_limits rpc_limits = {
	.max_depth = 32,
	.max_message = 8 << 20,
	.max_reply = 8 << 20,
};
char rpc_group[32];

const char *cst_rpc_group(void)
{
	return rpc_group;
}

static const struct rpc_peer *current;

const struct rpc_peer *rpc_current(void)
{
	return current;
}

struct cst_caller *cst_caller_get(void)
{
	return current != NULL ? current->caller : NULL;
}

static struct cst_pool *call_pool(void)
{
	static struct cst_pool *pool;

	if (pool == NULL)
		pool = cst_pool_new();
	else
		cst_pool_reset(pool);
	return pool;
}

/* ---- class methods ------------------------------------------------------- */

/* The result is appended as text: of many objects it is large. */
static int op_change(const struct cst_class *c, enum cst_op op, const struct cst_node *params,
		     struct cst_text *out, struct cst_err *e)
{
	bool list = params != NULL && params->type == CST_N_ARRAY;
	int ret = 0;

	if (params == NULL || params->type < CST_N_ARRAY)
		return cst_err(e, -EINVAL, NULL, "must be an object or an array of objects");
	if (list)
		cst_text_str(out, "[");
	if (!list || params->n > 0)
		ret = cst_txn_run_node(c, op, params, out, e);
	if (list)
		cst_text_str(out, "]");
	return ret;
}

static int get_one(const struct cst_class *c, const struct cst_node *key, json_t **out,
		   struct cst_err *e)
{
	struct cst_pool *pool = call_pool();
	void *obj;
	int ret;

	obj = pool != NULL ? cst_pool_alloc(pool, c->object->size) : NULL;
	if (obj == NULL)
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	ret = cst_decode_key_node(c->object, key, pool, obj, e);
	return ret < 0 ? ret : c->get(obj, out, e);
}

static int op_get(const struct cst_class *c, const struct cst_node *params, json_t **result,
		  struct cst_err *e)
{
	static const struct cst_node none = {.type = CST_N_NULL};
	const struct cst_node *key;
	json_t *list, *out;
	int ret;

	if (params == NULL || params->type != CST_N_ARRAY)
		return get_one(c, params != NULL ? params : &none, result, e);
	list = json_array();
	key = params + 1;
	for (uint32_t i = 0; i < params->n; i++, key = cst_node_next(key)) {
		out = NULL;
		ret = get_one(c, key, &out, e);
		if (ret < 0) {
			cst_err_prefix(e, "[%u]", i);
			json_decref(list);
			return ret;
		}
		json_array_append_new(list, out);
	}
	*result = list;
	return 0;
}

static int uint_param(const json_t *params, const char *name, uint64_t max, uint64_t *out,
		      struct cst_err *e)
{
	const json_t *v = json_object_get(params, name);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return cst_err(e, -EINVAL, name, "must be a number from 0 to %llu",
			       (unsigned long long)max);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int op_list(const struct cst_class *c, const json_t *params, json_t **result,
		   struct cst_err *e)
{
	uint64_t limit = CST_RPC_LIST_LIMIT, cursor = 0;
	const struct cst_object *by = c->filter_object != NULL ? c->filter_object : c->object;
	struct cst_page page = {0};
	const char *name;
	json_t *value;
	int ret;

	if (params != NULL && !json_is_object(params))
		return cst_err(e, -EINVAL, NULL, "must be an object");
	json_object_foreach ((json_t *)params, name, value)
		if (strcmp(name, "filter") != 0 && strcmp(name, "limit") != 0 &&
		    strcmp(name, "cursor") != 0)
			return cst_err(e, -EINVAL, name,
				       "unknown; known are filter, limit, cursor");
	ret = uint_param(params, "limit", UINT32_MAX, &limit, e);
	if (ret == 0)
		ret = uint_param(params, "cursor", INT64_MAX, &cursor, e);
	if (ret < 0)
		return ret;
	page.filter = json_object_get(params, "filter");
	if (page.filter != NULL && !json_is_object(page.filter))
		return cst_err(e, -EINVAL, "filter", "must be an object of members to match");
	json_object_foreach ((json_t *)page.filter, name, value)
		if (cst_field_index(by, name) < 0) {
			ret = cst_err(e, -EINVAL, name, "the %s has no such field", by->name);
			cst_err_prefix(e, "filter");
			return ret;
		}
	if (limit == 0 || limit > CST_RPC_LIST_LIMIT_MAX)
		limit = CST_RPC_LIST_LIMIT_MAX;
	page.limit = (uint32_t)limit;
	page.cursor = cursor;
	page.items = json_array();
	ret = c->list(&page, e);
	if (ret < 0) {
		json_decref(page.items);
		return ret;
	}
	*result = json_pack("{s:o, s:I}", "items", page.items, "cursor", (json_int_t)page.cursor);
	return 0;
}

/* ---- one call ------------------------------------------------------------ */

enum verb { V_NONE, V_PUT, V_MODIFY, V_DELETE, V_GET, V_LIST };

static enum verb class_verb(const char *name, const struct cst_class **out)
{
	const char *dot = strrchr(name, '.');
	const struct cst_class *c;
	char object[64];

	if (dot == NULL || (size_t)(dot - name) >= sizeof(object))
		return V_NONE;
	memcpy(object, name, (size_t)(dot - name));
	object[dot - name] = '\0';
	c = cst_class_by_name(object);
	if (c == NULL)
		return V_NONE;
	*out = c;
	if (strcmp(dot, ".put") == 0 && c->put != NULL)
		return V_PUT;
	if (strcmp(dot, ".modify") == 0 && c->modify != NULL)
		return V_MODIFY;
	if (strcmp(dot, ".delete") == 0 && c->del != NULL)
		return V_DELETE;
	if (strcmp(dot, ".get") == 0 && c->get != NULL)
		return V_GET;
	if (strcmp(dot, ".list") == 0 && c->list != NULL)
		return V_LIST;
	return V_NONE;
}

static int denied(struct cst_err *e)
{
	if (rpc_group[0] == '\0')
		return cst_err(e, -EACCES, NULL,
			       "may only read: changes need root or coastd's user");
	return cst_err(e, -EACCES, NULL,
		       "may only read: changes need root, coastd's user or a member of group %s",
		       rpc_group);
}

/* A connection that calls lives; one whose claim was overtaken changes nothing. */
static int claim_stands(const struct cst_caller *c, const char *method, bool writes,
			struct cst_err *e)
{
	if (c == NULL || c->owner == 0)
		return 0;
	if (cst_caller_seen != NULL)
		cst_caller_seen(c);
	return writes && cst_caller_gate != NULL ? cst_caller_gate(c, method, e) : 0;
}

/* By position: the i-th value is the i-th field. New reference or NULL. */
static json_t *by_name(const struct cst_object *o, const json_t *params, struct cst_err *e)
{
	json_t *out, *value;
	size_t i;

	if (json_array_size(params) > o->n_fields) {
		cst_err(e, -EINVAL, NULL, "takes at most %u values", o->n_fields);
		return NULL;
	}
	out = json_object();
	json_array_foreach (params, i, value)
		json_object_set(out, o->fields[i].name, value);
	return out;
}

static int call_method(const struct cst_method *m, const json_t *params, json_t **result,
		       struct cst_err *e)
{
	struct cst_pool *pool = call_pool();
	void *args = NULL;
	json_t *named;
	int ret;

	if (m->params == NULL) {
		if (json_object_size(params) > 0 || json_array_size(params) > 0)
			return cst_err(e, -EINVAL, NULL, "takes no parameters");
		return m->call(NULL, result, e);
	}
	args = pool != NULL ? cst_pool_alloc(pool, m->params->size) : NULL;
	if (args == NULL)
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	if (json_is_array(params))
		named = by_name(m->params, params, e);
	else
		named = params != NULL ? json_incref((json_t *)params) : json_object();
	if (named == NULL)
		return -EINVAL;
	ret = cst_decode(m->params, named, false, pool, args, e);
	json_decref(named);
	return ret < 0 ? ret : m->call(args, result, e);
}

/* 0 or the code of the error. The result is *result or, that being NULL, appended to `out`; an
 * error fills *e, and what is in the other two is no result. */
static int call(const char *name, const struct cst_node *params, const struct rpc_peer *peer,
		json_t **result, struct cst_text *out, struct cst_err *e)
{
	const struct cst_method *m = cst_method_by_name(name);
	const struct cst_class *c = NULL;
	enum verb verb = m == NULL ? class_verb(name, &c) : V_NONE;
	bool writes = m != NULL ? m->write : verb <= V_DELETE;
	json_t *js = NULL;
	int ret;

	if (m == NULL && verb == V_NONE) {
		cst_err(e, 0, NULL, "there is no method %.64s; rpc.describe lists them", name);
		return RPC_METHOD;
	}
	if (writes && !peer->may_write) {
		denied(e);
		return EACCES;
	}
	ret = m != NULL && m->unfenced ? 0 : claim_stands(peer->caller, name, writes, e);
	if (ret < 0)
		return -ret;
	if ((m != NULL || verb == V_LIST) && params != NULL)
		js = cst_node_json(params);
	if (m != NULL)
		ret = call_method(m, js, result, e);
	else if (verb == V_LIST)
		ret = op_list(c, js, result, e);
	else if (verb == V_GET)
		ret = op_get(c, params, result, e);
	else
		ret = op_change(c,
				verb == V_PUT      ? CST_OP_PUT
				: verb == V_MODIFY ? CST_OP_MODIFY
						   : CST_OP_DELETE,
				params, out, e);
	json_decref(js);
	if (ret >= 0) {
		if (*result == NULL && (m != NULL || verb > V_DELETE))
			*result = json_object();
		return 0;
	}
	e->code = ret;
	if (e->reason[0] == '\0')
		snprintf(e->reason, sizeof(e->reason), "%s", strerror(-ret));
	return ret == -EINVAL ? RPC_PARAMS : -ret;
}

/* ---- requests and batches ------------------------------------------------ */

static bool names_request(const struct cst_node *id)
{
	return id->type == CST_N_STRING || id->type == CST_N_INT || id->type == CST_N_REAL;
}

/* What is wrong with the request's frame; NULL: nothing. */
static const char *frame_error(const struct cst_node *req)
{
	const struct cst_node *id = cst_node_member(req, "id");
	const struct cst_node *version = cst_node_member(req, "jsonrpc");
	const struct cst_node *method = cst_node_member(req, "method");
	const struct cst_node *params = cst_node_member(req, "params");

	if (req->type != CST_N_OBJECT)
		return "a request is an object";
	if (id != NULL && id->type != CST_N_NULL && !names_request(id))
		return "id must be a string, a number or null";
	if (version == NULL || version->type != CST_N_STRING || strcmp(version->s, "2.0") != 0)
		return "jsonrpc must be \"2.0\"";
	if (method == NULL || method->type != CST_N_STRING)
		return "method must be a string";
	if (params != NULL && params->type < CST_N_ARRAY)
		return "params must be an object or an array";
	return NULL;
}

/* What a method leaves as its result when it refuses is the list of all that is wrong. */
static json_t *error_of(int code, const struct cst_err *e, json_t *errors)
{
	json_t *js = rpc_error(code, e);

	if (errors != NULL)
		json_object_set_new(json_object_get(js, "data"), "errors", errors);
	return js;
}

static void cut(struct cst_text *out, size_t n)
{
	if (out->n > n)
		out->s[n] = '\0';
	out->n = n;
}

/* Append the reply, nothing to a notification. */
static void serve_request(const struct cst_node *req, const struct rpc_peer *peer, bool room,
			  struct cst_text *out)
{
	const char *wrong = frame_error(req);
	const struct cst_node *id = cst_node_member(req, "id");
	bool silent = wrong == NULL && id == NULL;
	size_t start = out->n, head;
	json_t *js = NULL;
	struct cst_err e = {0};
	int code;

	cst_text_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
	if (id != NULL && names_request(id)) {
		js = cst_node_json(id);
		cst_text_json(out, js);
		json_decref(js);
		js = NULL;
	} else {
		cst_text_str(out, "null");
	}
	head = out->n;
	cst_text_str(out, ",\"result\":");
	if (wrong != NULL) {
		cst_err(&e, 0, NULL, "%s", wrong);
		code = RPC_REQUEST;
	} else if (!room && id != NULL) {
		cst_err(&e, -E2BIG, NULL,
			"not executed: the replies of this batch are too large; use smaller ones");
		code = E2BIG;
	} else {
		current = peer;
		code = call(cst_node_member(req, "method")->s, cst_node_member(req, "params"), peer,
			    &js, out, &e);
		current = NULL;
	}
	if (code != 0 && !silent) {
		cut(out, head);
		cst_text_str(out, ",\"error\":");
		js = error_of(code, &e, js);
	}
	if (js != NULL && !silent)
		cst_text_json(out, js);
	json_decref(js);
	cst_text_str(out, "}");
	if (silent)
		cut(out, start);
}

static void serve_batch(const struct cst_node *batch, const struct rpc_peer *peer,
			struct cst_text *out)
{
	const struct cst_node *req = batch + 1;

	for (uint32_t i = 0; i < batch->n; i++, req = cst_node_next(req)) {
		size_t before = out->n;

		cst_text_str(out, before == 0 ? "[" : ",");
		serve_request(req, peer, before < rpc_limits.max_reply, out);
		if (out->n == before + 1)
			cut(out, before);
	}
	if (out->n > 0)
		cst_text_str(out, "]");
}

/* The line that has been written; NULL: there is nothing to reply. */
static char *written(struct cst_text *out)
{
	if (!out->failed && out->n > 0)
		return out->s;
	free(out->s);
	return out->failed ? rpc_error_line(RPC_INTERNAL, ENOMEM, "out of memory") : NULL;
}

static bool blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n')
			return false;
	return true;
}

/* What is not plain: jansson knows it, or why it is wrong. *js keeps the strings of the tree. */
static const char *read_other(struct cst_tree *tree, const char *line, size_t len, json_t **js)
{
	static char reason[JSON_ERROR_TEXT_LENGTH + 32];
	const char *wrong = rpc_scan(line, len, &rpc_limits);
	json_error_t je;

	if (wrong != NULL)
		return wrong;
	*js = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (*js == NULL) {
		snprintf(reason, sizeof(reason), "%s, at byte %d", je.text, je.position);
		return reason;
	}
	return cst_tree_take(tree, *js) < 0 ? "out of memory" : NULL;
}

/* What a line reads as; NULL or what is wrong with it. */
static const char *read_line(struct cst_tree *tree, const char *line, size_t len, json_t **js)
{
	*js = NULL;
	/* with more values rpc_scan() decides whether they are too many */
	if (cst_tree_parse(tree, line, len, rpc_limits.max_depth) == 0 &&
	    tree->n_nodes <= rpc_limits.max_message / BYTES_PER_NODE)
		return NULL;
	return read_other(tree, line, len, js);
}

char *rpc_serve(const char *line, size_t len, const struct rpc_peer *peer, unsigned *calls)
{
	static struct cst_tree tree;
	struct cst_text out = {0};
	const char *wrong;
	char *reply;
	json_t *js;

	if (calls != NULL)
		*calls = 1;
	if (blank(line, len))
		return NULL;
	wrong = read_line(&tree, line, len, &js);
	if (wrong != NULL) {
		reply = rpc_error_line(RPC_PARSE, 0, wrong);
	} else if (tree.nodes->type != CST_N_ARRAY) {
		serve_request(tree.nodes, peer, true, &out);
		reply = written(&out);
	} else if (tree.nodes->n == 0) {
		reply = rpc_error_line(RPC_REQUEST, 0, "an empty batch");
	} else {
		if (calls != NULL)
			*calls = tree.nodes->n;
		serve_batch(tree.nodes, peer, &out);
		reply = written(&out);
	}
	json_decref(js);
	cst_tree_trim(&tree, KEPT_TEXT);
	return reply;
}

char *cst_rpc_serve(const char *line, size_t len, bool may_write)
{
	const struct rpc_peer peer = {.may_write = may_write, .owner = may_write};

	return rpc_serve(line, len, &peer, NULL);
}
