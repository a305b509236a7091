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

/*
 * The order.  Rows are many and their names few, so names are ranked once and rows compared by
 * numbers.  Ranks are equal where what is printed is equal.
 */

static int by_label(const struct known_endpoint *x, const struct known_endpoint *y)
{
	return strcmp(x->machine ? x->machine->name : x->ip,
		      y->machine ? y->machine->name : y->ip);
}

static int by_place(const void *a, const void *b)
{
	const struct known_endpoint *x = *(const struct known_endpoint *const *)a;
	const struct known_endpoint *y = *(const struct known_endpoint *const *)b;
	int d = by_label(x, y);

	d = d ? d : addr_cmp(&x->addr, &y->addr);
	return d ? d : strcmp(x->machine ? x->machine->ident : "",
			      y->machine ? y->machine->ident : "");
}

static int by_process(const void *a, const void *b)
{
	const struct known_process *x = *(const struct known_process *const *)a;
	const struct known_process *y = *(const struct known_process *const *)b;
	int d = strcmp(x->name, y->name);

	d = d ? d : strcmp(x->unit, y->unit);
	return d ? d : strcmp(x->container, y->container);
}

/* By index of the dictionary; from 1, so that 0 is for what is not there. */
struct ranks {
	uint32_t *label, *place, *process;
};

static void rank_endpoints(const struct known *k, struct ranks *r)
{
	const struct known_endpoint **list = xcalloc(k->endpoint_n, sizeof(*list));
	uint32_t label = 0, place = 0;

	r->label = xcalloc(k->endpoint_n, sizeof(*r->label));
	r->place = xcalloc(k->endpoint_n, sizeof(*r->place));
	for (size_t i = 0; i < k->endpoint_n; i++)
		list[i] = &k->endpoint[i];
	qsort(list, k->endpoint_n, sizeof(*list), by_place);
	for (size_t i = 0; i < k->endpoint_n; i++) {
		label += !i || by_label(list[i - 1], list[i]);
		place += !i || by_place(&list[i - 1], &list[i]);
		r->label[list[i] - k->endpoint] = label;
		r->place[list[i] - k->endpoint] = place;
	}
	free(list);
}

static void rank_processes(const struct known *k, struct ranks *r)
{
	const struct known_process **list = xcalloc(k->process_n, sizeof(*list));
	uint32_t rank = 0;

	r->process = xcalloc(k->process_n, sizeof(*r->process));
	for (size_t i = 0; i < k->process_n; i++)
		list[i] = &k->process[i];
	qsort(list, k->process_n, sizeof(*list), by_process);
	for (size_t i = 0; i < k->process_n; i++) {
		rank += !i || by_process(&list[i - 1], &list[i]);
		r->process[list[i] - k->process] = rank;
	}
	free(list);
}

enum { ORDER_KEYS = 7 };
struct place_in_order {
	uint32_t key[ORDER_KEYS];
	struct edge *edge;
};

static uint32_t process_rank(const struct known *k, const struct ranks *r, int64_t id)
{
	const struct known_process *p = known_find_process(k, id);

	return p ? r->process[p - k->process] : 0;
}

static struct place_in_order place_of(const struct known *k, const struct ranks *r,
				      struct edge *ed)
{
	const struct known_endpoint *client = known_endpoint(k, ed->client);
	const struct known_endpoint *server = known_endpoint(k, ed->server);

	return (struct place_in_order){
		.key = { client ? r->label[client - k->endpoint] : 0,
			 server ? r->label[server - k->endpoint] : 0,
			 (uint32_t)ed->port << 8 | ed->proto,
			 process_rank(k, r, ed->client_process),
			 process_rank(k, r, ed->server_process),
			 client ? r->place[client - k->endpoint] : 0,
			 server ? r->place[server - k->endpoint] : 0 },
		.edge = ed,
	};
}

static int by_keys(const struct place_in_order *x, const struct place_in_order *y)
{
	for (int i = 0; i < ORDER_KEYS; i++)
		if (x->key[i] != y->key[i])
			return x->key[i] < y->key[i] ? -1 : 1;
	return 0;
}

static int by_order(const void *a, const void *b)
{
	const struct place_in_order *x = a, *y = b;
	int d = by_keys(x, y);

	return d ? d : (x->edge->id > y->edge->id) - (x->edge->id < y->edge->id);
}

/* Two that nobody can tell apart (in two network namespaces, two realms) are shown as one. */
static void join(struct edge *to, const struct edge *more)
{
	if (more->extra && (!to->extra || strcmp(more->extra, to->extra) > 0)) {
		free(to->extra);
		to->extra = xstrdup(more->extra);
	}
	amount_add(&to->sum, &more->sum);
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
	if (p->machine && (strcmp(p->machine->ident, word) == 0 ||
			   strcmp(p->machine->name, word) == 0))
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

	if (!ed->present || (f->port && ed->port != f->port))
		return false;
	if (f->machine && !is_machine(known_endpoint(&q->known, ed->client), f->machine) &&
	    !is_machine(known_endpoint(&q->known, ed->server), f->machine))
		return false;
	return !f->process || is_process(&q->known, ed->client_process, f->process) ||
	       is_process(&q->known, ed->server_process, f->process);
}

/* The edges that are wanted, in order; the caller frees the array. */
static struct place_in_order *in_order(struct query *q, size_t *n)
{
	struct place_in_order *list = xcalloc(q->edge_n, sizeof(*list));
	struct ranks r;

	rank_endpoints(&q->known, &r);
	rank_processes(&q->known, &r);
	*n = 0;
	for (size_t i = 0; i < q->edge_n; i++)
		if (wanted(q, &q->edge[i]))
			list[(*n)++] = place_of(&q->known, &r, &q->edge[i]);
	qsort(list, *n, sizeof(*list), by_order);
	free(r.label);
	free(r.place);
	free(r.process);
	return list;
}

static int emit(struct query *q, query_edge_fn *fn, void *ctx)
{
	size_t n;
	struct place_in_order *list = in_order(q, &n);
	int rc = 0;

	for (size_t i = 0, next; i < n && !rc; i = next) {
		struct edge_row row;

		for (next = i + 1; next < n && by_keys(&list[i], &list[next]) == 0; next++)
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
	free(q.alias);
	known_fini(&q.known);
	return rc;
}
