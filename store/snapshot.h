/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of what is known for whoever may read it, without what lets anybody in. */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include "store/store.h"

/*
 * Writes the database of S, as it is at one moment, into the new file PATH, which skein's
 * commands can read.  Not in it are tokens, fingerprints, the audit, and what only counting
 * needs.
 */
int snapshot_write(struct store *s, const char *path, struct err *e);

#endif
