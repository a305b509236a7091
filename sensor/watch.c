/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/watch.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/proxy.h"
#include "sensor/batch.h"
#include "sensor/confine.h"
#include "sensor/courier.h"
#include "sensor/denylist.h"
#include "sensor/governor.h"
#include "sensor/intake.h"
#include "sensor/nat.h"
#include "sensor/once.h"
#include "sensor/outlet.h"
#include "sensor/spend.h"
#include "sensor/usage.h"

enum {
	REFRESH_MS = 60000, /* addresses of interfaces */
	PATIENCE_DRAINS = 5,
	DESCRIBE_AGAIN_MS = 600000, /* the machine and its listeners, if nothing changes */
	REPORT_MS = 3600000,
	TRANSLATIONS = 16384,
	RETRY_MS = 900000, /* after the governor took everything away */
};

struct watch {
	struct watch_config own; /* a SIGHUP may change it */
	const struct watch_config *config;
	struct event_base *base;
	struct event *tick, *sample, *ring, *nat_ready, *again, *end, *stop[2], *report,
		*reload;
	const struct probe *probe;
	struct probe_state *state; /* NULL: nothing is attached */
	struct intake *intake;
	struct host *host;
	struct usage_meter *usage;
	struct nattab *nattab;
	struct nat *nat; /* NULL: translations are not seen */
	bool used;	 /* this interval told usage */
	struct courier courier;
	struct batch *batch;
	struct once *once;
	struct output out;
	struct governor governor;
	uint32_t degraded; /* bits */

	uint64_t described_ms, refreshed_ms, off_ms, reported_ms;
	uint64_t cover_from_ms; /* since boot, as the clock may be set; 0: nothing is held back
				 */
	uint64_t flows, intervals; /* told so far */
	uint64_t drops, unnamed;
	unsigned failures; /* drains in a row */
	bool stopping, failed;
	struct {
		uint64_t cpu_ns, kernel_ns, bytes, at_ms;
	} hour; /* at the last report */
	struct err *e;
};

/* Milliseconds since boot, those in which the machine slept among them. */
static uint64_t since_boot_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t boot_ms(void)
{
	return clock_ms() - since_boot_ms();
}

static void end_loop(struct watch *w)
{
	event_base_loopbreak(w->base);
}

/* Where batches go: shown as they are, and handed to the courier. */
static void on_batch(const struct wire_writer *b, uint64_t start_ms, uint64_t end_ms,
		     void *ctx)
{
	struct watch *w = ctx;

	if (w->failed ||
	    outlet_batch(w->config->show, &w->courier, b, start_ms, end_ms, w->e) == 0)
		return;
	w->failed = true;
	end_loop(w);
}

/* How busy the machine is */

static void take_sample(struct watch *w)
{
	usage_sample(w->usage, clock_ms(), since_boot_ms());
}

static void on_sample(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	take_sample(ctx);
}

static void on_usage(void *ctx, const struct usage *u)
{
	struct watch *w = ctx;

	w->used = true;
	w->out.usage(w->out.ctx, u);
}

static void tell_usage(struct watch *w)
{
	w->used = false;
	if (w->stopping) {
		take_sample(w);
		usage_close(w->usage);
	}
	usage_take(w->usage, clock_ms(), on_usage, w);
}

/* One interval */

static bool must_describe(struct watch *w)
{
	return intake_changed(w->intake) || clock_ms() - w->described_ms > DESCRIBE_AGAIN_MS;
}

/*
 * An interval without news is not sent by itself: its COVER is held back and joined with the
 * next one, within the minute.  BOOT is when the machine was, by the clock of this interval.
 * The description of the machine comes before the flows, since a collector takes no flow from
 * an address that the machine has not named.
 */
static void write_interval(struct watch *w, struct cover cover, uint64_t boot)
{
	uint64_t start_ms = cover.start_ms, told;
	bool described = must_describe(w);

	if (w->cover_from_ms)
		cover.start_ms = boot + w->cover_from_ms;
	w->out.begin(w->out.ctx, start_ms, cover.end_ms);
	if (described) {
		intake_describe(w->intake, &w->out);
		w->described_ms = clock_ms();
	}
	told = intake_emit(w->intake, start_ms, cover.end_ms, &w->out);
	w->flows += told;
	tell_usage(w);
	if (!described && !told && !w->used && !w->stopping && !cover.overflow &&
	    !cover.unnamed && cover.end_ms / 60000 == cover.start_ms / 60000) {
		w->cover_from_ms = cover.start_ms - boot;
		return;
	}
	w->cover_from_ms = 0;
	w->out.end(w->out.ctx, &cover);
}

static void refresh(struct watch *w)
{
	if (clock_ms() - w->refreshed_ms <= REFRESH_MS)
		return;
	host_refresh(w->host);
	w->refreshed_ms = clock_ms();
}

/* What fitted no table is in the data, too; whoever reads the journal should not miss it. */
static void account_drops(struct watch *w, const struct probe_interval *i, struct cover *cover)
{
	cover->overflow = i->drops[DROP_EDGE_FULL] + i->drops[DROP_SOCKET_FULL] +
			  i->drops[DROP_NOTICES] + i->drops[DROP_FAILURE] +
			  i->drops[DROP_UDP_PLACE] + edgetab_overflow(intake_edges(w->intake));
	cover->unnamed = owner_unnamed(intake_owners(w->intake));
	w->drops += cover->overflow;
	w->unnamed += cover->unnamed;
	if (cover->overflow)
		log_warn("%" PRIu64 " connections did not fit the tables in this interval",
			 cover->overflow);
	if (i->drops[DROP_PROCESS_FULL])
		log_warn("%" PRIu64 " processes came too fast to be named while they lived",
			 i->drops[DROP_PROCESS_FULL]);
	if (i->drops[DROP_LISTENER_FULL])
		log_warn("%" PRIu64 " listening sockets did not fit the table",
			 i->drops[DROP_LISTENER_FULL]);
}

static int watched_interval(struct watch *w)
{
	struct cover cover = { 0 };
	struct probe_interval i;
	uint64_t boot = boot_ms();
	int rc;

	intake_begin(w->intake, boot);
	rc = w->probe->drain(w->state, &i, w->e);
	if (rc)
		return rc;
	intake_compare(w->intake);
	cover.start_ms = boot + i.start_ns / 1000000;
	cover.end_ms = boot + i.end_ns / 1000000;
	cover.degraded = w->degraded | i.degraded;
	if (w->nat) {
		bool lost = nat_lost(w->nat), full = nattab_overflow(w->nattab) != 0;

		if (lost || full) /* both begin anew when they are asked */
			cover.degraded |= DEGRADED_NAT_LOST;
	}
	account_drops(w, &i, &cover);
	write_interval(w, cover, boot);
	return 0;
}

/* Nothing was watched: said all the same, so that it does not look like quiet. */
static void blind_interval(struct watch *w)
{
	uint64_t now = clock_ms();
	struct cover cover = { .start_ms = now, .end_ms = now, .degraded = w->degraded };

	w->out.begin(w->out.ctx, now, now);
	w->out.end(w->out.ctx, &cover);
}

static int interval(struct watch *w)
{
	int rc = 0;

	refresh(w);
	if (w->state)
		rc = watched_interval(w);
	else
		blind_interval(w);
	if (rc)
		return rc;
	intake_tick(w->intake);
	w->intervals++;
	return 0;
}

/* The probe, and what it costs */

static void on_ring(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;

	(void)fd, (void)what;
	w->probe->poll(w->state);
}

/* 0 where programs may be attached to this kernel; else words. */
static int check_kernel(const struct watch *w, struct err *e)
{
	struct utsname u = { 0 };
	const char *why;

	uname(&u);
	why = denylist_why(u.release, w->config->deny_kernels);
	return why ? err_set(e, -ENOTSUP, "no eBPF on kernel %s: %s", u.release, why) : 0;
}

/* The one that was asked for, else the best one that runs here. */
static int pick_probe(struct watch *w, const struct probe_sink *sink)
{
	const struct probe *wish = w->config->probe;
	int denied = wish == &probe_poll ? 0 : check_kernel(w, w->e);

	if (!wish && !denied)
		return probe_choose(&w->config->limits, sink, &w->probe, &w->state, w->e);
	if (wish && denied)
		return denied;
	if (denied)
		log_warn("%s; watches without it", w->e->msg);
	w->probe = wish ? wish : &probe_poll;
	w->state = w->probe->open(&w->config->limits, sink, w->e);
	return w->state ? 0 : w->e->code;
}

static int open_probe(struct watch *w)
{
	struct probe_sink sink = intake_sink(w->intake);
	int rc = pick_probe(w, &sink);

	if (rc)
		return rc;
	w->ring = event_new(w->base, w->probe->fd(w->state), EV_READ | EV_PERSIST, on_ring, w);
	event_add(w->ring, NULL);
	return 0;
}

static void close_probe(struct watch *w)
{
	if (w->ring)
		event_free(w->ring);
	w->ring = NULL;
	if (w->state)
		w->probe->close(w->state);
	w->state = NULL;
}

static struct governor_spent spent(const struct watch *w)
{
	struct probe_cost cost = { 0 };
	struct spend used = { 0 };
	struct timespec t;

	if (w->state && w->probe->cost)
		w->probe->cost(w->state, &cost);
	spend_add(0, &used);
	if (w->courier.pid)
		spend_add(w->courier.pid, &used);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct governor_spent){
		.at_ns = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec,
		.kernel_ns = cost.run_ns,
		.process_ns = used.cpu_ns,
		.memory_bytes = used.memory_bytes + cost.map_bytes,
	};
}

static void shed(struct watch *w, enum probe_shed what)
{
	uint32_t tenths = w->governor.permille;

	if (what == SHED_READER) {
		w->degraded |= DEGRADED_READER;
		log_warn(
			"over budget (%u.%u %% of a core, %" PRIu64
			" MiB): the reader's program and those of UDP are detached, servers are "
			"named by their listeners from now on",
			tenths / 10, tenths % 10, w->governor.last.memory_bytes >> 20);
		if (w->probe->shed)
			w->probe->shed(w->state, what);
		return;
	}
	w->degraded |= DEGRADED_OFF;
	log_warn("still over budget (%u.%u %% of a core, %" PRIu64
		 " MiB): everything is detached, tried again in %d minutes",
		 tenths / 10, tenths % 10, w->governor.last.memory_bytes >> 20,
		 RETRY_MS / 60000);
	close_probe(w);
	w->off_ms = since_boot_ms();
}

/* After its time off the probe gets a new chance, from the beginning. */
static void attach_again(struct watch *w)
{
	w->degraded &= ~(uint32_t)(DEGRADED_OFF | DEGRADED_READER);
	w->governor.shed = SHED_NOTHING;
	w->governor.last.at_ns = 0;
	if (open_probe(w) == 0) {
		log_info("attached again");
		return;
	}
	log_warn("%s", w->e->msg);
	w->degraded |= DEGRADED_OFF;
	w->governor.shed = SHED_ALL;
	w->off_ms = since_boot_ms();
}

static void govern(struct watch *w)
{
	struct governor_spent now = spent(w);
	enum probe_shed before = w->governor.shed;
	enum probe_shed after = governor_judge(&w->governor, &now);

	if (after != before)
		shed(w, after);
	else if (!w->state && since_boot_ms() - w->off_ms > RETRY_MS)
		attach_again(w);
}

static uint64_t more(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

/* What the owner of the server wants to know, once an hour. */
static void hourly(struct watch *w)
{
	struct governor_spent now = w->governor.last;
	uint64_t ms = since_boot_ms() - w->hour.at_ms, seen, kernel;
	uint64_t cpu = more(now.process_ns, w->hour.cpu_ns);
	uint64_t in_kernel =
		more(now.kernel_ns, w->hour.kernel_ns); /* begins anew with a probe */
	uint64_t sent = intake_own_bytes(w->intake);

	if (ms < REPORT_MS)
		return;
	intake_opens(w->intake, &seen, &kernel);
	log_info("the last hour: %.2f %% of a core (%.2f %% of it in the kernel), %" PRIu64
		 " MiB of memory with maps, %" PRIu64 " KiB sent, %" PRIu64 " of %" PRIu64
		 " opens seen since the start",
		 (double)(cpu + in_kernel) / 1e4 / (double)ms,
		 cpu + in_kernel ? 100.0 * (double)in_kernel / (double)(cpu + in_kernel) : 0.0,
		 now.memory_bytes >> 20, more(sent, w->hour.bytes) >> 10, seen, kernel);
	w->hour.at_ms = since_boot_ms();
	w->hour.cpu_ns = now.process_ns;
	w->hour.kernel_ns = now.kernel_ns;
	w->hour.bytes = sent;
}

/* The loop */

/* Ticks stand just behind the multiples of the interval, so that none straddles a minute. */
static void arm(struct watch *w)
{
	uint64_t ms = w->config->interval_ms;
	uint64_t wait = ms - clock_ms() % ms + 2;
	struct timeval tv = { .tv_sec = (time_t)(wait / 1000),
			      .tv_usec = (suseconds_t)(wait % 1000) * 1000 };

	event_add(w->tick, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;

	(void)fd, (void)what;
	if (w->stopping)
		return;
	if (interval(w) == 0) {
		w->failures = 0;
	} else if (++w->failures < PATIENCE_DRAINS) {
		log_warn("%s; trying again", w->e->msg);
	} else {
		w->failed = true;
		end_loop(w);
		return;
	}
	govern(w);
	hourly(w);
	arm(w);
}

static void on_again(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;
	char word[64];
	ssize_t n = read(fd, word, sizeof(word));

	(void)what;
	if (n > 0) {
		intake_retell(w->intake);
	} else if (n == 0 && !w->stopping) {
		err_set(w->e, -EPIPE, "the sending process is gone");
		w->failed = true;
		end_loop(w);
	}
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;

	(void)fd, (void)what;
	if (!w->stopping) {
		w->stopping = true;
		w->failed = interval(w) != 0;
	}
	end_loop(w);
}

static void on_report(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;
	struct governor_spent now = spent(w);
	uint64_t seen, kernel;

	(void)fd, (void)what;
	intake_opens(w->intake, &seen, &kernel);
	log_info("state: probe %s, %u edges, %" PRIu64 " intervals, %" PRIu64
		 " records, %" PRIu64 " of %" PRIu64 " opens seen, %" PRIu64
		 " fitted no table, %" PRIu64 " unnamed, %" PRIu64
		 " usage records untold, %" PRIu64
		 " processes folded, %u.%u %% of a core, %" PRIu64 " MiB",
		 w->state ? w->probe->name : "detached",
		 edgetab_count(intake_edges(w->intake)), w->intervals, w->flows, seen, kernel,
		 w->drops, w->unnamed, usage_lost(w->usage),
		 owner_folded(intake_owners(w->intake)), w->governor.permille / 10,
		 w->governor.permille % 10, now.memory_bytes >> 20);
	if (w->courier.pid)
		kill(w->courier.pid, SIGUSR1);
}

static void set_budgets(struct watch *w)
{
	w->governor.cpu_permille = w->own.cpu_permille;
	w->governor.memory_bytes = w->own.memory_bytes;
}

static int take_again(struct watch *w)
{
	struct watch_config now;

	if (w->own.reread(w->own.reread_ctx, &now))
		return -1;
	w->own.interval_ms = now.interval_ms;
	w->own.cpu_permille = now.cpu_permille;
	w->own.memory_bytes = now.memory_bytes;
	set_budgets(w);
	return 0;
}

static void on_reload(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;

	(void)fd, (void)what;
	w->refreshed_ms = 0;
	if (w->own.reread && take_again(w) == 0)
		log_info("reads the configuration and the addresses of this machine again: "
			 "an interval of %u s, %u.%u %% of a core, %" PRIu64
			 " MB; the rest takes a restart",
			 w->own.interval_ms / 1000, w->own.cpu_permille / 10,
			 w->own.cpu_permille % 10, w->own.memory_bytes >> 20);
}

/* Starting and ending */

static int open_output(struct watch *w)
{
	const struct watch_config *c = w->config;
	struct courier_config courier = { .host = c->host,
					  .port = c->port,
					  .dir = c->dir,
					  .spool_bytes = c->spool_bytes,
					  .spool_free = c->spool_free,
					  .proxy = c->proxy };

	if (c->once) {
		w->once = once_new();
		w->out = once_output(w->once);
		return 0;
	}
	w->batch = batch_new(on_batch, w);
	w->out = batch_output(w->batch);
	return *c->host ? courier_start(&courier, &w->courier, w->e) : 0;
}

/* Without it the rest goes on, and WHY says so. */
static void open_nat(struct watch *w, struct err *why)
{
	if (!w->config->no_nat) {
		w->nattab = nattab_new(TRANSLATIONS);
		w->nat = nat_open(w->nattab, why);
	}
	if (!w->nat)
		w->degraded |= DEGRADED_NO_NAT;
}

static void on_nat(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;

	(void)fd, (void)what;
	nat_poll(w->nat);
}

static int open_parts(struct watch *w)
{
	const struct watch_config *c = w->config;
	bool through = c->proxy && *c->proxy->host;
	struct own_link own = { .host = through ? c->proxy->host : c->host,
				.port = through ? c->proxy->port : c->port };
	struct err why = { 0 };
	int rc = open_output(w);

	if (rc)
		return rc;
	own.courier = w->courier.pid;
	w->base = event_base_new();
	w->host = host_new(c->dir, w->e);
	if (!w->host)
		return w->e->code;
	open_nat(w, &why);
	w->intake = intake_new(w->host, w->nat, w->nattab, &own);
	owner_keep_args(intake_owners(w->intake), c->keep_args);
	w->usage = usage_new("");
	rc = open_probe(w);
	if (!rc && *why.msg)
		log_info("%s", why.msg);
	return rc ? rc : confine_watcher(w->e);
}

static void add_signal(struct watch *w, struct event **ev, int signo, event_callback_fn fn)
{
	*ev = evsignal_new(w->base, signo, fn, w);
	event_add(*ev, NULL);
}

static void open_events(struct watch *w)
{
	unsigned ms = w->config->for_ms;
	struct timeval all = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	struct timeval often = { .tv_sec = USAGE_SAMPLE_MS / 1000 };

	w->tick = evtimer_new(w->base, on_tick, w);
	w->sample = event_new(w->base, -1, EV_PERSIST, on_sample, w);
	event_add(w->sample, &often);
	take_sample(w);
	w->end = evtimer_new(w->base, on_stop, w);
	if (ms)
		event_add(w->end, &all);
	if (w->courier.pid) {
		w->again =
			event_new(w->base, w->courier.back, EV_READ | EV_PERSIST, on_again, w);
		event_add(w->again, NULL);
	}
	if (w->nat) {
		w->nat_ready =
			event_new(w->base, nat_fd(w->nat), EV_READ | EV_PERSIST, on_nat, w);
		event_add(w->nat_ready, NULL);
	}
	add_signal(w, &w->stop[0], SIGTERM, on_stop);
	add_signal(w, &w->stop[1], SIGINT, on_stop);
	add_signal(w, &w->report, SIGUSR1, on_report);
	add_signal(w, &w->reload, SIGHUP, on_reload);
}

static void close_parts(struct watch *w)
{
	struct event *all[] = { w->tick,    w->nat_ready, w->sample, w->end,   w->again,
				w->stop[0], w->stop[1],	  w->report, w->reload };

	close_probe(w);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i])
			event_free(all[i]);
	if (w->base)
		event_base_free(w->base);
	intake_free(w->intake);
	nat_close(w->nat);
	nattab_free(w->nattab);
	host_free(w->host);
	usage_free(w->usage);
	batch_free(w->batch);
	once_free(w->once);
}

static int finish(struct watch *w)
{
	int rc;

	if (w->failed)
		return w->e->code;
	if (!w->once)
		return courier_finish(&w->courier, w->e);
	rc = once_write(w->once, w->config->once, w->e);
	return rc ? rc : outlet_whole(w->once, w->config->once, w->e);
}

int watch_run(const struct watch_config *config, struct err *e)
{
	struct watch w = { .own = *config, .e = e };
	struct err late = { 0 };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	w.config = &w.own;
	set_budgets(&w);
	rc = open_parts(&w);
	if (rc == 0) {
		open_events(&w);
		outlet_ready(w.config->ready_fd);
		w.hour.at_ms = since_boot_ms();
		on_tick(-1, 0, &w); /* what was open before is told at once */
		if (!w.failed)
			event_base_dispatch(w.base);
		close_probe(&w); /* nothing of it stays while the last acknowledgement is
				    awaited */
		rc = finish(&w);
	}
	courier_finish(&w.courier, &late); /* where it was not reached */
	close_parts(&w);
	return rc;
}
