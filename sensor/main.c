/* SPDX-License-Identifier: Apache-2.0 */
/* skein-sensor: the choice between enrolling, watching, reading captures and looking at
 * itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/exits.h"
#include "common/log.h"
#include "common/utf8.h"
#include "sensor/enroll.h"
#include "sensor/leftover.h"
#include "sensor/options.h"
#include "sensor/selftest.h"
#include "sensor/settle.h"

/* The command line, to be read again. */
struct started {
	int argc;
	char **argv;
};

/* The words may be those of whoever answered a call. */
static int fail(const struct err *e)
{
	struct buf words = { 0 };

	utf8_show(&words, e->msg, strlen(e->msg));
	fprintf(stderr, "skein-sensor: %s\n", buf_cstr(&words));
	buf_fini(&words);
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

/* Standard output is the name alone; how to go on is for whoever reads along. */
static int settle(const struct args *a)
{
	struct err e = { 0 };
	bool standard = a->watch.dir == options_dir;
	int rc = settle_owner(a->watch.dir, &e);

	if (!rc && standard)
		rc = settle_collector(a->host, a->watch.port, a->proxy_text, a->login, &e);
	if (rc < 0)
		return fail(&e);
	if (!isatty(STDERR_FILENO)) /* a program has asked, which knows what comes next */
		return EXITS_OK;
	if (rc)
		fputs("enrolled; start it with: systemctl enable --now skein-sensor\n",
		      stderr);
	else
		fprintf(stderr,
			"enrolled; start it with: skein-sensor --collector %s:%u%s%s\n",
			a->host, a->watch.port, standard ? "" : " --data ",
			standard ? "" : a->watch.dir);
	return EXITS_OK;
}

static int enroll(const struct args *a)
{
	char line[512];
	struct enroll_config config = { .host = a->host,
					.port = a->watch.port,
					.token = token_of(a, line),
					.dir = a->watch.dir,
					.force = a->force,
					.proxy = &a->proxy };
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
	return settle(a);
}

/* What a probe has to say beside its words is for who asks for it. */
static int self_test(struct args *a, const char *path)
{
	struct selftest_config config = { .watch = &a->watch,
					  .config = path,
					  .config_words = *options_bad_config.msg
								  ? options_bad_config.msg
								  : NULL,
					  .json = a->json };

	if (!a->watch.port) /* the line that names it is no good */
		a->host[0] = 0;
	log_open("skein-sensor", a->level == LOG_INFO_ ? LOG_ERR_ : a->level);
	return selftest_run(&config);
}

/* The mirror takes what it shares with the host's watch from there. */
static int mirror(struct args *a)
{
	struct mirror_config *m = &a->mirror;
	struct err e = { 0 };
	int rc;

	m->interface = a->files;
	m->interfaces = a->mode == MODE_MIRROR ? (unsigned)a->files_n : 0;
	m->path = a->files;
	m->paths = a->mode == MODE_READ ? (unsigned)a->files_n : 0;
	m->max_connections = a->read.max_connections;
	m->host = a->host;
	m->port = a->watch.port;
	m->proxy = &a->proxy;
	m->dir = a->watch.dir;
	m->interval_ms = a->watch.interval_ms;
	m->ready_fd = a->watch.ready_fd;
	m->show = a->watch.show;
	m->once = a->watch.once;
	m->for_ms = a->watch.for_ms;
	if (m->interfaces > MIRROR_INTERFACES)
		return options_usage("--mirror takes at most 16 interfaces", "");
	rc = mirror_run(m, &e);
	if (rc == -EBADMSG) {
		fprintf(stderr, "skein-sensor: %s\n", e.msg);
		return EXITS_NONE;
	}
	return rc ? fail(&e) : EXITS_OK;
}

static int read_files(struct args *a)
{
	a->read.path = a->files;
	a->read.n = (unsigned)a->files_n;
	return readfiles_run(&a->read);
}

static int watch(const struct args *a)
{
	struct err e = { 0 };

	return watch_run(&a->watch, &e) ? fail(&e) : EXITS_OK;
}

/* Options that do not go together: 0, or the exit status. */
static int check(const struct args *a, bool enrolling)
{
	bool file = a->watch.once != NULL;

	if (a->once ? !file : file && a->mode != MODE_READ)
		return options_usage("--once TIME and --out FILE go together", "");
	if (file && (a->collector || a->watch.show))
		return options_usage(
			"--out writes a file and tells nobody: no --collector, no "
			"--show-what-you-send with it",
			"");
	if (!a->collector && a->mode == MODE_READ && !(file || a->watch.show))
		return options_usage(
			"--read wants --connections tsv or json, --out FILE, or --collector",
			"");
	if (!a->collector && (enrolling || !(file || a->watch.show)))
		return options_usage("--collector HOST:PORT is missing", "");
	if (enrolling && !a->token)
		return options_usage("--token TOKEN is missing", "");
	if (a->json)
		return options_usage("--json goes with --self-test and --self-check-clean",
				     "");
	if (a->watch.probe && !a->watch.probe->open)
		return options_usage("this sensor was built without eBPF (BPF=0)", "");
	return 0;
}

/* SIGHUP: what may change while it runs. */
static int reread(void *ctx, struct watch_config *out)
{
	const struct started *s = ctx;
	struct args now;
	int rc = options_parse(&now, s->argc, s->argv);

	if (rc) {
		log_warn("the configuration is not taken: %s",
			 *options_bad_config.msg ? options_bad_config.msg : "see above");
	} else {
		*out = now.watch;
		log_set_level(now.level);
	}
	options_free(&now);
	return rc ? -1 : 0;
}

int main(int argc, char **argv)
{
	static char name[] = "skein-sensor"; /* for getopt's messages */
	bool enrolling = argc > 1 && strcmp(argv[1], "enroll") == 0;
	struct started started = { argc - enrolling, argv + enrolling };
	struct args a;
	int rc;

	argv[0] = argv[enrolling] = name;
	rc = options_parse(&a, started.argc, started.argv);
	if (rc && *options_bad_config.msg)
		fprintf(stderr, "skein-sensor: %s; see man skein-sensor.conf\n",
			options_bad_config.msg);
	if (rc) {
		options_free(&a);
		return rc - 1;
	}
	log_open("skein-sensor", a.level);
	if (a.self_test || a.clean)
		return a.clean ? leftover_report(a.json) : self_test(&a, a.path);
	if (a.lines && a.mode != MODE_READ)
		return options_usage("--connections and --names want --read FILE", "");
	if (a.lines) {
		rc = read_files(&a);
		options_free(&a);
		return rc;
	}
	if (a.watch.once || a.watch.show) /* the configured collector is for the service */
		a.host[a.collector ? strlen(a.host) : 0] = 0;
	else
		a.collector = a.collector || a.told;
	rc = check(&a, enrolling);
	if (rc)
		return rc;
	if (enrolling)
		return enroll(&a);
	if (a.mode != MODE_HOST)
		return mirror(&a);
	a.watch.reread = reread;
	a.watch.reread_ctx = &started;
	return watch(&a);
}
