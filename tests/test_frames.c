/* SPDX-License-Identifier: Apache-2.0 */
/* A write-ahead log, whole and changed in every way: what SQLite would drop of it is told. */
#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/frames.h"
#include "tests/storekit.h"

enum { COMMITS = 12, HEADER = 32, FRAME = 24 };

static char dir[64], path[96], log_path[112];
static uint8_t *bytes; /* of the whole log */
static size_t bytes_n, page;

static void run(sqlite3 *db, const char *sql)
{
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Killed with a log of COMMITS transactions, of one to three pages each. */
static void write_and_die(int page_size)
{
	char sql[160];
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	snprintf(sql, sizeof(sql), "PRAGMA page_size = %d; PRAGMA journal_mode = WAL;",
		 page_size);
	run(db, sql);
	run(db, "CREATE TABLE t(i INTEGER PRIMARY KEY, b BLOB)");
	run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
	for (int i = 1; i <= COMMITS; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO t VALUES(%d, randomblob(%d))", i,
			 page_size / 2 * (i % 3 + 1));
		run(db, sql);
	}
	_exit(0);
}

static void slurp(void)
{
	struct stat st;
	int fd = open(log_path, O_RDONLY);

	ck_assert(fd >= 0 && fstat(fd, &st) == 0);
	bytes_n = (size_t)st.st_size;
	bytes = xmalloc(bytes_n);
	ck_assert_int_eq(read(fd, bytes, bytes_n), bytes_n);
	close(fd);
}

static void make(int page_size)
{
	pid_t pid;

	snprintf(dir, sizeof(dir), "/tmp/skein-frames-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x.db", dir);
	snprintf(log_path, sizeof(log_path), "%s-wal", path);
	page = (size_t)page_size;
	pid = fork();
	if (!pid)
		write_and_die(page_size);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	slurp();
}

static void done(void)
{
	char *cmd = xasprintf("rm -rf %s", dir);

	ck_assert_int_eq(system(cmd), 0);
	free(cmd);
	free(bytes);
}

static struct frames read_as(const uint8_t *p, size_t n)
{
	FILE *f = fopen(log_path, "w");
	struct frames out;

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
	ck_assert_int_eq(frames_read(path, &out, NULL), 0);
	return out;
}

static size_t frames_n(void)
{
	return (bytes_n - HEADER) / (FRAME + page);
}

/* As SQLite itself finds it. */
static int rows(void)
{
	char *copy = xasprintf("cp %s %s.again && cp %s %s.again-wal && rm -f %s.again-shm",
			       path, path, log_path, path, path);
	char *again = xasprintf("%s.again", path);
	sqlite3_stmt *st;
	sqlite3 *db;
	int n;

	ck_assert_int_eq(system(copy), 0);
	ck_assert_int_eq(sqlite3_open(again, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &st, NULL),
			 SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(copy);
	free(again);
	return n;
}

START_TEST(a_whole_one_is_whole)
{
	static const int sizes[] = { 512, 4096, 65536 };
	struct frames f;

	for (int i = 0; i < 3; i++) {
		make(sizes[i]);
		f = read_as(bytes, bytes_n);
		ck_assert_uint_eq(f.good, frames_n());
		ck_assert_uint_eq(f.dropped + f.commits, 0);
		done();
	}
}
END_TEST

START_TEST(a_changed_byte_is_told_with_all_that_follows)
{
	make(512);
	for (size_t i = 0; i < frames_n(); i++) {
		/* a byte of the page, of the sum, of the number */
		size_t where[] = { FRAME + 77, 16, 3 };
		size_t at = HEADER + i * (FRAME + page) + where[i % 3];
		struct frames f;

		bytes[at] ^= 4;
		f = read_as(bytes, bytes_n);
		bytes[at] ^= 4;
		ck_assert_uint_eq(f.good, i);
		ck_assert_uint_eq(f.dropped, frames_n() - i);
		bytes[at] ^= 4;
		read_as(bytes, bytes_n);
		ck_assert_uint_eq(f.commits, (uint64_t)(COMMITS - rows()));
		bytes[at] ^= 4;
	}
	done();
}
END_TEST

/* A torn end is no loss, a header that is wrong no log, and nothing reads beyond its end. */
START_TEST(cut_anywhere)
{
	struct frames f;

	make(512);
	for (size_t n = 0; n < bytes_n; n += 7) {
		f = read_as(bytes, n);
		ck_assert_uint_eq(f.good, n < HEADER ? 0 : (n - HEADER) / (FRAME + page));
		ck_assert_uint_eq(f.dropped, 0);
	}
	for (size_t i = 0; i < HEADER; i++) {
		bytes[i] ^= 1;
		f = read_as(bytes, bytes_n);
		bytes[i] ^= 1;
		ck_assert_uint_eq(f.good, 0);
	}
	unlink(log_path);
	ck_assert_int_eq(frames_read(path, &f, NULL), 0);
	ck_assert_uint_eq(f.good + f.dropped, 0);
	done();
}
END_TEST

/* What an earlier use of the log has left behind its end is nothing. */
START_TEST(old_frames_are_not_missed)
{
	struct frames f;
	size_t half;

	make(512);
	half = HEADER + frames_n() / 2 * (FRAME + page);
	for (size_t at = half; at < bytes_n; at += FRAME + page)
		bytes[at + 9] ^= 1; /* another salt */
	f = read_as(bytes, bytes_n);
	ck_assert_uint_eq(f.good, frames_n() / 2);
	ck_assert_uint_eq(f.dropped, 0);
	done();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_whole_one_is_whole);
	tcase_add_test(t, a_changed_byte_is_told_with_all_that_follows);
	tcase_add_test(t, cut_anywhere);
	tcase_add_test(t, old_frames_are_not_missed);
	return unit_run("frames", t);
}
