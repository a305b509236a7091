/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, labels, edits and settings in the store, and their way over a graph and back. */
#include <errno.h>

#include "graph/group.h"
#include "graph/plan.h"
#include "graph/saved.h"
#include "store/edit.h"
#include "store/plan.h"
#include "tests/storekit.h"

static struct kit kit;
static struct err e;

static void setup(void)
{
	kit_open(&kit);
	e = (struct err){ 0 };
}

static void teardown(void)
{
	kit_close(&kit);
}

/* A graph of machines alone: m0, m1 ... */
static struct graph *machines(unsigned n)
{
	struct graph *g = xcalloc(1, sizeof(*g));

	g->machine = xcalloc(n, sizeof(*g->machine));
	for (unsigned i = 0; i < n; i++) {
		struct graph_machine *m = &g->machine[g->machine_n++];

		m->id = xasprintf("m%u", i);
		m->name = xasprintf("host%u", i);
		m->os = xstrdup("");
		m->site = xstrdup("");
		m->extra = xstrdup("");
		m->known = true;
	}
	return g;
}

static const char hostile[] = "it's \"a\"; DROP TABLE plan;\n--\xff\x1b[31m";

static struct plan *two_groups(unsigned n)
{
	struct plan *p = plan_new(n);

	plan_add(p, PLAN_GROUP, "shop")->confidence = .75;
	plan_text(&p->group[0].env, "prod");
	plan_add(p, PLAN_SHARED, "dns")->service = SERVICE_DNS;
	plan_text(&p->group[1].reason, hostile);
	for (unsigned m = 0; m < n; m++)
		p->machine[m].group = m + 1 == n;
	plan_text(&p->machine[0].reason, "because");
	p->machine[n - 1].users = 7;
	plan_settle(p);
	return p;
}

static int64_t save(const struct graph *g)
{
	struct plan *p = two_groups(g->machine_n);
	int64_t id;

	ck_assert_int_eq(saved_write(kit.s, g, p, 1000, &e), 0);
	id = p->id;
	plan_free(p);
	return id;
}

START_TEST(a_plan_comes_back_as_it_was)
{
	struct graph *g = machines(4);
	struct plan *p;
	int64_t id = save(g), newest;

	ck_assert_int_eq(plan_newest(kit.s, &newest, &e), 1);
	ck_assert_int_eq(newest, id);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_uint_eq(p->group_n, 2);
	ck_assert_str_eq(p->group[0].name, "shop");
	ck_assert_str_eq(p->group[0].env, "prod");
	ck_assert_uint_eq(p->group[0].machine_n, 3);
	ck_assert(p->group[0].confidence > .74 && p->group[0].confidence < .76);
	ck_assert_int_eq(p->group[1].kind, PLAN_SHARED);
	ck_assert_int_eq(p->group[1].service, SERVICE_DNS);
	ck_assert(strncmp(p->group[1].reason, "it's \"a\"; DROP TABLE plan;", 26) == 0);
	ck_assert_uint_eq(p->machine[3].users, 7);
	ck_assert_str_eq(p->machine[0].reason, "because");
	ck_assert_int_eq(p->made_ms, 1000);
	plan_free(p);
	graph_free(g);
}
END_TEST

START_TEST(no_plan_is_no_failure)
{
	struct graph *g = machines(1);
	struct plan *p;

	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 0);
	ck_assert(p == NULL);
	save(g);
	ck_assert_int_eq(saved_read(kit.s, g, 99, &p, &e), 0);
	graph_free(g);
}
END_TEST

START_TEST(machines_that_went_are_counted_and_new_ones_stand_alone)
{
	struct graph *g = machines(4), *less = machines(2), *more = machines(6);
	struct plan *p;

	save(g);
	ck_assert_int_eq(saved_read(kit.s, less, 0, &p, &e), 1);
	ck_assert_uint_eq(p->missing, 2);
	ck_assert_uint_eq(p->group_n, 1);
	plan_free(p);
	ck_assert_int_eq(saved_read(kit.s, more, 0, &p, &e), 1);
	ck_assert_uint_eq(p->missing, 0);
	ck_assert_uint_eq(p->machine[5].group, PLAN_NONE);
	plan_free(p);
	graph_free(g);
	graph_free(less);
	graph_free(more);
}
END_TEST

static int count_plans(const struct plan_info *row, void *ctx)
{
	(void)row;
	++*(unsigned *)ctx;
	return 0;
}

START_TEST(old_plans_go_and_labelled_ones_stay)
{
	struct graph *g = machines(2);
	int64_t first = save(g), second = save(g);
	struct plan *p;
	unsigned n = 0;

	ck_assert_int_eq(plan_label(kit.s, first, "before", &e), 0);
	ck_assert_int_eq(plan_label(kit.s, 999, "none", &e), -ENOENT);
	for (int i = 0; i < PLAN_KEEP; i++)
		save(g);
	ck_assert_int_eq(query_plans(kit.s, count_plans, &n, &e), 0);
	ck_assert_uint_eq(n, PLAN_KEEP + 1);
	ck_assert_int_eq(saved_read(kit.s, g, first, &p, &e), 1);
	plan_free(p);
	ck_assert_int_eq(saved_read(kit.s, g, second, &p, &e), 0);
	graph_free(g);
}
END_TEST

static int copy_edit(const struct edit_row *row, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%s %s %s %s %u\n", row->kind, row->machine, row->other, row->name,
		   row->size);
	return 0;
}

static char *edits(void)
{
	struct buf b = { 0 };

	ck_assert_int_eq(query_edits(kit.s, copy_edit, &b, &e), 0);
	return buf_take(&b);
}

static int64_t edit(const char *kind, const char *machine, const char *other, const char *name,
		    unsigned size)
{
	struct edit_row row = {
		.kind = kind, .machine = machine, .other = other, .name = name, .size = size
	};
	int64_t id = 0;

	ck_assert_int_eq(edit_add(kit.s, &row, &id, &e), 0);
	return id;
}

START_TEST(an_edit_takes_the_place_of_its_opposite)
{
	int64_t id = edit("together", "m1", "m2", "", 0);
	char *all;

	ck_assert_int_eq(edit("together", "m2", "m1", "", 0), id);
	ck_assert_int_gt(edit("apart", "m2", "m1", "", 0), id);
	edit("shared", "m3", "", "dns", 0);
	edit("not-shared", "m3", "", "", 0);
	edit("pin", "m1", "", "a", 0);
	edit("pin", "m1", "", "b", 0);
	edit("limit", "", "", "", 10);
	edit("limit", "", "", "shop", 5);
	edit("limit", "", "", "", 12);
	all = edits();
	ck_assert_str_eq(all, "apart m2 m1  0\nnot-shared m3   0\npin m1  b 0\n"
			      "limit   shop 5\nlimit    12\n");
	free(all);
	ck_assert_int_eq(edit_remove(kit.s, id, &e), 0);
	ck_assert_int_eq(
		edit_add(kit.s,
			 &(struct edit_row){
				 .kind = "no such", .machine = "", .other = "", .name = "" },
			 &id, &e),
		-EINVAL);
}
END_TEST

START_TEST(a_new_name_is_taken_everywhere)
{
	struct graph *g = machines(3);
	struct group_label_row label = { .name = "shop",
					 .state = "planned",
					 .owner = "ann",
					 .notes = hostile,
					 .accepted = true };
	struct plan *p;
	char *all;

	save(g);
	ck_assert_int_eq(group_label_set(kit.s, &label, &e), 0);
	edit("pin", "m1", "", "shop", 0);
	edit("limit", "", "", "shop", 5);
	edit("env", "m1", "", "shop", 0); /* an environment of that name is another thing */
	ck_assert_int_eq(group_rename(kit.s, "shop", "dns", &e), -EEXIST);
	ck_assert_int_eq(group_rename(kit.s, "nobody", "x", &e), -ENOENT);
	ck_assert_int_eq(group_rename(kit.s, "shop", "", &e), -EINVAL);
	ck_assert_int_eq(group_rename(kit.s, "shop", "store", &e), 0);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_str_eq(p->group[0].name, "store");
	ck_assert(p->group[0].named && p->group[0].accepted);
	ck_assert_int_eq(p->group[0].state, PLAN_PLANNED);
	ck_assert_str_eq(p->group[0].owner, "ann");
	plan_free(p);
	all = edits();
	ck_assert_str_eq(all, "pin m1  store 0\nlimit   store 5\nenv m1  shop 0\n");
	free(all);
	ck_assert_int_eq(edit("limit", "", "", "store", 5), 2);
	graph_free(g);
}
END_TEST

START_TEST(edits_become_rules)
{
	struct graph *g = machines(3);
	struct saved_rules r;
	int64_t id = edit("together", "m0", "m2", "", 0);

	edit("apart", "m0", "gone", "", 0);
	edit("limit", "", "", "", 9);
	ck_assert_int_eq(saved_rules(kit.s, g, &r, &e), 0);
	ck_assert_uint_eq(r.rules.rule_n, 2);
	ck_assert_uint_eq(r.missing, 1);
	ck_assert_int_eq(r.rules.rule[0].kind, RULE_TOGETHER);
	ck_assert_int_eq(r.rules.rule[0].id, id);
	ck_assert_uint_eq(r.rules.rule[0].machine, 0);
	ck_assert_uint_eq(r.rules.rule[0].other, 2);
	ck_assert_uint_eq(r.rules.rule[1].size, 9);
	saved_rules_free(&r);
	graph_free(g);
}
END_TEST

START_TEST(settings_are_kept)
{
	char *v;

	ck_assert_int_eq(setting_get(kit.s, "waves", &v, &e), 0);
	ck_assert_int_eq(setting_set(kit.s, "waves", "{}", &e), 0);
	ck_assert_int_eq(setting_set(kit.s, "waves", "{\"a\":1}", &e), 0);
	ck_assert_int_eq(setting_get(kit.s, "waves", &v, &e), 1);
	ck_assert_str_eq(v, "{\"a\":1}");
	free(v);
	ck_assert_int_eq(setting_set(kit.s, "waves", NULL, &e), 0);
	ck_assert_int_eq(setting_get(kit.s, "waves", &v, &e), 0);
}
END_TEST

START_TEST(names_become_unique_and_empty_groups_go)
{
	struct plan *p = plan_new(4);

	plan_add(p, PLAN_GROUP, "a");
	plan_add(p, PLAN_GROUP, "empty");
	plan_add(p, PLAN_GROUP, "a")->named = true;
	plan_add(p, PLAN_SHARED, "a");
	plan_add(p, PLAN_GROUP, "a-2");
	for (unsigned m = 0; m < 4; m++)
		p->machine[m].group = m ? m + 1 : 0;
	plan_settle(p);
	ck_assert_uint_eq(p->group_n, 4);
	ck_assert_str_eq(p->group[0].name, "a");
	ck_assert_uint_eq(p->group[0].machine[0], 1); /* the one that a person named */
	ck_assert_str_eq(p->group[1].name, "a-2");
	ck_assert_str_eq(p->group[2].name, "a-3");
	ck_assert_str_eq(p->group[3].name, "a-4");
	ck_assert_int_eq(p->group[3].kind, PLAN_SHARED);
	ck_assert_uint_eq(plan_find(p, "a-3"), 2);
	ck_assert_uint_eq(plan_find(p, "b"), PLAN_NONE);
	plan_free(p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("plan");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_plan_comes_back_as_it_was);
	tcase_add_test(t, no_plan_is_no_failure);
	tcase_add_test(t, machines_that_went_are_counted_and_new_ones_stand_alone);
	tcase_add_test(t, old_plans_go_and_labelled_ones_stay);
	tcase_add_test(t, an_edit_takes_the_place_of_its_opposite);
	tcase_add_test(t, a_new_name_is_taken_everywhere);
	tcase_add_test(t, edits_become_rules);
	tcase_add_test(t, settings_are_kept);
	tcase_add_test(t, names_become_unique_and_empty_groups_go);
	return unit_run("plan", t);
}
