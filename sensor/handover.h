/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes between the process that watches (with rights) and the courier (without): whole
 * batches one way, one byte of flow control the other way, nothing else.
 *
 * A batch on the pipe: u32 length of the records, u64 start and u64 end in ms, u32 number of
 * records, five u64 of a place (spool.h), the records as docs/wire.md has them; a length of 0
 * is the orderly end.  The reader is pure: bytes in, batches out.
 */
#ifndef SENSOR_HANDOVER_H
#define SENSOR_HANDOVER_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/wire_record.h"
#include "sensor/segment.h"

/* Back from the courier. */
enum handover_word {
	HANDOVER_READY =
		'r', /* has its identity, has given up its rights: struct handover_ready */
	HANDOVER_AGAIN =
		'a', /* something was dropped: tell again what is only told when it changes */
};

struct handover_ready {
	char word;
	bool place_known; /* false: one was kept, and is damaged */
	struct spool_place place;
};

/*
 * Blocks until it is written; negative errno (-EPIPE: the courier is gone).  PLACE or NULL is
 * kept with the batch.
 */
int handover_send(int fd, const struct wire_writer *w, uint64_t start_ms, uint64_t end_ms,
		  const struct spool_place *place);
int handover_end(int fd);

struct handover_batch {
	struct wire_writer w; /* borrowed: its body lies in the bytes that were read */
	uint64_t start_ms, end_ms;
	struct spool_place place; /* order 0: none */
	bool end;		  /* the orderly end, nothing else is filled in */
};
/* The first batch in P[0..N): as wire_frame_next. */
int handover_next(const uint8_t *p, size_t n, struct handover_batch *out, size_t *used);

#endif
