/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/origin.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "tests/unit.h"

static struct addr ip(const char *s)
{
	struct addr a;

	ck_assert_int_eq(addr_parse(s, &a), 0);
	return a;
}

static void put(struct buf *b, const char *from, const char *to)
{
	struct addr a = ip(from), z = ip(to);

	buf_reset(b);
	origin_put(b, &a, 40000, &z, 7700);
}

/* As the protocol's own text has it (section 2.2). */
START_TEST(to_the_byte)
{
	static const uint8_t want[] = {
		0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
		0x54, 0x0a, 0x21, 0x11, 0x00, 0x0c, 10,	  0,	0,    1,
		10,   9,    0,	  2,	0x9c, 0x40, 0x1e, 0x14,
	};
	struct buf b = { 0 };

	put(&b, "10.0.0.1", "10.9.0.2");
	ck_assert_uint_eq(b.n, sizeof(want));
	ck_assert_mem_eq(b.p, want, sizeof(want));
	buf_fini(&b);
}
END_TEST

START_TEST(what_is_put_comes_back)
{
	static const char *const pairs[][2] = {
		{ "10.0.0.1", "10.9.0.2" },
		{ "2001:db8::1", "fd00::7" },
		{ "10.0.0.1", "fd00::7" }, /* to a listener of both families */
		{ "2001:db8::1", "10.9.0.2" },
	};
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct addr from = ip(pairs[i][0]);
		struct origin o;

		put(&b, pairs[i][0], pairs[i][1]);
		ck_assert_int_eq(origin_length(b.p), (int)b.n);
		ck_assert_int_eq(origin_get(b.p, b.n, &o), 0);
		ck_assert(o.known && addr_eq(&o.addr, &from) && o.port == 40000);
	}
	buf_fini(&b);
}
END_TEST

/* Additions after the addresses are skipped, kinds that say nothing here say nothing. */
START_TEST(others_headers_are_understood)
{
	static const struct {
		uint8_t command, family;
		uint16_t length;
		int want;
		bool known;
	} cases[] = {
		{ 0x21, 0x11, 12, 0, true },
		{ 0x21, 0x11, 520, 0, true },
		{ 0x21, 0x11, 521, -EPROTO, false },
		{ 0x21, 0x11, 65535, -EPROTO, false },
		{ 0x21, 0x11, 11, -EPROTO, false },
		{ 0x21, 0x11, 0, -EPROTO, false },
		{ 0x21, 0x21, 36, 0, true },
		{ 0x21, 0x21, 35, -EPROTO, false },
		{ 0x21, 0x12, 12, 0, false },  /* UDP */
		{ 0x21, 0x31, 216, 0, false }, /* a Unix socket */
		{ 0x21, 0x00, 0, 0, false },
		{ 0x20, 0x00, 0, 0, false }, /* for itself */
		{ 0x20, 0x11, 12, 0, false },
		{ 0x22, 0x11, 12, -EPROTO, false },
		{ 0x11, 0x11, 12, -EPROTO, false }, /* no version 2 */
		{ 0x31, 0x11, 12, -EPROTO, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = { 0 };
		struct origin o;
		int n;

		put(&b, "10.0.0.1", "10.0.0.2");
		while (b.n < (size_t)ORIGIN_HEAD + cases[i].length)
			buf_u8(&b, 0xff);
		b.p[12] = cases[i].command;
		b.p[13] = cases[i].family;
		b.p[14] = (uint8_t)(cases[i].length >> 8);
		b.p[15] = (uint8_t)cases[i].length;
		n = origin_length(b.p);
		if (n > 0) {
			uint8_t *copy = xmalloc((size_t)n); /* not one byte more */

			ck_assert_int_eq(n, ORIGIN_HEAD + cases[i].length);
			memcpy(copy, b.p, (size_t)n);
			n = origin_get(copy, (size_t)n, &o);
			free(copy);
			ck_assert_msg(n == cases[i].want, "%zu: %d", i, n);
			ck_assert_msg(n < 0 || o.known == cases[i].known, "%zu", i);
		} else {
			ck_assert_msg(n == cases[i].want, "%zu: %d", i, n);
		}
		buf_fini(&b);
	}
}
END_TEST

/* The signature is all of it, and no byte changed harms. */
START_TEST(no_changed_byte_harms)
{
	static const char *const froms[] = { "10.0.0.1", "2001:db8::1" };
	struct buf b = { 0 };

	for (size_t f = 0; f < 2; f++) {
		put(&b, froms[f], froms[f]);
		for (size_t i = 0; i < b.n; i++) {
			for (int v = 1; v < 256; v++) {
				uint8_t *copy = xcalloc(1, ORIGIN_MAX);
				struct origin o;
				int n;

				memcpy(copy, b.p, b.n);
				copy[i] ^= (uint8_t)v;
				n = origin_length(copy);
				ck_assert(i >= 13 || n < 0 || (i == 12 && v == 1));
				ck_assert_int_le(n, ORIGIN_MAX);
				if (n > 0)
					origin_get(copy, (size_t)n, &o);
				free(copy);
			}
		}
	}
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, to_the_byte);
	tcase_add_test(t, what_is_put_comes_back);
	tcase_add_test(t, others_headers_are_understood);
	tcase_add_test(t, no_changed_byte_harms);
	return unit_run("origin", t);
}
