/* SPDX-License-Identifier: Apache-2.0 */
#include "common/token.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

START_TEST(text_comes_back)
{
	for (unsigned v = 0; v < 256; v++) {
		struct token t, back;
		char text[TOKEN_TEXT];

		for (unsigned i = 0; i < 32; i++) {
			t.secret[i] = (uint8_t)(v + i * 7);
			t.pin[i] = (uint8_t)(v ^ i);
		}
		token_text(&t, text);
		ck_assert_uint_eq(strlen(text), TOKEN_TEXT - 1);
		ck_assert_int_eq(token_parse(text, &back), 0);
		ck_assert_mem_eq(&t, &back, sizeof(t));
	}
}
END_TEST

/* RFC 4648's alphabet with 62 and 63 changed: 32 bytes of 0xff. */
START_TEST(text_is_base64url)
{
	struct token t;
	char text[TOKEN_TEXT];

	memset(&t, 0xff, sizeof(t));
	token_text(&t, text);
	ck_assert_str_eq(text, "skein1.__________________________________________8."
			       "__________________________________________8");
}
END_TEST

START_TEST(other_texts_are_refused)
{
	struct token t = { { 0 }, { 0 } }, back;
	char text[TOKEN_TEXT], bad[TOKEN_TEXT + 1];

	token_text(&t, text);
	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		snprintf(bad, sizeof(bad), "%.*s", (int)n, text);
		ck_assert_int_eq(token_parse(bad, &back), -EINVAL);
		memcpy(bad, text, sizeof(text));
		bad[n] = '+';
		ck_assert_int_eq(token_parse(bad, &back), -EINVAL);
	}
	snprintf(bad, sizeof(bad), "%sA", text);
	ck_assert_int_eq(token_parse(bad, &back), -EINVAL);
	memcpy(bad, text, sizeof(text));
	bad[TOKEN_TEXT - 2] = 'B'; /* bits that stand for nothing */
	ck_assert_int_eq(token_parse(bad, &back), -EINVAL);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, text_comes_back);
	tcase_add_test(t, text_is_base64url);
	tcase_add_test(t, other_texts_are_refused);
	return unit_run("token", t);
}
