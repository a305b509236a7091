/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections that the fallback knows of, from looks at what is open (snapshots) and
 * notices of what has ended, to edges as the eBPF programs would have counted them: pure.
 *
 * A connection is known by its socket's cookie, which a snapshot and the notice of its end
 * have in common.  What no snapshot has seen is counted by its notice alone: a server's with
 * the owner of its listener, a client's without one.  Every opening, end and byte is told
 * once.
 *
 *     conntab_pass(t)  conntab_listener()*  conntab_seen()*  conntab_wanted()  conntab_own()
 *     conntab_ended() at any time          conntab_tell(t, sink)  at the end of an interval
 */
#ifndef SENSOR_CONNTAB_H
#define SENSOR_CONNTAB_H

#include "sensor/diag.h"
#include "sensor/probe.h"

struct conntab;

/* Who has a socket's descriptor: of many the two that started first. */
struct holders {
	unsigned n;
	struct {
		uint64_t born;
		uint32_t tgid;
	} who[2];
};

struct conntab *conntab_new(const struct probe_config *config);
void conntab_free(struct conntab *t);

/* A snapshot of one namespace begins; NOW is boot time. */
void conntab_pass(struct conntab *t, uint32_t netns, uint64_t now_ns);
/* There will be none of this namespace any more. */
void conntab_leave(struct conntab *t, uint32_t netns);
void conntab_listener(struct conntab *t, uint32_t netns, const struct diag *d);
void conntab_seen(struct conntab *t, uint32_t netns, const struct diag *d);
/* The first snapshot is done: what it had was open before, and from here on all counts. */
void conntab_seeded(struct conntab *t);

/* A notice.  Its direction may have to wait for the listeners of the next snapshot. */
void conntab_ended(struct conntab *t, uint32_t netns, const struct diag *d, uint64_t now_ns);

/* Inodes of sockets whose owner is not known; the number of them. */
unsigned conntab_wanted(struct conntab *t, void (*fn)(void *ctx, uint32_t inode), void *ctx);
/* Asks FIND for their owners, and counts what was waiting for one. */
void conntab_own(struct conntab *t,
		 bool (*find)(void *ctx, uint32_t inode, struct holders *out), void *ctx);

/* Everything of this interval, and what is open and listens as of the last snapshots. */
void conntab_tell(struct conntab *t, const struct probe_sink *sink);
/* Adds what found no room since the last call. */
void conntab_drops(struct conntab *t, uint64_t drops[DROP_COUNT]);
/* Connections whose direction was taken from their ports, for want of anything better. */
uint64_t conntab_guessed(const struct conntab *t);
unsigned conntab_count(const struct conntab *t);

#endif
