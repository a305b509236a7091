/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of whom nothing is known yet.  One that was accepted costs a few hundred bytes
 * until its first byte of TLS is there and it is its turn; only then it is let in, and gets
 * what a handshake takes.
 *
 * Who says nothing is cut after a few seconds, and gives way at once where there is no room.
 * Who waits for a turn gets it by address: one of each in turn, the newest first, so that
 * neither a crowd at one address nor ten thousand who only connect keep a sensor out.
 *
 * A relay says in front of everything else for whom it speaks (origin.h).  That is read from
 * anybody, so that both ends need no agreement, and believed from RELAYS alone.
 */
#ifndef COLLECTOR_PORCH_H
#define COLLECTOR_PORCH_H

#include <stdint.h>

#include "common/addr.h"
#include "common/sock.h"

struct event_base;
struct porch;

enum {
	PORCH_MAX = 16384,   /* on the porch at once; less where there are few descriptors */
	PORCH_SOURCE = 4096, /* of them from one address */
	PORCH_SILENT_S = 10, /* for the first byte of TLS */
	PORCH_TURN_S = 20,   /* to be let in, from the same moment: longer no sensor waits */
	PORCH_CROWD = 1024,  /* with more than so many silent ones */
	PORCH_CROWD_S = 3,   /* there is so much for that byte */
};

struct porch_guest {
	struct addr source; /* true, or that of a relay that is not believed */
	uint16_t port;
	bool relayed; /* or says so */
	char text[2 * SOCK_TEXT +
		  16]; /* "10.0.0.1:4000", "10.0.0.1:4000 through 10.9.0.1:999" */
};

/* Where it counts; each is written by nobody else. */
struct porch_counters {
	uint64_t *accepted;
	uint64_t *turned_away; /* there were too many, or no turn came in time */
	uint64_t *silent;      /* cut before they said anything of TLS */
	uint64_t *origins_odd; /* cut for a header that makes no sense */
	uint64_t *waiting;     /* on the porch now */
};

struct porch_config {
	int fd;			       /* listening; the porch's from now on */
	unsigned inside;	       /* so many may be inside */
	unsigned inside_source;	       /* of them from one address */
	const struct addr_net *relays; /* borrowed */
	unsigned relays_n;
	struct porch_counters count;
	/* Takes the connected socket FD, which does not block, from the loop. */
	void (*enter)(int fd, const struct porch_guest *guest, void *ctx);
	void *ctx;
};

struct porch *porch_new(struct event_base *base, const struct porch_config *config);
/* One that was let in from SOURCE has left, or is known by now. */
void porch_left(struct porch *p, const struct addr *source);
/* Stops to listen, and cuts all that are on it; NULL is allowed. */
void porch_free(struct porch *p);

#endif
