/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cur.h"

#include <errno.h>
#include <string.h>

int cur_verdict(const struct cur *c)
{
	return c->bad ? -EPROTO : 0;
}

const uint8_t *cur_take(struct cur *c, size_t n)
{
	const uint8_t *p = c->p;

	if (c->bad || cur_left(c) < n) {
		c->bad = true;
		return NULL;
	}
	c->p += n;
	return p;
}

static uint64_t take_be(struct cur *c, size_t n)
{
	const uint8_t *p = cur_take(c, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

uint8_t cur_u8(struct cur *c)
{
	return (uint8_t)take_be(c, 1);
}

uint16_t cur_u16(struct cur *c)
{
	return (uint16_t)take_be(c, 2);
}

uint32_t cur_u32(struct cur *c)
{
	return (uint32_t)take_be(c, 4);
}

uint64_t cur_u64(struct cur *c)
{
	return take_be(c, 8);
}

uint64_t cur_varint(struct cur *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = cur_take(c, 1);

		if (!p)
			return 0;
		if (shift == 63 && *p > 1)
			break;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

uint64_t cur_varint_max(struct cur *c, uint64_t max)
{
	uint64_t v = cur_varint(c);

	if (v > max) {
		c->bad = true;
		return 0;
	}
	return v;
}

struct cur cur_sub(struct cur *c, size_t n)
{
	const uint8_t *p = cur_take(c, n);

	if (!p)
		return (struct cur){ .bad = true };
	return cur_of(p, n);
}

const char *cur_zstr(struct cur *c, size_t max)
{
	uint64_t n = cur_varint_max(c, max);
	const uint8_t *p = cur_take(c, n + 1);

	if (!p || memchr(p, 0, n + 1) != p + n) {
		c->bad = true;
		return "";
	}
	return (const char *)p;
}
