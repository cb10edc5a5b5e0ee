/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Error Indications received (TS 29.281 7.3.1, TS 23.527 5.3.3.1): which session
 * sends into the tunnel that its far end does not know.
 */
#pragma once

#include "addr.h"
#include "upf_node.h"

/* What workers tell the control thread: the network instance that the message came by, the far end
 * and its TEID. The message's source was that far end. */
struct upf_errind_notice {
	struct cst_ip peer;
	uint32_t teid;
	uint16_t vrf;
};

/* Worker. */
void upf_errind_tell(struct cst_worker *w, const struct upf_errind_notice *n);

/* Part of the notice; for tests. True: a session was found and told of. */
bool upf_errind_handle(const struct upf_errind_notice *n);

struct upf_session;
/* Tell once more of the FARs of the session that are held. Control thread. */
void upf_errind_again(const struct upf_session *s);

/* Tunnels that are known: one for each session, network instance, far end and TEID. */
uint32_t upf_errind_tunnels(void);
