/* SPDX-License-Identifier: BSD-3-Clause */
/* QoS monitoring in the control thread: what is asked for, reports. */
#pragma once

#include "upf_books.h"

/* What has been measured, into the session's `srrs`. It lies in memory of this module's own, good
 * until the next call. */
void upf_monitor_show(const struct upf_session *s, struct upf_session_obj *o);
