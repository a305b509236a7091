/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grouper under random rules: none is ever broken, and a set that cannot be kept is
 * refused with the numbers of edits that contradict each other.  What can be kept is decided
 * here by itself: a set is impossible when one of its classes is (machines that must stand
 * together, by "together" or by pins to one name), since classes may always stand alone.
 */
#include "graph/group.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/unit.h"

enum { ROUNDS = 1000, MOST_MACHINES = 14, MOST_RULES = 14, FIRST_ID = 1001 };

static uint64_t seed;

static unsigned chance(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 11) % n;
}

/* Graphs */

static const char *const code[] = { "abc", "crm", "shop", "wiki" };
static const char *const env_word[] = { "prod", "test", "dev" };
static const char *const site_word[] = { "", "ams", "lon" };
static const char *const group_word[] = { "abc", "shop", "billing", "crm-prod" };
static const char *const kind_word[] = { "", "dns", "bus" };
static const uint16_t port[] = { 22, 53, 80, 443, 1433, 5432, 8080 };
#define ANY(list) ((list)[chance(sizeof(list) / sizeof(*(list)))])

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void make_machines(struct graph *g, bool strangers)
{
	char name[MOST_MACHINES][64];

	for (unsigned m = 0; m < g->machine_n; m++)
		snprintf(name[m], sizeof(name[m]), "%s-%s-%u%u", ANY(code), ANY(env_word),
			 chance(10), m);
	qsort(name, g->machine_n, sizeof(*name), by_text);
	g->machine = xcalloc(g->machine_n, sizeof(*g->machine));
	g->process = xcalloc(g->machine_n, sizeof(*g->process));
	for (unsigned m = 0; m < g->machine_n; m++) {
		struct graph_machine *at = &g->machine[m];

		at->known = m == 0 || !strangers || chance(8);
		at->id = xstrdup(at->known ? name[m] : "");
		at->name = xstrdup(name[m]);
		at->os = xstrdup("");
		at->site = xstrdup(ANY(site_word));
		at->extra = xstrdup("");
		at->ips = xcalloc(1, sizeof(*at->ips));
		at->ips[at->ips_n++] = xasprintf("10.0.%u.%u", chance(3), m + 1);
		g->process[m] = (struct graph_process){ .machine = m,
							.name = xstrdup("java"),
							.ip = xstrdup(at->ips[0]),
							.unit = xstrdup(""),
							.container = xstrdup(""),
							.exe = xstrdup("") };
	}
	g->process_n = g->machine_n;
}

static void make_edges(struct graph *g)
{
	unsigned share = 2 + chance(8);

	g->edge = xcalloc((size_t)g->machine_n * g->machine_n, sizeof(*g->edge));
	for (unsigned a = 0; a < g->machine_n; a++)
		for (unsigned b = 0; b < g->machine_n; b++)
			if (a != b && !chance(share))
				g->edge[g->edge_n++] = (struct graph_edge){
					.client = a,
					.server = b,
					.proto = PROTO_TCP,
					.port = ANY(port),
					.c = { .opens = 1 + chance(5000), .has_bytes = true },
					.first = 1767225600,
					.last = 1767225600 + chance(1000000),
					.witnesses = 1u << WITNESS_CLIENT,
				};
}

static struct graph *make_graph(bool strangers)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->machine_n = 4 + chance(MOST_MACHINES - 3);
	make_machines(g, strangers);
	make_edges(g);
	return g;
}

/* Rules */

static unsigned any_known(const struct graph *g)
{
	unsigned m;

	do
		m = chance(g->machine_n);
	while (!g->machine[m].known);
	return m;
}

/* Numbers that no size or count in a sentence looks like. */
static int64_t number_of(unsigned i)
{
	return FIRST_ID + 7 * (int64_t)i;
}

static bool of_a_pair(enum rule_kind k)
{
	return k == RULE_TOGETHER || k == RULE_APART;
}

static struct rule make_rule(const struct graph *g, int64_t id)
{
	struct rule r = { .kind = (enum rule_kind)chance(RULE_KINDS),
			  .id = id,
			  .machine = any_known(g),
			  .other = PLAN_NONE,
			  .name = "" };

	if (of_a_pair(r.kind))
		r.other = any_known(g);
	if (r.kind == RULE_PIN)
		r.name = ANY(group_word);
	if (r.kind == RULE_SHARED)
		r.name = ANY(kind_word);
	if (r.kind == RULE_ENV)
		r.name = ANY(env_word);
	if (r.kind == RULE_SITE)
		r.name = site_word[1 + chance(2)];
	if (r.kind == RULE_LIMIT) {
		r.machine = PLAN_NONE;
		r.name = chance(2) ? "" : ANY(group_word);
		r.size = 1 + chance(4);
	}
	return r;
}

/* What the store lets stand once only: the later one would take the place of the earlier. */
static bool same_place(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || of_a_pair(a->kind))
		return false;
	return a->kind == RULE_LIMIT ? !strcmp(a->name, b->name) : a->machine == b->machine;
}

static unsigned make_rules(const struct graph *g, struct rule *r)
{
	unsigned want = 1 + chance(MOST_RULES), n = 0;

	while (want--) {
		struct rule more = make_rule(g, number_of(n));
		bool fits = more.machine != more.other || more.kind == RULE_LIMIT;

		for (unsigned i = 0; i < n; i++)
			fits = fits && !same_place(&r[i], &more);
		if (fits)
			r[n++] = more;
	}
	return n;
}

/* Whether they can be kept */

enum verdict { POSSIBLE, UNCLEAR, IMPOSSIBLE };

/* One class of machines that must stand together; words are NULL until something is said. */
struct class
{
	unsigned size;
	const char *pin, *env, *site, *kind;
	bool pins, envs, sites, kinds; /* more than one of them */
	bool shared, not_shared, apart;
};

struct classes {
	unsigned up[MOST_MACHINES];
	struct class at[MOST_MACHINES];
	unsigned limit; /* of every group, 0: none */
};

static unsigned root(const struct classes *c, unsigned m)
{
	while (c->up[m] != m)
		m = c->up[m];
	return m;
}

static void unite(struct classes *c, unsigned a, unsigned b)
{
	c->up[root(c, a)] = root(c, b);
}

static void join(struct classes *c, const struct graph *g, const struct rules *r)
{
	for (unsigned m = 0; m < g->machine_n; m++)
		c->up[m] = m;
	for (unsigned i = 0; i < r->rule_n; i++) {
		const struct rule *a = &r->rule[i];

		if (a->kind == RULE_TOGETHER)
			unite(c, a->machine, a->other);
		for (unsigned k = 0; k < i && a->kind == RULE_PIN; k++)
			if (r->rule[k].kind == RULE_PIN && !strcmp(r->rule[k].name, a->name))
				unite(c, a->machine, r->rule[k].machine);
	}
}

static void say(const char **word, bool *several, const char *name)
{
	*several = *several || (*word && strcmp(*word, name) != 0);
	*word = name;
}

static void read_rule(struct classes *c, const struct rule *r)
{
	struct class *at = r->machine == PLAN_NONE ? NULL : &c->at[root(c, r->machine)];

	switch (r->kind) {
	case RULE_APART:
		at->apart = at->apart || root(c, r->machine) == root(c, r->other);
		break;
	case RULE_PIN:
		say(&at->pin, &at->pins, r->name);
		break;
	case RULE_SHARED:
		at->shared = true;
		if (*r->name)
			say(&at->kind, &at->kinds, r->name);
		break;
	case RULE_NOT_SHARED:
		at->not_shared = true;
		break;
	case RULE_ENV:
		say(&at->env, &at->envs, r->name);
		break;
	case RULE_LIMIT:
		if (!*r->name)
			c->limit = r->size;
		break;
	default:
		break;
	}
}

static const char *site_of(const struct graph *g, const struct rules *r, unsigned m)
{
	for (unsigned i = 0; i < r->rule_n; i++)
		if (r->rule[i].kind == RULE_SITE && r->rule[i].machine == m)
			return r->rule[i].name;
	return g->machine[m].site;
}

static unsigned limit_of(const struct rules *r, const char *name)
{
	for (unsigned i = 0; name && i < r->rule_n; i++)
		if (r->rule[i].kind == RULE_LIMIT && *r->rule[i].name &&
		    !strcmp(r->rule[i].name, name))
			return r->rule[i].size;
	return 0;
}

/*
 * A shared service may serve several environments and sites and has no limit, and whether a
 * machine may stand beside one by somebody's word is not laid down: then both answers do,
 * as long as the plan keeps what it can be held to.
 */
static enum verdict judge_class(const struct class *c, const struct rules *r, unsigned limit)
{
	unsigned own = limit_of(r, c->pin);

	if (c->apart || c->pins || (c->shared && c->not_shared))
		return IMPOSSIBLE;
	if (c->shared && (c->size > 1 || c->pin))
		return UNCLEAR;
	if (c->envs || (r->sites_apart && c->sites) || (own && c->size > own))
		return IMPOSSIBLE;
	if (!c->shared && limit && c->size > limit)
		return own ? UNCLEAR : IMPOSSIBLE;
	return POSSIBLE;
}

static enum verdict judge(const struct graph *g, const struct rules *r)
{
	struct classes c = { 0 };
	enum verdict worst = POSSIBLE;

	join(&c, g, r);
	for (unsigned i = 0; i < r->rule_n; i++)
		read_rule(&c, &r->rule[i]);
	for (unsigned m = 0; m < g->machine_n; m++) {
		struct class *at = &c.at[root(&c, m)];

		at->size++;
		if (*site_of(g, r, m))
			say(&at->site, &at->sites, site_of(g, r, m));
	}
	for (unsigned m = 0; m < g->machine_n; m++) {
		enum verdict v =
			root(&c, m) == m ? judge_class(&c.at[m], r, c.limit) : POSSIBLE;

		worst = v > worst ? v : worst;
	}
	return worst;
}

/* Whether a plan keeps them */

static const struct plan_group *entry(const struct plan *p, unsigned m)
{
	ck_assert_uint_lt(p->machine[m].group, p->group_n);
	return &p->group[p->machine[m].group];
}

static void check_rule(const struct plan *p, const struct rule *r)
{
	const struct plan_group *at = r->machine == PLAN_NONE ? NULL : entry(p, r->machine);

	switch (r->kind) {
	case RULE_TOGETHER:
		ck_assert_ptr_eq(at, entry(p, r->other));
		break;
	case RULE_APART:
		ck_assert_ptr_ne(at, entry(p, r->other));
		break;
	case RULE_PIN:
		ck_assert_str_eq(at->name, r->name);
		break;
	case RULE_SHARED:
		ck_assert_int_eq(at->kind, PLAN_SHARED);
		if (*r->name)
			ck_assert_int_eq(at->service, service_of_word(r->name));
		break;
	case RULE_NOT_SHARED:
		ck_assert_int_eq(at->kind, PLAN_GROUP);
		break;
	case RULE_ENV:
		if (at->kind == PLAN_GROUP)
			ck_assert_str_eq(at->env, r->name);
		break;
	default:
		break;
	}
}

static void check_limits(const struct plan *p, const struct rules *r)
{
	for (unsigned i = 0; i < r->rule_n; i++)
		for (unsigned k = 0; k < p->group_n && r->rule[i].kind == RULE_LIMIT; k++) {
			const struct plan_group *at = &p->group[k];
			bool own = limit_of(r, at->name);

			if (at->kind == PLAN_GROUP &&
			    (*r->rule[i].name ? !strcmp(r->rule[i].name, at->name) : !own))
				ck_assert_uint_le(at->machine_n, r->rule[i].size);
		}
}

static void check_sites(const struct graph *g, const struct plan *p, const struct rules *r)
{
	for (unsigned k = 0; k < p->group_n && r->sites_apart; k++) {
		const struct plan_group *at = &p->group[k];
		const char *site = NULL;
		bool several = false;

		for (unsigned i = 0; i < at->machine_n && at->kind == PLAN_GROUP; i++)
			if (*site_of(g, r, at->machine[i]))
				say(&site, &several, site_of(g, r, at->machine[i]));
		ck_assert(!several);
	}
}

/* What plan.h promises of every plan. */
static void check_shape(const struct graph *g, const struct plan *p)
{
	unsigned members = 0, known = 0;

	ck_assert_uint_eq(p->machine_n, g->machine_n);
	for (unsigned m = 0; m < g->machine_n; m++) {
		known += g->machine[m].known;
		ck_assert(g->machine[m].known == (p->machine[m].group != PLAN_NONE));
		ck_assert_ptr_nonnull(p->machine[m].reason);
		ck_assert(p->machine[m].confidence >= 0 && p->machine[m].confidence <= 1);
	}
	for (unsigned k = 0; k < p->group_n; k++) {
		const struct plan_group *at = &p->group[k];

		ck_assert_uint_gt(at->machine_n, 0);
		ck_assert(at->confidence >= 0 && at->confidence <= 1);
		ck_assert_uint_eq(plan_find(p, at->name), k);
		for (unsigned i = 0; i < at->machine_n; i++) {
			ck_assert_uint_eq(p->machine[at->machine[i]].group, k);
			ck_assert(!i || at->machine[i - 1] < at->machine[i]);
		}
		members += at->machine_n;
	}
	ck_assert_uint_eq(members, known);
}

static void check_same(const struct plan *a, const struct plan *b)
{
	ck_assert_uint_eq(a->group_n, b->group_n);
	for (unsigned k = 0; k < a->group_n; k++)
		ck_assert_str_eq(a->group[k].name, b->group[k].name);
	for (unsigned m = 0; m < a->machine_n; m++)
		ck_assert_uint_eq(a->machine[m].group, b->machine[m].group);
}

static bool names(const char *words, int64_t id)
{
	for (const char *s = words; *s; s++)
		if ((s == words || !isdigit((unsigned char)s[-1])) &&
		    strtoll(s, NULL, 10) == id)
			return true;
	return false;
}

/* The edits that the words name must contradict each other, without any of the others. */
static void check_words(const struct graph *g, const struct rules *r, const struct err *e)
{
	struct rule named[MOST_RULES];
	struct rules part = *r;

	ck_assert_int_lt(e->code, 0);
	part.rule = named;
	part.rule_n = 0;
	for (unsigned i = 0; i < r->rule_n; i++)
		if (names(e->msg, r->rule[i].id))
			named[part.rule_n++] = r->rule[i];
	ck_assert_msg(judge(g, &part) != POSSIBLE, "names no contradiction: %s", e->msg);
}

static enum verdict one_round(uint64_t number)
{
	struct rule rule[MOST_RULES];
	struct rules r = { .rule = rule };
	struct err e = { 0 };
	struct graph *g;
	struct plan *p, *again;
	enum verdict v;

	seed = number * 0x9e3779b97f4a7c15u + 1;
	g = make_graph(true);
	r.rule_n = make_rules(g, rule);
	r.sites_apart = !chance(3);
	r.envs_mixed = !chance(3);
	r.no_names = !chance(3);
	v = judge(g, &r);
	p = group_propose(g, &r, NULL, &e);
	again = group_propose(g, &r, NULL, &e);
	ck_assert_msg(p ? v != IMPOSSIBLE : v != POSSIBLE, "%s",
		      p ? "made a plan of it" : e.msg);
	if (p) {
		check_shape(g, p);
		for (unsigned i = 0; i < r.rule_n; i++)
			check_rule(p, &rule[i]);
		check_limits(p, &r);
		check_sites(g, p, &r);
		check_same(p, again);
	} else {
		check_words(g, &r, &e);
	}
	plan_free(p);
	plan_free(again);
	graph_free(g);
	return v;
}

START_TEST(rules_are_kept_or_refused)
{
	unsigned seen[IMPOSSIBLE + 1] = { 0 };

	for (uint64_t i = 0; i < ROUNDS; i++)
		seen[one_round(i)]++;
	ck_assert_uint_ge(seen[POSSIBLE], ROUNDS / 4);
	ck_assert_uint_ge(seen[IMPOSSIBLE], ROUNDS / 8);
}
END_TEST

/* Sets whose answer a reader can check by eye. */
#define BOTH(k, a, b)                                                                         \
	{                                                                                     \
		.kind = (k), .id = 1, .machine = (a), .other = (b), .name = ""                \
	}
#define ONE(k, a, n)                                                                          \
	{                                                                                     \
		.kind = (k), .id = 1, .machine = (a), .other = PLAN_NONE, .name = (n)         \
	}
#define LIMIT(n, most)                                                                        \
	{                                                                                     \
		.kind = RULE_LIMIT, .id = 1, .machine = PLAN_NONE, .other = PLAN_NONE,        \
		.name = (n), .size = (most)                                                   \
	}
static const struct {
	enum verdict verdict;
	struct rule rule[4];
	bool sites_apart;
} by_eye[] = {
	{ POSSIBLE, { BOTH(RULE_TOGETHER, 0, 1) } },
	{ IMPOSSIBLE, { BOTH(RULE_TOGETHER, 0, 1), BOTH(RULE_APART, 1, 0) } },
	{ IMPOSSIBLE,
	  { BOTH(RULE_TOGETHER, 0, 1), BOTH(RULE_TOGETHER, 1, 2), LIMIT("", 9),
	    BOTH(RULE_APART, 0, 2) } },
	{ IMPOSSIBLE,
	  { ONE(RULE_PIN, 0, "x"), ONE(RULE_PIN, 1, "x"), BOTH(RULE_APART, 0, 1) } },
	{ IMPOSSIBLE,
	  { ONE(RULE_PIN, 0, "x"), ONE(RULE_PIN, 1, "y"), BOTH(RULE_TOGETHER, 0, 1) } },
	{ POSSIBLE, { ONE(RULE_PIN, 0, "x"), ONE(RULE_PIN, 1, "y") } },
	{ IMPOSSIBLE, { BOTH(RULE_TOGETHER, 0, 1), BOTH(RULE_TOGETHER, 0, 2), LIMIT("", 2) } },
	{ POSSIBLE, { LIMIT("", 1) } },
	{ IMPOSSIBLE, { ONE(RULE_PIN, 0, "x"), ONE(RULE_PIN, 1, "x"), LIMIT("x", 1) } },
	{ IMPOSSIBLE, { ONE(RULE_SHARED, 3, ""), ONE(RULE_NOT_SHARED, 3, "") } },
	{ IMPOSSIBLE,
	  { ONE(RULE_SHARED, 0, "dns"), BOTH(RULE_TOGETHER, 0, 3),
	    ONE(RULE_NOT_SHARED, 3, "") } },
	{ IMPOSSIBLE,
	  { ONE(RULE_ENV, 0, "prod"), ONE(RULE_ENV, 1, "test"), BOTH(RULE_TOGETHER, 1, 0) } },
	{ IMPOSSIBLE,
	  { ONE(RULE_SITE, 0, "ams"), ONE(RULE_SITE, 1, "lon"), BOTH(RULE_TOGETHER, 1, 0) },
	  true },
	{ POSSIBLE,
	  { ONE(RULE_SITE, 0, "ams"), ONE(RULE_SITE, 1, "lon"), BOTH(RULE_TOGETHER, 1, 0) } },
};

START_TEST(a_set_that_one_can_check_by_eye)
{
	struct rule copy[4];
	struct rules r = { .rule = copy, .sites_apart = by_eye[_i].sites_apart };
	struct err e = { 0 };
	struct graph *g;
	struct plan *p;

	seed = (uint64_t)_i + 5;
	g = make_graph(false);
	for (; r.rule_n < 4 && by_eye[_i].rule[r.rule_n].id; r.rule_n++) {
		copy[r.rule_n] = by_eye[_i].rule[r.rule_n];
		copy[r.rule_n].id = number_of(r.rule_n);
	}
	ck_assert_int_eq(judge(g, &r), by_eye[_i].verdict);
	p = group_propose(g, &r, NULL, &e);
	ck_assert_msg((p != NULL) == (by_eye[_i].verdict == POSSIBLE), "%s",
		      p ? "made a plan of it" : e.msg);
	if (!p)
		check_words(g, &r, &e);
	plan_free(p);
	graph_free(g);
}
END_TEST

/* Groups that were accepted or locked */

/* What a person said of some groups of a former plan. */
static void say_of_groups(struct plan *p)
{
	for (unsigned k = 0; k < p->group_n; k++) {
		struct plan_group *at = &p->group[k];

		at->locked = !chance(3);
		at->accepted = !chance(3);
		at->state = (enum plan_state)chance(PLAN_STATES);
		plan_text(&at->owner, ANY(code));
	}
}

static void check_kept(const struct plan *before, const struct plan *p)
{
	for (unsigned k = 0; k < before->group_n; k++) {
		const struct plan_group *old = &before->group[k], *at;

		if (!old->locked && !old->accepted)
			continue;
		at = entry(p, old->machine[0]);
		for (unsigned i = 0; i < old->machine_n; i++)
			ck_assert_ptr_eq(entry(p, old->machine[i]), at);
		ck_assert_str_eq(at->name, old->name);
		ck_assert_int_eq(at->kind, old->kind);
		ck_assert_int_eq(at->state, old->state);
		ck_assert_str_eq(at->owner, old->owner);
		if (old->locked)
			ck_assert_uint_eq(at->machine_n, old->machine_n);
	}
}

/* More traffic between the same machines must not move what a person has accepted. */
START_TEST(accepted_groups_stay)
{
	for (uint64_t i = 0; i < ROUNDS / 4; i++) {
		struct err e = { 0 };
		struct plan *before, *p;
		struct graph *g;

		seed = i * 0x9e3779b97f4a7c15u + 9;
		g = make_graph(true);
		before = group_propose(g, NULL, NULL, &e);
		ck_assert_msg(before != NULL, "%s", e.msg);
		say_of_groups(before);
		free(g->edge);
		g->edge_n = 0;
		make_edges(g);
		p = group_propose(g, NULL, before, &e);
		ck_assert_msg(p != NULL, "%s", e.msg);
		check_shape(g, p);
		check_kept(before, p);
		plan_free(p);
		plan_free(before);
		graph_free(g);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("rules");

	tcase_add_test(t, rules_are_kept_or_refused);
	tcase_add_loop_test(t, a_set_that_one_can_check_by_eye, 0,
			    sizeof(by_eye) / sizeof(*by_eye));
	tcase_add_test(t, accepted_groups_stay);
	return unit_run("rules", t);
}
