/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's counters: one row here is a counter, its name in /metrics and in the state
 * that SIGUSR1 prints.
 *
 * They lie in memory that the collector shares with the processes it starts; each counter has
 * one process that writes it, and the others may read an old value.  Every drop, refusal and
 * retry has a row.
 */
#ifndef COLLECTOR_STATS_H
#define COLLECTOR_STATS_H

#include <stdint.h>

/* X(name, kind, words): kind is counter or gauge. */
#define STATS(X)                                                                              \
	X(accepted, counter, "connections accepted")                                          \
	X(turned_away, counter, "connections closed: too many strangers before them")         \
	X(silent, counter, "connections cut that said nothing of TLS")                        \
	X(origins_odd, counter, "connections cut for a relay's header that makes no sense")   \
	X(handshakes_failed, counter, "TLS handshakes that failed or took too long")          \
	X(enrolled, counter, "sensors enrolled")                                              \
	X(refused, counter, "sensors and enrolments refused")                                 \
	X(duplicates, counter, "sessions turned away: the identity was connected already")    \
	X(protocol_errors, counter, "sessions ended for a frame that makes no sense")         \
	X(batches, counter, "batches received")                                               \
	X(records, counter, "records received")                                               \
	X(bytes, counter, "bytes of batches received, as they decode")                        \
	X(wire_bytes, counter, "bytes of batches received, as they were sent")                \
	X(known, counter, "batches received again, not counted again")                        \
	X(gaps, counter, "batches out of sequence, sent back")                                \
	X(commits, counter, "transactions")                                                   \
	X(commits_failed, counter, "transactions that failed; their sensors send again")      \
	X(sessions, gauge, "connections of sensors")                                          \
	X(live, gauge, "sensors connected and welcomed")                                      \
	X(strangers, gauge, "connections that have not said HELLO yet")                       \
	X(waiting, gauge, "connections that have said nothing yet, or wait for their turn")   \
	X(queued, gauge, "batches that wait for a commit")                                    \
	X(input_bytes, gauge, "bytes of unfinished frames")                                   \
	X(commit_worst_us, gauge, "microseconds of the longest commit so far")                \
	X(disk_full, gauge, "1 while commits wait for room on the disk")                      \
	X(set_aside, gauge, "1 if the database was found damaged at this start")              \
	X(wal_bytes, gauge, "bytes of the write-ahead log")                                   \
	X(wal_folds, counter, "times that the log was folded into the file")                  \
	X(wal_pages, counter, "pages that were folded")                                       \
	X(wal_held, gauge, "1 while a reader holds a log that is too long")                   \
	X(file_bytes, gauge, "bytes of the database file")                                    \
	X(file_free_bytes, gauge, "of them, in pages that nothing uses")                      \
	X(rows_packed, counter, "rows of hours and days that were put together")              \
	X(rows_removed, counter, "rows, and packs of them, that retention took away")         \
	X(edges_removed, counter, "edges that nobody had seen for too long")                  \
	X(names_removed, counter, "endpoints, processes and details that nobody used")        \
	X(tend_worst_us, gauge, "microseconds of the longest slice of retention")

struct stats {
#define X(name, kind, words) uint64_t name;
	STATS(X)
#undef X
};

struct stats_row {
	const char *name, *kind, *words;
	uint16_t at; /* offset of its uint64_t */
};
extern const struct stats_row stats_rows[];
extern const unsigned stats_rows_n;

/* Zeroed, shared with every process forked afterwards, there until this one ends. */
struct stats *stats_new(void);
uint64_t stats_value(const struct stats *s, const struct stats_row *row);

#endif
