/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "collector/http_keeper.h"
#include "collector/http_tls.h"
#include "collector/listen.h"
#include "common/log.h"

int http_listen(struct http *h, const struct http_config *c, struct err *e)
{
	*h = (struct http){ .keeper.fd = -1, .socket = -1 };
	if (!c->host)
		return 0;
	h->socket = listen_tcp(c->host, c->port, "--http", h->address, e);
	return h->socket < 0 ? h->socket : 0;
}

static void let_go(struct http *h)
{
	if (h->socket >= 0)
		close(h->socket);
	h->socket = -1;
}

void http_plan(struct http *h, struct nursery *n, const struct http_config *c, const char *dir,
	       struct stats *stats)
{
	struct nursery_plan plan = { "the keeper of HTTP", "skein-http", http_keeper, NULL,
				     NULL };
	struct addr a;

	if (h->socket < 0)
		return;
	h->nursery = n;
	h->config = c;
	h->stats = stats;
	h->setup = xcalloc(1, sizeof(*h->setup));
	*h->setup = (struct http_setup){ .dir = dir, .stats = stats, .config = *c };
	h->setup->socket = h->socket;
	h->setup->secure = c->cert || !sock_address(h->socket, &a) || !addr_is_loopback(&a);
	plan.ctx = h->setup;
	nursery_plan(n, NURSERY_HTTP, &plan);
	nursery_keep(n, h->socket);
}

/* The keeper begins when it has been told the configuration. */
static int start(struct http *h, struct err *e)
{
	int rc = nursery_start(h->nursery, NURSERY_HTTP, &h->keeper, e);

	child_rest_born(&h->rest, stats_clock_ms());
	if (!rc)
		http_reload(h, h->config);
	return rc;
}

int http_start(struct http *h, struct err *e)
{
	SSL_CTX *tls;
	int rc;

	if (!h->nursery)
		return 0;
	if (h->setup->secure) {
		tls = http_tls(h->config, h->setup->dir, e);
		if (!tls)
			return -EINVAL;
		SSL_CTX_free(tls);
	}
	rc = start(h, e);
	let_go(h);
	if (!rc)
		log_info("answers on %s://%s", h->setup->secure ? "https" : "http",
			 h->address);
	return rc;
}

/* The keeper says nothing, so this is its end; what it started has gone with it. */
static void on_end(evutil_socket_t fd, short what, void *ctx)
{
	struct http *h = ctx;

	(void)fd, (void)what;
	event_free(h->ended);
	h->ended = NULL;
	child_stop(&h->keeper);
	child_rest_died(&h->rest, stats_clock_ms());
	h->stats->http_down = 1;
	log_err("http: its keeper has ended: another follows; until then nothing answers at "
		"%s, and sensors are heard as before",
		h->address);
}

void http_attach(struct http *h, struct event_base *base)
{
	if (h->keeper.fd < 0)
		return;
	h->base = base;
	h->ended = event_new(base, h->keeper.fd, EV_READ, on_end, h);
	event_add(h->ended, NULL);
}

bool http_sweep(struct http *h)
{
	struct err e = { 0 };

	if (!h->nursery || h->keeper.pid || stats_clock_ms() < h->rest.due_ms)
		return false;
	if (start(h, &e) < 0) {
		log_err("http: %s", e.msg);
		child_rest_died(&h->rest, stats_clock_ms());
		return false;
	}
	http_attach(h, h->base);
	h->stats->http_down = 0;
	return true;
}

void http_reload(struct http *h, const struct http_config *c)
{
	const char *text[] = { c->cert ? c->cert : "", c->key ? c->key : "", c->names };
	struct buf b = { 0 };

	h->config = c;
	if (h->keeper.fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		buf_zstr(&b, strlen(text[i]) < HTTP_CONFIG_TEXT ? text[i] : "");
	if (send(h->keeper.fd, b.p, b.n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_err("http: cannot be told to read again: %s", strerror(errno));
	buf_fini(&b);
}

void http_stop(struct http *h)
{
	if (h->ended)
		event_free(h->ended);
	h->ended = NULL;
	child_stop(&h->keeper);
	free(h->setup);
	h->setup = NULL;
	let_go(h);
}
