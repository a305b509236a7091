/* SPDX-License-Identifier: Apache-2.0 */
#include "common/crc32c.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

/* RFC 3720 appendix B.4. */
START_TEST(known_sums)
{
	uint8_t zeroes[32] = { 0 }, ones[32], rising[32];

	memset(ones, 0xff, sizeof(ones));
	for (unsigned i = 0; i < 32; i++)
		rising[i] = (uint8_t)i;
	ck_assert_uint_eq(crc32c(0, zeroes, 32), 0x8a9136aa);
	ck_assert_uint_eq(crc32c(0, ones, 32), 0x62a8ab43);
	ck_assert_uint_eq(crc32c(0, rising, 32), 0x46dd794e);
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c_by_table(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(both_ways_agree_at_every_length_and_offset)
{
	uint8_t bytes[300];

	srandom(1);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random();
	for (unsigned at = 0; at < 16; at++)
		for (unsigned n = 0; n + at <= sizeof(bytes); n++)
			ck_assert_uint_eq(crc32c(at, bytes + at, n),
					  crc32c_by_table(at, bytes + at, n));
}
END_TEST

START_TEST(it_goes_on_from_where_it_was)
{
	for (size_t cut = 0; cut <= 9; cut++)
		ck_assert_uint_eq(
			crc32c(crc32c(0, "123456789", cut), "123456789" + cut, 9 - cut),
			0xe3069283);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, known_sums);
	tcase_add_test(t, both_ways_agree_at_every_length_and_offset);
	tcase_add_test(t, it_goes_on_from_where_it_was);
	return unit_run("crc32c", t);
}
