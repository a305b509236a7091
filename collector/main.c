/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/commands.h"
#include "collector/options.h"
#include "collector/relay.h"
#include "collector/server.h"
#include "common/exits.h"
#include "common/log.h"

static const struct command {
	const char *word;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "backup", cmd_backup },
	{ "restore", cmd_restore },
	{ "token", cmd_token },
};

static int serve(struct options *o)
{
	struct err e = { 0 };
	int rc;

	log_open("skein-collector", o->level);
	rc = o->is_relay ? relay_run(&o->relay, &e) : server_run(&o->server, &e);
	if (!rc)
		return EXITS_OK;
	fprintf(stderr, "skein-collector: %s\n", e.msg);
	return rc == -EWOULDBLOCK ? EXITS_NONE : EXITS_UNREACHED;
}

static int run(int argc, char **argv)
{
	struct options o;
	int rc = options_parse(&o, argc, argv);

	rc = rc ? rc - 1 : serve(&o);
	options_free(&o);
	return rc;
}

int main(int argc, char **argv)
{
	static char name[] = "skein-collector"; /* for getopt's messages */

	log_open(name, LOG_INFO_);
	argv[0] = name;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(argv[1], commands[i].word) != 0)
			continue;
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	return run(argc, argv);
}
