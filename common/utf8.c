/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include <wchar.h>

/* Length by the first byte, 0 for one that begins nothing. */
static size_t utf8_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_next(const char *p, size_t n, uint32_t *cp)
{
	static const uint32_t floor_of[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *b = (const uint8_t *)p;
	size_t len = utf8_length(b[0]);
	uint32_t v;

	if (len == 1) {
		*cp = b[0];
		return 1;
	}
	if (!len || len > n)
		return 0;
	v = b[0] & (0xffu >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (b[i] & 0x3f);
	}
	if (v < floor_of[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*cp = v;
	return len;
}

bool utf8_valid(const char *p, size_t n)
{
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		len = (uint8_t)p[i] < 0x80 ? 1 : utf8_next(p + i, n - i, &cp);
		if (!len)
			return false;
	}
	return true;
}

void utf8_put(struct buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		buf_u8(b, (uint8_t)cp);
		return;
	}
	if (cp < 0x800) {
		buf_u8(b, (uint8_t)(0xc0 | cp >> 6));
	} else {
		if (cp < 0x10000) {
			buf_u8(b, (uint8_t)(0xe0 | cp >> 12));
		} else {
			buf_u8(b, (uint8_t)(0xf0 | cp >> 18));
			buf_u8(b, (uint8_t)(0x80 | (cp >> 12 & 0x3f)));
		}
		buf_u8(b, (uint8_t)(0x80 | (cp >> 6 & 0x3f)));
	}
	buf_u8(b, (uint8_t)(0x80 | (cp & 0x3f)));
}

void utf8_clean(struct buf *b, const char *p, size_t n)
{
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_next(p + i, n - i, &cp);
		if (len)
			buf_put(b, p + i, len);
		else
			buf_str(b, UTF8_REPLACEMENT);
	}
}

bool utf8_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0x200e || cp == 0x200f || cp == 0x061c ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

static void show_control(struct buf *b, uint32_t cp)
{
	if (cp == '\n')
		buf_str(b, "\\n");
	else if (cp == '\r')
		buf_str(b, "\\r");
	else if (cp == '\t')
		buf_str(b, "\\t");
	else if (cp < 0x80)
		buf_printf(b, "\\x%02x", cp);
	else
		buf_printf(b, "\\u%04x", cp);
}

void utf8_show(struct buf *b, const char *p, size_t n)
{
	uint32_t cp;
	size_t len;

	for (size_t i = 0; i < n; i += len ? len : 1) {
		len = utf8_next(p + i, n - i, &cp);
		if (!len)
			buf_str(b, UTF8_REPLACEMENT);
		else if (utf8_control(cp))
			show_control(b, cp);
		else
			buf_put(b, p + i, len);
	}
}

unsigned utf8_width(uint32_t cp)
{
	int w;

	if (cp < 0x7f)
		return 1;
	w = wcwidth((wchar_t)cp);
	return w < 0 ? 1 : (unsigned)w;
}
