/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table on a terminal, as tab-separated text, or as CSV.
 *
 * On a terminal it fits the width: the widest text column is shortened with "…" until it
 * does, and where that is not enough columns are left out from the right; a line never
 * wraps.  Counts and amounts are rounded for the eye there.  Tab-separated text and CSV have
 * every column, full text and exact numbers, and are written row by row.  CSV is RFC 4180; a
 * text that a spreadsheet would take for a formula gets a ' before it.
 *
 * What is unknown shows as "-", in CSV as an empty cell.  Control characters are escaped.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum table_kind { TABLE_TEXT, TABLE_COUNT, TABLE_BYTES, TABLE_MEMORY, TABLE_TIME };
enum table_style { TABLE_TERMINAL, TABLE_TABS, TABLE_CSV };

struct table_column {
	const char *title; /* on a terminal; NULL: not shown there */
	const char *key;   /* in tabs and CSV */
	enum table_kind kind;
	bool alarm; /* a count above zero is red */
};

struct table_look {
	enum table_style style;
	bool header, color;
	unsigned width; /* of a terminal; 0: no limit */
};

struct table;

/* COLUMNS is borrowed; OUT must be open until table_finish. */
struct table *table_new(FILE *out, const struct table_look *look,
			const struct table_column *columns, unsigned n);
/* One cell after the other, in the order of the columns; a full row begins the next one. */
void table_text(struct table *t, const char *s); /* "" is unknown */
void table_number(struct table *t, uint64_t v);	 /* a count, bytes or memory */
/*
 * Never rounded; 0 is many ports in one, "dynamic".  A terminal shows UDP here ("53/udp").
 */
void table_port(struct table *t, uint16_t port, bool udp);
void table_time(struct table *t, int64_t seconds); /* 0 is unknown */
void table_unknown(struct table *t);
/* Writes what is still to be written and frees T. */
void table_finish(struct table *t);

/* Columns of the terminal behind standard output: $COLUMNS, else what it says, else 80. */
unsigned table_terminal_width(void);

#endif
