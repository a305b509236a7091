/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner's program: finds the command and runs it.  Commands are cmd_*.c, a row each.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "common/exits.h"
#include "common/version.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* NULL: works, but is not shown */
};

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct command commands[] = {
	{ "up", cmd_up, "watch this machine: collector, sensor and a first picture" },
	{ "down", cmd_down, "stop what \"up\" started" },
	{ "import", cmd_import, "bring machines and flows from JSON lines into a database" },
	{ "machines", cmd_machines, "list the machines" },
	{ "edges", cmd_edges, "list who depends on whom" },
	{ "services", cmd_services, "list what listens for connections" },
	{ "groups", cmd_groups, "propose which machines move together, and edit that" },
	{ "explain", cmd_explain, "why a machine or a group stands where it stands" },
	{ "diff", cmd_diff, "what changed between two windows, databases or plans" },
	{ "diagram", cmd_diagram, "draw the map as SVG, DOT, PNG or PDF" },
	{ "waves", cmd_waves, "order the groups into moves, and price the cuts" },
	{ "export", cmd_export, "hand the map and its plan over to other programs" },
	{ "doctor", cmd_doctor, "what keeps the map from being whole, and what mends it" },
	{ "render", cmd_render, NULL },
	{ "help", cmd_help, "explain a command" },
	{ "version", cmd_version, "print the version" },
};

enum { COMMANDS_N = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find(const char *name)
{
	for (int i = 0; i < COMMANDS_N; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int usage(void)
{
	printf("Usage: skein COMMAND [OPTION]...\n"
	       "Maps which machine depends on which, and plans their move.\n\nCommands:\n");
	for (int i = 0; i < COMMANDS_N; i++)
		if (commands[i].help)
			printf("  %-10s %s\n", commands[i].name, commands[i].help);
	printf("\nFirst things to try:\n"
	       "  sudo skein up --data ./skein --for 30s    watch this machine, draw its map\n"
	       "  skein import --db estate.db flows.jsonl   or bring what you have\n"
	       "  skein edges --db estate.db\n"
	       "  skein diagram --db estate.db -o map.svg\n"
	       "\n\"skein COMMAND --help\" explains a command.\n");
	return EXITS_OK;
}

static int unknown(const char *name)
{
	struct suggest s = suggest_for(name);

	for (int i = 0; i < COMMANDS_N; i++)
		if (commands[i].help)
			suggest_offer(&s, commands[i].name);
	if (s.best)
		say("unknown command \"%s\", did you mean \"%s\"?", name, s.best);
	else
		say("unknown command \"%s\" (skein --help lists what there is)", name);
	return EXITS_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	static char ask[] = "--help";
	const struct command *c;
	char *help[3];

	if (argc < 2 || argv[1][0] == '-')
		return usage();
	c = find(argv[1]);
	if (!c)
		return unknown(argv[1]);
	if (c->run == cmd_help || c->run == cmd_version)
		return usage();
	help[0] = argv[1];
	help[1] = ask;
	help[2] = NULL;
	return c->run(2, help);
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("skein " SKEIN_VERSION);
	return EXITS_OK;
}

static int run(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return usage();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return cmd_version(argc, argv);
	c = argv[1][0] == '-' ? NULL : find(argv[1]);
	if (c)
		return c->run(argc - 1, argv + 1);
	if (argv[1][0] != '-')
		return unknown(argv[1]);
	say("options come after the command, not before: %s (skein --help)", argv[1]);
	return EXITS_USAGE;
}

/* A reader that has gone away is no failure; a full disk is. */
static int finish(int status)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !failed)
		return status;
	if (errno == EPIPE)
		return status;
	say("standard output: %s", errno ? strerror(errno) : "write error");
	return EXITS_UNREACHED;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_DFL);
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	return finish(run(argc, argv));
}
