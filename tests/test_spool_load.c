/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier life has left, whole or damaged. */
#include "sensor/spool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "tests/spoolkit.h"
#include "tests/unit.h"

/* A spool of BATCHES in segments of three, GIVEN of them given out. */
static void make_spool(unsigned batches, unsigned given, struct collector *c)
{
	struct spool *sp = open_dir(32 * 3 * size_of_one());

	for (unsigned i = 1; i <= batches; i++)
		add(sp, i);
	for (unsigned i = 0; i < given; i++) {
		struct spool_batch b;

		ck_assert(spool_next(sp, i, &b));
		if (c)
			deliver(c, sp, &b);
	}
	spool_sync(sp);
	spool_free(sp);
}

/* Nothing is doubled, and what did not come was told, exactly. */
static void check_all(unsigned batches, const struct collector *before)
{
	struct collector c = *before;
	struct spool *sp = open_dir(1 << 20);

	add(sp, batches + 1);
	ck_assert_int_eq(drain(&c, sp), 0);
	spool_free(sp);
	ck_assert_uint_eq(c.records + c.lost, (batches + 1) * RECORDS);
}

/* Every byte of a spool with two segments, numbered or not, partly delivered or not. */
START_TEST(every_byte_broken)
{
	static const unsigned given[] = { 0, 3, 6 };

	for (unsigned g = 0; g < 3; g++) {
		struct collector c = { 0 };
		struct buf whole = { 0 };
		char path[400];

		fresh();
		make_spool(6, given[g], &c);
		ck_assert_uint_ge(files(".seg"), 2);
		snprintf(path, sizeof(path), "%s", file_of(".seg"));
		slurp(path, &whole);
		for (size_t at = 0; at < whole.n; at += 7) {
			char was[96];

			whole.p[at] ^= 0x55;
			dump(path, whole.p, whole.n);
			whole.p[at] ^= 0x55;
			memcpy(was, dir, sizeof(was));
			move_on();
			check_all(6, &c);
			memcpy(dir, was, sizeof(was));
		}
		buf_fini(&whole);
	}
}
END_TEST

/* The end of the last file is the only one of which nobody knows what was there. */
START_TEST(every_length)
{
	struct collector c = { 0 };
	struct buf whole = { 0 };
	char path[400];

	make_spool(4, 0, NULL);
	snprintf(path, sizeof(path), "%s", file_of(".seg"));
	slurp(path, &whole);
	for (size_t n = 0; n <= whole.n; n += 5) {
		struct collector t = c;
		struct spool *sp;
		char was[96];

		dump(path, whole.p, n);
		memcpy(was, dir, sizeof(was));
		move_on();
		sp = open_dir(1 << 20);
		add(sp, 5);
		ck_assert_int_eq(drain(&t, sp), 0);
		ck_assert_uint_le(t.records + t.lost, 5 * RECORDS);
		ck_assert_uint_eq(t.seen[5], RECORDS);
		ck_assert_uint_eq((t.records + t.lost) % RECORDS, 0);
		spool_free(sp);
		memcpy(dir, was, sizeof(was));
	}
	buf_fini(&whole);
}
END_TEST

/* Killed within a write: what has a place is added again, what has none is told as lost. */
START_TEST(a_torn_batch)
{
	for (uint64_t order = 0; order < 2; order++) {
		struct spool_place place = { .order = order };
		struct collector c = { 0 };
		struct spool *sp;
		struct stat st;

		fresh();
		sp = open_dir(1 << 20);
		for (unsigned i = 1; i <= 3; i++, place.order += order)
			add_at(sp, i, order ? &place : NULL);
		spool_free(sp);
		ck_assert_int_eq(stat(file_of(".seg"), &st), 0);
		ck_assert_int_eq(truncate(file_of(".seg"), st.st_size - SEGMENT_NOTE - 9), 0);
		sp = open_dir(1 << 20);
		ck_assert_uint_eq(spool_place(sp).order, order * 2);
		ck_assert_uint_eq(spool_counts(sp).batches, order ? 2 : 3);
		add(sp, 4); /* and it is no longer the last of all */
		sp = killed(killed(sp, 1 << 20), 1 << 20);
		ck_assert_int_eq(drain(&c, sp), 0);
		ck_assert_uint_eq(c.records, 3 * RECORDS);
		ck_assert_uint_eq(c.lost, order ? 0 : RECORDS);
		spool_free(sp);
	}
}
END_TEST

/* The second of three segments, unnumbered and numbered. */
START_TEST(a_missing_segment_is_told)
{
	for (unsigned given = 0; given <= 9; given += 9) {
		struct collector c = { 0 };
		struct spool *sp;
		char *name;

		fresh();
		make_spool(9, given, NULL);
		ck_assert_uint_eq(files(".seg"), 3);
		name = xasprintf("%s/0000000000000002-*", dir);
		run("rm %s%s", name, "");
		free(name);
		sp = open_dir(1 << 20);
		ck_assert_uint_eq(spool_counts(sp).lost, 3 * RECORDS);
		sp = killed(sp, 1 << 20); /* told once, however often it is looked at */
		ck_assert_int_eq(drain(&c, sp), 0);
		ck_assert_uint_eq(c.records, 6 * RECORDS);
		ck_assert_uint_eq(c.lost, 3 * RECORDS);
		spool_free(sp);
	}
}
END_TEST

START_TEST(what_is_no_spool_is_left_alone)
{
	struct spool *sp;
	char *path = xasprintf("%s/%s", dir, "0-1-2.seg");
	char *other = xasprintf("%s/%s", dir, "notes.txt");

	dump(path, "abc", 3);
	dump(other, "abc", 3);
	sp = open_dir(1 << 20);
	ck_assert(spool_empty(sp));
	spool_free(sp);
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_assert_int_eq(access(other, F_OK), 0);
	free(path);
	free(other);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_byte_broken);
	tcase_add_test(t, every_length);
	tcase_add_test(t, a_torn_batch);
	tcase_add_test(t, a_missing_segment_is_told);
	tcase_add_test(t, what_is_no_spool_is_left_alone);
	return unit_run("spool_load", t);
}
