/* SPDX-License-Identifier: Apache-2.0 */
/* SKEIN_GOLDEN=write makes the golden files anew; read the diff before you keep it. */
#include "graph/draw/picture.h"

#include <check.h>
#include <ctype.h>
#include <graphviz/cgraph.h>

#include "common/file.h"
#include "graph/draw/chip.h"
#include "graph/draw/env.h"
#include "graph/draw/words.h"
#include "tests/scenes.h"
#include "tests/unit.h"

/* What a plan says of each machine: its group, by the name's first letters. */
struct rule {
	const char *prefix, *group;
	enum plan_kind kind;
	enum service service;
	const char *env;
	double confidence;
};

typedef void change_fn(struct plan *p);

struct drawing {
	struct scenes s;
	const struct rule *rule;
	size_t rule_n;
	const char *group; /* NULL: all of them */
	change_fn *change;
};

static const struct rule tiers[] = {
	{ "web", "shop-front", PLAN_GROUP, SERVICE_NONE, "prod", .9 },
	{ "app", "shop", PLAN_GROUP, SERVICE_NONE, "prod", .8 },
	{ "cache", "shop", PLAN_GROUP, SERVICE_NONE, "prod", .8 },
	{ "db", "data", PLAN_GROUP, SERVICE_NONE, "test", .3 },
	{ "bak", "copies", PLAN_GROUP, SERVICE_NONE, "dev", .6 },
	{ "dns", "names", PLAN_SHARED, SERVICE_DNS, "", .9 },
};

static struct plan *make_plan(const struct drawing *d, const struct graph *g)
{
	struct plan *p = plan_new(g->machine_n);
	unsigned *at = xcalloc(d->rule_n, sizeof(*at));

	for (size_t i = 0; i < d->rule_n; i++) {
		at[i] = p->group_n;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(d->rule[k].group, d->rule[i].group))
				at[i] = at[k];
		if (at[i] == p->group_n) {
			struct plan_group *x = plan_add(p, d->rule[i].kind, d->rule[i].group);

			x->service = d->rule[i].service;
			x->confidence = d->rule[i].confidence;
			plan_text(&x->env, d->rule[i].env);
		}
	}
	for (unsigned m = 0; m < g->machine_n; m++)
		for (size_t i = 0; i < d->rule_n; i++)
			if (g->machine[m].known &&
			    !strncmp(g->machine[m].name, d->rule[i].prefix,
				     strlen(d->rule[i].prefix)))
				p->machine[m].group = at[i];
	plan_settle(p);
	free(at);
	return p;
}

static char *draw(struct drawing *d)
{
	static const struct filter all;
	struct picture_options o = { .level = PICTURE_GROUPS };
	struct err e = { 0 };
	struct buf out = { 0 };
	struct graph *g = graph_load(scenes_store(&d->s), &all, &e);
	struct plan *p;

	ck_assert_msg(g != NULL, "%s", e.msg);
	p = make_plan(d, g);
	if (d->change)
		d->change(p);
	o.plan = p;
	if (d->group) {
		o.level = PICTURE_GROUP;
		o.group = plan_find(p, d->group);
	}
	ck_assert_msg(!picture_dot(g, &o, &out, &e), "%s", e.msg);
	plan_free(p);
	graph_free(g);
	return buf_take(&out);
}

/* The three tiers as groups; GROUP NULL is all of them. */
static char *draw_tiers(const char *group, change_fn *change, bool backwards)
{
	struct drawing d = { .rule = tiers,
			     .rule_n = sizeof(tiers) / sizeof(tiers[0]),
			     .group = group,
			     .change = change };
	char *dot;

	scenes_three_tiers(&d.s);
	d.s.backwards = backwards;
	dot = draw(&d);
	scenes_fini(&d.s);
	return dot;
}

static void has(const char *dot, const char *word)
{
	ck_assert_msg(strstr(dot, word) != NULL, "\"%s\" is missing in\n%.3000s", word, dot);
}

static void has_not(const char *dot, const char *word)
{
	ck_assert_msg(strstr(dot, word) == NULL, "\"%s\" is in\n%.3000s", word, dot);
}

static Agraph_t *parse(const char *dot)
{
	Agraph_t *g = agmemread(dot);

	ck_assert_msg(g != NULL, "does not parse:\n%.3000s", dot);
	return g;
}

/* The label of the box with that id. */
static const char *label_of(Agraph_t *g, const char *id)
{
	for (Agnode_t *n = agfstnode(g); n; n = agnxtnode(g, n))
		if (!strcmp(agget(n, (char *)(uintptr_t) "id"), id))
			return agget(n, (char *)(uintptr_t) "label");
	ck_abort_msg("no box %s", id);
	return NULL;
}

static const char *arrow_of(Agraph_t *g, const char *id, const char *attribute)
{
	for (Agnode_t *n = agfstnode(g); n; n = agnxtnode(g, n))
		for (Agedge_t *e = agfstout(g, n); e; e = agnxtout(g, e))
			if (!strcmp(agget(e, (char *)(uintptr_t) "id"), id))
				return agget(e, (char *)(uintptr_t)attribute);
	ck_abort_msg("no arrow %s", id);
	return NULL;
}

static void check_golden(const char *name, const char *group)
{
	char *dot = draw_tiers(group, NULL, false);
	char *path = xasprintf("tests/golden/%s.dot", name);
	struct buf want = { 0 };
	struct err e = { 0 };

	if (getenv("SKEIN_GOLDEN"))
		ck_assert_msg(!file_replace(path, 0644, dot, strlen(dot), &e), "%s", e.msg);
	ck_assert_msg(!file_read(path, 1 << 20, &want, &e), "%s", e.msg);
	ck_assert_msg(!strcmp(dot, buf_cstr(&want)), "%s is not what is drawn now:\n%.1000s",
		      path, dot);
	buf_fini(&want);
	free(path);
	free(dot);
}

START_TEST(golden)
{
	check_golden("groups-three-tiers", NULL);
	check_golden("group-shop", "shop");
}
END_TEST

START_TEST(same_facts_same_bytes)
{
	static const char *const groups[] = { NULL, "shop", "data", "names" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		char *one = draw_tiers(groups[i], NULL, false);
		char *two = draw_tiers(groups[i], NULL, true);

		ck_assert_msg(!strcmp(one, two), "group %zu differs", i);
		free(one);
		free(two);
	}
}
END_TEST

START_TEST(a_box_a_group)
{
	char *dot = draw_tiers(NULL, NULL, false);
	Agraph_t *g = parse(dot);

	/* four groups, the names server in none, the outside at both ends */
	ck_assert_int_eq(agnnodes(g), 6);
	has(label_of(g, "g-shop"), "<b>shop</b>");
	has(label_of(g, "g-shop"), " 5</font>");
	has(label_of(g, "g-shop"), "4 application");
	has(label_of(g, "g-shop"), "80 % sure");
	has(label_of(g, "g-data"), "dashed");
	has_not(label_of(g, "g-shop"), "dashed");
	has(label_of(g, "outside-callers"), "clients outside");
	has(dot, "less than 50 % sure");
	has_not(dot, "id=\"g-names\"");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(shared_services_are_chips)
{
	char *dot = draw_tiers(NULL, NULL, false);
	Agraph_t *g = parse(dot);

	has(label_of(g, "g-shop"), "<b>DNS</b>");
	has(label_of(g, "g-copies"), "<b>DNS</b>");
	has(dot, "DNS · dns01 · <b>4 </b>of 4 groups");
	agclose(g);
	free(dot);
}
END_TEST

static void make_wave(struct plan *p)
{
	struct plan_group *g = &p->group[plan_find(p, "shop")];

	g->wave = 3;
	g->state = PLAN_APPROVED;
	g->locked = true;
	plan_text(&g->owner, "Ann <ann@example.com>");
	p->missing = 2;
	p->machine[p->group[plan_find(p, "copies")].machine[0]].group = PLAN_NONE;
	plan_settle(p);
}

START_TEST(what_people_said)
{
	char *dot = draw_tiers(NULL, make_wave, false);
	Agraph_t *g = parse(dot);

	has(label_of(g, "g-shop"), "wave 3 · approved · locked · 80 % sure");
	has(dot, "owner Ann &#60;ann@example.com&#62;");
	has(dot, "1 machine stands in no group, 2 machines of the plan have no data here");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(arrows)
{
	char *dot = draw_tiers(NULL, NULL, false);
	Agraph_t *g = parse(dot);

	has(arrow_of(g, "e-shop--data", "label"), ":5432 postgres");
	has(arrow_of(g, "e-shop--data", "label"), " in all");
	has(arrow_of(g, "e-shop--data", "tooltip"), "shop → data");
	ck_assert_str_eq(arrow_of(g, "e-shop--data", "class"), "edge-fine");
	agclose(g);
	free(dot);
}
END_TEST

static const struct rule pair[] = {
	{ "a", "left", PLAN_GROUP, SERVICE_NONE, "", .9 },
	{ "b", "right", PLAN_GROUP, SERVICE_NONE, "", .9 },
};

START_TEST(both_ways_and_failed)
{
	struct drawing d = { .rule = pair, .rule_n = 2 };
	struct edge_row *e;
	Agraph_t *g;
	char *dot;

	scenes_machine(&d.s, "a1", "a1", "", "10.0.0.1", true);
	scenes_machine(&d.s, "b1", "b1", "", "10.0.0.2", true);
	scenes_edge(&d.s, "a1 10.0.0.1 java", "b1 10.0.0.2 postgres", 5432, 500);
	e = scenes_edge(&d.s, "b1 10.0.0.2 cron", "a1 10.0.0.1", 80, 7);
	e->c.refused = 7;
	dot = draw(&d);
	g = parse(dot);
	ck_assert_str_eq(arrow_of(g, "e-right--left", "class"), "edge-failed");
	ck_assert_str_eq(arrow_of(g, "e-right--left", "style"), "dashed");
	ck_assert_str_eq(arrow_of(g, "e-left--right", "class"), "edge-fine");
	has(dot, "every attempt failed");
	agclose(g);
	free(dot);

	d.s.edge[1].c.refused = 0;
	dot = draw(&d);
	g = parse(dot);
	ck_assert_str_eq(arrow_of(g, "e-right--left", "class"), "edge-mutual");
	has(dot, "each depends on the other");
	agclose(g);
	free(dot);

	d.s.edge[1].c.refused = 1;
	dot = draw(&d);
	g = parse(dot);
	ck_assert_str_eq(arrow_of(g, "e-right--left", "class"), "edge-ailing");
	agclose(g);
	free(dot);
	scenes_fini(&d.s);
}
END_TEST

START_TEST(no_groups_and_one)
{
	struct drawing d = { .rule = pair, .rule_n = 0 };
	Agraph_t *g;
	char *dot = draw(&d);

	has(dot, "The plan has no groups");
	agclose(parse(dot));
	free(dot);
	scenes_machine(&d.s, "a1", "a1", "", "10.0.0.1", true);
	d.rule_n = 1;
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 1);
	has(dot, "1 group of 1 machine");
	agclose(g);
	free(dot);
	d.group = "left";
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 1);
	agclose(g);
	free(dot);
	scenes_fini(&d.s);
}
END_TEST

/* N groups of two; each calls the next, and every fifth one also the first. */
static void chain(struct drawing *d, unsigned n, struct rule *rule)
{
	char a[64], b[64];

	for (unsigned i = 0; i < 2 * n; i++) {
		snprintf(a, sizeof(a), "m%05u", i);
		snprintf(b, sizeof(b), "10.%u.%u.1", i / 200, i % 200);
		scenes_machine(&d->s, scenes_string(&d->s, xstrdup(a)),
			       scenes_string(&d->s, xstrdup(a)), "",
			       scenes_string(&d->s, xstrdup(b)), true);
	}
	for (unsigned i = 0; i < 2 * n; i++) {
		rule[i] = (struct rule){
			d->s.machine[i].name,	     NULL, PLAN_GROUP, SERVICE_NONE,
			i % 4 < 2 ? "prod" : "test", .7
		};
		snprintf(a, sizeof(a), "group%03u", i / 2);
		rule[i].group = scenes_string(&d->s, xstrdup(a));
	}
	for (unsigned i = 0; i + 1 < n; i++) {
		snprintf(a, sizeof(a), "m%05u 10.0.0.1 java", 2 * i);
		snprintf(b, sizeof(b), "m%05u 10.0.0.2 postgres", 2 * i + 2);
		scenes_edge(&d->s, a, b, 5432, 100 + i);
		snprintf(b, sizeof(b), "m%05u 10.0.0.2 nginx", 1);
		if (i % 5 == 4)
			scenes_edge(&d->s, a, b, 443, 10 + i);
	}
	d->rule = rule;
	d->rule_n = 2ul * n;
}

START_TEST(a_hundred_groups_with_ports_in_the_boxes)
{
	struct rule *rule = xcalloc(200, sizeof(*rule));
	struct drawing d = { 0 };
	Agraph_t *g;
	char *dot;

	chain(&d, 100, rule);
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 100);
	has(label_of(g, "g-group000"), ":443");
	has(label_of(g, "g-group007"), ":5432");
	has(dot, "pack=");
	has_not(dot, "newrank");
	has_not(dot, "Not drawn");
	agclose(g);
	free(dot);
	free(rule);
	scenes_fini(&d.s);
}
END_TEST

START_TEST(three_hundred_groups_are_cut_and_it_is_said)
{
	struct rule *rule = xcalloc(600, sizeof(*rule));
	struct drawing d = { 0 };
	Agraph_t *g;
	char *dot;

	chain(&d, 300, rule);
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_le(agnnodes(g), 150);
	ck_assert_int_ge(agnnodes(g), 140);
	has(dot, "300 groups of 600 machines");
	has(dot, "Not drawn: ");
	has(dot, "groups with few dependencies");
	has_not(dot, "% sure</font>");
	agclose(g);
	free(dot);
	free(rule);
	scenes_fini(&d.s);
}
END_TEST

START_TEST(loose_groups_are_listed)
{
	struct rule *rule = xcalloc(60, sizeof(*rule));
	struct drawing d = { 0 };
	Agraph_t *g;
	char *dot;

	chain(&d, 30, rule);
	d.s.edge_n = 5;
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 6);
	has(dot, "24 groups have no dependencies on others, and can move at any time:");
	has(dot, "group029 2");
	agclose(g);
	free(dot);
	free(rule);
	scenes_fini(&d.s);
}
END_TEST

START_TEST(one_group_between_its_neighbours)
{
	char *dot = draw_tiers("shop", NULL, false);
	Agraph_t *g = parse(dot), *left = agsubg(g, (char *)(uintptr_t) "callers", 0);
	Agraph_t *right = agsubg(g, (char *)(uintptr_t) "called", 0);

	has(dot, "shop · one group and its neighbours");
	ck_assert_ptr_nonnull(agsubg(g, (char *)(uintptr_t) "cluster_0", 0));
	ck_assert_ptr_nonnull(left);
	ck_assert_ptr_nonnull(right);
	ck_assert_str_eq(agget(left, (char *)(uintptr_t) "rank"), "source");
	ck_assert_str_eq(agget(right, (char *)(uintptr_t) "rank"), "sink");
	has(label_of(g, "g-from-shop-front"), "3 machines · prod");
	has(label_of(g, "g-to-data"), ":5432");
	has(label_of(g, "m-app01"), "<b>java</b>");
	has(dot, "postgres :5432 · ");
	has(dot, "Shared services that it uses");
	has_not(dot, "id=\"m-dns01\"");
	has_not(dot, "id=\"m-db01\"");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(a_shared_service_among_its_users)
{
	char *dot = draw_tiers("names", NULL, false);
	Agraph_t *g = parse(dot);

	has(label_of(g, "g-from-shop"), "<b>shop</b>");
	has(dot, service_advice_text(SERVICE_DNS));
	agclose(g);
	free(dot);
}
END_TEST

static const struct rule hub[] = {
	{ "m", "hub", PLAN_GROUP, SERVICE_NONE, "", .9 },
};

/* The first N machines are one group, each of the others one of its own that calls it. */
START_TEST(many_neighbours_and_many_machines)
{
	struct rule *rule = xcalloc(80, sizeof(*rule));
	struct drawing d = { .group = "hub" };
	char a[64];
	Agraph_t *g;
	char *dot;

	chain(&d, 40, rule);
	d.s.edge_n = 0;
	for (unsigned i = 0; i < 40; i++)
		rule[i] = (struct rule){ d.s.machine[i].name, "hub", PLAN_GROUP,
					 SERVICE_NONE,	      "",    .9 };
	for (unsigned i = 40; i < 80; i++) {
		snprintf(a, sizeof(a), "m%05u 10.0.0.9 curl", i);
		scenes_edge(&d.s, a, "m00000 10.0.0.1 nginx", 443, i);
	}
	for (unsigned i = 1; i < 40; i++) {
		snprintf(a, sizeof(a), "m%05u 10.0.0.8 java", i);
		scenes_edge(&d.s, a, "m00000 10.0.0.1 nginx", 443, i);
	}
	dot = draw(&d);
	g = parse(dot);
	/* eleven neighbours and the rest; the forty machines are two boxes */
	ck_assert_int_eq(agnnodes(g), 12 + 2);
	has(dot, "9 more groups");
	has(dot, "39 machines");
	agclose(g);
	free(dot);
	free(rule);
	scenes_fini(&d.s);
}
END_TEST

START_TEST(unmonitored_and_unplanned_neighbours)
{
	struct drawing d = { .rule = hub, .rule_n = 1, .group = "hub" };
	Agraph_t *g;
	char *dot;

	scenes_machine(&d.s, "m1", "m1", "", "10.0.0.1", true);
	scenes_machine(&d.s, "x1", "x1", "", "10.0.0.2", true);
	scenes_edge(&d.s, "- 192.0.2.1 ", "m1 10.0.0.1 nginx", 443, 5);
	scenes_edge(&d.s, "- 192.0.2.2 ", "m1 10.0.0.1 nginx", 443, 5);
	scenes_edge(&d.s, "m1 10.0.0.1 nginx", "x1 10.0.0.2 java", 8080, 5);
	scenes_edge(&d.s, "m1 10.0.0.1 nginx", "- 198.51.100.1 ", 25, 5);
	dot = draw(&d);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 4);
	has(dot, "2 unmonitored addresses");
	has(dot, "1 unmonitored address<");
	has(dot, "in no group");
	has(dot, "198.51.100.1");
	agclose(g);
	free(dot);
	scenes_fini(&d.s);
}
END_TEST

static const char *const evil[] = {
	"</td></tr></table>>];",
	"a\"; } digraph x {",
	"<b>bold</b>",
	"\\N \\G %s%n",
	"\x1b[31mred\x07",
	"]]><script>alert(1)</script>",
	"rtl \xe2\x80\xae gnp.exe",
	"<IMG SRC=\"/etc/passwd\"/>",
	"--><!--",
};
enum { EVIL = sizeof(evil) / sizeof(evil[0]) };

static void make_evil(struct plan *p)
{
	for (unsigned i = 0; i < p->group_n; i++) {
		struct plan_group *g = &p->group[i];

		plan_text(&g->name, evil[i % EVIL]);
		plan_text(&g->env, evil[(i + 1) % EVIL]);
		plan_text(&g->reason, evil[(i + 2) % EVIL]);
		plan_text(&g->owner, evil[(i + 3) % EVIL]);
		plan_text(&g->notes, evil[(i + 4) % EVIL]);
	}
}

static void check_harmless(const char *dot)
{
	has_not(dot, "<script");
	has_not(dot, "<IMG");
	has_not(dot, "\x1b");
	has_not(dot, "\xe2\x80\xae");
	has_not(dot, "<b>bold");
	has_not(dot, "%s%n</b></b>");
	agclose(parse(dot));
}

START_TEST(names_cannot_break_out)
{
	char *dot = draw_tiers(NULL, make_evil, false);

	check_harmless(dot);
	has(dot, "&#60;/td&#62;");
	free(dot);
	for (unsigned i = 0; i < 5; i++) {
		dot = draw_tiers(evil[i], make_evil, false);
		check_harmless(dot);
		free(dot);
	}
}
END_TEST

START_TEST(hostile_machines_in_groups)
{
	static const struct rule all[] = { { "", "them", PLAN_GROUP, SERVICE_NONE, "", .5 },
					   { "<", "tags", PLAN_GROUP, SERVICE_NONE, "", .5 },
					   { "a", "those", PLAN_SHARED, SERVICE_BUS, "",
					     .5 } };
	static const char *const groups[] = { NULL, "them", "tags", "those" };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct drawing d = { .rule = all, .rule_n = 3, .group = groups[i] };
		char *dot;

		scenes_hostile(&d.s);
		dot = draw(&d);
		check_harmless(dot);
		free(dot);
		scenes_fini(&d.s);
	}
}
END_TEST

START_TEST(small_words)
{
	struct buf b = { 0 };

	words_rate(&b, 0, 14);
	buf_u8(&b, ' ');
	words_rate(&b, 13, 14);
	buf_u8(&b, ' ');
	words_rate(&b, 16800, 14);
	buf_u8(&b, ' ');
	words_rate(&b, 240, .5);
	ck_assert_str_eq(buf_cstr(&b), "0/day &#60;1/day 1.2k/day 240 in all");
	buf_fini(&b);
	ck_assert_int_eq(env_of("PROD"), ENV_PROD);
	ck_assert_int_eq(env_of("uat"), ENV_TEST);
	ck_assert_int_eq(env_of("mars"), ENV_OTHER);
	for (int s = 0; s < SERVICE_COUNT; s++) {
		const char *word = chip_word((enum service)s);

		ck_assert_uint_ge(strlen(word), 2);
		ck_assert_uint_lt(strlen(word), CHIP_TEXT - 3);
		for (; *word; word++)
			ck_assert(isupper((unsigned char)*word));
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, golden);
	tcase_add_test(t, same_facts_same_bytes);
	tcase_add_test(t, a_box_a_group);
	tcase_add_test(t, shared_services_are_chips);
	tcase_add_test(t, what_people_said);
	tcase_add_test(t, arrows);
	tcase_add_test(t, both_ways_and_failed);
	tcase_add_test(t, no_groups_and_one);
	tcase_add_test(t, a_hundred_groups_with_ports_in_the_boxes);
	tcase_add_test(t, three_hundred_groups_are_cut_and_it_is_said);
	tcase_add_test(t, loose_groups_are_listed);
	tcase_add_test(t, one_group_between_its_neighbours);
	tcase_add_test(t, a_shared_service_among_its_users);
	tcase_add_test(t, many_neighbours_and_many_machines);
	tcase_add_test(t, unmonitored_and_unplanned_neighbours);
	tcase_add_test(t, names_cannot_break_out);
	tcase_add_test(t, hostile_machines_in_groups);
	tcase_add_test(t, small_words);
	return unit_run("groups_picture", t);
}
