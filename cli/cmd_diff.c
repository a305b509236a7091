/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs: between two stretches of time, two databases, or two plans.  The two sides are
 * loaded, compared (graph/compare.h) and printed (cli/diff_print.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/diff_print.h"
#include "cli/say.h"
#include "common/when.h"
#include "common/exits.h"
#include "common/mem.h"
#include "graph/saved.h"
#include "store/plan.h"

struct command {
	struct options o;
	bool plans;
	const char *with;
	uint64_t factor;
	/* while it runs */
	struct store *store, *other; /* the same where there is one database */
	struct filter before, after;
	int64_t plan[2]; /* 0: the newest */
	struct diff_side a, b;
};

static const struct options_row rows[] = {
	{ "plans", 0, NULL, options_flag, offsetof(struct command, plans),
	  "two plans by their numbers (else the newest and the one before)" },
	{ "with-db", 0, "FILE", options_string, offsetof(struct command, with),
	  "two databases: --db is before, FILE is after" },
	{ "factor", 0, "N", options_count, offsetof(struct command, factor),
	  "connections a day have changed when by N times or more (2)" },
	{ 0 },
};

static const struct options_command command = {
	.name = "diff",
	.args = "[WINDOW WINDOW | --plans [N [N]]]",
	.about = "Say what differs between two stretches of time (FROM..TO, either may be\n"
		 "empty), two databases, or two plans; without words, the two newest plans.",
	.groups = OPTIONS_DB | OPTIONS_WINDOW | OPTIONS_TABLE,
	.rows = rows,
	.examples = "skein diff 14d..7d 7d..\n"
		    "skein diff 2026-10-01..2026-11-01 2026-11-01..2026-12-01 --csv\n"
		    "skein diff --plans 3 5\n"
		    "skein diff --db before.db --with-db after.db --json\n",
};

/* "FROM..TO", "FROM..now", "..TO". */
static int read_window(const char *word, int64_t now, struct filter *f, struct err *e)
{
	const char *dots = strstr(word, "..");
	char from[64];
	int rc = 0;

	if (!dots || (size_t)(dots - word) >= sizeof(from))
		return err_set(e, -EINVAL, "\"%s\" is no window such as 14d..7d", word);
	snprintf(from, sizeof(from), "%.*s", (int)(dots - word), word);
	if (*from)
		rc = when_parse(from, now, &f->since, e);
	if (rc == 0 && dots[2] && strcmp(dots + 2, "now"))
		rc = when_parse(dots + 2, now, &f->until, e);
	if (rc == 0 && f->until && f->since >= f->until)
		rc = err_set(e, -EINVAL, "\"%s\" ends before it begins", word);
	return rc;
}

static int read_plan(const char *word, int64_t *id, struct err *e)
{
	uint64_t n;

	if (options_count(word, &n, e) < 0 || n > INT64_MAX)
		return err_set(e, -EINVAL, "\"%s\" is not the number of a plan", word);
	*id = (int64_t)n;
	return 0;
}

static int read_words(struct command *c, struct err *e)
{
	int64_t now = time(NULL);
	int rc = 0;

	if (c->plans)
		for (int i = 0; i < c->o.words_n && !rc; i++)
			rc = read_plan(c->o.words[i], &c->plan[i], e);
	else if (c->o.words_n)
		rc = read_window(c->o.words[0], now, &c->before, e)
			     ?: read_window(c->o.words[1], now, &c->after, e);
	return rc;
}

static bool check(struct command *c)
{
	struct err e = { 0 };
	bool window = c->o.since_text || c->o.until_text;

	if (!c->factor)
		c->factor = 2;
	if (c->o.words_n > 2)
		c->o.status = options_usage(&command, "two windows or two plans at a time");
	else if (c->with && c->o.words_n)
		c->o.status = options_usage(&command,
					    "--with-db compares all that the two databases "
					    "have, or what --since and --until leave");
	else if (!c->plans && c->o.words_n == 1)
		c->o.status = options_usage(&command, "two windows, such as 14d..7d 7d..");
	else if (window && !c->with)
		c->o.status = options_usage(&command,
					    "two windows are two words, such as 14d..7d 7d..");
	else if (read_words(c, &e) < 0)
		c->o.status = options_usage(&command, "%s", e.msg);
	c->plans |= !c->with && !c->o.words_n;
	return c->o.status == 0;
}

struct newest {
	int64_t id[2];
	unsigned n;
};

static int note_plan(const struct plan_info *row, void *ctx)
{
	struct newest *x = ctx;

	if (x->n < 2)
		x->id[x->n++] = row->id;
	return 0;
}

/* -ENODATA with words where there are not two. */
static int choose_plans(struct command *c, struct err *e)
{
	struct newest x = { 0 };
	int rc;

	if (c->with || c->o.words_n == 2)
		return 0;
	rc = query_plans(c->store, note_plan, &x, e);
	if (rc < 0)
		return rc;
	if (c->o.words_n == 0 && x.n == 2) {
		c->plan[0] = x.id[1];
		c->plan[1] = x.id[0];
	} else if (c->o.words_n == 1 && x.n) {
		c->plan[1] = x.id[0];
	} else {
		return err_set(e, -ENODATA,
			       "%s has %s: \"skein groups\" makes one each time it runs",
			       c->o.db, x.n ? "one plan only" : "no plan yet");
	}
	return 0;
}

static int load_plan(struct store *s, struct diff_side *side, int64_t id, struct err *e)
{
	int rc = saved_read(s, side->g, id, &side->p, e);

	if (rc == 0 && id)
		return err_set(e, -ENODATA, "no plan %lld in %s", (long long)id,
			       store_path(s));
	if (rc == 0)
		return err_set(e, -ENODATA, "no plan in %s yet: \"skein groups\" makes one",
			       store_path(s));
	if (rc < 0)
		return rc;
	side->name = xasprintf("plan %lld", (long long)side->p->id);
	if (side->p->missing)
		say_note("%s: %u of its machines no longer known", side->name,
			 side->p->missing);
	return 0;
}

static int load(struct command *c, struct err *e)
{
	c->store = c->other = store_open(c->o.db, STORE_READ, e);
	if (c->store && c->with)
		c->other = store_open(c->with, STORE_READ, e);
	if (!c->store || !c->other)
		return e->code;
	if (c->with)
		c->before = c->after = c->o.filter;
	c->a.g = graph_load(c->store, &c->before, e);
	if (!c->a.g)
		return e->code;
	/* plans of one database stand over one graph */
	c->b.g = c->plans && !c->with ? c->a.g : graph_load(c->other, &c->after, e);
	if (!c->b.g)
		return e->code;
	if (!c->plans) {
		c->a.name = xstrdup(c->with ? c->o.db : c->o.words[0]);
		c->b.name = xstrdup(c->with ? c->with : c->o.words[1]);
		return 0;
	}
	return choose_plans(c, e) ?: load_plan(c->store, &c->a, c->plan[0], e) ?:
				     load_plan(c->other, &c->b, c->plan[1], e);
}

static bool imports_alone(const struct graph *g)
{
	for (unsigned i = 0; i < g->edge_n; i++)
		if (g->edge[i].witnesses == 1u << WITNESS_IMPORT)
			return true;
	return false;
}

static int diff_graphs(const struct command *c)
{
	struct compare_graphs *d = compare_graphs(c->a.g, c->b.g, (double)c->factor);
	bool same = !d->machine_n && !d->edge_n;

	if (!c->with && imports_alone(c->a.g))
		say_note("imported totals have a first and a last time only: they count whole "
			 "in every window they touch");
	if (!c->a.g->edge_n || !c->b.g->edge_n)
		say_note("no connections in %s", c->a.g->edge_n ? c->b.name : c->a.name);
	diff_print_graphs(&c->o, &c->a, &c->b, d);
	compare_graphs_free(d);
	return same ? EXITS_NONE : EXITS_OK;
}

static int diff_plans(const struct command *c)
{
	struct compare_plans *d = compare_plans(c->a.g, c->a.p, c->b.g, c->b.p);
	bool same = !d->group_n && !d->move_n;

	diff_print_plans(&c->o, &c->a, &c->b, d);
	compare_plans_free(d);
	return same ? EXITS_NONE : EXITS_OK;
}

static void end(struct command *c)
{
	plan_free(c->a.p);
	plan_free(c->b.p);
	if (c->b.g != c->a.g)
		graph_free(c->b.g);
	graph_free(c->a.g);
	free(c->a.name);
	free(c->b.name);
	if (c->other != c->store)
		store_close(c->other);
	store_close(c->store);
}

int cmd_diff(int argc, char **argv)
{
	struct command c = { 0 };
	struct err e = { 0 };
	int status, rc;

	if (!options_parse(&command, argc, argv, &c.o, &c) || !check(&c))
		return c.o.status;
	rc = load(&c, &e);
	if (rc < 0) {
		say("%s", e.msg);
		status = rc == -ENODATA ? EXITS_NONE : EXITS_UNREACHED;
	} else {
		status = c.plans ? diff_plans(&c) : diff_graphs(&c);
	}
	if (rc == 0 && status == EXITS_NONE)
		say_note("no difference between %s and %s", c.a.name, c.b.name);
	end(&c);
	return status;
}
