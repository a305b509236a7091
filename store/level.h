/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The levels hour, day and total of an edge: only what counts is in them.  Amounts may be
 * negative: the difference when the authority of a minute changes.
 */
#ifndef STORE_LEVEL_H
#define STORE_LEVEL_H

#include "common/err.h"
#include "store/amount.h"
#include "store/priv.h"

/*
 * Adds A to hour and day of MINUTE and to the total, where some witness saw the edge between
 * FIRST and LAST, in seconds (0: unknown).
 */
int level_add(struct store *s, int64_t edge, int64_t minute, int64_t first, int64_t last,
	      const struct amounts *a, struct err *e);
/* To the total alone. */
int level_total(struct store *s, int64_t edge, int64_t first, int64_t last,
		const struct amounts *a, struct err *e);
/* Moves all that FROM has to INTO. */
int level_merge(struct store *s, int64_t from, int64_t into, struct err *e);

#endif
