/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector's database, from the start on which it is checked to its end: a damaged one is
 * set aside and an empty one takes its place, so that sensors are heard again and what they
 * still have is not lost as well.
 */
#ifndef COLLECTOR_DATABASE_H
#define COLLECTOR_DATABASE_H

#include "collector/keeper.h"
#include "store/store.h"

enum { DATABASE_CHECK_MS = 3000 }; /* a start waits so long; then the check goes on beside */

struct database {
	char *path;
	struct store *store;
	struct keeper keeper;
	struct stats *stats;
	struct child_rest rest; /* the keeper's */
	bool unsure;		/* it was to be checked, and could not be */
};

/* The keeper of DIR/skein.db will be one of N; all stay where they are. */
void database_plan(struct database *d, struct nursery *n, const char *dir,
		   struct stats *stats);
/*
 * Opens it for writing.  0, or negative errno with words.  While keeper.reading is
 * set the check is not done: its verdict comes on keeper.child.fd.
 */
int database_open(struct database *d, struct err *e);
void database_close(struct database *d);

/*
 * Now and then: when the keeper has ended the writer folds the log itself, until there is
 * another.  True when one was started.
 */
bool database_sweep(struct database *d);

/* The next start is to check the file to its end before it opens it. */
void database_suspect(const struct database *d, const char *words);

#endif
