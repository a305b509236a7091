/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/database.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "store/aside.h"
#include "store/backup.h"
#include "store/integrity.h"
#include "store/plan.h"
#include "store/realm.h"
#include "store/retain.h"
#include "store/audit.h"
#include "tests/storekit.h"

enum { PAGE = 4096, DAMAGES = 200 };

static struct kit kit;
static struct stats *stats;

static void setup(void)
{
	kit_open(&kit);
	kit.closing = true;
	stats = stats_new();
	log_open("test", LOG_ERR_ + 1);
}

static void teardown(void)
{
	kit_close(&kit);
}

/* Its keeper is a child of the test's own. */
static struct nursery none;

static int begin(struct database *d, struct err *e)
{
	database_plan(d, &none, kit.dir, stats);
	return database_open(d, e);
}

/* A file of a few days, with everything in it that a collector's has. */
static void live(void)
{
	struct retain keep = RETAIN_DEFAULT;
	struct retain_done done = { 0 };
	uint8_t print[32] = { 7 };
	const struct enrol_sensor sensor = { "sensor-A", "host", "a", print, 0 };
	const struct enrol_token token = { print, "host", NULL, 0, KIT_NOW, 5 };

	ck_assert_int_eq(enrol_sensor_add(kit.s, &sensor, KIT_NOW, NULL), 0);
	ck_assert_int_eq(enrol_token_add(kit.s, &token, NULL), 0);
	ck_assert_int_eq(realm_token(kit.s, print, "branch", NULL), 0);
	ck_assert_int_eq(audit_add(kit.s, KIT_NOW, "ann", "sensor allow", "x", NULL), 0);
	ck_assert_int_eq(setting_set(kit.s, "waves", "{}", NULL), 0);
	kit_sensor(&kit, "sensor-A", "a", "10.0.0.1");
	for (unsigned h = 0; h < 50; h++) {
		for (unsigned i = 0; i < 60; i++) {
			char server[ADDR_TEXT];
			struct kit_flow f = { .client = "10.0.0.1",
					      .server = server,
					      .client_name = i % 2 ? "curl" : "ssh",
					      .port = (uint16_t)(80 + i % 7),
					      .minute = 60 * h,
					      .opens = 1 + i + h,
					      .witness = WITNESS_CLIENT };

			snprintf(server, sizeof(server), "10.1.%u.%u", h % 5, i);
			kit_flow(&kit, &f);
		}
		kit_cover(&kit, 60 * h, 0, 60);
		kit_send(&kit, "sensor-A");
		kit_later(&kit, 60);
	}
	retain_turn(kit.s, &keep, (int64_t)(KIT_NOW + kit.later_ms), NULL);
	while (retain_step(kit.s, &keep, &done, NULL) > 0)
		;
	ck_assert_uint_gt(done.packed, 100);
}

static char *answers(struct store *s, int *rc)
{
	struct filter f[] = { { 0 },
			      { .since = (int64_t)(KIT_NOW / 1000) + 3600,
				.until = (int64_t)(KIT_NOW / 1000) + 40 * 3600 } };
	struct buf b = { 0 };

	*rc = 0;
	for (int i = 0; i < 2 && !*rc; i++)
		*rc = query_edges(s, &f[i], kit_put_edge, &b, NULL);
	return buf_take(&b);
}

/* A file as bytes */

struct bytes {
	uint8_t *p;
	size_t n;
};

static struct bytes read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	struct bytes b = { 0 };
	struct stat st;

	ck_assert(f && stat(path, &st) == 0);
	b.n = (size_t)st.st_size;
	b.p = xmalloc(b.n);
	ck_assert_uint_eq(fread(b.p, 1, b.n, f), b.n);
	fclose(f);
	return b;
}

static void write_file(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void randomize(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
}

/* As disks and cables do it: pages, sectors, and what comes in their place. */
static size_t damage(uint8_t *p, size_t n, int how)
{
	size_t pages = n / PAGE, at = (size_t)rand() % pages, to = (size_t)rand() % pages;
	size_t sector = (size_t)rand() % 8 * 512;
	uint8_t page[PAGE];

	switch (how % 6) {
	case 0:
		randomize(p + at * PAGE, PAGE);
		return n;
	case 1:
		memset(p + at * PAGE, 0, PAGE);
		return n;
	case 2:
		randomize(p + at * PAGE + sector, 512);
		return n;
	case 3:
		memset(p + at * PAGE + sector, 0, 512);
		return n;
	case 4: /* written to the wrong place */
		memcpy(page, p + at * PAGE, PAGE);
		memcpy(p + to * PAGE, page, PAGE);
		return n;
	default:
		return (size_t)rand() % n;
	}
}

static char *aside_name(void)
{
	char *pattern = xasprintf("%s.damaged-*", kit.path), *name = NULL;
	glob_t g;

	if (glob(pattern, 0, NULL, &g) == 0) {
		name = xstrdup(g.gl_pathv[0]);
		globfree(&g);
	}
	free(pattern);
	return name;
}

static void clear(void)
{
	char *cmd = xasprintf("rm -f %s*", kit.path);

	ck_assert_int_eq(system(cmd), 0);
	free(cmd);
}

/* True if it was set aside. */
static bool open_damaged(const char *want, int how)
{
	struct database d;
	struct err e = { 0 };
	int rc = begin(&d, &e);
	char *aside = aside_name(), *got;
	bool moved = aside != NULL;

	ck_assert_msg(rc == 0, "damage %d: %s", how, e.msg);
	got = answers(d.store, &rc);
	ck_assert_int_eq(rc, 0);
	ck_assert_msg(strcmp(got, moved ? "" : want) == 0, "damage %d: %s", how,
		      moved ? "set aside, yet not empty" : "opened with other totals");
	database_close(&d);
	free(got);
	free(aside);
	return moved;
}

START_TEST(a_damaged_file_opens_right_or_is_set_aside)
{
	struct bytes good, bad;
	int rc, moved = 0;
	char *want;

	live();
	want = answers(kit.s, &rc);
	store_close(kit.s);
	kit.s = NULL;
	good = read_file(kit.path);
	ck_assert_uint_gt(good.n, 60 * PAGE);
	bad.p = xmalloc(good.n);
	srand(11);
	for (int i = 0; i < DAMAGES; i++) {
		memcpy(bad.p, good.p, good.n);
		bad.n = damage(bad.p, good.n, i);
		clear();
		write_file(kit.path, bad.p, bad.n);
		moved += open_damaged(want, i);
	}
	ck_assert_int_gt(moved, DAMAGES / 2);
	free(want);
	free(good.p);
	free(bad.p);
}
END_TEST

/* As long as a sensor is enrolled it is let in, whatever became of the facts. */
START_TEST(people_and_sensors_go_over)
{
	struct database d;
	uint8_t print[32] = { 7 };
	const struct addr from = kit_addr("10.0.0.1");
	char role[ENROL_ROLE], *value, *aside;
	struct enrol_grant grant;
	struct bytes b;

	live();
	store_close(kit.s);
	kit.s = NULL;
	b = read_file(kit.path);
	randomize(b.p + b.n - 40 * PAGE, 40 * PAGE); /* facts */
	write_file(kit.path, b.p, b.n);
	ck_assert_int_eq(begin(&d, NULL), 0);
	aside = aside_name();
	ck_assert(aside != NULL);
	ck_assert_int_eq(enrol_sensor_check(d.store, "sensor-A", print, role), ENROL_CURRENT);
	ck_assert_int_eq(enrol_token_use(d.store, print, &from, KIT_NOW - 1, &grant, NULL), 0);
	ck_assert_int_eq(setting_get(d.store, "waves", &value, NULL), 1);
	free(value);
	ck_assert_int_eq(setting_get(d.store, ASIDE_SETTING, &value, NULL), 1);
	ck_assert(strstr(value, strrchr(aside, '/') + 1) != NULL);
	database_close(&d);
	ck_assert_int_eq(kit_number(kit.path, "SELECT count(*) FROM token t JOIN realm r ON "
					      "r.id = t.realm WHERE r.name = 'branch'"),
			 1);
	free(value);
	free(aside);
	free(b.p);
}
END_TEST

/* Nothing of it can be read: then the copy beside it says who may speak. */
START_TEST(the_copy_of_people_is_enough)
{
	struct database d;
	uint8_t print[32] = { 7 };
	char role[16];
	struct bytes b;

	live();
	ck_assert_int_eq(aside_keep_people(kit.path, NULL), 1);
	ck_assert_int_eq(aside_keep_people(kit.path, NULL), 0);
	store_close(kit.s);
	kit.s = NULL;
	b = read_file(kit.path);
	randomize(b.p, b.n);
	write_file(kit.path, b.p, b.n);
	ck_assert_int_eq(begin(&d, NULL), 0);
	ck_assert_int_eq(enrol_sensor_check(d.store, "sensor-A", print, role), ENROL_CURRENT);
	database_close(&d);
	free(b.p);
}
END_TEST

/* What the records were that are gone shows as lost. */
START_TEST(what_is_gone_shows_as_a_gap)
{
	struct database d;
	struct bytes b;
	struct health before, after;

	live();
	before = kit_health(&kit);
	ck_assert_uint_gt(before.records, 3000);
	store_close(kit.s);
	kit.s = NULL;
	b = read_file(kit.path);
	randomize(b.p + b.n - 10 * PAGE, 10 * PAGE);
	write_file(kit.path, b.p, b.n);
	ck_assert_int_eq(begin(&d, NULL), 0);
	kit.s = d.store;
	ck_assert_int_eq(query_health(d.store, &after, NULL), 0);
	kit.s = NULL;
	ck_assert_uint_eq(after.records, 0);
	database_close(&d);
	free(b.p);
}
END_TEST

START_TEST(a_suspect_is_checked_to_the_end_and_cleared)
{
	struct database d;
	char *path = xasprintf("%s.suspect", kit.path);

	store_close(kit.s); /* SQLite may not be carried over a fork */
	kit.s = NULL;
	ck_assert_int_eq(begin(&d, NULL), 0);
	database_suspect(&d, "commit failed");
	ck_assert_int_eq(access(path, F_OK), 0);
	database_close(&d);
	ck_assert_int_eq(begin(&d, NULL), 0);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_assert_ptr_null(aside_name());
	database_close(&d);
	free(path);
}
END_TEST

START_TEST(a_newer_file_is_not_damage)
{
	struct database d;
	struct err e = { 0 };

	sqlite3 *db;

	store_close(kit.s);
	kit.s = NULL;
	ck_assert_int_eq(sqlite3_open(kit.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), 0);
	sqlite3_close(db);
	ck_assert_int_lt(begin(&d, &e), 0);
	ck_assert(strstr(e.msg, "newer Skein") != NULL);
	database_close(&d);
	ck_assert_ptr_null(aside_name());
}
END_TEST

/* Backups */

static char *in_dir(const char *name)
{
	return xasprintf("%s/%s", kit.dir, name);
}

static int commit_meanwhile(uint64_t bytes, uint64_t all, void *ctx)
{
	(void)bytes, (void)all;
	kit_flow(&kit, &(struct kit_flow){ .client = "10.0.0.1",
					   .server = "10.3.0.1",
					   .client_name = "late",
					   .opens = 1,
					   .witness = WITNESS_CLIENT });
	kit_send(&kit, "sensor-A");
	++*(int *)ctx;
	return 0;
}

START_TEST(a_backup_is_of_one_moment)
{
	char *to = in_dir("copy"), *want, *got;
	int rc, times = 0;
	struct store *copy;
	struct stat st;

	live();
	want = answers(kit.s, &rc);
	ck_assert_int_eq(backup_make(kit.path, to, commit_meanwhile, &times, NULL), 0);
	ck_assert_int_gt(times, 0);
	ck_assert_int_eq(stat(to, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	copy = store_open(to, STORE_READ, NULL);
	ck_assert(copy != NULL);
	got = answers(copy, &rc);
	ck_assert_str_eq(got, want);
	store_close(copy);
	free(got);
	got = answers(kit.s, &rc);
	ck_assert(strcmp(got, want) != 0); /* the writer went on */
	free(got);
	free(want);
	free(to);
}
END_TEST

START_TEST(a_backup_that_fails_leaves_what_is_there)
{
	char *to = in_dir("copy"), *tmp = in_dir("copy.tmp");
	struct bytes b;
	struct err e = { 0 };

	write_file(to, (const uint8_t *)"old", 3);
	ck_assert_int_eq(backup_make(kit.path, kit.path, NULL, NULL, &e), -EINVAL);
	live();
	store_close(kit.s);
	kit.s = NULL;
	b = read_file(kit.path);
	randomize(b.p + b.n / PAGE / 2 * PAGE, PAGE);
	write_file(kit.path, b.p, b.n);
	ck_assert_int_eq(backup_make(kit.path, to, NULL, NULL, &e), -EBADMSG);
	ck_assert(strstr(e.msg, "damaged") != NULL);
	free(b.p);
	b = read_file(to);
	ck_assert_uint_eq(b.n, 3);
	ck_assert_int_ne(access(tmp, F_OK), 0);
	free(b.p);
	free(to);
	free(tmp);
}
END_TEST

static int64_t one_number(const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;
	int64_t n;

	ck_assert_int_eq(sqlite3_open(kit.path, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* A file that has lost its last minutes: who was let in, and who was shut out. */
START_TEST(sensors_come_from_the_copy_and_nothing_else_does)
{
	char *copy = xasprintf("%s.people", kit.path);
	struct aside done;

	live();
	kit_sensor(&kit, "sensor-B", "b", "10.0.0.2");
	store_close(kit.s);
	kit_sql(kit.path, "UPDATE sensor SET revoked = 1 WHERE name = 'sensor-A'");
	ck_assert_int_eq(aside_keep_people(kit.path, NULL), 1);
	kit_sql(kit.path, "DELETE FROM sensor WHERE name = 'sensor-B'");
	kit_sql(kit.path, "UPDATE sensor SET revoked = 0; DELETE FROM token");
	kit.s = store_open(kit.path, STORE_WRITE, NULL);
	ck_assert_int_eq(aside_carry_sensors(kit.s, copy, &done, NULL), 0);
	ck_assert_uint_eq(done.rows, 2);
	ck_assert_uint_eq(done.torn, 0);
	ck_assert_int_eq(aside_carry_sensors(kit.s, copy, &done, NULL), 0);
	ck_assert_uint_eq(done.rows, 0);
	ck_assert_int_eq(one_number("SELECT count(*) FROM sensor"), 2);
	ck_assert_int_eq(one_number("SELECT revoked FROM sensor WHERE name = 'sensor-A'"), 1);
	ck_assert_int_eq(one_number("SELECT count(*) FROM token"), 0);
	unlink(copy);
	ck_assert_int_eq(aside_carry_sensors(kit.s, copy, &done, NULL), 0);
	ck_assert_uint_eq(done.torn, 1);
	free(copy);
}
END_TEST

/* For want of memory, or by the list of its calls: that says nothing about the file. */
START_TEST(only_a_death_of_the_check_itself_is_a_verdict)
{
	static const struct {
		int number;
		enum keeper_verdict verdict;
	} ends[] = { { SIGKILL, KEEPER_UNKNOWN },
		     { SIGSYS, KEEPER_UNKNOWN },
		     { SIGABRT, KEEPER_DAMAGED } };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		char words[KEEPER_WORDS];
		struct keeper k;
		int status;

		keeper_plan(&k, &none, kit.dir, kit.path, stats);
		ck_assert_int_eq(keeper_start(&k, NULL), 0);
		kill(k.child.pid, ends[i].number);
		ck_assert_int_eq(keeper_check(&k, -1, words), ends[i].verdict);
		ck_assert_ptr_nonnull(strstr(words, "signal"));
		ck_assert(keeper_ended(&k, &status)); /* once */
		ck_assert_int_eq(WTERMSIG(status), ends[i].number);
		ck_assert(!keeper_ended(&k, &status));
		keeper_stop(&k);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sensors_come_from_the_copy_and_nothing_else_does);
	tcase_add_test(t, a_damaged_file_opens_right_or_is_set_aside);
	tcase_add_test(t, people_and_sensors_go_over);
	tcase_add_test(t, the_copy_of_people_is_enough);
	tcase_add_test(t, what_is_gone_shows_as_a_gap);
	tcase_add_test(t, a_suspect_is_checked_to_the_end_and_cleared);
	tcase_add_test(t, a_newer_file_is_not_damage);
	tcase_add_test(t, a_backup_is_of_one_moment);
	tcase_add_test(t, a_backup_that_fails_leaves_what_is_there);
	tcase_add_test(t, only_a_death_of_the_check_itself_is_a_verdict);
	return unit_run("database", t);
}
