/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables and their version, which stands in the file's user_version.  A new file gets
 * schema.sql (what version 1 had) and every step after it (plan.sql, host.sql, collect.sql);
 * an older one gets the steps that it lacks, all in one transaction, after a copy of it was
 * put beside it as PATH.vN.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "common/err.h"
#include "store/store.h"

enum {
	SCHEMA_VERSION = 4,
	SCHEMA_APPLICATION = 0x534b454e, /* "SKEN", in the file's application_id */
};

struct schema_step {
	int version;	 /* that the database has afterwards; ascending */
	const char *sql; /* NULL ends a table of steps */
};

/* What version 1 had. */
extern const char schema_first[];

/* What the file holds: its version, 0 for an empty file, -EBADMSG for a file of others. */
int schema_version(struct store *s, struct err *e);
int schema_make(struct store *s, struct err *e);
/* -EPROTONOSUPPORT for a file newer than this program. */
int schema_upgrade(struct store *s, int from, struct err *e);
/* The same with steps of one's own, for tests; nothing if the version is FROM no more. */
int schema_run(struct store *s, int from, const struct schema_step *steps, struct err *e);

#endif
