/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "graph/calendar.h"
#include "graph/tier.h"
#include "graph/wave_work.h"

void wave_note(struct waves *w, const char *fmt, ...)
{
	char words[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	w->note = xreallocarray(w->note, w->note_n + 1ul, sizeof(*w->note));
	w->note[w->note_n++] = xstrdup(words);
}

static const char *s_of(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* What decided where one group stands, gathered from its arcs. */
struct ties_by_wave {
	unsigned with, server, broken; /* groups, PLAN_NONE */
	uint64_t with_n, server_n, broken_n;
};

static void look(struct ties_by_wave *t, const struct wave_work *k, unsigned i,
		 const struct between *a)
{
	unsigned other = a->client == i ? a->server : a->client;
	const struct wave_place *me = &k->w->place[i], *at = &k->w->place[other];

	if (k->p->group[other].kind == PLAN_SHARED || at->done)
		return;
	if (at->wave == me->wave && a->connections > t->with_n) {
		t->with = other;
		t->with_n = a->connections;
	}
	if (a->client != i)
		return;
	if (at->wave > me->wave && a->connections > t->broken_n) {
		t->broken = other;
		t->broken_n = a->connections;
	}
	if (at->wave < me->wave &&
	    (t->server == PLAN_NONE || at->wave > k->w->place[t->server].wave ||
	     (at->wave == k->w->place[t->server].wave && a->connections > t->server_n))) {
		t->server = other;
		t->server_n = a->connections;
	}
}

/* Of the lower ranks of its family the one that moves last; PLAN_NONE. */
static unsigned elder(const struct wave_work *k, unsigned i)
{
	unsigned found = PLAN_NONE;

	if (k->family[i] == PLAN_NONE)
		return PLAN_NONE;
	for (unsigned j = 0; j < k->p->group_n; j++)
		if (k->family[j] == k->family[i] && k->tier[j] < k->tier[i] &&
		    !k->w->place[j].done &&
		    (found == PLAN_NONE || k->w->place[j].wave > k->w->place[found].wave))
			found = j;
	return found;
}

static void with_words(struct buf *b, const struct wave_work *k, const struct ties_by_wave *t)
{
	if (t->with != PLAN_NONE)
		buf_printf(b, "%stogether with %s (%" PRIu64 " connection%s)",
			   b->n ? "; " : "", k->p->group[t->with].name, t->with_n,
			   s_of(t->with_n));
}

static void after_words(struct buf *b, const struct wave_work *k, unsigned i, unsigned old,
			const struct ties_by_wave *t)
{
	struct wave_place *at = &k->w->place[i];

	if (old != PLAN_NONE && k->w->place[old].wave < at->wave &&
	    (t->server == PLAN_NONE || k->w->place[old].wave >= k->w->place[t->server].wave)) {
		at->waits_for = old;
		buf_printf(b, "after %s of wave %u, a lower environment of the same",
			   k->p->group[old].name, k->w->place[old].wave);
	} else if (t->server != PLAN_NONE) {
		at->waits_for = t->server;
		buf_printf(b,
			   "after %s of wave %u, which serves it (%" PRIu64 " connection%s)",
			   k->p->group[t->server].name, k->w->place[t->server].wave,
			   t->server_n, s_of(t->server_n));
	}
}

static char *group_words(struct wave_work *k, unsigned i, const struct ties_by_wave *t)
{
	struct buf b = { 0 };

	after_words(&b, k, i, elder(k, i), t);
	with_words(&b, k, t);
	if (t->broken != PLAN_NONE)
		buf_printf(&b,
			   "%sbefore its server %s of wave %u (%" PRIu64 " connection%s will "
			   "cross the link)",
			   b.n ? "; " : "", k->p->group[t->broken].name,
			   k->w->place[t->broken].wave, t->broken_n, s_of(t->broken_n));
	if (!b.n && k->tier[i] < TIER_PROD)
		buf_str(&b, "nothing holds it: a lower environment, rather early");
	else if (!b.n)
		buf_str(&b, "nothing holds it: there was room");
	return buf_take(&b);
}

static char *stretched_words(const struct wave_work *k, unsigned i)
{
	unsigned wave = k->w->place[i].wave, from = k->median[i];

	if (!k->share[i])
		return xstrdup("stretched, and no group uses it: moves at the end");
	if (from < k->w->first)
		from = k->w->first;
	if (wave > from)
		return xasprintf("stretched: %u of 100 connections of its users are in the "
				 "target after wave %u, wave %u is the first with room",
				 k->share[i], from, wave);
	return xasprintf("stretched: %u of 100 connections of its users are in the target "
			 "with this wave",
			 k->share[i]);
}

static char *shared_words(const struct wave_work *k, unsigned i)
{
	switch (k->w->place[i].advice) {
	case SERVICE_REPLICATE:
		return xasprintf(
			"stand a replica in the target before wave %u; the old one is "
			"retired after the last wave",
			k->w->first);
	case SERVICE_FIRST:
		return xstrdup("a shared service that moves first");
	case SERVICE_LAST:
		return xstrdup("a shared service that moves when its users have");
	case SERVICE_STRETCH:
		break;
	}
	return stretched_words(k, i);
}

static char *place_words(struct wave_work *k, unsigned i, const struct ties_by_wave *t)
{
	const struct wave_place *at = &k->w->place[i];

	if (at->done)
		return xasprintf("%s: it is in the target",
				 plan_state_word[k->p->group[i].state]);
	if (at->kept && at->wave < k->w->first)
		return xasprintf("approved for wave %u, which has moved: it is late",
				 at->wave);
	if (at->kept)
		return xstrdup("approved: it keeps its wave");
	if (k->p->group[i].kind == PLAN_SHARED)
		return shared_words(k, i);
	return group_words(k, i, t);
}

static void note_capacity(struct wave_work *k)
{
	for (unsigned i = 0; i < k->w->wave_n; i++) {
		const struct wave *w = &k->w->wave[i];

		if (!w->over)
			continue;
		if (w->groups == 1)
			wave_note(k->w,
				  "wave %u is one group of %u machines, more than fit a wave "
				  "(skein groups limit makes it smaller)",
				  w->number, w->machines);
		else
			wave_note(k->w, "wave %u has %u machines, more than the %u of a wave",
				  w->number, w->machines, k->w->capacity);
	}
}

static const struct wave *first_to_come(const struct waves *w)
{
	for (unsigned i = 0; i < w->wave_n; i++)
		if (w->wave[i].number >= w->first)
			return &w->wave[i];
	return NULL;
}

/* Against a clock; false: it fits. */
static bool note_past(struct wave_work *k, const struct wave *first)
{
	char past[CALENDAR_TEXT], due[CALENDAR_TEXT];

	if (!k->r->start && first->cutover < k->r->today) {
		wave_note(k->w,
			  "does not fit: counted back from the deadline on %s wave %u would "
			  "have been on %s",
			  calendar_day(k->r->deadline, due), first->number,
			  calendar_day(first->cutover, past));
		return true;
	}
	if (!first->replicate_from || first->replicate_from >= k->r->today)
		return false;
	wave_note(k->w,
		  "does not fit: to be ready on %s wave %u would have had to begin to "
		  "replicate on %s",
		  calendar_day(first->cutover, due), first->number,
		  calendar_day(first->replicate_from, past));
	return true;
}

static void note_dates(struct wave_work *k)
{
	const struct wave *first = first_to_come(k->w);
	char last[CALENDAR_TEXT], end[CALENDAR_TEXT];

	if (!first || !calendar_known(k->r))
		return;
	if (!first->cutover) {
		wave_note(k->w, "does not fit: the calendar ends before the waves do");
		k->w->late = true;
		return;
	}
	if (k->r->deadline && k->w->finish > k->r->deadline) {
		wave_note(k->w, "does not fit: the last cutover is on %s, the deadline on %s",
			  calendar_day(k->w->finish, last), calendar_day(k->r->deadline, end));
		k->w->late = true;
	}
	if (k->r->today && note_past(k, first))
		k->w->late = true;
}

static void note_hours(struct wave_work *k)
{
	unsigned unknown = 0, tight = 0, worst = 0;

	for (unsigned i = 0; i < k->w->wave_n; i++) {
		const struct wave *w = &k->w->wave[i];

		unknown += w->bytes_unknown;
		tight += w->tight;
		if (w->hours > k->w->wave[worst].hours)
			worst = i;
	}
	if (tight)
		wave_note(k->w,
			  "%u wave%s cannot be replicated between two cutovers: wave %u takes "
			  "%.0f hours",
			  tight, s_of(tight), k->w->wave[worst].number,
			  k->w->wave[worst].hours);
	if (unknown && (k->r->link_bits || k->r->capacity_bytes))
		wave_note(
			k->w,
			k->r->assume_bytes
				? "of %u machine%s nobody said what their disks hold: what was "
				  "assumed is counted"
				: "of %u machine%s nobody said what their disks hold: they "
				  "count nothing (used_gb in an import, or --assume-gb)",
			unknown, s_of(unknown));
}

static void note_order(struct wave_work *k)
{
	const struct waves *w = k->w;
	double lost = 0, all = 0;
	unsigned apart = 0, replicas = 0;

	for (unsigned i = 0; i < w->against_n; i++)
		lost += (double)w->against[i].connections;
	for (unsigned i = 0; i < k->arc_n; i++)
		if (k->p->group[k->arc[i].client].kind == PLAN_GROUP &&
		    k->p->group[k->arc[i].server].kind == PLAN_GROUP)
			all += (double)k->arc[i].connections;
	for (unsigned i = 0; i < w->cycle_n; i++)
		apart += w->cycle[i].waves > 1;
	for (unsigned i = 0; i < w->place_n; i++)
		replicas += w->place[i].everywhere;
	if (w->against_n)
		wave_note(k->w,
			  "%u dependenc%s run against the order: the client moves before its "
			  "server (%.2g of 100 connections between groups)",
			  w->against_n, w->against_n == 1 ? "y" : "ies", 100 * lost / all);
	if (w->cycle_n)
		wave_note(k->w,
			  "%u circle%s of groups that depend on each other, %u of them over "
			  "more than one wave",
			  w->cycle_n, s_of(w->cycle_n), apart);
	if (replicas)
		wave_note(k->w,
			  "%u shared service%s must have a replica in the target before wave "
			  "%u",
			  replicas, s_of(replicas), w->first);
}

static void note_unknown_rules(struct wave_work *k)
{
	for (unsigned r = 0; r < k->r->shared_n; r++) {
		const char *what = k->r->shared[r].what;
		bool met = strcmp(what, "all") == 0;

		for (unsigned i = 0; i < k->p->group_n && !met; i++)
			met = k->p->group[i].kind == PLAN_SHARED &&
			      (!strcmp(k->p->group[i].name, what) ||
			       !strcmp(service_word(k->p->group[i].service), what));
		if (!met && service_of_word(what) == SERVICE_NONE)
			wave_note(k->w,
				  "a rule speaks of \"%.100s\", and no shared service is "
				  "called that",
				  what);
	}
}

void wave_words(struct wave_work *k)
{
	struct ties_by_wave *t = xcalloc(k->p->group_n + 1ul, sizeof(*t));

	for (unsigned i = 0; i < k->p->group_n; i++)
		t[i] = (struct ties_by_wave){ PLAN_NONE, PLAN_NONE, PLAN_NONE, 0, 0, 0 };
	for (unsigned i = 0; i < k->arc_n; i++) {
		look(&t[k->arc[i].client], k, k->arc[i].client, &k->arc[i]);
		look(&t[k->arc[i].server], k, k->arc[i].server, &k->arc[i]);
	}
	for (unsigned i = 0; i < k->p->group_n; i++)
		k->w->place[i].reason = place_words(k, i, &t[i]);
	free(t);
	note_dates(k);
	note_hours(k);
	note_capacity(k);
	note_order(k);
	note_unknown_rules(k);
}
