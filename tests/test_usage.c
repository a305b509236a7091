/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/usage.h"

#include <check.h>
#include <malloc.h>
#include <time.h>

#include "sensor/usage_parts.h"
#include "tests/treekit.h"
#include "tests/unit.h"

enum { START = 1200000000, STEP = USAGE_SAMPLE_MS }; /* at the border of a slot */

static struct usage_table *table;
static struct usage_reading *reading;

static void setup(void)
{
	table = calloc(1, sizeof(*table));
	reading = calloc(1, sizeof(*reading));
	reading->now_ms = START;
	reading->boot_ms = 5000;
	reading->has_cpu = reading->has_memory = true;
	reading->memory_bytes = 1000;
}

static void teardown(void)
{
	free(table);
	free(reading);
}

static void step(uint64_t ms)
{
	usage_add(table, reading);
	reading->now_ms += ms;
	reading->boot_ms += ms;
}

static const struct usage *record(enum usage_metric metric, const char *device)
{
	for (unsigned i = 0; i < table->done_n; i++)
		if (table->done[i].u.metric == metric &&
		    strcmp(table->done[i].device, device) == 0)
			return &table->done[i].u;
	return NULL;
}

static void check(enum usage_metric metric, const char *device, unsigned samples,
		  uint64_t mean, uint64_t max)
{
	const struct usage *u = record(metric, device);

	ck_assert_msg(u != NULL, "metric %d of \"%s\"", (int)metric, device);
	ck_assert_uint_eq(u->samples, samples);
	ck_assert_uint_eq(u->mean, mean);
	ck_assert_uint_eq(u->max, max);
}

static struct usage_device *disk(const char *name)
{
	return usage_device_of(&reading->disks, name);
}

START_TEST(a_slot_has_thirty_samples_their_mean_and_maximum)
{
	unsigned n = 0;

	reading->now_ms += 7000; /* samples stand off the border */
	for (unsigned i = 0; i <= 61; i++) {
		step(STEP);
		reading->cpu[0] += i == 40 ? 2000 : 1000; /* user */
		reading->cpu[3] += i == 40 ? 0 : 1000;	  /* idle */
		disk("sda")->counter[0] += 200;
		disk("sda")->counter[3] += i == 40 ? 4000 : 40;
		if (!table->done_n)
			continue;
		n++;
		check(USAGE_MEMORY, "", 30, 1000, 1000);
		ck_assert_uint_eq(table->done[0].u.end_ms, START + n * USAGE_SLOT_MS);
		if (n == 1) {
			ck_assert_uint_eq(table->done[0].u.start_ms, START + 7000);
			check(USAGE_CPU, "", 30, 500, 500);
		} else {
			ck_assert_uint_eq(table->done[0].u.start_ms, START + USAGE_SLOT_MS);
			check(USAGE_CPU, "", 30, 517, 1000);
			check(USAGE_DISK_READ_OPS, "sda", 30, 10000, 10000);
			check(USAGE_DISK_WRITE_OPS, "sda", 30, 0, 0);
			check(USAGE_DISK_WRITE_BYTES, "sda", 30,
			      (29 * 1024 + 102400 + 15) / 30, 102400);
			ck_assert_uint_eq(table->done_n, 6);
		}
		table->done_n = 0;
	}
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(table->lost, 0);
}
END_TEST

START_TEST(one_sample_tells_nothing)
{
	disk("sda")->counter[0] = 1000000;
	step(STEP);
	usage_finish(table);
	ck_assert_uint_eq(table->done_n, 0);
}
END_TEST

START_TEST(the_end_of_a_watch_tells_what_there_is)
{
	for (unsigned i = 0; i < 4; i++)
		step(STEP);
	usage_finish(table);
	ck_assert_uint_eq(table->done[0].u.start_ms, START);
	ck_assert_uint_eq(table->done[0].u.end_ms, START + 3 * STEP);
	check(USAGE_MEMORY, "", 3, 1000, 1000);
}
END_TEST

/* Field by field: user, nice, system, idle, iowait, irq, softirq, steal. */
START_TEST(steal_is_busy_and_waiting_is_not)
{
	static const unsigned busy[USAGE_CPU_FIELDS] = { 500, 500, 500, 0, 0, 500, 500, 500 };

	step(STEP);
	reading->cpu[3] += 100;
	reading->cpu[_i] += 100;
	step(STEP);
	usage_finish(table);
	check(USAGE_CPU, "", 1, busy[_i], busy[_i]);
}
END_TEST

START_TEST(a_field_that_goes_back_is_nothing)
{
	reading->cpu[4] = 50;
	reading->cpu[0] = 10;
	step(STEP);
	reading->cpu[4] = 20;
	reading->cpu[0] = 110;
	reading->cpu[3] += 300;
	step(STEP);
	usage_finish(table);
	check(USAGE_CPU, "", 1, 250, 250);
}
END_TEST

static const struct {
	uint64_t before, now;
	bool told;
	uint64_t ops;
} counters[] = {
	{ 0, 20, true, 1000 },
	{ 20, 20, true, 0 },
	{ 4294967290u, 14, true, 1000 }, /* 32 bits, round once */
	{ 4294967290u, 4000000000u, false, 0 },
	{ 1000, 0, false, 0 }, /* another disk of that name, or set back */
	{ UINT64_MAX, 5, false, 0 },
	{ 0, UINT64_MAX, true, 1ull << 53 },
};

START_TEST(counters_wrap_and_are_set_back)
{
	disk("sda")->counter[0] = counters[_i].before;
	step(STEP);
	disk("sda")->counter[0] = counters[_i].now;
	step(STEP);
	usage_finish(table);
	if (counters[_i].told)
		check(USAGE_DISK_READ_OPS, "sda", 1, counters[_i].ops, counters[_i].ops);
	else
		ck_assert_ptr_null(record(USAGE_DISK_READ_OPS, "sda"));
}
END_TEST

START_TEST(a_disk_comes_and_goes)
{
	step(STEP);
	disk("sdb")->counter[0] = 1000000; /* what it did before is not ours */
	step(STEP);
	disk("sdb")->counter[0] += 40;
	step(STEP);
	reading->disks.n = 0; /* unplugged */
	step(STEP);
	disk("sdb")->counter[0] = 9000000; /* plugged again: another */
	step(STEP);
	reading->disks.n = 0;
	step(STEP);
	usage_finish(table);
	check(USAGE_DISK_READ_OPS, "sdb", 1, 2000, 2000);
	ck_assert_uint_eq(table->disks.n, 0);
}
END_TEST

/* Wall time jumps, the machine sleeps, a timer comes too soon or late. */
static const struct {
	int64_t wall, boot;
	unsigned samples;
	uint64_t ops;
} gaps[] = {
	{ 20000, 20000, 1, 1000 },  { 25000, 25000, 1, 800 },	  { 90000, 90000, 1, 222 },
	{ 90001, 90001, 0, 0 },	    { 3600000, 3600000, 0, 0 },	  { 999, 999, 0, 0 },
	{ -50000, 20000, 1, 1000 }, { 86400000, 20000, 1, 1000 }, { 20000, -20000, 0, 0 },
};

START_TEST(time_does_what_it_likes)
{
	const struct usage *u;

	reading->now_ms += 300000;
	reading->boot_ms += 300000;
	disk("sda")->counter[0] = 0;
	usage_add(table, reading);
	reading->now_ms += (uint64_t)gaps[_i].wall;
	reading->boot_ms += (uint64_t)gaps[_i].boot;
	disk("sda")->counter[0] = 20;
	usage_add(table, reading);
	usage_finish(table);
	u = record(USAGE_DISK_READ_OPS, "sda");
	ck_assert_uint_eq(u ? u->samples : 0, gaps[_i].samples);
	if (u)
		ck_assert_uint_eq(u->mean, gaps[_i].ops);
	for (unsigned i = 0; i < table->done_n; i++)
		ck_assert_uint_le(table->done[i].u.start_ms, table->done[i].u.end_ms);
}
END_TEST

static void seventy_disks(unsigned first, unsigned n)
{
	char name[SYS_NAME];

	reading->disks.n = reading->disks.folded = 0;
	reading->disks.folded_hash = 0;
	for (unsigned i = first; i < first + n; i++) {
		snprintf(name, sizeof(name), "d%03u", i);
		disk(name)->counter[0] += 1000 + reading->boot_ms / 1000;
	}
}

START_TEST(what_does_not_fit_is_other)
{
	seventy_disks(0, 70);
	step(STEP);
	seventy_disks(0, 70);
	step(STEP);
	seventy_disks(0, 71); /* one more: its thousand operations are not of this interval */
	step(STEP);
	seventy_disks(0, 71);
	step(STEP);
	usage_finish(table);
	check(USAGE_DISK_READ_OPS, "d000", 3, 1000, 1000);
	check(USAGE_DISK_READ_OPS, "d063", 3, 1000, 1000);
	ck_assert_ptr_null(record(USAGE_DISK_READ_OPS, "d064"));
	check(USAGE_DISK_READ_OPS, "other", 2, 6500, 7000);
	ck_assert_uint_eq(table->done_n, 1 + 65 * 4); /* with memory */
	for (unsigned i = 2; i < table->done_n; i++)  /* by metric, then by name */
		ck_assert(table->done[i - 1].u.metric < table->done[i].u.metric ||
			  strcmp(table->done[i - 1].device, table->done[i].device) < 0);
}
END_TEST

START_TEST(a_storm_of_new_names_is_counted)
{
	for (unsigned i = 0; i < 3; i++) {
		seventy_disks(i * 100, 64);
		step(STEP);
	}
	usage_finish(table);
	ck_assert_uint_eq(table->lost, 63 + 64);
	ck_assert_uint_le(table->disks.n, USAGE_DEVICES + 1);
}
END_TEST

START_TEST(records_that_nobody_takes_are_counted)
{
	for (unsigned i = 0; i < 95; i++)
		step(STEP);
	usage_finish(table);
	ck_assert_uint_gt(table->lost, 0);
}
END_TEST

/* From files */

static struct usage taken[512];
static char taken_device[512][SYS_NAME];
static unsigned taken_n;

static void take(void *ctx, const struct usage *u)
{
	(void)ctx;
	ck_assert_uint_lt(taken_n, 512);
	taken[taken_n] = *u;
	snprintf(taken_device[taken_n++], SYS_NAME, "%s", u->device);
}

static const struct usage *told(enum usage_metric metric, const char *device)
{
	for (unsigned i = 0; i < taken_n; i++)
		if (taken[i].metric == metric && strcmp(taken_device[i], device) == 0)
			return &taken[i];
	return NULL;
}

static struct tree_file *file_of(struct tree *t, const char *name)
{
	for (unsigned i = 0; i < t->files; i++)
		if (strcmp(t->file[i].path + strlen(t->root), name) == 0)
			return &t->file[i];
	ck_abort_msg("no %s", name);
	return NULL;
}

/* Two samples 20 s apart, between which "OLD" became "NEW". */
static void two_samples(const char *tree, const char *file, const char *old, const char *new)
{
	struct tree *t = tree_open(tree);
	struct usage_meter *u = usage_new(t->root);
	struct tree_file *f = file_of(t, file);
	struct buf b = { 0 };
	char *at = strstr(f->data, old);

	ck_assert_ptr_nonnull(at);
	usage_sample(u, START, 1000);
	buf_put(&b, f->data, (size_t)(at - f->data));
	buf_str(&b, new);
	buf_put(&b, at + strlen(old), f->n - (size_t)(at - f->data) - strlen(old));
	tree_put(f, b.p, b.n);
	usage_sample(u, START + STEP, 1000 + STEP);
	usage_close(u);
	taken_n = 0;
	usage_take(u, START + STEP, take, NULL);
	usage_free(u);
	buf_fini(&b);
	tree_close(t);
}

static void check_told(enum usage_metric metric, const char *device, uint64_t mean)
{
	const struct usage *u = told(metric, device);

	ck_assert_msg(u != NULL, "%s", device);
	ck_assert_uint_eq(u->mean, mean);
}

START_TEST(disks_are_counted_once_whatever_stands_on_them)
{
	two_samples("stacked", "/proc/diskstats", "dm-0 150 0 1200 18 300 0 2400",
		    "dm-0 170 0 1240 18 300 0 2800");
	check_told(USAGE_DISK_READ_OPS, "mpatha", 1000);
	check_told(USAGE_DISK_READ_BYTES, "mpatha", 1024);
	check_told(USAGE_DISK_WRITE_OPS, "mpatha", 0);
	check_told(USAGE_DISK_WRITE_BYTES, "mpatha", 10240);
	check_told(USAGE_DISK_READ_OPS, "nvme2n1", 0);
	ck_assert_uint_eq(taken_n, 4 * 4); /* mpatha, mpathb, nvme1n1, nvme2n1: no other */
}
END_TEST

START_TEST(paths_of_an_nvme_disk_count_where_it_does_not_itself)
{
	two_samples("stacked", "/proc/diskstats", "nvme1c1n1 3 0 24 1 4",
		    "nvme1c1n1 23 0 24 1 44");
	check_told(USAGE_DISK_READ_OPS, "nvme1n1", 1000);
	check_told(USAGE_DISK_WRITE_OPS, "nvme1n1", 2000);
	ck_assert_ptr_null(told(USAGE_DISK_READ_OPS, "nvme1c1n1"));
}
END_TEST

START_TEST(cards_are_counted_and_what_stands_on_them_is_not)
{
	two_samples("dell-uefi", "/proc/net/dev", "eno1: 1000 10 0 0 0 0 0 0 2000",
		    "eno1: 41000 10 0 0 0 0 0 0 2010");
	check_told(USAGE_NIC_RX_BYTES, "eno1", 2000);
	check_told(USAGE_NIC_TX_BYTES, "eno1", 1);
	check_told(USAGE_NIC_TX_BYTES, "eno2", 0);
	ck_assert_ptr_null(told(USAGE_NIC_RX_BYTES, "bond0"));
	ck_assert_ptr_null(told(USAGE_NIC_RX_BYTES, "bond0.30"));

	two_samples("azure", "/proc/net/dev", "eth0:1000", "eth0:21000");
	check_told(USAGE_NIC_RX_BYTES, "eth0", 1000);
	ck_assert_ptr_null(told(USAGE_NIC_RX_BYTES, "enP1s1"));
	ck_assert_ptr_null(told(USAGE_NIC_RX_BYTES, "lo"));
}
END_TEST

/* A LUN gets its second path and its name while the sensor runs. */
START_TEST(a_disk_that_becomes_a_path_is_let_go)
{
	struct tree *t = tree_open("stacked");
	struct usage_meter *u = usage_new(t->root);
	char path[SYS_PATH * 2];
	uint64_t at = START;

	snprintf(path, sizeof(path), "%s/sys/block/sdc/holders/dm-3", t->root);
	ck_assert_int_eq(unlink(path), 0);
	for (unsigned i = 0; i < 80; i++, at += STEP) {
		if (i == 4) {
			snprintf(path, sizeof(path), "%s/sys/block/sdc/holders/dm-3", t->root);
			ck_assert_int_eq(symlink("../dm-3", path), 0);
		}
		usage_sample(u, at, at);
		taken_n = 0;
		usage_take(u, at, take, NULL);
		if (taken_n && at < START + 2 * USAGE_SLOT_MS)
			ck_assert_ptr_nonnull(told(USAGE_DISK_READ_OPS, "sdc"));
	}
	usage_close(u);
	taken_n = 0;
	usage_take(u, at, take, NULL);
	ck_assert_ptr_null(told(USAGE_DISK_READ_OPS, "sdc"));
	ck_assert_ptr_nonnull(told(USAGE_DISK_READ_OPS, "mpathb"));
	usage_free(u);
	tree_close(t);
}
END_TEST

START_TEST(cut_and_junk)
{
	static const char *const files[] = { "/proc/diskstats", "/proc/net/dev", "/proc/stat",
					     "/proc/meminfo" };
	static char junk[70000];
	struct tree *t = tree_open(_i == 0 ? "stacked" : "dell-uefi");
	struct tree_file *f = file_of(t, files[_i]);
	struct usage_meter *u = usage_new(t->root);
	uint64_t at = START;
	uint32_t x = 1;

	taken_n = 0;
	for (size_t n = 0; n <= f->n; n++, at += STEP) {
		tree_put(f, f->data, n);
		usage_sample(u, at, at);
	}
	for (unsigned k = 0; k < 64; k++, at += STEP) {
		for (size_t i = 0; i < sizeof(junk); i++) {
			x = x * 1664525 + 1013904223;
			junk[i] = k % 2 ? (char)(x >> 24) : "0123456789 \n:csd"[x >> 28];
		}
		if (k % 4 < 2)
			memcpy(junk, f->data, f->n);
		tree_put(f, junk, sizeof(junk));
		usage_sample(u, at, at);
	}
	usage_close(u);
	usage_take(u, at, take, NULL);
	for (unsigned i = 0; i < taken_n; i++)
		ck_assert_uint_le(taken[i].max, 1ull << 53);
	usage_free(u);
	tree_close(t);
}
END_TEST

/* This machine: no memory is taken after the first samples, and a sample is cheap. */
START_TEST(no_growth)
{
	struct usage_meter *u = usage_new("");
	uint64_t at = START;
	size_t before = 0;

	for (unsigned i = 0; i < 200; i++, at += STEP) {
		if (i == 5)
			before = mallinfo2().uordblks;
		usage_sample(u, at, at);
		taken_n = 0;
		usage_take(u, at, take, NULL);
	}
	ck_assert_uint_eq(mallinfo2().uordblks, before);
	ck_assert_uint_eq(usage_lost(u), 0);
	usage_free(u);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("usage");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_slot_has_thirty_samples_their_mean_and_maximum);
	tcase_add_test(t, one_sample_tells_nothing);
	tcase_add_test(t, the_end_of_a_watch_tells_what_there_is);
	tcase_add_loop_test(t, steal_is_busy_and_waiting_is_not, 0, USAGE_CPU_FIELDS);
	tcase_add_test(t, a_field_that_goes_back_is_nothing);
	tcase_add_loop_test(t, counters_wrap_and_are_set_back, 0,
			    sizeof(counters) / sizeof(counters[0]));
	tcase_add_test(t, a_disk_comes_and_goes);
	tcase_add_loop_test(t, time_does_what_it_likes, 0, sizeof(gaps) / sizeof(gaps[0]));
	tcase_add_test(t, what_does_not_fit_is_other);
	tcase_add_test(t, a_storm_of_new_names_is_counted);
	tcase_add_test(t, records_that_nobody_takes_are_counted);
	tcase_add_test(t, disks_are_counted_once_whatever_stands_on_them);
	tcase_add_test(t, paths_of_an_nvme_disk_count_where_it_does_not_itself);
	tcase_add_test(t, cards_are_counted_and_what_stands_on_them_is_not);
	tcase_add_test(t, a_disk_that_becomes_a_path_is_let_go);
	tcase_add_loop_test(t, cut_and_junk, 0, 4);
	tcase_add_test(t, no_growth);
	return unit_run("usage", t);
}
