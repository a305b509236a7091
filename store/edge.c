/* SPDX-License-Identifier: Apache-2.0 */
#include "store/edge.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/level.h"
#include "store/mark.h"
#include "store/nat.h"

struct alias {
	int64_t edge, into;
	UT_hash_handle hh;
};

struct edge_cache {
	struct alias *aliases; /* all of them */
	int64_t next;	       /* number, never used before: aliases must stay unambiguous */
};

size_t edge_bytes(const struct edge_cache *c)
{
	return c ? HASH_COUNT(c->aliases) * (sizeof(struct alias) + PRIV_ENTRY) : 0;
}

void edge_free(struct edge_cache *c)
{
	struct alias *a, *next;

	if (!c)
		return;
	HASH_ITER (hh, c->aliases, a, next) {
		HASH_DEL(c->aliases, a);
		free(a);
	}
	free(c);
}

static void keep_alias(struct edge_cache *c, int64_t edge, int64_t into)
{
	struct alias *a;

	HASH_FIND(hh, c->aliases, &edge, sizeof(edge), a);
	if (!a) {
		a = xcalloc(1, sizeof(*a));
		a->edge = edge;
		HASH_ADD(hh, c->aliases, edge, sizeof(a->edge), a);
	}
	a->into = into;
}

static int load(struct store *s, struct edge_cache *c, struct err *e)
{
	int rc = db_int(s, e, &c->next,
			"SELECT 1 + max((SELECT ifnull(max(id), 0) FROM edge), "
			"(SELECT ifnull(max(edge), 0) FROM merged), "
			"(SELECT ifnull(max(value), 1) - 1 FROM mark WHERE word = '" MARK_EDGE
			"'))",
			DB_NONE);
	sqlite3_stmt *st;

	if (rc < 0)
		return rc;
	st = db_stmt(s, e, "SELECT edge, into_edge FROM merged");
	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0)
		keep_alias(c, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1));
	return rc;
}

static int cache_of(struct store *s, struct edge_cache **out, struct err *e)
{
	struct edge_cache *c = s->edges;
	int rc;

	if (!c) {
		c = xcalloc(1, sizeof(*c));
		rc = load(s, c, e);
		if (rc) {
			edge_free(c);
			return rc;
		}
		s->edges = c;
	}
	*out = c;
	return 0;
}

int edge_final(struct store *s, int64_t edge, int64_t *out, struct err *e)
{
	struct edge_cache *c;
	struct alias *a;
	int rc = cache_of(s, &c, e);

	if (rc)
		return rc;
	/* Numbers are never used again, so only a damaged file could have a circle. */
	for (unsigned n = HASH_COUNT(c->aliases); n > 0; n--) {
		HASH_FIND(hh, c->aliases, &edge, sizeof(edge), a);
		if (!a)
			break;
		edge = a->into;
	}
	*out = edge;
	return 0;
}

/* The edge between these two processes in V's place, made if it is not there. */
static int edge_get(struct store *s, const struct conv *v, const int64_t *process,
		    int64_t *out, struct err *e)
{
	const struct conv_key *k = &v->key;
	struct edge_cache *c;
	int rc = cache_of(s, &c, e);

	if (!rc)
		rc = db_run(s, e,
			    "INSERT OR IGNORE INTO edge(id, client, server, port, proto, "
			    "client_process, server_process) VALUES(?, ?, ?, ?, ?, ?, ?)",
			    DB(I(c->next), I(k->client), I(k->server), I(k->port), I(k->proto),
			       I(process[PAIR_CLIENT]), I(process[PAIR_SERVER])));
	if (rc)
		return rc;
	if (sqlite3_changes(s->db)) {
		*out = c->next++;
		return db_run(s, e, "INSERT INTO fact_total(edge) VALUES(?)", DB(I(*out)));
	}
	rc = db_int(s, e, out,
		    "SELECT id FROM edge WHERE client = ? AND server = ? AND port = ? AND "
		    "proto = ? AND client_process = ? AND server_process = ?",
		    DB(I(k->client), I(k->server), I(k->port), I(k->proto),
		       I(process[PAIR_CLIENT]), I(process[PAIR_SERVER])));
	return rc < 0 ? rc : 0;
}

/* True: the edge of C, which is nobody else's, is between these two processes from now on. */
static int rename_edge(struct store *s, const struct conv *v, const struct claim *c,
		       const int64_t *process, bool *done, struct err *e)
{
	const struct conv_key *k = &v->key;
	int rc = db_run(
		s, e,
		"UPDATE OR IGNORE edge SET client_process = ?, server_process = ? "
		"WHERE id = ? AND client = ? AND server = ? AND port = ? AND proto = ? "
		"AND NOT EXISTS (SELECT 1 FROM claim WHERE edge = ? AND id != ?)",
		DB(I(process[PAIR_CLIENT]), I(process[PAIR_SERVER]), I(c->edge), I(k->client),
		   I(k->server), I(k->port), I(k->proto), I(c->edge), I(c->id)));

	*done = !rc && sqlite3_changes(s->db) > 0;
	return rc;
}

/* One that another claim of the conversation has already. */
static int64_t shared_edge(const struct conv *v, const int64_t *process)
{
	for (unsigned i = 0; i < v->claims_n; i++)
		if (v->claims[i].edge &&
		    memcmp(v->claims[i].paired, process, sizeof(v->claims[i].paired)) == 0)
			return v->claims[i].edge;
	return 0;
}

static int edge_of(struct store *s, const struct conv *v, const struct claim *c,
		   const int64_t *process, int64_t *out, struct err *e)
{
	bool renamed = false;
	int rc = 0;

	*out = shared_edge(v, process);
	if (!*out && c->edge)
		rc = rename_edge(s, v, c, process, &renamed, e);
	if (renamed)
		*out = c->edge;
	return rc || *out ? rc : edge_get(s, v, process, out, e);
}

static int merge(struct store *s, int64_t from, int64_t into, struct err *e)
{
	struct edge_cache *c;
	int rc = cache_of(s, &c, e);

	if (!rc)
		rc = level_merge(s, from, into, e);
	if (!rc)
		rc = db_run(
			s, e,
			"UPDATE edge SET extra = max(extra, "
			"ifnull((SELECT extra FROM edge WHERE id = ?1), '')) WHERE id = ?2",
			DB(I(from), I(into)));
	if (!rc)
		rc = db_run(s, e, "DELETE FROM edge WHERE id = ?", DB(I(from)));
	if (!rc)
		rc = db_run(s, e, "INSERT OR REPLACE INTO merged VALUES(?, ?)",
			    DB(I(from), I(into)));
	if (rc)
		return rc;
	keep_alias(c, from, into);
	return 0;
}

/* Pairing */

struct move {
	int64_t from, into;
};

/* The claims of V, and those of others that know a process at one end of it. */
struct pairing {
	struct pair_claim *claim;
	size_t n, cap;
};

static void add_pair(struct pairing *p, const struct claim *c, bool client, bool server)
{
	struct pair_claim *x;

	MEM_GROW(p->claim, p->n, p->cap);
	x = &p->claim[p->n++];
	memset(x, 0, sizeof(*x));
	if (client)
		x->process[PAIR_CLIENT] = c->process[PAIR_CLIENT];
	if (server)
		x->process[PAIR_SERVER] = c->process[PAIR_SERVER];
	memcpy(x->port, c->port, sizeof(x->port));
	x->ports_n = c->ports_n;
	x->opens = c->opens;
}

/* Who calls a balancer's address is known there, and who answers the gateway behind it. */
static int add_side(struct store *s, struct pairing *p, const struct conv *v,
		    const struct nat_key *key, bool client, struct err *e)
{
	struct conv_key k;
	struct conv *w = NULL;
	int rc = nat_conv_key(s, key, INT64_MAX, &k, e);

	if (!rc)
		rc = conv_seek(s, &k, &w, e);
	for (unsigned i = 0; !rc && w && w != v && i < w->claims_n; i++)
		if (w->claims[i].process[client ? PAIR_CLIENT : PAIR_SERVER])
			add_pair(p, &w->claims[i], client, !client);
	return rc;
}

static int gather(struct store *s, struct conv *v, struct pairing *p, struct err *e)
{
	const struct nat_view *view;
	int rc = nat_view_of(s, v, &view, e);

	for (unsigned i = 0; i < v->claims_n; i++)
		add_pair(p, &v->claims[i], true, true);
	for (unsigned i = 0; view && i < view->n && !rc; i++) {
		const struct nat_rule *r = view->rule[i];

		if (!nat_same(&r->real, &view->key))
			continue;
		if (!nat_same(&r->before, &r->real) && r->before.realm == r->real.realm)
			rc = add_side(s, p, v, &r->before, true, e);
		if (!rc && !nat_same(&r->after, &r->real))
			rc = add_side(s, p, v, &r->after, false, e);
	}
	return rc;
}

static int assign(struct store *s, struct conv *v, struct claim *c, const struct pair_claim *p,
		  struct move *move, struct err *e)
{
	int64_t edge;
	int rc;

	if (memcmp(c->paired, p->edge, sizeof(c->paired)) == 0 && c->guess == p->guess)
		return 0;
	rc = edge_of(s, v, c, p->edge, &edge, e);
	if (rc)
		return rc;
	memcpy(c->paired, p->edge, sizeof(c->paired));
	if (edge == c->edge && c->guess == p->guess)
		return 0;
	if (c->edge && edge != c->edge)
		*move = (struct move){ c->edge, edge };
	c->edge = edge;
	c->guess = p->guess;
	return conv_save(s, c, e);
}

/* An edge that has no claims any more becomes part of that to which they went. */
static int retire(struct store *s, const struct move *m, struct err *e)
{
	int64_t any, from, into = 0;
	int rc = edge_final(s, m->from, &from, e);

	if (!rc)
		rc = edge_final(s, m->into, &into, e);
	if (rc || from == into)
		return rc;
	rc = db_int(s, e, &any, "SELECT 1 FROM claim WHERE edge = ? LIMIT 1", DB(I(from)));
	if (rc)
		return rc < 0 ? rc : 0;
	return merge(s, from, into, e);
}

static int pair_all(struct store *s, struct conv *v, const struct pairing *p, struct err *e)
{
	struct move *moves = xcalloc(v->claims_n, sizeof(*moves));
	int rc = 0;

	for (unsigned i = 0; i < v->claims_n && !rc; i++)
		rc = assign(s, v, &v->claims[i], &p->claim[i], &moves[i], e);
	for (unsigned i = 0; i < v->claims_n && !rc; i++)
		if (moves[i].from)
			rc = retire(s, &moves[i], e);
	free(moves);
	return rc;
}

int edge_pair(struct store *s, struct conv *v, struct err *e)
{
	struct pairing p = { 0 };
	int rc = gather(s, v, &p, e);

	if (!rc) {
		pair_resolve(p.claim, (unsigned)p.n);
		rc = pair_all(s, v, &p, e);
	}
	free(p.claim);
	return rc;
}

int edge_leave(struct store *s, struct conv *v, struct claim *c, int64_t into, struct err *e)
{
	struct move m = { c->edge, into };
	int rc = conv_forget_claim(s, v, c, e);

	return rc ? rc : retire(s, &m, e);
}

bool edge_guessed(const struct conv *v)
{
	for (unsigned i = 0; i < v->claims_n; i++)
		if (v->claims[i].guess)
			return true;
	return false;
}

int edge_extra(struct store *s, int64_t edge, const char *extra, struct err *e)
{
	return db_run(s, e, "UPDATE edge SET extra = max(extra, ?) WHERE id = ?",
		      DB(T(extra), I(edge)));
}
