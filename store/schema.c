/* SPDX-License-Identifier: Apache-2.0 */
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/db.h"
#include "store/priv.h"

/* cppcheck-suppress internalAstError -- it does not see the generated file */
const char schema_first[] =
#include "store/schema.inc"
	;

/* cppcheck-suppress internalAstError -- nor this one */
static const char plans[] =
#include "store/plan.inc"
	;

/* cppcheck-suppress internalAstError -- nor this one */
static const char hosts[] =
#include "store/host.inc"
	;

/* cppcheck-suppress internalAstError -- nor this one */
static const char collecting[] =
#include "store/collect.inc"
	;

static const struct schema_step steps_all[] = {
	{ 2, plans },
	{ 3, hosts },
	{ 4, collecting },
	{ 0, NULL },
};

static int foreign(struct store *s, struct err *e)
{
	return err_set(e, -EBADMSG, "%s: not a Skein database", s->path);
}

int schema_version(struct store *s, struct err *e)
{
	int64_t application, version, tables;
	int rc = db_int(s, e, &application, "PRAGMA application_id", DB_NONE);

	if (rc > 0)
		rc = db_int(s, e, &version, "PRAGMA user_version", DB_NONE);
	if (rc > 0)
		rc = db_int(s, e, &tables, "SELECT count(*) FROM sqlite_master", DB_NONE);
	if (rc < 0)
		return rc;
	if (application == 0 && version == 0 && tables == 0)
		return 0;
	if (application != SCHEMA_APPLICATION || version <= 0)
		return foreign(s, e);
	return (int)version;
}

static int set_version(struct store *s, int version, struct err *e)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", version);
	return db_exec(s, e, sql);
}

static int run_steps(struct store *s, int now, const struct schema_step *step, struct err *e)
{
	for (; step->sql; step++) {
		int rc;

		if (step->version <= now)
			continue;
		rc = db_exec(s, e, step->sql);
		if (!rc)
			rc = set_version(s, step->version, e);
		if (rc) {
			err_wrap(e, "migrating to schema %d", step->version);
			return rc;
		}
	}
	return 0;
}

static int make_tables(struct store *s, struct err *e)
{
	char sql[64];
	int rc = schema_version(s, e);

	if (rc) /* another process was faster, or failure */
		return rc < 0 ? rc : 0;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", SCHEMA_APPLICATION);
	rc = db_exec(s, e, schema_first);
	if (!rc)
		rc = db_exec(s, e, sql);
	return rc ? rc : run_steps(s, 1, steps_all, e);
}

int schema_make(struct store *s, struct err *e)
{
	int rc = store_begin(s, e);

	if (rc)
		return rc;
	rc = make_tables(s, e);
	if (!rc)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

/* By a connection of its own: SQLite copies nothing from within a transaction. */
static int copy_to(struct store *s, const char *to, struct err *e)
{
	struct store reader = { .path = s->path, .mode = STORE_READ };
	int rc = sqlite3_open_v2(sqlite3_db_filename(s->db, "main"), &reader.db,
				 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc)
		rc = reader.db ? db_fail(&reader, e) : err_sys(e, -ENOMEM, "%s", s->path);
	else
		rc = db_run(&reader, e, "VACUUM INTO ?", DB(T(to)));
	db_forget_statements(&reader);
	sqlite3_close(reader.db);
	return rc;
}

/* The copy appears whole or not at all, and nobody else may read it. */
static int keep_copy(struct store *s, int version, struct err *e)
{
	char *to = xasprintf("%s.v%d", s->path, version);
	char *tmp = xasprintf("%s.tmp", to);
	int rc, fd;

	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = err_sys(e, -errno, "%s", tmp);
		goto out;
	}
	close(fd);
	rc = copy_to(s, tmp, e);
	if (!rc && rename(tmp, to) < 0)
		rc = err_sys(e, -errno, "%s", to);
	if (rc) {
		unlink(tmp);
		err_wrap(e, "keeping a copy as %s", to);
	}
out:
	free(tmp);
	free(to);
	return rc;
}

/*
 * The copy is made while nobody else can write: it is what the steps are taken on, and a
 * second process that comes to migrate finds it done and leaves the copy alone.
 */
int schema_run(struct store *s, int from, const struct schema_step *steps, struct err *e)
{
	int rc = store_begin(s, e), now;

	if (rc)
		return rc;
	now = schema_version(s, e);
	if (now == from) {
		rc = keep_copy(s, from, e);
		if (!rc)
			rc = run_steps(s, from, steps, e);
		if (!rc)
			return store_commit(s, e);
	}
	store_rollback(s);
	return now < 0 ? now : rc;
}

static int newer(struct store *s, int version, struct err *e)
{
	return err_set(e, -EPROTONOSUPPORT,
		       "%s: made by a newer Skein (schema %d, this program knows %d); "
		       "use that one",
		       s->path, version, SCHEMA_VERSION);
}

int schema_upgrade(struct store *s, int from, struct err *e)
{
	int rc;

	if (from == SCHEMA_VERSION)
		return 0;
	if (from > SCHEMA_VERSION)
		return newer(s, from, e);
	if (s->mode == STORE_READ)
		return err_set(
			e, -EPROTONOSUPPORT,
			"%s: made by an older Skein (schema %d, this program reads %d); "
			"the collector or an import brings it up to date",
			s->path, from, SCHEMA_VERSION);
	rc = schema_run(s, from, steps_all, e);
	if (!rc)
		rc = schema_version(s, e); /* of whoever was faster, it may be another */
	if (rc < 0)
		return rc;
	return rc > SCHEMA_VERSION ? newer(s, rc, e) : 0;
}
