/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges, put together in memory: the dictionary (known.c), what every edge amounts to, and the
 * gauges of its claims.  Two of a database's scans, in the order of their keys, and no
 * look-ups.
 */
#include <stdlib.h>
#include <string.h>

#include "store/amount.h"
#include "store/db.h"
#include "store/known.h"
#include "store/mark.h"
#include "store/open.h"
#include "store/order.h"
#include "store/packed.h"
#include "store/place.h"
#include "store/query.h"
#include "store/seen.h"
#include "store/window.h"

/* Of whose word the gauges are. */
struct gauge {
	int64_t when; /* of an import */
	bool known, imported;
	uint8_t witness;
};

/* There are many: its number is in the query's places, what it amounts to in its sums. */
struct edge {
	struct order_place place;
	char *extra;
	int64_t first, last;
	struct gauge gauge;
	uint64_t live, pending;
	uint32_t sampling; /* of the claims, the worst */
	uint8_t witnesses;
	bool present; /* something is known of it in the window */
	bool guess;
	bool vouched; /* somebody said it who was authenticated */
};
_Static_assert(WITNESS_COUNT <= 8, "a bit each");

struct speaker {
	int64_t id, run;
	bool exporter;
};

struct query {
	struct store *s;
	struct err *e;
	const struct filter *f;
	struct known known;
	struct places places;
	struct edge *edge; /* of what is there */
	/* What millions of rows are added to lies close together: of edge[i]. */
	struct amounts *sum;
	size_t edge_n, edge_cap;
	struct speaker *speaker; /* by number */
	size_t speaker_n, speaker_cap;
	struct open *open; /* NULL: all is over */
	struct seen *seen;
};

static struct amounts *sum_of(const struct query *q, const struct edge *ed)
{
	return &q->sum[ed - q->edge];
}

static struct edge *edge_at(struct query *q, int64_t id)
{
	size_t i = places_of(&q->places, id);

	return i == SIZE_MAX ? NULL : &q->edge[i];
}

static int on_edge(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;
	const char *extra = (const char *)sqlite3_value_text(v[7]);
	struct edge *ed;

	MEM_GROW(q->edge, q->edge_n, q->edge_cap);
	ed = &q->edge[q->edge_n++];
	*ed = (struct edge){ .place = { sqlite3_value_int64(v[1]), sqlite3_value_int64(v[5]),
					sqlite3_value_int64(v[2]), sqlite3_value_int64(v[6]),
					(uint16_t)sqlite3_value_int(v[3]),
					(uint8_t)sqlite3_value_int(v[4]) },
			     .extra = extra && *extra ? xstrdup(extra) : NULL };
	places_add(&q->places, sqlite3_value_int64(v[0]));
	return 0;
}

static int load_edges(struct query *q)
{
	return db_each(q->s, q->e, on_edge, q,
		       "SELECT each_row(id, client, server, port, proto, client_process, "
		       "server_process, extra) FROM edge NOT INDEXED",
		       DB_NONE);
}

/* The edge, then the amounts. */
static int on_amounts(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;
	size_t at = places_of(&q->places, sqlite3_value_int64(v[0]));
	struct amounts a = amount_values(v + 1);

	if (at != SIZE_MAX)
		amount_add(&q->sum[at], &a);
	return 0;
}

static int on_times(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;
	struct edge *ed = edge_at(q, sqlite3_value_int64(v[0]));

	if (!ed)
		return 0;
	ed->first = sqlite3_value_int64(v[1]);
	ed->last = sqlite3_value_int64(v[2]);
	return 0;
}

static int on_total(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;
	struct edge *ed = edge_at(q, sqlite3_value_int64(v[0]));

	if (!ed)
		return 0;
	ed->present = true;
	*sum_of(q, ed) = amount_values(v + 3);
	return on_times(v, ctx);
}

/* With a window the times alone: its amounts are elsewhere. */
static int load_totals(struct query *q)
{
	if (q->f->since || q->f->until)
		return db_each(
			q->s, q->e, on_times, q,
			"SELECT each_row(edge, first, last) FROM fact_total NOT INDEXED",
			DB_NONE);
	return db_each(q->s, q->e, on_total, q,
		       "SELECT each_row(edge, first, last, " AMOUNT_NAMES
		       ") FROM fact_total NOT INDEXED",
		       DB_NONE);
}

static int add_part(struct query *q, const struct window_part *p)
{
	if (p->level != WINDOW_MINUTES)
		return packed_sum(q->s, p->level == WINDOW_DAYS ? PACKED_DAY : PACKED_HOUR,
				  p->from, p->to, &q->places, q->sum, q->e);
	return db_each(q->s, q->e, on_amounts, q,
		       "SELECT each_row(edge, " AMOUNT_NAMES ") FROM fact_minute "
		       "WHERE minute >= ? AND minute < ? AND edge > 0",
		       DB(I(p->from), I(p->to)));
}

/*
 * Where minutes or hours are gone already a window takes in the whole of the hour or the day
 * that it begins or ends in: more than was asked for is told, never less.
 */
static int round_window(struct query *q, int64_t *since, int64_t *until)
{
	static const struct {
		const char *word;
		int64_t unit, whole; /* seconds: of the mark, of what is left */
	} levels[] = { { MARK_MINUTES, 60, 3600 }, { MARK_HOURS, 3600, 86400 } };

	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		int64_t from, whole = levels[i].whole;
		int rc = mark_get(q->s, levels[i].word, &from, q->e);

		if (rc)
			return rc;
		from *= levels[i].unit;
		from += (whole - from % whole) % whole; /* one that is half gone is gone */
		if (*since > 0 && *since < from)
			*since -= *since % whole;
		if (*until > 0 && *until < from)
			*until += (whole - *until % whole) % whole;
	}
	return 0;
}

static int add_spans(struct query *q)
{
	int64_t until = q->f->until ? q->f->until : INT64_MAX;

	return db_each(q->s, q->e, on_amounts, q,
		       "SELECT each_row(edge, " AMOUNT_NAMES ") FROM span WHERE edge > 0 "
		       "AND ((first < ? AND last >= ?) OR last = 0)",
		       DB(I(until), I(q->f->since)));
}

/* Late differences may be negative: what is there shows when all is added up. */
static int load_window(struct query *q)
{
	int64_t since = q->f->since, until = q->f->until;
	struct window_part part[WINDOW_PARTS];
	int rc = round_window(q, &since, &until);
	unsigned n = window_split(since, until, part);

	for (unsigned i = 0; i < n && !rc; i++)
		rc = add_part(q, &part[i]);
	if (!rc)
		rc = add_spans(q);
	for (struct edge *ed = q->edge; ed < q->edge + q->edge_n; ed++)
		ed->present = sum_of(q, ed)->records > 0;
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
	amount_add(sum_of(q, ed), &r->amounts);
	ed->present = ed->present || !window || r->amounts.records > 0;
}

static int begin_open(struct query *q)
{
	int64_t from = q->f->since / 60;
	int64_t to = q->f->until ? (q->f->until + 59) / 60 : INT64_MAX;

	return open_begin(q->s, from, to, &q->open, q->e);
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

static int on_speaker(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;

	MEM_GROW(q->speaker, q->speaker_n, q->speaker_cap);
	q->speaker[q->speaker_n++] =
		(struct speaker){ sqlite3_value_int64(v[0]), sqlite3_value_int64(v[1]),
				  sqlite3_value_int(v[2]) };
	return 0;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = ((const struct speaker *)b)->id;

	return (x > y) - (x < y);
}

/* NULL for an import, and for a sensor that is gone. */
static const struct speaker *speaker_of(const struct query *q, int64_t origin)
{
	if (origin <= 0 || !q->speaker_n)
		return NULL;
	if ((uint64_t)origin <= q->speaker_n && q->speaker[origin - 1].id == origin)
		return &q->speaker[origin - 1];
	return bsearch(&origin, q->speaker, q->speaker_n, sizeof(*q->speaker), by_number);
}

/* What is read of a claim. */
enum { EDGE, WITNESSES, GUESS, LIVE, PENDING, RUN, ORIGIN, SAMPLING, CLAIM, CONVERSATION };

/* Gauges are believed while the sensor that told them has watched without a break. */
static void add_gauges(struct edge *ed, sqlite3_value **v, unsigned witnesses,
		       const struct speaker *x)
{
	int64_t run = sqlite3_value_int64(v[RUN]);
	bool imported = sqlite3_value_int64(v[ORIGIN]) < 0;
	struct gauge g = { .known = true,
			   .imported = imported,
			   .witness = (uint8_t)(witnesses ? __builtin_ctz(witnesses)
							  : WITNESS_COUNT),
			   .when = imported ? run : 0 };
	int d = ed->gauge.known ? better_gauge(&g, &ed->gauge) : 1;

	if (d < 0)
		return;
	if (d > 0)
		ed->live = ed->pending = 0;
	ed->gauge = g;
	if (imported || (x && x->run == run)) {
		ed->live += (uint64_t)sqlite3_value_int64(v[LIVE]);
		ed->pending += (uint64_t)sqlite3_value_int64(v[PENDING]);
	}
}

static void add_claim(struct query *q, struct edge *ed, sqlite3_value **v)
{
	const struct speaker *x = speaker_of(q, sqlite3_value_int64(v[ORIGIN]));
	unsigned witnesses =
		(unsigned)sqlite3_value_int(v[WITNESSES]) & ((1u << WITNESS_COUNT) - 1);
	int64_t sampling = sqlite3_value_int64(v[SAMPLING]);

	ed->witnesses |= (uint8_t)witnesses;
	ed->guess = ed->guess || sqlite3_value_int(v[GUESS]);
	ed->vouched = ed->vouched || !(x && x->exporter);
	if (sampling > ed->sampling)
		ed->sampling = (uint32_t)sampling;
	add_gauges(ed, v, witnesses, x);
}

static int on_claim(sqlite3_value **v, void *ctx)
{
	struct query *q = ctx;
	int64_t edge = sqlite3_value_int64(v[EDGE]);
	struct edge *ed = edge_at(q, edge);

	if (ed)
		add_claim(q, ed, v);
	if (q->open)
		open_claim(q->open, sqlite3_value_int64(v[CLAIM]),
			   sqlite3_value_int64(v[CONVERSATION]),
			   sqlite3_value_int64(v[ORIGIN]),
			   (unsigned)sqlite3_value_int(v[WITNESSES]), edge);
	return 0;
}

static int load_claims(struct query *q)
{
	int rc = db_each(q->s, q->e, on_speaker, q,
			 "SELECT each_row(id, run, role = 'flow') FROM sensor NOT INDEXED",
			 DB_NONE);

	return rc ? rc
		  : db_each(q->s, q->e, on_claim, q,
			    "SELECT each_row(edge, witnesses, guess, live, pending, run, "
			    "origin, sampling, id, conversation) FROM claim NOT INDEXED",
			    DB_NONE);
}

static int load(struct query *q)
{
	int rc = known_load(q->s, true, &q->known, q->e);

	if (!rc)
		rc = places_load(q->s, &q->places, q->e);
	if (!rc)
		rc = load_edges(q);
	q->sum = xpages((q->edge_n + 1) * sizeof(*q->sum));
	if (!rc)
		rc = load_totals(q);
	if (!rc && (q->f->since || q->f->until))
		rc = load_window(q);
	if (!rc)
		rc = begin_open(q);
	if (!rc)
		rc = load_claims(q);
	if (!rc && q->open)
		rc = open_read(q->open, add_open, q, q->e);
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
				 .realm = p ? p->realm : "",
				 .process = known_process(&q->known, process, endpoint) };
}

static const char *seen_of(const struct query *q, const struct edge *ed)
{
	const struct known_endpoint *client = known_endpoint(&q->known, ed->place.client);
	const struct known_endpoint *server = known_endpoint(&q->known, ed->place.server);

	return client && server ? seen_find(q->seen, client->site, ed->place.proto,
					    &client->addr, &server->addr, ed->place.port)
				: "";
}

/* One side of a translation of which nothing counts is told by the edge that it really is. */
static bool is_told_elsewhere(const struct query *q, const struct edge *ed)
{
	const struct known_endpoint *client, *server;

	if (sum_of(q, ed)->records > 0)
		return false;
	client = known_endpoint(&q->known, ed->place.client);
	server = known_endpoint(&q->known, ed->place.server);
	return client && server &&
	       seen_is_side(q->seen, client->site, ed->place.proto, &client->addr,
			    &server->addr, ed->place.port);
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
		.edge = q->places.number[ed - q->edge],
		.client = end_of(q, ed->place.client, ed->place.client_process),
		.server = end_of(q, ed->place.server, ed->place.server_process),
		.proto = ed->place.proto,
		.port = ed->place.port,
		.c = amount_counters(sum_of(q, ed)),
		.live = now ? ed->live : 0,
		.pending = now ? ed->pending : 0,
		.first = clip(ed->first, f->since, f->until),
		.last = clip(ed->last, f->since, f->until),
		.witnesses = ed->witnesses,
		.guess = ed->guess,
		.unauthenticated = !ed->vouched,
		.sampling = ed->sampling,
		.server_seen = seen_of(q, ed),
		.extra = ed->extra ? ed->extra : ""
	};
}

struct placed {
	struct order_key key;
	uint32_t at; /* edge[at]: by number, if the keys are the same */
};

static int by_order(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int d = order_compare(&x->key, &y->key);

	return d ? d : (x->at > y->at) - (x->at < y->at);
}

/* Two that nobody can tell apart (in two network namespaces) are shown as one. */
static void join(struct query *q, struct edge *to, const struct edge *more)
{
	if (more->extra && (!to->extra || strcmp(more->extra, to->extra) > 0)) {
		free(to->extra);
		to->extra = xstrdup(more->extra);
	}
	amount_add(sum_of(q, to), sum_of(q, more));
	to->live += more->live;
	to->pending += more->pending;
	if (more->first && (!to->first || more->first < to->first))
		to->first = more->first;
	if (more->last > to->last)
		to->last = more->last;
	to->witnesses |= more->witnesses;
	to->guess |= more->guess;
	to->vouched |= more->vouched;
	if (more->sampling > to->sampling)
		to->sampling = more->sampling;
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

	if (!ed->present || (f->port && ed->place.port != f->port) || is_told_elsewhere(q, ed))
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
			list[(*n)++] = (struct placed){ order_key(&o, &ed->place),
							(uint32_t)(ed - q->edge) };
	qsort(list, *n, sizeof(*list), by_order);
	order_fini(&o);
	return list;
}

/* They lie about in another order than they are told in. */
static void fetch_ahead(const struct query *q, const struct placed *list, size_t i, size_t n)
{
	const struct edge *ed = &q->edge[list[i < n ? i : 0].at];

	__builtin_prefetch(ed);
	__builtin_prefetch(&ed->gauge);
	__builtin_prefetch(sum_of(q, ed));
	__builtin_prefetch(&sum_of(q, ed)->bytes_to_server);
}

static int emit(struct query *q, query_edge_fn *fn, void *ctx)
{
	size_t n;
	struct placed *list = in_order(q, &n);
	int rc = 0;

	for (size_t i = 0, next; i < n && !rc; i = next) {
		struct edge_row row;

		fetch_ahead(q, list, i + 8, n);

		for (next = i + 1;
		     next < n && order_compare(&list[i].key, &list[next].key) == 0; next++)
			join(q, &q->edge[list[i].at], &q->edge[list[next].at]);
		row = row_of(q, &q->edge[list[i].at]);
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
	if (q.sum)
		pages_free(q.sum, (q.edge_n + 1) * sizeof(*q.sum));
	free(q.speaker);
	places_fini(&q.places);
	open_end(q.open);
	seen_free(q.seen);
	known_fini(&q.known);
	return rc;
}
