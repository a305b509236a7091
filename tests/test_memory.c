/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger keeps in memory, against what it may. */
#include <malloc.h>

#include "store/conv.h"
#include "store/cover.h"
#include "store/priv.h"
#include "tests/storekit.h"

enum { CONVERSATIONS = 5000, MINUTES = 10000 };

static struct kit kit;

static void setup(void)
{
	kit_open(&kit);
}

static void teardown(void)
{
	kit_close(&kit);
}

static struct conv_key key_of(unsigned i)
{
	return (struct conv_key){ 1, 1, 0, (uint16_t)(1 + i), PROTO_TCP };
}

/* Each with two claims, as most have. */
static void fill(unsigned from, unsigned to)
{
	struct addr a = kit_addr("10.0.0.1");
	struct endpoint *p;

	ck_assert_int_eq(dict_endpoint(kit.s, 0, &a, &p, NULL), 0);
	ck_assert_int_eq(p->id, 1);
	for (unsigned i = from; i < to; i++) {
		struct claim one = { .origin = 1, .witnesses = 2 }, two = { .origin = 2 }, *c;
		struct conv_key key = key_of(i);
		struct conv *v;

		ck_assert_int_eq(conv_get(kit.s, &key, &v, NULL), 0);
		ck_assert_int_eq(conv_claim(kit.s, v, &one, &c, NULL), 1);
		ck_assert_int_eq(conv_claim(kit.s, v, &two, &c, NULL), 1);
	}
}

static void begin(void)
{
	ck_assert_int_eq(store_begin(kit.s, NULL), 0);
}

static void again(void)
{
	ck_assert_int_eq(store_commit(kit.s, NULL), 0);
	begin();
}

START_TEST(conversations_are_found_by_key_and_by_number)
{
	begin();
	fill(0, CONVERSATIONS);
	for (unsigned i = 0; i < CONVERSATIONS; i++) {
		struct conv_key key = key_of(i);
		struct conv *v, *same;

		ck_assert_int_eq(conv_seek(kit.s, &key, &v, NULL), 0);
		ck_assert_ptr_nonnull(v);
		ck_assert_int_eq(v->key.port, 1 + i);
		ck_assert_int_eq(conv_at(kit.s, v->id, &same, NULL), 0);
		ck_assert_ptr_eq(v, same);
		if (i % 3 == 0)
			conv_drop(kit.s, v);
	}
	for (unsigned i = 0; i < CONVERSATIONS; i++) { /* a third from the file again */
		struct conv_key key = key_of(i);
		struct conv *v;

		ck_assert_int_eq(conv_seek(kit.s, &key, &v, NULL), 0);
		ck_assert_ptr_nonnull(v);
		ck_assert_int_eq(v->key.port, 1 + i);
		ck_assert_uint_eq(v->claims_n, 2);
	}
}
END_TEST

#if !defined(__SANITIZE_ADDRESS__)
/* What is counted is what is taken, and a little more. */
START_TEST(it_is_counted)
{
	size_t before, taken, counted;

	begin();
	fill(0, 1); /* statements and pages are there */
	before = mallinfo2().uordblks - (size_t)sqlite3_memory_used();
	counted = conv_bytes(kit.s->convs);
	fill(1, 1 + CONVERSATIONS);
	taken = mallinfo2().uordblks - (size_t)sqlite3_memory_used() - before;
	counted = conv_bytes(kit.s->convs) - counted;
	ck_assert_uint_ge(counted + 4096, taken);
	ck_assert_uint_le(counted, taken + taken / 8);
	ck_assert_uint_le(counted / CONVERSATIONS, 640);
}
END_TEST
#endif

/* Coverage grows with every minute: it goes first. */
START_TEST(coverage_goes_before_conversations)
{
	struct cover_minute c;

	begin();
	fill(0, 100);
	for (int64_t m = 1; m <= MINUTES; m++)
		ck_assert_int_eq(cover_add(kit.s, 1, m * 60000, m * 60000 + 7, 0, NULL), 0);
	again();
	ck_assert_uint_gt(cover_bytes(kit.s->covers), 0);
	kit.s->memory = cover_bytes(kit.s->covers);
	again();
	ck_assert_uint_eq(cover_bytes(kit.s->covers), 0);
	ck_assert_uint_gt(conv_bytes(kit.s->convs), 0);
	ck_assert_int_eq(cover_get(kit.s, 1, MINUTES, &c, NULL), 0);
	ck_assert_int_eq(c.ms, 7);
	kit.s->memory = 1;
	again();
	ck_assert_uint_eq(conv_bytes(kit.s->convs), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, conversations_are_found_by_key_and_by_number);
#if !defined(__SANITIZE_ADDRESS__)
	tcase_add_test(t, it_is_counted);
#endif
	tcase_add_test(t, coverage_goes_before_conversations);
	return unit_run("memory", t);
}
