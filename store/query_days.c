/* SPDX-License-Identifier: Apache-2.0 */
/* On how many days an edge was seen: what imports alone tell of has no days. */
#include <stdlib.h>

#include "store/alias.h"
#include "store/close.h"
#include "store/db.h"
#include "store/packed.h"
#include "store/query.h"

enum { DAY = 86400, DAY_MINUTES = 1440 };

struct seen_days {
	int64_t edge;
	int64_t records; /* of the day that is being read */
	unsigned days;
};

struct open_day {
	int64_t day, edge;
};

struct days {
	struct aliases aliases;
	struct seen_days *list; /* by edge */
	struct open_day *open;	/* by day */
	size_t open_n, open_cap, open_at;
	size_t n, near; /* near: behind the one found last */
};

static int load_edges(struct store *s, struct days *d, struct err *e)
{
	size_t cap = 0;
	int rc = alias_load(s, &d->aliases, e);
	sqlite3_stmt *st = rc ? NULL : db_stmt(s, e, "SELECT id FROM edge ORDER BY id");

	if (!st)
		return rc ? rc : db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		MEM_GROW(d->list, d->n, cap);
		d->list[d->n++] = (struct seen_days){ sqlite3_column_int64(st, 0), 0, 0 };
	}
	return rc;
}

static int by_edge(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = ((const struct seen_days *)b)->edge;

	return (x > y) - (x < y);
}

static int on_row(int64_t day, const struct pack_row *row, void *ctx)
{
	struct days *d = ctx;
	int64_t edge = alias_tip(&d->aliases, row->edge);
	struct seen_days *x = d->list + d->near;
	uint64_t step = d->n ? (uint64_t)edge - (uint64_t)d->list[0].edge : 0;

	(void)day;
	if (step < d->n && d->list[step].edge == edge)
		x = d->list + step;
	else if (d->near >= d->n || x->edge != edge)
		x = d->n ? bsearch(&edge, d->list, d->n, sizeof(*x), by_edge) : NULL;
	if (!x)
		return 0;
	d->near = (size_t)(x - d->list) + 1;
	x->records = (int64_t)((uint64_t)x->records + (uint64_t)row->a.records);
	return 0;
}

/* What is in no day yet, since its minute is not over. */
static void on_open(int64_t edge, const struct count_report *r, void *ctx)
{
	struct days *d = ctx;

	if (r->amounts.records <= 0)
		return;
	MEM_GROW(d->open, d->open_n, d->open_cap);
	d->open[d->open_n++] = (struct open_day){ r->minute / DAY_MINUTES, edge };
}

static int by_day(const void *a, const void *b)
{
	const struct open_day *x = a, *y = b;

	if (x->day != y->day)
		return x->day > y->day ? 1 : -1;
	return (x->edge > y->edge) - (x->edge < y->edge);
}

static void add_open(struct days *d, int64_t day)
{
	for (; d->open_at < d->open_n && d->open[d->open_at].day == day; d->open_at++) {
		const struct pack_row one = { d->open[d->open_at].edge, { .records = 1 } };

		on_row(day, &one, d);
	}
}

static int add_day(struct store *s, struct days *d, int64_t day, struct err *e)
{
	int rc = packed_each(s, PACKED_DAY, day, day + 1, on_row, d, e);

	add_open(d, day);
	for (struct seen_days *x = d->list; x < d->list + d->n; x++) {
		x->days += x->records > 0;
		x->records = 0;
	}
	return rc;
}

static int64_t minute_of(int64_t day)
{
	return day > INT64_MAX / DAY_MINUTES ? INT64_MAX : day * DAY_MINUTES;
}

static int add_days(struct store *s, struct days *d, int64_t from, int64_t to, struct err *e)
{
	int rc = close_read(s, from * DAY_MINUTES, minute_of(to), on_open, d, e);

	if (d->open_n)
		qsort(d->open, d->open_n, sizeof(*d->open), by_day);
	while (!rc) {
		int64_t day = INT64_MAX;

		int found = packed_next(s, PACKED_DAY, from, &day, e);

		if (found < 0)
			return found;
		if (!found)
			day = INT64_MAX;
		if (d->open_at < d->open_n && d->open[d->open_at].day < day)
			day = d->open[d->open_at].day;
		if (day >= to)
			break;
		rc = add_day(s, d, day, e);
		from = day + 1;
	}
	return rc;
}

static int tell(const struct days *d, query_edge_days_fn *fn, void *ctx)
{
	int rc = 0;

	for (const struct seen_days *x = d->list; x < d->list + d->n && !rc; x++)
		if (x->days)
			rc = fn(x->edge, x->days, ctx);
	return rc;
}

int query_edge_days(struct store *s, const struct filter *f, query_edge_days_fn *fn, void *ctx,
		    struct err *e)
{
	int64_t from = f->since / DAY, to = f->until ? (f->until + DAY - 1) / DAY : INT64_MAX;
	struct days d = { 0 };
	int rc = db_exec(s, e, "SAVEPOINT query"); /* one moment for all the scans */

	if (rc)
		return rc;
	rc = load_edges(s, &d, e);
	if (!rc)
		rc = add_days(s, &d, from, to, e);
	db_exec(s, NULL, "RELEASE query");
	if (!rc)
		rc = tell(&d, fn, ctx);
	free(d.list);
	free(d.open);
	alias_fini(&d.aliases);
	return rc;
}
