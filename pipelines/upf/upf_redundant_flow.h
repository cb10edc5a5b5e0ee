/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows of redundant transmission that sessions have, by their part number
 * (UPF_PART_FLOW). Who numbers packets and finds duplicates is another slice
 * (net/redundancy.h). Control thread.
 */
#pragma once

#include "net/redundancy.h"
#include "upf_books.h"

/* Room for so many parts; before any session is made. -ENOMEM. */
int upf_flows_open(uint32_t count, struct cst_err *e);
/* What flows stand for stays, for the coastd that comes after. */
void upf_flows_close(void);

/* The flow of a part, opened when it is not yet; conf->key: what tells the session's own rule from
 * others. 0 and an error. */
uint32_t upf_flow_of(uint32_t part, const struct cst_redundancy_conf *conf, struct cst_err *e);

/* What is told of the flow behind a record; false: it has none. */
bool upf_redundant_show(const struct upf_session *s, const struct upf_pdr *rec,
			struct upf_redundancy_obj *out);
