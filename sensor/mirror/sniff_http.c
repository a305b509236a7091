/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "sensor/mirror/sniff_parts.h"

enum { METHOD_MIN = 3, METHOD_MAX = 16, HEAD_MAX = 8192 };

/* Length of the method with the space behind it; 0: it is none; -1: more is to come. */
static int method(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && i <= METHOD_MAX; i++) {
		if (p[i] == ' ')
			return i >= METHOD_MIN ? (int)i + 1 : 0;
		if ((p[i] < 'A' || p[i] > 'Z') && p[i] != '-')
			return 0;
	}
	return i > METHOD_MAX ? 0 : -1;
}

/* A host without its port and without what is around it. */
static enum sniffed take_host(const uint8_t *p, size_t n, char *name)
{
	const uint8_t *colon;

	while (n && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
		n--;
	colon = memrchr(p, ':', n);
	if (colon && memchr(p, ']', n) < (const void *)colon &&
	    (p[0] != '[' || colon[-1] == ']'))
		n = (size_t)(colon - p);
	return sniff_name(p, n, name) ? SNIFF_FOUND : SNIFF_NONE;
}

/* "http://host/..." and, for CONNECT, "host:port": RFC 9112 section 3.2. */
static enum sniffed in_target(const uint8_t *p, size_t n, bool connects, char *name)
{
	const uint8_t *end = memchr(p, ' ', n), *slashes;
	size_t len = end ? (size_t)(end - p) : n;

	if (!connects) {
		slashes = memmem(p, len, "://", 3);
		if (!slashes || slashes - p > 8 || p[0] == '/')
			return SNIFF_NONE;
		len -= (size_t)(slashes + 3 - p);
		p = slashes + 3;
		end = memchr(p, '/', len);
		len = end ? (size_t)(end - p) : len;
	}
	return take_host(p, len, name);
}

static bool is_host(const uint8_t *line, size_t n)
{
	return n > 5 && strncasecmp((const char *)line, "host:", 5) == 0;
}

enum sniffed sniff_http(const uint8_t *p, size_t n, char *name)
{
	int verb = method(p, n);
	const uint8_t *line, *end;
	enum sniffed target;
	size_t left;

	if (verb <= 0)
		return verb ? SNIFF_MORE : SNIFF_NONE;
	if (n > HEAD_MAX)
		n = HEAD_MAX;
	line = p + verb;
	left = n - (size_t)verb;
	end = memchr(line, '\n', left);
	if (!end)
		return n < HEAD_MAX ? SNIFF_MORE : SNIFF_NONE;
	if (!memmem(line, (size_t)(end - line), " HTTP/1", 7))
		return SNIFF_NONE;
	target = in_target(line, (size_t)(end - line), memcmp(p, "CONNECT ", 8) == 0, name);
	for (line = end + 1; line < p + n; line = end + 1) {
		end = memchr(line, '\n', (size_t)(p + n - line));
		if (!end)
			return n < HEAD_MAX ? SNIFF_MORE : target;
		if (is_host(line, (size_t)(end - line)))
			return take_host(line + 5, (size_t)(end - line) - 5, name);
		if (end == line || (end == line + 1 && *line == '\r'))
			return target;
	}
	return n < HEAD_MAX ? SNIFF_MORE : target;
}
