/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every TCP connection that goes by, in a table of fixed size: packets in, connections out
 * when they are over.  Pure: time is that of the packets.
 *
 * The key is the four of addresses and ports.  A VLAN or tunnel is no part of it, since a
 * mirror may show each direction with another tag, or one packet with and without; but when a
 * SYN comes with other numbers while the connection lives, both are kept, and each packet goes
 * to the one whose sequence numbers it fits: port reuse and overlapping tenants come out
 * right.
 *
 * Who is over stays for FLOWTAB_LINGER_S, for what comes late; who is silent for
 * FLOWTAB_IDLE_S is over, or for FLOWTAB_HALF_S if it has not been established.  Where the
 * table is full the one that is over for longest goes first, then the one that would time out
 * first, and that is counted.  A connection of which no handshake was seen is held back after
 * its end, at most FLOWTAB_HELD of them, for what may still be learnt of its ends.
 */
#ifndef SENSOR_MIRROR_FLOWTAB_H
#define SENSOR_MIRROR_FLOWTAB_H

#include "sensor/mirror/conn.h"
#include "sensor/mirror/nametab.h"

enum {
	FLOWTAB_LINGER_S = 120,
	FLOWTAB_IDLE_S = 7500, /* keep-alives come every two hours (RFC 9293, 3.8.4) */
	FLOWTAB_HALF_S = 130,  /* the last gap between two SYNs of Linux is 64 s */
	FLOWTAB_HELD = 16384,
	FLOWTAB_OVER = 49152, /* that linger at most */
};

/* How client and server were told apart. */
enum flow_how { HOW_SYN, HOW_SYNACK, HOW_LEARNED, HOW_PORT, HOW_FIRST, HOW_KINDS };
extern const char *const flow_how_word[HOW_KINDS];

/* A connection that is over; borrowed. */
struct flow_over {
	const struct conn *c;
	unsigned client; /* its end */
	enum flow_how how;
	enum conn_state state;
	const char *name;   /* "" where none was seen */
	bool tls;	    /* NAME is a TLS server name, else a Host */
	uint64_t unseen[2]; /* acknowledged and never seen, by end */
};

struct flowtab_sink {
	void *ctx;
	void (*over)(void *ctx, const struct flow_over *f);
};

struct flowtab_counts {
	uint64_t packets, copies;
	uint64_t payload; /* bytes, each once */
	uint64_t connections;
	uint64_t evicted;   /* given up while alive, for want of room */
	uint64_t one_sided; /* of those that are over, seen in one direction alone */
	uint64_t two_sided;
	uint64_t gaps_lost;  /* holes that were given up: what fills them counts as repeated */
	uint64_t names_lost; /* of connections, for want of room */
	uint64_t unseen;     /* bytes that were acknowledged and never seen */
	uint32_t now, peak;  /* in the table */
};

struct flowtab;

/*
 * At most MAX connections, 192 bytes each, taken as they are needed.  SEED keys the hash; it
 * decides nothing that comes out.  NAMES (borrowed, or NULL) learns what servers are called.
 */
struct flowtab *flowtab_new(uint32_t max, uint64_t seed, struct nametab *names,
			    const struct flowtab_sink *sink);
void flowtab_free(struct flowtab *t);
/*
 * For who tells as it goes: what is over stays LINGER_S, and what is held back is told after
 * HELD_S, as a guess if need be.
 */
void flowtab_hasten(struct flowtab *t, uint32_t linger_s, uint32_t held_s);
void flowtab_add(struct flowtab *t, const struct packet *p);
/*
 * The same in steps, some packets apart, so that memory is there when it is needed:
 * flowtab_seek, a packet later flowtab_near, another one later flowtab_add_at.
 */
uint32_t *flowtab_seek(const struct flowtab *t, const struct packet *p);
void flowtab_near(const struct flowtab *t, const uint32_t *place);
void flowtab_add_at(struct flowtab *t, const struct packet *p, uint32_t *place);
/* Nothing has come, and it is NOW by the capture's clock: what times out does. */
void flowtab_tick(struct flowtab *t, uint64_t now_ns);
/* The end: all that is left is told, by the time of its last packet. */
void flowtab_finish(struct flowtab *t);
/*
 * Every connection that was not told as over yet, for amounts so far; in no order.  Of one
 * without handshake the client is who it was the first time that this told of it: so that
 * amounts do not change sides, it is left out for HELD_S unless it was learnt.
 */
void flowtab_each(struct flowtab *t, void (*fn)(void *ctx, const struct flow_over *f),
		  void *ctx);
void flowtab_count(const struct flowtab *t, struct flowtab_counts *out);

#endif
