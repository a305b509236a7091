/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges, put together in memory: the dictionary (known.c), what every edge amounts to, and the
 * gauges of its claims.  Two of a database's scans, in the order of their keys, and no look-ups.
 */
#include <stdlib.h>
#include <string.h>

#include "store/amount.h"
#include "store/db.h"
#include "store/known.h"
#include "store/query.h"
#include "store/window.h"

struct edge {
	int64_t id;
	int64_t client, server, client_process, server_process;
	uint8_t proto;
	uint16_t port;
	char *extra;
	struct amounts sum;
	bool present; /* something is known of it in the window */
	int64_t first, last;
	unsigned witnesses;
	bool guess;
	enum witness gauge; /* whose gauges LIVE and PENDING are */
	uint64_t live, pending;
};

struct alias {
	int64_t edge, into;
};

struct query {
	struct store *s;
	struct err *e;
	const struct filter *f;
	struct known known;
	struct edge *edge;
	size_t edge_n;
	struct alias *alias;
	size_t alias_n;
};

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Edges that became part of another are found there; chains are short, a circle is damage. */
static struct edge *edge_at(struct query *q, int64_t id)
{
	const struct alias *a;

	for (int i = 0; i < 64 && q->alias_n; i++) {
		a = bsearch(&id, q->alias, q->alias_n, sizeof(*a), by_number);
		if (!a)
			break;
		id = a->into;
	}
	return q->edge_n ? bsearch(&id, q->edge, q->edge_n, sizeof(*q->edge), by_number) : NULL;
}

static int load_aliases(struct query *q)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st = db_query(q->s, q->e,
				    "SELECT edge, into_edge FROM merged ORDER BY edge", DB_NONE);

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		MEM_GROW(q->alias, q->alias_n, cap);
		q->alias[q->alias_n++] = (struct alias){ sqlite3_column_int64(st, 0),
							 sqlite3_column_int64(st, 1) };
	}
	return rc;
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
		*ed = (struct edge){ .id = sqlite3_column_int64(st, 0),
				     .client = sqlite3_column_int64(st, 1),
				     .server = sqlite3_column_int64(st, 2),
				     .port = (uint16_t)sqlite3_column_int(st, 3),
				     .proto = (uint8_t)sqlite3_column_int(st, 4),
				     .client_process = sqlite3_column_int64(st, 5),
				     .server_process = sqlite3_column_int64(st, 6),
				     .extra = *extra ? xstrdup(extra) : NULL };
	}
	return rc;
}

/* Amounts: the edge in column 0, the amounts from column 1. */
static int add_amounts(struct query *q, sqlite3_stmt *st)
{
	int rc;

	if (!st)
		return db_fail(q->s, NULL);
	while ((rc = db_step(q->s, st, q->e)) > 0) {
		struct edge *ed = edge_at(q, sqlite3_column_int64(st, 0));
		struct amounts a = amount_read(st, 1);

		if (!ed)
			continue;
		amount_add(&ed->sum, &a);
		ed->present = ed->present || a.records > 0;
	}
	return rc;
}

static int load_totals(struct query *q)
{
	bool window = q->f->since || q->f->until;
	int rc;
	sqlite3_stmt *st = db_query(q->s, q->e,
				    "SELECT edge, " AMOUNT_NAMES ", first, last FROM fact_total",
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
		ed->sum = amount_read(st, 1);
		ed->present = true;
	}
	return rc;
}

static sqlite3_stmt *part_of(struct query *q, const struct window_part *p)
{
	switch (p->level) {
	case WINDOW_MINUTES:
		return db_query(q->s, q->e,
				"SELECT edge, " AMOUNT_NAMES " FROM fact_minute "
				"WHERE minute >= ? AND minute < ? AND edge > 0",
				DB(I(p->from), I(p->to)));
	case WINDOW_HOURS:
		return db_query(q->s, q->e,
				"SELECT edge, " AMOUNT_NAMES " FROM fact_hour "
				"WHERE hour >= ? AND hour < ?",
				DB(I(p->from), I(p->to)));
	default:
		return db_query(q->s, q->e,
				"SELECT edge, " AMOUNT_NAMES " FROM fact_day "
				"WHERE day >= ? AND day < ?",
				DB(I(p->from), I(p->to)));
	}
}

static int load_window(struct query *q)
{
	int64_t until = q->f->until ? q->f->until : INT64_MAX;
	struct window_part part[WINDOW_PARTS];
	unsigned n = window_split(q->f->since, q->f->until, part);
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = add_amounts(q, part_of(q, &part[i]));
	if (rc)
		return rc;
	return add_amounts(q, db_query(q->s, q->e,
				       "SELECT edge, " AMOUNT_NAMES " FROM span WHERE edge > 0 "
				       "AND ((first < ? AND last >= ?) OR last = 0)",
				       DB(I(until), I(q->f->since))));
}

/* Gauges are believed while the sensor that told them has watched without a break. */
static void add_claim(struct edge *ed, sqlite3_stmt *st)
{
	unsigned witnesses = (unsigned)sqlite3_column_int(st, 1);
	enum witness kind = witnesses ? (enum witness)__builtin_ctz(witnesses) : WITNESS_NONE;
	bool fresh = sqlite3_column_int(st, 5) != 0;

	ed->witnesses |= witnesses & ((1u << WITNESS_COUNT) - 1);
	ed->guess = ed->guess || sqlite3_column_int(st, 2);
	if (ed->gauge && kind > ed->gauge)
		return;
	if (kind < ed->gauge || !ed->gauge)
		ed->live = ed->pending = 0;
	ed->gauge = kind;
	if (fresh) {
		ed->live += (uint64_t)sqlite3_column_int64(st, 3);
		ed->pending += (uint64_t)sqlite3_column_int64(st, 4);
	}
}

static int load_claims(struct query *q)
{
	int rc;
	sqlite3_stmt *st = db_query(q->s, q->e,
				    "SELECT c.edge, c.witnesses, c.guess, c.live, c.pending, "
				    "c.origin < 0 OR c.run = s.run "
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
		rc = load_aliases(q);
	if (!rc)
		rc = load_edges(q);
	if (!rc)
		rc = load_totals(q);
	if (!rc && (q->f->since || q->f->until))
		rc = load_window(q);
	return rc ? rc : load_claims(q);
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

	return (struct edge_row){ .edge = ed->id,
				  .client = end_of(q, ed->client, ed->client_process),
				  .server = end_of(q, ed->server, ed->server_process),
				  .proto = ed->proto,
				  .port = ed->port,
				  .c = amount_counters(&ed->sum),
				  .live = now ? ed->live : 0,
				  .pending = now ? ed->pending : 0,
				  .first = clip(ed->first, f->since, f->until),
				  .last = clip(ed->last, f->since, f->until),
				  .witnesses = ed->witnesses,
				  .guess = ed->guess,
				  .extra = ed->extra ? ed->extra : "" };
}

static bool is_machine(const struct end_row *end, const char *word)
{
	return (end->id && (strcmp(end->id, word) == 0 || strcmp(end->name, word) == 0)) ||
	       strcmp(end->ip, word) == 0;
}

static bool wanted(const struct filter *f, const struct edge_row *r)
{
	if (f->port && r->port != f->port)
		return false;
	if (f->machine && !is_machine(&r->client, f->machine) &&
	    !is_machine(&r->server, f->machine))
		return false;
	return !f->process || strcmp(r->client.process.name, f->process) == 0 ||
	       strcmp(r->server.process.name, f->process) == 0;
}

static int by_name(const struct end_row *a, const struct end_row *b)
{
	return strcmp(a->id ? a->name : a->ip, b->id ? b->name : b->ip);
}

static int by_end(const struct end_row *a, const struct end_row *b)
{
	int d = strcmp(a->process.name, b->process.name);

	d = d ? d : strcmp(a->process.unit, b->process.unit);
	d = d ? d : strcmp(a->process.container, b->process.container);
	d = d ? d : strcmp(a->ip, b->ip);
	return d ? d : strcmp(a->id ? a->id : "", b->id ? b->id : "");
}

static int by_row(const void *a, const void *b)
{
	const struct edge_row *x = a, *y = b;
	int d = by_name(&x->client, &y->client);

	d = d ? d : by_name(&x->server, &y->server);
	d = d ? d : (int)x->port - (int)y->port;
	d = d ? d : (int)x->proto - (int)y->proto;
	d = d ? d : by_end(&x->client, &y->client);
	d = d ? d : by_end(&x->server, &y->server);
	return d ? d : (x->edge > y->edge) - (x->edge < y->edge);
}

static int emit(struct query *q, query_edge_fn *fn, void *ctx)
{
	struct edge_row *row = xcalloc(q->edge_n, sizeof(*row));
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < q->edge_n; i++) {
		if (!q->edge[i].present)
			continue;
		row[n] = row_of(q, &q->edge[i]);
		n += wanted(q->f, &row[n]);
	}
	qsort(row, n, sizeof(*row), by_row);
	for (size_t i = 0; i < n && !rc; i++)
		rc = fn(&row[i], ctx);
	free(row);
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
	free(q.alias);
	known_fini(&q.known);
	return rc;
}
