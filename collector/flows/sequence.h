/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sequence numbers of an exporter say was missed.
 *
 * NetFlow v9 and sFlow count datagrams, v5 and IPFIX records; but there are exporters of v9
 * that count records and of IPFIX that count datagrams, so that a number which fits the other
 * rule to the letter settles which one holds.  softflowd's IPFIX counts the records of the
 * datagram itself as well, which shows when these are known.  A number that is far off is a
 * restart, never a loss of millions.
 */
#ifndef COLLECTOR_FLOWS_SEQUENCE_H
#define COLLECTOR_FLOWS_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

enum sequence_unit { SEQUENCE_DATAGRAMS, SEQUENCE_RECORDS };

struct sequence {
	enum sequence_unit unit;
	bool known;
	bool counted;	  /* RECORDS is right: nothing in the last datagram was unreadable */
	uint8_t late_run; /* late ones in a row */
	uint32_t last, records;
	bool inclusive;		       /* the number counts the datagram's own records too */
	uint32_t step, before, missed; /* of the last datagram, until sequence_held */
};

struct sequence_step {
	uint32_t missed; /* since the datagram before, in its unit */
	bool late;	 /* an older one: it was counted as missed */
};

/* The next datagram bears NUMBER. */
struct sequence_step sequence_next(struct sequence *s, uint32_t number);
/*
 * ... and held so many records; COUNTED false: or more, there was a set of no known template.
 * What sequence_next said was missed is to be changed by so much.
 */
int64_t sequence_held(struct sequence *s, uint32_t records, bool counted);
/* What comes next is not held against what came. */
void sequence_restart(struct sequence *s);

#endif
