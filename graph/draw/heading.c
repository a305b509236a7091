/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/heading.h"

#include "graph/draw/box.h"
#include "graph/draw/words.h"

#define ROW_BEGIN "<tr><td align=\"left\">"
#define ROW_END "</td></tr>"

enum { ENTRIES_A_ROW = 5 };

void heading_begin(struct buf *b)
{
	buf_str(b,
		"<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"1\">");
}

void heading_end(struct buf *b)
{
	buf_str(b, "</table>");
}

void heading_title(struct buf *b, struct buf *html)
{
	buf_str(b, ROW_BEGIN "<font point-size=\"15\"><b>");
	buf_put(b, html->p, html->n);
	buf_str(b, "</b></font>" ROW_END);
	buf_fini(html);
}

void heading_line(struct buf *b, const char *color, struct buf *html)
{
	if (html->n) {
		buf_printf(b, ROW_BEGIN "<font point-size=\"9\" color=\"%s\">", color);
		buf_put(b, html->p, html->n);
		buf_str(b, "</font>" ROW_END);
	}
	buf_fini(html);
}

void heading_sep(struct buf *b)
{
	if (b->n)
		buf_str(b, " · ");
}

struct heading_period heading_period(const struct graph *g)
{
	return (struct heading_period){
		.first = g->since   ? g->since
			 : g->first ? g->first
				    : g->health.first,
		.last = g->until  ? g->until
			: g->last ? g->last
				  : g->health.last,
	};
}

void heading_period_write(struct buf *b, const struct graph *g, bool local)
{
	struct heading_period p = heading_period(g);

	if (p.first && p.last >= p.first)
		words_period(b, p.first, p.last, local);
}

void heading_health(struct buf *b, const struct health *health)
{
	struct buf h = { 0 };

	if (health->lost) {
		words_number(&h, health->lost, "record was", "records were");
		buf_str(&h, " lost before counting");
	}
	if (health->overflow) {
		heading_sep(&h);
		words_number(&h, health->overflow, "connection", "connections");
		buf_str(&h, " did not fit a sensor's table");
	}
	if (health->quarantined) {
		heading_sep(&h);
		words_number(&h, health->quarantined, "record", "records");
		buf_str(&h, " in quarantine");
	}
	if (h.n)
		buf_str(&h, ": this picture may miss dependencies");
	heading_line(b, BOX_FAILED_TEXT, &h);
}

void legend_entry(struct legend *l, const char *color, const char *sign, const char *words)
{
	if (l->n == 0)
		buf_str(&l->html, ROW_BEGIN "<font point-size=\"9\" color=\"" HEADING_GREY
					    "\"><b>Legend</b>     </font>");
	else if (l->n % ENTRIES_A_ROW == 0)
		buf_str(&l->html, ROW_END ROW_BEGIN);
	buf_printf(&l->html,
		   "<font point-size=\"9\" color=\"%s\"><b>%s</b></font><font "
		   "point-size=\"8\" color=\"" HEADING_GREY "\"> %s     </font>",
		   color, sign, words);
	l->n++;
}

void legend_write(struct legend *l, struct buf *b)
{
	if (l->n) {
		buf_put(b, l->html.p, l->html.n);
		buf_str(b, ROW_END);
	}
	buf_fini(&l->html);
}
