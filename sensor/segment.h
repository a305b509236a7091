/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a segment of the spool: batches one after another, each between two copies of a
 * note that says what it is.  Pure: bytes in, batches and holes out.
 *
 * A batch on disk (big-endian): note, body, note.  A note: u32 mark ("SkB1" before the body,
 * "SkE1" after it), u32 index in the segment, u64 first, u64 before, u64 start, u64
 * end, u32 records, three u64 of what it carries, u64 told from, u64 told to, five u64 of the
 * place, u32 length and u32 CRC32C of the body, u32 CRC32C of all of that.  The sums begin
 * with the segment's key, so that bytes of another segment, or what a stranger has put into a
 * body, are no note here.
 *
 * Weights count what would be lost: the records of a batch or, of one that only tells of a
 * loss, those that its LOST record speaks of.  `before` is the weight of all that the spool
 * ever took before this batch, `first` the same for the first batch of the segment; so what
 * lies between two batches that are whole is known to the record, whatever has become of it.
 */
#ifndef SENSOR_SEGMENT_H
#define SENSOR_SEGMENT_H

#include "common/buf.h"
#include "common/cur.h"
#include "common/fact.h"

enum {
	SEGMENT_NOTE = 136,
	SEGMENT_FRAME = 2 * SEGMENT_NOTE, /* what a batch takes besides its body */
};

struct segment_key {
	uint64_t id, salt;
};

/* Where whoever adds was when it added a batch, in its own words; 0: nowhere. */
struct spool_place {
	uint64_t order; /* grows from place to place */
	uint64_t v[4];
};

enum { SEGMENT_PLACE = 5 * 8 }; /* bytes of a place, here and wherever else it is written */
void segment_put_place(struct buf *out, const struct spool_place *place);
void segment_get_place(struct cur *c, struct spool_place *out);

struct segment_note {
	uint32_t index;
	uint64_t first, before;
	struct lost self;	     /* the batch: start, end, records (below 2^32) */
	struct lost carried;	     /* what its LOST record speaks of, records 0: nothing */
	uint64_t told_from, told_to; /* the weights that this LOST record answers for */
	struct spool_place place;
	uint32_t length, crc; /* of the body; segment_put fills both in */
};

/* What would be lost with it; its records are the weight. */
static inline struct lost segment_loss(const struct segment_note *n)
{
	return n->carried.records ? n->carried : n->self;
}

/* Both times and the sum of the records. */
void lost_merge(struct lost *into, const struct lost *more);

void segment_put(struct buf *out, const struct segment_key *key, struct segment_note *note,
		 const void *body, size_t n);

struct segment_reader {
	const uint8_t *p;
	size_t n, at;
	uint32_t seed;
	uint32_t index; /* of the next batch */
	uint64_t first;
	uint64_t before; /* the weight before it */
	uint64_t end_ms; /* of the one before it */
	bool known;	 /* a note has been read: first and before mean something */
	size_t damaged; /* bytes behind the last note that is whole, once the end is reached */
	bool has_next;
	struct segment_note next; /* found behind a hole, to be given out after it */
	const uint8_t *next_body; /* NULL: only its note is left of it */
	bool next_torn;
};

enum segment_found { SEGMENT_END, SEGMENT_BATCH, SEGMENT_HOLE };

struct segment_entry {
	uint32_t index, count;	  /* of a hole: so many batches from INDEX on */
	struct segment_note note; /* of a batch, or of a hole of one that has kept its note */
	const uint8_t *body;
	bool torn; /* of a hole: the bytes end within this batch, and may always have done so
		    */
	struct lost lost; /* what is lost, or would be */
};

/* P[0..N) is borrowed by the reader and by the bodies that it gives out. */
void segment_read(struct segment_reader *r, const struct segment_key *key, const void *p,
		  size_t n);
/*
 * The next batch, or the hole before it; indices only ever rise, and none is left out.  What
 * is behind the last note that is whole is not told of: its bytes are counted as damaged.
 */
enum segment_found segment_next(struct segment_reader *r, struct segment_entry *out);

#endif
