/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/export.h"

#include <check.h>
#include <errno.h>

#include "common/json.h"
#include "common/utf8.h"
#include "graph/export_xml.h"
#include "tests/exportkit.h"
#include "tests/unit.h"

static char *written(const char *format, const struct export *x)
{
	struct export_sink s = { 0 };

	ck_assert_int_eq(export_write(export_find(format), x, &s), 0);
	return buf_take(&s.out);
}

static char *table(struct export *x, const char *name)
{
	x->table = name;
	return written("csv", x);
}

/* Readers that know nothing of the writers */

static const char *xml_reference(const char *p)
{
	const char *end = strchr(p, ';');

	ck_assert_msg(end && end - p < 8, "a bare &: %.20s", p);
	if (p[1] == '#')
		ck_assert_int_eq(strspn(p + 2, "0123456789"), (size_t)(end - p - 2));
	else
		ck_assert_msg(strncmp(p, "&lt;", 4) == 0 || strncmp(p, "&gt;", 4) == 0 ||
				      strncmp(p, "&amp;", 5) == 0 ||
				      strncmp(p, "&quot;", 6) == 0,
			      "%.10s", p);
	return end;
}

/* From < to >; returns the > and whether it opens (1), closes (-1) or neither (0). */
static const char *xml_tag(const char *p, int *opens)
{
	const char *begin = p;
	char quote = 0;

	for (p++; *p && (quote || *p != '>'); p++) {
		if (quote && *p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '&')
			p = xml_reference(p);
		ck_assert_msg(!quote || *p != '<', "< in an attribute: %.40s", begin);
	}
	ck_assert_msg(*p == '>', "no end: %.40s", begin);
	*opens = begin[1] == '/' ? -1 : p[-1] == '/' || begin[1] == '?' ? 0 : 1;
	return p;
}

static size_t name_length(const char *p)
{
	return strcspn(p, " />");
}

static void check_xml(const char *text)
{
	const char *stack[64];
	unsigned depth = 0;
	int opens;

	ck_assert(utf8_valid(text, strlen(text)));
	for (const char *p = text; *p; p++) {
		ck_assert_msg((uint8_t)*p >= 0x20 || *p == '\n', "raw %#x", *p);
		if (*p == '&')
			p = xml_reference(p);
		if (*p != '<')
			continue;
		if (p[1] == '/') {
			size_t n = name_length(p + 2);

			ck_assert_uint_gt(depth, 0);
			depth--;
			ck_assert_msg(name_length(stack[depth]) == n &&
					      !strncmp(stack[depth], p + 2, n),
				      "%.30s ends %.30s", p, stack[depth]);
		}
		stack[depth] = p + 1;
		p = xml_tag(p, &opens);
		depth += opens > 0;
		ck_assert_uint_lt(depth, 64);
	}
	ck_assert_uint_eq(depth, 0);
}

static void check_json(const char *text)
{
	struct json_in in = json_from(text, strlen(text));
	struct buf out = { 0 };
	struct json j = json_to(&out);

	ck_assert_msg(json_copy(&in, &j) && json_at_end(&in), "%s: %.40s",
		      in.why ? in.why : "more behind it", in.p);
	buf_fini(&out);
}

/* Outside of literals stand only our own words, and every literal has an end. */
static void check_cypher(const char *text)
{
	bool inside = false;

	ck_assert(utf8_valid(text, strlen(text)));
	for (const char *p = text; *p; p++) {
		if (!inside) {
			ck_assert_msg((uint8_t)*p < 0x80 && *p != '"' && *p != '`' &&
					      *p != '\\',
				      "outside: %.40s", p);
			inside = *p == '\'';
			continue;
		}
		ck_assert_msg((uint8_t)*p >= 0x20, "raw %#x in a literal", *p);
		if (*p == '\\') {
			ck_assert_msg(strchr("\\'nrtu", p[1]) && p[1], "\\%c", p[1]);
			ck_assert_msg(p[1] != '\\' || (p[2] != 'u' && p[2] != 'U'),
				      "read early: %.20s", p);
			p++;
		} else if (*p == '\'') {
			inside = false;
		}
	}
	ck_assert(!inside);
	ck_assert_msg(!*text || strcmp(text + strlen(text) - 2, ";\n") == 0,
		      "no ; at the end");
}

/* The length of a cell and its first character, quotes taken away. */
static const char *csv_cell(const char *p, char *first)
{
	*first = *p == '"' ? p[1] : *p;
	if (*p != '"')
		return p + strcspn(p, ",\r");
	for (p++; *p && (*p != '"' || p[1] == '"'); p += *p == '"' ? 2 : 1)
		;
	ck_assert(*p == '"');
	return p + 1;
}

/* Returns the number of rows, the header among them. */
static unsigned check_csv(const char *text)
{
	unsigned columns = 0, rows = 0, n = 1;
	char first;

	for (const char *p = text; *p;) {
		p = csv_cell(p, &first);
		ck_assert_msg(!strchr("=+-@", first) || !first, "a formula: %c", first);
		if (*p == ',') {
			n++;
			p++;
			continue;
		}
		ck_assert_msg(p[0] == '\r' && p[1] == '\n', "after a cell: %.20s", p);
		p += 2;
		ck_assert_msg(!columns || n == columns, "row %u: %u cells, not %u", rows, n,
			      columns);
		columns = n;
		n = 1;
		rows++;
	}
	return rows;
}

static void check_mermaid(const char *text)
{
	for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
		size_t n = strcspn(line, "\n");
		unsigned quotes = 0;

		for (size_t i = 0; i < n; i++)
			quotes += line[i] == '"';
		ck_assert_msg(quotes == 0 || quotes == 2, "%.*s", (int)n, line);
		ck_assert_msg(!memchr(line, '<', n), "%.*s", (int)n, line);
	}
}

static void check_format(const struct export_format *f, struct export *x)
{
	for (const struct export_table *t = export_tables; f->tables && t->name; t++) {
		char *text = table(x, t->name);

		check_csv(text);
		free(text);
	}
	if (!f->tables) {
		char *text = written(f->name, x);

		if (!strcmp(f->name, "json"))
			check_json(text);
		else if (!strcmp(f->name, "cypher"))
			check_cypher(text);
		else if (!strcmp(f->name, "mermaid"))
			check_mermaid(text);
		else
			check_xml(text);
		ck_assert_uint_gt(strlen(text), 10);
		free(text);
	}
}

static void estate(struct scenes *s)
{
	scenes_estate(s, 40);
}

static void (*const scene_list[])(struct scenes *s) = { NULL, scenes_one_host,
							scenes_three_tiers, scenes_hostile,
							estate };
enum { SCENES_N = sizeof(scene_list) / sizeof(scene_list[0]) };

START_TEST(every_format_holds_every_estate)
{
	struct exportkit w;

	for (int i = 0; i < SCENES_N; i++) {
		exportkit_init(&w, scene_list[i], false);
		for (const struct export_format *f = export_formats; f->name; f++)
			check_format(f, &w.x);
		exportkit_fini(&w);
	}
}
END_TEST

START_TEST(without_a_plan_there_are_machines_and_edges)
{
	struct exportkit w;

	for (int i = 0; i < SCENES_N; i++) {
		struct export x = { 0 };
		char *text;

		exportkit_init(&w, scene_list[i], false);
		x.graph = w.g;
		x.edges = true;
		for (const struct export_format *f = export_formats; f->name; f++)
			check_format(f, &x);
		text = written("json", &x);
		ck_assert(strstr(text, "\"plan\":null") && strstr(text, "\"groups\":[]"));
		free(text);
		exportkit_fini(&w);
	}
}
END_TEST

START_TEST(order_of_facts_does_not_matter)
{
	struct exportkit a, b;

	for (int i = 0; i < SCENES_N; i++) {
		exportkit_init(&a, scene_list[i], false);
		exportkit_init(&b, scene_list[i], true);
		for (const struct export_format *f = export_formats; f->name; f++) {
			char *x, *y;

			a.x.table = b.x.table = "edges";
			x = written(f->name, &a.x);
			y = written(f->name, &b.x);
			ck_assert_msg(strcmp(x, y) == 0, "%s", f->name);
			free(x);
			free(y);
		}
		exportkit_fini(&a);
		exportkit_fini(&b);
	}
}
END_TEST

/* Counts what is handed on, in pieces, and fails where it is told to. */
struct taker {
	struct buf all;
	unsigned calls, fail_at;
	size_t largest;
};

static int take(void *ctx, const void *p, size_t n)
{
	struct taker *t = ctx;

	if (++t->calls == t->fail_at)
		return -ENOSPC;
	buf_put(&t->all, p, n);
	if (n > t->largest)
		t->largest = n;
	return 0;
}

static void big_estate(struct scenes *s)
{
	scenes_estate(s, 900);
}

START_TEST(what_is_written_streams)
{
	struct exportkit w;

	exportkit_init(&w, big_estate, false);
	w.x.table = "edges";
	for (const struct export_format *f = export_formats; f->name; f++) {
		struct taker t = { 0 };
		struct export_sink s = { .write = take, .ctx = &t };
		char *whole = written(f->name, &w.x);

		ck_assert_int_eq(export_write(f, &w.x, &s), 0);
		ck_assert_str_eq(buf_cstr(&t.all), whole);
		ck_assert_msg(t.calls > 1 || strlen(whole) < 1 << 16, "%s", f->name);
		ck_assert_uint_lt(t.largest, 1 << 18);
		buf_fini(&t.all);
		buf_fini(&s.out);
		free(whole);
	}
	exportkit_fini(&w);
}
END_TEST

START_TEST(a_full_disk_is_said_once)
{
	struct taker t = { .fail_at = 2 };
	struct export_sink s = { .write = take, .ctx = &t };
	struct exportkit w;

	exportkit_init(&w, big_estate, false);
	ck_assert_int_eq(export_write(export_find("graphml"), &w.x, &s), -ENOSPC);
	ck_assert_uint_eq(t.calls, 2);
	buf_fini(&t.all);
	buf_fini(&s.out);
	exportkit_fini(&w);
}
END_TEST

START_TEST(xml_has_no_forbidden_character)
{
	static const char *const cases[][2] = {
		{ "plain", "plain" },
		{ "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;" },
		{ "tab\there\nline\r", "tab&#9;here&#10;line&#13;" },
		{ "\x01\x1f", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xef\xbf\xbe\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "]]>", "]]&gt;" },
		{ "x\xf0\x9f\x92\xa9y", "x\xf0\x9f\x92\xa9y" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		xml_text(&b, cases[i][0]);
		ck_assert_str_eq(buf_cstr(&b), cases[i][1]);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(cypher_cannot_be_left)
{
	static const char *const cases[][2] = {
		{ "it's", "id: 'it\\'s'" },
		{ "a\\u0027b", "id: 'a\\\\' + 'u0027b'" },
		{ "end\\", "id: 'end\\\\'" },
		{ "a\nb\x01", "id: 'a\\nb\\u0001'" },
		{ "'}] AS x DETACH DELETE x;//", "id: '\\'}] AS x DETACH DELETE x;//'" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const struct filter all;
		struct scenes s = { 0 };
		struct export x = { 0 };
		struct graph *g;
		char *text;

		scenes_machine(&s, cases[i][0], "m", "", "10.0.0.1", true);
		x.graph = g = graph_load(scenes_store(&s), &all, NULL);
		text = written("cypher", &x);
		ck_assert_msg(strstr(text, cases[i][1]), "%s", text);
		check_cypher(text);
		free(text);
		graph_free(g);
		scenes_fini(&s);
	}
}
END_TEST

START_TEST(spreadsheets_get_no_formula)
{
	struct exportkit w;
	char *text;

	exportkit_init(&w, scenes_three_tiers, false);
	text = table(&w.x, "groups");
	ck_assert_msg(strstr(text, "\r\n'=cmd|' /C calc'!A0,prod,"), "%s", text);
	ck_assert_uint_eq(check_csv(text), 4);
	free(text);
	text = table(&w.x, "machines");
	ck_assert_uint_eq(check_csv(text), 13);
	ck_assert(
		strstr(text, "\r\nweb01,web01,10.14.0.11,Debian GNU/Linux 12 (bookworm),,,,"));
	free(text);
	text = table(&w.x, "waves");
	ck_assert_msg(strstr(text, "\r\n1,2026-11-23 07:20:00,,0,3,"), "%s", text);
	free(text);
	text = table(&w.x, "cuts");
	ck_assert_msg(strstr(text, ",db,yes,1,2,2,0,0,0,0,0,12.5,"), "%s", text);
	ck_assert_msg(strstr(text, ",,admin,no,1,,1,"), "%s", text);
	free(text);
	exportkit_fini(&w);
}
END_TEST

/* yEd draws a label that begins with <html> as HTML, and fetches what it names. */
START_TEST(yed_gets_no_html)
{
	struct exportkit w;
	char *text;

	exportkit_init(&w, scenes_three_tiers, false);
	text = written("graphml", &w.x);
	ck_assert(strstr(text, "\"> &lt;html&gt;"));
	ck_assert(!strstr(text, "modelPosition=\"t\">&lt;html"));
	free(text);
	exportkit_fini(&w);
}
END_TEST

START_TEST(formats_are_found)
{
	ck_assert_ptr_null(export_find("xlsx"));
	ck_assert_str_eq(export_of_file("a/b.GraphML")->name, "graphml");
	ck_assert_str_eq(export_of_file("x.json")->name, "json");
	ck_assert_ptr_null(export_of_file(".json"));
	ck_assert_ptr_null(export_of_file("json"));
	ck_assert_ptr_null(export_find_table("flows"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, every_format_holds_every_estate);
	tcase_add_test(t, without_a_plan_there_are_machines_and_edges);
	tcase_add_test(t, order_of_facts_does_not_matter);
	tcase_add_test(t, what_is_written_streams);
	tcase_add_test(t, a_full_disk_is_said_once);
	tcase_add_test(t, xml_has_no_forbidden_character);
	tcase_add_test(t, cypher_cannot_be_left);
	tcase_add_test(t, spreadsheets_get_no_formula);
	tcase_add_test(t, yed_gets_no_html);
	tcase_add_test(t, formats_are_found);
	return unit_run("export", t);
}
