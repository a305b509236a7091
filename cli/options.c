/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/say.h"
#include "cli/suggest.h"
#include "common/when.h"
#include "common/addr.h"
#include "common/exits.h"

int options_flag(const char *arg, void *target, struct err *e)
{
	(void)arg;
	(void)e;
	*(bool *)target = true;
	return 0;
}

int options_string(const char *arg, void *target, struct err *e)
{
	if (!*arg)
		return err_set(e, -EINVAL, "is empty");
	*(const char **)target = arg;
	return 0;
}

static int read_number(const char *arg, uint64_t max, uint64_t *out)
{
	char *end;

	if (*arg < '0' || *arg > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(arg, &end, 10);
	return errno || *end || *out > max ? -EINVAL : 0;
}

int options_count(const char *arg, void *target, struct err *e)
{
	uint64_t v;

	if (read_number(arg, UINT64_MAX, &v) || !v)
		return err_set(e, -EINVAL, "\"%s\" is not a whole number above 0", arg);
	*(uint64_t *)target = v;
	return 0;
}

int options_port(const char *arg, void *target, struct err *e)
{
	uint64_t v;

	if (read_number(arg, 65535, &v) || !v)
		return err_set(e, -EINVAL, "\"%s\" is not a port (1 to 65535)", arg);
	*(int *)target = (int)v;
	return 0;
}

int options_duration(const char *arg, void *target, struct err *e)
{
	const char *rest;
	int64_t v;

	if (!when_span(arg, &v, &rest) || *rest || !v)
		return err_set(e, -EINVAL, "\"%s\" is not a duration such as 30s, 5m or 24h",
			       arg);
	*(int64_t *)target = v;
	return 0;
}

static int read_json(const char *arg, void *target, struct err *e)
{
	if (arg && strcmp(arg, "lines") != 0 && strcmp(arg, "array") != 0)
		return err_set(e, -EINVAL, "\"%s\" is neither array nor lines", arg);
	*(enum format *)target = arg && *arg == 'l' ? FORMAT_JSON_LINES : FORMAT_JSON;
	return 0;
}

static int read_csv(const char *arg, void *target, struct err *e)
{
	(void)arg;
	(void)e;
	*(enum format *)target = FORMAT_CSV;
	return 0;
}

static int read_color(const char *arg, void *target, struct err *e)
{
	static const char *const word[] = { "auto", "always", "never" };

	for (int i = COLOR_AUTO; i <= COLOR_NEVER; i++) {
		if (strcmp(arg ? arg : "always", word[i]) == 0) {
			*(enum color_when *)target = (enum color_when)i;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "\"%s\" is none of auto, always and never", arg);
}

static int read_quiet(const char *arg, void *target, struct err *e)
{
	(void)arg;
	(void)target;
	(void)e;
	say_quiet = true;
	return 0;
}

#define AT(member) offsetof(struct options, member)

static const struct options_row row_help = { "help", 'h', NULL, NULL, 0, "this text" };

static const struct {
	unsigned groups; /* any of them brings the row */
	struct options_row row;
} common_rows[] = {
	{ OPTIONS_DB,
	  { "db", 0, "FILE", options_string, AT(db_text),
	    "the database (else $SKEIN_DB, else " OPTIONS_DATA "/skein.db)" } },
	{ OPTIONS_DB | OPTIONS_DATA_DIR,
	  { "data", 0, "DIR", options_string, AT(data),
	    "data directory; the database is DIR/skein.db" } },
	{ OPTIONS_FILTER,
	  { "machine", 'm', "M", options_string, AT(filter.machine),
	    "only what has the machine M (name, id or address) at either end" } },
	{ OPTIONS_FILTER,
	  { "process", 0, "P", options_string, AT(filter.process),
	    "only what has the process P at either end" } },
	{ OPTIONS_FILTER,
	  { "port", 'p', "N", options_port, AT(filter.port), "only this service port" } },
	{ OPTIONS_WINDOW,
	  { "since", 0, "TIME", options_string, AT(since_text),
	    "from TIME on: 2026-11-23, 2026-11-23T07:20, 7d, Unix seconds" } },
	{ OPTIONS_WINDOW,
	  { "until", 0, "TIME", options_string, AT(until_text), "up to TIME, without it" } },
	{ OPTIONS_WINDOW | OPTIONS_TABLE,
	  { "tz", 0, "ZONE", options_string, AT(tz),
	    "zone of times: Europe/Amsterdam, local, +02:00 (else UTC)" } },
	{ OPTIONS_TABLE,
	  { "json", 0, "[=lines]", read_json, AT(format), "a JSON array, or JSON lines" } },
	{ OPTIONS_TABLE, { "csv", 0, NULL, read_csv, AT(format), "CSV with a header line" } },
	{ OPTIONS_TABLE,
	  { "no-header", 0, NULL, options_flag, AT(no_header), "no header line" } },
	{ OPTIONS_TABLE, { "limit", 0, "N", options_count, AT(limit), "N rows at most" } },
	{ OPTIONS_TABLE,
	  { "all", 0, NULL, options_flag, AT(all), "every row, on a terminal too" } },
	{ 0, { "color", 0, "[=WHEN]", read_color, AT(color), "auto, always or never" } },
	{ 0, { "quiet", 'q', NULL, read_quiet, 0, "no hints, counts and progress" } },
};

enum { COMMON_N = sizeof(common_rows) / sizeof(common_rows[0]), ROWS_MAX = 64 };

/* One command's rows, those of its own first, with where each one's targets begin. */
struct rows {
	struct {
		const struct options_row *row;
		void *base;
	} at[ROWS_MAX];
	int n;
};

static void rows_add(struct rows *all, const struct options_row *row, void *base)
{
	if (all->n < ROWS_MAX) {
		all->at[all->n].row = row;
		all->at[all->n++].base = base;
	}
}

static void rows_collect(struct rows *all, const struct options_command *c, struct options *o,
			 void *own)
{
	all->n = 0;
	for (const struct options_row *r = c->rows; r && r->name; r++)
		rows_add(all, r, own);
	for (int i = 0; i < COMMON_N; i++)
		if (!common_rows[i].groups || common_rows[i].groups & c->groups)
			rows_add(all, &common_rows[i].row, o);
	rows_add(all, &row_help, NULL);
}

static bool optional(const struct options_row *row)
{
	return row->arg && row->arg[0] == '[';
}

static void help_row(const struct options_row *row)
{
	char left[64], letter[5] = "    ";

	if (!row->help)
		return;
	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s", letter, row->name,
		 row->arg && !optional(row) ? " " : "", row->arg ? row->arg : "");
	printf("  %-24s %s\n", left, row->help);
}

static void help_examples(const char *lines)
{
	printf("\nExamples:\n");
	while (*lines) {
		size_t n = strcspn(lines, "\n");

		printf("  %.*s\n", (int)n, lines);
		lines += n + (lines[n] == '\n');
	}
}

static void help(const struct options_command *c, const struct rows *all)
{
	printf("Usage: skein %s [OPTION]...%s%s\n%s\n\nOptions:\n", c->name,
	       c->args ? " " : "", c->args ? c->args : "", c->about);
	for (int i = 0; i < all->n; i++)
		help_row(all->at[i].row);
	if (c->examples)
		help_examples(c->examples);
}

int options_usage(const struct options_command *c, const char *fmt, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	say("%s: %s (skein %s --help lists what there is)", c->name, words, c->name);
	return EXITS_USAGE;
}

/* The first of the rows that WORD, a part of a name, could mean; NULL for less than two. */
static const char *ambiguous(const struct rows *all, const char *word, size_t n,
			     const char **other)
{
	const char *first = NULL;

	for (int i = 0; i < all->n; i++) {
		if (strncmp(all->at[i].row->name, word, n) != 0)
			continue;
		if (first) {
			*other = all->at[i].row->name;
			return first;
		}
		first = all->at[i].row->name;
	}
	return NULL;
}

static int unknown_long(const struct options_command *c, const struct rows *all,
			const char *word)
{
	char name[40];
	const char *one, *other;
	struct suggest s;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	one = ambiguous(all, name, strlen(name), &other);
	if (one)
		return options_usage(c, "--%s could be --%s or --%s", name, one, other);
	s = suggest_for(name);
	for (int i = 0; i < all->n; i++)
		suggest_offer(&s, all->at[i].row->name);
	if (s.best)
		return options_usage(c, "unknown option --%s, did you mean --%s?", name,
				     s.best);
	return options_usage(c, "unknown option --%s", name);
}

enum { LONG_BASE = 256 }; /* values of getopt_long from here on are an index of the rows */

static const struct options_row *row_of(const struct rows *all, int value, int *index)
{
	for (int i = 0; i < all->n; i++) {
		if (value == LONG_BASE + i ||
		    (value < LONG_BASE && value == all->at[i].row->letter)) {
			*index = i;
			return all->at[i].row;
		}
	}
	return NULL;
}

/* What getopt_long answered with ':' or '?'. */
static int refuse(const struct options_command *c, const struct rows *all, int answer,
		  const char *word)
{
	int index;
	const struct options_row *row = optopt ? row_of(all, optopt, &index) : NULL;

	if (answer == ':' && row)
		return options_usage(c, "--%s needs an argument (%s)", row->name, row->arg);
	if (row)
		return options_usage(c, "--%s takes no argument", row->name);
	if (optopt)
		return options_usage(c, "unknown option -%c", optopt);
	return unknown_long(c, all, word);
}

static void getopt_tables(const struct rows *all, struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (int i = 0; i < all->n; i++) {
		const struct options_row *row = all->at[i].row;

		longs[i] = (struct option){ .name = row->name, .val = LONG_BASE + i };
		if (row->arg)
			longs[i].has_arg =
				optional(row) ? optional_argument : required_argument;
		if (!row->letter)
			continue;
		*shorts++ = row->letter;
		if (row->arg)
			*shorts++ = ':';
		if (optional(row))
			*shorts++ = ':';
	}
	memset(&longs[all->n], 0, sizeof(longs[0]));
	*shorts = 0;
}

/* True: all options are read.  False: O->status is set. */
static bool read_options(const struct options_command *c, const struct rows *all, int argc,
			 char **argv, struct options *o)
{
	struct option longs[ROWS_MAX + 1];
	char shorts[3 * ROWS_MAX + 2];
	struct err e = { 0 };
	int v, i = 0;

	getopt_tables(all, longs, shorts);
	optind = 0;
	opterr = 0;
	while ((v = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct options_row *row = row_of(all, v, &i);

		if (!row) {
			o->status = refuse(c, all, v, argv[optind - 1]);
			return false;
		}
		if (row == &row_help) {
			help(c, all);
			return false;
		}
		if (row->read(optarg, (char *)all->at[i].base + row->offset, &e) < 0) {
			o->status = options_usage(c, "--%s: %s", row->name, e.msg);
			return false;
		}
	}
	o->words = argv + optind;
	o->words_n = argc - optind;
	return true;
}

/* MACHINE, :PORT or MACHINE:PORT; an IPv6 address without brackets is a machine. */
static void filter_word(struct filter *f, char *word)
{
	char host[256];
	uint16_t port;
	char *colon = strrchr(word, ':');

	if (addr_split_hostport(word, host, sizeof(host), &port) < 0 || !port) {
		f->machine = word;
		return;
	}
	f->port = port;
	if (!*host)
		return;
	*colon = 0;
	if (*word == '[') { /* [v6]:port */
		word++;
		colon[-1] = 0;
	}
	f->machine = word;
}

static bool read_words(const struct options_command *c, struct options *o)
{
	if (o->words_n && !c->args) {
		o->status = options_usage(c, "unexpected \"%s\"", o->words[0]);
		return false;
	}
	if (!c->filter_words)
		return true;
	for (int i = 0; i < o->words_n; i++) {
		struct filter one = { 0 };

		filter_word(&one, o->words[i]);
		if (one.port && !(c->groups & OPTIONS_FILTER)) {
			o->status = options_usage(c, "%s is a machine, not a port", c->args);
			return false;
		}
		if ((one.machine && o->filter.machine) || (one.port && o->filter.port)) {
			o->status = options_usage(c, "one machine and one port at a time");
			return false;
		}
		if (one.machine)
			o->filter.machine = one.machine;
		if (one.port)
			o->filter.port = one.port;
	}
	return true;
}

static bool read_window(const struct options_command *c, struct options *o)
{
	int64_t now = time(NULL);
	struct err e = { 0 };

	if (o->since_text && when_parse(o->since_text, now, &o->filter.since, &e) < 0)
		o->status = options_usage(c, "--since: %s", e.msg);
	else if (o->until_text && when_parse(o->until_text, now, &o->filter.until, &e) < 0)
		o->status = options_usage(c, "--until: %s", e.msg);
	else if (o->until_text && o->filter.since >= o->filter.until)
		o->status = options_usage(c, "--since is not before --until");
	return o->status == 0;
}

static void find_database(struct options *o)
{
	const char *env = getenv("SKEIN_DB");

	o->db_given = o->db_text != NULL;
	o->data_given = o->data != NULL;
	if (!o->data)
		o->data = OPTIONS_DATA;
	if (o->db_text)
		snprintf(o->db, sizeof(o->db), "%s", o->db_text);
	else if (!o->data_given && env && *env)
		snprintf(o->db, sizeof(o->db), "%s", env);
	else
		snprintf(o->db, sizeof(o->db), "%s/skein.db", o->data);
}

bool options_parse(const struct options_command *c, int argc, char **argv, struct options *o,
		   void *own)
{
	struct rows all;
	struct err e = { 0 };

	rows_collect(&all, c, o, own);
	if (!read_options(c, &all, argc, argv, o) || !read_words(c, o))
		return false;
	if (c->groups & (OPTIONS_WINDOW | OPTIONS_TABLE) && when_zone(o->tz, &e) < 0) {
		o->status = options_usage(c, "--tz: %s", e.msg);
		return false;
	}
	if (!read_window(c, o))
		return false;
	find_database(o);
	o->filtered = o->filter.machine || o->filter.process || o->filter.port ||
		      o->since_text || o->until_text;
	return true;
}

static bool set_and_not(const char *name, const char *but)
{
	const char *v = getenv(name);

	return v && *v && strcmp(v, but) != 0;
}

bool options_color(const struct options *o, FILE *stream)
{
	const char *term = getenv("TERM");

	if (o->color != COLOR_AUTO)
		return o->color == COLOR_ALWAYS;
	if (set_and_not("NO_COLOR", ""))
		return false;
	if (set_and_not("CLICOLOR_FORCE", "0"))
		return true;
	return isatty(fileno(stream)) && term && strcmp(term, "dumb") != 0;
}
