/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http_head.h"

#include <string.h>
#include <strings.h>

#include "collector/http_path.h"

static void watch_byte(struct http_watch *w, char c)
{
	if (!c || (c == '\n') != (w->last == '\r') ||
	    (!w->length && w->lines && (c == ' ' || c == '\t')))
		w->odd = true;
	if (c == '\n') {
		w->whole = w->length == (w->last == '\r');
		w->lines++;
		w->length = 0;
	} else {
		w->length++;
	}
	w->last = c;
}

void http_watch(struct http_watch *w, const char *p, size_t n)
{
	for (size_t i = 0; i < n && !w->whole; i++)
		watch_byte(w, p[i]);
}

int http_head_target(struct http_head *out, enum http_method method, char *target)
{
	char *mark;

	*out = (struct http_head){ .method = method, .path = "", .query = "" };
	if (strlen(target) > HTTP_TARGET_MAX)
		return 414;
	if (*target != '/')
		return 400;
	for (const char *c = target; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f || *c == '#' || *c == '\\')
			return 400;
	out->path = target;
	mark = strchr(target, '?');
	if (mark) {
		*mark = 0;
		out->query = mark + 1;
	}
	return 0;
}

/* RFC 9110 section 5.6.2 */
static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static int take_once(struct http_head *out, const char *name, const char *value)
{
	const struct {
		const char *name, **slot;
	} rows[] = {
		{ "Host", &out->host },
		{ "Origin", &out->origin },
		{ "Sec-Fetch-Site", &out->fetch_site },
		{ "Authorization", &out->authorization },
		{ "If-None-Match", &out->etag },
		{ "Content-Length", &out->length },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcasecmp(name, rows[i].name) != 0)
			continue;
		if (*rows[i].slot)
			return 400;
		*rows[i].slot = value;
	}
	return 0;
}

int http_head_field(struct http_head *out, const char *name, const char *value)
{
	if (++out->fields > HTTP_FIELDS_MAX)
		return 431;
	if (!*name || name[strspn(name, token)] || !http_is_text(value))
		return 400;
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return 501;
	if (strcasecmp(name, "Forwarded") == 0 || strcasecmp(name, "Via") == 0 ||
	    strncasecmp(name, "X-Forwarded-", 12) == 0 || strcasecmp(name, "X-Real-IP") == 0)
		out->forwarded = true;
	return take_once(out, name, value);
}

static void fill_gaps(struct http_head *out)
{
	const char **all[] = { &out->host, &out->origin, &out->fetch_site, &out->authorization,
			       &out->etag };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!*all[i])
			*all[i] = "";
}

int http_head_end(struct http_head *out)
{
	const char *length = out->length ? out->length : "0";

	fill_gaps(out);
	if (!*out->host || !*length || length[strspn(length, "0123456789")])
		return 400;
	/* evhttp reads no body of these: it would take it for the next request */
	if (out->method == HTTP_HEAD && length[strspn(length, "0")])
		return 400;
	return 0;
}
