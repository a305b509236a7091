/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/pcapng.h"

#include "tests/capkit.h"

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

START_TEST(all_blocks)
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
START_TEST(unpadded_length)
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

START_TEST(times)
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
START_TEST(resolutions)
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

START_TEST(lies)
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

START_TEST(options_that_lie)
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

START_TEST(section_of_another_version)
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

START_TEST(interfaces_are_of_a_section)
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

START_TEST(interface_cap)
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

START_TEST(large_frames)
{
	char at[64];

	begin(false);
	section(false);
	interface(ETHERNET, 0, 9, 0);
	enhanced(0, 1, 600000, 600000);
	enhanced(0, 2, CAPFILE_FRAME_MAX, CAPFILE_FRAME_MAX);
	unknown(5, 9 << 20); /* larger than what is kept */
	enhanced(0, 3, 9, 9);
	enhanced(0, 4, CAPFILE_FRAME_MAX + 1, CAPFILE_FRAME_MAX + 1);
	read_file();
	ck_assert_uint_eq(got.n, 3);
	expect(0, ETHERNET, 1, 600000, 600000);
	expect(1, ETHERNET, 2, CAPFILE_FRAME_MAX, CAPFILE_FRAME_MAX);
	expect(2, ETHERNET, 3, 9, 9);
	snprintf(at, sizeof(at), "damaged at byte %zu: ", file.start[3]);
	expect_error(-EBADMSG, at);
}
END_TEST

/* Many windows of packets: none lost where one window ends. */
START_TEST(many_windows)
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

START_TEST(damage)
{
	for (int big = 0; big < 2; big++) {
		mixed_short(big);
		cut_everywhere(28);
		flip_everywhere();
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("pcapng");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, all_blocks);
	tcase_add_test(t, unpadded_length);
	tcase_add_test(t, times);
	tcase_add_test(t, resolutions);
	tcase_add_test(t, lies);
	tcase_add_test(t, options_that_lie);
	tcase_add_test(t, section_of_another_version);
	tcase_add_test(t, interfaces_are_of_a_section);
	tcase_add_test(t, interface_cap);
	tcase_add_test(t, large_frames);
	tcase_add_test(t, many_windows);
	tcase_add_test(t, damage);
	return unit_run("pcapng", t);
}
