/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/explain_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/page.h"
#include "cli/say.h"
#include "common/number.h"
#include "common/when.h"

enum { EVIDENCE = 3, PATH_SHOWN = 12, PART_SHOWN = 10 };

static const char *name_of(const struct explained *x, unsigned m)
{
	return x->g->machine[m].name;
}

static const char *group_name(const struct explained *x, unsigned group)
{
	return group == PLAN_NONE ? "no group" : x->p->group[group].name;
}

static const char *process_name(const char *name)
{
	return *name ? name : "?";
}

static void put_port(struct buf *b, const struct graph_edge *e)
{
	if (e->port)
		buf_printf(b, ":%u%s", e->port, e->proto == PROTO_UDP ? "/udp" : "");
	else
		buf_str(b, ":dynamic");
}

static void put_witnesses(struct buf *b, unsigned bits)
{
	bool any = false;

	for (int w = WITNESS_CLIENT; w < WITNESS_COUNT; w++) {
		if (!(bits & 1u << w))
			continue;
		buf_printf(b, "%s%s", any ? " and " : ", told by ", witness_word[w]);
		any = true;
	}
}

static void put_amounts(struct buf *b, const struct explained *x, unsigned edge)
{
	const struct graph_edge *e = &x->g->edge[edge];
	char n[NUMBER_TEXT];

	buf_printf(b, " %s connection%s", number_text(e->c.opens, n),
		   number_plural(e->c.opens));
	if (counters_failed(&e->c))
		buf_printf(b, ", %s failed", number_text(counters_failed(&e->c), n));
	if (e->live)
		buf_printf(b, ", %s open", number_text(e->live, n));
	if (e->c.has_bytes) {
		double mb = (double)(e->c.bytes_to_server + e->c.bytes_to_client) / 1e6;

		buf_printf(b, ", %.*f MB", mb < 10 ? 1 : 0, mb);
	}
	if (x->days && x->days[edge])
		buf_printf(b, ", on %u day%s", x->days[edge], number_plural(x->days[edge]));
}

static void say_edge(const struct explained *x, unsigned indent, unsigned edge)
{
	const struct graph_edge *e = &x->g->edge[edge];
	const struct graph_process *c = &x->g->process[e->client];
	const struct graph_process *s = &x->g->process[e->server];
	char first[WHEN_TEXT], last[WHEN_TEXT];
	struct buf b = { 0 };

	buf_printf(&b, "%s %s -> %s %s ", name_of(x, c->machine), process_name(c->name),
		   name_of(x, s->machine), process_name(s->name));
	put_port(&b, e);
	buf_str(&b, ",");
	put_amounts(&b, x, edge);
	if (e->first)
		buf_printf(&b, ", %.10s to %.10s", when_text(e->first, first),
			   when_text(e->last, last));
	put_witnesses(&b, e->witnesses);
	if (e->guess)
		buf_str(&b, ", process guessed");
	page_say(stdout, indent, 2, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static void say_edges(const struct explained *x, unsigned indent, const unsigned *edge,
		      unsigned n)
{
	unsigned most = x->most ? EVIDENCE : n;

	for (unsigned i = 0; i < n && i < most; i++)
		say_edge(x, indent, edge[i]);
	if (n > most)
		page_say(stdout, indent, 2, "and %u more edge%s", n - most,
			 number_plural(n - most));
}

static void say_more(unsigned shown, unsigned all)
{
	if (all > shown)
		page_say(stdout, 2, 2, "and %u more (--all shows them)", all - shown);
}

static void say_ties(const struct explained *x, const struct explain_tie *tie, unsigned n,
		     unsigned all, bool whole, bool groups)
{
	char share[PAGE_SHARE], weight[PAGE_REAL];

	for (unsigned i = 0; i < n; i++) {
		page_say(stdout, 2, 8, "%6s  %s%s%s%s%s (weight %s)",
			 page_share(tie[i].share, share), whole ? name_of(x, tie[i].from) : "",
			 whole ? " - " : "", name_of(x, tie[i].to), groups ? " in " : "",
			 groups ? group_name(x, tie[i].group) : "",
			 page_real(tie[i].weight, weight));
		say_edges(x, 10, tie[i].edge, tie[i].edge_n);
	}
	say_more(n, all);
}

/* "shop 12 %, crm 3 %" */
static void say_near(const struct explained *x, const struct explain_near *near, unsigned n)
{
	struct buf b = { 0 };
	char share[PAGE_SHARE];

	if (n < 2)
		return;
	for (unsigned i = 0; i < n && i < EXPLAIN_MOST; i++)
		buf_printf(&b, "%s%s %s", i ? ", " : "", group_name(x, near[i].group),
			   page_share(near[i].share, share));
	if (n > EXPLAIN_MOST)
		buf_printf(&b, " and %u more", n - EXPLAIN_MOST);
	page_say(stdout, 2, 2, "By group: %s.", buf_cstr(&b));
	buf_fini(&b);
}

static void say_use(const struct explained *x, const struct explain_use *u, bool users)
{
	const char *name = group_name(x, u->group);
	const char *title =
		u->group == PLAN_NONE ? "" : service_title(x->p->group[u->group].service);
	struct buf b = { 0 };
	char n[NUMBER_TEXT];

	if (u->group == PLAN_NONE)
		buf_str(&b, "addresses that are no known machine");
	else if (x->p->group[u->group].kind == PLAN_SHARED && strcasecmp(name, title))
		buf_printf(&b, "%s, %s", name, title);
	else
		buf_str(&b, name);
	buf_str(&b, ":");
	if (users)
		buf_printf(&b, " %u machine%s,", u->far, number_plural(u->far));
	else if (u->near > 1)
		buf_printf(&b, " %u of the machines,", u->near);
	buf_printf(&b, " %s connection%s", number_text(u->opens, n), number_plural(u->opens));
	if (u->failed)
		buf_printf(&b, " (%s failed)", number_text(u->failed, n));
	if (u->calls)
		buf_str(&b, u->serves ? ", both ways"
			    : users   ? ", opened by this machine"
				      : ", opened by the service");
	for (unsigned i = 0, put = 0; i < u->edge_n && put < 3; i++) {
		const struct graph_edge *e = &x->g->edge[u->edge[i]];

		if (i && x->g->edge[u->edge[i - 1]].port == e->port)
			continue;
		buf_str(&b, put++ ? " " : ", port ");
		put_port(&b, e);
	}
	page_say(stdout, 2, 2, "%s", buf_cstr(&b));
	buf_fini(&b);
}

static void say_uses(const struct explained *x, const struct explain_use *use, unsigned n,
		     unsigned all)
{
	if (!all)
		return;
	printf("\n");
	page_say(stdout, 0, 2, "Shared services it has to do with: %u", all);
	for (unsigned i = 0; i < n; i++)
		say_use(x, &use[i], false);
	say_more(n, all);
}

static void say_without(const struct explained *x, const struct explain_without *w)
{
	const char *own = group_name(x, x->p->machine[w->machine].group);
	char a[PAGE_REAL], b[PAGE_REAL];

	if (w->leans)
		page_say(
			stdout, 0, 2,
			"It leans the other way: %s ties it to %s and %s to its own group %s.",
			page_real(w->next, a), group_name(x, w->joins),
			page_real(w->own_before, b), own);
	else if (w->leaves && w->joins == PLAN_NONE)
		page_say(
			stdout, 0, 2,
			"Without its tie to %s it would leave %s and stand alone: nothing else "
			"ties it to anybody.",
			name_of(x, w->to), own);
	else if (w->leaves)
		page_say(
			stdout, 0, 2,
			"Without its tie to %s it would leave %s and join %s: %s would be left "
			"of %s, and %s ties it there.",
			name_of(x, w->to), own, group_name(x, w->joins),
			page_real(w->own_after, a), own, page_real(w->next, b));
	else if (w->own_before > 0)
		page_say(
			stdout, 0, 2,
			"No single tie decides: without the strongest, to %s, %s would be left "
			"to %s, and the best other group has %s.",
			name_of(x, w->to), page_real(w->own_after, a), own,
			page_real(w->next, b));
	else
		page_say(stdout, 0, 2, "Nothing ties it to anybody.");
}

static void say_entry(const struct plan_group *g, const char *lead)
{
	struct buf b = { 0 };

	if (g->state != PLAN_PROPOSED)
		buf_printf(&b, ", %s", plan_state_word[g->state]);
	if (g->wave)
		buf_printf(&b, ", wave %u", g->wave);
	if (*g->env)
		buf_printf(&b, ", environment %s", g->env);
	if (*g->site)
		buf_printf(&b, ", site %s", g->site);
	if (*g->owner)
		buf_printf(&b, ", owner %s", g->owner);
	if (g->locked || g->accepted)
		buf_printf(&b, ", %s", g->locked ? "locked" : "accepted");
	page_say(stdout, 2, 2, "%s%u machine%s%s, confidence %.2f", lead, g->machine_n,
		 number_plural(g->machine_n), buf_cstr(&b), g->confidence);
	if (*g->reason)
		page_say(stdout, 2, 2, "%s: %s", g->kind == PLAN_SHARED ? "Why" : "What it is",
			 g->reason);
	buf_fini(&b);
}

/* "app02 (m17)", or one word where both are the same; the caller frees. */
static char *title_of(const struct explained *x, unsigned m)
{
	const struct graph_machine *g = &x->g->machine[m];
	struct buf b = { 0 };

	buf_str(&b, g->name);
	if (*g->id && strcmp(g->id, g->name))
		buf_printf(&b, " (%s)", g->id);
	return buf_take(&b);
}

static void say_shared(const struct explained *x, const struct explain_machine *e)
{
	const struct plan_group *g = &x->p->group[e->group];
	char *title = title_of(x, e->machine), share[PAGE_SHARE];

	page_say(stdout, 0, 2, "%s is a shared service: %s", title, service_title(g->service));
	say_entry(g, "");
	if (*x->p->machine[e->machine].reason)
		page_say(stdout, 2, 2, "This machine: %s (confidence %.2f)",
			 x->p->machine[e->machine].reason,
			 x->p->machine[e->machine].confidence);
	page_say(stdout, 2, 2, "What to do: %s. %s",
		 service_advice_word(service_advice(g->service)),
		 service_advice_text(g->service));
	printf("\n");
	page_say(stdout, 0, 2, "Who has to do with it: %u", e->use_all);
	for (unsigned i = 0; i < e->use_n; i++)
		say_use(x, &e->use[i], true);
	say_more(e->use_n, e->use_all);
	printf("\n");
	if (e->glued > 1)
		page_say(stdout, 0, 2,
			 "As an ordinary machine it would draw %u groups of %u machines into "
			 "one. The first of them has %s of its connections.",
			 e->glued, e->glued_machines, page_share(e->top, share));
	else
		page_say(stdout, 0, 2,
			 "As an ordinary machine it would belong to %s: nobody else uses it.",
			 e->glued ? "its one group of users" : "no group");
	free(title);
}

static void say_stranger(const struct explained *x, unsigned m)
{
	char *title = title_of(x, m);

	page_say(stdout, 0, 2, "%s is in no group: %s.", title,
		 x->g->machine[m].known ? "the plan does not know it (skein groups makes anew)"
					: "an address that is no known machine");
	free(title);
}

void explain_text_machine(const struct explained *x, const struct explain_machine *e)
{
	const struct plan_machine *pm = &x->p->machine[e->machine];
	char *title, share[PAGE_SHARE];

	if (e->group == PLAN_NONE) {
		say_stranger(x, e->machine);
		return;
	}
	if (x->p->group[e->group].kind == PLAN_SHARED) {
		say_shared(x, e);
		return;
	}
	title = title_of(x, e->machine);
	page_say(stdout, 0, 2, "%s stands in group %s", title, group_name(x, e->group));
	free(title);
	say_entry(&x->p->group[e->group], "The group: ");
	page_say(stdout, 2, 2, "This machine: confidence %.2f%s%s", pm->confidence,
		 *pm->reason ? ", " : "", pm->reason);
	printf("\n");
	page_say(stdout, 0, 2, "What holds it: %u tie%s, %s of all its ties", e->in_all,
		 number_plural(e->in_all),
		 page_share(e->all > 0 ? e->own / e->all : 0, share));
	say_ties(x, e->in, e->in_n, e->in_all, false, false);
	printf("\n");
	page_say(stdout, 0, 2, "What pulls at it: %u tie%s", e->out_all,
		 number_plural(e->out_all));
	say_ties(x, e->out, e->out_n, e->out_all, false, true);
	say_near(x, e->near, e->near_n);
	printf("\n");
	say_without(x, &e->without);
	say_uses(x, e->use, e->use_n, e->use_all);
}

/* "a, b, c and 4 more"; the caller frees. */
static char *list(const struct explained *x, const unsigned *machine, unsigned n)
{
	unsigned most = x->most ? PART_SHOWN : n;
	struct buf b = { 0 };

	for (unsigned i = 0; i < n && i < most; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", name_of(x, machine[i]));
	if (n > most)
		buf_printf(&b, " and %u more", n - most);
	return buf_take(&b);
}

static void say_weak(const struct explained *x, const struct explain_group *e)
{
	unsigned all = x->p->group[e->group].machine_n;
	const struct explain_weak *w = &e->weak;
	char *part, share[PAGE_SHARE];

	if (!w->known) {
		if (all > 1)
			page_say(stdout, 0, 2,
				 "Its weakest point is not sought: more than %d "
				 "machines.",
				 EXPLAIN_CUT_MAX);
		return;
	}
	part = list(x, w->part, w->part_n);
	if (w->loose)
		page_say(stdout, 0, 2,
			 "It is in two already, without a tie between: {%s} and "
			 "the other %u.",
			 part, all - w->part_n);
	else
		page_say(
			stdout, 0, 2,
			"Its weakest point: cut %u tie%s, %s of what holds it, and it falls in "
			"two: {%s} and the other %u.",
			w->tie_n, number_plural(w->tie_n),
			page_share(e->inside > 0 ? w->weight / e->inside : 0, share), part,
			all - w->part_n);
	say_ties(x, w->tie, w->tie_n < 4 || !x->most ? w->tie_n : 4, w->tie_n, true, false);
	free(part);
}

void explain_text_group(const struct explained *x, const struct explain_group *e)
{
	const struct plan_group *g = &x->p->group[e->group];
	bool shared = g->kind == PLAN_SHARED;
	char *members = list(x, g->machine, g->machine_n), share[PAGE_SHARE];
	double all = e->inside + e->outside;

	page_say(stdout, 0, 2, shared ? "%s is a shared service: %s" : "%s is a group%s",
		 g->name, shared ? service_title(g->service) : "");
	say_entry(g, "");
	page_say(stdout, 2, 2, "Members: %s", members);
	free(members);
	printf("\n");
	if (shared) {
		page_say(stdout, 0, 2, "What to do: %s. %s",
			 service_advice_word(service_advice(g->service)),
			 service_advice_text(g->service));
		page_say(stdout, 0, 2, "Who has to do with it: %u", e->use_all);
		for (unsigned i = 0; i < e->use_n; i++)
			say_use(x, &e->use[i], true);
		say_more(e->use_n, e->use_all);
		return;
	}
	page_say(stdout, 0, 2, "What holds it together: %u tie%s, %s of all its ties",
		 e->in_all, number_plural(e->in_all),
		 page_share(all > 0 ? e->inside / all : 0, share));
	say_ties(x, e->in, e->in_n, e->in_all, true, false);
	printf("\n");
	page_say(stdout, 0, 2, "What leaves it: %u tie%s", e->out_all,
		 number_plural(e->out_all));
	say_ties(x, e->out, e->out_n, e->out_all, true, true);
	say_near(x, e->near, e->near_n);
	printf("\n");
	say_weak(x, e);
	if (e->loners)
		page_say(stdout, 0, 2, "%u of its machines %s no tie inside.", e->loners,
			 e->loners == 1 ? "has" : "have");
	say_uses(x, e->use, e->use_n, e->use_all);
}

static void say_path(const struct explained *x, const struct explain_pair *e)
{
	struct buf b = { 0 };
	char weight[PAGE_REAL];

	for (unsigned i = 0; i < e->path_n && i < PATH_SHOWN; i++)
		buf_printf(&b, "%s%s", i ? " - " : "", name_of(x, e->path[i]));
	if (e->path_n > PATH_SHOWN)
		buf_printf(&b, " and %u more", e->path_n - PATH_SHOWN);
	if (e->path_n)
		page_say(stdout, 0, 2, "The way of strongest ties: %s (weakest %s)",
			 buf_cstr(&b), page_real(e->weakest, weight));
	else
		page_say(stdout, 0, 2, "No ties lead from one to the other.");
	buf_fini(&b);
}

static void say_apart(const struct explained *x, const struct explain_pair *e)
{
	unsigned ga = x->p->machine[e->a].group, gb = x->p->machine[e->b].group;
	char own[PAGE_REAL], other[PAGE_REAL];

	for (int i = 0; i < 2; i++) {
		unsigned m = i ? e->b : e->a, mine = i ? gb : ga, theirs = i ? ga : gb;

		if (mine == PLAN_NONE || theirs == PLAN_NONE ||
		    x->p->group[mine].kind == PLAN_SHARED ||
		    x->p->group[theirs].kind == PLAN_SHARED)
			continue;
		page_say(stdout, 0, 2, "%s: %s ties it to its own group %s, %s to %s.",
			 name_of(x, m), page_real(i ? e->b_own : e->a_own, own),
			 group_name(x, mine), page_real(i ? e->b_to_a : e->a_to_b, other),
			 group_name(x, theirs));
	}
	for (int i = 0; i < 2; i++) {
		unsigned group = i ? gb : ga;

		if (group != PLAN_NONE && x->p->group[group].kind == PLAN_SHARED)
			page_say(stdout, 0, 2,
				 "%s is a shared service (%s): it belongs to no group.",
				 name_of(x, i ? e->b : e->a),
				 service_title(x->p->group[group].service));
	}
}

static void say_separation(const struct explained *x, const struct explain_pair *e)
{
	const struct explain_weak *w = &e->cut;
	unsigned group = x->p->machine[e->a].group;

	if (!w->known)
		return;
	if (w->loose)
		page_say(stdout, 0, 2, "No ties join them inside of %s.",
			 group_name(x, group));
	else if (w->tie_n == 1)
		page_say(stdout, 0, 2,
			 "One tie holds them together; without it they would be apart:");
	else
		page_say(
			stdout, 0, 2,
			"No single tie holds them together; the cheapest cut between them has "
			"%u:",
			w->tie_n);
	say_ties(x, w->tie, w->tie_n < 4 || !x->most ? w->tie_n : 4, w->tie_n, true, false);
}

void explain_text_pair(const struct explained *x, const struct explain_pair *e)
{
	char *a = title_of(x, e->a), *b = title_of(x, e->b);
	unsigned ga = x->p->machine[e->a].group, gb = x->p->machine[e->b].group;
	char weight[PAGE_REAL];

	if (e->together)
		page_say(stdout, 0, 2, "%s and %s are together in %s", a, b,
			 group_name(x, ga));
	else
		page_say(stdout, 0, 2, "%s (%s) and %s (%s) are not together", a,
			 group_name(x, ga), b, group_name(x, gb));
	free(a);
	free(b);
	if (!e->together)
		say_apart(x, e);
	printf("\n");
	if (e->direct.edge_n)
		page_say(stdout, 0, 2, "Edges between the two: %u (weight %s)",
			 e->direct.edge_n, page_real(e->direct.weight, weight));
	else
		page_say(stdout, 0, 2, "Nothing was seen directly between the two.");
	say_edges(x, 2, e->direct.edge, e->direct.edge_n);
	printf("\n");
	say_path(x, e);
	say_separation(x, e);
	if (!e->a_without.leaves && !e->b_without.leaves)
		return;
	printf("\n");
	if (e->a_without.leaves)
		page_say(stdout, 0, 2, "%s:", name_of(x, e->a)), say_without(x, &e->a_without);
	if (e->b_without.leaves)
		page_say(stdout, 0, 2, "%s:", name_of(x, e->b)), say_without(x, &e->b_without);
}
