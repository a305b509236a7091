/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: head, body, a worker's answer, and again.  Deadlines are for the whole of a
 * step and do not start anew with each byte, so that a slow peer has no more time than a
 * silent one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/http_priv.h"

static void read_on(struct http_conn *c);

static void arm(struct http_conn *c, int seconds)
{
	const struct timeval t = { .tv_sec = seconds };

	evtimer_add(c->deadline, &t);
}

static void forget_request(struct http_conn *c)
{
	free(c->text);
	free(c->body);
	c->text = NULL;
	c->body = NULL;
	buf_reset(&c->ask);
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

static void be_idle(struct http_conn *c, int seconds)
{
	c->state = HTTP_READS_HEAD;
	TAILQ_INSERT_TAIL(&c->front->idle, c, idle);
	arm(c, seconds);
}

static void be_busy(struct http_conn *c, enum http_state state)
{
	if (c->state == HTTP_READS_HEAD)
		TAILQ_REMOVE(&c->front->idle, c, idle);
	c->state = state;
}

void http_conn_free(struct http_conn *c)
{
	struct http_front_state *f = c->front;

	be_busy(c, c->state == HTTP_READS_HEAD ? HTTP_CLOSES : c->state);
	http_pool_forget(c);
	forget_request(c);
	buf_fini(&c->ask);
	event_free(c->deadline);
	bufferevent_free(c->bev);
	if (c->source)
		c->source->conns--;
	f->conns_n--;
	f->stats->http_connections = f->conns_n;
	free(c);
	if (f->draining && !f->conns_n)
		event_base_loopbreak(f->base);
}

void http_conn_free_used(struct http_front_state *f)
{
	struct http_conn *c, *next;

	for (c = TAILQ_FIRST(&f->idle); c; c = next) {
		next = TAILQ_NEXT(c, idle);
		if (c->used)
			http_conn_free(c);
	}
}

/* TLS says it in its own way, by the end of the connection. */
static void say_end(struct http_conn *c)
{
	if (!c->guard.tls)
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	else
		http_conn_free(c);
}

/*
 * What is said last is written out, and the peer's bytes are thrown away until it hangs up
 * too: to close a socket with unread bytes would reset it, and our last words would be lost.
 */
static void finish(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	c->state = HTTP_CLOSES;
	evbuffer_drain(in, evbuffer_get_length(in));
	arm(c, HTTP_LINGER_S);
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		say_end(c);
}

/* Writing */

static void next_request(struct http_conn *c)
{
	bool keep = c->head.keep && !c->front->draining;

	forget_request(c);
	c->used = true;
	if (!keep) {
		finish(c);
		return;
	}
	be_idle(c, HTTP_IDLE_S);
	read_on(c);
}

/* From the file, a piece at a time, as the peer takes them. */
static void write_on(struct http_conn *c)
{
	uint8_t piece[HTTP_CHUNK];
	size_t want = c->left < sizeof(piece) ? c->left : sizeof(piece);
	ssize_t got = want ? read(c->file, piece, want) : 0;

	if (!c->left) {
		next_request(c);
		return;
	}
	if (got <= 0 || http_now_s() > c->until_s) {
		http_conn_free(c); /* short of its length: the peer sees that it was cut */
		return;
	}
	c->left -= (uint64_t)got;
	bufferevent_write(c->bev, piece, (size_t)got);
	arm(c, HTTP_STALL_S);
}

void http_conn_tell(struct http_conn *c, const struct tell *t, int file)
{
	struct buf b = { 0 };

	http_answer_count(c->front->stats, t->status);
	http_source_note(c->source, t->status);
	be_busy(c, HTTP_WRITES);
	if (c->front->draining)
		c->head.keep = false;
	http_answer_head(&b, t, c->head.keep);
	c->left = 0;
	if (c->head.method == HTTP_HEAD || t->status == 304) {
		if (file >= 0)
			close(file);
	} else if (file >= 0) {
		c->file = file;
		c->left = t->length;
	} else {
		buf_put(&b, t->body, t->length);
	}
	c->until_s = http_now_s() + HTTP_SEND_S;
	bufferevent_write(c->bev, b.p, b.n);
	buf_fini(&b);
	arm(c, HTTP_STALL_S);
}

void http_conn_fail(struct http_conn *c, int status, const char *words)
{
	struct buf b = { 0 };
	struct tell t = { .status = status, .etag = "", .allow = "" };

	tell_error(&b, status, words);
	t.body = b.p;
	t.length = b.n;
	t.retry_s = status == 503 ? 2 : status == 429 ? 60 : 0;
	http_conn_tell(c, &t, -1);
	buf_fini(&b);
}

/* The rest of what the peer says cannot be understood, or is not wanted. */
static void refuse(struct http_conn *c, int status, const char *words)
{
	c->head.keep = false;
	c->front->stats->http_refused++;
	http_conn_fail(c, status, words);
}

/* Reading */

static const char *token_of(const char *authorization)
{
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return "";
	return authorization + 7 + strspn(authorization + 7, " ");
}

static void ask(struct http_conn *c)
{
	char peer[ADDR_TEXT];
	const struct http_head *h = &c->head;
	struct ask a = {
		.method = h->method == HTTP_HEAD ? HTTP_GET : h->method,
		.open = c->open,
		.path = h->path,
		.query = h->query,
		.token = token_of(h->authorization),
		.etag = h->etag,
		.peer = addr_text(&c->peer, peer),
		.body = c->body,
		.body_n = h->body,
	};

	buf_reset(&c->ask);
	ask_write(&a, &c->ask);
	be_busy(c, HTTP_QUEUED);
	arm(c, HTTP_QUEUE_S);
	http_pool_ask(c);
}

/* Alive is whoever answers; ready is a collector that takes and keeps what sensors send. */
static bool answer_health(struct http_conn *c)
{
	const char *why = NULL, *path = c->head.path;
	struct tell t = { .status = 200, .etag = "", .allow = "" };

	if (c->head.method > HTTP_HEAD)
		return false;
	if (strcmp(path, "/readyz") == 0)
		why = stats_unready(c->front->stats);
	else if (strcmp(path, "/healthz") != 0)
		return false;
	if (why) {
		http_conn_fail(c, 503, why);
		return true;
	}
	t.body = (const uint8_t *)"{\"version\":1,\"status\":\"ok\"}\n";
	t.length = strlen((const char *)t.body);
	http_conn_tell(c, &t, -1);
	return true;
}

/* The head is whole: what is said before its body is looked at. */
static void take_head(struct http_conn *c, size_t n)
{
	int status = http_head_parse(c->text, n, &c->head);

	if (status) {
		refuse(c, status, "the request cannot be understood");
		return;
	}
	status = http_guard(&c->guard, &c->head);
	if (status) {
		refuse(c, status,
		       status == 421
			       ? "this server is not called what Host says; see http_names"
			       : "a page of another site may not ask here");
		return;
	}
	if (http_source_limited(c->source)) {
		refuse(c, 429, "too many refused requests; wait a minute");
		return;
	}
	c->open = http_guard_open(&c->guard, &c->head);
	be_busy(c, HTTP_READS_BODY);
	if (c->head.body)
		arm(c, HTTP_BODY_S);
	if (c->head.expects && c->head.body)
		bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

static bool read_head(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t n = evbuffer_get_length(in);
	int length;

	if (n > HTTP_HEAD_MAX)
		n = HTTP_HEAD_MAX;
	if (!n)
		return false;
	c->text = xrealloc(c->text, n + 1);
	evbuffer_copyout(in, c->text, n);
	length = http_head_length(c->text, n);
	if (length == 0)
		return false;
	c->head = (struct http_head){ .path = "" };
	if (length < 0) {
		refuse(c, -length, "the request cannot be understood");
		return false;
	}
	evbuffer_drain(in, (size_t)length);
	take_head(c, (size_t)length);
	return c->state == HTTP_READS_BODY;
}

static void read_on(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (c->state == HTTP_READS_HEAD && !read_head(c))
		return;
	if (c->state != HTTP_READS_BODY || evbuffer_get_length(in) < c->head.body)
		return;
	c->body = xmalloc(c->head.body + 1);
	evbuffer_remove(in, c->body, c->head.body);
	c->body[c->head.body] = 0;
	if (!answer_health(c))
		ask(c);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct http_conn *c = ctx;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (c->state == HTTP_CLOSES)
		evbuffer_drain(in, evbuffer_get_length(in));
	else
		read_on(c);
}

static void on_written(struct bufferevent *bev, void *ctx)
{
	struct http_conn *c = ctx;

	(void)bev;
	if (c->state == HTTP_WRITES)
		write_on(c);
	else if (c->state == HTTP_CLOSES)
		say_end(c);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct http_conn *c = ctx;

	(void)bev;
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	c->front->stats->http_tls_failed +=
		c->guard.tls && !c->used && !c->text && what & BEV_EVENT_ERROR;
	http_conn_free(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *ctx)
{
	struct http_conn *c = ctx;
	bool said = c->text != NULL; /* something, and not all of it */

	(void)fd, (void)what;
	if (c->state == HTTP_READS_BODY || (c->state == HTTP_READS_HEAD && said)) {
		c->front->stats->http_timeouts++;
		refuse(c, 408, "the request did not come in time");
		return;
	}
	if (c->state == HTTP_QUEUED) {
		http_pool_forget(c);
		c->front->stats->http_busy++;
		http_conn_fail(c, 503, "nothing had time for it; try again");
		return;
	}
	if (c->state == HTTP_READS_HEAD && !c->used)
		c->front->stats->http_timeouts++;
	http_conn_free(c);
}

/* Starting */

/* False: this one address has enough. */
static bool make_room(struct http_front_state *f, const struct http_source *s)
{
	if (s && s->conns >= HTTP_CONNS_SOURCE)
		return false;
	if (f->conns_n < HTTP_CONNS)
		return true;
	if (TAILQ_EMPTY(&f->idle))
		return false;
	http_conn_free(TAILQ_FIRST(&f->idle));
	return true;
}

static struct bufferevent *open_stream(struct http_front_state *f, int fd, SSL_CTX *tls)
{
	SSL *ssl = tls ? SSL_new(tls) : NULL;
	struct bufferevent *bev;

	if (!tls)
		return bufferevent_socket_new(f->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(f->base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	else
		SSL_free(ssl);
	return bev;
}

static void fill_guard(struct http_conn *c, int fd)
{
	sock_address(fd, &c->guard.local);
	c->guard.tls = c->front->setup->tls != NULL;
	c->guard.loopback = c->front->loopback;
	c->guard.names = c->front->setup->config.names;
	c->guard.host = c->front->host;
}

void http_conn_start(struct http_front_state *f, int fd, SSL_CTX *tls,
		     const struct sockaddr *peer)
{
	struct addr a = { { 0 } };
	struct http_source *source;
	struct bufferevent *bev = NULL;
	struct http_conn *c;

	addr_of_sockaddr(peer, &a);
	source = http_source_of(f, &a);
	if (make_room(f, source))
		bev = open_stream(f, fd, tls);
	if (!bev) {
		f->stats->http_turned_away++;
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->front = f;
	c->bev = bev;
	c->peer = a;
	c->source = source;
	c->file = -1;
	if (source)
		source->conns++;
	f->stats->http_accepted++;
	f->stats->http_connections = ++f->conns_n;
	fill_guard(c, fd);
	c->deadline = evtimer_new(f->base, on_deadline, c);
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, HTTP_HEAD_MAX + HTTP_BODY_MAX);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	be_idle(c, HTTP_HEAD_S);
}
