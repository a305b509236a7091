/* SPDX-License-Identifier: Apache-2.0 */
#include "store/remove.h"

#include <stdlib.h>

#include "store/conv.h"
#include "store/db.h"
#include "store/mark.h"

struct claimed {
	int64_t claim, conversation;
};

static struct claimed *claims_of(struct store *s, int64_t edge, size_t *n, struct err *e)
{
	struct claimed *list = xmalloc(sizeof(*list));
	size_t cap = 1;
	int rc = -1;
	sqlite3_stmt *st = db_query(s, e, "SELECT id, conversation FROM claim WHERE edge = ?",
				    DB(I(edge)));

	*n = 0;
	while (st && (rc = db_step(s, st, e)) > 0) {
		MEM_GROW(list, *n, cap);
		list[(*n)++] = (struct claimed){ sqlite3_column_int64(st, 0),
						 sqlite3_column_int64(st, 1) };
	}
	if (rc == 0)
		return list;
	free(list);
	return NULL;
}

static int remove_claim(struct store *s, const struct claimed *c, struct err *e)
{
	int64_t any;
	int rc;

	conv_forget(s, c->conversation);
	rc = db_run(s, e, "DELETE FROM span WHERE claim = ?", DB(I(c->claim)));
	if (!rc)
		rc = db_run(s, e, "DELETE FROM claim WHERE id = ?", DB(I(c->claim)));
	if (!rc)
		rc = db_int(s, e, &any, "SELECT 1 FROM claim WHERE conversation = ? LIMIT 1",
			    DB(I(c->conversation)));
	if (rc)
		return rc < 0 ? rc : 0;
	return db_run(s, e, "DELETE FROM conversation WHERE id = ?", DB(I(c->conversation)));
}

int remove_edge(struct store *s, int64_t edge, struct err *e)
{
	size_t n;
	struct claimed *list = claims_of(s, edge, &n, e);
	int rc;

	if (!list)
		return db_fail(s, NULL);
	rc = mark_raise(s, MARK_EDGE, edge + 1, e);
	for (size_t i = 0; i < n && !rc; i++)
		rc = remove_claim(s, &list[i], e);
	free(list);
	if (!rc)
		rc = db_run(s, e, "DELETE FROM fact_total WHERE edge = ?", DB(I(edge)));
	return rc ? rc : db_run(s, e, "DELETE FROM edge WHERE id = ?", DB(I(edge)));
}
