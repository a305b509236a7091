/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "common/cur.h"
#include "sensor/mirror/sniff.h"
#include "sensor/mirror/sniff_parts.h"

enum { METHOD_MIN = 3, METHOD_MAX = 16, HEAD_MAX = 8192 };

struct text {
	const uint8_t *p;
	size_t n;
};

static struct text rest_of(struct text t, size_t from)
{
	return (struct text){ t.p + from, t.n - from };
}

/* FOUND with its length: a method and its space are there. */
static enum sniffed read_method(const uint8_t *p, size_t n, size_t *len)
{
	size_t i = 0;

	while (i < n && i <= METHOD_MAX && ((p[i] >= 'A' && p[i] <= 'Z') || p[i] == '-'))
		i++;
	*len = i;
	if (i > METHOD_MAX)
		return SNIFF_NONE;
	if (i == n)
		return SNIFF_MORE;
	return p[i] == ' ' && i >= METHOD_MIN ? SNIFF_FOUND : SNIFF_NONE;
}

/* A line without its end, that is there; false: it is not. */
static bool next_line(struct cur *c, struct text *line)
{
	const uint8_t *end = memchr(c->p, '\n', cur_left(c));

	if (!end)
		return false;
	line->p = c->p;
	line->n = (size_t)(end - c->p);
	cur_take(c, line->n + 1);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/* What stands between method and version; false: it is not HTTP/1. */
static bool read_target(struct text line, size_t method, struct text *target)
{
	static const char version[] = " HTTP/1.";
	size_t tail = sizeof(version); /* one digit follows */

	*target = rest_of(line, method + 1);
	if (target->n <= tail ||
	    memcmp(target->p + target->n - tail, version, sizeof(version) - 1) != 0)
		return false;
	target->n -= tail;
	return true;
}

/* HOST[:PORT] */
static bool read_host(struct text t, char *name)
{
	char end = t.n && *t.p == '[' ? ']' : ':';
	const uint8_t *p = memchr(t.p, end, t.n);
	size_t n = p ? (size_t)(p - t.p) + (end == ']') : t.n;

	if (!p && end == ']')
		return false;
	for (size_t i = n; i < t.n; i++)
		if (i == n ? t.p[i] != ':' : t.p[i] < '0' || t.p[i] > '9')
			return false;
	return sniff_name(t.p, n, name);
}

/* The authority of SCHEME://[USER@]HOST[:PORT]/..., or nothing (RFC 3986 section 3). */
static struct text authority_of(struct text uri)
{
	size_t i = 0, start;

	while (i < uri.n && sniff_letter(uri.p[i]) && uri.p[i] != ':')
		i++;
	if (!i || uri.n - i < 3 || memcmp(uri.p + i, "://", 3) != 0)
		return (struct text){ uri.p, 0 };
	uri = rest_of(uri, i + 3);
	for (i = start = 0; i < uri.n && !strchr("/?#", uri.p[i]); i++)
		if (uri.p[i] == '@')
			start = i + 1;
	uri.n = i;
	return rest_of(uri, start);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_host(struct text line, struct text *value)
{
	if (line.n < 5 || strncasecmp((const char *)line.p, "host:", 5) != 0)
		return false;
	*value = rest_of(line, 5);
	while (value->n && is_blank(*value->p))
		*value = rest_of(*value, 1);
	while (value->n && is_blank(value->p[value->n - 1]))
		value->n--;
	return value->n > 0;
}

static enum sniffed read_head(struct cur c, size_t method, char *name)
{
	struct text line, host, target;

	if (!next_line(&c, &line))
		return SNIFF_MORE;
	if (!read_target(line, method, &target))
		return SNIFF_NONE;
	if (method != 7 || memcmp(line.p, "CONNECT", 7) != 0)
		target = authority_of(target);
	while (next_line(&c, &line)) {
		if (!line.n)
			return read_host(target, name) ? SNIFF_FOUND : SNIFF_NONE;
		if (is_host(line, &host))
			return read_host(host, name) ? SNIFF_FOUND : SNIFF_NONE;
	}
	return SNIFF_MORE;
}

enum sniffed sniff_http(const uint8_t *p, size_t n, char *name)
{
	size_t method;
	enum sniffed s = read_method(p, n, &method);

	if (s != SNIFF_FOUND)
		return s;
	s = read_head(cur_of(p, n < HEAD_MAX ? n : HEAD_MAX), method, name);
	return s == SNIFF_MORE && n >= HEAD_MAX ? SNIFF_NONE : s;
}
