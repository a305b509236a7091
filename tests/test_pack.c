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

/* As amount_add of each row would, at the place of its edge; one that has none is left out. */
START_TEST(rows_are_added_where_their_edges_are)
{
	struct pack_row in[ROWS];
	static struct amounts sum[ROWS], want[ROWS];
	struct places of = { 0 };
	size_t n = fill(in);
	struct buf b = { 0 };

	memset(sum, 0, sizeof(sum));
	memset(want, 0, sizeof(want));
	pack_write(&b, in, n);
	for (size_t i = 0; i < n; i++)
		if (i % 5)
			places_add(&of, in[i].edge);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(pack_sum(b.p, b.n, &of, sum), 0);
		for (size_t i = 0, at = 0; i < n; i++)
			if (i % 5)
				amount_add(&want[at++], &in[i].a);
	}
	ck_assert(memcmp(sum, want, sizeof(sum)) == 0);
	b.p[b.n - 1] ^= 1;
	ck_assert_int_eq(pack_sum(b.p, b.n, &of, sum), -EBADMSG);
	places_fini(&of);
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
	tcase_add_test(t, rows_are_added_where_their_edges_are);
	tcase_add_test(t, no_prefix_and_no_flip_passes);
	return unit_run("pack", t);
}
