/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool against a collector that keeps the rules of the wire: it takes the next sequence
 * of an epoch and no other, remembers what it has, and adds up.  Every batch holds COVER
 * records that name it, so what comes twice or changed is seen.  Killed is: what the directory
 * holds at that moment, read by another spool.
 */
#ifndef TESTS_SPOOLKIT_H
#define TESTS_SPOOLKIT_H

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
#include "sensor/spool.h"
#include "sensor/spooldir.h"

enum { NAMES = 20000, EPOCHS = 512, RECORDS = 10, FRAME = SEGMENT_FRAME + 8 };

/* The collector */

struct collector {
	uint64_t epoch[EPOCHS], position[EPOCHS];
	unsigned epochs;
	uint8_t seen[NAMES]; /* records of each batch */
	uint64_t records, lost, losts;
};

static inline uint64_t *position(struct collector *c, uint64_t epoch)
{
	for (unsigned i = 0; i < c->epochs; i++)
		if (c->epoch[i] == epoch)
			return &c->position[i];
	ck_assert_uint_lt(c->epochs, EPOCHS);
	c->epoch[c->epochs] = epoch;
	c->position[c->epochs] = 0;
	return &c->position[c->epochs++];
}

static inline void take(struct collector *c, const struct spool_batch *b)
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
static inline void deliver(struct collector *c, struct spool *sp, const struct spool_batch *b)
{
	uint64_t *at = position(c, spool_epoch(sp));

	if (b->sequence != *at + 1)
		return;
	take(c, b);
	(*at)++;
}

/* Until nothing is left; 0, or what spool_resume said. */
static inline int drain(struct collector *c, struct spool *sp)
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

static inline void add_at(struct spool *sp, unsigned name, const struct spool_place *place)
{
	struct cover cover = { .start_ms = name, .end_ms = name + 1 };
	struct wire_writer w = { 0 };

	wire_writer_begin(&w, 0);
	for (int i = 0; i < RECORDS; i++)
		wire_write_cover(&w, &cover);
	ck_assert_int_eq(spool_add(sp, &w, name, name + 1, place), 0);
	wire_writer_fini(&w);
}

static inline void add(struct spool *sp, unsigned name)
{
	add_at(sp, name, NULL);
}

/* What one batch takes, with a small number for a name. */
static inline size_t size_of_one(void)
{
	struct spool *sp = spool_new(1 << 20);
	size_t n;

	add(sp, 1);
	n = spool_counts(sp).memory_bytes;
	spool_free(sp);
	return n;
}

static inline unsigned name_of(const struct spool_batch *b)
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

static inline void expect(struct spool *sp, uint64_t after, unsigned name)
{
	struct spool_batch b;

	ck_assert(spool_next(sp, after, &b));
	ck_assert_uint_eq(b.sequence, after + 1);
	ck_assert_uint_eq(name_of(&b), name);
}

/* Directories */

static char home[64], dir[96];
static unsigned copies;

static inline void run(const char *fmt, const char *a, const char *b)
{
	char *command = xasprintf(fmt, a, b);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static inline void setup(void)
{
	/* Where there is memory for it: a disk would be waited for thousands of times. */
	snprintf(home, sizeof(home), "%s/skein-spool-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(home));
	snprintf(dir, sizeof(dir), "%s/0", home);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	copies = 0;
}

static inline void teardown(void)
{
	run("rm -rf %s%s", home, "");
}

static inline void slurp(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	int ch;

	ck_assert_ptr_nonnull(f);
	while ((ch = getc(f)) != EOF)
		buf_u8(out, (uint8_t)ch);
	fclose(f);
}

static inline void dump(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(n ? fwrite(p, 1, n, f) : 0, n);
	fclose(f);
}

/* Every file of the directory into another one, which takes its place. */
static inline void move_on(void)
{
	struct dirent *entry;
	char from[96];
	DIR *d;

	memcpy(from, dir, sizeof(from));
	snprintf(dir, sizeof(dir), "%s/%u", home, ++copies);
	d = opendir(from);
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

static inline void fresh(void)
{
	teardown();
	setup();
}

static inline struct spool *open_dir(uint64_t cap)
{
	struct spool_config config = { .cap = cap };
	struct err e = { 0 };
	struct spool *sp;

	config.dir = open(dir, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(config.dir, 0);
	sp = spool_open(&config, &e);
	ck_assert_msg(sp != NULL, "%s", e.msg);
	return sp;
}

/* The next spool reads what is there now; this one ends on what nobody reads any more. */
static inline struct spool *killed(struct spool *sp, uint64_t cap)
{
	move_on();
	spool_free(sp);
	return open_dir(cap);
}

/* The only file of that ending, its path; "" where there is none. */
static inline const char *file_of(const char *ending)
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

static inline unsigned files(const char *ending)
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

/* Random calls, kills and cut links against the rules themselves. */
static inline void long_run(uint64_t seed, bool on_disk)
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

#endif
