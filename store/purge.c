/* SPDX-License-Identifier: Apache-2.0 */
#include "store/purge.h"

#include <errno.h>
#include <stdlib.h>

#include "store/close.h"
#include "store/conv.h"
#include "store/count.h"
#include "store/db.h"
#include "store/edge.h"
#include "store/priv.h"
#include "store/remove.h"

enum { MINUTE_S = 60, STEP_CLAIMS = 500 };

struct purge {
	struct store *s;
	int64_t sensor, since; /* minute */
	int64_t minute;	       /* the next one; INT64_MAX: all are done */
	bool begun;
};

struct purge *purge_begin(struct store *s, const char *sensor, int64_t since, struct err *e)
{
	int64_t id, revoked;
	struct purge *p;
	int rc = db_int(s, e, &id, "SELECT id FROM sensor WHERE name = ?", DB(T(sensor)));

	if (rc == 0)
		err_set(e, -ENOENT, "no sensor %s; skein-collector sensor list shows them",
			sensor);
	if (rc <= 0)
		return NULL;
	rc = db_int(s, e, &revoked, "SELECT revoked FROM sensor WHERE id = ?", DB(I(id)));
	if (rc > 0 && !revoked)
		err_set(e, -EPERM, "%s is not revoked and would go on; revoke it first",
			sensor);
	if (rc <= 0 || !revoked)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	*p = (struct purge){ .s = s, .sensor = id, .since = since / MINUTE_S };
	p->minute = p->since;
	return p;
}

void purge_end(struct purge *p)
{
	free(p);
}

/* What it told besides, and what stands for nothing else. */
static int forget_rest(struct purge *p, struct err *e)
{
	int rc = db_run(p->s, e,
			"DELETE FROM usage WHERE start_ms >= ? * 60000 AND machine IN "
			"(SELECT id FROM machine WHERE sensor = ?)",
			DB(I(p->since), I(p->sensor)));

	if (!rc)
		rc = db_run(p->s, e,
			    "DELETE FROM capture_hour WHERE sensor = ? AND hour >= ? / 60",
			    DB(I(p->sensor), I(p->since)));
	if (rc || p->since)
		return rc;
	rc = db_run(p->s, e, "DELETE FROM capture WHERE sensor = ?", DB(I(p->sensor)));
	if (!rc)
		rc = db_run(p->s, e, "DELETE FROM translation WHERE sensor = ?",
			    DB(I(p->sensor)));
	if (!rc)
		rc = db_run(p->s, e,
			    "DELETE FROM listener WHERE machine IN "
			    "(SELECT id FROM machine WHERE sensor = ?)",
			    DB(I(p->sensor)));
	return rc;
}

static struct claim *claim_at(struct conv *v, int64_t id)
{
	for (struct claim *c = v->claims; c < v->claims + v->claims_n; c++)
		if (c->id == id)
			return c;
	return NULL;
}

static int take_row(struct purge *p, int64_t conversation, int64_t claim,
		    struct purge_done *done, struct err *e)
{
	struct count_report gone;
	struct claim *c;
	struct conv *v;
	int rc = conv_at(p->s, conversation, &v, e);

	c = rc ? NULL : claim_at(v, claim);
	if (!c)
		return rc;
	rc = count_take(p->s, v, c, p->minute, &gone, e);
	done->minutes += rc > 0;
	return rc < 0 ? rc : 0;
}

static int take_rows(struct purge *p, struct purge_done *done, struct err *e)
{
	struct db_rows rows = { 0 };
	int rc = db_rows(p->s, e, &rows,
			 "SELECT c.conversation, c.id FROM fact_minute f "
			 "JOIN claim c ON c.id = f.claim WHERE f.minute = ? AND c.origin = ?",
			 DB(I(p->minute), I(p->sensor)));

	for (size_t i = 0; i < rows.n && !rc; i++)
		rc = take_row(p, rows.row[i].v[0], rows.row[i].v[1], done, e);
	free(rows.row);
	return rc;
}

/* That it watched decides nothing any more, before anybody looks. */
static int purge_minute(struct purge *p, struct purge_done *done, struct err *e)
{
	int rc = db_run(p->s, e, "DELETE FROM coverage WHERE minute = ? AND sensor = ?",
			DB(I(p->minute), I(p->sensor)));

	if (!rc)
		rc = take_rows(p, done, e);
	return rc ? rc : count_covered(p->s, p->sensor, p->minute, e);
}

/* The claim itself: an edge that nobody else speaks of goes with it. */
static int drop_claim(struct purge *p, int64_t conversation, int64_t claim,
		      struct purge_done *done, struct err *e)
{
	bool others;
	int64_t edge;
	struct claim *c;
	struct conv *v;
	int rc = db_int(p->s, e, &edge, "SELECT edge FROM claim WHERE id = ?", DB(I(claim)));

	if (rc <= 0) /* it went with another one's edge */
		return rc;
	rc = db_any(p->s, e, &others,
		    "SELECT 1 FROM claim WHERE edge = ? AND origin != ? LIMIT 1",
		    DB(I(edge), I(p->sensor)));
	if (rc)
		return rc;
	if (!others) {
		done->edges++;
		return remove_edge(p->s, edge, e);
	}
	done->shared++;
	rc = conv_at(p->s, conversation, &v, e);
	c = rc ? NULL : claim_at(v, claim);
	if (!c)
		return rc;
	rc = conv_forget_claim(p->s, v, c, e);
	return rc ? rc : edge_pair(p->s, v, e);
}

static int drop_claims(struct purge *p, struct purge_done *done, struct err *e)
{
	struct db_rows rows = { 0 };
	int rc = db_rows(p->s, e, &rows,
			 "SELECT conversation, id FROM claim WHERE origin = ? "
			 "ORDER BY id LIMIT ?",
			 DB(I(p->sensor), I(STEP_CLAIMS)));

	for (size_t i = 0; i < rows.n && !rc; i++)
		rc = drop_claim(p, rows.row[i].v[0], rows.row[i].v[1], done, e);
	free(rows.row);
	return rc ? rc : rows.n == STEP_CLAIMS;
}

/* The next minute with anything in it, or that anybody watched. */
static int next_minute(struct purge *p, struct err *e)
{
	int rc = db_int(p->s, e, &p->minute,
			"SELECT min(ifnull((SELECT min(minute) FROM fact_minute WHERE "
			"minute >= ?1), ?2), ifnull((SELECT min(minute) FROM coverage WHERE "
			"minute >= ?1), ?2))",
			DB(I(p->minute), I(INT64_MAX)));

	return rc < 0 ? rc : 0;
}

static int step(struct purge *p, struct purge_done *done, struct err *e)
{
	int rc = close_begin(p->s, e);

	if (!rc && !p->begun)
		rc = forget_rest(p, e);
	p->begun = true;
	if (p->minute < p->s->gone) /* what is left there has lost its witness, too */
		p->minute = p->s->gone;
	if (!rc && p->minute != INT64_MAX)
		rc = next_minute(p, e);
	if (rc)
		return rc;
	if (p->minute == INT64_MAX)
		return p->since ? 0 : drop_claims(p, done, e);
	rc = purge_minute(p, done, e);
	p->minute++;
	return rc ? rc : 1;
}

int purge_step(struct purge *p, struct purge_done *done, struct err *e)
{
	const struct purge_done done_before = *done;
	const struct purge before = *p;
	int more, rc = store_begin(p->s, e);

	if (rc)
		return rc;
	store_forget(p->s); /* edges go below the caches */
	more = step(p, done, e);
	rc = more < 0 ? more : store_commit(p->s, e);
	if (!rc)
		return more;
	store_rollback(p->s);
	*done = done_before;
	*p = before;
	return rc;
}
