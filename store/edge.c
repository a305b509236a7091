/* SPDX-License-Identifier: Apache-2.0 */
#include "store/edge.h"

#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/level.h"
#include "store/mark.h"

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

static struct pair_claim *pair_claims(const struct conv *v)
{
	struct pair_claim *p = xcalloc(v->claims_n, sizeof(*p));

	for (unsigned i = 0; i < v->claims_n; i++) {
		const struct claim *c = &v->claims[i];

		memcpy(p[i].process, c->process, sizeof(p[i].process));
		memcpy(p[i].port, c->port, sizeof(p[i].port));
		p[i].ports_n = c->ports_n;
		p[i].opens = c->opens;
	}
	return p;
}

static int assign(struct store *s, struct conv *v, struct claim *c, const struct pair_claim *p,
		  struct move *move, struct err *e)
{
	int64_t edge;
	int rc;

	if (memcmp(c->paired, p->edge, sizeof(c->paired)) == 0 && c->guess == p->guess)
		return 0;
	rc = edge_get(s, v, p->edge, &edge, e);
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

int edge_pair(struct store *s, struct conv *v, struct err *e)
{
	struct pair_claim *p = pair_claims(v);
	struct move *moves = xcalloc(v->claims_n, sizeof(*moves));
	int rc = 0;

	pair_resolve(p, v->claims_n);
	for (unsigned i = 0; i < v->claims_n && !rc; i++)
		rc = assign(s, v, &v->claims[i], &p[i], &moves[i], e);
	for (unsigned i = 0; i < v->claims_n && !rc; i++)
		if (moves[i].from)
			rc = retire(s, &moves[i], e);
	free(moves);
	free(p);
	return rc;
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
