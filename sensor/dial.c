/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/dial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>

#include "common/addr.h"
#include "common/mem.h"

enum { TRY_S = 5 }; /* for each address */

struct dial {
	struct event_base *base;
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *request;
	struct evutil_addrinfo *list;
	const struct evutil_addrinfo *next;
	struct event *event; /* the socket that connects, or a call to finish from the loop */
	dial_fn *fn;
	void *ctx;
	char *host;
	uint16_t port;
	struct dial_result result;
};

static void drop_event(struct dial *d)
{
	if (d->event)
		event_free(d->event);
	d->event = NULL;
}

static void dial_free(struct dial *d)
{
	drop_event(d);
	if (d->list)
		evutil_freeaddrinfo(d->list);
	if (d->dns)
		evdns_base_free(d->dns, 0);
	free(d->host);
	free(d);
}

static void on_finish(evutil_socket_t fd, short what, void *ctx)
{
	struct dial *d = ctx;
	struct dial_result result = d->result;
	dial_fn *fn = d->fn;
	void *fn_ctx = d->ctx;

	(void)fd, (void)what;
	dial_free(d);
	fn(&result, fn_ctx);
}

/* Through the loop: what calls us may still hold the resolver or be dial_start itself. */
static void finish(struct dial *d, int fd)
{
	struct timeval now = { 0 };

	drop_event(d);
	d->result.fd = fd;
	d->event = evtimer_new(d->base, on_finish, d);
	evtimer_add(d->event, &now);
}

static void note(struct dial *d, int code)
{
	snprintf(d->result.words, sizeof(d->result.words), "%s: %s", d->result.peer,
		 strerror(-code));
}

static void try_next(struct dial *d, int code);

static void on_connect(evutil_socket_t fd, short what, void *ctx)
{
	struct dial *d = ctx;
	int code = ETIMEDOUT;
	socklen_t n = sizeof(code);

	if (what & EV_WRITE && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		code = errno;
	if (!code) {
		sock_tune(fd);
		finish(d, fd);
		return;
	}
	close(fd);
	note(d, -code);
	try_next(d, -code);
}

static int try_one(struct dial *d, const struct evutil_addrinfo *ai)
{
	const struct timeval patience = { .tv_sec = TRY_S };
	struct addr a;
	int fd, rc;

	sock_text(ai->ai_addr, d->result.peer);
	d->result.loopback = addr_of_sockaddr(ai->ai_addr, &a) && addr_is_loopback(&a);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) < 0 && errno != EINPROGRESS) {
		rc = -errno;
		close(fd);
		return rc;
	}
	drop_event(d);
	d->event = event_new(d->base, fd, EV_WRITE, on_connect, d);
	event_add(d->event, &patience);
	return 0;
}

static void try_next(struct dial *d, int code)
{
	while (d->next) {
		const struct evutil_addrinfo *ai = d->next;

		d->next = ai->ai_next;
		code = try_one(d, ai);
		if (!code)
			return;
		note(d, code);
	}
	finish(d, code);
}

static void on_names(int result, struct evutil_addrinfo *list, void *ctx)
{
	struct dial *d = ctx;

	d->request = NULL;
	if (result) {
		snprintf(d->result.words, sizeof(d->result.words), "%s: %s", d->host,
			 evutil_gai_strerror(result));
		finish(d, -EHOSTUNREACH);
		return;
	}
	d->list = list;
	d->next = list;
	try_next(d, -EHOSTUNREACH);
}

struct dial *dial_start(struct event_base *base, const char *host, uint16_t port, dial_fn *fn,
			void *ctx)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct dial *d = xcalloc(1, sizeof(*d));
	struct evdns_getaddrinfo_request *request;
	char service[8];

	*d = (struct dial){ .base = base, .fn = fn, .ctx = ctx, .port = port };
	d->host = xstrdup(host);
	snprintf(d->result.peer, sizeof(d->result.peer), "%.50s:%u", host, port);
	snprintf(service, sizeof(service), "%u", port);
	d->dns = evdns_base_new(base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
					      EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!d->dns) { /* no resolv.conf: literals and hosts only */
		d->dns = evdns_base_new(base, 0);
		evdns_base_load_hosts(d->dns, "/etc/hosts");
	}
	/* Literals and names in the hosts file are answered from in here. */
	request = evdns_getaddrinfo(d->dns, d->host, service, &hints, on_names, d);
	if (request)
		d->request = request;
	return d;
}

static void nobody(const struct dial_result *result, void *ctx)
{
	(void)result, (void)ctx;
}

void dial_cancel(struct dial *d)
{
	int fd = -1;

	if (!d)
		return;
	if (d->request) { /* ends through on_names, from the loop */
		d->fn = nobody;
		evdns_getaddrinfo_cancel(d->request);
		return;
	}
	if (d->result.fd > 0)
		fd = d->result.fd;
	else if (d->event)
		fd = event_get_fd(d->event);
	dial_free(d);
	if (fd >= 0)
		close(fd);
}
