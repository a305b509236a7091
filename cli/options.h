/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, from tables.  An option is a row; parsing, --help and "did you mean" all
 * read the same rows, those of a command and those that commands have in common:
 *
 *	struct diagram {
 *		struct options o;
 *		const char *out;
 *		bool overview;
 *	};
 *	static const struct options_row rows[] = {
 *		{ "output", 'o', "FILE", options_string, offsetof(struct diagram, out),
 *		  "write the picture to FILE (.svg, .dot, .png, .pdf)" },
 *		{ "overview", 0, NULL, options_flag, offsetof(struct diagram, overview),
 *		  "the whole estate, one box a group" },
 *		{ 0 },
 *	};
 *	static const struct options_command command = {
 *		.name = "diagram",
 *		.about = "Draw the map, or a part of it.",
 *		.groups = OPTIONS_DB | OPTIONS_FILTER | OPTIONS_WINDOW,
 *		.rows = rows,
 *		.examples = "skein diagram -o map.svg\n",
 *	};
 *
 *	int cmd_diagram(int argc, char **argv)
 *	{
 *		struct diagram d = { 0 };
 *
 *		if (!options_parse(&command, argc, argv, &d.o, &d))
 *			return d.o.status;
 *		...
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/server.h"
#include "common/err.h"
#include "store/query.h"

/*
 * Reads the argument of one option into TARGET; ARG is NULL where the option takes none or
 * an optional one was not given. 0, or negative errno with words ("is not a number").
 */
typedef int options_read_fn(const char *arg, void *target, struct err *e);

options_read_fn options_flag;	  /* bool, becomes true */
options_read_fn options_string;	  /* const char *, borrowed from argv */
options_read_fn options_count;	  /* uint64_t, a whole number above 0 */
options_read_fn options_port;	  /* int, 1..65535 */
options_read_fn options_duration; /* int64_t seconds: 30s, 5m, 24h, 7d, 2w, 90 */

struct options_row {
	const char *name; /* without the dashes; NULL ends a table */
	char letter;	  /* 0: only the long form */
	const char *arg;  /* as help shows it; NULL: none; "[=WORD]": optional */
	options_read_fn *read;
	size_t offset;	  /* of the target in the command's struct */
	const char *help; /* one line; NULL: works, but help does not show it */
};

/* Options that commands have in common; --color, --quiet and --help are always there. */
enum options_group {
	OPTIONS_DB = 1,	       /* --db, and --data */
	OPTIONS_SERVER = 32,   /* --server, --token-file and --ca instead */
	OPTIONS_DATA_DIR = 16, /* --data alone */
	OPTIONS_FILTER = 2,    /* --machine, --process, --port */
	OPTIONS_WINDOW = 4,    /* --since, --until, --tz */
	OPTIONS_TABLE = 8,     /* --json, --csv, --no-header, --limit, --all; --tz */
};

struct options_command {
	const char *name;  /* "edges" */
	const char *args;  /* words after the options, for the usage; NULL: none */
	const char *about; /* one or two lines */
	unsigned groups;
	bool filter_words; /* the words are a filter: MACHINE, :PORT or MACHINE:PORT */
	const struct options_row *rows; /* its own; NULL: none */
	const char *examples;		/* lines, each ended by \n */
};

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSON_LINES, FORMAT_CSV };
enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	char db[4096];	  /* always set: --db, DIR/skein.db, $SKEIN_DB, the default */
	const char *data; /* always set: --data or the default directory */
	bool data_given, db_given;
	struct server server; /* with its url: db is a copy, and nothing is written into it */
	struct filter filter; /* as the store takes it */
	bool filtered;	      /* any part of the filter was given */
	enum format format;
	enum color_when color;
	bool no_header, all;
	uint64_t limit; /* 0: none given */
	char **words;	/* what is not an option */
	int words_n;
	int status; /* the exit status, where options_parse returned false */

	const char *db_text, *since_text, *until_text, *tz; /* for options.c */
};

#define OPTIONS_DATA "/var/lib/skein"

/*
 * ARGV[0] is the command's name.  True: go on.  False: the command ends with O->status, all
 * is said (help on standard output and 0, or one clear line on standard error and 2).  O and
 * OWN are filled with zeros by the caller; OWN may be NULL if the command has no rows.
 */
bool options_parse(const struct options_command *c, int argc, char **argv, struct options *o,
		   void *own);
/* Says the words and where help is; returns EXITS_USAGE. */
int options_usage(const struct options_command *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Whether to colour what goes to STREAM; --color beats the environment, each stream for
 * itself.
 */
bool options_color(const struct options *o, FILE *stream);

#endif
