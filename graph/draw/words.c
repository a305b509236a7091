/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/draw/words.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/fact.h"
#include "common/utf8.h"

enum { REPLACEMENT = 0xfffd };

static uint32_t next_char(const char **s, const char *end)
{
	uint32_t c;
	size_t n = utf8_next(*s, (size_t)(end - *s), &c);

	*s += n ? n : 1;
	return n ? c : REPLACEMENT;
}

/* Neither a control nor zero-width, forbidden in XML, or of a private plane. */
static bool is_plain(uint32_t c)
{
	static const uint32_t bad[][2] = {
		{ 0xad, 0xad },	    { 0x61c, 0x61c },	  { 0x180e, 0x180e },
		{ 0x200b, 0x200f }, { 0x2060, 0x206f },	  { 0xfeff, 0xfeff },
		{ 0xfff0, 0xffff }, { 0x1fffe, 0x1ffff }, { 0xe0000, 0x10ffff },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (c >= bad[i][0] && c <= bad[i][1])
			return false;
	return !utf8_control(c);
}

/*
 * Entities are right in HTML-like labels and in plain strings alike, since Graphviz reads them
 * in both.  After that it looks for escapes such as \N, also in both, so a backslash is two.
 */
static void put_safe(struct buf *b, uint32_t c)
{
	if (!is_plain(c))
		c = REPLACEMENT;
	if (c == '\\')
		buf_str(b, "&#92;&#92;");
	else if (c < 0x80 && strchr("&<>\"'", (int)c))
		buf_printf(b, "&#%u;", c);
	else
		utf8_put(b, c);
}

static size_t length(const char *s, const char *end, size_t cap)
{
	size_t n = 0;

	for (; s < end && n <= cap; n++)
		next_char(&s, end);
	return n;
}

void words_text(struct buf *b, const char *s, size_t cap)
{
	const char *end = s + strlen(s);
	size_t n = length(s, end, cap), keep = n > cap ? cap - 1 : n;

	for (size_t i = 0; i < keep; i++)
		put_safe(b, next_char(&s, end));
	if (n > cap)
		buf_str(b, "…");
}

void words_id(struct buf *b, const char *prefix, const char *s)
{
	buf_str(b, prefix);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '.' || c == '-')
			buf_u8(b, c);
		else
			buf_printf(b, "_%02X", c);
	}
}

void words_count(struct buf *b, uint64_t n)
{
	static const struct {
		uint64_t unit;
		char letter;
	} units[] = {
		{ 1000000000000, 'T' }, { 1000000000, 'G' }, { 1000000, 'M' }, { 1000, 'k' }
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t u = units[i].unit;

		if (n < u)
			continue;
		if (n < 10 * u && n % u >= u / 10)
			buf_printf(b, "%" PRIu64 ".%" PRIu64 "%c", n / u, n % u / (u / 10),
				   units[i].letter);
		else
			buf_printf(b, "%" PRIu64 "%c", n / u, units[i].letter);
		return;
	}
	buf_printf(b, "%" PRIu64, n);
}

void words_number(struct buf *b, uint64_t n, const char *one, const char *many)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_u8(b, ',');
		buf_u8(b, (uint8_t)digits[i]);
	}
	buf_printf(b, " %s", n == 1 ? one : many);
}

void words_rate(struct buf *b, uint64_t n, double days)
{
	double rate = days < 1 ? (double)n : (double)n / days;

	if (n && rate < 1)
		buf_str(b, "&#60;1");
	else
		words_count(b, (uint64_t)llround(rate));
	buf_str(b, days < 1 ? " in all" : "/day");
}

void words_port(struct buf *b, uint16_t port, uint8_t proto)
{
	if (port)
		buf_printf(b, ":%u", port);
	else
		buf_str(b, ":dynamic");
	if (proto == PROTO_UDP)
		buf_str(b, "/udp");
}

static void put_time(struct buf *b, const char *format, const struct tm *tm)
{
	char text[64];
	size_t n = strftime(text, sizeof(text), format, tm);

	buf_put(b, text, n);
}

void words_period(struct buf *b, int64_t first, int64_t last, int local)
{
	time_t from = (time_t)first, to = (time_t)last;
	struct tm f, t;
	bool same_day, brief = last - first < 600;

	memset(&f, 0, sizeof(f));
	memset(&t, 0, sizeof(t));
	if (local ? !localtime_r(&from, &f) || !localtime_r(&to, &t)
		  : !gmtime_r(&from, &f) || !gmtime_r(&to, &t))
		return;
	same_day = f.tm_year == t.tm_year && f.tm_yday == t.tm_yday;
	put_time(b, brief ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &f);
	buf_str(b, " – ");
	if (!same_day)
		put_time(b, "%Y-%m-%d ", &t);
	put_time(b, brief ? "%H:%M:%S" : "%H:%M", &t);
	put_time(b, local ? " %Z" : " UTC", &t);
}
