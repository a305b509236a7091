/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
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
#include "store/erase.h"

static const char help[] =
	"usage: skein-collector erase ADDRESS|NAME [--data DIR]\n"
	"\n"
	"Forgets an address, with its edges, or a name: of a user, an owner of a group, a host.\n"
	"What is freed is overwritten. The audit says that something was erased, and not what.\n"
	"A sensor that goes on seeing the address tells it again (--fold-clients).\n"
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

/* The copy of what people did is made again by the collector; others are a person's to remove.
 */
static void say_copies(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *x;

	while (d && (x = readdir(d))) {
		char *path;

		if (strncmp(x->d_name, "skein.db.", 9) != 0)
			continue;
		path = file_path(dir, x->d_name);
		if (strcmp(x->d_name, "skein.db.people") == 0)
			unlink(path);
		else
			estate_say("%s may hold it too; remove it if you can do without",
				   path);
		free(path);
	}
	if (d)
		closedir(d);
}

static int erase(const char *dir, const char *word)
{
	const char *who = estate_author();
	struct err e = { 0 };
	struct store *s = estate_open(dir, STORE_WRITE, &e);
	char a[NUMBER_TEXT], b[NUMBER_TEXT];
	struct erased out = { 0 };
	struct addr addr;
	int rc;

	if (!s) {
		estate_say("%s", e.msg);
		return EXITS_UNREACHED;
	}
	rc = addr_parse(word, &addr) == 0
		     ? erase_address(s, &addr, who, (int64_t)clock_ms(), &out, &e)
		     : erase_name(s, word, who, (int64_t)clock_ms(), &out, &e);
	if (!rc)
		rc = erase_finish(s, &e);
	if (rc)
		estate_say("%s", e.msg);
	else
		estate_say("%s edge%s gone, and %s other row%s cleaned",
			   number_text(out.edges, a), number_plural(out.edges),
			   number_text(out.rows, b), number_plural(out.rows));
	if (!rc && out.watched)
		estate_say("a sensor that sees it will tell it again");
	store_close(s);
	if (!rc)
		say_copies(dir);
	return rc == -ENOENT ? EXITS_NONE : rc ? EXITS_UNREACHED : EXITS_OK;
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
