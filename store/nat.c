/* SPDX-License-Identifier: Apache-2.0 */
#include "store/nat.h"

#include <stdlib.h>
#include <string.h>

#include "store/cover.h"
#include "store/db.h"
#include "store/dict.h"

enum {
	MINUTE_MS = 60000,
	WHOLE_MS = 59000,
	/* With one of these a sensor has not told of all that it translated. */
	NOT_ALL = DEGRADED_NO_NAT | DEGRADED_NAT_LOST | DEGRADED_OFF | COVER_LOST,
};

struct nat {
	struct nat_rule *rules;
	struct nat_view *views;
	size_t n;
	uint64_t version; /* of the views: changed by a new rule */
};

void nat_free(struct nat *n)
{
	struct nat_view *v, *v_next;

	if (!n)
		return;
	HASH_ITER (hh, n->views, v, v_next) {
		HASH_DEL(n->views, v);
		free(v);
	}
	while (n->rules) {
		struct nat_rule *r = n->rules;

		n->rules = r->next;
		free(r);
	}
	free(n);
}

bool nat_same(const struct nat_key *a, const struct nat_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct nat_key nat_key(int64_t realm, const struct addr *client, const struct addr *server,
		       uint16_t port, uint8_t proto)
{
	struct nat_key k;

	memset(&k, 0, sizeof(k));
	k.realm = realm;
	k.client = *client;
	k.server = *server;
	k.port = port;
	k.proto = proto;
	return k;
}

enum nat_right nat_right(const struct sensor *x, const struct translation *t)
{
	bool server = !addr_eq(&t->seen, &t->server) || t->seen_port != t->port;
	bool client = !addr_eq(&t->client, &t->client_seen);

	if (!x->host || !x->machine)
		return NAT_FORGED;
	if ((server || client) &&
	    (!server || sensor_speaks(x, &t->seen) || sensor_owns(x, &t->client)) &&
	    (!client || sensor_speaks(x, &t->client_seen)))
		return NAT_RULE;
	return sensor_owns(x, &t->server) ? NAT_EVIDENCE : NAT_FORGED;
}

/* Rules */

/*
 * What a machine hides behind an address of its own is that address to everybody else, and its
 * name means something on this machine only (every container bridge has the same ones).
 */
static void fill(struct nat_rule *r, const struct sensor *x, const struct translation *t)
{
	bool own = sensor_owns(x, &t->client) && !addr_eq(&t->client, &t->client_seen);
	const struct addr *client = own ? &t->client_seen : &t->client;

	r->sensor = x->id;
	r->before = nat_key(own ? dict_realm_machine(x->machine) : x->realm, &t->client,
			    &t->seen, t->seen_port, t->proto);
	r->after = nat_key(x->realm, &t->client_seen, &t->server, t->port, t->proto);
	r->real = nat_key(x->realm, client, &t->server, t->port, t->proto);
	r->first = (int64_t)t->first_ms / MINUTE_MS;
	r->last = (int64_t)t->last_ms / MINUTE_MS;
}

static struct nat_view *find_view(const struct nat *n, const struct nat_key *key)
{
	struct nat_view *v;

	HASH_FIND(hh, n->views, key, sizeof(*key), v);
	return v;
}

static void touch(struct nat *n, const struct nat_key *key, struct nat_rule *r)
{
	struct nat_view *v = find_view(n, key);

	if (!v) {
		v = xcalloc(1, sizeof(*v));
		v->key = *key;
		HASH_ADD(hh, n->views, key, sizeof(v->key), v);
	}
	if (v->n < NAT_VIEW_RULES)
		v->rule[v->n++] = r;
	else
		v->many = true;
}

static struct nat_rule *find_rule(const struct nat *n, const struct nat_rule *r)
{
	const struct nat_view *v = find_view(n, &r->after);

	for (unsigned i = 0; v && i < v->n; i++)
		if (v->rule[i]->sensor == r->sensor &&
		    nat_same(&v->rule[i]->before, &r->before) &&
		    nat_same(&v->rule[i]->after, &r->after))
			return v->rule[i];
	return NULL;
}

static struct nat_rule *keep(struct nat *n, const struct nat_rule *like)
{
	struct nat_rule *r;

	if (n->n >= NAT_RULES_MAX)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	*r = *like;
	r->next = n->rules;
	n->rules = r;
	n->n++;
	n->version++;
	touch(n, &r->after, r);
	if (!nat_same(&r->before, &r->after))
		touch(n, &r->before, r);
	if (!nat_same(&r->real, &r->after) && !nat_same(&r->real, &r->before))
		touch(n, &r->real, r);
	return r;
}

/* From the file */

static bool read_translation(sqlite3_stmt *st, struct translation *t)
{
	t->proto = (uint8_t)sqlite3_column_int(st, 1);
	t->seen_port = (uint16_t)sqlite3_column_int(st, 5);
	t->port = (uint16_t)sqlite3_column_int(st, 7);
	t->first_ms = (uint64_t)sqlite3_column_int64(st, 8);
	t->last_ms = (uint64_t)sqlite3_column_int64(st, 9);
	return db_addr(st, 2, &t->client) && db_addr(st, 3, &t->client_seen) &&
	       db_addr(st, 4, &t->seen) && db_addr(st, 6, &t->server);
}

static int load_rows(struct store *s, struct nat *n, struct sensor *x, struct err *e)
{
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT sensor, proto, client, client_seen, seen, seen_port, server, port, "
		"first_ms, last_ms FROM translation WHERE sensor = ?",
		DB(I(x->id)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		struct nat_rule r = { 0 };
		struct translation t;

		if (!read_translation(st, &t) || nat_right(x, &t) != NAT_RULE)
			continue;
		fill(&r, x, &t);
		keep(n, &r);
	}
	return rc;
}

/* Sensors that have told of translations; the caller frees each name and the list. */
static char **speakers(struct store *s, size_t *count, struct err *e)
{
	char **list = xcalloc(1, sizeof(*list));
	size_t cap = 1;
	int rc = -1;
	sqlite3_stmt *st =
		db_query(s, e,
			 "SELECT name FROM sensor o WHERE EXISTS "
			 "(SELECT 1 FROM translation t WHERE t.sensor = o.id) ORDER BY id",
			 DB_NONE);

	*count = 0;
	while (st && (rc = db_step(s, st, e)) > 0) {
		MEM_GROW(list, *count, cap);
		list[(*count)++] = xstrdup(db_text(st, 0));
	}
	if (rc == 0)
		return list;
	for (size_t i = 0; i < *count; i++)
		free(list[i]);
	free(list);
	return NULL;
}

int nat_load(struct store *s, struct err *e)
{
	size_t count;
	char **name;
	int rc = 0;

	if (s->nat)
		return 0;
	name = speakers(s, &count, e);
	if (!name)
		return db_fail(s, NULL);
	s->nat = xcalloc(1, sizeof(*s->nat));
	for (size_t i = 0; i < count; i++) {
		struct sensor *x;

		if (!rc)
			rc = sensor_get(s, name[i], 0, &x, e);
		if (!rc)
			rc = load_rows(s, s->nat, x, e);
		free(name[i]);
	}
	free(name);
	if (rc) { /* half of the rules are none */
		nat_free(s->nat);
		s->nat = NULL;
	}
	return rc;
}

int nat_learn(struct store *s, const struct sensor *x, const struct translation *t,
	      struct nat_rule **out, bool *fresh, struct err *e)
{
	struct nat_rule like = { 0 };
	int rc = nat_load(s, e);

	if (rc)
		return rc;
	fill(&like, x, t);
	*out = find_rule(s->nat, &like);
	*fresh = !*out || like.first > (*out)->last + NAT_KEPT_MINUTES;
	if (*fresh && !*out) {
		*out = keep(s->nat, &like);
		return 0;
	}
	(*out)->first = like.first < (*out)->first ? like.first : (*out)->first;
	(*out)->last = like.last > (*out)->last ? like.last : (*out)->last;
	return 0;
}

/* Asking */

bool nat_any(const struct store *s)
{
	return !s->nat || s->nat->n;
}

const struct nat_view *nat_view_at(struct store *s, const struct nat_key *key)
{
	return s->nat ? find_view(s->nat, key) : NULL;
}

int nat_view_of(struct store *s, struct conv *v, const struct nat_view **out, struct err *e)
{
	struct nat_key key;
	int rc = nat_load(s, e);

	*out = NULL;
	if (rc || !s->nat->n || v->key.scope || v->client->key.realm != v->server->key.realm)
		return rc;
	if (v->nat_version != s->nat->version) {
		key = nat_key(v->client->key.realm, &v->client->key.addr, &v->server->key.addr,
			      v->key.port, (uint8_t)v->key.proto);
		v->nat = find_view(s->nat, &key);
		v->nat_version = s->nat->version;
	}
	*out = v->nat;
	return 0;
}

static bool holds(const struct nat_rule *r, int64_t minute)
{
	return minute >= r->first && minute <= r->last + NAT_KEPT_MINUTES;
}

const struct nat_rule *nat_joins(const struct nat_view *view, int64_t minute)
{
	const struct nat_rule *found = NULL;

	for (unsigned i = 0; i < view->n; i++) {
		const struct nat_rule *r = view->rule[i];

		if (!holds(r, minute) || nat_same(&r->real, &view->key))
			continue;
		if (view->many || (found && !nat_same(&r->real, &found->real)))
			return NULL;
		found = r;
	}
	return found;
}

int nat_own(struct store *s, const struct sensor *x, const struct flow *f, int64_t minute,
	    const struct nat_rule **out, struct err *e)
{
	const struct nat_view *view;
	struct nat_key key;
	int rc = nat_load(s, e);

	*out = NULL;
	if (rc || !s->nat->n || !x->machine)
		return rc;
	key = nat_key(dict_realm_machine(x->machine), &f->client, &f->server, f->port,
		      f->proto);
	view = find_view(s->nat, &key);
	if (view)
		*out = nat_joins(view, minute);
	return 0;
}

int nat_conv_key(struct store *s, const struct nat_key *key, int64_t at_ms,
		 struct conv_key *out, struct err *e)
{
	struct endpoint *client, *server;
	int rc = dict_endpoint(s, key->realm, &key->client, &client, e);

	if (!rc)
		rc = dict_endpoint(s, key->realm, &key->server, &server, e);
	if (!rc)
		*out = conv_key(dict_endpoint_when(client, at_ms),
				dict_endpoint_when(server, at_ms), 0, key->port,
				(uint8_t)key->proto);
	return rc;
}

static int watches_all(struct store *s, int64_t sensor, int64_t minute, struct nat_word *w,
		       bool *out, struct err *e)
{
	struct cover_minute c;
	int rc = cover_get(s, sensor, minute, &c, e);

	*out = !rc && c.ms >= WHOLE_MS && !(c.flaws & NOT_ALL);
	for (unsigned i = 0; i < w->n; i++)
		if (w->sensor[i] == sensor)
			return rc;
	if (w->n < NAT_SENSORS)
		w->sensor[w->n++] = sensor;
	return rc;
}

/* Whether what is counted at KEY, a side of R, stays there and is not joined with the real. */
static bool stays(struct store *s, const struct nat_rule *r, const struct nat_key *key,
		  int64_t minute)
{
	const struct nat_view *view = nat_same(key, &r->real) ? NULL : nat_view_at(s, key);

	return view && !nat_joins(view, minute);
}

int nat_word(struct store *s, const struct nat_view *view, int64_t minute, struct nat_word *w,
	     struct err *e)
{
	int rc = 0;

	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < view->n && !rc; i++) {
		const struct nat_rule *r = view->rule[i];
		bool real = nat_same(&r->real, &view->key), all = false;

		if (!holds(r, minute))
			continue;
		rc = watches_all(s, r->sensor, minute, w, &all, e);
		if (real && stays(s, r, &r->before, minute))
			w->blind[PAIR_CLIENT] |= all;
		if (real && stays(s, r, &r->after, minute))
			w->blind[PAIR_SERVER] = true;
		if (!real && nat_same(&r->before, &view->key) &&
		    stays(s, r, &r->before, minute))
			w->explained |= all;
	}
	return rc;
}
