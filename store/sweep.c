/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sweep.h"

#include <limits.h>
#include <stdlib.h>

#include "store/conv.h"
#include "store/db.h"

/* Which of the numbers 1 to N are referred to. */
struct used {
	int64_t n;
	uint8_t *bit;
};

struct sweep {
	struct used conversation, endpoint, process;
	unsigned stage;
	int64_t at, at_too; /* walked over up to here; the second word of a key of two */
};

/* What refers: the key in column 0, then conversations, endpoints, processes. */
static const struct {
	const char *sql;
	int conversations, endpoints, processes;
} referring[] = {
	{ "SELECT id, conversation, via, client_process, server_process FROM claim "
	  "WHERE id > ? ORDER BY id LIMIT ?",
	  2, 0, 2 },
	{ "SELECT id, client, server, client_process, server_process FROM edge WHERE id > ? "
	  "ORDER BY id LIMIT ?",
	  0, 2, 2 },
	{ "SELECT id, iif(until_ms IS NULL, endpoint, 0) FROM lease WHERE id > ? "
	  "ORDER BY id LIMIT ?",
	  0, 1, 0 },
	/* some machines at a time, whole */
	{ "SELECT m.id, ifnull(l.process, 0) FROM (SELECT id FROM machine WHERE id > ? "
	  "ORDER BY id LIMIT 1 + ? / 100) m LEFT JOIN listener l ON l.machine = m.id "
	  "ORDER BY m.id",
	  0, 0, 1 },
};
enum {
	REFERRING = sizeof(referring) / sizeof(*referring),
	CONVERSATIONS = REFERRING, /* those that stay refer, too */
	DETAILS,
	ENDPOINTS,
	PROCESSES,
	STAGES
};

static void note(struct used *u, int64_t id)
{
	if (id > 0 && id <= u->n)
		u->bit[id >> 3] |= (uint8_t)(1 << (id & 7));
}

/* What came after the walk began is not looked at. */
static bool is_used(const struct used *u, int64_t id)
{
	return id <= 0 || id > u->n || u->bit[id >> 3] & 1 << (id & 7);
}

void sweep_note_conversation(struct sweep *w, int64_t id)
{
	note(&w->conversation, id);
}

void sweep_note_endpoint(struct sweep *w, int64_t id)
{
	note(&w->endpoint, id);
}

void sweep_note_process(struct sweep *w, int64_t id)
{
	note(&w->process, id);
}

void sweep_free(struct sweep *w)
{
	if (!w)
		return;
	free(w->conversation.bit);
	free(w->endpoint.bit);
	free(w->process.bit);
	free(w);
}

static int count(struct store *s, const char *sql, struct used *u, struct err *e)
{
	int rc = db_int(s, e, &u->n, sql, DB_NONE);

	if (rc < 0)
		return rc;
	if (u->n < 0 || u->n > INT_MAX) /* of a damaged file */
		u->n = 0;
	u->bit = xcalloc((size_t)(u->n >> 3) + 1, 1);
	return 0;
}

static int begin(struct store *s, struct err *e)
{
	struct sweep *w = xcalloc(1, sizeof(*w));
	int rc = count(s, "SELECT ifnull(max(id), 0) FROM conversation", &w->conversation, e);

	if (!rc)
		rc = count(s, "SELECT ifnull(max(id), 0) FROM endpoint", &w->endpoint, e);
	if (!rc)
		rc = count(s, "SELECT ifnull(max(id), 0) FROM process", &w->process, e);
	if (rc) {
		sweep_free(w);
		return rc;
	}
	s->sweep = w;
	/* What else is in memory is referred to, or noted when it is looked up. */
	conv_forget_unspoken(s);
	return 0;
}

static void next_stage(struct sweep *w)
{
	w->stage++;
	w->at = w->at_too = 0;
}

/* N columns from *AT on. */
static void note_columns(struct used *u, sqlite3_stmt *st, int *at, int n)
{
	for (; n > 0; n--)
		note(u, sqlite3_column_int64(st, (*at)++));
}

static int walk_referring(struct store *s, struct sweep *w, unsigned max, struct err *e)
{
	unsigned stage = w->stage, n = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e, referring[stage].sql, DB(I(w->at), I(max)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		int at = 1;

		w->at = sqlite3_column_int64(st, 0);
		note_columns(&w->conversation, st, &at, referring[stage].conversations);
		note_columns(&w->endpoint, st, &at, referring[stage].endpoints);
		note_columns(&w->process, st, &at, referring[stage].processes);
		n++;
	}
	if (!rc && !n)
		next_stage(w);
	return rc;
}

/* The listed numbers are removed after the walk: no table is written that is being read. */
struct doomed {
	int64_t (*list)[2];
	size_t n;
};

/* One that nobody speaks of: behind a NAT, or what was said of it went to another one. */
static int walk_conversations(struct store *s, struct sweep *w, unsigned max, struct doomed *d,
			      struct err *e)
{
	unsigned n = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT id, client, server FROM conversation WHERE id > ? "
				    "ORDER BY id LIMIT ?",
				    DB(I(w->at), I(max)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		int at = 1;

		w->at = sqlite3_column_int64(st, 0);
		n++;
		if (is_used(&w->conversation, w->at))
			note_columns(&w->endpoint, st, &at, 2);
		else
			d->list[d->n++][0] = w->at;
	}
	if (!rc && !n)
		next_stage(w);
	return rc;
}

static int walk_details(struct store *s, struct sweep *w, unsigned max, struct doomed *d,
			struct err *e)
{
	unsigned n = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e,
				    "SELECT endpoint, process FROM detail WHERE "
				    "(endpoint, process) > (?, ?) ORDER BY 1, 2 LIMIT ?",
				    DB(I(w->at), I(w->at_too), I(max)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		w->at = sqlite3_column_int64(st, 0);
		w->at_too = sqlite3_column_int64(st, 1);
		n++;
		if (!is_used(&w->endpoint, w->at) || !is_used(&w->process, w->at_too)) {
			d->list[d->n][0] = w->at;
			d->list[d->n++][1] = w->at_too;
		}
	}
	if (!rc && !n)
		next_stage(w);
	return rc;
}

static int walk_numbers(struct store *s, struct sweep *w, const char *sql,
			const struct used *used, unsigned max, struct doomed *d, struct err *e)
{
	unsigned n = 0;
	int rc;
	sqlite3_stmt *st = db_query(s, e, sql, DB(I(w->at), I(max)));

	if (!st)
		return db_fail(s, NULL);
	while ((rc = db_step(s, st, e)) > 0) {
		w->at = sqlite3_column_int64(st, 0);
		n++;
		if (!is_used(used, w->at))
			d->list[d->n++][0] = w->at;
	}
	if (!rc && !n)
		next_stage(w);
	return rc;
}

static int remove_one(struct store *s, unsigned stage, const int64_t id[2], struct err *e)
{
	int rc;

	if (stage == CONVERSATIONS)
		return db_run(s, e, "DELETE FROM conversation WHERE id = ?", DB(I(id[0])));
	if (stage == DETAILS)
		return db_run(s, e, "DELETE FROM detail WHERE endpoint = ? AND process = ?",
			      DB(I(id[0]), I(id[1])));
	if (stage == PROCESSES)
		return db_run(s, e, "DELETE FROM process WHERE id = ?", DB(I(id[0])));
	rc = db_run(s, e, "DELETE FROM lease WHERE endpoint = ?", DB(I(id[0])));
	return rc ? rc : db_run(s, e, "DELETE FROM endpoint WHERE id = ?", DB(I(id[0])));
}

static int walk_dictionary(struct store *s, struct sweep *w, unsigned max, uint64_t *n,
			   struct err *e)
{
	struct doomed d = { .list = xcalloc(max, sizeof(*d.list)) };
	unsigned stage = w->stage;
	int rc;

	if (stage == CONVERSATIONS)
		rc = walk_conversations(s, w, max, &d, e);
	else if (stage == DETAILS)
		rc = walk_details(s, w, max, &d, e);
	else if (stage == ENDPOINTS)
		rc = walk_numbers(s, w,
				  "SELECT id FROM endpoint WHERE id > ? ORDER BY id LIMIT ?",
				  &w->endpoint, max, &d, e);
	else
		rc = walk_numbers(s, w,
				  "SELECT id FROM process WHERE id > ? ORDER BY id LIMIT ?",
				  &w->process, max, &d, e);
	for (size_t i = 0; i < d.n && !rc; i++)
		rc = remove_one(s, stage, d.list[i], e);
	if (d.n && stage != CONVERSATIONS) /* the caches may hold them */
		store_forget(s);
	*n += d.n;
	free(d.list);
	return rc;
}

int sweep_step(struct store *s, unsigned max, uint64_t *n, struct err *e)
{
	struct sweep *w;
	int rc = s->sweep ? 0 : begin(s, e);

	if (rc)
		return rc;
	w = s->sweep;
	rc = w->stage < REFERRING ? walk_referring(s, w, max, e)
				  : walk_dictionary(s, w, max, n, e);
	if (rc || w->stage < STAGES)
		return rc ? rc : 1;
	sweep_free(w);
	s->sweep = NULL;
	return 0;
}
