/* SPDX-License-Identifier: Apache-2.0 */
#include "common/table.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "common/when.h"
#include "tests/unit.h"

static const struct table_column columns[] = {
	{ "NAME", "name", TABLE_TEXT },
	{ NULL, "id", TABLE_TEXT },
	{ "OPENS", "opens", TABLE_COUNT, .alarm = true },
	{ "BYTES", "bytes", TABLE_BYTES },
	{ "SEEN", "seen", TABLE_TIME },
};

static FILE *stream;
static char *out;
static size_t out_n;

static struct table *begin(enum table_style style, unsigned width)
{
	const struct table_look look = { .style = style, .header = true, .width = width };

	setlocale(LC_CTYPE, "C.UTF-8");
	when_zone(NULL, NULL);
	stream = open_memstream(&out, &out_n);
	return table_new(stream, &look, columns, 5);
}

static void row(struct table *t, const char *name, uint64_t opens, uint64_t bytes)
{
	table_text(t, name);
	table_text(t, "m1");
	table_number(t, opens);
	table_number(t, bytes);
	table_time(t, 1767242561);
}

static void expect(struct table *t, const char *want)
{
	table_finish(t);
	fclose(stream);
	ck_assert_str_eq(out, want);
	free(out);
	out = NULL;
}

START_TEST(terminal_is_aligned_and_rounded)
{
	struct table *t = begin(TABLE_TERMINAL, 80);

	row(t, "web01", 9999, 999);
	row(t, "", 10000, 1500);
	row(t, "db", 1234567, 123456789012);
	expect(t, "NAME   OPENS   BYTES  SEEN\n"
		  "web01   9999   999 B  2026-01-01 04:42\n"
		  "-        10k  1.5 kB  2026-01-01 04:42\n"
		  "db      1.2M  123 GB  2026-01-01 04:42\n");
}
END_TEST

START_TEST(terminal_shortens_the_widest_text)
{
	struct table *t = begin(TABLE_TERMINAL, 45);

	row(t, "a-very-long-name.example.com", 1, 1);
	expect(t, "NAME           OPENS  BYTES  SEEN\n"
		  "a-very-long-\xe2\x80\xa6      1    1 B  2026-01-01 04:42\n");
}
END_TEST

START_TEST(wide_characters_take_two_columns)
{
	struct table *t = begin(TABLE_TERMINAL, 45);

	/* Ten of them are twenty columns; an odd place is left blank. */
	row(t,
	    "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
	    "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5",
	    1, 1);
	row(t, "e\xcc\x81", 1, 1);
	expect(t,
	       "NAME           OPENS  BYTES  SEEN\n"
	       "\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe2\x80\xa6"
	       "      1    1 B  2026-01-01 04:42\n"
	       "e\xcc\x81                  1    1 B  2026-01-01 04:42\n");
}
END_TEST

START_TEST(terminal_too_narrow_leaves_columns_out)
{
	struct table *t = begin(TABLE_TERMINAL, 20);

	row(t, "a-very-long-name.example.com", 1, 1);
	expect(t, "NAME          OPENS\na-very-long\xe2\x80\xa6      1\n");
	t = begin(TABLE_TERMINAL, 3);
	row(t, "a-very-long-name.example.com", 1, 1);
	expect(t, "NA\xe2\x80\xa6\na-\xe2\x80\xa6\n");
}
END_TEST

START_TEST(terminal_without_rows_prints_nothing)
{
	expect(begin(TABLE_TERMINAL, 80), "");
}
END_TEST

START_TEST(tabs_are_exact)
{
	struct table *t = begin(TABLE_TABS, 0);

	row(t, "a\tb\x1b[2J", 1234567, 0);
	expect(t, "name\tid\topens\tbytes\tseen\n"
		  "a\\tb\\x1b[2J\tm1\t1234567\t0\t2026-01-01 04:42:41\n");
}
END_TEST

START_TEST(csv_is_quoted_and_no_formula)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "a,b", "\"a,b\"" },
		{ "say \"x\"", "\"say \"\"x\"\"\"" },
		{ "=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0" },
		{ "+1,2", "\"'+1,2\"" },
		{ "-1", "'-1" },
		{ "@x", "'@x" },
		{ "\tx", "'\\tx" },
		{ "\rx", "'\\rx" },
		{ "a\nb", "a\\nb" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct table *t = begin(TABLE_CSV, 0);
		char want[200];

		row(t, cases[i].in, 1234567, 0);
		snprintf(want, sizeof(want),
			 "name,id,opens,bytes,seen\r\n%s,m1,1234567,0,2026-01-01 04:42:41\r\n",
			 cases[i].out);
		expect(t, want);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, terminal_is_aligned_and_rounded);
	tcase_add_test(t, terminal_shortens_the_widest_text);
	tcase_add_test(t, wide_characters_take_two_columns);
	tcase_add_test(t, terminal_too_narrow_leaves_columns_out);
	tcase_add_test(t, terminal_without_rows_prints_nothing);
	tcase_add_test(t, tabs_are_exact);
	tcase_add_test(t, csv_is_quoted_and_no_formula);
	return unit_run("table", t);
}
