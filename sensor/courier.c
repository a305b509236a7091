/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/courier.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/exits.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/version.h"
#include "sensor/confine.h"
#include "sensor/handover.h"
#include "sensor/link.h"
#include "sensor/spooldir.h"

enum {
	MEMORY_BYTES = 16 << 20, /* of a spool that has no disk */
	FREE_BYTES = 256 << 20,
	FREE_PART = 20,
	READ_BYTES = 64 << 10,
	PATIENCE_S = 15, /* for the last acknowledgement */
	ORPHAN_S = 3,	 /* the same, when the watcher died */
	SEARCH_S = 3,	 /* for a collector, when all that is left is on disk */
};

struct post {
	struct event_base *base;
	struct event *in, *report, *give_up, *stay;
	struct spool *spool;
	struct link *link;
	struct buf bytes; /* that have come, and are no whole batch yet */
	int fd, back;
	bool ending; /* the pipe has ended */
	bool failed; /* what must be on disk cannot be written */
	bool only_disk, patient;
	bool held; /* the pipe is not read from now */
};

static void say(struct post *p, enum handover_word word)
{
	char c = (char)word;

	if (write(p->back, &c, 1) < 0 && errno != EPIPE)
		log_debug("courier: the watcher cannot be told: %s", strerror(errno));
}

static void finish_if_done(struct post *p)
{
	if (p->ending && link_drained(p->link))
		event_base_loopbreak(p->base);
}

/* Nobody is there, and nothing is lost by that. */
static void on_stay(evutil_socket_t fd, short what, void *ctx)
{
	struct post *p = ctx;

	(void)fd, (void)what;
	if (link_stats(p->link).state != LINK_UP && spool_durable(p->spool))
		event_base_loopbreak(p->base);
}

/* SECONDS 0: it waits as long as it takes. */
static void end_soon(struct post *p, int seconds)
{
	struct timeval patience = { .tv_sec = seconds }, search = { .tv_sec = SEARCH_S };

	p->ending = true;
	event_del(p->in);
	if (seconds) {
		event_add(p->give_up, &patience);
		event_add(p->stay, &search);
	}
	finish_if_done(p);
}

/* Who may wait is not read from while there is little room, and so nothing is dropped. */
static void hold_back(struct post *p)
{
	bool full = spool_tight(p->spool);

	if (!p->patient || p->ending || full == p->held)
		return;
	p->held = full;
	if (full)
		event_del(p->in);
	else
		event_add(p->in, NULL);
}

/* RC is of writing what has to be on disk. */
static bool written(struct post *p, int rc)
{
	if (!rc)
		return true;
	log_err("the spool cannot be written: %s", strerror(-rc));
	p->failed = true;
	event_base_loopbreak(p->base);
	return false;
}

static bool keep(struct post *p, const struct handover_batch *b)
{
	return written(p, spool_add(p->spool, &b->w, b->start_ms, b->end_ms,
				    b->place.order ? &b->place : NULL));
}

static bool flush(struct post *p)
{
	int rc = spool_sync(p->spool);

	return written(p, p->only_disk ? rc : 0);
}

/* Takes what is whole of what has come; false for bytes that make no sense. */
static bool take_batches(struct post *p)
{
	struct handover_batch b;
	size_t at = 0, used = 0;
	int rc;

	while ((rc = handover_next(p->bytes.p + at, p->bytes.n - at, &b, &used)) > 0) {
		at += used;
		if (b.end) {
			end_soon(p, p->patient ? 0 : PATIENCE_S);
			break;
		}
		if (!keep(p, &b))
			break;
	}
	if (at) {
		memmove(p->bytes.p, p->bytes.p + at, p->bytes.n - at);
		p->bytes.n -= at;
	}
	if (at && !p->failed && flush(p))
		link_kick(p->link);
	if (spool_news(p->spool))
		say(p, HANDOVER_AGAIN);
	return rc >= 0;
}

static void on_bytes(evutil_socket_t fd, short what, void *ctx)
{
	static uint8_t room[READ_BYTES];
	struct post *p = ctx;
	ssize_t n = read(fd, room, sizeof(room));

	(void)what;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0)
		buf_put(&p->bytes, room, (size_t)n);
	if (n <= 0 || !take_batches(p)) {
		log_warn("the watching process is gone; sending what it left");
		end_soon(p, ORPHAN_S);
	}
	hold_back(p);
}

static void on_acked(void *ctx)
{
	hold_back(ctx);
	finish_if_done(ctx);
}

static void on_give_up(evutil_socket_t fd, short what, void *ctx)
{
	struct post *p = ctx;

	(void)fd, (void)what;
	event_base_loopbreak(p->base);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	static const char *const words[] = { "not connected", "connected", "refused" };
	struct post *p = ctx;
	struct link_stats st = link_stats(p->link);
	struct spool_counts n = spool_counts(p->spool);

	(void)fd, (void)what;
	log_info("state of the link: %s, %zu batches waiting (%" PRIu64
		 " bytes on disk, %" PRIu64 " in memory), %" PRIu64 " batches (%" PRIu64
		 " bytes) sent, %" PRIu64 " records lost, %" PRIu64 " batches and %" PRIu64
		 " bytes damaged",
		 words[st.state], n.batches, n.disk_bytes, n.memory_bytes, st.batches,
		 st.bytes, n.lost, n.corrupt, n.damaged);
}

static void on_link(enum link_state state, const char *words, void *ctx)
{
	(void)ctx;
	if (state == LINK_UP)
		log_info("connected to the collector at %s", words);
	else
		log_warn("%s", words);
}

static void on_note(bool good, const char *words, void *ctx)
{
	const struct post *p = ctx;

	if (good)
		log_info("%s", words);
	else
		log_warn("%s: %s", link_identity(p->link)->sensor, words);
}

static void warn_of_expiry(const struct identity *id)
{
	if (id->expires <= (int64_t)(clock_ms() / 1000))
		log_warn(
			"the certificate of %s has ended; the collector renews it if that was "
			"not too long ago, else enroll again with --force",
			id->sensor);
}

/* While that can still be made; *DIR is -1 where there is none. */
static int open_dir(const struct courier_config *config, int *dir, struct err *e)
{
	uid_t owner;
	gid_t group;
	int rc;

	*dir = -1;
	if (!config->spool_bytes)
		return 0;
	confine_user(config->dir, &owner, &group);
	rc = spooldir_open(config->dir, owner, group, dir, e);
	if (!rc || rc == -EWOULDBLOCK || config->only_disk)
		return rc;
	log_warn("%s; goes on in memory, %d MiB at most", e->msg, MEMORY_BYTES >> 20);
	return 0;
}

static uint64_t floor_of(const struct courier_config *config, int dir)
{
	uint64_t left, all;

	if (config->spool_free != COURIER_FREE)
		return config->spool_free;
	if (dir < 0 || spooldir_free(dir, &left, &all) || all / FREE_PART > FREE_BYTES)
		return FREE_BYTES;
	return all / FREE_PART;
}

/* With the rights that it will have: where it may not write, it does not read either. */
static int open_spool(struct post *p, const struct courier_config *config, int dir,
		      struct err *e)
{
	struct spool_config spool = { .dir = dir,
				      .cap = config->spool_bytes,
				      .floor = floor_of(config, dir),
				      .only_disk = config->only_disk };
	int rc = dir < 0 ? 0 : spooldir_check(dir);

	if (rc && config->only_disk)
		return err_sys(e, rc, "%s/spool cannot be written", config->dir);
	if (rc) {
		log_warn("%s/spool cannot be written: %s; goes on in memory, %d MiB at most",
			 config->dir, strerror(-rc), MEMORY_BYTES >> 20);
		close(dir);
	}
	if (rc || dir < 0)
		spool = (struct spool_config){ .dir = -1, .cap = MEMORY_BYTES };
	p->spool = spool_open(&spool, e);
	return p->spool ? 0 : e->code;
}

static void add_events(struct post *p)
{
	p->in = event_new(p->base, p->fd, EV_READ | EV_PERSIST, on_bytes, p);
	p->give_up = evtimer_new(p->base, on_give_up, p);
	p->stay = event_new(p->base, -1, EV_PERSIST, on_stay, p);
	p->report = evsignal_new(p->base, SIGUSR1, on_report, p);
	event_add(p->in, NULL);
	event_add(p->report, NULL);
}

static int open_post(struct post *p, const struct courier_config *config, struct err *e)
{
	struct link_config link = { .host = config->host,
				    .port = config->port,
				    .proxy = config->proxy,
				    .dir = config->dir,
				    .program = "skein-sensor " SKEIN_VERSION,
				    .state = on_link,
				    .acked = on_acked,
				    .note = on_note,
				    .ctx = p };
	int dir, rc;

	p->patient = config->patient;
	p->only_disk = config->only_disk;
	p->base = event_base_new();
	p->link = link_new(p->base, &link, NULL, e);
	if (!p->link)
		return e->code;
	rc = open_dir(config, &dir, e);
	if (rc)
		return rc;
	warn_of_expiry(link_identity(p->link));
	add_events(p);
	rc = confine_courier(config->dir, dir, link_folder(p->link), e);
	if (!rc)
		rc = open_spool(p, config, dir, e);
	if (!rc)
		link_give(p->link, p->spool);
	return rc;
}

static void close_post(struct post *p)
{
	event_free(p->in);
	event_free(p->give_up);
	event_free(p->stay);
	event_free(p->report);
	link_free(p->link);
	event_base_free(p->base);
	spool_free(p->spool);
	buf_fini(&p->bytes);
}

/* Nobody is called before there is something to tell: the watcher may not even get started. */
static void wait_for_news(struct post *p)
{
	struct pollfd in = { .fd = p->fd, .events = POLLIN };

	while (poll(&in, 1, -1) < 0 && errno == EINTR)
		;
}

static void say_ready(struct post *p)
{
	struct handover_ready r = { .word = HANDOVER_READY,
				    .place = spool_place(p->spool),
				    .place_known = spool_place_known(p->spool) };

	if (write(p->back, &r, sizeof(r)) < 0)
		log_debug("courier: the watcher cannot be told: %s", strerror(errno));
}

/* What was not acknowledged: the exit status. */
static int conclude(const struct post *p)
{
	size_t left;

	spool_sync(p->spool);
	left = spool_counts(p->spool).batches;
	if (p->failed)
		return EXITS_UNREACHED;
	if (left && spool_durable(p->spool))
		log_info("%zu batches stay in the spool, for the next start", left);
	else if (left)
		log_warn("%zu batches were not acknowledged by the collector and are lost",
			 left);
	return left && !spool_durable(p->spool) ? EXITS_PARTIAL : EXITS_OK;
}

/* The child's whole life: its exit status. */
static int run(struct post *p, const struct courier_config *config)
{
	struct err e = { 0 };
	int status;

	prctl(PR_SET_NAME, "skein-courier", 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN); /* the end of the pipe is what ends it */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (open_post(p, config, &e)) {
		if (write(p->back, &e, sizeof(e)) < 0)
			log_err("%s", e.msg);
		return EXITS_UNREACHED;
	}
	say_ready(p);
	wait_for_news(p);
	event_base_dispatch(p->base);
	status = conclude(p);
	close_post(p);
	return status;
}

/* Ready, or a whole struct err: as much as one write to a pipe can be. */
static int wait_ready(struct courier *c, struct err *e)
{
	union {
		struct handover_ready ready;
		struct err e;
	} answer;
	ssize_t n;

	do
		n = read(c->back, &answer, sizeof(answer));
	while (n < 0 && errno == EINTR);
	if (n == sizeof(answer.ready) && answer.ready.word == HANDOVER_READY) {
		c->place = answer.ready.place;
		c->place_known = answer.ready.place_known;
		return 0;
	}
	if (n == sizeof(answer.e)) {
		*e = answer.e;
		return e->code;
	}
	return err_set(e, -EPIPE, "the sending process ended before it was ready");
}

static void forget(struct courier *c)
{
	close(c->out);
	close(c->back);
	waitpid(c->pid, NULL, 0);
	c->pid = 0;
}

int courier_start(const struct courier_config *config, struct courier *out, struct err *e)
{
	int to[2], from[2], rc;
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	pid = fork();
	if (pid < 0)
		return err_sys(e, -errno, "fork");
	if (pid == 0) {
		struct post p = { .fd = to[0], .back = from[1] };

		close(to[1]);
		close(from[0]);
		exit(run(&p, config));
	}
	close(to[0]);
	close(from[1]);
	out->pid = pid;
	out->out = to[1];
	out->back = from[0];
	rc = wait_ready(out, e);
	if (rc)
		forget(out);
	else
		fcntl(out->back, F_SETFL, O_NONBLOCK);
	return rc;
}

void courier_abandon(struct courier *c)
{
	if (c->pid)
		forget(c);
}

int courier_finish(struct courier *c, struct err *e)
{
	int status = 0;

	if (!c->pid)
		return 0;
	handover_end(c->out);
	close(c->out);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(c->back);
	c->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXITS_OK)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXITS_UNREACHED)
		return err_set(e, -EIO, "the spool could not be written");
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXITS_PARTIAL)
		return err_set(
			e, -EAGAIN,
			"some batches were not acknowledged by the collector and are lost");
	return err_set(e, -EAGAIN, "the sending process ended with status %d", status);
}
