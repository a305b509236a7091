/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http.h"

#include <errno.h>
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

int http_start(struct http *h, const struct http_config *c, const char *dir,
	       struct stats *stats, struct err *e)
{
	struct http_setup setup = {
		.dir = dir, .stats = stats, .config = *c, .socket = h->socket
	};
	struct addr a;
	int rc;

	if (h->socket < 0)
		return 0;
	if (c->cert || !sock_address(h->socket, &a) || !addr_is_loopback(&a)) {
		setup.tls = http_tls(c, dir, e);
		if (!setup.tls)
			return -EINVAL;
	}
	h->stats = stats;
	rc = child_start(&h->keeper, "http", http_keeper, &setup, e);
	SSL_CTX_free(setup.tls);
	let_go(h);
	if (!rc)
		log_info("answers on %s://%s", setup.tls ? "https" : "http", h->address);
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
	h->stats->http_down = 1;
	log_err("http: its keeper has ended: nothing answers at %s until the collector is "
		"started again; sensors are heard as before",
		h->address);
}

void http_attach(struct http *h, struct event_base *base)
{
	if (h->keeper.fd < 0)
		return;
	h->ended = event_new(base, h->keeper.fd, EV_READ, on_end, h);
	event_add(h->ended, NULL);
}

void http_reload(struct http *h, const struct http_config *c)
{
	const char *text[] = { c->cert ? c->cert : "", c->key ? c->key : "", c->names };
	struct buf b = { 0 };

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
	let_go(h);
}
