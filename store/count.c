/* SPDX-License-Identifier: Apache-2.0 */
#include "store/count.h"

#include <stdlib.h>
#include <string.h>

#include "store/cover.h"
#include "store/db.h"
#include "store/edge.h"
#include "store/level.h"
#include "store/sensor.h"

enum witness count_authority(unsigned kinds, const int64_t covered[WITNESS_COUNT])
{
	enum witness best = WITNESS_NONE;
	int64_t most = 0;

	for (int k = WITNESS_CLIENT; k < WITNESS_COUNT; k++)
		if (covered[k] > most) {
			most = covered[k];
			best = k;
		}
	for (int k = WITNESS_CLIENT; k < WITNESS_COUNT && best == WITNESS_NONE; k++)
		if (kinds & 1u << k)
			best = k;
	return best;
}

static const struct amounts nothing;

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
		if (rc > 0)
			m->kinds |= 1u << conv_witness(c);
		if (c->row[slot] > 0)
			m->kind = conv_witness(c);
	}
	return 0;
}

static int minute_of(struct store *s, struct conv *v, int64_t minute, struct conv_minute **out,
		     struct err *e)
{
	struct conv_minute *m = &v->minutes[slot_of(minute)];
	int rc = 0;

	if (m->minute != minute) {
		rc = read_minute(s, v, minute, m, e);
		if (rc)
			m->minute = 0;
	}
	*out = m;
	return rc;
}

/* Who decides */

static int cover_max(struct store *s, int64_t sensor, int64_t minute, int64_t *most,
		     struct err *e)
{
	int64_t ms = 0;
	int rc = sensor > 0 ? cover_get(s, sensor, minute, &ms, e) : 0;

	if (ms > *most)
		*most = ms;
	return rc;
}

static int owners(struct store *s, const struct conv *v, int64_t *client, int64_t *server,
		  struct err *e)
{
	int rc = sensor_of_machine(s, v->client->machine, client, e);

	return rc ? rc : sensor_of_machine(s, v->server->machine, server, e);
}

static int decide(struct store *s, const struct conv *v, const struct conv_minute *m,
		  enum witness *out, struct err *e)
{
	int64_t covered[WITNESS_COUNT] = { 0 }, client, server;
	int rc = owners(s, v, &client, &server, e);

	if (!rc)
		rc = cover_max(s, client, m->minute, &covered[WITNESS_CLIENT], e);
	if (!rc)
		rc = cover_max(s, server, m->minute, &covered[WITNESS_SERVER], e);
	for (unsigned i = 0; i < v->claims_n && !rc; i++) {
		enum witness k = conv_witness(&v->claims[i]);

		if (m->kinds & 1u << k)
			rc = cover_max(s, v->claims[i].origin, m->minute, &covered[k], e);
	}
	*out = count_authority(m->kinds, covered);
	return rc;
}

static int put_contest(struct store *s, const struct conv *v, int64_t minute, int64_t sensor,
		       struct err *e)
{
	if (!sensor)
		return 0;
	return db_run(s, e, "INSERT OR IGNORE INTO contest VALUES(?, ?, ?)",
		      DB(I(minute), I(sensor), I(v->id)));
}

/* Where one sensor alone can speak, its coverage changes nothing and is not looked for. */
static int contest(struct store *s, const struct conv *v, const struct claim *c,
		   struct conv_minute *m, struct err *e)
{
	int64_t client, server;
	int rc = owners(s, v, &client, &server, e);
	bool owner = c->origin == client || c->origin == server;

	if (rc || (!client && !server) || (owner && !(client && server)))
		return rc;
	if (!owner && c->row[slot_of(m->minute)] == CONV_NO_ROW)
		rc = put_contest(s, v, m->minute, c->origin, e);
	if (rc || m->contested)
		return rc;
	m->contested = true;
	rc = put_contest(s, v, m->minute, client, e);
	return rc ? rc : put_contest(s, v, m->minute, server, e);
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

static int settle(struct store *s, struct conv *v, struct conv_minute *m, struct err *e)
{
	enum witness kind;
	int slot = slot_of(m->minute), rc = decide(s, v, m, &kind, e);

	if (rc || kind == m->kind)
		return rc;
	m->kind = kind;
	for (struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->row[slot] != CONV_NO_ROW &&
		    (c->row[slot] > 0) != (conv_witness(c) == kind))
			rc = flip(s, c, m->minute, e);
	return rc;
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
 * A minute that is not over is only written down.  That the edge was seen is told once, when
 * the row is new.
 */
static int add_open(struct store *s, struct claim *c, const struct count_report *r,
		    struct err *e)
{
	int64_t *row = &c->row[slot_of(r->minute)];
	bool first = *row == CONV_NO_ROW;
	int rc;

	if (first)
		*row = CONV_OPEN;
	rc = put_row(s, c, *row, r, e);
	return rc || !first ? rc : level_total(s, c->edge, r->first, r->last, &nothing, e);
}

int count_add(struct store *s, struct conv *v, struct claim *c, const struct count_report *r,
	      struct err *e)
{
	struct conv_minute *m;
	int64_t *row = &c->row[slot_of(r->minute)];
	int rc = minute_of(s, v, r->minute, &m, e);

	if (rc)
		return rc;
	m->kinds |= 1u << conv_witness(c);
	if (r->minute > s->closed)
		return add_open(s, c, r, e);
	rc = contest(s, v, c, m, e);
	if (!rc)
		rc = settle(s, v, m, e);
	if (rc)
		return rc;
	if (*row == CONV_NO_ROW)
		*row = conv_witness(c) == m->kind ? c->edge : 0;
	rc = put_row(s, c, *row, r, e);
	return rc ? rc : put_levels(s, c, *row, r, e);
}

static int64_t *contested(struct store *s, int64_t sensor, int64_t minute, size_t *n,
			  struct err *e)
{
	int64_t *list = xmalloc(sizeof(*list));
	size_t cap = 1;
	int rc = -1;
	sqlite3_stmt *st = db_query(
		s, e, "SELECT conversation FROM contest WHERE minute = ? AND sensor = ?",
		DB(I(minute), I(sensor)));

	*n = 0;
	while (st && (rc = db_step(s, st, e)) > 0) {
		MEM_GROW(list, *n, cap);
		list[(*n)++] = sqlite3_column_int64(st, 0);
	}
	if (rc == 0)
		return list;
	free(list);
	return NULL;
}

int count_covered(struct store *s, int64_t sensor, int64_t minute, struct err *e)
{
	size_t n;
	int rc = 0;
	int64_t *list;

	if (minute > s->closed)
		return 0;
	list = contested(s, sensor, minute, &n, e);

	if (!list)
		return db_fail(s, NULL);
	for (size_t i = 0; i < n && !rc; i++) {
		struct conv_minute *m;
		struct conv *v;

		rc = conv_at(s, list[i], &v, e);
		if (!rc)
			rc = minute_of(s, v, minute, &m, e);
		if (!rc)
			rc = settle(s, v, m, e);
	}
	free(list);
	return rc;
}

/* Minutes that are over, and those that are not */

/* Whoever may change its mind later is found again by its coverage. */
static int contest_all(struct store *s, struct conv *v, struct conv_minute *m, struct err *e)
{
	int rc = 0;

	for (struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->row[slot_of(m->minute)] != CONV_NO_ROW)
			rc = contest(s, v, c, m, e);
	return rc;
}

static int save_claims(struct store *s, struct conv *v, struct err *e)
{
	int rc = 0;

	for (struct claim *c = v->claims; c < v->claims + v->claims_n && !rc; c++)
		if (c->unsaved)
			rc = conv_save(s, c, e);
	return rc;
}

int count_close(struct store *s, int64_t conversation, int64_t minute, struct err *e)
{
	struct conv_minute *m;
	struct conv *v;
	int rc = conv_at(s, conversation, &v, e);

	if (!rc)
		rc = minute_of(s, v, minute, &m, e);
	if (!rc)
		rc = contest_all(s, v, m, e);
	if (!rc)
		rc = settle(s, v, m, e);
	return rc ? rc : save_claims(s, v, e);
}

int count_open(struct store *s, int64_t conversation, int64_t minute, count_open_fn *fn,
	       void *ctx, struct err *e)
{
	struct conv_minute *m;
	struct count_report r;
	enum witness kind;
	struct conv *v;
	int rc = conv_at(s, conversation, &v, e);

	if (!rc)
		rc = minute_of(s, v, minute, &m, e);
	if (!rc)
		rc = decide(s, v, m, &kind, e);
	for (struct claim *c = rc ? NULL : v->claims; !rc && c < v->claims + v->claims_n;
	     c++) {
		if (c->row[slot_of(minute)] != CONV_OPEN)
			continue;
		rc = read_row(s, minute, c->id, &r, e);
		if (!rc && conv_witness(c) != kind)
			r.amounts = nothing;
		if (!rc)
			fn(c->edge, &r, ctx);
	}
	return rc;
}
