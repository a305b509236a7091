/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches on their way to the collector, kept until it has committed them: on disk, so that
 * neither a kill nor a power cut takes them, or in memory where there is no disk to write to.
 *
 * They lie in segments (segment.h), files of some MiB that are only ever appended to and go as
 * a whole: when all of it is acknowledged, or dropped when the cap is reached.
 *
 * Within an epoch (a random number) sequences run 1, 2, 3 without a hole, since the collector
 * takes only the next one.  A segment is numbered as a whole, and durably, when the first of
 * it is about to be sent; what has no number yet may be dropped, oldest segment first, what
 * has one stays until it is acknowledged.  Only one life of the sensor
 * numbers in an epoch: what an earlier one has numbered keeps its numbers, what all of them
 * have left without gets a new epoch, and what comes now another.  The collector takes
 * the beginning of an epoch for a new run, in which all gauges are told again.
 *
 * What is lost is told, exactly: a LOST record in a batch of its own, written before the last
 * trace of what was dropped goes.  A batch that is damaged on disk leaves a hole, and its
 * sequence is given out with nothing but a LOST record: right whether or not the collector had
 * the batch, which takes a sequence only once.
 *
 * The collector says by a position (the last committed sequence) where to go on: spool_resume.
 */
#ifndef SENSOR_SPOOL_H
#define SENSOR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/wire_record.h"
#include "sensor/segment.h"

struct spool;

struct spool_config {
	int dir;      /* from spooldir_open, the spool's from now on; -1: in memory */
	uint64_t cap; /* bytes; what has a number and the newest segment stay, even above it */
	uint64_t floor; /* bytes of the file system that are left to others */
	bool only_disk; /* rather nothing than in memory, and nothing is dropped */
};

struct spool_batch {
	uint64_t sequence;
	uint32_t records;
	const uint8_t *body; /* borrowed until the next call */
	size_t n;
};

/* Reads what is there.  NULL with words when the directory cannot be read. */
struct spool *spool_open(const struct spool_config *config, struct err *e);
/* In memory; CAP counts SEGMENT_FRAME bytes a batch besides its body. */
struct spool *spool_new(size_t cap);
/* What is not acknowledged stays on disk. */
void spool_free(struct spool *sp);

/*
 * Takes a copy of the writer's records, which speak of [START_MS, END_MS].  A writer without
 * records is not taken, but for a PLACE (or NULL) that is to be kept with them.  0, or, with
 * only_disk, a negative errno when it could not be written, and is not taken.
 */
int spool_add(struct spool *sp, const struct wire_writer *w, uint64_t start_ms,
	      uint64_t end_ms, const struct spool_place *place);
/*
 * What was added is on disk for good when this returns 0.  Nothing is given out before that,
 * so that what the collector has is never unknown to a sensor that comes back.
 */
int spool_sync(struct spool *sp);

/*
 * True once after something was lost: what is only told when it changes should be told again.
 */
bool spool_news(struct spool *sp);
/* The last place that was added, in this life or an earlier one; order 0: none. */
struct spool_place spool_place(const struct spool *sp);
/* False when a place was kept and is damaged. */
bool spool_place_known(const struct spool *sp);

uint64_t spool_epoch(const struct spool *sp);
/* Acknowledged so far in this epoch; the highest sequence that was given out. */
uint64_t spool_acked(const struct spool *sp);
uint64_t spool_sent(const struct spool *sp);
/* The first of this epoch that is still here, acknowledged or not; the next if there is none.
 */
uint64_t spool_kept(const struct spool *sp);
bool spool_empty(const struct spool *sp);
/* All that is not acknowledged is on disk. */
bool spool_durable(const struct spool *sp);

/* The file system, or the cap, has little left: who can wait should, for an acknowledgement.
 */
bool spool_tight(const struct spool *sp);

struct spool_counts {
	size_t batches; /* not acknowledged */
	uint64_t disk_bytes, memory_bytes;
	uint64_t lost;	  /* records, told as such */
	uint64_t corrupt; /* batches that were damaged on disk */
	uint64_t damaged; /* bytes that belong to no batch: a torn end */
};
struct spool_counts spool_counts(const struct spool *sp);

/*
 * The batch after sequence AFTER (at least spool_acked) of this epoch; false when there is
 * none yet, or it cannot be numbered.  What an epoch is about may change with every call that
 * adds or acknowledges: spool_epoch has to be asked.
 */
bool spool_next(struct spool *sp, uint64_t after, struct spool_batch *out);

/* Frees everything up to SEQUENCE; -ERANGE, and nothing, if it was never given out. */
int spool_ack(struct spool *sp, uint64_t sequence);

/*
 * The collector's position on a new connection.  As spool_ack, but also -ESTALE if it lies
 * before what is kept: the collector has forgotten (a restored backup), and will never take
 * the next sequence; spool_restart then begins a new epoch.
 */
int spool_resume(struct spool *sp, uint64_t sequence);
/* A new epoch; what is kept is numbered again from 1.  Only when none of it was committed. */
void spool_restart(struct spool *sp);

#endif
