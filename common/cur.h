/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over bytes from a stranger.  Every read checks what is left; the first that falls
 * short sets `bad`, returns zero, and so do all later ones: a decoder reads on and asks once,
 * at the end, whether it was good.  Integers are big-endian.
 */
#ifndef COMMON_CUR_H
#define COMMON_CUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cur {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct cur cur_of(const void *p, size_t n)
{
	return (struct cur){ .p = p, .end = (const uint8_t *)p + n };
}
static inline size_t cur_left(const struct cur *c)
{
	return (size_t)(c->end - c->p);
}

/* 0, or -EPROTO if anything was bad. */
int cur_verdict(const struct cur *c);
/* N bytes and past them, or NULL. */
const uint8_t *cur_take(struct cur *c, size_t n);
uint8_t cur_u8(struct cur *c);
uint16_t cur_u16(struct cur *c);
uint32_t cur_u32(struct cur *c);
uint64_t cur_u64(struct cur *c);
uint64_t cur_varint(struct cur *c);
/* As cur_varint; more than MAX is bad. */
uint64_t cur_varint_max(struct cur *c, uint64_t max);
/* The next N bytes as a cursor of their own (bad if they are not there). */
struct cur cur_sub(struct cur *c, size_t n);
/*
 * A string written by buf_zstr: borrowed from the bytes, with its NUL.  Longer than MAX bytes,
 * with a NUL inside, or without one at the end is bad and gives "".
 */
const char *cur_zstr(struct cur *c, size_t max);

#endif
