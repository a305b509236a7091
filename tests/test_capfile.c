/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/capfile.h"

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

static void u16(uint16_t v)
{
	v = file.big ? __builtin_bswap16(v) : v;
	buf_put(&file.b, &v, 2);
}

static void u32(uint32_t v)
{
	v = file.big ? __builtin_bswap32(v) : v;
	buf_put(&file.b, &v, 4);
}

static void u64(uint64_t v)
{
	v = file.big ? __builtin_bswap64(v) : v;
	buf_put(&file.b, &v, 8);
}

static void bytes(size_t n, uint8_t first)
{
	for (size_t i = 0; i < n; i++)
		buf_u8(&file.b, (uint8_t)(first + i));
}

static void begin(bool big)
{
	buf_reset(&file.b);
	file.big = big;
	file.n = 0;
}

static void record(size_t start)
{
	ck_assert_uint_lt(file.n, MAX);
	file.start[file.n] = start;
	file.end[file.n++] = file.b.n;
}

static void pcap_head(uint32_t magic, uint32_t link)
{
	u32(magic);
	u16(2);
	u16(4);
	u32(0);
	u32(0);
	u32(65535);
	u32(link);
}

static void pcap_record(uint32_t magic, uint32_t sec, uint32_t part, uint32_t cap,
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

static size_t block(uint32_t type)
{
	size_t start = file.b.n;

	u32(type);
	u32(0);
	return start;
}

static void block_end(size_t start)
{
	uint32_t len;

	bytes(-(file.b.n - start) & 3, 0);
	len = (uint32_t)(file.b.n - start) + 4;
	u32(len);
	len = file.big ? __builtin_bswap32(len) : len;
	memcpy(file.b.p + start + 4, &len, 4);
}

static void section(bool big)
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

static void interface(uint16_t link, uint32_t snap, int resolution, int64_t offset)
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

static void enhanced(uint32_t interface_id, uint64_t t, uint32_t cap, uint32_t len)
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

static void old_packet(uint16_t interface_id, uint64_t t, uint32_t cap, uint32_t len)
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

static void simple(uint32_t there, uint32_t len)
{
	size_t at = block(3);

	u32(len);
	bytes(there, (uint8_t)(0x10 * file.n));
	block_end(at);
	record(at);
}

static void unknown(uint32_t type, size_t n)
{
	size_t at = block(type);

	bytes(n, 7);
	block_end(at);
}

static void save(const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static void read_path(const char *name)
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

static void read_bytes(const void *p, size_t n)
{
	save(p, n);
	read_path(path);
}

static void read_file(void)
{
	read_bytes(file.b.p, file.b.n);
}

static void expect(unsigned i, uint32_t link, uint64_t ns, uint32_t cap, uint32_t len)
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

static void expect_error(int code, const char *words)
{
	ck_assert_int_eq(got.rc, code);
	ck_assert_msg(strstr(got.e.msg, words), "\"%s\" is not in \"%s\"", words, got.e.msg);
}

static void three(uint32_t magic, bool big)
{
	begin(big);
	pcap_head(magic, ETHERNET);
	pcap_record(magic, SECOND, 123456, 60, 1500);
	pcap_record(magic, 0xf0000000, 999999, 7, 7); /* after 2038 */
	pcap_record(magic, SECOND, 0, 20, 10);	      /* more there than there was */
}

START_TEST(pcap_variants)
{
	static const uint32_t magic[] = { US, NS, KUZNETZOV };

	for (unsigned i = 0; i < 6; i++) {
		uint32_t m = magic[i / 2];
		uint64_t part = m == NS ? 1 : 1000;

		three(m, i % 2);
		read_file();
		ck_assert_int_eq(got.rc, 0);
		ck_assert_uint_eq(got.n, 3);
		expect(0, ETHERNET, SECOND * UINT64_C(1000000000) + 123456 * part, 60, 1500);
		expect(1, ETHERNET, 0xf0000000 * UINT64_C(1000000000) + 999999 * part, 7, 7);
		/* libpcap takes the shorter of the two for what Kuznetzov's files have */
		ck_assert_uint_eq(got.f[2].time_ns, SECOND * UINT64_C(1000000000));
		if (m != KUZNETZOV)
			expect(2, ETHERNET, SECOND * UINT64_C(1000000000), 20, 20);
	}
}
END_TEST

START_TEST(links_are_those_of_files)
{
	static const uint32_t link[][2] = { { 101, 101 }, { 12, 101 },	{ 14, 101 },
					    { 113, 113 }, { 276, 276 }, { 228, 228 },
					    { 229, 229 }, { 0, 0 },	{ 108, 108 },
					    { 9, 9 },	  { 51, 51 },	{ 239, 239 } };

	for (unsigned i = 0; i < sizeof(link) / sizeof(link[0]); i++) {
		begin(false);
		pcap_head(NS, link[i][0]);
		pcap_record(NS, 1, 2, 20, 20);
		read_file();
		expect(0, link[i][1], 1000000002, 20, 20);
		begin(i % 2);
		section(i % 2);
		interface((uint16_t)link[i][0], 0, 9, 0);
		enhanced(0, 1000000002, 20, 20);
		read_file();
		expect(0, link[i][1], 1000000002, 20, 20);
	}
}
END_TEST

/* Everything that is read of pcapng, among what is skipped. */
static void mixed(void)
{
	begin(false);
	section(false);
	unknown(0x80000bad, 70001);
	interface(ETHERNET, 64, -1, 0);
	interface(RAW, 0, 9, 100);
	enhanced(0, 1000001, 61, 1500);
	enhanced(1, 7, 20, 20);
	unknown(4, 40);
	old_packet(0, 2000002, 33, 40);
	simple(64, 100);
	simple(10, 10);
	section(true);
	interface(RAW, 0, 0x80 | 10, 0);
	enhanced(0, 3 << 10 | 512, 21, 21);
	old_packet(0, 1 << 10, 0, 0);
	section(false);
	interface(ETHERNET, 0, 3, -1);
	enhanced(0, 5001, 1, 9);
}

START_TEST(pcapng_blocks)
{
	mixed();
	read_file();
	ck_assert_str_eq(got.e.msg, "");
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 8);
	expect(0, ETHERNET, 1000001000, 61, 1500);
	expect(1, RAW, 100000000007, 20, 20);
	expect(2, ETHERNET, 2000002000, 33, 40);
	expect(3, ETHERNET, 2000002000, 64, 100); /* cut by the snap length */
	expect(4, ETHERNET, 2000002000, 10, 10);  /* padding is none of it */
	expect(5, RAW, 3500000000, 21, 21);
	expect(6, RAW, 1000000000, 0, 0);
	expect(7, ETHERNET, 4001000000, 1, 9);
}
END_TEST

/* The writers that leave the padding out of a block's length. */
START_TEST(pcapng_unpadded_length)
{
	uint32_t len = 32 + 5;

	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	enhanced(0, 1, 5, 5);
	enhanced(0, 2, 6, 6);
	memcpy(file.b.p + file.start[0] + 4, &len, 4);
	memcpy(file.b.p + file.end[0] - 4, &len, 4);
	read_file();
	ck_assert_int_eq(got.rc, 0);
	expect(0, ETHERNET, 1, 5, 5);
	expect(1, ETHERNET, 2, 6, 6);
}
END_TEST

static uint64_t time_of(uint8_t resolution, uint64_t units, int64_t offset)
{
	begin(false);
	section(false);
	interface(ETHERNET, 0, resolution, offset);
	enhanced(0, units, 4, 4);
	read_file();
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 1);
	return got.f[0].time_ns;
}

START_TEST(pcapng_times)
{
	ck_assert_uint_eq(time_of(0, 5, 0), 5000000000);
	ck_assert_uint_eq(time_of(6, 5, 0), 5000);
	ck_assert_uint_eq(time_of(9, UINT64_MAX, 0), UINT64_MAX);
	ck_assert_uint_eq(time_of(8, UINT64_MAX, 0), UINT64_MAX); /* beyond 2554 */
	ck_assert_uint_eq(time_of(12, 5999, 0), 5);
	ck_assert_uint_eq(time_of(28, UINT64_MAX, 0), 1);
	ck_assert_uint_eq(time_of(29, UINT64_MAX, 0), 0);
	ck_assert_uint_eq(time_of(127, UINT64_MAX, 0), 0);
	ck_assert_uint_eq(time_of(0x80, 5, 0), 5000000000);
	ck_assert_uint_eq(time_of(0x80 | 32, UINT64_C(3) << 31, 0), 1500000000);
	ck_assert_uint_eq(time_of(0x80 | 64, UINT64_MAX, 0), 999999999);
	ck_assert_uint_eq(time_of(0xff, UINT64_MAX, 0), 0);
	ck_assert_uint_eq(time_of(9, 5, 1), 1000000005);
	ck_assert_uint_eq(time_of(9, 2000000005, -2), 5);
	ck_assert_uint_eq(time_of(9, 5, -1), 0); /* before 1970 */
	ck_assert_uint_eq(time_of(9, 5, INT64_MIN), 0);
	ck_assert_uint_eq(time_of(0, UINT64_MAX, INT64_MAX), UINT64_MAX);
}
END_TEST

/* Every power, both ways, the largest number of units: only that nothing is undefined. */
START_TEST(pcapng_resolutions)
{
	for (unsigned r = 0; r < 256; r++) {
		time_of((uint8_t)r, UINT64_MAX, INT64_MAX);
		time_of((uint8_t)r, UINT64_MAX, INT64_MIN);
	}
}
END_TEST

/* A good packet, then one four-byte field of the second replaced. */
static void lie(size_t at, uint32_t v)
{
	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	enhanced(0, 1, 8, 8);
	enhanced(0, 2, 8, 8);
	memcpy(file.b.p + file.start[1] + at, &v, 4);
	read_file();
	ck_assert_uint_ge(got.n, 1);
	expect(0, ETHERNET, 1, 8, 8);
}

START_TEST(pcapng_lies)
{
	char at[64];

	lie(4, 0);
	expect_error(-EBADMSG, "length that cannot be");
	snprintf(at, sizeof(at), "damaged at byte %zu:", file.start[1]);
	expect_error(-EBADMSG, at);
	lie(4, 11);
	expect_error(-EBADMSG, "length that cannot be");
	lie(4, UINT32_MAX);
	expect_error(-EBADMSG, "length that cannot be");
	lie(4, 28);
	expect_error(-EBADMSG, "shorter than its kind");
	lie(4, 0x7ffffff0);
	expect_error(-EBADMSG, "larger than any frame");
	lie(4, 44);
	expect_error(-EBADMSG, "cut at byte");
	lie(36, 41);
	expect_error(-EBADMSG, "two lengths differ");
	lie(8, 1);
	expect_error(-EBADMSG, "not described");
	lie(20, 9);
	expect_error(-EBADMSG, "longer than its block");
	lie(20, UINT32_MAX);
	expect_error(-EBADMSG, "longer than its block");
	lie(0, 0x0a0d0d0a);
	expect_error(-EBADMSG, "without a byte order");
	lie(0, 77); /* another block: skipped */
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 1);
	lie(24, 3); /* shorter on the wire than what is there */
	expect(1, ETHERNET, 2, 8, 8);
}
END_TEST

START_TEST(pcapng_bad_options)
{
	size_t at;

	begin(false);
	section(false);
	at = block(1);
	u16(ETHERNET);
	u16(0);
	u32(0);
	u16(9);
	u16(400);
	u32(0);
	block_end(at);
	enhanced(0, 1, 8, 8);
	read_file();
	expect_error(-EBADMSG, "option that is longer");
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

START_TEST(pcapng_section_of_another_version)
{
	size_t at;

	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	enhanced(0, 1, 8, 8);
	at = file.b.n;
	section(false);
	file.b.p[at + 12] = 2;
	read_file();
	ck_assert_uint_eq(got.n, 1);
	expect_error(-EBADMSG, "version 2.0");
	read_bytes(file.b.p + at, file.b.n - at);
	expect_error(-EBADMSG, "version 2.0");
}
END_TEST

START_TEST(pcapng_interfaces_are_of_a_section)
{
	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	section(false);
	simple(8, 8);
	read_file();
	expect_error(-EBADMSG, "not described");
}
END_TEST

START_TEST(pcapng_interface_cap)
{
	begin(false);
	section(false);
	for (unsigned i = 0; i < CAPFILE_INTERFACES; i++)
		interface((uint16_t)i, 0, 9, 0);
	enhanced(CAPFILE_INTERFACES - 1, 1, 8, 8);
	interface(ETHERNET, 0, 9, 0);
	read_file();
	ck_assert_uint_eq(got.n, 1);
	expect(0, CAPFILE_INTERFACES - 1, 1, 8, 8);
	expect_error(-EBADMSG, "more interfaces");
}
END_TEST

START_TEST(pcapng_large_frames)
{
	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	enhanced(0, 1, 600000, 600000);
	enhanced(0, 2, CAPFILE_FRAME_MAX, CAPFILE_FRAME_MAX);
	enhanced(0, 3, 9, 9);
	enhanced(0, 4, CAPFILE_FRAME_MAX + 1, CAPFILE_FRAME_MAX + 1);
	read_file();
	ck_assert_uint_eq(got.n, 3);
	expect(0, ETHERNET, 1, 600000, 600000);
	expect(1, ETHERNET, 2, CAPFILE_FRAME_MAX, CAPFILE_FRAME_MAX);
	expect(2, ETHERNET, 3, 9, 9);
	ck_assert_int_eq(got.rc, -EBADMSG);
}
END_TEST

/* Many windows of packets: none lost where one window ends. */
START_TEST(pcapng_long)
{
	struct frame_in f;
	struct capfile *c;
	uint64_t done, all;
	unsigned n = 0;

	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	for (unsigned i = 0; i < 20000; i++) {
		enhanced(0, i, 60 + i % 131, 200);
		file.n = 0;
	}
	save(file.b.p, file.b.n);
	c = capfile_open(path, NULL);
	ck_assert_ptr_nonnull(c);
	for (; capfile_next(c, &f, NULL) == 1; n++) {
		ck_assert_uint_eq(f.time_ns, n);
		ck_assert_uint_eq(f.cap, 60 + n % 131);
		ck_assert_uint_eq(f.p[0], 0);
		ck_assert_uint_eq(f.p[f.cap - 1], f.cap - 1);
	}
	ck_assert_uint_eq(n, 20000);
	capfile_progress(c, &done, &all);
	ck_assert_uint_eq(done, file.b.n);
	ck_assert_uint_eq(all, file.b.n);
	capfile_close(c);
}
END_TEST

/* How many records of the file end at or before N. */
static unsigned whole(size_t n)
{
	unsigned i = 0;

	while (i < file.n && file.end[i] <= n)
		i++;
	return i;
}

static void check_same(unsigned n, const struct frame_in *was)
{
	for (unsigned i = 0; i < n; i++)
		expect(i, was[i].link, was[i].time_ns, was[i].cap, was[i].len);
}

/* Cut at every length: what is whole comes out, and an error unless it was cut between. */
static void cut_everywhere(size_t head)
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
static void flip_everywhere(void)
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

START_TEST(pcap_damage)
{
	static const uint32_t magic[] = { US, NS, KUZNETZOV };

	for (unsigned i = 0; i < 6; i++) {
		three(magic[i / 2], i % 2);
		file.b.n = file.end[1]; /* the third lies on purpose */
		file.n = 2;
		cut_everywhere(24);
		flip_everywhere();
	}
}
END_TEST

/* As mixed(), without the large block. */
static void mixed_short(bool big)
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

START_TEST(pcapng_damage)
{
	for (int big = 0; big < 2; big++) {
		mixed_short(big);
		cut_everywhere(28);
		flip_everywhere();
	}
}
END_TEST

START_TEST(pcap_records_that_lie)
{
	uint32_t big = 0x10000000;
	char words[128];

	three(US, false);
	memcpy(file.b.p + file.start[1] + 8, &big, 4);
	read_file();
	ck_assert_uint_eq(got.n, 1);
	snprintf(words, sizeof(words), "%s: damaged before byte %zu: ", path,
		 file.start[1] + 16);
	expect_error(-EBADMSG, words);
}
END_TEST

START_TEST(no_captures)
{
	read_bytes("", 0);
	expect_error(-EBADMSG, "empty, not a capture file (pcap or pcapng)");
	read_bytes("ab", 2);
	expect_error(-EBADMSG, ": not a capture file (pcap or pcapng)");
	read_bytes("<html>\n", 7);
	expect_error(-EBADMSG, ": not a capture file (pcap or pcapng)");
	read_bytes("\x1f\x8b\x08\0\0\0", 6);
	expect_error(-EBADMSG, "compressed; try: zcat ");
	expect_error(-EBADMSG, "| skein-sensor --read -");
	read_bytes("\x28\xb5\x2f\xfd", 4);
	expect_error(-EBADMSG, "zstdcat");
	three(US, false);
	file.b.p[4] = 9;
	read_file();
	expect_error(-EBADMSG, "not a capture file that can be read");
	unlink(path);
	read_path(path);
	expect_error(-ENOENT, path);
	read_path(dir);
	expect_error(-EISDIR, dir);
}
END_TEST

START_TEST(headers_alone_are_fine)
{
	begin(false);
	pcap_head(US, ETHERNET);
	read_file();
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 0);
	begin(true);
	section(true);
	read_file();
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 0);
}
END_TEST

/* Through a pipe, a byte at a time at first. */
static void read_piped(void)
{
	int fd[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		for (size_t i = 0; i < file.b.n; i++)
			if (write(fd[1], file.b.p + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fd[1]);
	ck_assert_int_eq(dup2(fd[0], STDIN_FILENO), STDIN_FILENO);
	close(fd[0]);
	read_path("-");
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(standard_input)
{
	three(NS, false);
	read_piped();
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 3);
	expect(0, ETHERNET, SECOND * UINT64_C(1000000000) + 123456, 60, 1500);
	three(NS, false);
	file.b.n -= 5;
	read_piped();
	ck_assert_uint_eq(got.n, 2);
	expect_error(-EBADMSG, "standard input: cut at byte ");
	mixed_short(true);
	read_piped();
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.n, 4);
	mixed_short(true);
	file.b.p[file.b.n - 1] ^= 1;
	read_piped();
	ck_assert_uint_eq(got.n, 3);
	expect_error(-EBADMSG, "standard input: damaged at byte ");
}
END_TEST

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/f", dir);
}

static void tear_down(void)
{
	unlink(path);
	rmdir(dir);
	buf_fini(&file.b);
}

int main(void)
{
	TCase *t = tcase_create("capfile");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, pcap_variants);
	tcase_add_test(t, links_are_those_of_files);
	tcase_add_test(t, pcap_damage);
	tcase_add_test(t, pcap_records_that_lie);
	tcase_add_test(t, pcapng_blocks);
	tcase_add_test(t, pcapng_unpadded_length);
	tcase_add_test(t, pcapng_times);
	tcase_add_test(t, pcapng_resolutions);
	tcase_add_test(t, pcapng_lies);
	tcase_add_test(t, pcapng_bad_options);
	tcase_add_test(t, pcapng_section_of_another_version);
	tcase_add_test(t, pcapng_interfaces_are_of_a_section);
	tcase_add_test(t, pcapng_interface_cap);
	tcase_add_test(t, pcapng_large_frames);
	tcase_add_test(t, pcapng_long);
	tcase_add_test(t, pcapng_damage);
	tcase_add_test(t, no_captures);
	tcase_add_test(t, headers_alone_are_fine);
	tcase_add_test(t, standard_input);
	return unit_run("capfile", t);
}
