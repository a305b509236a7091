/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/groups.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/utf8.h"

void groups_progress(const char *doing)
{
	static bool shown;

	if (say_quiet || !isatty(STDERR_FILENO))
		return;
	if (doing)
		fprintf(stderr, "\rskein: %s\x1b[K", doing);
	else if (shown)
		fputs("\r\x1b[K", stderr);
	shown = doing != NULL;
}

static int failed(const struct err *e)
{
	groups_progress(NULL);
	say("%s", e->msg);
	return EXITS_UNREACHED;
}

static int take_window(const struct plan_info *row, void *ctx)
{
	struct filter *f = ctx;

	f->since = row->since;
	f->until = row->until;
	return 1;
}

/* An edit looks at the window that the plan was made from. */
static int plan_window(struct groups *x, struct err *e)
{
	int rc = x->o.filtered ? 0 : query_plans(x->store, take_window, &x->o.filter, e);

	return rc < 0 ? rc : 0;
}

static int load(struct groups *x, enum groups_need need, struct err *e)
{
	bool edit = need == GROUPS_WRITE || need == GROUPS_PLAN;
	int rc = edit ? plan_window(x, e) : 0;

	if (rc == 0 && edit && !revise_given(&x->run))
		rc = revise_remembered(x->store, &x->run, e);
	if (rc < 0)
		return rc;
	groups_progress("reading the map");
	x->graph = graph_load(x->store, &x->o.filter, e);
	if (!x->graph)
		return -EIO;
	rc = saved_read(x->store, x->graph, (int64_t)x->plan, &x->saved, e);
	groups_progress(NULL);
	return rc < 0 ? rc : 0;
}

static struct store *open_store(const struct groups *x, enum groups_need need, struct err *e)
{
	bool write = need == GROUPS_WRITE || (need == GROUPS_GRAPH && !x->dry_run);

	/* one that is not there is not made: reading says so */
	if (access(x->o.db, F_OK) != 0)
		write = false;
	return store_open(x->o.db, write ? STORE_WRITE : STORE_READ, e);
}

static int first_plan(struct groups *x)
{
	struct revise_outcome out = { 0 };
	int status = groups_rerun(x, NULL, 0, &out);

	x->saved = out.after;
	out.after = NULL;
	revise_outcome_free(&out);
	return status;
}

static bool any_known(const struct graph *g)
{
	for (unsigned m = 0; m < g->machine_n; m++)
		if (g->machine[m].known)
			return true;
	return false;
}

static int no_plan(const struct groups *x)
{
	if (x->plan)
		say("no plan %llu (skein groups plans lists them)",
		    (unsigned long long)x->plan);
	else
		say("no plan in %s yet; \"skein groups\" makes one", x->o.db);
	return EXITS_NONE;
}

int groups_open(struct groups *x, enum groups_need need)
{
	struct err e = { 0 };

	if (x->plan && need != GROUPS_PLAN)
		return options_usage(&groups_command, "--plan is for show and export");
	x->store = open_store(x, need, &e);
	if (!x->store)
		return failed(&e);
	if (need == GROUPS_STORE)
		return EXITS_OK;
	if (load(x, need, &e) < 0)
		return failed(&e);
	if (!x->saved && (need == GROUPS_PLAN || (need == GROUPS_WRITE && x->dry_run)))
		return no_plan(x);
	if (need != GROUPS_WRITE || x->saved)
		return EXITS_OK;
	if (any_known(x->graph))
		return first_plan(x);
	say("no machines in %s yet; \"skein import\" or a sensor brings them", x->o.db);
	return EXITS_NONE;
}

void groups_close(struct groups *x)
{
	groups_progress(NULL);
	plan_free(x->saved);
	graph_free(x->graph);
	store_close(x->store);
}

static int refused(const struct err *e, int rc)
{
	groups_progress(NULL);
	say("%s", e->msg);
	return rc == -ENOENT || rc == -EEXIST || rc == -EINVAL ? EXITS_NONE : EXITS_UNREACHED;
}

static struct revise revise_of(const struct groups *x)
{
	return (struct revise){
		.store = x->store,
		.graph = x->graph,
		.run = x->run,
		.since = x->o.filter.since,
		.until = x->o.filter.until,
		.dry_run = x->dry_run || x->o.server.url,
		.progress = groups_progress,
	};
}

int groups_rerun(struct groups *x, struct revise_change *change, size_t n,
		 struct revise_outcome *out)
{
	struct revise r = revise_of(x);
	struct err e = { 0 };
	int rc = revise_rerun(&r, change, n, out, &e);

	if (rc >= 0 && x->o.server.url && !x->dry_run)
		rc = groups_send(x, change, n, &e);
	groups_progress(NULL);
	return rc < 0 ? refused(&e, rc) : EXITS_OK;
}

int groups_keep(struct groups *x, struct revise_change *change, size_t n)
{
	struct revise r = revise_of(x);
	struct err e = { 0 };
	int rc = revise_keep(&r, change, n, &e);

	if (rc >= 0 && x->o.server.url && !x->dry_run)
		rc = groups_send(x, change, n, &e);
	return rc < 0 ? refused(&e, rc) : EXITS_OK;
}

const char *groups_machine_name(const struct groups *x, unsigned machine)
{
	return x->graph->machine[machine].name;
}

unsigned groups_find_machine(const struct groups *x, const char *word)
{
	const struct graph *g = x->graph;
	int found = graph_find_machine(g, word);
	struct suggest s = suggest_for(word);

	if (found >= 0 && g->machine[found].known)
		return (unsigned)found;
	if (found >= 0) {
		say("%s is an address that no known machine has; it stands in no group", word);
		return PLAN_NONE;
	}
	for (unsigned m = 0; m < g->machine_n; m++) {
		if (!g->machine[m].known)
			continue;
		suggest_offer(&s, g->machine[m].name);
		suggest_offer(&s, g->machine[m].id);
	}
	if (s.best)
		say("no machine \"%s\", did you mean %s?", word, s.best);
	else
		say("no machine \"%s\" (skein machines lists them)", word);
	return PLAN_NONE;
}

unsigned groups_find_group(const struct groups *x, const char *name)
{
	unsigned found = plan_find(x->saved, name);
	struct suggest s = suggest_for(name);

	if (found != PLAN_NONE)
		return found;
	for (unsigned i = 0; i < x->saved->group_n; i++)
		suggest_offer(&s, x->saved->group[i].name);
	if (s.best)
		say("no group \"%s\", did you mean %s?", name, s.best);
	else
		say("no group \"%s\" (skein groups show lists them)", name);
	return PLAN_NONE;
}

bool groups_name_fits(const char *name)
{
	struct buf shown = { 0 };
	size_t n = strlen(name);
	bool fits;

	utf8_show(&shown, name, n);
	fits = n && n <= NAME_LEN && shown.n == n && utf8_valid(name, n) &&
	       memcmp(shown.p, name, n) == 0 && name[0] != ' ' && name[n - 1] != ' ';
	buf_fini(&shown);
	if (!fits)
		say("\"%s\" cannot be a group's name: 1 to %d bytes of text, "
		    "no control characters, no space at its ends",
		    name, NAME_LEN);
	return fits;
}

struct group_label_row groups_label_of(const struct plan_group *group)
{
	return (struct group_label_row){
		.name = group->name,
		.state = plan_state_word[group->state],
		.owner = group->owner,
		.notes = group->notes,
		.named = group->named,
		.accepted = group->accepted,
		.locked = group->locked,
	};
}

char *groups_text(const struct groups *x, int from)
{
	struct buf b = { 0 };

	for (int i = from; i < x->words_n; i++)
		buf_printf(&b, "%s%s", i > from ? " " : "", x->words[i]);
	return buf_take(&b);
}
