/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool against a collector that keeps the rules of the wire: it takes the next sequence
 * of an epoch and no other, remembers what it has, and adds up.  Every batch holds COVER
 * records that name it, so what comes twice or changed is seen.  Killed is: what the directory
 * holds at that moment, read by another spool.
 */
#include "sensor/spool.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "sensor/spooldir.h"
#include "tests/unit.h"

enum { NAMES = 20000, EPOCHS = 512, RECORDS = 10, FRAME = SEGMENT_FRAME + 8 };

/* The collector */

struct collector {
	uint64_t epoch[EPOCHS], position[EPOCHS];
	unsigned epochs;
	uint8_t seen[NAMES]; /* records of each batch */
	uint64_t records, lost, losts;
};

static uint64_t *position(struct collector *c, uint64_t epoch)
{
	for (unsigned i = 0; i < c->epochs; i++)
		if (c->epoch[i] == epoch)
			return &c->position[i];
	ck_assert_uint_lt(c->epochs, EPOCHS);
	c->epoch[c->epochs] = epoch;
	c->position[c->epochs] = 0;
	return &c->position[c->epochs++];
}

static void take(struct collector *c, const struct spool_batch *b)
{
	static struct wire_record rec;
	struct wire_reader r;
	uint32_t n = 0;

	wire_reader_begin(&r, cur_of(b->body, b->n));
	for (; wire_reader_next(&r, &rec) > 0; n++) {
		if (rec.kind == WIRE_R_LOST) {
			c->lost += rec.lost.records;
			c->losts++;
			continue;
		}
		ck_assert_int_eq(rec.kind, WIRE_R_COVER);
		ck_assert_uint_lt(rec.cover.start_ms, NAMES);
		ck_assert_uint_lt(++c->seen[rec.cover.start_ms], RECORDS + 1);
		c->records++;
	}
	ck_assert_uint_eq(n, b->records);
	wire_reader_fini(&r);
}

/* As the ledger: what comes again is known, what comes too early is not taken. */
static void deliver(struct collector *c, struct spool *sp, const struct spool_batch *b)
{
	uint64_t *at = position(c, spool_epoch(sp));

	if (b->sequence != *at + 1)
		return;
	take(c, b);
	(*at)++;
}

/* Until nothing is left; 0, or what spool_resume said. */
static int drain(struct collector *c, struct spool *sp)
{
	while (!spool_empty(sp)) {
		uint64_t at = *position(c, spool_epoch(sp)), epoch = spool_epoch(sp);
		struct spool_batch b;
		int rc = spool_resume(sp, at);

		if (rc)
			return rc;
		if (spool_epoch(sp) != epoch || spool_empty(sp))
			continue;
		ck_assert(spool_next(sp, at, &b));
		deliver(c, sp, &b);
		ck_assert_int_eq(spool_ack(sp, at + 1), 0);
	}
	return 0;
}

/* Batches */

static void add_at(struct spool *sp, unsigned name, const struct spool_place *place)
{
	struct cover cover = { .start_ms = name, .end_ms = name + 1 };
	struct wire_writer w = { 0 };

	wire_writer_begin(&w, 0);
	for (int i = 0; i < RECORDS; i++)
		wire_write_cover(&w, &cover);
	ck_assert_int_eq(spool_add(sp, &w, name, name + 1, place), 0);
	wire_writer_fini(&w);
}

static void add(struct spool *sp, unsigned name)
{
	add_at(sp, name, NULL);
}

/* What one batch takes, with a small number for a name. */
static size_t size_of_one(void)
{
	struct spool *sp = spool_new(1 << 20);
	size_t n;

	add(sp, 1);
	n = spool_counts(sp).memory_bytes;
	spool_free(sp);
	return n;
}

static unsigned name_of(const struct spool_batch *b)
{
	static struct wire_record rec;
	struct wire_reader r;
	unsigned name;

	wire_reader_begin(&r, cur_of(b->body, b->n));
	ck_assert_int_eq(wire_reader_next(&r, &rec), 1);
	name = rec.kind == WIRE_R_LOST ? 0 : (unsigned)rec.cover.start_ms;
	wire_reader_fini(&r);
	return name;
}

static void expect(struct spool *sp, uint64_t after, unsigned name)
{
	struct spool_batch b;

	ck_assert(spool_next(sp, after, &b));
	ck_assert_uint_eq(b.sequence, after + 1);
	ck_assert_uint_eq(name_of(&b), name);
}

/* Directories */

static char home[64], dir[96];
static unsigned copies;

static void run(const char *fmt, const char *a, const char *b)
{
	char *command = xasprintf(fmt, a, b);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void setup(void)
{
	/* Where there is memory for it: a disk would be waited for thousands of times. */
	snprintf(home, sizeof(home), "%s/skein-spool-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(home));
	snprintf(dir, sizeof(dir), "%s/0", home);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	copies = 0;
}

static void teardown(void)
{
	run("rm -rf %s%s", home, "");
}

static void slurp(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	int ch;

	ck_assert_ptr_nonnull(f);
	while ((ch = getc(f)) != EOF)
		buf_u8(out, (uint8_t)ch);
	fclose(f);
}

static void dump(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(n ? fwrite(p, 1, n, f) : 0, n);
	fclose(f);
}

/* Every file of FROM into DIR, which is made. */
static void copy_all(const char *from)
{
	struct dirent *entry;
	DIR *d = opendir(from);

	ck_assert_ptr_nonnull(d);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	while ((entry = readdir(d))) {
		struct buf b = { 0 };
		char path[400];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", from, entry->d_name);
		slurp(path, &b);
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		dump(path, b.p, b.n);
		buf_fini(&b);
	}
	closedir(d);
}

static void fresh(void)
{
	teardown();
	setup();
}

static struct spool *open_with(uint64_t cap, bool only_disk)
{
	struct spool_config config = { .cap = cap, .only_disk = only_disk };
	struct err e = { 0 };
	struct spool *sp;

	config.dir = open(dir, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(config.dir, 0);
	sp = spool_open(&config, &e);
	ck_assert_msg(sp != NULL, "%s", e.msg);
	return sp;
}

static struct spool *open_dir(uint64_t cap)
{
	return open_with(cap, false);
}

/* The next spool reads what is there now; this one ends on what nobody reads any more. */
static struct spool *killed(struct spool *sp, uint64_t cap)
{
	char was[96];

	memcpy(was, dir, sizeof(was));
	snprintf(dir, sizeof(dir), "%s/%u", home, ++copies);
	copy_all(was);
	spool_free(sp);
	return open_dir(cap);
}

/* The only file of that ending, its path; "" where there is none. */
static const char *file_of(const char *ending)
{
	static char path[400];
	struct dirent *entry;
	DIR *d = opendir(dir);

	path[0] = 0;
	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)))
		if (strstr(entry->d_name, ending))
			snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
	closedir(d);
	return path;
}

static unsigned files(const char *ending)
{
	struct dirent *entry;
	DIR *d = opendir(dir);
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)))
		n += strstr(entry->d_name, ending) != NULL;
	closedir(d);
	return n;
}

/* In memory */

START_TEST(sequences_have_no_holes)
{
	struct spool *sp = spool_new(1 << 20);
	struct spool_batch b;

	ck_assert(!spool_next(sp, 0, &b));
	for (unsigned i = 1; i <= 5; i++)
		add(sp, i);
	for (unsigned i = 1; i <= 3; i++)
		expect(sp, i - 1U, i);
	ck_assert_uint_eq(spool_sent(sp), 3);
	ck_assert(!spool_next(sp, 4, &b)); /* 4 was never given out */
	ck_assert_int_eq(spool_ack(sp, 4), -ERANGE);
	ck_assert_int_eq(spool_ack(sp, 2), 0);
	ck_assert(!spool_next(sp, 1, &b)); /* 2 is acknowledged */
	expect(sp, 2, 3);		   /* again */
	expect(sp, 3, 4);
	expect(sp, 4, 5);
	ck_assert(!spool_next(sp, 5, &b));
	ck_assert_int_eq(spool_ack(sp, 1), 0); /* an old one changes nothing */
	ck_assert_uint_eq(spool_acked(sp), 2);
	ck_assert_int_eq(spool_ack(sp, 5), 0);
	ck_assert(spool_empty(sp));
	add(sp, 6);
	expect(sp, 5, 6);
	spool_free(sp);
}
END_TEST

START_TEST(only_what_was_never_sent_is_dropped)
{
	struct spool *sp = spool_new(5 * size_of_one());
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 5; i++)
		add(sp, i);
	expect(sp, 0, 1);
	expect(sp, 1, 2);
	ck_assert(!spool_news(sp));
	add(sp, 6); /* drops 3, and 4 to have room for the word on both */
	ck_assert(spool_news(sp));
	ck_assert(!spool_news(sp));
	ck_assert_uint_eq(spool_counts(sp).lost, 2 * RECORDS);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 4 * RECORDS);
	ck_assert_uint_eq(c.lost, 2 * RECORDS);
	ck_assert_uint_eq(c.seen[3] + c.seen[4], 0);
	ck_assert_uint_eq(c.losts, 1);
	ck_assert_uint_eq(c.epochs, 1);
	spool_free(sp);
}
END_TEST

START_TEST(the_newest_batch_and_those_in_flight_stay)
{
	struct spool *sp = spool_new(size_of_one());
	struct collector c = { 0 };

	add(sp, 1);
	expect(sp, 0, 1);
	add(sp, 2); /* one in flight, one newest: above the cap, and kept */
	ck_assert_uint_eq(spool_counts(sp).batches, 2);
	ck_assert_uint_eq(spool_counts(sp).lost, 0);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records, 2 * RECORDS);
	spool_free(sp);
}
END_TEST

START_TEST(a_dropped_loss_is_not_forgotten)
{
	struct spool *sp = spool_new(2 * size_of_one());
	struct collector c = { 0 };

	for (unsigned i = 1; i <= 50; i++)
		add(sp, i);
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_gt(c.lost, 40 * RECORDS);
	ck_assert_uint_eq(c.records + c.lost, 50 * RECORDS);
	spool_free(sp);
}
END_TEST

START_TEST(the_collector_says_where_to_go_on)
{
	struct spool *sp = spool_new(1 << 20);
	uint64_t epoch = spool_epoch(sp);

	for (unsigned i = 1; i <= 6; i++)
		add(sp, i);
	for (unsigned i = 1; i <= 4; i++)
		expect(sp, i - 1U, i);
	ck_assert_int_eq(spool_resume(sp, 2), 0); /* 3 and 4 were lost on the way */
	expect(sp, 2, 3);
	ck_assert_int_eq(spool_resume(sp, 4), 0); /* their acknowledgement was */
	ck_assert_int_eq(spool_resume(sp, 9), -ERANGE);
	ck_assert_int_eq(spool_resume(sp, 1), 0); /* it has forgotten, and we have not */
	ck_assert_uint_eq(spool_counts(sp).batches, 5);
	expect(sp, 1, 2);
	ck_assert_uint_eq(spool_epoch(sp), epoch);
	spool_free(sp);
}
END_TEST

START_TEST(what_the_collector_forgot_is_numbered_anew)
{
	struct spool *sp = spool_new(2 * size_of_one());
	uint64_t epoch = spool_epoch(sp);

	for (unsigned i = 1; i <= 4; i++) {
		add(sp, i);
		expect(sp, i - 1U, i);
	}
	ck_assert_int_eq(spool_ack(sp, 2), 0);
	ck_assert_int_eq(spool_resume(sp, 0), -ESTALE);
	spool_restart(sp);
	ck_assert_uint_ne(spool_epoch(sp), epoch);
	ck_assert_int_eq(spool_resume(sp, 0), 0);
	expect(sp, 0, 3);
	expect(sp, 1, 4);
	add(sp, 5);
	expect(sp, 2, 5);
	spool_free(sp);
}
END_TEST

/* On disk */

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

/* A spool of BATCHES in segments of PART, GIVEN of them given out, as an image. */
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

/* Nothing is doubled, and what did not come was told: exactly, where EXACT. */
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
			snprintf(dir, sizeof(dir), "%s/%u", home, ++copies);
			copy_all(was);
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
		snprintf(dir, sizeof(dir), "%s/%u", home, ++copies);
		copy_all(was);
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

/* Each of three segments, unnumbered and numbered. */
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

/* Random calls, kills and cut links against the rules themselves. */
static void long_run(uint64_t seed, bool on_disk)
{
	const uint64_t cap = 60 * size_of_one();
	struct spool *sp = on_disk ? open_dir(cap) : spool_new(cap);
	static struct collector c;
	uint64_t at = 0, epoch = 0;
	unsigned added = 0;

	memset(&c, 0, sizeof(c));
	for (int step = 0; step < 6000; step++) {
		struct spool_batch b;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (spool_epoch(sp) != epoch) { /* a new connection */
			epoch = spool_epoch(sp);
			at = *position(&c, epoch);
			ck_assert_int_eq(spool_resume(sp, at), 0);
			continue;
		}
		switch (seed >> 60) {
		case 0 ... 6:
			add(sp, ++added);
			break;
		case 7 ... 9:
			if (at - spool_acked(sp) < 8 && spool_next(sp, at, &b)) {
				deliver(&c, sp, &b);
				at++;
			}
			break;
		case 10:
			at = *position(&c, epoch); /* a cut link */
			ck_assert_int_eq(spool_resume(sp, at), 0);
			break;
		case 11:
			if (on_disk && (seed >> 50 & 31) == 0) {
				sp = killed(sp, cap);
				epoch = 0;
			}
			break;
		default:
			if (at > spool_acked(sp))
				ck_assert_int_eq(spool_ack(sp, spool_acked(sp) + 1), 0);
		}
	}
	ck_assert_int_eq(drain(&c, sp), 0);
	ck_assert_uint_eq(c.records + c.lost, (uint64_t)added * RECORDS);
	ck_assert_uint_gt(c.lost, 0);
	spool_free(sp);
}

START_TEST(long_runs_keep_order)
{
	for (uint64_t seed = 1; seed <= 20; seed++)
		long_run(seed, false);
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
	tcase_add_test(t, sequences_have_no_holes);
	tcase_add_test(t, only_what_was_never_sent_is_dropped);
	tcase_add_test(t, the_newest_batch_and_those_in_flight_stay);
	tcase_add_test(t, a_dropped_loss_is_not_forgotten);
	tcase_add_test(t, the_collector_says_where_to_go_on);
	tcase_add_test(t, what_the_collector_forgot_is_numbered_anew);
	tcase_add_test(t, a_killed_sensor_loses_nothing);
	tcase_add_test(t, an_end_in_order_leaves_what_was_not_acknowledged);
	tcase_add_test(t, the_cap_on_disk_drops_the_oldest);
	tcase_add_test(t, a_place_outlives_its_batches);
	tcase_add_test(t, every_byte_broken);
	tcase_add_test(t, every_length);
	tcase_add_test(t, a_torn_batch);
	tcase_add_test(t, a_missing_segment_is_told);
	tcase_add_test(t, what_is_no_spool_is_left_alone);
	tcase_add_test(t, a_directory_that_goes_read_only);
	tcase_add_test(t, long_runs_keep_order);
	tcase_add_test(t, long_runs_on_disk_with_kills);
	return unit_run("spool", t);
}
