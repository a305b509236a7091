/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a file is whole, without opening it as a store: nothing is migrated or changed, but
 * what a killed writer has left in its WAL is taken in.
 */
#ifndef STORE_INTEGRITY_H
#define STORE_INTEGRITY_H

#include "common/err.h"

enum { INTEGRITY_WORDS = 256 };

/*
 * SQLite's integrity_check, whether rows that need each other are there, and the sums of what
 * is packed: reads all.  0 whole; 1 damaged, with the first of its words in WORDS; negative
 * errno where it could not be run: no such file, no permission, locked, made by a newer
 * program.
 */
int integrity_file(const char *path, char words[INTEGRITY_WORDS], struct err *e);

/* True if an error of the store means that the file is not as it was written. */
int integrity_broken(int code);

#endif
