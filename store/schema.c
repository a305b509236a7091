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
static const char schema[] =
#include "store/schema.inc"
	;

/* cppcheck-suppress internalAstError -- nor this one */
static const char plans[] =
#include "store/plan.inc"
	;

static const struct schema_step steps_all[] = {
	{ 2, plans },
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

static int make_tables(struct store *s, struct err *e)
{
	char sql[64];
	int rc = schema_version(s, e);

	if (rc) /* another process was faster, or failure */
		return rc < 0 ? rc : 0;
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", SCHEMA_APPLICATION);
	rc = db_exec(s, e, schema);
	if (!rc)
		rc = db_exec(s, e, plans);
	if (!rc)
		rc = db_exec(s, e, sql);
	return rc ? rc : set_version(s, SCHEMA_VERSION, e);
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
	rc = db_run(s, e, "VACUUM INTO ?", DB(T(tmp)));
	if (!rc && rename(tmp, to) < 0)
		rc = err_sys(e, -errno, "%s", to);
	if (rc)
		unlink(tmp);
out:
	free(tmp);
	free(to);
	return rc;
}

static int run_steps(struct store *s, const struct schema_step *step, struct err *e)
{
	int rc, now = schema_version(s, e);

	if (now < 0)
		return now;
	for (; step->sql; step++) {
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

int schema_run(struct store *s, int from, const struct schema_step *steps, struct err *e)
{
	int rc = keep_copy(s, from, e);

	if (!rc)
		rc = store_begin(s, e);
	if (rc)
		return rc;
	rc = run_steps(s, steps, e);
	if (!rc)
		return store_commit(s, e);
	store_rollback(s);
	return rc;
}

int schema_upgrade(struct store *s, int from, struct err *e)
{
	if (from == SCHEMA_VERSION)
		return 0;
	if (from > SCHEMA_VERSION)
		return err_set(e, -EPROTONOSUPPORT,
			       "%s: made by a newer Skein (schema %d, this program knows %d); "
			       "use that one",
			       s->path, from, SCHEMA_VERSION);
	if (s->mode == STORE_READ)
		return err_set(
			e, -EPROTONOSUPPORT,
			"%s: made by an older Skein (schema %d, this program reads %d); "
			"the collector or an import brings it up to date",
			s->path, from, SCHEMA_VERSION);
	return schema_run(s, from, steps_all, e);
}
