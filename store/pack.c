/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/cur.h"

enum { FORMAT = 1, SUM_AT = 1 + 4 };

/* In the order of the struct, so that a mask can speak of them. */
_Static_assert(AMOUNT_N <= 63, "one bit each");

static uint64_t folded(int64_t v)
{
	return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unfolded(uint64_t v)
{
	return (int64_t)(v >> 1 ^ -(v & 1));
}

/* Fletcher's, over words of four bytes, the last filled up with zeros. */
static uint64_t sum_of(const uint8_t *p, size_t n)
{
	uint64_t a = 1, b = 0;
	uint32_t word;

	for (; n >= sizeof(word); p += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		a += word;
		b += a;
	}
	word = 0;
	memcpy(&word, p, n);
	a += word;
	b += a;
	return b << 32 ^ a;
}

static void put_row(struct buf *out, const struct pack_row *row, int64_t before)
{
	int64_t v[AMOUNT_N];
	uint64_t mask = 0;

	memcpy(v, &row->a, sizeof(v));
	for (int i = 0; i < AMOUNT_N; i++)
		mask |= (uint64_t)(v[i] != 0) << i;
	buf_varint(out, (uint64_t)row->edge - (uint64_t)before);
	buf_varint(out, mask);
	for (int i = 0; i < AMOUNT_N; i++)
		if (v[i])
			buf_varint(out, folded(v[i]));
}

void pack_seal(uint8_t *p, size_t n)
{
	uint64_t sum = sum_of(p + PACK_HEAD, n - PACK_HEAD);

	for (int i = 0; i < 8; i++)
		p[SUM_AT + i] = (uint8_t)(sum >> (56 - 8 * i));
}

void pack_write(struct buf *out, const struct pack_row *rows, size_t n)
{
	size_t head = out->n;

	buf_u8(out, FORMAT);
	buf_u32(out, (uint32_t)n);
	buf_u64(out, 0);
	for (size_t i = 0; i < n; i++)
		put_row(out, &rows[i], i ? rows[i - 1].edge : 0);
	pack_seal(out->p + head, out->n - head);
}

int pack_begin(struct pack_reader *r, const void *p, size_t n)
{
	struct cur c = cur_of(p, n);
	uint8_t format = cur_u8(&c);
	uint32_t rows = cur_u32(&c);
	uint64_t sum = cur_u64(&c);

	if (c.bad || format != FORMAT || sum != sum_of(c.p, cur_left(&c)))
		return -EBADMSG;
	*r = (struct pack_reader){ .p = c.p, .end = c.end, .left = rows };
	return 0;
}

enum { VARINT = 10, ROW = (AMOUNT_N + 2) * VARINT };

/* Of the eight bytes of W the seven low bits of each, closed up. */
static inline uint64_t close_up(uint64_t w)
{
	w = (w & 0x007f007f007f007f) | (w & 0x7f007f007f007f00) >> 1;
	w = (w & 0x00003fff00003fff) | (w & 0x3fff00003fff0000) >> 2;
	return (w & 0x0fffffff) | (w & 0x0fffffff00000000) >> 4;
}

/* As cur_varint, which is not inline: this is read by the hundred million. */
static int varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t b = *(*p)++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return 0;
		}
	}
	return -EBADMSG;
}

/*
 * ROOMY: there are bytes enough for the largest row, so that eight may be read at once.  Most
 * are of one byte or two, and which of them is guessed right.
 */
static inline int next(const uint8_t **p, const uint8_t *end, bool roomy, uint64_t *out)
{
	uint64_t w, last;
	unsigned bits;

	if (!roomy)
		return varint(p, end, out);
	memcpy(&w, *p, sizeof(w));
	w = le64toh(w);
	if (!(w & 0x80)) {
		*out = w & 0x7f;
		*p += 1;
		return 0;
	}
	if (!(w & 0x8000)) {
		*out = (w & 0x7f) | (w >> 1 & 0x3f80);
		*p += 2;
		return 0;
	}
	last = ~w & 0x8080808080808080;
	if (!last)
		return varint(p, end, out);
	bits = (unsigned)__builtin_ctzll(last) + 1;
	*out = close_up(w & UINT64_MAX >> (64 - bits));
	*p += bits / 8;
	return 0;
}

/* The edge of a row and which amounts follow. */
static inline int read_key(struct pack_reader *r, bool roomy, uint64_t *mask)
{
	uint64_t step;

	if (next(&r->p, r->end, roomy, &step) || next(&r->p, r->end, roomy, mask) ||
	    *mask >> AMOUNT_N || !step || step > (uint64_t)(INT64_MAX - r->edge))
		return -EBADMSG;
	r->left--;
	r->edge += (int64_t)step;
	return 0;
}

static inline int add_amounts(struct pack_reader *r, bool roomy, uint64_t mask, int64_t *to)
{
	uint64_t word;

	for (; mask; mask &= mask - 1) {
		if (next(&r->p, r->end, roomy, &word))
			return -EBADMSG;
		amount_plus(&to[__builtin_ctzll(mask)], unfolded(word));
	}
	return 0;
}

static inline int read_row(struct pack_reader *r, bool roomy, struct pack_row *row)
{
	uint64_t mask;

	*row = (struct pack_row){ 0 };
	if (read_key(r, roomy, &mask) || add_amounts(r, roomy, mask, &row->a.records))
		return -EBADMSG;
	row->edge = r->edge;
	return 1;
}

static inline bool is_roomy(const struct pack_reader *r)
{
	return r->end - r->p >= ROW;
}

static int at_end(const struct pack_reader *r)
{
	return r->p == r->end ? 0 : -EBADMSG;
}

int pack_next(struct pack_reader *r, struct pack_row *row)
{
	if (!r->left)
		return at_end(r);
	return is_roomy(r) ? read_row(r, true, row) : read_row(r, false, row);
}

static inline int sum_row(struct pack_reader *r, bool roomy, struct places *of,
			  struct amounts *sum)
{
	struct amounts nobody = { 0 };
	uint64_t mask;
	size_t at;

	if (read_key(r, roomy, &mask))
		return -EBADMSG;
	at = places_of(of, r->edge);
	return add_amounts(r, roomy, mask,
			   at == SIZE_MAX ? &nobody.records : &sum[at].records);
}

int pack_sum(const void *p, size_t n, struct places *of, struct amounts *sum)
{
	struct pack_reader r;
	int rc = pack_begin(&r, p, n);

	while (!rc && r.left)
		rc = is_roomy(&r) ? sum_row(&r, true, of, sum) : sum_row(&r, false, of, sum);
	return rc ? rc : at_end(&r);
}
