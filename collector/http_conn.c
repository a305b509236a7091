/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections, around evhttp, which speaks HTTP on each of them (http_request.c) and bounds
 * neither how many there are nor how long a head takes that comes a byte at a time.
 *
 * We hold a reference to evhttp's bufferevent: callbacks of its buffers tell what comes and
 * goes, that its own callbacks are gone tells that evhttp has let go of it, and an end of file
 * that we pretend makes evhttp do so.  All of them are looked at once a second, and when
 * something has happened; a step's time does not start anew with each byte, so that a slow
 * peer has no more of it than a silent one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>

#include "collector/http_priv.h"
#include "common/log.h"

void http_look_soon(struct http_front_state *f)
{
	event_active(f->look, EV_TIMEOUT, 0);
}

void http_conn_state(struct http_conn *c, enum http_state state, int seconds)
{
	c->state = state;
	c->since_ms = stats_clock_ms();
	c->due_s = seconds < 0 ? UINT64_MAX : http_now_s() + (uint64_t)seconds;
}

struct http_conn *http_conn_of(struct http_front_state *f, struct bufferevent *bev)
{
	struct http_conn *c;

	HASH_FIND_PTR(f->conns, &bev, c);
	return c;
}

/* What comes and goes */

static bool has_begun(const struct http_conn *c)
{
	return c->watch.lines || c->watch.length;
}

/* What stands in IN from AT on belongs to a head, until that is whole. */
static void watch(struct http_conn *c, struct evbuffer *in, size_t at)
{
	bool begun = has_begun(c), whole = c->watch.whole;
	struct evbuffer_ptr from;
	char piece[4096];

	while (!c->watch.whole && at < evbuffer_get_length(in)) {
		ev_ssize_t n;

		evbuffer_ptr_set(in, &from, at, EVBUFFER_PTR_SET);
		n = evbuffer_copyout_from(in, &from, piece, sizeof(piece));
		http_watch(&c->watch, piece, (size_t)n);
		at += (size_t)n;
	}
	if (http_watch_flood(&c->watch)) {
		evbuffer_drain(in, evbuffer_get_length(in)); /* evhttp need not keep it */
		http_look_soon(c->front);
	} else if (c->watch.whole && !whole) {
		c->due_s = http_now_s() + HTTP_BODY_S;
	} else if (!begun && has_begun(c) && c->used) {
		c->due_s = http_now_s() + HTTP_HEAD_S;
	}
}

static void on_heard(struct evbuffer *in, const struct evbuffer_cb_info *info, void *ctx)
{
	struct http_conn *c = ctx;

	if (info->n_added && c->state <= HTTP_READS)
		watch(c, in, evbuffer_get_length(in) - info->n_added);
}

/* Before a request is ours to answer: "100 Continue", or a page that says what is wrong. */
static void on_said(struct evbuffer *out, const struct evbuffer_cb_info *info, void *ctx)
{
	struct http_conn *c = ctx;

	(void)out;
	if (info->n_added && c->state == HTTP_READS)
		c->page = true;
}

void http_conn_hear_end(struct http_conn *c)
{
	bufferevent_data_cb written;
	bufferevent_event_cb event;
	void *ctx;

	bufferevent_getcb(c->bev, NULL, &written, &event, &ctx);
	bufferevent_setcb(c->bev, NULL, written, event, ctx);
	bufferevent_enable(c->bev, EV_READ);
}

void http_conn_next(struct http_conn *c)
{
	c->used = true;
	c->page = false;
	c->watch = (struct http_watch){ 0 };
	http_conn_state(c, HTTP_READS, HTTP_IDLE_S);
	watch(c, bufferevent_get_input(c->bev), 0);
	if (!c->close)
		return;
	c->due_s = 0;
	http_look_soon(c->front);
}

/* Ending */

static bool let_go(const struct http_conn *c)
{
	bufferevent_event_cb event;

	bufferevent_getcb(c->bev, NULL, NULL, &event, NULL);
	return !event;
}

static void release(struct http_conn *c)
{
	struct http_front_state *f = c->front;

	evbuffer_remove_cb_entry(bufferevent_get_input(c->bev), c->heard);
	evbuffer_remove_cb_entry(bufferevent_get_output(c->bev), c->said);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	HASH_DEL(f->conns, c);
	bufferevent_decref(c->bev);
	if (c->source)
		c->source->conns--;
	f->conns_n--;
	buf_fini(&c->ask);
	free(c);
}

static void end(struct http_conn *c)
{
	bufferevent_trigger_event(c->bev, BEV_EVENT_EOF, 0);
	http_request_drop(c);
	release(c);
}

static void on_leavings(struct bufferevent *bev, void *ctx)
{
	struct evbuffer *in = bufferevent_get_input(bev);

	(void)ctx;
	evbuffer_drain(in, evbuffer_get_length(in));
}

static void on_left(struct bufferevent *bev, short what, void *ctx)
{
	struct http_conn *c = ctx;

	(void)bev, (void)what;
	c->due_s = 0;
	http_look_soon(c->front);
}

static bool tls_failed(const struct http_conn *c)
{
	return c->guard.tls && !c->used && !has_begun(c) &&
	       bufferevent_get_openssl_error(c->bev);
}

/*
 * evhttp has ended its side.  The peer's bytes are thrown away until it hangs up too: unread
 * they would reset the connection, and our last words would be lost.
 */
static void leave(struct http_conn *c)
{
	struct stats *s = c->front->stats;

	s->http_tls_failed += tls_failed(c);
	if (c->state == HTTP_READS && c->page) {
		s->http_refused++;
		http_answer_count(s, 400);
		http_source_note(c->source, 400);
	}
	http_request_drop(c);
	http_conn_state(c, HTTP_LEAVES, HTTP_LINGER_S);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0);
	bufferevent_setcb(c->bev, on_leavings, NULL, on_left, c);
	on_leavings(c->bev, c);
	bufferevent_enable(c->bev, EV_READ);
}

static void be_late(struct http_conn *c)
{
	struct stats *s = c->front->stats;

	if (c->state == HTTP_LEAVES) {
		release(c);
	} else if (c->state == HTTP_QUEUED) {
		http_pool_forget(c);
		s->http_busy++;
		http_fail(c, 503, "nothing had time for it; try again");
	} else {
		s->http_timeouts += c->state == HTTP_READS && (!c->used || has_begun(c));
		end(c);
	}
}

static void look_at(struct http_conn *c)
{
	if (c->state != HTTP_LEAVES && let_go(c)) {
		leave(c);
	} else if (c->state == HTTP_READS && http_watch_flood(&c->watch)) {
		c->front->stats->http_refused++;
		http_source_note(c->source, 431);
		end(c);
	} else if (http_now_s() >= c->due_s) {
		be_late(c);
	} else if (c->front->draining && c->state == HTTP_READS && c->used && !has_begun(c)) {
		end(c); /* whoever has not asked yet may, once */
	}
}

/* Beginning */

static struct bufferevent *open_stream(struct event_base *base, SSL_CTX *tls)
{
	SSL *ssl = tls ? SSL_new(tls) : NULL;
	struct bufferevent *bev;

	if (!tls)
		return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!ssl)
		return NULL;
	bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_CLOSE_ON_FREE);
	if (bev)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

struct bufferevent *http_conn_new(struct event_base *base, void *ctx)
{
	struct http_front_state *f = ctx;
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->bev = open_stream(base, f->setup->tls);
	if (!c->bev) {
		log_err("http: no memory for a connection");
		abort(); /* with none from us evhttp would take a plain one */
	}
	c->front = f;
	c->file = -1;
	bufferevent_incref(c->bev);
	bufferevent_setwatermark(c->bev, EV_READ, 0, HTTP_HEAD_MAX + HTTP_BODY_MAX);
	c->heard = evbuffer_add_cb(bufferevent_get_input(c->bev), on_heard, c);
	c->said = evbuffer_add_cb(bufferevent_get_output(c->bev), on_said, c);
	HASH_ADD_PTR(f->conns, bev, c);
	http_conn_state(c, HTTP_NEW, HTTP_HEAD_S);
	if (++f->conns_n >= HTTP_CONNS + HTTP_CONNS_NEW)
		evconnlistener_disable(f->listener);
	http_look_soon(f);
	return c->bev;
}

static bool know(struct http_conn *c)
{
	int fd = bufferevent_getfd(c->bev);
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);

	if (getpeername(fd, (struct sockaddr *)&peer, &n) < 0 ||
	    !addr_of_sockaddr((struct sockaddr *)&peer, &c->peer))
		return false;
	sock_address(fd, &c->guard.local);
	c->guard.tls = c->front->setup->tls != NULL;
	c->guard.loopback = c->front->loopback;
	c->guard.names = c->front->setup->config.names;
	c->guard.host = c->front->host;
	return true;
}

/* No more of one address than it may have; one that has hung up already has none. */
static void admit(struct http_conn *c)
{
	struct http_front_state *f = c->front;
	bool known = know(c);
	struct http_source *source = known ? http_source_of(f, &c->peer) : NULL;
	bool stays = known && (!source || source->conns < HTTP_CONNS_SOURCE);

	f->stats->http_accepted += stays || !known;
	f->stats->http_turned_away += known && !stays;
	c->state = HTTP_READS;
	c->source = stays ? source : NULL;
	if (c->source)
		c->source->conns++;
	if (!stays)
		end(c);
}

/* Of those that nobody works for, the one that has been so longest. */
static struct http_conn *idlest(struct http_front_state *f)
{
	struct http_conn *c, *next, *found = NULL;

	HASH_ITER (hh, f->conns, c, next) {
		if (c->state == HTTP_LEAVES)
			return c;
		if (c->state == HTTP_READS && (!found || c->since_ms < found->since_ms))
			found = c;
	}
	return found;
}

static void make_room(struct http_front_state *f)
{
	struct http_conn *c;

	while (f->conns_n > HTTP_CONNS && (c = idlest(f))) {
		f->stats->http_turned_away += c->state == HTTP_READS;
		if (c->state == HTTP_LEAVES)
			release(c);
		else
			end(c);
	}
}

void http_look(evutil_socket_t fd, short what, void *ctx)
{
	const struct timeval second = { .tv_sec = 1 };
	struct http_front_state *f = ctx;
	struct http_conn *c, *next;
	bool rests = http_now_s() < f->rest_until_s;

	(void)fd, (void)what;
	HASH_ITER (hh, f->conns, c, next) {
		if (c->state == HTTP_NEW)
			admit(c);
		else
			look_at(c);
	}
	make_room(f);
	f->stats->http_connections = f->conns_n;
	if (f->listener && !rests)
		evconnlistener_enable(f->listener);
	if (f->draining && !f->conns_n)
		event_base_loopbreak(f->base);
	if (f->conns_n || rests)
		evtimer_add(f->look, &second);
}
