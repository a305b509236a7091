/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "common/cur.h"
#include "sensor/mirror/sniff.h"
#include "sensor/mirror/sniff_parts.h"

/* RFC 8446 section 5.1 (records), 4.1.2 (ClientHello); RFC 6066 section 3. */
enum {
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 1 << 14,
	CLIENT_HELLO = 1,
	HEADER = 4, /* of a handshake message */
	SESSION_MAX = 32,
	EXT_SERVER_NAME = 0,
	HOST_NAME = 0,
	HELLO_MAX = 8192, /* a name that comes later is not looked for */
};

/* The ClientHello without the records around it, as far as it is there. */
struct hello {
	size_t n;
	bool ended; /* what follows is no record of it */
	uint8_t b[HELLO_MAX];
};

static bool may_be_hello(const uint8_t *p, size_t n)
{
	return !n || (p[0] == RECORD_HANDSHAKE && (n < 2 || p[1] == 3) &&
		      (n < 3 || p[2] <= 4) && (n < 6 || p[5] == CLIENT_HELLO));
}

static size_t message_len(const struct hello *h)
{
	return (size_t)h->b[1] << 16 | (size_t)h->b[2] << 8 | h->b[3];
}

static bool is_whole(const struct hello *h)
{
	return h->n >= HEADER && h->n >= HEADER + message_len(h);
}

static void unwrap(struct cur c, struct hello *h)
{
	h->n = 0;
	h->ended = false;
	while (cur_left(&c) && h->n < HELLO_MAX && !is_whole(h)) {
		uint8_t type = cur_u8(&c);
		uint16_t version = cur_u16(&c), len = cur_u16(&c);
		size_t n = len;

		h->ended = type != RECORD_HANDSHAKE ||
			   (!c.bad && (version >> 8 != 3 || !len || len > RECORD_MAX));
		if (h->ended || c.bad)
			break;
		if (n > cur_left(&c))
			n = cur_left(&c);
		if (n > HELLO_MAX - h->n)
			n = HELLO_MAX - h->n;
		memcpy(h->b + h->n, cur_take(&c, n), n);
		h->n += n;
	}
}

/* Up to the first extension.  False: it has none, or is no ClientHello. */
static bool skip_to_extensions(struct cur *c, size_t len)
{
	const uint8_t *start = c->p;
	uint16_t version = cur_u16(c);
	uint8_t session;
	uint16_t suites, extensions;

	cur_take(c, 32); /* random */
	session = cur_u8(c);
	cur_take(c, session);
	suites = cur_u16(c);
	cur_take(c, suites);
	cur_take(c, cur_u8(c)); /* compression */
	extensions = cur_u16(c);
	if ((c->p - start >= 2 && version >> 8 != 3) || session > SESSION_MAX || suites & 1)
		return false;
	return c->bad || (size_t)(c->p - start) + extensions == len;
}

static bool read_server_name(struct cur c, char *name)
{
	cur_u16(&c); /* bytes of the list */
	while (!c.bad && cur_left(&c)) {
		uint8_t type = cur_u8(&c);
		uint16_t n = cur_u16(&c);
		const uint8_t *p = cur_take(&c, n);

		if (p && type == HOST_NAME)
			return sniff_name(p, n, name);
	}
	return false;
}

static enum sniffed read_extensions(struct cur *c, char *name)
{
	while (!c->bad && cur_left(c)) {
		uint16_t type = cur_u16(c);
		struct cur body = cur_sub(c, cur_u16(c));

		if (!c->bad && type == EXT_SERVER_NAME)
			return read_server_name(body, name) ? SNIFF_FOUND : SNIFF_NONE;
	}
	return SNIFF_MORE;
}

static enum sniffed read_hello(const struct hello *h, char *name)
{
	enum sniffed s = SNIFF_MORE;
	size_t len;
	struct cur c;

	if (h->n && h->b[0] != CLIENT_HELLO)
		return SNIFF_NONE;
	if (h->n < HEADER)
		return h->ended ? SNIFF_NONE : SNIFF_MORE;
	len = message_len(h);
	c = cur_of(h->b + HEADER, len < h->n - HEADER ? len : h->n - HEADER);
	if (!skip_to_extensions(&c, len))
		return SNIFF_NONE;
	if (!c.bad)
		s = read_extensions(&c, name);
	if (s == SNIFF_MORE && (is_whole(h) || h->n == HELLO_MAX || h->ended))
		return SNIFF_NONE;
	return s;
}

static enum sniffed read_records(const uint8_t *p, size_t n, char *name)
{
	struct hello h;

	unwrap(cur_of(p, n), &h);
	return read_hello(&h, name);
}

enum sniffed sniff_tls(const uint8_t *p, size_t n, char *name)
{
	return may_be_hello(p, n) ? read_records(p, n, name) : SNIFF_NONE;
}
