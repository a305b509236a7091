/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What listens, and did until a short while ago, in every namespace: pure.  It tells server
 * from client, and whose a connection is that nobody was seen to have.
 */
#ifndef SENSOR_LISTENTAB_H
#define SENSOR_LISTENTAB_H

#include <uthash.h>

#include "sensor/diag.h"

struct waiter {
	struct listener_key key;
	struct listener_val val; /* tgid 0: not known whose */
	uint64_t seen_ns;
	uint32_t inode; /* 0: known only from its end */
	uint32_t pass;	/* the last snapshot that had it */
	UT_hash_handle hh;
};

struct listentab {
	struct waiter *all;
	uint64_t dropped; /* for want of room */
};

void listentab_fini(struct listentab *t);

/* Snapshot number PASS has it.  Of several on one port one is kept while it is there. */
void listentab_seen(struct listentab *t, uint32_t netns, const struct diag *d, uint32_t pass,
		    uint64_t now_ns);
/* A notice of its end; it may be the first that is heard of it. */
void listentab_ended(struct listentab *t, uint32_t netns, const struct diag *d,
		     uint64_t now_ns);
/* The one that a connection to ADDR and PORT comes in by; NULL for none. */
struct waiter *listentab_find(const struct listentab *t, uint32_t netns,
			      const uint8_t addr[16], uint16_t port);
/* Forgets those that are gone for longer than a late connection takes. */
void listentab_tidy(struct listentab *t, uint64_t now_ns);

#endif
