/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/database.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "store/aside.h"
#include "store/frames.h"
#include "store/integrity.h"

enum { PATIENCE_MS = 200 }; /* of the one loop: commit.c tries again */

static char *suspect_path(const struct database *d)
{
	return xasprintf("%s.suspect", d->path);
}

void database_suspect(const struct database *d, const char *words)
{
	char *path = suspect_path(d);

	file_replace(path, 0600, words, strlen(words), NULL);
	free(path);
}

static bool is_suspect(const struct database *d)
{
	char *path = suspect_path(d);
	bool yes = access(path, F_OK) == 0;

	free(path);
	return yes;
}

static void no_suspect(const struct database *d)
{
	char *path = suspect_path(d);

	unlink(path);
	free(path);
}

/* Who may speak is read from the damaged file, and from the copy beside it where that fails.
 */
static int carry(struct database *d, const char *old, const char *why, struct err *e)
{
	char *people = xasprintf("%s.people", d->path);
	struct aside first = { 0 }, second = { 0 };
	int rc = aside_carry(d->store, old, &first, e);

	if (!rc && access(people, F_OK) == 0)
		rc = aside_carry(d->store, people, &second, e);
	if (!rc)
		rc = aside_note(d->store, old, why, clock_ms(), e);
	if (!rc)
		log_err("%s is damaged (%s): set aside as %s; going on with an empty one. "
			"%llu rows of sensors, tokens and plans were taken over%s; facts that no "
			"sensor has any more are lost: skein-collector restore puts back a backup",
			d->path, why, old, (unsigned long long)(first.rows + second.rows),
			first.torn && !second.rows ? ", not all could be read" : "");
	free(people);
	return rc;
}

static int set_aside(struct database *d, const char *why, struct err *e)
{
	char *old;
	int rc = aside_move(d->path, "damaged", clock_ms(), &old, e);

	if (!rc) {
		d->store = store_open(d->path, STORE_WRITE, e);
		rc = d->store ? carry(d, old, why, e) : -EIO;
	}
	free(old);
	d->stats->set_aside++;
	return rc;
}

/* "" if there is nothing wrong with it that would be known by now. */
static void check(struct database *d, char words[KEEPER_WORDS])
{
	bool suspect = is_suspect(d);
	struct stat st;

	words[0] = 0;
	if (stat(d->path, &st) < 0 || !st.st_size)
		return;
	switch (keeper_check(&d->keeper, suspect ? -1 : DATABASE_CHECK_MS, words)) {
	case KEEPER_DAMAGED:
		return;
	case KEEPER_READING:
		log_info("%s has %lld MB: it is being checked beside the work", d->path,
			 (long long)st.st_size >> 20);
		break;
	case KEEPER_UNKNOWN:
		log_warn("%s could not be checked: %s", d->path, words);
		d->unsure = suspect;
		break;
	case KEEPER_WHOLE:
		if (suspect)
			log_info("%s was found whole", d->path);
		break;
	}
	words[0] = 0;
}

/* Before anybody has it open.  True when transactions that were committed are gone. */
static bool is_log_torn(struct database *d)
{
	struct frames f;
	struct err e = { 0 };

	if (frames_read(d->path, &f, &e) < 0)
		log_warn("%s", e.msg);
	if (!f.commits)
		return false;
	d->stats->log_torn = f.commits;
	log_err("%s-wal is damaged behind frame %llu: up to %llu transactions from there on are "
		"lost; sensors send again what they still have, and what they had been told is "
		"safe and have no more becomes a gap.  What people did in the last minutes may "
		"be undone",
		d->path, (unsigned long long)f.good, (unsigned long long)f.commits);
	return true;
}

/* Who was let in last may be known by the copy alone; who is there already stays as he is. */
static int carry_sensors(struct database *d, struct err *e)
{
	char *people = xasprintf("%s.people", d->path);
	struct aside a = { 0 };
	int rc = access(people, F_OK) == 0 ? aside_carry_sensors(d->store, people, &a, e) : 0;

	if (!rc && a.rows)
		log_info("%llu rows of sensors were taken over from %s",
			 (unsigned long long)a.rows, people);
	free(people);
	return rc;
}

static int open_checked(struct database *d, bool torn, struct err *e)
{
	char words[KEEPER_WORDS];

	check(d, words);
	if (*words)
		return set_aside(d, words, e);
	d->store = store_open(d->path, STORE_WRITE, e);
	if (d->store)
		return torn ? carry_sensors(d, e) : 0;
	if (!integrity_broken(e->code))
		return -EIO;
	snprintf(words, sizeof(words), "%.*s", KEEPER_WORDS - 1, e->msg);
	return set_aside(d, words, e);
}

void database_plan(struct database *d, struct nursery *n, const char *dir, struct stats *stats)
{
	*d = (struct database){ .path = file_path(dir, "skein.db"), .stats = stats };
	keeper_plan(&d->keeper, n, dir, d->path, stats);
}

int database_open(struct database *d, struct err *e)
{
	bool torn = is_log_torn(d);
	int rc = keeper_start(&d->keeper, e);

	child_rest_born(&d->rest, stats_clock_ms());
	if (!rc)
		rc = open_checked(d, torn, e);
	if (!rc)
		rc = store_checkpoints(d->store, false, e);
	if (rc)
		return rc;
	store_patience(d->store, PATIENCE_MS);
	if (!d->unsure)
		no_suspect(d);
	keeper_go(&d->keeper);
	return 0;
}

static bool start_again(struct database *d)
{
	struct err e = { 0 };

	if (keeper_start(&d->keeper, &e) < 0 || store_checkpoints(d->store, false, &e) < 0) {
		log_err("%s", e.msg);
		child_rest_died(&d->rest, stats_clock_ms());
		return false;
	}
	child_rest_born(&d->rest, stats_clock_ms());
	keeper_go(&d->keeper);
	return true;
}

bool database_sweep(struct database *d)
{
	int status;

	if (keeper_ended(&d->keeper, &status)) {
		log_err("the keeper of the database has ended (status %d): another follows; "
			"until then commits fold the log themselves",
			status);
		store_checkpoints(d->store, true, NULL);
		child_rest_died(&d->rest, stats_clock_ms());
	}
	return !d->keeper.child.pid && stats_clock_ms() >= d->rest.due_ms && start_again(d);
}

/* The keeper ends first: who closes the database last folds the log and removes it. */
void database_close(struct database *d)
{
	if (d->path)
		keeper_stop(&d->keeper);
	store_close(d->store);
	free(d->path);
}
