/* SPDX-License-Identifier: Apache-2.0 */
/* "Have we watched long enough?", for a person. */
#include <stdio.h>

#include "cli/explain_text.h"
#include "cli/page.h"
#include "cli/say.h"
#include "common/number.h"
#include "common/when.h"

enum { CURVE_ROWS = 14, BAR = 40 };

static void say_span(const struct watch *w, const char *name)
{
	char first[WHEN_TEXT], last[WHEN_TEXT];

	page_say(stdout, 0, 2, "%s%swatched for %.1f days, %.16s to %.16s", name ? name : "",
		 name ? ": " : "", (double)(w->last - w->first) / 86400,
		 when_text(w->first, first), when_text(w->last, last));
	if (!w->weekly)
		page_say(stdout, 2, 2,
			 "Too short: what runs once a week shows after 8 days, what runs once "
			 "a month after 35.");
	else if (!w->monthly)
		page_say(stdout, 2, 2,
			 "Long enough for weekly jobs, too short for monthly ones (35 days).");
	else
		page_say(stdout, 2, 2, "Long enough for weekly and monthly jobs.");
}

static void say_part(unsigned n, unsigned of, const char *words)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT], share[PAGE_SHARE];

	if (of)
		page_say(stdout, 2, 2, "%s of %s %s (%s)", number_text(n, a),
			 number_text(of, b), words, page_share((double)n / of, share));
}

static void say_health(const struct health *h)
{
	char n[NUMBER_TEXT];

	if (h->lost)
		page_say(stdout, 2, 2, "%s records were lost before they were counted",
			 number_text(h->lost, n));
	if (h->overflow)
		page_say(stdout, 2, 2, "%s connections did not fit a sensor's tables",
			 number_text(h->overflow, n));
	if (h->quarantined || h->rejected)
		page_say(stdout, 2, 2, "%s records were not taken: quarantined or senseless",
			 number_text(h->quarantined + h->rejected, n));
}

static void say_coverage(const struct explained *x, const struct watch *w)
{
	char n[NUMBER_TEXT];

	printf("\n");
	page_say(stdout, 0, 2, "Coverage");
	say_part(w->sensors, w->machines, "machines have a sensor");
	if (w->strangers)
		page_say(stdout, 2, 2, "%s addresses are no known machine",
			 number_text(w->strangers, n));
	say_part(w->one_sided, w->both,
		 "edges between two machines with sensors were told of by one of them only");
	say_part(w->nameless, w->edges, "edges have an unknown process where a sensor is");
	if (w->guessed)
		say_part(w->guessed, w->edges,
			 "edges have a process that was assigned by share");
	if (w->failing)
		page_say(stdout, 2, 2,
			 "%s edges on which nothing ever got through are left out here",
			 number_text(w->failing, n));
	if (w->imported)
		say_part(w->imported, w->edges,
			 "edges come from imports alone: first and last are known, days not");
	say_health(&x->g->health);
}

static void say_curve(const struct watch *w)
{
	unsigned per = (w->curve_n + CURVE_ROWS - 1) / CURVE_ROWS;
	unsigned known = w->curve_n ? w->curve[w->curve_n - 1].total : 0;

	if (!known)
		return;
	printf("\n");
	page_say(stdout, 0, 2, "Discovery: new edges, and edges known, by %u %s%s%s", per,
		 w->step == 3600 ? "hour" : "day", number_plural(per),
		 w->before ? " (some were known before)" : "");
	for (unsigned i = 0, end; i < w->curve_n; i = end) {
		unsigned fresh = 0;
		char at[WHEN_TEXT];

		for (end = i; end < w->curve_n && end < i + per; end++)
			fresh += w->curve[end].fresh;
		printf("  %.*s %7u %8u  ", w->step == 3600 ? 16 : 10,
		       when_text(w->curve[i].at, at), fresh, w->curve[end - 1].total);
		for (double b = 0.5; b < BAR * (double)w->curve[end - 1].total / known; b++)
			printf("#");
		printf("\n");
	}
}

static void say_unseen(const struct watch *w)
{
	const struct watch_unseen *u = &w->unseen;
	const char *what = u->method == WATCH_DAYS ? "days" : "connections";
	char share[PAGE_SHARE];

	printf("\n");
	page_say(stdout, 0, 2, "Still unseen");
	if (u->method == WATCH_NOTHING) {
		page_say(stdout, 2, 2, "Too little was seen to say.");
		return;
	}
	page_say(
		stdout, 2, 2,
		"At least %.0f edges more (95 %% interval %.0f to %.0f) beside %u, from %u seen "
		"with one and %u with two %s (%s).",
		u->more, u->low, u->high, u->seen, u->once, u->twice, what,
		u->method == WATCH_DAYS ? "Chao2" : "Chao1");
	page_say(stdout, 2, 2,
		 "%s of what happens goes over edges that are known (Good-Turing).",
		 page_share(u->complete, share));
	if (u->method == WATCH_CONNECTIONS)
		page_say(stdout, 2, 2,
			 "Days are not known of enough edges; connections come in bursts, so "
			 "this is too low rather than too high.");
}

static void say_end(const struct watch *w)
{
	char at[WHEN_TEXT], next[PAGE_REAL];

	printf("\n");
	page_say(stdout, 0, 2, "When watching longer stops paying");
	if (!w->fitted) {
		page_say(stdout, 2, 2,
			 "Not yet known: a curve needs a week of days. It pays to go on.");
		return;
	}
	page_say(stdout, 2, 2, "New edges to be expected on the next day: %s",
		 page_real(w->next_day, next));
	if (!w->enough)
		page_say(
			stdout, 2, 2,
			"Not yet known: the curve does not fall fast enough to say when fewer "
			"than 0.1 %% of the edges will be new on a day.");
	else if (w->past)
		page_say(stdout, 2, 2,
			 "Since %.10s fewer than 0.1 %% of the edges are new on a day; only "
			 "rarer jobs are still to come.",
			 when_text(w->enough, at));
	else
		page_say(
			stdout, 2, 2,
			"From %.10s on fewer than 0.1 %% of the edges should be new on a day.",
			when_text(w->enough, at));
}

void explain_text_watch(const struct explained *x, const struct watch *w, const char *name)
{
	if (!w->first) {
		page_say(stdout, 0, 2, "Nothing was watched yet.");
		return;
	}
	say_span(w, name);
	say_coverage(x, w);
	say_curve(w);
	say_unseen(w);
	say_end(w);
}
