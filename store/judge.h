/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's figures mean for the map, and what mends it.  Pure: NOW is given. */
#ifndef STORE_JUDGE_H
#define STORE_JUDGE_H

#include "common/check.h"
#include "store/doctor.h"
#include "store/query.h"

/* WORDS: of damage, NULL for none. */
void judge_damage(struct check *c, const char *path, const char *words);
/* A damaged one that was set aside before this one was begun; THERE: it still is. */
void judge_aside(struct check *c, const struct doctor_aside *a, bool there);
/* ROOM: bytes that are free where the file is; 0: not known. */
void judge_size(struct check *c, const struct doctor_file *f, uint64_t room);
/* NEWEST: the last word of any sensor, 0: there is none. */
void judge_records(struct check *c, const struct health *h, int64_t newest, int64_t now);
/* Silence is measured against NEWEST, so that a copy of yesterday's database is judged as it
 * was. */
void judge_sensor(struct check *c, const struct doctor_sensor *s, int64_t newest);
/* LIST: names of those with most edges. */
void judge_strangers(struct check *c, const struct doctor_strangers *s, const char *list);
void judge_quarantine(struct check *c, const struct health *h, unsigned contested,
		      const char *list);

#endif
