/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV (RFC 4180) from people's spreadsheets, row by row out of bytes in memory.
 *
 *	struct csv c = csv_from(p, n);
 *	while ((rc = csv_row(&c, &e)) > 0)
 *		... c.line, c.cell_n, csv_cell(&c, 0) ...
 *	csv_fini(&c);
 *
 * A byte order mark is passed over; lines end with LF, CRLF or CR; the delimiter is whichever
 * of comma, semicolon and tab comes first in the first line, since spreadsheets write that of
 * their country.  Text must be UTF-8 without NUL.
 */
#ifndef COMMON_CSV_H
#define COMMON_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum { CSV_CELLS = 256, CSV_CELL_MAX = 1 << 16 };

struct csv {
	const char *p, *end;
	char delimiter;
	unsigned line;	 /* where the row that was read last begins, from 1 */
	unsigned cell_n; /* of that row; an empty line is a row of one empty cell */
	unsigned next;	 /* the line at P */
	struct buf text;
	size_t at[CSV_CELLS];
};

/* P[0..N) is borrowed until csv_fini. */
struct csv csv_from(const char *p, size_t n);
void csv_fini(struct csv *c);
/* 1 for a row, 0 at the end, or -EINVAL with words that name the line. */
int csv_row(struct csv *c, struct err *e);
/* Borrowed until the next row; "" for one that the row does not have. */
const char *csv_cell(const struct csv *c, unsigned i);

/*
 * A cell of ours: without control characters (utf8_show), and with a ' before what a
 * spreadsheet would take for a formula; not yet quoted.
 */
void csv_guard(struct buf *b, const char *s);
/* S without that '. */
const char *csv_unguard(const char *s);

#endif
