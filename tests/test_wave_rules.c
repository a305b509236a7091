/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/wave_rules.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "common/mem.h"
#include "tests/unit.h"

START_TEST(rules_come_back_as_they_were)
{
	struct wave_rules r = { .capacity = 50,
				.capacity_bytes = 1ul << 60,
				.pilot = WAVES_NO_PILOT,
				.link_bits = 1000000000,
				.assume_bytes = 5,
				.start = 1798761600,
				.deadline = 1798761601,
				.every = 86400,
				.rtt_us = 1500,
				.chatty = 7,
				.today = 99 };
	struct buf a = { 0 }, b = { 0 };
	struct wave_rules back;
	struct err e = { 0 };

	wave_rules_freeze(&r, 10, 20);
	wave_rules_shared(&r, "a\"\\\n\xc3\xbc", SERVICE_LAST);
	wave_rules_write(&r, &a);
	ck_assert_msg(wave_rules_read(buf_cstr(&a), &back, &e) == 0, "%s", e.msg);
	wave_rules_write(&back, &b);
	ck_assert_str_eq(buf_cstr(&a), buf_cstr(&b));
	ck_assert_uint_eq(back.capacity_bytes, 1ul << 60);
	ck_assert_uint_eq(back.pilot, WAVES_NO_PILOT);
	ck_assert_uint_eq(back.rtt_us, 1500);
	ck_assert_int_eq(back.freeze[0].to, 20);
	ck_assert_str_eq(back.shared[0].what, "a\"\\\n\xc3\xbc");
	ck_assert_int_eq(back.shared[0].advice, SERVICE_LAST);
	ck_assert_int_eq(back.today, 0); /* a clock is not kept */
	wave_rules_fini(&r);
	wave_rules_fini(&back);
	buf_fini(&a);
	buf_fini(&b);
}
END_TEST

START_TEST(freezes_that_touch_become_one)
{
	struct wave_rules r = { 0 };

	wave_rules_freeze(&r, 50, 60);
	wave_rules_freeze(&r, 10, 20);
	wave_rules_freeze(&r, 30, 40);
	wave_rules_freeze(&r, 20, 31);
	wave_rules_freeze(&r, 7, 7);
	wave_rules_freeze(&r, 12, 13);
	ck_assert_uint_eq(r.freeze_n, 2);
	ck_assert_int_eq(r.freeze[0].from, 10);
	ck_assert_int_eq(r.freeze[0].to, 40);
	ck_assert_int_eq(r.freeze[1].from, 50);
	wave_rules_fini(&r);
}
END_TEST

START_TEST(the_later_word_on_a_service_holds)
{
	struct wave_rules r = { 0 };

	wave_rules_shared(&r, "dns", SERVICE_FIRST);
	wave_rules_shared(&r, "all", SERVICE_LAST);
	wave_rules_shared(&r, "dns", SERVICE_STRETCH);
	ck_assert_uint_eq(r.shared_n, 2);
	ck_assert_str_eq(r.shared[0].what, "all");
	ck_assert_int_eq(r.shared[1].advice, SERVICE_STRETCH);
	wave_rules_fini(&r);
}
END_TEST

START_TEST(words_of_treatments)
{
	enum service_advice a;

	ck_assert(wave_rules_advice("replicated", &a) && a == SERVICE_REPLICATE);
	ck_assert(wave_rules_advice("replicate", &a) && a == SERVICE_REPLICATE);
	ck_assert(wave_rules_advice("stretched", &a) && a == SERVICE_STRETCH);
	ck_assert(wave_rules_advice("first", &a) && a == SERVICE_FIRST);
	ck_assert(!wave_rules_advice("", &a));
	ck_assert(!wave_rules_advice("lastly", &a));
	ck_assert(!wave_rules_advice("replicateed", &a));
}
END_TEST

START_TEST(what_is_no_rules)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"version\":1",
		"{\"version\":1} x",
		"{\"version\":1,\"capacity\":\"5\"}",
		"{\"version\":1,\"freeze\":{}}",
		"{\"version\":1,\"freeze\":[5]}",
		"{\"version\":1,\"shared\":[{\"what\":5}]}",
		"{\"version\":1,\"capacity\":-5}",
	};
	struct wave_rules r;
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(wave_rules_read(bad[i], &r, &e) == -EINVAL, "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(e.msg, "damaged"));
		ck_assert_ptr_null(r.freeze);
	}
	ck_assert_int_eq(wave_rules_read("{\"version\":2}", &r, &e), -EINVAL);
	ck_assert_ptr_nonnull(strstr(e.msg, "newer"));
	ck_assert_int_eq(
		wave_rules_read("{\"new\":[{}],\"version\":1,\"every\":1e30}", &r, &e),
		-EINVAL);
	ck_assert_int_eq(wave_rules_read("{\"new\":[{}],\"version\":1,\"every\":9}", &r, &e),
			 0);
	ck_assert_int_eq(r.every, 9);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("wave_rules");

	tcase_add_test(t, rules_come_back_as_they_were);
	tcase_add_test(t, freezes_that_touch_become_one);
	tcase_add_test(t, the_later_word_on_a_service_holds);
	tcase_add_test(t, words_of_treatments);
	tcase_add_test(t, what_is_no_rules);
	return unit_run("wave_rules", t);
}
