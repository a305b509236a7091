/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/porch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <uthash.h>

#include "collector/listen.h"
#include "collector/origin.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum {
	SWEEP_MS = 500,
	REST_S = 1, /* after accept failed */
	ROOM = 64,  /* so many silent ones go when it failed for want of descriptors */
	SHARE = 4,  /* of all descriptors, one of so many may be on the porch */
};

TAILQ_HEAD(guests, guest);

/* One address: who waits from there, and how many are inside. */
struct source {
	UT_hash_handle hh;
	struct addr addr;
	unsigned waiting, inside;
	struct guests ready; /* the newest first */
	TAILQ_ENTRY(source) turn;
};

struct guest {
	TAILQ_ENTRY(guest) all;	 /* the oldest first */
	TAILQ_ENTRY(guest) next; /* of its source, while it is ready */
	struct porch *porch;
	struct source *source;
	int fd;
	struct event *readable;
	uint64_t since_ms;
	bool ready;	 /* its first byte of TLS is there */
	bool has_origin; /* what a relay said is behind us */
	uint8_t *head;	 /* or as much of it as has come */
	size_t head_n;
	char peer[SOCK_TEXT]; /* who has connected, whoever it speaks for */
	struct porch_guest self;
};

struct porch {
	struct event_base *base;
	struct porch_config c;
	struct evconnlistener *listener;
	struct event *sweep, *rest, *turns;
	struct guests all;
	struct source *sources; /* uthash */
	TAILQ_HEAD(source_turns, source)
	ready; /* those with somebody ready, whose turn is next first */
	unsigned n, silent, inside, max;
};

/* Addresses */

static struct source *source_at(struct porch *p, const struct addr *addr)
{
	struct source *s;

	HASH_FIND(hh, p->sources, addr, sizeof(*addr), s);
	if (s)
		return s;
	s = xcalloc(1, sizeof(*s));
	s->addr = *addr;
	TAILQ_INIT(&s->ready);
	HASH_ADD(hh, p->sources, addr, sizeof(s->addr), s);
	return s;
}

static void source_done(struct porch *p, struct source *s)
{
	if (s->waiting || s->inside)
		return;
	HASH_DELETE(hh, p->sources, s);
	free(s);
}

static void set_source(struct guest *g, const struct addr *addr, uint16_t port)
{
	struct source *before = g->source;

	g->source = source_at(g->porch, addr);
	g->source->waiting++;
	g->self.source = *addr;
	g->self.port = port;
	if (!before)
		return;
	before->waiting--;
	source_done(g->porch, before);
}

/* Guests */

static void unready(struct guest *g)
{
	struct source *s = g->source;

	TAILQ_REMOVE(&s->ready, g, next);
	if (TAILQ_EMPTY(&s->ready))
		TAILQ_REMOVE(&g->porch->ready, s, turn);
}

/* The socket stays. */
static void forget(struct guest *g)
{
	struct porch *p = g->porch;

	if (g->ready)
		unready(g);
	else
		p->silent--;
	TAILQ_REMOVE(&p->all, g, all);
	event_free(g->readable);
	g->source->waiting--;
	source_done(p, g->source);
	free(g->head);
	free(g);
	*p->c.count.waiting = --p->n;
}

static void cut(struct guest *g, uint64_t *why)
{
	int fd = g->fd;

	(*why)++;
	forget(g);
	close(fd);
}

static void let_in(struct guest *g)
{
	struct porch *p = g->porch;
	struct porch_guest self = g->self;
	int fd = g->fd;

	g->source->inside++;
	p->inside++;
	forget(g);
	p->c.enter(fd, &self, p->c.ctx);
}

/* The source whose turn it is: those after it come first the next time. */
static struct source *next_source(struct porch *p)
{
	struct source *s;

	TAILQ_FOREACH(s, &p->ready, turn)
	{
		/* cppcheck-suppress uninitvar */
		if (s->inside >= p->c.inside_source)
			continue;
		TAILQ_REMOVE(&p->ready, s, turn);
		TAILQ_INSERT_TAIL(&p->ready, s, turn);
		return s;
	}
	return NULL;
}

static void on_turns(evutil_socket_t fd, short what, void *ctx)
{
	struct porch *p = ctx;
	struct source *s;

	(void)fd, (void)what;
	while (p->inside < p->c.inside && (s = next_source(p)))
		let_in(TAILQ_FIRST(&s->ready));
}

static void get_ready(struct guest *g)
{
	struct porch *p = g->porch;

	event_del(g->readable);
	g->ready = true;
	p->silent--;
	if (TAILQ_EMPTY(&g->source->ready))
		TAILQ_INSERT_TAIL(&p->ready, g->source, turn);
	TAILQ_INSERT_HEAD(&g->source->ready, g, next);
	event_active(p->turns, EV_TIMEOUT, 0);
}

/* What a relay says */

static int take_origin(struct guest *g)
{
	char addr[ADDR_TEXT];
	struct origin o;

	if (origin_get(g->head, g->head_n, &o) < 0)
		return -EPROTO;
	g->has_origin = g->self.relayed = true;
	free(g->head);
	g->head = NULL;
	if (!o.known ||
	    !addr_nets_hold(g->porch->c.relays, g->porch->c.relays_n, &g->self.source))
		return 0;
	snprintf(g->self.text, sizeof(g->self.text),
		 addr_is_v4(&o.addr) ? "%s:%u through %s" : "[%s]:%u through %s",
		 addr_text(&o.addr, addr), o.port, g->peer);
	set_source(g, &o.addr, o.port);
	return g->source->waiting > PORCH_SOURCE ? -EBUSY : 0;
}

/* Not one byte more than its header is read: 0 once it is whole, -EAGAIN, or an error. */
static int read_origin(struct guest *g)
{
	if (!g->head)
		g->head = xmalloc(ORIGIN_MAX);
	for (;;) {
		int want = g->head_n < ORIGIN_HEAD ? ORIGIN_HEAD : origin_length(g->head);
		ssize_t n;

		if (want < 0)
			return want;
		if (g->head_n >= ORIGIN_HEAD && (size_t)want == g->head_n)
			return take_origin(g);
		n = recv(g->fd, g->head + g->head_n, (size_t)want - g->head_n, 0);
		if (n <= 0)
			return n ? -errno : -EPIPE;
		g->head_n += (size_t)n;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct guest *g = ctx;
	struct porch_counters *count = &g->porch->c.count;
	uint8_t byte = 0;
	ssize_t n;
	int rc = 0;

	(void)what;
	if (g->head)
		rc = read_origin(g);
	n = rc ? 0 : recv(fd, &byte, 1, MSG_PEEK);
	if (n == 1 && byte == ORIGIN_FIRST && !g->has_origin) {
		rc = read_origin(g);
		n = rc ? 0 : recv(fd, &byte, 1, MSG_PEEK);
	}
	if (rc == -EAGAIN || rc == -EINTR || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	if (n == 1)
		get_ready(g);
	else
		cut(g, rc == -EPROTO  ? count->origins_odd
		       : rc == -EBUSY ? count->turned_away
				      : count->silent);
}

/* Coming, and being cut */

static struct guest *oldest_silent(struct porch *p)
{
	struct guest *g;

	TAILQ_FOREACH(g, &p->all, all)
	if (!g->ready)
		break;
	return g;
}

static bool make_room(struct porch *p)
{
	struct guest *g = p->silent ? oldest_silent(p) : NULL;

	if (g)
		cut(g, p->c.count.silent);
	return g != NULL;
}

static void welcome(struct porch *p, int fd, const struct sockaddr *peer,
		    const struct addr *addr)
{
	struct guest *g = xcalloc(1, sizeof(*g));

	g->porch = p;
	g->fd = fd;
	g->since_ms = clock_us() / 1000;
	sock_text(peer, g->peer);
	snprintf(g->self.text, sizeof(g->self.text), "%s", g->peer);
	set_source(g, addr, sock_port(peer));
	g->readable = event_new(p->base, fd, EV_READ | EV_PERSIST, on_readable, g);
	event_add(g->readable, NULL);
	TAILQ_INSERT_TAIL(&p->all, g, all);
	p->silent++;
	*p->c.count.waiting = ++p->n;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *peer, int n, void *ctx)
{
	struct porch *p = ctx;
	struct source *s;
	struct addr addr;

	(void)listener, (void)n;
	(*p->c.count.accepted)++;
	if (!addr_of_sockaddr(peer, &addr)) {
		close(fd);
		return;
	}
	HASH_FIND(hh, p->sources, &addr, sizeof(addr), s);
	if ((s && s->waiting >= PORCH_SOURCE) || (p->n >= p->max && !make_room(p))) {
		(*p->c.count.turned_away)++;
		close(fd);
		return;
	}
	welcome(p, fd, peer, &addr);
}

/* The listener stays readable, so without a rest this would be a busy loop. */
static void on_accept_error(struct evconnlistener *listener, void *ctx)
{
	const struct timeval pause = { .tv_sec = REST_S };
	int code = EVUTIL_SOCKET_ERROR();
	struct porch *p = ctx;
	unsigned made = 0;

	if (code == EMFILE || code == ENFILE)
		while (made < ROOM && make_room(p))
			made++;
	if (made)
		return;
	log_err("accept: %s; %u connections wait, %u are inside", strerror(code), p->n,
		p->inside);
	evconnlistener_disable(listener);
	evtimer_add(p->rest, &pause);
}

static void on_rested(evutil_socket_t fd, short what, void *ctx)
{
	struct porch *p = ctx;

	(void)fd, (void)what;
	evconnlistener_enable(p->listener);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct porch *p = ctx;
	uint64_t now = clock_us() / 1000;
	struct guest *g, *next;

	(void)fd, (void)what;
	for (g = TAILQ_FIRST(&p->all); g; g = next) {
		bool crowd = p->silent > PORCH_CROWD;
		uint64_t age = now - g->since_ms;
		uint64_t most = g->ready ? PORCH_TURN_S
				: crowd	 ? PORCH_CROWD_S
					 : PORCH_SILENT_S;

		next = TAILQ_NEXT(g, all);
		if (age < PORCH_CROWD_S * 1000)
			return; /* as are all after it */
		if (age >= most * 1000)
			cut(g, g->ready ? p->c.count.turned_away : p->c.count.silent);
	}
}

/* Start and end */

static unsigned room_of(void)
{
	unsigned share = listen_descriptors() / SHARE;

	return share < PORCH_MAX ? share : PORCH_MAX;
}

struct porch *porch_new(struct event_base *base, const struct porch_config *config)
{
	const struct timeval often = { .tv_usec = SWEEP_MS * 1000 };
	struct porch *p = xcalloc(1, sizeof(*p));

	p->base = base;
	p->c = *config;
	p->max = room_of();
	TAILQ_INIT(&p->all);
	TAILQ_INIT(&p->ready);
	p->listener = evconnlistener_new(base, on_accept, p,
					 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
					 config->fd);
	evconnlistener_set_error_cb(p->listener, on_accept_error);
	p->rest = evtimer_new(base, on_rested, p);
	p->turns = evtimer_new(base, on_turns, p);
	p->sweep = event_new(base, -1, EV_PERSIST, on_sweep, p);
	event_add(p->sweep, &often);
	return p;
}

void porch_left(struct porch *p, const struct addr *source)
{
	struct source *s;

	if (!p)
		return;
	HASH_FIND(hh, p->sources, source, sizeof(*source), s);
	if (!s || !s->inside)
		return;
	s->inside--;
	p->inside--;
	source_done(p, s);
	event_active(p->turns, EV_TIMEOUT,
		     0); /* not from in here: who leaves is being freed */
}

void porch_free(struct porch *p)
{
	struct source *s, *next;
	struct guest *g;

	if (!p)
		return;
	while ((g = TAILQ_FIRST(&p->all)))
		cut(g, p->c.count.turned_away);
	HASH_ITER (hh, p->sources, s, next) {
		HASH_DELETE(hh, p->sources, s);
		free(s);
	}
	evconnlistener_free(p->listener);
	event_free(p->rest);
	event_free(p->turns);
	event_free(p->sweep);
	free(p);
}
