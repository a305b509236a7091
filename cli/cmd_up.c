/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first thing that a new user runs: a collector and a sensor of this machine, joined over
 * loopback by the same enrolment, TLS and protocol as any other sensor, then a few lines of
 * what is known already, a picture, and on it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/commands.h"
#include "cli/glance.h"
#include "cli/options.h"
#include "cli/say.h"
#include "common/table.h"
#include "cli/uplock.h"
#include "common/exits.h"
#include "common/file.h"
#include "common/number.h"
#include "common/version.h"
#include "graph/draw/picture.h"
#include "store/store.h"

enum {
	READY_S = 20,
	FIRST_LOOK_MS = 3000, /* the first facts are there much sooner */
	REDRAW_S = 60,
	RESTARTS = 5,
	GLANCE_LINES = 8,
	IDENTITY_S =
		55 *
		86400, /* a certificate's life, and as long again in which it is renewed */
};

struct up {
	struct options o;
	int64_t duration; /* seconds, 0: until it is stopped */
	const char *listen;
	const char *interval;
	bool poll;
	char database[PATH_MAX], map[PATH_MAX], sensor_dir[PATH_MAX];
	char address[128];
	struct child collector, sensor;
	struct store *store;
	struct glance drawn; /* what the last picture showed */
	unsigned restarts;
	bool stop;
};

static const struct options_row rows[] = {
	{ "for", 0, "TIME", options_duration, offsetof(struct up, duration),
	  "watch for so long (30s, 5m), then end" },
	{ "listen", 0, "ADDR:PORT", options_string, offsetof(struct up, listen),
	  "where the collector listens (a free port of 127.0.0.1)" },
	{ "interval", 0, "TIME", options_string, offsetof(struct up, interval),
	  "how often the sensor reports (1s)" },
	{ "poll", 0, NULL, options_flag, offsetof(struct up, poll),
	  "watch without eBPF: where the kernel has none; sees less" },
	{ 0 },
};

static const struct options_command command = {
	.name = "up",
	.about =
		"Watch this machine: starts a collector and a sensor, prints what listens here\n"
		"and who is connected, draws DIR/map.svg, and keeps watching until it is stopped.",
	.groups = OPTIONS_DATA_DIR,
	.rows = rows,
	.examples = "sudo skein up\n"
		    "sudo skein up --data ./skein --for 30s\n",
};

static int fail(const struct err *e)
{
	say("%s", e->msg);
	return e->code == -EWOULDBLOCK ? EXITS_NONE : EXITS_UNREACHED;
}

/* Starting */

/* A child that says on descriptor N when it is ready; what it says is left in LINE. */
static int start_ready(struct child *c, const char *program, const char **argv, char *line,
		       size_t cap, struct err *e)
{
	char number[16];
	int p[2], rc, i = 0;

	if (pipe2(p, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	snprintf(number, sizeof(number), "%d", p[1]);
	while (argv[i])
		i++;
	argv[i] = "--ready-fd";
	argv[i + 1] = number;
	rc = child_start(c, program, argv, p[1], -1, -1, e);
	close(p[1]);
	if (rc == 0)
		rc = child_ready(c, p[0], line, cap, READY_S, e);
	close(p[0]);
	return rc;
}

static int start_collector(struct up *u, struct err *e)
{
	const char *argv[16] = { "skein-collector", "--data",	   u->o.data, "--listen",
				 u->address,	    "--log-level", "warn" };

	return start_ready(&u->collector, "skein-collector", argv, u->address,
			   sizeof(u->address), e);
}

/* The only line of a program's standard output; IN is its standard input, closed here, or -1.
 */
static int ask(const char *program, const char *const *argv, int in, char *line, size_t cap,
	       struct err *e)
{
	struct child c = { 0 };
	int p[2], rc;

	if (pipe2(p, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	rc = child_start(&c, program, argv, -1, in, p[1], e);
	close(p[1]);
	if (in >= 0)
		close(in);
	if (rc == 0)
		rc = child_ready(&c, p[0], line, cap, READY_S, e);
	close(p[0]);
	if (rc == 0 && child_wait(&c, READY_S))
		rc = err_set(e, -ECHILD, "%s ended with status %d", program, c.status);
	return rc;
}

/* A descriptor from which WORD can be read: command lines can be read by everybody. */
static int whisper(const char *word)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -1;
	if (dprintf(p[1], "%s\n", word) < 0) { /* it fits the pipe */
		close(p[0]);
		p[0] = -1;
	}
	close(p[1]);
	return p[0];
}

static bool is_fresh(const struct up *u, const char *name)
{
	char path[PATH_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", u->sensor_dir, name);
	return stat(path, &st) == 0 && time(NULL) - st.st_mtime < IDENTITY_S;
}

/* Whether an identity is there that is good, or can be made good. */
static bool enrolled(const struct up *u)
{
	return is_fresh(u, "identity") || is_fresh(u, "renewed/sensor.pem");
}

/* What was enrolled before in this directory gives its machine to who comes after it. */
static void retire(const struct up *u)
{
	char *path = file_path(u->sensor_dir, "identity");
	struct buf name = { 0 };
	char said[128];

	if (file_read(path, sizeof(said), &name, NULL) == 0) {
		char *id = strtok((char *)buf_cstr(&name), "\n");
		const char *argv[] = { "skein-collector", "sensor", "revoke",  id,
				       "--quiet",	  "--data", u->o.data, NULL };

		if (id) /* its own status tells nothing: it may be unknown, or revoked */
			ask("skein-collector", argv, -1, said, sizeof(said), NULL);
	}
	buf_fini(&name);
	free(path);
}

/* NEWCOMER: the database has never seen a sensor, so an identity that is there is worth
 * nothing. */
static int enroll(struct up *u, bool newcomer, struct err *e)
{
	const char *create[] = {
		"skein-collector", "token", "create",  "--data", u->o.data, "--ttl", "10m",
		"--uses",	   "1",	    "--quiet", NULL
	};
	char token[256], identity[128];
	const char *argv[] = { "skein-sensor", "enroll",  "--collector", u->address, "--data",
			       u->sensor_dir,  "--token", token,	 "--force",  NULL };
	int rc;

	if (!newcomer && enrolled(u))
		return 0;
	if (!newcomer)
		retire(u);
	rc = ask("skein-collector", create, -1, token, sizeof(token), e);
	return rc ? rc
		  : ask("skein-sensor", argv, whisper(token), identity, sizeof(identity), e);
}

static int start_sensor(struct up *u, struct err *e)
{
	const char *argv[16] = { "skein-sensor", u->poll ? "--poll" : "--ebpf",
				 "--collector",	 u->address,
				 "--data",	 u->sensor_dir,
				 "--interval",	 u->interval,
				 "--log-level",	 "warn" };
	char ready[16];

	return start_ready(&u->sensor, "skein-sensor", argv, ready, sizeof(ready), e);
}

static int start(struct up *u, struct err *e)
{
	bool newcomer = access(u->database, F_OK) != 0;
	int rc;

	snprintf(u->address, sizeof(u->address), "%s", u->listen ? u->listen : "127.0.0.1:0");
	rc = start_collector(u, e);
	if (rc == 0)
		rc = enroll(u, newcomer, e);
	if (rc == 0)
		rc = start_sensor(u, e);
	if (rc == 0)
		u->store = store_open(u->database, STORE_READ, e);
	return rc ? rc : u->store ? 0 : e->code;
}

/* Looking */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void wait_for_facts(struct up *u)
{
	uint64_t end = now_ms() + FIRST_LOOK_MS;
	struct timespec pause = { .tv_nsec = 50000000 };
	struct glance g = { 0 };

	while (now_ms() < end && !child_ended(&u->sensor) && !g.machines) {
		nanosleep(&pause, NULL);
		if (glance_count(u->store, &g, NULL))
			return;
	}
}

static int draw(struct up *u, struct err *e)
{
	struct picture_options look = { .level = PICTURE_OVERVIEW };
	struct filter all = { 0 };
	int rc = glance_count(u->store, &u->drawn, e);

	return rc ? rc : picture_draw(u->store, &all, &look, u->map, e);
}

static int first_words(struct up *u, struct err *e)
{
	unsigned width = table_terminal_width();
	struct glance g;
	char host[256] = "";
	int rc;

	wait_for_facts(u);
	rc = glance_count(u->store, &g, e);
	if (rc)
		return rc;
	gethostname(host, sizeof(host) - 1);
	printf("skein %s watches %s %s eBPF, collector on %s\n", SKEIN_VERSION, host,
	       u->poll ? "without" : "by", u->address);
	printf("%u listening service%s, %llu open connection%s\n", g.services,
	       number_plural(g.services), (unsigned long long)g.live, number_plural(g.live));
	rc = glance_print(u->store, stdout, GLANCE_LINES, width > 40 ? width : 40, e);
	if (rc == 0)
		rc = draw(u, e);
	if (rc)
		return rc;
	printf("map         %s\n", u->map);
	printf("more        skein edges --data %s\n", u->o.data);
	fflush(stdout);
	return 0;
}

/* One line on a terminal that says it is alive. */
static void progress(struct up *u, uint64_t seconds, bool last)
{
	struct glance g;

	if (say_quiet || !isatty(STDERR_FILENO) || glance_count(u->store, &g, NULL))
		return;
	fprintf(stderr,
		"\r\033[Kwatching %02llu:%02llu  %llu connections, %u edges, %llu open, %llu failed%s",
		(unsigned long long)seconds / 60, (unsigned long long)seconds % 60,
		(unsigned long long)g.opens, g.edges, (unsigned long long)g.live,
		(unsigned long long)g.failed, last ? "\n" : "  (Ctrl-C ends) ");
}

/* Watching */

static void mask_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* A collector that was killed comes back where it was; the sensor has kept what it did not
 * get. */
static int revive(struct up *u, struct err *e)
{
	if (!child_ended(&u->collector))
		return 0;
	if (u->restarts++ >= RESTARTS)
		return err_set(e, -ECHILD, "the collector ended %u times (status %d)",
			       u->restarts, u->collector.status);
	say("the collector ended (status %d) and is started again", u->collector.status);
	return start_collector(u, e);
}

static int watch_second(struct up *u, uint64_t seconds, struct err *e)
{
	struct glance g;
	int rc = revive(u, e);

	if (rc)
		return rc;
	if (child_ended(&u->sensor))
		return err_set(e, -ECHILD, "the sensor ended (status %d)", u->sensor.status);
	progress(u, seconds, false);
	if (seconds % REDRAW_S || glance_count(u->store, &g, NULL) ||
	    memcmp(&g, &u->drawn, sizeof(g)) == 0)
		return 0;
	return draw(u, e);
}

static int watch(struct up *u, const sigset_t *signals, struct err *e)
{
	uint64_t began = now_ms(), next = began + 1000,
		 end = began + (uint64_t)u->duration * 1000;
	int rc = 0;

	while (rc == 0 && !u->stop && (!u->duration || now_ms() < end)) {
		uint64_t until = u->duration && end < next ? end : next, now = now_ms();
		uint64_t ms = until > now ? until - now : 0;
		struct timespec wait = { .tv_sec = (time_t)(ms / 1000),
					 .tv_nsec = (long)(ms % 1000) * 1000000 };

		if (sigtimedwait(signals, NULL, &wait) > 0)
			u->stop = true;
		if (now_ms() >= next) {
			rc = watch_second(u, (next - began) / 1000, e);
			next += 1000;
		}
	}
	progress(u, (now_ms() - began) / 1000, true);
	return rc;
}

/* The last picture, of the file that the collector has closed. */
static int draw_last(struct up *u, struct err *e)
{
	u->store = store_open(u->database, STORE_READ, e);
	return u->store ? draw(u, e) : e->code;
}

/*
 * Ending: the sensor first, which waits for the collector's last acknowledgement.  We let go
 * of the database before the collector does, so that it is the one to fold the WAL into the
 * file.
 */
static int finish(struct up *u, struct err *e)
{
	int sensor = child_stop(&u->sensor, 30), collector;
	int rc = revive(u, e);

	store_close(u->store);
	u->store = NULL;
	collector = child_stop(&u->collector, 30);
	if (rc == 0)
		rc = draw_last(u, e);
	if (rc)
		return fail(e);
	say_note("%u edge%s in %s, drawn in %s", u->drawn.edges, number_plural(u->drawn.edges),
		 u->database, u->map);
	return sensor || collector ? EXITS_PARTIAL : EXITS_OK;
}

/* What a child that would not start has said is said; its status is ours. */
static int give_up(struct up *u, const struct err *e)
{
	int status = EXITS_UNREACHED;

	if (e->code == -ECHILD) {
		status = u->sensor.status ? u->sensor.status : u->collector.status;
		if (status > EXITS_PARTIAL || status == EXITS_OK)
			say("the %s %s", u->sensor.status ? "sensor" : "collector", e->msg);
	} else {
		status = fail(e);
	}
	child_stop(&u->sensor, 5);
	child_stop(&u->collector, 5);
	store_close(u->store);
	return status > EXITS_PARTIAL || !status ? EXITS_UNREACHED : status;
}

static int run(struct up *u, struct err *e)
{
	sigset_t signals;
	int rc, status;

	mask_signals(&signals);
	rc = start(u, e);
	if (rc)
		return give_up(u, e);
	rc = first_words(u, e);
	if (rc == 0)
		rc = watch(u, &signals, e);
	if (rc) {
		say("%s", e->msg);
		child_stop(&u->sensor, 30);
		child_stop(&u->collector, 30);
		status = EXITS_UNREACHED;
	} else {
		status = finish(u, e);
	}
	store_close(u->store);
	return status;
}

int cmd_up(int argc, char **argv)
{
	struct up u = { .interval = "1s" };
	struct err e = { 0 };
	int lock, status;

	if (!options_parse(&command, argc, argv, &u.o, &u))
		return u.o.status;
	snprintf(u.database, sizeof(u.database), "%s/skein.db", u.o.data);
	snprintf(u.map, sizeof(u.map), "%s/map.svg", u.o.data);
	snprintf(u.sensor_dir, sizeof(u.sensor_dir), "%s/sensor", u.o.data);
	lock = uplock_take(u.o.data, &e);
	if (lock < 0)
		return fail(&e);
	status = run(&u, &e);
	close(lock);
	return status;
}
