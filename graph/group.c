/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a clustering to a plan: what is too large is cut, shared machines are told apart by
 * kind, groups get environments, names, reasons and confidence.
 */
#include "graph/group.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "graph/cluster.h"
#include "graph/naming.h"
#include "graph/shared.h"
#include "graph/split.h"
#include "graph/ties.h"

const char *const rule_kind_word[RULE_KINDS] = { "together",   "apart", "pin",	"shared",
						 "not-shared", "env",	"site", "limit" };

enum {
	VOTES = 5, /* machines of a network that tell its environment */
	NET_BITS = 24,
};
#define VOTE_SHARE .8

struct maker {
	const struct graph *g;
	struct contacts *c;
	struct traits *t;
	struct bonds *b;
	struct clustering *k;
	struct plan *p;
	unsigned *from;	 /* by machine: 1 + the group that was cut */
	unsigned *order; /* kept machines by group */
	unsigned order_n;
};

static unsigned mask_of(const struct rules *r)
{
	unsigned mask = TRAITS_NAMES | TRAITS_TAGS | TRAITS_SUBNETS | TRAITS_ENVS;

	if (r && r->no_names)
		mask &= ~(unsigned)TRAITS_NAMES;
	if (r && r->no_tags)
		mask &= ~(unsigned)TRAITS_TAGS;
	if (r && r->envs_mixed)
		mask &= ~(unsigned)TRAITS_ENVS;
	if (r && r->no_subnets)
		mask &= ~(unsigned)TRAITS_SUBNETS;
	return mask;
}

static const unsigned *sort_group;

static int by_group(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;

	if (sort_group[a] != sort_group[b])
		return sort_group[a] < sort_group[b] ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void order_machines(struct maker *k)
{
	k->order_n = 0;
	for (unsigned m = 0; m < k->g->machine_n; m++)
		if (k->k->keep[m])
			k->order[k->order_n++] = m;
	sort_group = k->k->group;
	qsort(k->order, k->order_n, sizeof(*k->order), by_group);
}

static unsigned run_end(const struct maker *k, unsigned i)
{
	unsigned group = k->k->group[k->order[i]];

	while (i < k->order_n && k->k->group[k->order[i]] == group)
		i++;
	return i;
}

/* Limits */

/* A plan of bare groups, to have ties over. */
static struct plan *bare(const struct maker *k)
{
	struct plan *p = plan_new(k->g->machine_n);
	unsigned *entry = xcalloc(k->g->machine_n, sizeof(*entry));

	for (unsigned m = 0; m < k->g->machine_n; m++) {
		unsigned group = k->k->group[m];

		if (!k->g->machine[m].known)
			continue;
		if (!entry[group]) {
			plan_add(p, k->k->keep[m] ? PLAN_GROUP : PLAN_SHARED, "");
			entry[group] = p->group_n;
		}
		p->machine[m].group = entry[group] - 1;
	}
	free(entry);
	return p;
}

static bool limited(const struct bonds *b)
{
	for (unsigned i = 1; i <= b->label_n; i++)
		if (b->label_limit[i])
			return true;
	return b->limit > 0;
}

static void cut_large(struct maker *k)
{
	struct plan *p;
	struct ties *t;

	if (!limited(k->b))
		return;
	p = bare(k);
	t = ties_of(k->g, p);
	split_large(t, k->b, k->k->keep, k->k->group, k->from);
	ties_free(t);
	plan_free(p);
}

/* Environments: what most members are said to be; else what their network is. */

static unsigned majority(const struct maker *k, const unsigned *member, unsigned n,
			 unsigned *votes, unsigned *all)
{
	unsigned *count = xcalloc(k->b->env_n + 1ul, sizeof(*count)), best = 0;

	*all = 0;
	for (unsigned i = 0; i < n; i++) {
		unsigned env = k->b->told[member[i]];

		count[env]++;
		*all += env != 0;
	}
	for (unsigned e = 1; e <= k->b->env_n; e++)
		if (count[e] > (best ? count[best] : 0))
			best = e;
	*votes = best ? count[best] : 0;
	free(count);
	return best;
}

static const struct trait *sort_traits;

static int by_net(const void *pa, const void *pb)
{
	unsigned a = *(const unsigned *)pa, b = *(const unsigned *)pb;
	uint32_t x = sort_traits[a].net, y = sort_traits[b].net;

	if (x != y)
		return x < y ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* By machine: the environment that its network is of, as far as machines in it say so. */
static unsigned *net_envs(const struct maker *k)
{
	unsigned *env = xcalloc(k->g->machine_n, sizeof(*env));
	unsigned *list = xcalloc(k->g->machine_n, sizeof(*list)), n = 0;

	for (unsigned m = 0; m < k->g->machine_n; m++)
		if (k->t->machine[m].has_net)
			list[n++] = m;
	sort_traits = k->t->machine;
	qsort(list, n, sizeof(*list), by_net);
	for (unsigned bits = NET_BITS; bits >= 16; bits -= 8) {
		for (unsigned i = 0, end; i < n; i = end) {
			unsigned votes, all, best;

			for (end = i + 1;
			     end < n && traits_prefix(k->t->machine[list[i]].net,
						      k->t->machine[list[end]].net) >= bits;)
				end++;
			best = majority(k, list + i, end - i, &votes, &all);
			if (all < VOTES || votes < VOTE_SHARE * all)
				continue;
			for (unsigned x = i; x < end; x++)
				env[list[x]] = env[list[x]] ? env[list[x]] : best;
		}
	}
	free(list);
	return env;
}

static const char *env_of(const struct maker *k, const unsigned *net, const unsigned *member,
			  unsigned n)
{
	unsigned votes, all, best = majority(k, member, n, &votes, &all), first = 0;

	for (unsigned i = 0; i < n; i++)
		if (k->b->env[member[i]]) /* a person said so */
			return k->b->env_name[k->b->env[member[i]]];
	if (best && 2 * votes > all)
		return k->b->env_name[best];
	for (unsigned i = 0; i < n && !best; i++) {
		if (!net[member[i]] || (first && net[member[i]] != first))
			return "";
		first = net[member[i]];
	}
	return first && !best ? k->b->env_name[first] : "";
}

static const char *site_of(const struct maker *k, const unsigned *member, unsigned n)
{
	const char *site = k->g->machine[member[0]].site;

	for (unsigned i = 1; i < n; i++)
		if (strcmp(k->g->machine[member[i]].site, site) != 0)
			return "";
	return site;
}

/* Groups */

static void add_group(struct maker *k, const unsigned *net, const unsigned *member, unsigned n)
{
	unsigned label = 0;
	char *name = naming_of(k->c, k->t, member, n);
	struct plan_group *g;

	for (unsigned i = 0; i < n && !label; i++)
		label = k->b->label[member[i]];
	g = plan_add(k->p, PLAN_GROUP, label ? k->b->label_name[label] : name);
	g->named = label != 0;
	plan_text(&g->env, env_of(k, net, member, n));
	plan_text(&g->site, site_of(k, member, n));
	for (unsigned i = 0; i < n; i++)
		k->p->machine[member[i]].group = k->p->group_n - 1;
	free(name);
}

static int by_text(const void *pa, const void *pb)
{
	const struct plan_group *a = *(struct plan_group *const *)pa;
	const struct plan_group *b = *(struct plan_group *const *)pb;
	int d = strcmp(a->name, b->name);

	return d ? d : strcmp(a->env, b->env);
}

/* Production and test of one application: "shop-prod" and "shop-test" before "shop-2". */
static void tell_envs_apart(struct plan *p)
{
	struct plan_group **list = xcalloc(p->group_n, sizeof(struct plan_group *));
	bool *twice = xcalloc(p->group_n, sizeof(*twice));

	for (unsigned i = 0; i < p->group_n; i++)
		list[i] = &p->group[i];
	qsort(list, p->group_n, sizeof(struct plan_group *), by_text);
	for (unsigned i = 1; i < p->group_n; i++)
		if (strcmp(list[i]->name, list[i - 1]->name) == 0)
			twice[i] = twice[i - 1] = true;
	for (unsigned i = 0; i < p->group_n; i++) {
		char *name;

		if (!twice[i] || list[i]->named || !*list[i]->env)
			continue;
		name = xasprintf("%s-%s", list[i]->name, list[i]->env);
		plan_text(&list[i]->name, name);
		free(name);
	}
	free(list);
	free(twice);
}

static void add_groups(struct maker *k)
{
	unsigned *net = net_envs(k);

	order_machines(k);
	for (unsigned i = 0, end; i < k->order_n; i = end) {
		end = run_end(k, i);
		add_group(k, net, k->order + i, end - i);
	}
	tell_envs_apart(k->p);
	free(net);
}

/*
 * Shared services.  A database server stands alone, since its databases have owners; others
 * are one with those of their kind at their site: the two domain controllers, the file
 * servers, what serves the same port with the same process.
 */

static bool many_sites(const struct graph *g)
{
	const char *site = NULL;

	for (unsigned m = 0; m < g->machine_n; m++) {
		if (!*g->machine[m].site)
			continue;
		if (site && strcmp(site, g->machine[m].site) != 0)
			return true;
		site = g->machine[m].site;
	}
	return false;
}

static char *shared_name(const struct maker *k, unsigned m, const struct shared_story *s,
			 bool sites)
{
	const struct graph_machine *gm = &k->g->machine[m];
	struct buf b = { 0 };

	if (s->kind == SERVICE_DATABASE)
		return xstrdup(gm->name);
	buf_str(&b, service_word(s->kind));
	if (s->kind == SERVICE_PLATFORM && s->port)
		buf_printf(&b, "-%s%s%u", s->process, *s->process ? "-" : "", s->port);
	if (sites && *gm->site)
		buf_printf(&b, "-%s", gm->site);
	return buf_take(&b);
}

/* The entry of that name and kind; into a LOCKED one only its own machines go. */
static unsigned shared_entry(struct maker *k, const char *name, enum service s, bool locked)
{
	for (unsigned i = 0; i < k->p->group_n; i++)
		if (k->p->group[i].kind == PLAN_SHARED && k->p->group[i].service == s &&
		    k->p->group[i].locked == locked && strcmp(k->p->group[i].name, name) == 0)
			return i;
	plan_add(k->p, PLAN_SHARED, name)->service = s;
	k->p->group[k->p->group_n - 1].locked = locked;
	return k->p->group_n - 1;
}

static void add_shared(struct maker *k, unsigned m, bool sites)
{
	struct shared_story story = shared_tell(k->c, k->k->group, m);
	struct plan_machine *pm = &k->p->machine[m];
	struct plan_group *g;
	char *name;

	if (k->b->kind[m] && service_of_word(k->b->kind[m]))
		story.kind = service_of_word(k->b->kind[m]);
	name = k->b->entry[m] ? xstrdup(k->b->label_name[k->b->entry[m]])
			      : shared_name(k, m, &story, sites);
	pm->group = shared_entry(k, name, story.kind, k->b->entry[m] && k->b->frozen[m]);
	k->p->group[pm->group].named |= k->b->entry[m] != 0;
	pm->users = story.users;
	pm->confidence = k->b->role[m] == BOND_SHARED ? 1 : k->k->shared[m];
	free(pm->reason);
	pm->reason = story.reason;
	g = &k->p->group[pm->group];
	if (!*g->reason) {
		plan_text(&g->reason, story.reason);
		plan_text(&g->site, k->g->machine[m].site);
	}
	free(name);
}

static void add_all_shared(struct maker *k)
{
	bool sites = many_sites(k->g);

	for (unsigned m = 0; m < k->g->machine_n; m++)
		if (k->g->machine[m].known && !k->k->keep[m])
			add_shared(k, m, sites);
}

/* Reasons and confidence */

/* The strongest tie of G to the rest of the group that it was cut from. */
static double worst_cut(const struct maker *k, const struct ties *t,
			const struct plan_group *g, unsigned *inner, unsigned *outer)
{
	unsigned whole = k->from[g->machine[0]];
	double sum = 0;
	float most = 0;

	for (unsigned n = 0; n < g->machine_n; n++) {
		unsigned m = g->machine[n];

		for (unsigned i = t->start[m]; i < t->start[m + 1]; i++) {
			unsigned to = t->tie[i].to;

			if (k->from[to] != whole ||
			    k->p->machine[to].group == k->p->machine[m].group)
				continue;
			sum += t->tie[i].weight;
			if (t->tie[i].weight > most) {
				most = t->tie[i].weight;
				*inner = m;
				*outer = to;
			}
		}
	}
	return sum;
}

static char *group_reason(const struct maker *k, const struct ties *t,
			  const struct plan_group *g)
{
	unsigned whole = k->from[g->machine[0]], inner = 0, outer = 0;
	double cut, all = 0;

	if (!whole)
		return xstrdup("");
	cut = worst_cut(k, t, g, &inner, &outer);
	for (unsigned n = 0; n < g->machine_n; n++)
		all += ties_all(t, g->machine[n]);
	if (cut <= 0)
		return xasprintf("cut by the limit from the group of %s, through no tie",
				 k->g->machine[whole - 1].name);
	return xasprintf(
		"cut by the limit from the group of %s through %.0f %% of its ties, the "
		"strongest between %s and %s",
		k->g->machine[whole - 1].name, 100 * cut / all, k->g->machine[inner].name,
		k->g->machine[outer].name);
}

static char *machine_reason(const struct maker *k, const struct ties *t, unsigned m)
{
	const struct plan *p = k->p;
	unsigned group = p->machine[m].group, best = PLAN_NONE, n = 0;
	double inside = ties_to_group(t, p, m, group), all = ties_all(t, m);
	float most = 0;

	for (unsigned i = t->start[m]; i < t->start[m + 1]; i++) {
		if (p->machine[t->tie[i].to].group != group)
			continue;
		n++;
		if (t->tie[i].weight > most) {
			most = t->tie[i].weight;
			best = t->tie[i].to;
		}
	}
	if (best == PLAN_NONE)
		return xstrdup(all > 0 ? "its ties lead to several groups"
				       : "no ties to other machines");
	return xasprintf("%.0f %% of its ties are to %u of the group, most to %s",
			 100 * inside / all, n, k->g->machine[best].name);
}

static double tied(const struct ties *t, const struct plan *p, unsigned m)
{
	double all = ties_all(t, m);

	if (all <= 0)
		return 0;
	return ties_to_group(t, p, m, p->machine[m].group) / all;
}

/*
 * How surely M belongs: how much of its group stays with it in the trials; a machine alone
 * that has ties to others is as sure as these are weak.
 */
static double surely(const struct maker *k, const struct ties *t, const double *agree,
		     unsigned m)
{
	const struct plan_group *g = &k->p->group[k->p->machine[m].group];

	if (k->b->label[m])
		return 1;
	if (g->machine_n == 1)
		return agree[m] * (ties_all(t, m) > 0 ? .5 : 1);
	return agree[m] * (.5 + .5 * fmin(1, 2 * tied(t, k->p, m)));
}

static void tell(struct maker *k)
{
	struct ties *t = ties_of(k->g, k->p);
	double *agree = clustering_agreement(k->k);

	for (unsigned i = 0; i < k->p->group_n; i++) {
		struct plan_group *g = &k->p->group[i];
		double sum = 0;

		for (unsigned n = 0; n < g->machine_n; n++) {
			struct plan_machine *pm = &k->p->machine[g->machine[n]];

			if (g->kind == PLAN_GROUP) {
				pm->confidence = surely(k, t, agree, g->machine[n]);
				free(pm->reason);
				pm->reason = machine_reason(k, t, g->machine[n]);
			}
			sum += pm->confidence;
		}
		g->confidence = sum / g->machine_n;
		if (g->kind == PLAN_GROUP) {
			free(g->reason);
			g->reason = group_reason(k, t, g);
		}
	}
	free(agree);
	ties_free(t);
}

static void make_plan(struct maker *k, const struct plan *before)
{
	plan_free(k->p);
	k->p = plan_new(k->g->machine_n);
	k->p->since = k->g->since;
	k->p->until = k->g->until;
	cut_large(k);
	add_groups(k);
	add_all_shared(k);
	naming_keep(k->p, before);
	plan_settle(k->p);
}

/*
 * A limit may be for a name that only now has a group: one machine then holds the name, and
 * the group is cut like any other.  True when there was such a group.
 */
static bool hold_limited(struct maker *k)
{
	bool found = false;

	for (unsigned i = 1; i <= k->b->label_n; i++) {
		unsigned at = plan_find(k->p, k->b->label_name[i]);
		const struct plan_group *g = at == PLAN_NONE ? NULL : &k->p->group[at];

		if (!g || g->kind != PLAN_GROUP || k->b->label[g->machine[0]] ||
		    g->machine_n <= bonds_limit(k->b, i))
			continue;
		for (unsigned n = 0; n < g->machine_n; n++)
			if (k->b->unit[g->machine[n]] == k->b->unit[g->machine[0]])
				k->b->label[g->machine[n]] = i;
		found = true;
	}
	return found;
}

struct plan *group_propose(const struct graph *g, const struct rules *rules,
			   const struct plan *before, struct err *e)
{
	struct maker k = { .g = g, .t = traits_new(g, mask_of(rules)) };

	k.b = bonds_new(g, k.t, rules, before, e);
	if (!k.b) {
		traits_free(k.t);
		return NULL;
	}
	k.c = contacts_new(g);
	k.k = clustering_new(k.c, k.t, k.b);
	k.from = xcalloc(g->machine_n, sizeof(*k.from));
	k.order = xcalloc(g->machine_n, sizeof(*k.order));
	make_plan(&k, before);
	if (hold_limited(&k))
		make_plan(&k, before);
	tell(&k);
	free(k.from);
	free(k.order);
	clustering_free(k.k);
	contacts_free(k.c);
	bonds_free(k.b);
	traits_free(k.t);
	return k.p;
}
