/* SPDX-License-Identifier: Apache-2.0 */
#include "store/remove.h"

#include <stdlib.h>

#include "store/conv.h"
#include "store/db.h"
#include "store/mark.h"

static int remove_claim(struct store *s, int64_t claim, int64_t conversation, struct err *e)
{
	bool more = false;
	int rc;

	conv_forget(s, conversation);
	rc = db_run(s, e, "DELETE FROM span WHERE claim = ?", DB(I(claim)));
	if (!rc)
		rc = db_run(s, e, "DELETE FROM claim WHERE id = ?", DB(I(claim)));
	if (!rc)
		rc = db_any(s, e, &more, "SELECT 1 FROM claim WHERE conversation = ? LIMIT 1",
			    DB(I(conversation)));
	if (rc || more)
		return rc;
	return db_run(s, e, "DELETE FROM conversation WHERE id = ?", DB(I(conversation)));
}

int remove_edge(struct store *s, int64_t edge, struct err *e)
{
	struct db_rows list = { 0 };
	int rc = db_rows(s, e, &list, "SELECT id, conversation FROM claim WHERE edge = ?",
			 DB(I(edge)));

	if (!rc)
		rc = mark_raise(s, MARK_EDGE, edge + 1, e);
	for (size_t i = 0; i < list.n && !rc; i++)
		rc = remove_claim(s, list.row[i].v[0], list.row[i].v[1], e);
	free(list.row);
	if (!rc)
		rc = db_run(s, e, "DELETE FROM fact_total WHERE edge = ?", DB(I(edge)));
	return rc ? rc : db_run(s, e, "DELETE FROM edge WHERE id = ?", DB(I(edge)));
}
