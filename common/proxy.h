/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP proxy on the way to the collector: it is asked to CONNECT (RFC 9110 section 9.3.6)
 * and passes on what comes after.  What goes through is TLS from end to end, so the proxy
 * need not be trusted; the name of the other end is looked up there and not here.
 *
 * Pure: text in, structs out.
 */
#ifndef COMMON_PROXY_H
#define COMMON_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum { PROXY_ANSWER_MAX = 8192, PROXY_LOGIN_MAX = 256 };

struct proxy {
	char host[256]; /* "": none */
	uint16_t port;
	char login[PROXY_LOGIN_MAX]; /* "USER:PASSWORD", or "" */
};

/*
 * "HOST:PORT", or "http://[USER[:PASSWORD]@]HOST:PORT[/]" with %XX in user and password; the
 * login is "" where the text has none.  0 or -EINVAL, and then nothing is changed.
 */
int proxy_parse(const char *text, struct proxy *out);
/* Puts "USER:PASSWORD" there; -EINVAL for control characters, no colon, or too much. */
int proxy_set_login(struct proxy *out, const char *login);
/* The same from the first line of a file. */
int proxy_read_login(struct proxy *out, const char *path, struct err *e);

void proxy_request(struct buf *b, const struct proxy *p, const char *host, uint16_t port);

struct proxy_answer {
	unsigned status; /* 100 to 599 */
	char reason[64]; /* printable ASCII */
};
/*
 * The proxy's answer in P[0..N): its length, up to and with the empty line; 0 if more is
 * needed; -EPROTO if this is no HTTP; -EFBIG if it is longer than PROXY_ANSWER_MAX.
 */
int proxy_answer(const char *p, size_t n, struct proxy_answer *out);

/*
 * What an answer other than 2xx means: a negative errno, with words that begin with the
 * proxy's name, say what it refuses, and what to do.  Never the login.
 */
int proxy_refusal(const struct proxy *p, const char *host, uint16_t port,
		  const struct proxy_answer *a, struct err *e);

#endif
