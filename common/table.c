/* SPDX-License-Identifier: Apache-2.0 */
#include "common/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/when.h"
#include "common/buf.h"
#include "common/csv.h"
#include "common/mem.h"
#include "common/utf8.h"

enum { COLUMNS_MAX = 48, GAP = 2, TEXT_LEAST = 12 };

#define ELLIPSIS "\xe2\x80\xa6"
#define BOLD "\x1b[1m"
#define RED "\x1b[31m"
#define PLAIN "\x1b[0m"

struct cell {
	size_t offset, length; /* in the table's text */
	unsigned width;	       /* on a terminal */
	bool alarm;
};

struct table {
	FILE *out;
	struct table_look look;
	const struct table_column *column;
	unsigned n;	   /* columns */
	unsigned at;	   /* the next cell's column */
	struct buf text;   /* of one row, or on a terminal of all */
	struct cell *cell; /* a terminal's, rows of n */
	size_t cells, cells_cap;
};

static bool shown(const struct table *t, unsigned column)
{
	return t->look.style != TABLE_TERMINAL || t->column[column].title;
}

static unsigned text_width(const char *p, size_t n)
{
	unsigned width = 0;
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_next(p + i, n - i, &cp);
		width += len ? utf8_width(cp) : 1;
	}
	return width;
}

/* Quoted where RFC 4180 asks for it, in place: the cell begins at FROM. */
static void csv_quote(struct buf *b, size_t from)
{
	size_t n = b->n - from;
	char *copy;

	if (!memchr(b->p + from, '"', n) && !memchr(b->p + from, ',', n))
		return;
	copy = xmalloc(n);
	memcpy(copy, b->p + from, n);
	b->n = from;
	buf_u8(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (copy[i] == '"')
			buf_u8(b, '"');
		buf_u8(b, (uint8_t)copy[i]);
	}
	buf_u8(b, '"');
	free(copy);
}

static void csv_text(struct buf *b, const char *s)
{
	size_t from = b->n;

	csv_guard(b, s);
	csv_quote(b, from);
}

static void end_line(struct table *t)
{
	buf_str(&t->text, t->look.style == TABLE_CSV ? "\r\n" : "\n");
	fwrite(t->text.p, 1, t->text.n, t->out);
	buf_reset(&t->text);
}

static void next_cell(struct table *t)
{
	if (t->look.style == TABLE_TERMINAL) {
		t->at = (t->at + 1) % t->n;
		return;
	}
	if (++t->at == t->n) {
		t->at = 0;
		end_line(t);
	} else {
		buf_u8(&t->text, t->look.style == TABLE_CSV ? ',' : '\t');
	}
}

static void put(struct table *t, const char *s, bool alarm)
{
	size_t from = t->text.n;
	struct cell *c;

	if (t->look.style == TABLE_CSV) {
		csv_text(&t->text, s);
	} else if (shown(t, t->at)) {
		utf8_show(&t->text, *s ? s : "-", *s ? strlen(s) : 1);
	}
	if (t->look.style == TABLE_TERMINAL) {
		MEM_GROW(t->cell, t->cells, t->cells_cap);
		c = &t->cell[t->cells++];
		c->offset = from;
		c->length = t->text.n - from;
		c->width = text_width((char *)t->text.p + from, c->length);
		c->alarm = alarm;
	}
	next_cell(t);
}

struct table *table_new(FILE *out, const struct table_look *look,
			const struct table_column *columns, unsigned n)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->out = out;
	t->look = *look;
	t->column = columns;
	t->n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	if (look->style == TABLE_TERMINAL || !look->header)
		return t;
	for (unsigned i = 0; i < t->n; i++)
		put(t, columns[i].key, false);
	return t;
}

void table_text(struct table *t, const char *s)
{
	put(t, s, false);
}

void table_unknown(struct table *t)
{
	put(t, "", false);
}

/* Three digits and a letter, four where there is no letter; memory in powers of 1,024. */
static void rounded(char *out, size_t cap, uint64_t v, enum table_kind kind)
{
	static const char letter[] = "kMGTPE";
	const char *unit = kind == TABLE_BYTES ? "B" : kind == TABLE_MEMORY ? "iB" : "";
	double d = (double)v, step = kind == TABLE_MEMORY ? 1024 : 1000;
	int i = -1;

	if (v < (*unit ? 1000u : 10000u)) {
		snprintf(out, cap, "%u%s", (unsigned)v, *unit ? " B" : "");
		return;
	}
	while (d >= 999.5) {
		d /= step;
		i++;
	}
	snprintf(out, cap, "%.*f%s%c%s", d < 9.95 && d != (int)d ? 1 : 0, d, *unit ? " " : "",
		 kind == TABLE_MEMORY && !i ? 'K' : letter[i], unit);
}

void table_number(struct table *t, uint64_t v)
{
	char text[32];

	if (t->look.style == TABLE_TERMINAL)
		rounded(text, sizeof(text), v, t->column[t->at].kind);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	put(t, text, v && t->column[t->at].alarm);
}

void table_port(struct table *t, uint16_t port, bool udp)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", port);
	if (!port)
		stpcpy(text, "dynamic");
	if (udp && t->look.style == TABLE_TERMINAL)
		strcat(text, "/udp");
	put(t, text, false);
}

void table_time(struct table *t, int64_t seconds)
{
	char text[WHEN_TEXT];

	when_text(seconds, text);
	if (t->look.style == TABLE_TERMINAL && *text)
		text[strlen(text) - 3] = 0; /* the seconds */
	put(t, text, false);
}

/* The terminal */

static unsigned title_width(const struct table *t, unsigned column)
{
	const char *title = t->column[column].title;

	return t->look.header ? text_width(title, strlen(title)) : 1;
}

static void measure(const struct table *t, unsigned *width)
{
	for (unsigned i = 0; i < t->n; i++)
		width[i] = shown(t, i) ? title_width(t, i) : 0;
	for (size_t i = 0; i < t->cells; i++)
		if (shown(t, i % t->n) && t->cell[i].width > width[i % t->n])
			width[i % t->n] = t->cell[i].width;
}

static unsigned total(const struct table *t, const unsigned *width)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (width[i])
			sum += width[i] + (sum ? GAP : 0);
	return sum;
}

/* False where no column can give any more. */
static bool shrink(const struct table *t, unsigned *width, unsigned least)
{
	unsigned widest = t->n;

	for (unsigned i = 0; i < t->n; i++)
		if (width[i] > least && t->column[i].kind == TABLE_TEXT &&
		    (widest == t->n || width[i] > width[widest]))
			widest = i;
	if (widest == t->n)
		return false;
	width[widest]--;
	return true;
}

static void leave_out_last(const struct table *t, unsigned *width)
{
	for (unsigned i = t->n; i-- > 1;) {
		if (width[i]) {
			width[i] = 0;
			return;
		}
	}
}

static void fit(const struct table *t, unsigned *width)
{
	unsigned limit = t->look.width, least = TEXT_LEAST, before;

	if (!limit)
		return;
	while (total(t, width) > limit) {
		if (shrink(t, width, least))
			continue;
		before = total(t, width);
		leave_out_last(t, width);
		if (total(t, width) == before) {
			if (least == 1)
				return;
			least = 1; /* one column is left */
		}
	}
}

static void spaces(struct buf *b, unsigned n)
{
	while (n--)
		buf_u8(b, ' ');
}

/* As much of P[0..N) as fits, and "…" for what does not; returns the columns taken. */
static unsigned put_fitted(struct buf *b, const char *p, size_t n, unsigned width)
{
	unsigned used = 0, w;
	size_t i = 0, len;
	uint32_t cp;

	if (text_width(p, n) <= width) {
		buf_put(b, p, n);
		return text_width(p, n);
	}
	for (; i < n; i += len, used += w) {
		len = utf8_next(p + i, n - i, &cp);
		w = utf8_width(cp);
		if (used + w > width - 1)
			break;
	}
	buf_put(b, p, i);
	buf_str(b, ELLIPSIS);
	return used + 1;
}

static void put_aligned(struct buf *b, const char *p, size_t n, unsigned width, bool right,
			bool last)
{
	unsigned w = text_width(p, n);

	if (right && w < width)
		spaces(b, width - w);
	w = put_fitted(b, p, n, width);
	if (!right && !last && w < width)
		spaces(b, width - w);
}

static unsigned last_shown(const struct table *t, const unsigned *width)
{
	unsigned last = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (width[i])
			last = i;
	return last;
}

static bool right_aligned(const struct table *t, unsigned column)
{
	return t->column[column].kind != TABLE_TEXT && t->column[column].kind != TABLE_TIME;
}

static void print_header(const struct table *t, const unsigned *width, struct buf *line)
{
	unsigned last = last_shown(t, width);

	if (t->look.color)
		buf_str(line, BOLD);
	for (unsigned i = 0; i <= last; i++) {
		if (!width[i])
			continue;
		put_aligned(line, t->column[i].title, strlen(t->column[i].title), width[i],
			    right_aligned(t, i), i == last);
		if (i != last)
			spaces(line, GAP);
	}
	buf_str(line, t->look.color ? PLAIN "\n" : "\n");
}

static void print_row(const struct table *t, const unsigned *width, const struct cell *row,
		      struct buf *line)
{
	unsigned last = last_shown(t, width);

	for (unsigned i = 0; i <= last; i++) {
		bool red = t->look.color && row[i].alarm;

		if (!width[i])
			continue;
		if (red)
			buf_str(line, RED);
		put_aligned(line, (char *)t->text.p + row[i].offset, row[i].length, width[i],
			    right_aligned(t, i), i == last);
		if (red)
			buf_str(line, PLAIN);
		if (i != last)
			spaces(line, GAP);
	}
	buf_u8(line, '\n');
}

static void print_terminal(const struct table *t)
{
	unsigned width[COLUMNS_MAX];
	struct buf line = { 0 };

	if (!t->cells)
		return;
	measure(t, width);
	fit(t, width);
	if (t->look.header)
		print_header(t, width, &line);
	for (size_t i = 0; i + t->n <= t->cells; i += t->n) {
		print_row(t, width, &t->cell[i], &line);
		fwrite(line.p, 1, line.n, t->out);
		buf_reset(&line);
	}
	buf_fini(&line);
}

void table_finish(struct table *t)
{
	if (!t)
		return;
	if (t->look.style == TABLE_TERMINAL)
		print_terminal(t);
	buf_fini(&t->text);
	free(t->cell);
	free(t);
}

unsigned table_terminal_width(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize w;
	long v = env ? strtol(env, NULL, 10) : 0;

	if (v > 0 && v < 10000)
		return (unsigned)v;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return 80;
}
