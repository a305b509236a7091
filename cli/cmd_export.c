/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/outfile.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/number.h"
#include "graph/days.h"
#include "graph/export.h"
#include "graph/saved.h"
#include "graph/wave_rules.h"

struct request {
	struct options o;
	const char *out, *format_word, *table;
	uint64_t plan;
	bool edges;
	const struct export_format *format;
};

static const struct options_row rows[] = {
	{ "format", 'f', "F", options_string, offsetof(struct request, format_word),
	  "csv, json, graphml, gexf, drawio, cypher or mermaid; else as FILE ends" },
	{ "output", 'o', "FILE", options_string, offsetof(struct request, out),
	  "write to FILE, for csv a directory; - is standard output and the default" },
	{ "table", 't', "TABLE", options_string, offsetof(struct request, table),
	  "of csv: machines, groups, shared, waves, cuts or edges" },
	{ "edges", 0, NULL, options_flag, offsetof(struct request, edges),
	  "each single edge too: in json, and between machines in drawio" },
	{ "plan", 0, "N", options_count, offsetof(struct request, plan),
	  "the plan with that number instead of the newest" },
	{ 0 },
};

static const struct options_command command = {
	.name = "export",
	.about =
		"Hand the map and its plan over: to the assessment, a spreadsheet, yEd, Gephi,\n"
		"diagrams.net, a graph database or a wiki.",
	.groups = OPTIONS_DB | OPTIONS_WINDOW,
	.rows = rows,
	.examples = "skein export --db estate.db -o plan.json\n"
		    "skein export --db estate.db --format csv -o tables/\n"
		    "skein export --db estate.db --format csv --table groups\n"
		    "skein export --db estate.db -o plan.graphml\n"
		    "skein export --db estate.db --format drawio -o plan.drawio\n",
};

static int unknown_format(const char *word)
{
	struct suggest s = suggest_for(word);

	for (const struct export_format *f = export_formats; f->name; f++)
		suggest_offer(&s, f->name);
	if (s.best)
		return options_usage(&command, "--format: \"%s\" is none, did you mean %s?",
				     word, s.best);
	return options_usage(&command,
			     "--format: \"%s\" is none of csv, json, graphml, gexf, drawio, "
			     "cypher and mermaid",
			     word);
}

static int check_format(struct request *r)
{
	if (r->format_word) {
		r->format = export_find(r->format_word);
		return r->format ? 0 : unknown_format(r->format_word);
	}
	if (!r->out || strcmp(r->out, "-") == 0)
		return options_usage(&command, "which format? --format json, or -o FILE.json");
	r->format = export_of_file(r->out);
	if (!r->format)
		return options_usage(&command,
				     "%s: no format ends like that (.json, .graphml, .gexf, "
				     ".drawio, .cypher, .mmd), or say --format",
				     r->out);
	return 0;
}

/* 0, or the exit status after words. */
static int check(struct request *r)
{
	int status = check_format(r);

	if (status)
		return status;
	if (!r->out)
		r->out = "-";
	if (r->table && !r->format->tables)
		return options_usage(&command, "--table: %s has no tables, csv has",
				     r->format->name);
	if (r->table && !export_find_table(r->table))
		return options_usage(&command,
				     "--table: \"%s\" is none of machines, groups, shared, "
				     "waves, cuts and edges",
				     r->table);
	if (r->format->tables && !r->table && strcmp(r->out, "-") == 0)
		return options_usage(&command, "csv is several tables: -o DIR for all, or "
					       "--table groups for one");
	return 0;
}

static int write_file(const struct request *r, const struct export *x, const char *path)
{
	struct outfile out;
	struct export_sink sink = { .write = outfile_write, .ctx = &out };
	struct err e = { 0 };
	int rc = outfile_open(&out, path, &e);

	if (!rc) {
		rc = export_write(r->format, x, &sink);
		rc = outfile_close(&out, rc, &e);
	}
	buf_fini(&sink.out);
	if (!rc)
		return EXITS_OK;
	if (rc == -EPIPE)
		return EXITS_OK; /* the reader has seen enough */
	say("%s", e.msg);
	return EXITS_UNREACHED;
}

/* Every table that there is something to say in, a file each. */
static int write_tables(const struct request *r, struct export *x)
{
	struct err e = { 0 };
	int status = EXITS_OK;

	if (file_mkdir(r->out, 0777, &e)) {
		say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	for (const struct export_table *t = export_tables; t->name && !status; t++) {
		char *name = xasprintf("%s%s", t->name, r->format->ending);
		char *path = file_path(r->out, name);

		x->table = t->name;
		if (x->plan || !t->planned)
			status = write_file(r, x, path);
		free(path);
		free(name);
	}
	return status;
}

static int write_all(const struct request *r, struct export *x)
{
	const struct export_table *t = r->table ? export_find_table(r->table) : NULL;

	x->table = r->table;
	if (t && t->planned && !x->plan)
		return EXITS_NONE; /* said already */
	if (r->format->tables && !r->table)
		return write_tables(r, x);
	return write_file(r, x, r->out);
}

/* What is made from a plan, for as long as it is written. */
struct made {
	struct plan *plan;
	struct ties *ties;
	struct explain *explain;
	struct wave_rules rules;
	struct waves *waves;
	struct cuts *cuts;
	struct watch *watch;
	unsigned *days; /* of each edge */
};

static void price_cuts(struct made *m, const struct graph *g)
{
	bool *everywhere = xcalloc(m->plan->group_n, sizeof(*everywhere));
	bool *done = xcalloc(m->plan->group_n, sizeof(*done));
	const struct cut_options o = { .everywhere = everywhere, .done = done };

	for (unsigned i = 0; i < m->plan->group_n; i++) {
		everywhere[i] = m->waves->place[i].everywhere;
		done[i] = m->waves->place[i].done;
	}
	m->cuts = cut_between(g, m->plan, &o);
	free(everywhere);
	free(done);
}

static int make(const struct request *r, struct store *st, const struct graph *g,
		struct made *m, struct err *e)
{
	int rc;

	m->days = graph_days(st, g, e);
	if (!m->days)
		return e->code;
	rc = saved_read(st, g, (int64_t)r->plan, &m->plan, e);
	if (rc <= 0)
		return rc;
	rc = wave_rules_load(st, &m->rules, e);
	if (rc < 0)
		return rc;
	m->waves = waves_assign(g, m->plan, &m->rules);
	m->ties = ties_of(g, m->plan);
	m->explain = explain_new(g, m->plan, m->ties, m->days);
	price_cuts(m, g);
	return 0;
}

static void made_fini(struct made *m)
{
	cut_free(m->cuts);
	waves_free(m->waves);
	wave_rules_fini(&m->rules);
	explain_free(m->explain);
	ties_free(m->ties);
	watch_free(m->watch);
	plan_free(m->plan);
	free(m->days);
}

static void say_what_is_missing(const struct request *r, const struct made *m)
{
	char n[NUMBER_TEXT];

	if (!m->plan)
		say_note("no plan in %s yet: machines and edges only (skein groups makes one)",
			 r->o.db);
	else if (m->plan->missing)
		say_note("%s machine%s of the plan %s not in this window",
			 number_text(m->plan->missing, n), number_plural(m->plan->missing),
			 m->plan->missing == 1 ? "is" : "are");
}

static int export_graph(const struct request *r, struct store *st, const struct graph *g)
{
	struct made m = { 0 };
	struct err e = { 0 };
	int status;

	if (make(r, st, g, &m, &e) < 0) {
		say("%s", e.msg);
		made_fini(&m);
		return EXITS_UNREACHED;
	}
	if (r->plan && !m.plan) {
		say("no plan %llu in %s (skein groups plans lists them)",
		    (unsigned long long)r->plan, r->o.db);
		return EXITS_NONE;
	}
	say_what_is_missing(r, &m);
	m.watch = watch_of(g, m.days);
	status = write_all(r, &(struct export){ .graph = g,
						.plan = m.plan,
						.ties = m.ties,
						.explain = m.explain,
						.waves = m.waves,
						.cuts = m.cuts,
						.watch = m.watch,
						.days = m.days,
						.edges = r->edges });
	made_fini(&m);
	if (!status && !g->machine_n) {
		say_note("no machines in %s yet; \"skein import\" or a sensor brings them",
			 r->o.db);
		return EXITS_NONE;
	}
	return status;
}

int cmd_export(int argc, char **argv)
{
	struct request r = { 0 };
	struct err e = { 0 };
	struct graph *g;
	struct store *st;
	int status;

	if (!options_parse(&command, argc, argv, &r.o, &r))
		return r.o.status;
	status = check(&r);
	if (status)
		return status;
	st = store_open(r.o.db, STORE_READ, &e);
	g = st ? graph_load(st, &r.o.filter, &e) : NULL;
	if (g)
		status = export_graph(&r, st, g);
	else
		say("%s", e.msg);
	graph_free(g);
	store_close(st);
	return g ? status : EXITS_UNREACHED;
}
