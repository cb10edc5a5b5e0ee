/* SPDX-License-Identifier: BSD-3-Clause */
/* What can only be told when a stream, its paths and its recovery are seen together. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/frames.h"
#include "net/net.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_in.h"

/* ---- addresses ------------------------------------------------------------------------ */

struct own {
	const struct cst_ip *ip;
	const char *vrf; /* NULL: any */
	bool found;
};

static int has_address(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	struct own *o = arg;

	if (o->vrf && strcasecmp(c->vrf, o->vrf) != 0)
		return 0;
	for (unsigned i = 0; i < c->n_addrs; i++)
		o->found |= cst_ip_eq(&c->addrs[i].ip, o->ip);
	return o->found;
}

static bool is_own(const struct cst_ip *ip, const char *vrf)
{
	struct own o = {.ip = ip, .vrf = vrf};

	cst_net_each_iface(has_address, &o);
	return o.found;
}

bool prer_path_has_local(const struct prer_path_obj *p)
{
	return p->encapsulation != PRER_DCW || is_own(&p->local, p->network_instance);
}

int prer_check_path(const struct prer_path_obj *p, struct cst_err *e)
{
	char text[64];

	if (cst_has(p, PATH_PORT) && cst_port_by_name(p->port) == 0)
		return cst_err(e, -ENOENT, "port", "there is no port '%s'", p->port);
	if (p->encapsulation != PRER_DCW)
		return 0;
	if (cst_vrf_by_name(p->network_instance) == 0)
		return cst_err(e, -ENOENT, "network_instance", "there is no network instance '%s'",
			       p->network_instance);
	if (!prer_path_has_local(p))
		return cst_err(e, -EINVAL, "local", "no interface in '%s' has the address %s",
			       p->network_instance, cst_ip_text(&p->local, text));
	if (is_own(&p->remote, NULL))
		return cst_err(e, -EINVAL, "remote",
			       "%s is an own address: the path would loop back",
			       cst_ip_text(&p->remote, text));
	return 0;
}

/* ---- encapsulation --------------------------------------------------------------------- */

static const struct prer_path_obj *first_with(const struct prer_refs *r, enum prer_encap encap)
{
	for (uint32_t i = 0; i < r->stream->paths.n; i++)
		if (r->path[i].encapsulation == encap)
			return &r->path[i];
	return NULL;
}

static int check_rtag(const struct prer_refs *r, const struct prer_path_obj *p, struct cst_err *e)
{
	const struct prer_stream_obj *s = r->stream;

	if (s->payload == PRER_PAYLOAD_IP)
		return cst_err(e, -EINVAL, "payload",
			       "is ip, but path '%s' carries whole frames (rtag)", p->name);
	if (s->sequence_bits != 16)
		return cst_err(e, -EINVAL, "sequence_bits",
			       "is %u, but the R-TAG of path '%s' has 16 (802.1CB, 7.8)",
			       s->sequence_bits, p->name);
	if (cst_has(s, STREAM_RECEIVE) && !cst_has(&s->receive, RECEIVE_IDENTIFICATION))
		return cst_err(e, -EINVAL, "receive.identification",
			       "is missing: nothing else tells what comes by path '%s' is the "
			       "stream's",
			       p->name);
	return 0;
}

static int check_dcw(const struct prer_stream_obj *s, const struct prer_path_obj *p,
		     struct cst_err *e)
{
	if (cst_has(s, STREAM_RECEIVE) && !cst_has(s, STREAM_LABEL_IN))
		return cst_err(e, -EINVAL, "service_label",
			       "is missing: by path '%s' (dcw) the stream is known by it", p->name);
	if (cst_has(s, STREAM_SEND) && !cst_has(s, STREAM_LABEL_OUT))
		return cst_err(e, -EINVAL, "remote_service_label",
			       "is missing: the far end of path '%s' (dcw) knows the stream by it",
			       p->name);
	return 0;
}

static int check_encapsulations(const struct prer_refs *r, struct cst_err *e)
{
	const struct prer_stream_obj *s = r->stream;
	const struct prer_path_obj *rtag = first_with(r, PRER_RTAG), *dcw = first_with(r, PRER_DCW);
	int rc = rtag ? check_rtag(r, rtag, e) : 0;

	if (rc == 0 && dcw)
		rc = check_dcw(s, dcw, e);
	if (rc < 0)
		return rc;
	if (!dcw && (cst_has(s, STREAM_LABEL_IN) || cst_has(s, STREAM_LABEL_OUT)))
		return cst_err(e, -EINVAL,
			       cst_has(s, STREAM_LABEL_IN) ? "service_label"
							   : "remote_service_label",
			       "is for dcw paths: the stream has none");
	if (!rtag && cst_has(&s->receive, RECEIVE_IDENTIFICATION))
		return cst_err(e, -EINVAL, "receive.identification",
			       "is for rtag paths: by dcw paths service_label tells the stream");
	if (s->sequence_bits == 0 && cst_has(s, STREAM_RECEIVE) && s->paths.n > 1)
		return cst_err(e, -EINVAL, "sequence_bits",
			       "is 0: nothing would tell the copies of %u paths apart", s->paths.n);
	return 0;
}

/* ---- loops ------------------------------------------------------------------------------ */

static bool same_place(const struct prer_path_obj *p, const char *port, uint64_t session)
{
	if (port && p->port)
		return strcmp(port, p->port) == 0;
	return session != 0 && session == p->session;
}

/* Do frames on the path look different enough from those with `vlan` (0: any, or none)? */
static bool apart(const struct prer_path_obj *p, bool has_vlan, uint16_t vlan)
{
	return cst_has(p, PATH_VLAN) && has_vlan && p->vlan != vlan;
}

static int check_loops(const struct prer_refs *r, struct cst_err *e)
{
	const struct prer_send_obj *in = &r->stream->send;
	const struct prer_receive_obj *out = &r->stream->receive;
	char field[32];

	for (uint32_t i = 0; i < r->stream->paths.n; i++) {
		const struct prer_path_obj *p = &r->path[i];

		snprintf(field, sizeof(field), "paths[%u]", i);
		if (p->encapsulation != PRER_RTAG)
			continue;
		if (same_place(p, in->port, in->session) &&
		    !apart(p, in->identification.vlan != 0, in->identification.vlan))
			return cst_err(e, -EINVAL, field,
				       "'%s' loops back: it leads out where the stream's frames "
				       "come in; give it another port, or a vlan of its own",
				       p->name);
		if (same_place(p, out->port, out->session) &&
		    !apart(p, cst_has(out, RECEIVE_VLAN), out->vlan))
			return cst_err(e, -EINVAL, field,
				       "'%s' loops back: frames are delivered where they come in; "
				       "give it another port, or a vlan of its own",
				       p->name);
	}
	return 0;
}

/* ---- ways of their own ------------------------------------------------------------------ */

static bool same_text(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

/* Frames on an Ethernet path are told apart by VLAN, and by destination as far as paths set it. */
static bool alike(const struct prer_path_obj *a, const struct prer_path_obj *b)
{
	if (a->encapsulation != b->encapsulation)
		return false;
	if (a->encapsulation == PRER_DCW)
		return same_text(a->network_instance, b->network_instance) &&
		       cst_ip_eq(&a->local, &b->local) && cst_ip_eq(&a->remote, &b->remote);
	return same_place(a, b->port, b->session) &&
	       cst_has(a, PATH_VLAN) == cst_has(b, PATH_VLAN) && a->vlan == b->vlan &&
	       cst_has(a, PATH_DMAC) == cst_has(b, PATH_DMAC) &&
	       memcmp(a->destination_mac, b->destination_mac, 6) == 0;
}

static int check_alike(const struct prer_refs *r, struct cst_err *e)
{
	char field[32];

	for (uint32_t i = 1; i < r->stream->paths.n; i++)
		for (uint32_t k = 0; k < i; k++) {
			if (!alike(&r->path[k], &r->path[i]))
				continue;
			snprintf(field, sizeof(field), "paths[%u]", i);
			return cst_err(e, -EINVAL, field,
				       "'%s' is the same way as '%s': what one loses both lose",
				       r->path[i].name, r->path[k].name);
		}
	return 0;
}

/* ---- ports ------------------------------------------------------------------------------- */

/* Frames of streams are for anybody's MAC address. */
static int check_port(const char *name, const char *field, struct cst_err *e)
{
	uint16_t port = cst_port_by_name(name);

	if (port == 0)
		return cst_err(e, -ENOENT, field, "there is no port '%s'", name);
	if (cst_frames_taker(port) && cst_frames_taker(port) != prer_in_taker())
		return cst_err(e, -EBUSY, field,
			       "frames of port '%s' belong to something else than streams: "
			       "'coastctl redbox list' tells whether to a RedBox",
			       name);
	if (!cst_port_conf(port)->promiscuous)
		return cst_err(e, -EINVAL, field,
			       "port '%s' takes in only frames for its own address: put it with "
			       "promiscuous: true",
			       name);
	return 0;
}

static int check_ports(const struct prer_refs *r, struct cst_err *e)
{
	const struct prer_stream_obj *s = r->stream;
	char field[32];
	int rc = s->send.port ? check_port(s->send.port, "send.port", e) : 0;

	if (rc == 0 && s->receive.port && cst_port_by_name(s->receive.port) == 0)
		rc = cst_err(e, -ENOENT, "receive.port", "there is no port '%s'", s->receive.port);
	for (uint32_t i = 0; rc == 0 && cst_has(s, STREAM_RECEIVE) && i < s->paths.n; i++) {
		snprintf(field, sizeof(field), "paths[%u]", i);
		if (r->path[i].port)
			rc = check_port(r->path[i].port, field, e);
	}
	return rc;
}

static int check_history(const struct prer_refs *r, struct cst_err *e)
{
	unsigned bits = r->stream->sequence_bits;

	if (r->recovery->order.mode != PRER_ORDER_OFF && bits == 0)
		return cst_err(e, -EINVAL, "recovery",
			       "'%s' orders packets, but sequence_bits: 0 gives them no numbers",
			       r->recovery->name);
	return 0;
}

int prer_check_stream(const struct prer_refs *r, struct cst_err *e)
{
	const char *vrf = r->stream->receive.network_instance;
	int rc = check_encapsulations(r, e);

	if (rc == 0)
		rc = check_loops(r, e);
	if (rc == 0)
		rc = check_alike(r, e);
	if (rc == 0)
		rc = check_ports(r, e);
	if (rc == 0)
		rc = check_history(r, e);
	if (rc == 0 && vrf && cst_vrf_by_name(vrf) == 0)
		rc = cst_err(e, -ENOENT, "receive.network_instance",
			     "there is no network instance '%s'", vrf);
	return rc;
}
