/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/config.h"
#include "common/exits.h"
#include "common/mem.h"
#include "common/number.h"
#include "common/version.h"
#include "sensor/courier.h"
#include "sensor/help.h"
#include "sensor/mirror/observer.h"

const char options_dir[] = HELP_DATA_DIR;

enum opt {
	OPT_EBPF = 256,
	OPT_POLL,
	OPT_ONCE,
	OPT_OUT,
	OPT_SHOW,
	OPT_SELF_TEST,
	OPT_CLEAN,
	OPT_JSON,
	OPT_CPU,
	OPT_MEMORY,
	OPT_ARGS,
	OPT_NO_NAT,
	OPT_DENY,
	OPT_COLLECTOR,
	OPT_PROXY,
	OPT_LOGIN,
	OPT_DATA,
	OPT_INTERVAL,
	OPT_EDGES,
	OPT_SOCKETS,
	OPT_READY,
	OPT_LEVEL,
	OPT_CONFIG,
	OPT_MIRROR,
	OPT_THREADS,
	OPT_RING,
	OPT_FILTER,
	OPT_READ,
	OPT_REPLAY,
	OPT_AGAIN,
	OPT_SPOOL_SIZE,
	OPT_SPOOL_FREE,
	OPT_CONNECTIONS,
	OPT_NAMES,
	OPT_MAX_CONNECTIONS,
	OPT_TOKEN,
	OPT_FORCE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option longs[] = {
	{ "ebpf", no_argument, NULL, OPT_EBPF },
	{ "poll", no_argument, NULL, OPT_POLL },
	{ "once", required_argument, NULL, OPT_ONCE },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "show-what-you-send", no_argument, NULL, OPT_SHOW },
	{ "mirror", required_argument, NULL, OPT_MIRROR },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "ring", required_argument, NULL, OPT_RING },
	{ "filter", required_argument, NULL, OPT_FILTER },
	{ "read", required_argument, NULL, OPT_READ },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "again", no_argument, NULL, OPT_AGAIN },
	{ "spool-size", required_argument, NULL, OPT_SPOOL_SIZE },
	{ "spool-free", required_argument, NULL, OPT_SPOOL_FREE },
	{ "connections", required_argument, NULL, OPT_CONNECTIONS },
	{ "names", required_argument, NULL, OPT_NAMES },
	{ "max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS },
	{ "self-test", no_argument, NULL, OPT_SELF_TEST },
	{ "self-check-clean", no_argument, NULL, OPT_CLEAN },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "cpu-budget", required_argument, NULL, OPT_CPU },
	{ "memory-budget", required_argument, NULL, OPT_MEMORY },
	{ "arguments", no_argument, NULL, OPT_ARGS },
	{ "no-translations", no_argument, NULL, OPT_NO_NAT },
	{ "deny-kernels", required_argument, NULL, OPT_DENY },
	{ "collector", required_argument, NULL, OPT_COLLECTOR },
	{ "proxy", required_argument, NULL, OPT_PROXY },
	{ "proxy-login", required_argument, NULL, OPT_LOGIN },
	{ "data", required_argument, NULL, OPT_DATA },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "max-edges", required_argument, NULL, OPT_EDGES },
	{ "max-sockets", required_argument, NULL, OPT_SOCKETS },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "token", required_argument, NULL, OPT_TOKEN },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* The line of the configuration that is taken, or NULL for the command line. */
static const struct config_line *at;
struct err options_bad_config;

int options_usage(const char *what, const char *about)
{
	if (at)
		err_set(&options_bad_config, -EINVAL, "%s:%d: %s%s", at->file, at->line,
			what + (strncmp(what, "--", 2) ? 0 : 2), about);
	else
		fprintf(stderr, "skein-sensor: %s%s; see skein-sensor --help\n", what, about);
	return EXITS_USAGE;
}

/* "10s" or "10": whole seconds that divide a minute. */
static bool interval_of(const char *text, unsigned *ms)
{
	char digits[16];
	unsigned long s;
	size_t n = strcspn(text, "s");

	if (n >= sizeof(digits) || strcmp(text + n, "s") > 0 || (text[n] && text[n + 1]))
		return false;
	memcpy(digits, text, n);
	digits[n] = 0;
	if (!number_parse(digits, 1, 60, &s) || 60 % s)
		return false;
	*ms = (unsigned)s * 1000;
	return true;
}

/* "60s", "10m", "1h", "60": up to a day. */
static bool time_of(const char *text, unsigned *ms)
{
	static const char units[] = "smh";
	static const unsigned seconds[] = { 1, 60, 3600 };
	size_t n = strlen(text);
	const char *unit = n ? strchr(units, text[n - 1]) : NULL;
	unsigned each = unit && *unit ? seconds[unit - units] : 1;
	unsigned long v;
	char digits[16];

	snprintf(digits, sizeof(digits), "%.*s", (int)(unit && *unit ? n - 1 : n), text);
	if (!number_parse(digits, 1, 86400 / each, &v))
		return false;
	*ms = (unsigned)v * each * 1000;
	return true;
}

/* What is asked instead of watching. */
static int take_question(struct args *a, int opt)
{
	switch (opt) {
	case OPT_SELF_TEST:
		a->self_test = true;
		return 0;
	case OPT_CLEAN:
		a->clean = true;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	}
	return 1 + EXITS_USAGE; /* getopt has said what */
}

/* What is watched, and for how long. 0 to go on, else the exit status + 1. */
static int take_watch(struct args *a, int opt)
{
	unsigned long v;

	switch (opt) {
	case OPT_EBPF:
		a->watch.probe = probe_find("ebpf");
		return 0;
	case OPT_POLL:
		a->watch.probe = probe_find("poll");
		return 0;
	case OPT_ONCE:
		if (!time_of(optarg, &a->watch.for_ms))
			return 1 + options_usage("--once wants a time from 1s to 24h, not ",
						 optarg);
		a->once = true;
		return 0;
	case OPT_OUT:
		a->watch.once = optarg;
		return 0;
	case OPT_SHOW:
		a->watch.show = true;
		return 0;
	case OPT_CPU:
		if (!number_parse(optarg, 0, 100, &v))
			return 1 +
			       options_usage("--cpu-budget wants percent of one core, not ",
					     optarg);
		a->watch.cpu_permille = (unsigned)v * 10;
		return 0;
	case OPT_MEMORY:
		if (!number_parse(optarg, 0, 1 << 20, &v))
			return 1 +
			       options_usage("--memory-budget wants megabytes, not ", optarg);
		a->watch.memory_bytes = (uint64_t)v << 20;
		return 0;
	case OPT_ARGS:
		a->watch.keep_args = true;
		return 0;
	case OPT_NO_NAT:
		a->watch.no_nat = true;
		return 0;
	case OPT_DENY:
		a->watch.deny_kernels = optarg;
		return 0;
	}
	return take_question(a, opt);
}

static void take_file(struct args *a, const char *path)
{
	MEM_GROW(a->files, a->files_n, a->files_cap);
	a->files[a->files_n++] = path;
}

/* Captures, and what is made of them. */
static int take_read(struct args *a, int opt)
{
	unsigned long v;

	switch (opt) {
	case OPT_READ:
		a->mode = MODE_READ;
		take_file(a, optarg);
		return 0;
	case OPT_REPLAY:
		a->mode = MODE_REPLAY;
		take_file(a, optarg);
		return 0;
	case OPT_AGAIN:
		a->again = true;
		return 0;
	case OPT_MIRROR:
		a->mode = MODE_MIRROR;
		take_file(a, optarg);
		return 0;
	case OPT_THREADS:
		if (!number_parse(optarg, 1, MIRROR_THREADS, &v))
			return 1 + options_usage("--threads wants 1 to 32, not ", optarg);
		a->mirror.threads = (unsigned)v;
		return 0;
	case OPT_RING:
		if (!number_parse(optarg, 1, 4096, &v))
			return 1 + options_usage("--ring wants MiB, 1 to 4096, not ", optarg);
		a->mirror.ring_mb = (uint32_t)v;
		return 0;
	case OPT_FILTER:
		a->mirror.filter = *optarg ? optarg : NULL;
		return 0;
	case OPT_CONNECTIONS:
	case OPT_NAMES:
		if (strcmp(optarg, "tsv") != 0 && strcmp(optarg, "json") != 0)
			return 1 + options_usage("it wants tsv or json, not ", optarg);
		a->read.format = *optarg == 't' ? READFILES_TSV : READFILES_JSON;
		a->read.names = opt == OPT_NAMES;
		a->lines = true;
		return 0;
	case OPT_MAX_CONNECTIONS:
		if (!number_parse(optarg, 1024, 1 << 24, &v))
			return 1 + options_usage(
					   "--max-connections wants a number from 1024, not ",
					   optarg);
		a->read.max_connections = (uint32_t)v;
		return 0;
	}
	return take_watch(a, opt);
}

/* What is kept, and where. */
static int take_spool(struct args *a, int opt)
{
	unsigned long v;

	switch (opt) {
	case OPT_SPOOL_SIZE:
		if (!number_parse(optarg, 0, 1 << 20, &v))
			return 1 + options_usage("--spool-size wants megabytes, not ", optarg);
		a->watch.spool_bytes = (uint64_t)v << 20;
		return 0;
	case OPT_SPOOL_FREE:
		if (!number_parse(optarg, 0, 1 << 20, &v))
			return 1 + options_usage("--spool-free wants megabytes, not ", optarg);
		a->watch.spool_free = (uint64_t)v << 20;
		return 0;
	}
	return take_read(a, opt);
}

/* How often, how much, how loud. */
static int take_bound(struct args *a, int opt)
{
	unsigned long v;

	switch (opt) {
	case OPT_INTERVAL:
		if (!interval_of(optarg, &a->watch.interval_ms))
			return 1 +
			       options_usage(
				       "--interval wants 1s to 60s, dividing a minute, not ",
				       optarg);
		return 0;
	case OPT_EDGES:
		if (!number_parse(optarg, 64, 1 << 22, &v))
			return 1 + options_usage("--max-edges wants a number from 64, not ",
						 optarg);
		a->watch.limits.max_edges = (uint32_t)v;
		return 0;
	case OPT_SOCKETS:
		if (!number_parse(optarg, 64, 1 << 22, &v))
			return 1 + options_usage("--max-sockets wants a number from 64, not ",
						 optarg);
		a->watch.limits.max_sockets = (uint32_t)v;
		return 0;
	case OPT_READY:
		if (!number_parse(optarg, 0, 65535, &v))
			return 1 +
			       options_usage("--ready-fd wants a descriptor, not ", optarg);
		a->watch.ready_fd = (int)v;
		return 0;
	case OPT_LEVEL:
		if (log_level_parse(optarg, &a->level))
			return 1 + options_usage(
					   "--log-level wants debug, info, warn or err, not ",
					   optarg);
		return 0;
	}
	return take_spool(a, opt);
}

/* A password on a command line is everybody's. */
static int take_proxy(struct args *a, const char *value)
{
	if (!at && strchr(value, '@'))
		return 1 + options_usage("--proxy takes no password, since anybody can read a "
					 "command line; --proxy-login FILE does",
					 "");
	if (!at)
		a->proxy_text = value;
	if (strcmp(value, "none") == 0)
		a->proxy.host[0] = 0;
	else if (proxy_parse(value, &a->proxy) < 0) /* its words may hold a password */
		return 1 + options_usage("--proxy wants HOST:PORT, or http://HOST:PORT", "");
	return 0;
}

/* The file that is named last counts, whoever named it. */
static int read_login(struct args *a)
{
	struct err e;

	if (!a->login || !*a->proxy.host || proxy_read_login(&a->proxy, a->login, &e) == 0)
		return 0;
	options_usage(e.msg, "");
	return 1 + EXITS_UNREACHED;
}

static int take(struct args *a, int opt)
{
	switch (opt) {
	case OPT_COLLECTOR:
		a->collector = true;
		if (addr_split_hostport(optarg, a->host, sizeof(a->host), &a->watch.port) ||
		    !*a->host || !a->watch.port)
			return 1 + options_usage("--collector wants HOST:PORT, not ", optarg);
		return 0;
	case OPT_PROXY:
		return take_proxy(a, optarg);
	case OPT_LOGIN:
		a->login = optarg;
		return 0;
	case OPT_DATA:
		a->watch.dir = optarg;
		return 0;
	case OPT_CONFIG:
		return 0; /* read before */
	case OPT_TOKEN:
		a->token = optarg;
		return 0;
	case OPT_FORCE:
		a->force = true;
		return 0;
	case OPT_HELP:
		fputs(help_text, stdout);
		return 1 + EXITS_OK;
	case OPT_VERSION:
		puts("skein-sensor " SKEIN_VERSION);
		return 1 + EXITS_OK;
	}
	return take_bound(a, opt);
}

/* Options that make no sense for a service, or not under that name. */
static bool configurable(int opt)
{
	switch (opt) {
	case OPT_COLLECTOR:
	case OPT_PROXY:
	case OPT_LOGIN:
	case OPT_DATA:
	case OPT_INTERVAL:
	case OPT_EDGES:
	case OPT_SOCKETS:
	case OPT_CPU:
	case OPT_MEMORY:
	case OPT_DENY:
	case OPT_LEVEL:
	case OPT_THREADS:
	case OPT_RING:
	case OPT_FILTER:
	case OPT_MAX_CONNECTIONS:
	case OPT_SPOOL_SIZE:
	case OPT_SPOOL_FREE:
		return true;
	}
	return false;
}

static int yes_or_no(const char *value, bool *out)
{
	*out = strcmp(value, "yes") == 0;
	return *out || strcmp(value, "no") == 0 ? 0
						: 1 + options_usage("yes or no, not ", value);
}

static int take_probe(struct args *a, const char *value)
{
	if (strcmp(value, "auto") != 0 && strcmp(value, "ebpf") != 0 &&
	    strcmp(value, "poll") != 0)
		return 1 + options_usage("probe wants auto, ebpf or poll, not ", value);
	a->watch.probe = strcmp(value, "auto") != 0 ? probe_find(value) : NULL;
	return 0;
}

/* "eth1 eth2", apart where they are. */
static void take_mirror(struct args *a, char *names)
{
	char *rest = names;

	for (char *name; (name = strtok_r(rest, " \t", &rest));) {
		a->mode = MODE_MIRROR;
		take_file(a, name);
	}
}

/* As take: 0 to go on, else the exit status + 1. */
static int take_line(struct args *a, const struct config_line *l)
{
	bool yes;
	int rc;

	if (strcmp(l->key, "probe") == 0)
		return take_probe(a, l->value);
	if (strcmp(l->key, "mirror") == 0) {
		take_mirror(a, l->value);
		return 0;
	}
	if (strcmp(l->key, "arguments") == 0)
		return yes_or_no(l->value, &a->watch.keep_args);
	if (strcmp(l->key, "translations") == 0) {
		rc = yes_or_no(l->value, &yes);
		a->watch.no_nat = !yes;
		return rc;
	}
	for (const struct option *o = longs; o->name; o++)
		if (configurable(o->val) && strcmp(o->name, l->key) == 0) {
			optarg = l->value;
			return take(a, o->val);
		}
	return 1 + options_usage("there is no key ", l->key);
}

/*
 * The file that --config names, or the default one if it is there, or NULL; TESTING: what is
 * wrong with it is for the self-test to say.
 */
static const char *config_file(int argc, char **argv, bool *testing)
{
	const char *path = access(HELP_CONFIG_FILE, F_OK) == 0 ? HELP_CONFIG_FILE : NULL;
	bool reading = false, named = false;
	int opt;

	opterr = 0;
	optind = 0; /* to glibc: from the beginning, whatever was read before */
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (opt == OPT_CONFIG)
			named = true, path = optarg;
		else if (opt == OPT_READ ||
			 opt == OPT_REPLAY) /* anybody may, and the file is the service's */
			reading = true;
		else if (opt == OPT_SELF_TEST || opt == OPT_CLEAN)
			*testing = true;
	opterr = 1;
	optind = 0;
	return reading && !named ? NULL : path;
}

/* The values stay: they are options of the whole run. */
static int configure(struct args *a, const char *path)
{
	struct config *config = xcalloc(1, sizeof(*config));
	int rc = config_read(config, path, &options_bad_config);

	a->config = config; /* options are borrowed from it */
	if (rc)
		return 1 + (rc == -EINVAL ? EXITS_USAGE : EXITS_UNREACHED);
	for (unsigned i = 0; i < config->n && !rc; i++) {
		at = &config->line[i];
		rc = take_line(a, at);
	}
	at = NULL;
	return rc;
}

/* Options and their order of precedence, once and again. */
static int parse(struct args *a, int argc, char **argv)
{
	bool told;
	int opt, rc;

	a->path = config_file(argc, argv, &a->testing);
	rc = a->path ? configure(a, a->path) : 0;
	if (rc && !a->testing)
		return rc;
	told = a->collector;
	a->collector = false;
	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		rc = take(a, opt);
		if (rc)
			return rc;
	}
	a->told = told;
	return read_login(a);
}

int options_parse(struct args *a, int argc, char **argv)
{
	int rc;

	*a = (struct args){ .watch = { .limits = { .max_edges = 49152, .max_sockets = 131072 },
				       .dir = options_dir,
				       .spool_bytes = 256 << 20,
				       .spool_free = COURIER_FREE,
				       .interval_ms = 10000,
				       .cpu_permille = 20,
				       .memory_bytes = 64 << 20,
				       .ready_fd = -1 },
			    .read = { .max_connections = OBSERVER_CONNECTIONS },
			    .mirror = { .threads = 1, .ring_mb = MIRROR_RING_MB },
			    .level = LOG_INFO_ };
	options_bad_config = (struct err){ 0 };
	a->watch.host = a->host;
	a->watch.proxy = &a->proxy;
	rc = parse(a, argc, argv);
	for (; !rc && a->files_n && optind < argc; optind++)
		take_file(a, argv[optind]);
	if (!rc && optind < argc)
		rc = 1 + options_usage("it takes no argument such as ", argv[optind]);
	return rc;
}

void options_free(struct args *a)
{
	if (a->config)
		config_free(a->config);
	free(a->config);
	free(a->files);
}
