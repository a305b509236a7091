/* SPDX-License-Identifier: Apache-2.0 */
/* Contacts, clusters, shared services and limits on graphs made by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "graph/contact.h"
#include "graph/group.h"
#include "tests/unit.h"

enum { APPS = 12, EACH = 4, DNS = APPS * EACH, MACHINES = DNS + 1 };

static struct graph *g;
static unsigned edge_cap;

static unsigned process_of(unsigned machine, const char *name)
{
	for (unsigned i = 0; i < g->process_n; i++)
		if (g->process[i].machine == machine && strcmp(g->process[i].name, name) == 0)
			return i;
	g->process = xreallocarray(g->process, g->process_n + 1ul, sizeof(*g->process));
	g->process[g->process_n] = (struct graph_process){ .machine = machine,
							   .name = xstrdup(name),
							   .ip = xstrdup(""),
							   .unit = xstrdup(""),
							   .container = xstrdup(""),
							   .exe = xstrdup("") };
	return g->process_n++;
}

static void link_up(unsigned client, const char *cp, unsigned server, const char *sp,
		    uint16_t port, uint64_t opens)
{
	MEM_GROW(g->edge, g->edge_n, edge_cap);
	g->edge[g->edge_n++] = (struct graph_edge){ .client = process_of(client, cp),
						    .server = process_of(server, sp),
						    .proto = PROTO_TCP,
						    .port = port,
						    .c = { .opens = opens } };
}

static int by_machines(const void *pa, const void *pb)
{
	const struct graph_edge *a = pa, *b = pb;
	unsigned ac = g->process[a->client].machine, bc = g->process[b->client].machine;
	unsigned as = g->process[a->server].machine, bs = g->process[b->server].machine;

	if (ac != bc)
		return ac < bc ? -1 : 1;
	if (as != bs)
		return as < bs ? -1 : 1;
	return (a->port > b->port) - (a->port < b->port);
}

/* Twelve applications: two web servers, one application server, a database; all ask one name
 * server, and the first calls the second. */
static void setup(void)
{
	g = xcalloc(1, sizeof(*g));
	edge_cap = 0;
	g->machine = xcalloc(MACHINES, sizeof(*g->machine));
	for (unsigned m = 0; m < MACHINES; m++) {
		struct graph_machine *gm = &g->machine[g->machine_n++];

		gm->id = xasprintf("m%02u", m);
		gm->name = xasprintf("host%02u", m);
		gm->os = xstrdup("linux");
		gm->site = xstrdup("");
		gm->extra = xstrdup("");
		gm->kernel = xstrdup("");
		gm->arch = xstrdup("");
		gm->known = true;
	}
	for (unsigned a = 0; a < APPS; a++) {
		unsigned web = a * EACH, app = web + 2, db = web + 3;

		link_up(web, "nginx", app, "java", 8080, 1000);
		link_up(web + 1, "nginx", app, "java", 8080, 1000);
		link_up(app, "java", db, "postgres", 5432, 5000);
		for (unsigned i = 0; i < EACH; i++)
			link_up(web + i, "resolved", DNS, "named", 53, 9000);
	}
	link_up(2, "java", EACH, "nginx", 443, 40);
	qsort(g->edge, g->edge_n, sizeof(*g->edge), by_machines);
}

static void teardown(void)
{
	graph_free(g);
}

START_TEST(contacts_leave_failures_and_strangers_out)
{
	struct contacts *c;
	unsigned n;

	c = contacts_new(g);
	n = c->contact_n;
	ck_assert_uint_eq(n, APPS * (3 + EACH) + 1);
	contacts_free(c);
	g->edge[0].c.refused = g->edge[0].c.opens;
	g->machine[MACHINES - 2].known = false;
	c = contacts_new(g);
	ck_assert_uint_eq(c->contact_n, n - 1 - 2);
	for (unsigned i = 0; i < c->contact_n; i++) {
		ck_assert_uint_ne(c->contact[i].client, MACHINES - 2);
		ck_assert_uint_ne(c->contact[i].server, MACHINES - 2);
	}
	contacts_free(c);
}
END_TEST

START_TEST(applications_and_a_shared_service)
{
	struct err e = { 0 };
	struct plan *p = group_propose(g, NULL, NULL, &e);

	ck_assert_uint_eq(p->group_n, APPS + 1);
	for (unsigned m = 0; m < DNS; m++) {
		const struct plan_group *at = &p->group[p->machine[m].group];

		ck_assert_int_eq(at->kind, PLAN_GROUP);
		ck_assert_uint_eq(at->machine_n, EACH);
		ck_assert_uint_eq(at->machine[0], m / EACH * EACH);
	}
	ck_assert_int_eq(p->group[p->machine[DNS].group].kind, PLAN_SHARED);
	ck_assert_int_eq(p->group[p->machine[DNS].group].service, SERVICE_DNS);
	ck_assert_uint_eq(p->machine[DNS].users, APPS);
	ck_assert_ptr_nonnull(
		strstr(p->machine[DNS].reason, "serves 53 (named) to 48 machines"));
	plan_free(p);
}
END_TEST

static struct plan *with(const struct rule *rule, unsigned n, const struct plan *before)
{
	struct rules r = { .rule = rule, .rule_n = n };
	struct err e = { 0 };
	struct plan *p = group_propose(g, &r, before, &e);

	ck_assert_msg(p != NULL, "%s", e.msg);
	return p;
}

START_TEST(a_limit_cuts_where_least_is_cut)
{
	const struct rule rule = { .kind = RULE_LIMIT, .id = 1, .name = "", .size = 3 };
	struct plan *p = with(&rule, 1, NULL);

	for (unsigned a = 0; a < APPS; a++) {
		unsigned app = p->machine[a * EACH + 2].group;

		/* the database stays with the application server that alone calls it */
		ck_assert_uint_eq(p->machine[a * EACH + 3].group, app);
		ck_assert_uint_le(p->group[app].machine_n, 3);
		ck_assert_ptr_nonnull(strstr(p->group[app].reason, "cut by the limit"));
	}
	plan_free(p);
}
END_TEST

START_TEST(who_is_moved_comes_alone)
{
	struct plan *before = with(NULL, 0, NULL), *p;
	char *to = xstrdup(before->group[before->machine[EACH].group].name);
	const struct rule rule = { .kind = RULE_PIN, .id = 1, .machine = 3, .name = to };

	p = with(&rule, 1, before);
	ck_assert_str_eq(p->group[p->machine[3].group].name, to);
	ck_assert_uint_eq(p->group[p->machine[3].group].machine_n, EACH + 1);
	ck_assert_uint_eq(p->group[p->machine[2].group].machine_n, EACH - 1);
	plan_free(before);
	before = p; /* and again, over the plan with the machine in it */
	p = with(&rule, 1, before);
	ck_assert_uint_eq(p->group[p->machine[3].group].machine_n, EACH + 1);
	ck_assert_str_eq(p->group[p->machine[EACH].group].name, to);
	plan_free(before);
	plan_free(p);
	free(to);
}
END_TEST

/* The application server is what the others hang together by. */
START_TEST(who_is_left_stays_together)
{
	struct plan *before = with(NULL, 0, NULL), *p;
	char *to = xstrdup(before->group[before->machine[EACH].group].name);
	const struct rule rule = { .kind = RULE_PIN, .id = 1, .machine = 2, .name = to };

	for (unsigned run = 0; run < 2; run++) {
		p = with(&rule, 1, before);
		ck_assert_uint_eq(p->group[p->machine[2].group].machine_n, EACH + 1);
		ck_assert_uint_eq(p->group[p->machine[0].group].machine_n, EACH - 1);
		ck_assert_uint_eq(p->machine[0].group, p->machine[1].group);
		ck_assert_uint_eq(p->machine[0].group, p->machine[3].group);
		plan_free(before);
		before = p;
	}
	plan_free(p);
	free(to);
}
END_TEST

START_TEST(a_new_name_is_a_group_of_its_own)
{
	const struct rule rule[] = {
		{ .kind = RULE_PIN, .id = 1, .machine = 0, .name = "new" },
		{ .kind = RULE_PIN, .id = 2, .machine = EACH, .name = "new" },
	};
	struct plan *p = with(rule, 2, NULL);

	ck_assert_str_eq(p->group[p->machine[0].group].name, "new");
	ck_assert_uint_eq(p->group[p->machine[0].group].machine_n, 2);
	ck_assert_uint_eq(p->group[p->machine[1].group].machine_n, EACH - 1);
	ck_assert_uint_eq(p->group[p->machine[EACH + 1].group].machine_n, EACH - 1);
	plan_free(p);
}
END_TEST

START_TEST(names_of_groups_persist)
{
	struct plan *before = with(NULL, 0, NULL), *p;
	unsigned at = before->machine[0].group;

	plan_text(&before->group[at].name, "zebra");
	plan_text(&before->group[at].owner, "ann");
	plan_settle(before);
	p = with(NULL, 0, before);
	ck_assert_str_eq(p->group[p->machine[0].group].name, "zebra");
	ck_assert_str_eq(p->group[p->machine[0].group].owner, "ann");
	plan_free(before);
	plan_free(p);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("merge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, contacts_leave_failures_and_strangers_out);
	tcase_add_test(t, applications_and_a_shared_service);
	tcase_add_test(t, a_limit_cuts_where_least_is_cut);
	tcase_add_test(t, who_is_moved_comes_alone);
	tcase_add_test(t, who_is_left_stays_together);
	tcase_add_test(t, a_new_name_is_a_group_of_its_own);
	tcase_add_test(t, names_of_groups_persist);
	return unit_run("merge", t);
}
