/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that faces the network: it has the listening socket, the key of the certificate
 * and sockets to the workers, and may open nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "collector/confine.h"
#include "collector/http_priv.h"
#include "common/log.h"

enum { REST_S = 1 };

/* The listener stays readable, so without a rest this would be a busy loop. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	struct http_front_state *f = ctx;

	log_warn("http: accept: %s", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(listener);
	f->rest_until_s = http_now_s() + REST_S;
	http_look_soon(f);
}

/* The keeper has let go: another front listens already, or the collector ends. */
static void drain(struct http_front_state *f, struct evhttp_bound_socket *bound)
{
	const struct timeval patience = { .tv_sec = HTTP_DRAIN_S };

	f->draining = true;
	f->listener = NULL;
	evhttp_del_accept_socket(f->http, bound);
	http_look_soon(f);
	event_base_loopexit(f->base, &patience);
	event_base_dispatch(f->base);
}

static struct evhttp_bound_socket *start(struct http_front_state *f)
{
	f->base = event_base_new();
	f->look = evtimer_new(f->base, http_look, f);
	http_pool_start(f);
	f->http = evhttp_new(f->base);
	evhttp_set_bevcb(f->http, http_conn_new, f);
	evhttp_set_gencb(f->http, http_request, f);
	evhttp_set_allowed_methods(f->http, UINT16_MAX); /* routes know theirs */
	evhttp_set_max_headers_size(f->http, HTTP_HEAD_MAX);
	evhttp_set_max_body_size(f->http, HTTP_BODY_MAX);
	f->listener = evconnlistener_new(f->base, NULL, NULL,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					 f->setup->socket);
	if (!f->listener)
		return NULL;
	evconnlistener_set_error_cb(f->listener, on_accept_error);
	return evhttp_bind_listener(f->http, f->listener);
}

int http_front(int fd, void *ctx)
{
	const struct http_setup *setup = ctx;
	const int keep[] = { fd, setup->socket };
	struct http_front_state f = { .setup = setup, .stats = setup->stats, .control = fd };
	struct evhttp_bound_socket *bound;
	struct err e = { 0 };
	struct addr a;

	child_keep(keep, 2);
	setenv("TZ", "UTC0", 1); /* or dates would open a file */
	tzset();
	f.loopback = sock_address(setup->socket, &a) && addr_is_loopback(&a);
	gethostname(f.host, sizeof(f.host) - 1);
	bound = start(&f);
	if (!bound)
		return 1;
	if (confine(CONFINE_FRONT, &e) < 0) {
		log_err("http: %s", e.msg);
		return 1;
	}
	event_base_dispatch(f.base);
	drain(&f, bound);
	return 0;
}
