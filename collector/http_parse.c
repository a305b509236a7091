/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http_parse.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

int http_head_length(const char *p, size_t n)
{
	size_t max = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;
	const char *end = memmem(p, max, "\r\n\r\n", 4);

	if (end)
		return (int)(end + 4 - p);
	for (const char *lf = p; (lf = memchr(lf, '\n', (size_t)(p + max - lf))); lf++)
		if (lf == p || lf[-1] != '\r')
			return -400;
	return n >= HTTP_HEAD_MAX ? -431 : 0;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) &&
		    (!s[i] || !strchr("!#$%&'*+-.^_`|~", s[i])))
			return false;
	return n > 0;
}

/* No control character but HTAB, so that no CR, LF or NUL is left in a line. */
static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)s[i] < 0x20 && s[i] != '\t') || s[i] == 0x7f)
			return false;
	return true;
}

static enum http_method method_of(const char *word)
{
	static const char *const words[] = { "GET", "HEAD", "POST", "DELETE" };

	for (int i = 0; i < HTTP_OTHER; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum http_method)i;
	return HTTP_OTHER;
}

static int take_target(char *target, struct http_head *out)
{
	char *mark;

	if (strlen(target) > HTTP_TARGET_MAX)
		return 414;
	if (*target != '/')
		return 400;
	for (const char *c = target; *c; c++)
		if (*c <= 0x20 || *c == 0x7f || *c == '#' || *c == '\\')
			return 400;
	out->path = target;
	mark = strchr(target, '?');
	out->query = mark ? mark + 1 : "";
	if (mark)
		*mark = 0;
	return 0;
}

static int take_request(char *line, struct http_head *out)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return 400;
	*target++ = 0;
	*version++ = 0;
	if (!is_token(line, strlen(line)))
		return 400;
	out->method = method_of(line);
	if (strcmp(version, "HTTP/1.1") == 0)
		out->keep = true;
	else if (strcmp(version, "HTTP/1.0") != 0)
		return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
	return take_target(target, out);
}

static int take_length(const char *value, struct http_head *out)
{
	size_t n = strlen(value);

	if (!n || strspn(value, "0123456789") != n)
		return 400;
	if (n > 15)
		return 413;
	out->body = 0;
	for (; *value; value++)
		out->body = out->body * 10 + (uint64_t)(*value - '0');
	return out->body > HTTP_BODY_MAX ? 413 : 0;
}

/* What was seen already. */
struct seen {
	bool length;
};

static bool once(const char **slot, const char *value)
{
	if (*slot)
		return false;
	*slot = value;
	return true;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		list += strspn(list, " \t,");
		if (strncasecmp(list, word, n) == 0 && strchr(" \t,", list[n]))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

static int take_field(const char *name, const char *value, struct http_head *out,
		      struct seen *seen)
{
	if (strcasecmp(name, "Host") == 0)
		return once(&out->host, value) ? 0 : 400;
	if (strcasecmp(name, "Authorization") == 0)
		return once(&out->authorization, value) ? 0 : 400;
	if (strcasecmp(name, "Origin") == 0)
		return once(&out->origin, value) ? 0 : 400;
	if (strcasecmp(name, "Sec-Fetch-Site") == 0)
		return once(&out->fetch_site, value) ? 0 : 400;
	if (strcasecmp(name, "If-None-Match") == 0)
		return once(&out->etag, value) ? 0 : 400;
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		return 501;
	if (strcasecmp(name, "Content-Length") == 0) {
		if (seen->length)
			return 400;
		seen->length = true;
		return take_length(value, out);
	}
	if (strcasecmp(name, "Connection") == 0 && has_word(value, "close"))
		out->keep = false;
	if (strcasecmp(name, "Expect") == 0)
		out->expects = strcasecmp(value, "100-continue") == 0;
	if (strcasecmp(name, "Forwarded") == 0 || strcasecmp(name, "Via") == 0 ||
	    strncasecmp(name, "X-Forwarded-", 12) == 0 || strcasecmp(name, "X-Real-IP") == 0)
		out->forwarded = true;
	return 0;
}

static int take_line(char *line, struct http_head *out, struct seen *seen)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (!colon || !is_token(line, (size_t)(colon - line)))
		return 400;
	*colon = 0;
	value = colon + 1 + strspn(colon + 1, " \t");
	for (end = value + strlen(value); end > value && strchr(" \t", end[-1]);)
		end--;
	*end = 0;
	return take_field(line, value, out, seen);
}

static void fill_gaps(struct http_head *out)
{
	const char **all[] = { &out->host, &out->origin, &out->fetch_site, &out->authorization,
			       &out->etag };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!*all[i])
			*all[i] = "";
}

int http_head_parse(char *p, size_t n, struct http_head *out)
{
	struct seen seen = { false };
	char *end = p + n - 2; /* of the blank line, which is left out */
	int lines = 0, status = 0;

	*out = (struct http_head){ .path = "", .query = "" };
	while (!status && p < end) {
		char *stop = memmem(p, (size_t)(end - p), "\r\n", 2);

		if (!stop || !is_text(p, (size_t)(stop - p)))
			status = 400;
		else if (lines > HTTP_FIELDS_MAX)
			status = 431;
		if (status)
			break;
		*stop = 0;
		status = lines++ ? take_line(p, out, &seen) : take_request(p, out);
		p = stop + 2;
	}
	fill_gaps(out);
	if (!status && (!lines || !*out->host))
		status = 400;
	return status;
}

/* Paths and queries */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(char *s, bool plus)
{
	char *to = s;

	for (; *s; s++) {
		int high, low;

		if (*s != '%') {
			*to++ = plus && *s == '+' ? ' ' : *s;
			continue;
		}
		high = hex(s[1]);
		low = high < 0 ? -1 : hex(s[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = 0;
	return true;
}

static bool is_part(const char *s)
{
	return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && is_text(s, strlen(s)) &&
	       utf8_valid(s, strlen(s));
}

int http_parts(char *path, const char *part[HTTP_PARTS_MAX])
{
	int n = 0;

	if (*path != '/')
		return -1;
	for (path++; *path; n++) {
		char *next = strchr(path, '/');

		if (n == HTTP_PARTS_MAX)
			return -1;
		if (next)
			*next = 0;
		if (!http_decode(path, false) || !is_part(path))
			return -1;
		part[n] = path;
		if (!next)
			return n + 1;
		path = next + 1;
	}
	return n;
}

int http_parameter(char **query, const char **name, const char **value)
{
	char *at = *query, *end, *equals;

	at += strspn(at, "&");
	if (!*at) {
		*query = at;
		return 0;
	}
	end = at + strcspn(at, "&");
	*query = *end ? end + 1 : end;
	*end = 0;
	equals = strchr(at, '=');
	if (equals)
		*equals++ = 0;
	else
		equals = end;
	*name = at;
	*value = equals;
	if (!http_decode(at, true) || !http_decode(equals, true) || !is_text(at, strlen(at)) ||
	    !is_text(equals, strlen(equals)))
		return -1;
	return utf8_valid(equals, strlen(equals)) ? 1 : -1;
}

const char *http_reason(int status)
{
	static const struct {
		int status;
		const char *words;
	} rows[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 421, "Misdirected Request" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 503, "Service Unavailable" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].status == status)
			return rows[i].words;
	return "Unknown";
}
