/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/sensor.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/version.h"
#include "sensor/batch.h"
#include "sensor/edgetab.h"
#include "sensor/host.h"
#include "sensor/link.h"

enum {
	EDGES = 131072,
	SPOOL_BYTES = 64 << 20,
	PATIENCE_S = 15,    /* for the last acknowledgement */
	REFRESH_MS = 60000, /* addresses of interfaces */
	EXPIRY_DAYS = 30,
	PATIENCE_DRAINS = 5,
	DESCRIBE_AGAIN_MS = 600000, /* the machine and its listeners, if nothing changes */
};

struct seen_listener {
	struct listener l;
	struct owner_process *owner;
};

struct sensor {
	const struct sensor_config *config;
	struct event_base *base;
	struct event *tick, *ring, *give_up, *stop[2], *report, *reload;
	struct probe_state *probe;
	struct owner_table *owners;
	struct edgetab *edges;
	struct host *host;
	struct spool *spool;
	struct link *link;
	struct batch batch;

	struct seen_listener *listener; /* of this interval */
	size_t listener_n, listener_cap;
	uint64_t listener_hash, told_hash;
	uint64_t described_ms, refreshed_ms;
	uint64_t cover_from_ms;	   /* 0: no stretch without news is held back */
	uint64_t flows, intervals; /* told so far */
	unsigned failures;	   /* drains in a row */
	bool stopping, failed;
	struct err *e;
};

static uint64_t boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return clock_ms() - ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000);
}

/* What the probe tells */

static void on_process(void *ctx, const struct process_event *ev)
{
	struct sensor *s = ctx;

	owner_announce(s->owners, ev);
}

/* A socket's own end is an address of this machine, in whatever network namespace. */
static void own_local(struct sensor *s, const struct edge_key *key)
{
	struct addr a;

	memcpy(a.b, key->local, 16);
	host_own(s->host, &a);
	host_namespace(s->host, key->netns, key->tgid);
}

/*
 * Our own link to the collector is left out, and its other end where the collector is on this
 * machine: it would tell of nothing but the telling, and never let an interval be quiet.
 */
static bool is_own_link(const struct sensor *s, const struct edge_key *key)
{
	struct addr local, collector;

	if (key->dir == EDGE_CLIENT)
		return key->tgid == (uint32_t)getpid();
	memcpy(local.b, key->local, 16);
	return key->port == s->config->port && addr_is_loopback(&local) &&
	       addr_parse(s->config->host, &collector) == 0 && addr_eq(&local, &collector);
}

static void on_closed(void *ctx, const struct edge_key *key, const struct edge_val *val)
{
	struct sensor *s = ctx;

	if (is_own_link(s, key))
		return;
	own_local(s, key);
	edgetab_closed(s->edges, key, val, owner_of(s->owners, key->tgid, key->born));
}

static void on_live(void *ctx, const struct live_record *r)
{
	struct sensor *s = ctx;

	if (is_own_link(s, &r->key))
		return;
	own_local(s, &r->key);
	edgetab_live(s->edges, r, owner_of(s->owners, r->key.tgid, r->key.born));
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++) /* FNV-1a */
		h = (h ^ b[i]) * 0x100000001b3u;
	return h;
}

static void on_listener(void *ctx, const struct listener_key *key,
			const struct listener_val *val)
{
	struct sensor *s = ctx;
	struct seen_listener *seen;
	uint64_t h;

	MEM_GROW(s->listener, s->listener_n, s->listener_cap);
	seen = &s->listener[s->listener_n++];
	memset(seen, 0, sizeof(*seen));
	memcpy(seen->l.addr.b, key->addr, 16);
	seen->l.port = key->port;
	seen->l.proto = PROTO_TCP;
	seen->l.scope = key->netns;
	seen->owner = owner_of(s->owners, val->tgid, val->born);
	host_own(s->host, &seen->l.addr);
	host_namespace(s->host, key->netns, val->tgid);
	h = mix(0xcbf29ce484222325u, key, sizeof(*key));
	s->listener_hash +=
		mix(h, &seen->owner, sizeof(seen->owner)); /* order does not matter */
}

/* One interval */

static void on_flow(const struct flow *f, struct owner_process *owner, void *ctx)
{
	struct sensor *s = ctx;

	s->flows++;
	batch_flow(&s->batch, f, owner);
}

static int by_place(const void *a, const void *b)
{
	const struct seen_listener *x = a, *y = b;
	int d = (int)x->l.port - (int)y->l.port;

	d = d ? d : addr_cmp(&x->l.addr, &y->l.addr);
	return d ? d : (x->l.scope > y->l.scope) - (x->l.scope < y->l.scope);
}

static void describe(struct sensor *s)
{
	batch_machine(&s->batch, host_machine(s->host));
	qsort(s->listener, s->listener_n, sizeof(*s->listener), by_place);
	for (size_t i = 0; i < s->listener_n; i++)
		batch_listener(&s->batch, &s->listener[i].l, s->listener[i].owner);
	s->told_hash = s->listener_hash;
	s->described_ms = clock_ms();
}

static bool must_describe(struct sensor *s)
{
	return host_changed(s->host) || s->listener_hash != s->told_hash ||
	       clock_ms() - s->described_ms > DESCRIBE_AGAIN_MS;
}

/*
 * An interval without news is not sent by itself: its COVER is held back and joined with the
 * next one, within the minute.  The description of the machine comes before the flows, since a
 * collector takes no flow from an address that the machine has not named.
 */
static void write_interval(struct sensor *s, uint64_t start_ms, uint64_t end_ms,
			   uint64_t overflow)
{
	struct cover cover = { .start_ms = s->cover_from_ms ? s->cover_from_ms : start_ms,
			       .end_ms = end_ms,
			       .overflow = overflow };
	uint64_t flows = s->flows;
	struct lost lost;
	bool gap, told;

	batch_begin(&s->batch, start_ms, end_ms);
	gap = spool_take_lost(s->spool, &lost);
	if (gap) {
		batch_lost(&s->batch, &lost);
		edgetab_retell(s->edges);
	}
	told = must_describe(s) || gap;
	if (told)
		describe(s);
	edgetab_emit(s->edges, start_ms, end_ms, on_flow, s);
	if (!told && flows == s->flows && !s->stopping && !cover.overflow &&
	    end_ms / 60000 == cover.start_ms / 60000) {
		s->cover_from_ms = cover.start_ms;
		return;
	}
	s->cover_from_ms = 0;
	batch_end(&s->batch, &cover);
	link_kick(s->link);
}

/* Names that could not be had cost no connection; whoever wonders about "?" finds this. */
static void warn_of_names(const struct probe_interval *i)
{
	if (i->drops[DROP_PROCESS_FULL])
		log_warn("%" PRIu64 " processes came too fast to be named while they lived",
			 i->drops[DROP_PROCESS_FULL]);
	if (i->drops[DROP_LISTENER_FULL])
		log_warn("%" PRIu64 " listening sockets did not fit the table",
			 i->drops[DROP_LISTENER_FULL]);
}

static int interval(struct sensor *s)
{
	uint64_t boot = boot_ms(), overflow;
	struct probe_interval i;
	int rc;

	s->listener_n = 0;
	s->listener_hash = 0;
	if (clock_ms() - s->refreshed_ms > REFRESH_MS) {
		host_refresh(s->host);
		s->refreshed_ms = clock_ms();
	}
	edgetab_begin(s->edges, boot);
	rc = s->config->probe->drain(s->probe, &i, s->e);
	if (rc)
		return rc;
	overflow = i.drops[DROP_EDGE_FULL] + i.drops[DROP_SOCKET_FULL] +
		   edgetab_overflow(s->edges);
	if (overflow)
		log_warn("%" PRIu64 " connections did not fit the tables in this interval",
			 overflow);
	warn_of_names(&i);
	write_interval(s, boot + i.start_ns / 1000000, boot + i.end_ns / 1000000, overflow);
	owner_tick(s->owners);
	s->intervals++;
	return 0;
}

/* The loop */

static void end_loop(struct sensor *s)
{
	event_base_loopbreak(s->base);
}

/* Ticks stand just behind the multiples of the interval, so that none straddles a minute. */
static void arm(struct sensor *s)
{
	uint64_t ms = s->config->interval_ms;
	uint64_t wait = ms - clock_ms() % ms + 2;
	struct timeval tv = { .tv_sec = (time_t)(wait / 1000),
			      .tv_usec = (suseconds_t)(wait % 1000) * 1000 };

	event_add(s->tick, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct sensor *s = ctx;

	(void)fd;
	(void)what;
	if (s->stopping)
		return;
	if (interval(s) == 0) {
		s->failures = 0;
	} else if (++s->failures < PATIENCE_DRAINS) {
		log_warn("%s; trying again", s->e->msg);
	} else {
		s->failed = true;
		end_loop(s);
		return;
	}
	arm(s);
}

static void on_ring(evutil_socket_t fd, short what, void *ctx)
{
	struct sensor *s = ctx;

	(void)fd;
	(void)what;
	s->config->probe->poll(s->probe);
}

static void on_acked(void *ctx)
{
	struct sensor *s = ctx;

	if (s->stopping && link_drained(s->link))
		end_loop(s);
}

static void on_give_up(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd;
	(void)what;
	end_loop(ctx);
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sensor *s = ctx;

	(void)fd;
	(void)what;
	if (s->stopping) {
		end_loop(s); /* asked twice */
		return;
	}
	s->stopping = true;
	if (interval(s)) {
		s->failed = true;
		end_loop(s);
		return;
	}
	event_add(s->give_up, &patience);
	on_acked(s);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	static const char *const words[] = { "not connected", "connected", "refused" };
	struct sensor *s = ctx;
	struct link_stats st = link_stats(s->link);

	(void)fd;
	(void)what;
	log_info("state: %s, %u edges, %" PRIu64 " intervals, %" PRIu64 " flow records, "
		 "%zu batches (%zu bytes) waiting, %" PRIu64 " batches sent, %" PRIu64
		 " processes folded",
		 words[st.state], edgetab_count(s->edges), s->intervals, s->flows,
		 spool_batches(s->spool), spool_bytes(s->spool), st.batches,
		 owner_folded(s->owners));
}

/* There is no configuration to read again yet; what is read again is the machine itself. */
static void on_reload(evutil_socket_t fd, short what, void *ctx)
{
	struct sensor *s = ctx;

	(void)fd;
	(void)what;
	s->refreshed_ms = 0;
	log_info("reads the addresses of this machine again");
}

static void on_link(enum link_state state, const char *words, void *ctx)
{
	(void)ctx;
	if (state == LINK_UP)
		log_info("connected to the collector at %s", words);
	else
		log_warn("%s", words);
}

/* Starting and ending */

static void warn_of_expiry(const struct identity *id)
{
	int64_t days = (id->expires - (int64_t)(clock_ms() / 1000)) / 86400;

	if (days < EXPIRY_DAYS)
		log_warn("the certificate of %s ends in %" PRId64
			 " days; enroll again with --force before",
			 id->sensor, days);
}

static int open_parts(struct sensor *s)
{
	const struct sensor_config *c = s->config;
	struct link_config link = { .host = c->host,
				    .port = c->port,
				    .dir = c->dir,
				    .program = "skein-sensor " SKEIN_VERSION,
				    .state = on_link,
				    .acked = on_acked,
				    .ctx = s };
	struct probe_sink sink = { .ctx = s,
				   .process = on_process,
				   .closed = on_closed,
				   .live = on_live,
				   .listener = on_listener };

	s->owners = owner_new();
	s->edges = edgetab_new(EDGES);
	s->spool = spool_new(SPOOL_BYTES);
	batch_init(&s->batch, s->spool);
	s->base = event_base_new();
	s->link = link_new(s->base, &link, s->spool, s->e);
	if (!s->link)
		return s->e->code;
	warn_of_expiry(link_identity(s->link));
	s->host = host_new(c->dir, s->e);
	if (!s->host)
		return s->e->code;
	s->probe = c->probe->open(&c->limits, &sink, s->e);
	return s->probe ? 0 : s->e->code;
}

static void say_ready(const struct sensor *s)
{
	static const char word[] = "ready\n";

	if (s->config->ready_fd < 0)
		return;
	if (write(s->config->ready_fd, word, sizeof(word) - 1) < 0)
		log_debug("nobody waits for us to be ready");
	close(s->config->ready_fd);
}

static void open_events(struct sensor *s)
{
	static const int stops[2] = { SIGTERM, SIGINT };

	s->tick = evtimer_new(s->base, on_tick, s);
	s->give_up = evtimer_new(s->base, on_give_up, s);
	s->ring = event_new(s->base, s->config->probe->fd(s->probe), EV_READ | EV_PERSIST,
			    on_ring, s);
	event_add(s->ring, NULL);
	for (int i = 0; i < 2; i++) {
		s->stop[i] = evsignal_new(s->base, stops[i], on_stop, s);
		event_add(s->stop[i], NULL);
	}
	s->report = evsignal_new(s->base, SIGUSR1, on_report, s);
	event_add(s->report, NULL);
	s->reload = evsignal_new(s->base, SIGHUP, on_reload, s);
	event_add(s->reload, NULL);
}

static void free_event(struct event *ev)
{
	if (ev)
		event_free(ev);
}

static void close_parts(struct sensor *s)
{
	if (s->probe)
		s->config->probe->close(s->probe);
	free_event(s->tick);
	free_event(s->ring);
	free_event(s->give_up);
	free_event(s->stop[0]);
	free_event(s->stop[1]);
	free_event(s->report);
	free_event(s->reload);
	link_free(s->link);
	if (s->base)
		event_base_free(s->base);
	batch_fini(&s->batch);
	spool_free(s->spool);
	edgetab_free(s->edges);
	owner_free(s->owners);
	host_free(s->host);
	free(s->listener);
}

int sensor_run(const struct sensor_config *config, struct err *e)
{
	struct sensor s = { .config = config, .e = e };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	rc = open_parts(&s);
	if (rc == 0) {
		open_events(&s);
		say_ready(&s);
		on_tick(-1, 0, &s); /* what was open before is told at once */
		if (!s.failed)
			event_base_dispatch(s.base);
		if (s.failed)
			rc = e->code;
		else if (!link_drained(s.link))
			rc = err_set(e, -EAGAIN,
				     "%zu batches were not acknowledged by the collector and "
				     "are lost",
				     spool_batches(s.spool));
	}
	close_parts(&s);
	return rc;
}
