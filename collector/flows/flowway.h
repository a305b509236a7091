/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One way of a connection, out of the records of one exporter: which of them speak of the same
 * packets, and how much of the bytes is payload.  Pure.
 *
 * A router may tell a packet where it comes in and where it goes out, and a switch at each of
 * its cards: two lanes of one way.  A stretch of time is counted in one lane; a record of
 * another lane counts when it begins after what was counted.
 */
#ifndef COLLECTOR_FLOWS_FLOWWAY_H
#define COLLECTOR_FLOWS_FLOWWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fact.h"

enum {
	FLOWWAY_SLACK_MS = 100,	   /* between the clocks of two places in one exporter */
	FLOWWAY_QUIET_MS = 120000, /* without times of its own a lane is left after so long */
};

/* Larger amounts make no sense, and the ledger takes none (AMOUNT_MAX). */
#define FLOWWAY_MOST (UINT64_C(1) << 53)
/* A + B, or FLOWWAY_MOST. */
uint64_t flowway_sum(uint64_t a, uint64_t b);

struct flowlane {
	uint32_t domain, in_if, out_if;
	uint32_t way; /* enum foreign_way */
};

/* A record, or one way of it; its times are by our clock. */
struct flowrecord {
	struct flowlane lane;
	bool timed; /* by the exporter; else FIRST and LAST are RECEIVED */
	uint64_t first_ms, last_ms, received_ms;
	uint64_t bytes, packets; /* as told, not scaled */
	bool payload;		 /* the bytes are payload */
	bool has_flags;
	uint8_t flags;
	uint32_t sampling; /* at least 1 */
};

struct flowway {
	struct flowlane lane;
	uint64_t begin_ms; /* of the newest opening */
	uint64_t end_ms;   /* what is counted reaches to here; 0: nothing is */
	uint64_t heard_ms;
	uint64_t first_ms;	 /* of the newest record, */
	uint64_t bytes, packets; /* to know it again */
	uint8_t flags;		 /* of the newest opening */
	uint32_t openings;	 /* records with a SYN, but for those that try again */
	/* Since flowway_told; amounts are scaled. */
	struct flowway_news {
		uint64_t from_ms, to_ms; /* 0: nothing */
		uint64_t bytes, packets, payload;
		uint64_t syns, resets; /* packets with them, one a record */
		bool bare;	       /* too few bytes for TCP's timestamps in every packet */
	} news;
};

/* True if R was counted; false: a copy of what was counted.  BACK is what the other end sent.
 */
bool flowway_add(struct flowway *w, const struct flowrecord *r, const struct flowway *back,
		 bool v6);
/* The next record is of another opening than what has not been told yet. */
bool flowway_reopens(const struct flowway *w, const struct flowrecord *r);
/*
 * Payload of the news, estimated: exporters count whole packets.  BARE: the connection is one
 * without TCP's timestamps.
 */
uint64_t flowway_payload(const struct flowway *w, bool tcp, bool v6, bool bare);
void flowway_told(struct flowway *w);

#endif
