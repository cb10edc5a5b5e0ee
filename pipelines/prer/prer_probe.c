/* SPDX-License-Identifier: BSD-3-Clause */
/* Path probes, the asking side. Control thread. */
#include "prer_probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_cycles.h>

#include "engine/engine.h"
#include "log.h"
#include "module.h"
#include "net/frames.h"
#include "prer_dcw.h"
#include "prer_probe_int.h"

/* Locally administered, all stations: switches flood it, and no stream has it. */
static const uint8_t group[6] = {0x03, 0x63, 0x50, 0x00, 0x00, 0x01};

struct asked {
	uint64_t due_ms; /* the next question; 0: at once */
	uint32_t interval_ms;
	uint32_t answered_seq; /* the latest question that has been answered */
	uint8_t misses;
	struct prer_probe_facts facts;
};

static struct asked *asked; /* by path number */
static uint32_t n_asked;

uint16_t prer_probe_notice;
uint64_t prer_probe_secret;
uint64_t prer_probe_macs[CST_MAX_PORTS];

static uint8_t to_route, to_frame;
CST_ATTACH(prer_probe_route, "rx", "route", &to_route);
CST_ATTACH(prer_probe_out, "rx", "frame_out", &to_frame);

/* ---- questions ---------------------------------------------------------------- */

static void put_ip(struct rte_mbuf *m, const struct prer_path *path, const struct prer_probe *p)
{
	uint32_t payload = CST_DCW_LEN + PRER_PROBE_LEN;
	uint32_t hash = (uint32_t)cst_hash_mix(path->number, CST_DCW_PORT);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(path->hdr_len + payload));

	/* no identification: no link is so narrow that it would cut this (RFC 791 3.2) */
	prer_dcw_put_outer(ip, path, payload, PRER_PROBE_TOS, 0, cst_hash_port(hash), hash);
	cst_dcw_put_ach(ip + path->hdr_len, CST_LABEL_GAL, PRER_PROBE_CHANNEL);
	prer_probe_put(ip + path->hdr_len + CST_DCW_LEN, p);
	if (path->family == 6)
		prer_dcw_fill_csum6(m);
	*cst_pkt(m) = (struct cst_pkt){
		.vrf = path->vrf,
		.ip_version = path->family,
		.l4_proto = CST_PROTO_UDP,
		.l4_off = path->hdr_len - 8,
		.ip_len = (uint16_t)m->pkt_len,
		.hash = hash,
		.flags = CST_PKT_LOCAL,
		.resume = to_route,
	};
}

static void put_frame(struct rte_mbuf *m, const struct prer_path *path, const struct prer_probe *p)
{
	uint16_t vid = path->flags & PRER_PATH_VLAN ? path->vlan : 0;
	uint8_t *f = (uint8_t *)rte_pktmbuf_append(m, 60);
	uint8_t own[6];
	uint32_t at;

	memset(f, 0, 60);
	prer_probe_mac(own, path->port, path->tunnel);
	at = cst_l2_put(f, group, own, PRER_PROBE_ETHERTYPE, vid);
	prer_probe_put(f + at, p);
	*cst_pkt(m) = (struct cst_pkt){
		.port = path->port,
		.aux = path->tunnel,
		.flags = CST_PKT_LOCAL,
		.resume = to_frame,
	};
}

/* False: not now, for want of a buffer or of room at the worker. */
static bool ask(uint32_t number, uint32_t seq)
{
	const struct prer_path *path = &prer_tables.path[number];
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());
	struct prer_probe p = {
		.kind = PRER_PROBE_QUESTION,
		.path = number,
		.token = prer_probe_token(number),
		.seq = seq,
		.time = rte_rdtsc(),
	};

	if (!m)
		return false;
	if (path->encap == PRER_DCW)
		put_ip(m, path, &p);
	else
		put_frame(m, path, &p);
	if (cst_inject((uint16_t)(number % cst_workers()), &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

/* ---- state ---------------------------------------------------------------------- */

void prer_probe_hear(const void *data, uint8_t len)
{
	struct prer_probe_notice n;
	struct prer_probe_facts *f;
	struct asked *a;

	if (len != sizeof(n))
		return;
	memcpy(&n, data, sizeof(n));
	if (n.path >= n_asked || !asked[n.path].interval_ms)
		return;
	a = &asked[n.path];
	f = &a->facts;
	/* a second answer to one question, or one to a question that was never asked */
	if ((int32_t)(n.seq - a->answered_seq) <= 0 || (int32_t)(f->sent - n.seq) < 0)
		return;
	a->answered_seq = n.seq;
	f->answered++;
	f->silent = 0;
	f->state = PRER_PROBE_UP;
	f->rtt_us = (uint32_t)(n.cycles * 1000000 / rte_get_tsc_hz());
	f->rtt_mean_us =
		f->answered == 1 ? f->rtt_us : f->rtt_mean_us - f->rtt_mean_us / 8 + f->rtt_us / 8;
}

static void look_at(uint32_t number, uint64_t now_ms)
{
	struct asked *a = &asked[number];
	struct prer_probe_facts *f = &a->facts;

	if (!a->interval_ms || now_ms < a->due_ms || number >= prer_tables.paths)
		return;
	/* shut by hand, or its port or session is gone: nothing would go out */
	if (prer_tables.path[number].flags & PRER_PATH_DOWN)
		return;
	if (f->silent >= a->misses)
		f->state = PRER_PROBE_DOWN;
	if (!ask(number, f->sent + 1))
		return;
	f->sent++;
	f->silent++;
	/* on time in the mean */
	a->due_ms += a->interval_ms;
	if (a->due_ms <= now_ms)
		a->due_ms = now_ms + a->interval_ms;
}

/* Of the ports whose frames are taken: any of them may be asked. */
static void refresh_macs(void)
{
	for (uint16_t port = 1; port < CST_MAX_PORTS; port++) {
		struct cst_port_state st;
		uint64_t mac = 0;

		if (!cst_frames_taker(port) || !cst_port_conf(port))
			continue;
		cst_port_state(port, &st);
		memcpy(&mac, st.mac, 6);
		__atomic_store_n(&prer_probe_macs[port], mac, __ATOMIC_RELAXED);
	}
}

void prer_probe_tick(uint64_t now_ms)
{
	refresh_macs();
	for (uint32_t i = 0; i < n_asked; i++)
		look_at(i, now_ms);
}

/* ---- what others ask of it --------------------------------------------------------- */

static bool make_room(uint32_t number)
{
	uint32_t n = number + 1 > 2 * n_asked ? number + 1 : 2 * n_asked;
	struct asked *more;

	if (number < n_asked)
		return true;
	more = realloc(asked, n * sizeof(*more));
	if (!more)
		return false;
	memset(more + n_asked, 0, (n - n_asked) * sizeof(*more));
	asked = more;
	n_asked = n;
	return true;
}

void prer_probe_set(uint32_t number, uint32_t interval_ms, uint8_t misses)
{
	struct asked *a;

	if (interval_ms == 0) {
		if (number < n_asked)
			asked[number] = (struct asked){.interval_ms = 0};
		return;
	}
	if (!make_room(number)) {
		LOG_WARN("no memory to probe path %u: its streams alone tell whether it is up",
			 number);
		return;
	}
	a = &asked[number];
	if (!a->interval_ms)
		a->facts.state = PRER_PROBE_UNKNOWN;
	a->interval_ms = interval_ms;
	a->misses = misses;
}

void prer_probe_facts(uint32_t number, struct prer_probe_facts *out)
{
	if (number < n_asked)
		*out = asked[number].facts;
	else
		*out = (struct prer_probe_facts){.state = PRER_PROBE_OFF};
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	prer_probe_notice = cst_notice_register(prer_probe_hear);
	if (getrandom(&prer_probe_secret, sizeof(prer_probe_secret), 0) < 0)
		prer_probe_secret = rte_rdtsc();
	return 0;
}

static void stop(void)
{
	free(asked);
	asked = NULL;
	n_asked = 0;
}

static struct cst_module prer_probe_module = {
	.name = "prer_probe", .order = 31, .start = start, .tick = prer_probe_tick, .stop = stop};
CST_MODULE(prer_probe_module);
