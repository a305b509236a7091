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
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uthash.h>

#include "collector/commit.h"
#include "common/addr.h"
#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/tls.h"
#include "common/token.h"
#include "common/utf8.h"
#include "common/version.h"
#include "common/zip.h"
#include "store/enrol.h"

enum {
	GREETING_MS = 10000,	  /* TLS and HELLO or ENROLL together */
	GREETING_CROWD_MS = 3000, /* the same where half the places for strangers are taken */
	LINGER_MS = 2000,
	EARLY_FRAME = 32 << 10, /* longest before a sensor is live */
	OUTPUT_MAX = 64 << 10,	/* answers that a peer does not read */
	HELD_FAIR = 64 << 10,	/* what a session may always hold of an unfinished frame */
	LOG_LINES = 20,
	LOG_WINDOW_MS = 10000,
	SKEW_MS = 5000,
};

enum state { HANDSHAKE, STRANGER, KNOWN, LIVE, CLOSING };

struct session {
	LIST_ENTRY(session) all;
	UT_hash_handle hh;
	struct hub *hub;
	struct bufferevent *bev;
	struct event *deadline;
	enum state state;
	bool counted; /* among the hub's strangers */
	bool reading; /* inside read_frames */
	char peer[2 * SOCK_TEXT + 16];
	struct addr source;
	struct tls_peer id;
	struct commit_source from; /* of its batches */
	uint64_t since_ms;	   /* it connected */
	uint64_t boot, epoch;
	uint64_t can;	    /* capabilities of both ends */
	uint64_t acked;	    /* highest sequence that is known to be committed */
	unsigned in_flight; /* batches that wait for commit.c */
	bool due, gap;	    /* what session_answer has to say */
	bool waits;	    /* for room in the commit queue */
	size_t held;	    /* this session's part of hub->input_bytes */
};

struct session *session_next(const struct session *s)
{
	return LIST_NEXT(s, all);
}

/* Strangers can cause these lines as often as they like. */
static bool may_log(struct hub *hub)
{
	uint64_t now = clock_ms();

	if (now - hub->log_since_ms > LOG_WINDOW_MS) {
		hub->log_since_ms = now;
		hub->log_lines = 0;
	}
	return hub->log_lines++ < LOG_LINES;
}

static void alarm_in(struct session *s, unsigned ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(s->deadline, &tv);
}

static SSL *ssl_of(struct session *s)
{
	return bufferevent_openssl_get_ssl(s->bev);
}

static void no_stranger(struct session *s)
{
	if (!s->counted)
		return;
	s->counted = false;
	s->hub->strangers_n--;
	porch_left(s->hub->porch, &s->source);
}

/* From here on another session may have this identity. */
static void leave(struct session *s)
{
	if (s->state != LIVE)
		return;
	HASH_DELETE(hh, s->hub->by_sensor, s);
	s->hub->live_n--;
}

static void hold(struct session *s, size_t n)
{
	s->hub->input_bytes += n - s->held;
	s->held = n;
}

void session_free(struct session *s)
{
	struct hub *hub = s->hub;

	leave(s);
	hold(s, 0);
	if (s->in_flight)
		commit_forget(hub->commit, &s->from);
	LIST_REMOVE(s, all);
	hub->sessions_n--;
	event_free(s->deadline);
	bufferevent_free(s->bev);
	no_stranger(s);
	free(s);
	hub->fewer(hub);
}

/* Closing */

static void half_close(struct session *s)
{
	bufferevent_disable(s->bev, EV_WRITE);
	SSL_shutdown(ssl_of(s));
	ERR_clear_error();
	shutdown(bufferevent_getfd(s->bev), SHUT_WR);
}

static void discard_input(struct session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);

	evbuffer_drain(in, evbuffer_get_length(in));
	hold(s, 0);
}

/* As session_free, from the loop. */
static void drop_soon(struct session *s)
{
	leave(s);
	s->state = CLOSING;
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	alarm_in(s, 0);
}

void session_finish(struct session *s)
{
	if (s->state == CLOSING)
		return;
	if (s->state == HANDSHAKE) {
		drop_soon(s);
		return;
	}
	leave(s);
	s->state = CLOSING;
	alarm_in(s, LINGER_MS);
	discard_input(s);
	bufferevent_enable(s->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(s->bev)) == 0)
		half_close(s);
}

void session_fail(struct session *s, enum wire_error_code code, const char *reason)
{
	struct wire_error m = { .code = (uint16_t)code, .reason = reason };
	struct buf frame = { 0 };

	if (s->state == CLOSING)
		return;
	wire_put_error(&frame, &m);
	bufferevent_write(s->bev, frame.p, frame.n);
	buf_fini(&frame);
	session_finish(s);
}

static void protocol_error(struct session *s, const char *what)
{
	s->hub->stats->protocol_errors++;
	if (may_log(s->hub))
		log_warn("%s%s%s: protocol error: %s", s->id.cn, *s->id.cn ? " " : "", s->peer,
			 what);
	session_fail(s, WIRE_E_PROTOCOL, what);
}

static void refuse(struct session *s, const char *why)
{
	s->hub->stats->refused++;
	if (may_log(s->hub))
		log_warn("refused %s%s%s: %s", s->id.cn, *s->id.cn ? " " : "", s->peer, why);
	session_fail(s, WIRE_E_REFUSED, why);
}

/* Answers */

static void send_ack(struct session *s)
{
	struct wire_ack m = { s->epoch, s->acked, HUB_CREDIT };
	struct buf frame = { 0 };

	wire_put_ack(&frame, &m);
	bufferevent_write(s->bev, frame.p, frame.n);
	buf_fini(&frame);
}

/* Asks the ledger; the first answer in a session, and after a gap. */
static void send_welcome(struct session *s)
{
	struct wire_welcome m = {
		.minor = WIRE_MINOR,
		.capabilities = WIRE_CAPABILITIES,
		.epoch = s->epoch,
		.credit = HUB_CREDIT,
		.clock_ms = clock_ms(),
		.program = "skein-collector " SKEIN_VERSION,
	};
	struct buf frame = { 0 };
	struct err e = { 0 };

	if (ledger_resume(s->hub->store, s->id.cn, s->epoch, &m.sequence, &e) < 0) {
		log_err("%s: %s", s->id.cn, e.msg);
		session_fail(s, WIRE_E_INTERNAL, "the collector cannot read its ledger");
		return;
	}
	s->acked = m.sequence;
	wire_put_welcome(&frame, &m);
	bufferevent_write(s->bev, frame.p, frame.n);
	buf_fini(&frame);
}

/* Enrolment */

static void new_identity(char out[CERT_CN])
{
	uint64_t v;

	cert_random(&v, sizeof(v));
	snprintf(out, CERT_CN, "s-%016llx", (unsigned long long)v);
}

static int enrol_in_transaction(struct hub *hub, const struct wire_enroll *m,
				const struct token *t, struct wire_cert *out, struct err *e)
{
	uint8_t hash[32], fingerprint[32];
	char role[16] = "", *text = NULL;
	uint64_t now = clock_ms();
	int rc;

	cert_sha256(t->secret, sizeof(t->secret), hash);
	rc = enrol_token_use(hub->store, hash, now, role, e);
	if (!rc)
		rc = authority_sign(hub->authority, m->request, out->sensor, role, &text,
				    fingerprint, e);
	if (!rc)
		rc = enrol_sensor_add(hub->store, out->sensor, role, m->host, fingerprint, now,
				      e);
	out->certificate = text;
	return rc;
}

static int enrol(struct hub *hub, const struct wire_enroll *m, const struct token *t,
		 struct wire_cert *out, struct err *e)
{
	int rc = store_begin(hub->store, e);

	if (rc)
		return rc;
	rc = enrol_in_transaction(hub, m, t, out, e);
	if (!rc)
		rc = store_commit(hub->store, e);
	if (rc)
		store_rollback(hub->store);
	return rc;
}

static void enrol_refused(struct session *s, int rc, const struct err *e)
{
	switch (rc) {
	case -ENOENT:
		refuse(s, "unknown token");
		return;
	case -ETIMEDOUT:
		refuse(s, "the token has expired; skein-collector token create makes another");
		return;
	case -EDQUOT:
		refuse(s, "the token is used up; skein-collector token create makes another");
		return;
	case -EINVAL:
		refuse(s, "a signing request that makes no sense");
		return;
	}
	log_err("cannot enrol %s: %s", s->peer, e->msg);
	session_fail(s, WIRE_E_INTERNAL, "the collector cannot enrol anybody now");
}

static void on_enroll(struct session *s, struct cur body)
{
	struct hub *hub = s->hub;
	char sensor[CERT_CN];
	struct wire_cert answer = { .sensor = sensor, .authority = hub->authority->text };
	struct buf frame = { 0 };
	struct wire_enroll m;
	struct err e = { 0 };
	struct token t;
	int rc;

	if (wire_get_enroll(body, &m) < 0 || !utf8_valid(m.host, strlen(m.host))) {
		protocol_error(s, "an enrolment that makes no sense");
		return;
	}
	if (token_parse(m.token, &t) < 0 ||
	    CRYPTO_memcmp(t.pin, hub->authority->pin, sizeof(t.pin)) != 0) {
		refuse(s, "this is no token of this collector");
		return;
	}
	new_identity(sensor);
	rc = enrol(hub, &m, &t, &answer, &e);
	if (!rc) {
		hub->stats->enrolled++;
		log_info("enrolled %s: host=%s from %s", sensor, m.host, s->peer);
		wire_put_cert(&frame, &answer);
		bufferevent_write(s->bev, frame.p, frame.n);
		session_finish(s);
	} else {
		enrol_refused(s, rc, &e);
	}
	buf_fini(&frame);
	free((char *)answer.certificate);
}

/* Greeting */

/*
 * A sensor whose link was cut comes back while its old session looks alive: same boot, and the
 * new one wins.  Another boot under the same identity is a copy of the key, or the same
 * machine after a power cut: the newer one is turned away, and the older gets an
 * acknowledgement, to which a machine that has started again answers with a reset.
 */
static bool displace(struct session *s, uint64_t boot)
{
	struct session *old;

	HASH_FIND_STR(s->hub->by_sensor, s->id.cn, old);
	if (!old)
		return true;
	if (old->boot == boot) {
		log_info("%s is back from %s, was at %s", s->id.cn, s->peer, old->peer);
		session_free(old);
		commit_flush(s->hub->commit); /* so that the position is right */
		return true;
	}
	s->hub->stats->duplicates++;
	if (may_log(s->hub))
		log_warn("%s from %s while it is connected from %s: turned away", s->id.cn,
			 s->peer, old->peer);
	send_ack(old);
	session_fail(s, WIRE_E_DUPLICATE, "a sensor with this identity is connected already");
	return false;
}

static void go_live(struct session *s)
{
	s->state = LIVE;
	HASH_ADD_STR(s->hub->by_sensor, id.cn, s);
	s->hub->live_n++;
	no_stranger(s);
	evtimer_del(s->deadline);
	bufferevent_setwatermark(s->bev, EV_READ, 0, WIRE_FRAME_MAX + 4);
}

/*
 * The sensor has read its clock between connecting and now, so a clock that shows any time
 * between is right: all of them may come back at once, and then a HELLO waits.
 */
static void take_clock(struct session *s, uint64_t clock, uint64_t now)
{
	int64_t skew = (int64_t)(clock - now), most = (int64_t)(clock - s->since_ms);

	if (!clock || clock > INT64_MAX / 2)
		return;
	s->from.greeted = true;
	s->from.skew_ms = skew < 0 && most > 0 ? 0 : skew;
	if (s->from.skew_ms > SKEW_MS || s->from.skew_ms < -SKEW_MS)
		log_warn("%s: its clock differs by %lld s; its times are corrected", s->id.cn,
			 (long long)s->from.skew_ms / 1000);
}

static void on_hello(struct session *s, struct cur body)
{
	uint64_t now = clock_ms();
	struct wire_hello m;

	if (wire_get_hello(body, &m) < 0) {
		protocol_error(s, "a greeting that makes no sense");
		return;
	}
	if (!displace(s, m.boot))
		return;
	s->boot = m.boot;
	s->epoch = m.epoch;
	s->can = m.capabilities & WIRE_CAPABILITIES;
	go_live(s);
	send_welcome(s);
	if (s->state != LIVE)
		return;
	log_info("%s connected from %s: role=%s program=%s position=%llu", s->id.cn, s->peer,
		 s->id.role, m.program, (unsigned long long)s->acked);
	take_clock(s, m.clock_ms, now);
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
	    decode(s, &b, &bytes) < 0) {
		protocol_error(s, "a batch that makes no sense");
		return false;
	}
	s->in_flight++;
	s->hub->stats->batches++;
	s->hub->stats->records += b.records;
	s->hub->stats->bytes += b.raw_length;
	s->hub->stats->wire_bytes += cur_left(&f->body);
	commit_add(s->hub->commit, &s->from, s->id.cn, &b, bytes);
	return true;
}

static void on_error(struct session *s, struct cur body)
{
	struct wire_error m;

	if (wire_get_error(body, &m) == 0 && may_log(s->hub))
		log_warn("%s %s says: %s", s->id.cn, s->peer, m.reason);
	session_finish(s);
}

static bool on_frame(struct session *s, const struct wire_frame *f, uint8_t *bytes)
{
	if (s->state == STRANGER && f->type == WIRE_ENROLL)
		on_enroll(s, f->body);
	else if (s->state == STRANGER)
		refuse(s, "no certificate; enrol this sensor first");
	else if (s->state == KNOWN && f->type == WIRE_HELLO)
		on_hello(s, f->body);
	else if (s->state == LIVE && f->type == WIRE_BATCH)
		return on_batch(s, f, bytes);
	else if (f->type == WIRE_ERROR)
		on_error(s, f->body);
	else if (!(f->flags & WIRE_OPTIONAL))
		protocol_error(s, "a frame that has no place here");
	return false;
}

static void check_held(struct session *s)
{
	hold(s, evbuffer_get_length(bufferevent_get_input(s->bev)));
	if (s->hub->input_bytes > HUB_INPUT_BYTES && s->held > HELD_FAIR)
		session_fail(s, WIRE_E_BUSY, "the collector has too much to do");
}

/* A sensor beyond its credit, or with all of them too much: TCP holds it back. */
static bool must_wait(struct session *s)
{
	s->waits = s->state == LIVE && commit_full(s->hub->commit);
	s->hub->held_back |= s->waits;
	return s->waits || s->in_flight >= HUB_CREDIT;
}

static void read_frames(struct session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct wire_frame frame;
	uint8_t *bytes;
	int rc = 0;

	s->reading = true;
	while (s->state != CLOSING && !must_wait(s)) {
		rc = frame_take(in, s->state == LIVE ? WIRE_FRAME_MAX : EARLY_FRAME, &bytes,
				&frame);
		if (rc <= 0)
			break;
		if (!on_frame(s, &frame, bytes))
			free(bytes);
	}
	s->reading = false;
	if (rc < 0)
		protocol_error(s, "a frame of impossible length");
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
		send_welcome(s);
	else
		send_ack(s);
	s->due = s->gap = false;
	if (s->state != LIVE)
		return;
	if (evbuffer_get_length(bufferevent_get_output(s->bev)) > OUTPUT_MAX)
		drop_soon(s);
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
	struct session *s, *next;

	if (!hub->held_back)
		return;
	hub->held_back = false;
	HASH_ITER (hh, hub->by_sensor, s, next)
		if (s->waits && !s->reading && !hub->draining)
			read_frames(s);
}

void session_sweep(struct hub *hub)
{
	struct session *s, *next;
	char role[16];

	HASH_ITER (hh, hub->by_sensor, s, next)
		if (!enrol_sensor_allowed(hub->store, s->id.cn, s->id.fingerprint, role))
			refuse(s, "this sensor has been revoked");
}

/* libevent's callbacks; only these free. */

static void on_handshake(struct session *s)
{
	char role[16];
	int rc;

	if (!tls_agreed(ssl_of(s))) {
		s->hub->stats->handshakes_failed++;
		drop_soon(s);
		return;
	}
	rc = tls_peer(ssl_of(s), &s->id);
	s->state = rc == -ENOENT ? STRANGER : KNOWN;
	if (s->state == KNOWN &&
	    (rc || !enrol_sensor_allowed(s->hub->store, s->id.cn, s->id.fingerprint, role)))
		refuse(s, "this sensor is not enrolled here, or has been revoked");
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct session *s = ctx;

	(void)bev;
	if (s->state == CLOSING)
		discard_input(s);
	else if (s->state != HANDSHAKE && !s->hub->draining)
		read_frames(s);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct session *s = ctx;

	if (s->state == CLOSING && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		half_close(s);
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
		if (code && may_log(s->hub))
			log_info("%s: TLS failed: %s", s->peer,
				 tls_words(ssl_of(s), code, words, sizeof(words)));
	} else if (s->state == LIVE) {
		log_info("%s %s: connection ended", s->id.cn, s->peer);
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
	s->since_ms = clock_ms();
	s->from = (struct commit_source){
		.ctx = s, .committed = on_committed, .answer = on_answer, .failed = on_failed
	};
	s->counted = true;
	s->source = guest->source;
	snprintf(s->peer, sizeof(s->peer), "%s", guest->text);
	sock_tune(fd);
	s->bev = bufferevent_openssl_socket_new(
		hub->base, fd, tls_accepting(hub->tls), BUFFEREVENT_SSL_ACCEPTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	s->deadline = evtimer_new(hub->base, on_deadline, s);
	bufferevent_setcb(s->bev, on_read, on_write, on_event, s);
	bufferevent_setwatermark(s->bev, EV_READ, 0, EARLY_FRAME + 4);
	bufferevent_enable(s->bev, EV_READ | EV_WRITE);
	alarm_in(s, hub->strangers_n < HUB_STRANGERS / 2 ? GREETING_MS : GREETING_CROWD_MS);
	LIST_INSERT_HEAD(&hub->sessions, s, all);
	hub->sessions_n++;
	hub->strangers_n++;
}
