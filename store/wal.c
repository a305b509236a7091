/* SPDX-License-Identifier: Apache-2.0 */
#include "store/wal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/db.h"
#include "store/priv.h"

enum { PAGE = 4096 };

struct wal {
	struct store *s;
	char *log;		 /* its path */
	struct timespec written; /* when it was written last */
	uint64_t since_s;	 /* seen so first */
	int pages, backfilled;	 /* after the last fold */
};

struct wal *wal_open(const char *path, struct err *e)
{
	struct store *s = store_look(path, e);
	struct wal *w;

	if (!s)
		return NULL;
	store_patience(s, 0);
	if (db_exec(s, e, "PRAGMA cache_size = -1024; PRAGMA synchronous = FULL")) {
		store_close(s);
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	w->s = s;
	w->log = xasprintf("%s-wal", path);
	return w;
}

void wal_close(struct wal *w)
{
	if (!w)
		return;
	store_close(w->s);
	free(w->log);
	free(w);
}

/* A writer or another folder that is at it is no failure: there is a next time. */
static int fold(struct wal *w, int mode, struct wal_state *out, struct err *e)
{
	int pages = 0, folded = 0, before = 0;
	int rc = sqlite3_wal_checkpoint_v2(w->s->db, NULL, mode, &pages, &folded);

	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
		return 0;
	if (rc)
		return db_fail(w->s, e);
	/* A log that was begun anew is shorter, or less of it is in the file. */
	if (pages >= w->pages && folded >= w->backfilled)
		before = w->backfilled;
	if (folded > before)
		out->folded = (uint64_t)(folded - before);
	w->pages = pages;
	w->backfilled = folded;
	return 0;
}

int wal_tend(struct wal *w, uint64_t now_s, struct wal_state *out, struct err *e)
{
	struct stat st;
	int rc = 0;

	*out = (struct wal_state){ 0 };
	if (stat(w->log, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "%s", w->log);
	out->bytes = (uint64_t)st.st_size;
	if (st.st_mtim.tv_sec != w->written.tv_sec ||
	    st.st_mtim.tv_nsec != w->written.tv_nsec) {
		w->written = st.st_mtim;
		w->since_s = now_s;
		if (out->bytes >= WAL_FOLD_BYTES)
			rc = fold(w, SQLITE_CHECKPOINT_PASSIVE, out, e);
	} else if (out->bytes && now_s >= w->since_s + WAL_IDLE_S) {
		rc = fold(w, SQLITE_CHECKPOINT_TRUNCATE, out, e);
		w->since_s = now_s;
	}
	out->held = out->bytes >= WAL_HELD_BYTES && w->backfilled < w->pages;
	return rc;
}
