/* SPDX-License-Identifier: Apache-2.0 */
/* How much of each minute a sensor has watched, and how well. */
#ifndef STORE_COVER_H
#define STORE_COVER_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

/* Why a minute that was watched may not be whole: bits of enum degraded, and these. */
enum cover_flaw {
	COVER_OVERFLOW = 1 << 29, /* connections fitted no table of the probe */
	COVER_LOST = 1 << 30,	  /* the spool dropped something */
	/* With one of these numbers are too low, and a witness without them goes before. */
	COVER_FLAWED = COVER_OVERFLOW | COVER_LOST | DEGRADED_DROPPED | DEGRADED_UNSEEN |
		       DEGRADED_ONE_SIDED,
};

struct cover_minute {
	int64_t ms; /* watched of it, at most 60000 */
	unsigned flaws;
};

int cover_get(struct store *s, int64_t sensor, int64_t minute, struct cover_minute *out,
	      struct err *e);
/* [START, END), which may be in several minutes. */
int cover_add(struct store *s, int64_t sensor, int64_t start_ms, int64_t end_ms,
	      unsigned flaws, struct err *e);
/* What SENSOR has watched of MINUTE, if anything, has these flaws too. */
int cover_spoil(struct store *s, int64_t sensor, int64_t minute, unsigned flaws,
		struct err *e);
/* What coverage is worth where witnesses are compared: a flaw halves it. */
int64_t cover_worth(const struct cover_minute *c);

/* Of memory, about. */
size_t cover_bytes(const struct cover_cache *c);
void cover_free(struct cover_cache *c);

#endif
