/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding the write-ahead log into the file, by another process than the writer's, so that no
 * commit waits for it: the writer has called store_checkpoints(s, false).
 */
#ifndef STORE_WAL_H
#define STORE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct wal;

enum {
	WAL_FOLD_BYTES = 4 << 20,   /* more than this is folded, */
	WAL_IDLE_S = 30,	    /* or anything that has lain this long */
	WAL_HELD_BYTES = 512 << 20, /* a reader holds it: to be said */
};

struct wal_state {
	uint64_t bytes;	 /* of the log */
	uint64_t folded; /* pages, by this call */
	bool held;	 /* a reader needs what is in it, so it grows */
};

struct wal *wal_open(const char *path, struct err *e);
void wal_close(struct wal *w);
/* To be called every second or so; never waits for the writer.  0 or negative errno. */
int wal_tend(struct wal *w, uint64_t now_s, struct wal_state *out, struct err *e);

#endif
