/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection as seen from outside, and what each packet adds to it: pure.
 *
 * Payload is counted by sequence number, each byte once, from the first data byte on: a run
 * from BASE to NEXT, less the holes in it that no packet has filled yet.  So retransmissions,
 * copies of a mirror and reordering all come to the same number.
 *
 * Who is the client is told by SYN or SYN/ACK; without either it stays open (conn_guess).
 */
#ifndef SENSOR_MIRROR_CONN_H
#define SENSOR_MIRROR_CONN_H

#include <stdbool.h>

#include "sensor/mirror/holes.h"
#include "sensor/mirror/packet.h"

enum { CONN_PRINTS = 3 };

/* conn.seen, by end */
enum {
	SIDE_SYN = 1,
	SIDE_SYNACK = 2,
	SIDE_FIN = 4,
	SIDE_RST = 8,
	SIDE_SEQ = 16,	  /* BASE and NEXT are set */
	SIDE_DATA = 32,	  /* by data, or by what follows a SYN */
	SIDE_SPOKE = 64,  /* an ACK or data, in neither SYN nor RST */
	SIDE_HEARD = 128, /* no name is to be expected of it any more */
};

/* What one end sent. */
struct conn_side {
	uint64_t bytes; /* payload, each byte once */
	uint64_t again; /* payload seen again */
	uint32_t base;	/* sequence number of the first data byte */
	uint32_t next;	/* behind the last */
	uint32_t ack;	/* the highest it acknowledged; with SIDE_SPOKE or SIDE_SYNACK */
	uint32_t packets;
	uint32_t holes;		     /* in the pool of them; 0: none */
	uint32_t print[CONN_PRINTS]; /* of its last packets, to know copies by */
};

/* conn.flags */
enum {
	CONN_CLOSED = 1,
	CONN_RESET = 2,	 /* a RST after it was established, or in mid-stream */
	CONN_TWIN = 4,	 /* another one has the same ends */
	CONN_HELLO = 8,	 /* first words of it wait in the pool of them */
	CONN_TLS = 16,	 /* NAME is a TLS server name, else a Host */
	CONN_ASKS0 = 32, /* end 0 spoke like a client: TLS or HTTP */
	CONN_ASKS1 = 64,
	CONN_TOLD = 128, /* of its client, who stays it: see FIRST */
};

struct conn {
	struct conn_side side[2]; /* by end */
	uint64_t first_ns, last_ns;
	struct addr end[2]; /* sorted, with their ports */
	uint16_t port[2];
	uint32_t tag;			    /* of its first packet */
	uint32_t name;			    /* in the pool of them; 0: none */
	uint32_t syn_us, synack_us, ack_us; /* after first_ns; 0: not seen (in that order) */
	uint32_t next, before, after;	    /* the table's */
	uint8_t seen[2];
	uint8_t pieces[2]; /* with payload, until a name is known */
	uint8_t flags;
	uint8_t list;	/* the table's */
	uint8_t opener; /* end that is the client + 1; 0: not told by any handshake */
	uint8_t first;	/* end that was seen first; with CONN_TOLD 2 more where the client is 1
			 */
};

_Static_assert(sizeof(struct conn) == 192, "three lines of cache");

/* An empty one between the ends of P. */
void conn_begin(struct conn *c, const struct packet *p, unsigned from);
/*
 * P is of C, sent by end FROM (0 or 1).  False: it is a copy of one that was counted, and
 * nothing changed.  *FRESH is how much of its payload was not seen before.
 */
bool conn_add(struct conn *c, struct holes *h, const struct packet *p, unsigned from,
	      uint32_t *fresh);

/*
 * How well P fits: 0 not at all (another connection of these ends), higher is nearer.  SYN and
 * SYN/ACK fit by their numbers alone.
 */
unsigned conn_fits(const struct conn *c, const struct packet *p, unsigned from);

/* It cannot go on: both have finished, or one has reset it. */
static inline bool conn_is_over(const struct conn *c)
{
	return (c->seen[0] & c->seen[1] & SIDE_FIN) || ((c->seen[0] | c->seen[1]) & SIDE_RST);
}
static inline bool conn_is_handshaken(const struct conn *c)
{
	return (c->seen[0] | c->seen[1]) & SIDE_SYNACK;
}

enum conn_state {
	CONN_MID,
	CONN_MID_RESET,
	CONN_ESTABLISHED,
	CONN_WAS_RESET,
	CONN_REFUSED,
	CONN_UNANSWERED,
	CONN_SYNACK_ONLY,
	CONN_HALF_OPEN,
	CONN_STATES
};
extern const char *const conn_state_word[CONN_STATES];
/* As docs/connections.md has them; CLIENT: the end (0 or 1). */
enum conn_state conn_state(const struct conn *c, unsigned client);
/* Payload that the other end acknowledged and that was never seen: lost by the mirror. */
uint64_t conn_unseen(const struct conn *c, const struct holes *h, unsigned from);

#endif
