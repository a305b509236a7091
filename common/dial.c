/* SPDX-License-Identifier: Apache-2.0 */
#include "common/dial.h"

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
#include "common/proxy.h"

enum {
	TRY_S = 5,     /* for each address */
	ANSWER_S = 10, /* for the proxy, which connects first */
};

struct dial {
	struct event_base *base;
	struct evdns_base *dns;
	struct evdns_getaddrinfo_request *request;
	struct evutil_addrinfo *list;
	const struct evutil_addrinfo *next;
	struct event *event; /* the socket that connects, or a call to finish from the loop */
	dial_fn *fn;
	void *ctx;
	char *host; /* whom to reach; it is looked up here unless there is a proxy */
	uint16_t port;
	struct proxy proxy;
	char at[SOCK_TEXT]; /* the address that is tried */
	struct buf answer;
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
	buf_fini(&d->answer);
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

static bool through_proxy(const struct dial *d)
{
	return *d->proxy.host != 0;
}

static void note(struct dial *d, int code)
{
	snprintf(d->result.words, sizeof(d->result.words), "%s%s: %s",
		 through_proxy(d) ? "the proxy " : "", d->at, strerror(-code));
}

static void set_peer(struct dial *d)
{
	if (through_proxy(d))
		snprintf(d->result.peer, sizeof(d->result.peer),
			 strchr(d->host, ':') ? "[%s]:%u through the proxy %s"
					      : "%s:%u through the proxy %s",
			 d->host, d->port, d->at);
	else
		snprintf(d->result.peer, sizeof(d->result.peer), "%s", d->at);
}

/* The proxy */

static void hang_up(struct dial *d, int fd, int code)
{
	drop_event(d);
	close(fd);
	finish(d, code);
}

/* Ends it with words that name the proxy. */
static void give_up(struct dial *d, int fd, int code, const char *words)
{
	snprintf(d->result.words, sizeof(d->result.words), "the proxy %s: %s", d->at, words);
	hang_up(d, fd, code);
}

static void on_whole_answer(struct dial *d, int fd, const struct proxy_answer *a, bool more)
{
	struct err e;

	if (a->status / 100 != 2) {
		proxy_refusal(&d->proxy, d->host, d->port, a, &e);
		snprintf(d->result.words, sizeof(d->result.words), "%.*s",
			 (int)sizeof(d->result.words) - 1, e.msg);
		hang_up(d, fd, e.code);
	} else if (more) { /* the other end of TLS never speaks first */
		give_up(d, fd, -EPROTO, "it says more than its answer; is it an HTTP proxy?");
	} else {
		finish(d, fd);
	}
}

static void on_answer(evutil_socket_t fd, short what, void *ctx)
{
	struct dial *d = ctx;
	struct proxy_answer a;
	char room[1024];
	ssize_t n = what & EV_READ ? read(fd, room, sizeof(room)) : -1;
	int rc;

	if (n < 0 && what & EV_READ && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		give_up(d, fd, n ? -ETIMEDOUT : -EPROTO,
			!(what & EV_READ) ? "no answer"
			: n		  ? strerror(errno)
					  : "it hung up without an answer");
		return;
	}
	buf_put(&d->answer, room, (size_t)n);
	rc = proxy_answer((const char *)d->answer.p, d->answer.n, &a);
	if (rc > 0)
		on_whole_answer(d, fd, &a, (size_t)rc < d->answer.n);
	else if (rc < 0)
		give_up(d, fd, rc,
			rc == -EFBIG ? "its answer is too long; is it an HTTP proxy?"
				     : "this is no HTTP proxy");
}

static void ask_proxy(struct dial *d, int fd)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct buf request = { 0 };
	ssize_t n;

	drop_event(d);
	proxy_request(&request, &d->proxy, d->host, d->port);
	n = send(fd, request.p, request.n, MSG_NOSIGNAL); /* a new socket has room for it */
	if (n == (ssize_t)request.n) {
		d->event = event_new(d->base, fd, EV_READ | EV_PERSIST, on_answer, d);
		event_add(d->event, &patience);
	} else {
		give_up(d, fd, -EPIPE, n < 0 ? strerror(errno) : "it takes no request");
	}
	explicit_bzero(request.p, request.n); /* the login stands in it */
	buf_fini(&request);
}

/* The addresses */

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
		set_peer(d);
		if (through_proxy(d))
			ask_proxy(d, fd);
		else
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

	sock_text(ai->ai_addr, d->at);
	set_peer(d);
	d->result.loopback =
		!through_proxy(d) && addr_of_sockaddr(ai->ai_addr, &a) && addr_is_loopback(&a);
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
		snprintf(d->result.words, sizeof(d->result.words), "%s%s: %s",
			 through_proxy(d) ? "the proxy " : "",
			 through_proxy(d) ? d->proxy.host : d->host,
			 evutil_gai_strerror(result));
		d->result.unknown = true;
		finish(d, -EHOSTUNREACH);
		return;
	}
	d->list = list;
	d->next = list;
	try_next(d, -EHOSTUNREACH);
}

static void look_up(struct dial *d, const char *host, uint16_t port)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct evdns_getaddrinfo_request *request;
	char service[8];

	snprintf(d->at, sizeof(d->at), "%.50s:%u", host, port);
	set_peer(d);
	snprintf(service, sizeof(service), "%u", port);
	d->dns = evdns_base_new(d->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
						 EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!d->dns) { /* no resolv.conf: literals and hosts only */
		d->dns = evdns_base_new(d->base, 0);
		evdns_base_load_hosts(d->dns, "/etc/hosts");
	}
	/* Literals and names in the hosts file are answered from in here. */
	request = evdns_getaddrinfo(d->dns, host, service, &hints, on_names, d);
	if (request)
		d->request = request;
}

struct dial *dial_start(struct event_base *base, const char *host, uint16_t port,
			const struct proxy *proxy, dial_fn *fn, void *ctx)
{
	struct dial *d = xcalloc(1, sizeof(*d));

	*d = (struct dial){ .base = base, .fn = fn, .ctx = ctx, .port = port };
	d->host = xstrdup(host);
	if (proxy)
		d->proxy = *proxy;
	d->result.proxied = through_proxy(d);
	if (through_proxy(d))
		look_up(d, d->proxy.host, d->proxy.port);
	else
		look_up(d, d->host, port);
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
