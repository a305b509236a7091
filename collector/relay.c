/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/relay.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "collector/confine.h"
#include "collector/listen.h"
#include "collector/notify.h"
#include "collector/origin.h"
#include "collector/porch.h"
#include "common/dial.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/version.h"

/* X(name, words of the manual) */
#define RELAY_STATS(X)                                                                        \
	X(accepted)    /* connections accepted */                                             \
	X(turned_away) /* closed: too many */                                                 \
	X(silent)      /* cut: said nothing of TLS */                                         \
	X(origins_odd) /* cut: a header that makes no sense */                                \
	X(waiting)     /* on the porch now */                                                 \
	X(pairs)       /* connections that are passed on now */                               \
	X(strangers)   /* of them unanswered */                                               \
	X(answered)    /* ever */                                                             \
	X(unreached)   /* cut: the other end cannot be reached, or says nothing */            \
	X(early)       /* cut: too much before the other end said anything */                 \
	X(idle)	       /* cut: no byte for too long */                                        \
	X(bytes_up)    /* to the collector */                                                 \
	X(bytes_down)

struct relay_stats {
#define X(name) uint64_t name;
	RELAY_STATS(X)
#undef X
};

struct relay;

/* One end of a pair, and what became of it. */
struct side {
	struct bufferevent *bev;
	bool ended; /* it sends nothing any more */
	bool shut;  /* it was told that the other sends nothing any more */
	bool gone;  /* it takes nothing any more */
};

struct pair {
	LIST_ENTRY(pair) all;
	struct relay *relay;
	struct porch_guest guest;
	int fd; /* of the near side until it has a bufferevent, else -1 */
	struct dial *dial;
	struct event *timer;
	struct side near, far;
	bool answered;
	size_t early; /* bytes of the near side before that */
};

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

struct relay {
	const struct relay_config *config;
	struct event_base *base;
	struct porch *porch;
	LIST_HEAD(pair_list, pair) pairs;
	struct event *signal[SIGNALS];
	struct relay_stats stats;
	unsigned max;
	struct event *turn;
	struct notify notify;
	bool draining, down; /* the other end cannot be reached: said once */
	char address[SOCK_TEXT];
};

/* Pairs */

static void alarm_in(struct pair *p, int seconds)
{
	struct timeval tv = { .tv_sec = seconds };

	evtimer_add(p->timer, &tv);
}

static void answered(struct pair *p)
{
	if (p->answered)
		return;
	p->answered = true;
	p->relay->stats.strangers--;
	porch_left(p->relay->porch, &p->guest.source);
}

static void pair_free(struct pair *p)
{
	struct relay *r = p->relay;

	answered(p);
	dial_cancel(p->dial);
	if (p->near.bev)
		bufferevent_free(p->near.bev);
	if (p->far.bev)
		bufferevent_free(p->far.bev);
	if (p->fd >= 0)
		close(p->fd);
	event_free(p->timer);
	LIST_REMOVE(p, all);
	free(p);
	r->stats.pairs--;
	if (r->draining && !r->stats.pairs)
		event_base_loopbreak(r->base);
}

static size_t held(const struct side *s)
{
	return s->gone ? 0 : evbuffer_get_length(bufferevent_get_output(s->bev));
}

/* FROM has ended: TO hears of it once it has all. */
static void pass_end(const struct side *from, struct side *to)
{
	if (!from->ended || to->shut || held(to))
		return;
	to->shut = true;
	shutdown(bufferevent_getfd(to->bev), SHUT_WR);
}

/* After anything that may have been the last thing; P may be gone afterwards. */
static void settle(struct pair *p)
{
	bool over;

	pass_end(&p->near, &p->far);
	pass_end(&p->far, &p->near);
	over = p->near.gone || p->far.gone || (p->near.ended && p->far.ended);
	if (!held(&p->near) && !held(&p->far) && (over || p->relay->draining))
		pair_free(p);
	else if (p->answered) /* until then the first alarm stands */
		alarm_in(p, p->near.ended || p->far.ended ? RELAY_HALF_S : RELAY_IDLE_S);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
	struct pair *p = ctx;
	bool up = bev == p->near.bev;
	struct side *to = up ? &p->far : &p->near;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct relay_stats *s = &p->relay->stats;

	size_t n = evbuffer_get_length(in);

	*(up ? &s->bytes_up : &s->bytes_down) += n;
	p->early += up && !p->answered ? n : 0;
	if (p->early > RELAY_EARLY) {
		s->early++;
		pair_free(p);
		return;
	}
	bufferevent_write_buffer(to->bev, in);
	if (!up && !p->answered) {
		s->answered++;
		answered(p);
	}
	if (held(to) > RELAY_HELD)
		bufferevent_disable(bev, EV_READ);
	if (p->answered)
		alarm_in(p, RELAY_IDLE_S);
}

static void on_write(struct bufferevent *bev, void *ctx)
{
	struct pair *p = ctx;
	struct side *from = bev == p->near.bev ? &p->far : &p->near;

	if (!from->ended)
		bufferevent_enable(from->bev, EV_READ);
	settle(p);
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
	struct pair *p = ctx;
	struct side *side = bev == p->near.bev ? &p->near : &p->far;

	side->ended = true;
	bufferevent_disable(bev, EV_READ);
	if (what & BEV_EVENT_ERROR) {
		side->gone = side->shut = true;
		bufferevent_disable(bev, EV_WRITE);
	}
	settle(p);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct pair *p = ctx;

	(void)fd, (void)what;
	if (p->answered)
		p->relay->stats.idle++;
	else
		p->relay->stats.unreached++;
	pair_free(p);
}

/* To the other end */

static void open_side(struct pair *p, struct side *s, int fd)
{
	s->bev = bufferevent_socket_new(p->relay->base, fd,
					BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_setcb(s->bev, on_read, on_write, on_event, p);
	bufferevent_setwatermark(s->bev, EV_READ, 0, RELAY_HELD);
	bufferevent_setwatermark(s->bev, EV_WRITE, RELAY_HELD / 2, 0);
}

static void say_origin(struct pair *p)
{
	struct sockaddr_storage at = { 0 };
	socklen_t n = sizeof(at);
	struct addr to = addr_v4(0);
	struct buf b = { 0 };

	if (getsockname(p->fd, (struct sockaddr *)&at, &n) == 0)
		addr_of_sockaddr((struct sockaddr *)&at, &to);
	origin_put(&b, &p->guest.source, p->guest.port, &to,
		   sock_port((struct sockaddr *)&at));
	bufferevent_write(p->far.bev, b.p, b.n);
	buf_fini(&b);
}

/* Said when it begins: sensors come again and again. */
static void unreached(struct relay *r, const char *words)
{
	r->stats.unreached++;
	if (!r->down)
		log_warn("%s", words);
	r->down = true;
}

static void on_dialled(const struct dial_result *d, void *ctx)
{
	struct pair *p = ctx;
	struct relay *r = p->relay;

	p->dial = NULL;
	if (d->fd < 0) {
		unreached(r, d->words);
		pair_free(p);
		return;
	}
	if (r->down)
		log_info("%s is reached again", d->peer);
	r->down = false;
	log_debug("%s to %s", p->guest.text, d->peer);
	open_side(p, &p->far, d->fd);
	say_origin(p);
	open_side(p, &p->near, p->fd);
	p->fd = -1;
	bufferevent_enable(p->far.bev, EV_READ | EV_WRITE);
	bufferevent_enable(p->near.bev, EV_READ | EV_WRITE);
}

static void on_enter(int fd, const struct porch_guest *guest, void *ctx)
{
	struct relay *r = ctx;
	const struct relay_config *c = r->config;
	struct pair *p;

	if (r->stats.pairs >= r->max) {
		r->stats.turned_away++;
		close(fd);
		porch_left(r->porch, &guest->source);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->relay = r;
	p->guest = *guest;
	p->fd = fd;
	sock_tune(fd);
	p->timer = evtimer_new(r->base, on_timer, p);
	alarm_in(p, RELAY_ANSWER_S);
	LIST_INSERT_HEAD(&r->pairs, p, all);
	r->stats.pairs++;
	r->stats.strangers++;
	p->dial = dial_start(r->base, c->to_host, c->to_port, c->proxy, on_dialled, p);
}

/* Signals */

static void drain(struct relay *r)
{
	const struct timeval patience = { .tv_sec = RELAY_DRAIN_S };
	struct pair *p, *next;

	if (r->draining) { /* asked twice */
		event_base_loopbreak(r->base);
		return;
	}
	log_info("ending: pairs=%" PRIu64, r->stats.pairs);
	notify_stopping("passes on what it holds");
	r->draining = true;
	porch_free(r->porch);
	r->porch = NULL;
	event_base_loopexit(r->base, &patience);
	if (!r->stats.pairs)
		event_base_loopbreak(r->base);
	for (p = LIST_FIRST(&r->pairs); p; p = next) {
		next = LIST_NEXT(p, all);
		if (!p->near.bev) {
			pair_free(p);
			continue;
		}
		bufferevent_disable(p->near.bev, EV_READ);
		bufferevent_disable(p->far.bev, EV_READ);
		p->near.ended = p->far.ended = true;
		settle(p);
	}
}

static void print_state(const struct relay *r)
{
	struct buf line = { 0 };

#define X(name) buf_printf(&line, " " #name "=%" PRIu64, r->stats.name);
	RELAY_STATS(X)
#undef X
	fprintf(stderr, "skein-collector: state: listen=%s to=%s:%u%s\n", r->address,
		r->config->to_host, r->config->to_port, buf_cstr(&line));
	buf_fini(&line);
}

static void on_signal(evutil_socket_t number, short what, void *ctx)
{
	struct relay *r = ctx;

	(void)what;
	if (number == SIGUSR1)
		print_state(r);
	else if (number == SIGHUP)
		log_info("a relay takes its configuration at its start alone");
	else
		drain(r);
}

static void on_turn(evutil_socket_t fd, short what, void *ctx)
{
	struct relay *r = ctx;

	(void)fd, (void)what;
	notify_turns(&r->notify);
}

/* Start and end */

static void start_porch(struct relay *r, int fd)
{
	struct relay_stats *s = &r->stats;
	struct porch_config c = {
		.fd = fd,
		.inside = RELAY_STRANGERS,
		.inside_source = RELAY_STRANGERS_SOURCE,
		.relays = r->config->relays,
		.relays_n = r->config->relays_n,
		.count = { .accepted = &s->accepted,
			   .turned_away = &s->turned_away,
			   .silent = &s->silent,
			   .origins_odd = &s->origins_odd,
			   .waiting = &s->waiting },
		.enter = on_enter,
		.ctx = r,
	};

	r->porch = porch_new(r->base, &c);
}

/* All descriptors that may be had: a quarter for the porch, a half for pairs. */
static void set_room(struct relay *r)
{
	unsigned quarter = listen_descriptors() / 4;

	r->max = quarter < RELAY_PAIRS ? quarter : RELAY_PAIRS;
}

static void say_ready(const struct relay *r)
{
	log_info("listening on %s, a relay to %s:%u, version %s", r->address,
		 r->config->to_host, r->config->to_port, SKEIN_VERSION);
	notify_ready(r->address);
	listen_tell(r->config->ready_fd, r->address);
}

static void start(struct relay *r, int fd)
{
	const struct timeval second = { .tv_sec = 1 };

	r->base = event_base_new();
	for (int i = 0; i < SIGNALS; i++) {
		r->signal[i] = evsignal_new(r->base, signals[i], on_signal, r);
		event_add(r->signal[i], NULL);
	}
	r->turn = event_new(r->base, -1, EV_PERSIST, on_turn, r);
	event_add(r->turn, &second);
	start_porch(r, fd);
}

static void end(struct relay *r)
{
	struct pair *p;

	porch_free(r->porch);
	r->porch = NULL;
	while ((p = LIST_FIRST(&r->pairs)))
		pair_free(p);
	for (int i = 0; i < SIGNALS; i++)
		event_free(r->signal[i]);
	event_free(r->turn);
	event_base_loop(r->base, EVLOOP_NONBLOCK); /* libevent frees from its loop */
	event_base_free(r->base);
}

int relay_run(const struct relay_config *config, struct err *e)
{
	struct relay r = { .config = config };
	int fd, rc;

	signal(SIGPIPE, SIG_IGN);
	LIST_INIT(&r.pairs);
	set_room(&r);
	notify_start(&r.notify);
	fd = listen_tcp(config->host, config->port, "--listen", r.address, e);
	if (fd < 0)
		return fd;
	start(&r, fd);
	rc = confine(CONFINE_RELAY, NULL, e);
	if (!rc) {
		say_ready(&r);
		event_base_dispatch(r.base);
	}
	end(&r);
	if (!rc)
		log_info("ended: connections=%" PRIu64, r.stats.accepted);
	return rc;
}
