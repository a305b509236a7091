/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store under load: an estate imported and read back, and batches of sensors on both sides
 * of every conversation.  By processor time, which a busy machine changes less, and as a ratio
 * to a floor measured in the same run: SQLite writing, or reading, as many rows of the same
 * columns in the order of their key, and nothing else.
 */
#include <sqlite3.h>
#include <time.h>

#include "tests/storekit.h"

enum { MACHINES = 20000, FLOWS = 600000, SENSORS = 200, RECORDS = 200, MINUTES = 12 };

static double cpu(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* Seconds that the floor takes for a row. */
static double floor_write, floor_read;

static void figure(const char *what, double n, double seconds, double a_row)
{
	printf("%-44s %9.0f in %6.2f s: %8.0f a second, %5.1f x the floor\n", what, n, seconds,
	       n / seconds, seconds / (n * a_row));
	fflush(stdout);
}

static void must(int rc, int want)
{
	ck_assert_int_eq(rc, want);
}

static void write_rows(sqlite3 *db, unsigned n)
{
	sqlite3_stmt *st;

	must(sqlite3_prepare_v2(db, "INSERT INTO f VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
				-1, &st, NULL),
	     SQLITE_OK);
	must(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
	for (unsigned i = 0; i < n; i++) {
		for (int c = 1; c <= 16; c++)
			sqlite3_bind_int64(st, c,
					   c == 1   ? i / 1000
					   : c == 2 ? i
						    : i % (97u * c));
		must(sqlite3_step(st), SQLITE_DONE);
		sqlite3_reset(st);
	}
	must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_finalize(st);
}

static void read_rows(sqlite3 *db, unsigned n)
{
	sqlite3_stmt *st;
	int64_t sum = 0;

	must(sqlite3_prepare_v2(db, "SELECT * FROM f", -1, &st, NULL), SQLITE_OK);
	for (; sqlite3_step(st) == SQLITE_ROW; n--)
		for (int c = 0; c < 16; c++)
			sum += sqlite3_column_int64(st, c);
	ck_assert(n == 0 && sum > 0);
	sqlite3_finalize(st);
}

static void measure_floor(void)
{
	struct kit k;
	sqlite3 *db;
	char *path;
	double t;

	kit_open(&k);
	path = xasprintf("%s/floor.db", k.dir);
	must(sqlite3_open(path, &db), SQLITE_OK);
	must(sqlite3_exec(db,
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "CREATE TABLE f(b,e,c1,c2,c3,c4,c5,c6,c7,c8,c9,c10,c11,c12,c13,c14,"
			  "PRIMARY KEY(b,e)) WITHOUT ROWID",
			  NULL, NULL, NULL),
	     SQLITE_OK);
	t = cpu();
	write_rows(db, FLOWS);
	floor_write = (cpu() - t) / FLOWS;
	t = cpu();
	read_rows(db, FLOWS);
	floor_read = (cpu() - t) / FLOWS;
	printf("%-44s %9d: %8.0f written, %8.0f read a second\n", "floor, rows", FLOWS,
	       1 / floor_write, 1 / floor_read);
	sqlite3_close(db);
	free(path);
	kit_close(&k);
}

static void address(char out[ADDR_TEXT], unsigned i)
{
	snprintf(out, ADDR_TEXT, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
}

static void put_machine(struct import *im, unsigned i)
{
	char id[32], name[32], ip[ADDR_TEXT];
	const char *ips[] = { ip };
	struct import_machine m = { id,	 name, "linux", "", "",	     "ams",
				    ips, 1,    true,	4,  1 << 30, "" };

	snprintf(id, sizeof(id), "m%06u", i);
	snprintf(name, sizeof(name), "host-%u", i * 7919 % MACHINES);
	address(ip, i);
	import_machine(im, &m, NULL);
}

static void put_flow(struct import *im, unsigned i)
{
	unsigned r = i * 2654435761u, a = r % MACHINES, b = r / 7 % (i % 3 ? MACHINES : 300);
	char client[32], server[32], client_ip[ADDR_TEXT], server_ip[ADDR_TEXT], name[2][32];
	struct import_flow f = { client, server, client_ip, server_ip };

	snprintf(client, sizeof(client), "m%06u", a);
	snprintf(server, sizeof(server), "m%06u", b);
	address(client_ip, a);
	address(server_ip, b);
	snprintf(name[0], sizeof(name[0]), "client%u", r % 400);
	snprintf(name[1], sizeof(name[1]), "server%u", r % 120);
	f.client = (struct process){ name[0], "", "", "", "", "" };
	f.server = (struct process){ name[1], "", "", "", "", "" };
	f.proto = PROTO_TCP;
	f.port = (uint16_t)(1 + r % 40);
	f.c = (struct counters){ .opens = r % 1000,
				 .bytes_to_server = r,
				 .bytes_to_client = i,
				 .has_bytes = true };
	f.first = 1700000000 + r % 100000;
	f.last = f.first + i % 100000;
	f.extra = "";
	import_flow(im, &f, NULL);
}

static int count_edge(const struct edge_row *row, void *ctx)
{
	(void)row;
	++*(unsigned *)ctx;
	return 0;
}

static int count_machine(const struct machine_row *row, void *ctx)
{
	(void)row;
	++*(unsigned *)ctx;
	return 0;
}

static void read_back(struct kit *k, const struct filter *f, const char *what)
{
	unsigned n = 0;
	double t = cpu();

	query_edges(k->s, f, count_edge, &n, NULL);
	figure(what, n, cpu() - t, floor_read);
}

START_TEST(bench_import)
{
	static const struct filter all, one = { .machine = "m000007" },
					window = { .since = 1700000000, .until = 1700050000 };
	unsigned n = 0;
	struct import *im;
	struct kit k;
	double t;

	measure_floor();
	kit_open(&k);
	t = cpu();
	im = kit_import(&k, "estate");
	for (unsigned i = 0; i < MACHINES; i++)
		put_machine(im, i);
	for (unsigned i = 0; i < FLOWS; i++)
		put_flow(im, i);
	kit_commit(im);
	figure("import, lines", MACHINES + FLOWS, cpu() - t, floor_write);
	read_back(&k, &all, "edges, all");
	read_back(&k, &one, "edges, of one machine");
	read_back(&k, &window, "edges, in a window");
	t = cpu();
	query_machines(k.s, &all, count_machine, &n, NULL);
	figure("machines", n, cpu() - t, floor_read);
	kit_close(&k);
}

static void sensor_batch(struct kit *k, unsigned sensor, unsigned minute)
{
	char ip[ADDR_TEXT], other[ADDR_TEXT];

	address(ip, 1 + sensor);
	for (unsigned i = 0; i < RECORDS; i++) {
		bool client = i % 2;
		/* what the pair's client calls i, its server calls i - 1 */
		unsigned peer =
			(sensor + (client ? i / 2 + 1 : SENSORS - i / 2 - 1)) % SENSORS;
		static const uint16_t ports[] = { 40000, 40001, 0 };
		struct kit_flow f = { .port = (uint16_t)(1000 + i / 2),
				      .minute = minute,
				      .opens = 3,
				      .ports = ports };

		address(other, 1 + peer);
		f.client = client ? ip : other;
		f.server = client ? other : ip;
		f.client_name = client ? "client" : NULL;
		f.server_name = client ? NULL : "server";
		f.witness = client ? WITNESS_CLIENT : WITNESS_SERVER;
		kit_flow(k, &f);
	}
	kit_cover(k, minute, 0, 60);
}
END_TEST

/* As the collector does: many batches in one transaction. */
START_TEST(bench_ledger)
{
	struct kit k;
	double spent = 0, t;
	char name[32], ip[ADDR_TEXT];

	kit_open(&k);
	for (unsigned m = 0; m < MINUTES; m++) {
		for (unsigned s = 0; s < SENSORS; s++) {
			const struct ledger_from from = { .received_ms = KIT_NOW + 600000 };
			enum ledger_verdict v;
			struct wire_batch b;

			snprintf(name, sizeof(name), "sensor-%u", s);
			address(ip, 1 + s);
			wire_writer_begin(&k.w, KIT_NOW);
			if (m == 0)
				kit_machine(&k, name, ip);
			sensor_batch(&k, s, m);
			b = kit_batch(&k, 1, m + 1);
			t = cpu();
			if (s % 50 == 0)
				store_begin(k.s, NULL);
			ledger_apply(k.s, name, &b, &from, &v, NULL);
			if (s % 50 == 49)
				store_commit(k.s, NULL);
			spent += cpu() - t;
		}
	}
	figure("ledger, flow records seen from both sides", SENSORS * RECORDS * MINUTES, spent,
	       floor_write);
	kit_close(&k);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("bench");

	setenv("CK_FORK", "no", 1); /* the kit checks with Check's words */
	tcase_add_test(t, bench_import);
	tcase_add_test(t, bench_ledger);
	return unit_run("store", t);
}
