/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test's call to the collector: dials, shakes hands and greets it as the sensor does,
 * and hangs up at the answer.  Boot and epoch are of this call alone, so a sensor that is
 * connected under the same identity stays: then the collector turns this call away.
 */
#include <errno.h>
#include <fcntl.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/exits.h"
#include "common/frame.h"
#include "common/tls.h"
#include "common/version.h"
#include "common/wire.h"
#include "sensor/confine.h"
#include "common/dial.h"
#include "sensor/selftest_parts.h"

enum { FRAME_MAX = 4096 };

struct call {
	struct event_base *base;
	struct event *timer;
	struct dial *dial;
	struct bufferevent *bev;
	SSL_CTX *tls; /* NULL: no identity */
	struct found_call *out;
	uint64_t began_ms, asked_ms; /* of the monotonic clock; of the wall clock */
	bool shaken;
};

static uint64_t steady_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void end(struct call *k, enum call_end how, const char *words)
{
	k->out->end = how;
	k->out->ms = (unsigned)(steady_ms() - k->began_ms);
	snprintf(k->out->words, sizeof(k->out->words), "%s", words);
	event_base_loopbreak(k->base);
}

static void greet(struct call *k)
{
	struct wire_hello m = { .minor = WIRE_MINOR,
				.clock_ms = clock_ms(),
				.capabilities = WIRE_IS_TEST,
				.program = "skein-sensor " SKEIN_VERSION " --self-test" };
	struct buf frame = { 0 };

	cert_random(&m.boot, sizeof(m.boot));
	cert_random(&m.epoch, sizeof(m.epoch));
	k->asked_ms = m.clock_ms;
	wire_put_hello(&frame, &m);
	bufferevent_write(k->bev, frame.p, frame.n);
	buf_fini(&frame);
}

/* Its clock was read somewhere between question and answer: the middle is taken. */
static void on_welcome(struct call *k, const struct wire_welcome *m)
{
	uint64_t now = clock_ms();

	k->out->has_clock = true;
	k->out->clock_ms =
		(int64_t)(m->clock_ms - k->asked_ms) - (int64_t)(now - k->asked_ms) / 2;
	snprintf(k->out->program, sizeof(k->out->program), "%s", m->program);
	end(k, CALL_WELCOME, "");
}

static void on_answer(struct call *k, const struct wire_frame *f)
{
	struct wire_welcome welcome;
	struct wire_error error;

	if (f->type == WIRE_WELCOME && wire_get_welcome(f->body, &welcome) == 0)
		on_welcome(k, &welcome);
	else if (f->type == WIRE_ERROR && wire_get_error(f->body, &error) == 0)
		end(k, error.code == WIRE_E_DUPLICATE ? CALL_TAKEN : CALL_REFUSED,
		    error.reason);
	else
		end(k, CALL_REFUSED, "an answer that makes no sense");
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct call *k = ctx;
	struct wire_frame frame;
	uint8_t *bytes = NULL;
	int rc;

	if (k->out->end != CALL_NOBODY)
		return;
	rc = frame_take(bufferevent_get_input(bev), FRAME_MAX, &bytes, &frame);
	if (rc > 0) {
		on_answer(k, &frame);
		free(bytes);
	} else if (rc < 0) {
		end(k, CALL_TLS, "this is not the Skein protocol");
	}
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct call *k = ctx;
	unsigned long code = bufferevent_get_openssl_error(bev);
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	char words[256];

	if (k->out->end != CALL_NOBODY)
		return;
	if (!(what & BEV_EVENT_CONNECTED)) {
		end(k, CALL_TLS, tls_words(ssl, code, words, sizeof(words)));
	} else if (!tls_agreed(ssl)) {
		end(k, CALL_TLS, "the other end does not speak " WIRE_ALPN);
	} else {
		k->shaken = true;
		greet(k);
	}
}

static void on_dialled(const struct dial_result *r, void *ctx)
{
	struct call *k = ctx;

	k->dial = NULL;
	snprintf(k->out->peer, sizeof(k->out->peer), "%s", r->peer);
	k->out->proxied = r->proxied;
	if (r->fd < 0) {
		k->out->name = r->unknown;
		end(k, CALL_UNREACHED, r->words);
		return;
	}
	if (!k->tls) {
		close(r->fd);
		end(k, CALL_CONNECTED, "");
		return;
	}
	k->bev = bufferevent_openssl_socket_new(
		k->base, r->fd, tls_connecting(k->tls), BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(k->bev, on_read, NULL, on_event, k);
	bufferevent_enable(k->bev, EV_READ | EV_WRITE);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct call *k = ctx;

	(void)fd, (void)what;
	end(k, k->bev ? CALL_MUTE : CALL_UNREACHED, "no answer in time");
}

static void hang_up(struct call *k)
{
	dial_cancel(k->dial);
	if (k->bev) {
		if (k->shaken)
			SSL_shutdown(bufferevent_openssl_get_ssl(k->bev));
		ERR_clear_error();
		bufferevent_free(k->bev);
	}
	event_free(k->timer);
	event_base_loop(k->base, EVLOOP_NONBLOCK); /* libevent frees from its loop */
	event_base_free(k->base);
	SSL_CTX_free(k->tls);
}

static void call(const struct selftest_config *c, struct found_call *out)
{
	const struct timeval patience = { .tv_sec = CALL_S };
	struct call k = { .out = out, .began_ms = steady_ms() };
	struct identity id;
	struct err e = { 0 };

	signal(SIGPIPE, SIG_IGN);
	k.tls = identity_tls(c->watch->dir, &id, NULL);
	k.base = event_base_new();
	k.timer = evtimer_new(k.base, on_timer, &k);
	evtimer_add(k.timer, &patience);
	if (confine_courier(c->watch->dir, -1, -1, &e)) {
		end(&k, CALL_UNREACHED, e.msg);
	} else {
		k.dial = dial_start(k.base, c->watch->host, c->watch->port, c->watch->proxy,
				    on_dialled, &k);
		event_base_dispatch(k.base);
	}
	hang_up(&k);
}

/* By a child without rights, as the courier is one: bytes of strangers are not for root. */
void read_call(const struct selftest_config *c, struct found_call *out)
{
	int p[2];
	pid_t pid;
	ssize_t n;

	if (!*c->watch->host)
		return;
	*out = (struct found_call){ .end = CALL_UNREACHED,
				    .words = "the calling process died" };
	if (pipe2(p, O_CLOEXEC))
		return;
	pid = fork();
	if (pid == 0) {
		struct found_call found = { .end = CALL_NOBODY };

		call(c, &found);
		n = write(p[1], &found, sizeof(found)); /* fits a pipe, so it is whole */
		_exit(n == (ssize_t)sizeof(found) ? EXITS_OK : EXITS_UNREACHED);
	}
	close(p[1]);
	do
		n = read(p[0], out, sizeof(*out));
	while (n < 0 && errno == EINTR);
	close(p[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}
