/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that starts the collector's others, and starts them again when the collector
 * asks: the collector itself has given up the right to fork by the time one of them dies.
 *
 *     collector -- nursery -+- authority
 *                           +- keeper of the database
 *                           +- keeper of HTTP -- front, workers
 *                           +- reader of flows
 *
 * It takes no byte of strangers and is forked before the database is open; what it has of the
 * collector is as it was then.  When it dies the others go with it (PR_SET_PDEATHSIG), and the
 * collector ends (nursery_gone), to be started again as a whole.
 */
#ifndef COLLECTOR_NURSERY_H
#define COLLECTOR_NURSERY_H

#include "collector/child.h"

enum nursery_job {
	NURSERY_AUTHORITY,
	NURSERY_DATABASE,
	NURSERY_HTTP,
	NURSERY_FLOWS,
	NURSERY_JOBS
};

enum { NURSERY_NONE, NURSERY_LIVES, NURSERY_ENDED };

struct nursery {
	struct child
		self; /* pid 0: not open; then what is started is the caller's own child */
	const char *data;
	struct nursery_plan {
		const char *name, *comm;
		child_fn *fn;
		void *ctx;
		void (*before)(void *ctx);
	} plan[NURSERY_JOBS];
	struct nursery_place { /* what it said last of each */
		int state;
		pid_t pid;
		int status;
	} place[NURSERY_JOBS];
	int keep[CHILD_KEEP];
	unsigned keep_n;
	bool gone;
};

/*
 * What JOB is: child_start's NAME, FN and CTX, and what it is called in lists of processes
 * (COMM, at most 15 bytes).  BEFORE (or NULL) runs in the nursery, once, before anything is
 * started and with all rights.  All plans are made, and all that CTX points to is there,
 * before nursery_open.
 */
void nursery_plan(struct nursery *n, enum nursery_job job, const struct nursery_plan *plan);
/* FD is there in the nursery, and so in what it starts. */
void nursery_keep(struct nursery *n, int fd);
/* Forks, and is confined (DATA: the folder that it may write in). */
int nursery_open(struct nursery *n, const char *data, struct err *e);
/* A child as by child_start; its end shows in child_reap.  Waits for that, 5 s at most. */
int nursery_start(struct nursery *n, enum nursery_job job, struct child *c, struct err *e);
/* True once it is found to have ended: nothing that it started is there any more. */
bool nursery_gone(struct nursery *n);
void nursery_close(struct nursery *n);

#endif
