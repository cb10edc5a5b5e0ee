/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files upf_owned*.c share. Control thread only. */
#pragma once

#include "upf_owned.h"

/* An owner, as far as sessions go. */
struct upf_owned_by {
	uint8_t state;                    /* enum cst_owner_state */
	bool suppress;                    /* no Error Indications: a class met so far says so */
	bool adopts;                      /* all: the walk makes it so */
	uint16_t round, since;            /* the present one; sessions of older ones are stale */
	uint64_t all, fresh, local, owed; /* sessions; fresh: not stale */
	uint32_t left;                    /* state lines that the walk has yet to see for it */
	uint32_t sweep;                   /* state line where the last sweep ended */
};
extern struct upf_owned_by upf_owned_by[CST_OWNERS];

/* Of a session as it is kept; NULL: nobody keeps owners, or it cannot be decoded. */
const struct cst_inertia_class *upf_owned_class_of(const struct upf_session *s);

/* Policies of its class are to go for it. */
bool upf_owned_in_force(const struct upf_session *s);

/* All sessions of the owner are its own as they are. What cannot be kept is not done. */
int upf_owned_adopt_all(unsigned owner, struct cst_err *e);

/* Members of struct cst_owned (upf_owned_list.c, upf_owned_sweep.c). */
int upf_owned_page(unsigned owner, bool stale_only, uint64_t *cursor, uint32_t limit, json_t *items,
		   struct cst_err *e);
int upf_owned_adopt(unsigned owner, const uint64_t *ids, unsigned n, struct cst_err *e);
int64_t upf_owned_of_class(const char *class, uint64_t *age_ms); /* upf_owned_census.c */
unsigned upf_owned_sweep(unsigned owner, const struct cst_owned_age *age, bool now, unsigned most);

/* It is this owner's, who knows of it. Who calls keeps it. */
void upf_owned_touch(struct upf_session *s, uint8_t owner);
/* Its owner speaks of it: what the book says of that. */
void upf_owned_speak(struct upf_session *s);
/* It is spoken of now. */
void upf_owned_stamp(struct upf_session *s);
