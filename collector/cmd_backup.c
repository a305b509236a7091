/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the database while the collector runs, and one put back while it does not. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/commands.h"
#include "collector/estate.h"
#include "collector/home.h"
#include "collector/options.h"
#include "common/clock.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/mem.h"
#include "common/number.h"
#include "store/aside.h"
#include "store/backup.h"
#include "store/integrity.h"

static const char backup_help[] =
	"usage: skein-collector backup FILE [--data DIR] [--keep N]\n"
	"\n"
	"Copies DIR/skein.db to FILE, as it is at one moment, while the collector writes. The\n"
	"copy is checked, readable by its owner alone, and takes FILE's place when it is whole.\n"
	"\n"
	"  --data DIR  of the collector, default " HOME_DEFAULT "\n"
	"  --keep N    move what is there to FILE.1, FILE.1 to FILE.2 and so on, N of them\n"
	"\n"
	"  skein-collector backup /var/backups/skein.db --keep 7\n";

static const char restore_help[] =
	"usage: skein-collector restore FILE [--data DIR]\n"
	"\n"
	"Puts the backup FILE in place of DIR/skein.db, which is moved aside. The collector must\n"
	"not run. What sensors sent after the backup was made, and was acknowledged, is lost, and\n"
	"shows as a gap; what they still have they send again, and it counts once.\n"
	"\n"
	"  --data DIR  of the collector, default " HOME_DEFAULT "\n"
	"\n"
	"  systemctl stop skein-collector\n"
	"  skein-collector restore /var/backups/skein.db\n"
	"  systemctl start skein-collector\n";

enum { OPT_DATA = 256, OPT_KEEP, KEEP_MAX = 1000 };

static const struct option options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct order {
	const char *help, *dir, *file;
	bool may_keep;
	unsigned long keep;
};

/* 0 to go on, else the exit status + 1. */
static int parse(struct order *o, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(o->help, stdout);
			return EXITS_OK + 1;
		}
		if (opt == OPT_DATA) {
			o->dir = optarg;
			continue;
		}
		if (opt != OPT_KEEP)
			return EXITS_USAGE + 1;
		if (!o->may_keep)
			return options_usage("no such option here: ", "--keep") + 1;
		if (!number_parse(optarg, 0, KEEP_MAX, &o->keep))
			return options_usage("--keep wants a number up to 1000, not ",
					     optarg) +
			       1;
	}
	if (optind + 1 != argc)
		return options_usage(optind < argc ? "one FILE, not also " : "wants a FILE",
				     optind < argc ? argv[optind + 1] : "") +
		       1;
	o->file = argv[optind];
	return 0;
}

static int say(const struct err *e)
{
	estate_say("%s", e->msg);
	return EXITS_UNREACHED;
}

static int progress(uint64_t bytes, uint64_t all, void *ctx)
{
	(void)ctx;
	fprintf(stderr, "\r%llu of %llu MB", (unsigned long long)(bytes >> 20),
		(unsigned long long)(all >> 20));
	if (bytes >= all)
		fputs("\r\033[K", stderr);
	return 0;
}

/* The oldest first, so that none takes the place of another. */
static int rotate(const struct order *o, struct err *e)
{
	int rc = 0;

	for (unsigned long i = o->keep; i > 0 && !rc; i--) {
		char *from = i > 1 ? xasprintf("%s.%lu", o->file, i - 1) : xstrdup(o->file);
		char *to = xasprintf("%s.%lu", o->file, i);

		if (rename(from, to) < 0 && errno != ENOENT)
			rc = err_sys(e, -errno, "cannot move %s to %s", from, to);
		free(from);
		free(to);
	}
	return rc;
}

/* Made beside its place first: a backup that fails moves none of the older ones. */
static int make(const struct order *o, struct err *e)
{
	char *from = file_path(o->dir, "skein.db");
	char *beside = o->keep ? xasprintf("%s.new", o->file) : xstrdup(o->file);
	int rc = backup_make(from, beside, isatty(STDERR_FILENO) ? progress : NULL, NULL, e);

	if (!rc && o->keep) {
		rc = rotate(o, e);
		if (!rc && rename(beside, o->file) < 0)
			rc = err_sys(e, -errno, "cannot write %s", o->file);
	}
	free(from);
	free(beside);
	return rc;
}

int cmd_backup(int argc, char **argv)
{
	struct order o = { .help = backup_help, .dir = HOME_DEFAULT, .may_keep = true };
	struct err e = { 0 };
	int rc = parse(&o, argc, argv);

	if (rc)
		return rc - 1;
	return make(&o, &e) ? say(&e) : EXITS_OK;
}

static int whole(const char *path, struct err *e)
{
	char words[INTEGRITY_WORDS] = "";
	int rc = access(path, R_OK) < 0 ? err_sys(e, -errno, "cannot read %s", path)
					: integrity_file(path, words, e);

	return rc > 0 ? err_set(e, -EBADMSG, "%s is damaged: %s", path, words) : rc;
}

/* Everything is ready beside the old file before that is touched. */
static int put_back(const struct order *o, char **old, struct err *e)
{
	char *path = file_path(o->dir, "skein.db");
	char *beside = file_path(o->dir, "skein.db.restoring");
	struct store *s = NULL;
	int rc = whole(o->file, e);

	if (!rc)
		rc = backup_make(o->file, beside, NULL, NULL, e);
	if (!rc) {
		s = store_open(beside, STORE_WRITE, e);
		rc = s ? backup_note_restored(s, clock_ms(), e) : -EIO;
		store_close(s);
	}
	if (!rc && access(path, F_OK) == 0)
		rc = aside_move(path, "before-restore", clock_ms(), old, e);
	if (!rc && rename(beside, path) < 0)
		rc = err_sys(e, -errno, "cannot write %s", path);
	if (rc)
		unlink(beside);
	free(path);
	free(beside);
	return rc;
}

int cmd_restore(int argc, char **argv)
{
	struct order o = { .help = restore_help, .dir = HOME_DEFAULT };
	struct err e = { 0 };
	char *old = NULL;
	int rc = parse(&o, argc, argv), lock;

	if (rc)
		return rc - 1;
	rc = home_open(o.dir, &e);
	if (!rc)
		rc = home_become_owner(o.dir, &e);
	if (rc)
		return say(&e);
	lock = home_lock(o.dir, &e);
	if (lock < 0) {
		say(&e);
		return lock == -EWOULDBLOCK ? EXITS_NONE : EXITS_UNREACHED;
	}
	rc = put_back(&o, &old, &e);
	if (!rc && old)
		printf("what was there is now %s\n", old);
	close(lock);
	free(old);
	return rc ? say(&e) : EXITS_OK;
}
