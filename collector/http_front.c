/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that faces the network: it has the listening socket, the key of the certificate
 * and sockets to the workers, and may open nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "collector/confine.h"
#include "collector/http_priv.h"
#include "common/log.h"

enum { REST_S = 1 };

struct front {
	struct http_front_state s;
	struct evconnlistener *listener;
	struct event *rest;
};

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *peer, int n, void *ctx)
{
	struct front *f = ctx;

	(void)listener, (void)n;
	http_conn_start(&f->s, fd, f->s.setup->tls, peer);
}

static void on_rested(evutil_socket_t fd, short what, void *ctx)
{
	struct front *f = ctx;

	(void)fd, (void)what;
	if (f->listener)
		evconnlistener_enable(f->listener);
}

/* The listener stays readable, so without a rest this would be a busy loop. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	const struct timeval pause = { .tv_sec = REST_S };
	struct front *f = ctx;

	log_warn("http: accept: %s", strerror(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(listener);
	evtimer_add(f->rest, &pause);
}

/* The keeper has let go: another front listens already, or the collector ends. */
static void drain(struct front *f)
{
	const struct timeval patience = { .tv_sec = HTTP_DRAIN_S };

	f->s.draining = true;
	evconnlistener_free(f->listener);
	f->listener = NULL;
	http_conn_free_used(&f->s);
	if (!f->s.conns_n)
		return;
	event_base_loopexit(f->s.base, &patience);
	event_base_dispatch(f->s.base);
}

static int start(struct front *f)
{
	struct http_front_state *s = &f->s;

	s->base = event_base_new();
	TAILQ_INIT(&s->idle);
	http_pool_start(s);
	f->rest = evtimer_new(s->base, on_rested, f);
	f->listener = evconnlistener_new(s->base, on_accept, f,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					 s->setup->socket);
	if (!f->listener)
		return -ENOMEM;
	evconnlistener_set_error_cb(f->listener, on_accept_error);
	return 0;
}

int http_front(int fd, void *ctx)
{
	const struct http_setup *setup = ctx;
	const int keep[] = { fd, setup->socket };
	struct front f = { .s = { .setup = setup, .stats = setup->stats, .control = fd } };
	struct err e = { 0 };
	struct addr a;

	prctl(PR_SET_NAME, "skein-front", 0, 0, 0);
	child_keep(keep, 2);
	setenv("TZ", "UTC0", 1); /* or dates would open a file */
	tzset();
	f.s.loopback = sock_address(setup->socket, &a) && addr_is_loopback(&a);
	gethostname(f.s.host, sizeof(f.s.host) - 1);
	if (start(&f) < 0)
		return 1;
	if (confine(CONFINE_FLOWS, NULL, &e) < 0) {
		log_err("http: %s", e.msg);
		return 1;
	}
	event_base_dispatch(f.s.base);
	drain(&f);
	return 0;
}
