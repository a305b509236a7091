/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/commands.h"
#include "collector/estate.h"
#include "collector/home.h"
#include "collector/options.h"
#include "collector/sensor_change.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/utf8.h"
#include "common/when.h"
#include "store/audit.h"
#include "store/roster.h"

static const char help[] =
	"usage: skein-collector sensor list [--data DIR] [--json]\n"
	"       skein-collector sensor show ID [--data DIR] [--json]\n"
	"       skein-collector sensor revoke ID... [--data DIR]\n"
	"       skein-collector sensor allow ID... [--data DIR]\n"
	"       skein-collector sensor purge ID [--since TIME] [--data DIR]\n"
	"       skein-collector sensor realm ID NAME [--data DIR]\n"
	"\n"
	"The sensors that were enrolled, and what a person decides about them.\n"
	"\n"
	"  list     one a line, with its state:\n"
	"             ok        heard in the last five minutes\n"
	"             new       has sent nothing yet\n"
	"             silent    not heard for five minutes\n"
	"             expired   its certificate has ended\n"
	"             pending   says it is a machine for which another sensor speaks\n"
	"             cloned?   two with this identity at once\n"
	"             revoked   may not connect\n"
	"  show     everything about one, and what was done with it\n"
	"  revoke   ends its session within a second, and lets it in no more\n"
	"  allow    a pending sensor speaks for its machine from now on, in the place of the\n"
	"           one that did; one that looked cloned does so no more\n"
	"  purge    takes back what a revoked one said, and what others saw counts in its place:\n"
	"           exactly where minutes are kept, else edges that nobody else saw\n"
	"  realm    what it sees from now on is in the address space NAME\n"
	"\n"
	"  --data DIR   of the collector, default " HOME_DEFAULT "\n"
	"  --since TIME of purge: what it said from then on, 2026-01-31 or 2026-01-31T12:00\n"
	"  --json       as JSON\n"
	"  --quiet      not a word of what was done, or was so already\n";

static const struct option options[] = {
	{ "data", required_argument, NULL, 'd' },  { "json", no_argument, NULL, 'j' },
	{ "since", required_argument, NULL, 's' }, { "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },	   { 0 },
};

struct wish {
	const char *dir;
	bool json, quiet;
	int64_t since; /* Unix seconds */
	char **id;
	int n;
};

/* What it is in, in words. */
static void say_trouble(struct buf *b, const struct roster_sensor *x)
{
	if (*x->cloned)
		buf_str(b, x->cloned);
	if (*x->cloned && *x->claims)
		buf_str(b, "; ");
	if (*x->claims)
		buf_printf(b, "says it is %s, for which %s speaks", x->claims,
			   *x->holder ? x->holder : "nobody any more");
}

/* As a table or JSON */

static const struct table_column columns[] = {
	{ "SENSOR", "sensor", TABLE_TEXT, false },
	{ "STATE", "state", TABLE_TEXT, false },
	{ "HOST", "host", TABLE_TEXT, false },
	{ "MACHINE", "machine", TABLE_TEXT, false },
	{ "ROLE", "role", TABLE_TEXT, false },
	{ "HEARD", "last", TABLE_TIME, false },
	{ "UNTIL", "expires", TABLE_TIME, false },
	{ "QUARANTINED", "quarantined", TABLE_COUNT, true },
	{ "LOST", "lost", TABLE_COUNT, true },
	{ "WHY", "why", TABLE_TEXT, false },
	{ NULL, "records", TABLE_COUNT, false },
	{ NULL, "rejected", TABLE_COUNT, false },
	{ NULL, "folded", TABLE_COUNT, false },
	{ NULL, "enrolled", TABLE_TIME, false },
};

static void fill(struct table *t, const struct roster_sensor *x, const char *state,
		 const char *why)
{
	table_text(t, x->name);
	table_text(t, state);
	table_text(t, x->host);
	table_text(t, *x->called ? x->called : x->machine);
	table_text(t, x->role);
	table_time(t, x->last_ms / 1000);
	table_time(t, x->expires_ms / 1000);
	table_number(t, x->quarantined);
	table_number(t, x->lost);
	table_text(t, why);
	table_number(t, x->records);
	table_number(t, x->rejected);
	table_number(t, x->folded);
	table_time(t, x->first_ms / 1000);
}

static void member_or_null(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	if (*s)
		json_string(j, s);
	else
		json_null(j);
}

static void member_time(struct json *j, const char *key, int64_t ms)
{
	json_key(j, key);
	if (ms)
		json_int(j, ms / 1000);
	else
		json_null(j);
}

static void write_json(struct json *j, const struct roster_sensor *x, const char *state,
		       const char *why)
{
	json_member_string(j, "id", x->name);
	json_member_string(j, "state", state);
	member_or_null(j, "why", why);
	json_member_string(j, "role", x->role);
	json_member_string(j, "host", x->host);
	member_or_null(j, "machine", x->machine);
	member_or_null(j, "machine_name", x->called);
	member_or_null(j, "claims", x->claims);
	member_time(j, "enrolled", x->first_ms);
	member_time(j, "last", x->last_ms);
	member_time(j, "expires", x->expires_ms);
	member_time(j, "issued", x->issued_ms);
	json_member_bool(j, "renewed", x->renewed);
	json_member_uint(j, "records", x->records);
	json_member_uint(j, "quarantined", x->quarantined);
	json_member_uint(j, "rejected", x->rejected);
	json_member_uint(j, "lost", x->lost);
	json_member_uint(j, "folded", x->folded);
}

struct listing {
	struct estate_rows rows;
	struct store *store;
	unsigned undecided;
};

static int list_row(const struct roster_sensor *x, void *ctx)
{
	struct listing *l = ctx;
	enum roster_state state = roster_state(x, (int64_t)clock_ms());
	struct buf why = { 0 };

	say_trouble(&why, x);
	l->undecided += state == ROSTER_PENDING || state == ROSTER_CLONED;
	estate_row(&l->rows, "sensor");
	if (l->rows.table)
		fill(l->rows.table, x, roster_state_word(state), buf_cstr(&why));
	else
		write_json(&l->rows.json, x, roster_state_word(state), buf_cstr(&why));
	buf_fini(&why);
	return estate_row_end(&l->rows);
}

static int list(const struct wish *w)
{
	struct listing l = { 0 };
	struct err e = { 0 };
	int rc;

	l.store = estate_open(w->dir, STORE_READ, &e);
	if (!l.store) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	estate_rows_begin(&l.rows, columns, sizeof(columns) / sizeof(*columns), w->json);
	rc = roster_sensors(l.store, NULL, list_row, &l, &e);
	rc = estate_rows_end(&l.rows, "sensors are enrolled", rc, &e);
	store_close(l.store);
	if (l.undecided)
		estate_say("%u to decide about: sensor show ID, then sensor allow ID or "
			   "sensor revoke ID",
			   l.undecided);
	return rc;
}

/* One of them */

static void line(const char *key, const char *value)
{
	struct buf b = { 0 };

	if (!*value)
		return;
	buf_printf(&b, "%-12s ", key);
	utf8_show(&b, value, strlen(value));
	puts(buf_cstr(&b));
	buf_fini(&b);
}

static void time_line(const char *key, int64_t ms)
{
	char text[WHEN_TEXT];

	line(key, when_text(ms / 1000, text));
}

static void number_line(const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	line(key, text);
}

static int audit_line(const struct audit_row *row, void *ctx)
{
	char when[WHEN_TEXT];
	struct buf b = { 0 };

	(void)ctx;
	buf_printf(&b, "%s  %s: %s %s", when_text(row->at_ms / 1000, when), row->who,
		   row->what, row->detail);
	line("", buf_cstr(&b));
	buf_fini(&b);
	return 0;
}

static void print_one(const struct roster_sensor *x, const char *state, const char *why)
{
	line("sensor", x->name);
	line("state", state);
	line("why", why);
	line("role", x->role);
	line("host", x->host);
	line("machine", x->machine);
	line("name", x->called);
	time_line("enrolled", x->first_ms);
	time_line("heard", x->last_ms);
	time_line("certificate", x->issued_ms);
	time_line("ends", x->expires_ms);
	line("renewed", x->renewed ? "yes, and not used yet" : "");
	number_line("records", x->records);
	number_line("quarantined", x->quarantined);
	number_line("rejected", x->rejected);
	number_line("lost", x->lost);
	number_line("folded", x->folded);
}

static int print_row(const struct roster_sensor *x, void *ctx)
{
	enum roster_state state = roster_state(x, (int64_t)clock_ms());
	struct buf why = { 0 };

	(void)ctx;
	say_trouble(&why, x);
	print_one(x, roster_state_word(state), buf_cstr(&why));
	buf_fini(&why);
	return 0;
}

enum { SHOWN = 20 };

static int show(const struct wish *w)
{
	struct listing l = { 0 };
	struct err e = { 0 };
	int rc;

	l.store = estate_open(w->dir, STORE_READ, &e);
	if (!l.store) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	rc = roster_sensors(l.store, w->id[0], w->json ? list_row : print_row, &l, &e);
	if (rc > 0 && w->json)
		fputs("\n]\n", stdout);
	else if (rc > 0)
		rc = audit_each(l.store, w->id[0], SHOWN, audit_line, NULL, &e) < 0 ? -EIO : 1;
	store_close(l.store);
	buf_fini(&l.rows.line);
	if (rc < 0)
		estate_say("%s", e.msg);
	else if (rc == 0)
		estate_say("there is no sensor %s", w->id[0]);
	if (rc < 0 || fflush(stdout) != 0)
		return EXITS_UNREACHED;
	return rc ? EXITS_OK : EXITS_NONE;
}

/* Decisions */

typedef int decide_fn(struct store *s, const char *who, const char *sensor, uint64_t now_ms,
		      struct err *e);

static int decide(const struct wish *w, decide_fn *fn, const char *done)
{
	const char *who = estate_author();
	struct err e = { 0 };
	struct store *s = estate_open(w->dir, STORE_WRITE, &e);
	int status = EXITS_OK;

	if (!s) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	for (int i = 0; i < w->n; i++) {
		int rc = fn(s, who, w->id[i], clock_ms(), &e);

		if (rc && !(w->quiet && (rc == -ENOENT || rc == -EALREADY)))
			estate_say("%s", e.msg);
		else if (!rc && !w->quiet)
			estate_say("%s %s", w->id[i], done);
		if (rc)
			status = rc == -ENOENT || rc == -EALREADY || rc == -EPERM
					 ? EXITS_NONE
					 : EXITS_UNREACHED;
	}
	store_close(s);
	return status;
}

static int revoke(const struct wish *w)
{
	return decide(w, roster_revoke, "is revoked");
}

static int allow(const struct wish *w)
{
	return decide(w, roster_allow, "is allowed");
}

/* Words */

static int purge(const struct wish *w)
{
	return sensor_purge(w->dir, w->id[0], w->since, w->quiet);
}

static int realm(const struct wish *w)
{
	return sensor_realm(w->dir, w->id[0], w->id[1], w->quiet);
}

static const struct {
	const char *word;
	int least, most; /* IDs, and a name */
	int (*run)(const struct wish *w);
} words[] = {
	{ "list", 0, 0, list },		  { "show", 1, 1, show },
	{ "revoke", 1, 1 << 16, revoke }, { "allow", 1, 1 << 16, allow },
	{ "purge", 1, 1, purge },	  { "realm", 2, 2, realm },
};

/* 0 to go on, else the exit status + 1. */
static int take(struct wish *w, int argc, char **argv)
{
	struct err e = { 0 };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			w->dir = optarg;
		else if (opt == 'j')
			w->json = true;
		else if (opt == 'q')
			w->quiet = true;
		else if (opt == 's' &&
			 when_parse(optarg, (int64_t)(clock_ms() / 1000), &w->since, &e) < 0)
			return options_usage(e.msg, "") + 1;
		else if (opt == 's')
			continue;
		else if (opt == 'h')
			return fputs(help, stdout), EXITS_OK + 1;
		else
			return EXITS_USAGE + 1;
	}
	w->id = argv + optind;
	w->n = argc - optind;
	return 0;
}

int cmd_sensor(int argc, char **argv)
{
	struct wish w = { .dir = HOME_DEFAULT };
	int rc = take(&w, argc, argv);

	if (rc)
		return rc - 1;
	for (size_t i = 0; w.n && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(w.id[0], words[i].word) != 0)
			continue;
		w.id++;
		w.n--;
		if (w.n < words[i].least)
			return options_usage("which sensor? ", "sensor list shows them");
		if (w.n > words[i].most)
			return options_usage("unexpected ", w.id[words[i].most]);
		return words[i].run(&w);
	}
	return options_usage("sensor wants list, show, revoke, allow, purge or realm", "");
}
