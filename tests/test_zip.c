/* SPDX-License-Identifier: Apache-2.0 */
#include "common/zip.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/mem.h"
#include "common/wire.h"
#include "tests/unit.h"

static struct cur body_of(const struct buf *b)
{
	return cur_of(b->p, b->n);
}

START_TEST(what_is_zipped_comes_back)
{
	struct unzip *u = unzip_new();
	struct buf raw = { 0 }, zipped = { 0 };
	uint8_t *out;

	for (unsigned i = 0; raw.n < WIRE_BODY_MAX - 1; i++) /* about 4 to 1 */
		buf_u8(&raw, (uint8_t)(i * i % 251 ^ i / 999));
	out = xmalloc(raw.n);
	for (size_t n = 64; n <= raw.n; n = n * 3 < raw.n || n == raw.n ? n * 3 : raw.n) {
		buf_reset(&zipped);
		if (zip(raw.p, n, &zipped) < 0)
			continue; /* no shorter */
		ck_assert_uint_lt(zipped.n, n);
		ck_assert_int_eq(unzip(u, body_of(&zipped), out, n), 0);
		ck_assert_mem_eq(out, raw.p, n);
		ck_assert_int_eq(unzip(u, body_of(&zipped), out, n - 1), -EPROTO);
	}
	ck_assert_uint_gt(zipped.n, 0);
	free(out);
	buf_fini(&raw);
	buf_fini(&zipped);
	unzip_free(u);
}
END_TEST

/* Nothing is zipped that a receiver would refuse, or that gains nothing. */
START_TEST(what_does_not_fit_is_sent_plain)
{
	struct buf zeroes = { 0 }, noise = { 0 }, out = { 0 };

	for (unsigned i = 0; i < 1 << 18; i++)
		buf_u8(&zeroes, 0);
	for (uint32_t i = 0, x = 1; i < 1000; i++, x = x * 1664525 + 1013904223)
		buf_u8(&noise, (uint8_t)(x >> 24));
	ck_assert_int_eq(zip(zeroes.p, zeroes.n, &out), -E2BIG);
	ck_assert_int_eq(zip(noise.p, noise.n, &out), -E2BIG);
	ck_assert_int_eq(zip(noise.p, 0, &out), -E2BIG);
	ck_assert_uint_eq(out.n, 0);
	buf_fini(&zeroes);
	buf_fini(&noise);
	buf_fini(&out);
}
END_TEST

/* A frame by the library's other ways: parameters P and V, then the content. */
static void zip_with(struct buf *out, ZSTD_cParameter p, int v, const void *raw, size_t n)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	uint8_t room[4096];
	size_t got;

	ZSTD_CCtx_setParameter(c, p, v);
	got = ZSTD_compress2(c, room, sizeof(room), raw, n);
	ck_assert(!ZSTD_isError(got));
	buf_put(out, room, got);
	ZSTD_freeCCtx(c);
}

static int unzips(const struct buf *b, size_t n)
{
	struct unzip *u = unzip_new();
	uint8_t *out = xmalloc(n + 1);
	int rc = unzip(u, body_of(b), out, n);

	free(out);
	unzip_free(u);
	return rc;
}

START_TEST(one_frame_of_the_declared_length_and_no_other)
{
	static const char text[] =
		"what a sensor says, what a sensor says, what a sensor says";
	static const uint8_t skipped[] = { 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x' };
	size_t n = sizeof(text);
	struct buf b = { 0 };

	zip_with(&b, ZSTD_c_checksumFlag, 1, text, n);
	ck_assert_int_eq(unzips(&b, n), 0);
	ck_assert_int_eq(unzips(&b, n + 1), -EPROTO);
	ck_assert_int_eq(unzips(&b, n - 1), -EPROTO);
	b.p[b.n - 1] ^= 1; /* the checksum */
	ck_assert_int_eq(unzips(&b, n), -EPROTO);
	buf_reset(&b);
	zip_with(&b, ZSTD_c_contentSizeFlag, 0, text, n); /* its length is not in it */
	ck_assert_int_eq(unzips(&b, n), -EPROTO);
	buf_reset(&b);
	zip_with(&b, ZSTD_c_checksumFlag, 0, text, n);
	buf_put(&b, skipped, sizeof(skipped)); /* bytes behind it, and before it */
	ck_assert_int_eq(unzips(&b, n), -EPROTO);
	buf_reset(&b);
	buf_put(&b, skipped, sizeof(skipped));
	zip_with(&b, ZSTD_c_checksumFlag, 0, text, n);
	ck_assert_int_eq(unzips(&b, n), -EPROTO);
	buf_reset(&b);
	zip_with(&b, ZSTD_c_checksumFlag, 0, text, n / 2); /* two that add up */
	zip_with(&b, ZSTD_c_checksumFlag, 0, text + n / 2, n - n / 2);
	ck_assert_int_eq(unzips(&b, n), -EPROTO);
	buf_fini(&b);
}
END_TEST

/* A header that asks for a window of 2 GiB gets the output's few bytes. */
START_TEST(no_window_takes_memory)
{
	static const uint8_t frame[] = {
		0x28,	 0xb5, 0x2f, 0xfd, /* magic */
		0x40,			   /* content size of two bytes, a window follows */
		21 << 3,		   /* 1 << (10 + 21) */
		0x10,	 0x00,		   /* 256 + 16 */
		0x83,	 0x08, 0x00,	   /* the last block, 272 times */
		'a',
	};
	struct buf b = { 0 };
	uint8_t *p;

	buf_put(&b, frame, sizeof(frame));
	ck_assert_int_eq(unzips(&b, 272), 0);
	p = b.p + 5;
	for (int log = 0; log < 256; log++) {
		*p = (uint8_t)log;
		unzips(&b, 272);
	}
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, what_is_zipped_comes_back);
	tcase_add_test(t, what_does_not_fit_is_sent_plain);
	tcase_add_test(t, one_frame_of_the_declared_length_and_no_other);
	tcase_add_test(t, no_window_takes_memory);
	return unit_run("zip", t);
}
