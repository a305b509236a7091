/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/admit.h"
#include "collector/commands.h"
#include "collector/home.h"
#include "collector/options.h"
#include "common/exits.h"
#include "store/realm.h"

static const char help[] =
	"usage: skein-collector token create [--data DIR] [--role host|mirror] [--ttl 24h]\n"
	"                                    [--uses N] [--realm NAME]\n"
	"\n"
	"Prints a token, alone on one line, that lets new sensors in.\n"
	"\n"
	"  --data DIR           of the collector, default " HOME_DEFAULT "\n"
	"  --role host|mirror   host (default) speaks for its own addresses, mirror for any\n"
	"  --ttl TIME           how long it may be used: 30m, 24h (default), 7d\n"
	"  --uses N             how many sensors it lets in, 1 by default\n"
	"  --realm NAME         address space that they are in, where addresses of several\n"
	"                       networks overlap\n"
	"\n"
	"  skein-collector token create --ttl 7d --uses 50\n"
	"  skein-sensor enroll --collector collector.example:7700 --token TOKEN\n";

enum { OPT_DATA = 256, OPT_ROLE, OPT_TTL, OPT_USES, OPT_REALM };

static const struct option options[] = {
	{ "data", required_argument, NULL, OPT_DATA },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "ttl", required_argument, NULL, OPT_TTL },
	{ "uses", required_argument, NULL, OPT_USES },
	{ "realm", required_argument, NULL, OPT_REALM },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool uses_of(const char *s, unsigned *out)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (errno || *s < '0' || *s > '9' || *end || !v || v > ADMIT_USES_MAX)
		return false;
	*out = (unsigned)v;
	return true;
}

/* 0 to go on, else the exit status + 1. */
static int take(struct admit_order *order, int opt)
{
	switch (opt) {
	case OPT_DATA:
		order->dir = optarg;
		return 0;
	case OPT_ROLE:
		if (strcmp(optarg, "host") != 0 && strcmp(optarg, "mirror") != 0)
			return options_usage("--role wants host or mirror, not ", optarg) + 1;
		order->role = optarg;
		return 0;
	case OPT_TTL:
		if (options_seconds(optarg, ADMIT_TTL_MAX_S, &order->ttl_s) < 0)
			return options_usage("--ttl wants a time like 30m, 24h or 7d, not ",
					     optarg) +
			       1;
		return 0;
	case OPT_USES:
		if (!uses_of(optarg, &order->uses))
			return options_usage("--uses wants a number from 1, not ", optarg) + 1;
		return 0;
	case OPT_REALM:
		if (!realm_good_name(optarg))
			return options_usage("--realm wants letters, digits and -_., not ",
					     optarg) +
			       1;
		order->realm = optarg;
		return 0;
	case 'h':
		fputs(help, stdout);
		return EXITS_OK + 1;
	}
	return EXITS_USAGE + 1;
}

static int create(int argc, char **argv)
{
	struct admit_order order = { HOME_DEFAULT, "host", 24 * 3600, 1, "" };
	char text[TOKEN_TEXT];
	struct err e = { 0 };
	int opt, rc;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		rc = take(&order, opt);
		if (rc)
			return rc - 1;
	}
	if (optind < argc)
		return options_usage("unexpected ", argv[optind]);
	if (admit_token(&order, text, &e) < 0) {
		fprintf(stderr, "skein-collector: %s\n", e.msg);
		return EXITS_UNREACHED;
	}
	return puts(text) < 0 || fflush(stdout) != 0 ? EXITS_UNREACHED : EXITS_OK;
}

int cmd_token(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "create") == 0) {
		argv[1] = argv[0];
		return create(argc - 1, argv + 1);
	}
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return EXITS_OK;
	}
	return options_usage("token wants create", "");
}
