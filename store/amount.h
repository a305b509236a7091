/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters as they stand in the tables: signed, so that a difference can be added, and with
 * counts instead of flags, so that taking away what was added leaves what was there before.
 *
 * `records` is the number of reports behind a row (none: as if the row were not there), and
 * `bytes_n` the number of those that knew their bytes.
 */
#ifndef STORE_AMOUNT_H
#define STORE_AMOUNT_H

#include <sqlite3.h>

#include "common/fact.h"

/* clang-format off */
#define AMOUNT_FIELDS(X)                                                                      \
	X(opens) X(refused) X(timeouts) X(unreachable) X(resets) X(failed_other)              \
	X(abandoned) X(bytes_to_server) X(bytes_to_client) X(retransmits) X(rtt_sum_us) X(rtt_n)
/* clang-format on */

struct amounts {
	int64_t records;
#define AMOUNT_FIELD(name) int64_t name;
	AMOUNT_FIELDS(AMOUNT_FIELD)
#undef AMOUNT_FIELD
	int64_t bytes_n;
};
enum { AMOUNT_N = sizeof(struct amounts) / sizeof(int64_t) };

/* Larger ones make no sense and might not add up: records with them are not taken. */
#define AMOUNT_MAX ((uint64_t)1 << 53)

/* Pieces of SQL, in the order of the struct; AMOUNT_SUMS is for ON CONFLICT DO UPDATE SET. */
#define AMOUNT_NAME(name) #name ", "
#define AMOUNT_SUM(name) #name " = " #name " + excluded." #name ", "
#define AMOUNT_PLUS(name) #name " = " #name " + ?, "
#define AMOUNT_NAMES "records, " AMOUNT_FIELDS(AMOUNT_NAME) "bytes_n"
#define AMOUNT_MARKS "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"
#define AMOUNT_SUMS                                                                           \
	AMOUNT_SUM(records) AMOUNT_FIELDS(AMOUNT_SUM) "bytes_n = bytes_n + excluded.bytes_n"
#define AMOUNT_ADDED AMOUNT_PLUS(records) AMOUNT_FIELDS(AMOUNT_PLUS) "bytes_n = bytes_n + ?"

bool amount_sane(const struct counters *c);
/* One report. */
struct amounts amount_of(const struct counters *c);
struct amounts amount_negative(struct amounts a);
/* Takes PART of WHOLE out of A, as a report of its own: both together are what was there. */
struct amounts amount_share(struct amounts *a, int64_t part, int64_t whole);
/* Saturates, as one of them does: */
static inline void amount_plus(int64_t *to, int64_t v)
{
	if (__builtin_add_overflow(*to, v, to))
		*to = v < 0 ? INT64_MIN : INT64_MAX;
}
void amount_add(struct amounts *to, const struct amounts *a);
/* What is negative, which only a damaged file can hold, reads as nothing. */
struct counters amount_counters(const struct amounts *a);

/* To the marks AT and following; from the columns AT and following. */
void amount_bind(sqlite3_stmt *st, int at, const struct amounts *a);
struct amounts amount_read(sqlite3_stmt *st, int at);
struct amounts amount_values(sqlite3_value **v);

#endif
