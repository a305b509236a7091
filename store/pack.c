/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include <errno.h>
#include <string.h>

#include "common/cur.h"

enum { FORMAT = 1, HEAD = 1 + 4 + 8 };

/* In the order of the struct, so that a mask can speak of them. */
_Static_assert(AMOUNT_N <= 63, "one bit each");

static uint64_t folded(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
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

void pack_write(struct buf *out, const struct pack_row *rows, size_t n)
{
	size_t head = out->n;
	uint64_t sum;

	buf_u8(out, FORMAT);
	buf_u32(out, (uint32_t)n);
	buf_u64(out, 0);
	for (size_t i = 0; i < n; i++)
		put_row(out, &rows[i], i ? rows[i - 1].edge : 0);
	sum = sum_of(out->p + head + HEAD, out->n - head - HEAD);
	buf_set_u32(out, head + 5, (uint32_t)(sum >> 32));
	buf_set_u32(out, head + 9, (uint32_t)sum);
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

/* As cur_varint, which is not inline: this is read by the hundred million. */
static inline int varint(const uint8_t **p, const uint8_t *end, bool roomy, uint64_t *out)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && (roomy || *p < end); shift += 7) {
		uint8_t b = *(*p)++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return 0;
		}
	}
	return -EBADMSG;
}

/* ROOMY: there are bytes enough for the largest row, so none is asked for. */
static inline int read_row(struct pack_reader *r, struct pack_row *row, bool roomy)
{
	int64_t v[AMOUNT_N] = { 0 };
	uint64_t step, mask, word;
	const uint8_t *p = r->p;

	if (varint(&p, r->end, roomy, &step) || varint(&p, r->end, roomy, &mask) ||
	    mask >> AMOUNT_N || !step || step > (uint64_t)(INT64_MAX - r->edge))
		return -EBADMSG;
	for (; mask; mask &= mask - 1) {
		if (varint(&p, r->end, roomy, &word))
			return -EBADMSG;
		v[__builtin_ctzll(mask)] = unfolded(word);
	}
	r->p = p;
	r->left--;
	r->edge += (int64_t)step;
	row->edge = r->edge;
	memcpy(&row->a, v, sizeof(v));
	return 1;
}

int pack_next(struct pack_reader *r, struct pack_row *row)
{
	if (!r->left)
		return r->p == r->end ? 0 : -EBADMSG;
	return r->end - r->p >= ROW ? read_row(r, row, true) : read_row(r, row, false);
}
