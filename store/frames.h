/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the write-ahead log can be read to its end (https://sqlite.org/fileformat2.html,
 * "The Write-Ahead Log").  SQLite takes it up to the first frame whose sum is wrong and drops
 * the rest without a word: right for the torn end of a transaction that nobody was told of,
 * and a loss where whole transactions follow.
 */
#ifndef STORE_FRAMES_H
#define STORE_FRAMES_H

#include <stdint.h>

#include "common/err.h"

struct frames {
	uint64_t good; /* frames up to the first bad one */
	/* Frames behind it that were written after the same start of the log, and the
	 * transactions that end with one of them.  The last one may never have been finished.
	 */
	uint64_t dropped, commits;
};

/* Of the log PATH-wal; all 0 where there is none.  Nobody should write to it meanwhile. */
int frames_read(const char *path, struct frames *out, struct err *e);

#endif
