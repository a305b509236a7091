/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "common/clock.h"
#include "common/dial.h"
#include "common/frame.h"
#include "common/mem.h"
#include "common/proxy.h"
#include "common/tls.h"
#include "common/version.h"
#include "common/zip.h"
#include "sensor/renewal.h"

enum {
	FRAME_MAX = 4096,	 /* nothing that a collector says is longer */
	OUTPUT_HIGH = 256 << 10, /* bytes that wait in libevent, the rest stays in the spool */
	OUTPUT_LOW = 64 << 10,
	GREETING_MS = 15000, /* TLS, HELLO and WELCOME together */
	STALL_MS = 60000,    /* batches are out and no acknowledgement comes */
	RETRY_FIRST_MS = 200,
	RETRY_MAX_MS = 30000,
	RETRY_LOOPBACK_MS = 1000,
	RENEWAL_LOOK_MS = 3600000,
};

enum phase { PHASE_WAIT, PHASE_DIAL, PHASE_TLS, PHASE_HELLO, PHASE_UP };

struct link {
	struct event_base *base;
	struct link_config config;
	struct proxy proxy;
	struct spool *spool;
	SSL_CTX *tls; /* for the next connection */
	struct renewal *renewal;
	struct event *renew; /* when the certificate is due */
	bool may_renew;	     /* the collector can */
	bool unused;	     /* there is a newer certificate than that of this connection */
	uint64_t boot;
	enum phase phase;
	struct event *timer; /* when to do something about the phase */
	struct dial *dial;
	struct bufferevent *bev;
	char peer[DIAL_PEER];
	bool loopback;
	bool slowly;	   /* the last answer was a no: no hurry to hear it again */
	unsigned failures; /* since something was acknowledged */
	uint64_t epoch;	   /* of this connection, */
	uint64_t at;	   /* and the last sequence sent on it */
	uint32_t credit;
	uint64_t can; /* capabilities of both ends */
	struct link_stats stats;
	char words[768]; /* as last told */
};

static void tell(struct link *l, enum link_state state, const char *words)
{
	if (l->stats.state == state && strcmp(words, l->words) == 0)
		return;
	l->stats.state = state;
	snprintf(l->words, sizeof(l->words), "%s", words);
	if (l->config.state)
		l->config.state(state, l->words, l->config.ctx);
}

static void alarm_in(struct link *l, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(l->timer, &tv);
}

static uint32_t retry_ms(const struct link *l)
{
	uint32_t max = l->loopback ? RETRY_LOOPBACK_MS : RETRY_MAX_MS;
	uint32_t ms = RETRY_FIRST_MS << (l->failures < 8 ? l->failures : 8);
	uint32_t noise;

	if (ms > max || l->slowly)
		ms = max;
	cert_random(&noise, sizeof(noise));
	return ms / 2 + noise % (ms / 2 + 1);
}

/* Ends the connection, if there is one, and sets the time of the next. */
static void hang_up(struct link *l)
{
	dial_cancel(l->dial);
	l->dial = NULL;
	if (l->bev) {
		if (l->phase > PHASE_TLS)
			SSL_shutdown(bufferevent_openssl_get_ssl(l->bev));
		ERR_clear_error();
		bufferevent_free(l->bev);
	}
	l->bev = NULL;
	l->credit = 0;
	l->phase = PHASE_WAIT;
	alarm_in(l, retry_ms(l));
	l->failures++;
}

static void note(struct link *l, bool good, const char *words)
{
	if (l->config.note)
		l->config.note(good, words, l->config.ctx);
}

static void change_tls(struct link *l)
{
	struct err e = { 0 };
	SSL_CTX *tls = renewal_tls(l->renewal, &e);

	if (!tls) {
		note(l, false, e.msg);
		return;
	}
	SSL_CTX_free(l->tls);
	l->tls = tls;
}

static void down(struct link *l, const char *words)
{
	char line[sizeof(l->words)];

	snprintf(line, sizeof(line), "%s: %s", l->peer, words);
	l->slowly = false;
	hang_up(l);
	tell(l, LINK_DOWN, line);
}

static void refused(struct link *l, const char *words)
{
	char line[sizeof(l->words)];

	snprintf(line, sizeof(line), "%s: %s", l->peer, words);
	l->slowly = true;
	hang_up(l);
	if (renewal_other(l->renewal))
		change_tls(l);
	tell(l, LINK_REFUSED, line);
}

/* Sending */

/* As short as the collector takes it; the spool keeps what is sent as it is. */
static void put_batch(struct link *l, struct buf *frame, struct wire_batch *m,
		      const struct spool_batch *b)
{
	struct buf zipped = { 0 };

	if (l->can & WIRE_CAN_ZSTD && zip(b->body, b->n, &zipped) == 0) {
		m->encoding = WIRE_ZSTD;
		wire_put_batch(frame, m, zipped.p, zipped.n);
	} else {
		wire_put_batch(frame, m, b->body, b->n);
	}
	buf_fini(&zipped);
}

static void send_batch(struct link *l, const struct spool_batch *b)
{
	struct wire_batch m = {
		.epoch = l->epoch,
		.sequence = b->sequence,
		.records = b->records,
		.encoding = WIRE_PLAIN,
		.raw_length = (uint32_t)b->n,
	};
	struct buf frame = { 0 };

	put_batch(l, &frame, &m, b);
	bufferevent_write(l->bev, frame.p, frame.n);
	l->stats.batches++;
	l->stats.bytes += frame.n;
	buf_fini(&frame);
}

static uint64_t in_flight(const struct link *l)
{
	return l->at - spool_acked(l->spool);
}

/*
 * The spool is done with the epoch that this connection is about, or has begun another: a
 * connection has one.
 */
static bool turned(struct link *l)
{
	if (spool_epoch(l->spool) == l->epoch)
		return false;
	hang_up(l);
	l->failures = 0;
	alarm_in(l, 0);
	return true;
}

static void pump(struct link *l)
{
	struct evbuffer *out = bufferevent_get_output(l->bev);
	struct spool_batch b;
	bool idle;

	if (turned(l))
		return;
	idle = in_flight(l) == 0;
	while (in_flight(l) < l->credit && evbuffer_get_length(out) < OUTPUT_HIGH &&
	       spool_next(l->spool, l->at, &b)) {
		send_batch(l, &b);
		l->at = b.sequence;
	}
	if (idle && in_flight(l))
		alarm_in(l, STALL_MS);
}

static void send_hello(struct link *l)
{
	struct wire_hello m = {
		.minor = WIRE_MINOR,
		.capabilities = WIRE_CAPABILITIES | WIRE_HAS_PLACE,
		.boot = l->boot,
		.epoch = l->epoch,
		.clock_ms = clock_ms(),
		.program = l->config.program,
		.acked = spool_acked(l->spool),
		.kept = spool_kept(l->spool),
	};
	struct buf frame = { 0 };

	wire_put_hello(&frame, &m);
	bufferevent_write(l->bev, frame.p, frame.n);
	buf_fini(&frame);
}

/* Renewal */

static int64_t collector_ms(const struct link *l)
{
	return (int64_t)clock_ms() + l->stats.clock_ms;
}

/* LEAST_MS: not before. */
static void await_renewal(struct link *l, uint32_t least_ms)
{
	int64_t ms = renewal_wait_ms(l->renewal, collector_ms(l));
	struct timeval tv;

	if (ms < least_ms)
		ms = least_ms;
	if (ms > RENEWAL_LOOK_MS) /* clocks are set */
		ms = RENEWAL_LOOK_MS;
	tv = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	evtimer_add(l->renew, &tv);
}

/* Without a word: nothing is wrong. */
static void come_back(struct link *l)
{
	l->failures = 0;
	l->slowly = false;
	hang_up(l);
}

static void ask_renewal(struct link *l)
{
	struct wire_renew m;
	struct buf frame = { 0 };
	struct err e = { 0 };

	m.request = renewal_request(l->renewal, &e);
	if (!m.request) {
		note(l, false, e.msg);
		return;
	}
	wire_put_renew(&frame, &m);
	bufferevent_write(l->bev, frame.p, frame.n);
	buf_fini(&frame);
}

static void on_renew(evutil_socket_t fd, short what, void *ctx)
{
	struct link *l = ctx;

	(void)fd, (void)what;
	if (l->phase != PHASE_UP) /* the next welcome sets it again */
		return;
	if (renewal_wait_ms(l->renewal, collector_ms(l)) > 0) {
		await_renewal(l, 0);
	} else if (l->unused) { /* the collector must see the last one before it forgets it */
		come_back(l);
	} else if (!l->may_renew) {
		note(l, false,
		     "the certificate is to be renewed, and this collector cannot; upgrade it");
	} else {
		ask_renewal(l);
		await_renewal(l, renewal_again_ms(l->renewal));
	}
}

/* What the collector says.  These return false when the connection is gone. */

static bool progress(struct link *l, uint64_t acked_before)
{
	bool acked =
		spool_epoch(l->spool) != l->epoch || spool_acked(l->spool) != acked_before;
	bool gone = turned(l);

	if (!gone && in_flight(l))
		alarm_in(l, STALL_MS);
	else if (!gone)
		evtimer_del(l->timer);
	if (!acked)
		return !gone;
	l->failures = 0;
	if (l->config.acked)
		l->config.acked(l->config.ctx);
	return !gone;
}

/* The collector has lost what it had acknowledged: what we still have goes under a new epoch.
 */
static void start_over(struct link *l)
{
	spool_restart(l->spool);
	down(l, "the collector has forgotten acknowledged batches (a restored backup?); "
		"going on in a new epoch");
}

static bool on_welcome(struct link *l, struct cur body)
{
	uint64_t before = spool_acked(l->spool);
	struct wire_welcome m;
	int rc;

	if (wire_get_welcome(body, &m) < 0 || m.epoch != l->epoch) {
		down(l, "a welcome that makes no sense");
		return false;
	}
	if (turned(l))
		return false;
	rc = spool_resume(l->spool, m.sequence);
	if (rc == -ESTALE) {
		start_over(l);
		return false;
	}
	if (rc < 0) {
		refused(l, "the collector speaks of batches that were never sent");
		return false;
	}
	if (l->phase != PHASE_UP)
		l->stats.connects++;
	l->phase = PHASE_UP;
	l->slowly = false;
	l->at = spool_acked(l->spool); /* may be less: what the disk has not given back */
	l->credit = m.credit;
	l->can = m.capabilities & WIRE_CAPABILITIES;
	l->stats.clock_ms = (int64_t)(m.clock_ms - clock_ms());
	tell(l, LINK_UP, l->peer);
	if (!progress(l, before))
		return false;
	l->may_renew = m.capabilities & WIRE_CAN_RENEW;
	await_renewal(l, 0);
	return true;
}

/* The new certificate is on the disk; this connection stays as it is, if it can. */
static bool on_cert(struct link *l, struct cur body)
{
	bool over = renewal_identity(l->renewal)->expires * 1000 <= collector_ms(l);
	struct wire_cert m;
	struct err e = { 0 };
	int rc = -EPROTO;

	if (l->phase == PHASE_UP && wire_get_cert(body, &m) == 0)
		rc = renewal_take(l->renewal, &m, &e);
	if (rc == -EPROTO) {
		down(l, "a certificate that makes no sense");
		return false;
	}
	if (rc) { /* it is asked for again */
		note(l, false, e.msg);
		return true;
	}
	change_tls(l);
	note(l, true, "the certificate was renewed");
	l->unused = true;
	if (over)
		come_back(l);
	else
		await_renewal(l, 0);
	return !over;
}

static bool on_ack(struct link *l, struct cur body)
{
	uint64_t before = spool_acked(l->spool);
	struct wire_ack m;

	if (l->phase != PHASE_UP || wire_get_ack(body, &m) < 0 || m.epoch != l->epoch ||
	    m.sequence > l->at) {
		down(l, "an acknowledgement that makes no sense");
		return false;
	}
	if (turned(l))
		return false;
	spool_ack(l->spool, m.sequence);
	l->credit = m.credit;
	return progress(l, before);
}

static bool on_error(struct link *l, struct cur body)
{
	struct wire_error m;

	if (wire_get_error(body, &m) < 0)
		m = (struct wire_error){ WIRE_E_PROTOCOL, "an error that makes no sense" };
	if (m.code == WIRE_E_REFUSED || m.code == WIRE_E_VERSION || m.code == WIRE_E_PROTOCOL)
		refused(l, m.reason);
	else
		down(l, m.reason);
	return false;
}

static bool on_frame(struct link *l, const struct wire_frame *f)
{
	switch (f->type) {
	case WIRE_WELCOME:
		return on_welcome(l, f->body);
	case WIRE_ACK:
		return on_ack(l, f->body);
	case WIRE_CERT:
		return on_cert(l, f->body);
	case WIRE_ERROR:
		return on_error(l, f->body);
	}
	if (f->flags & WIRE_OPTIONAL)
		return true;
	down(l, "a frame that makes no sense");
	return false;
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct link *l = ctx;
	struct wire_frame frame;
	uint8_t *bytes;
	int rc;

	if (l->phase < PHASE_HELLO)
		return;
	while ((rc = frame_take(bufferevent_get_input(bev), FRAME_MAX, &bytes, &frame)) > 0) {
		bool goes_on = on_frame(l, &frame);

		free(bytes);
		if (!goes_on)
			return;
	}
	if (rc < 0)
		down(l, "this is not the Skein protocol");
	else if (l->phase == PHASE_UP)
		pump(l);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct link *l = ctx;

	(void)bev;
	if (l->phase == PHASE_UP)
		pump(l);
}

static void on_handshake(struct link *l)
{
	if (!tls_agreed(bufferevent_openssl_get_ssl(l->bev))) {
		down(l, "the other end does not speak " WIRE_ALPN);
		return;
	}
	l->phase = PHASE_HELLO;
	l->epoch = spool_epoch(l->spool);
	send_hello(l);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct link *l = ctx;
	unsigned long code = bufferevent_get_openssl_error(bev);
	int socket_error = EVUTIL_SOCKET_ERROR();
	char words[256];

	if (what & BEV_EVENT_CONNECTED) {
		on_handshake(l);
		return;
	}
	if (!code && what & BEV_EVENT_ERROR && socket_error)
		down(l, evutil_socket_error_to_string(socket_error));
	else
		down(l,
		     tls_words(bufferevent_openssl_get_ssl(bev), code, words, sizeof(words)));
}

/* Connecting */

static void on_dialled(const struct dial_result *r, void *ctx)
{
	struct link *l = ctx;
	SSL *ssl;

	l->dial = NULL;
	l->loopback = r->loopback;
	if (r->fd < 0) {
		l->slowly = false;
		hang_up(l);
		tell(l, LINK_DOWN, r->words);
		return;
	}
	snprintf(l->peer, sizeof(l->peer), "%s", r->peer);
	ssl = tls_connecting(l->tls);
	l->unused = false;
	l->phase = PHASE_TLS;
	l->bev = bufferevent_openssl_socket_new(
		l->base, r->fd, ssl, BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(l->bev, on_read, on_write, on_event, l);
	bufferevent_setwatermark(l->bev, EV_WRITE, OUTPUT_LOW, 0);
	bufferevent_setwatermark(l->bev, EV_READ, 0, FRAME_MAX + 4);
	bufferevent_enable(l->bev, EV_READ | EV_WRITE);
	alarm_in(l, GREETING_MS);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct link *l = ctx;

	(void)fd, (void)what;
	if (l->phase == PHASE_WAIT) {
		l->phase = PHASE_DIAL;
		l->dial = dial_start(l->base, l->config.host, l->config.port, &l->proxy,
				     on_dialled, l);
	} else if (l->phase == PHASE_UP) {
		down(l, "no acknowledgement for a minute");
	} else {
		down(l, "no answer");
	}
}

struct link *link_new(struct event_base *base, const struct link_config *config,
		      struct spool *spool, struct err *e)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->renewal = renewal_new(config->dir, e);
	l->tls = l->renewal ? renewal_tls(l->renewal, e) : NULL;
	if (!l->tls) {
		renewal_free(l->renewal);
		free(l);
		return NULL;
	}
	l->base = base;
	l->spool = spool;
	l->config = *config;
	l->config.host = xstrdup(config->host);
	l->config.program = xstrdup(config->program);
	l->config.dir = NULL;
	if (config->proxy)
		l->proxy = *config->proxy;
	l->config.proxy = NULL;
	cert_random(&l->boot, sizeof(l->boot));
	l->timer = evtimer_new(base, on_timer, l);
	l->renew = evtimer_new(base, on_renew, l);
	alarm_in(l, 0);
	return l;
}

void link_give(struct link *l, struct spool *spool)
{
	l->spool = spool;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	hang_up(l);
	event_free(l->timer);
	event_free(l->renew);
	SSL_CTX_free(l->tls);
	renewal_free(l->renewal);
	free((char *)l->config.host);
	free((char *)l->config.program);
	free(l);
}

const struct identity *link_identity(const struct link *l)
{
	return renewal_identity(l->renewal);
}

int link_folder(const struct link *l)
{
	return renewal_folder(l->renewal);
}

void link_kick(struct link *l)
{
	if (l->phase == PHASE_UP)
		pump(l);
}

bool link_drained(const struct link *l)
{
	return spool_empty(l->spool);
}

struct link_stats link_stats(const struct link *l)
{
	struct link_stats stats = l->stats;

	stats.credit = l->credit;
	return stats;
}
