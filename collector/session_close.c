/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a session: last words, and what is left to be read by the peer (session.h). */
#include "collector/session.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "collector/session_priv.h"
#include "common/log.h"

enum { LINGER_MS = 2000 };

void session_leave(struct session *s)
{
	if (s->state != LIVE)
		return;
	HASH_DELETE(hh, s->hub->by_sensor, s);
	s->hub->live_n--;
}

void session_no_turn(struct session *s)
{
	if (s->waits)
		TAILQ_REMOVE(&s->hub->waiting, s, turn);
	s->waits = false;
}

void session_free(struct session *s)
{
	struct hub *hub = s->hub;

	session_leave(s);
	session_no_turn(s);
	session_hold(s, 0);
	if (s->in_flight)
		commit_forget(hub->commit, &s->from);
	LIST_REMOVE(s, all);
	hub->sessions_n--;
	event_free(s->deadline);
	bufferevent_free(s->bev);
	session_no_stranger(s);
	free(s);
	hub->fewer(hub);
}

void session_half_close(struct session *s)
{
	bufferevent_disable(s->bev, EV_WRITE);
	SSL_shutdown(session_ssl(s));
	ERR_clear_error();
	shutdown(bufferevent_getfd(s->bev), SHUT_WR);
}

void session_discard(struct session *s)
{
	struct evbuffer *in = bufferevent_get_input(s->bev);

	evbuffer_drain(in, evbuffer_get_length(in));
	session_hold(s, 0);
}

void session_drop_soon(struct session *s)
{
	session_leave(s);
	s->state = CLOSING;
	bufferevent_disable(s->bev, EV_READ | EV_WRITE);
	session_alarm(s, 0);
}

void session_finish(struct session *s)
{
	if (s->state == CLOSING)
		return;
	if (s->state == HANDSHAKE) {
		session_drop_soon(s);
		return;
	}
	session_leave(s);
	s->state = CLOSING;
	session_alarm(s, LINGER_MS);
	session_discard(s);
	bufferevent_enable(s->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(s->bev)) == 0)
		session_half_close(s);
}

void session_fail(struct session *s, enum wire_error_code code, const char *reason)
{
	struct wire_error m = { .code = (uint16_t)code, .reason = reason };
	struct buf frame = { 0 };

	if (s->state == CLOSING)
		return;
	wire_put_error(&frame, &m);
	session_send(s, &frame);
	session_finish(s);
}

void session_protocol_error(struct session *s, const char *what)
{
	s->hub->stats->protocol_errors++;
	if (session_may_log(s))
		log_warn("%s%s%s: protocol error: %s", s->pass.id.cn,
			 *s->pass.id.cn ? " " : "", s->peer, what);
	session_fail(s, WIRE_E_PROTOCOL, what);
}

void session_refuse(struct session *s, const char *why)
{
	s->hub->stats->refused++;
	if (session_may_log(s))
		log_warn("refused %s%s%s: %s", s->pass.id.cn, *s->pass.id.cn ? " " : "",
			 s->peer, why);
	session_fail(s, WIRE_E_REFUSED, why);
}
