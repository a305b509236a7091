/* SPDX-License-Identifier: Apache-2.0 */
#include "common/wire.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/file.h"
#include "common/mem.h"
#include "common/zip.h"
#include "tests/unit.h"

static const struct process client_process = {
	"nginx", "nginx.service", "c0ffee", "/usr/sbin/nginx", "www-data", "",
};

static struct addr ip(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, &a), 0);
	return a;
}

/* One of each, with values that take every length of varint. */

static struct flow sample_flow(void)
{
	struct flow f = {
		.witness = WITNESS_CLIENT,
		.proto = PROTO_TCP,
		.port = 5432,
		.client = ip("10.0.0.1"),
		.server = ip("2001:db8::7"),
		.scope = 4026531840U,
		.minute = 29454027,
		.first_ms = 1767241620000,
		.last_ms = 1767241679999,
		.c = { .opens = 1,
		       .refused = 127,
		       .timeouts = 128,
		       .unreachable = 16384,
		       .resets = 3,
		       .abandoned = 5,
		       .bytes_to_server = 1ULL << 40,
		       .bytes_to_client = INT64_MAX,
		       .retransmits = 2,
		       .rtt_sum_us = 999,
		       .rtt_n = 1,
		       .has_bytes = true },
		.live = UINT32_MAX,
		.pending = 1,
		.samples_n = 2,
	};

	f.samples[0] = (struct sample){ .client_port = 40000, .start_ms = f.first_ms };
	f.samples[1] = (struct sample){ .client_port = 65535,
					.start_ms = f.first_ms - 5,
					.has_translated = true,
					.translated_port = 1,
					.translated = ip("192.0.2.1") };
	return f;
}

static struct machine *sample_machine(void)
{
	struct machine *m = xcalloc(1, sizeof(*m));

	*m = (struct machine){ .id = "m17",
			       .name = "app02",
			       .os = "Debian",
			       .kernel = "6.1",
			       .arch = "x86_64",
			       .cores = 8,
			       .memory_bytes = 1ULL << 35,
			       .addrs_n = MACHINE_ADDRS };
	for (unsigned i = 0; i < MACHINE_ADDRS; i++)
		m->addrs[i] = i % 2 ? addr_v4(i) : ip("2001:db8::1");
	return m;
}

static void write_sample(struct wire_writer *w)
{
	struct flow f = sample_flow();
	struct machine *m = sample_machine();
	struct listener l = { ip("0.0.0.0"), 443, PROTO_TCP, 7, NULL };
	struct cover c = { f.first_ms, f.last_ms, 17 };
	struct lost lost = { f.first_ms - 100000, f.first_ms, 12345 };
	uint32_t p;

	wire_writer_begin(w, f.first_ms);
	m->addrs_n = 3;
	wire_write_machine(w, m);
	p = wire_write_process(w, &client_process);
	ck_assert_uint_eq(p, 1);
	ck_assert_uint_eq(wire_write_process(w, NULL), 0);
	wire_write_flow(w, &f, p, 0);
	wire_write_listener(w, &l, p);
	wire_write_cover(w, &c);
	wire_write_lost(w, &lost);
	free(m);
}

/* Reads all there is; returns how many records, or -EPROTO. */
static int read_all(const void *p, size_t n, struct wire_record *r)
{
	struct wire_reader reader;
	int records = 0, rc;

	wire_reader_begin(&reader, cur_of(p, n));
	while ((rc = wire_reader_next(&reader, r)) > 0)
		records++;
	wire_reader_fini(&reader);
	return rc < 0 ? rc : records;
}

static void next(struct wire_reader *reader, struct wire_record *r, enum wire_kind kind)
{
	ck_assert_int_eq(wire_reader_next(reader, r), 1);
	ck_assert_int_eq(r->kind, kind);
}

static void check_flow(const struct flow *f)
{
	struct flow want = sample_flow();

	ck_assert_int_eq(f->witness, want.witness);
	ck_assert_int_eq(f->port, want.port);
	ck_assert(addr_eq(&f->client, &want.client) && addr_eq(&f->server, &want.server));
	ck_assert_uint_eq(f->scope, want.scope);
	ck_assert_uint_eq(f->minute, want.minute);
	ck_assert(f->first_ms == want.first_ms && f->last_ms == want.last_ms);
	ck_assert_mem_eq(&f->c, &want.c, sizeof(f->c) - sizeof(uint64_t));
	ck_assert(f->c.has_bytes && f->live == want.live && f->pending == want.pending);
	ck_assert_str_eq(f->client_process->exe, client_process.exe);
	ck_assert_str_eq(f->client_process->container, client_process.container);
	ck_assert_ptr_null(f->server_process);
	ck_assert_uint_eq(f->samples_n, 2);
	ck_assert(f->samples[0].client_port == 40000 && !f->samples[0].has_translated);
	ck_assert_uint_eq(f->samples[1].start_ms, want.samples[1].start_ms);
	ck_assert(addr_eq(&f->samples[1].translated, &want.samples[1].translated));
}

START_TEST(every_record_comes_back)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };
	struct wire_reader reader;

	write_sample(&w);
	ck_assert_uint_eq(w.records, 6);
	wire_reader_begin(&reader, cur_of(w.body.p, w.body.n));
	next(&reader, r, WIRE_R_MACHINE);
	ck_assert_str_eq(r->machine.id, "m17");
	ck_assert(r->machine.cores == 8 && r->machine.addrs_n == 3);
	next(&reader, r, WIRE_R_FLOW);
	check_flow(&r->flow);
	next(&reader, r, WIRE_R_LISTENER);
	ck_assert(r->listener.port == 443 && addr_is_any(&r->listener.addr));
	ck_assert_str_eq(r->listener.process->name, "nginx");
	next(&reader, r, WIRE_R_COVER);
	ck_assert_uint_eq(r->cover.overflow, 17);
	next(&reader, r, WIRE_R_LOST);
	ck_assert_uint_eq(r->lost.records, 12345);
	ck_assert_uint_eq(r->lost.start_ms, sample_flow().first_ms - 100000);
	ck_assert_int_eq(wire_reader_next(&reader, r), 0);
	wire_reader_fini(&reader);
	wire_writer_fini(&w);
	free(r);
}
END_TEST

START_TEST(the_longest_records_fit)
{
	char name[NAME_LEN + 1], path[PATH_LEN + 1];
	const struct process p = { name, name, name, path, name, path };
	struct wire_record *r = xmalloc(sizeof(*r));
	struct machine *m = sample_machine();
	struct wire_writer w = { 0 };

	memset(name, 'n', NAME_LEN);
	memset(path, 'p', PATH_LEN);
	name[NAME_LEN] = path[PATH_LEN] = 0;
	wire_writer_begin(&w, 0);
	m->id = m->name = m->os = m->kernel = m->arch = name;
	wire_write_machine(&w, m);
	ck_assert_uint_eq(wire_write_process(&w, &p), 1);
	ck_assert_int_eq(read_all(w.body.p, w.body.n, r), 1);
	wire_writer_fini(&w);
	free(m);
	free(r);
}
END_TEST

START_TEST(a_full_writer_still_fits_a_frame)
{
	struct wire_batch m = { 1, 1, 0, WIRE_PLAIN, 0, { 0 } };
	struct wire_record *r = xmalloc(sizeof(*r));
	struct machine *machine = sample_machine();
	struct flow f = sample_flow();
	struct wire_writer w = { 0 };
	struct wire_frame frame;
	struct buf b = { 0 };
	size_t used;

	wire_writer_begin(&w, 0);
	while (!wire_writer_full(&w))
		wire_write_flow(&w, &f, 0, 0);
	wire_write_machine(&w, machine);
	m.records = w.records;
	m.raw_length = (uint32_t)w.body.n;
	wire_put_batch(&b, &m, w.body.p, w.body.n);
	ck_assert_int_eq(wire_frame_next(b.p, b.n, &frame, &used), 1);
	ck_assert_uint_eq(used, b.n);
	ck_assert_int_eq(wire_get_batch(frame.body, &m), 0);
	ck_assert_int_eq(read_all(m.body.p, cur_left(&m.body), r), (int)w.records);
	buf_fini(&b);
	wire_writer_fini(&w);
	free(machine);
	free(r);
}
END_TEST

START_TEST(unknown_kinds_and_longer_records_are_skipped)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };
	struct cover c = { 0, 60000, 0 };
	size_t at;

	wire_writer_begin(&w, 0);
	buf_put(&w.body,
		"\xc8\x00\x03"
		"xyz",
		6); /* kind 200 */
	at = w.body.n;
	wire_write_cover(&w, &c);
	buf_put(&w.body, "\x01\x02", 2); /* a field of a later version */
	w.body.p[at + 2] += 2;
	wire_write_cover(&w, &c);
	ck_assert_int_eq(read_all(w.body.p, w.body.n, r), 2);
	wire_writer_fini(&w);
	free(r);
}
END_TEST

/* Whatever is cut off or changed: it ends, and nothing outside is read (the sanitizers look).
 */
START_TEST(no_prefix_of_a_batch_harms)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };

	write_sample(&w);
	for (size_t n = 0; n < w.body.n; n++) {
		uint8_t *copy = xmalloc(n);

		memcpy(copy, w.body.p, n);
		ck_assert_int_lt(read_all(copy, n, r), 5);
		free(copy);
	}
	wire_writer_fini(&w);
	free(r);
}
END_TEST

START_TEST(no_changed_byte_of_a_batch_harms)
{
	struct wire_record *r = xmalloc(sizeof(*r));
	struct wire_writer w = { 0 };

	write_sample(&w);
	for (size_t i = 0; i < w.body.n; i++) {
		for (int v = 1; v < 256; v++) {
			w.body.p[i] ^= (uint8_t)v;
			ck_assert_int_le(read_all(w.body.p, w.body.n, r), 64);
			w.body.p[i] ^= (uint8_t)v;
		}
	}
	wire_writer_fini(&w);
	free(r);
}
END_TEST

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

/* Compressed batches */

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

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, every_record_comes_back);
	tcase_add_test(t, the_longest_records_fit);
	tcase_add_test(t, a_full_writer_still_fits_a_frame);
	tcase_add_test(t, unknown_kinds_and_longer_records_are_skipped);
	tcase_add_test(t, no_prefix_of_a_batch_harms);
	tcase_add_test(t, no_changed_byte_of_a_batch_harms);
	tcase_add_test(t, frames_come_back);
	tcase_add_test(t, damaged_frames_harm_nobody);
	tcase_add_test(t, frame_limits);
	tcase_add_test(t, a_batch_says_its_true_length);
	tcase_add_test(t, what_is_zipped_comes_back);
	tcase_add_test(t, what_does_not_fit_is_sent_plain);
	tcase_add_test(t, one_frame_of_the_declared_length_and_no_other);
	tcase_add_test(t, no_window_takes_memory);
	tcase_add_test(t, a_zipped_batch_keeps_to_its_bounds);
	tcase_add_test(t, seeds_are_written_where_asked);
	return unit_run("wire", t);
}
