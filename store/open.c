/* SPDX-License-Identifier: Apache-2.0 */
#include "store/open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/cover.h"
#include "store/db.h"
#include "store/jury.h"
#include "store/mark.h"
#include "store/place.h"

#define NONE UINT32_MAX

struct end {
	int64_t sensor; /* of the machine that has it, 0: none */
	int64_t realm;
	struct addr addr;
};

struct conversation {
	uint32_t client, server; /* ends; NONE in a damaged file */
	uint32_t row;		 /* its last one in this minute, or NONE */
	uint32_t way;		 /* its last claim of one on the way, or NONE */
	uint16_t port;
	uint8_t proto;
	bool scoped;
	bool several; /* more than one on the way speaks of it */
};

struct voice {
	int64_t edge, origin;
	uint32_t conversation; /* NONE in a damaged file */
	uint32_t way;	       /* the one before of those on the way, or NONE */
	enum witness kind;
};

/* Of one minute. */
struct row {
	int64_t edge; /* as in conv.h: who reads may come while minutes are being decided on */
	int64_t first, last;
	size_t at; /* its amounts that are not 0, whose bits are in: */
	uint32_t mask;
	uint32_t claim;
	uint32_t before; /* the one before of its conversation, or NONE */
};

struct open {
	struct store *s;
	struct err *e;					    /* for on_row */
	int64_t minute, to;				    /* what is read next */
	struct places ends, conversations, claims, sensors; /* by number: */
	struct end *end;
	struct conversation *conversation;
	struct voice *claim;
	int64_t *worth; /* of each sensor's coverage, in this minute */
	size_t conversations_cap, claims_cap;
	struct row *row;
	size_t row_n, row_cap;
	int64_t *amount;
	size_t amount_n, amount_cap;
	struct heard {
		uint32_t claim;
		bool reports;
	} * heard; /* in what is being decided on, the last claim first */
	size_t heard_n, heard_cap;
	bool *around; /* by claim: whether it spoke in the minute before or after, as of: */
	int64_t around_minute;
};

/* What is known before */

/* The open lease of the newest endpoint of an address, the last one of an older endpoint. */
static int load_owners(struct open *o, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_stmt(
		o->s, e,
		"SELECT l.endpoint, ifnull(m.sensor, 0) FROM lease l "
		"LEFT JOIN machine m ON m.id = l.machine WHERE l.until_ms IS NULL OR EXISTS "
		"(SELECT 1 FROM endpoint p JOIN endpoint n ON n.realm = p.realm "
		"AND n.address = p.address AND n.since_ms > p.since_ms "
		"WHERE p.id = l.endpoint) "
		"ORDER BY l.until_ms IS NULL, l.since_ms, l.id");

	if (!st)
		return db_fail(o->s, NULL);
	while ((rc = db_step(o->s, st, e)) > 0) {
		size_t at = places_of(&o->ends, sqlite3_column_int64(st, 0));

		if (at != SIZE_MAX)
			o->end[at].sensor = sqlite3_column_int64(st, 1);
	}
	return rc;
}

static int load_ends(struct open *o, struct err *e)
{
	size_t cap = 0;
	int rc;
	sqlite3_stmt *st =
		db_stmt(o->s, e, "SELECT id, realm, address FROM endpoint ORDER BY id");

	if (!st)
		return db_fail(o->s, NULL);
	while ((rc = db_step(o->s, st, e)) > 0) {
		struct end end = { .realm = sqlite3_column_int64(st, 1) };

		if (!db_addr(st, 2, &end.addr))
			continue;
		MEM_GROW(o->end, o->ends.n, cap);
		o->end[o->ends.n] = end;
		places_add(&o->ends, sqlite3_column_int64(st, 0));
	}
	return rc ? rc : load_owners(o, e);
}

static uint32_t find(struct places *p, int64_t number)
{
	size_t at = places_of(p, number);

	return at < NONE ? (uint32_t)at : NONE;
}

static int on_conversation(sqlite3_value **v, void *ctx)
{
	struct open *o = ctx;

	MEM_GROW(o->conversation, o->conversations.n, o->conversations_cap);
	o->conversation[o->conversations.n] = (struct conversation){
		.client = find(&o->ends, sqlite3_value_int64(v[1])),
		.server = find(&o->ends, sqlite3_value_int64(v[2])),
		.row = NONE,
		.way = NONE,
		.port = (uint16_t)sqlite3_value_int(v[3]),
		.proto = (uint8_t)sqlite3_value_int(v[4]),
		.scoped = sqlite3_value_int64(v[5]) != 0,
	};
	places_add(&o->conversations, sqlite3_value_int64(v[0]));
	return 0;
}

static int load_conversations(struct open *o, struct err *e)
{
	return db_each(o->s, e, on_conversation, o,
		       "SELECT each_row(id, client, server, port, proto, scope) "
		       "FROM conversation NOT INDEXED",
		       DB_NONE);
}

static int load_sensors(struct open *o, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_stmt(o->s, e, "SELECT id FROM sensor ORDER BY id");

	if (!st)
		return db_fail(o->s, NULL);
	while ((rc = db_step(o->s, st, e)) > 0)
		places_add(&o->sensors, sqlite3_column_int64(st, 0));
	o->worth = xcalloc(o->sensors.n, sizeof(*o->worth));
	return rc;
}

/* The next minute that has anything open: 1, or 0 at the end. */
static int next_minute(struct open *o, struct err *e)
{
	return db_int(o->s, e, &o->minute,
		      "SELECT minute FROM fact_minute WHERE minute >= ? AND minute < ? "
		      "AND edge = -1 ORDER BY minute LIMIT 1",
		      DB(I(o->minute), I(o->to)));
}

int open_begin(struct store *s, int64_t from, int64_t to, struct open **out, struct err *e)
{
	struct open *o = xcalloc(1, sizeof(*o));
	int64_t swept;
	int rc = store_look_around(s, e);

	*out = NULL;
	*o = (struct open){ .s = s, .minute = from, .to = to, .around_minute = INT64_MIN };
	if (!rc)
		rc = mark_get(s, MARK_SWEPT, &swept, e);
	if (!rc && o->minute <= swept)
		o->minute = swept + 1;
	if (!rc)
		rc = next_minute(o, e);
	if (rc <= 0) {
		open_end(o);
		return rc;
	}
	rc = load_ends(o, e);
	if (!rc)
		rc = load_conversations(o, e);
	if (!rc)
		rc = load_sensors(o, e);
	if (!rc)
		rc = nat_load(s, e);
	*out = o;
	return rc;
}

void open_end(struct open *o)
{
	if (!o)
		return;
	places_fini(&o->ends);
	places_fini(&o->conversations);
	places_fini(&o->claims);
	places_fini(&o->sensors);
	free(o->end);
	free(o->conversation);
	free(o->claim);
	free(o->worth);
	free(o->row);
	free(o->amount);
	free(o->heard);
	free(o->around);
	free(o);
}

/* Claims */

void open_claim(struct open *o, int64_t id, int64_t conversation, int64_t origin,
		unsigned witnesses, int64_t edge)
{
	struct voice v = { .edge = edge,
			   .origin = origin,
			   .conversation = find(&o->conversations, conversation),
			   .way = NONE,
			   .kind = conv_kind(origin, witnesses) };

	if (v.conversation != NONE && jury_on_the_way(v.kind, origin)) {
		struct conversation *c = &o->conversation[v.conversation];

		c->several |= c->way != NONE && o->claim[c->way].origin != origin;
		v.way = c->way;
		c->way = (uint32_t)o->claims.n;
	}
	MEM_GROW(o->claim, o->claims.n, o->claims_cap);
	o->claim[o->claims.n] = v;
	places_add(&o->claims, id);
}

static int on_claim(sqlite3_value **v, void *ctx)
{
	open_claim(ctx, sqlite3_value_int64(v[0]), sqlite3_value_int64(v[1]),
		   sqlite3_value_int64(v[2]), (unsigned)sqlite3_value_int(v[3]),
		   sqlite3_value_int64(v[4]));
	return 0;
}

int open_claims(struct open *o, struct err *e)
{
	return db_each(o->s, e, on_claim, o,
		       "SELECT each_row(id, conversation, origin, witnesses, edge) "
		       "FROM claim NOT INDEXED",
		       DB_NONE);
}

/* Rows of a minute */

static void put_amounts(struct open *o, struct row *r, sqlite3_value **of)
{
	r->at = o->amount_n;
	while (o->amount_cap < o->amount_n + AMOUNT_N)
		MEM_GROW(o->amount, o->amount_cap, o->amount_cap);
	for (unsigned i = 0; i < AMOUNT_N; i++) {
		int64_t v = sqlite3_value_int64(of[i]);

		o->amount[o->amount_n] = v;
		o->amount_n += v != 0;
		r->mask |= (uint32_t)(v != 0) << i;
	}
}

static struct amounts amounts_of(const struct open *o, const struct row *r)
{
	int64_t v[AMOUNT_N] = { 0 };
	const int64_t *at = o->amount + r->at;
	struct amounts a;

	for (uint32_t mask = r->mask; mask; mask &= mask - 1)
		v[__builtin_ctz(mask)] = *at++;
	memcpy(&a, v, sizeof(a));
	return a;
}

/* Of what is imported no row is open; what no claim has said is nobody's. */
static int on_row(sqlite3_value **v, void *ctx)
{
	struct open *o = ctx;
	struct conversation *c;
	struct row r = { .edge = sqlite3_value_int64(v[1]),
			 .first = sqlite3_value_int64(v[2]),
			 .last = sqlite3_value_int64(v[3]),
			 .claim = find(&o->claims, sqlite3_value_int64(v[0])) };

	if (r.claim == NONE || o->claim[r.claim].origin < 0)
		return 0;
	if (o->claim[r.claim].conversation == NONE)
		return err_set(o->e, -EBADMSG, "%s: damaged: conversation", o->s->path);
	c = &o->conversation[o->claim[r.claim].conversation];
	r.before = c->row;
	c->row = (uint32_t)o->row_n;
	put_amounts(o, &r, v + 4);
	MEM_GROW(o->row, o->row_n, o->row_cap);
	o->row[o->row_n++] = r;
	return 0;
}

static int load_rows(struct open *o, struct err *e)
{
	o->row_n = o->amount_n = 0;
	o->e = e;
	return db_each(o->s, e, on_row, o,
		       "SELECT each_row(claim, edge, first, last, " AMOUNT_NAMES
		       ") FROM fact_minute WHERE minute = ?",
		       DB(I(o->minute)));
}

static int load_coverage(struct open *o, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(o->s, e,
				    "SELECT sensor, covered_ms, flaws FROM coverage "
				    "WHERE minute = ? ORDER BY sensor",
				    DB(I(o->minute)));

	if (!st)
		return db_fail(o->s, NULL);
	memset(o->worth, 0, o->sensors.n * sizeof(*o->worth));
	while ((rc = db_step(o->s, st, e)) > 0) {
		struct cover_minute c = { sqlite3_column_int64(st, 1),
					  (unsigned)sqlite3_column_int64(st, 2) };
		size_t at = places_of(&o->sensors, sqlite3_column_int64(st, 0));

		if (at != SIZE_MAX)
			o->worth[at] = cover_worth(&c);
	}
	return rc;
}

static int load_around(struct open *o, struct err *e)
{
	int rc;
	sqlite3_stmt *st;

	if (o->around_minute == o->minute)
		return 0;
	st = db_query(o->s, e,
		      "SELECT claim FROM fact_minute WHERE minute IN (?1 - 1, ?1 + 1)",
		      DB(I(o->minute)));
	if (!st)
		return db_fail(o->s, NULL);
	free(o->around);
	o->around = xcalloc(o->claims.n, sizeof(*o->around));
	o->around_minute = o->minute;
	while ((rc = db_step(o->s, st, e)) > 0) {
		size_t at = places_of(&o->claims, sqlite3_column_int64(st, 0));

		if (at != SIZE_MAX)
			o->around[at] = true;
	}
	return rc;
}

/* Deciding */

static int last_first(const void *a, const void *b)
{
	uint32_t x = ((const struct heard *)a)->claim, y = ((const struct heard *)b)->claim;

	return (x < y) - (x > y);
}

static void hear(struct open *o, uint32_t claim, bool reports)
{
	MEM_GROW(o->heard, o->heard_n, o->heard_cap);
	o->heard[o->heard_n++] = (struct heard){ claim, reports };
}

static bool is_heard(const struct open *o, uint32_t claim)
{
	for (size_t i = 0; i < o->heard_n; i++)
		if (o->heard[i].claim == claim)
			return true;
	return false;
}

/* Its claims with a row; and those on the way that spoke in the minute before or after. */
static int gather(struct open *o, const struct conversation *c, struct err *e)
{
	int rc;

	o->heard_n = 0;
	for (uint32_t i = c->row; i != NONE; i = o->row[i].before)
		hear(o, o->row[i].claim, true);
	if (!c->several)
		return 0;
	rc = load_around(o, e);
	if (rc)
		return rc;
	for (uint32_t i = c->way; i != NONE; i = o->claim[i].way)
		if (o->around[i] && !is_heard(o, i))
			hear(o, i, false);
	qsort(o->heard, o->heard_n, sizeof(*o->heard), last_first);
	return 0;
}

static int ask_nat(struct open *o, const struct conversation *c, struct nat_word *w,
		   struct err *e)
{
	const struct end *client = &o->end[c->client], *server = &o->end[c->server];
	const struct nat_view *view;
	struct nat_key key;

	*w = (struct nat_word){ 0 };
	if (!nat_any(o->s) || c->scoped || client->realm != server->realm)
		return 0;
	key = nat_key(client->realm, &client->addr, &server->addr, c->port, c->proto);
	view = nat_view_at(o->s, &key);
	return view ? nat_word(o->s, view, o->minute, w, e) : 0;
}

static int worth_of(struct open *o, int64_t sensor, int64_t *out, struct err *e)
{
	size_t at = places_of(&o->sensors, sensor);
	struct cover_minute c;
	int rc;

	if (at != SIZE_MAX) {
		*out = o->worth[at];
		return 0;
	}
	rc = cover_get(o->s, sensor, o->minute, &c, e); /* of one that is gone */
	*out = rc ? 0 : cover_worth(&c);
	return rc;
}

static int summon(struct open *o, const struct conversation *c, struct jury *j, struct err *e)
{
	struct nat_word nat;
	int rc = gather(o, c, e);

	if (!rc)
		rc = ask_nat(o, c, &nat, e);
	if (rc)
		return rc;
	jury_begin(j, o->end[c->client].sensor, o->end[c->server].sensor, &nat);
	for (size_t i = o->heard_n; i-- > 0;) {
		const struct voice *v = &o->claim[o->heard[i].claim];

		jury_hear(j, v->kind, v->origin, o->heard[i].reports);
	}
	for (unsigned i = 0; i < j->n && !rc; i++)
		rc = worth_of(o, j->list[i].origin, &j->list[i].worth, e);
	return rc;
}

/* Whose rows count: as was decided on already, if nobody can say better. */
static struct authority_candidate chosen(const struct open *o, const struct conversation *c,
					 const struct jury *j)
{
	const struct authority_candidate *best = jury_verdict(j);

	if (best)
		return *best;
	for (uint32_t i = c->row; i != NONE; i = o->row[i].before)
		if (o->row[i].edge > 0) {
			const struct voice *v = &o->claim[o->row[i].claim];

			return (struct authority_candidate){ .kind = v->kind,
							     .origin = v->origin };
		}
	return (struct authority_candidate){ 0 };
}

static int decide(struct open *o, const struct conversation *c, open_fn *fn, void *ctx,
		  struct err *e)
{
	struct authority_candidate best;
	struct jury j;
	int rc;

	if (c->client == NONE || c->server == NONE)
		return err_set(e, -EBADMSG, "%s: damaged: endpoint", o->s->path);
	rc = summon(o, c, &j, e);
	if (rc)
		return rc;
	best = chosen(o, c, &j);
	for (uint32_t i = c->row; i != NONE; i = o->row[i].before) {
		const struct row *r = &o->row[i];
		const struct voice *v = &o->claim[r->claim];
		struct count_report told = { o->minute, r->first, r->last, { 0 } };

		if (r->edge != CONV_OPEN)
			continue;
		if (v->origin == best.origin && v->kind == best.kind)
			told.amounts = amounts_of(o, r);
		fn(v->edge, &told, ctx);
	}
	return 0;
}

/* The last row of each conversation is met first, and has all the others behind it. */
static int read_minute(struct open *o, open_fn *fn, void *ctx, struct err *e)
{
	int rc = load_coverage(o, e);

	if (!rc)
		rc = load_rows(o, e);
	for (size_t i = rc ? 0 : o->row_n; i-- > 0 && !rc;) {
		struct conversation *c =
			&o->conversation[o->claim[o->row[i].claim].conversation];

		if (c->row != i)
			continue;
		rc = decide(o, c, fn, ctx, e);
		c->row = NONE;
	}
	return rc;
}

int open_read(struct open *o, open_fn *fn, void *ctx, struct err *e)
{
	int rc;

	do {
		rc = read_minute(o, fn, ctx, e);
		o->minute++;
		if (!rc)
			rc = next_minute(o, e);
	} while (rc > 0);
	return rc;
}
