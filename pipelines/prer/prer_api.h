/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams, the paths that they take and how they are put together again, on the
 * control socket and in coast.yaml. Terms are those of IEEE 802.1CB (frer...),
 * RFC 8964, RFC 9566 and RFC 9550.
 */
#pragma once

#include "addr.h"
#include "class.h"
#include "object.h"

#define PRER_NAME       63 /* characters of a name */
#define PRER_PATHS      4  /* of a stream */
#define PRER_MATCH_SIZE 48 /* octets that mask-and-match looks at: two addresses and 36 behind */

/* ---- recovery ------------------------------------------------------------ */

struct prer_latent_obj {
	uint64_t has;
	uint32_t difference, period_ms, reset_period_ms;
};

struct prer_intent_obj {
	uint64_t has;
	uint32_t packet_rate, delay_difference_ms, joint_burst;
};

struct prer_order_obj {
	uint64_t has;
	uint8_t mode; /* enum prer_order_mode */
	uint32_t max_delay_us, take_any_ms, packets;
};

struct prer_recovery_state {
	uint64_t has;
	uint32_t history_length, reset_ms, streams;
	const char *explained;
};

struct prer_recovery_obj {
	uint64_t has;
	const char *name;
	uint8_t algorithm; /* vector, match */
	uint32_t history_length;
	uint8_t rogue_rule; /* cbdb_2021, cb_2017 */
	uint32_t reset_ms;
	bool take_no_sequence, individual_recovery, resync;
	struct prer_latent_obj latent_error;
	struct prer_intent_obj intent;
	struct prer_order_obj order;
	struct prer_recovery_state state;
};
enum prer_recovery_field {
	RECOVERY_NAME,
	RECOVERY_ALGORITHM,
	RECOVERY_HISTORY,
	RECOVERY_RULE,
	RECOVERY_RESET,
	RECOVERY_TAKE,
	RECOVERY_INDIVIDUAL,
	RECOVERY_RESYNC,
	RECOVERY_LATENT,
	RECOVERY_INTENT,
	RECOVERY_ORDER,
	RECOVERY_STATE,
};

/* ---- path ---------------------------------------------------------------- */

struct prer_probe_obj {
	uint64_t has;
	uint32_t interval_ms, misses;
};

struct prer_degraded_obj {
	uint64_t has;
	uint32_t loss, delay_difference_ms;
};

struct prer_probe_obj_state {
	uint64_t has;
	uint8_t status; /* as enum prer_probe_state, less PRER_PROBE_OFF */
	uint32_t sent, answered, silent, rtt_us, rtt_mean_us;
};

struct prer_path_state {
	uint64_t has;
	uint8_t status; /* enum prer_watch_mood */
	uint32_t number, streams;
	const char *reason;
	struct prer_probe_obj_state probe;
};
extern const char *const prer_mood_names[]; /* by enum prer_watch_mood */

struct prer_path_obj {
	uint64_t has;
	const char *name;
	uint8_t encapsulation; /* enum prer_encap */
	const char *port;
	uint64_t session;
	uint16_t vlan;
	uint8_t destination_mac[6];
	const char *network_instance;
	struct cst_ip local, remote;
	struct prer_probe_obj probe;
	struct prer_degraded_obj degraded;
	bool enabled;
	struct prer_path_state state;
};
enum prer_path_field {
	PATH_NAME,
	PATH_ENCAPSULATION,
	PATH_PORT,
	PATH_SESSION,
	PATH_VLAN,
	PATH_DMAC,
	PATH_INSTANCE,
	PATH_LOCAL,
	PATH_REMOTE,
	PATH_PROBE,
	PATH_DEGRADED,
	PATH_ENABLED,
	PATH_STATE,
};

/* ---- stream -------------------------------------------------------------- */

struct prer_ip_match {
	uint64_t has;
	struct cst_ip source, destination;
	uint8_t dscp, protocol;
	uint16_t source_port, destination_port;
};
enum prer_ip_match_field {
	IP_MATCH_SOURCE,
	IP_MATCH_DESTINATION,
	IP_MATCH_DSCP,
	IP_MATCH_PROTOCOL,
	IP_MATCH_SOURCE_PORT,
	IP_MATCH_DESTINATION_PORT,
};

/* IEEE 802.1CB clause 6, 802.1CBdb 6.8. */
struct prer_identification_obj {
	uint64_t has;
	uint8_t type;   /* enum prer_by */
	uint8_t tagged; /* enum prer_frames */
	uint16_t vlan;  /* 0: any */
	uint8_t mac[6];
	struct prer_ip_match ip;
	const char *mask, *value; /* hexadecimal, of equal length */
};
enum prer_identification_field {
	IDENT_TYPE,
	IDENT_TAGGED,
	IDENT_VLAN,
	IDENT_MAC,
	IDENT_IP,
	IDENT_MASK,
	IDENT_VALUE,
};
enum prer_by { PRER_BY_NULL, PRER_BY_SOURCE, PRER_BY_DESTINATION, PRER_BY_IP, PRER_BY_MASK };
enum prer_frames { PRER_FRAMES_ALL, PRER_FRAMES_TAGGED, PRER_FRAMES_PRIORITY };

struct prer_send_obj {
	uint64_t has;
	const char *port;
	uint64_t session;
	struct prer_identification_obj identification;
};
enum prer_send_field { SEND_PORT, SEND_SESSION, SEND_IDENTIFICATION };

struct prer_receive_obj {
	uint64_t has;
	struct prer_identification_obj identification;
	const char *port;
	uint64_t session;
	uint16_t vlan;
	uint8_t destination_mac[6];
	const char *network_instance;
};
enum prer_receive_field {
	RECEIVE_IDENTIFICATION,
	RECEIVE_PORT,
	RECEIVE_SESSION,
	RECEIVE_VLAN,
	RECEIVE_DMAC,
	RECEIVE_INSTANCE,
};

struct prer_member_state { /* one path of the stream */
	uint64_t has;
	const char *path;
	uint64_t seen, first, out_of_order;
	uint64_t passed, discarded, rogue; /* of its individual recovery */
};

struct prer_order_state {
	uint64_t has;
	uint32_t waiting;
	uint64_t waited, late, expired, overflow;
};

struct prer_stream_state {
	uint64_t has;
	uint8_t direction; /* send, receive, both */
	uint32_t number, worker;
	/* sending */
	uint32_t next_sequence;
	uint64_t generated, encode_errored, generator_resets;
	/* receiving */
	uint64_t passed, discarded, rogue, out_of_order, lost, lost_guarded, tagless, resets;
	uint64_t latent_error_resets;
	uint32_t history_length;
	struct prer_order_state order;
	struct cst_list paths; /* of struct prer_member_state */
};
enum prer_stream_state_field {
	STREAM_STATE_DIRECTION,
	STREAM_STATE_NUMBER,
	STREAM_STATE_WORKER,
	STREAM_STATE_NEXT,
	STREAM_STATE_GENERATED,
	STREAM_STATE_ENCODE_ERRORED,
	STREAM_STATE_GEN_RESETS,
	STREAM_STATE_PASSED,
	STREAM_STATE_DISCARDED,
	STREAM_STATE_ROGUE,
	STREAM_STATE_OUT_OF_ORDER,
	STREAM_STATE_LOST,
	STREAM_STATE_LOST_GUARDED,
	STREAM_STATE_TAGLESS,
	STREAM_STATE_RESETS,
	STREAM_STATE_LATENT_RESETS,
	STREAM_STATE_HISTORY,
	STREAM_STATE_ORDER,
	STREAM_STATE_PATHS,
	STREAM_STATE_FIELDS,
};

struct prer_stream_obj {
	uint64_t has;
	const char *name;
	struct cst_list paths; /* of const char * */
	const char *recovery;
	uint8_t payload;       /* enum prer_payload_name */
	uint8_t sequence_bits; /* 0, 16, 28 */
	uint32_t service_label, remote_service_label;
	struct prer_send_obj send;
	struct prer_receive_obj receive;
	struct prer_stream_state state;
};
enum prer_payload_name { PRER_PAYLOAD_ETHERNET, PRER_PAYLOAD_IP };
enum prer_stream_field {
	STREAM_NAME,
	STREAM_PATHS,
	STREAM_RECOVERY,
	STREAM_PAYLOAD,
	STREAM_BITS,
	STREAM_LABEL_IN,
	STREAM_LABEL_OUT,
	STREAM_SEND,
	STREAM_RECEIVE,
	STREAM_STATE,
};

struct prer_stream_key {
	uint64_t has;
	const char *name;
};

/* Octets of a mask or value, at most PRER_MATCH_SIZE; -1: it is none. */
int prer_hex(const char *text, uint8_t *out);

extern const struct cst_object prer_recovery_object, prer_path_object, prer_stream_object,
	prer_stream_key_object, prer_member_object;
extern struct cst_class prer_recovery_class, prer_path_class, prer_stream_class;
