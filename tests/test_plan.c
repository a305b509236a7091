/* SPDX-License-Identifier: Apache-2.0 */
/* Plans, labels, edits and settings in the store, and their way over a graph and back. */
#include <errno.h>
#include <math.h>
#include <time.h>
#include <sqlite3.h>

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

START_TEST(waves_are_set_by_name)
{
	const struct plan_wave_row row[] = { { "zz", 9 }, { "shop", 4 }, { "nobody", 1 } };
	struct graph *g = machines(4);
	int64_t older = save(g), id = save(g);
	struct plan *p;

	ck_assert_int_eq(plan_set_waves(kit.s, id, row, 3, &e), 0);
	ck_assert_int_eq(saved_read(kit.s, g, id, &p, &e), 1);
	ck_assert_uint_eq(p->group[0].wave, 4);
	ck_assert_uint_ne(p->group[1].wave, 4); /* it was not named */
	plan_free(p);
	ck_assert_int_eq(saved_read(kit.s, g, older, &p, &e), 1);
	ck_assert_uint_ne(p->group[0].wave, 4);
	plan_free(p);
	ck_assert_int_eq(plan_set_waves(kit.s, id, NULL, 0, &e), 0);
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

START_TEST(the_same_name_again_makes_it_a_persons)
{
	struct graph *g = machines(2);
	struct plan *p;

	save(g);
	ck_assert_int_eq(group_rename(kit.s, "shop", "shop", &e), 0);
	ck_assert_int_eq(group_rename(kit.s, "gone", "gone", &e), -ENOENT);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_str_eq(p->group[0].name, "shop");
	ck_assert(p->group[0].named);
	ck_assert(!p->group[1].named);
	plan_free(p);
	graph_free(g);
}
END_TEST

START_TEST(a_name_that_is_free_again_bears_nothing_old)
{
	struct group_label_row label = {
		.name = "gone", .state = "moved", .owner = "bob", .notes = "", .locked = true
	};
	struct graph *g = machines(2);
	struct plan *p;

	save(g);
	ck_assert_int_eq(group_label_set(kit.s, &label, &e), 0);
	edit("pin", "m0", "", "soon", 0);
	ck_assert_int_eq(group_rename(kit.s, "shop", "soon", &e), -EEXIST);
	ck_assert_int_eq(group_rename(kit.s, "shop", "gone", &e), 0);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_str_eq(p->group[0].name, "gone");
	ck_assert_str_eq(p->group[0].owner, "");
	ck_assert_int_eq(p->group[0].state, PLAN_PROPOSED);
	ck_assert(!p->group[0].locked && p->group[0].named);
	plan_free(p);
	label.name = "";
	ck_assert_int_eq(group_label_set(kit.s, &label, &e), -EINVAL);
	graph_free(g);
}
END_TEST

/* Only the newest plan is renamed: the older ones say what was. */
START_TEST(older_plans_keep_their_names)
{
	struct graph *g = machines(2);
	int64_t first = save(g);
	struct plan *p;

	save(g);
	ck_assert_int_eq(group_rename(kit.s, "shop", "store", &e), 0);
	ck_assert_int_eq(saved_read(kit.s, g, first, &p, &e), 1);
	ck_assert_str_eq(p->group[0].name, "shop");
	plan_free(p);
	graph_free(g);
}
END_TEST

static int copy_label(const struct group_label_row *row, void *ctx)
{
	struct buf *b = ctx;

	buf_printf(b, "%s|%s|%s|%s\n", row->name, row->state, row->owner, row->notes);
	return 0;
}

START_TEST(hostile_words_stay_words)
{
	struct group_label_row label = {
		.name = hostile, .state = "planned", .owner = "'); --", .notes = hostile
	};
	char *wide = xmalloc(5001), *at;
	struct buf b = { 0 };
	char *all;

	memset(wide, 'w', 5000);
	wide[5000] = 0;
	ck_assert_int_eq(group_label_set(kit.s, &label, &e), 0);
	label.name = wide;
	label.notes = wide;
	ck_assert_int_eq(group_label_set(kit.s, &label, &e), 0);
	ck_assert_int_eq(query_group_labels(kit.s, copy_label, &b, &e), 0);
	all = buf_take(&b);
	at = strstr(all,
		    "it's \"a\"; DROP TABLE plan;\n--\xef\xbf\xbd\x1b[31m|planned|'); --|");
	ck_assert(at == all);
	at = strstr(all, "www");
	ck_assert_uint_eq(strspn(at, "w"), 255);
	at = strstr(at, "--|");
	ck_assert_uint_eq(strspn(at + 3, "w"), 4000);
	free(all);
	edit("pin", hostile, "", hostile, 0);
	edit("limit", "", "", wide, 3);
	all = edits();
	ck_assert(strstr(all, "\xff") != NULL); /* the ident, to the letter */
	ck_assert_uint_eq(strspn(strstr(all, "www"), "w"), 255);
	free(all);
	free(wide);
}
END_TEST

START_TEST(a_graph_with_hostile_names)
{
	struct graph *g = machines(3);
	struct plan *p = two_groups(3);

	free(g->machine[1].id);
	g->machine[1].id = xstrdup("m'\n\x1f\"");
	plan_text(&p->machine[1].reason, hostile);
	p->machine[1].confidence = NAN;
	p->group[0].confidence = NAN;
	ck_assert_int_eq(saved_write(kit.s, g, p, 5, &e), 0);
	plan_free(p);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_uint_eq(p->missing, 0);
	ck_assert_uint_eq(p->machine[1].group, 0);
	ck_assert(p->machine[1].confidence == 0 && p->group[0].confidence == 0);
	plan_free(p);
	graph_free(g);
}
END_TEST

START_TEST(two_pairs_are_not_one)
{
	int64_t id = edit("together", "a\x1fz", "c", "", 0);

	edit("apart", "a",
	     "z\x1f"
	     "c",
	     "", 0);
	ck_assert_int_eq(edit("together", "c", "a\x1fz", "", 0), id);
	ck_assert_int_eq(edit_remove(kit.s, id, &e), 1);
	ck_assert_int_eq(edit_remove(kit.s, id, &e), 0);
}
END_TEST

START_TEST(half_an_edit_is_none)
{
	static const struct edit_row half[] = {
		{ .kind = "together", .machine = "a", .other = "", .name = "" },
		{ .kind = "apart", .machine = "a", .other = "a", .name = "" },
		{ .kind = "pin", .machine = "a", .other = "", .name = "" },
		{ .kind = "pin", .machine = "", .other = "", .name = "g" },
		{ .kind = "env", .machine = "a", .other = "", .name = "" },
		{ .kind = "shared", .machine = "", .other = "", .name = "dns" },
		{ .kind = "limit", .machine = "", .other = "", .name = "g" },
		{ .kind = "", .machine = "a", .other = "b", .name = "g", .size = 1 },
	};
	char *all;
	int64_t id;

	for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++) {
		e = (struct err){ 0 };
		ck_assert_int_eq(edit_add(kit.s, &half[i], &id, &e), -EINVAL);
		ck_assert_uint_gt(strlen(e.msg), 0);
	}
	all = edits();
	ck_assert_str_eq(all, "");
	free(all);
}
END_TEST

/* Whoever edits and runs again does so in one transaction, or tries and takes it back. */
START_TEST(a_transaction_of_the_caller)
{
	struct graph *g = machines(2);
	struct plan *p;
	char *all, *v;

	ck_assert_int_eq(store_begin(kit.s, &e), 0);
	save(g);
	edit("pin", "m0", "", "x", 0);
	ck_assert_int_eq(setting_set(kit.s, "k", "v", &e), 0);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	plan_free(p);
	store_rollback(kit.s);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 0);
	ck_assert_int_eq(setting_get(kit.s, "k", &v, &e), 0);
	all = edits();
	ck_assert_str_eq(all, "");
	free(all);
	graph_free(g);
}
END_TEST

START_TEST(a_reader_changes_nothing)
{
	struct graph *g = machines(2);
	struct plan *p = two_groups(2);
	struct edit_row row = { .kind = "pin", .machine = "a", .other = "", .name = "x" };
	struct store *s = store_open(kit.path, STORE_READ, &e);
	int64_t id;

	ck_assert(s != NULL);
	ck_assert_int_eq(saved_write(s, g, p, 1, &e), -EROFS);
	ck_assert_int_eq(p->id, 0);
	ck_assert_int_eq(edit_add(s, &row, &id, &e), -EROFS);
	ck_assert_int_eq(setting_set(s, "a", "b", &e), -EROFS);
	ck_assert_int_eq(group_rename(s, "a", "b", &e), -EROFS);
	store_close(s);
	plan_free(p);
	graph_free(g);
}
END_TEST

/* Rows that nobody here wrote. */
START_TEST(senseless_plans_are_survived)
{
	struct graph *g = machines(3);
	int64_t id = save(g);
	struct saved_rules r;
	struct plan *p = NULL;
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(kit.path, &db), SQLITE_OK);
	ck_assert_int_eq(
		sqlite3_exec(db,
			     "UPDATE plan_machine SET number = -1, confidence = 'x' "
			     "WHERE machine = 'm0';"
			     "UPDATE plan_group SET kind = x'00ff', wave = 9e99;"
			     "INSERT INTO group_label VALUES('shop', 7, 8, 9, 'a', 2, -1);"
			     "INSERT INTO edit VALUES(-1, 0, 'a', 'what', 'm0', '', '', 0),"
			     "(-2, 0, 'b', 'pin', x'6d30', 5, 5, -1)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_uint_eq(p->missing, 1);
	ck_assert_uint_eq(p->machine[0].group, PLAN_NONE);
	plan_free(p);
	ck_assert_int_eq(saved_rules(kit.s, g, &r, &e), 0);
	ck_assert_uint_eq(r.missing + r.rules.rule_n, 2);
	saved_rules_free(&r);
	ck_assert_int_eq(sqlite3_exec(db, "UPDATE plan_group SET number = number + 7", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(saved_read(kit.s, g, id, &p, &e), -EBADMSG);
	ck_assert(p == NULL);
	ck_assert_msg(strstr(e.msg, "plan 1 is damaged") != NULL, "%s", e.msg);
	sqlite3_close(db);
	graph_free(g);
}
END_TEST

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

START_TEST(twenty_thousand_machines)
{
	enum { MACHINES = 20000, GROUPS = 2000 };
	struct graph *g = machines(MACHINES);
	struct plan *p = plan_new(MACHINES);
	char name[32];
	double start;

	for (unsigned i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "group-%u", i);
		plan_add(p, PLAN_GROUP, name);
	}
	for (unsigned m = 0; m < MACHINES; m++)
		p->machine[m].group = m % GROUPS;
	plan_settle(p);
	store_begin(kit.s, &e);
	for (unsigned i = 0; i < GROUPS; i++)
		ck_assert_int_eq(
			group_label_set(kit.s,
					&(struct group_label_row){ .name = p->group[i].name,
								   .state = "planned",
								   .owner = "ann",
								   .notes = "" },
					&e),
			0);
	for (unsigned m = 0; m + 1 < MACHINES; m += 2)
		edit("together", g->machine[m].id, g->machine[m + 1].id, "", 0);
	for (int i = 0; i < PLAN_KEEP; i++)
		ck_assert_int_eq(saved_write(kit.s, g, p, 1, &e), 0);
	ck_assert_int_eq(store_commit(kit.s, &e), 0);
	start = cpu();
	ck_assert_int_eq(saved_write(kit.s, g, p, 2, &e), 0);
	ck_assert_double_lt(cpu() - start, 2);
	plan_free(p);
	start = cpu();
	ck_assert_int_eq(saved_read(kit.s, g, 0, &p, &e), 1);
	ck_assert_double_lt(cpu() - start, 1);
	ck_assert_int_eq(p->group[GROUPS - 1].state, PLAN_PLANNED);
	ck_assert_uint_eq(p->group[GROUPS - 1].machine_n, MACHINES / GROUPS);
	plan_free(p);
	graph_free(g);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("plan");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_plan_comes_back_as_it_was);
	tcase_add_test(t, waves_are_set_by_name);
	tcase_add_test(t, no_plan_is_no_failure);
	tcase_add_test(t, machines_that_went_are_counted_and_new_ones_stand_alone);
	tcase_add_test(t, old_plans_go_and_labelled_ones_stay);
	tcase_add_test(t, an_edit_takes_the_place_of_its_opposite);
	tcase_add_test(t, a_new_name_is_taken_everywhere);
	tcase_add_test(t, edits_become_rules);
	tcase_add_test(t, settings_are_kept);
	tcase_add_test(t, names_become_unique_and_empty_groups_go);
	tcase_add_test(t, the_same_name_again_makes_it_a_persons);
	tcase_add_test(t, a_name_that_is_free_again_bears_nothing_old);
	tcase_add_test(t, older_plans_keep_their_names);
	tcase_add_test(t, hostile_words_stay_words);
	tcase_add_test(t, a_graph_with_hostile_names);
	tcase_add_test(t, two_pairs_are_not_one);
	tcase_add_test(t, half_an_edit_is_none);
	tcase_add_test(t, a_transaction_of_the_caller);
	tcase_add_test(t, a_reader_changes_nothing);
	tcase_add_test(t, senseless_plans_are_survived);
	tcase_add_test(t, twenty_thousand_machines);
	return unit_run("plan", t);
}
