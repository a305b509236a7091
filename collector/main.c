/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/admit.h"
#include "collector/home.h"
#include "collector/server.h"
#include "common/addr.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/version.h"

static const char help[] =
	"usage: skein-collector [--data DIR] [--listen ADDR:PORT]\n"
	"       skein-collector token create [--data DIR] [--role host|mirror] [--ttl 24h]\n"
	"                                    [--uses N]\n"
	"\n"
	"Receives what sensors see and keeps it in DIR/skein.db.\n"
	"\n"
	"  --data DIR           default " HOME_DEFAULT "\n"
	"  --listen ADDR:PORT   default 0.0.0.0:7700; port 0 takes a free one, and\n"
	"                       DIR/collector.addr says which\n"
	"  --log-level LEVEL    debug, info (default), warn or err\n"
	"  --ready-fd N         write the address to this descriptor once it listens\n"
	"  --help, --version\n"
	"\n"
	"token create prints a token, alone on one line, that lets new sensors in:\n"
	"\n"
	"  --role host|mirror   host (default) speaks for its own addresses, mirror for any\n"
	"  --ttl TIME           how long it may be used: 30m, 24h (default), 7d\n"
	"  --uses N             how many sensors it lets in, 1 by default\n"
	"\n"
	"examples:\n"
	"  skein-collector --data /var/lib/skein --listen 0.0.0.0:7700\n"
	"  skein-collector token create --ttl 7d --uses 50\n"
	"  skein-sensor enroll --collector collector.example:7700 --token TOKEN\n"
	"\n"
	"SIGTERM and SIGINT end it when what has arrived is committed; SIGUSR1 prints its state.\n";

enum { OPT_DATA = 256, OPT_LISTEN, OPT_LEVEL, OPT_READY, OPT_ROLE, OPT_TTL, OPT_USES };

static const struct option run_options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const struct option token_options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "uses", required_argument, NULL, OPT_USES },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int usage(const char *what, const char *value)
{
	fprintf(stderr, "skein-collector: %s%s; see skein-collector --help\n", what, value);
	return EXITS_USAGE;
}

/* --help and --version; anything else is a word that getopt has complained about already. */
static int common_option(int opt)
{
	if (opt == 'h')
		fputs(help, stdout);
	else if (opt == 'V')
		puts("skein-collector " SKEIN_VERSION);
	return opt == 'h' || opt == 'V' ? EXITS_OK : EXITS_USAGE;
}

static bool number(const char *s, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(s, &end, 10);
	return !errno && end != s && !*end && *out >= 0 && *out <= max;
}

static int run(int argc, char **argv)
{
	char host[256] = "0.0.0.0";
	struct server_config config = { HOME_DEFAULT, host, 7700, -1 };
	enum log_level level = LOG_INFO_;
	struct err e = { 0 };
	long v;
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "", run_options, NULL)) != -1) {
		switch (opt) {
		case OPT_DATA:
			config.dir = optarg;
			break;
		case OPT_LISTEN:
			if (addr_split_hostport(optarg, host, sizeof(host), &config.port) < 0)
				return usage("--listen wants ADDR:PORT, not ", optarg);
			break;
		case OPT_LEVEL:
			if (log_level_parse(optarg, &level) < 0)
				return usage(
					"--log-level wants debug, info, warn or err, not ",
					optarg);
			break;
		case OPT_READY:
			if (!number(optarg, 1 << 20, &v))
				return usage("--ready-fd wants a descriptor, not ", optarg);
			config.ready_fd = (int)v;
			break;
		default:
			return common_option(opt);
		}
	}
	if (optind < argc)
		return usage("unknown command ", argv[optind]);
	log_open("skein-collector", level);
	rc = server_run(&config, &e);
	if (!rc)
		return EXITS_OK;
	fprintf(stderr, "skein-collector: %s\n", e.msg);
	return rc == -EWOULDBLOCK ? EXITS_NONE : EXITS_UNREACHED;
}

static int token_create(int argc, char **argv)
{
	struct admit_order order = { HOME_DEFAULT, "host", 24 * 3600, 1 };
	char text[TOKEN_TEXT];
	struct err e = { 0 };
	long v;
	int opt;

	while ((opt = getopt_long(argc, argv, "", token_options, NULL)) != -1) {
		switch (opt) {
		case OPT_DATA:
			order.dir = optarg;
			break;
		case OPT_ROLE:
			if (strcmp(optarg, "host") != 0 && strcmp(optarg, "mirror") != 0)
				return usage("--role wants host or mirror, not ", optarg);
			order.role = optarg;
			break;
		case OPT_TTL:
			if (admit_parse_ttl(optarg, &order.ttl_s) < 0)
				return usage("--ttl wants a time like 30m, 24h or 7d, not ",
					     optarg);
			break;
		case OPT_USES:
			if (!number(optarg, ADMIT_USES_MAX, &v) || !v)
				return usage("--uses wants a number from 1, not ", optarg);
			order.uses = (unsigned)v;
			break;
		default:
			return common_option(opt);
		}
	}
	if (optind < argc)
		return usage("unexpected ", argv[optind]);
	if (admit_token(&order, text, &e) < 0) {
		fprintf(stderr, "skein-collector: %s\n", e.msg);
		return EXITS_UNREACHED;
	}
	return puts(text) < 0 || fflush(stdout) != 0 ? EXITS_UNREACHED : EXITS_OK;
}

int main(int argc, char **argv)
{
	static char name[] = "skein-collector"; /* for getopt's messages */

	log_open(name, LOG_INFO_);
	argv[0] = name;
	if (argc < 2 || strcmp(argv[1], "token") != 0)
		return run(argc, argv);
	if (argc >= 3 && strcmp(argv[2], "create") == 0) {
		argv[2] = argv[0];
		return token_create(argc - 2, argv + 2);
	}
	if (argc >= 3 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
		return common_option('h');
	return usage("token wants create", "");
}
