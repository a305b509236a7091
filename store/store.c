/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "store/close.h"
#include "store/conv.h"
#include "store/cover.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/edge.h"
#include "store/nat.h"
#include "store/repoint.h"
#include "store/priv.h"
#include "store/schema.h"
#include "store/sensor.h"
#include "store/sweep.h"

enum { BUSY_MS = 10000 };

void store_forget(struct store *s)
{
	dict_free(s->dict);
	conv_free(s->convs);
	edge_free(s->edges);
	cover_free(s->covers);
	sensor_free(s->sensors);
	nat_free(s->nat);
	close_forget(s);
	s->dict = NULL;
	s->convs = NULL;
	s->edges = NULL;
	s->covers = NULL;
	s->sensors = NULL;
	s->nat = NULL;
	s->minutes_read = false;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_forget(s);
	sweep_free(s->sweep);
	free(s->retaining);
	db_forget_statements(s);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

bool store_in_tx(const struct store *s)
{
	return !sqlite3_get_autocommit(s->db);
}

/* SQLite reads "file:..." as a URI and ":memory:" as no file; with a folder it does not. */
static char *plain_name(const char *path)
{
	return *path == '/' ? xstrdup(path) : xasprintf("./%s", path);
}

static char *immutable_name(const char *path)
{
	struct buf b = { 0 };
	char *plain = plain_name(path);

	buf_printf(&b, "file:");
	for (const char *p = plain; *p; p++)
		buf_printf(&b, strchr("%?#", *p) ? "%%%02x" : "%c", *p);
	buf_printf(&b, "?immutable=1");
	free(plain);
	return buf_take(&b);
}

/* Opens no descriptor: closing one would drop the locks that this process has on the file. */
static int probe(const char *path, enum store_mode mode, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(e, -errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_sys(e, -EISDIR, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s: not a file", path);
	if (faccessat(AT_FDCWD, path, mode == STORE_READ ? R_OK : R_OK | W_OK, AT_EACCESS))
		return err_sys(e, -errno, "%s", path);
	return 0;
}

static int make_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return errno == EEXIST ? 0 : err_sys(e, -errno, "%s", path);
}

static int attach(struct store *s, const char *name, int flags, struct err *e)
{
	int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc)
		return db_fail_rc(rc, s->path, s->db ? sqlite3_errmsg(s->db) : "no memory", e);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	rc = db_prepare(s, e);
	if (rc)
		return rc;
	return db_exec(s, e,
		       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
		       "PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY");
}

/*
 * While somebody has the database open for writing there is a WAL beside it, so without one it
 * is read as it stands: a reader then leaves no files of its own behind (SQLite's would stay,
 * since a reader may not fold a WAL), and needs no right to make any.  Who begins to write
 * during the moment of a query may make that query fail; nothing else can happen.
 */
static bool in_use(const struct store *s)
{
	char *wal = xasprintf("%s-wal", s->path);
	bool there = access(wal, F_OK) == 0 || errno != ENOENT;

	free(wal);
	return there;
}

static int attach_read(struct store *s, struct err *e)
{
	bool used = in_use(s);
	char *name = used ? plain_name(s->path) : immutable_name(s->path);
	int rc = attach(s, name, SQLITE_OPEN_READONLY | (used ? 0 : SQLITE_OPEN_URI), e);

	free(name);
	if (!rc) /* who goes through a table once needs no page of it again */
		rc = db_exec(s, e, "PRAGMA cache_size = -4096");
	if (!rc)
		rc = schema_version(s, e);
	if (rc == -EACCES || rc == -EROFS)
		return err_set(e, rc, "%s: in use, and its folder may not be written to",
			       s->path);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(e, -EBADMSG, "%s: not a Skein database", s->path);
	return schema_upgrade(s, rc, e);
}

static int journal(struct store *s, struct err *e)
{
	return db_exec(s, e,
		       "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		       "PRAGMA secure_delete = OFF; PRAGMA wal_autocheckpoint = 4000;"
		       "PRAGMA journal_size_limit = 67108864");
}

static int attach_write(struct store *s, struct err *e)
{
	char *name = plain_name(s->path);
	int version, rc = attach(s, name, SQLITE_OPEN_READWRITE, e);

	free(name);
	if (!rc)
		rc = db_exec(s, e, "PRAGMA cache_size = -65536");
	if (rc)
		return rc;
	version = schema_version(s, e);
	if (version < 0)
		return version;
	if (version > SCHEMA_VERSION)
		return schema_upgrade(s, version, e);
	if (version == 0)
		rc = db_exec(s, e, "PRAGMA page_size = 4096");
	if (!rc)
		rc = journal(s, e);
	if (rc)
		return rc;
	return version ? schema_upgrade(s, version, e) : schema_make(s, e);
}

/*
 * A file that is being made by another process is not whole yet: for a while it may be locked,
 * or look like none of ours.  It is not ours to remove, either.
 */
static int attach_new(struct store *s, struct err *e)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	int rc = attach_write(s, e);

	for (int ms = 0; rc < 0 && ms < BUSY_MS; ms += 50) {
		nanosleep(&pause, NULL);
		store_forget(s);
		db_forget_statements(s);
		sqlite3_close(s->db);
		s->db = NULL;
		rc = attach_write(s, e);
	}
	return rc;
}

static bool is_new(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size == 0;
}

struct store *store_open(const char *path, enum store_mode mode, struct err *e)
{
	struct store *s;
	int rc;

	if (mode == STORE_WRITE && make_file(path, e) < 0)
		return NULL;
	if (probe(path, mode, e) < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->mode = mode;
	s->memory = (size_t)STORE_MEMORY_MB << 20;
	if (mode == STORE_READ)
		rc = attach_read(s, e);
	else
		rc = is_new(path) ? attach_new(s, e) : attach_write(s, e);
	if (rc == 0)
		return s;
	store_close(s);
	return NULL;
}

struct store *store_look(const char *path, struct err *e)
{
	struct store *s;
	char *name;
	int rc = probe(path, STORE_WRITE, e);

	if (rc)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	s->mode = STORE_WRITE;
	name = plain_name(path);
	rc = attach(s, name, SQLITE_OPEN_READWRITE, e);
	free(name);
	if (!rc)
		return s;
	store_close(s);
	return NULL;
}

void store_patience(struct store *s, int ms)
{
	sqlite3_busy_timeout(s->db, ms);
}

static bool crowded(const struct store *s)
{
	return dict_bytes(s->dict) + conv_bytes(s->convs) + edge_bytes(s->edges) +
		       cover_bytes(s->covers) >
	       s->memory;
}

int store_look_around(struct store *s, struct err *e)
{
	int64_t seen = 0;
	int rc = db_int(s, e, &seen, "PRAGMA data_version", DB_NONE);

	if (rc < 0)
		return rc;
	if (seen != s->seen) {
		sweep_free(s->sweep);
		s->sweep = NULL;
	}
	if (crowded(s)) { /* of each minute and sensor: it grows by itself, and is read soon */
		cover_free(s->covers);
		s->covers = NULL;
	}
	if (seen != s->seen || crowded(s))
		store_forget(s);
	s->seen = seen;
	return 0;
}

/* An eighth is for pages: the ledger finds nearly all it needs in its own caches. */
int store_memory(struct store *s, unsigned mb, struct err *e)
{
	char sql[64];

	s->memory = ((size_t)mb << 20) / 8 * 7;
	snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%u", mb * 1024 / 8);
	return db_exec(s, e, sql);
}

int store_checkpoints(struct store *s, bool itself, struct err *e)
{
	return db_exec(s, e,
		       itself ? "PRAGMA wal_autocheckpoint = 4000"
			      : "PRAGMA wal_autocheckpoint = 32768"); /* 128 MB */
}

int store_begin(struct store *s, struct err *e)
{
	int rc;

	if (s->mode == STORE_READ)
		return err_set(e, -EROFS, "%s: opened for reading", s->path);
	rc = db_run(s, e, "BEGIN IMMEDIATE", DB_NONE);
	if (rc)
		return rc;
	repoint_begin(s);
	rc = store_look_around(s, e);
	if (rc)
		store_rollback(s);
	return rc;
}

int store_commit(struct store *s, struct err *e)
{
	int rc = db_run(s, e, "COMMIT", DB_NONE);

	if (rc)
		store_rollback(s);
	return rc;
}

void store_rollback(struct store *s)
{
	store_forget(s);
	if (store_in_tx(s))
		db_run(s, NULL, "ROLLBACK", DB_NONE);
}

int store_freeze(struct store *s, struct err *e)
{
	store_forget(s);
	return db_run(s, e, "BEGIN", DB_NONE);
}

int store_thaw(struct store *s)
{
	int rc = store_in_tx(s) ? db_run(s, NULL, "ROLLBACK", DB_NONE) : 0;

	store_forget(s);
	return rc;
}

int store_changes(struct store *s, int64_t *changes, struct err *e)
{
	int rc = db_int(s, e, changes, "PRAGMA data_version", DB_NONE);

	return rc < 0 ? rc : 0;
}

int store_enter(struct store *s, bool *own, struct err *e)
{
	*own = !store_in_tx(s);
	return *own ? store_begin(s, e) : 0;
}

int store_leave(struct store *s, bool own, int rc, struct err *e)
{
	if (!own)
		return rc;
	if (rc >= 0) {
		int done = store_commit(s, e);

		return done ? done : rc;
	}
	store_rollback(s);
	return rc;
}
