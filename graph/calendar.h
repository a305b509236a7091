/* SPDX-License-Identifier: Apache-2.0 */
/* Cutovers: one in each span of time, none in a freeze. */
#ifndef GRAPH_CALENDAR_H
#define GRAPH_CALENDAR_H

#include "graph/waves.h"

enum { CALENDAR_WEEK = 7 * 86400 };

/* Whether the rules give any date. */
bool calendar_known(const struct wave_rules *r);
/*
 * The first WANT cutovers from the start on, whatever the deadline; without a start the last
 * WANT before the deadline.  SLOT ascends.  Returns how many there are: fewer than WANT only
 * at the end of time.
 */
unsigned calendar_slots(const struct wave_rules *r, int64_t *slot, unsigned want);
/* Cutovers from the start up to the deadline, WAVES_MAX at most; 0 if one of them is open. */
unsigned calendar_count(const struct wave_rules *r);
/* "2026-11-23", UTC; OUT holds CALENDAR_TEXT bytes and is returned. */
enum { CALENDAR_TEXT = 16 };
const char *calendar_day(int64_t seconds, char *out);

#endif
