/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that list rows have in common: open the database, print each row in the
 * format that was asked for, count, and end with the right words and status.
 *
 *	if (!list_begin(&l, &kind, argc, argv))
 *		return l.o.status;
 *	rc = query_edges(l.store, &l.o.filter, row, &l, &e);
 *	return list_end(&l, rc, &e);
 *
 * where row() first asks list_wants and then either fills list_table, or writes a JSON
 * object into the buffer of list_object and calls list_emit; it returns list_go_on.
 */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "cli/options.h"
#include "common/table.h"
#include "common/buf.h"
#include "store/store.h"

struct list_kind {
	const struct options_command *command;
	const struct table_column *columns;
	unsigned columns_n;
	const char *one, *many; /* "edge", "edges" */
	const char *from;	/* where they come from, for an empty database */
};

struct list {
	struct options o;
	const struct list_kind *kind;
	struct store *store;
	struct table *table; /* NULL: JSON */
	struct buf line;
	uint64_t limit; /* rows to print, 0: all */
	uint64_t rows;	/* seen */
	uint64_t printed;
	bool summed; /* whoever lists says how many there are */
};

bool list_begin(struct list *l, const struct list_kind *kind, int argc, char **argv);
/* The same for a command that has its options and the database already; S is closed at the
 * end. */
void list_start(struct list *l, const struct list_kind *kind, const struct options *o,
		struct store *s);
/* Whether rows go to a terminal as a table. */
bool list_on_terminal(const struct list *l);
/* Counts a row; false where the limit leaves it out. */
bool list_wants(struct list *l);
/* The table to fill, or NULL where JSON is wanted. */
struct table *list_table(struct list *l);
struct buf *list_object(struct list *l);
void list_emit(struct list *l);
/* 0, or -EIO where standard output takes no more. */
int list_go_on(struct list *l);
/* RC and E are the query's.  Returns the exit status and closes everything. */
int list_end(struct list *l, int rc, struct err *e);

#endif
