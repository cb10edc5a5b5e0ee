/* SPDX-License-Identifier: BSD-3-Clause */
/* What subscribers are told about paths and streams. Control thread. */
#pragma once

#include "prer_watch.h"

void prer_event_path(const char *path, enum prer_watch_mood was,
		     const struct prer_watch_path_figures *f);
/* One path of one stream, where the path as a whole is well. */
void prer_event_member(const char *stream, const char *path, const struct prer_watch_member *m);
/* `path`: whose copies are beyond the history. */
void prer_event_history(const char *stream, const char *path, const struct prer_watch_figures *f);
void prer_event_stuck(const char *stream, const struct prer_watch_figures *f);
/* Negative: there are too many. */
void prer_event_latent(const char *stream, int64_t missing, const struct prer_watch_latent *l);
