/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share: the handle, with what each of them keeps in memory. */
#ifndef STORE_PRIV_H
#define STORE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/mem.h"
#include "store/store.h"

#define uthash_malloc(n) xmalloc(n)
#include <uthash.h>

struct db_kept;
struct dict;
struct conv_cache;
struct edge_cache;
struct cover_cache;
struct sensor_cache;
struct nat;

/*
 * The caches hold what the database holds, so they are dropped when a transaction is rolled
 * back and when another process has written.  Inside a transaction they only grow: pointers
 * into them stay good until it ends.
 */
struct store {
	sqlite3 *db;
	char *path;
	enum store_mode mode;
	int64_t seen; /* data_version when the caches were last known to be right */
	struct db_kept *kept;
	struct dict *dict;
	struct conv_cache *convs;
	struct edge_cache *edges;
	struct cover_cache *covers;
	struct sensor_cache *sensors;
	struct nat *nat;
};

void store_forget(struct store *s);
bool store_in_tx(const struct store *s);
/* A call that is a transaction of its own unless the caller has one open. */
int store_enter(struct store *s, bool *own, struct err *e);
int store_leave(struct store *s, bool own, int rc, struct err *e);

#endif
