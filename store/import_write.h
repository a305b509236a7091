/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_IMPORT_WRITE_H
#define STORE_IMPORT_WRITE_H

#include "common/err.h"
#include "store/import_lines.h"
#include "store/priv.h"

/*
 * The lines of SOURCE into the tables, in the caller's transaction.  What comes of it, to the
 * numbers of the rows, depends on the set of lines and not on their order.
 */
int import_write(struct store *s, struct lines *l, int64_t source, int64_t now_ms,
		 struct err *e);

#endif
