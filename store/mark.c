/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mark.h"

#include "store/db.h"

int mark_get(struct store *s, const char *word, int64_t *out, struct err *e)
{
	int rc;

	*out = 0;
	rc = db_int(s, e, out, "SELECT value FROM mark WHERE word = ?", DB(T(word)));
	return rc < 0 ? rc : 0;
}

int mark_raise(struct store *s, const char *word, int64_t value, struct err *e)
{
	return db_run(s, e,
		      "INSERT INTO mark VALUES(?, ?) ON CONFLICT DO UPDATE SET value = "
		      "excluded.value WHERE excluded.value > value",
		      DB(T(word), I(value)));
}

int mark_add(struct store *s, const char *word, int64_t more, struct err *e)
{
	return db_run(s, e,
		      "INSERT INTO mark VALUES(?, ?) ON CONFLICT DO UPDATE SET value = "
		      "min(value + excluded.value, 9007199254740992)",
		      DB(T(word), I(more)));
}
