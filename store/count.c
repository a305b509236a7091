/* SPDX-License-Identifier: Apache-2.0 */
#include "store/count.h"

#include <stdlib.h>
#include <string.h>

#include "store/cover.h"
#include "store/db.h"
#include "store/edge.h"
#include "store/jury.h"
#include "store/level.h"
#include "store/sensor.h"

static const struct amounts nothing;

int count_newest(struct store *s, int64_t *minute, struct err *e)
{
	int rc = db_int(s, e, minute, "SELECT ifnull(max(minute), 0) FROM fact_minute",
			DB_NONE);

	return rc < 0 ? rc : 0;
}

static int slot_of(int64_t minute)
{
	return (int)(minute % CONV_MINUTES);
}

/* What is in the table of this minute, into memory. */
static int read_minute(struct store *s, struct conv *v, int64_t minute, struct conv_minute *m,
		       struct err *e)
{
	int slot = slot_of(minute);

	*m = (struct conv_minute){ .minute = minute };
	for (struct claim *c = v->claims; c < v->claims + v->claims_n; c++) {
		int rc;

		c->row[slot] = CONV_NO_ROW;
		if (c->origin < 0)
			continue;
		rc = db_int(s, e, &c->row[slot],
			    "SELECT edge FROM fact_minute WHERE minute = ? AND claim = ?",
			    DB(I(minute), I(c->id)));
		if (rc < 0)
			return rc;
		if (c->row[slot] > 0) {
			m->kind = conv_witness(c);
			m->origin = c->origin;
		}
	}
	return 0;
}

static void begin_minute(struct conv *v, int64_t minute, struct conv_minute *m)
{
	*m = (struct conv_minute){ .minute = minute };
	for (struct claim *c = v->claims; c < v->claims + v->claims_n; c++)
		c->row[slot_of(minute)] = CONV_NO_ROW;
}

/* Newer than all that is in the table, and than all that V was asked for: there is no row. */
static int is_new(struct store *s, const struct conv *v, int64_t minute, bool *out,
		  struct err *e)
{
	int rc = s->minutes_read ? 0 : count_newest(s, &s->newest_read, e);

	s->minutes_read = !rc;
	*out = minute > s->newest_read && minute > v->newest;
	return rc;
}

static int minute_of(struct store *s, struct conv *v, int64_t minute, struct conv_minute **out,
		     struct err *e)
{
	struct conv_minute *m = &v->minutes[slot_of(minute)];
	bool fresh = false;
	int rc = 0;

	if (m->minute != minute) {
		rc = is_new(s, v, minute, &fresh, e);
		if (!rc && fresh)
			begin_minute(v, minute, m);
		else if (!rc)
			rc = read_minute(s, v, minute, m, e);
		if (rc)
			m->minute = 0;
		else if (minute > v->newest)
			v->newest = minute;
	}
	*out = m;
	return rc;
}

/* Who decides */

static int owners(struct store *s, const struct conv *v, int64_t *client, int64_t *server,
		  struct err *e)
{
	int rc = sensor_of_machine(s, v->client->machine, client, e);

	return rc ? rc : sensor_of_machine(s, v->server->machine, server, e);
}

static bool on_the_way(const struct claim *c)
{
	return jury_on_the_way(conv_witness(c), c->origin);
}

/* Whether more than one mirror or exporter speaks of V. */
static bool several_on_the_way(const struct conv *v)
{
	int64_t first = 0;

	for (const struct claim *c = v->claims; c < v->claims + v->claims_n; c++) {
		if (!on_the_way(c))
			continue;
		if (first && first != c->origin)
			return true;
		first = c->origin;
	}
	return false;
}

/* Whether C, which is silent in this minute, is heard: jury.h. */
static int spoke_around(struct store *s, const struct claim *c, int64_t minute, bool *out,
			struct err *e)
{
	return db_any(s, e, out,
		      "SELECT 1 FROM fact_minute WHERE minute IN (?1 - 1, ?1 + 1) "
		      "AND claim = ?2 LIMIT 1",
		      DB(I(minute), I(c->id)));
}

static int ask_nat(struct store *s, struct conv *v, int64_t minute, struct nat_word *w,
		   struct err *e)
{
	const struct nat_view *view;
	int rc = nat_view_of(s, v, &view, e);

	if (!rc && view)
		return nat_word(s, view, minute, w, e);
	*w = (struct nat_word){ 0 };
	return rc;
}

static int hear(struct store *s, struct jury *j, const struct conv *v, int64_t minute,
		const struct claim *new, struct err *e)
{
	bool several = several_on_the_way(v);
	int slot = slot_of(minute), rc = 0;

	for (const struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++) {
		bool reports = c == new || c->row[slot] != CONV_NO_ROW, heard = reports;

		if (!reports && several && on_the_way(c))
			rc = spoke_around(s, c, minute, &heard, e);
		if (!rc && heard)
			jury_hear(j, conv_witness(c), c->origin, reports);
	}
	return rc;
}

/* NEW is a claim that is about to get its row, or NULL. */
static int summon(struct store *s, struct conv *v, int64_t minute, const struct claim *new,
		  struct jury *j, struct err *e)
{
	int64_t client, server;
	struct nat_word nat;
	int rc = owners(s, v, &client, &server, e);

	if (!rc)
		rc = ask_nat(s, v, minute, &nat, e);
	if (rc)
		return rc;
	jury_begin(j, client, server, &nat);
	rc = hear(s, j, v, minute, new, e);
	for (unsigned i = 0; i < j->n && !rc; i++) {
		struct cover_minute c;

		rc = cover_get(s, j->list[i].origin, minute, &c, e);
		if (!rc)
			j->list[i].worth = cover_worth(&c);
	}
	return rc;
}

static int put_contest(struct store *s, const struct conv *v, int64_t minute, int64_t sensor,
		       struct err *e)
{
	return db_run(s, e, "INSERT OR IGNORE INTO contest VALUES(?, ?, ?)",
		      DB(I(minute), I(sensor), I(v->id)));
}

/* Where one sensor alone can speak, its coverage changes nothing and is not looked for. */
static int contest(struct store *s, const struct conv *v, struct conv_minute *m,
		   const struct jury *j, struct err *e)
{
	int64_t sum = 0;
	int rc = 0;

	for (unsigned i = 0; i < j->n; i++)
		sum += j->list[i].origin;
	for (unsigned i = 0; i < j->nat.n; i++)
		sum += j->nat.sensor[i];
	if (j->n + j->nat.n < 2 || sum == m->contested)
		return 0;
	for (unsigned i = 0; i < j->n && !rc; i++)
		rc = put_contest(s, v, m->minute, j->list[i].origin, e);
	for (unsigned i = 0; i < j->nat.n && !rc; i++)
		rc = put_contest(s, v, m->minute, j->nat.sensor[i], e);
	m->contested = sum;
	return rc;
}

/* Changing sides */

static int read_row(struct store *s, int64_t minute, int64_t claim, struct count_report *r,
		    struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT first, last, " AMOUNT_NAMES
				    " FROM fact_minute WHERE minute = ? AND claim = ?",
				    DB(I(minute), I(claim)));

	*r = (struct count_report){ .minute = minute };
	if (!st)
		return db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	r->first = sqlite3_column_int64(st, 0);
	r->last = sqlite3_column_int64(st, 1);
	r->amounts = amount_read(st, 2);
	db_done(st);
	return 0;
}

/* The row of C in this minute is counted from now on, or no longer. */
static int flip(struct store *s, struct claim *c, int64_t minute, struct err *e)
{
	int64_t *row = &c->row[slot_of(minute)], edge = c->edge;
	bool counted = *row > 0;
	struct count_report r;
	int rc = read_row(s, minute, c->id, &r, e);

	if (!rc && counted)
		rc = edge_final(s, *row, &edge, e);
	if (counted)
		r.amounts = amount_negative(r.amounts);
	if (!rc)
		rc = level_add(s, edge, minute, r.first, r.last, &r.amounts, e);
	if (rc)
		return rc;
	*row = counted ? 0 : edge;
	return db_run(s, e, "UPDATE fact_minute SET edge = ? WHERE minute = ? AND claim = ?",
		      DB(I(*row), I(minute), I(c->id)));
}

static bool counts(const struct conv_minute *m, const struct claim *c)
{
	return c->origin == m->origin && conv_witness(c) == m->kind;
}

/* As summon; then the rows that are there change sides where they must. */
static int settle(struct store *s, struct conv *v, struct conv_minute *m,
		  const struct claim *new, struct err *e)
{
	const struct authority_candidate *best;
	struct jury j;
	int slot = slot_of(m->minute), rc = summon(s, v, m->minute, new, &j, e);

	if (!rc)
		rc = contest(s, v, m, &j, e);
	if (rc)
		return rc;
	best = jury_verdict(&j);
	if (!best || (best->kind == m->kind && best->origin == m->origin))
		return 0;
	m->kind = best->kind;
	m->origin = best->origin;
	for (struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->row[slot] != CONV_NO_ROW && (c->row[slot] > 0) != counts(m, c))
			rc = flip(s, c, m->minute, e);
	return rc;
}

int count_settle(struct store *s, struct conv *v, int64_t minute, struct err *e)
{
	struct conv_minute *m;
	int rc;

	if (minute > s->closed || count_gone(s, minute)) /* its turn will come, or is past */
		return 0;
	rc = minute_of(s, v, minute, &m, e);
	return rc ? rc : settle(s, v, m, NULL, e);
}

static int put_row(struct store *s, const struct claim *c, int64_t edge,
		   const struct count_report *r, struct err *e)
{
	sqlite3_stmt *st = db_query(
		s, e,
		"INSERT INTO fact_minute(minute, claim, edge, first, last, " AMOUNT_NAMES
		") VALUES(?, ?, ?, ?, ?, " AMOUNT_MARKS ") ON CONFLICT DO UPDATE SET "
		"first = min(first, excluded.first), last = max(last, excluded.last), " AMOUNT_SUMS,
		DB(I(r->minute), I(c->id), I(edge), I(r->first), I(r->last)));

	if (!st)
		return db_fail(s, NULL);
	amount_bind(st, 6, &r->amounts);
	return db_step(s, st, e);
}

/* Uncounted reports still say when the edge was seen. */
static int put_levels(struct store *s, const struct claim *c, int64_t row,
		      const struct count_report *r, struct err *e)
{
	int64_t edge = 0;
	int rc = row > 0 ? edge_final(s, row, &edge, e) : 0;

	if (rc || row <= 0)
		return rc ? rc : level_total(s, c->edge, r->first, r->last, &nothing, e);
	if (edge != c->edge)
		rc = level_total(s, c->edge, r->first, r->last, &nothing, e);
	return rc ? rc : level_add(s, edge, r->minute, r->first, r->last, &r->amounts, e);
}

/*
 * The row of a mirror or exporter that comes or goes may decide the minutes beside it
 * (spoke_around).
 */
static int settle_beside(struct store *s, struct conv *v, const struct claim *c,
			 int64_t minute, struct err *e)
{
	int rc;

	if (!on_the_way(c) || !several_on_the_way(v))
		return 0;
	rc = count_settle(s, v, minute - 1, e);
	return rc ? rc : count_settle(s, v, minute + 1, e);
}

/*
 * A minute that is not over is only written down.  That the edge was seen is told once, when
 * the row is new.
 */
static int add_open(struct store *s, struct conv *v, struct claim *c,
		    const struct count_report *r, struct err *e)
{
	int64_t *row = &c->row[slot_of(r->minute)];
	bool first = *row == CONV_NO_ROW;
	int rc;

	if (first)
		*row = CONV_OPEN;
	rc = put_row(s, c, *row, r, e);
	if (!rc && first)
		rc = level_total(s, c->edge, r->first, r->last, &nothing, e);
	return rc || !first ? rc : settle_beside(s, v, c, r->minute, e);
}

int count_add(struct store *s, struct conv *v, struct claim *c, const struct count_report *r,
	      struct err *e)
{
	struct conv_minute *m;
	int64_t *row = &c->row[slot_of(r->minute)];
	int rc = minute_of(s, v, r->minute, &m, e);
	bool first = !rc && *row == CONV_NO_ROW;

	if (rc)
		return rc;
	if (r->minute > s->closed)
		return add_open(s, v, c, r, e);
	rc = settle(s, v, m, c, e);
	if (rc)
		return rc;
	if (first)
		*row = counts(m, c) ? c->edge : 0;
	rc = put_row(s, c, *row, r, e);
	if (!rc)
		rc = put_levels(s, c, *row, r, e);
	return rc || !first ? rc : settle_beside(s, v, c, r->minute, e);
}

bool count_gone(const struct store *s, int64_t minute)
{
	return minute < s->gone;
}

int count_late(struct store *s, const struct claim *c, const struct count_report *r,
	       struct err *e)
{
	return level_total(s, c->edge, r->first, r->last, &nothing, e);
}

int count_take(struct store *s, struct conv *v, struct claim *c, int64_t minute,
	       struct count_report *out, struct err *e)
{
	struct conv_minute *m;
	int64_t *row = &c->row[slot_of(minute)];
	int rc = 0;

	if (count_gone(s, minute))
		return 0;
	rc = minute_of(s, v, minute, &m, e);
	if (rc || *row == CONV_NO_ROW)
		return rc;
	rc = read_row(s, minute, c->id, out, e);
	if (!rc && *row > 0)
		rc = flip(s, c, minute, e);
	if (!rc)
		rc = db_run(s, e, "DELETE FROM fact_minute WHERE minute = ? AND claim = ?",
			    DB(I(minute), I(c->id)));
	*row = CONV_NO_ROW;
	if (!rc && minute <= s->closed)
		rc = settle(s, v, m, NULL, e);
	if (!rc)
		rc = settle_beside(s, v, c, minute, e);
	return rc ? rc : 1;
}

int count_covered(struct store *s, int64_t sensor, int64_t minute, struct err *e)
{
	struct db_rows list = { 0 };
	struct conv *v;
	int rc;

	if (minute > s->closed || count_gone(s, minute))
		return 0;
	/* One that was erased may still stand among them. */
	rc = db_rows(s, e, &list,
		     "SELECT v.id FROM contest x JOIN conversation v ON v.id = x.conversation "
		     "WHERE x.minute = ? AND x.sensor = ?",
		     DB(I(minute), I(sensor)));
	for (size_t i = 0; i < list.n && !rc; i++) {
		rc = conv_at(s, list.row[i].v[0], &v, e);
		if (!rc)
			rc = count_settle(s, v, minute, e);
	}
	free(list.row);
	return rc;
}

/* Minutes that are over */

static int save_claims(struct store *s, struct conv *v, struct err *e)
{
	int rc = 0;

	for (struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->unsaved)
			rc = conv_save(s, c, e);
	return rc;
}

/* Several rows may be of one conversation; what changes later is decided on when it does. */
int count_close(struct store *s, int64_t conversation, int64_t minute, struct err *e)
{
	struct conv_minute *m = NULL;
	struct conv *v;
	int rc = conv_at(s, conversation, &v, e);

	if (!rc)
		rc = minute_of(s, v, minute, &m, e);
	if (rc)
		return rc;
	if (m->decided)
		return 0;
	rc = count_settle(s, v, minute, e);
	m->decided = !rc;
	return rc ? rc : save_claims(s, v, e);
}
