/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process beside the collector that reads the database as a whole, so that no commit waits
 * for it: it checks the file at the start, folds the write-ahead log into it, and keeps the
 * small copy of what people did (store/aside.h).
 */
#ifndef COLLECTOR_KEEPER_H
#define COLLECTOR_KEEPER_H

#include "collector/nursery.h"
#include "collector/stats.h"

enum { KEEPER_WORDS = 256 };

enum keeper_verdict {
	KEEPER_WHOLE,
	KEEPER_DAMAGED,
	KEEPER_READING, /* not done within the time given */
	KEEPER_UNKNOWN, /* the check could not be run: words say why */
};

struct keeper {
	struct child child;
	struct nursery *nursery;
	const char *dir, *path; /* borrowed */
	struct stats *stats;
	bool reading;
	bool ended; /* found so by keeper_verdict, with STATUS; keeper_ended tells it */
	int status;
};

/* It will be one of N; PATH is that of the database, which lies in DIR. */
void keeper_plan(struct keeper *k, struct nursery *n, const char *dir, const char *path,
		 struct stats *stats);
/* To be called before the store is opened, or after it has ended. */
int keeper_start(struct keeper *k, struct err *e);
void keeper_stop(struct keeper *k);

/* Begins the check and waits for so long (-1: until it is done). */
enum keeper_verdict keeper_check(struct keeper *k, int patience_ms, char words[KEEPER_WORDS]);
/* The verdict of a check that was not done then, once the child's descriptor is readable. */
enum keeper_verdict keeper_verdict(struct keeper *k, char words[KEEPER_WORDS]);
/* True once, after it has ended by itself, with its wait status. */
bool keeper_ended(struct keeper *k, int *status);
/* The store is open and good: from now on the log is folded. */
void keeper_go(struct keeper *k);

#endif
