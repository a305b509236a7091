/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

START_TEST(commas_and_colons_come_by_themselves)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);

	json_open(&j, '{');
	json_key(&j, "a");
	json_uint(&j, UINT64_MAX);
	json_key(&j, "b");
	json_open(&j, '[');
	json_int(&j, INT64_MIN);
	json_null(&j);
	json_open(&j, '{');
	json_close(&j, '}');
	json_bool(&j, true);
	json_close(&j, ']');
	json_key(&j, "c");
	json_raw(&j, "1.50", 4);
	json_close(&j, '}');
	ck_assert_str_eq(buf_cstr(&b),
			 "{\"a\":18446744073709551615,"
			 "\"b\":[-9223372036854775808,null,{},true],\"c\":1.50}");
	buf_fini(&b);
}
END_TEST

START_TEST(strings_are_escaped)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "\n\t\r\b\f", "\"\\n\\t\\r\\b\\f\"" },
		{ "\x1b[2J\x01", "\"\\u001b[2J\\u0001\"" },
		{ "\x7f\xc2\x9b", "\"\\u007f\\u009b\"" },
		{ "\xe2\x80\xa8", "\"\\u2028\"" },
		{ "caf\xc3\xa9 \xff!", "\"caf\xc3\xa9 \xef\xbf\xbd!\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };
		struct json j = json_to(&b);

		json_string(&j, cases[i].in);
		ck_assert_str_eq(buf_cstr(&b), cases[i].out);
		buf_fini(&b);
	}
}
END_TEST

/* The one form of TEXT, or NULL where it is not one JSON value. */
static char *copy(const char *text)
{
	struct buf b = { 0 };
	struct json j = json_to(&b);
	struct json_in in = json_from(text, strlen(text));

	if (json_copy(&in, &j) && json_at_end(&in))
		return buf_take(&b);
	buf_fini(&b);
	return NULL;
}

START_TEST(values_are_copied)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ " { \"a\" : [ 1 , 2.50 , -0 , 1E+3 ] } ", "{\"a\":[1,2.50,-0,1E+3]}" },
		{ "[]", "[]" },
		{ "[{},[[]],null,true,false]", "[{},[[]],null,true,false]" },
		{ "\"\\u0041\\/\\u00e9\"", "\"A/\xc3\xa9\"" },
		{ "\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"" },
		{ "\"\\ud83dx\"", "\"\xef\xbf\xbdx\"" },
		{ "\"\\ud83d\\u0041\"", "\"\xef\xbf\xbd"
					"A\"" },
		{ "\"\\ude00\\u0000\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "\"\xff\"", "\"\xef\xbf\xbd\"" },
		{ "123456789012345678901234567890", "123456789012345678901234567890" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = copy(cases[i].in);

		ck_assert_msg(out != NULL, "%s", cases[i].in);
		ck_assert_str_eq(out, cases[i].out);
		free(out);
	}
}
END_TEST

START_TEST(what_is_not_json_is_refused)
{
	static const char *const cases[] = {
		"",	     " ",	    "{",
		"[",	     "{\"a\"",	    "{\"a\":",
		"{\"a\":1",  "{\"a\":1,",   "{\"a\":1,}",
		"[1,]",	     "[,1]",	    "[1 2]",
		"{a:1}",     "{'a':1}",	    "{1:2}",
		"{\"a\" 1}", "nul",	    "tru",
		"NaN",	     "Infinity",    "-",
		"+1",	     "01",	    "1.",
		".5",	     "1e",	    "1e+",
		"0x10",	     "--1",	    "\"",
		"\"a",	     "\"\\",	    "\"\\x\"",
		"\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"",
		"\"\x01\"",  "{}}",	    "1 1",
		"[1]]",	     "//",	    "\xef\xbb\xbf{}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *out = copy(cases[i]);

		ck_assert_msg(out == NULL, "%s became %s", cases[i], out);
	}
}
END_TEST

START_TEST(nesting_is_limited)
{
	char text[2 * (JSON_DEPTH + 1) + 1] = "";
	char *out;

	memset(text, '[', JSON_DEPTH);
	memset(text + JSON_DEPTH, ']', JSON_DEPTH);
	out = copy(text);
	ck_assert_ptr_nonnull(out);
	free(out);
	memset(text, '[', JSON_DEPTH + 1);
	memset(text + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	ck_assert_ptr_null(copy(text));
}
END_TEST

START_TEST(numbers_as_integers)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t v;
	} cases[] = {
		{ "0", 0, 0 },
		{ "17", 0, 17 },
		{ "1e3", 0, 1000 },
		{ "1.5e1", 0, 15 },
		{ "5.0", 0, 5 },
		{ "100e-2", 0, 1 },
		{ "0.0", 0, 0 },
		{ "0e999999999", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "9007199254740993", 0, 9007199254740993 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "1e400", -ERANGE, 0 },
		{ "1e99999999999999999999", -ERANGE, 0 },
		{ "1000000000000000000000000000000", -ERANGE, 0 },
		{ "-1", -ERANGE, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1e-1", -EINVAL, 0 },
		{ "1e-99999999", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t v = 0;

		ck_assert_msg(json_number_uint(cases[i].text, strlen(cases[i].text), &v) ==
				      cases[i].rc,
			      "%s", cases[i].text);
		if (!cases[i].rc)
			ck_assert_uint_eq(v, cases[i].v);
	}
}
END_TEST

START_TEST(times_lose_their_fraction)
{
	uint64_t v;

	ck_assert_int_eq(json_number_floor("1767242561.999", 14, &v), 0);
	ck_assert_uint_eq(v, 1767242561);
	ck_assert_int_eq(json_number_floor("1.767242561999e9", 16, &v), 0);
	ck_assert_uint_eq(v, 1767242561);
	ck_assert_int_eq(json_number_floor("0.5", 3, &v), 0);
	ck_assert_uint_eq(v, 0);
	ck_assert_int_eq(json_number_floor("1.00000000000000000000000000000000001", 37, &v),
			 0);
	ck_assert_uint_eq(v, 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, commas_and_colons_come_by_themselves);
	tcase_add_test(t, strings_are_escaped);
	tcase_add_test(t, values_are_copied);
	tcase_add_test(t, what_is_not_json_is_refused);
	tcase_add_test(t, nesting_is_limited);
	tcase_add_test(t, numbers_as_integers);
	tcase_add_test(t, times_lose_their_fraction);
	return unit_run("json", t);
}
