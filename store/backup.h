/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of the database while the collector writes, and what putting one back means.
 *
 * The copy is of one moment.  While it is made the write-ahead log grows, since a reader needs
 * what is in it; commits go on as ever.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include <stdint.h>

#include "common/err.h"
#include "store/store.h"

/* Called now and then with how much is done; non-zero ends it with -EINTR. */
typedef int backup_fn(uint64_t bytes, uint64_t all, void *ctx);

/*
 * Puts a copy of the database FROM in place of TO: whole, flushed, checked page by page, mode
 * 0600, by rename; or not at all.  Not over TO if that is FROM itself.
 */
int backup_make(const char *from, const char *to, backup_fn *fn, void *ctx, struct err *e);

/*
 * For a database that was just put back from a copy: what sensors sent and had acknowledged
 * after it was made is lost, which shows as a gap of each, from its last word in the copy
 * until NOW_MS.  What they still have they send under a new epoch (docs/wire.md), counted
 * once.
 */
int backup_note_restored(struct store *s, uint64_t now_ms, struct err *e);

#endif
