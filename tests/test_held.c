/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More than the collector may hold while somebody else writes to its database: it takes as
 * much as it may, leaves the rest to TCP, and in the end has all of it.  The batches are short
 * on the wire and long when decoded, so this is the memory of decoded ones.
 */
#include <sqlite3.h>

#include "collector/hub.h"
#include "common/mem.h"
#include "tests/peerkit.h"
#include "tests/unit.h"

enum { PEERS = 50, RECORD = 1000, RECORDS = WIRE_BODY_MAX / (RECORD + 3) - 1 };

/* Records of a kind that nobody knows, a little noise in each: about 60 to 1. */
static void put_long_batch(struct buf *b, uint64_t sequence, size_t *raw)
{
	struct wire_batch m = { 3, sequence, RECORDS, WIRE_ZSTD, 0, { 0 } };
	struct buf body = { 0 }, zipped = { 0 };
	uint32_t x = (uint32_t)sequence;

	buf_u64(&body, clock_ms());
	for (int i = 0; i < RECORDS; i++) {
		uint8_t filler[RECORD] = { 0 };

		for (int k = 0; k < 9; k++, x = x * 1664525 + 1013904223)
			filler[k] = (uint8_t)(x >> 24);
		buf_u8(&body, 250);
		buf_u16(&body, RECORD);
		buf_put(&body, filler, RECORD);
	}
	m.raw_length = (uint32_t)body.n;
	*raw = body.n;
	ck_assert_int_eq(zip(body.p, body.n, &zipped), 0);
	ck_assert_uint_lt(zipped.n, 32 << 10);
	wire_put_batch(b, &m, zipped.p, zipped.n);
	buf_fini(&body);
	buf_fini(&zipped);
}

static size_t resident(void)
{
	char path[64];
	unsigned long size, pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)child);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%lu %lu", &size, &pages), 2);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static sqlite3 *lock_database(void)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/skein.db", home);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void unlock_database(sqlite3 *db)
{
	ck_assert_int_eq(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void open_all(struct peer *peers)
{
	struct identity id;
	struct err e = { 0 };
	struct buf b = { 0 };

	make_token(60, PEERS);
	for (int i = 0; i < PEERS; i++) {
		snprintf(mine, sizeof(mine), "%s/s%d", dir, i);
		ck_assert_msg(enrol(mine, token, false, &id, &e) == 0, "%s", e.msg);
		peer_open_enrolled(&peers[i]);
		put_hello(&b, 1, 3, WIRE_CAN_ZSTD);
		say(&peers[i], &b);
		ck_assert_uint_eq(hear_welcome(&peers[i]), 0);
	}
}

START_TEST(what_is_too_much_waits_in_tcp)
{
	struct peer *peers = xcalloc(PEERS, sizeof(*peers));
	struct buf all = { 0 };
	size_t raw = 0, before, most = 0;
	sqlite3 *db;

	open_all(peers);
	for (uint64_t s = 1; s <= HUB_CREDIT; s++)
		put_long_batch(&all, s, &raw);
	ck_assert_uint_gt(raw * HUB_CREDIT * PEERS, HUB_QUEUE_BYTES + (100 << 20));
	before = resident();
	db = lock_database();
	for (int i = 0; i < PEERS; i++) {
		struct buf b = { 0 };

		buf_put(&b, all.p, all.n);
		say(&peers[i], &b);
	}
	for (int i = 0; i < 30; i++, usleep(100000))
		most = resident() > most ? resident() : most;
	unlock_database(db);
	for (int i = 0; i < PEERS; i++) {
		while (hear_ack(&peers[i]) != HUB_CREDIT)
			;
		peer_close(&peers[i]);
	}
	ck_assert_uint_gt(most - before, HUB_QUEUE_BYTES * 3ULL / 4); /* it was that much */
	ck_assert_uint_lt(most - before, HUB_QUEUE_BYTES + (40 << 20));
	buf_fini(&all);
	free(peers);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, kit_setup, kit_teardown);
	tcase_add_test(t, what_is_too_much_waits_in_tcp);
	return unit_run("held", t);
}
