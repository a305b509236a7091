/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a request of HTTP/1.1 (RFC 9112), read strictly: what two programs could
 * understand in two ways is refused, not mended.  Pure.
 *
 * Not taken: a bare CR or LF, folded lines, blanks before a colon, a target that is no path,
 * a second Host, Content-Length, Authorization or Origin, any Transfer-Encoding.
 */
#ifndef COLLECTOR_HTTP_PARSE_H
#define COLLECTOR_HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_HEAD_MAX = 16 << 10, /* bytes, with the blank line at its end */
	HTTP_FIELDS_MAX = 64,
	HTTP_TARGET_MAX = 4096,
	HTTP_BODY_MAX = 128 << 10,
	HTTP_PARTS_MAX = 8, /* of a path */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_DELETE, HTTP_OTHER };

/* Strings are in the bytes that were parsed; "" where there is none. */
struct http_head {
	enum http_method method;
	const char *path;  /* begins with '/', percent signs as they came */
	const char *query; /* what is behind the '?' */
	const char *host, *origin, *fetch_site, *authorization, *etag;
	uint64_t body;	/* bytes that follow */
	bool keep;	/* the connection, afterwards */
	bool expects;	/* "100 Continue", before it sends the body */
	bool forwarded; /* a proxy says that it stands in between */
};

/* Bytes of the head if it is whole, 0 if not yet, minus a status if it cannot become one. */
int http_head_length(const char *p, size_t n);
/*
 * Reads the N bytes that http_head_length counted and writes NULs into them: 0, or the status
 * to refuse with (400, 413, 414, 431, 501, 505).
 */
int http_head_parse(char *p, size_t n, struct http_head *out);

/* Undoes percent signs in place, and '+' where PLUS; false for a bad or a NUL one. */
bool http_decode(char *s, bool plus);
/*
 * Takes PATH apart at its slashes, in place, each part decoded: their number, or -1 for an
 * empty part, "." and "..", too many, and control characters.
 */
int http_parts(char *path, const char *part[HTTP_PARTS_MAX]);
/*
 * The next "NAME=VALUE" of a query, taken apart and decoded in place; *QUERY moves behind it.
 * 1, 0 at its end, -1 for a bad one.
 */
int http_parameter(char **query, const char **name, const char **value);

/* "Bad Request" and so on; never NULL. */
const char *http_reason(int status);

#endif
