/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Minutes that are over.
 *
 * What comes within a minute is written down by claim and nothing else: one row, whatever the
 * number of levels and of witnesses.  When the minute is over and both ends have had time to
 * tell, each conversation of it is decided on once and enters hour, day and total.  That is a
 * fraction of the work of deciding at every report, and nothing changes sides twice.
 *
 * Everything up to the mark "closed" is over; what comes for it later is decided on at once
 * (count.h).  Rows that nobody has come to yet have edge -1 and are read as what they would be
 * (open.h), so that nobody has to wait for the collector, and a kill costs nothing.
 */
#ifndef STORE_CLOSE_H
#define STORE_CLOSE_H

#include <stdint.h>

#include "common/err.h"
#include "store/count.h"
#include "store/store.h"

enum { CLOSE_AFTER_MS = 15000 }; /* behind its end: sensors tell every ten seconds */
#define CLOSE_ALL INT64_MAX

/* The marks are known from here on; at the begin of whoever adds reports. */
int close_begin(struct store *s, struct err *e);
/*
 * Inside the caller's transaction: decides on rows of minutes that were over CLOSE_AFTER_MS
 * before NOW_MS, or of all there are, up to about LIMIT of them.  1 when there may be more to
 * do, 0 when not.
 */
int close_some(struct store *s, int64_t now_ms, unsigned limit, struct err *e);

/* For store.c: what is known of the marks is void. */
void close_forget(struct store *s);

#endif
