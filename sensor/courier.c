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

enum {
	SPOOL_BYTES = 16 << 20,
	READ_BYTES = 64 << 10,
	PATIENCE_S = 15, /* for the last acknowledgement */
	ORPHAN_S = 3,	 /* the same, when the watcher died */
};

struct post {
	struct event_base *base;
	struct event *in, *report, *give_up;
	struct spool *spool;
	struct link *link;
	struct buf bytes; /* that have come, and are no whole batch yet */
	int fd, back;
	bool ending; /* the pipe has ended */
	bool patient;
	bool held; /* the pipe is not read from now */
};

static void say(struct post *p, enum handover_word word)
{
	char c = (char)word;

	if (write(p->back, &c, 1) < 0 && errno != EPIPE)
		log_debug("courier: the watcher cannot be told: %s", strerror(errno));
}

/* In a batch of its own: the gap must show, whatever becomes of what comes after it. */
static void tell_lost(struct post *p)
{
	struct wire_writer w = { 0 };
	struct lost lost;

	if (!spool_take_lost(p->spool, &lost))
		return;
	wire_writer_begin(&w, lost.start_ms);
	wire_write_lost(&w, &lost);
	spool_add(p->spool, &w, lost.start_ms, lost.end_ms);
	wire_writer_fini(&w);
	say(p, HANDOVER_AGAIN);
}

static void finish_if_done(struct post *p)
{
	if (p->ending && link_drained(p->link))
		event_base_loopbreak(p->base);
}

/* SECONDS 0: it waits as long as it takes. */
static void end_soon(struct post *p, int seconds)
{
	struct timeval patience = { .tv_sec = seconds };

	p->ending = true;
	event_del(p->in);
	if (seconds)
		event_add(p->give_up, &patience);
	finish_if_done(p);
}

/* Who may wait is not read from while the spool is half full, and so nothing is dropped. */
static void hold_back(struct post *p)
{
	bool full = spool_bytes(p->spool) > SPOOL_BYTES / 2;

	if (!p->patient || p->ending || full == p->held)
		return;
	p->held = full;
	if (full)
		event_del(p->in);
	else
		event_add(p->in, NULL);
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
		spool_add(p->spool, &b.w, b.start_ms, b.end_ms);
		tell_lost(p);
		link_kick(p->link);
	}
	if (at) {
		memmove(p->bytes.p, p->bytes.p + at, p->bytes.n - at);
		p->bytes.n -= at;
	}
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

	(void)fd, (void)what;
	log_info("state of the link: %s, %zu batches (%zu bytes) waiting, %" PRIu64
		 " batches (%" PRIu64 " bytes) sent",
		 words[st.state], spool_batches(p->spool), spool_bytes(p->spool), st.batches,
		 st.bytes);
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

	p->patient = config->patient;
	p->spool = spool_new(SPOOL_BYTES);
	p->base = event_base_new();
	p->link = link_new(p->base, &link, p->spool, e);
	if (!p->link)
		return e->code;
	warn_of_expiry(link_identity(p->link));
	p->in = event_new(p->base, p->fd, EV_READ | EV_PERSIST, on_bytes, p);
	p->give_up = evtimer_new(p->base, on_give_up, p);
	p->report = evsignal_new(p->base, SIGUSR1, on_report, p);
	event_add(p->in, NULL);
	event_add(p->report, NULL);
	return confine_courier(config->dir, e);
}

static void close_post(struct post *p)
{
	event_free(p->in);
	event_free(p->give_up);
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

/* The child's whole life: its exit status. */
static int run(struct post *p, const struct courier_config *config)
{
	struct err e = { 0 };
	size_t left;

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
	say(p, HANDOVER_READY);
	wait_for_news(p);
	event_base_dispatch(p->base);
	left = link_drained(p->link) ? 0 : spool_batches(p->spool);
	if (left)
		log_warn("%zu batches were not acknowledged by the collector and are lost",
			 left);
	close_post(p);
	return left ? EXITS_PARTIAL : EXITS_OK;
}

/* READY, or a whole struct err: as much as one write to a pipe can be. */
static int wait_ready(struct courier *c, struct err *e)
{
	union {
		char word;
		struct err e;
	} answer;
	ssize_t n;

	do
		n = read(c->back, &answer, sizeof(answer));
	while (n < 0 && errno == EINTR);
	if (n == 1 && answer.word == HANDOVER_READY)
		return 0;
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

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return err_sys(e, -errno, "pipe");
	out->pid = fork();
	if (out->pid < 0)
		return err_sys(e, -errno, "fork");
	if (out->pid == 0) {
		struct post p = { .fd = to[0], .back = from[1] };

		close(to[1]);
		close(from[0]);
		exit(run(&p, config));
	}
	close(to[0]);
	close(from[1]);
	out->out = to[1];
	out->back = from[0];
	rc = wait_ready(out, e);
	if (rc)
		forget(out);
	else
		fcntl(out->back, F_SETFL, O_NONBLOCK);
	return rc;
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXITS_PARTIAL)
		return err_set(
			e, -EAGAIN,
			"some batches were not acknowledged by the collector and are lost");
	return err_set(e, -EAGAIN, "the sending process ended with status %d", status);
}
