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

/* Of an entry of a hash: its share of the buckets, and what malloc puts before it. */
enum { PRIV_ENTRY = 24, PRIV_HEAD = 16 /* malloc's alone */ };

struct db_kept;
struct db_scan;
struct dict;
struct conv_cache;
struct edge_cache;
struct cover_cache;
struct sensor_cache;
struct nat;
struct closing;
struct fold;
struct retaining;
struct sweep;

/*
 * The caches hold what the database holds, so they are dropped when a transaction is rolled
 * back and when another process has written.  Inside a transaction they only grow: pointers
 * into them stay good until it ends.
 */
struct store {
	sqlite3 *db;
	char *path;
	enum store_mode mode;
	int64_t closed;		 /* the newest minute that is over */
	int64_t gone;		 /* of minutes before it rows were taken away (retain.h) */
	struct closing *closing; /* close.c */
	const struct fold *fold; /* NULL: addresses are kept as they are */
	size_t memory;		 /* bytes that the caches may have between two transactions */
	int64_t seen;		 /* data_version when the caches were last known to be right */
	struct db_kept *kept;
	struct db_scan *scan; /* db_each, under way */
	struct dict *dict;
	struct conv_cache *convs;
	bool minutes_read;   /* newest_read is of after the conversations were dropped last: */
	int64_t newest_read; /* the newest minute with a row */
	struct edge_cache *edges;
	struct cover_cache *covers;
	struct sensor_cache *sensors;
	struct nat *nat;
	/* What a transaction may still correct of the past (repoint.h). */
	int64_t late_leases, late_minutes;
	struct retaining *retaining; /* retain.c: what is done in this turn */
	struct sweep *sweep;	     /* under way, else NULL */
};

/*
 * A handle to a file as it is, which may be written to but is neither made, migrated nor
 * checked to be one of ours; for db_query and its like, and store_close.
 */
struct store *store_look(const char *path, struct err *e);
void store_forget(struct store *s);
/* What is in memory is dropped if another process has written since, or if it is too much. */
int store_look_around(struct store *s, struct err *e);
bool store_in_tx(const struct store *s);
/* A call that is a transaction of its own unless the caller has one open. */
int store_enter(struct store *s, bool *own, struct err *e);
int store_leave(struct store *s, bool own, int rc, struct err *e);

#endif
