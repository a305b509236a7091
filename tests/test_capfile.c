/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/capfile.h"

#include "tests/capkit.h"

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

int main(void)
{
	TCase *t = tcase_create("capfile");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, pcap_variants);
	tcase_add_test(t, links_are_those_of_files);
	tcase_add_test(t, pcap_damage);
	tcase_add_test(t, pcap_records_that_lie);
	tcase_add_test(t, no_captures);
	tcase_add_test(t, headers_alone_are_fine);
	tcase_add_test(t, standard_input);
	return unit_run("capfile", t);
}
