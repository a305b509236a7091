/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/mem.h"
#include "common/wire_record.h"
#include "common/zip.h"
#include "tests/samplekit.h"
#include "tests/unit.h"

/* As a sensor sends it: the sample's records, compressed. */
static void put_zipped(struct buf *b)
{
	struct wire_batch m = { 9, 8, 0, WIRE_ZSTD, 0, { 0 } };
	struct wire_writer w = { 0 };
	struct buf zipped = { 0 };

	write_sample(&w);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	ck_assert_int_eq(zip(w.body.p, w.body.n, &zipped), 0);
	wire_put_batch(b, &m, zipped.p, zipped.n);
	wire_writer_fini(&w);
	buf_fini(&zipped);
}

enum { FRAMES = 8 };

static void put_frames(struct buf *b)
{
	struct wire_hello hello = { 1, 2, 3, 4, 5, "skein-sensor 0.1.0" };
	struct wire_welcome welcome = { 1, 2, 3, 4, 8, 6, "skein-collector 0.1.0" };
	struct wire_ack ack = { UINT64_MAX, 7, 8 };
	struct wire_error error = { WIRE_E_BUSY, "later" };
	struct wire_enroll enroll = { "token", "request", "host" };
	struct wire_cert cert = { "s-1", "cert", "ca" };
	struct wire_batch batch = { 1, 2, 3, WIRE_PLAIN, 4, { 0 } };

	wire_put_hello(b, &hello);
	wire_put_welcome(b, &welcome);
	wire_put_ack(b, &ack);
	wire_put_error(b, &error);
	wire_put_enroll(b, &enroll);
	wire_put_cert(b, &cert);
	wire_put_batch(b, &batch, "body", 4);
	put_zipped(b);
}

static struct unzip *unzipper;

/* As the collector takes it. */
static int decode_batch(struct cur body)
{
	struct wire_record *r;
	struct wire_batch m;
	uint8_t *raw;
	int rc;

	if (wire_get_batch(body, &m) < 0)
		return -EPROTO;
	if (m.encoding == WIRE_PLAIN)
		return 0;
	ck_assert_uint_le(m.raw_length, WIRE_BODY_MAX);
	if (!unzipper)
		unzipper = unzip_new();
	raw = xmalloc(m.raw_length);
	r = xmalloc(sizeof(*r));
	rc = unzip(unzipper, m.body, raw, m.raw_length);
	if (rc == 0)
		read_all(raw, m.raw_length, r);
	free(raw);
	free(r);
	return rc;
}

static int decode(const struct wire_frame *f)
{
	union {
		struct wire_hello hello;
		struct wire_welcome welcome;
		struct wire_ack ack;
		struct wire_error error;
		struct wire_enroll enroll;
		struct wire_cert cert;
	} m;

	switch (f->type) {
	case WIRE_HELLO:
		return wire_get_hello(f->body, &m.hello);
	case WIRE_WELCOME:
		return wire_get_welcome(f->body, &m.welcome);
	case WIRE_BATCH:
		return decode_batch(f->body);
	case WIRE_ACK:
		return wire_get_ack(f->body, &m.ack);
	case WIRE_ERROR:
		return wire_get_error(f->body, &m.error);
	case WIRE_ENROLL:
		return wire_get_enroll(f->body, &m.enroll);
	case WIRE_CERT:
		return wire_get_cert(f->body, &m.cert);
	}
	return -EPROTO;
}

/* How many frames of P[0..N) decode before the first that does not. */
static int decode_all(const uint8_t *p, size_t n)
{
	struct wire_frame f;
	size_t used;
	int good = 0;

	while (wire_frame_next(p, n, &f, &used) > 0 && decode(&f) == 0) {
		p += used;
		n -= used;
		good++;
	}
	return good;
}

START_TEST(frames_come_back)
{
	struct buf b = { 0 };
	struct wire_hello hello;
	struct wire_frame f;
	size_t used;

	put_frames(&b);
	ck_assert_int_eq(decode_all(b.p, b.n), FRAMES);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), 1);
	ck_assert_int_eq(wire_get_hello(f.body, &hello), 0);
	ck_assert(hello.minor == 1 && hello.capabilities == 2 && hello.boot == 3);
	ck_assert(hello.epoch == 4 && hello.clock_ms == 5);
	ck_assert_str_eq(hello.program, "skein-sensor 0.1.0");
	ck_assert(hello.acked == 0 && hello.kept == 0);
	buf_fini(&b);
}
END_TEST

START_TEST(damaged_frames_harm_nobody)
{
	struct buf b = { 0 };

	put_frames(&b);
	for (size_t n = 0; n < b.n; n++) {
		uint8_t *copy = xmalloc(n);

		memcpy(copy, b.p, n);
		ck_assert_int_lt(decode_all(copy, n), FRAMES);
		free(copy);
	}
	for (size_t i = 0; i < b.n; i++) {
		for (int v = 1; v < 256; v++) {
			b.p[i] ^= (uint8_t)v;
			ck_assert_int_le(decode_all(b.p, b.n), FRAMES);
			b.p[i] ^= (uint8_t)v;
		}
	}
	buf_fini(&b);
}
END_TEST

START_TEST(frame_limits)
{
	static const struct {
		uint32_t length;
		int want;
	} cases[] = {
		{ 0, -EPROTO },
		{ 1, -EPROTO },
		{ 2, 1 },
		{ 3, 0 },
		{ WIRE_FRAME_MAX, 0 },
		{ WIRE_FRAME_MAX + 1, -EPROTO },
		{ UINT32_MAX, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = { 0 };
		struct wire_frame f;
		size_t used;

		buf_u32(&b, cases[i].length);
		buf_u16(&b, 0);
		ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), cases[i].want);
		for (size_t n = 0; n < 4; n++)
			ck_assert_int_eq(wire_frame_next(b.p, n, &f, &used), 0);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(a_batch_says_its_true_length)
{
	struct wire_batch m = { 1, 1, 1, WIRE_PLAIN, 5, { 0 } };
	struct wire_frame f;
	struct buf b = { 0 };
	size_t used;

	wire_put_batch(&b, &m, "body", 4);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), 1);
	ck_assert_int_eq(wire_get_batch(f.body, &m), -EPROTO);
	buf_fini(&b);
}
END_TEST

START_TEST(a_zipped_batch_keeps_to_its_bounds)
{
	static const struct {
		uint8_t encoding;
		uint32_t raw;
		size_t n;
		int want;
	} cases[] = {
		{ WIRE_ZSTD, 400, 4, 0 },
		{ WIRE_ZSTD, 401, 4, -EPROTO }, /* more than 100 to 1 */
		{ WIRE_ZSTD, WIRE_BODY_MAX, 16384, 0 },
		{ WIRE_ZSTD, WIRE_BODY_MAX + 1, 16384, -EPROTO },
		{ WIRE_ZSTD, UINT32_MAX, 16384, -EPROTO },
		{ WIRE_ZSTD, 1, 0, -EPROTO },
		{ WIRE_PLAIN, 4, 4, 0 },
		{ WIRE_PLAIN, 3, 4, -EPROTO },
		{ 2, 4, 4, -EPROTO }, /* no such encoding */
		{ 255, 4, 4, -EPROTO },
	};
	uint8_t *body = xcalloc(1, 16384);

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wire_batch m = { 1, 1, 1, cases[i].encoding, cases[i].raw, { 0 } };
		struct buf b = { 0 };
		struct wire_frame f;
		size_t used;

		wire_put_batch(&b, &m, body, cases[i].n);
		ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), 1);
		ck_assert_int_eq(wire_get_batch(f.body, &m), cases[i].want);
		buf_fini(&b);
	}
	free(body);
}
END_TEST

static void write_seed(const char *dir, const char *name, const struct buf *b)
{
	char *path = file_path(dir, name);

	ck_assert_int_eq(file_replace(path, 0644, b->p, b->n, NULL), 0);
	free(path);
}

/* The fuzzer's seeds: all frames, a batch with a record of each kind, and its records alone.
 */
START_TEST(seeds_are_written_where_asked)
{
	const char *dir = getenv("SKEIN_SEEDS");
	struct wire_batch m = { 1, 1, 0, WIRE_PLAIN, 0, { 0 } };
	struct buf frames = { 0 }, batch = { 0 }, body = { 0 }, zipped = { 0 };
	struct wire_writer w = { 0 };

	if (!dir)
		return;
	put_frames(&frames);
	write_sample(&w);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&batch, &m, w.body.p, w.body.n);
	buf_u8(&body, 0xff);
	buf_put(&body, w.body.p, w.body.n);
	write_seed(dir, "frames", &frames);
	write_seed(dir, "batch", &batch);
	put_zipped(&zipped);
	write_seed(dir, "zipped", &zipped);
	buf_fini(&zipped);
	write_seed(dir, "records", &body);
	wire_writer_fini(&w);
	buf_fini(&frames);
	buf_fini(&batch);
	buf_fini(&body);
}
END_TEST

/* Only who says that it does tells its place; then it must. */
START_TEST(a_greeting_tells_a_place_or_does_not)
{
	struct wire_hello m = { 1, WIRE_HAS_PLACE | 1, 3, 4, 5, "p", 1000, 900 }, got;
	struct buf b = { 0 };
	struct wire_frame f;
	struct cur c;
	size_t used;

	wire_put_hello(&b, &m);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), 1);
	ck_assert_int_eq(wire_get_hello(f.body, &got), 0);
	ck_assert(got.acked == 1000 && got.kept == 900);
	for (size_t n = 1; n <= 16; n++) {
		c = cur_of(b.p + WIRE_HEAD, b.n - WIRE_HEAD - n);
		ck_assert_int_lt(wire_get_hello(c, &got), 0);
	}
	buf_reset(&b);
	m.capabilities = 1;
	wire_put_hello(&b, &m);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &f, &used), 1);
	ck_assert_int_eq(wire_get_hello(f.body, &got), 0);
	ck_assert(got.acked == 0 && got.kept == 0);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, frames_come_back);
	tcase_add_test(t, damaged_frames_harm_nobody);
	tcase_add_test(t, frame_limits);
	tcase_add_test(t, a_batch_says_its_true_length);
	tcase_add_test(t, a_zipped_batch_keeps_to_its_bounds);
	tcase_add_test(t, a_greeting_tells_a_place_or_does_not);
	tcase_add_test(t, seeds_are_written_where_asked);
	return unit_run("wire", t);
}
