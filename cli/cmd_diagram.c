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
#include "graph/saved.h"

struct diagram {
	struct options o;
	const char *out, *format, *group;
	bool overview, machines;
};

static const struct options_row rows[] = {
	{ "output", 'o', "FILE", options_string, offsetof(struct diagram, out),
	  "write the picture to FILE (.svg, .dot, .png, .pdf), - is standard output" },
	{ "format", 'f', "F", options_string, offsetof(struct diagram, format),
	  "svg, dot, png or pdf, whatever the name of FILE" },
	{ "overview", 0, NULL, options_flag, offsetof(struct diagram, overview),
	  "the whole map, also the default: a box a group, once groups are proposed" },
	{ "group", 'g', "GROUP", options_string, offsetof(struct diagram, group),
	  "one group of the plan: its machines, and the groups around it" },
	{ "machines", 0, NULL, options_flag, offsetof(struct diagram, machines),
	  "the whole map by machines, whatever groups there are" },
	{ "no-groups", 0, NULL, options_flag, offsetof(struct diagram, machines), NULL },
	{ 0 },
};

static const struct options_command command = {
	.name = "diagram",
	.about = "Draw the map of dependencies: groups, one of them, machines, or one machine "
		 "with its\nprocesses and neighbours.",
	.groups = OPTIONS_DB | OPTIONS_SERVER | OPTIONS_FILTER | OPTIONS_WINDOW,
	.rows = rows,
	.examples = "skein diagram -o map.svg\n"
		    "skein diagram --machine db01 -o db01.pdf\n"
		    "skein diagram --group billing -o billing.svg\n"
		    "skein diagram --port 5432 --since 7d -o databases.svg\n",
};

/* A part of the graph does not tell which groups stand alone. */
static bool narrowed(const struct diagram *d)
{
	return d->o.filter.machine || d->o.filter.process || d->o.filter.port;
}

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
	if (d->group && (d->machines || d->overview))
		return options_usage(&command, "--group is one group, --overview and "
					       "--machines are all there is: say one of them");
	if (d->group && narrowed(d))
		return options_usage(&command,
				     "--group goes with --since and --until, not with "
				     "--machine, --process or --port");
	return 0;
}

static int no_such_group(const struct plan *p, const char *word)
{
	struct suggest s = suggest_for(word);

	for (unsigned i = 0; i < p->group_n; i++)
		suggest_offer(&s, p->group[i].name);
	if (s.best)
		say("no group \"%s\", did you mean %s?", word, s.best);
	else
		say("no group \"%s\" (skein groups lists them)", word);
	return EXITS_NONE;
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

	if (f->machine && (d->overview || d->machines))
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

static int write_picture(const struct diagram *d, const struct graph *g,
			 struct picture_options *look)
{
	char *words = scope(d);
	struct err e = { 0 };
	int rc;

	look->local_time = d->o.tz != NULL;
	look->scope = *words ? words : NULL;
	look->format = d->format;
	rc = picture_write(g, look, d->out, &e);
	if (rc)
		say("%s", e.msg);
	else if (!g->edge_n)
		say_note("no connections %s: the picture says what to do",
			 d->o.filtered ? "fit the filter" : "seen yet");
	free(words);
	if (!rc && !g->edge_n && d->o.filtered && look->level == PICTURE_OVERVIEW)
		return EXITS_NONE;
	return status_of(rc);
}

static int draw_machines(const struct diagram *d, struct store *st, const struct graph *g)
{
	bool all = d->overview || d->machines;
	const char *machine = all ? NULL : d->o.filter.machine;
	int found = machine ? graph_find_machine(g, machine) : 0;
	struct picture_options look = {
		.level = machine ? PICTURE_MACHINE : PICTURE_OVERVIEW,
		.machine = (unsigned)found,
	};

	if (found < 0)
		return offer_all(st, machine);
	return write_picture(d, g, &look);
}

static int draw_groups(const struct diagram *d, const struct graph *g, const struct plan *p)
{
	struct picture_options look = { .level = PICTURE_GROUPS, .plan = p };

	if (d->group) {
		look.level = PICTURE_GROUP;
		look.group = plan_find(p, d->group);
		if (look.group == PLAN_NONE)
			return no_such_group(p, d->group);
	}
	return write_picture(d, g, &look);
}

/* Groups if there are any and nothing else was asked for. */
static int draw(const struct diagram *d, struct store *st, const struct graph *g)
{
	struct plan *p = NULL;
	struct err e = { 0 };
	int rc, status;

	if (d->machines || narrowed(d))
		return draw_machines(d, st, g);
	rc = saved_read(st, g, 0, &p, &e);
	if (rc < 0) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	if (!rc && d->group) {
		say("no group \"%s\": there is no plan yet (skein groups proposes one)",
		    d->group);
		return EXITS_NONE;
	}
	status = rc ? draw_groups(d, g, p) : draw_machines(d, st, g);
	if (!rc && !status && g->edge_n)
		say_note("drawn by machines; skein groups proposes groups, and then they are "
			 "drawn");
	plan_free(p);
	return status;
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
