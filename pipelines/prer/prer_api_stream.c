/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "prer_api.h"

/* ---- identification ------------------------------------------------------ */

static const struct cst_field ip_fields[] = {
	CST_F_IP(struct prer_ip_match, source, CST_T_IP, 0,
		 "from this address; 0.0.0.0 or ::, or absent: any"),
	CST_F_IP(struct prer_ip_match, destination, CST_T_IP, 0,
		 "to this address; 0.0.0.0 or ::, or absent: any"),
	CST_F_UINT(struct prer_ip_match, dscp, 0, 63, NULL, 0, NULL, "of this DSCP"),
	CST_F_UINT(struct prer_ip_match, protocol, 0, 255, NULL, 0, NULL,
		   "of this protocol: 6 TCP, 17 UDP, 132 SCTP"),
	CST_F_UINT(struct prer_ip_match, source_port, 0, 65535, NULL, 0, NULL, "from this port"),
	CST_F_UINT(struct prer_ip_match, destination_port, 0, 65535, NULL, 0, NULL, "to this port"),
};

static int check_ip(const void *obj, struct cst_err *e)
{
	const struct prer_ip_match *m = obj;
	bool ports = cst_has(m, IP_MATCH_SOURCE_PORT) || cst_has(m, IP_MATCH_DESTINATION_PORT);

	if (cst_has(m, IP_MATCH_SOURCE) && cst_has(m, IP_MATCH_DESTINATION) &&
	    m->source.family != m->destination.family)
		return cst_err(e, -EINVAL, "destination", "is of another family than source");
	if (ports && m->protocol != 6 && m->protocol != 17 && m->protocol != 132)
		return cst_err(e, -EINVAL, "protocol", "must be 6, 17 or 132 where ports count");
	if (!cst_has(m, IP_MATCH_SOURCE) && !cst_has(m, IP_MATCH_DESTINATION))
		return cst_err(e, -EINVAL, "source",
			       "or destination is needed, 0.0.0.0 or :: for any: they say which "
			       "IP it is");
	return 0;
}

static const struct cst_object ip_object = {
	.name = "ip_match",
	.help = "what counts of an IP packet (IEEE 802.1CB, 6.7)",
	.fields = ip_fields,
	.n_fields = sizeof(ip_fields) / sizeof(*ip_fields),
	.size = sizeof(struct prer_ip_match),
	.check = check_ip,
};

static const char *const ident_names[] = {"null", "source_mac_vlan", "destination_mac_vlan",
					  "ip",   "mask_and_match",  NULL};
static const char *const tagged_names[] = {"all", "tagged", "priority", NULL};
static const struct cst_field ident_fields[] = {
	CST_F_ENUM(struct prer_identification_obj, type, ident_names, CST_F_REQUIRED, NULL,
		   "null: destination and VLAN; destination_mac_vlan: the same, and the paths may "
		   "rewrite them; source_mac_vlan; ip; mask_and_match (802.1CB, 6.4 to 6.7; "
		   "802.1CBdb, 6.8)"),
	CST_F_ENUM(struct prer_identification_obj, tagged, tagged_names, 0, "all",
		   "all; tagged: frames with a VID; priority: frames with no tag or VID 0"),
	CST_F_UINT(struct prer_identification_obj, vlan, 0, 4094, NULL, 0, "0",
		   "frames with this outer VID; 0: whatever it is"),
	CST_F_MAC(struct prer_identification_obj, mac, 0,
		  "the address that counts: the source's with source_mac_vlan, else the "
		  "destination's"),
	CST_F_OBJ(struct prer_identification_obj, ip, &ip_object, 0, "with type: ip"),
	CST_F_STR(struct prer_identification_obj, mask, 2, 2 * PRER_MATCH_SIZE, 0, NULL,
		  "with type: mask_and_match: which bits count, hexadecimal, from the destination "
		  "address on, without VLAN tags and R-TAG"),
	CST_F_STR(struct prer_identification_obj, value, 2, 2 * PRER_MATCH_SIZE, 0, NULL,
		  "with type: mask_and_match: what they must be"),
};

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int prer_hex(const char *text, uint8_t *out)
{
	size_t n = strlen(text);

	if (n % 2 != 0 || n > 2 * PRER_MATCH_SIZE)
		return -1;
	for (size_t i = 0; i < n; i += 2) {
		int high = nibble(text[i]), low = nibble(text[i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (int)(n / 2);
}

static int check_mask(const struct prer_identification_obj *id, struct cst_err *e)
{
	static const uint8_t nothing[PRER_MATCH_SIZE];
	uint8_t mask[PRER_MATCH_SIZE] = {0}, value[PRER_MATCH_SIZE];
	int n, m;

	if (!cst_has(id, IDENT_MASK) || !cst_has(id, IDENT_VALUE))
		return cst_err(e, -EINVAL, cst_has(id, IDENT_MASK) ? "value" : "mask",
			       "is missing: type: mask_and_match needs it");
	n = prer_hex(id->mask, mask);
	m = prer_hex(id->value, value);
	if (n < 0 || m < 0)
		return cst_err(e, -EINVAL, n < 0 ? "mask" : "value",
			       "must be pairs of hexadecimal digits");
	if (n != m)
		return cst_err(e, -EINVAL, "value", "has %d octets, but mask has %d", m, n);
	if (memcmp(mask, nothing, (size_t)n) == 0)
		return cst_err(e, -EINVAL, "mask", "would match every frame: set a bit");
	for (int i = 0; i < n; i++)
		if (value[i] & ~mask[i])
			return cst_err(e, -EINVAL, "value",
				       "has bits in octet %d that mask leaves out: nothing would "
				       "match",
				       i);
	return 0;
}

static int check_ident(const void *obj, struct cst_err *e)
{
	const struct prer_identification_obj *id = obj;
	bool by_mac = id->type <= PRER_BY_DESTINATION;

	if (by_mac && !cst_has(id, IDENT_MAC))
		return cst_err(e, -EINVAL, "mac", "is missing: this type needs it");
	if (id->type == PRER_BY_MASK && cst_has(id, IDENT_MAC))
		return cst_err(e, -EINVAL, "mac", "is part of mask and value with this type");
	if (id->type == PRER_BY_IP && !cst_has(id, IDENT_IP))
		return cst_err(e, -EINVAL, "ip", "is missing: this type needs it");
	if (id->type != PRER_BY_IP && cst_has(id, IDENT_IP))
		return cst_err(e, -EINVAL, "ip", "is for type: ip");
	if (id->type != PRER_BY_MASK && (cst_has(id, IDENT_MASK) || cst_has(id, IDENT_VALUE)))
		return cst_err(e, -EINVAL, cst_has(id, IDENT_MASK) ? "mask" : "value",
			       "is for type: mask_and_match");
	if (id->tagged == PRER_FRAMES_PRIORITY && id->vlan != 0)
		return cst_err(e, -EINVAL, "vlan", "cannot be with tagged: priority");
	return id->type == PRER_BY_MASK ? check_mask(id, e) : 0;
}

static const struct cst_object ident_object = {
	.name = "stream_identification",
	.help = "which frames are the stream's (IEEE 802.1CB, 6)",
	.fields = ident_fields,
	.n_fields = sizeof(ident_fields) / sizeof(*ident_fields),
	.size = sizeof(struct prer_identification_obj),
	.check = check_ident,
};

/* ---- send, receive ------------------------------------------------------- */

static const struct cst_field send_fields[] = {
	CST_F_STR(struct prer_send_obj, port, 1, 31, 0, NULL, "port that its frames come in by"),
	CST_F_UINT(struct prer_send_obj, session, 1, UINT64_MAX, NULL, 0, NULL,
		   "or the SEID of the Ethernet PDU session"),
	CST_F_OBJ(struct prer_send_obj, identification, &ident_object, CST_F_REQUIRED,
		  "which of them are the stream's"),
};

static int check_send(const void *obj, struct cst_err *e)
{
	const struct prer_send_obj *s = obj;

	if (cst_has(s, SEND_PORT) && cst_has(s, SEND_SESSION))
		return cst_err(e, -EINVAL, "session", "goes not with port: name one of them");
	if (!cst_has(s, SEND_PORT) && !cst_has(s, SEND_SESSION))
		return cst_err(e, -EINVAL, "port",
			       "is missing: frames come in by a port or a session");
	return 0;
}

static const struct cst_object send_object = {
	.name = "stream_send",
	.help = "what is numbered and sent by all paths",
	.fields = send_fields,
	.n_fields = sizeof(send_fields) / sizeof(*send_fields),
	.size = sizeof(struct prer_send_obj),
	.check = check_send,
};

static const struct cst_field receive_fields[] = {
	CST_F_OBJ(struct prer_receive_obj, identification, &ident_object, 0,
		  "rtag paths: which frames on them are the stream's, as they look there, behind "
		  "the R-TAG"),
	CST_F_STR(struct prer_receive_obj, port, 1, 31, 0, NULL,
		  "payload: ethernet: port that they are delivered by"),
	CST_F_UINT(struct prer_receive_obj, session, 1, UINT64_MAX, NULL, 0, NULL,
		   "or the SEID of the Ethernet PDU session"),
	CST_F_UINT(struct prer_receive_obj, vlan, 0, 4094, NULL, 0, NULL,
		   "VID that they are delivered with; 0: without the outer tag; absent: tags stay "
		   "as they are"),
	CST_F_MAC(struct prer_receive_obj, destination_mac, 0,
		  "destination that they are delivered with (active identification)"),
	CST_F_STR(struct prer_receive_obj, network_instance, 1, PRER_NAME, 0, NULL,
		  "payload: ip: whose routes they take"),
};
static const struct cst_object receive_object =
	CST_OBJECT("stream_receive", struct prer_receive_obj, receive_fields,
		   "what is put together again and delivered");

/* ---- state --------------------------------------------------------------- */

#define STATE(s, m, u, h) CST_F_UINT(struct s, m, 0, 0, u, CST_F_STATE, NULL, h)

static const struct cst_field member_fields[] = {
	CST_F_STR(struct prer_member_state, path, 0, PRER_NAME, CST_F_STATE, NULL, "path"),
	STATE(prer_member_state, seen, "packets", "that came by it"),
	STATE(prer_member_state, first, "packets",
	      "of them, those that came first and were passed"),
	STATE(prer_member_state, out_of_order, "packets",
	      "of them, those behind a later one of the same path"),
	STATE(prer_member_state, passed, "packets",
	      "of them, those that its individual recovery let go on to the stream's own; like "
	      "discarded and rogue with individual_recovery alone"),
	STATE(prer_member_state, discarded, "packets", "those that this path repeated"),
	STATE(prer_member_state, rogue, "packets",
	      "those with a number outside the window of this path"),
};
const struct cst_object prer_member_object = CST_OBJECT(
	"member_state", struct prer_member_state, member_fields, "what one path does for a stream");

static const struct cst_field order_fields[] = {
	STATE(prer_order_state, waiting, "packets", "that wait now for those before them"),
	STATE(prer_order_state, waited, "packets",
	      "that waited, since coastd or this `order` began"),
	STATE(prer_order_state, late, "packets",
	      "older than the last delivered: delivered none the less, or with drop_older dropped"),
	STATE(prer_order_state, expired, "packets",
	      "that went on before their turn: those before them had not come within "
	      "max_delay_us, or too many waited in all"),
	STATE(prer_order_state, overflow, "packets",
	      "that went on before their turn because more than `packets` would have waited"),
};
static const struct cst_object order_state_object =
	CST_OBJECT("order_state", struct prer_order_state, order_fields,
		   "what became of packets that came in another order (RFC 9550)");

#define COUNTER(m, h) STATE(prer_stream_state, m, "packets", h)

static const char *const direction_names[] = {"none", "send", "receive", "both", NULL};
static const struct cst_field state_fields[] = {
	CST_F_ENUM(struct prer_stream_state, direction, direction_names, CST_F_STATE, NULL,
		   "what it has: send, receive"),
	STATE(prer_stream_state, number, NULL, "its number, kept over restarts"),
	STATE(prer_stream_state, worker, NULL, "that owns it"),
	STATE(prer_stream_state, next_sequence, NULL, "the next number given out (GenSeqNum)"),
	COUNTER(generated, "that got a number"),
	COUNTER(encode_errored, "too big for a path, so sent on none (frerSeqEncErroredPackets)"),
	STATE(prer_stream_state, generator_resets, NULL, "frerSeqGenResets"),
	COUNTER(passed, "frerSeqRcvyPassedPackets"),
	COUNTER(discarded, "copies of what was passed (frerSeqRcvyDiscardedPackets)"),
	COUNTER(rogue, "with a number outside the window (frerSeqRcvyRoguePackets)"),
	COUNTER(out_of_order, "of those passed (frerSeqRcvyOutOfOrderPackets)"),
	COUNTER(lost, "on all paths, as the standard counts (frerSeqRcvyLostPackets)"),
	COUNTER(lost_guarded, "the same without what a reset makes up"),
	COUNTER(tagless, "without a number (frerSeqRcvyTaglessPackets)"),
	STATE(prer_stream_state, resets, NULL, "frerSeqRcvyResets"),
	STATE(prer_stream_state, latent_error_resets, NULL, "frerSeqRcvyLatentErrorResets"),
	STATE(prer_stream_state, history_length, "packets", "in force"),
	CST_F_OBJ(struct prer_stream_state, order, &order_state_object, CST_F_STATE,
		  "what its recovery's `order` does"),
	CST_F_LIST(struct prer_stream_state, paths, CST_T_OBJ, struct prer_member_state, PRER_PATHS,
		   CST_F_STATE, "what each path does", .sub = &prer_member_object),
};
_Static_assert(sizeof(state_fields) / sizeof(*state_fields) == STREAM_STATE_FIELDS,
	       "prer_stream_state_field");
static const struct cst_object state_object =
	CST_OBJECT("stream_state", struct prer_stream_state, state_fields,
		   "what has become of it (IEEE 802.1CB, 9, 10)");

/* ---- stream -------------------------------------------------------------- */

static const char *const payload_names[] = {"ethernet", "ip", NULL};
static const struct cst_field stream_fields[] = {
	CST_F_STR(struct prer_stream_obj, name, 1, PRER_NAME, CST_F_KEY, NULL, "name"),
	CST_F_LIST(struct prer_stream_obj, paths, CST_T_STR, const char *, PRER_PATHS,
		   CST_F_REQUIRED, "paths that each packet takes", .min = 1, .max = PRER_NAME),
	CST_F_STR(struct prer_stream_obj, recovery, 1, PRER_NAME, 0, "default",
		  "how copies are told apart"),
	CST_F_ENUM(struct prer_stream_obj, payload, payload_names, 0, "ethernet",
		   "ethernet: whole frames; ip: IP packets (dcw paths)"),
	CST_F_UINT(struct prer_stream_obj, sequence_bits, 0, 28, "bits", 0, "16",
		   "of a number: 16; dcw paths also 28 and 0, none (RFC 8964, 4.2.1)"),
	CST_F_UINT(struct prer_stream_obj, service_label, 16, 1048575, NULL, 0, NULL,
		   "dcw: S-Label that it is received by, unique here (RFC 9566, 4.1)"),
	CST_F_UINT(struct prer_stream_obj, remote_service_label, 16, 1048575, NULL, 0, NULL,
		   "dcw: S-Label that the far end receives it by"),
	CST_F_OBJ(struct prer_stream_obj, send, &send_object, 0, "what is sent; absent: nothing"),
	CST_F_OBJ(struct prer_stream_obj, receive, &receive_object, 0,
		  "what is received; absent: nothing"),
	CST_F_OBJ(struct prer_stream_obj, state, &state_object, CST_F_STATE,
		  "what has become of it"),
};

static int check_names(const struct cst_list *paths, struct cst_err *e)
{
	const char *const *name = paths->items;

	if (paths->n == 0)
		return cst_err(e, -EINVAL, "paths", "must name at least one");
	for (uint32_t i = 0; i < paths->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(name[i], name[k]) == 0)
				return cst_err(e, -EINVAL, "paths", "names '%s' twice", name[i]);
	return 0;
}

static int check_deliver(const struct prer_stream_obj *s, struct cst_err *e)
{
	const struct prer_receive_obj *r = &s->receive;
	bool frames = cst_has(r, RECEIVE_PORT) || cst_has(r, RECEIVE_SESSION);

	if (s->payload == PRER_PAYLOAD_ETHERNET) {
		if (cst_has(r, RECEIVE_INSTANCE))
			return cst_err(e, -EINVAL, "receive.network_instance",
				       "is for payload: ip");
		if (cst_has(r, RECEIVE_PORT) == cst_has(r, RECEIVE_SESSION))
			return cst_err(e, -EINVAL, "receive.port",
				       "or session is needed, one of them");
		return 0;
	}
	if (!cst_has(r, RECEIVE_INSTANCE))
		return cst_err(e, -EINVAL, "receive.network_instance",
			       "is missing: payload: ip needs it");
	if (frames || cst_has(r, RECEIVE_VLAN) || cst_has(r, RECEIVE_DMAC))
		return cst_err(e, -EINVAL, "receive",
			       "port, session, vlan and destination_mac are "
			       "for payload: ethernet");
	return 0;
}

static int check_stream(const void *obj, struct cst_err *e)
{
	const struct prer_stream_obj *s = obj;

	if (check_names(&s->paths, e) < 0)
		return -EINVAL;
	if (s->sequence_bits != 0 && s->sequence_bits != 16 && s->sequence_bits != 28)
		return cst_err(e, -EINVAL, "sequence_bits", "must be 16, 28 or 0");
	if (!cst_has(s, STREAM_SEND) && !cst_has(s, STREAM_RECEIVE))
		return cst_err(e, -EINVAL, "send", "or receive is needed: it would do nothing");
	return cst_has(s, STREAM_RECEIVE) ? check_deliver(s, e) : 0;
}

const struct cst_object prer_stream_object = {
	.name = "stream",
	.help = "packets that take several paths at once; the first copy is kept at the other end "
		"(a compound stream, IEEE 802.1CB, 7)",
	.fields = stream_fields,
	.n_fields = sizeof(stream_fields) / sizeof(*stream_fields),
	.size = sizeof(struct prer_stream_obj),
	.check = check_stream,
};

struct cst_class prer_stream_class = {
	.object = &prer_stream_object, .plural = "streams", .order = 62, .config = true};
CST_CLASS(prer_stream_class);

static const struct cst_field key_fields[] = {
	CST_F_STR(struct prer_stream_key, name, 1, PRER_NAME, CST_F_KEY, NULL, "the stream"),
};
const struct cst_object prer_stream_key_object =
	CST_OBJECT("stream_key", struct prer_stream_key, key_fields, "which stream");
