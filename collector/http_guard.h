/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a request is meant for us, and by whom: against pages of others in somebody's
 * browser (DNS rebinding, cross-site requests).  Pure.
 */
#ifndef COLLECTOR_HTTP_GUARD_H
#define COLLECTOR_HTTP_GUARD_H

#include "collector/http_head.h"
#include "common/addr.h"

struct http_guard {
	bool tls;	   /* this connection */
	bool loopback;	   /* the listener is bound to a loopback address */
	struct addr local; /* at which the connection arrived */
	const char *names; /* further names of this server, separated by commas */
	const char *host;  /* this machine's */
};

/*
 * 0; 421 for a Host that is none of ours; 403 for an Origin that is not that Host, and for
 * what a browser calls cross-site.
 */
int http_guard(const struct http_guard *g, const struct http_head *h);
/* Reading without a token: on loopback, by a loopback name, and not through a proxy. */
bool http_guard_open(const struct http_guard *g, const struct http_head *h);

#endif
