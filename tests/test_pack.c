/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include <errno.h>
#include <string.h>

#include "tests/unit.h"

enum { ROWS = 500 };

static struct pack_row row_of(unsigned i)
{
	struct pack_row r = { .edge = 1 + (int64_t)i * (i % 7 + 1) * 13 };

	r.a.records = i % 3;
	r.a.opens = (int64_t)i << i % 40;
	r.a.bytes_to_server = i % 5 ? -(int64_t)i : INT64_MIN;
	r.a.bytes_n = i % 11 ? 0 : INT64_MAX;
	return r;
}

static size_t fill(struct pack_row *rows)
{
	size_t n = 0;

	for (unsigned i = 0; i < ROWS; i++) {
		struct pack_row r = row_of(i);

		if (!n || r.edge > rows[n - 1].edge)
			rows[n++] = r;
	}
	return n;
}

static int read_all(const void *p, size_t n, struct pack_row *rows, size_t *got)
{
	struct pack_reader r;
	int rc = pack_begin(&r, p, n);

	for (*got = 0; !rc && (rc = pack_next(&r, &rows[*got])) > 0; rc = 0)
		++*got;
	return rc;
}

START_TEST(what_is_written_is_read)
{
	struct pack_row in[ROWS], out[ROWS + 1];
	size_t n = fill(in), got;
	struct buf b = { 0 };

	pack_write(&b, in, n);
	ck_assert_int_eq(read_all(b.p, b.n, out, &got), 0);
	ck_assert_uint_eq(got, n);
	ck_assert(memcmp(in, out, n * sizeof(*in)) == 0);
	buf_reset(&b);
	pack_write(&b, in, 0);
	ck_assert_int_eq(read_all(b.p, b.n, out, &got), 0);
	ck_assert_uint_eq(got, 0);
	buf_fini(&b);
}
END_TEST

/* A row of a busy hour: half of what SQLite needs for it. */
START_TEST(it_is_small)
{
	struct pack_row rows[ROWS];
	struct buf b = { 0 };

	for (unsigned i = 0; i < ROWS; i++)
		rows[i] = (struct pack_row){ 1 + 3 * i,
					     { .records = 60,
					       .opens = 700,
					       .bytes_to_server = 1 << 20,
					       .bytes_to_client = 1 << 27,
					       .rtt_sum_us = 70000,
					       .rtt_n = 70,
					       .bytes_n = 60 } };
	pack_write(&b, rows, ROWS);
	ck_assert_uint_lt(b.n, 22 * ROWS);
	buf_fini(&b);
}
END_TEST

START_TEST(no_prefix_and_no_flip_passes)
{
	struct pack_row in[ROWS], out[ROWS + 1];
	size_t n = fill(in), got;
	struct buf b = { 0 };

	pack_write(&b, in, n);
	for (size_t len = 0; len < b.n; len++)
		ck_assert_int_eq(read_all(b.p, len, out, &got), -EBADMSG);
	for (size_t at = 0; at < b.n; at++)
		for (int bit = 0; bit < 8; bit++) {
			b.p[at] ^= (uint8_t)(1 << bit);
			ck_assert_int_eq(read_all(b.p, b.n, out, &got), -EBADMSG);
			b.p[at] ^= (uint8_t)(1 << bit);
		}
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pack");

	tcase_add_test(t, what_is_written_is_read);
	tcase_add_test(t, it_is_small);
	tcase_add_test(t, no_prefix_and_no_flip_passes);
	return unit_run("pack", t);
}
