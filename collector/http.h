/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers over HTTP, by processes of their own, so that no query delays an acknowledgement
 * and no fault in one of them costs data:
 *
 *     collector -- keeper -+- front    sockets, TLS, requests; opens no file
 *                          +- workers  the database; no network (api.h)
 *
 * The keeper (http_keeper.c) takes no bytes of strangers; it starts again what dies, and ends
 * a worker that takes too long.  The front (http_front.c, http_conn.c, http_source.c,
 * http_request.c, http_answer.c, http_pool.c) hands each request to a worker as one packet
 * (ask.h).
 */
#ifndef COLLECTOR_HTTP_H
#define COLLECTOR_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/child.h"
#include "collector/stats.h"
#include "common/sock.h"

struct event;
struct event_base;

struct http_config {
	const char *host; /* NULL: no HTTP */
	uint16_t port;
	const char *cert, *key; /* PEM files of a person's own; NULL: the collector's */
	const char *names;	/* by which it is called besides, "a,b"; "" for none */
};

struct http {
	struct child keeper;
	struct event *ended; /* tells of the keeper's end; NULL: not attached */
	struct stats *stats;
	int socket; /* listening, until the keeper has it; -1: none */
	char address[SOCK_TEXT];
};

/* Binds; *H is filled in all cases, and closed by http_stop.  Words say --http. */
int http_listen(struct http *h, const struct http_config *c, struct err *e);
/*
 * Forks; before the store is opened.  DIR is the collector's.  Nothing if it does not listen.
 * A certificate that cannot be read is an error here, not later.
 */
int http_start(struct http *h, const struct http_config *c, const char *dir,
	       struct stats *stats, struct err *e);
/*
 * The keeper's end is noticed from now on: it is said, and http_down is 1.  Nothing starts it
 * again, since by then the collector has given up the right to fork.
 */
void http_attach(struct http *h, struct event_base *base);
/* The certificate, key and names as C has them by now; what runs ends its answers first. */
void http_reload(struct http *h, const struct http_config *c);
void http_stop(struct http *h);

#endif
