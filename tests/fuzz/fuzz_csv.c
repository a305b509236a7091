/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sheets from strangers: whatever is read, written again with quotes, reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void write_cell(struct buf *out, const char *s)
{
	buf_u8(out, '"');
	for (; *s; s++) {
		if (*s == '"')
			buf_u8(out, '"');
		buf_u8(out, (uint8_t)*s);
	}
	buf_u8(out, '"');
}

/* The rows up to the first bad one, as CSV of one form. */
static unsigned write_all(struct csv *c, struct buf *out)
{
	struct err e = { 0 };
	unsigned rows = 0, line = 0;
	int rc;

	while ((rc = csv_row(c, &e)) > 0) {
		check(c->line > line && c->cell_n && c->cell_n <= CSV_CELLS);
		line = c->line;
		rows++;
		for (unsigned i = 0; i < c->cell_n; i++) {
			const char *cell = csv_cell(c, i);

			check(utf8_valid(cell, strlen(cell)));
			check(strlen(csv_unguard(cell)) + 1 >= strlen(cell));
			if (i)
				buf_u8(out, (uint8_t)c->delimiter);
			write_cell(out, cell);
		}
		buf_str(out, "\r\n");
	}
	check(rc == 0 || e.msg[0]);
	return rows;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = { 0 }, second = { 0 };
	struct csv c = csv_from((const char *)data, size), again;
	unsigned rows = write_all(&c, &first);

	again = csv_from((const char *)first.p, first.n);
	again.delimiter = c.delimiter; /* a first row of one cell does not tell it */
	check(write_all(&again, &second) == rows);
	check(first.n == second.n && (!first.n || !memcmp(first.p, second.p, first.n)));
	buf_fini(&first);
	buf_fini(&second);
	csv_fini(&c);
	csv_fini(&again);
	return 0;
}
