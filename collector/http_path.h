/* SPDX-License-Identifier: Apache-2.0 */
/* The target of a request, path and query, as the one who asks wrote it.  Pure. */
#ifndef COLLECTOR_HTTP_PATH_H
#define COLLECTOR_HTTP_PATH_H

#include <stdbool.h>

enum {
	HTTP_TARGET_MAX = 4096,
	HTTP_PARTS_MAX = 8, /* of a path */
};

/* No control character but HTAB. */
bool http_is_text(const char *s);
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

#endif
