/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "store/db.h"

struct seen_key {
	int64_t site;
	struct addr client, server;
	uint16_t port;
	uint8_t proto, pad;
};

struct entry {
	struct seen_key key;
	struct buf text; /* how the server was addressed */
	bool side;	 /* it is another conversation before or after a translation */
	UT_hash_handle hh;
};

struct seen {
	struct entry *entries;
};

static struct seen_key key_of(int64_t site, uint8_t proto, const struct addr *client,
			      const struct addr *server, uint16_t port)
{
	struct seen_key k;

	memset(&k, 0, sizeof(k));
	k.site = site;
	k.proto = proto;
	k.client = *client;
	k.server = *server;
	k.port = port;
	return k;
}

static struct entry *entry_of(struct seen *t, struct seen_key key)
{
	struct entry *x;

	HASH_FIND(hh, t->entries, &key, sizeof(key), x);
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		x->key = key;
		HASH_ADD(hh, t->entries, key, sizeof(x->key), x);
	}
	return x;
}

/* A text is there once; rows come sorted, so equal databases give equal texts. */
static void add(struct seen *t, struct seen_key key, const char *text)
{
	struct entry *x = entry_of(t, key);

	if (x->text.n && strstr(buf_cstr(&x->text), text))
		return;
	buf_printf(&x->text, "%s%s", x->text.n ? " " : "", text);
}

static void add_row(struct seen *t, sqlite3_stmt *st)
{
	struct addr client, client_seen, seen, server;
	uint8_t proto = (uint8_t)sqlite3_column_int(st, 0);
	uint16_t port = (uint16_t)sqlite3_column_int(st, 6);
	uint16_t seen_port = (uint16_t)sqlite3_column_int(st, 4);
	int64_t site = sqlite3_column_int64(st, 7);
	char ip[ADDR_TEXT], text[ADDR_TEXT + 8];
	bool hidden;

	if (!db_addr(st, 1, &client) || !db_addr(st, 2, &client_seen) ||
	    !db_addr(st, 3, &seen) || !db_addr(st, 5, &server))
		return;
	hidden = !addr_eq(&client, &client_seen);
	if (hidden)
		entry_of(t, key_of(site, proto, &client_seen, &server, port))->side = true;
	if (addr_eq(&seen, &server) && seen_port == port)
		return; /* the client alone was translated */
	entry_of(t, key_of(site, proto, &client, &seen, seen_port))->side = true;
	snprintf(text, sizeof(text), addr_is_v4(&seen) ? "%s:%d" : "[%s]:%d",
		 addr_text(&seen, ip), seen_port);
	add(t, key_of(site, proto, &client, &server, port), text);
	if (hidden)
		add(t, key_of(site, proto, &client_seen, &server, port), text);
}

struct seen *seen_load(struct store *s, struct err *e)
{
	struct seen *t = xcalloc(1, sizeof(*t));
	int rc;
	sqlite3_stmt *st = db_query(
		s, e,
		"SELECT DISTINCT proto, client, client_seen, seen, seen_port, server, port, "
		"o.realm FROM translation t JOIN sensor o ON o.id = t.sensor "
		"ORDER BY proto, client, client_seen, seen, seen_port, server, port, o.realm",
		DB_NONE);

	if (!st) {
		seen_free(t);
		return NULL;
	}
	while ((rc = db_step(s, st, e)) > 0)
		add_row(t, st);
	if (!rc)
		return t;
	seen_free(t);
	return NULL;
}

void seen_free(struct seen *t)
{
	struct entry *x, *next;

	if (!t)
		return;
	HASH_ITER (hh, t->entries, x, next) {
		HASH_DEL(t->entries, x);
		buf_fini(&x->text);
		free(x);
	}
	free(t);
}

static struct entry *find(const struct seen *t, int64_t site, uint8_t proto,
			  const struct addr *client, const struct addr *server, uint16_t port)
{
	struct seen_key key = key_of(site, proto, client, server, port);
	struct entry *x;

	HASH_FIND(hh, t->entries, &key, sizeof(key), x);
	return x;
}

const char *seen_find(const struct seen *t, int64_t site, uint8_t proto,
		      const struct addr *client, const struct addr *server, uint16_t port)
{
	struct entry *x = find(t, site, proto, client, server, port);

	return x ? buf_cstr(&x->text) : "";
}

bool seen_is_side(const struct seen *t, int64_t site, uint8_t proto, const struct addr *client,
		  const struct addr *server, uint16_t port)
{
	const struct entry *x = find(t, site, proto, client, server, port);

	return x && x->side;
}
