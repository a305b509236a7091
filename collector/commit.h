/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: what arrives within a short time, from all sessions, goes into the database in
 * one transaction, and only then is any of it acknowledged.
 */
#ifndef COLLECTOR_COMMIT_H
#define COLLECTOR_COMMIT_H

#include "collector/hub.h"
#include "common/wire.h"
#include "store/ledger.h"

enum {
	COMMIT_DELAY_MS = 50,
	COMMIT_RECORDS = 10000,	 /* this many, */
	COMMIT_BYTES = 32 << 20, /* or this much, is not waited with */
};

/*
 * Who hands in batches and hears what became of them, in the order in which they came.  None
 * of the calls may free what it is part of.
 */
struct commit_source {
	void *ctx;	 /* the caller's own */
	bool greeted;	 /* it has told its clock: */
	int64_t skew_ms; /* less ours (store/ledger.h) */
	void (*committed)(struct commit_source *from, const struct wire_batch *b,
			  enum ledger_verdict verdict);
	/* Once after all that one transaction committed. */
	void (*answer)(struct commit_source *from);
	/* Nothing of B was stored: it has to come again. */
	void (*failed)(struct commit_source *from, const struct wire_batch *b);
};

struct commit *commit_new(struct hub *hub);
/* What is still queued is thrown away: its sensors have no acknowledgement for it. */
void commit_free(struct commit *c);

/*
 * Takes BYTES, in which BATCH of SENSOR lies, decoded.  May commit at once and call FROM,
 * which has to stay until it has heard of all its batches, or commit_forget.
 */
void commit_add(struct commit *c, struct commit_source *from, const char *sensor,
		const struct wire_batch *batch, uint8_t *bytes);
/*
 * True while nothing more should be read: HUB_QUEUE_BYTES of batches wait, or there was a
 * commit in this turn of the loop, which would else take all that 10,000 sensors have on their
 * way (half a minute) before it writes an answer, lets anybody in or looks at a signal.
 */
bool commit_full(const struct commit *c);
/* Commits all that is queued, and answers. */
void commit_flush(struct commit *c);
/* The same before the end: what is known enters all levels, as far as that is a moment's work.
 */
void commit_finish(struct commit *c);
/* FROM is about to be freed: its batches stay, their answers are not wanted. */
void commit_forget(struct commit *c, const struct commit_source *from);
size_t commit_queued(const struct commit *c);

#endif
