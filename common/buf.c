/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

void buf_fini(struct buf *b)
{
	free(b->p);
	memset(b, 0, sizeof(*b));
}

void buf_grow(struct buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap * 2 : 256;

	while (cap < b->n + n)
		cap *= 2;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

static void put_be(struct buf *b, uint64_t v, int bytes)
{
	uint8_t *p = buf_room(b, (size_t)bytes);

	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
	b->n += (size_t)bytes;
}

void buf_u16(struct buf *b, uint16_t v)
{
	put_be(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
	put_be(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
	put_be(b, v, 8);
}

void buf_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_u8(b, (uint8_t)(v | 0x80));
	buf_u8(b, (uint8_t)v);
}

void buf_zstr(struct buf *b, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	buf_varint(b, n);
	buf_put(b, s, n);
	buf_u8(b, 0);
}

void buf_str(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		vsnprintf((char *)buf_room(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void buf_set_u32(struct buf *b, size_t at, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		b->p[at + (size_t)i] = (uint8_t)v;
}

const char *buf_cstr(struct buf *b)
{
	*buf_room(b, 1) = 0;
	return (const char *)b->p;
}

char *buf_take(struct buf *b)
{
	char *s;

	buf_cstr(b);
	s = (char *)b->p;
	memset(b, 0, sizeof(*b));
	return s;
}
