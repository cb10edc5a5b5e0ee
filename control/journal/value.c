/* SPDX-License-Identifier: BSD-3-Clause */
/* How an entry and a UR-SEQN lie in the store, with a checksum: what is damaged is not believed. */
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "journal/journal_int.h"

#define VERSION        1
#define SEQN_PREFIX    0x80 /* numbers of events are below 2^53 */
#define NUMBER_LIMIT   (1ull << 53)
#define FLAG_MERGEABLE 0x01
#define FLAG_GONE      0x01

struct header {       /* of both; the text of an entry follows, with its NUL */
	uint32_t crc; /* of the key and all that follows */
	uint8_t version, owner, flags, zero;
	uint32_t rule, seqn;
	uint64_t subject;
	uint64_t time_ms;
} __attribute__((packed));

void jnl_number_key(uint64_t number, uint8_t key[8])
{
	for (int i = 7; i >= 0; i--, number >>= 8)
		key[i] = (uint8_t)number;
}

uint64_t jnl_number_of(const uint8_t key[8])
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | key[i];
	return number;
}

void jnl_seqn_key(const struct jnl_rule *r, uint8_t key[JNL_SEQN_KEY])
{
	key[0] = SEQN_PREFIX;
	jnl_number_key(r->subject, key + 1);
	for (int i = 0; i < 4; i++)
		key[9 + i] = (uint8_t)(r->rule >> (24 - 8 * i));
}

static uint32_t crc_of(const uint8_t *key, size_t klen, const void *value, size_t len)
{
	uint32_t crc = cst_crc32c(0, key, klen);

	return cst_crc32c(crc, (const uint8_t *)value + 4, len - 4);
}

static bool sound(const uint8_t *key, size_t klen, const void *value, size_t len, struct header *h)
{
	if (len < sizeof(*h))
		return false;
	memcpy(h, value, sizeof(*h));
	return h->crc == crc_of(key, klen, value, len) && h->version == VERSION;
}

char *jnl_value(const struct jnl_entry *en, uint64_t time_ms, const char *text, uint32_t *len)
{
	size_t n = strlen(text) + 1;
	char *value = malloc(sizeof(struct header) + n);
	struct header h = {.version = VERSION,
			   .owner = en->owner,
			   .flags = en->mergeable ? FLAG_MERGEABLE : 0,
			   .rule = en->rule->rule,
			   .seqn = en->seqn,
			   .subject = en->rule->subject,
			   .time_ms = time_ms};
	uint8_t key[8];

	if (value == NULL)
		return NULL;
	jnl_number_key(en->number, key);
	memcpy(value, &h, sizeof(h));
	memcpy(value + sizeof(h), text, n);
	*len = (uint32_t)(sizeof(h) + n);
	h.crc = crc_of(key, sizeof(key), value, *len);
	memcpy(value, &h, sizeof(h));
	return value;
}

const char *jnl_parse(uint64_t number, const void *value, size_t len, struct jnl_head *head)
{
	const char *text = (const char *)value + sizeof(struct header);
	uint8_t key[8];
	struct header h;

	jnl_number_key(number, key);
	if (number >= NUMBER_LIMIT || !sound(key, sizeof(key), value, len, &h) ||
	    len == sizeof(h) || text[len - sizeof(h) - 1] != '\0')
		return NULL;
	if (head != NULL)
		*head = (struct jnl_head){.key = {.owner = h.owner,
						  .mergeable = h.flags & FLAG_MERGEABLE,
						  .subject = h.subject,
						  .rule = h.rule,
						  .seqn = h.seqn},
					  .time_ms = h.time_ms};
	return text;
}

const char *jnl_text(const struct jnl_entry *en, struct jnl_head *head)
{
	const void *value = en->value;
	size_t len = en->len;
	uint8_t key[8];

	jnl_number_key(en->number, key);
	if (value == NULL && cst_store_get(CST_DB_JOURNAL, key, sizeof(key), &value, &len) <= 0)
		return NULL;
	return jnl_parse(en->number, value, len, head);
}

json_t *jnl_event(const struct jnl_entry *en, struct jnl_head *head)
{
	const char *text = jnl_text(en, head);
	json_t *event = text != NULL ? json_loads(text, 0, NULL) : NULL;

	if (json_is_object(json_object_get(event, "data")))
		return event;
	json_decref(event);
	return NULL;
}

void jnl_put_seqn(const struct jnl_rule *r)
{
	struct header h = {.version = VERSION,
			   .flags = r->gone ? FLAG_GONE : 0,
			   .rule = r->rule,
			   .seqn = r->seqn,
			   .subject = r->subject};
	uint8_t key[JNL_SEQN_KEY];

	jnl_seqn_key(r, key);
	h.crc = crc_of(key, sizeof(key), &h, sizeof(h));
	cst_store_put(CST_DB_JOURNAL, key, sizeof(key), &h, sizeof(h));
}

bool jnl_load_seqn(const void *key, const void *value, size_t len)
{
	struct jnl_rule *r;
	struct header h;

	if (!sound(key, JNL_SEQN_KEY, value, len, &h))
		return false;
	r = jnl_rule(h.subject, h.rule, true);
	if (r == NULL)
		return false;
	if (h.seqn > r->seqn)
		r->seqn = h.seqn;
	r->gone = h.flags & FLAG_GONE;
	r->noted = true;
	return true;
}
