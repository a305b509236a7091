/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fact_hour and fact_day hold what still comes in; an hour or a day that is over is put
 * together in fact_packed.  An amount is the sum of both, under each number that led to the
 * edge (place.h): so the ledger writes rows and never looks here.
 */
#ifndef STORE_PACKED_H
#define STORE_PACKED_H

#include "common/err.h"
#include "store/pack.h"
#include "store/priv.h"

enum packed_level { PACKED_HOUR = 1, PACKED_DAY };

/*
 * The rows of the buckets [FROM, TO), packed and not, bucket after bucket; an edge may come
 * more than once, and amounts may be negative.  FN returning non-zero ends it, and is
 * returned.
 */
typedef int packed_fn(int64_t bucket, const struct pack_row *row, void *ctx);
int packed_each(struct store *s, enum packed_level level, int64_t from, int64_t to,
		packed_fn *fn, void *ctx, struct err *e);
/* All of them added to SUM, at the places of their edges. */
int packed_sum(struct store *s, enum packed_level level, int64_t from, int64_t to,
	       struct places *of, struct amounts *sum, struct err *e);

/* The first bucket from FROM on that has anything: 1 with *OUT, 0 if there is none. */
int packed_next(struct store *s, enum packed_level level, int64_t from, int64_t *out,
		struct err *e);

/*
 * For the keeper (retain.h), in the caller's transaction.  The first bucket of [FROM, TO) that
 * has rows: 1 with *OUT, 0 if there is none.
 */
int packed_waiting(struct store *s, enum packed_level level, int64_t from, int64_t to,
		   int64_t *out, struct err *e);
/* Packs up to MAX rows of it; *N of them. */
int packed_make(struct store *s, enum packed_level level, int64_t bucket, unsigned max,
		unsigned *n, struct err *e);
/* Takes away up to MAX rows, or packs of rows, from buckets below TO; *N of them. */
int packed_drop(struct store *s, enum packed_level level, int64_t to, unsigned max,
		unsigned *n, struct err *e);

#endif
