/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the certificate of one connection is worth, and whether somebody else uses the same
 * identity (docs/wire.md, "Who is who").
 */
#ifndef COLLECTOR_PASSPORT_H
#define COLLECTOR_PASSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/hub.h"
#include "common/sock.h"
#include "common/tls.h"

enum { PASSPORT_PEER = 2 * SOCK_TEXT + 16 }; /* words for where somebody is */

struct passport {
	struct tls_peer id;
	bool expired; /* it may get the next certificate, and nothing else */
	bool next;    /* it is the next one, used for the first time */
	bool relayed; /* it comes through a relay */
	/* Another with this identity was turned away then (stats_clock_ms; 0: nobody), coming
	 * from there. */
	uint64_t rival_ms;
	char rival[PASSPORT_PEER];
	uint64_t looked_ms; /* when that was last settled */
};

/* NULL where it may speak, else the words of a refusal.  FROM is where it is. */
const char *passport_check(struct passport *p, struct hub *hub, const char *from);
/* It was let in: if it is the next certificate, it is the one from now on. */
void passport_used(const struct passport *p, struct hub *hub);

/* One that came FROM there with the same identity was turned away. */
void passport_rival(struct passport *p, const char *from);
/*
 * Something was heard over the socket FD from the one that is connected AT: a while after a
 * rival was turned away that is the proof that there are two.  A machine that was started
 * again is turned away too, while its old session only looks alive, and what that had on its
 * way may still come.
 */
void passport_heard(struct passport *p, struct hub *hub, int fd, const char *at);

#endif
