/* SPDX-License-Identifier: Apache-2.0 */
/* How far something has come that goes on from there after a restart. */
#ifndef STORE_MARK_H
#define STORE_MARK_H

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

/* 0 for one that was never set. */
int mark_get(struct store *s, const char *word, int64_t *out, struct err *e);
int mark_set(struct store *s, const char *word, int64_t value, struct err *e);

#endif
