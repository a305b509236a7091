/* SPDX-License-Identifier: Apache-2.0 */
#include "store/dict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "store/db.h"
#include "store/sweep.h"

struct named {
	int64_t id;
	UT_hash_handle hh;
	char key[]; /* name, unit and container, each with its NUL */
};

/* That a detail was written, by a hash of its words. */
struct told {
	int64_t key[2]; /* endpoint, process */
	uint64_t hash;
	UT_hash_handle hh;
};

struct dict {
	struct endpoint *endpoints, *endpoints_by_id;
	struct named *processes;
	struct told *details;
};

static struct dict *dict_of(struct store *s)
{
	if (!s->dict)
		s->dict = xcalloc(1, sizeof(*s->dict));
	return s->dict;
}

size_t dict_bytes(const struct dict *d)
{
	enum { NAME = 64 }; /* of a process, with unit and container */

	return d ? HASH_COUNT(d->endpoints) * (sizeof(struct endpoint) + PRIV_ENTRY * 2) +
			       HASH_COUNT(d->processes) *
				       (sizeof(struct named) + NAME + PRIV_ENTRY) +
			       HASH_COUNT(d->details) * (sizeof(struct told) + PRIV_ENTRY)
		 : 0;
}

void dict_free(struct dict *d)
{
	struct endpoint *p, *p_next;
	struct named *n, *n_next;
	struct told *t, *t_next;

	if (!d)
		return;
	HASH_CLEAR(hh, d->endpoints);
	HASH_ITER (by_id, d->endpoints_by_id, p, p_next) {
		HASH_DELETE(by_id, d->endpoints_by_id, p);
		free(p);
	}
	HASH_ITER (hh, d->processes, n, n_next) {
		HASH_DEL(d->processes, n);
		free(n);
	}
	HASH_ITER (hh, d->details, t, t_next) {
		HASH_DEL(d->details, t);
		free(t);
	}
	free(d);
}

/* Endpoints */

static struct endpoint *keep_endpoint(struct store *s, const struct endpoint_key *key,
				      int64_t id, int64_t since_ms)
{
	struct endpoint *p = xcalloc(1, sizeof(*p)), *older;
	struct dict *d = dict_of(s);

	sweep_endpoint(s, id);
	p->key = *key;
	p->id = id;
	p->since_ms = since_ms;
	HASH_FIND(hh, d->endpoints, key, sizeof(*key), older);
	if (older)
		HASH_DEL(d->endpoints, older);
	p->older = older;
	HASH_ADD(hh, d->endpoints, key, sizeof(p->key), p);
	HASH_ADD(by_id, d->endpoints_by_id, id, sizeof(p->id), p);
	return p;
}

/* Of one that is over, the last one that held it. */
static int holder(struct store *s, struct endpoint *p, bool newest, struct err *e)
{
	int rc = db_int(s, e, &p->machine,
			"SELECT machine FROM lease WHERE endpoint = ?1 "
			"AND (until_ms IS NULL OR NOT ?2) "
			"ORDER BY until_ms IS NOT NULL, since_ms DESC, id DESC LIMIT 1",
			DB(I(p->id), I(newest)));

	return rc < 0 ? rc : 0;
}

/* All of one address, the oldest first. */
static int load_endpoints(struct store *s, const struct endpoint_key *key, struct err *e)
{
	struct dict *d = dict_of(s);
	struct endpoint *p, *newest;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, since_ms FROM endpoint WHERE realm = ? AND "
				    "address = ? ORDER BY since_ms",
				    DB(I(key->realm), A(&key->addr)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0)
		keep_endpoint(s, key, sqlite3_column_int64(st, 0),
			      sqlite3_column_int64(st, 1));
	HASH_FIND(hh, d->endpoints, key, sizeof(*key), newest);
	for (p = newest; p && !rc; p = p->older)
		rc = holder(s, p, p == newest, e);
	return rc;
}

/* All of its address: which of them is meant is told by the time. */
static struct endpoint *known(struct store *s, struct endpoint *newest)
{
	for (const struct endpoint *p = s->sweep ? newest : NULL; p; p = p->older)
		sweep_endpoint(s, p->id);
	return newest;
}

int dict_endpoint(struct store *s, int64_t realm, const struct addr *a, struct endpoint **out,
		  struct err *e)
{
	struct dict *d = dict_of(s);
	struct endpoint_key key = { realm, *a };
	int rc;

	HASH_FIND(hh, d->endpoints, &key, sizeof(key), *out);
	if (known(s, *out))
		return 0;
	rc = db_run(s, e,
		    "INSERT OR IGNORE INTO endpoint(realm, address, since_ms) VALUES(?, ?, 0)",
		    DB(I(realm), A(a)));
	if (rc)
		return rc;
	if (sqlite3_changes(s->db)) {
		*out = keep_endpoint(s, &key, sqlite3_last_insert_rowid(s->db), 0);
		return 0;
	}
	rc = load_endpoints(s, &key, e);
	if (rc)
		return rc;
	HASH_FIND(hh, d->endpoints, &key, sizeof(key), *out);
	return *out ? 0 : err_set(e, -EBADMSG, "%s: damaged: endpoint", s->path);
}

int dict_endpoint_seek(struct store *s, int64_t realm, const struct addr *a,
		       struct endpoint **out, struct err *e)
{
	struct dict *d = dict_of(s);
	struct endpoint_key key = { realm, *a };
	int rc;

	HASH_FIND(hh, d->endpoints, &key, sizeof(key), *out);
	if (known(s, *out))
		return 0;
	rc = load_endpoints(s, &key, e);
	HASH_FIND(hh, d->endpoints, &key, sizeof(key), *out);
	return rc;
}

struct endpoint *dict_endpoint_when(struct endpoint *p, int64_t at_ms)
{
	while (p->older && at_ms < p->since_ms)
		p = p->older;
	return p;
}

int dict_endpoint_renew(struct store *s, struct endpoint *p, int64_t at_ms,
			struct endpoint **out, struct err *e)
{
	int rc;

	if (at_ms <= p->since_ms)
		at_ms = p->since_ms + 1;
	rc = db_run(s, e, "INSERT INTO endpoint(realm, address, since_ms) VALUES(?, ?, ?)",
		    DB(I(p->key.realm), A(&p->key.addr), I(at_ms)));
	if (!rc)
		*out = keep_endpoint(s, &p->key, sqlite3_last_insert_rowid(s->db), at_ms);
	return rc;
}

int dict_endpoint_at(struct store *s, int64_t id, struct endpoint **out, struct err *e)
{
	struct dict *d = dict_of(s);
	struct endpoint_key key;
	sqlite3_stmt *st;
	bool good;
	int rc;

	HASH_FIND(by_id, d->endpoints_by_id, &id, sizeof(id), *out);
	if (known(s, *out))
		return 0;
	st = db_query(s, e, "SELECT realm, address FROM endpoint WHERE id = ?", DB(I(id)));
	rc = st ? db_step(s, st, e) : -EIO;
	if (rc < 0)
		return rc;
	key.realm = sqlite3_column_int64(st, 0);
	good = rc > 0 && db_addr(st, 1, &key.addr);
	db_done(st);
	if (good)
		rc = load_endpoints(s, &key, e);
	if (rc < 0)
		return rc;
	HASH_FIND(by_id, d->endpoints_by_id, &id, sizeof(id), *out);
	return *out ? 0
		    : err_set(e, -EBADMSG, "%s: damaged: endpoint %lld", s->path,
			      (long long)id);
}

/* Processes */

/* No byte past CAP - 1, and no character cut in two. */
static size_t fit(const char *p, size_t n, size_t cap)
{
	if (n < cap)
		return n;
	for (n = cap - 1; n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

const char *dict_clean(const char *in, char *out, size_t cap)
{
	size_t n = strlen(in);
	struct buf b = { 0 };

	if (utf8_valid(in, n)) {
		n = fit(in, n, cap);
		memcpy(out, in, n);
	} else {
		utf8_clean(&b, in, n);
		n = fit((const char *)b.p, b.n, cap);
		memcpy(out, b.p, n);
		buf_fini(&b);
	}
	out[n] = 0;
	return out;
}

struct process_key {
	char text[3 * (NAME_LEN + 1)];
	const char *part[3];
	size_t n;
};

static void process_key(const struct process *p, struct process_key *k)
{
	const char *const part[] = { p->name, p->unit, p->container };

	k->n = 0;
	for (int i = 0; i < 3; i++) {
		k->part[i] = dict_clean(part[i], k->text + k->n, NAME_LEN + 1);
		k->n += strlen(k->part[i]) + 1;
	}
}

static int look_up_process(struct store *s, const struct process_key *k, int64_t *id,
			   struct err *e)
{
	return db_int(s, e, id,
		      "SELECT id FROM process WHERE name = ? AND unit = ? AND container = ?",
		      DB(T(k->part[0]), T(k->part[1]), T(k->part[2])));
}

static int find_process(struct store *s, const struct process_key *k, int64_t *id,
			struct err *e)
{
	int rc = look_up_process(s, k, id, e);

	if (rc)
		return rc < 0 ? rc : 0;
	rc = db_run(s, e, "INSERT INTO process(name, unit, container) VALUES(?, ?, ?)",
		    DB(T(k->part[0]), T(k->part[1]), T(k->part[2])));
	*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

int dict_process(struct store *s, const struct process *p, int64_t *out, struct err *e)
{
	struct dict *d = dict_of(s);
	struct process_key k;
	struct named *n;
	int rc;

	*out = 0;
	if (!p || !*p->name)
		return 0;
	process_key(p, &k);
	HASH_FIND(hh, d->processes, k.text, k.n, n);
	if (!n) {
		rc = find_process(s, &k, out, e);
		if (rc)
			return rc;
		n = xcalloc(1, sizeof(*n) + k.n);
		n->id = *out;
		memcpy(n->key, k.text, k.n);
		HASH_ADD_KEYPTR(hh, d->processes, n->key, k.n, n);
	}
	*out = n->id;
	sweep_process(s, *out);
	return 0;
}

int dict_process_seek(struct store *s, const struct process *p, int64_t *out, struct err *e)
{
	struct process_key k;
	struct named *n;
	int rc;

	*out = 0;
	if (!p || !*p->name)
		return 0;
	process_key(p, &k);
	HASH_FIND(hh, dict_of(s)->processes, k.text, k.n, n);
	if (n) {
		*out = n->id;
		sweep_process(s, *out);
		return 0;
	}
	rc = look_up_process(s, &k, out, e);
	return rc <= 0 ? rc : dict_process(s, p, out, e); /* known from now on, and in use */
}

/* Details */

/* FNV-1a, with the NUL of each string. */
static uint64_t hash_words(const struct process *p)
{
	const char *const word[] = { p->exe, p->user, p->app };
	uint64_t h = 0xcbf29ce484222325;

	for (int i = 0; i < 3; i++)
		for (const char *c = word[i];; c++) {
			h = (h ^ (unsigned char)*c) * 0x100000001b3;
			if (!*c)
				break;
		}
	return h;
}

static int write_detail(struct store *s, int64_t endpoint, int64_t process,
			const struct process *p, enum dict_words words, struct err *e)
{
	static const char *const sql[] = {
		[DICT_LATEST] =
			"INSERT INTO detail VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
			"SET exe = iif(excluded.exe = '', exe, excluded.exe), "
			"user = iif(excluded.user = '', user, excluded.user), "
			"app = iif(excluded.app = '', app, excluded.app)",
		[DICT_GREATEST] = "INSERT INTO detail VALUES(?, ?, ?, ?, ?) ON CONFLICT DO "
				  "UPDATE SET exe = max(exe, excluded.exe), "
				  "user = max(user, excluded.user), "
				  "app = max(app, excluded.app)",
	};
	char exe[PATH_LEN + 1], user[NAME_LEN + 1], app[PATH_LEN + 1];

	return db_run(s, e, sql[words],
		      DB(I(endpoint), I(process), T(dict_clean(p->exe, exe, sizeof(exe))),
			 T(dict_clean(p->user, user, sizeof(user))),
			 T(dict_clean(p->app, app, sizeof(app)))));
}

int dict_detail(struct store *s, int64_t endpoint, int64_t process, const struct process *p,
		enum dict_words words, struct err *e)
{
	struct dict *d = dict_of(s);
	int64_t key[2] = { endpoint, process };
	uint64_t hash;
	struct told *t;
	int rc;

	if (!process || (!*p->exe && !*p->user && !*p->app))
		return 0;
	hash = hash_words(p);
	HASH_FIND(hh, d->details, key, sizeof(key), t);
	if (t && t->hash == hash)
		return 0;
	rc = write_detail(s, endpoint, process, p, words, e);
	if (rc)
		return rc;
	if (!t) {
		t = xcalloc(1, sizeof(*t));
		memcpy(t->key, key, sizeof(key));
		HASH_ADD(hh, d->details, key, sizeof(t->key), t);
	}
	t->hash = hash;
	return 0;
}
