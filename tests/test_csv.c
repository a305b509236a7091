/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/csv.h"
#include "common/mem.h"
#include "tests/unit.h"

/* Rows as text: cells between | |, each row with its line; an error as its words. */
static char *read_all(const char *in, size_t n)
{
	struct csv c = csv_from(in, n);
	struct err e = { 0 };
	struct buf out = { 0 };
	int rc;

	while ((rc = csv_row(&c, &e)) > 0) {
		buf_printf(&out, "%u", c.line);
		for (unsigned i = 0; i < c.cell_n; i++)
			buf_printf(&out, "|%s", csv_cell(&c, i));
		buf_str(&out, "|\n");
		ck_assert_str_eq(csv_cell(&c, c.cell_n), "");
	}
	if (rc < 0)
		buf_printf(&out, "%s\n", e.msg);
	ck_assert_int_eq(rc < 0 ? csv_row(&c, &e) : 0, 0);
	csv_fini(&c);
	return buf_take(&out);
}

static void expect(const char *in, const char *want)
{
	char *got = read_all(in, strlen(in));

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(rows_and_cells)
{
	expect("", "");
	expect("a", "1|a|\n");
	expect("a,b\r\nc,d\r\n", "1|a|b|\n2|c|d|\n");
	expect("a,b\rc,d", "1|a|b|\n2|c|d|\n");
	expect("a,,\n,\n", "1|a|||\n2|||\n");
	expect("\n\na", "1||\n2||\n3|a|\n");
}
END_TEST

START_TEST(quotes)
{
	expect("\"a,b\",\"say \"\"x\"\"\"\n", "1|a,b|say \"x\"|\n");
	expect("\"two\nlines\",x\nnext\n", "1|two\nlines|x|\n3|next|\n");
	expect("\"\",\"\"\n", "1|||\n");
	expect("5\" disk,b\n", "1|5\" disk|b|\n");
	expect("a\n\"b\nc", "1|a|\nline 2: a quote (\") is opened and never closed\n");
	expect("a\n\"b\"c,d\n", "1|a|\nline 2: text behind a closing quote (\")\n");
}
END_TEST

START_TEST(the_delimiter_is_that_of_the_first_line)
{
	expect("a;b,c\n1;2\n", "1|a|b,c|\n2|1|2|\n");
	expect("a\tb\n1,1\t2\n", "1|a|b|\n2|1,1|2|\n");
	expect("\"a;b\",c\n1,2\n", "1|a;b|c|\n2|1|2|\n");
	expect("\xef\xbb\xbf"
	       "a,b\n",
	       "1|a|b|\n");
}
END_TEST

START_TEST(what_is_no_text_is_refused)
{
	char *got = read_all("a\nb\0c\n", 6);

	ck_assert_str_eq(got, "1|a|\nline 2: there is a NUL, which no text has\n");
	free(got);
	expect("a\n\xe9\n", "1|a|\nline 2: not UTF-8; save it as \"CSV UTF-8\"\n");
}
END_TEST

START_TEST(bounds)
{
	char *in = xmalloc(CSV_CELL_MAX + 2), *got;

	memset(in, 'a', CSV_CELL_MAX + 2);
	got = read_all(in, CSV_CELL_MAX);
	ck_assert_uint_eq(strlen(got), CSV_CELL_MAX + 4);
	free(got);
	got = read_all(in, CSV_CELL_MAX + 1);
	ck_assert_str_eq(got, "line 1: a cell is longer than 64 KiB\n");
	free(got);
	memset(in, ',', CSV_CELLS);
	got = read_all(in, CSV_CELLS - 1);
	ck_assert_uint_eq(strlen(got), CSV_CELLS + 3);
	free(got);
	got = read_all(in, CSV_CELLS);
	ck_assert_str_eq(got, "line 1: more than 256 cells\n");
	free(got);
	free(in);
}
END_TEST

START_TEST(guard_and_back)
{
	static const struct {
		const char *in, *out, *back;
	} cases[] = {
		{ "plain", "plain", "plain" }, { "", "", "" },
		{ "=1+1", "'=1+1", "=1+1" },   { "-x", "'-x", "-x" },
		{ "'x", "'x", "'x" },	       { "'", "'", "'" },
		{ "\tx", "'\\tx", "\\tx" },    { "a\x1b[2J", "a\\x1b[2J", "a\\x1b[2J" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		csv_guard(&b, cases[i].in);
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
		ck_assert_str_eq(csv_unguard(buf_cstr(&b)), cases[i].back);
		buf_fini(&b);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, rows_and_cells);
	tcase_add_test(t, quotes);
	tcase_add_test(t, the_delimiter_is_that_of_the_first_line);
	tcase_add_test(t, what_is_no_text_is_refused);
	tcase_add_test(t, bounds);
	tcase_add_test(t, guard_and_back);
	return unit_run("csv", t);
}
