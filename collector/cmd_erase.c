/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
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
#include "common/number.h"
#include "common/text.h"
#include "store/erase.h"

enum { FILE_MOST = 1 << 30 }; /* of a damaged copy that is looked through */

static const char help[] =
	"usage: skein-collector erase ADDRESS|NAME [--data DIR]\n"
	"\n"
	"Forgets an address, with its edges, or a name: of a user, an owner of a group, a host.\n"
	"What is freed is overwritten. The audit says that something was erased, and not what.\n"
	"A sensor that goes on seeing the address tells it again (--fold-clients).\n"
	"Copies of the database in DIR (backups, what a migration or damage left) are cleaned\n"
	"as well; one that cannot be is named, and the status is 4. Copies elsewhere are yours.\n"
	"\n"
	"  --data DIR   of the collector, default " HOME_DEFAULT "\n"
	"\n"
	"  skein-collector erase 198.51.100.17\n"
	"  skein-collector erase jdoe\n";

static const struct option options[] = {
	{ "data", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* What is to go: the address, or the name where that is NULL. */
struct wanted {
	const struct addr *addr;
	const char *name;
};

/* Whether the bytes of it stand in a file. */
static bool stands(const char *path, const struct wanted *w)
{
	char text[ADDR_TEXT];
	struct buf b = { 0 };
	const char *words = w->addr ? addr_text(w->addr, text) : w->name;
	bool found = file_read(path, FILE_MOST, &b, NULL) != 0; /* who knows */

	if (!found && b.n)
		found = memmem(b.p, b.n, words, strlen(words)) ||
			(w->addr && memmem(b.p, b.n, w->addr->b, sizeof(w->addr->b)));
	buf_fini(&b);
	return found;
}

static bool is_sqlite(const char *path)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool is = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
		  memcmp(head, magic, sizeof(head)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

/*
 * A copy: any database in the folder, and whatever is called like one.  Of a damaged one what
 * cannot be read stays where it is, so there the bytes themselves are looked for.
 */
static bool is_copy(const char *path, const char *name)
{
	if (strcmp(name, "skein.db") == 0 || text_ends(name, "-wal") ||
	    text_ends(name, "-shm") || text_ends(name, "-journal") ||
	    strcmp(name, "skein.db.suspect") == 0)
		return false;
	return strncmp(name, "skein.db.", 9) == 0 || is_sqlite(path);
}

struct copies {
	uint64_t cleaned; /* rows */
	bool left;	  /* one may hold it still */
};

static void erase_there(const char *path, const struct wanted *w, struct copies *c)
{
	struct err e = { 0 };
	struct erased out;
	char n[NUMBER_TEXT];
	int rc = erase_copy(path, w->addr, w->name, &out, &e);

	if (!rc && strstr(path, ".damaged-") && stands(path, w))
		rc = err_set(&e, -EBADMSG, "%s: it stands where nothing can be read", path);
	if (rc) {
		estate_say("%s", e.msg);
		estate_say("%s may hold it still; remove it if you can do without", path);
		c->left = true;
		return;
	}
	c->cleaned += out.edges + out.rows;
	if (out.edges + out.rows)
		estate_say("%s: %s row%s gone or cleaned there, too", path,
			   number_text(out.edges + out.rows, n),
			   number_plural(out.edges + out.rows));
}

/* The copy of what people did is made again by the collector. */
static struct copies erase_copies(const char *dir, const struct wanted *w)
{
	DIR *d = opendir(dir);
	struct copies c = { .left = !d };
	struct dirent *x;

	while (d && (x = readdir(d))) {
		char *path = file_path(dir, x->d_name);

		if (strcmp(x->d_name, "skein.db.people") == 0)
			unlink(path);
		else if (is_copy(path, x->d_name))
			erase_there(path, w, &c);
		free(path);
	}
	if (d)
		closedir(d);
	return c;
}

static void say_done(const struct erased *out)
{
	char a[NUMBER_TEXT], b[NUMBER_TEXT];

	estate_say("%s edge%s gone, and %s other row%s cleaned", number_text(out->edges, a),
		   number_plural(out->edges), number_text(out->rows, b),
		   number_plural(out->rows));
	if (out->watched)
		estate_say("a sensor that sees it will tell it again");
}

/* Copies are seen to whatever became of the database itself: it may be in them alone. */
static int erase(const char *dir, const char *word)
{
	const char *who = estate_author();
	struct err e = { 0 };
	struct store *s = estate_open(dir, STORE_WRITE, &e);
	struct erased out = { 0 };
	struct wanted w = { .name = word };
	struct addr addr;
	struct copies copies;
	int rc;

	if (!s) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	if (addr_parse(word, &addr) == 0)
		w.addr = &addr;
	rc = w.addr ? erase_address(s, &addr, who, (int64_t)clock_ms(), &out, &e)
		    : erase_name(s, word, who, (int64_t)clock_ms(), &out, &e);
	if (!rc)
		rc = erase_finish(s, &e);
	if (rc)
		estate_say("%s", e.msg);
	else
		say_done(&out);
	store_close(s);
	copies = erase_copies(dir, &w);
	if (rc && rc != -ENOENT)
		return EXITS_UNREACHED;
	if (copies.left)
		return EXITS_PARTIAL;
	return rc && !copies.cleaned ? EXITS_NONE : EXITS_OK;
}

int cmd_erase(int argc, char **argv)
{
	const char *dir = HOME_DEFAULT;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'd')
			dir = optarg;
		else if (opt == 'h')
			return fputs(help, stdout), EXITS_OK;
		else
			return EXITS_USAGE;
	}
	if (optind + 1 != argc || !*argv[optind])
		return options_usage("erase wants one address or name", "");
	return erase(dir, argv[optind]);
}
