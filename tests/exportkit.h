/* SPDX-License-Identifier: Apache-2.0 */
/* A scene with all that an export can be given: plan, waves, cuts, ties, explanations. */
#ifndef TESTS_EXPORTKIT_H
#define TESTS_EXPORTKIT_H

#include "graph/export.h"
#include "tests/scenes.h"

/* An estate with everything that an export can be given. */
struct exportkit {
	struct scenes s;
	struct graph *g;
	struct plan *p;
	struct ties *t;
	struct explain *explain;
	struct waves w;
	struct cuts c;
	struct wave wave[2];
	struct cut_pair pair[2];
	struct cut_wave cut_wave[3];
	struct wave_against against;
	char *note;
	struct export x;
};

static const char *const exportkit_names[] = { "=cmd|' /C calc'!A0", "shop \"<&>' \\u0027 ]]>",
					       "<html><b>x\n;DROP\x01\xff" };

/* Group I % 3 for machine I, the last machine is shared. */
static inline struct plan *exportkit_plan(const struct graph *g)
{
	struct plan *p = plan_new(g->machine_n);
	unsigned last = 0, of[3];

	for (unsigned i = 0; i < 3; i++) {
		struct plan_group *at = plan_add(p, PLAN_GROUP, exportkit_names[i]);

		of[i] = i;
		plan_text(&at->reason, exportkit_names[i]);
		plan_text(&at->notes, exportkit_names[(i + 1) % 3]);
		plan_text(&at->owner, exportkit_names[(i + 2) % 3]);
		plan_text(&at->env, "prod");
		at->confidence = .75;
		at->wave = i % 2 + 1;
	}
	plan_add(p, PLAN_SHARED, "dns\\")->service = SERVICE_DNS;
	for (unsigned m = 0; m < g->machine_n; m++) {
		if (!g->machine[m].known)
			continue;
		p->machine[m].group = of[m % 3];
		p->machine[m].confidence = .5;
		plan_text(&p->machine[m].reason, exportkit_names[m % 3]);
		last = m;
	}
	if (g->machine_n)
		p->machine[last].group = 3;
	plan_settle(p);
	return p;
}

static inline void exportkit_waves(struct exportkit *w)
{
	w->wave[0] = (struct wave){ .number = 1, .cutover = SCENES_T0, .machines = 3 };
	w->wave[1] = (struct wave){ .number = 2, .hours = 1.5, .over = true };
	w->note = xstrdup(exportkit_names[2]);
	w->against = (struct wave_against){ 0, 1, 77, 1, 2, true };
	w->w = (struct waves){ .wave = w->wave,
			       .wave_n = 2,
			       .place = xcalloc(w->p->group_n, sizeof(struct wave_place)),
			       .place_n = w->p->group_n,
			       .against = &w->against,
			       .against_n = w->p->group_n > 1,
			       .note = &w->note,
			       .note_n = 1 };
	for (unsigned i = 0; i < w->p->group_n; i++)
		w->w.place[i] = (struct wave_place){ .wave = w->p->group[i].wave,
						     .waits_for = PLAN_NONE,
						     .reason = w->note };
	w->pair[0] = (struct cut_pair){ 0, 1, CUT_DB, { .edges = 2, .bytes = 12.5 }, 1, 2 };
	w->pair[1] =
		(struct cut_pair){ 1, PLAN_NONE, CUT_ADMIN, { .edges = 1 }, 1, PLAN_NONE };
	w->c = (struct cuts){ .pair = w->pair,
			      .pair_n = w->p->group_n > 1 ? 2 : 0,
			      .wave = w->cut_wave,
			      .wave_n = 2,
			      .days = 3 };
}

static inline void exportkit_init(struct exportkit *w, void (*scene)(struct scenes *s),
				  bool backwards)
{
	static const struct filter all;
	struct err e = { 0 };

	*w = (struct exportkit){ 0 };
	if (scene)
		scene(&w->s);
	w->s.backwards = backwards;
	w->g = graph_load(scenes_store(&w->s), &all, &e);
	ck_assert_msg(w->g != NULL, "%s", e.msg);
	w->p = exportkit_plan(w->g);
	w->t = ties_of(w->g, w->p);
	w->explain = explain_new(w->g, w->p, w->t, NULL);
	exportkit_waves(w);
	w->x = (struct export){ .graph = w->g,
				.plan = w->p,
				.ties = w->t,
				.explain = w->explain,
				.waves = &w->w,
				.cuts = &w->c,
				.edges = true };
}

static inline void exportkit_fini(struct exportkit *w)
{
	free(w->note);
	free(w->w.place);
	explain_free(w->explain);
	ties_free(w->t);
	plan_free(w->p);
	graph_free(w->g);
	scenes_fini(&w->s);
}

#endif
