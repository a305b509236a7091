/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that go by in clear: the server name of a TLS ClientHello (RFC 6066 section 3), the
 * Host of an HTTP/1 request (RFC 9112 section 3.2), the answers of DNS (RFC 1035).  Pure
 * parsers over one piece of payload; nothing of it is kept.
 */
#ifndef SENSOR_MIRROR_SNIFF_H
#define SENSOR_MIRROR_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum { SNIFF_NAME = 255 }; /* longest name, without its NUL */

enum sniffed {
	SNIFF_NONE, /* it is not this, or has no name */
	SNIFF_MORE, /* so far it is, and the name is not whole yet */
	SNIFF_FOUND,
};

/*
 * The first bytes that a client sent, from its first data byte on.  NAME (room for SNIFF_NAME
 * and a NUL) is set when FOUND: lower case, only letters, digits, - . _ : [ ]; anything else
 * makes it NONE.  A Host loses its :PORT.
 */
enum sniffed sniff_tls(const uint8_t *p, size_t n, char *name);
enum sniffed sniff_http(const uint8_t *p, size_t n, char *name);

/*
 * A DNS message (for TCP without its two bytes of length): FN gets each A and AAAA answer with
 * the name that was asked for, whatever CNAMEs lie between.  Names as above.  At most 64
 * answers, compression bounded.  False: it is no answer.
 */
typedef void sniff_dns_fn(void *ctx, const char *name, const struct addr *answer,
			  uint32_t ttl_s);
bool sniff_dns(const uint8_t *p, size_t n, sniff_dns_fn *fn, void *ctx);

#endif
