/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/commands.h"
#include "collector/options.h"
#include "collector/relay.h"
#include "collector/server.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/mem.h"

static const struct command {
	const char *word;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "backup", cmd_backup }, { "restore", cmd_restore }, { "sensor", cmd_sensor },
	{ "erase", cmd_erase },	  { "token", cmd_token },     { "api-token", cmd_api_token },
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

/* The command line as it was, over the file as it is by now. */
struct again {
	struct options *now; /* NULL: not read again yet */
	int argc;
	char **argv;
};

static void forget(struct options *o)
{
	if (o)
		options_free(o);
	free(o);
}

static const struct server_config *read_again(void *ctx)
{
	struct again *a = ctx;
	struct options *fresh = xcalloc(1, sizeof(*fresh));

	if (options_parse(fresh, a->argc, a->argv)) {
		forget(fresh);
		return NULL;
	}
	forget(a->now);
	a->now = fresh;
	log_set_level(fresh->level);
	return &fresh->server;
}

static int run(int argc, char **argv)
{
	struct again again = { .argc = argc, .argv = argv };
	struct options o;
	int rc = options_parse(&o, argc, argv);

	o.server.again = read_again;
	o.server.again_ctx = &again;
	rc = rc ? rc - 1 : serve(&o);
	options_free(&o);
	forget(again.now);
	return rc;
}

int main(int argc, char **argv)
{
	static char name[] = "skein-collector"; /* for getopt's messages */

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
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
