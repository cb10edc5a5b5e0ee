/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coast-tgen: what its parts share. One thread sends and receives on both ports.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_mempool.h>

#include "frame.h"
#include "hist.h"

#define BURST_MAX 64
#define IMIX      0 /* as a size: 64, 576 and 1500 bytes, 7 : 4 : 1 */

struct options {
	struct net net; /* MAC addresses of the UPF: all zero when it is to be asked */
	const char *port_name[2];
	const char *teids_file;
	uint16_t size; /* of packets, IMIX: the mixture */
	unsigned up_percent;
	bool round_robin;
	double mpps; /* 0: as fast as the ports take */
	double seconds, warm_up;
	uint32_t packets; /* instead of seconds; 0: none */
	uint16_t burst;
	bool search;
	double search_min, search_max; /* max 0: a little above what passes of an overload */
	double resolution, loss_percent;
	unsigned tries;
	double latency_percent; /* of the rate found; 0: no such trial */
	const char *json;       /* NULL: none, "-": standard output instead of the table */
};

/* Fills `o` and the arguments for rte_eal_init(). Exits on --help and on a mistake. */
void options_parse(int argc, char **argv, struct options *o, int *eal_argc, char ***eal_argv);

struct port {
	uint16_t id;
	struct side *side;
};

/* What a trial has counted. */
struct trial {
	double mpps;    /* asked for; 0: as fast as the ports take */
	double seconds; /* how long it was sent */
	double waited;  /* seconds of these that the generator had no CPU */
	uint64_t sent[DIRECTIONS], received[DIRECTIONS];
	uint64_t in_time;    /* received while it was sent: the rate of an overload */
	uint64_t bits;       /* of frames received in time, FCS, preamble and gap included */
	uint64_t wrong;      /* ours, but not as they must be */
	uint64_t other;      /* not ours */
	uint64_t misordered; /* behind a later one of their session, or there twice */
	uint64_t refused;    /* the port did not take them at the moment they were due */
	uint64_t missed;     /* not sent, since the generator had no CPU or was too slow */
	uint64_t busy_cycles, cycles, moved; /* moved: packets sent and received in these cycles */
	double hz;
	struct hist delay; /* TSC cycles */
};

struct tgen {
	const struct options *o;
	struct net *net;
	struct port port[2]; /* 0: N3, 1: N6 */
	struct rte_mempool *pool;
	volatile bool stop;

	struct frame frame[DIRECTIONS][3];
	uint32_t *next_seq[DIRECTIONS]; /* sent, by session */
	uint32_t *want_seq[DIRECTIONS]; /* received, by session */
	uint32_t next_session[DIRECTIONS];
	unsigned imix_at[DIRECTIONS];
	uint64_t random;
	uint8_t trial_number;
};

/* Open the ports; -1: said why on stderr. */
int ports_open(struct tgen *t);
void ports_close(struct tgen *t);

int traffic_init(struct tgen *t);
void traffic_fini(struct tgen *t);
/* Learn the UPF's MAC addresses by ARP, where they are not given. -1: said why. */
int traffic_resolve(struct tgen *t);
/* Send for o->warm_up, which does not count, then for `seconds`, then wait for what is under way.
 */
void traffic_trial(struct tgen *t, double mpps, double seconds, struct trial *out);

static inline uint64_t trial_sent(const struct trial *r)
{
	return r->sent[UP] + r->sent[DOWN];
}

static inline uint64_t trial_lost(const struct trial *r)
{
	uint64_t received = r->received[UP] + r->received[DOWN];

	return trial_sent(r) > received ? trial_sent(r) - received : 0;
}

/* Mpps. */
double trial_offered(const struct trial *r);
double trial_rate(const struct trial *r);

/* What one run has found; a part is NULL that was not asked for. */
struct report {
	const struct trial *trial; /* without --search */
	const struct trial *overload, *zero_loss,
		*delay; /* with it; zero_loss: the trial that passed */
	unsigned trials;
};

void report_table(FILE *f, const struct options *o, const struct report *r);
int report_json(const char *path, const struct options *o, const struct report *r);
