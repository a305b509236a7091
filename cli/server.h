/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A collector asked over HTTP instead of a database file (--server).
 *
 * Reading works on a copy of its database without secrets, which is fetched when it has
 * changed and kept in $XDG_CACHE_HOME/skein (~/.cache/skein), mode 0600.  Changes of the plan
 * go to the collector, which makes them.
 */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct server {
	const char *url;	/* http://... or https://...; NULL: none */
	const char *token_file; /* NULL: none */
	const char *ca;		/* PEM file, "system", or NULL: the token's fingerprint */
};

/* The copy's path into PATH; negative errno with words that say what to do. */
int server_snapshot(const struct server *s, char *path, size_t cap, struct err *e);
/* POSTs BODY to PATH ("/api/v1/..."): 0, or negative errno with the collector's words:
 * -EEXIST for a conflict, -ENOENT, -EINVAL, -EACCES for the role. */
int server_post(const struct server *s, const char *path, const struct buf *body,
		struct err *e);

#endif
