/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
	kit_refused(kit_file(&kit, "none"), STORE_READ, "No such file or directory");
	kit_refused(kit_file(&kit, "none/none"), STORE_WRITE, "No such file or directory");
	kit_refused(kit.dir, STORE_READ, "Is a directory");
	kit_refused(kit.dir, STORE_WRITE, "Is a directory");
	ck_assert_int_eq(access(kit_file(&kit, "none"), F_OK), -1);
	kit_refused("/dev/null", STORE_READ, "not a file");
}
END_TEST

START_TEST(files_of_others_are_left_alone)
{
	static const enum store_mode modes[] = { STORE_READ, STORE_WRITE };
	char text[9000], now[9000];

	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 2; i++) {
		write_file(kit_file(&kit, "text"), text, sizeof(text));
		kit_refused(kit_file(&kit, "text"), modes[i], "not a Skein database");
		ck_assert_uint_eq(read_file(kit_file(&kit, "text"), now, sizeof(now)),
				  sizeof(text));
		ck_assert(memcmp(now, text, sizeof(text)) == 0);
		unlink(kit_file(&kit, "other"));
		kit_sql(kit_file(&kit, "other"), "CREATE TABLE t(a)");
		kit_refused(kit_file(&kit, "other"), modes[i], "not a Skein database");
		kit_sql(kit_file(&kit, "other"),
			"PRAGMA application_id = 7; PRAGMA user_version = 1");
		kit_refused(kit_file(&kit, "other"), modes[i], "not a Skein database");
	}
	write_file(kit_file(&kit, "empty"), "", 0);
	kit_refused(kit_file(&kit, "empty"), STORE_READ, "not a Skein database");
}
END_TEST

START_TEST(an_empty_file_becomes_one)
{
	struct store *s;

	write_file(kit_file(&kit, "file:empty?mode=ro"), "", 0);
	s = store_open(kit_file(&kit, "file:empty?mode=ro"), STORE_WRITE, NULL);
	ck_assert(s != NULL);
	store_close(s);
	s = store_open(kit_file(&kit, "file:empty?mode=ro"), STORE_READ, NULL);
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
	kit_sql(kit.path, "PRAGMA user_version = 99");
	kit_refused(kit.path, STORE_READ, words);
	kit_refused(kit.path, STORE_WRITE, words);
	ck_assert_int_eq(access(kit_file(&kit, "skein.db.v99"), F_OK), -1);
	free(words);
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
		write_file(kit_file(&kit, "bad"), bad, len);
		survive(kit_file(&kit, "bad"));
	}
}
END_TEST

/* Numbers that make no sense in rows that are well formed. */
START_TEST(senseless_rows_are_survived)
{
	kit_sensor(&kit, "A", "a", "10.0.0.1");
	store_close(kit.s);
	kit.s = NULL;
	kit_sql(kit.path,
		"INSERT INTO edge VALUES(9223372036854775807, -1, 5, 99999, 777, -4, 3, x'ff00');"
		"INSERT INTO edge VALUES(-5, 1, 1, -1, -1, 0, 0, 7);"
		"INSERT INTO fact_total(edge, opens, records, first) "
		"VALUES(-5, -9, 9e300, 'text');"
		"INSERT INTO merged VALUES(7, 8), (8, 7);"
		"INSERT INTO claim VALUES(1, 1, 1, -1, 'x', 1.5, 7, 1, 1, 1, 1, 1, 'abc', 0, 1);"
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

/* What a reader has in memory of minutes that are open, another process has changed since. */
START_TEST(a_reader_is_up_to_date)
{
	struct kit_flow f = { .client = "10.0.0.1",
			      .server = "10.0.0.2",
			      .client_name = "curl",
			      .opens = 1,
			      .witness = WITNESS_CLIENT };
	struct kit reader = kit;
	char *got, *want;

	kit_sensor(&kit, "A", "a", "10.0.0.1");
	reader.s = store_open(kit.path, STORE_READ, NULL);
	for (unsigned i = 0; i < 3; i++) {
		kit_flow(&kit, &f);
		kit_send(&kit, "A");
		got = kit_edges(&reader, NULL);
		want = kit_edges(&kit, NULL);
		ck_assert_str_eq(got, want);
		free(got);
		free(want);
		f.client_name = i ? "ssh" : "wget";
	}
	store_close(reader.s);
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
	ck_assert_int_eq(kit_number(kit.path, "SELECT integrity_check = 'ok' "
					      "FROM pragma_integrity_check"),
			 1);
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
	tcase_add_test(t, damaged_files_are_survived);
	tcase_add_test(t, senseless_rows_are_survived);
	tcase_add_test(t, a_read_only_folder);
	tcase_add_test(t, two_writers);
	tcase_add_test(t, a_reader_is_up_to_date);
	tcase_add_test(t, kill_nine);
	return unit_run("store", t);
}
