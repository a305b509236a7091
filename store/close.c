/* SPDX-License-Identifier: Apache-2.0 */
#include "store/close.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/mark.h"
#include "store/priv.h"

enum { MINUTE_MS = 60000 };

/* Rows up to (minute, claim) need not be looked at again. */
struct closing {
	int64_t minute, claim;
};

/* What is read of a row of fact_minute. */
enum { MINUTE, CLAIM, CONVERSATION };

int close_begin(struct store *s, struct err *e)
{
	int64_t swept;
	int rc;

	if (s->closing)
		return 0;
	rc = mark_get(s, MARK_CLOSED, &s->closed, e);
	if (!rc)
		rc = mark_get(s, MARK_SWEPT, &swept, e);
	if (!rc)
		rc = mark_get(s, MARK_MINUTES, &s->gone, e);
	if (rc)
		return rc;
	s->closing = xcalloc(1, sizeof(*s->closing));
	*s->closing = (struct closing){ swept, INT64_MAX };
	return 0;
}

void close_forget(struct store *s)
{
	free(s->closing);
	s->closing = NULL;
}

/* The newest minute that is over. */
static int move_mark(struct store *s, int64_t now_ms, struct err *e)
{
	int64_t over = (now_ms - CLOSE_AFTER_MS) / MINUTE_MS - 1;
	int rc = 0;

	if (now_ms == CLOSE_ALL)
		rc = count_newest(s, &over, e);
	if (rc || over <= s->closed)
		return rc;
	s->closed = over;
	return mark_raise(s, MARK_CLOSED, over, e);
}

static int next_rows(struct store *s, unsigned limit, struct db_rows *list, struct err *e)
{
	return db_rows(
		s, e, list,
		"SELECT f.minute, f.claim, c.conversation FROM fact_minute f "
		"JOIN claim c ON c.id = f.claim "
		"WHERE (f.minute, f.claim) > (?, ?) AND f.minute <= ? "
		"AND f.edge = -1 ORDER BY f.minute, f.claim LIMIT ?",
		DB(I(s->closing->minute), I(s->closing->claim), I(s->closed), I(limit)));
}

/* Up to here everything has been decided on; what still is open is not counted. */
static int move_on(struct store *s, struct closing to, struct err *e)
{
	struct closing from = *s->closing;

	*s->closing = to;
	return db_run(s, e,
		      "UPDATE fact_minute SET edge = 0 WHERE (minute, claim) > (?, ?) "
		      "AND (minute, claim) <= (?, ?) AND edge = -1",
		      DB(I(from.minute), I(from.claim), I(to.minute), I(to.claim)));
}

static int finish(struct store *s, struct err *e)
{
	/* The last row may have been of that very minute. */
	if (s->closing->minute >= s->closed && s->closing->claim == INT64_MAX)
		return 0;
	*s->closing = (struct closing){ s->closed, INT64_MAX };
	return mark_raise(s, MARK_SWEPT, s->closed, e);
}

int close_some(struct store *s, int64_t now_ms, unsigned limit, struct err *e)
{
	struct db_rows list = { 0 };
	const int64_t *last;
	int rc = close_begin(s, e);

	if (!rc)
		rc = move_mark(s, now_ms, e);
	if (!rc && (s->closing->minute < s->closed || s->closing->claim != INT64_MAX))
		rc = next_rows(s, limit, &list, e);
	for (size_t i = 0; i < list.n && !rc; i++)
		rc = count_close(s, list.row[i].v[CONVERSATION], list.row[i].v[MINUTE], e);
	last = list.n ? list.row[list.n - 1].v : NULL;
	if (!rc && last)
		rc = move_on(s, (struct closing){ last[MINUTE], last[CLAIM] }, e);
	if (!rc && list.n < limit)
		rc = finish(s, e);
	free(list.row);
	return rc ? rc : list.n >= limit;
}
