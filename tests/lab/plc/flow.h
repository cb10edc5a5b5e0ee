/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows between the two ends, and what is told of them. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "track.h"

#define NS        1000000000u
#define MAX_FLOWS 16
#define MAX_COUNT 65536u
#define HEAD      24 /* octets of struct head */

enum kind { UDP, ETH };

struct flow {
	char name[16];
	enum kind kind;
	struct sockaddr_in addr[2];
	int port;
	unsigned type, vlan, pcp, count, size;
	bool tagged;
	int only; /* end that sends; -1: both */
	uint64_t cycle;

	int fd[2];              /* UDP, by end */
	struct track *track[2]; /* by sending end, of `count` streams */
	uint64_t due[2];
	unsigned turn[2]; /* stream whose turn it is */
	uint64_t wrong[2];
};

extern struct flow flows[MAX_FLOWS];
extern unsigned n_flows;

/* A flow by its --flow; changes `spec`. Ends the program when it is no good. */
void flow_add(char *spec);

/* What the application saw of the phase that ended, as a line of JSON. */
void flows_print(double seconds);

/* Ends the program: what it was given cannot be done. */
_Noreturn void refuse(const char *what, const char *why);
