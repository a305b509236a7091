/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the spool, which stands in three files: spool.c has the queue and its numbers,
 * spool_keep.c the segments, spool_load.c what an earlier life has left. */
#ifndef SENSOR_SPOOL_PARTS_H
#define SENSOR_SPOOL_PARTS_H

#include "sensor/spool.h"
#include "sensor/spooldir.h"

enum {
	SPOOL_PART = 4 << 20,	   /* bytes of a segment, at most, */
	SPOOL_PART_MIN = 64 << 10, /* where the file system is nearly full, */
	SPOOL_PARTS = 16,	   /* and how many should fit */
	SPOOL_MEMORY = 16 << 20,   /* while the disk cannot be written */
	SPOOL_SETTLED = 256 << 10, /* all acknowledged and larger: a new segment begins */
	SPOOL_FILE_MAX = 32 << 20, /* no file of ours is larger */
	SPOOL_INDEX_MAX = 50000,
	SPOOL_WORD = SEGMENT_FRAME + 64, /* a batch that tells of a loss */
	SPOOL_SPARE = 2 << 20,		 /* of the file system, beside its floor */
	SPOOL_RETRY_S = 10,		 /* after the disk could not be written */
};

/* A batch in a segment that is loaded. */
struct spool_kept {
	uint32_t at, n, records; /* of its body */
	bool hole;
	struct lost lost; /* of a hole */
};

struct spool_segment {
	struct spool_segment *next;
	struct spooldir_file file; /* key and numbers, whether or not it is on disk */
	bool old;		   /* of an earlier life */
	uint32_t count;		   /* batches, holes among them */
	uint32_t holes;		   /* as counted so far, */
	uint64_t hole_records;	   /* and what was in them */
	uint64_t first, after;	   /* weights before and after it */
	struct lost whole;	   /* all that would be lost with it */
	uint64_t bytes, limit;
	bool on_disk, sealed;
	int fd; /* what it is appended by, or -1 */
	bool dirty;
	/* Loaded: what is in memory alone always is, and what is being written. */
	bool loaded;
	struct buf buf;
	struct spool_kept *kept;
	size_t kept_n, kept_cap;
};

/* Lost, and yet to be told or, once it is told, to lose its last trace. */
struct spool_loss {
	struct spool_loss *next;
	struct spooldir_file file;
	bool on_disk; /* `file` is there */
	uint64_t from, to;
	struct lost lost;
	uint64_t
		teller; /* id of the segment that was dropped, which may have told of others */
	bool told;
	uint64_t holder; /* id of the segment that tells */
};

struct spool {
	struct spool_config config;
	uint64_t part, memory_cap;
	struct spool_segment *head, *tail;
	struct spool_loss *losses;
	uint64_t epoch, acked, sent;
	bool epoch_old;	 /* it numbers what an earlier life has left; */
	bool epoch_here; /* and this life does so */
	uint64_t next_id, weight;
	struct spool_counts counts;
	struct spool_place place, placed; /* the last; what the file says */
	bool place_lost;
	bool news, dir_dirty;
	uint64_t room; /* freed since the file system is too full, and ours to fill again */
	int64_t blocked_s; /* until then the disk is not tried */
	struct buf frame;
	struct wire_writer hole;
};

/* spool_keep.c */

/*
 * Puts a batch behind all others, with what NOTE says of it; fills in the rest of NOTE.
 * Negative errno with only_disk.
 */
int spool_put(struct spool *sp, struct segment_note *note, const void *body, size_t n);
/* Drops what is above the caps, and tells all that is lost and untold. */
void spool_make_room(struct spool *sp);
void spool_lose(struct spool *sp, const struct spool_loss *loss);
/* Tries to write what is in memory alone. */
void spool_rescue(struct spool *sp);
/* Its batches are in memory when this returns. */
void spool_load_segment(struct spool *sp, struct spool_segment *s);
/* Gives S these numbers, durably; false when that cannot be. */
bool spool_number(struct spool *sp, struct spool_segment *s, uint64_t epoch, uint64_t base);
/* The head is acknowledged and goes; false when that has to wait. */
bool spool_remove_head(struct spool *sp);
void spool_segment_free(struct spool_segment *s);

/* spool_load.c */

int spool_read(struct spool *sp, struct err *e);

/* spool.c */

/* spool_sync without spool_rescue, which may be what needs it. */
int spool_flush(struct spool *sp);
/* Looks what the epoch is, after the head has changed. */
void spool_turn(struct spool *sp);

#endif
