/* SPDX-License-Identifier: Apache-2.0 */
/* skein-sensor: options, and the choice between enrolling and watching. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/version.h"
#include "sensor/enroll.h"
#include "sensor/sensor.h"

#define DATA_DIR "/var/lib/skein/sensor"

static const char usage_text[] =
	"usage: skein-sensor --ebpf --collector HOST:PORT [--data DIR] [OPTION...]\n"
	"       skein-sensor enroll --collector HOST:PORT --token TOKEN [--data DIR] [--force]\n"
	"\n"
	"Watches the TCP connections of this machine and tells a collector which process\n"
	"depends on which. Read only; never looks at payload; needs root to attach.\n"
	"\n"
	"  --ebpf              watch by eBPF (the default)\n"
	"  --poll              watch without eBPF\n"
	"  --collector H:P     where the collector listens\n"
	"  --data DIR          identity of this sensor (default " DATA_DIR ")\n"
	"  --interval TIME     how often edges are sent: 1s to 60s, dividing a minute (10s)\n"
	"  --max-edges N       edges in one interval (32768)\n"
	"  --max-sockets N     connections open at once (65536)\n"
	"  --ready-fd N        write \"ready\" to this descriptor once attached\n"
	"  --log-level LEVEL   debug, info, warn or err\n"
	"  --token TOKEN       for enroll: from `skein-collector token create`, - reads it\n"
	"  --force             for enroll: replace the identity that is there\n"
	"  --help, --version\n"
	"\n"
	"Signals: SIGTERM ends after the last acknowledgement, SIGUSR1 prints the state.\n"
	"\n"
	"  skein-sensor enroll --collector map.example:7700 --token \"$TOKEN\"\n"
	"  skein-sensor --ebpf --collector map.example:7700\n";

enum opt {
	OPT_EBPF = 256,
	OPT_POLL,
	OPT_COLLECTOR,
	OPT_DATA,
	OPT_INTERVAL,
	OPT_EDGES,
	OPT_SOCKETS,
	OPT_READY,
	OPT_LEVEL,
	OPT_TOKEN,
	OPT_FORCE,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option longs[] = {
	{ "ebpf", no_argument, NULL, OPT_EBPF },
	{ "poll", no_argument, NULL, OPT_POLL },
	{ "collector", required_argument, NULL, OPT_COLLECTOR },
	{ "data", required_argument, NULL, OPT_DATA },
	{ "interval", required_argument, NULL, OPT_INTERVAL },
	{ "max-edges", required_argument, NULL, OPT_EDGES },
	{ "max-sockets", required_argument, NULL, OPT_SOCKETS },
	{ "ready-fd", required_argument, NULL, OPT_READY },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "token", required_argument, NULL, OPT_TOKEN },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

struct args {
	struct sensor_config sensor;
	char host[256];
	bool collector;
	const char *token;
	bool force;
	enum log_level level;
};

static int usage(const char *what, const char *about)
{
	fprintf(stderr, "skein-sensor: %s%s; see skein-sensor --help\n", what, about);
	return EXITS_USAGE;
}

static bool number(const char *text, unsigned long least, unsigned long most,
		   unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *out >= least &&
	       *out <= most;
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
	if (!number(digits, 1, 60, &s) || 60 % s)
		return false;
	*ms = (unsigned)s * 1000;
	return true;
}

/* 0 to go on, else the exit status + 1. */
static int take(struct args *a, int opt)
{
	unsigned long v;

	switch (opt) {
	case OPT_EBPF:
		a->sensor.probe = &probe_ebpf;
		return 0;
	case OPT_POLL:
		a->sensor.probe = &probe_poll;
		return 0;
	case OPT_COLLECTOR:
		a->collector = true;
		if (addr_split_hostport(optarg, a->host, sizeof(a->host), &a->sensor.port) ||
		    !*a->host || !a->sensor.port)
			return 1 + usage("--collector wants HOST:PORT, not ", optarg);
		return 0;
	case OPT_DATA:
		a->sensor.dir = optarg;
		return 0;
	case OPT_INTERVAL:
		if (!interval_of(optarg, &a->sensor.interval_ms))
			return 1 + usage("--interval wants 1s to 60s, dividing a minute, not ",
					 optarg);
		return 0;
	case OPT_EDGES:
		if (!number(optarg, 64, 1 << 22, &v))
			return 1 + usage("--max-edges wants a number from 64, not ", optarg);
		a->sensor.limits.max_edges = (uint32_t)v;
		return 0;
	case OPT_SOCKETS:
		if (!number(optarg, 64, 1 << 22, &v))
			return 1 + usage("--max-sockets wants a number from 64, not ", optarg);
		a->sensor.limits.max_sockets = (uint32_t)v;
		return 0;
	case OPT_READY:
		if (!number(optarg, 0, 65535, &v))
			return 1 + usage("--ready-fd wants a descriptor, not ", optarg);
		a->sensor.ready_fd = (int)v;
		return 0;
	case OPT_LEVEL:
		if (log_level_parse(optarg, &a->level))
			return 1 + usage("--log-level wants debug, info, warn or err, not ",
					 optarg);
		return 0;
	case OPT_TOKEN:
		a->token = optarg;
		return 0;
	case OPT_FORCE:
		a->force = true;
		return 0;
	case OPT_HELP:
		fputs(usage_text, stdout);
		return 1 + EXITS_OK;
	case OPT_VERSION:
		puts("skein-sensor " SKEIN_VERSION);
		return 1 + EXITS_OK;
	}
	return 1 + EXITS_USAGE; /* getopt has said what */
}

static int fail(const struct err *e)
{
	fprintf(stderr, "skein-sensor: %s\n", e->msg);
	if (e->code == -EAGAIN)
		return EXITS_PARTIAL;
	return e->code == -EINVAL ? EXITS_USAGE : EXITS_UNREACHED;
}

/* "-" is a line of standard input, since anybody can read a command line. */
static const char *token_of(const struct args *a, char line[512])
{
	if (strcmp(a->token, "-") != 0)
		return a->token;
	if (!fgets(line, 512, stdin))
		line[0] = 0;
	line[strcspn(line, "\r\n")] = 0;
	return line;
}

static int enroll(const struct args *a)
{
	char line[512];
	struct enroll_config config = { .host = a->host,
					.port = a->sensor.port,
					.token = token_of(a, line),
					.dir = a->sensor.dir,
					.force = a->force };
	struct identity id;
	struct err e = { 0 };
	int rc = enroll_run(&config, &id, &e);

	if (rc == -EALREADY) {
		fprintf(stderr, "skein-sensor: %s\n", e.msg);
		return EXITS_OK;
	}
	if (rc)
		return rc == -EACCES ? (fail(&e), EXITS_NONE) : fail(&e);
	printf("%s\n", id.sensor);
	return EXITS_OK;
}

static int watch(const struct args *a)
{
	struct err e = { 0 };

	return sensor_run(&a->sensor, &e) ? fail(&e) : EXITS_OK;
}

int main(int argc, char **argv)
{
	struct args a = { .sensor = { .probe = &probe_ebpf,
				      .limits = { .max_edges = 32768, .max_sockets = 65536 },
				      .dir = DATA_DIR,
				      .interval_ms = 10000,
				      .ready_fd = -1 },
			  .level = LOG_INFO_ };
	static char name[] = "skein-sensor"; /* for getopt's messages */
	bool enrolling = argc > 1 && strcmp(argv[1], "enroll") == 0;
	int opt, rc;

	a.sensor.host = a.host;
	argv[0] = argv[enrolling] = name;
	while ((opt = getopt_long(argc - enrolling, argv + enrolling, "", longs, NULL)) !=
	       -1) {
		rc = take(&a, opt);
		if (rc)
			return rc - 1;
	}
	log_open("skein-sensor", a.level);
	if (optind + enrolling < argc)
		return usage("it takes no argument such as ", argv[optind + enrolling]);
	if (!a.collector)
		return usage("--collector HOST:PORT is missing", "");
	if (enrolling && !a.token)
		return usage("--token TOKEN is missing", "");
	if (!a.sensor.probe->open)
		return usage("this sensor was built without eBPF (BPF=0)", "");
	return enrolling ? enroll(&a) : watch(&a);
}
