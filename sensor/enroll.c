/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/enroll.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "common/clock.h"
#include "common/dial.h"
#include "common/file.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/tls.h"
#include "common/token.h"
#include "common/wire.h"

enum {
	FRAME_MAX = 64 << 10,
	AGAIN_FIRST_MS = 500, /* a busy collector is asked again, twice as late each time */
	AGAIN_MOST_MS = 16000,
};

struct enrolment {
	const struct enroll_config *config;
	struct event_base *base;
	struct event *timer;
	struct dial *dial;
	struct bufferevent *bev;
	SSL_CTX *tls;
	EVP_PKEY *key;
	char *request;
	struct token token;
	char peer[DIAL_PEER];
	bool done;
	bool busy; /* the collector has said so, and taken nothing */
	int rc;
	struct err *err;
	/* the answer, its strings in BYTES */
	uint8_t *bytes;
	struct wire_cert cert;
};

static void end(struct enrolment *n, int rc)
{
	n->done = true;
	n->rc = rc;
	event_base_loopbreak(n->base);
}

/* The conversation */

static void send_request(struct enrolment *n)
{
	struct wire_enroll m = { .token = n->config->token, .request = n->request };
	struct buf frame = { 0 };
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	m.host = host;
	wire_put_enroll(&frame, &m);
	bufferevent_write(n->bev, frame.p, frame.n);
	buf_fini(&frame);
}

static void on_error(struct enrolment *n, const struct wire_error *m)
{
	n->busy = m->code == WIRE_E_BUSY;
	end(n, err_set(n->err, m->code == WIRE_E_REFUSED ? -EACCES : -EAGAIN, "%s: %s",
		       n->peer, m->reason));
}

static void on_answer(struct enrolment *n, const struct wire_frame *f)
{
	struct wire_error error;

	if (f->type == WIRE_CERT && wire_get_cert(f->body, &n->cert) == 0)
		end(n, 0);
	else if (f->type == WIRE_ERROR && wire_get_error(f->body, &error) == 0)
		on_error(n, &error);
	else
		end(n, err_set(n->err, -EPROTO, "%s: an answer that makes no sense", n->peer));
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct enrolment *n = ctx;
	struct wire_frame frame;
	int rc;

	if (n->done)
		return;
	rc = frame_take(bufferevent_get_input(bev), FRAME_MAX, &n->bytes, &frame);
	if (rc > 0)
		on_answer(n, &frame);
	else if (rc < 0)
		end(n, err_set(n->err, rc, "%s: this is not the Skein protocol", n->peer));
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	unsigned long code = bufferevent_get_openssl_error(bev);
	struct enrolment *n = ctx;
	char words[256];
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (n->done)
		return;
	if (!(what & BEV_EVENT_CONNECTED))
		end(n, err_set(n->err, -EPROTO, "%s: %s", n->peer,
			       tls_words(ssl, code, words, sizeof(words))));
	else if (!tls_agreed(ssl))
		end(n, err_set(n->err, -EPROTO, "%s: not a Skein collector", n->peer));
	else
		send_request(n);
}

static void on_dialled(const struct dial_result *r, void *ctx)
{
	struct enrolment *n = ctx;

	n->dial = NULL;
	if (r->fd < 0) {
		end(n, err_set(n->err, r->fd, "%s%s", r->proxied ? "" : "cannot reach ",
			       r->words));
		return;
	}
	snprintf(n->peer, sizeof(n->peer), "%s", r->peer);
	n->bev = bufferevent_openssl_socket_new(
		n->base, r->fd, tls_connecting(n->tls), BUFFEREVENT_SSL_CONNECTING,
		BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(n->bev, on_read, NULL, on_event, n);
	bufferevent_enable(n->bev, EV_READ | EV_WRITE);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct enrolment *n = ctx;

	(void)fd, (void)what;
	end(n, err_set(n->err, -ETIMEDOUT, "no answer from %s:%u within %d s", n->config->host,
		       n->config->port, ENROLL_S));
}

static int converse(struct enrolment *n)
{
	const struct timeval patience = { .tv_sec = ENROLL_S };

	n->done = n->busy = false;
	n->base = event_base_new();
	n->timer = evtimer_new(n->base, on_timer, n);
	evtimer_add(n->timer, &patience);
	n->dial = dial_start(n->base, n->config->host, n->config->port, n->config->proxy,
			     on_dialled, n);
	event_base_dispatch(n->base);
	dial_cancel(n->dial);
	if (n->bev) {
		SSL_shutdown(bufferevent_openssl_get_ssl(n->bev));
		bufferevent_free(n->bev);
	}
	event_free(n->timer);
	event_base_loop(n->base, EVLOOP_NONBLOCK); /* libevent frees from its loop */
	event_base_free(n->base);
	n->bev = NULL;
	return n->rc;
}

/* All that were told the same are not to come back together. */
static void rest(unsigned times)
{
	uint32_t ms = AGAIN_FIRST_MS << (times < 8 ? times : 8), noise;

	if (ms > AGAIN_MOST_MS)
		ms = AGAIN_MOST_MS;
	cert_random(&noise, sizeof(noise));
	usleep(1000 * (ms / 2 + noise % (ms / 2 + 1)));
}

static int converse_in_turn(struct enrolment *n)
{
	uint64_t until = clock_us() + ENROLL_BUSY_S * 1000000ULL;
	int rc = converse(n);

	for (unsigned times = 0; rc && n->busy && clock_us() < until; times++) {
		if (!times)
			log_warn("%s: too many enrol at once; asking again for up to %d s",
				 n->peer, ENROLL_BUSY_S);
		rest(times);
		free(n->bytes);
		n->bytes = NULL;
		rc = converse(n);
	}
	return rc;
}

/* The answer, checked and kept */

static int check(const struct enrolment *n, struct err *e)
{
	X509 *ca = cert_parse(n->cert.authority, e);
	X509 *cert = ca ? cert_parse(n->cert.certificate, e) : NULL;
	char cn[CERT_CN], role[CERT_ROLE];
	uint8_t pin[32];
	int rc = -EPROTO;

	if (cert) {
		cert_fingerprint(ca, pin);
		if (memcmp(pin, n->token.pin, sizeof(pin)) == 0 &&
		    cert_matches(cert, ca, n->key) && cert_subject(cert, cn, role) == 0 &&
		    strcmp(cn, n->cert.sensor) == 0)
			rc = 0;
		else
			err_set(e, rc, "%s: a certificate that is not what was asked for",
				n->peer);
	}
	X509_free(ca);
	X509_free(cert);
	return rc;
}

static int put(const char *dir, const char *name, mode_t mode, const char *text, struct err *e)
{
	char *path = file_path(dir, name);
	int rc = file_replace(path, mode, text, strlen(text), e);

	free(path);
	return rc;
}

/* `identity` goes first and comes last: it stands for a whole that fits together. */
static int keep(const struct enrolment *n, struct err *e)
{
	const char *dir = n->config->dir;
	char *name = file_path(dir, "identity");
	char *key = file_path(dir, "sensor.key");
	char *line = xasprintf("%s\n", n->cert.sensor);
	int rc = unlink(name) < 0 && errno != ENOENT ? err_sys(e, -errno, "%s", name) : 0;

	if (!rc)
		identity_forget_renewed(dir);
	if (!rc)
		rc = cert_key_write(key, n->key, e);
	if (!rc)
		rc = put(dir, "sensor.crt", 0644, n->cert.certificate, e);
	if (!rc)
		rc = put(dir, "ca.crt", 0644, n->cert.authority, e);
	if (!rc)
		rc = put(dir, "identity", 0644, line, e);
	free(name);
	free(key);
	free(line);
	return rc;
}

static int prepare(struct enrolment *n, struct identity *out, struct err *e)
{
	const char *dir = n->config->dir;
	int rc;

	if (!n->config->force && identity_load(dir, out, NULL) == 0)
		return err_set(e, -EALREADY,
			       "%s is enrolled already, as %s; --force enrols it "
			       "again",
			       dir, out->sensor);
	if (token_parse(n->config->token, &n->token) < 0)
		return err_set(e, -EINVAL,
			       "this is no token; skein-collector token create "
			       "prints one");
	rc = file_mkdir(dir, 0700, e);
	if (rc)
		return rc;
	if (access(dir, W_OK | X_OK) < 0)
		return err_sys(e, -errno, "cannot write in %s", dir);
	n->key = cert_key_new(e);
	n->request = n->key ? cert_request(n->key, "sensor", e) : NULL;
	n->tls = n->request ? tls_client_pinned(n->token.pin, e) : NULL;
	return n->tls ? 0 : -EINVAL;
}

int enroll_run(const struct enroll_config *config, struct identity *out, struct err *e)
{
	struct enrolment n = { .config = config, .err = e };
	void (*pipe_was)(int) = signal(SIGPIPE, SIG_IGN);
	int rc = prepare(&n, out, e);

	if (!rc)
		rc = converse_in_turn(&n);
	if (!rc)
		rc = check(&n, e);
	if (!rc)
		rc = keep(&n, e);
	if (!rc)
		rc = identity_load(config->dir, out, e);
	signal(SIGPIPE, pipe_was);
	EVP_PKEY_free(n.key);
	SSL_CTX_free(n.tls);
	free(n.request);
	free(n.bytes);
	return rc;
}
