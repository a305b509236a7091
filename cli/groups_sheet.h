/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan as a sheet with a line for each machine: what stands in its cells, and one that
 * came back from a spreadsheet, read and checked line by line.
 */
#ifndef CLI_GROUPS_SHEET_H
#define CLI_GROUPS_SHEET_H

#include "cli/groups.h"

enum sheet_column {
	SHEET_MACHINE,
	SHEET_NAME,
	SHEET_GROUP,
	SHEET_KIND,
	SHEET_SERVICE,
	SHEET_ENV,
	SHEET_WAVE,
	SHEET_CONFIDENCE,
	SHEET_STATE,
	SHEET_OWNER,
	SHEET_NOTES,
	SHEET_REASON,
	SHEET_COLUMNS
};
extern const char *const groups_sheet_title[SHEET_COLUMNS];

struct groups_line {
	unsigned number;	   /* in the file */
	unsigned machine;	   /* of the graph */
	unsigned group;		   /* of the saved plan */
	char *cell[SHEET_COLUMNS]; /* as a person means it; of a missing column as saved */
	bool changed[SHEET_COLUMNS];
};

struct groups_sheet {
	const char *name; /* of the file, for words */
	struct groups_line *line;
	size_t line_n, line_cap;
	unsigned bad; /* complaints so far */
};

/* What the plan says of a machine there, added to B. */
void groups_sheet_cell(struct buf *b, const struct groups *x, unsigned machine,
		       enum sheet_column column);
/* Reads and checks; complaints are said and counted in `bad`. */
void groups_sheet_read(struct groups_sheet *s, const struct groups *x, const char *p,
		       size_t n);
void groups_sheet_free(struct groups_sheet *s);
/* A complaint; the first few are said, the others counted. */
void groups_sheet_bad(struct groups_sheet *s, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Says how many there were in all, where not all were said. */
void groups_sheet_sum_up(const struct groups_sheet *s);

#endif
