/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/session_priv.h"
#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/tls.h"
#include "common/version.h"
#include "common/zip.h"
#include "store/enrol.h"

enum {
	OUTPUT_MAX = 64 << 10, /* answers that a peer does not read */
	HELD_FAIR = 64 << 10,  /* what a session may always hold of an unfinished frame */
	LOG_LINES = 20,
	LOG_WINDOW_MS = 10000,
};

struct session *session_next(const struct session *s)
{
	return LIST_NEXT(s, all);
}

bool session_may_log(struct session *s)
{
	struct hub *hub = s->hub;
	uint64_t now = stats_clock_ms();

	if (now - hub->log_since_ms > LOG_WINDOW_MS) {
		hub->log_since_ms = now;
		hub->log_lines = 0;
	}
	return hub->log_lines++ < LOG_LINES;
}

void session_alarm(struct session *s, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(s->deadline, &tv);
}

SSL *session_ssl(struct session *s)
{
	return bufferevent_openssl_get_ssl(s->bev);
}

void session_no_stranger(struct session *s)
{
	if (!s->counted)
		return;
	s->counted = false;
	s->hub->strangers_n--;
	porch_left(s->hub->porch, &s->source);
}

void session_hold(struct session *s, size_t n)
{
	s->hub->input_bytes += n - s->held;
	s->held = n;
}

/* Answers */

void session_send(struct session *s, struct buf *frame)
{
	bufferevent_write(s->bev, frame->p, frame->n);
	buf_fini(frame);
}

void session_ack(struct session *s)
{
	struct wire_ack m = { s->epoch, s->acked, s->pass.expired ? 0 : HUB_CREDIT };
	struct buf frame = { 0 };

	wire_put_ack(&frame, &m);
	session_send(s, &frame);
}

void session_welcome(struct session *s)
{
	struct wire_welcome m = {
		.minor = WIRE_MINOR,
		.capabilities = WIRE_CAPABILITIES,
		.epoch = s->epoch,
		.credit = s->pass.expired ? 0 : HUB_CREDIT,
		.clock_ms = clock_ms(),
		.program = "skein-collector " SKEIN_VERSION,
	};
	struct buf frame = { 0 };
	struct err e = { 0 };

	if (ledger_resume(s->hub->store, s->pass.id.cn, s->epoch, &m.sequence, &e) < 0) {
		if (session_may_log(s))
			log_err("%s: %s", s->pass.id.cn, e.msg);
		session_fail(s, WIRE_E_INTERNAL, "the collector cannot read its ledger");
		return;
	}
	s->acked = m.sequence;
	wire_put_welcome(&frame, &m);
	session_send(s, &frame);
}

/* Frames.  These return true if they keep the frame's bytes. */

/* Puts what B decodes to in the place of BYTES, in which it lies. */
static int decode(struct session *s, struct wire_batch *b, uint8_t **bytes)
{
	uint8_t *raw;

	if (b->encoding == WIRE_PLAIN)
		return 0;
	if (!(s->can & WIRE_CAN_ZSTD))
		return -EPROTO;
	raw = xmalloc(b->raw_length);
	if (unzip(s->hub->unzip, b->body, raw, b->raw_length) < 0) {
		free(raw);
		return -EPROTO;
	}
	free(*bytes);
	*bytes = raw;
	b->body = cur_of(raw, b->raw_length);
	b->encoding = WIRE_PLAIN;
	return 0;
}

static bool on_batch(struct session *s, const struct wire_frame *f, uint8_t *bytes)
{
	struct wire_batch b;

	if (wire_get_batch(f->body, &b) < 0 || b.epoch != s->epoch || !b.sequence ||
	    s->pass.expired || decode(s, &b, &bytes) < 0) {
		session_protocol_error(s, "a batch that makes no sense");
		return false;
	}
	s->in_flight++;
	s->hub->stats->batches++;
	s->hub->stats->records += b.records;
	s->hub->stats->bytes += b.raw_length;
	s->hub->stats->wire_bytes += cur_left(&f->body);
	commit_add(s->hub->commit, &s->from, s->pass.id.cn, &b, bytes);
	return true;
}

static void on_error(struct session *s, struct cur body)
{
	struct wire_error m;

	if (wire_get_error(body, &m) == 0 && session_may_log(s))
		log_warn("%s %s says: %s", s->pass.id.cn, s->peer, m.reason);
	session_finish(s);
}

static bool on_frame(struct session *s, const struct wire_frame *f, uint8_t *bytes)
{
	passport_heard(&s->pass, s->hub, bufferevent_getfd(s->bev), s->peer);
	if (s->state == STRANGER && f->type == WIRE_ENROLL)
		session_enroll(s, f->body);
	else if (s->state == STRANGER)
		session_refuse(s, "no certificate; enrol this sensor first");
	else if (s->state == KNOWN && f->type == WIRE_HELLO)
		session_hello(s, f->body);
	else if (s->state == LIVE && f->type == WIRE_BATCH)
		return on_batch(s, f, bytes);
	else if (s->state == LIVE && f->type == WIRE_RENEW)
		session_renew(s, f->body);
	else if (f->type == WIRE_ERROR)
		on_error(s, f->body);
	else if (!(f->flags & WIRE_OPTIONAL))
		session_protocol_error(s, "a frame that has no place here");
	return false;
}

static void check_held(struct session *s)
{
	session_hold(s, evbuffer_get_length(bufferevent_get_input(s->bev)));
	if (s->hub->input_bytes > HUB_INPUT_BYTES && s->held > HELD_FAIR)
		session_fail(s, WIRE_E_BUSY, "the collector has too much to do");
}

/* A sensor beyond its credit, or with all of them too much: TCP holds it back. */
static bool must_wait(struct session *s)
{
	bool full = s->state == LIVE && commit_full(s->hub->commit);

	if (full && !s->waits) {
		TAILQ_INSERT_TAIL(&s->hub->waiting, s, turn);
		s->waits = true;
	}
	return full || s->in_flight >= HUB_CREDIT;
}

static void read_frames(struct session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct wire_frame frame;
	uint8_t *bytes;
	int rc = 0;

	s->reading = true;
	while (s->state != CLOSING && !must_wait(s)) {
		rc = frame_take(in, s->state == LIVE ? WIRE_FRAME_MAX : SESSION_EARLY_FRAME,
				&bytes, &frame);
		if (rc <= 0)
			break;
		if (!on_frame(s, &frame, bytes))
			free(bytes);
	}
	s->reading = false;
	if (rc < 0)
		session_protocol_error(s, "a frame of impossible length");
	if (s->state == CLOSING)
		return;
	if (must_wait(s))
		bufferevent_disable(s->bev, EV_READ);
	else
		bufferevent_enable(s->bev, EV_READ);
	check_held(s);
}

/* What commit.c has to say */

static void on_committed(struct commit_source *from, const struct wire_batch *b,
			 enum ledger_verdict verdict)
{
	struct session *s = from->ctx;

	s->in_flight--;
	s->due = true;
	switch (verdict) {
	case LEDGER_APPLIED:
		s->acked = b->sequence;
		return;
	case LEDGER_KNOWN:
		s->hub->stats->known++;
		if (b->sequence > s->acked)
			s->acked = b->sequence;
		return;
	case LEDGER_GAP:
		s->hub->stats->gaps++;
		s->gap = true;
		return;
	}
}

static void on_answer(struct commit_source *from)
{
	struct session *s = from->ctx;

	if (!s->due || s->state != LIVE)
		return;
	if (s->gap)
		session_welcome(s);
	else
		session_ack(s);
	s->due = s->gap = false;
	if (s->state != LIVE)
		return;
	if (evbuffer_get_length(bufferevent_get_output(s->bev)) > OUTPUT_MAX)
		session_drop_soon(s);
	else if (!s->reading && !s->hub->draining)
		read_frames(s);
}

static void on_failed(struct commit_source *from, const struct wire_batch *b)
{
	(void)b;
	session_fail(from->ctx, WIRE_E_INTERNAL, "the collector cannot store anything now");
}

void session_go_on(struct hub *hub)
{
	struct session *s;

	while (!commit_full(hub->commit) && (s = TAILQ_FIRST(&hub->waiting))) {
		session_no_turn(s);
		if (!s->reading && !hub->draining)
			read_frames(s);
	}
}

static void on_revoked(const char *sensor, void *ctx)
{
	const struct hub *hub = ctx;
	struct session *s;

	HASH_FIND_STR(hub->by_sensor, sensor, s);
	if (s)
		session_refuse(s, "this sensor has been revoked");
}

void session_sweep(struct hub *hub)
{
	struct err e = { 0 };

	if (enrol_revoked(hub->store, &hub->revoked, on_revoked, hub, &e) < 0)
		log_warn("who is revoked cannot be read: %s", e.msg);
}

/* libevent's callbacks; only these free, and a session that takes the place of another. */

static void on_handshake(struct session *s)
{
	int rc;

	if (!tls_agreed(session_ssl(s))) {
		s->hub->stats->handshakes_failed++;
		session_drop_soon(s);
		return;
	}
	rc = tls_peer(session_ssl(s), &s->pass.id);
	s->state = rc == -ENOENT ? STRANGER : KNOWN;
	if (s->state == KNOWN && rc)
		session_refuse(s, "a certificate that names nobody");
	else if (s->state == KNOWN)
		session_let_in(s);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct session *s = ctx;

	(void)bev;
	if (s->state == CLOSING)
		session_discard(s);
	else if (s->state != HANDSHAKE && !s->hub->draining)
		read_frames(s);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct session *s = ctx;

	if (s->state == CLOSING && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		session_half_close(s);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	unsigned long code = bufferevent_get_openssl_error(bev);
	struct session *s = ctx;
	char words[256];

	if (what & BEV_EVENT_CONNECTED) {
		if (s->state == HANDSHAKE)
			on_handshake(s);
		return;
	}
	if (s->state == HANDSHAKE) {
		s->hub->stats->handshakes_failed++;
		if (code && session_may_log(s))
			log_info("%s: TLS failed: %s", s->peer,
				 tls_words(session_ssl(s), code, words, sizeof(words)));
	} else if (s->state == LIVE) {
		log_info("%s %s: connection ended", s->pass.id.cn, s->peer);
	}
	session_free(s);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct session *s = ctx;

	(void)fd, (void)what;
	if (s->state == HANDSHAKE)
		s->hub->stats->handshakes_failed++;
	session_free(s);
}

void session_start(struct hub *hub, int fd, const struct porch_guest *guest)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->hub = hub;
	s->since_ms = stats_clock_ms();
	s->from = (struct commit_source){
		.ctx = s, .committed = on_committed, .answer = on_answer, .failed = on_failed
	};
	s->counted = true;
	s->source = guest->source;
	s->pass.relayed = guest->relayed;
	snprintf(s->peer, sizeof(s->peer), "%s", guest->text);
	sock_tune(fd);
	s->bev = bufferevent_openssl_socket_new(
		hub->base, fd, tls_accepting(hub->tls), BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	s->deadline = evtimer_new(hub->base, on_deadline, s);
	bufferevent_setcb(s->bev, on_read, on_write, on_event, s);
	bufferevent_setwatermark(s->bev, EV_READ, 0, SESSION_EARLY_FRAME + 4);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	session_alarm(s, hub->strangers_n < HUB_STRANGERS / 2 ? SESSION_GREETING_MS
							      : SESSION_GREETING_CROWD_MS);
	LIST_INSERT_HEAD(&hub->sessions, s, all);
	hub->sessions_n++;
	hub->strangers_n++;
}
