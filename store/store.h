/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database: one SQLite file, WAL, synchronous=FULL, one writer.
 *
 * store.h opens, migrates and frames transactions; ledger.h writes what sensors send, exactly
 * once; import.h writes what a person brings; enrol.h keeps sensors and tokens; query.h reads.
 * SQL stands in this folder alone; docs/store.md says why the tables are as they are.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct store;

enum store_mode {
	STORE_READ,  /* must exist and be a Skein database; never changes it */
	STORE_WRITE, /* made if it is not there, migrated (in a transaction, with a copy kept
			as PATH.vN) if it is older */
};

/*
 * NULL with words in *E: no such file, not a database, not Skein's, newer than this program,
 * locked, no permission.  Nothing is created or changed in the file when opening fails.
 * A new file gets mode 0600.
 */
struct store *store_open(const char *path, enum store_mode mode, struct err *e);
void store_close(struct store *s);
const char *store_path(const struct store *s);

/* How long store_begin waits for another writer; ten seconds unless this is called. */
void store_patience(struct store *s, int ms);

/*
 * How much memory the caches may have, pages of the file and what is known of it together;
 * STORE_MEMORY_MB unless this is called.
 */
enum { STORE_MEMORY_MB = 512, STORE_MEMORY_LEAST_MB = 32 };
int store_memory(struct store *s, unsigned mb, struct err *e);

/*
 * Whether commits fold the WAL into the file by themselves (yes) or another does (wal.h): then
 * only what the other has not done, when the log has 128 MB, so that it begins anew.  A log
 * that is always being written never does that otherwise.
 */
int store_checkpoints(struct store *s, bool itself, struct err *e);

/*
 * The writer's transaction.  Begin waits for another writer, then returns -EBUSY.  All return
 * 0 or negative errno with words; after a failed commit nothing of the transaction has
 * happened.
 */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/*
 * For reading: what follows until store_thaw is one state of the database, whoever writes.
 * Thaw returns negative errno if the file is not to be trusted any more.
 */
int store_freeze(struct store *s, struct err *e);
int store_thaw(struct store *s);
/* A number that is another once somebody else has written; for this handle alone. */
int store_changes(struct store *s, int64_t *changes, struct err *e);

#endif
