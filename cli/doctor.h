/* SPDX-License-Identifier: Apache-2.0 */
/* What the store's figures mean for the map, and what mends it.  Pure: NOW is given. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "common/check.h"
#include "store/doctor.h"
#include "store/query.h"

/* WORDS: of damage, NULL for none. */
void doctor_judge_damage(struct check *c, const char *path, const char *words);
/* A damaged one that was set aside before this one was begun; THERE: it still is. */
void doctor_judge_aside(struct check *c, const struct doctor_aside *a, bool there);
/* ROOM: bytes that are free where the file is; 0: not known. */
void doctor_judge_size(struct check *c, const struct doctor_file *f, uint64_t room);
/* NEWEST: the last word of any sensor, 0: there is none. */
void doctor_judge_records(struct check *c, const struct health *h, int64_t newest,
			  int64_t now);
/* Silence is measured against NEWEST, so that a copy of yesterday's database is judged as it
 * was. */
void doctor_judge_sensor(struct check *c, const struct doctor_sensor *s, int64_t newest);
/* LIST: names of those with most edges. */
void doctor_judge_strangers(struct check *c, const struct doctor_strangers *s,
			    const char *list);
void doctor_judge_quarantine(struct check *c, const struct health *h, unsigned contested,
			     const char *list);

#endif
