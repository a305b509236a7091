/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A damaged file is moved aside, and what people and sensors cannot tell again goes over into
 * the new one: who may speak and who may not, tokens, plans and what people said of them.
 * Facts are what sensors tell again from their spools, or are lost, which shows as a gap.
 */
#ifndef STORE_ASIDE_H
#define STORE_ASIDE_H

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

/*
 * PATH, PATH-wal and PATH-shm become PATH.WORD-YYYYMMDDTHHMMSSZ and so on; *TO is the new
 * name, which the caller frees in any case.
 */
int aside_move(const char *path, const char *word, uint64_t now_ms, char **to, struct err *e);

/*
 * Takes over what can be read from the file OLD: *ROWS of them, and of the tables that could
 * not be read whole *TORN.  Rows that are there already stay.  With WHY the loss is written
 * down as well: a gap for every sensor, and the setting ASIDE_SETTING.
 */
#define ASIDE_SETTING "damaged"
struct aside {
	uint64_t rows;
	unsigned torn;
};
int aside_carry(struct store *s, const char *old, struct aside *out, struct err *e);
/*
 * The same of sensors alone, where S itself is whole but may be older than OLD: those that are
 * not there, and who is revoked in either.  Nothing else, since what was removed from S must
 * not come back.
 */
int aside_carry_sensors(struct store *s, const char *old, struct aside *out, struct err *e);
int aside_note(struct store *s, const char *old, const char *why, uint64_t now_ms,
	       struct err *e);

/*
 * A small copy of the same things, PATH.people, made whenever they have changed: for the day
 * on which nothing of a damaged file can be read.  1 if it was made anew, 0 if it is good.
 */
int aside_keep_people(const char *path, struct err *e);

#endif
