/* SPDX-License-Identifier: Apache-2.0 */
#include "common/csv.h"

#include <errno.h>
#include <string.h>

#include "common/utf8.h"

#define BOM "\xef\xbb\xbf"
#define FORMULA "=+-@\t\r"

static char guess_delimiter(const char *p, const char *end)
{
	for (bool quoted = false; p < end; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (quoted)
			continue;
		if (*p == '\n' || *p == '\r')
			break;
		if (*p == ',' || *p == ';' || *p == '\t')
			return *p;
	}
	return ',';
}

struct csv csv_from(const char *p, size_t n)
{
	struct csv c = { .next = 1 };

	c.p = n ? p : ""; /* nothing may come as NULL, which has no end */
	c.end = c.p + n;
	if (n >= strlen(BOM) && memcmp(c.p, BOM, strlen(BOM)) == 0)
		c.p += strlen(BOM);
	c.delimiter = guess_delimiter(c.p, c.end);
	return c;
}

void csv_fini(struct csv *c)
{
	buf_fini(&c->text);
}

static bool at_line_end(const struct csv *c)
{
	return c->p == c->end || *c->p == '\n' || *c->p == '\r';
}

static void pass_line_end(struct csv *c)
{
	bool cr = *c->p++ == '\r';

	if (cr && c->p < c->end && *c->p == '\n')
		c->p++;
	c->next++;
}

/* In quotes; P is behind the first of them, and afterwards behind the last. */
static int quoted(struct csv *c, struct err *e)
{
	unsigned began = c->next;

	for (; c->p < c->end; c->p++) {
		if (*c->p == '"' && (c->p + 1 == c->end || c->p[1] != '"')) {
			c->p++;
			return 0;
		}
		if (*c->p == '"')
			c->p++;
		c->next += *c->p == '\n';
		buf_u8(&c->text, (uint8_t)*c->p);
	}
	return err_set(e, -EINVAL, "line %u: a quote (\") is opened and never closed", began);
}

static void plain(struct csv *c)
{
	const char *from = c->p;

	while (!at_line_end(c) && *c->p != c->delimiter)
		c->p++;
	buf_put(&c->text, from, (size_t)(c->p - from));
}

static int check(const struct csv *c, unsigned line, struct err *e)
{
	size_t from = c->at[c->cell_n], n = c->text.n - from;
	const char *p;

	if (!n)
		return 0;
	p = (const char *)c->text.p + from;
	if (n > CSV_CELL_MAX)
		return err_set(e, -EINVAL, "line %u: a cell is longer than 64 KiB", line);
	if (memchr(p, 0, n))
		return err_set(e, -EINVAL, "line %u: there is a NUL, which no text has", line);
	if (!utf8_valid(p, n))
		return err_set(e, -EINVAL, "line %u: not UTF-8; save it as \"CSV UTF-8\"",
			       line);
	return 0;
}

static int read_cell(struct csv *c, struct err *e)
{
	unsigned line = c->next;
	int rc = 0;

	if (c->cell_n == CSV_CELLS)
		return err_set(e, -EINVAL, "line %u: more than %d cells", line, CSV_CELLS);
	c->at[c->cell_n] = c->text.n;
	if (c->p < c->end && *c->p == '"') {
		c->p++;
		rc = quoted(c, e);
		if (rc == 0 && !at_line_end(c) && *c->p != c->delimiter)
			rc = err_set(e, -EINVAL, "line %u: text behind a closing quote (\")",
				     c->next);
	} else {
		plain(c);
	}
	if (rc == 0)
		rc = check(c, line, e);
	buf_u8(&c->text, 0);
	c->cell_n++;
	return rc;
}

int csv_row(struct csv *c, struct err *e)
{
	int rc;

	buf_reset(&c->text);
	c->cell_n = 0;
	c->line = c->next;
	if (c->p == c->end)
		return 0;
	for (;;) {
		rc = read_cell(c, e);
		if (rc < 0) {
			c->p = c->end;
			return rc;
		}
		if (at_line_end(c))
			break;
		c->p++; /* the delimiter */
	}
	if (c->p < c->end)
		pass_line_end(c);
	return 1;
}

const char *csv_cell(const struct csv *c, unsigned i)
{
	return i < c->cell_n ? (const char *)c->text.p + c->at[i] : "";
}

void csv_guard(struct buf *b, const char *s)
{
	if (*s && strchr(FORMULA, *s))
		buf_u8(b, '\'');
	utf8_show(b, s, strlen(s));
}

/* An escaped tab or return is a backslash by now. */
const char *csv_unguard(const char *s)
{
	return s[0] == '\'' && s[1] && strchr(FORMULA "\\", s[1]) ? s + 1 : s;
}
