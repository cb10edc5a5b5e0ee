/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_flow of the device; other ports' calls go on to DPDK. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flowdev_int.h"

const char *const flowdev_words[] = {"eth",  "vlan",  "ipv4",    "ipv6",  "udp",   "gtpu",
				     "gtp",  "teid",  "psc",     "inner", "queue", "mark",
				     "drop", "count", "destroy", NULL};
enum flowdev_word {
	ETH,
	VLAN,
	IPV4,
	IPV6,
	UDP,
	GTPU,
	GTP,
	TEID,
	PSC,
	INNER,
	QUEUE,
	MARK,
	DROP,
	COUNT,
	DESTROY
};

static int refuse(struct rte_flow_error *e, int code, enum rte_flow_error_type type,
		  const char *why)
{
	return rte_flow_error_set(e, code, type, NULL, why);
}

static int word_of(enum rte_flow_item_type type)
{
	switch (type) {
	case RTE_FLOW_ITEM_TYPE_ETH:
		return ETH;
	case RTE_FLOW_ITEM_TYPE_VLAN:
		return VLAN;
	case RTE_FLOW_ITEM_TYPE_IPV4:
		return IPV4;
	case RTE_FLOW_ITEM_TYPE_IPV6:
		return IPV6;
	case RTE_FLOW_ITEM_TYPE_UDP:
		return UDP;
	case RTE_FLOW_ITEM_TYPE_GTPU:
		return GTPU;
	case RTE_FLOW_ITEM_TYPE_GTP:
		return GTP;
	case RTE_FLOW_ITEM_TYPE_GTP_PSC:
		return PSC;
	default:
		return -1;
	}
}

static int read_items(const struct flowdev *d, const struct rte_flow_item *it, struct rte_flow *r,
		      struct rte_flow_error *e)
{
	bool inside = false;

	for (; it->type != RTE_FLOW_ITEM_TYPE_END; it++) {
		int word = word_of(it->type);
		struct flowdev_item *to = &r->item[r->n_items++];
		unsigned n = flowdev_header(it->type);

		if (r->n_items == FLOWDEV_ITEMS)
			return refuse(e, E2BIG, RTE_FLOW_ERROR_TYPE_ITEM_NUM, "too many items");
		if (inside && (word == IPV4 || word == IPV6) && (d->refuse & 1u << INNER))
			word = INNER;
		if ((word == GTPU || word == GTP) && it->spec && (d->refuse & 1u << TEID))
			word = TEID;
		if (word < 0 || (d->refuse & 1u << word))
			return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ITEM,
				      word < 0 ? "unknown item" : flowdev_words[word]);
		inside |= word == GTPU || word == GTP;
		to->type = it->type;
		if (it->spec == NULL)
			continue;
		if (it->mask == NULL)
			return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ITEM_MASK, "no mask");
		memcpy(to->spec, it->spec, n);
		memcpy(to->mask, it->mask, n);
	}
	return 0;
}

static int read_actions(const struct flowdev *d, const struct rte_flow_action *a,
			struct rte_flow *r, struct rte_flow_error *e)
{
	bool fate = false;

	for (; a->type != RTE_FLOW_ACTION_TYPE_END; a++) {
		int word = a->type == RTE_FLOW_ACTION_TYPE_QUEUE   ? QUEUE
			   : a->type == RTE_FLOW_ACTION_TYPE_MARK  ? MARK
			   : a->type == RTE_FLOW_ACTION_TYPE_DROP  ? DROP
			   : a->type == RTE_FLOW_ACTION_TYPE_COUNT ? COUNT
								   : -1;

		if (word < 0 || (d->refuse & 1u << word))
			return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ACTION,
				      word < 0 ? "unknown action" : flowdev_words[word]);
		fate |= word == QUEUE || word == DROP;
		r->drop |= word == DROP;
		r->counted |= word == COUNT;
		if (word == MARK) {
			r->marked = true;
			r->mark = ((const struct rte_flow_action_mark *)a->conf)->id;
		}
		if (word == QUEUE)
			r->queue = ((const struct rte_flow_action_queue *)a->conf)->index;
		if (r->queue >= d->n_queues)
			return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION_CONF, "no such queue");
	}
	return fate ? 0 : refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, "no queue and no drop");
}

static int read_rule(const struct flowdev *d, const struct rte_flow_attr *attr,
		     const struct rte_flow_item *items, const struct rte_flow_action *actions,
		     struct rte_flow *r, struct rte_flow_error *e)
{
	int rc;

	memset(r, 0, sizeof(*r));
	if (!attr->ingress || attr->egress || attr->transfer || attr->group != 0)
		return refuse(e, ENOTSUP, RTE_FLOW_ERROR_TYPE_ATTR, "ingress of group 0 only");
	rc = read_items(d, items, r, e);
	return rc < 0 ? rc : read_actions(d, actions, r, e);
}

static bool same_match(const struct rte_flow *a, const struct rte_flow *b)
{
	return a->n_items == b->n_items && memcmp(a->item, b->item, sizeof(a->item)) == 0;
}

static int check_table(const struct flowdev *d, const struct rte_flow *r, struct rte_flow_error *e)
{
	if (d->table != 0 && d->n_rules >= d->table)
		return refuse(e, ENOSPC, RTE_FLOW_ERROR_TYPE_HANDLE, "the table is full");
	for (const struct rte_flow *o = d->rules; o != NULL; o = o->next)
		if (same_match(o, r))
			return refuse(e, EEXIST, RTE_FLOW_ERROR_TYPE_HANDLE, "it is there already");
	return 0;
}

/* ---- in the place of DPDK's ---------------------------------------------------------- */

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
		      const struct rte_flow_item *items, const struct rte_flow_action *actions,
		      struct rte_flow_error *e)
{
	struct flowdev *d = flowdev_of(port);
	struct rte_flow r;

	if (d == NULL) {
		__typeof__(&rte_flow_validate) next = flowdev_behind("rte_flow_validate");

		return next(port, attr, items, actions, e);
	}
	return read_rule(d, attr, items, actions, &r, e);
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
				 const struct rte_flow_item *items,
				 const struct rte_flow_action *actions, struct rte_flow_error *e)
{
	struct flowdev *d = flowdev_of(port);
	struct rte_flow *r;
	int rc;

	if (d == NULL) {
		__typeof__(&rte_flow_create) next = flowdev_behind("rte_flow_create");

		return next(port, attr, items, actions, e);
	}
	usleep(d->delay_us);
	r = malloc(sizeof(*r));
	rc = read_rule(d, attr, items, actions, r, e);
	rte_spinlock_lock(&d->lock);
	if (rc == 0)
		rc = check_table(d, r, e);
	if (rc == 0) {
		r->next = d->rules;
		d->rules = r;
		d->n_rules++;
	}
	rte_spinlock_unlock(&d->lock);
	if (rc < 0)
		free(r);
	return rc < 0 ? NULL : r;
}

static void take_out(struct flowdev *d, struct rte_flow **at)
{
	struct rte_flow *r = *at;

	*at = r->next;
	d->n_rules--;
	free(r);
}

int rte_flow_destroy(uint16_t port, struct rte_flow *r, struct rte_flow_error *e)
{
	struct flowdev *d = flowdev_of(port);
	struct rte_flow **at;

	if (d == NULL) {
		__typeof__(&rte_flow_destroy) next = flowdev_behind("rte_flow_destroy");

		return next(port, r, e);
	}
	if (d->refuse & 1u << DESTROY)
		return refuse(e, EIO, RTE_FLOW_ERROR_TYPE_HANDLE, "it does not go");
	usleep(d->delay_us);
	rte_spinlock_lock(&d->lock);
	for (at = &d->rules; *at != NULL && *at != r; at = &(*at)->next)
		;
	if (*at != NULL)
		take_out(d, at);
	else
		r = NULL;
	rte_spinlock_unlock(&d->lock);
	return r != NULL ? 0 : refuse(e, ENOENT, RTE_FLOW_ERROR_TYPE_HANDLE, "no such rule");
}

int rte_flow_flush(uint16_t port, struct rte_flow_error *e)
{
	struct flowdev *d = flowdev_of(port);

	if (d == NULL) {
		__typeof__(&rte_flow_flush) next = flowdev_behind("rte_flow_flush");

		return next(port, e);
	}
	rte_spinlock_lock(&d->lock);
	while (d->rules != NULL)
		take_out(d, &d->rules);
	rte_spinlock_unlock(&d->lock);
	return 0;
}

int rte_flow_query(uint16_t port, struct rte_flow *r, const struct rte_flow_action *action,
		   void *data, struct rte_flow_error *e)
{
	struct flowdev *d = flowdev_of(port);
	struct rte_flow_query_count *q = data;

	if (d == NULL) {
		__typeof__(&rte_flow_query) next = flowdev_behind("rte_flow_query");

		return next(port, r, action, data, e);
	}
	if (action->type != RTE_FLOW_ACTION_TYPE_COUNT || !r->counted)
		return refuse(e, EINVAL, RTE_FLOW_ERROR_TYPE_ACTION, "it does not count");
	rte_spinlock_lock(&d->lock);
	q->hits_set = q->bytes_set = 1;
	q->hits = r->hits;
	q->bytes = r->bytes;
	rte_spinlock_unlock(&d->lock);
	return 0;
}
