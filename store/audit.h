/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who changed what: one row for every change that a person or a program made to sensors,
 * tokens, plans or settings, kept beside the data.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

enum { AUDIT_ROWS = 100000 }; /* kept, the newest */

/*
 * WHO is a user of this machine, a token's name or a sensor; WHAT two words as "sensor
 * revoke"; DETAIL begins with what was changed, and a blank after it if more follows.  In the
 * caller's transaction if there is one: then change and row come together or not at all.
 */
int audit_add(struct store *s, uint64_t now_ms, const char *who, const char *what,
	      const char *detail, struct err *e);

struct audit_row {
	int64_t id, at_ms;
	const char *who, *what, *detail; /* valid UTF-8, borrowed during the call */
};
typedef int audit_fn(const struct audit_row *row, void *ctx);
/*
 * The newest LIMIT rows, newest first; of what DETAIL begins with ABOUT, or all if that is
 * NULL.  Ends early with what FN returns if that is not 0.
 */
int audit_each(struct store *s, const char *about, unsigned limit, audit_fn *fn, void *ctx,
	       struct err *e);

#endif
