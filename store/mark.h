/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that the store remembers by a word: how far something has come. */
#ifndef STORE_MARK_H
#define STORE_MARK_H

#include "common/err.h"
#include "store/priv.h"

#define MARK_EDGE "edge" /* the next number of an edge is not below it */
/* Facts before it are gone: counted in minutes, hours, days since 1970. */
#define MARK_MINUTES "minutes-from"
#define MARK_HOURS "hours-from"
#define MARK_DAYS "days-from"
/* Minutes up to here are over; of these, up to here have been decided on (store/close.h). */
#define MARK_CLOSED "closed"
#define MARK_SWEPT "swept"
/* Records that came for minutes that are gone. */
#define MARK_LATE "late"

/* 0 where there is none. */
int mark_get(struct store *s, const char *word, int64_t *out, struct err *e);
/* Marks go up, never down. */
int mark_raise(struct store *s, const char *word, int64_t value, struct err *e);
/* One that counts. */
int mark_add(struct store *s, const char *word, int64_t more, struct err *e);

#endif
