/* SPDX-License-Identifier: Apache-2.0 */
#include "store/repoint.h"

#include <stdlib.h>
#include <string.h>

#include "store/close.h"
#include "store/count.h"
#include "store/db.h"
#include "store/edge.h"

enum { MINUTE_S = 60, MINUTE_MS = 60000 };

/* When some witness saw the edge of C. */
struct life {
	int64_t edge, first, last;
};

static int life_of(struct store *s, const struct claim *c, struct life *l, struct err *e)
{
	int rc = edge_final(s, c->edge, &l->edge, e);
	sqlite3_stmt *st =
		rc ? NULL
		   : db_query(s, e, "SELECT first, last FROM fact_total WHERE edge = ?",
			      DB(I(l->edge)));

	if (!st)
		return rc ? rc : db_fail(s, NULL);
	rc = db_step(s, st, e);
	if (rc <= 0)
		return rc;
	l->first = sqlite3_column_int64(st, 0);
	l->last = sqlite3_column_int64(st, 1);
	db_done(st);
	return 0;
}

/* The claim of W that says what C says. */
static int twin_of(struct store *s, struct conv *w, const struct claim *c,
		   const struct repoint *p, struct claim **out, struct err *e)
{
	struct claim like = *c;
	int rc;

	like.via = p->keep_via ? c->via : p->via;
	rc = conv_claim(s, w, &like, out, e);

	if (rc > 0)
		rc = edge_pair(s, w, e);
	return rc < 0 ? rc : 0;
}

/* What C says of now goes to where it speaks now. */
static void hand_gauges(struct claim *c, struct claim *t)
{
	t->run = c->run;
	t->live = c->live;
	t->pending = c->pending;
	t->opens += c->opens;
	for (unsigned i = 0; i < c->ports_n; i++)
		conv_remember_port(t, c->port[i]);
	c->live = c->pending = 0;
}

static int move_minute(struct store *s, struct conv *v, struct claim *c, struct conv *w,
		       const struct repoint *p, int64_t minute, bool *moved, struct err *e)
{
	struct count_report r;
	struct claim *t;
	int rc = count_take(s, v, c, minute, &r, e);

	if (rc <= 0)
		return rc;
	*moved = true;
	rc = twin_of(s, w, c, p, &t, e);
	return rc ? rc : count_add(s, w, t, &r, e);
}

/* True in GONE where nothing is left of the claim here. */
static int move_claim(struct store *s, struct conv *v, struct claim *c, struct conv *w,
		      const struct repoint *p, bool *gone, struct err *e)
{
	struct life l = { 0 };
	bool moved = false;
	struct claim *t;
	int rc = life_of(s, c, &l, e);

	for (int64_t m = p->from; m <= p->to && !rc; m++)
		rc = move_minute(s, v, c, w, p, m, &moved, e);
	if (rc || !moved)
		return rc;
	rc = twin_of(s, w, c, p, &t, e);
	if (rc)
		return rc;
	hand_gauges(c, t);
	*gone = l.first >= p->from * MINUTE_S && l.last / MINUTE_S <= p->to;
	rc = conv_save(s, t, e);
	if (rc)
		return rc;
	return *gone ? edge_leave(s, v, c, t->edge, e) : conv_save(s, c, e);
}

static bool wanted(const struct claim *c, const struct repoint *p)
{
	return c->origin > 0 && c->origin != p->but && (!p->of || c->via == p->of) &&
	       conv_witness(c) != WITNESS_TRANSLATION;
}

int repoint_conv(struct store *s, struct conv *v, struct conv *w, const struct repoint *p,
		 struct err *e)
{
	struct repoint q = *p;
	int64_t newest;
	int rc = count_newest(s, &newest, e);

	q.to = q.to < newest ? q.to : newest;
	if (q.to - q.from >= REPOINT_MINUTES)
		q.from = q.to - REPOINT_MINUTES + 1;
	if (rc || v == w || q.from > q.to)
		return rc;
	for (unsigned i = v->claims_n; i-- > 0 && !rc;) {
		bool gone = false;

		if (wanted(&v->claims[i], p))
			rc = move_claim(s, v, &v->claims[i], w, &q, &gone, e);
	}
	return rc || !v->claims_n ? rc : edge_pair(s, v, e);
}

void repoint_begin(struct store *s)
{
	s->late_leases = REPOINT_LEASES;
	s->late_minutes = REPOINT_LATE;
}

static int repoint_one(struct store *s, int64_t id, const struct endpoint *from,
		       const struct endpoint *to, struct err *e)
{
	const struct repoint p = { .from = to->since_ms / MINUTE_MS + 1,
				   .to = INT64_MAX,
				   .keep_via = true };
	struct conv *v, *w;
	struct conv_key key;
	int rc = conv_at(s, id, &v, e);

	if (rc)
		return rc;
	key = v->key;
	key.client = key.client == from->id ? to->id : key.client;
	key.server = key.server == from->id ? to->id : key.server;
	rc = conv_get(s, &key, &w, e);
	return rc ? rc : repoint_conv(s, v, w, &p, e);
}

int repoint_endpoint(struct store *s, const struct endpoint *from, const struct endpoint *to,
		     struct err *e)
{
	struct db_rows list = { 0 };
	int64_t newest;
	int rc = count_newest(s, &newest, e);

	if (rc || newest <= to->since_ms / MINUTE_MS || s->late_leases <= 0)
		return rc; /* nobody has told of later yet */
	s->late_leases--;
	rc = close_begin(s, e); /* an import comes here, too */
	if (!rc)
		rc = db_rows(s, e, &list,
			     "SELECT id FROM conversation WHERE client = ?1 OR server = ?1 "
			     "ORDER BY id",
			     DB(I(from->id)));
	for (size_t i = 0; i < list.n && !rc; i++)
		rc = repoint_one(s, list.row[i].v[0], from, to, e);
	free(list.row);
	return rc;
}
