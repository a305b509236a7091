/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/groups.h"
#include "common/number.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/utf8.h"

enum { NAMED = 5 }; /* machines that are named one by one */

/* Of what happens a day: whole numbers, one decimal below ten. */
static void put_count(struct buf *b, double v, const char *one)
{
	char text[NUMBER_TEXT];

	if (v >= 9.95)
		buf_printf(b, "%s %ss", number_text((uint64_t)(v + .5), text), one);
	else if (v > 0 && v < .05)
		buf_printf(b, "under 0.1 %ss", one);
	else if ((double)(int)v == v)
		buf_printf(b, "%d %s%s", (int)v, one, number_plural((uint64_t)v));
	else
		buf_printf(b, "%.1f %ss", v, one);
}

static void put_bytes(struct buf *b, double v)
{
	static const char *const unit[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
	unsigned i = 0;

	for (; v >= 999.5 && i < 6; i++)
		v /= 1000;
	buf_printf(b, "%.*f %s", i && v < 9.95 ? 1 : 0, v, unit[i]);
}

void groups_cost_rate(struct buf *b, const struct rescore_part *part)
{
	put_count(b, part->opens, "connection");
	if (part->has_bytes) {
		buf_str(b, " and ");
		put_bytes(b, part->bytes);
	}
	buf_str(b, " a day");
}

void groups_cost_ties(struct buf *b, const struct rescore *r, const char *whose,
		      const char *cross)
{
	unsigned all = r->kept.ties + r->cut.ties;
	char cut[NUMBER_TEXT], of[NUMBER_TEXT];

	if (!all) {
		buf_printf(b, "%s no ties, so nothing is cut",
			   strcmp(whose, "its") ? "there are" : "it has");
		return;
	}
	buf_printf(b, "%s of %s %s tie%s",
		   r->cut.ties ? number_text(r->cut.ties, cut) : "none", whose,
		   number_text(all, of), number_plural(all));
	if (r->cut.ties) {
		buf_printf(b, " (%.0f %% of their weight: ", 100 * rescore_share(r));
		groups_cost_rate(b, &r->cut);
		buf_str(b, ")");
	}
	buf_printf(b, " %s", cross);
}

void groups_json_text(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void groups_json_uint(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_uint(j, v);
}

void groups_json_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void groups_json_share(struct json *j, const char *key, double v)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "%.2f", v);

	json_key(j, key);
	json_raw(j, text, (size_t)n);
}

static void put_part(struct json *j, const char *key, const struct rescore_part *part)
{
	json_key(j, key);
	json_open(j, '{');
	groups_json_uint(j, "ties", part->ties);
	groups_json_share(j, "weight", part->weight);
	groups_json_uint(j, "edges", part->edges);
	groups_json_share(j, "connections_a_day", part->opens);
	if (part->has_bytes)
		groups_json_share(j, "bytes_a_day", part->bytes);
	json_close(j, '}');
}

void groups_cost_json(struct json *j, const char *key, const struct rescore *r)
{
	json_key(j, key);
	json_open(j, '{');
	put_part(j, "kept", &r->kept);
	put_part(j, "cut", &r->cut);
	json_close(j, '}');
}

void groups_print(struct buf *b)
{
	struct buf line = { 0 };

	utf8_show(&line, buf_cstr(b), b->n);
	buf_str(&line, "\n");
	fwrite(line.p, 1, line.n, stdout);
	buf_fini(&line);
	buf_fini(b);
}

static bool among(unsigned m, const unsigned *named, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (named[i] == m)
			return true;
	return false;
}

static void print_moved(const struct groups *x, const struct groups_outcome *out,
			const unsigned *named, unsigned named_n)
{
	unsigned *moved = xcalloc(x->graph->machine_n, sizeof(*moved)), n = 0;
	unsigned all = rescore_moved(out->before, out->after, moved);
	struct buf b = { 0 };
	char text[NUMBER_TEXT];

	for (unsigned i = 0; i < all; i++)
		if (!among(moved[i], named, named_n))
			moved[n++] = moved[i];
	if (!n) {
		free(moved);
		return;
	}
	buf_printf(&b, "%s machine%s changed group with it: ", number_text(n, text),
		   number_plural(n));
	for (unsigned i = 0; i < n && i < NAMED; i++)
		buf_printf(&b, "%s%s (%s to %s)", i ? ", " : "",
			   groups_machine_name(x, moved[i]),
			   out->before->group[out->before->machine[moved[i]].group].name,
			   out->after->group[out->after->machine[moved[i]].group].name);
	if (n > NAMED)
		buf_printf(&b, " and %u more", n - NAMED);
	groups_print(&b);
	free(moved);
}

void groups_cost_print(const struct groups *x, const struct groups_outcome *out,
		       const unsigned *named, unsigned named_n)
{
	struct ties *ties = ties_of(x->graph, out->before);
	struct rescore was = rescore_plan(x->graph, ties, out->before);
	struct rescore is = rescore_plan(x->graph, out->ties, out->after);
	struct buf b = { 0 };
	char text[NUMBER_TEXT];

	ties_free(ties);
	print_moved(x, out, named, named_n);
	buf_printf(&b, "between all groups: %s tie%s (%.0f %% of all weight), ",
		   number_text(is.cut.ties, text), number_plural(is.cut.ties),
		   100 * rescore_share(&is));
	groups_cost_rate(&b, &is.cut);
	buf_printf(&b, "; before: %s tie%s (%.0f %%), ", number_text(was.cut.ties, text),
		   number_plural(was.cut.ties), 100 * rescore_share(&was));
	groups_cost_rate(&b, &was.cut);
	groups_print(&b);
}
