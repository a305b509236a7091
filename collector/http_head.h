/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of requests, in what evhttp leaves to us: it takes as many fields as its limit of
 * bytes holds, mends what two programs could understand in two ways (RFC 9112
 * sections 2.2, 5.1, 5.2 and 6.3), and lets every field stand twice.  Pure.
 */
#ifndef COLLECTOR_HTTP_HEAD_H
#define COLLECTOR_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HEAD_MAX = 16 << 10, /* bytes */
	HTTP_FIELDS_MAX = 64,
	HTTP_LINES_MAX = 256, /* nobody waits for the end of a head with more */
	HTTP_BODY_MAX = 128 << 10,
};

/* A head while it arrives, in whatever pieces; { 0 } before the first. */
struct http_watch {
	unsigned lines, length; /* ended ones; bytes in the one that has not */
	char last;
	bool whole; /* the blank line was there: what follows is not looked at */
	bool odd;   /* a bare CR or LF, a NUL, a folded line: nothing for evhttp to mend */
};

void http_watch(struct http_watch *w, const char *p, size_t n);
/* No end of it in sight. */
static inline bool http_watch_flood(const struct http_watch *w)
{
	return !w->whole && w->lines > HTTP_LINES_MAX;
}

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_DELETE, HTTP_OTHER };

/* Strings are TARGET's and the fields'; "" where there is none. */
struct http_head {
	enum http_method method;
	const char *path;  /* begins with '/', percent signs as they came */
	const char *query; /* what is behind the '?' */
	const char *host, *origin, *fetch_site, *authorization, *etag;
	const char *length; /* of the body, as it was said */
	unsigned fields;
	bool forwarded; /* a proxy says that it stands in between */
};

/* Each is 0, or the status to refuse with; in this order. */

/* TARGET is cut at its '?'.  OUT's other members are set to nothing. */
int http_head_target(struct http_head *out, enum http_method method, char *target);
/* One field; the strings stay.  Refuses any Transfer-Encoding, and a second Host and such. */
int http_head_field(struct http_head *out, const char *name, const char *value);
/* After the last one. */
int http_head_end(struct http_head *out);

#endif
