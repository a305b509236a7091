/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose word counts where several witnesses speak of the same minute: one sensor's.
 *
 * It is the one that watched most of the minute without a flaw; of equals the client's host
 * before the server's, the mirror, NetFlow, and of equal kinds the sensor that was known
 * first: two mirrors of one path see the same connections.  Numbers never decide.
 */
#ifndef STORE_AUTHORITY_H
#define STORE_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fact.h"

enum {
	AUTHORITY_MAX = 40,
	AUTHORITY_SLACK = 2000, /* what is worth so little less is worth the same */
};

struct authority_candidate {
	enum witness kind;
	int64_t origin; /* the sensor */
	int64_t worth; /* of its coverage: cover_worth; 0: it did not watch, or nobody knows */
	bool reports;
};

/* Where nobody is known to have watched, the first of those that report.  NULL: nobody. */
const struct authority_candidate *authority_choose(const struct authority_candidate *list,
						   unsigned n);

#endif
