/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd is told (sd_notify(3)): one datagram to $NOTIFY_SOCKET.  Nothing where there is
 * none.
 */
#ifndef COLLECTOR_NOTIFY_H
#define COLLECTOR_NOTIFY_H

#include "collector/stats.h"

struct notify {
	uint64_t every_ms;  /* a sign of life is wanted, 0: none */
	uint64_t last_ms;   /* when it was given */
	uint64_t moved_ms;  /* when batches were last seen to move */
	uint64_t turns;	    /* transactions until then */
	uint64_t status_ms; /* when the words were last sent */
};

/* Before processes are started and calls are given up; the environment is cleaned. */
void notify_start(struct notify *n);
void notify_ready(const char *address);
void notify_reloading(void);
/* WORDS: what it does until it is over. */
void notify_stopping(const char *words);
/* To be called every second by a loop: a sign of life at half of the time that the watchdog
 * gives. */
void notify_turns(struct notify *n);
/*
 * The same for the loop of ingest, unless batches wait and no transaction was even tried
 * since.  Words about the state now and then.
 */
void notify_alive(struct notify *n, const struct stats *s);

#endif
