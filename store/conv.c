/* SPDX-License-Identifier: Apache-2.0 */
#include "store/conv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"
#include "store/sweep.h"

enum {
	CONV_CLAIMS = 32, /* more processes in one conversation count as unknown ones */
	BLOCK = 128,
};

/*
 * Numbers of claims that one origin may give: what it tells in one batch is together in the
 * tables, so that a commit writes few pages.
 */
struct block {
	int64_t origin, next, end;
	UT_hash_handle hh;
};

struct conv_cache {
	struct conv *by_key, *by_id;
	size_t claims;
	struct block *blocks;
	int64_t free; /* the next block; 0: not looked up yet */
};

size_t conv_bytes(const struct conv_cache *c)
{
	return c ? HASH_COUNT(c->by_key) * (sizeof(struct conv) + PRIV_HEAD + PRIV_ENTRY * 2) +
			       c->claims * sizeof(struct claim) +
			       HASH_COUNT(c->blocks) * (sizeof(struct block) + PRIV_ENTRY)
		 : 0;
}

static void free_one(struct conv *v)
{
	free(v->claims);
	free(v);
}

void conv_free(struct conv_cache *c)
{
	struct block *b, *b_next;
	struct conv *v, *next;

	if (!c)
		return;
	HASH_ITER (hh, c->blocks, b, b_next) {
		HASH_DEL(c->blocks, b);
		free(b);
	}
	HASH_CLEAR(by_id, c->by_id);
	HASH_ITER (hh, c->by_key, v, next) {
		HASH_DEL(c->by_key, v);
		free_one(v);
	}
	free(c);
}

static struct conv_cache *cache_of(struct store *s)
{
	if (!s->convs)
		s->convs = xcalloc(1, sizeof(*s->convs));
	return s->convs;
}

void conv_drop(struct store *s, struct conv *v)
{
	struct conv_cache *c = cache_of(s);

	s->minutes_read = false;
	HASH_DELETE(by_id, c->by_id, v);
	HASH_DELETE(hh, c->by_key, v);
	c->claims -= v->claims_cap;
	free_one(v);
}

void conv_forget_unspoken(struct store *s)
{
	struct conv *v, *next;

	HASH_ITER (hh, cache_of(s)->by_key, v, next)
		if (!v->claims_n)
			conv_drop(s, v);
}

void conv_forget(struct store *s, int64_t id)
{
	struct conv *v;

	HASH_FIND(by_id, cache_of(s)->by_id, &id, sizeof(id), v);
	if (v)
		conv_drop(s, v);
}

struct conv_key conv_key(const struct endpoint *client, const struct endpoint *server,
			 uint32_t scope, uint16_t port, uint8_t proto)
{
	bool scoped = !dict_realm_is_site(client->key.realm) ||
		      !dict_realm_is_site(server->key.realm);

	return (struct conv_key){ client->id, server->id, scoped ? scope : 0, port, proto };
}

/* Claims */

static struct claim *append(struct store *s, struct conv *v)
{
	struct claim *c;

	if (v->claims_n >= v->claims_cap) { /* most have one or two */
		cache_of(s)->claims += v->claims_cap ? v->claims_cap : 1;
		v->claims_cap = v->claims_cap ? v->claims_cap * 2 : 1;
		v->claims = xreallocarray(v->claims, v->claims_cap, sizeof(*v->claims));
	}
	c = &v->claims[v->claims_n++];
	memset(c, 0, sizeof(*c));
	for (int i = 0; i < CONV_MINUTES; i++)
		c->row[i] = CONV_NO_ROW;
	c->paired[PAIR_CLIENT] = c->paired[PAIR_SERVER] = -1;
	return c;
}

static void read_ports(sqlite3_stmt *st, int column, struct claim *c)
{
	const void *p = sqlite3_column_blob(st, column);
	size_t n = (size_t)sqlite3_column_bytes(st, column);

	if (!p || n > sizeof(c->port))
		return;
	memcpy(c->port, p, n);
	c->ports_n = (uint8_t)(n / sizeof(c->port[0]));
}

static void read_claim(sqlite3_stmt *st, struct claim *c)
{
	c->id = sqlite3_column_int64(st, 0);
	c->origin = sqlite3_column_int64(st, 1);
	c->witnesses = (uint8_t)sqlite3_column_int(st, 2);
	c->process[PAIR_CLIENT] = sqlite3_column_int64(st, 3);
	c->process[PAIR_SERVER] = sqlite3_column_int64(st, 4);
	c->edge = sqlite3_column_int64(st, 5);
	c->guess = sqlite3_column_int(st, 6) != 0;
	c->run = sqlite3_column_int64(st, 7);
	c->live = (uint64_t)sqlite3_column_int64(st, 8);
	c->pending = (uint64_t)sqlite3_column_int64(st, 9);
	c->opens = (uint64_t)sqlite3_column_int64(st, 10);
	read_ports(st, 11, c);
	c->via = sqlite3_column_int64(st, 12);
	c->sampling = (uint32_t)sqlite3_column_int64(st, 13);
}

static int load_claims(struct store *s, struct conv *v, struct err *e)
{
	int rc;
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT id, origin, witnesses, client_process, "
			 "server_process, edge, guess, run, live, pending, opens, "
			 "ports, via, sampling FROM claim WHERE conversation = ? ORDER BY id",
			 DB(I(v->id)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0)
		read_claim(st, append(s, v));
	return rc;
}

static struct claim *find_claim(struct conv *v, const struct claim *w)
{
	for (struct claim *c = v->claims; c < v->claims + v->claims_n; c++)
		if (c->origin == w->origin && c->witnesses == w->witnesses &&
		    c->via == w->via &&
		    memcmp(c->process, w->process, sizeof(c->process)) == 0)
			return c;
	return NULL;
}

static int new_block(struct store *s, struct block *b, struct err *e)
{
	struct conv_cache *c = cache_of(s);
	int64_t last = 0;
	int rc = c->free ? 0
			 : db_int(s, e, &last,
				  "SELECT seq FROM sqlite_sequence WHERE name = 'claim'",
				  DB_NONE);

	if (rc < 0)
		return rc;
	if (!c->free)
		c->free = last / BLOCK + 1;
	b->next = c->free++ * BLOCK;
	b->end = b->next + BLOCK;
	return 0;
}

static int claim_number(struct store *s, int64_t origin, int64_t *out, struct err *e)
{
	struct conv_cache *c = cache_of(s);
	struct block *b;
	int rc = 0;

	HASH_FIND(hh, c->blocks, &origin, sizeof(origin), b);
	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->origin = origin;
		HASH_ADD(hh, c->blocks, origin, sizeof(b->origin), b);
	}
	if (b->next == b->end)
		rc = new_block(s, b, e);
	if (!rc)
		*out = b->next++;
	return rc;
}

static int make_claim(struct store *s, struct conv *v, const struct claim *w,
		      struct claim **out, struct err *e)
{
	struct claim *c;
	int64_t id;
	int rc = claim_number(s, w->origin, &id, e);

	if (!rc)
		rc = db_run(s, e,
			    "INSERT INTO claim(id, conversation, origin, witnesses, "
			    "client_process, server_process, via, edge) "
			    "VALUES(?, ?, ?, ?, ?, ?, ?, 0)",
			    DB(I(id), I(v->id), I(w->origin), I(w->witnesses),
			       I(w->process[PAIR_CLIENT]), I(w->process[PAIR_SERVER]),
			       I(w->via)));
	if (rc)
		return rc;
	c = append(s, v);
	c->id = id;
	c->origin = w->origin;
	c->witnesses = w->witnesses;
	memcpy(c->process, w->process, sizeof(c->process));
	c->via = w->via;
	*out = c;
	return 1;
}

int conv_claim(struct store *s, struct conv *v, const struct claim *wanted, struct claim **out,
	       struct err *e)
{
	struct claim w = *wanted;

	*out = find_claim(v, &w);
	if (*out)
		return 0;
	if (v->claims_n >= CONV_CLAIMS) {
		memset(w.process, 0, sizeof(w.process));
		*out = find_claim(v, &w);
	}
	return *out ? 0 : make_claim(s, v, &w, out, e);
}

int conv_save(struct store *s, struct claim *c, struct err *e)
{
	c->unsaved = false;
	return db_run(s, e,
		      "UPDATE claim SET edge = ?, guess = ?, run = ?, live = ?, pending = ?, "
		      "opens = ?, ports = ?, sampling = ? WHERE id = ?",
		      DB(I(c->edge), I(c->guess), I(c->run), I(c->live), I(c->pending),
			 I(c->opens),
			 B(c->ports_n ? c->port : NULL, c->ports_n * sizeof(c->port[0])),
			 I(c->sampling), I(c->id)));
}

int conv_forget_claim(struct store *s, struct conv *v, struct claim *c, struct err *e)
{
	int rc = db_run(s, e, "DELETE FROM claim WHERE id = ?", DB(I(c->id)));

	memmove(c, c + 1, (size_t)(v->claims + v->claims_n - c - 1) * sizeof(*c));
	v->claims_n--;
	return rc;
}

void conv_remember_port(struct claim *c, uint16_t port)
{
	for (unsigned i = 0; i < c->ports_n; i++)
		if (c->port[i] == port)
			return;
	if (c->ports_n == PAIR_PORTS) {
		memmove(c->port, c->port + 1, sizeof(c->port) - sizeof(c->port[0]));
		c->ports_n--;
	}
	c->port[c->ports_n++] = port;
}

/* Conversations */

static int keep(struct store *s, const struct conv_key *key, int64_t id, struct conv **out,
		struct err *e)
{
	struct conv_cache *c = cache_of(s);
	struct endpoint *client, *server;
	struct conv *v;
	int rc = dict_endpoint_at(s, key->client, &client, e);

	if (!rc)
		rc = dict_endpoint_at(s, key->server, &server, e);
	if (rc)
		return rc;
	sweep_conversation(s, id);
	v = xcalloc(1, sizeof(*v));
	v->key = *key;
	v->id = id;
	v->client = client;
	v->server = server;
	HASH_ADD(hh, c->by_key, key, sizeof(v->key), v);
	HASH_ADD(by_id, c->by_id, id, sizeof(v->id), v);
	*out = v;
	return 0;
}

static int find(struct store *s, const struct conv_key *k, int64_t *id, struct err *e)
{
	return db_int(
		s, e, id,
		"SELECT id FROM conversation WHERE client = ? AND server = ? AND port = ? "
		"AND proto = ? AND scope = ?",
		DB(I(k->client), I(k->server), I(k->port), I(k->proto), I(k->scope)));
}

/* One that is in the database, with its claims. */
static int load(struct store *s, const struct conv_key *key, int64_t id, struct conv **out,
		struct err *e)
{
	int rc = keep(s, key, id, out, e);

	if (rc)
		return rc;
	rc = load_claims(s, *out, e);
	if (rc)
		conv_drop(s, *out);
	return rc;
}

static bool known(struct store *s, const struct conv *v)
{
	if (v)
		sweep_conversation(s, v->id);
	return v != NULL;
}

int conv_get(struct store *s, const struct conv_key *key, struct conv **out, struct err *e)
{
	int64_t id;
	int rc;

	HASH_FIND(hh, cache_of(s)->by_key, key, sizeof(*key), *out);
	if (known(s, *out))
		return 0;
	rc = db_run(s, e,
		    "INSERT OR IGNORE INTO conversation(client, server, port, proto, scope) "
		    "VALUES(?, ?, ?, ?, ?)",
		    DB(I(key->client), I(key->server), I(key->port), I(key->proto),
		       I(key->scope)));
	if (rc)
		return rc;
	if (sqlite3_changes(s->db))
		return keep(s, key, sqlite3_last_insert_rowid(s->db), out, e);
	rc = find(s, key, &id, e);
	return rc < 0 ? rc : load(s, key, id, out, e);
}

int conv_seek(struct store *s, const struct conv_key *key, struct conv **out, struct err *e)
{
	int64_t id;
	int rc;

	HASH_FIND(hh, cache_of(s)->by_key, key, sizeof(*key), *out);
	if (known(s, *out))
		return 0;
	rc = find(s, key, &id, e);
	return rc > 0 ? conv_at(s, id, out, e) : rc;
}

int conv_at(struct store *s, int64_t id, struct conv **out, struct err *e)
{
	struct conv_key key = { 0 };
	sqlite3_stmt *st;
	int rc;

	HASH_FIND(by_id, cache_of(s)->by_id, &id, sizeof(id), *out);
	if (known(s, *out))
		return 0;
	st = db_query(
		s, e,
		"SELECT client, server, port, proto, scope FROM conversation WHERE id = ?",
		DB(I(id)));
	rc = st ? db_step(s, st, e) : db_fail(s, NULL);
	if (rc <= 0)
		return rc < 0 ? rc
			      : err_set(e, -EBADMSG, "%s: damaged: conversation", s->path);
	key.client = sqlite3_column_int64(st, 0);
	key.server = sqlite3_column_int64(st, 1);
	key.port = (uint16_t)sqlite3_column_int(st, 2);
	key.proto = (uint16_t)sqlite3_column_int(st, 3);
	key.scope = (uint32_t)sqlite3_column_int64(st, 4);
	db_done(st);
	return load(s, &key, id, out, e);
}
