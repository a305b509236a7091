/* SPDX-License-Identifier: Apache-2.0 */
#include "common/utf8.h"

#include <check.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

#define BAD UTF8_REPLACEMENT

START_TEST(invalid_bytes_are_replaced_one_by_one)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "abc", "abc" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xff"
		  "b",
		  "a" BAD "b" },
		{ "\xc0\xaf", BAD BAD },		 /* overlong */
		{ "\xe0\x80\xaf", BAD BAD BAD },	 /* overlong */
		{ "\xed\xa0\x80", BAD BAD BAD },	 /* a surrogate */
		{ "\xf4\x90\x80\x80", BAD BAD BAD BAD }, /* past U+10FFFF */
		{ "\xe2\x82", BAD BAD },		 /* cut short */
		{ "\xc3(", BAD "(" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		utf8_clean(&b, cases[i].in, strlen(cases[i].in));
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
		ck_assert_int_eq(utf8_valid(cases[i].in, strlen(cases[i].in)),
				 strcmp(cases[i].in, cases[i].out) == 0);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(control_characters_are_shown_as_text)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "web\x1b[2J", "web\\x1b[2J" },
		{ "a\tb\nc\rd", "a\\tb\\nc\\rd" },
		{ "\x7f", "\\x7f" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" },			   /* C1: CSI */
		{ "exe\xe2\x80\xaegpj", "exe\\u202egpj" }, /* right to left override */
		{ "\xff\x1b", BAD "\\x1b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		utf8_show(&b, cases[i].in, strlen(cases[i].in));
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(every_code_point_survives)
{
	for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
		uint8_t room[8];
		struct buf b = { .p = room, .cap = sizeof(room) };
		uint32_t back = 0;
		size_t n;

		utf8_put(&b, cp);
		n = utf8_next((char *)b.p, b.n, &back);
		if (cp >= 0xd800 && cp < 0xe000)
			ck_assert_uint_eq(n, 0);
		else
			ck_assert(n == b.n && back == cp);
	}
}
END_TEST

START_TEST(widths)
{
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	ck_assert_uint_eq(utf8_width('a'), 1);
	ck_assert_uint_eq(utf8_width(0xe9), 1);
	ck_assert_uint_eq(utf8_width(0x65e5), 2);
	ck_assert_uint_eq(utf8_width(0x0301), 0);
	ck_assert_uint_eq(utf8_width(0x1f600), 2);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, invalid_bytes_are_replaced_one_by_one);
	tcase_add_test(t, control_characters_are_shown_as_text);
	tcase_add_test(t, every_code_point_survives);
	tcase_add_test(t, widths);
	return unit_run("utf8", t);
}
