/* SPDX-License-Identifier: Apache-2.0 */
/* The spool on disk, and who is killed. */
#include "sensor/spool.h"

#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/spoolkit.h"
#include "tests/unit.h"

START_TEST(a_killed_sensor_loses_nothing)
{
	struct spool *sp = open_dir(1 << 20);
	struct collector c = { 0 };
	uint64_t epoch;

	for (unsigned i = 1; i <= 10; i++)
		add(sp, i);
	epoch = spool_epoch(sp);
	for (unsigned i = 1; i <= 4; i++) {
		struct spool_batch b;

		ck_assert(spool_next(sp, i - 1, &b));
		deliver(&c, sp, &b); /* and no acknowledgement comes back */
	}
	sp = killed(sp, 1 << 20);
	ck_assert_uint_eq(spool_epoch(sp), epoch);
	ck_assert_uint_eq(spool_counts(sp).batches, 10);
	add(sp, 11);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 11 * RECORDS);
	ck_assert_uint_eq(c.lost, 0);
	ck_assert_uint_eq(c.epochs, 2); /* what comes now begins a new run */
	spool_free(sp);
	ck_assert_uint_eq(files(".seg"), 0);
}
END_TEST

START_TEST(an_end_in_order_leaves_what_was_not_acknowledged)
{
	struct spool *sp = open_dir(1 << 20);
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 3; i++)
		add(sp, i);
	ck_assert(spool_durable(sp));
	spool_free(sp);
	sp = open_dir(1 << 20);
	ck_assert_uint_eq(spool_counts(sp).batches, 3);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 3 * RECORDS);
	spool_free(sp);
}
END_TEST

START_TEST(the_cap_on_disk_drops_the_oldest)
{
	const uint64_t cap = 40 * size_of_one();
	struct spool *sp = open_dir(cap);
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 300; i++) {
		add(sp, i);
		ck_assert_uint_le(spool_counts(sp).disk_bytes, cap);
		if (i % 50 == 0)
			sp = killed(sp, cap);
	}
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records + c.lost, 300 * RECORDS);
	ck_assert_uint_gt(c.records, 20 * RECORDS);
	ck_assert_uint_eq(c.seen[300], RECORDS);
	ck_assert_uint_eq(c.seen[1], 0);
	ck_assert_uint_eq(files(".gone"), 0);
	spool_free(sp);
}
END_TEST

START_TEST(a_place_outlives_its_batches)
{
	struct spool_place place = { 0 };
	struct collector c = { 0 };
	struct spool *sp = open_dir(1 << 20);

	ck_assert_uint_eq(spool_place(sp).order, 0);
	for (unsigned i = 1; i <= 9; i++) {
		place.order = i;
		place.v[0] = 1000 + i;
		add_at(sp, i, &place);
	}
	sp = killed(sp, 1 << 20);
	ck_assert_uint_eq(spool_place(sp).v[0], 1009);
	ck_assert_int_eq(drain(&c, sp), 0);
	spool_free(sp);
	ck_assert_uint_eq(files(".seg"), 0);
	sp = open_dir(1 << 20);
	ck_assert_uint_eq(spool_place(sp).order, 9);
	ck_assert_uint_eq(spool_place(sp).v[0], 1009);
	ck_assert(spool_place_known(sp));
	spool_free(sp);
	ck_assert_int_eq(truncate(file_of("place"), 10), 0);
	sp = open_dir(1 << 20);
	ck_assert(!spool_place_known(sp));
	spool_free(sp);
}
END_TEST

START_TEST(a_directory_that_goes_read_only)
{
	struct collector c = { 0 };
	struct spool *sp;

	if (geteuid() == 0) { /* no mode stops root */
		ck_assert_int_eq(chown(home, 65534, 65534) | chown(dir, 65534, 65534), 0);
		ck_assert_int_eq(setegid(65534) | seteuid(65534), 0);
	}
	sp = open_dir(1 << 20);
	add(sp, 1);
	ck_assert_int_eq(chmod(dir, 0500), 0);
	for (unsigned i = 2; i <= 200; i++)
		add(sp, i);
	ck_assert(!spool_durable(sp));
	ck_assert_int_eq(chmod(dir, 0700), 0);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records + c.lost, 200 * RECORDS);
	spool_free(sp);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0) | setegid(0), 0);
}
END_TEST

START_TEST(long_runs_on_disk_with_kills)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		fresh();
		long_run(seed, true);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_killed_sensor_loses_nothing);
	tcase_add_test(t, an_end_in_order_leaves_what_was_not_acknowledged);
	tcase_add_test(t, the_cap_on_disk_drops_the_oldest);
	tcase_add_test(t, a_place_outlives_its_batches);
	tcase_add_test(t, a_directory_that_goes_read_only);
	tcase_add_test(t, long_runs_on_disk_with_kills);
	return unit_run("spool_keep", t);
}
