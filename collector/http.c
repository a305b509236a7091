/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
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

static bool is_loopback(const struct http *h)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof(sa);
	struct addr a;

	return getsockname(h->socket, (struct sockaddr *)&sa, &n) == 0 &&
	       addr_of_sockaddr((struct sockaddr *)&sa, &a) && addr_is_loopback(&a);
}

int http_start(struct http *h, const struct http_config *c, const char *dir,
	       struct stats *stats, struct err *e)
{
	struct http_setup setup = {
		.dir = dir, .stats = stats, .config = *c, .socket = h->socket
	};
	int rc;

	if (h->socket < 0)
		return 0;
	if (c->cert || !is_loopback(h)) {
		setup.tls = http_tls(c, dir, e);
		if (!setup.tls)
			return -EINVAL;
	}
	rc = child_start(&h->keeper, "http", http_keeper, &setup, e);
	SSL_CTX_free(setup.tls);
	if (!rc)
		log_info("answers on %s://%s", setup.tls ? "https" : "http", h->address);
	return rc;
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
	child_stop(&h->keeper);
	if (h->socket >= 0)
		close(h->socket);
	h->socket = -1;
}
