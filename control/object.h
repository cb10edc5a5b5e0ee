/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects described once. From one field table come: decoding and validation
 * (JSON, YAML), encoding, the packed form kept in memory and in the store,
 * `coastctl` arguments and completion, `rpc.describe`, and the manual.
 *
 *   struct port_obj {
 *           uint64_t has;          // bit i: field i of the table is present
 *           const char *name;
 *           uint32_t mtu;
 *           struct cst_list addrs; // of struct cst_prefix
 *   };
 *   static const struct cst_field port_fields[] = {
 *           CST_F_STR(struct port_obj, name, 1, 31, CST_F_KEY, NULL, "name of the port"),
 *           CST_F_UINT(struct port_obj, mtu, 68, 9600, "bytes", 0, "1500", "largest IP packet"),
 *           CST_F_LIST(struct port_obj, addrs, CST_T_PREFIX, struct cst_prefix, 8, 0, "..."),
 *   };
 *   const struct cst_object port_object =
 *           CST_OBJECT("port", struct port_obj, port_fields, "a network port");
 *
 * Every struct begins with `uint64_t has`. An object that holds another one
 * embeds its struct; lists of anything are a struct cst_list.
 *
 * Memory: what decoding makes (strings, lists, sub-objects) lives in the
 * caller's pool and dies with it. Single-threaded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "addr.h"
#include "err.h"

enum cst_type {
	CST_T_BOOL,
	CST_T_UINT,  /* uint8/16/32/64_t by member size; JSON number, or "0x..", "123" string.
		      * min = max = 0: whatever the member can hold */
	CST_T_STR,   /* const char *; min..max is the length in bytes, max 0: 255. No control
		      * characters; always UTF-8 */
	CST_T_ENUM,  /* uint8_t: index into names */
	CST_T_FLAGS, /* uint32_t: bit i is names[i]; JSON array of names */
	CST_T_IP,    /* struct cst_ip, either family; IP4/IP6: that family only */
	CST_T_IP4,
	CST_T_IP6,
	CST_T_PREFIX, /* struct cst_prefix; "10.0.0.1/24", a bare address is a host prefix */
	CST_T_MAC,    /* uint8_t[6] */
	CST_T_OBJ,    /* struct embedded, described by sub */
};

#define CST_F_REQUIRED 0x01
#define CST_F_KEY      0x02 /* identifies the object; implies required unless CST_F_AUTO */
#define CST_F_AUTO     0x04 /* coastd chooses it when absent */
#define CST_F_STATE    0x08 /* read-only: shown, refused in requests */
#define CST_F_HEX      0x10 /* numbers shown and taken as "0x..." */
#define CST_F_LISTF    0x20 /* the member is a struct cst_list of `type` */
#define CST_F_NEW      0x40 /* changing it needs a new object (delete and put) */
/* Sub-object(s) that are partial too in a partial request. Without it a sub-object is always
 * complete and replaces the old one whole. */
#define CST_F_PARTIAL 0x80

struct cst_node; /* tree.h */
struct cst_object;

struct cst_list {
	uint32_t n;
	void *items; /* n elements of the type's size, in the pool */
};

struct cst_field {
	const char *name;
	uint8_t type; /* enum cst_type */
	uint8_t flags;
	uint16_t offset, size; /* of the member; for lists `size` is the element's */
	uint16_t max_items;    /* lists; 0: 65535 */
	uint64_t min, max;
	const char *unit;         /* "bytes", "kbit/s", NULL */
	const char *def;          /* default as text, for the manual and as the value; NULL: none */
	const char *const *names; /* enum, flags; NULL-terminated */
	const struct cst_object *sub;
	const char *help; /* one line; with the clause of the standard where it has one */
};

struct cst_object {
	const char *name; /* "port", "pdi": snake_case, singular */
	const char *help;
	const struct cst_field *fields;
	uint16_t n_fields; /* at most 64 */
	uint32_t size;     /* of the C struct */
	/* Rules between fields, after each field is checked alone; may be NULL. Not called for
	 * partial requests, where what is absent is not known: merge first, then call it. */
	int (*check)(const void *obj, struct cst_err *e);
};

#define CST_OBJECT(name_, struct_, fields_, help_)                                        \
	{                                                                                 \
		.name = name_, .help = help_, .fields = fields_,                          \
		.n_fields = sizeof(fields_) / sizeof(*(fields_)), .size = sizeof(struct_) \
	}

#define CST_F_(s, m, t, ...)                                                                  \
	{                                                                                     \
		.name = #m, .type = t, .offset = offsetof(s, m), .size = sizeof(((s *)0)->m), \
		__VA_ARGS__                                                                   \
	}
#define CST_F_BOOL(s, m, fl, def_, h) CST_F_(s, m, CST_T_BOOL, .flags = fl, .def = def_, .help = h)
#define CST_F_UINT(s, m, lo, hi, u, fl, def_, h)                                            \
	CST_F_(s, m, CST_T_UINT, .min = lo, .max = hi, .unit = u, .flags = fl, .def = def_, \
	       .help = h)
#define CST_F_STR(s, m, lo, hi, fl, def_, h) \
	CST_F_(s, m, CST_T_STR, .min = lo, .max = hi, .flags = fl, .def = def_, .help = h)
#define CST_F_ENUM(s, m, nm, fl, def_, h) \
	CST_F_(s, m, CST_T_ENUM, .names = nm, .flags = fl, .def = def_, .help = h)
#define CST_F_FLAGS(s, m, nm, fl, def_, h) \
	CST_F_(s, m, CST_T_FLAGS, .names = nm, .flags = fl, .def = def_, .help = h)
#define CST_F_IP(s, m, t, fl, h)  CST_F_(s, m, t, .flags = fl, .help = h)
#define CST_F_MAC(s, m, fl, h)    CST_F_(s, m, CST_T_MAC, .flags = fl, .help = h)
#define CST_F_OBJ(s, m, o, fl, h) CST_F_(s, m, CST_T_OBJ, .sub = o, .flags = fl, .help = h)
/* A list of elements of C type `et`; give .min/.max/.names/.sub in the tail as the type needs. */
#define CST_F_LIST(s, m, t, et, n_, fl, h, ...)                                        \
	{                                                                              \
		.name = #m, .type = t, .offset = offsetof(s, m), .size = sizeof(et),   \
		.max_items = n_, .flags = (fl) | CST_F_LISTF, .help = h, ##__VA_ARGS__ \
	}

/* Is the field at this index of the table present in the object? */
static inline bool cst_has(const void *obj, unsigned index)
{
	return (*(const uint64_t *)obj >> index) & 1;
}

/* ---- pool: memory of one request ----------------------------------------- */

#define CST_POOL_LIMIT (256u << 20) /* bytes, of a new pool */

struct cst_pool;
struct cst_pool *cst_pool_new(void);
void cst_pool_limit(struct cst_pool *p, size_t bytes);
void *cst_pool_alloc(struct cst_pool *p,
		     size_t n); /* zeroed, 8-aligned; NULL only past the limit */
char *cst_pool_strdup(struct cst_pool *p, const char *s);
void cst_pool_reset(struct cst_pool *p); /* keeps its memory for the next request */
void cst_pool_free(struct cst_pool *p);

/* ---- codec --------------------------------------------------------------- */

/* Fill the struct from JSON, defaults included (a default also sets its `has` bit unless
 * `partial`). Unknown members, wrong types, values out of range, state fields and missing required
 * fields are errors with their path: "pdrs[0].pdi.f_teid.teid". `partial`: required (but not key)
 * fields may be absent, no defaults are filled in, and an automatic key must be given.
 * -EINVAL: the request is wrong; -ENOMEM: the pool's limit. */
int cst_decode(const struct cst_object *o, const json_t *js, bool partial, struct cst_pool *p,
	       void *out, struct cst_err *e);
int cst_decode_node(const struct cst_object *o, const struct cst_node *v, bool partial,
		    struct cst_pool *p, void *out, struct cst_err *e);
/* What identifies an object: exactly its key fields, nothing else; where it has a single one also
 * the bare value. For get and delete. */
int cst_decode_key(const struct cst_object *o, const json_t *js, struct cst_pool *p, void *out,
		   struct cst_err *e);
int cst_decode_key_node(const struct cst_object *o, const struct cst_node *v, struct cst_pool *p,
			void *out, struct cst_err *e);
/* cst_decode() of a complete object that goes on after an error: each one to `sink`, whose field
 * path is relative to the object. Returns how many there were. */
unsigned cst_decode_all(const struct cst_object *o, const json_t *js, struct cst_pool *p, void *out,
			void (*sink)(void *arg, const struct cst_err *e), void *arg);
/* New reference. Only present fields; empty lists are left out. */
json_t *cst_encode(const struct cst_object *o, const void *obj);

/* Text that grows. Begin with zeroes; `s` is malloc'd, ends with a NUL and is NULL while empty. */
struct cst_text {
	char *s;
	size_t n, fit;
	bool failed; /* memory ran out: something is missing in it */
};
void cst_text_add(struct cst_text *t, const char *s, size_t n);
void cst_text_str(struct cst_text *t, const char *s);
/* A number; above 2^63-1, which few readers take, "0x..." as cst_encode() has it. */
void cst_text_uint(struct cst_text *t, uint64_t v);
void cst_text_json(struct cst_text *t, const json_t *js); /* compact */
/* The text of cst_encode(), appended. */
void cst_write(const struct cst_object *o, const void *obj, struct cst_text *t);

/* Put the fields present in `delta` over those of `base`: whole, strings and lists shared with
 * `delta`; fields with CST_F_PARTIAL that are single objects are merged in turn. */
void cst_merge(const struct cst_object *o, void *base, const void *delta);

/* Packed form: compact, versioned by field names in the store's header, no pointers. Returns the
 * length needed; writes when cap suffices. For complete objects: those that cst_decode() made. */
size_t cst_pack(const struct cst_object *o, const void *obj, void *buf, size_t cap);
/* -EBADMSG when the bytes do not describe such an object (every bound is checked anew); -ENOMEM
 * past the pool's limit. Reads no byte past len. */
int cst_unpack(const struct cst_object *o, const void *buf, size_t len, struct cst_pool *p,
	       void *out);

/* A value from text, as the CLI takes it: lists and flags by commas ("a,b"), or JSON; objects in
 * JSON. Checked as cst_decode() would. New reference in *out. */
int cst_field_from_text(const struct cst_field *f, const char *text, json_t **out,
			struct cst_err *e);
/* What a field takes, in words: "68..9600 bytes", "an IPv4 address", "a list of IP addresses, at
 * most 8". buf. */
const char *cst_field_type_text(const struct cst_field *f, char *buf, size_t size);
/* The table's index of this name, -1: none. */
int cst_field_index(const struct cst_object *o, const char *name);
/* Is the table sound (sizes, bounds, defaults, names, help)? For tests of all tables. */
int cst_object_verify(const struct cst_object *o, struct cst_err *e);

/* Description for rpc.describe. New reference. */
json_t *cst_object_describe(const struct cst_object *o);

/* ---- text forms of addresses --------------------------------------------- */

/* 0 or -EINVAL; host bits of a prefix are kept. */
int cst_ip_from_text(const char *s, struct cst_ip *out);
int cst_prefix_from_text(const char *s, struct cst_prefix *out);
const char *cst_ip_text(const struct cst_ip *ip, char buf[64]); /* buf */
const char *cst_prefix_text(const struct cst_prefix *p, char buf[64]);
int cst_mac_parse(const char *s, uint8_t mac[6]);
const char *cst_mac_text(const uint8_t mac[6], char buf[64]);
bool cst_utf8_plain(const char *s, size_t n); /* UTF-8 without control characters */

/* ---- "did you mean ...?" -------------------------------------------------- */

struct cst_suggest {
	const char *word; /* what was written */
	const char *best; /* the nearest candidate, NULL: none is near */
	unsigned distance;
};
void cst_suggest_try(struct cst_suggest *s, const char *candidate);
