/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "be.h"
#include "log.h"
#include "store.h"

#define VERSION 1

/* In front of the book. */
struct head {
	uint8_t version;
	uint8_t pad;
	uint16_t shape; /* of the packed intent: cst_store_shape() */
	uint32_t state; /* the first state line */
};
_Static_assert(sizeof(struct head) == 8, "the book behind it stays aligned");

/* What the format stands on: a change of these is another version. */
_Static_assert(sizeof(struct upf_held_teid) == 12 && sizeof(struct upf_held_state) == 8 &&
		       sizeof(struct upf_held_part) == 12,
	       "kept on disk");

static size_t arrays_of(const struct upf_session *s)
{
	return s->n_teids * sizeof(struct upf_held_teid) +
	       s->n_addrs * sizeof(struct upf_held_addr) +
	       s->n_states * sizeof(struct upf_held_state) +
	       s->n_parts * sizeof(struct upf_held_part);
}

static size_t bytes_of(const struct upf_session *s)
{
	return sizeof(*s) + arrays_of(s) + s->intent_len;
}

/* Marks of a transaction, and counts that rest until no worker has them: none does after a restart.
 */
static void settle(struct upf_session *s)
{
	s->planned = s->changing = s->ended = 0;
	s->resting = 0;
	for (unsigned i = 0; i < s->n_teids; i++)
		s->teids[i].fresh = s->teids[i].gone = s->teids[i].used = 0;
	for (unsigned i = 0; i < s->n_addrs; i++)
		upf_addrs(s)[i].fresh = upf_addrs(s)[i].gone = 0;
	for (unsigned i = 0; i < s->n_states; i++)
		upf_states(s)[i].fresh = upf_states(s)[i].resting = 0;
	for (unsigned i = 0; i < s->n_parts; i++)
		upf_parts(s)[i].fresh = upf_parts(s)[i].used = upf_parts(s)[i].gone = 0;
}

void upf_kept_put(const struct upf_session *s, const void *had, size_t had_len)
{
	static char small[4096] __attribute__((aligned(8)));
	size_t n = sizeof(struct head) + bytes_of(s);
	char *buf = n <= sizeof(small) ? small : malloc(n);
	uint8_t key[8];

	if (!buf)
		abort(); /* to confirm what is not kept would be worse */
	*(struct head *)buf = (struct head){.version = VERSION,
					    .shape = cst_store_shape(&upf_session_object),
					    .state = upf_run(s)->state};
	memcpy(buf + sizeof(struct head), s, bytes_of(s));
	settle((struct upf_session *)(buf + sizeof(struct head)));
	cst_put_be64(key, s->seid);
	if (had_len != n || memcmp(had, buf, n) != 0)
		cst_store_put(CST_DB_SESSION, key, sizeof(key), buf, n);
	if (buf != small)
		free(buf);
}

void upf_kept_drop(uint64_t seid)
{
	uint8_t key[8];

	cst_put_be64(key, seid);
	cst_store_del(CST_DB_SESSION, key, sizeof(key));
}

void upf_kept_write(void)
{
	struct cst_err e = {0};

	if (cst_store_write(&e) < 0)
		LOG_WARN("sessions are not kept as they are: %s", e.reason);
}

void upf_kept_update(const struct upf_session *s)
{
	upf_kept_put(s, NULL, 0);
	upf_kept_write();
}

/* ---- reading ----------------------------------------------------------------------------- */

static bool is_whole(const struct upf_session *s, size_t n)
{
	return n >= sizeof(*s) && s->n_teids <= UPF_MAX_HELD_TEIDS &&
	       s->n_addrs <= UPF_MAX_HELD_ADDRS && s->n_states <= UPF_MAX_HELD_STATES &&
	       s->n_parts <= UPF_MAX_HELD_PARTS && s->seid != 0 &&
	       arrays_of(s) + s->intent_len == n - sizeof(*s);
}

int upf_kept_read(const void *val, size_t len, struct cst_pool *p, struct upf_session **book,
		  uint32_t *state, struct upf_session_obj *out)
{
	struct head h;
	struct upf_session *s;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, val, sizeof(h));
	len -= sizeof(h);
	if (h.version > VERSION)
		return -EPROTONOSUPPORT;
	s = cst_pool_alloc(p, len < sizeof(*s) ? sizeof(*s) : len);
	if (!s)
		return -ENOMEM;
	memcpy(s, (const char *)val + sizeof(h), len);
	if (h.version != VERSION || !is_whole(s, len))
		return -EBADMSG;
	settle(s);
	*book = s;
	*state = h.state;
	return cst_store_unpack(h.shape, &upf_session_object, upf_intent(s), s->intent_len, p, out);
}
