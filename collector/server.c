/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/authority.h"
#include "collector/commit.h"
#include "collector/confine.h"
#include "collector/database.h"
#include "collector/home.h"
#include "collector/hub.h"
#include "collector/landlock.h"
#include "collector/listen.h"
#include "collector/notify.h"
#include "collector/nursery.h"
#include "collector/porch.h"
#include "collector/session.h"
#include "collector/tend.h"
#include "common/buf.h"
#include "common/file.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/sock.h"
#include "common/version.h"
#include "common/zip.h"

enum {
	SWEEP_S = 1,   /* a revoked sensor is gone after this */
	SELF_S = 3600, /* the collector's own certificate is looked at */
	DRAIN_S = 3,
};

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
enum { SIGNALS = sizeof(signals) / sizeof(*signals) };

struct server {
	struct hub hub; /* first: hub->fewer gets back to here */
	const struct server_config *config;
	struct nursery nursery;
	struct authority authority;
	struct database database;
	struct tend *tend;
	struct event *verdict; /* of a check that takes long */
	struct err broken;     /* why it ends by itself */
	int lock, socket;
	struct event *signal[SIGNALS];
	struct event *sweep, *self;
	struct flowport *flows; /* NULL: none are taken */
	bool flows_over;	/* all that it had has come */
	struct http http;
	struct notify notify;
	char address[SOCK_TEXT];
};

/* Listening */

static void on_fewer(struct hub *hub)
{
	const struct server *sv = (const struct server *)hub;

	if (hub->draining && !hub->sessions_n && sv->flows_over)
		event_base_loopbreak(hub->base);
}

static void on_flows_over(struct hub *hub)
{
	((struct server *)hub)->flows_over = true;
	commit_finish(hub->commit);
	on_fewer(hub);
}

static void on_enter(int fd, const struct porch_guest *guest, void *ctx)
{
	struct server *sv = ctx;

	session_start(&sv->hub, fd, guest);
}

static void start_porch(struct server *sv)
{
	struct stats *s = sv->hub.stats;
	struct porch_config c = {
		.fd = sv->socket,
		.inside = HUB_STRANGERS,
		.inside_source = HUB_STRANGERS_SOURCE,
		.relays = sv->config->relays,
		.relays_n = sv->config->relays_n,
		.count = { .accepted = &s->accepted,
			   .turned_away = &s->turned_away,
			   .silent = &s->silent,
			   .origins_odd = &s->origins_odd,
			   .waiting = &s->waiting },
		.enter = on_enter,
		.ctx = sv,
	};

	sv->hub.porch = porch_new(sv->hub.base, &c);
	sv->socket = -1;
}

/* Signals and time */

static void drain(struct server *sv)
{
	const struct timeval patience = { .tv_sec = DRAIN_S };
	struct hub *hub = &sv->hub;
	struct session *s, *next;

	if (hub->draining) { /* asked twice */
		event_base_loopbreak(hub->base);
		return;
	}
	log_info("ending: sessions=%u batches=%zu", hub->sessions_n,
		 commit_queued(hub->commit));
	notify_stopping("commits what has arrived");
	hub->draining = true;
	porch_free(hub->porch);
	hub->porch = NULL;
	commit_finish(hub->commit);
	for (s = LIST_FIRST(&hub->sessions); s; s = next) {
		next = session_next(s);
		session_finish(s);
	}
	event_base_loopexit(hub->base, &patience);
	if (sv->flows)
		flowport_drain(sv->flows, on_flows_over);
	else
		on_flows_over(hub);
}

static void read_gauges(struct server *sv)
{
	const struct hub *h = &sv->hub;
	struct stats *s = h->stats;

	s->sessions = h->sessions_n;
	s->live = h->live_n;
	s->strangers = h->strangers_n;
	s->queued = commit_queued(h->commit);
	s->input_bytes = h->input_bytes;
	s->beat_ms = stats_clock_ms();
	s->accepting = sv->hub.porch != NULL;
}

static void print_state(struct server *sv)
{
	struct buf line = { 0 };

	read_gauges(sv);
	for (unsigned i = 0; i < stats_rows_n; i++)
		buf_printf(&line, " %s=%llu", stats_rows[i].name,
			   (unsigned long long)stats_value(sv->hub.stats, &stats_rows[i]));
	fprintf(stderr, "skein-collector: state: listen=%s%s\n", sv->address, buf_cstr(&line));
	buf_fini(&line);
}

/* Those who are connected keep what they have agreed on. */
static void renew_own(struct server *sv)
{
	const char *dir = sv->config->dir;
	struct err e = { 0 };
	int rc = authority_certify_self(&sv->authority, dir, &e);
	SSL_CTX *tls = rc > 0 ? authority_tls(dir, &e) : NULL;

	if (rc < 0 || (rc > 0 && !tls))
		log_err("the collector's own certificate cannot be renewed: %s", e.msg);
	if (!tls)
		return;
	SSL_CTX_free(sv->hub.tls);
	sv->hub.tls = tls;
	http_reload(&sv->http, sv->http.config);
	log_info("the collector's own certificate was renewed");
}

static void on_self(evutil_socket_t fd, short what, void *ctx)
{
	(void)fd, (void)what;
	renew_own(ctx);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_nets(const struct addr_net *a, unsigned a_n, const struct addr_net *b,
		      unsigned b_n)
{
	bool yes = a_n == b_n;

	for (unsigned i = 0; yes && i < a_n; i++)
		yes = addr_eq(&a[i].base, &b[i].base) && a[i].bits == b[i].bits;
	return yes;
}

static bool same_flows(const struct flowport_config *a, const struct flowport_config *b)
{
	bool yes = a->listen_n == b->listen_n;

	for (unsigned i = 0; yes && i < a->listen_n; i++)
		yes = same(a->listen[i].host, b->listen[i].host) &&
		      a->listen[i].port == b->listen[i].port;
	return yes;
}

/* All that is taken at the start alone. */
static bool same_start(const struct server_config *a, const struct server_config *b)
{
	return same(a->dir, b->dir) && same(a->host, b->host) && a->port == b->port &&
	       same(a->http.host, b->http.host) && a->http.port == b->http.port &&
	       same_flows(&a->flows, &b->flows) &&
	       memcmp(&a->keep, &b->keep, sizeof(a->keep)) == 0 &&
	       a->memory_mb == b->memory_mb && a->fold.v4 == b->fold.v4 &&
	       a->fold.v6 == b->fold.v6 &&
	       same_nets(a->fold.estate, a->fold.estate_n, b->fold.estate, b->fold.estate_n) &&
	       same_nets(a->relays, a->relays_n, b->relays, b->relays_n);
}

/* What may change while it runs does; of the rest is said that it did not. */
static void reload(struct server *sv)
{
	const struct server_config *was = sv->config, *now;

	notify_reloading();
	now = was->again ? was->again(was->again_ctx) : NULL;
	if (!now) {
		log_err("the configuration stays as it was");
	} else {
		if (!same_start(was, now))
			log_warn("only log_level, http_cert, http_key, http_names and "
				 "flow_exporters change at once; the rest does at the next "
				 "start");
		http_reload(&sv->http, &now->http);
		flowport_reload(sv->flows, &now->flows);
		sv->hub.stats->reloads++;
		log_info("configuration read again");
	}
	renew_own(sv);
	notify_ready(sv->address);
}

static void on_signal(evutil_socket_t number, short what, void *ctx)
{
	struct server *sv = ctx;

	(void)what;
	switch (number) {
	case SIGUSR1:
		print_state(sv);
		return;
	case SIGHUP:
		reload(sv);
		return;
	}
	drain(sv);
}

/* What has ended is started again; without the process that does so all of it has. */
static void sweep_processes(struct server *sv)
{
	uint64_t *restarts = &sv->hub.stats->process_restarts;

	if (nursery_gone(&sv->nursery)) {
		err_set(&sv->broken, -EPIPE,
			"the process that starts the collector's others has ended, and they "
			"with it: start the collector again");
		drain(sv);
		return;
	}
	*restarts += authority_sweep(&sv->authority);
	*restarts += database_sweep(&sv->database);
	*restarts += http_sweep(&sv->http);
	flowport_sweep(sv->flows);
}

static void on_sweep(evutil_socket_t fd, short what, void *ctx)
{
	struct server *sv = ctx;

	(void)fd, (void)what;
	session_sweep(&sv->hub);
	if (!sv->hub.draining)
		sweep_processes(sv);
	read_gauges(sv);
	notify_alive(&sv->notify, sv->hub.stats);
}

static void on_broken(struct hub *hub, const struct err *why)
{
	struct server *sv = (struct server *)hub;

	if (sv->broken.code)
		return;
	sv->broken = *why;
	err_wrap(&sv->broken, "ending, to check the database at the next start");
	database_suspect(&sv->database, why->msg);
	event_base_loopbreak(hub->base);
}

static void on_verdict(evutil_socket_t fd, short what, void *ctx)
{
	struct server *sv = ctx;
	char words[KEEPER_WORDS];
	struct err e = { 0 };

	(void)fd, (void)what;
	event_del(sv->verdict);
	switch (keeper_verdict(&sv->database.keeper, words)) {
	case KEEPER_DAMAGED:
		err_set(&e, -EBADMSG, "%s: damaged: %s", sv->database.path, words);
		on_broken(&sv->hub, &e);
		break;
	case KEEPER_WHOLE:
		log_info("%s was checked: it is whole", sv->database.path);
		break;
	default:
		log_warn("%s could not be checked: %s", sv->database.path, words);
	}
}

static void start_events(struct server *sv)
{
	const struct timeval sweep = { .tv_sec = SWEEP_S }, self = { .tv_sec = SELF_S };

	for (int i = 0; i < SIGNALS; i++) {
		sv->signal[i] = evsignal_new(sv->hub.base, signals[i], on_signal, sv);
		event_add(sv->signal[i], NULL);
	}
	sv->sweep = event_new(sv->hub.base, -1, EV_PERSIST, on_sweep, sv);
	event_add(sv->sweep, &sweep);
	sv->self = event_new(sv->hub.base, -1, EV_PERSIST, on_self, sv);
	event_add(sv->self, &self);
	if (sv->database.keeper.reading) {
		sv->verdict = event_new(sv->hub.base, sv->database.keeper.child.fd, EV_READ,
					on_verdict, sv);
		event_add(sv->verdict, NULL);
	}
}

/* Start and end */

static int open_store(struct server *sv, struct err *e)
{
	int rc = database_open(&sv->database, e);

	sv->hub.store = sv->database.store;
	if (!rc)
		store_fold(sv->hub.store, &sv->config->fold);
	return rc ? rc : store_memory(sv->hub.store, sv->config->memory_mb, e);
}

static int start_http(struct server *sv, struct err *e)
{
	int rc = http_start(&sv->http, e);

	if (!rc && sv->config->http.host)
		rc = home_write_address(sv->config->dir, "collector.http", sv->http.address,
					e);
	return rc;
}

/* Sockets are bound first, since who reads them is started by the nursery. */
static int open_nursery(struct server *sv, struct err *e)
{
	const struct server_config *c = sv->config;
	struct nursery *n = &sv->nursery;
	struct stats *stats = sv->hub.stats;
	int rc = flowport_new(&sv->flows, n, &c->flows, stats, e);

	if (!rc)
		rc = http_listen(&sv->http, &c->http, e);
	if (rc)
		return rc;
	http_plan(&sv->http, n, &c->http, c->dir, stats);
	authority_plan(&sv->authority, n, c->dir);
	database_plan(&sv->database, n, c->dir, stats);
	return nursery_open(n, c->dir, e);
}

static int open_all(struct server *sv, struct err *e)
{
	const char *dir = sv->config->dir;
	int rc = home_open(dir, e);

	if (!rc)
		rc = home_become_owner(dir, e);
	if (rc)
		return rc == -EWOULDBLOCK ? -EIO : rc;
	sv->lock = home_lock(dir, e);
	if (sv->lock < 0)
		return sv->lock;
	home_forget_address(dir);
	if (open_nursery(sv, e) < 0 || authority_start(&sv->authority, e) < 0 ||
	    authority_certify_self(&sv->authority, dir, e) < 0 || start_http(sv, e) < 0 ||
	    flowport_start(sv->flows, e) < 0 || open_store(sv, e) < 0)
		return -EIO;
	sv->hub.tls = authority_tls(dir, e);
	if (!sv->hub.tls)
		return -EIO;
	sv->socket =
		listen_tcp(sv->config->host, sv->config->port, "--listen", sv->address, e);
	if (sv->socket < 0 || home_write_address(dir, "collector.addr", sv->address, e) < 0)
		return -EIO;
	return 0;
}

static int give_up(struct server *sv, struct err *e)
{
	const struct confine_files files = { sv->config->dir, sv->config->file };

	if (!landlock_there())
		log_debug(
			"the kernel has no Landlock: files are kept by mode and owner alone");
	return confine(CONFINE_INGEST, &files, e);
}

static void say_ready(struct server *sv)
{
	log_info("listening on %s, data in %s, version %s", sv->address, sv->config->dir,
		 SKEIN_VERSION);
	read_gauges(sv);
	notify_ready(sv->address);
	listen_tell(sv->config->ready_fd, sv->address);
}

static void close_all(struct server *sv)
{
	struct session *s;

	porch_free(sv->hub.porch);
	sv->hub.porch = NULL;
	while ((s = LIST_FIRST(&sv->hub.sessions)))
		session_free(s);
	flowport_free(sv->flows);
	commit_free(sv->hub.commit);
	unzip_free(sv->hub.unzip);
	for (int i = 0; i < SIGNALS; i++)
		if (sv->signal[i])
			event_free(sv->signal[i]);
	if (sv->sweep)
		event_free(sv->sweep);
	if (sv->self)
		event_free(sv->self);
	if (sv->verdict)
		event_free(sv->verdict);
	http_stop(&sv->http);
	tend_free(sv->tend);
	if (sv->hub.base)
		event_base_free(sv->hub.base);
	SSL_CTX_free(sv->hub.tls);
	authority_close(&sv->authority);
	database_close(&sv->database);
	nursery_close(&sv->nursery);
	if (sv->socket >= 0)
		close(sv->socket);
	if (sv->lock >= 0) {
		home_forget_address(sv->config->dir);
		close(sv->lock);
	}
}

int server_run(const struct server_config *config, struct err *e)
{
	struct server sv = { .config = config, .lock = -1, .socket = -1 };
	int rc;

	signal(SIGPIPE, SIG_IGN);
	listen_descriptors();
	LIST_INIT(&sv.hub.sessions);
	TAILQ_INIT(&sv.hub.waiting);
	sv.hub.stats = stats_new();
	sv.hub.stats->started = (uint64_t)time(NULL);
	sv.http = (struct http){ .keeper.fd = -1, .socket = -1 };
	notify_start(&sv.notify);
	sv.hub.fewer = on_fewer;
	sv.hub.broken = on_broken;
	sv.hub.room = session_go_on;
	sv.hub.authority = &sv.authority;
	sv.hub.life_s = config->life_s ? config->life_s : AUTHORITY_SENSOR_S;
	rc = open_all(&sv, e);
	if (!rc) {
		sv.hub.base = event_base_new();
		sv.hub.commit = commit_new(&sv.hub);
		sv.tend = tend_new(&sv.hub, &config->keep);
		sv.hub.unzip = unzip_new();
		start_events(&sv);
		start_porch(&sv);
		flowport_attach(sv.flows, &sv.hub);
		http_attach(&sv.http, sv.hub.base);
		rc = give_up(&sv, e);
	}
	if (!rc) {
		say_ready(&sv);
		event_base_dispatch(sv.hub.base);
		log_info("ended: batches=%llu commits=%llu",
			 (unsigned long long)sv.hub.stats->batches,
			 (unsigned long long)sv.hub.stats->commits);
	}
	close_all(&sv);
	if (!rc && sv.broken.code) {
		*e = sv.broken;
		rc = sv.broken.code;
	}
	return rc;
}
