/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Mermaid flowchart of groups, for a wiki; without a plan of machines.  Mermaid refuses more
 * than 500 arrows, so the strongest are kept and a comment counts the others.  Those of shared
 * services are left out, as everybody has them; a comment counts them too.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/utf8.h"
#include "graph/arrows.h"
#include "graph/export.h"

enum { ARROWS = 400 };

static void label(struct buf *b, const char *s)
{
	struct buf clean = { 0 };

	utf8_show(&clean, s, strlen(s));
	for (size_t i = 0; i < clean.n; i++) {
		uint8_t c = clean.p[i];

		/* entities by number: everything that Mermaid or HTML could take for its own
		 */
		if (c < 0x80 && strchr("\"#&<>`;\\|[]{}()%", c))
			buf_printf(b, "#%u;", c);
		else
			buf_u8(b, c);
	}
	buf_fini(&clean);
}

static void group(const struct export *x, struct export_sink *s, unsigned i)
{
	const struct plan_group *g = &x->plan->group[i];
	struct buf *b = &s->out;

	buf_printf(b, "  g%u%s\"", i, g->kind == PLAN_SHARED ? "([" : "[");
	label(b, g->name);
	buf_printf(b, " #183; %u machine%s", g->machine_n, g->machine_n == 1 ? "" : "s");
	if (g->wave)
		buf_printf(b, " #183; wave %u", g->wave);
	buf_printf(b, "\"%s\n", g->kind == PLAN_SHARED ? "])" : "]");
	export_flow(s);
}

static int by_opens(const void *pa, const void *pb)
{
	const struct arrow *a = *(const struct arrow *const *)pa;
	const struct arrow *b = *(const struct arrow *const *)pb;

	if (a->c.opens != b->c.opens)
		return a->c.opens > b->c.opens ? -1 : 1;
	return (a > b) - (a < b);
}

static bool left_out(const struct export *x, const struct arrow *l)
{
	return x->plan && (x->plan->group[l->client].kind == PLAN_SHARED ||
			   x->plan->group[l->server].kind == PLAN_SHARED);
}

static void put_arrows(const struct export *x, struct export_sink *s, const struct arrows *all)
{
	const struct arrow **kept = xcalloc(all->arrow_n, sizeof(const void *));
	char end = x->plan ? 'g' : 'n';
	unsigned n = 0;

	for (unsigned i = 0; i < all->arrow_n; i++)
		if (!left_out(x, &all->arrow[i]))
			kept[n++] = &all->arrow[i];
	qsort(kept, n, sizeof(const void *), by_opens);
	if (n < all->arrow_n)
		buf_printf(&s->out, "  %%%% %u arrows of shared services are left out\n",
			   all->arrow_n - n);
	if (n > ARROWS)
		buf_printf(&s->out, "  %%%% the %d strongest of %u arrows\n", ARROWS, n);
	for (unsigned i = 0; i < n && i < ARROWS; i++) {
		buf_printf(&s->out, "  %c%u -->|\"", end, kept[i]->client);
		export_ports(&s->out, kept[i]);
		buf_printf(&s->out, "\"| %c%u\n", end, kept[i]->server);
	}
	free(kept);
}

void export_mermaid(const struct export *x, struct export_sink *s)
{
	unsigned *of = NULL;
	struct arrows *all = x->plan ? export_arrows(x, &of) : arrows_of(x->graph, NULL);

	buf_str(&s->out, "flowchart LR\n");
	for (unsigned i = 0; x->plan && i < x->plan->group_n; i++)
		group(x, s, i);
	for (unsigned i = 0; !x->plan && i < x->graph->machine_n; i++) {
		buf_printf(&s->out, "  n%u[\"", i);
		label(&s->out, x->graph->machine[i].name);
		buf_str(&s->out, "\"]\n");
		export_flow(s);
	}
	put_arrows(x, s, all);
	arrows_free(all);
	free(of);
}
