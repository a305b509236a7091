/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/glance.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/utf8.h"
#include "store/query.h"

/* A line that can be printed, with what decides whether it is. */
struct line {
	char *text;
	uint64_t live, opens;
};

struct lines {
	struct line *line;
	size_t n, cap;
	struct glance count;
};

static void add(struct lines *l, char *text, uint64_t live, uint64_t opens)
{
	MEM_GROW(l->line, l->n, l->cap);
	l->line[l->n++] = (struct line){ .text = text, .live = live, .opens = opens };
}

static void lines_fini(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->line[i].text);
	free(l->line);
}

static int add_machine(const struct machine_row *row, void *ctx)
{
	struct lines *l = ctx;

	(void)row;
	l->count.machines++;
	return 0;
}

static void put_name(struct buf *b, const char *name)
{
	if (*name)
		utf8_show(b, name, strlen(name));
	else
		buf_str(b, "?");
}

/* "nginx :80 :443": rows of one process come together once they are sorted by text. */
static int add_listener(const struct listener_row *row, void *ctx)
{
	struct lines *l = ctx;
	struct buf b = { 0 };

	if (!row->current)
		return 0;
	l->count.services++;
	put_name(&b, row->process.name);
	buf_printf(&b, " :%u", row->port);
	add(l, buf_take(&b), 0, 0);
	return 0;
}

static int add_edge(const struct edge_row *row, void *ctx)
{
	const struct end_row *s = &row->server;
	struct lines *l = ctx;
	struct buf b = { 0 };

	l->count.edges++;
	l->count.live += row->live;
	l->count.opens += row->c.opens;
	l->count.failed += counters_failed(&row->c);
	if (!row->client.id)
		buf_printf(&b, "%s ", row->client.ip);
	if (row->client.id || *row->client.process.name)
		put_name(&b, row->client.process.name);
	buf_str(&b, " → ");
	if (!s->id)
		buf_printf(&b, "%s ", s->ip);
	if (s->id || *s->process.name)
		put_name(&b, s->process.name);
	buf_printf(&b, " :%u", row->port);
	if (row->live)
		buf_printf(&b, "  (%llu open)", (unsigned long long)row->live);
	else if (counters_failed(&row->c))
		buf_printf(&b, "  (%llu failed)",
			   (unsigned long long)counters_failed(&row->c));
	add(l, buf_take(&b), row->live, row->c.opens);
	return 0;
}

int glance_count(struct store *s, struct glance *out, struct err *e)
{
	struct filter all = { 0 };
	struct lines l = { 0 };
	int rc = query_machines(s, &all, add_machine, &l, e);

	if (rc == 0)
		rc = query_listeners(s, &all, add_listener, &l, e);
	if (rc == 0)
		rc = query_edges(s, &all, add_edge, &l, e);
	*out = l.count;
	lines_fini(&l);
	return rc;
}

static int by_text(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static int by_weight(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->live != y->live)
		return x->live > y->live ? -1 : 1;
	if (x->opens != y->opens)
		return x->opens > y->opens ? -1 : 1;
	return strcmp(x->text, y->text);
}

static size_t width_of(const char *s)
{
	size_t w = 0, left = strlen(s), n;
	uint32_t cp;

	for (; left; s += n, left -= n) {
		n = utf8_next(s, left, &cp);
		w += n ? utf8_width(cp) : 1;
		n = n ? n : 1;
	}
	return w;
}

/* "nginx :80, nginx :443" on as few lines as LINES, and how many there was no room for. */
static void print_services(struct lines *l, FILE *out, unsigned lines, unsigned width)
{
	size_t used = 0, at = 0;

	qsort(l->line, l->n, sizeof(*l->line), by_text);
	for (size_t i = 0; i < l->n; i++) {
		const char *text = l->line[i].text;
		size_t w;

		if (i && strcmp(text, l->line[i - 1].text) == 0)
			continue; /* the same port on another address */
		w = width_of(text) + 2;
		if (!used || at + w + 12 > width) {
			if (used++ == lines) {
				fprintf(out, " and more");
				break;
			}
			fprintf(out, "%s%s", used == 1 ? "  listens   " : "\n            ",
				text);
			at = 12 + w;
			continue;
		}
		fprintf(out, ", %s", text);
		at += w;
	}
	if (used)
		putc('\n', out);
}

static void print_edges(struct lines *l, FILE *out, unsigned lines)
{
	size_t shown = l->n > lines ? lines - 1 : l->n;

	qsort(l->line, l->n, sizeof(*l->line), by_weight);
	for (size_t i = 0; i < shown; i++)
		fprintf(out, "%s%s\n", i ? "            " : "  connected ", l->line[i].text);
	if (shown < l->n)
		fprintf(out, "            and %zu more: skein edges\n", l->n - shown);
}

int glance_print(struct store *s, FILE *out, unsigned lines, unsigned width, struct err *e)
{
	struct lines services = { 0 }, edges = { 0 };
	struct filter all = { 0 };
	unsigned half = lines > 4 ? 3 : 1;
	int rc = query_listeners(s, &all, add_listener, &services, e);

	if (rc == 0)
		rc = query_edges(s, &all, add_edge, &edges, e);
	if (rc == 0) {
		print_services(&services, out, half, width);
		print_edges(&edges, out, lines - half);
	}
	lines_fini(&services);
	lines_fini(&edges);
	return rc;
}
