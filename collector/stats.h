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
	X(renewed, counter, "certificates renewed")                                           \
	X(renewals_early, counter, "renewals not answered: the last was a moment ago")        \
	X(certificates_put_off, counter,                                                      \
	  "enrolments and renewals put off: too many at once, or another writes")             \
	X(certificates_failed, counter,                                                       \
	  "enrolments and renewals that failed for a fault of the collector's")               \
	X(clones, counter, "two sensors with one identity at once")                           \
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
	X(commits_waited, counter,                                                            \
	  "transactions put off: another writes, or there is no room")                        \
	X(http_accepted, counter, "HTTP connections accepted")                                \
	X(http_turned_away, counter, "HTTP connections closed: there were too many")          \
	X(http_tls_failed, counter, "TLS handshakes of HTTP that failed")                     \
	X(http_timeouts, counter, "HTTP requests that did not come in time")                  \
	X(http_refused, counter, "HTTP requests refused before a worker saw them")            \
	X(http_requests, counter, "HTTP requests handed to a worker")                         \
	X(http_busy, counter, "HTTP requests turned away: too many wait, or too long")        \
	X(http_changes, counter, "changes of the plan made over HTTP")                        \
	X(http_killed, counter, "HTTP requests ended: too long, or nobody waited")            \
	X(http_answers_2xx, counter, "HTTP answers: done")                                    \
	X(http_answers_304, counter, "HTTP answers: not modified")                            \
	X(http_answers_4xx, counter, "HTTP answers: refused, those below among them")         \
	X(http_answers_401, counter, "HTTP answers: no good token")                           \
	X(http_answers_403, counter, "HTTP answers: the role, Host or Origin may not")        \
	X(http_answers_404, counter, "HTTP answers: not there")                               \
	X(http_answers_429, counter, "HTTP answers: refused too often")                       \
	X(http_answers_5xx, counter, "HTTP answers: failed, those below among them")          \
	X(http_answers_503, counter, "HTTP answers: not now")                                 \
	X(http_restarts, counter, "processes of HTTP that ended and were started again")      \
	X(reloads, counter, "configurations read again")                                      \
	X(accepting, gauge, "1 while connections of sensors are taken")                       \
	X(commit_failing, gauge,                                                              \
	  "1 from a transaction that failed, or had no room, to a good one")                  \
	X(beat_ms, gauge, "milliseconds since boot when the loop of ingest last turned")      \
	X(started, gauge, "Unix seconds of the start")                                        \
	X(http_down, gauge, "1 when HTTP answers no more until the next start")               \
	X(http_connections, gauge, "HTTP connections")                                        \
	X(sessions, gauge, "connections of sensors")                                          \
	X(live, gauge, "sensors connected and welcomed")                                      \
	X(strangers, gauge, "connections that have not said HELLO yet")                       \
	X(waiting, gauge, "connections that have said nothing yet, or wait for their turn")   \
	X(queued, gauge, "batches that wait for a commit")                                    \
	X(input_bytes, gauge, "bytes of unfinished frames")                                   \
	X(flow_datagrams, counter, "datagrams of exporters received")                         \
	X(flow_strangers, counter, "datagrams dropped: of no exporter that is named")         \
	X(flow_overrun, counter, "datagrams dropped by the kernel: not read in time")         \
	X(flow_records, counter, "flows received, as exporters told them")                    \
	X(flow_malformed, counter, "datagrams that make no sense from some byte on")          \
	X(flow_unknown, counter, "datagrams of no known version")                             \
	X(flow_templates, counter, "templates learnt or changed")                             \
	X(flow_no_template, counter, "sets of flows given up: their template did not come")   \
	X(flow_refused, counter, "templates, rates and exporters beyond a cap")               \
	X(flow_missed, counter, "flows that, by the sequence numbers, did not get here")      \
	X(flow_late, counter, "datagrams that came after their successors")                   \
	X(flow_no_address, counter, "flows not between two addresses")                        \
	X(flow_protocols, counter, "flows not counted: neither TCP nor UDP, or a fragment")   \
	X(flow_denied, counter, "flows not counted: a firewall refused them")                 \
	X(flow_odd, counter, "flows not counted: numbers or addresses that make no sense")    \
	X(flow_copies, counter, "flows not counted: told at another interface as well")       \
	X(flow_clocks, counter, "flows with times that are not believed: taken as of now")    \
	X(flow_early, counter, "connections told early: more at once than are kept")          \
	X(flow_lost, counter, "connections given up: the collector was behind")               \
	X(flow_repeated, counter, "batches of flows handed over again")                       \
	X(flow_restarts, counter, "starts of the process that reads flows, after it ended")   \
	X(flow_exporters, gauge, "exporters heard")                                           \
	X(flow_connections, gauge, "connections of exporters that are remembered")            \
	X(flow_waiting, gauge, "sets of flows that wait for their template")                  \
	X(flow_bytes, gauge, "bytes held for templates")                                      \
	X(flow_queued, gauge, "batches of flows that wait for the collector")                 \
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

/* Milliseconds since boot: the same clock in all processes, which nobody sets. */
uint64_t stats_clock_ms(void);
/* Why the collector is not ready to take and keep what sensors send; NULL when it is. */
enum { STATS_SILENT_MS = 10000 }; /* of beat_ms */
const char *stats_unready(const struct stats *s);

#endif
