/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "graph/draw/picture.h"
#include "graph/draw/render.h"

struct diagram {
	struct options o;
	const char *out, *format;
	bool overview;
};

static const struct options_row rows[] = {
	{ "output", 'o', "FILE", options_string, offsetof(struct diagram, out),
	  "write the picture to FILE (.svg, .dot, .png, .pdf), - is standard output" },
	{ "format", 'f', "F", options_string, offsetof(struct diagram, format),
	  "svg, dot, png or pdf, whatever the name of FILE" },
	{ "overview", 0, NULL, options_flag, offsetof(struct diagram, overview),
	  "the whole map, which is also the default without --machine" },
	{ 0 },
};

static const struct options_command command = {
	.name = "diagram",
	.about =
		"Draw the map of dependencies, or one machine with its processes and neighbours.",
	.groups = OPTIONS_DB | OPTIONS_FILTER | OPTIONS_WINDOW,
	.rows = rows,
	.examples = "skein diagram -o map.svg\n"
		    "skein diagram --machine db01 -o db01.pdf\n"
		    "skein diagram --port 5432 --since 7d -o databases.svg\n",
};

/* 0, or the exit status after words. */
static int check(struct diagram *d)
{
	if (!d->out)
		return options_usage(&command,
				     "where to? -o FILE.svg, or -o - for standard output");
	if (!d->format)
		d->format = strcmp(d->out, "-") ? render_format_of(d->out) : "svg";
	if (!d->format)
		return options_usage(&command,
				     "%s: name it .svg, .dot, .png or .pdf, or say --format",
				     d->out);
	if (!render_format_known(d->format))
		return options_usage(&command,
				     "--format: \"%s\" is none of svg, dot, png and pdf",
				     d->format);
	return 0;
}

static int no_such_machine(const struct graph *g, const char *word)
{
	struct suggest s = suggest_for(word);

	for (unsigned i = 0; i < g->machine_n; i++) {
		suggest_offer(&s, g->machine[i].name);
		suggest_offer(&s, g->machine[i].id);
	}
	if (s.best)
		say("no machine \"%s\", did you mean %s?", word, s.best);
	else
		say("no machine \"%s\" (skein machines lists them)", word);
	return EXITS_NONE;
}

/* With a filter machines that no edge touches are not loaded, so names are asked for apart. */
static int offer_all(struct store *st, const char *word)
{
	static const struct filter all;
	struct err e = { 0 };
	struct graph *g = graph_load(st, &all, &e);
	int status = EXITS_NONE;

	if (g)
		status = no_such_machine(g, word);
	graph_free(g);
	return status;
}

static char *scope(const struct diagram *d)
{
	const struct filter *f = &d->o.filter;
	struct buf b = { 0 };

	if (f->machine && d->overview)
		buf_printf(&b, "machine %s", f->machine);
	if (f->port)
		buf_printf(&b, "%sport %d", b.n ? ", " : "", f->port);
	if (f->process)
		buf_printf(&b, "%sprocess %s", b.n ? ", " : "", f->process);
	return buf_take(&b);
}

static int status_of(int rc)
{
	switch (rc) {
	case 0:
		return EXITS_OK;
	case -EINVAL:
	case -ETIME:
	case -ECHILD:
		return EXITS_NONE; /* opened, but not to be drawn */
	default:
		return EXITS_UNREACHED;
	}
}

static int draw(const struct diagram *d, struct store *st, const struct graph *g)
{
	const char *machine = d->overview ? NULL : d->o.filter.machine;
	int found = machine ? graph_find_machine(g, machine) : 0, rc;
	char *words = scope(d);
	struct picture_options look = {
		.level = machine ? PICTURE_MACHINE : PICTURE_OVERVIEW,
		.machine = (unsigned)found,
		.local_time = d->o.tz != NULL,
		.scope = *words ? words : NULL,
		.format = d->format,
	};
	struct err e = { 0 };

	if (found < 0) {
		free(words);
		return offer_all(st, machine);
	}
	rc = picture_write(g, &look, d->out, &e);
	if (rc)
		say("%s", e.msg);
	else if (!g->edge_n)
		say_note("no connections %s: the picture says what to do",
			 d->o.filtered ? "fit the filter" : "seen yet");
	free(words);
	if (!rc && !g->edge_n && d->o.filtered && !machine)
		return EXITS_NONE;
	return status_of(rc);
}

int cmd_diagram(int argc, char **argv)
{
	struct diagram d = { 0 };
	struct err e = { 0 };
	struct graph *g;
	struct store *st;
	int status;

	if (!options_parse(&command, argc, argv, &d.o, &d))
		return d.o.status;
	status = check(&d);
	if (status)
		return status;
	st = store_open(d.o.db, STORE_READ, &e);
	g = st ? graph_load(st, &d.o.filter, &e) : NULL;
	if (g)
		status = draw(&d, st, g);
	else
		say("%s", e.msg);
	graph_free(g);
	store_close(st);
	return g ? status : EXITS_UNREACHED;
}
