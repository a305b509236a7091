/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches on their way to the collector, kept until it has committed them.
 *
 * Within an epoch (a random number, one a spool) sequences run 1, 2, 3 without a hole, since
 * the collector takes only the next one.  So a batch gets its sequence when it is first asked
 * for to be sent, and from then on is kept until acknowledged; when the spool is full, the
 * oldest batch that never had a sequence is dropped, whole.  What was dropped is added up and
 * handed out by spool_take_lost, to be written as a LOST record into the next batch; a dropped
 * batch that carried such a record gives it back.
 *
 * The collector says by a position (the last committed sequence) where to go on: spool_resume.
 *
 * For now the batches are in memory and a restart of the sensor begins with an empty spool.
 */
#ifndef SENSOR_SPOOL_H
#define SENSOR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

struct spool;

struct spool_batch {
	uint64_t sequence;
	uint32_t records;
	const uint8_t *body; /* borrowed until the batch is acknowledged */
	size_t n;
};

/* CAP is in bytes of bodies; what has a sequence and the newest batch stay, even above it. */
struct spool *spool_new(size_t cap);
void spool_free(struct spool *sp);

/*
 * Takes a copy of the writer's records, which speak of [START_MS, END_MS].  A writer without
 * records is not taken.  What spool_take_lost gave out before is taken to be among them.
 */
void spool_add(struct spool *sp, const struct wire_writer *w, uint64_t start_ms,
	       uint64_t end_ms);

/*
 * True if something was dropped since the last call.  All records count, as in struct
 * wire_writer: what was added is what the collector gets plus what is lost.  The dropped batch
 * may have held the machine's description, so it should be written again along with *OUT.
 */
bool spool_take_lost(struct spool *sp, struct lost *out);

uint64_t spool_epoch(const struct spool *sp);
/* Acknowledged so far in this epoch; the highest sequence that was given out. */
uint64_t spool_acked(const struct spool *sp);
uint64_t spool_sent(const struct spool *sp);
bool spool_empty(const struct spool *sp);
/* What is kept. */
size_t spool_bytes(const struct spool *sp);
size_t spool_batches(const struct spool *sp);

/* The batch after sequence AFTER (at least spool_acked); false when there is none yet. */
bool spool_next(struct spool *sp, uint64_t after, struct spool_batch *out);

/* Frees everything up to SEQUENCE; -ERANGE, and nothing, if it was never given out. */
int spool_ack(struct spool *sp, uint64_t sequence);

/*
 * The collector's position on a new connection.  As spool_ack, but also -ESTALE if it lies
 * before what was acknowledged and freed: the collector has forgotten (a restored backup), and
 * will never take the next sequence; spool_restart then begins a new epoch.
 */
int spool_resume(struct spool *sp, uint64_t sequence);
/* A new epoch; what is kept is numbered again from 1.  Only when none of it was committed. */
void spool_restart(struct spool *sp);

#endif
