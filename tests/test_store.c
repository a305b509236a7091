/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/db.h"
#include "store/plan.h"
#include "store/priv.h"
#include "store/schema.h"
#include "tests/storekit.h"

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static const char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", kit.dir, name);
	return path;
}

static void write_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return 0;
	n = fread(out, 1, cap, f);
	fclose(f);
	return n;
}

/* Of what a migration keeps. */
static const char *copy_name(const char *more)
{
	static char name[32];

	snprintf(name, sizeof(name), "skein.db.v%d%s", SCHEMA_VERSION, more);
	return in_dir(name);
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refused(const char *path, enum store_mode mode, const char *words)
{
	struct err e = { 0 };
	char *want = xasprintf("%s: %s", path, words);

	ck_assert(store_open(path, mode, &e) == NULL);
	ck_assert_str_eq(e.msg, want);
	ck_assert_int_lt(e.code, 0);
	ck_assert(store_open(path, mode, NULL) == NULL);
	free(want);
}

START_TEST(a_new_file_is_private)
{
	struct stat st;

	ck_assert_int_eq(stat(kit.path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_str_eq(store_path(kit.s), kit.path);
	store_close(NULL);
}
END_TEST

START_TEST(no_such_file)
{
	refused(in_dir("none"), STORE_READ, "No such file or directory");
	refused(in_dir("none/none"), STORE_WRITE, "No such file or directory");
	refused(kit.dir, STORE_READ, "Is a directory");
	refused(kit.dir, STORE_WRITE, "Is a directory");
	ck_assert_int_eq(access(in_dir("none"), F_OK), -1);
	refused("/dev/null", STORE_READ, "not a file");
}
END_TEST

START_TEST(files_of_others_are_left_alone)
{
	static const enum store_mode modes[] = { STORE_READ, STORE_WRITE };
	char text[9000], now[9000];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 2; i++) {
		write_file(in_dir("text"), text, sizeof(text));
		refused(in_dir("text"), modes[i], "not a Skein database");
		ck_assert_uint_eq(read_file(in_dir("text"), now, sizeof(now)), sizeof(text));
		ck_assert(memcmp(now, text, sizeof(text)) == 0);
		unlink(in_dir("other"));
		run_sql(in_dir("other"), "CREATE TABLE t(a)");
		refused(in_dir("other"), modes[i], "not a Skein database");
		run_sql(in_dir("other"), "PRAGMA application_id = 7; PRAGMA user_version = 1");
		refused(in_dir("other"), modes[i], "not a Skein database");
	}
	write_file(in_dir("empty"), "", 0);
	refused(in_dir("empty"), STORE_READ, "not a Skein database");
}
END_TEST

START_TEST(an_empty_file_becomes_one)
{
	struct store *s;

	write_file(in_dir("file:empty?mode=ro"), "", 0);
	s = store_open(in_dir("file:empty?mode=ro"), STORE_WRITE, NULL);
	ck_assert(s != NULL);
	store_close(s);
	s = store_open(in_dir("file:empty?mode=ro"), STORE_READ, NULL);
	ck_assert(s != NULL);
	store_close(s);
}
END_TEST

START_TEST(newer_is_refused)
{
	char *words = xasprintf("made by a newer Skein (schema 99, this program knows %d); "
				"use that one",
				SCHEMA_VERSION);

	store_close(kit.s);
	kit.s = NULL;
	run_sql(kit.path, "PRAGMA user_version = 99");
	refused(kit.path, STORE_READ, words);
	refused(kit.path, STORE_WRITE, words);
	ck_assert_int_eq(access(in_dir("skein.db.v99"), F_OK), -1);
	free(words);
}
END_TEST

/* Migration */

static int64_t number(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int64_t v = -1;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return v;
}

START_TEST(steps_are_taken)
{
	static const struct schema_step steps[] = {
		{ 2, "this is no SQL, and is not to be taken" },
		{ SCHEMA_VERSION + 1, "ALTER TABLE gap ADD COLUMN why TEXT" },
		{ SCHEMA_VERSION + 2, "CREATE TABLE more(a); INSERT INTO more VALUES(42)" },
		{ 0, NULL },
	};
	struct stat st;

	ck_assert_int_eq(schema_run(kit.s, SCHEMA_VERSION, steps, NULL), 0);
	ck_assert_int_eq(number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION + 2);
	ck_assert_int_eq(number(kit.path, "SELECT a FROM more"), 42);
	ck_assert_int_eq(number(copy_name(""), "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(number(copy_name(""), "SELECT count(*) FROM edge"), 0);
	ck_assert_int_eq(stat(copy_name(""), &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(access(copy_name(".tmp"), F_OK), -1);
}
END_TEST

START_TEST(a_step_that_fails_leaves_all_as_it_was)
{
	static const struct schema_step steps[] = {
		{ SCHEMA_VERSION + 1, "DROP TABLE edge" },
		{ SCHEMA_VERSION + 2, "CREATE TABLE sensor(a)" }, /* is there */
		{ 0, NULL },
	};
	struct err e = { 0 };

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_lt(schema_run(kit.s, SCHEMA_VERSION, steps, &e), 0);
		ck_assert(strstr(e.msg, "migrating to schema") != NULL);
		ck_assert_int_eq(number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION);
		ck_assert_int_eq(number(kit.path, "SELECT count(*) FROM machine"), 1);
		ck_assert_int_eq(number(copy_name(""), "SELECT count(*) FROM machine"), 1);
	}
	kit_expect(&kit, "");
}
END_TEST

/* What the file holds, table by table, as SQLite has it. */
static char *tables(const char *path)
{
	struct buf b = { 0 };
	sqlite3 *db;
	sqlite3_stmt *st;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db,
			   "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name",
			   -1, &st, NULL);
	while (sqlite3_step(st) == SQLITE_ROW)
		buf_printf(&b, "%s\n", sqlite3_column_text(st, 0));
	sqlite3_finalize(st);
	sqlite3_close(db);
	return buf_take(&b);
}

/* A file as version 1 made it, with the machine m1. */
static void make_version_one(const char *path)
{
	run_sql(path, schema_first);
	run_sql(path, "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x534b454e;"
		      "PRAGMA user_version = 1; INSERT INTO machine(ident) VALUES('m1')");
}

START_TEST(version_one_becomes_what_a_new_file_is)
{
	char *old_words =
		xasprintf("made by an older Skein (schema 1, this program reads %d); "
			  "the collector or an import brings it up to date",
			  SCHEMA_VERSION);
	char *fresh = tables(kit.path), *now, *path = xstrdup(in_dir("old.db"));
	struct err e = { 0 };
	struct store *s;

	make_version_one(path);
	ck_assert_int_eq(number(path, "SELECT count(*) FROM sqlite_master "
				      "WHERE name IN ('plan', 'sqlite_sequence')"),
			 0);
	refused(path, STORE_READ, old_words);
	s = store_open(path, STORE_WRITE, &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	ck_assert_int_eq(setting_set(s, "a", "b", &e), 0);
	store_close(s);
	now = tables(path);
	ck_assert_str_eq(now, fresh);
	ck_assert_int_eq(number(path, "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(number(path, "SELECT count(*) FROM machine"), 1);
	ck_assert_int_eq(number(in_dir("old.db.v1"), "PRAGMA user_version"), 1);
	ck_assert_int_eq(number(in_dir("old.db.v1"), "SELECT count(*) FROM machine"), 1);
	free(old_words);
	free(fresh);
	free(now);
	free(path);
}
END_TEST

/* Who comes second has seen the old version, but another has migrated since. */
START_TEST(who_comes_second_leaves_the_copy_alone)
{
	static const struct schema_step steps[] = {
		{ SCHEMA_VERSION + 1, "CREATE TABLE more(a)" },
		{ 0, NULL },
	};
	struct store *second = store_open(kit.path, STORE_WRITE, NULL);

	ck_assert_int_eq(schema_run(kit.s, SCHEMA_VERSION, steps, NULL), 0);
	ck_assert_int_eq(schema_run(second, SCHEMA_VERSION, steps, NULL), 0);
	ck_assert_int_eq(number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION + 1);
	ck_assert_int_eq(number(copy_name(""), "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert(!store_in_tx(second));
	store_close(second);
}
END_TEST

/* The copy is what the steps are taken on: nobody writes in between. */
START_TEST(no_copy_no_step)
{
	static const struct schema_step steps[] = {
		{ SCHEMA_VERSION + 1, "CREATE TABLE more(a)" },
		{ 0, NULL },
	};
	struct err e = { 0 };

	ck_assert_int_eq(mkdir(copy_name(""), 0700), 0);
	ck_assert_int_lt(schema_run(kit.s, SCHEMA_VERSION, steps, &e), 0);
	ck_assert_msg(strstr(e.msg, "keeping a copy as") != NULL, "%s", e.msg);
	ck_assert_int_eq(number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(access(copy_name(".tmp"), F_OK), -1);
}
END_TEST

/* Damage */

static void survive(const char *path)
{
	static const struct filter all;
	struct err e = { 0 };
	struct buf b = { 0 };
	struct store *s = store_open(path, STORE_READ, &e);

	if (!s) {
		ck_assert_uint_gt(strlen(e.msg), 0);
		return;
	}
	if (query_edges(s, &all, kit_put_edge, &b, &e) < 0)
		ck_assert_uint_gt(strlen(e.msg), 0);
	store_close(s);
	buf_fini(&b);
}

START_TEST(damaged_files_are_survived)
{
	static char good[1 << 20], bad[1 << 20];
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = "x",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };
	size_t n;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	for (f.port = 1; f.port < 200; f.port++)
		kit_flow(&kit, &f);
	kit_send(&kit, "A");
	store_close(kit.s); /* the last one writes all into the file */
	kit.s = NULL;
	n = read_file(kit.path, good, sizeof(good));
	ck_assert_uint_gt(n, 4096);
	srand(3);
	for (int i = 0; i < 300; i++) {
		size_t len = i % 3 ? n : (size_t)rand() % n;

		memcpy(bad, good, n);
		for (int j = 0; j < 20; j++)
			bad[100 + (size_t)rand() % (n - 100)] ^= (char)rand();
		write_file(in_dir("bad"), bad, len);
		survive(in_dir("bad"));
	}
}
END_TEST

/* Numbers that make no sense in rows that are well formed. */
START_TEST(senseless_rows_are_survived)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	store_close(kit.s);
	kit.s = NULL;
	run_sql(kit.path,
		"INSERT INTO edge VALUES(9223372036854775807, -1, 5, 99999, 777, -4, 3, x'ff00');"
		"INSERT INTO edge VALUES(-5, 1, 1, -1, -1, 0, 0, 7);"
		"INSERT INTO fact_total(edge, opens, records, first) "
		"VALUES(-5, -9, 9e300, 'text');"
		"INSERT INTO merged VALUES(7, 8), (8, 7);"
		"INSERT INTO claim VALUES(1, 1, 1, -1, 'x', 1.5, 7, 1, 1, 1, 1, 1, 'abc');"
		"INSERT INTO lease VALUES(5, 1, 99, 0, NULL), (6, 99, 1, 0, NULL);"
		"UPDATE endpoint SET address = 'short';"
		"INSERT INTO detail VALUES(1, 1, x'80', '', '')");
	survive(kit.path);
}
END_TEST

START_TEST(a_read_only_folder)
{
	char *cmd = xasprintf("chmod 555 %s", kit.dir);
	struct err e = { 0 };
	struct store *s;
	int status;
	pid_t pid;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	store_close(kit.s);
	kit.s = NULL;
	ck_assert_int_eq(chmod(kit.path, 0444), 0);
	ck_assert_int_eq(system(cmd), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(1);
		s = store_open(kit.path, STORE_READ, &e);
		if (!s)
			_exit(2);
		store_close(s);
		_exit(store_open(kit.path, STORE_WRITE, &e) || !*e.msg ? 3 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	chmod(kit.dir, 0755);
	ck_assert_int_eq(status, 0);
	free(cmd);
}
END_TEST

/* Two writers in one file: what one has in memory the other may have changed. */
START_TEST(two_writers)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = "curl",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };
	struct kit other = kit;

	memset(&other.w, 0, sizeof(other.w));
	wire_writer_begin(&other.w, KIT_NOW);
	other.s = store_open(kit.path, STORE_WRITE, NULL);
	ck_assert(other.s != NULL);
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	kit_sensor(&other, "B", "b", "10.0.0.2");
	for (unsigned i = 0; i < 6; i++) {
		f.minute = i;
		f.witness = i % 2 ? WITNESS_CLIENT : WITNESS_SERVER;
		f.client_name = i % 2 ? "curl" : NULL;
		f.server_name = i % 2 ? NULL : "nginx";
		kit_flow(i % 2 ? &kit : &other, &f);
		kit_cover(i % 2 ? &kit : &other, i, 0, 60);
		kit_send(i % 2 ? &kit : &other, i % 2 ? "A" : "B");
	}
	kit_expect(&kit, "a/curl -> b/nginx :80 opens 6 bytes 600+60 client,server\n");
	kit_expect(&other, "a/curl -> b/nginx :80 opens 6 bytes 600+60 client,server\n");
	store_close(other.s);
	wire_writer_fini(&other.w);
}
END_TEST

/* A child counts batches until it is killed; nothing is lost, nothing twice. */

enum { KILLS = 25, BATCH_FLOWS = 50, LAST = 400 };

static void count_batches(void)
{
	uint64_t at;
	struct kit k = kit;

	k.s = store_open(kit.path, STORE_WRITE, NULL);
	if (!k.s || ledger_resume(k.s, "A", 1, &at, NULL))
		_exit(9);
	while (at < LAST) {
		struct kit_flow f = { .client = "10.0.0.1",
				      .server = "10.0.0.2",
				      .client_name = "x",
				      .minute = (unsigned)at / 40,
				      .opens = 1,
				      .witness = WITNESS_CLIENT };
		const struct ledger_from from = { .received_ms = KIT_NOW + 600000 };
		enum ledger_verdict v;
		struct wire_batch b;

		memset(&k.w, 0, sizeof(k.w));
		wire_writer_begin(&k.w, KIT_NOW);
		kit_machine(&k, "a", "10.0.0.1");
		for (f.port = 1; f.port <= BATCH_FLOWS; f.port++)
			kit_flow(&k, &f);
		b = kit_batch(&k, 1, ++at);
		if (store_begin(k.s, NULL) || ledger_apply(k.s, "A", &b, &from, &v, NULL) ||
		    v != LEDGER_APPLIED || store_commit(k.s, NULL))
			_exit(8);
		wire_writer_fini(&k.w);
	}
	_exit(0);
}

static int add_opens(const struct edge_row *r, void *ctx)
{
	*(uint64_t *)ctx += r->c.opens;
	return 0;
}

static void expect_opens(struct store *s, const struct filter *f, uint64_t want)
{
	uint64_t opens = 0;

	ck_assert_int_eq(query_edges(s, f, add_opens, &opens, NULL), 0);
	ck_assert_uint_eq(opens, want);
}

START_TEST(kill_nine)
{
	static const struct filter all,
		hours = { .since = KIT_NOW / 1000 - 3600, .until = KIT_NOW / 1000 + 7200 };
	int status = 0, killed = 0;
	uint64_t at;

	store_close(kit.s);
	kit.s = NULL;
	srand(7);
	for (int i = 0; i <= KILLS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			count_batches();
		if (i < KILLS) {
			usleep(3000 + (useconds_t)rand() % 12000);
			kill(pid, SIGKILL);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		killed += WIFSIGNALED(status);
		ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		kit.s = store_open(kit.path, STORE_WRITE, NULL);
		ck_assert(kit.s != NULL);
		ck_assert_int_eq(ledger_resume(kit.s, "A", 1, &at, NULL), 0);
		expect_opens(kit.s, &all, at * BATCH_FLOWS);
		expect_opens(kit.s, &hours, at * BATCH_FLOWS);
		store_close(kit.s);
		kit.s = NULL;
	}
	ck_assert_uint_eq(at, LAST);
	ck_assert_int_gt(killed, 0);
	ck_assert_int_eq(number(kit.path, "SELECT integrity_check = 'ok' "
					  "FROM pragma_integrity_check"),
			 1);
}
END_TEST

/* Enrolment */

START_TEST(tokens)
{
	const uint8_t hash[32] = { 1 }, late[32] = { 2 }, unknown[32] = { 3 };
	char role[16];

	ck_assert_int_eq(enrol_token_add(kit.s, hash, "host", KIT_NOW + 1000, 2, NULL), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, late, "mirror", KIT_NOW, 2, NULL), 0);
	ck_assert_int_lt(enrol_token_add(kit.s, late, "mirror", KIT_NOW, 2, NULL), 0);
	ck_assert_int_eq(enrol_token_use(kit.s, unknown, KIT_NOW, role, NULL), -ENOENT);
	ck_assert_int_eq(enrol_token_use(kit.s, late, KIT_NOW, role, NULL), -ETIMEDOUT);
	ck_assert_int_eq(enrol_token_use(kit.s, hash, KIT_NOW, role, NULL), 0);
	ck_assert_str_eq(role, "host");
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
	ck_assert_int_eq(enrol_token_use(kit.s, hash, KIT_NOW, role, NULL), 0);
	store_rollback(kit.s); /* then the use was none */
	ck_assert_int_eq(enrol_token_use(kit.s, hash, KIT_NOW, role, NULL), 0);
	ck_assert_int_eq(enrol_token_use(kit.s, hash, KIT_NOW, role, NULL), -EDQUOT);
}
END_TEST

START_TEST(sensors)
{
	const uint8_t good[32] = { 1 }, other[32] = { 2 };
	char role[16] = "";

	ck_assert(!enrol_sensor_allowed(kit.s, "s1", good, role));
	ck_assert_int_eq(enrol_sensor_add(kit.s, "s1", "mirror", "tap", good, KIT_NOW, NULL),
			 0);
	ck_assert_int_eq(enrol_sensor_add(kit.s, "s1", "host", "tap", other, KIT_NOW, NULL),
			 -EEXIST);
	ck_assert(enrol_sensor_allowed(kit.s, "s1", good, role));
	ck_assert_str_eq(role, "mirror");
	ck_assert(!enrol_sensor_allowed(kit.s, "s1", other, role));
	run_sql(kit.path, "UPDATE sensor SET revoked = 1");
	ck_assert(!enrol_sensor_allowed(kit.s, "s1", good, role));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("store");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_new_file_is_private);
	tcase_add_test(t, no_such_file);
	tcase_add_test(t, files_of_others_are_left_alone);
	tcase_add_test(t, an_empty_file_becomes_one);
	tcase_add_test(t, newer_is_refused);
	tcase_add_test(t, steps_are_taken);
	tcase_add_test(t, version_one_becomes_what_a_new_file_is);
	tcase_add_test(t, who_comes_second_leaves_the_copy_alone);
	tcase_add_test(t, no_copy_no_step);
	tcase_add_test(t, a_step_that_fails_leaves_all_as_it_was);
	tcase_add_test(t, damaged_files_are_survived);
	tcase_add_test(t, senseless_rows_are_survived);
	tcase_add_test(t, a_read_only_folder);
	tcase_add_test(t, two_writers);
	tcase_add_test(t, kill_nine);
	tcase_add_test(t, tokens);
	tcase_add_test(t, sensors);
	return unit_run("store", t);
}
