/* SPDX-License-Identifier: Apache-2.0 */
/* An edge, taken out of the database with all that stands for it alone. */
#ifndef STORE_REMOVE_H
#define STORE_REMOVE_H

#include "common/err.h"
#include "store/priv.h"

/*
 * The edge, its total, its claims with their imported spans, and conversations that are left
 * without any.  Its number is never used again, so that what the packed hours and days say of
 * it is said of nobody.  Endpoints and processes stay (sweep.h).
 */
int remove_edge(struct store *s, int64_t edge, struct err *e);

#endif
