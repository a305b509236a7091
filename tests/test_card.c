/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/card.h"

#include <string.h>

#include "tests/unit.h"

static void expect(const char *json, const char *want)
{
	struct buf out = { 0 };

	card_write(&out, json, strlen(json));
	ck_assert_str_eq(buf_cstr(&out), want);
	buf_fini(&out);
}

START_TEST(units_are_those_of_people)
{
	expect("{\"memory_bytes\":25276510208}", "memory_bytes            23.5 GiB\n");
	expect("{\"size_bytes\":512}", "size_bytes              512 B\n");
	expect("{\"boot_time\":0}", "boot_time               1970-01-01 00:00:00 UTC\n");
	expect("{\"usage\":[{\"metric\":\"cpu\",\"mean\":91},{\"metric\":\"disk_read_ops\",\"max\":"
	       "39815},{\"metric\":\"nic_tx_bytes\",\"p95\":2048}]}",
	       "usage                   metric cpu, mean 9.1 %\n"
	       "                        metric disk_read_ops, max 39.8/s\n"
	       "                        metric nic_tx_bytes, p95 2.0 KiB/s\n");
}
END_TEST

START_TEST(lists_and_words)
{
	expect("{\"type\":\"machine\",\"version\":1,\"ips\":[\"10.0.0.1\",\"::1\"],\"sensor\":true,"
	       "\"site\":null}",
	       "ips                     10.0.0.1 ::1\n"
	       "sensor                  yes\n"
	       "site                    -\n");
}
END_TEST

START_TEST(nothing_steers_a_terminal)
{
	struct buf out = { 0 };
	const char *json = "{\"na\\u001b[31mme\":\"a\\nb\\u001b]0;x\\u0007\\u009b31m\"}";

	card_write(&out, json, strlen(json));
	for (size_t i = 0; i + 1 < out.n; i++)
		ck_assert_uint_ge(out.p[i], 0x20);
	ck_assert_ptr_null(
		strstr(buf_cstr(&out), "\xc2\x9b")); /* the other way to say ESC [ */
	buf_fini(&out);
}
END_TEST

START_TEST(any_cut_is_survived)
{
	static const char json[] =
		"{\"a\":[{\"metric\":\"cpu\",\"mean\":1}],\"b\":{\"c\":[1,2]}}";

	for (size_t n = 0; n < sizeof(json); n++) {
		struct buf out = { 0 };

		card_write(&out, json, n);
		buf_fini(&out);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, units_are_those_of_people);
	tcase_add_test(t, lists_and_words);
	tcase_add_test(t, nothing_steers_a_terminal);
	tcase_add_test(t, any_cut_is_survived);
	return unit_run("card", t);
}
