/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes from the file to the graph as JSON: estates of 1,000 and 10,000 machines
 * with 25 edges each, 30 days of which every edge is busy in two hours of five, asked for as a
 * whole, for whole days, and for a month that begins and ends in the middle of a day; and
 * what it costs more where two minutes are not over, with rows of both sides of four edges of
 * five.
 *
 *     graph_bench BUILD MACHINES...
 *
 * Estates are made once and kept in the build folder.  Wall and processor time of the program
 * as it is used; the floor is SQLite reading as many rows of the window as there were before
 * they were packed, of the same columns in the order of their key, in the same run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/mem.h"
#include "store/db.h"
#include "store/packed.h"
#include "store/priv.h"

enum { EDGES = 25, DAYS = 32, DAY0 = 20454 /* 2026-01-01 */, PACK = 4096, RUNS = 3 };
enum { OPEN = (DAY0 + DAYS) * 1440 }; /* the first of two minutes that are not over */

static void must(int rc, const struct err *e)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "graph_bench: %s\n", e->msg);
	exit(1);
}

/* The estate */

static uint32_t dice(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

/* A fifth of the servers have nearly all clients. */
static unsigned server_of(unsigned machines, unsigned edge)
{
	uint64_t r = dice(edge) % 1000;

	return (unsigned)((uint64_t)machines * r * r * r / 1000000000 + edge % 7) % machines;
}

static void make_machines(struct store *s, unsigned machines)
{
	struct err e = { 0 };

	for (unsigned i = 1; i <= machines; i++) {
		uint8_t a[16] = { [10] = 0xff,	      [11] = 0xff,	 [12] = 10,
				  (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
		char *name = xasprintf("host-%u", dice(i) % 900000 + 100000);
		char *ident = xasprintf("m%06u", i);

		must(db_run(s, &e, "INSERT INTO machine(id, ident, name) VALUES(?, ?, ?)",
			    DB(I(i), T(ident), T(name))),
		     &e);
		must(db_run(s, &e,
			    "INSERT INTO endpoint(id, realm, address, since_ms) "
			    "VALUES(?, 0, ?, 0)",
			    DB(I(i), B(a, 16))),
		     &e);
		must(db_run(s, &e,
			    "INSERT INTO lease(endpoint, machine, since_ms) VALUES(?, ?, 0)",
			    DB(I(i), I(i))),
		     &e);
		free(name);
		free(ident);
	}
	for (unsigned i = 1; i <= 520; i++) {
		char *name = xasprintf("program%u", i);

		must(db_run(s, &e, "INSERT INTO process VALUES(?, ?, '', '')",
			    DB(I(i), T(name))),
		     &e);
		free(name);
	}
}

static void make_edge(struct store *s, unsigned machines, unsigned id)
{
	unsigned client = 1 + (id - 1) % machines, server = 1 + server_of(machines, id);
	unsigned from = 1 + dice(id + 5) % 400, to = 401 + dice(id + 6) % 120;
	unsigned port = 1 + id / machines * 7 + dice(id) % 7;
	struct err e = { 0 };

	must(db_run(s, &e, "INSERT OR IGNORE INTO conversation VALUES(?, ?, ?, ?, 6, 0)",
		    DB(I(id), I(client), I(server), I(port))),
	     &e);
	must(db_run(s, &e, "INSERT OR IGNORE INTO edge VALUES(?, ?, ?, ?, 6, ?, ?, '')",
		    DB(I(id), I(client), I(server), I(port), I(from), I(to))),
	     &e);
	must(db_run(s, &e,
		    "INSERT INTO claim(id, conversation, origin, witnesses, client_process, "
		    "server_process, edge) VALUES(?1, ?1, 1, 2, ?2, 0, ?1)",
		    DB(I(id), I(from))),
	     &e);
	must(db_run(s, &e,
		    "INSERT INTO fact_total VALUES(?, ?, ?, 9000, ?, 0, 0, 0, 0, 0, 0, ?, ?, 0, "
		    "?, ?, 9000)",
		    DB(I(id), I(DAY0 * 86400LL), I((DAY0 + DAYS) * 86400LL - 1),
		       I(dice(id) % 100000), I(dice(id + 1)), I(dice(id + 2)), I(dice(id + 3)),
		       I(9000))),
	     &e);
}

static void make_bucket(struct store *s, enum packed_level level, int64_t bucket,
			unsigned edges)
{
	static const char *const sql[] = {
		[PACKED_HOUR] =
			"INSERT INTO fact_hour VALUES(?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, "
			"?, 0, ?, ?, ?)",
		[PACKED_DAY] = "INSERT INTO fact_day VALUES(?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, "
			       "?, 0, ?, ?, ?)",
	};
	unsigned many = level == PACKED_DAY ? 576 : 60;
	struct err e = { 0 };

	for (unsigned id = 1; id <= edges; id++) {
		uint32_t r = dice(id * 31 + (uint32_t)bucket);

		if (level == PACKED_HOUR && r % 5 > 1)
			continue;
		must(db_run(s, &e, sql[level],
			    DB(I(bucket), I(id), I(many), I(r % 1000), I(r >> 4), I(r >> 2),
			       I(r >> 8), I(many), I(many))),
		     &e);
	}
}

static void pack_bucket(struct store *s, enum packed_level level, int64_t bucket)
{
	struct err e = { 0 };
	unsigned n;

	do
		must(packed_make(s, level, bucket, PACK, &n, &e), &e);
	while (n == PACK);
}

/* Hours where windows begin and end; the small estate has all of them. */
static void make_facts(struct store *s, unsigned machines)
{
	unsigned edges = machines * EDGES;
	struct err e = { 0 };

	for (int64_t day = DAY0; day < DAY0 + DAYS; day++) {
		must(store_begin(s, &e), &e);
		make_bucket(s, PACKED_DAY, day, edges);
		if (day < DAY0 + DAYS - 1)
			pack_bucket(s, PACKED_DAY, day);
		for (int64_t h = day * 24; h < day * 24 + 24; h++) {
			if (machines > 1000 && day > DAY0 + 1 && day < DAY0 + DAYS - 2)
				continue;
			make_bucket(s, PACKED_HOUR, h, edges);
			if (h < (DAY0 + DAYS) * 24 - 2)
				pack_bucket(s, PACKED_HOUR, h);
		}
		must(store_commit(s, &e), &e);
	}
}

/* A live one: every machine has a sensor, which has watched both minutes that are open. */
static void make_sensors(struct store *s, unsigned machines)
{
	struct err e = { 0 };

	for (unsigned i = 1; i <= machines; i++) {
		char *name = xasprintf("sensor-%06u", i);

		must(db_run(s, &e,
			    "INSERT INTO sensor(id, name, role, first_ms, last_ms) "
			    "VALUES(?, ?, 'host', 1, 1)",
			    DB(I(i), T(name))),
		     &e);
		must(db_run(s, &e, "UPDATE machine SET sensor = ?1 WHERE id = ?1", DB(I(i))),
		     &e);
		for (int64_t m = OPEN; m < OPEN + 2; m++)
			must(db_run(s, &e,
				    "INSERT INTO coverage(minute, sensor, covered_ms) "
				    "VALUES(?, ?, 60000)",
				    DB(I(m), I(i))),
			     &e);
		free(name);
	}
}

/* Both hosts speak of every edge: the claim of the server's follows those of the clients. */
static void make_sides(struct store *s, unsigned machines)
{
	struct err e = { 0 };

	must(db_run(s, &e,
		    "UPDATE claim SET origin = (SELECT client FROM conversation v "
		    "WHERE v.id = conversation)",
		    DB_NONE),
	     &e);
	must(db_run(s, &e,
		    "INSERT INTO claim(id, conversation, origin, witnesses, client_process, "
		    "server_process, edge) SELECT c.id + ?, v.id, v.server, 4, 0, "
		    "e.server_process, e.id FROM claim c JOIN conversation v "
		    "ON v.id = c.conversation JOIN edge e ON e.id = c.edge ORDER BY c.id",
		    DB(I(machines * EDGES))),
	     &e);
}

/* Four edges of five in each of two minutes, told by both sides. */
static void make_open(struct store *s, unsigned machines)
{
	struct err e = { 0 };

	for (int64_t m = OPEN; m < OPEN + 2; m++)
		for (unsigned id = 1; id <= machines * EDGES * 2; id++) {
			uint32_t r = dice((id - 1) % (machines * EDGES) * 31 + (uint32_t)m);

			if (r % 5 == 4)
				continue;
			must(db_run(s, &e,
				    "INSERT INTO fact_minute SELECT ?1, c.id, -1, 1, ?3, 0, 0, "
				    "0, 0, 0, 0, ?4, ?5, 0, ?6, ?3, 1, ?1 * 60, ?1 * 60 + 59 "
				    "FROM claim c WHERE c.id = ?2",
				    DB(I(m), I(id), I(1 + r % 20), I(r >> 12), I(r >> 8),
				       I(r % 4000))),
			     &e);
		}
	must(db_run(s, &e, "INSERT INTO mark VALUES('closed', ?1), ('swept', ?1)",
		    DB(I(OPEN - 1))),
	     &e);
}

static char *estate(const char *build, unsigned machines, bool live)
{
	char *path = xasprintf("%s/graph-%u%s.db", build, machines, live ? "-live" : "");
	char *tmp = xasprintf("%s.tmp", path);
	struct err e = { 0 };
	struct store *s;
	struct stat st;

	if (stat(path, &st) < 0) {
		unlink(tmp);
		s = store_open(tmp, STORE_WRITE, &e);
		must(s ? 0 : -1, &e);
		must(store_begin(s, &e), &e);
		make_machines(s, machines);
		for (unsigned id = 1; id <= machines * EDGES; id++)
			make_edge(s, machines, id);
		if (live) {
			make_sensors(s, machines);
			make_sides(s, machines);
			make_open(s, machines);
		}
		must(store_commit(s, &e), &e);
		if (!live)
			make_facts(s, machines);
		store_close(s);
		rename(tmp, path);
	}
	free(tmp);
	return path;
}

/* Measuring */

static double wall(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of the processor for a row: the newest day is not packed yet. */
static double floor_of(const char *path)
{
	struct err e = { 0 };
	struct store *s = store_open(path, STORE_READ, &e);
	double best = 1e9;

	must(s ? 0 : -1, &e);
	for (int run = 0; run < RUNS; run++) {
		double t = (double)clock() / CLOCKS_PER_SEC;
		int64_t sum = 0, rows = 0;
		sqlite3_stmt *st = db_stmt(s, &e, "SELECT * FROM fact_day");

		while (db_step(s, st, &e) > 0) {
			rows++;
			for (int c = 0; c < AMOUNT_N + 2; c++)
				sum += sqlite3_column_int64(st, c);
		}
		t = ((double)clock() / CLOCKS_PER_SEC - t) / (double)(rows + (sum == 0));
		best = t < best ? t : best;
	}
	store_close(s);
	return best;
}

static int run(char **argv, double *took, double *cpu)
{
	struct rusage u;
	double t = wall();
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/dev/null", O_WRONLY);

		dup2(fd, STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	wait4(pid, &status, 0, &u);
	*took = wall() - t;
	*cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct times {
	double took, cpu; /* the best of some */
};

static struct times best_of(const char *build, const char *path, const char *since,
			    const char *until)
{
	char *program = xasprintf("%s/skein", build);
	char *argv[] = { program,
			 (char[]){ "edges" },
			 (char[]){ "--db" },
			 xstrdup(path),
			 (char[]){ "--json" },
			 (char[]){ "--since" },
			 xstrdup(since),
			 (char[]){ "--until" },
			 xstrdup(until),
			 NULL };
	struct times best = { 1e9, 1e9 };
	double took, cpu;

	if (!*since)
		argv[5] = NULL;
	for (int i = 0; i < RUNS; i++) {
		if (run(argv, &took, &cpu)) {
			fprintf(stderr, "graph_bench: %s failed\n", program);
			exit(1);
		}
		best.took = took < best.took ? took : best.took;
		best.cpu = cpu < best.cpu ? cpu : best.cpu;
	}
	free(argv[3]);
	free(argv[6]);
	free(argv[8]);
	free(program);
	return best;
}

static bool measure(const char *build, const char *path, unsigned machines, double a_row,
		    const char *since, const char *until, double rows, double bar)
{
	struct times t = best_of(build, path, since, until);

	printf("%6u machines, %-34s %5.2f s wall, %5.2f s cpu, %5.2f x the floor (%.1f M "
	       "rows); bar %.1f s%s\n",
	       machines, *since ? since : "all", t.took, t.cpu, t.cpu / (rows * a_row),
	       rows / 1e6, bar, t.took <= bar ? "" : ": missed");
	fflush(stdout);
	return t.took <= bar;
}

/* As if those rows had been decided on, or had not. */
static void set_swept(const char *path, int64_t minute)
{
	struct err e = { 0 };
	struct store *s = store_open(path, STORE_WRITE, &e);

	must(s ? 0 : -1, &e);
	must(db_run(s, &e, "UPDATE mark SET value = ? WHERE word = 'swept'", DB(I(minute))),
	     &e);
	store_close(s);
}

/* What two open minutes cost besides. */
static bool measure_open(const char *build, unsigned machines, double bar)
{
	char *path = estate(build, machines, true);
	struct times open, over;

	set_swept(path, OPEN + 1);
	over = best_of(build, path, "", "");
	set_swept(path, OPEN - 1);
	open = best_of(build, path, "", "");
	printf("%6u machines, live: two open minutes          %5.2f s wall, %5.2f s cpu more "
	       "than %.2f (%.1f M rows); bar %.2f s cpu%s\n",
	       machines, open.took - over.took, open.cpu - over.cpu, over.cpu,
	       machines * EDGES * 2 * 2 * 0.8 / 1e6, bar,
	       open.cpu - over.cpu <= bar ? "" : ": missed");
	fflush(stdout);
	free(path);
	return open.cpu - over.cpu <= bar;
}

int main(int argc, char **argv)
{
	bool good = argc > 2;

	for (int i = 2; i < argc; i++) {
		unsigned machines = (unsigned)strtoul(argv[i], NULL, 10);
		char *path = estate(argv[1], machines, false);
		double a_row = floor_of(path), edges = machines * EDGES;
		double bar = machines > 1000 ? 2 : 0.3;

		printf("%6u machines, floor: %.2f M rows a second\n", machines, 1e-6 / a_row);
		good &= measure(argv[1], path, machines, a_row, "", "", edges, bar);
		good &= measure(argv[1], path, machines, a_row, "2026-01-02T00:00:00Z",
				"2026-02-01T00:00:00Z", edges * 31, bar);
		good &= measure(argv[1], path, machines, a_row, "2026-01-02T02:10:00Z",
				"2026-02-01T13:40:00Z", edges * (30 + 35 * 0.4), bar);
		good &= measure_open(argv[1], machines, machines > 1000 ? 0.5 : 0.05);
		free(path);
	}
	return good ? 0 : 1;
}
