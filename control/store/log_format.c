/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "crc32c.h"
#include "store/log_format.h"

#define RECORD_MAGIC 0x7461b001u

_Static_assert(sizeof(struct log_head) == 40 && sizeof(struct log_record) == 32,
	       "lengths of the format");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they are");

static const char head_magic[8] = {'c', 'o', 'a', 's', 't', 'l', 'o', 'g'};

static uint32_t head_crc(struct log_head h)
{
	h.crc = 0;
	return cst_crc32c(0, &h, sizeof(h));
}

void log_head_make(struct log_head *h, uint64_t store, uint64_t first, uint64_t synced)
{
	*h = (struct log_head){
		.version = LOG_VERSION, .store = store, .first = first, .synced = synced};
	memcpy(h->magic, head_magic, sizeof(head_magic));
	h->crc = head_crc(*h);
}

int log_head_check(const void *buf, size_t n)
{
	struct log_head h;

	if (n < sizeof(h))
		return -EBADMSG;
	memcpy(&h, buf, sizeof(h));
	if (memcmp(h.magic, head_magic, sizeof(head_magic)) != 0 || h.crc != head_crc(h))
		return -EBADMSG;
	return h.version > LOG_VERSION ? -EPROTONOSUPPORT : 0;
}

/* Of the record and what is behind it. The store's number goes in first: a record that another
 * store left on the same blocks of the disk is none of this one. */
static uint32_t record_crc(struct log_record r, const void *changes, uint64_t store)
{
	uint32_t crc = cst_crc32c(0, &store, sizeof(store));

	r.crc = 0;
	crc = cst_crc32c(crc, &r, sizeof(r));
	return cst_crc32c(crc, changes, log_record_size(r.len) - sizeof(r));
}

void log_record_make(struct log_record *r, uint64_t store, uint64_t batch, uint64_t synced,
		     uint32_t len, uint32_t count)
{
	*r = (struct log_record){.magic = RECORD_MAGIC,
				 .batch = batch,
				 .synced = synced,
				 .len = len,
				 .count = count};
	r->crc = record_crc(*r, r + 1, store);
}

bool log_record_check(const void *buf, size_t n, uint64_t store, struct log_record *out)
{
	if (n < sizeof(*out))
		return false;
	memcpy(out, buf, sizeof(*out));
	return out->magic == RECORD_MAGIC && out->len <= LOG_BATCH_MAX &&
	       log_record_size(out->len) <= n &&
	       out->crc == record_crc(*out, (const char *)buf + sizeof(*out), store);
}

void log_change_head(uint8_t to[LOG_CHANGE_HEAD], const struct log_change *c)
{
	uint16_t klen = c->klen;
	uint32_t vlen = c->vlen;

	to[0] = c->db;
	to[1] = c->del;
	memcpy(to + 2, &klen, sizeof(klen));
	memcpy(to + 4, &vlen, sizeof(vlen));
}

int log_change_next(const uint8_t **at, const uint8_t *end, struct log_change *c)
{
	const uint8_t *p = *at;
	size_t n = end - p;
	uint16_t klen;
	uint32_t vlen;

	if (n == 0)
		return 0;
	if (n < LOG_CHANGE_HEAD)
		return -EBADMSG;
	memcpy(&klen, p + 2, sizeof(klen));
	memcpy(&vlen, p + 4, sizeof(vlen));
	n -= LOG_CHANGE_HEAD;
	if (p[0] >= CST_DBS || p[1] > 1 || klen == 0 || klen > LOG_KEY_MAX ||
	    vlen >= LOG_VALUE_MAX || n < klen || n - klen < vlen || (p[1] == 1 && vlen > 0))
		return -EBADMSG;
	*c = (struct log_change){.db = p[0],
				 .del = p[1],
				 .key = p + LOG_CHANGE_HEAD,
				 .klen = klen,
				 .val = p + LOG_CHANGE_HEAD + klen,
				 .vlen = vlen};
	*at = p + LOG_CHANGE_HEAD + klen + vlen;
	return 1;
}

int log_changes_check(const struct log_record *r, const uint8_t *changes)
{
	const uint8_t *end = changes + r->len;
	struct log_change c;
	uint32_t count = 0;
	int ret;

	while ((ret = log_change_next(&changes, end, &c)) > 0)
		count++;
	return ret < 0 || count != r->count ? -EBADMSG : 0;
}
