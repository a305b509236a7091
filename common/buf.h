/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable bytes to write into: integers, varints, strings, printf.
 *
 * A struct buf is a value: `struct buf b = { 0 };` is ready for use, buf_fini frees it.
 * b.p[0..b.n) is what was written.  Integers are big-endian, as on the wire.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	uint8_t *p;
	size_t n, cap;
};

void buf_fini(struct buf *b);
static inline void buf_reset(struct buf *b)
{
	b->n = 0;
}

/* Room for N bytes more: where they go; whoever writes them adds to b->n. */
void buf_grow(struct buf *b, size_t n);
static inline uint8_t *buf_room(struct buf *b, size_t n)
{
	if (n > b->cap - b->n)
		buf_grow(b, n);
	return b->p + b->n;
}
static inline void buf_put(struct buf *b, const void *p, size_t n)
{
	if (!n)
		return;
	memcpy(buf_room(b, n), p, n);
	b->n += n;
}
static inline void buf_u8(struct buf *b, uint8_t v)
{
	*buf_room(b, 1) = v;
	b->n++;
}
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
/* LEB128: seven bits a byte, least significant first; at most ten bytes. */
void buf_varint(struct buf *b, uint64_t v);
/* varint length, the bytes, and a NUL (not counted); NULL is written as the empty string. */
void buf_zstr(struct buf *b, const char *s);
void buf_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Overwrites the four bytes at AT with V, for a length that is known only afterwards. */
void buf_set_u32(struct buf *b, size_t at, uint32_t v);
/* The bytes as a string (a NUL is kept after them); borrowed until the next change. */
const char *buf_cstr(struct buf *b);
/* The caller owns what is returned, a string; B is empty afterwards. */
char *buf_take(struct buf *b);

#endif
