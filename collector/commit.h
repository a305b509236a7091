/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group commit: what arrives within a short time, from all sessions, goes into the database in
 * one transaction, and only then is any of it acknowledged.
 */
#ifndef COLLECTOR_COMMIT_H
#define COLLECTOR_COMMIT_H

#include "common/wire.h"
#include "collector/hub.h"

enum {
	COMMIT_DELAY_MS = 50,
	COMMIT_RECORDS = 10000,	 /* this many, */
	COMMIT_BYTES = 32 << 20, /* or this much, is not waited with */
};

struct commit *commit_new(struct hub *hub);
/* What is still queued is thrown away: its sensors have no acknowledgement for it. */
void commit_free(struct commit *c);

/* Takes BYTES, in which BATCH lies, decoded.  May commit at once and thereby end sessions, S too. */
void commit_add(struct commit *c, struct session *s, const struct wire_batch *batch,
		uint8_t *bytes);
/* True while HUB_QUEUE_BYTES of batches wait: nothing more should be read. */
bool commit_full(const struct commit *c);
/* Commits all that is queued, and answers. */
void commit_flush(struct commit *c);
/* S is about to be freed: its batches stay, their answers are not wanted. */
void commit_forget(struct commit *c, const struct session *s);
size_t commit_queued(const struct commit *c);

#endif
