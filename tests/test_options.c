/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/suggest.h"
#include "common/when.h"
#include "common/exits.h"
#include "tests/unit.h"

struct mine {
	struct options o;
	const char *out;
	int64_t span;
};

static const struct options_row rows[] = {
	{ "output", 'o', "FILE", options_string, offsetof(struct mine, out), "where to" },
	{ "for", 0, "SPAN", options_duration, offsetof(struct mine, span), "how long" },
	{ 0 },
};

static const struct options_command command = {
	.name = "test",
	.args = "[FILTER]",
	.about = "A test.",
	.groups = OPTIONS_DB | OPTIONS_FILTER | OPTIONS_WINDOW | OPTIONS_TABLE,
	.filter_words = true,
	.rows = rows,
	.examples = "skein test\n",
};

static struct mine m;
static char line[256];

/* WORDS, parted by blanks, as a command line. */
static bool parse(const char *words)
{
	char *argv[32];
	int argc = 0;

	snprintf(line, sizeof(line), "test %s", words);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	memset(&m, 0, sizeof(m));
	return options_parse(&command, argc, argv, &m.o, &m);
}

/* What was said on standard error while WORDS were parsed. */
static const char *said(const char *words)
{
	static char text[1024];
	int keep = dup(STDERR_FILENO), p[2];
	ssize_t n;

	ck_assert(pipe(p) == 0);
	dup2(p[1], STDERR_FILENO);
	ck_assert(!parse(words));
	fflush(stderr);
	dup2(keep, STDERR_FILENO);
	close(p[1]);
	close(keep);
	n = read(p[0], text, sizeof(text) - 1);
	close(p[0]);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

START_TEST(options_are_read)
{
	ck_assert(parse("--db x.db --machine web01 --process=java --port 443 -o f --for 5m "
			"--json=lines --limit 7 --all --no-header"));
	ck_assert_str_eq(m.o.db, "x.db");
	ck_assert_str_eq(m.o.filter.machine, "web01");
	ck_assert_str_eq(m.o.filter.process, "java");
	ck_assert_int_eq(m.o.filter.port, 443);
	ck_assert_str_eq(m.out, "f");
	ck_assert_int_eq(m.span, 300);
	ck_assert_int_eq(m.o.format, FORMAT_JSON_LINES);
	ck_assert_uint_eq(m.o.limit, 7);
	ck_assert(m.o.all && m.o.no_header && m.o.filtered && m.o.db_given);
}
END_TEST

START_TEST(the_database_has_a_default)
{
	unsetenv("SKEIN_DB");
	ck_assert(parse(""));
	ck_assert_str_eq(m.o.db, OPTIONS_DATA "/skein.db");
	ck_assert_str_eq(m.o.data, OPTIONS_DATA);
	ck_assert(!m.o.filtered && !m.o.db_given && !m.o.data_given);
	setenv("SKEIN_DB", "/tmp/e.db", 1);
	ck_assert(parse(""));
	ck_assert_str_eq(m.o.db, "/tmp/e.db");
	ck_assert(parse("--data /d"));
	ck_assert_str_eq(m.o.db, "/d/skein.db");
	ck_assert(parse("--data /d --db y"));
	ck_assert_str_eq(m.o.db, "y");
	unsetenv("SKEIN_DB");
}
END_TEST

START_TEST(words_are_a_filter)
{
	ck_assert(parse("web01"));
	ck_assert_str_eq(m.o.filter.machine, "web01");
	ck_assert(parse(":443"));
	ck_assert_int_eq(m.o.filter.port, 443);
	ck_assert_ptr_null(m.o.filter.machine);
	ck_assert(parse("web01:443"));
	ck_assert_str_eq(m.o.filter.machine, "web01");
	ck_assert_int_eq(m.o.filter.port, 443);
	ck_assert(parse("[fe80::1]:443"));
	ck_assert_str_eq(m.o.filter.machine, "fe80::1");
	ck_assert_int_eq(m.o.filter.port, 443);
	ck_assert(parse("fe80::1 :80"));
	ck_assert_str_eq(m.o.filter.machine, "fe80::1");
	ck_assert_int_eq(m.o.filter.port, 80);
	ck_assert(parse("-- --odd"));
	ck_assert_str_eq(m.o.filter.machine, "--odd");
}
END_TEST

START_TEST(mistakes_are_named)
{
	static const struct {
		const char *words, *said;
	} cases[] = {
		{ "--prot 80", "skein: test: unknown option --prot, did you mean --port?" },
		{ "--zzzzz", "skein: test: unknown option --zzzzz (" },
		{ "--p 80", "skein: test: --p could be --process or --port" },
		{ "-x", "skein: test: unknown option -x" },
		{ "--port", "skein: test: --port needs an argument (N)" },
		{ "--csv=1", "skein: test: --csv takes no argument" },
		{ "--port 0", "skein: test: --port: \"0\" is not a port (1 to 65535)" },
		{ "--port 65536", "skein: test: --port: \"65536\" is not a port" },
		{ "--port 80x", "skein: test: --port: \"80x\" is not a port" },
		{ "--limit 0", "skein: test: --limit: \"0\" is not a whole number above 0" },
		{ "--limit -1", "skein: test: --limit: \"-1\" is not" },
		{ "--for 5y", "skein: test: --for: \"5y\" is not a duration" },
		{ "--json=xml", "skein: test: --json: \"xml\" is neither array nor lines" },
		{ "--color=pink", "skein: test: --color: \"pink\" is none of auto" },
		{ "--tz Mars/Base", "skein: test: --tz: no time zone \"Mars/Base\"" },
		{ "--tz ../../etc/passwd", "skein: test: --tz: no time zone" },
		{ "--since tomorrow",
		  "skein: test: --since: \"tomorrow\" is no time such as" },
		{ "--since 2026-01-02 --until 2026-01-01",
		  "skein: test: --since is not before --until" },
		{ "web01 web02", "skein: test: one machine and one port at a time" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = said(cases[i].words);

		ck_assert_msg(strncmp(text, cases[i].said, strlen(cases[i].said)) == 0,
			      "%s: %s", cases[i].words, text);
		ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
		ck_assert_int_eq(m.o.status, EXITS_USAGE);
	}
}
END_TEST

START_TEST(times)
{
	static const int64_t now = 1795420800; /* 2026-11-23T08:00:00Z */
	static const struct {
		const char *text, *zone;
		int64_t want; /* -1: refused */
	} cases[] = {
		{ "2026-11-23", NULL, 1795392000 },
		{ "2026-11-23T07:20", NULL, 1795418400 },
		{ "2026-11-23 07:20:05", NULL, 1795418405 },
		{ "2026-11-23T07:20:00Z", "+02:00", 1795418400 },
		{ "2026-11-23T07:20+01:00", NULL, 1795414800 },
		{ "2026-11-23T07:20-0130", NULL, 1795423800 },
		{ "2026-11-23", "+02:00", 1795384800 },
		{ "2026-11-23", "-05:00", 1795410000 },
		{ "1795418400", NULL, 1795418400 },
		{ "30m", NULL, now - 1800 },
		{ "24h", NULL, now - 86400 },
		{ "7d ago", NULL, now - 7 * 86400 },
		{ "7d\x20\x20"
		  "ago",
		  NULL, now - 7 * 86400 },
		{ "2w", NULL, now - 14 * 86400 },
		{ "", NULL, -1 },
		{ "7", NULL, 7 },
		{ "7 ago", NULL, -1 },
		{ "7dago", NULL, now - 7 * 86400 },
		{ "d7", NULL, -1 },
		{ "-7d", NULL, -1 },
		{ "99999d", NULL, -1 },
		{ "2026-02-30", NULL, -1 },
		{ "2026-13-01", NULL, -1 },
		{ "2026-11-23T24:00", NULL, -1 },
		{ "2026-11-23T07", NULL, -1 },
		{ "2026-11-23x", NULL, -1 },
		{ "2026-11-23T07:20+99:00", NULL, -1 },
		{ "99999999999999999999", NULL, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		int64_t got = -1;

		ck_assert_int_eq(when_zone(cases[i].zone, &e), 0);
		if (when_parse(cases[i].text, now, &got, &e) < 0)
			got = -1;
		ck_assert_msg(got == cases[i].want, "%s: %lld", cases[i].text, (long long)got);
	}
	when_zone(NULL, NULL);
}
END_TEST

START_TEST(times_are_written_in_the_zone)
{
	char text[WHEN_TEXT];

	ck_assert_int_eq(when_zone("+05:30", NULL), 0);
	ck_assert_str_eq(when_text(1795418400, text), "2026-11-23 12:50:00");
	ck_assert_int_eq(when_zone(NULL, NULL), 0);
	ck_assert_str_eq(when_text(1795418400, text), "2026-11-23 07:20:00");
	ck_assert_str_eq(when_text(0, text), "");
}
END_TEST

START_TEST(suggestions)
{
	static const struct {
		const char *word, *want;
	} cases[] = {
		{ "edgse", "edges" },	   { "edge", "edges" },	  { "mach", "machines" },
		{ "machine", "machines" }, { "imprt", "import" }, { "EDGES", NULL },
		{ "zebra", NULL },	   { "x", NULL },	  { "", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct suggest s = suggest_for(cases[i].word);

		suggest_offer(&s, "machines");
		suggest_offer(&s, "edges");
		suggest_offer(&s, "import");
		ck_assert_pstr_eq(s.best, cases[i].want);
	}
}
END_TEST

START_TEST(colour)
{
	struct options o = { 0 };
	FILE *f = fopen("/dev/null", "w");

	unsetenv("NO_COLOR");
	unsetenv("CLICOLOR_FORCE");
	ck_assert(!options_color(&o, f));
	setenv("CLICOLOR_FORCE", "1", 1);
	ck_assert(options_color(&o, f));
	setenv("NO_COLOR", "1", 1);
	ck_assert(!options_color(&o, f));
	o.color = COLOR_ALWAYS;
	ck_assert(options_color(&o, f));
	setenv("NO_COLOR", "", 1);
	o.color = COLOR_NEVER;
	ck_assert(!options_color(&o, f));
	fclose(f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, options_are_read);
	tcase_add_test(t, the_database_has_a_default);
	tcase_add_test(t, words_are_a_filter);
	tcase_add_test(t, mistakes_are_named);
	tcase_add_test(t, times);
	tcase_add_test(t, times_are_written_in_the_zone);
	tcase_add_test(t, suggestions);
	tcase_add_test(t, colour);
	return unit_run("options", t);
}
