/* SPDX-License-Identifier: Apache-2.0 */
#include "store/retain.h"

#include <stdlib.h>

#include "store/close.h"
#include "store/count.h"
#include "store/db.h"
#include "store/mark.h"
#include "store/packed.h"
#include "store/remove.h"
#include "store/sweep.h"
#include "store/walk.h"

enum {
	SECONDS_MINUTE = 60,
	SECONDS_HOUR = 3600,
	OVER_S = 2 * SECONDS_HOUR, /* then an hour or a day has most of what it will have */
	ROWS = 4096,		   /* of one transaction */
	ROWS_MINUTES = 4 * ROWS,   /* in the order of their table: quick, and most of all */
	EDGES = 200,
};

/* In the file, in minutes since 1970: how far time had come in the last turn. */
#define MARK_HORIZON "horizon"

/* What is done in one turn, stage after stage; a stage says whether there is more of it. */
struct retaining {
	int64_t now; /* minutes since 1970: the newest fact */
	unsigned stage;
	struct walk walk; /* of the stage */
};

static struct retaining *state_of(struct store *s)
{
	if (!s->retaining)
		s->retaining = xcalloc(1, sizeof(*s->retaining));
	return s->retaining;
}

static int64_t cut(const struct retaining *g, uint32_t kept_s, int64_t unit_s)
{
	return (g->now * SECONDS_MINUTE - (int64_t)kept_s) / unit_s;
}

/* Packing: once an hour or a day is over, and again when nothing can come for it any more. */

static int pack(struct store *s, enum packed_level level, int64_t unit_s, int64_t age_s,
		const char *word, struct retain_done *done, struct err *e)
{
	int64_t from, to = (s->retaining->now * SECONDS_MINUTE - age_s) / unit_s, bucket = 0;
	unsigned n = 0;
	int rc = mark_get(s, word, &from, e);

	if (rc || from >= to)
		return rc;
	rc = packed_waiting(s, level, from, to, &bucket, e);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return mark_raise(s, word, to, e);
	rc = packed_make(s, level, bucket, ROWS, &n, e);
	if (!rc && n < ROWS)
		rc = mark_raise(s, word, bucket + 1, e);
	done->packed += n;
	return rc ? rc : 1;
}

static int pack_hours(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	(void)r;
	return pack(s, PACKED_HOUR, SECONDS_HOUR, OVER_S, "hours-packed", d, e);
}

static int pack_days(struct store *s, const struct retain *r, struct retain_done *d,
		     struct err *e)
{
	(void)r;
	return pack(s, PACKED_DAY, RETAIN_DAY, OVER_S, "days-packed", d, e);
}

static int64_t sealed_after(const struct retain *r)
{
	return r->minutes < RETAIN_LATE ? r->minutes : RETAIN_LATE;
}

static int seal_hours(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	return pack(s, PACKED_HOUR, SECONDS_HOUR, sealed_after(r), "hours-sealed", d, e);
}

static int seal_days(struct store *s, const struct retain *r, struct retain_done *d,
		     struct err *e)
{
	return pack(s, PACKED_DAY, RETAIN_DAY, sealed_after(r), "days-sealed", d, e);
}

/* What is in the order of time */

static int drop(struct store *s, const char *sql, int64_t before, struct retain_done *d,
		struct err *e)
{
	int rc = db_run(s, e, sql, DB(I(before), I(ROWS_MINUTES)));
	int n = rc ? 0 : sqlite3_changes(s->db);

	d->removed += (uint64_t)n;
	return rc ? rc : n > 0;
}

/*
 * The mark goes before them, no further than rows are taken: it is what nothing may be added
 * to any more.  What nobody has decided on yet stays.
 */
static int drop_minutes(struct store *s, const struct retain *r, struct retain_done *d,
			struct err *e)
{
	int64_t before = cut(s->retaining, r->minutes, SECONDS_MINUTE), swept, last = 0;
	int rc = close_begin(s, e);

	if (!rc)
		rc = mark_get(s, MARK_SWEPT, &swept, e);
	if (!rc && before > swept + 1)
		before = swept + 1;
	if (!rc)
		rc = db_int(s, e, &last,
			    "SELECT max(minute) FROM (SELECT minute FROM fact_minute "
			    "WHERE minute < ? ORDER BY minute, claim LIMIT ?)",
			    DB(I(before), I(ROWS_MINUTES)));
	if (rc <= 0 || !last)
		return rc < 0 ? rc : 0;
	rc = mark_raise(s, MARK_MINUTES, last + 1, e);
	if (rc)
		return rc;
	s->gone = last + 1 > s->gone ? last + 1 : s->gone;
	return drop(s,
		    "DELETE FROM fact_minute WHERE (minute, claim) IN (SELECT minute, claim "
		    "FROM fact_minute WHERE minute < ? ORDER BY 1, 2 LIMIT ?)",
		    before, d, e);
}

static int drop_contest(struct store *s, const struct retain *r, struct retain_done *d,
			struct err *e)
{
	return drop(
		s,
		"DELETE FROM contest WHERE (minute, sensor, conversation) IN (SELECT minute, "
		"sensor, conversation FROM contest WHERE minute < ? ORDER BY 1, 2, 3 LIMIT ?)",
		cut(s->retaining, r->minutes, SECONDS_MINUTE), d, e);
}

static int drop_coverage(struct store *s, const struct retain *r, struct retain_done *d,
			 struct err *e)
{
	return drop(
		s,
		"DELETE FROM coverage WHERE (minute, sensor) IN (SELECT minute, sensor FROM "
		"coverage WHERE minute < ? ORDER BY 1, 2 LIMIT ?)",
		cut(s->retaining, r->minutes, SECONDS_MINUTE), d, e);
}

static int drop_level(struct store *s, enum packed_level level, int64_t before,
		      const char *word, struct retain_done *d, struct err *e)
{
	unsigned n;
	int rc = packed_drop(s, level, before, ROWS, &n, e);

	if (!rc && n)
		rc = mark_raise(s, word, before, e);
	d->removed += n;
	return rc ? rc : n > 0;
}

static int drop_hours(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	return drop_level(s, PACKED_HOUR, cut(s->retaining, r->hours, SECONDS_HOUR),
			  MARK_HOURS, d, e);
}

static int drop_days(struct store *s, const struct retain *r, struct retain_done *d,
		     struct err *e)
{
	return drop_level(s, PACKED_DAY, cut(s->retaining, r->days, RETAIN_DAY), MARK_DAYS, d,
			  e);
}

/* What is in another order is walked over once a day. */

static int drop_gaps(struct store *s, const struct retain *r, struct retain_done *d,
		     struct err *e)
{
	return walk_gaps(s, &s->retaining->walk, cut(s->retaining, r->days, 1) * 1000, ROWS,
			 &d->removed, e);
}

static int drop_captures(struct store *s, const struct retain *r, struct retain_done *d,
			 struct err *e)
{
	return walk_captures(s, &s->retaining->walk, cut(s->retaining, r->hours, SECONDS_HOUR),
			     ROWS, &d->removed, e);
}

static int drop_usage(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	return walk_usage(s, &s->retaining->walk, cut(s->retaining, r->hours, 1) * 1000, ROWS,
			  &d->removed, e);
}

static int drop_edges(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	return walk_edges(s, &s->retaining->walk, cut(s->retaining, r->total, 1), ROWS, EDGES,
			  &d->edges, e);
}

static int drop_aliases(struct store *s, const struct retain *r, struct retain_done *d,
			struct err *e)
{
	(void)r;
	return walk_aliases(s, &s->retaining->walk, ROWS, &d->removed, e);
}

static int drop_names(struct store *s, const struct retain *r, struct retain_done *d,
		      struct err *e)
{
	(void)r;
	return sweep_step(s, ROWS, &d->names, e);
}

/* That it is done for today; until tomorrow the walks are left out. */
#define MARK_WALKED "walked"

static int end_walks(struct store *s, const struct retain *r, struct retain_done *d,
		     struct err *e)
{
	(void)r, (void)d;
	return mark_raise(s, MARK_WALKED, cut(s->retaining, 0, RETAIN_DAY), e);
}

static const struct {
	int (*step)(struct store *s, const struct retain *r, struct retain_done *d,
		    struct err *e);
	bool daily;
} stages[] = {
	{ pack_hours, false },	  { pack_days, false },	   { seal_hours, false },
	{ seal_days, false },	  { drop_minutes, false }, { drop_contest, false },
	{ drop_coverage, false }, { drop_hours, false },   { drop_days, false },
	{ drop_gaps, true },	  { drop_captures, true }, { drop_usage, true },
	{ drop_edges, true },	  { drop_aliases, true },  { drop_names, true },
	{ end_walks, true },
};
enum { STAGES = sizeof(stages) / sizeof(*stages) };

int retain_turn(struct store *s, const struct retain *r, int64_t now_ms, struct err *e)
{
	struct retaining *g = state_of(s);
	int64_t before, minute, clock = now_ms / 1000 / SECONDS_MINUTE;
	int rc;

	if (g->now && g->stage < STAGES) /* the last one is not done yet */
		return 0;
	rc = count_newest(s, &minute, e);
	if (!rc)
		rc = mark_get(s, MARK_HORIZON, &before, e);
	if (rc)
		return rc;
	if (minute > clock)
		minute = clock;
	if (before && r->pace && minute > before + r->pace / SECONDS_MINUTE)
		minute = before + r->pace / SECONDS_MINUTE;
	if (minute > before)
		rc = mark_raise(s, MARK_HORIZON, minute, e);
	/* A clock that leapt and was set back has brought nothing to be taken away. */
	g->now = minute > before ? minute : before;
	if (g->now > clock)
		g->now = clock;
	g->stage = 0;
	g->walk = (struct walk){ 0 };
	return rc;
}

static int step(struct store *s, const struct retain *r, struct retain_done *done,
		struct err *e)
{
	struct retaining *g = state_of(s);
	int64_t walked = 0;
	int rc = 0;

	if (g->stage >= STAGES || g->now <= 0)
		return 0;
	if (stages[g->stage].daily)
		rc = mark_get(s, MARK_WALKED, &walked, e);
	if (!rc && walked < cut(g, 0, RETAIN_DAY))
		rc = stages[g->stage].step(s, r, done, e);
	if (rc)
		return rc;
	g->stage++;
	g->walk = (struct walk){ 0 };
	return g->stage < STAGES;
}

int retain_step(struct store *s, const struct retain *r, struct retain_done *done,
		struct err *e)
{
	struct retain_done before = *done;
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = store_leave(s, own, step(s, r, done, e), e);
	if (rc < 0)
		*done = before;
	return rc;
}
