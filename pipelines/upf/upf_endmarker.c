/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * End Markers of coast's own (TS 29.281 7.3.2, TS 23.501 5.8.2.9, TS 29.244
 * 5.2.3.1): when a FAR is given another tunnel and its control plane asks for
 * it, the old tunnel is told that nothing follows. Made with the change, sent
 * when no worker goes by the old rules any more, by the worker that sent the
 * last packet.
 */
#include "upf_endmarker.h"

#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "log.h"
#include "module.h"
#include "upf_buffer_ctl.h"
#include "upf_encap.h"
#include "upf_hook.h"
#include "upf_order.h"
#include "upf_tell.h"

struct marker {
	struct marker *next;
	const struct upf_session *old; /* sent when it is reaped; NULL: due */
	uint16_t worker, vrf, len;
	uint32_t peer, teid; /* of the tunnel that ends */
	struct cst_ip remote;
	uint8_t ip[48 + 16];
};

static struct marker *first, **last = &first;
static unsigned on_their_way; /* in the inbox of their worker, which may not have seen them yet */

static bool is_made(const struct upf_session *old, const struct upf_pdr *pdr)
{
	for (const struct marker *m = first; m; m = m->next)
		if (m->old == old && m->peer == pdr->peer && m->teid == pdr->out_teid)
			return true;
	return false;
}

static void addresses(const struct upf_peer *peer, struct cst_ip *local, struct cst_ip *remote)
{
	cst_ip_addrs(peer->hdr, local, remote);
}

/* With the container that the data had: no packet is in it, but the far end expects it. */
static void make(const struct upf_session *old, const struct upf_pdr *pdr)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	uint32_t gtpu_len = upf_gtpu_len(pdr), ip_len;
	struct cst_ip local, remote;
	struct marker *m = calloc(1, sizeof(*m));
	uint8_t gtpu[16];

	if (!m) {
		LOG_WARN("session %llu: no memory for an End Marker",
			 (unsigned long long)old->seid);
		return;
	}
	addresses(peer, &local, &remote);
	upf_put_gtpu(gtpu, CST_GTPU_END_MARKER, pdr, 0);
	ip_len = peer->hdr_len;
	memcpy(m->ip + ip_len, gtpu, gtpu_len);
	upf_put_signal(m->ip, &local, &remote, CST_GTPU_PORT, cst_be16(peer->hdr + ip_len - 6),
		       (uint16_t)gtpu_len, pdr->flags & UPF_PDR_MARK ? pdr->out_tos : 0, 0);
	m->old = old;
	m->worker = cst_owner_of(upf_run(old)->state);
	m->vrf = peer->vrf;
	m->len = (uint16_t)(ip_len + gtpu_len);
	m->peer = pdr->peer;
	m->teid = pdr->out_teid;
	m->remote = remote;
	*last = m;
	last = &m->next;
}

static bool same_tunnel(const struct upf_pdr *a, const struct upf_pdr *b)
{
	struct cst_ip local, to_a, to_b;

	if (!(b->flags & UPF_PDR_ENCAP) || a->out_teid != b->out_teid)
		return false;
	addresses(&upf_tables.peers[a->peer], &local, &to_a);
	addresses(&upf_tables.peers[b->peer], &local, &to_b);
	return cst_ip_eq(&to_a, &to_b);
}

/* Does anything of the session still enter this one's tunnel? */
static bool is_in_use(const struct upf_session *s, const struct upf_pdr *pdr)
{
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL)
		if (same_tunnel(pdr, rec))
			return true;
	return false;
}

static bool enters(const struct upf_session *s, const struct marker *m)
{
	struct upf_walk w = {.s = s};
	struct cst_ip local, remote;
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL) {
		if (!(rec->flags & UPF_PDR_ENCAP) || rec->out_teid != m->teid ||
		    upf_tables.peers[rec->peer].vrf != m->vrf)
			continue;
		addresses(&upf_tables.peers[rec->peer], &local, &remote);
		if (cst_ip_eq(&remote, &m->remote))
			return true;
	}
	return false;
}

/* A tunnel that was left, and is entered again before its marker could be sent, does not end. */
static void revive(const struct upf_session *next)
{
	struct marker **at = &first;

	while (*at) {
		struct marker *m = *at;

		if (m->old || !enters(next, m)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
	}
	last = at;
}

/* A copy's tunnel is not that of its FAR's forwarding parameters, which the order is part of; but
 * the second one of redundant transmission is left with the first. */
static void on_commit(const struct upf_change *c)
{
	struct upf_walk w = {.s = c->next ? c->old : NULL};
	const struct upf_pdr *rec;

	if (first && c->next)
		revive(c->next);
	while ((rec = upf_walk_next(&w)) != NULL)
		if ((!w.copy || w.second) && (rec->flags & UPF_PDR_ENCAP) &&
		    upf_order_marks(c->old->seid, rec->far_id) && !is_in_use(c->next, rec) &&
		    !is_made(c->old, rec))
			make(c->old, rec);
}

static void arrived(void *ptr, uint64_t arg)
{
	(void)ptr;
	(void)arg;
	on_their_way--;
}

/* What could not be sent stays, in its order. */
static void send_due(void)
{
	struct marker **at = &first;

	while (*at) {
		struct marker *m = *at;

		if (m->old || !upf_tell_signal(m->worker, m->vrf, m->ip, m->len)) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		free(m);
		/* a worker looks into its inbox before it takes packets from ports */
		on_their_way++;
		cst_rcu_defer(arrived, NULL, 0);
	}
	last = at;
}

bool upf_endmarkers_pending(void)
{
	return first || on_their_way;
}

static void on_reap(const struct upf_session *old, struct upf_session *now)
{
	bool any = false;

	(void)now;
	for (struct marker *m = first; m; m = m->next) {
		if (m->old != old)
			continue;
		m->old = NULL;
		any = true;
	}
	if (any)
		send_due();
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	if (first)
		send_due();
}

static void stop(void)
{
	while (first) {
		struct marker *m = first;

		first = m->next;
		free(m);
	}
	last = &first;
}

static struct upf_hook hook = {.commit = on_commit, .reap = on_reap};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

struct cst_module upf_endmarker_module = {
	.name = "upf.endmarker", .order = 30, .tick = tick, .stop = stop};
CST_MODULE(upf_endmarker_module);
