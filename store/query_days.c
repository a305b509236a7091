/* SPDX-License-Identifier: Apache-2.0 */
/* On how many days an edge was seen: what imports alone tell of has no days. */
#include <stdlib.h>

#include "store/db.h"
#include "store/open.h"
#include "store/packed.h"
#include "store/place.h"
#include "store/query.h"

enum { DAY = 86400, DAY_MINUTES = 1440 };

struct seen_days {
	int64_t records; /* of the day that is being read */
	unsigned days;
};

struct open_day {
	int64_t day, edge;
};

struct days {
	struct places places;
	struct seen_days *list; /* of what is there */
	struct open_day *open;	/* by day */
	size_t open_n, open_cap, open_at;
};

static int load_edges(struct store *s, struct days *d, struct err *e)
{
	int rc = places_load(s, &d->places, e);
	sqlite3_stmt *st = rc ? NULL : db_stmt(s, e, "SELECT id FROM edge ORDER BY id");

	if (!st)
		return rc ? rc : db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0)
		places_add(&d->places, sqlite3_column_int64(st, 0));
	d->list = xcalloc(d->places.n, sizeof(*d->list));
	return rc;
}

static int on_row(int64_t day, const struct pack_row *row, void *ctx)
{
	struct days *d = ctx;
	size_t at = places_of(&d->places, row->edge);

	(void)day;
	if (at != SIZE_MAX)
		d->list[at].records =
			(int64_t)((uint64_t)d->list[at].records + (uint64_t)row->a.records);
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
	for (struct seen_days *x = d->list; x < d->list + d->places.n; x++) {
		x->days += x->records > 0;
		x->records = 0;
	}
	return rc;
}

static int64_t minute_of(int64_t day)
{
	return day > INT64_MAX / DAY_MINUTES ? INT64_MAX : day * DAY_MINUTES;
}

static int load_open(struct store *s, struct days *d, int64_t from, int64_t to, struct err *e)
{
	struct open *o;
	int rc = open_begin(s, from * DAY_MINUTES, minute_of(to), &o, e);

	if (!rc && o)
		rc = open_claims(o, e);
	if (!rc && o)
		rc = open_read(o, on_open, d, e);
	open_end(o);
	return rc;
}

static int add_days(struct store *s, struct days *d, int64_t from, int64_t to, struct err *e)
{
	int rc = load_open(s, d, from, to, e);

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

	for (size_t i = 0; i < d->places.n && !rc; i++)
		if (d->list[i].days)
			rc = fn(d->places.number[i], d->list[i].days, ctx);
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
	places_fini(&d.places);
	return rc;
}
