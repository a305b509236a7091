/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/mirror/hello.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/hellokit.h"
#include "tests/unit.h"

static char name[SNIFF_NAME + 1];
static bool tls;

static enum sniffed add(struct hello_pool *h, uint32_t id, uint32_t offset, const void *p,
			size_t n)
{
	return hello_add(h, id, offset, p, n, name, &tls);
}

/* In pieces of EACH bytes, the last first where BACKWARDS; the result of the last. */
static enum sniffed add_pieces(struct hello_pool *h, uint32_t id, const struct bytes *b,
			       size_t each, bool backwards)
{
	size_t pieces = (b->n + each - 1) / each;
	enum sniffed s = SNIFF_MORE;

	for (size_t i = 0; i < pieces && s == SNIFF_MORE; i++) {
		size_t at = (backwards ? pieces - 1 - i : i) * each;

		s = add(h, id, (uint32_t)at, b->b + at, b->n - at < each ? b->n - at : each);
	}
	return s;
}

START_TEST(pieces_in_any_order)
{
	static const size_t each[] = { 1, 100, 300, 1460, 8192 };
	struct bytes b = client_hello("shop.example.com", 1, 700);
	struct hello_pool *h = hello_new();

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++)
		for (int backwards = 0; backwards < 2; backwards++) {
			memset(name, 0, sizeof(name));
			ck_assert_int_eq(add_pieces(h, (uint32_t)i, &b, each[i], backwards),
					 SNIFF_FOUND);
			ck_assert_str_eq(name, "shop.example.com");
			ck_assert(tls);
		}
	hello_free(h);
}
END_TEST

START_TEST(a_hole_waits_and_a_copy_adds_nothing)
{
	struct bytes b = client_hello("shop.example.com", 1, 16384);
	struct hello_pool *h = hello_new();

	ck_assert_int_eq(add(h, 7, 200, b.b + 200, b.n - 200), SNIFF_MORE);
	ck_assert_int_eq(add(h, 7, 0, b.b, 100), SNIFF_MORE);
	ck_assert_int_eq(add(h, 7, 0, b.b, 100), SNIFF_MORE);
	ck_assert_int_eq(add(h, 7, 50, b.b + 50, 149), SNIFF_MORE);
	ck_assert_int_eq(add(h, 7, 150, b.b + 150, 100), SNIFF_FOUND);
	ck_assert_str_eq(name, "shop.example.com");
	hello_free(h);
}
END_TEST

/* Every other byte: more holes than are kept.  What was let go comes again, as TCP would. */
START_TEST(too_many_holes)
{
	struct bytes b = client_hello("a.example", 0, 16384);
	struct hello_pool *h = hello_new();

	for (uint32_t i = 1; i < 200; i += 2)
		ck_assert_int_eq(add(h, 7, i, b.b + i, 1), SNIFF_MORE);
	ck_assert_int_eq(add_pieces(h, 7, &b, 90, false), SNIFF_FOUND);
	ck_assert_str_eq(name, "a.example");
	hello_free(h);
}
END_TEST

START_TEST(a_request_in_pieces)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
	struct hello_pool *h = hello_new();
	struct bytes b = { 0 };

	put(&b, text, sizeof(text) - 1);
	ck_assert_int_eq(add_pieces(h, 1, &b, 5, false), SNIFF_FOUND);
	ck_assert_str_eq(name, "a.example");
	ck_assert(!tls);
	ck_assert_int_eq(add(h, 1, 0, "SSH-2", 5), SNIFF_NONE);
	hello_free(h);
}
END_TEST

START_TEST(what_never_ends_is_given_up)
{
	struct hello_pool *h = hello_new();
	struct bytes b = { 0 };

	put(&b, "GET / HTTP/1.1\r\nCookie: ", 24);
	put_fill(&b, 'x', sizeof(b.b) - b.n);
	ck_assert_int_eq(add(h, 1, 0, b.b, HELLO_BYTES - 1), SNIFF_MORE);
	ck_assert_int_eq(add(h, 1, HELLO_BYTES, b.b, 10), SNIFF_MORE);
	ck_assert_int_eq(add(h, 1, UINT32_MAX, b.b, 10), SNIFF_MORE);
	ck_assert_int_eq(add(h, 1, HELLO_BYTES - 1, b.b, sizeof(b.b)), SNIFF_NONE);
	hello_free(h);
}
END_TEST

START_TEST(a_dropped_one_begins_again)
{
	struct bytes b = client_hello("a.example", 0, 16384);
	struct hello_pool *h = hello_new();

	ck_assert_int_eq(add(h, 1, 0, b.b, 50), SNIFF_MORE);
	hello_drop(h, 1);
	hello_drop(h, 1);
	ck_assert_int_eq(add(h, 1, 50, b.b + 50, b.n - 50), SNIFF_MORE);
	ck_assert_int_eq(add(h, 1, 0, b.b, 50), SNIFF_FOUND);
	hello_free(h);
}
END_TEST

/* One more than there is room for: the oldest alone is gone. */
START_TEST(the_oldest_gives_way)
{
	struct bytes b = client_hello("a.example", 0, 16384);
	struct hello_pool *h = hello_new();

	for (uint32_t i = 0; i <= HELLO_SLOTS; i++)
		ck_assert_int_eq(add(h, i << 20, 0, b.b, 50), SNIFF_MORE);
	for (uint32_t i = 1; i <= HELLO_SLOTS; i++)
		ck_assert_int_eq(add(h, i << 20, 50, b.b + 50, b.n - 50), SNIFF_FOUND);
	ck_assert_int_eq(add(h, 0, 50, b.b + 50, b.n - 50), SNIFF_MORE);
	hello_free(h);
}
END_TEST

/* Thousands at random, some ended: each that ends by its last piece has its own name. */
START_TEST(many_at_once)
{
	enum { MANY = 20000 };
	struct hello_pool *h = hello_new();
	unsigned seed = 1, found = 0;

	for (unsigned i = 0; i < MANY; i++) {
		uint32_t id = (uint32_t)rand_r(&seed) % 300;
		struct bytes b = { 0 };
		char want[32];

		snprintf(want, sizeof(want), "h%u.example", id);
		put(&b, "GET / HTTP/1.1\r\nHost: ", 22);
		put(&b, want, strlen(want));
		put(&b, "\r\n", 2);
		if (rand_r(&seed) % 8 == 0)
			hello_drop(h, id);
		else if (rand_r(&seed) % 2)
			add(h, id, 0, b.b, 24);
		else if (add(h, id, 24, b.b + 24, b.n - 24) == SNIFF_FOUND) {
			ck_assert_str_eq(name, want);
			found++;
		}
	}
	ck_assert_uint_gt(found, 1000);
	hello_free(h);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, pieces_in_any_order);
	tcase_add_test(t, a_hole_waits_and_a_copy_adds_nothing);
	tcase_add_test(t, too_many_holes);
	tcase_add_test(t, a_request_in_pieces);
	tcase_add_test(t, what_never_ends_is_given_up);
	tcase_add_test(t, a_dropped_one_begins_again);
	tcase_add_test(t, the_oldest_gives_way);
	tcase_add_test(t, many_at_once);
	return unit_run("hello", t);
}
