/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http_guard.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cert.h"

enum { NAME = 256 };

/* HOST, HOST:PORT, [V6] or [V6]:PORT without the port; false for anything else. */
static bool name_of(const char *text, char out[NAME])
{
	bool bracket = *text == '[';
	size_t n = bracket ? strcspn(text + 1, "]") : strcspn(text, ":");
	const char *rest = text + n + (bracket ? 2 : 0);

	if (!n || n >= NAME || (bracket && text[n + 1] != ']'))
		return false;
	snprintf(out, NAME, "%.*s", (int)n, text + bracket);
	if (!*rest)
		return true;
	return *rest == ':' && rest[1] && strspn(rest + 1, "0123456789") == strlen(rest + 1) &&
	       strlen(rest) <= 6;
}

static bool among(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list) {
		list += strspn(list, ", ");
		if (strncasecmp(list, name, n) == 0 && (!list[n] || strchr(", ", list[n])))
			return true;
		list += strcspn(list, ", ");
	}
	return false;
}

static bool is_ours(const struct http_guard *g, const char *name)
{
	struct addr a;

	if (addr_names_loopback(name))
		return addr_is_loopback(&g->local);
	if (addr_parse(name, &a) == 0 && addr_eq(&a, &g->local))
		return true;
	return strcasecmp(name, CERT_COLLECTOR_NAME) == 0 || strcasecmp(name, g->host) == 0 ||
	       among(g->names, name);
}

/* An origin is the scheme and what stands in Host (RFC 6454 section 6.2). */
static bool same_origin(const struct http_guard *g, const struct http_head *h)
{
	const char *scheme = g->tls ? "https://" : "http://";
	size_t n = strlen(scheme);

	return strncasecmp(h->origin, scheme, n) == 0 &&
	       strcasecmp(h->origin + n, h->host) == 0;
}

int http_guard(const struct http_guard *g, const struct http_head *h)
{
	char name[NAME];

	if (!name_of(h->host, name) || !is_ours(g, name))
		return 421;
	if (*h->origin && !same_origin(g, h))
		return 403;
	if (*h->fetch_site && strcmp(h->fetch_site, "same-origin") != 0 &&
	    strcmp(h->fetch_site, "none") != 0)
		return 403;
	return 0;
}

bool http_guard_open(const struct http_guard *g, const struct http_head *h)
{
	char name[NAME];

	return g->loopback && !h->forwarded && name_of(h->host, name) &&
	       addr_names_loopback(name);
}
