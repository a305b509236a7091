/* SPDX-License-Identifier: Apache-2.0 */
/* Older files become what a new one is, step by step, or stay as they were. */
#include "store/schema.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/plan.h"
#include "store/priv.h"
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

/* Of what a migration keeps. */
static const char *copy_name(const char *more)
{
	static char name[32];

	snprintf(name, sizeof(name), "skein.db.v%d%s", SCHEMA_VERSION, more);
	return kit_file(&kit, name);
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
	ck_assert_int_eq(kit_number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION + 2);
	ck_assert_int_eq(kit_number(kit.path, "SELECT a FROM more"), 42);
	ck_assert_int_eq(kit_number(copy_name(""), "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(kit_number(copy_name(""), "SELECT count(*) FROM edge"), 0);
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
		ck_assert_int_eq(kit_number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION);
		ck_assert_int_eq(kit_number(kit.path, "SELECT count(*) FROM machine"), 1);
		ck_assert_int_eq(kit_number(copy_name(""), "SELECT count(*) FROM machine"), 1);
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
	kit_sql(path, schema_first);
	kit_sql(path, "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x534b454e;"
		      "PRAGMA user_version = 1; INSERT INTO machine(ident) VALUES('m1')");
}

START_TEST(version_one_becomes_what_a_new_file_is)
{
	char *old_words =
		xasprintf("made by an older Skein (schema 1, this program reads %d); "
			  "the collector or an import brings it up to date",
			  SCHEMA_VERSION);
	char *fresh = tables(kit.path), *now, *path = xstrdup(kit_file(&kit, "old.db"));
	struct err e = { 0 };
	struct store *s;

	make_version_one(path);
	ck_assert_int_eq(kit_number(path, "SELECT count(*) FROM sqlite_master "
					  "WHERE name IN ('plan', 'sqlite_sequence')"),
			 0);
	kit_refused(path, STORE_READ, old_words);
	s = store_open(path, STORE_WRITE, &e);
	ck_assert_msg(s != NULL, "%s", e.msg);
	ck_assert_int_eq(setting_set(s, "a", "b", &e), 0);
	store_close(s);
	now = tables(path);
	ck_assert_str_eq(now, fresh);
	ck_assert_int_eq(kit_number(path, "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(kit_number(path, "SELECT count(*) FROM machine"), 1);
	ck_assert_int_eq(kit_number(kit_file(&kit, "old.db.v1"), "PRAGMA user_version"), 1);
	ck_assert_int_eq(
		kit_number(kit_file(&kit, "old.db.v1"), "SELECT count(*) FROM machine"), 1);
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
	ck_assert_int_eq(kit_number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION + 1);
	ck_assert_int_eq(kit_number(copy_name(""), "PRAGMA user_version"), SCHEMA_VERSION);
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
	ck_assert_int_eq(kit_number(kit.path, "PRAGMA user_version"), SCHEMA_VERSION);
	ck_assert_int_eq(access(copy_name(".tmp"), F_OK), -1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("schema");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, steps_are_taken);
	tcase_add_test(t, a_step_that_fails_leaves_all_as_it_was);
	tcase_add_test(t, version_one_becomes_what_a_new_file_is);
	tcase_add_test(t, who_comes_second_leaves_the_copy_alone);
	tcase_add_test(t, no_copy_no_step);
	return unit_run("schema", t);
}
