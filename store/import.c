/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "store/db.h"
#include "store/dict.h"
#include "store/import_lines.h"
#include "store/import_write.h"

enum { SHA256_BYTES = 32 };

struct import {
	struct store *s;
	char *name;
	uint8_t sha256[SHA256_BYTES];
	struct lines lines;
};

static int refuse_known(const struct import *im, struct err *e)
{
	int64_t there;
	int rc = db_int(im->s, e, &there, "SELECT id FROM source WHERE sha256 = ?",
			DB(B(im->sha256, SHA256_BYTES)));

	return rc <= 0 ? rc : err_set(e, -EALREADY, "%s: imported already", im->name);
}

struct import *import_begin(struct store *s, const char *name, const uint8_t sha256[32],
			    struct err *e)
{
	struct import *im = xcalloc(1, sizeof(*im));

	im->s = s;
	im->name = xstrdup(name);
	memcpy(im->sha256, sha256, SHA256_BYTES);
	if (refuse_known(im, e) == 0)
		return im;
	import_abort(im);
	return NULL;
}

int import_machine(struct import *im, const struct import_machine *m, struct err *e)
{
	return lines_add_machine(&im->lines, m, e);
}

int import_flow(struct import *im, const struct import_flow *f, struct err *e)
{
	return lines_add_flow(&im->lines, f, e);
}

void import_abort(struct import *im)
{
	if (!im)
		return;
	lines_fini(&im->lines);
	free(im->name);
	free(im);
}

static int write_all(struct import *im, struct err *e)
{
	char name[PATH_LEN + 1];
	int64_t now_ms = (int64_t)clock_ms();
	int rc = refuse_known(im, e); /* another process may have been faster */

	if (!rc)
		rc = db_run(im->s, e,
			    "INSERT INTO source(name, sha256, imported_ms) VALUES(?, ?, ?)",
			    DB(T(dict_clean(im->name, name, sizeof(name))),
			       B(im->sha256, SHA256_BYTES), I(now_ms)));
	if (rc)
		return rc;
	return import_write(im->s, &im->lines, sqlite3_last_insert_rowid(im->s->db), now_ms,
			    e);
}

int import_commit(struct import *im, struct err *e)
{
	int rc = store_begin(im->s, e);

	if (!rc) {
		rc = write_all(im, e);
		if (!rc)
			rc = store_commit(im->s, e);
		else
			store_rollback(im->s);
	}
	import_abort(im);
	return rc;
}
