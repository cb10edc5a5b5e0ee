/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What no two streams may share: what frames look like, S-Labels. And the ports
 * and sessions whose frames streams want to see.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "net/frames.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_ident.h"
#include "prer_in.h"

static uint32_t *label_of; /* [PRER_LABELS] a stream's place in the list of entries, 0: nobody's */
static uint32_t port_users[CST_MAX_PORTS]; /* [0]: of all sessions */

static struct {
	uint32_t *users; /* by tunnel */
	uint32_t n;
} tunnels;

/* ---- labels ------------------------------------------------------------------------------ */

static int claim_label(struct prer_entry *x, uint32_t label, struct cst_err *e)
{
	const struct prer_entry *other;

	if (!label_of)
		label_of = calloc(PRER_LABELS, sizeof(*label_of));
	if (!label_of)
		return cst_err(e, -ENOMEM, NULL, "no memory for S-Labels");
	other = label_of[label] ? prer_entry_from(PRER_STREAMS, label_of[label]) : NULL;
	if (other)
		return cst_err(e, -EEXIST, "service_label",
			       "%u is that of stream '%s' already: both would get its packets",
			       label, other->name);
	label_of[label] = x->at;
	x->made_next.label = label;
	return 0;
}

static void give_up_label(const struct prer_entry *x, uint32_t label)
{
	if (label && label_of[label] == x->at)
		label_of[label] = 0;
}

/* ---- identifications ----------------------------------------------------------------------- */

static void ip_conf(const struct prer_ip_match *m, struct prer_ident_conf *c)
{
	static const uint8_t any[16];

	c->family = m->source.family ? m->source.family : m->destination.family;
	c->has_src = memcmp(m->source.b, any, 16) != 0;
	c->has_dst = memcmp(m->destination.b, any, 16) != 0;
	memcpy(c->src, m->source.b, 16);
	memcpy(c->dst, m->destination.b, 16);
	c->dscp = cst_has(m, IP_MATCH_DSCP) ? m->dscp : PRER_ANY_DSCP;
	c->proto = m->protocol;
	c->src_port = m->source_port;
	c->dst_port = m->destination_port;
}

/* Two addresses, then what is behind the tags. */
static void spread(const uint8_t *octets, uint8_t *dmac, uint8_t *smac, uint8_t *msdu)
{
	memcpy(dmac, octets, 6);
	memcpy(smac, octets + 6, 6);
	memcpy(msdu, octets + 12, PRER_MSDU_OCTETS);
}
_Static_assert(PRER_MATCH_SIZE == 12 + PRER_MSDU_OCTETS, "mask and value");

static void ident_conf(const struct prer_identification_obj *id, struct prer_ident_conf *c)
{
	static const uint8_t frames[] = {PRER_ALL, PRER_TAGGED, PRER_PRIORITY};
	uint8_t mask[PRER_MATCH_SIZE] = {0}, value[PRER_MATCH_SIZE] = {0};

	memset(c, 0, sizeof(*c)); /* padding too: it is hashed as bytes */
	c->type = (uint8_t)(PRER_IDENT_NULL + id->type);
	c->tagged = frames[id->tagged];
	c->vlan = id->vlan;
	c->has_mac = cst_has(id, IDENT_MAC);
	memcpy(c->mac, id->mac, 6);
	c->dscp = PRER_ANY_DSCP;
	if (id->type == PRER_BY_IP)
		ip_conf(&id->ip, c);
	if (id->type != PRER_BY_MASK)
		return;
	prer_hex(id->mask, mask);
	prer_hex(id->value, value);
	spread(mask, c->dmac_mask, c->smac_mask, c->msdu_mask);
	spread(value, c->dmac, c->smac, c->msdu);
}

static int refused(const struct prer_place *at, const char *field, enum prer_ident_why why,
		   uint32_t other, struct cst_err *e)
{
	const struct cst_port_conf *p = at->port ? cst_port_conf(at->port) : NULL;
	const char *where = p ? p->name : "its session";

	switch (why) {
	case PRER_IDENT_TAKEN:
		return cst_err(e, -EEXIST, field,
			       "stream '%s' matches some of these frames on %s already: they would "
			       "belong to both",
			       prer_name_of(PRER_VALUE_STREAM(other)), where);
	case PRER_IDENT_EMPTY:
		return cst_err(e, -EINVAL, field, "would match every frame on %s: say which",
			       where);
	case PRER_IDENT_MASKS:
		return cst_err(e, -ENOSPC, field,
			       "too many different kinds of identification on %s: use those that "
			       "are there",
			       where);
	default:
		return cst_err(e, -ENOSPC, field, "no room for more identifications");
	}
}

/* One that a stream wants. */
struct want {
	bool wanted;
	struct prer_place at;
	struct prer_ident_conf conf;
	uint32_t value;
	uint64_t hash;
};

/* Where there are no tables there are no numbers either. */
static uint32_t known_as(const struct prer_entry *x)
{
	return x->number ? x->number : x->at;
}

/* A port or session that is gone has no frames; the claim is made when it comes back. */
static void want(struct want *w, uint16_t port, uint32_t tunnel, uint32_t value)
{
	w->at.port = port;
	w->at.tunnel = port ? 0 : tunnel;
	w->value = value;
	w->wanted = port != 0 || tunnel != 0;
	w->hash = cst_hash_bytes(&w->conf, sizeof(w->conf), value);
	w->hash = cst_hash_mix(w->hash, (uint64_t)port << 32 | w->at.tunnel) | 1;
}

static void want_sent(const struct prer_entry *x, const struct prer_stream_obj *s, struct want *w)
{
	ident_conf(&s->send.identification, &w->conf);
	want(w, prer_port_of(s->send.port), prer_tunnel_of(s->send.session),
	     PRER_VALUE(known_as(x), 0, 0));
}

static int want_member(const struct prer_entry *x, const struct prer_stream_obj *s, unsigned i,
		       struct cst_pool *pool, struct want *w)
{
	struct prer_path_obj obj;
	struct prer_path p;

	if (prer_entry_read(x->made_next.path[i], false, pool, &obj) < 0)
		return -ENOMEM;
	if (obj.encapsulation != PRER_RTAG)
		return 0;
	prer_path_record(&obj, 0, &p);
	ident_conf(&s->receive.identification, &w->conf);
	prer_ident_on_path(&w->conf, &p);
	want(w, p.port, p.tunnel, PRER_VALUE(known_as(x), i, 1));
	return 0;
}

static int want_all(const struct prer_entry *x, const struct prer_stream_obj *s,
		    struct cst_pool *pool, struct want *w, struct cst_err *e)
{
	memset(w, 0, PRER_CLAIMS * sizeof(*w)); /* padding too: it is hashed as bytes */
	if (cst_has(s, STREAM_SEND))
		want_sent(x, s, w);
	for (unsigned i = 0; cst_has(s, STREAM_RECEIVE) && i < PRER_MAX_PATHS; i++)
		if (x->made_next.path[i] && want_member(x, s, i, pool, &w[1 + i]) < 0)
			return cst_err(e, -ENOMEM, NULL, "no memory for stream '%s'", x->name);
	return 0;
}

/* ---- in a transaction ------------------------------------------------------------ */

/* Claims that are as they were stay, so that nothing of this transaction can take them. */
static void leave(struct prer_entry *x, const struct want *w)
{
	struct prer_made *was = &x->made, *is = &x->made_next;

	for (unsigned i = 0; i < PRER_CLAIMS; i++) {
		bool stays = w && w[i].wanted && was->claim[i] && was->claimed[i] == w[i].hash;

		is->claim[i] = stays ? was->claim[i] : 0;
		if (was->claim[i] && !stays)
			prer_ident_leave(was->claim[i], true);
	}
	give_up_label(x, was->label);
	is->label = 0;
	is->in_port = 0;
	is->in_tunnel = 0;
}

int prer_claims_leave(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		      struct cst_err *e)
{
	struct want w[PRER_CLAIMS];
	int rc = s ? want_all(x, s, pool, w, e) : 0;

	leave(x, s && rc == 0 ? w : NULL);
	return rc;
}

static int make(struct prer_entry *x, unsigned i, const struct want *w, struct cst_err *e)
{
	const char *field = i ? "receive.identification" : "send.identification";
	struct prer_made *is = &x->made_next;
	enum prer_ident_why why = 0;
	uint32_t other = 0;

	if (!w->wanted || is->claim[i])
		return 0;
	is->claim[i] = prer_ident_claim(&w->at, &w->conf, w->value, &why, &other);
	is->claimed[i] = w->hash;
	return is->claim[i] ? 0 : refused(&w->at, field, why, other, e);
}

int prer_claims_make(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		     struct cst_err *e)
{
	struct want w[PRER_CLAIMS];
	int rc = want_all(x, s, pool, w, e);

	if (rc == 0 && cst_has(s, STREAM_LABEL_IN))
		rc = claim_label(x, s->service_label, e);
	for (unsigned i = 0; rc == 0 && i < PRER_CLAIMS; i++)
		rc = make(x, i, &w[i], e);
	x->made_next.in_port = w[0].at.port;
	x->made_next.in_tunnel = w[0].at.tunnel;
	return rc;
}

static uint32_t *tunnel_users(uint32_t tunnel)
{
	uint32_t n = tunnels.n ? tunnels.n : 64;
	uint32_t *users;

	while (n <= tunnel)
		n *= 2;
	if (n > tunnels.n) {
		users = realloc(tunnels.users, n * sizeof(*users));
		if (!users)
			return NULL;
		memset(users + tunnels.n, 0, (n - tunnels.n) * sizeof(*users));
		tunnels.users = users;
		tunnels.n = n;
	}
	return &tunnels.users[tunnel];
}

static void use_port(uint16_t port, int by)
{
	bool before = port_users[port] > 0;

	port_users[port] += (uint32_t)by;
	if (before != (port_users[port] > 0))
		cst_frames_take(port, before ? 0 : prer_in_taker());
}

static void use_tunnel(uint32_t tunnel, int by)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();
	uint32_t *users = tunnel_users(tunnel);
	bool before = users && *users > 0;

	if (!users || !t)
		return;
	*users += (uint32_t)by;
	use_port(0, by);
	if (before != (*users > 0))
		t->take(tunnel, !before);
}

static void use(uint16_t port, uint32_t tunnel, int by)
{
	if (port)
		use_port(port, by);
	else if (tunnel)
		use_tunnel(tunnel, by);
}

void prer_claims_use(const struct prer_shared *path, bool used)
{
	use(path->port, path->tunnel, used ? 1 : -1);
}

static void use_all(const struct prer_made *m, bool next, int by)
{
	use(m->in_port, m->in_tunnel, by);
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++) {
		const struct prer_shared *p;

		if (!m->claim[1 + i] || !m->path[i])
			continue;
		p = next ? &m->path[i]->shared_next : &m->path[i]->shared;
		use(p->port, p->tunnel, by);
	}
}

/* Before the paths of the same transaction are committed, whose ports were used so far. */
void prer_claims_commit(struct prer_entry *x)
{
	const struct prer_made *was = &x->made, *is = &x->made_next;

	for (unsigned i = 0; i < PRER_CLAIMS; i++)
		if (is->claim[i] && is->claim[i] != was->claim[i])
			prer_ident_show(is->claim[i]);
	for (unsigned i = 0; i < PRER_CLAIMS; i++)
		if (was->claim[i] && is->claim[i] != was->claim[i])
			prer_ident_drop(was->claim[i]);
	if (!prer_has_tables())
		return;
	use_all(is, true, 1);
	use_all(was, false, -1);
	if (was->label && was->label != is->label && !label_of[was->label])
		__atomic_store_n(&prer_tables.label[was->label], 0, __ATOMIC_RELEASE);
	if (is->label)
		__atomic_store_n(&prer_tables.label[is->label], x->number, __ATOMIC_RELEASE);
}

void prer_claims_abort(struct prer_entry *x)
{
	for (unsigned i = 0; i < PRER_CLAIMS; i++)
		if (x->made_next.claim[i] && x->made_next.claim[i] != x->made.claim[i])
			prer_ident_drop(x->made_next.claim[i]);
	give_up_label(x, x->made_next.label);
}

void prer_claims_restore(struct prer_entry *x)
{
	for (unsigned i = 0; i < PRER_CLAIMS; i++)
		if (x->made.claim[i])
			prer_ident_leave(x->made.claim[i], false);
	if (x->made.label)
		label_of[x->made.label] = x->at;
}

void prer_claims_fini(void)
{
	free(label_of);
	free(tunnels.users);
	label_of = NULL;
	tunnels.users = NULL;
	tunnels.n = 0;
	memset(port_users, 0, sizeof(port_users));
	prer_ident_fini();
}
