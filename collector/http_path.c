/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http_path.h"

#include <string.h>

#include "common/utf8.h"

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

bool http_is_text(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return false;
	return true;
}

static bool is_part(const char *s)
{
	return *s && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 && http_is_text(s) &&
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
	if (!http_decode(at, true) || !http_decode(equals, true) || !http_is_text(at) ||
	    !http_is_text(equals))
		return -1;
	return utf8_valid(equals, strlen(equals)) ? 1 : -1;
}
