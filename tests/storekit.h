/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the store: a database in a folder of its own, batches as sensors send them,
 * and everything that is known as text, one edge a line:
 *
 *     a/curl -> b/nginx :80 opens 5 bytes 500+50 client,server
 */
#ifndef TESTS_STOREKIT_H
#define TESTS_STOREKIT_H

#include <check.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "common/wire_record.h"
#include "store/close.h"
#include "store/enrol.h"
#include "store/import.h"
#include "store/ledger.h"
#include "store/query.h"
#include "store/store.h"
#include "tests/unit.h"

#define KIT_NOW UINT64_C(1767268800000) /* 2026-01-01 12:00 UTC */
enum { KIT_MINUTE = 60000 };

struct kit {
	char dir[64], path[96];
	struct store *s;
	struct wire_writer w; /* the batch being written */
	uint64_t sequence[32];
	uint64_t later_ms; /* after KIT_NOW */
	bool closing;	   /* every minute is over as soon as something came */
	bool greeted;	   /* the sender has told its clock: so far ahead */
	int64_t skew_ms;
};

static inline void kit_open(struct kit *k)
{
	struct err e = { 0 };

	memset(k, 0, sizeof(*k));
	snprintf(k->dir, sizeof(k->dir), "/tmp/skein-test-XXXXXX");
	ck_assert(mkdtemp(k->dir) != NULL);
	snprintf(k->path, sizeof(k->path), "%s/skein.db", k->dir);
	k->s = store_open(k->path, STORE_WRITE, &e);
	ck_assert_msg(k->s != NULL, "%s", e.msg);
	wire_writer_begin(&k->w, KIT_NOW);
}

static inline void kit_close(struct kit *k)
{
	char *cmd = xasprintf("rm -rf %s", k->dir);

	store_close(k->s);
	wire_writer_fini(&k->w);
	ck_assert_int_eq(system(cmd), 0);
	free(cmd);
}

/* A path in the kit's folder; good until the next one. */
static inline const char *kit_file(const struct kit *k, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", k->dir, name);
	return path;
}

/* By a connection of its own. */
static inline void kit_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The first number of the first row, -1 if there is none. */
static inline int64_t kit_number(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int64_t v = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	if (sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

static inline void kit_refused(const char *path, enum store_mode mode, const char *words)
{
	struct err e = { 0 };
	char *want = xasprintf("%s: %s", path, words);

	ck_assert(store_open(path, mode, &e) == NULL);
	ck_assert_str_eq(e.msg, want);
	ck_assert_int_lt(e.code, 0);
	ck_assert(store_open(path, mode, NULL) == NULL);
	free(want);
}

static inline struct addr kit_addr(const char *text)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(text, &a), 0);
	return a;
}

/* Batches.  A sensor's number is the last letter of its name: "A" is 0. */

static inline struct wire_batch kit_batch(struct kit *k, uint64_t epoch, uint64_t sequence)
{
	return (struct wire_batch){ .epoch = epoch,
				    .sequence = sequence,
				    .records = k->w.records,
				    .raw_length = (uint32_t)k->w.body.n,
				    .body = cur_of(k->w.body.p, k->w.body.n) };
}

static inline enum ledger_verdict kit_apply(struct kit *k, const char *sensor,
					    const struct wire_batch *b, uint64_t now)
{
	const struct ledger_from from = { now, k->greeted, k->skew_ms };
	enum ledger_verdict v;
	struct err e = { 0 };

	ck_assert_msg(store_begin(k->s, &e) == 0, "%s", e.msg);
	ck_assert_msg(ledger_apply(k->s, sensor, b, &from, &v, &e) == 0, "%s", e.msg);
	if (k->closing)
		ck_assert_msg(close_some(k->s, CLOSE_ALL, 1000, &e) == 0, "%s", e.msg);
	ck_assert_msg(store_commit(k->s, &e) == 0, "%s", e.msg);
	return v;
}

/* Sends what was written as the next batch of SENSOR, and begins another. */
static inline void kit_send(struct kit *k, const char *sensor)
{
	uint64_t *sequence = &k->sequence[(sensor[strlen(sensor) - 1] - 'A') & 31];
	struct wire_batch b = kit_batch(k, 1, ++*sequence);

	ck_assert_int_eq(kit_apply(k, sensor, &b, KIT_NOW + k->later_ms + 30 * KIT_MINUTE),
			 LEDGER_APPLIED);
	wire_writer_begin(&k->w, KIT_NOW + k->later_ms);
}

/* What is sent from now on is sent so much later. */
static inline void kit_later(struct kit *k, unsigned minutes)
{
	k->later_ms += (uint64_t)minutes * KIT_MINUTE;
	wire_writer_begin(&k->w, KIT_NOW + k->later_ms);
}

static inline void kit_enrol(struct kit *k, const char *name, const char *role)
{
	const uint8_t fingerprint[32] = { (uint8_t)*name };
	const struct enrol_sensor x = { name, role, "", fingerprint, 0 };

	ck_assert_int_eq(enrol_sensor_add(k->s, &x, KIT_NOW, NULL), 0);
}

static inline void kit_machine(struct kit *k, const char *id, const char *ip)
{
	static struct machine m;

	m = (struct machine){ .id = id, .name = id, .os = "Linux", .kernel = "", .arch = "" };
	if (ip)
		m.addrs[m.addrs_n++] = kit_addr(ip);
	wire_write_machine(&k->w, &m);
}

/* A sensor "A" on the machine "a" with IP. */
static inline void kit_sensor(struct kit *k, const char *sensor, const char *id,
			      const char *ip)
{
	kit_machine(k, id, ip);
	kit_send(k, sensor);
}

static inline void kit_cover(struct kit *k, unsigned minute, unsigned from_s, unsigned to_s)
{
	uint64_t start = KIT_NOW + (uint64_t)minute * KIT_MINUTE;
	struct cover c = { start + from_s * 1000, start + to_s * 1000, 0 };

	wire_write_cover(&k->w, &c);
}

struct kit_flow {
	const char *client, *server;	       /* addresses */
	const char *client_name, *server_name; /* processes, NULL: unknown */
	uint16_t port;
	unsigned minute; /* from KIT_NOW */
	uint64_t opens, refused;
	uint32_t live, scope;
	const uint16_t *ports; /* of samples, 0 ends them */
	enum witness witness;
};

static inline uint32_t kit_process(struct kit *k, const char *name)
{
	struct process p = { name, "", "", "/bin/x", "root", "" };

	return name ? wire_write_process(&k->w, &p) : 0;
}

/* Every open is 100 bytes there and 10 back. */
static inline void kit_flow(struct kit *k, const struct kit_flow *x)
{
	uint64_t start = KIT_NOW + (uint64_t)x->minute * KIT_MINUTE;
	uint32_t client = kit_process(k, x->client_name);
	uint32_t server = kit_process(k, x->server_name);
	struct flow f = { .witness = x->witness,
			  .proto = PROTO_TCP,
			  .port = x->port ? x->port : 80,
			  .client = kit_addr(x->client),
			  .server = kit_addr(x->server),
			  .scope = x->scope,
			  .minute = start / KIT_MINUTE,
			  .first_ms = start + 1000,
			  .last_ms = start + 50000,
			  .live = x->live };

	f.c = (struct counters){ .opens = x->opens,
				 .refused = x->refused,
				 .bytes_to_server = x->opens * 100,
				 .bytes_to_client = x->opens * 10,
				 .has_bytes = true };
	for (; x->ports && x->ports[f.samples_n]; f.samples_n++)
		f.samples[f.samples_n].client_port = x->ports[f.samples_n];
	wire_write_flow(&k->w, &f, client, server);
}

/* Imports */

static inline struct import *kit_import(struct kit *k, const char *name)
{
	uint8_t sha256[32] = { 0 };
	struct err e = { 0 };
	struct import *im;

	memcpy(sha256, name, strlen(name) < 32 ? strlen(name) : 32);
	im = import_begin(k->s, name, sha256, &e);
	ck_assert_msg(im != NULL, "%s", e.msg);
	return im;
}

static inline void kit_commit(struct import *im)
{
	struct err e = { 0 };

	ck_assert_msg(import_commit(im, &e) == 0, "%s", e.msg);
}

/* What is known, as text */

static inline const char *kit_end(const struct end_row *r, char out[300])
{
	snprintf(out, 300, "%s/%s", r->id ? r->id : r->ip, r->process.name);
	return out;
}

static inline int kit_put_edge(const struct edge_row *r, void *ctx)
{
	char client[300], server[300];
	struct buf *b = ctx;
	const char *comma = " ";

	buf_printf(b, "%s -> %s :%u opens %llu", kit_end(&r->client, client),
		   kit_end(&r->server, server), r->port, (unsigned long long)r->c.opens);
	if (counters_failed(&r->c))
		buf_printf(b, " failed %llu", (unsigned long long)counters_failed(&r->c));
	if (r->c.has_bytes)
		buf_printf(b, " bytes %llu+%llu", (unsigned long long)r->c.bytes_to_server,
			   (unsigned long long)r->c.bytes_to_client);
	if (r->live)
		buf_printf(b, " live %llu", (unsigned long long)r->live);
	for (unsigned w = 0; w < WITNESS_COUNT; w++)
		if (r->witnesses & 1u << w) {
			buf_printf(b, "%s%s", comma, witness_word[w]);
			comma = ",";
		}
	buf_printf(b, "%s\n", r->guess ? " guess" : "");
	return 0;
}

/* The caller frees it. */
static inline char *kit_edges(struct kit *k, const struct filter *f)
{
	static const struct filter all;
	struct buf b = { 0 };
	struct err e = { 0 };

	ck_assert_msg(query_edges(k->s, f ? f : &all, kit_put_edge, &b, &e) == 0, "%s", e.msg);
	return buf_take(&b);
}

/* Both as it is read while minutes are open, and as it will be when they are over. */
static inline void kit_expect_in(struct kit *k, const struct filter *f, const char *want)
{
	char *got = kit_edges(k, f);
	int rc;

	ck_assert_str_eq(got, want);
	free(got);
	rc = store_begin(k->s, NULL);
	if (rc == -EROFS)
		return;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(close_some(k->s, CLOSE_ALL, 1000, NULL), 0);
	got = kit_edges(k, f);
	ck_assert_str_eq(got, want);
	free(got);
	store_rollback(k->s);
}

static inline void kit_expect(struct kit *k, const char *want)
{
	kit_expect_in(k, NULL, want);
}

static inline struct health kit_health(struct kit *k)
{
	struct err e = { 0 };
	struct health h;

	ck_assert_msg(query_health(k->s, &h, &e) == 0, "%s", e.msg);
	return h;
}

#endif
