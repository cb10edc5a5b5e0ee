/* SPDX-License-Identifier: BSD-3-Clause */
/* An object with every type, lists of every type and two levels below it, for the codec's tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "object.h"
#include "quoted.h"

enum { RED, GREEN, BLUE };
static const char *const colours[] = {"red", "green", "blue", NULL};
static const char *const actions[] = {"DROP", "FORW", "BUFF", "NOCP", NULL};

struct leaf {
	uint64_t has;
	uint32_t teid;
	struct cst_ip ipv4;
};

static const struct cst_field leaf_fields[] = {
	CST_F_UINT(struct leaf, teid, 1, UINT32_MAX, NULL, CST_F_REQUIRED | CST_F_HEX, NULL,
		   "tunnel"),
	CST_F_IP(struct leaf, ipv4, CST_T_IP4, 0, "where it ends"),
};
static const struct cst_object leaf_object =
	CST_OBJECT("leaf", struct leaf, leaf_fields, "the lowest level");

struct rule {
	uint64_t has;
	uint16_t id;
	uint8_t colour;
	struct leaf leaf;
	struct cst_list filters;
};

static const struct cst_field rule_fields[] = {
	CST_F_UINT(struct rule, id, 0, 0, NULL, CST_F_KEY, NULL, "number of the rule"),
	CST_F_ENUM(struct rule, colour, colours, 0, "green", "its colour"),
	CST_F_OBJ(struct rule, leaf, &leaf_object, CST_F_PARTIAL, "its end"),
	CST_F_LIST(struct rule, filters, CST_T_STR, const char *, 3, 0, "texts", .min = 2,
		   .max = 8),
};

static int rule_check(const void *obj, struct cst_err *e)
{
	const struct rule *r = obj;

	if (r->id == 666)
		return cst_err(e, -22, "id", "is the number of the beast");
	return 0;
}

static const struct cst_object rule_object = {
	.name = "rule",
	.help = "the middle level",
	.fields = rule_fields,
	.n_fields = sizeof(rule_fields) / sizeof(*rule_fields),
	.size = sizeof(struct rule),
	.check = rule_check,
};

struct sample {
	uint64_t has;
	const char *name;
	bool on;
	uint8_t u8;
	uint16_t mtu;
	uint32_t u32;
	uint64_t u64;
	uint8_t colour;
	uint32_t apply;
	struct cst_ip ip, ip4, ip6;
	struct cst_prefix prefix;
	uint8_t mac[6];
	struct rule rule;
	struct cst_list rules, numbers, addresses, prefixes, macs, switches, hues;
	uint32_t hits;
};

static const struct cst_field sample_fields[] = {
	CST_F_STR(struct sample, name, 1, 15, CST_F_KEY, NULL, "its name"),
	CST_F_BOOL(struct sample, on, 0, "true", "is it on"),
	CST_F_UINT(struct sample, u8, 0, 0, NULL, 0, NULL, "a byte"),
	CST_F_UINT(struct sample, mtu, 68, 9600, "bytes", 0, "1500", "largest packet"),
	CST_F_UINT(struct sample, u32, 5, 0, NULL, 0, NULL, "a word"),
	CST_F_UINT(struct sample, u64, 0, 0, NULL, CST_F_NEW, NULL, "a long word"),
	CST_F_ENUM(struct sample, colour, colours, 0, NULL, "its colour"),
	CST_F_FLAGS(struct sample, apply, actions, 0, "FORW,NOCP", "what to do"),
	CST_F_IP(struct sample, ip, CST_T_IP, 0, "either family"),
	CST_F_IP(struct sample, ip4, CST_T_IP4, 0, "IPv4"),
	CST_F_IP(struct sample, ip6, CST_T_IP6, 0, "IPv6"),
	CST_F_IP(struct sample, prefix, CST_T_PREFIX, 0, "a prefix"),
	CST_F_MAC(struct sample, mac, 0, "a MAC address"),
	CST_F_OBJ(struct sample, rule, &rule_object, 0, "one rule"),
	CST_F_LIST(struct sample, rules, CST_T_OBJ, struct rule, 4, CST_F_PARTIAL, "rules",
		   .sub = &rule_object),
	CST_F_LIST(struct sample, numbers, CST_T_UINT, uint16_t, 5, 0, "numbers", .max = 1000),
	CST_F_LIST(struct sample, addresses, CST_T_IP, struct cst_ip, 4, 0, "addresses"),
	CST_F_LIST(struct sample, prefixes, CST_T_PREFIX, struct cst_prefix, 4, 0, "prefixes"),
	CST_F_LIST(struct sample, macs, CST_T_MAC, uint8_t[6], 3, 0, "MAC addresses"),
	CST_F_LIST(struct sample, switches, CST_T_BOOL, bool, 3, 0, "switches"),
	CST_F_LIST(struct sample, hues, CST_T_ENUM, uint8_t, 3, 0, "hues", .names = colours),
	CST_F_UINT(struct sample, hits, 0, 0, NULL, CST_F_STATE, NULL, "how often it was hit"),
};
static const struct cst_object sample_object =
	CST_OBJECT("sample", struct sample, sample_fields, "one of everything");
