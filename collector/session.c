/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uthash.h>

#include "collector/commit.h"
#include "collector/enrolment.h"
#include "common/addr.h"
#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/tls.h"
#include "common/utf8.h"
#include "common/version.h"
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
	char peer[SOCK_TEXT];
	struct addr source;
	struct tls_peer id;
	uint64_t boot, epoch;
	uint64_t acked;	    /* highest sequence that is known to be committed */
	unsigned in_flight; /* batches that wait for commit.c */
	bool due, gap;	    /* what session_answer has to say */
	size_t held;	    /* this session's part of hub->input_bytes */
	bool expired;	    /* its certificate has ended: it may renew it, and nothing else */
	bool next;	    /* it came with its next certificate */
	uint64_t rival_ms;  /* when another with this identity was turned away, 0: none */
	char rival[SOCK_TEXT];
};

struct session *session_next(const struct session *s)
{
	return LIST_NEXT(s, all);
}

const char *session_sensor(const struct session *s)
{
	return s->id.cn;
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
	s->hub->fewer(s->hub);
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
		commit_forget(hub->commit, s);
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
	struct wire_ack m = { s->epoch, s->acked, s->expired ? 0 : HUB_CREDIT };
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
		.capabilities = WIRE_CAN_RENEW,
		.epoch = s->epoch,
		.credit = s->expired ? 0 : HUB_CREDIT,
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

/* Certificates */

static void send_certificate(struct session *s, struct enrolment *x)
{
	struct buf frame = { 0 };

	enrolment_put(&frame, s->hub, x);
	bufferevent_write(s->bev, frame.p, frame.n);
	buf_fini(&frame);
}

static void no_certificate(struct session *s, int rc, const struct err *e)
{
	if (enrolment_refusal(rc)) {
		refuse(s, enrolment_refusal(rc));
	} else if (rc == -EAGAIN) {
		session_fail(s, WIRE_E_BUSY, "too many sensors at once; try again");
	} else {
		log_err("no certificate for %s%s%s: %s", s->id.cn, *s->id.cn ? " " : "",
			s->peer, e->msg);
		session_fail(s, WIRE_E_INTERNAL, "the collector cannot enrol anybody now");
	}
}

static void on_enroll(struct session *s, struct cur body)
{
	struct wire_enroll m;
	struct enrolment x;
	struct err e = { 0 };
	int rc;

	if (wire_get_enroll(body, &m) < 0 || !utf8_valid(m.host, strlen(m.host))) {
		protocol_error(s, "an enrolment that makes no sense");
		return;
	}
	rc = enrolment_first(s->hub, &m, &s->source, &x, &e);
	if (rc) {
		no_certificate(s, rc, &e);
		return;
	}
	s->hub->stats->enrolled++;
	log_info("enrolled %s: host=%s from %s", x.sensor, m.host, s->peer);
	send_certificate(s, &x);
	session_finish(s);
}

/* The session goes on as it is: the next certificate is for the next connection. */
static void on_renew(struct session *s, struct cur body)
{
	struct wire_renew m;
	struct enrolment x;
	struct err e = { 0 };
	int rc;

	if (wire_get_renew(body, &m) < 0) {
		protocol_error(s, "a renewal that makes no sense");
		return;
	}
	rc = enrolment_next(s->hub, s->id.cn, s->id.role, m.request, &x, &e);
	if (rc == -EALREADY) { /* it asks again by itself */
		s->hub->stats->renewals_early++;
	} else if (rc) {
		no_certificate(s, rc, &e);
	} else {
		s->hub->stats->renewed++;
		log_info("%s renewed its certificate from %s", s->id.cn, s->peer);
		send_certificate(s, &x);
	}
}

/* Who it is */

enum { CLONE_PROOF_MS = 2000 };

/* A person will look; said once, until somebody has. */
static void alarm_of_clone(struct session *s, const char *words)
{
	struct err e = { 0 };

	s->hub->stats->clones++;
	log_err("%s: %s; see skein-collector sensor show %s", s->id.cn, words, s->id.cn);
	if (enrol_sensor_cloned(s->hub->store, s->id.cn, words, clock_ms(), &e) < 0)
		log_err("%s: %s", s->id.cn, e.msg);
}

/*
 * Somebody else came with this identity and was turned away, which a machine that was started
 * again does too, since its old session looks alive for a while.  What is heard from that a
 * while later is the proof that there are two.
 */
static void on_life_sign(struct session *s)
{
	char words[2 * SOCK_TEXT + 64];
	struct tcp_info info;
	socklen_t n = sizeof(info);

	if (!s->rival_ms || clock_ms() - s->rival_ms < CLONE_PROOF_MS)
		return;
	s->rival_ms = 0;
	if (getsockopt(bufferevent_getfd(s->bev), IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
	    info.tcpi_state != TCP_ESTABLISHED)
		return;
	snprintf(words, sizeof(words), "connected from %s, and also tried from %s", s->peer,
		 s->rival);
	alarm_of_clone(s, words);
}

static void use_next(struct session *s)
{
	struct err e = { 0 };

	if (!s->next)
		return;
	if (enrol_sensor_use_next(s->hub->store, s->id.cn, s->id.fingerprint, &e) < 0)
		log_warn("%s: its next certificate is not yet noted: %s", s->id.cn, e.msg);
	else
		log_info("%s uses its next certificate", s->id.cn);
}

/* A certificate that has ended is good to get the next one, for as long again. */
static bool not_long_over(struct session *s)
{
	int64_t over = (int64_t)(clock_ms() / 1000) - s->id.expires;

	s->expired = over > 0;
	if (over <= (int64_t)s->hub->life_s)
		return true;
	refuse(s, "its certificate has ended too long ago to be renewed; enrol it again with "
		  "--force");
	return false;
}

/* False where it was refused. */
static bool let_in(struct session *s)
{
	char words[SOCK_TEXT + 64];
	enum enrol_verdict v =
		enrol_sensor_check(s->hub->store, s->id.cn, s->id.fingerprint, s->id.role);

	s->next = v == ENROL_NEXT;
	switch (v) {
	case ENROL_CURRENT:
	case ENROL_NEXT:
		return not_long_over(s);
	case ENROL_REVOKED:
		refuse(s, "this sensor has been revoked");
		return false;
	case ENROL_REPLACED:
		snprintf(words, sizeof(words),
			 "the certificate before its newest was used from %s", s->peer);
		alarm_of_clone(s, words);
		refuse(s, "this certificate was renewed and the new one used: a copy of this "
			  "sensor? enrol it again with --force");
		return false;
	case ENROL_UNKNOWN:
		break;
	}
	refuse(s, "this sensor is not enrolled here; enrol it again with --force");
	return false;
}

/* Greeting */

/*
 * A sensor whose link was cut comes back while its old session looks alive: same boot, and the
 * new one wins.  Another boot under the same identity is a copy of the key, or the same
 * machine after a power cut: the newer one is turned away, and the older gets an
 * acknowledgement, to which a machine that has started again answers with a reset.
 */
static bool displace(struct session *s, uint64_t boot, bool test)
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
	if (!test) {
		old->rival_ms = clock_ms();
		memcpy(old->rival, s->peer, sizeof(old->rival));
	}
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
	if (s->expired)
		alarm_in(s, GREETING_MS);
	else
		bufferevent_setwatermark(s->bev, EV_READ, 0, WIRE_FRAME_MAX + 4);
	use_next(s);
}

static void on_hello(struct session *s, struct cur body)
{
	struct wire_hello m;
	int64_t skew;

	if (wire_get_hello(body, &m) < 0) {
		protocol_error(s, "a greeting that makes no sense");
		return;
	}
	if (!let_in(s)) /* once more: time has passed */
		return;
	if (s->expired && !(m.capabilities & WIRE_CAN_RENEW)) {
		refuse(s, "its certificate has ended, and it cannot renew it by itself; enrol "
			  "it again with --force");
		return;
	}
	if (!displace(s, m.boot, m.capabilities & WIRE_IS_TEST))
		return;
	s->boot = m.boot;
	s->epoch = m.epoch;
	go_live(s);
	send_welcome(s);
	if (s->state != LIVE)
		return;
	log_info("%s connected from %s: role=%s program=%s position=%llu", s->id.cn, s->peer,
		 s->id.role, m.program, (unsigned long long)s->acked);
	skew = (int64_t)(m.clock_ms - clock_ms());
	if (skew > SKEW_MS || skew < -SKEW_MS)
		log_warn("%s: its clock differs by %lld s", s->id.cn, (long long)skew / 1000);
}

/* Frames.  These return true if they keep the frame's bytes. */

static bool on_batch(struct session *s, const struct wire_frame *f, uint8_t *bytes)
{
	struct wire_batch b;

	if (wire_get_batch(f->body, &b) < 0 || b.epoch != s->epoch || !b.sequence ||
	    s->expired) {
		protocol_error(s, "a batch that makes no sense");
		return false;
	}
	s->in_flight++;
	s->hub->stats->batches++;
	s->hub->stats->records += b.records;
	s->hub->stats->bytes += b.raw_length;
	commit_add(s->hub->commit, s, &b, bytes);
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
	on_life_sign(s);
	if (s->state == STRANGER && f->type == WIRE_ENROLL)
		on_enroll(s, f->body);
	else if (s->state == STRANGER)
		refuse(s, "no certificate; enrol this sensor first");
	else if (s->state == KNOWN && f->type == WIRE_HELLO)
		on_hello(s, f->body);
	else if (s->state == LIVE && f->type == WIRE_BATCH)
		return on_batch(s, f, bytes);
	else if (s->state == LIVE && f->type == WIRE_RENEW)
		on_renew(s, f->body);
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

/* Beyond the credit nothing is read: TCP holds the sensor back until the answer. */
static void read_frames(struct session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);
	struct wire_frame frame;
	uint8_t *bytes;
	int rc = 0;

	s->reading = true;
	while (s->state != CLOSING && s->in_flight < HUB_CREDIT) {
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
	if (s->in_flight >= HUB_CREDIT)
		bufferevent_disable(s->bev, EV_READ);
	else
		bufferevent_enable(s->bev, EV_READ);
	check_held(s);
}

void session_committed(struct session *s, uint64_t sequence, enum ledger_verdict verdict)
{
	s->in_flight--;
	s->due = true;
	switch (verdict) {
	case LEDGER_APPLIED:
		s->acked = sequence;
		return;
	case LEDGER_KNOWN:
		s->hub->stats->known++;
		if (sequence > s->acked)
			s->acked = sequence;
		return;
	case LEDGER_GAP:
		s->hub->stats->gaps++;
		s->gap = true;
		return;
	}
}

void session_answer(struct session *s)
{
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

static void on_revoked(const char *sensor, void *ctx)
{
	const struct hub *hub = ctx;
	struct session *s;

	HASH_FIND_STR(hub->by_sensor, sensor, s);
	if (s)
		refuse(s, "this sensor has been revoked");
}

void session_sweep(struct hub *hub)
{
	struct err e = { 0 };

	if (enrol_revoked(hub->store, &hub->revoked, on_revoked, hub, &e) < 0)
		log_warn("who is revoked cannot be read: %s", e.msg);
}

/* libevent's callbacks; only these free. */

static void on_handshake(struct session *s)
{
	int rc;

	if (!tls_agreed(ssl_of(s))) {
		s->hub->stats->handshakes_failed++;
		drop_soon(s);
		return;
	}
	rc = tls_peer(ssl_of(s), &s->id);
	s->state = rc == -ENOENT ? STRANGER : KNOWN;
	if (s->state == KNOWN && rc)
		refuse(s, "a certificate that names nobody");
	else if (s->state == KNOWN)
		let_in(s);
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

bool session_crowded(const struct hub *hub, const struct sockaddr *peer)
{
	const struct session *s;
	struct addr source;
	unsigned n = 0;

	if (hub->strangers_n < HUB_STRANGERS_SOURCE || !addr_of_sockaddr(peer, &source))
		return false;
	LIST_FOREACH(s, &hub->sessions, all)
	n += s->counted && addr_eq(&s->source, &source);
	return n >= HUB_STRANGERS_SOURCE;
}

void session_start(struct hub *hub, int fd, const struct sockaddr *peer)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->hub = hub;
	s->counted = true;
	sock_text(peer, s->peer);
	addr_of_sockaddr(peer, &s->source);
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
