/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files made for tests: written piece by piece into `file`, read back into `got`, cut
 * and changed everywhere.  A frame's first byte is 0x10 times its number, the rest counts on.
 */
#ifndef TESTS_CAPKIT_H
#define TESTS_CAPKIT_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/mem.h"
#include "sensor/mirror/capfile.h"
#include "tests/unit.h"

enum { MAX = 16, US = 0xa1b2c3d4, NS = 0xa1b23c4d, KUZNETZOV = 0xa1b2cd34 };
enum { ETHERNET = 1, RAW = 101, SECOND = 1700000000 };

static char dir[] = "/tmp/skein-capfile-XXXXXX";
static char path[sizeof(dir) + 8];

/* A file being written, in either byte order, and where its records begin and end. */
static struct {
	struct buf b;
	bool big;
	unsigned n;
	size_t start[MAX], end[MAX];
} file;

/* What was read of one. */
static struct {
	int rc;
	unsigned n;
	struct err e;
	struct frame_in f[MAX];
	uint8_t first[MAX], last[MAX];
} got;

static inline void u16(uint16_t v)
{
	v = file.big ? __builtin_bswap16(v) : v;
	buf_put(&file.b, &v, 2);
}

static inline void u32(uint32_t v)
{
	v = file.big ? __builtin_bswap32(v) : v;
	buf_put(&file.b, &v, 4);
}

static inline void u64(uint64_t v)
{
	v = file.big ? __builtin_bswap64(v) : v;
	buf_put(&file.b, &v, 8);
}

static inline void bytes(size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		buf_u8(&file.b, (uint8_t)(first + i));
}

static inline void begin(bool big)
{
	buf_reset(&file.b);
	file.big = big;
	file.n = 0;
}

static inline void record(size_t start)
{
	ck_assert_uint_lt(file.n, MAX);
	file.start[file.n] = start;
	file.end[file.n++] = file.b.n;
}

static inline void pcap_head(uint32_t magic, uint32_t link)
{
	u32(magic);
	u16(2);
	u16(4);
	u32(0);
	u32(0);
	u32(65535);
	u32(link);
}

static inline void pcap_record(uint32_t magic, uint32_t sec, uint32_t part, uint32_t cap,
			       uint32_t len)
{
	size_t start = file.b.n;

	u32(sec);
	u32(part);
	u32(cap);
	u32(len);
	if (magic == KUZNETZOV) {
		u32(1);
		u32(0);
	}
	bytes(cap, (uint8_t)(0x10 * file.n));
	record(start);
}

static inline size_t block(uint32_t type)
{
	size_t start = file.b.n;

	u32(type);
	u32(0);
	return start;
}

static inline void block_end(size_t start)
{
	uint32_t len;

	bytes(-(file.b.n - start) & 3, 0);
	len = (uint32_t)(file.b.n - start) + 4;
	u32(len);
	len = file.big ? __builtin_bswap32(len) : len;
	memcpy(file.b.p + start + 4, &len, 4);
}

static inline void section(bool big)
{
	size_t at;

	file.big = big;
	at = block(0x0a0d0d0a);
	u32(0x1a2b3c4d);
	u16(1);
	u16(0);
	u64(UINT64_MAX);
	block_end(at);
}

static inline void interface(uint16_t link, uint32_t snap, int resolution, int64_t offset)
{
	size_t at = block(1);

	u16(link);
	u16(0);
	u32(snap);
	u16(2); /* if_name, padded */
	u16(5);
	buf_put(&file.b, "eth0\0\0\0", 8);
	if (resolution >= 0) {
		u16(9);
		u16(1);
		buf_u8(&file.b, (uint8_t)resolution);
		bytes(3, 0);
	}
	if (offset) {
		u16(14);
		u16(8);
		u64((uint64_t)offset);
	}
	u32(0);
	block_end(at);
}

static inline void enhanced(uint32_t interface_id, uint64_t t, uint32_t cap, uint32_t len)
{
	size_t at = block(6);

	u32(interface_id);
	u32((uint32_t)(t >> 32));
	u32((uint32_t)t);
	u32(cap);
	u32(len);
	bytes(cap, (uint8_t)(0x10 * file.n));
	block_end(at);
	record(at);
}

static inline void old_packet(uint16_t interface_id, uint64_t t, uint32_t cap, uint32_t len)
{
	size_t at = block(2);

	u16(interface_id);
	u16(3); /* drops */
	u32((uint32_t)(t >> 32));
	u32((uint32_t)t);
	u32(cap);
	u32(len);
	bytes(cap, (uint8_t)(0x10 * file.n));
	block_end(at);
	record(at);
}

static inline void simple(uint32_t there, uint32_t len)
{
	size_t at = block(3);

	u32(len);
	bytes(there, (uint8_t)(0x10 * file.n));
	block_end(at);
	record(at);
}

static inline void unknown(uint32_t type, size_t n)
{
	size_t at = block(type);

	bytes(n, 7);
	block_end(at);
}

static inline void save(const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void read_path(const char *name)
{
	struct frame_in f;
	struct capfile *c;

	memset(&got, 0, sizeof(got));
	c = capfile_open(name, &got.e);
	if (!c) {
		got.rc = got.e.code;
		ck_assert_int_lt(got.rc, 0);
		return;
	}
	while ((got.rc = capfile_next(c, &f, &got.e)) == 1 && got.n < MAX) {
		ck_assert_uint_le(f.cap, CAPFILE_FRAME_MAX);
		ck_assert_uint_ge(f.len, f.cap);
		if (f.cap) {
			got.first[got.n] = f.p[0];
			got.last[got.n] = f.p[f.cap - 1];
		}
		got.f[got.n++] = f;
	}
	ck_assert_int_le(got.rc, 0);
	ck_assert(got.rc == 0 || (got.e.code == got.rc && got.e.msg[0]));
	ck_assert_int_eq(capfile_next(c, &f, NULL), 0); /* one error, then nothing */
	capfile_close(c);
}

static inline void read_bytes(const void *p, size_t n)
{
	save(p, n);
	read_path(path);
}

static inline void read_file(void)
{
	read_bytes(file.b.p, file.b.n);
}

static inline void expect(unsigned i, uint32_t link, uint64_t ns, uint32_t cap, uint32_t len)
{
	ck_assert_uint_lt(i, got.n);
	ck_assert_uint_eq(got.f[i].link, link);
	ck_assert_uint_eq(got.f[i].time_ns, ns);
	ck_assert_uint_eq(got.f[i].cap, cap);
	ck_assert_uint_eq(got.f[i].len, len);
	if (cap) {
		ck_assert_uint_eq(got.first[i], (uint8_t)(0x10 * i));
		ck_assert_uint_eq(got.last[i], (uint8_t)(0x10 * i + cap - 1));
	}
}

static inline void expect_error(int code, const char *words)
{
	ck_assert_int_eq(got.rc, code);
	ck_assert_msg(strstr(got.e.msg, words), "\"%s\" is not in \"%s\"", words, got.e.msg);
}

/* How many records of the file end at or before N. */
static inline unsigned whole(size_t n)
{
	unsigned i = 0;

	while (i < file.n && file.end[i] <= n)
		i++;
	return i;
}

static inline void check_same(unsigned n, const struct frame_in *was)
{
	for (unsigned i = 0; i < n; i++)
		expect(i, was[i].link, was[i].time_ns, was[i].cap, was[i].len);
}

/* Cut at every length: what is whole comes out, and an error unless it was cut between. */
static inline void cut_everywhere(size_t head)
{
	struct frame_in was[MAX];

	read_file();
	ck_assert_uint_eq(got.n, file.n);
	memcpy(was, got.f, sizeof(was));
	for (size_t n = head; n < file.b.n; n++) {
		char words[128];
		unsigned i = whole(n);

		read_bytes(file.b.p, n);
		ck_assert_uint_eq(got.n, i);
		check_same(i, was);
		if (got.rc == 0)
			continue;
		ck_assert_uint_gt(n, i ? file.end[i - 1] : head);
		snprintf(words, sizeof(words), "%s: cut at byte %zu inside a record", path, n);
		expect_error(-EBADMSG, words);
	}
	for (size_t n = 0; n < head; n++) {
		read_bytes(file.b.p, n);
		ck_assert_int_eq(got.rc, -EBADMSG);
		ck_assert_uint_eq(got.n, 0);
	}
}

/* Every byte changed: what lies before it comes out. */
static inline void flip_everywhere(void)
{
	static const uint8_t flip[] = { 0x01, 0x80, 0xff };
	struct frame_in was[MAX];

	read_file();
	memcpy(was, got.f, sizeof(was));
	for (size_t n = 0; n < file.b.n * 3; n++) {
		size_t at = n / 3;
		unsigned i = whole(at);

		file.b.p[at] ^= flip[n % 3];
		read_file();
		ck_assert_uint_ge(got.n, i);
		check_same(i, was);
		file.b.p[at] ^= flip[n % 3];
	}
}

/* As mixed(), without the large block. */
static inline void mixed_short(bool big)
{
	begin(big);
	section(big);
	interface(ETHERNET, 64, -1, 0);
	interface(RAW, 0, 9, 100);
	enhanced(0, 1000001, 21, 1500);
	unknown(4, 9);
	old_packet(1, 2000002, 13, 40);
	simple(64, 100);
	section(!big);
	interface(RAW, 0, 0x80 | 10, 0);
	enhanced(0, 3 << 10 | 512, 21, 21);
}

static inline void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
}

static inline void tear_down(void)
{
	unlink(path);
	rmdir(dir);
	buf_fini(&file.b);
}

#endif
