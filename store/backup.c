/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "store/db.h"
#include "store/integrity.h"
#include "store/priv.h"

enum { STEP_PAGES = 2048 };

/* A read transaction of its own: else every commit would make the copy begin again. */
static int hold_moment(struct store *s, struct err *e)
{
	int64_t n;
	int rc = db_exec(s, e, "PRAGMA cache_size = -2048; BEGIN");

	if (!rc)
		rc = db_int(s, e, &n, "SELECT count(*) FROM sqlite_master", DB_NONE);
	return rc < 0 ? rc : 0;
}

static int copy_pages(struct store *s, sqlite3 *to, const char *path, backup_fn *fn, void *ctx,
		      struct err *e)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", s->db, "main");
	int64_t size = 4096;
	int rc = SQLITE_OK, stop = 0;

	if (!b)
		return db_fail_rc(sqlite3_errcode(to), path, sqlite3_errmsg(to), e);
	db_int(s, NULL, &size, "PRAGMA page_size", DB_NONE);
	while (rc == SQLITE_OK && !stop) {
		uint64_t all, left;

		rc = sqlite3_backup_step(b, STEP_PAGES);
		all = (uint64_t)sqlite3_backup_pagecount(b);
		left = (uint64_t)sqlite3_backup_remaining(b);
		if (fn)
			stop = fn((all - left) * (uint64_t)size, all * (uint64_t)size, ctx);
	}
	sqlite3_backup_finish(b);
	if (stop)
		return err_set(e, -EINTR, "%s: interrupted", path);
	return rc == SQLITE_DONE ? 0 : db_fail_rc(rc, path, sqlite3_errstr(rc), e);
}

static int copy_to(struct store *s, const char *path, backup_fn *fn, void *ctx, struct err *e)
{
	sqlite3 *to = NULL;
	char *plain = *path == '/' ? xstrdup(path) : xasprintf("./%s", path);
	int rc =
		sqlite3_open_v2(plain, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	free(plain);
	if (rc)
		rc = db_fail_rc(rc, path, to ? sqlite3_errmsg(to) : "no memory", e);
	else if (sqlite3_exec(to, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF", NULL,
			      NULL, NULL))
		rc = db_fail_rc(sqlite3_errcode(to), path, sqlite3_errmsg(to), e);
	if (!rc)
		rc = copy_pages(s, to, path, fn, ctx, e);
	sqlite3_close(to);
	return rc;
}

static int new_file(const char *path, struct err *e)
{
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, -errno, "cannot write %s", path);
	close(fd);
	return 0;
}

static int flush(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) < 0 ? err_sys(e, -errno, "cannot flush %s", path) : 0;

	if (fd >= 0)
		close(fd);
	return rc;
}

static int whole(const char *path, struct err *e)
{
	char words[INTEGRITY_WORDS];
	int rc = integrity_file(path, words, e);

	return rc > 0 ? err_set(e, -EBADMSG, "the copy is damaged: %s", words) : rc;
}

static int put_in_place(const char *tmp, const char *to, struct err *e)
{
	if (rename(tmp, to) < 0)
		return err_sys(e, -errno, "cannot write %s", to);
	file_sync_folder_of(to);
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static void remove_tmp(const char *tmp)
{
	static const char *const more[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		char *path = xasprintf("%s%s", tmp, more[i]);

		unlink(path);
		free(path);
	}
}

/* The moment ends before the copy is checked, so that the log is held no longer than needed.
 */
int backup_make(const char *from, const char *to, backup_fn *fn, void *ctx, struct err *e)
{
	struct store *s;
	char *tmp;
	int rc;

	if (same_file(from, to))
		return err_set(e, -EINVAL, "%s is the database itself", to);
	s = store_look(from, e);
	if (!s)
		return e ? e->code : -EIO;
	tmp = xasprintf("%s.tmp", to);
	rc = new_file(tmp, e);
	if (!rc)
		rc = hold_moment(s, e);
	if (!rc)
		rc = copy_to(s, tmp, fn, ctx, e);
	store_close(s);
	if (!rc)
		rc = flush(tmp, e);
	if (!rc)
		rc = whole(tmp, e);
	if (!rc)
		rc = put_in_place(tmp, to, e);
	remove_tmp(tmp);
	free(tmp);
	return rc;
}

int backup_note_restored(struct store *s, uint64_t now_ms, struct err *e)
{
	bool own;
	int rc = store_enter(s, &own, e);

	if (rc)
		return rc;
	rc = db_run(s, e,
		    "INSERT INTO gap(sensor, start_ms, end_ms, records) SELECT id, last_ms, "
		    "max(?1, last_ms), 0 FROM sensor WHERE NOT revoked",
		    DB(I(now_ms)));
	if (!rc) /* gauges are of then */
		rc = db_run(s, e, "UPDATE sensor SET run = run + 1", DB_NONE);
	return store_leave(s, own, rc, e);
}
