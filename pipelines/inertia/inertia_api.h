/* SPDX-License-Identifier: BSD-3-Clause */
/* Owners and the classes of their sessions, on the control socket and in coast.yaml. */
#pragma once

#include "class.h"
#include "object.h"
#include "owner.h"

#define INERTIA_NAME    63    /* characters of an owner's, a client's, a class's name */
#define INERTIA_CLIENTS 16    /* named in a list of an owner */
#define INERTIA_ADOPT   10000 /* ids in a call */

struct inertia_owner_obj {
	uint64_t has;
	const char *name;
	uint32_t lease_ms, grace_ms, reconcile_seconds;
	struct cst_list clients, heirs, authorities; /* of const char * */
	uint32_t authority_sessions;
	/* state */
	uint8_t number, state, role;
	uint64_t epoch;
	const char *client, *reason;
	uint16_t connections;
	uint32_t left_ms;
	uint64_t lost_ms, all, stale, local, owed;
};
enum inertia_owner_field {
	OWNER_NAME,
	OWNER_LEASE,
	OWNER_GRACE,
	OWNER_RECONCILE,
	OWNER_CLIENTS,
	OWNER_HEIRS,
	OWNER_AUTHORITIES,
	OWNER_AUTHORITY_SESSIONS,
	OWNER_NUMBER,
	OWNER_STATE,
	OWNER_ROLE,
	OWNER_EPOCH,
	OWNER_CLIENT,
	OWNER_REASON,
	OWNER_CONNECTIONS,
	OWNER_LEFT,
	OWNER_LOST,
	OWNER_ALL,
	OWNER_STALE,
	OWNER_LOCAL,
	OWNER_OWED,
};

struct inertia_class_obj {
	uint64_t has;
	const char *name;
	uint16_t order;
	const char *dnn;
	uint8_t sst;
	uint32_t sd;
	struct cst_list five_qi; /* of uint8_t */
	uint8_t arp_max;
	struct cst_prefix prefix;
	uint64_t max_seconds;
	uint8_t quota;
	uint64_t grace_bytes, throttle;
	uint8_t at_end;
	uint32_t buffer_packets;
	bool suppress_error_indications;
	/* state */
	bool shipped;
	uint64_t sessions, counted_ms;
};
enum inertia_class_field {
	CLASS_NAME,
	CLASS_ORDER,
	CLASS_DNN,
	CLASS_SST,
	CLASS_SD,
	CLASS_FIVE_QI,
	CLASS_ARP,
	CLASS_PREFIX,
	CLASS_SECONDS,
	CLASS_QUOTA,
	CLASS_GRACE,
	CLASS_THROTTLE,
	CLASS_AT_END,
	CLASS_BUFFER,
	CLASS_SUPPRESS,
	CLASS_SHIPPED,
	CLASS_SESSIONS,
	CLASS_COUNTED,
};
enum { AT_END_DROP, AT_END_KEEP };

struct inertia_claim_obj {
	uint64_t has;
	const char *name, *client;
	uint8_t role;
	uint64_t epoch;
	bool same_state;
	uint32_t lease_ms, grace_ms;
};
enum { CLAIM_NAME, CLAIM_CLIENT, CLAIM_ROLE, CLAIM_EPOCH, CLAIM_SAME, CLAIM_LEASE, CLAIM_GRACE };

struct inertia_reconcile_obj {
	uint64_t has;
	const char *what;
	uint64_t cursor;
	uint16_t limit;
	bool stale_only;
};
struct inertia_adopt_obj {
	uint64_t has;
	const char *what;
	struct cst_list ids; /* of uint64_t */
};
struct inertia_done_obj {
	uint64_t has;
	uint8_t sweep;
};
enum inertia_sweep { SWEEP_NONE, SWEEP_EXPIRED, SWEEP_NOW };

struct inertia_release_obj {
	uint64_t has;
	bool keep;
};

extern const char *const inertia_states[], *const inertia_roles[];
extern const struct cst_object inertia_owner_object, inertia_class_object, inertia_claim_object,
	inertia_reconcile_object, inertia_adopt_object, inertia_adopt_all_object,
	inertia_done_object, inertia_release_object;
extern struct cst_class inertia_owner_class, inertia_class_class;
