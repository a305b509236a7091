/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges, put together in memory: the dictionary (known.c), what every edge amounts to, and the
 * gauges of its claims.  Two of a database's scans, in the order of their keys, and no
 * look-ups.
 */
#include <stdlib.h>
#include <string.h>

#include "store/alias.h"
#include "store/amount.h"
#include "store/close.h"
#include "store/db.h"
#include "store/known.h"
#include "store/order.h"
#include "store/packed.h"
#include "store/query.h"
#include "store/seen.h"
#include "store/window.h"

struct gauge {
	bool known, imported;
	int witness;
	int64_t when; /* of an import */
};

struct edge {
	int64_t id;
	struct order_place place;
	char *extra;
	struct amounts *sum; /* in the query's array */
	bool present;	     /* something is known of it in the window */
	int64_t first, last;
	unsigned witnesses;
	bool guess;
	struct gauge gauge; /* whose word LIVE and PENDING are */
	uint64_t live, pending;
};

struct query {
	struct store *s;
	struct err *e;
	const struct filter *f;
	struct known known;
	struct edge *edge;
	/* What millions of rows are added to lies close together: of edge[i]. */
	int64_t *number;
	struct amounts *sum;
	size_t edge_n, near; /* near: behind the one found last */
	struct aliases aliases;
	struct seen *seen;
};

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Numbers are given one after the other: most stand where they would if none was missing. */
static size_t find_edge(const struct query *q, int64_t id)
{
	uint64_t step = q->edge_n ? (uint64_t)id - (uint64_t)q->number[0] : 0;
	const int64_t *at;

	if (step < q->edge_n && q->number[step] == id)
		return step;
	at = q->edge_n ? bsearch(&id, q->number, q->edge_n, sizeof(*at), by_number) : NULL;
	return at ? (size_t)(at - q->number) : SIZE_MAX;
}

/* The place of an edge, where one that became part of another is found there; or SIZE_MAX. */
static size_t place_of(struct query *q, int64_t id)
{
	size_t i;

	id = alias_tip(&q->aliases, id);
	if (q->near < q->edge_n && q->number[q->near] == id) /* scans go up as well */
		return q->near++;
	i = find_edge(q, id);
	q->near = i + 1;
	return i;
}

static struct edge *edge_at(struct query *q, int64_t id)
{
	size_t i = place_of(q, id);

	return i == SIZE_MAX ? NULL : &q->edge[i];
}

/* Once all edges are known. */
static void index_edges(struct query *q)
{
	q->number = xcalloc(q->edge_n + 1, sizeof(*q->number));
	q->sum = xcalloc(q->edge_n + 1, sizeof(*q->sum));
	for (size_t i = 0; i < q->edge_n; i++) {
		q->number[i] = q->edge[i].id;
		q->edge[i].sum = &q->sum[i];
	}
}

static int load_edges(struct query *q)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(q->s, q->e,
				    "SELECT id, client, server, port, proto, client_process, "
				    "server_process, extra FROM edge ORDER BY id",
				    DB_NONE);

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		const char *extra = db_text(st, 7);
		struct edge *ed;

		MEM_GROW(q->edge, q->edge_n, cap);
		ed = &q->edge[q->edge_n++];
		*ed = (struct edge){
			.id = sqlite3_column_int64(st, 0),
			.place = { sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 5),
				   sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 6),
				   (uint16_t)sqlite3_column_int(st, 3),
				   (uint8_t)sqlite3_column_int(st, 4) },
			.extra = *extra ? xstrdup(extra) : NULL
		};
	}
	return rc;
}

static void add_amounts(struct query *q, int64_t edge, const struct amounts *a)
{
	size_t i = place_of(q, edge);

	if (i != SIZE_MAX)
		amount_add(&q->sum[i], a);
}

/* The edge in column 0, the amounts from column 1. */
static int add_rows(struct query *q, sqlite3_stmt *st)
{
	int rc;

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		struct amounts a = amount_read(st, 1);

		add_amounts(q, sqlite3_column_int64(st, 0), &a);
	}
	return rc;
}

static int on_packed(int64_t bucket, const struct pack_row *row, void *ctx)
{
	(void)bucket;
	add_amounts(ctx, row->edge, &row->a);
	return 0;
}

static int load_totals(struct query *q)
{
	bool window = q->f->since || q->f->until;
	int rc;
	sqlite3_stmt *st = db_query(
		q->s, q->e, "SELECT edge, " AMOUNT_NAMES ", first, last FROM fact_total",
		DB_NONE);

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		struct edge *ed = edge_at(q, sqlite3_column_int64(st, 0));

		if (!ed)
			continue;
		ed->first = sqlite3_column_int64(st, 1 + AMOUNT_N);
		ed->last = sqlite3_column_int64(st, 2 + AMOUNT_N);
		if (window)
			continue;
		*ed->sum = amount_read(st, 1);
		ed->present = true;
	}
	return rc;
}

static int add_part(struct query *q, const struct window_part *p)
{
	if (p->level != WINDOW_MINUTES)
		return packed_each(q->s, p->level == WINDOW_DAYS ? PACKED_DAY : PACKED_HOUR,
				   p->from, p->to, on_packed, q, q->e);
	return add_rows(q, db_query(q->s, q->e,
				    "SELECT edge, " AMOUNT_NAMES " FROM fact_minute "
				    "WHERE minute >= ? AND minute < ? AND edge > 0",
				    DB(I(p->from), I(p->to))));
}

/* Late differences may be negative: what is there shows when all is added up. */
static int load_window(struct query *q)
{
	int64_t until = q->f->until ? q->f->until : INT64_MAX;
	struct window_part part[WINDOW_PARTS];
	unsigned n = window_split(q->f->since, q->f->until, part);
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = add_part(q, &part[i]);
	if (!rc)
		rc = add_rows(q, db_query(q->s, q->e,
					  "SELECT edge, " AMOUNT_NAMES
					  " FROM span WHERE edge > 0 "
					  "AND ((first < ? AND last >= ?) OR last = 0)",
					  DB(I(until), I(q->f->since))));
	for (struct edge *ed = q->edge; ed < q->edge + q->edge_n; ed++)
		ed->present = ed->sum->records > 0;
	return rc;
}

/* Minutes that are not over enter no level yet. */
static void add_open(int64_t edge, const struct count_report *r, void *ctx)
{
	struct query *q = ctx;
	struct edge *ed = edge_at(q, edge);
	bool window = q->f->since || q->f->until;

	if (!ed)
		return;
	if (!ed->first || r->first < ed->first)
		ed->first = r->first;
	if (r->last > ed->last)
		ed->last = r->last;
	amount_add(ed->sum, &r->amounts);
	ed->present = ed->present || !window || r->amounts.records > 0;
}

static int load_open(struct query *q)
{
	int64_t from = q->f->since / 60;
	int64_t to = q->f->until ? (q->f->until + 59) / 60 : INT64_MAX;

	return close_read(q->s, from, to, add_open, q, q->e);
}

/* Sensors before imports, of either the better witness, of imports the latest. */
static int better_gauge(const struct gauge *a, const struct gauge *b)
{
	if (a->imported != b->imported)
		return b->imported - a->imported;
	if (a->witness != b->witness)
		return b->witness - a->witness;
	return (a->when > b->when) - (a->when < b->when);
}

/* Gauges are believed while the sensor that told them has watched without a break. */
static void add_claim(struct edge *ed, sqlite3_stmt *st)
{
	unsigned witnesses = (unsigned)sqlite3_column_int(st, 1) & ((1u << WITNESS_COUNT) - 1);
	struct gauge g = { .known = true,
			   .imported = sqlite3_column_int(st, 6) != 0,
			   .witness = witnesses ? __builtin_ctz(witnesses) : WITNESS_COUNT,
			   .when = sqlite3_column_int64(st, 7) };
	int d = ed->gauge.known ? better_gauge(&g, &ed->gauge) : 1;

	ed->witnesses |= witnesses;
	ed->guess = ed->guess || sqlite3_column_int(st, 2);
	if (d < 0)
		return;
	if (d > 0)
		ed->live = ed->pending = 0;
	ed->gauge = g;
	if (sqlite3_column_int(st, 5)) {
		ed->live += (uint64_t)sqlite3_column_int64(st, 3);
		ed->pending += (uint64_t)sqlite3_column_int64(st, 4);
	}
}

static int load_claims(struct query *q)
{
	int rc;
	sqlite3_stmt *st = db_query(q->s, q->e,
				    "SELECT c.edge, c.witnesses, c.guess, c.live, c.pending, "
				    "c.origin < 0 OR c.run = s.run, c.origin < 0, "
				    "iif(c.origin < 0, c.run, 0) "
				    "FROM claim c LEFT JOIN sensor s ON s.id = c.origin",
				    DB_NONE);

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		struct edge *ed = edge_at(q, sqlite3_column_int64(st, 0));

		if (ed)
			add_claim(ed, st);
	}
	return rc;
}

static int load(struct query *q)
{
	int rc = known_load(q->s, true, &q->known, q->e);

	if (!rc)
		rc = alias_load(q->s, &q->aliases, q->e);
	if (!rc)
		rc = load_edges(q);
	index_edges(q);
	if (!rc)
		rc = load_totals(q);
	if (!rc && (q->f->since || q->f->until))
		rc = load_window(q);
	if (!rc)
		rc = load_open(q);
	if (!rc)
		rc = load_claims(q);
	if (rc)
		return rc;
	q->seen = seen_load(q->s, q->e);
	return q->seen ? 0 : db_fail(q->s, NULL);
}

/* Rows */

static struct end_row end_of(const struct query *q, int64_t endpoint, int64_t process)
{
	const struct known_endpoint *p = known_endpoint(&q->known, endpoint);
	const struct known_machine *m = p ? p->machine : NULL;

	return (struct end_row){ .id = m ? m->ident : NULL,
				 .name = m ? m->name : "",
				 .ip = p ? p->ip : "",
				 .process = known_process(&q->known, process, endpoint) };
}

static const char *seen_of(const struct query *q, const struct edge *ed)
{
	const struct known_endpoint *client = known_endpoint(&q->known, ed->place.client);
	const struct known_endpoint *server = known_endpoint(&q->known, ed->place.server);

	return client && server ? seen_find(q->seen, ed->place.proto, &client->addr,
					    &server->addr, ed->place.port)
				: "";
}

static int64_t clip(int64_t t, int64_t least, int64_t most)
{
	if (least && t && t < least)
		t = least;
	return most && t > most ? most : t;
}

static struct edge_row row_of(const struct query *q, const struct edge *ed)
{
	const struct filter *f = q->f;
	bool now = !f->until;

	return (struct edge_row){
		.edge = ed->id,
		.client = end_of(q, ed->place.client, ed->place.client_process),
		.server = end_of(q, ed->place.server, ed->place.server_process),
		.proto = ed->place.proto,
		.port = ed->place.port,
		.c = amount_counters(ed->sum),
		.live = now ? ed->live : 0,
		.pending = now ? ed->pending : 0,
		.first = clip(ed->first, f->since, f->until),
		.last = clip(ed->last, f->since, f->until),
		.witnesses = ed->witnesses,
		.guess = ed->guess,
		.server_seen = seen_of(q, ed),
		.extra = ed->extra ? ed->extra : ""
	};
}

struct placed {
	struct order_key key;
	struct edge *edge;
};

static int by_order(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int d = order_compare(&x->key, &y->key);

	return d ? d : (x->edge->id > y->edge->id) - (x->edge->id < y->edge->id);
}

/* Two that nobody can tell apart (in two network namespaces, two realms) are shown as one. */
static void join(struct edge *to, const struct edge *more)
{
	if (more->extra && (!to->extra || strcmp(more->extra, to->extra) > 0)) {
		free(to->extra);
		to->extra = xstrdup(more->extra);
	}
	amount_add(to->sum, more->sum);
	to->live += more->live;
	to->pending += more->pending;
	if (more->first && (!to->first || more->first < to->first))
		to->first = more->first;
	if (more->last > to->last)
		to->last = more->last;
	to->witnesses |= more->witnesses;
	to->guess |= more->guess;
}

static bool is_machine(const struct known_endpoint *p, const char *word)
{
	if (!p)
		return false;
	if (p->machine &&
	    (strcmp(p->machine->ident, word) == 0 || strcmp(p->machine->name, word) == 0))
		return true;
	return strcmp(p->ip, word) == 0;
}

static bool is_process(const struct known *k, int64_t id, const char *word)
{
	const struct known_process *p = known_find_process(k, id);

	return strcmp(p ? p->name : "", word) == 0;
}

static bool wanted(const struct query *q, const struct edge *ed)
{
	const struct filter *f = q->f;

	if (!ed->present || (f->port && ed->place.port != f->port))
		return false;
	if (f->machine &&
	    !is_machine(known_endpoint(&q->known, ed->place.client), f->machine) &&
	    !is_machine(known_endpoint(&q->known, ed->place.server), f->machine))
		return false;
	return !f->process || is_process(&q->known, ed->place.client_process, f->process) ||
	       is_process(&q->known, ed->place.server_process, f->process);
}

/* The edges that are wanted, in order; the caller frees the array. */
static struct placed *in_order(struct query *q, size_t *n)
{
	struct placed *list = xcalloc(q->edge_n, sizeof(*list));
	struct order o;

	order_init(&o, &q->known);
	*n = 0;
	for (struct edge *ed = q->edge; ed < q->edge + q->edge_n; ed++)
		if (wanted(q, ed))
			list[(*n)++] = (struct placed){ order_key(&o, &ed->place), ed };
	qsort(list, *n, sizeof(*list), by_order);
	order_fini(&o);
	return list;
}

static int emit(struct query *q, query_edge_fn *fn, void *ctx)
{
	size_t n;
	struct placed *list = in_order(q, &n);
	int rc = 0;

	for (size_t i = 0, next; i < n && !rc; i = next) {
		struct edge_row row;

		for (next = i + 1;
		     next < n && order_compare(&list[i].key, &list[next].key) == 0; next++)
			join(list[i].edge, list[next].edge);
		row = row_of(q, list[i].edge);
		rc = fn(&row, ctx);
	}
	free(list);
	return rc;
}

int query_edges(struct store *s, const struct filter *f, query_edge_fn *fn, void *ctx,
		struct err *e)
{
	struct query q = { .s = s, .e = e, .f = f };
	int rc = db_exec(s, e, "SAVEPOINT query"); /* one moment for all the scans */

	if (rc)
		return rc;
	rc = load(&q);
	db_exec(s, NULL, "RELEASE query");
	if (!rc)
		rc = emit(&q, fn, ctx);
	for (size_t i = 0; i < q.edge_n; i++)
		free(q.edge[i].extra);
	free(q.edge);
	free(q.number);
	free(q.sum);
	alias_fini(&q.aliases);
	seen_free(q.seen);
	known_fini(&q.known);
	return rc;
}
