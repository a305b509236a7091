/* SPDX-License-Identifier: Apache-2.0 */
#include "common/prefix.h"

#include "tests/unit.h"

static bool has(const char *prefix, const char *address)
{
	struct prefix p;
	struct addr a;

	ck_assert_msg(prefix_parse(prefix, &p) == 0, "%s", prefix);
	ck_assert_int_eq(addr_parse(address, &a), 0);
	return prefix_has(&p, &a);
}

START_TEST(inside_and_outside)
{
	ck_assert(has("10.1.0.0/16", "10.1.255.3"));
	ck_assert(!has("10.1.0.0/16", "10.2.0.0"));
	ck_assert(has("10.1.128.0/17", "10.1.200.1"));
	ck_assert(!has("10.1.128.0/17", "10.1.127.255"));
	ck_assert(has("10.1.2.3", "10.1.2.3"));
	ck_assert(!has("10.1.2.3", "10.1.2.2"));
	ck_assert(has("0.0.0.0/0", "192.0.2.1"));
	ck_assert(!has("0.0.0.0/0", "2001:db8::1"));
	ck_assert(has("2001:db8::/33", "2001:db8:7fff::1"));
	ck_assert(!has("2001:db8::/33", "2001:db8:8000::1"));
	ck_assert(has("::/0", "2001:db8::1"));
	ck_assert(has("2001:db8::1", "2001:db8::1"));
}
END_TEST

START_TEST(what_is_none)
{
	static const char *const bad[] = { "",
					   "10.1.0.0/33",
					   "10.1.0.0/",
					   "10.1.0.0/-1",
					   "10.1.0.1/16",
					   "10.1.0.0/16 ",
					   "10.1.0.0/ 16",
					   "x/8",
					   "2001:db8::/129",
					   "2001:db8::1/64" };
	struct prefix p;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(prefix_parse(bad[i], &p) < 0, "%s", bad[i]);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("prefix");

	tcase_add_test(t, inside_and_outside);
	tcase_add_test(t, what_is_none);
	return unit_run("prefix", t);
}
