/* SPDX-License-Identifier: Apache-2.0 */
/* SKEIN_GOLDEN=write makes the golden files anew; read the diff before you keep it. */
#include "graph/draw/picture.h"

#include <check.h>
#include <graphviz/cgraph.h>

#include "common/file.h"
#include "graph/draw/fold.h"
#include "graph/draw/role.h"
#include "graph/draw/words.h"
#include "tests/scenes.h"
#include "tests/unit.h"

typedef void scene_fn(struct scenes *s);

/* The DOT text of what is left of S; MACHINE NULL is the overview.  The caller frees it. */
static char *draw(struct scenes *s, const char *machine)
{
	static const struct filter all;
	struct picture_options o = { .level = PICTURE_OVERVIEW };
	struct err e = { 0 };
	struct buf out = { 0 };
	struct graph *g = graph_load(scenes_store(s), &all, &e);

	ck_assert_msg(g != NULL, "%s", e.msg);
	if (machine) {
		o.level = PICTURE_MACHINE;
		o.machine = (unsigned)graph_find_machine(g, machine);
	}
	ck_assert_msg(!picture_dot(g, &o, &out, &e), "%s", e.msg);
	graph_free(g);
	return buf_take(&out);
}

static char *draw_scene(scene_fn *scene, const char *machine)
{
	struct scenes s = { 0 };
	char *dot;

	if (scene)
		scene(&s);
	dot = draw(&s, machine);
	scenes_fini(&s);
	return dot;
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text += strlen(word))
		n++;
	return n;
}

static void has(const char *dot, const char *word)
{
	ck_assert_msg(strstr(dot, word) != NULL, "\"%s\" is missing in\n%.2000s", word, dot);
}

static void has_not(const char *dot, const char *word)
{
	ck_assert_msg(strstr(dot, word) == NULL, "\"%s\" is in\n%.2000s", word, dot);
}

static Agraph_t *parse(const char *dot)
{
	Agraph_t *g = agmemread(dot);

	ck_assert_msg(g != NULL, "does not parse:\n%.2000s", dot);
	return g;
}

static void check_golden(const char *name, scene_fn *scene, const char *machine)
{
	char *dot = draw_scene(scene, machine), *path = xasprintf("tests/golden/%s.dot", name);
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
	check_golden("overview-one-host", scenes_one_host, NULL);
	check_golden("overview-three-tiers", scenes_three_tiers, NULL);
	check_golden("machine-app01", scenes_three_tiers, "app01");
}
END_TEST

static void large(struct scenes *s)
{
	scenes_estate(s, 300);
}

START_TEST(same_facts_same_bytes)
{
	static scene_fn *const scenes[] = { scenes_one_host, scenes_three_tiers,
					    scenes_listening, scenes_hostile, large };

	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct scenes s = { 0 };
		char *one = draw_scene(scenes[i], NULL), *two;

		scenes[i](&s);
		s.backwards = true;
		two = draw(&s, NULL);
		ck_assert_str_eq(one, two);
		agclose(parse(one));
		free(one);
		free(two);
		scenes_fini(&s);
	}
}
END_TEST

START_TEST(processes_of_one_host_side_by_side)
{
	char *dot = draw_scene(scenes_one_host, NULL);
	Agraph_t *g = parse(dot);

	ck_assert_int_eq(agnnodes(g), 7);
	ck_assert_int_eq(agnedges(g), 6);
	ck_assert_ptr_nonnull(agsubg(g, (char *)(uintptr_t) "cluster_0", 0));
	has(dot, "buildhost");
	has(dot, "<b>:5432</b>");
	has(dot, ":r0p5432:w");
	has(dot, "style=dashed");
	has(dot, "#D55E00");
	has(dot, "3 failed");
	has(dot, "3 refused");
	has(dot, "nothing answers");
	has(dot, "2026-11-23 07:20 – 08:10 UTC");
	has(dot, "every attempt failed");
	has(dot,
	    "psql on buildhost → postgres on buildhost :5432&#10;0 connections, 1 open now");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(tiers)
{
	char *dot = draw_scene(scenes_three_tiers, NULL);
	Agraph_t *g = parse(dot);

	ck_assert_int_eq(agnnodes(g),
			 14); /* twelve machines, folded clients, one unmonitored */
	has(dot, "37 unmonitored clients");
	has(dot, "… 34 more");
	has(dot, "used by 11 machines");
	ck_assert_uint_eq(count(dot, "shared:<b> DNS</b>"), 11);
	has(dot, "31 of 120 failed");
	has(dot, "style=dotted");
	has(dot, "no sensor");
	has(dot, "style=\"rounded,dashed\"");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(around_one_machine)
{
	char *dot = draw_scene(scenes_three_tiers, "db01");
	Agraph_t *g = parse(dot);

	ck_assert_int_eq(agnnodes(g), 7); /* itself, four app, db02, dns01 */
	has(dot, "db01 · processes, ports and neighbours");
	agclose(g);
	free(dot);
	dot = draw_scene(scenes_three_tiers, "dns01");
	has(dot, "11 client machines");
	free(dot);
}
END_TEST

START_TEST(nothing_to_draw)
{
	char *dot = draw_scene(NULL, NULL);

	has(dot, "No connections seen yet");
	has(dot, "skein up");
	free(dot);
	dot = draw_scene(scenes_listening, NULL);
	has(dot, "No connections seen yet");
	has(dot, "<b>:5432</b>");
	has(dot, "postgres");
	free(dot);
}
END_TEST

START_TEST(idle_machines_are_one_box)
{
	struct scenes s = { 0 };
	char *dot;

	for (unsigned i = 0; i < 9; i++) {
		char *name = xasprintf("idle%u", i);

		scenes_machine(&s, scenes_string(&s, name), name, "", NULL, true);
	}
	dot = draw(&s, NULL);
	has(dot, "9 machines without connections");
	has(dot, "… 3 more");
	free(dot);
	scenes_fini(&s);
}
END_TEST

START_TEST(large_estates_are_folded)
{
	struct scenes s = { 0 };
	char *dot;

	scenes_estate(&s, 40);
	dot = draw(&s, NULL);
	has(dot, "<b>nginx</b>");
	free(dot);
	scenes_fini(&s);

	scenes_estate(&s, 58);
	for (unsigned i = 0; i < 400;
	     i++) /* too many arrows for cards, few pairs of machines */
		scenes_edge(&s, "g00-web01 10.0.0.1 nginx", "g00-app03 10.0.0.3 java",
			    (uint16_t)(9000 + i), 1);
	dot = draw(&s, NULL);
	has(dot, "One box for each machine");
	has(dot, "+398 ports");
	free(dot);
	scenes_fini(&s);

	scenes_estate(&s, 300);
	dot = draw(&s, NULL);
	has(dot, "whose names differ only in their number");
	has(dot, "g00-app03 … g00-app04");
	has_not(dot, "Not drawn");
	free(dot);
	scenes_fini(&s);
}
END_TEST

START_TEST(what_is_left_out_is_said)
{
	struct scenes s = { 0 };
	char *dot;
	Agraph_t *g;

	scenes_estate(&s, 1500);
	s.health = (struct health){ .lost = 1200, .overflow = 3 };
	dot = draw(&s, NULL);
	g = parse(dot);
	ck_assert_int_eq(agnnodes(g), 400);
	has(dot, "Not drawn: ");
	has(dot, "1,200 records were lost");
	has(dot, "3 connections did not fit");
	agclose(g);
	free(dot);
	scenes_fini(&s);
}
END_TEST

START_TEST(names_cannot_break_out)
{
	char *dot = draw_scene(scenes_hostile, NULL);
	Agraph_t *g = parse(dot);

	ck_assert_int_eq(agnnodes(g), 12 + 4 * 2); /* four call themselves: frames of two */
	has_not(dot, "<script");
	has_not(dot, "<IMG");
	has_not(dot, "\x1b");
	has_not(dot, "\xe2\x80\xae");
	has_not(dot, "\xff");
	has(dot, "a-very-long-name-that-goes-on-and-on-an…");
	agclose(g);
	free(dot);
}
END_TEST

START_TEST(words)
{
	static const struct {
		const char *in, *out;
		size_t cap;
	} cases[] = {
		{ "", "", 5 },
		{ "plain", "plain", 5 },
		{ "longer", "long…", 5 },
		{ "äöüß€", "äöüß€", 5 },
		{ "äöüß€x", "äöüß…", 5 },
		{ "<a&b>\"'", "&#60;a&#38;b&#62;&#34;&#39;", 9 },
		{ "\\N", "&#92;&#92;N", 9 },
		{ "\x01\x7f\xc2\x9b", "���", 9 },
		{ "\xc0\xaf\xed\xa0\x80", "�����", 9 },
		{ "\xf0\x9f\x92\xa9", "\xf0\x9f\x92\xa9", 9 },
		{ "\xe2\x80\x8b\xef\xbb\xbf\xef\xbf\xbf", "���", 9 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		words_text(&b, cases[i].in, cases[i].cap);
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(numbers_and_ids)
{
	static const struct {
		uint64_t n;
		const char *out;
	} cases[] = { { 0, "0" },	  { 999, "999" },      { 1000, "1k" },
		      { 1200, "1.2k" },	  { 9999, "9.9k" },    { 10999, "10k" },
		      { 999999, "999k" }, { 5600000, "5.6M" }, { UINT64_MAX, "18446744T" } };
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		words_count(&b, cases[i].n);
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
	}
	buf_reset(&b);
	words_id(&b, "m-", "a_b:c.d");
	words_number(&b, 1234567, " one", " many");
	words_port(&b, 53, PROTO_UDP);
	words_port(&b, 0, PROTO_TCP);
	words_period(&b, 59, 61, 0);
	words_period(&b, 0, 86400, 0);
	ck_assert_str_eq(buf_cstr(&b), "m-a_5Fb_3Ac.d1,234,567  many:53/udp:dynamic"
				       "1970-01-01 00:00:59 – 00:01:01 UTC"
				       "1970-01-01 00:00 – 1970-01-02 00:00 UTC");
	buf_fini(&b);
}
END_TEST

START_TEST(roles_and_families)
{
	char out[64];

	ck_assert_int_eq(role_of("postgres", 1), ROLE_DATABASE);
	ck_assert_int_eq(role_of("", 5432), ROLE_DATABASE);
	ck_assert_int_eq(role_of("nginx", 8000), ROLE_WEB);
	ck_assert_int_eq(role_of("java", 443), ROLE_APP);
	ck_assert_int_eq(role_of("", 443), ROLE_WEB);
	ck_assert_int_eq(role_of("sshd", 22), ROLE_NONE);
	ck_assert_int_eq(role_of("app.py", 8000), ROLE_APP);
	ck_assert_str_eq(role_shared_service(53), "DNS");
	ck_assert_ptr_null(role_shared_service(5432));
	ck_assert_str_eq(fold_family("hr-app01.example.com", out, sizeof(out)),
			 "hr-app#.example.com");
	ck_assert_str_eq(fold_family("42", out, sizeof(out)), "42");
	ck_assert_str_eq(fold_family("db", out, sizeof(out)), "db");
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, golden);
	tcase_add_test(t, same_facts_same_bytes);
	tcase_add_test(t, processes_of_one_host_side_by_side);
	tcase_add_test(t, tiers);
	tcase_add_test(t, around_one_machine);
	tcase_add_test(t, nothing_to_draw);
	tcase_add_test(t, idle_machines_are_one_box);
	tcase_add_test(t, large_estates_are_folded);
	tcase_add_test(t, what_is_left_out_is_said);
	tcase_add_test(t, names_cannot_break_out);
	tcase_add_test(t, words);
	tcase_add_test(t, numbers_and_ids);
	tcase_add_test(t, roles_and_families);
	return unit_run("dot", t);
}
