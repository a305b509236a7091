/* SPDX-License-Identifier: Apache-2.0 */
/* How much of each minute a sensor has watched. */
#ifndef STORE_COVER_H
#define STORE_COVER_H

#include "common/err.h"
#include "common/fact.h"
#include "store/priv.h"

/* Milliseconds of MINUTE, at most 60000. */
int cover_get(struct store *s, int64_t sensor, int64_t minute, int64_t *ms, struct err *e);
/* [START, END), which may be in several minutes. */
int cover_add(struct store *s, int64_t sensor, int64_t start_ms, int64_t end_ms,
	      struct err *e);

/* Of memory, about. */
size_t cover_bytes(const struct cover_cache *c);
void cover_free(struct cover_cache *c);

#endif
