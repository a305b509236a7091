/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/udp_bound.h"

#include <check.h>

#include "tests/unit.h"

static void add(struct udp_bound *t, uint16_t port, uint32_t tgid, uint64_t born)
{
	udp_bound_add(t, &(struct listening){ .key = { .netns = 1, .port = port, .proto = 17 },
					      .tgid = tgid,
					      .born = born });
}

START_TEST(the_first_walk_tells_all_and_the_oldest_holder)
{
	struct udp_bound *t = udp_bound_new();
	const struct listening *l;
	size_t n;

	udp_bound_list(t, &n);
	ck_assert_uint_eq(n, 0);
	add(t, 53, 30, 300);
	add(t, 123, 5, 50);
	add(t, 53, 20, 200);
	ck_assert_uint_eq(udp_bound_turn(t), 0);
	l = udp_bound_list(t, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(l[0].key.port + l[1].key.port, 53 + 123);
	for (size_t i = 0; i < n; i++)
		if (l[i].key.port == 53)
			ck_assert_uint_eq(l[i].tgid, 20);
	udp_bound_free(t);
}
END_TEST

START_TEST(who_comes_later_has_to_stay)
{
	struct udp_bound *t = udp_bound_new();
	size_t n;

	udp_bound_turn(t);
	for (uint16_t walk = 1; walk < 4; walk++) {
		add(t, 53, 1, 1);
		add(t, 40000 + walk, 2, 2); /* a question's port */
		udp_bound_turn(t);
		udp_bound_list(t, &n);
		ck_assert_uint_eq(n, walk > 1);
	}
	udp_bound_turn(t);
	udp_bound_list(t, &n);
	ck_assert_uint_eq(n, 0);
	udp_bound_free(t);
}
END_TEST

START_TEST(what_does_not_fit_is_counted)
{
	struct udp_bound *t = udp_bound_new();
	size_t n;

	for (unsigned i = 0; i < UDP_BOUND + 7; i++)
		add(t, (uint16_t)i, 1, 1);
	ck_assert_uint_eq(udp_bound_turn(t), 7);
	udp_bound_list(t, &n);
	ck_assert_uint_eq(n, UDP_BOUND);
	ck_assert_uint_eq(udp_bound_turn(t), 0);
	udp_bound_free(t);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, the_first_walk_tells_all_and_the_oldest_holder);
	tcase_add_test(t, who_comes_later_has_to_stay);
	tcase_add_test(t, what_does_not_fit_is_counted);
	return unit_run("udp_bound", t);
}
