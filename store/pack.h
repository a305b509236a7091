/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many rows of one hour or day as one string of bytes, a fifth of their room and a twentieth
 * of the time to read them.
 *
 *     u8 1, u32 rows, u64 sum of what follows, then for each row, by edge:
 *     varint edge - edge before, varint mask of the amounts that are not 0 (in the order of
 *     struct amounts, the first is bit 0), and those, each a varint with its sign in bit 0
 */
#ifndef STORE_PACK_H
#define STORE_PACK_H

#include <stddef.h>

#include "common/buf.h"
#include "store/amount.h"
#include "store/place.h"

struct pack_row {
	int64_t edge; /* from 1 */
	struct amounts a;
};

/* Appends N rows to OUT; edges ascend, and each is there once. */
void pack_write(struct buf *out, const struct pack_row *rows, size_t n);

/* Puts the sum of the N bytes at P, PACK_HEAD at least, in its place among them. */
enum { PACK_HEAD = 1 + 4 + 8 };
void pack_seal(uint8_t *p, size_t n);

struct pack_reader {
	const uint8_t *p, *end;
	uint32_t left;
	int64_t edge;
};

/* 0, or -EBADMSG for bytes that are no rows, or not those that were written. */
int pack_begin(struct pack_reader *r, const void *p, size_t n);
/* 1 with a row, 0 at the end, -EBADMSG. */
int pack_next(struct pack_reader *r, struct pack_row *row);
/*
 * Adds each row to SUM at the place of its edge, where it has one: a third of the time.  0, or
 * -EBADMSG, with some rows added.
 */
int pack_sum(const void *p, size_t n, struct places *of, struct amounts *sum);

#endif
