/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that `skein doctor` checks of a database, in its order: the file, its size, the
 * records, each sensor, who has none, and what was quarantined.
 */
#ifndef STORE_EXAMINE_H
#define STORE_EXAMINE_H

#include "common/check.h"
#include "store/store.h"

/* SENSOR: this check is about one of many.  What is not 0 ends it, and is returned. */
typedef int examine_fn(const struct check *c, bool sensor, void *ctx);
/* NOW: Unix seconds.  0, what FN returned, or negative errno with words. */
int examine(struct store *s, int64_t now, examine_fn *fn, void *ctx, struct err *e);

#endif
