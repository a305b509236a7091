/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirrorwatch.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cert.h"
#include "common/clock.h"
#include "common/fact.h"
#include "common/log.h"
#include "common/mem.h"
#include "sensor/batch.h"
#include "sensor/confine.h"
#include "sensor/courier.h"
#include "sensor/mirror/capfile.h"
#include "sensor/mirrorworker.h"
#include "sensor/once.h"
#include "sensor/outlet.h"
#include "sensor/scribe.h"

enum {
	EDGES = 262144,
	REPORT_MS = 3600000,
	READ_INTERVAL_MS = 60000, /* of a capture's own time */
};

struct mirror_watch {
	const struct mirror_config *config;
	struct event_base *base;
	struct event *tick, *again, *end, *stop[2], *report;
	struct mirror_common *common;
	struct mirror_worker *worker[MIRROR_THREADS];
	unsigned workers;
	struct courier courier;
	struct batch *batch;
	struct once *once;
	struct output out;
	struct mirror_totals last; /* as of the last interval, since the start */
	uint64_t told_ms;	   /* end of the last interval */
	uint64_t reported_ms, overflow, edges_told;
	bool damaged, opened;
	bool stopping, failed;
	struct err *e;
};

static void end_loop(struct mirror_watch *w)
{
	if (w->base)
		event_base_loopbreak(w->base);
}

static void on_batch(const struct wire_writer *b, uint64_t start_ms, uint64_t end_ms,
		     void *ctx)
{
	struct mirror_watch *w = ctx;

	if (w->failed ||
	    outlet_batch(w->config->show, &w->courier, b, start_ms, end_ms, w->e) == 0)
		return;
	w->failed = true;
	end_loop(w);
}

static void on_flow(void *ctx, const struct flow *f)
{
	struct mirror_watch *w = ctx;

	w->edges_told++;
	w->out.flow(w->out.ctx, f, NULL);
}

/* What the mirror itself lost, and how */

static uint64_t grown(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static uint32_t judge(struct mirror_watch *w, const struct mirror_totals *t)
{
	const struct flowtab_counts *now = &t->seen.flows, *then = &w->last.seen.flows;
	uint64_t dropped = grown(t->ring.dropped, w->last.ring.dropped);
	uint64_t unseen = grown(now->unseen, then->unseen);
	uint64_t payload = grown(now->payload, then->payload);
	uint64_t one = grown(now->one_sided, then->one_sided);
	uint64_t two = grown(now->two_sided, then->two_sided);
	uint32_t bits = 0;

	if (dropped) {
		bits |= DEGRADED_DROPPED;
		log_warn(
			"the kernel dropped %" PRIu64 " of %" PRIu64
			" packets: they came faster than they were read; --threads and --ring "
			"give more room",
			dropped, grown(t->ring.packets, w->last.ring.packets));
	}
	if (unseen && unseen > payload / 1000) {
		bits |= DEGRADED_UNSEEN;
		log_warn("%" PRIu64 " bytes were acknowledged and never seen, beside %" PRIu64
			 " that were: the mirror port itself loses packets",
			 unseen, payload);
	}
	if (one > (one + two) / 20 && one >= 10) {
		bits |= DEGRADED_ONE_SIDED;
		log_warn("%" PRIu64 " of %" PRIu64
			 " connections were seen one way only: the mirror shows one direction",
			 one, one + two);
	}
	return bits;
}

static void report(struct mirror_watch *w, const char *what)
{
	const struct observer_counts *n = &w->last.seen;

	log_info("%s: %" PRIu64 " packets, %" PRIu64 " dropped by the kernel, %" PRIu64
		 " copies, %" PRIu64 " of no kind that is followed, %" PRIu64
		 " cut too short, %" PRIu64 " malformed, %" PRIu64 " fragments lost; %" PRIu64
		 " connections, %" PRIu32 " now, %" PRIu64 " given up, %" PRIu64
		 " gaps and %" PRIu64 " names forgotten for want of room; %" PRIu64
		 " bytes never seen, %" PRIu64 " of %" PRIu64
		 " connections seen one way only; %u edges, %" PRIu64 " told",
		 what, n->frames, w->last.ring.dropped, n->flows.copies,
		 n->kind[DISSECTED_OTHER], n->kind[DISSECTED_SHORT], n->kind[DISSECTED_BAD],
		 n->fragments_lost, n->flows.connections, n->flows.now, n->flows.evicted,
		 n->flows.gaps_lost, n->names_lost, n->flows.unseen, n->flows.one_sided,
		 n->flows.one_sided + n->flows.two_sided, w->last.edges, w->edges_told);
}

/* One interval */

static void interval(struct mirror_watch *w, uint64_t now_ms, bool last)
{
	struct mirror_totals t;
	struct cover cover = { .start_ms = w->told_ms, .end_ms = now_ms };

	w->out.begin(w->out.ctx, w->told_ms, now_ms);
	mirror_interval(w->common, w->worker, w->workers, w->told_ms, now_ms, last, on_flow, w,
			&t);
	cover.overflow = t.overflow + grown(t.seen.flows.evicted, w->last.seen.flows.evicted);
	cover.degraded = judge(w, &t);
	if (cover.overflow)
		log_warn("%" PRIu64 " connections did not fit the tables in this interval",
			 cover.overflow);
	w->overflow += cover.overflow;
	w->out.end(w->out.ctx, &cover);
	w->last = t;
	w->told_ms = now_ms;
}

static void arm(struct mirror_watch *w)
{
	uint64_t ms = w->config->interval_ms;
	uint64_t wait = ms - clock_ms() % ms + 2;
	struct timeval tv = { .tv_sec = (time_t)(wait / 1000),
			      .tv_usec = (suseconds_t)(wait % 1000) * 1000 };

	event_add(w->tick, &tv);
}

static bool check_workers(struct mirror_watch *w)
{
	for (unsigned i = 0; i < w->workers; i++) {
		const char *why = mirror_worker_failure(w->worker[i]);

		if (!why)
			continue;
		err_set(w->e, -ENETDOWN, "%s", why);
		w->failed = true;
		end_loop(w);
		return false;
	}
	return true;
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct mirror_watch *w = ctx;

	(void)fd, (void)what;
	if (w->stopping || !check_workers(w))
		return;
	interval(w, clock_ms(), false);
	if (clock_ms() - w->reported_ms > REPORT_MS) {
		report(w, "since the start");
		w->reported_ms = clock_ms();
	}
	arm(w);
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
	struct mirror_watch *w = ctx;

	(void)fd, (void)what;
	if (!w->stopping) {
		w->stopping = true;
		for (unsigned i = 0; i < w->workers; i++)
			mirror_worker_stop(w->worker[i]);
		interval(w, clock_ms(), true);
	}
	end_loop(w);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	struct mirror_watch *w = ctx;

	(void)fd, (void)what;
	report(w, "state");
	if (w->courier.pid)
		kill(w->courier.pid, SIGUSR1);
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	struct mirror_watch *w = ctx;
	char word[64];
	ssize_t n = read(fd, word, sizeof(word));

	(void)what;
	if (n > 0) {
		mirror_retell(w->common);
	} else if (n == 0 && !w->stopping) {
		err_set(w->e, -EPIPE, "the sending process is gone");
		w->failed = true;
		end_loop(w);
	}
}

/* Starting */

static int open_output(struct mirror_watch *w)
{
	const struct mirror_config *c = w->config;
	struct courier_config courier = {
		.host = c->host,
		.port = c->port,
		.dir = c->dir,
		.patient = c->paths > 0,
		.proxy = c->proxy,
	};

	if (c->once) {
		w->once = once_new();
		w->out = once_output(w->once);
		return 0;
	}
	w->batch = batch_new(on_batch, w);
	w->out = batch_output(w->batch);
	return *c->host ? courier_start(&courier, &w->courier, w->e) : 0;
}

/* The rings of one interface, one for each worker. */
static int open_rings(struct mirror_watch *w, unsigned which)
{
	const struct mirror_config *c = w->config;
	struct live_config config = {
		.interface = c->interface[which],
		.ring_bytes = (c->ring_mb << 20) / w->workers,
		.filter = c->filter,
		.group = w->workers > 1 ? (int)((getpid() + (int)which * 4099) & 0xffff) : -1,
		.promiscuous = true,
	};

	for (unsigned i = 0; i < w->workers; i++) {
		struct live *ring = live_open(&config, w->e);

		if (!ring)
			return w->e->code;
		mirror_worker_take(w->worker[i], ring);
	}
	return 0;
}

static int open_parts(struct mirror_watch *w)
{
	int rc = open_output(w);
	uint64_t seed;

	cert_random(&seed, sizeof(seed));
	w->workers = w->config->paths ? 1 : w->config->threads;
	w->common = mirror_common_new(EDGES, w->config->paths ? 0 : w->told_ms);
	for (unsigned i = 0; i < w->workers; i++)
		w->worker[i] = mirror_worker_new(
			w->common, w->config->max_connections / w->workers, seed);
	for (unsigned i = 0; i < w->config->interfaces && !rc; i++)
		rc = open_rings(w, i);
	return rc;
}

static void close_parts(struct mirror_watch *w)
{
	struct event *all[] = { w->tick, w->again, w->end, w->stop[0], w->stop[1], w->report };

	for (unsigned i = 0; i < w->workers; i++)
		mirror_worker_free(w->worker[i]);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i])
			event_free(all[i]);
	if (w->base)
		event_base_free(w->base);
	mirror_common_free(w->common);
	batch_free(w->batch);
	once_free(w->once);
}

static void open_events(struct mirror_watch *w)
{
	unsigned ms = w->config->for_ms;
	struct timeval all = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	w->tick = evtimer_new(w->base, on_tick, w);
	w->end = evtimer_new(w->base, on_stop, w);
	w->stop[0] = evsignal_new(w->base, SIGTERM, on_stop, w);
	w->stop[1] = evsignal_new(w->base, SIGINT, on_stop, w);
	w->report = evsignal_new(w->base, SIGUSR1, on_report, w);
	event_add(w->stop[0], NULL);
	event_add(w->stop[1], NULL);
	event_add(w->report, NULL);
	if (ms)
		event_add(w->end, &all);
	if (w->courier.pid) {
		w->again =
			event_new(w->base, w->courier.back, EV_READ | EV_PERSIST, on_again, w);
		event_add(w->again, NULL);
	}
	arm(w);
}

static int watch_live(struct mirror_watch *w)
{
	int rc = confine_parser(w->config->dir, w->e);

	w->base = event_base_new();
	for (unsigned i = 0; i < w->workers && !rc; i++)
		rc = mirror_worker_start(w->worker[i], w->e);
	if (rc)
		return rc;
	w->reported_ms = clock_ms();
	open_events(w);
	log_info("watches %u interface%s with %u thread%s and %u MiB of ring each",
		 w->config->interfaces, w->config->interfaces == 1 ? "" : "s", w->workers,
		 w->workers == 1 ? "" : "s", w->config->ring_mb);
	outlet_ready(w->config->ready_fd);
	event_base_dispatch(w->base);
	return w->failed ? w->e->code : 0;
}

/* Captures, in their own time */

static void read_one(struct mirror_watch *w, const char *path)
{
	struct err e = { 0 };
	struct capfile *f = capfile_open(path, &e);
	struct frame_in frame;
	int rc = 0;

	while (f && !w->failed && (rc = capfile_next(f, &frame, &e)) > 0) {
		uint64_t ms = frame.time_ns / 1000000;

		w->opened = true;
		if (!w->told_ms)
			w->told_ms = ms;
		if (ms / READ_INTERVAL_MS > w->told_ms / READ_INTERVAL_MS)
			interval(w, ms / READ_INTERVAL_MS * READ_INTERVAL_MS, false);
		mirror_worker_frame(w->worker[0], &frame);
	}
	if (!f || rc < 0) {
		log_err("%s", e.msg);
		w->damaged = true;
	}
	w->opened |= f != NULL;
	capfile_close(f);
}

static int read_captures(struct mirror_watch *w)
{
	int rc = confine_parser(NULL, w->e);

	for (unsigned i = 0; i < w->config->paths && !rc; i++)
		read_one(w, w->config->path[i]);
	if (rc)
		return rc;
	if (!w->opened)
		return err_set(w->e, -ENOENT, "no capture could be read");
	interval(w, w->told_ms / READ_INTERVAL_MS * READ_INTERVAL_MS + READ_INTERVAL_MS - 1,
		 true);
	report(w, "read");
	return w->failed ? w->e->code : 0;
}

static int run(struct mirror_watch *w)
{
	int rc;

	signal(SIGPIPE, SIG_IGN);
	w->told_ms = w->config->paths ? 0 : clock_ms();
	rc = open_parts(w);
	if (!rc)
		rc = w->config->paths ? read_captures(w) : watch_live(w);
	return rc;
}

/* Its text, made without any right. */
static int make_once(void *ctx, struct buf *text, struct err *e)
{
	struct mirror_watch w = { .config = ctx, .e = e };
	int rc = run(&w);

	if (!rc) {
		once_print(w.once, text);
		rc = w.damaged ? err_set(e, -EBADMSG, "%s is written, of what could be read",
					 w.config->once)
			       : outlet_whole(w.once, w.config->once, e);
	}
	close_parts(&w);
	return rc;
}

int mirror_run(const struct mirror_config *config, struct err *e)
{
	struct mirror_watch w = { .config = config, .e = e };
	struct err late = { 0 };
	int rc;

	if (config->once)
		return scribe_write(config->once, make_once, (void *)config, e);
	rc = run(&w);
	if (!rc)
		rc = courier_finish(&w.courier, e);
	if (!rc && w.damaged)
		rc = err_set(e, -EBADMSG, "what was good of the captures is told");
	courier_finish(&w.courier, &late);
	close_parts(&w);
	return rc;
}
