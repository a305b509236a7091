/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the reader of flows holds of each exporter and the collector has not committed yet, so
 * that the next reader can say what went with one that crashed: from when on, and how many
 * records.  It lies in memory that outlives the reader, and only ever one reader writes it.
 * Pure: time comes in.
 *
 * A record is held for FLOWSUM_HOLD_MS before it is told, and what is told is safe when its
 * batch is committed.  So when all that was told at a time is committed, the records that had
 * come FLOWSUM_HOLD_MS before that time are safe; the younger ones count as lost in a crash,
 * though some may have been told: rather too much than too little.
 */
#ifndef COLLECTOR_FLOWHELD_H
#define COLLECTOR_FLOWHELD_H

#include "collector/flowtell.h"

enum { FLOWHELD_MARKS = 16 };

struct flowheld_row {
	struct addr exporter;
	uint64_t epoch, last, committed; /* sequences that were handed over, and are safe */
	uint64_t await, await_ms;	 /* this one makes safe what was told at AWAIT_MS */
	uint64_t records;		 /* of it so far, in this reader; of them: */
	uint64_t safe, safe_ms;		 /* those until SAFE_MS */
	struct flowheld_mark {
		uint64_t ms, records;
	} mark[FLOWHELD_MARKS]; /* the newest last */
	uint32_t marks;
	bool used;
	bool owing; /* what a reader before has lost is not committed as LOST: */
	uint64_t owed_ms, owed;
};

/* All 0 to begin with.  Places are the numbers of flowtell_number. */
struct flowheld {
	struct flowheld_row row[FLOWTELL_EXPORTERS];
};

/* Exporter A has place N now; RECORDS of it more have come. */
void flowheld_take(struct flowheld *h, int n, const struct addr *a, uint64_t records,
		   uint64_t now_ms);
/* A batch of exporter A was handed over; it is committed. */
void flowheld_handed(struct flowheld *h, const struct addr *a, uint64_t epoch,
		     uint64_t sequence);
void flowheld_committed(struct flowheld *h, uint64_t epoch, uint64_t sequence);
/* All that was to be told at NOW_MS has been handed over. */
void flowheld_told(struct flowheld *h, uint64_t now_ms);

/*
 * After a crash: for the row that a former reader has left, what is lost since *FROM_MS. False
 * where there is none.  H of a former reader is not to be trusted: it has read bytes of
 * strangers.
 */
bool flowheld_lost(const struct flowheld_row *row, uint64_t now_ms, uint64_t *from_ms,
		   uint64_t *records);
/* Exporter A, at place N in this reader, is owed that. */
void flowheld_owe(struct flowheld *h, int n, const struct addr *a, uint64_t from_ms,
		  uint64_t records, uint64_t now_ms);

#endif
