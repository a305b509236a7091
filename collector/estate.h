/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands share that look at a collector's database or change it, while it runs or
 * not: which directory, who asks, and how rows come out.
 */
#ifndef COLLECTOR_ESTATE_H
#define COLLECTOR_ESTATE_H

#include "common/err.h"
#include "common/json.h"
#include "common/table.h"
#include "store/store.h"

/*
 * The database in DIR, where a collector must have run: a mistyped directory does not become a
 * new estate.  Root becomes its owner first.  NULL with words.
 */
struct store *estate_open(const char *dir, enum store_mode mode, struct err *e);

/* For the audit: the user that runs this, and who that was before sudo.  Asked for before
 * estate_open, which may change the user. */
const char *estate_author(void);

/* Words on standard error, what strangers said in them escaped. */
void estate_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Rows: a table that fits the terminal, tab-separated text elsewhere, or JSON. */
struct estate_rows {
	struct table *table; /* NULL: JSON */
	unsigned n;
	struct buf line;
	struct json json;
};
void estate_rows_begin(struct estate_rows *r, const struct table_column *columns, unsigned n,
		       bool json);
/* Counts a row; for JSON its object is open in R->json, with type and version in it. */
void estate_row(struct estate_rows *r, const char *type);
/* After each; JSON is written.  0, or -EIO where standard output takes no more. */
int estate_row_end(struct estate_rows *r);
/* The exit status: of RC with E's words, or of how many there were of WHAT. */
int estate_rows_end(struct estate_rows *r, const char *what, int rc, const struct err *e);

#endif
