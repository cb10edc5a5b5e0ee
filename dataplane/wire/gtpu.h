/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GTP-U (TS 29.281) and the PDU Session Container (TS 38.415): checked parse
 * of the header with its extension headers, and the headers and messages that
 * a user plane makes itself.
 *
 * All pointers are at the GTP-U header, behind UDP. Numbers in host order.
 * Never reads past the length given. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "addr.h"
#include "be.h"

#define CST_GTPU_PORT 2152

enum cst_gtpu_type { /* 6.1 */
		     CST_GTPU_ECHO_REQUEST = 1,
		     CST_GTPU_ECHO_RESPONSE = 2,
		     CST_GTPU_ERROR_INDICATION = 26,
		     CST_GTPU_SUPPORTED_EXT = 31,
		     CST_GTPU_TUNNEL_STATUS = 253,
		     CST_GTPU_END_MARKER = 254,
		     CST_GTPU_GPDU = 255,
};

enum cst_gtpu_ext { /* 5.2.1 */
		    CST_GTPU_EXT_NONE = 0x00,
		    CST_GTPU_EXT_SCI = 0x20,
		    CST_GTPU_EXT_UDP_PORT = 0x40,
		    CST_GTPU_EXT_RAN = 0x81,
		    CST_GTPU_EXT_LONG_PDCP = 0x82,
		    CST_GTPU_EXT_XW_RAN = 0x83,
		    CST_GTPU_EXT_NR_RAN = 0x84,
		    CST_GTPU_EXT_PSC = 0x85,
		    CST_GTPU_EXT_PDCP = 0xc0,
};

enum cst_gtpu_ie { /* 8.1 */
		   CST_GTPU_IE_RECOVERY = 14,
		   CST_GTPU_IE_TEID = 16,
		   CST_GTPU_IE_PEER = 133,
		   CST_GTPU_IE_EXT_LIST = 141,
};

enum cst_gtpu_err {
	CST_GTPU_OK = 0,
	CST_GTPU_TRUNCATED = -1, /* fewer bytes than the mandatory header */
	CST_GTPU_VERSION = -2,   /* not version 1 */
	CST_GTPU_PRIME = -3,     /* PT 0: GTP', the charging protocol */
	CST_GTPU_LENGTH =
		-4, /* length field past the datagram or short of the header's own fields */
	CST_GTPU_EXT_LENGTH = -5,  /* extension header of length 0 or past the message */
	CST_GTPU_EXT_COUNT = -6,   /* more than CST_GTPU_MAX_EXT of them */
	CST_GTPU_EXT_UNKNOWN = -7, /* unknown and must be understood: answer type 31 (5.2.1) */
	CST_GTPU_IE = -8,          /* an information element is missing or malformed */
};

#define CST_GTPU_MAX_EXT 8

#define CST_GTPU_PSC_DL 0 /* PDU type: DL PDU SESSION INFORMATION (TS 38.415 5.5.2.1) */
#define CST_GTPU_PSC_UL 1 /* UL PDU SESSION INFORMATION (5.5.2.2) */

#define CST_GTPU_HAS_SEQ   0x01 /* seq valid */
#define CST_GTPU_HAS_NPDU  0x02 /* npdu valid */
#define CST_GTPU_HAS_PORT  0x04 /* udp_src_port valid */
#define CST_GTPU_OTHER_EXT 0x08 /* known extension headers besides these, e.g. a PDCP number */

struct cst_gtpu {
	uint32_t teid;
	uint16_t hdr_len; /* bytes to strip: header with extension headers, 8 or more */
	uint16_t seq;     /* with CST_GTPU_HAS_SEQ */
	uint32_t end;     /* of the message: 8 + length field; payload is [hdr_len, end) */
	uint8_t type;     /* enum cst_gtpu_type, or another */
	uint8_t has_psc;
	uint8_t psc_type; /* CST_GTPU_PSC_DL, _UL or a reserved one; with has_psc, like the next two
			   */
	uint8_t qfi;      /* 0..63 */
	uint8_t rqi;      /* 0 or 1, DL only */
	uint8_t flags;    /* CST_GTPU_HAS_*, CST_GTPU_OTHER_EXT */
	uint8_t npdu;     /* with CST_GTPU_HAS_NPDU */
	uint8_t ext_type; /* with CST_GTPU_EXT_UNKNOWN: the offending type */
	uint16_t udp_src_port; /* of extension header 0x40, with CST_GTPU_HAS_PORT */
	uint16_t psc_at; /* where a PDU Session Container begins that says more than a QFI; 0: none
			  */
};

_Static_assert(sizeof(struct cst_gtpu) == 24, "cst_gtpu");

/* What `p` says behind its first eight bytes, `34 ff` or `36 ff`, if it is exactly one PDU Session
 * Container of four bytes: next type 0x85, then length 1, ..., no further one. */
static inline __attribute__((always_inline)) int cst_gtpu_parse_psc(const uint8_t *p, uint32_t end,
								    struct cst_gtpu *out)
{
	uint32_t ext = cst_be32(p + 12);

	if (p[11] != CST_GTPU_EXT_PSC || (ext & 0xff0000ff) != 0x01000000)
		return 0;
	*out = (struct cst_gtpu){
		.teid = cst_be32(p + 4),
		.hdr_len = 16,
		.end = end,
		.type = CST_GTPU_GPDU,
		.has_psc = 1,
		.psc_type = (uint8_t)(ext >> 20 & 15),
		.qfi = (uint8_t)(ext >> 8 & 0x3f),
		/* bit 6 of the second octet: RQI downlink, new IE flag uplink */
		.rqi = (uint8_t)((ext >> 14 & 1) & ((ext >> 20 & 15) == CST_GTPU_PSC_DL)),
	};
	return 1;
}

/* The forms that all but a few G-PDUs have: `30 ff` without options, and `34 ff` with exactly one
 * PDU Session Container of four bytes, or `36 ff`, that and a sequence number. 1 when it was one of
 * these and `out` is filled. */
static inline __attribute__((always_inline)) int cst_gtpu_parse_fast(const uint8_t *p, uint32_t len,
								     struct cst_gtpu *out)
{
	uint32_t head, end;

	if (len < 8)
		return 0;
	head = cst_be32(p);
	end = 8 + (head & 0xffff);
	if (end > len)
		return 0;
	if (head >> 16 == 0x34ff && end >= 16)
		return cst_gtpu_parse_psc(p, end, out);
	if (head >> 16 == 0x30ff) {
		*out = (struct cst_gtpu){
			.teid = cst_be32(p + 4),
			.hdr_len = 8,
			.end = end,
			.type = CST_GTPU_GPDU,
		};
		return 1;
	}
	if (head >> 16 == 0x36ff && end >= 16 && cst_gtpu_parse_psc(p, end, out)) {
		out->seq = cst_be16(p + 8);
		out->flags = CST_GTPU_HAS_SEQ;
		return 1;
	}
	return 0;
}

/* Extension headers that some node may send here for a good reason and that a UPF steps over. */
static inline int cst_gtpu_ext_known(uint8_t type)
{
	return type == CST_GTPU_EXT_SCI || type == CST_GTPU_EXT_UDP_PORT ||
	       (type >= CST_GTPU_EXT_RAN && type <= CST_GTPU_EXT_PSC) || type == CST_GTPU_EXT_PDCP;
}

/* One extension header of `size` bytes at `off`, its length octet. */
static inline void cst_gtpu_ext_read(uint8_t type, const uint8_t *p, uint32_t off, uint32_t size,
				     struct cst_gtpu *out)
{
	const uint8_t *e = p + off;

	if (type == CST_GTPU_EXT_PSC) {
		out->has_psc = 1;
		out->psc_at = size > 4 ? (uint16_t)off : 0;
		out->psc_type = e[1] >> 4;
		out->qfi = e[2] & 0x3f;
		out->rqi = out->psc_type == CST_GTPU_PSC_DL ? e[2] >> 6 & 1 : 0;
	} else if (type == CST_GTPU_EXT_UDP_PORT) {
		out->udp_src_port = cst_be16(e + 1);
		out->flags |= CST_GTPU_HAS_PORT;
	} else {
		out->flags |= CST_GTPU_OTHER_EXT;
	}
}

/* Any legal form. */
static inline int cst_gtpu_parse_any(const uint8_t *p, uint32_t len, struct cst_gtpu *out)
{
	uint32_t off = 8;
	uint8_t next;

	*out = (struct cst_gtpu){0};
	if (len < 8)
		return CST_GTPU_TRUNCATED;
	if (p[0] >> 5 != 1)
		return CST_GTPU_VERSION;
	if (!(p[0] & 0x10))
		return CST_GTPU_PRIME;
	out->type = p[1];
	out->end = 8u + cst_be16(p + 2);
	out->teid = cst_be32(p + 4);
	out->hdr_len = 8;
	if (out->end > len)
		return CST_GTPU_LENGTH;
	if (!(p[0] & 0x07))
		return CST_GTPU_OK;

	/* one of E, S, PN brings all three fields; those without their flag mean nothing */
	if (out->end < 12)
		return CST_GTPU_LENGTH;
	if (p[0] & 0x02) {
		out->seq = cst_be16(p + 8);
		out->flags |= CST_GTPU_HAS_SEQ;
	}
	if (p[0] & 0x01) {
		out->npdu = p[10];
		out->flags |= CST_GTPU_HAS_NPDU;
	}
	next = p[0] & 0x04 ? p[11] : CST_GTPU_EXT_NONE;
	off = 12;
	for (int n = 0; next != CST_GTPU_EXT_NONE; n++) {
		uint32_t size;

		if (n == CST_GTPU_MAX_EXT)
			return CST_GTPU_EXT_COUNT;
		if (off + 4 > out->end)
			return CST_GTPU_EXT_LENGTH;
		size = p[off] * 4u;
		if (size == 0 || off + size > out->end)
			return CST_GTPU_EXT_LENGTH;
		if (cst_gtpu_ext_known(next)) {
			cst_gtpu_ext_read(next, p, off, size, out);
		} else if (next & 0x80) {
			/* 10: the endpoint, 11: everybody must understand it; we are the endpoint
			 */
			out->ext_type = next;
			return CST_GTPU_EXT_UNKNOWN;
		}
		next = p[off + size - 1];
		off += size;
	}
	out->hdr_len = (uint16_t)off;
	return CST_GTPU_OK;
}

/* 0 or a negative enum cst_gtpu_err. With an error `out` holds what was read so far: type, teid and
 * seq from CST_GTPU_LENGTH on, ext_type with CST_GTPU_EXT_UNKNOWN. Bytes behind out->end are
 * padding of the datagram, no error. */
static inline int cst_gtpu_parse(const uint8_t *p, uint32_t len, struct cst_gtpu *out)
{
	if (__builtin_expect(cst_gtpu_parse_fast(p, len, out), 1))
		return CST_GTPU_OK;
	return cst_gtpu_parse_any(p, len, out);
}

/* --- time stamps for QoS monitoring (TS 38.415 5.5.2, 5.5.3) --- */

#define CST_GTPU_QMP      0x08 /* of the container's first octet: with time stamps */
#define CST_GTPU_DL_DELAY 0x04 /* with a DL Delay Result, uplink only */
#define CST_GTPU_UL_DELAY 0x02 /* with a UL Delay Result, uplink only */

/* What a gNB answers to a downlink packet with a time stamp. NTP time, 32.32 bits of seconds. */
struct cst_gtpu_qmp {
	uint64_t dl_sent;     /* as it was in the downlink packet */
	uint64_t dl_received; /* by the gNB's clock, as the next one */
	uint64_t ul_sent;
	uint32_t dl_result, ul_result; /* delay in the radio network, ms; 0: not told */
};

/* The time stamps in an uplink container of a message that cst_gtpu_parse() has accepted. 1: there
 * they are. 0: none. -1: the container is too short for what it announces. */
static inline int cst_gtpu_qmp_read(const uint8_t *p, const struct cst_gtpu *g,
				    struct cst_gtpu_qmp *out)
{
	const uint8_t *e = p + g->psc_at;
	uint32_t need = 4 + 24;
	uint32_t off = 3;

	*out = (struct cst_gtpu_qmp){0};
	if (!g->has_psc || g->psc_type != CST_GTPU_PSC_UL || g->psc_at == 0 ||
	    !(e[1] & CST_GTPU_QMP))
		return 0;
	need += e[1] & CST_GTPU_DL_DELAY ? 4 : 0;
	need += e[1] & CST_GTPU_UL_DELAY ? 4 : 0;
	if (e[0] * 4u < need)
		return -1;
	out->dl_sent = cst_be64(e + off);
	out->dl_received = cst_be64(e + off + 8);
	out->ul_sent = cst_be64(e + off + 16);
	off += 24;
	if (e[1] & CST_GTPU_DL_DELAY) {
		out->dl_result = cst_be32(e + off);
		off += 4;
	}
	if (e[1] & CST_GTPU_UL_DELAY)
		out->ul_result = cst_be32(e + off);
	return 1;
}

/* --- headers in front of user packets; each returns the bytes written --- */

/* Eight bytes, no options. `payload_len`: the user packet. */
static inline uint32_t cst_gtpu_put(uint8_t *p, uint8_t type, uint32_t teid, uint16_t payload_len)
{
	cst_put_be64(p, (uint64_t)0x30 << 56 | (uint64_t)type << 48 | (uint64_t)payload_len << 32 |
				teid);
	return 8;
}

/* Octets 2 and 3 of a four-byte PDU Session Container. */
static inline uint16_t cst_gtpu_psc_dl(uint8_t qfi, int rqi)
{
	return (uint16_t)((rqi ? 0x40 : 0) | (qfi & 0x3f));
}

static inline uint16_t cst_gtpu_psc_ul(uint8_t qfi)
{
	return (uint16_t)(CST_GTPU_PSC_UL << 12 | (qfi & 0x3f));
}

/* Sixteen bytes: `34 type len teid, 00 00 00 85, 01 psc 00`; payload_len at most 65527. */
static inline uint32_t cst_gtpu_put_psc(uint8_t *p, uint8_t type, uint32_t teid,
					uint16_t payload_len, uint16_t psc)
{
	cst_put_be64(p, (uint64_t)0x34 << 56 | (uint64_t)type << 48 |
				(uint64_t)(uint16_t)(payload_len + 8) << 32 | teid);
	cst_put_be64(p + 8, (uint64_t)CST_GTPU_EXT_PSC << 32 | 0x01000000u | (uint32_t)psc << 8);
	return 16;
}

#define CST_GTPU_QMP_LEN 24

/* The same with a downlink container of twelve bytes that bears a time stamp (QMP): 24 bytes;
 * payload_len at most 65519. */
static inline uint32_t cst_gtpu_put_qmp(uint8_t *p, uint8_t type, uint32_t teid,
					uint16_t payload_len, uint16_t psc, uint64_t dl_sent)
{
	cst_put_be64(p, (uint64_t)0x34 << 56 | (uint64_t)type << 48 |
				(uint64_t)(uint16_t)(payload_len + 16) << 32 | teid);
	cst_put_be64(p + 8, (uint64_t)CST_GTPU_EXT_PSC << 32 | 0x03000000u | CST_GTPU_QMP << 16 |
				    (uint32_t)psc << 8);
	cst_put_be64(p + 15, dl_sent);
	p[23] = CST_GTPU_EXT_NONE;
	return CST_GTPU_QMP_LEN;
}

/* --- numbers of redundant transmission (TS 23.501 5.33.2.2) --- */

/* Of a header that has the optional fields: GTP-U's own sequence number. */
static inline void cst_gtpu_set_seq(uint8_t *p, uint16_t seq)
{
	p[0] |= 0x02;
	cst_put_be16(p + 8, seq);
}

/* G-PDU header without extension headers and with a sequence number: 12 bytes. */
static inline uint32_t cst_gtpu_put_gpdu_seq(uint8_t *p, uint32_t teid, uint16_t payload_len,
					     uint16_t seq)
{
	cst_put_be64(p, (uint64_t)0x32 << 56 | (uint64_t)CST_GTPU_GPDU << 48 |
				(uint64_t)(uint16_t)(payload_len + 4) << 32 | teid);
	cst_put_be32(p + 8, (uint32_t)seq << 16);
	return 12;
}

#define CST_GTPU_PPP     0x80 /* of a downlink container's second octet: with a PPI */
#define CST_GTPU_SNP_DL  0x04 /* of a container's first octet: with a QFI Sequence Number */
#define CST_GTPU_SNP_UL  0x01
#define CST_GTPU_SNP_LEN 20

/* G-PDU header with a container of eight bytes that bears a 24-bit QFI Sequence Number (TS 38.415
 * 5.5.3.18, 5.5.3.19): 20 bytes. `psc` as for cst_gtpu_put_psc(). */
static inline uint32_t cst_gtpu_put_qfi_seq(uint8_t *p, uint32_t teid, uint16_t payload_len,
					    uint16_t psc, uint32_t seq)
{
	uint32_t snp = psc >> 12 == CST_GTPU_PSC_UL ? CST_GTPU_SNP_UL : CST_GTPU_SNP_DL;

	cst_put_be64(p, (uint64_t)0x34 << 56 | (uint64_t)CST_GTPU_GPDU << 48 |
				(uint64_t)(uint16_t)(payload_len + 12) << 32 | teid);
	cst_put_be32(p + 8, CST_GTPU_EXT_PSC);
	cst_put_be32(p + 12, 0x02000000u | snp << 16 | (uint32_t)psc << 8 | seq >> 16);
	cst_put_be32(p + 16, seq << 16);
	return CST_GTPU_SNP_LEN;
}

/* The QFI Sequence Number of a message that cst_gtpu_parse() has accepted. 1: there it is. 0: it
 * has none. -1: the container is too short for what it announces. */
static inline int cst_gtpu_qfi_seq(const uint8_t *p, const struct cst_gtpu *g, uint32_t *seq)
{
	const uint8_t *e = p + g->psc_at;
	uint32_t off = 3;

	if (!g->has_psc || g->psc_at == 0)
		return 0;
	if (g->psc_type == CST_GTPU_PSC_UL && (e[1] & CST_GTPU_SNP_UL)) {
		off += e[1] & CST_GTPU_QMP ? 24 : 0;
		off += e[1] & CST_GTPU_DL_DELAY ? 4 : 0;
		off += e[1] & CST_GTPU_UL_DELAY ? 4 : 0;
	} else if (g->psc_type == CST_GTPU_PSC_DL && (e[1] & CST_GTPU_SNP_DL)) {
		off += e[2] & CST_GTPU_PPP ? 1 : 0;
		off += e[1] & CST_GTPU_QMP ? 8 : 0;
	} else {
		return 0;
	}
	if (off + 4 > e[0] * 4u)
		return -1;
	*seq = cst_be32(e + off) >> 8;
	return 1;
}

/* --- whole messages: bytes written, 0 when `cap` is too small --- */

/* Header with a sequence number, as all messages but G-PDUs and End Markers have (5.1). */
static inline uint32_t cst_gtpu_put_seq(uint8_t *p, uint8_t type, uint16_t seq, uint16_t ie_len)
{
	p[0] = 0x32;
	p[1] = type;
	cst_put_be16(p + 2, (uint16_t)(ie_len + 4));
	cst_put_be32(p + 4, 0);
	cst_put_be32(p + 8, (uint32_t)seq << 16);
	return 12;
}

static inline uint32_t cst_gtpu_put_echo_request(uint8_t *p, uint32_t cap, uint16_t seq)
{
	if (cap < 12)
		return 0;
	return cst_gtpu_put_seq(p, CST_GTPU_ECHO_REQUEST, seq, 0);
}

/* With the Recovery IE: 0, and to be ignored by who gets it (8.2). */
static inline uint32_t cst_gtpu_put_echo_response(uint8_t *p, uint32_t cap, uint16_t seq)
{
	if (cap < 14)
		return 0;
	cst_gtpu_put_seq(p, CST_GTPU_ECHO_RESPONSE, seq, 2);
	p[12] = CST_GTPU_IE_RECOVERY;
	p[13] = 0;
	return 14;
}

/* Answer to a G-PDU of an unknown TEID (7.3.1): `teid` of that G-PDU, `own` the address it was sent
 * to, `src_port` its UDP source port, told in extension header 0x40 so that the peer's own flow
 * hashing can be followed (5.2.2.1). */
static inline uint32_t cst_gtpu_put_error_indication(uint8_t *p, uint32_t cap, uint32_t teid,
						     const struct cst_ip *own, uint16_t src_port)
{
	uint16_t alen = own->family == 4 ? 4 : 16;
	uint32_t size = 16 + 5 + 3 + alen;

	if (cap < size)
		return 0;
	p[0] = 0x36;
	p[1] = CST_GTPU_ERROR_INDICATION;
	cst_put_be16(p + 2, (uint16_t)(size - 8));
	cst_put_be32(p + 4, 0);
	cst_put_be32(p + 8, CST_GTPU_EXT_UDP_PORT);
	cst_put_be32(p + 12, 0x01000000u | (uint32_t)src_port << 8);
	p[16] = CST_GTPU_IE_TEID;
	cst_put_be32(p + 17, teid);
	p[21] = CST_GTPU_IE_PEER;
	cst_put_be16(p + 22, alen);
	if (alen == 4)
		__builtin_memcpy(p + 24, own->b, 4);
	else
		__builtin_memcpy(p + 24, own->b, 16);
	return size;
}

/* Answer to CST_GTPU_EXT_UNKNOWN (7.2.3): the extension header types that are understood here. */
static inline uint32_t cst_gtpu_put_supported_ext(uint8_t *p, uint32_t cap, uint16_t seq)
{
	if (cap < 16)
		return 0;
	cst_gtpu_put_seq(p, CST_GTPU_SUPPORTED_EXT, seq, 4);
	p[12] = CST_GTPU_IE_EXT_LIST;
	p[13] = 2;
	p[14] = CST_GTPU_EXT_UDP_PORT;
	p[15] = CST_GTPU_EXT_PSC;
	return 16;
}

/* After the last G-PDU of a path that is left (7.3.2). `qfi` below 0: no PDU Session Container. */
static inline uint32_t cst_gtpu_put_end_marker(uint8_t *p, uint32_t cap, uint32_t teid, int qfi)
{
	if (cap < (qfi < 0 ? 8u : 16u))
		return 0;
	if (qfi < 0)
		return cst_gtpu_put(p, CST_GTPU_END_MARKER, teid, 0);
	return cst_gtpu_put_psc(p, CST_GTPU_END_MARKER, teid, 0, cst_gtpu_psc_dl((uint8_t)qfi, 0));
}

/* --- what a received Error Indication says --- */

struct cst_gtpu_error {
	uint32_t teid; /* the peer's TEID that is gone: the one sent to */
	struct cst_ip
		peer; /* the address that TEID was at; must be the outer source (else forged) */
};

/* The IEs of a message that cst_gtpu_parse() has accepted. 0 or CST_GTPU_IE. */
static inline int cst_gtpu_error_parse(const uint8_t *p, const struct cst_gtpu *g,
				       struct cst_gtpu_error *out)
{
	uint32_t off = g->hdr_len;
	int have_teid = 0;

	*out = (struct cst_gtpu_error){0};
	for (int n = 0; n < 16 && off < g->end; n++) {
		uint32_t left = g->end - off;
		uint32_t size;
		uint8_t type = p[off];

		/* types below 128 have the size of their type, the others say theirs (8.1) */
		if (type == CST_GTPU_IE_RECOVERY) {
			size = 2;
		} else if (type == CST_GTPU_IE_TEID) {
			size = 5;
		} else if (type < 128) {
			return CST_GTPU_IE;
		} else if (type == CST_GTPU_IE_EXT_LIST) {
			if (left < 2)
				return CST_GTPU_IE;
			size = 2u + p[off + 1];
		} else {
			if (left < 3)
				return CST_GTPU_IE;
			size = 3u + cst_be16(p + off + 1);
		}
		if (size > left)
			return CST_GTPU_IE;
		if (type == CST_GTPU_IE_TEID && !have_teid) {
			out->teid = cst_be32(p + off + 1);
			have_teid = 1;
		} else if (type == CST_GTPU_IE_PEER && out->peer.family == 0) {
			if (size == 7) {
				out->peer.family = 4;
				__builtin_memcpy(out->peer.b, p + off + 3, 4);
			} else if (size == 19) {
				out->peer.family = 6;
				__builtin_memcpy(out->peer.b, p + off + 3, 16);
			} else {
				return CST_GTPU_IE;
			}
		}
		off += size;
	}
	return have_teid && out->peer.family ? CST_GTPU_OK : CST_GTPU_IE;
}
