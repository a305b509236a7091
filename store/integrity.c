/* SPDX-License-Identifier: Apache-2.0 */
#include "store/integrity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/db.h"
#include "store/packed.h"
#include "store/priv.h"
#include "store/schema.h"

int integrity_broken(int code)
{
	return code == -EBADMSG || code == -EIO;
}

/* The first line only says which database is spoken of. */
static const char *words_of(const char *text)
{
	const char *line = strncmp(text, "***", 3) == 0 ? strchr(text, '\n') : NULL;

	return line ? line + 1 : text;
}

static int pages(struct store *s, char words[INTEGRITY_WORDS], struct err *e)
{
	sqlite3_stmt *st = db_query(s, e, "PRAGMA integrity_check(1)", DB_NONE);
	int rc = st ? db_step(s, st, e) : db_fail(s, NULL);

	if (rc <= 0)
		return rc;
	rc = strcmp(db_text(st, 0), "ok") != 0;
	if (rc)
		snprintf(words, INTEGRITY_WORDS, "%s", words_of(db_text(st, 0)));
	db_done(st);
	return rc;
}

static int any_row(int64_t bucket, const struct pack_row *row, void *ctx)
{
	(void)bucket, (void)row, (void)ctx;
	return 0;
}

static int packs(struct store *s, struct err *e)
{
	int rc = packed_each(s, PACKED_HOUR, INT64_MIN, INT64_MAX, any_row, NULL, e);

	return rc ? rc : packed_each(s, PACKED_DAY, INT64_MIN, INT64_MAX, any_row, NULL, e);
}

/*
 * A page of another table in the place of one may look right: then rows do not fit.  Only what
 * every transaction leaves so may be asked for here.
 */
static const struct {
	const char *sql, *words;
} fits[] = {
	{ "SELECT 1 FROM edge WHERE id NOT IN (SELECT edge FROM fact_total) LIMIT 1",
	  "an edge without a total" },
	{ "SELECT 1 FROM fact_total WHERE edge NOT IN (SELECT id FROM edge) LIMIT 1",
	  "a total of no edge" },
};

static int rows(struct store *s, char words[INTEGRITY_WORDS], struct err *e)
{
	for (size_t i = 0; i < sizeof(fits) / sizeof(*fits); i++) {
		int64_t found;
		int rc = db_int(s, e, &found, fits[i].sql, DB_NONE);

		if (rc < 0)
			return rc;
		if (rc) {
			snprintf(words, INTEGRITY_WORDS, "%s", fits[i].words);
			return 1;
		}
	}
	return 0;
}

static int check(struct store *s, char words[INTEGRITY_WORDS], struct err *e)
{
	int version = schema_version(s, e);
	int rc = version < 0 ? version : 0;

	if (version == 0) /* a file that nobody has begun */
		return 0;
	if (version > SCHEMA_VERSION)
		return schema_upgrade(s, version, e); /* it says so */
	if (!rc)
		rc = pages(s, words, e);
	if (!rc)
		rc = rows(s, words, e);
	if (!rc && version >= 4)
		rc = packs(s, e);
	return rc;
}

int integrity_file(const char *path, char words[INTEGRITY_WORDS], struct err *e)
{
	struct err why = { 0 };
	struct store *s = store_look(path, &why);
	int rc = s ? check(s, words, &why) : why.code;

	store_close(s);
	if (integrity_broken(rc)) {
		snprintf(words, INTEGRITY_WORDS, "%.*s", INTEGRITY_WORDS - 1, why.msg);
		return 1;
	}
	if (rc < 0 && e)
		*e = why;
	return rc;
}
