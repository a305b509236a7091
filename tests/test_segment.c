/* SPDX-License-Identifier: Apache-2.0 */
/* With SKEIN_SEEDS=DIR it writes the seeds of fuzz_segment. */
#include "sensor/segment.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit.h"

enum { BATCHES = 5, BODY = 40 };

static const struct segment_key key = { 7, 0x1234567890abcdef };

/* Batch I has 10 + I records; number 3 carries a loss of 100. */
static struct segment_note note_of(unsigned i, uint64_t before)
{
	struct segment_note n = { .index = i,
				  .first = 1000,
				  .before = before,
				  .self = { 50000 + i * 1000, 50999 + i * 1000, 10 + i },
				  .place = { i + 1, { 1, 2, 3, 4 } } };

	if (i == 3) {
		n.carried = (struct lost){ 100, 200, 100 };
		n.told_from = 10;
		n.told_to = 20;
	}
	return n;
}

/* Where each batch begins, and where all end. */
static void build(struct buf *out, size_t at[BATCHES + 1])
{
	uint64_t before = 1000;
	uint8_t body[BODY + BATCHES];

	for (unsigned i = 0; i < BATCHES; i++) {
		struct segment_note n = note_of(i, before);

		memset(body, (int)(0xa0 + i), sizeof(body));
		at[i] = out->n;
		segment_put(out, &key, &n, body, BODY + i);
		before += segment_loss(&n).records;
	}
	at[BATCHES] = out->n;
}

struct told {
	unsigned good, bits; /* bit I: batch I came as it was */
	unsigned holes;
	struct lost lost;
	size_t damaged;
	uint64_t after;
	uint32_t next;
};

static struct told read_all(const void *p, size_t n)
{
	struct segment_reader r;
	struct segment_entry e;
	enum segment_found found;
	struct told t = { 0 };

	segment_read(&r, &key, p, n);
	while ((found = segment_next(&r, &e)) != SEGMENT_END) {
		ck_assert_uint_eq(e.index, t.next);
		ck_assert_uint_ge(e.count, 1);
		t.next += e.count;
		if (found == SEGMENT_HOLE) {
			t.holes += e.count;
			lost_merge(&t.lost, &e.lost);
			continue;
		}
		ck_assert_uint_eq(e.note.self.records, 10 + e.index);
		ck_assert_uint_eq(e.note.length, BODY + e.index);
		for (unsigned i = 0; i < BODY; i++)
			ck_assert_uint_eq(e.body[i], 0xa0 + e.index);
		t.bits |= 1u << e.index;
		t.good++;
	}
	t.damaged = r.damaged;
	t.after = r.before;
	return t;
}

START_TEST(what_was_put_is_read)
{
	size_t at[BATCHES + 1];
	struct buf b = { 0 };
	struct told t;

	build(&b, at);
	t = read_all(b.p, b.n);
	ck_assert_uint_eq(t.good, BATCHES);
	ck_assert_uint_eq(t.holes + t.damaged, 0);
	ck_assert_uint_eq(t.after, 1000 + 10 + 11 + 12 + 100 + 14);
	ck_assert_uint_eq(at[1] - at[0], SEGMENT_FRAME + BODY);
	buf_fini(&b);
}
END_TEST

static uint64_t weight_of(unsigned i)
{
	return i == 3 ? 100 : 10 + i;
}

/* A copy of its own, so that a sanitizer sees every step beyond it. */
static struct told read_copy(const void *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct told t;

	ck_assert_ptr_nonnull(copy);
	if (n)
		memcpy(copy, p, n);
	t = read_all(copy, n);
	free(copy);
	return t;
}

/* One broken byte in a note loses nothing, one in a body that batch, by exactly its weight. */
START_TEST(every_byte_broken)
{
	static const uint8_t with[] = { 0xff, 0x01, 0x80 };
	size_t at[BATCHES + 1];
	struct buf b = { 0 };

	build(&b, at);
	for (size_t i = 0; i < b.n * 3; i++) {
		size_t where = i / 3;
		unsigned batch = 0;
		bool in_body;
		struct told t;

		while (where >= at[batch + 1])
			batch++;
		in_body = where >= at[batch] + SEGMENT_NOTE &&
			  where < at[batch + 1] - SEGMENT_NOTE;
		b.p[where] ^= with[i % 3];
		t = read_copy(b.p, b.n);
		b.p[where] ^= with[i % 3];
		ck_assert_uint_eq(t.good, BATCHES - in_body);
		ck_assert_uint_eq(t.holes, in_body);
		ck_assert_uint_eq(t.lost.records, in_body ? weight_of(batch) : 0);
		ck_assert_uint_eq(t.next, BATCHES);
		ck_assert_uint_eq(t.bits & ~(1u << batch), 0x1fu & ~(1u << batch));
		if (in_body && batch != 3)
			ck_assert_uint_eq(t.lost.start_ms, 50000 + batch * 1000);
	}
	buf_fini(&b);
}
END_TEST

START_TEST(every_length)
{
	size_t at[BATCHES + 1];
	struct buf b = { 0 };

	build(&b, at);
	for (size_t n = 0; n <= b.n; n++) {
		unsigned whole = 0;
		bool noted;
		struct told t = read_copy(b.p, n);

		while (whole < BATCHES && n >= at[whole + 1] - SEGMENT_NOTE)
			whole++;
		noted = whole < BATCHES && n >= at[whole] + SEGMENT_NOTE;
		ck_assert_uint_eq(t.good, whole);
		ck_assert_uint_eq(t.holes, noted);
		ck_assert_uint_eq(t.lost.records, noted ? weight_of(whole) : 0);
	}
	buf_fini(&b);
}
END_TEST

/* Of a batch nothing is left: the next one says what it weighed. */
START_TEST(a_stretch_of_zeroes)
{
	size_t at[BATCHES + 1];
	struct buf b = { 0 };

	for (unsigned from = 0; from < BATCHES; from++)
		for (unsigned to = from + 1; to <= BATCHES; to++) {
			uint64_t weight = 0;
			struct told t;

			buf_reset(&b);
			build(&b, at);
			memset(b.p + at[from], 0, at[to] - at[from]);
			for (unsigned i = from; i < to; i++)
				weight += weight_of(i);
			t = read_copy(b.p, b.n);
			ck_assert_uint_eq(t.good, BATCHES - (to - from));
			if (to == BATCHES) { /* nothing says that there was more */
				ck_assert_uint_eq(t.holes, 0);
				ck_assert_uint_eq(t.damaged, at[to] - at[from]);
				continue;
			}
			ck_assert_uint_eq(t.holes, to - from);
			ck_assert_uint_eq(t.lost.records, weight);
			ck_assert_uint_eq(t.lost.end_ms, 50000 + to * 1000);
		}
	buf_fini(&b);
}
END_TEST

START_TEST(bytes_are_cut_out_or_come_twice)
{
	size_t at[BATCHES + 1];
	struct buf b = { 0 }, twice = { 0 };
	struct told t;

	build(&b, at);
	for (size_t cut = at[1]; cut + 100 <= at[3]; cut++) {
		buf_reset(&twice);
		buf_put(&twice, b.p, cut);
		buf_put(&twice, b.p + cut + 100, b.n - cut - 100);
		t = read_copy(twice.p, twice.n);
		ck_assert_uint_eq(t.next, BATCHES);
		ck_assert_uint_eq(t.good + t.holes, BATCHES);
		ck_assert_uint_eq(t.after, 1000 + 10 + 11 + 12 + 100 + 14);
	}
	buf_reset(&twice);
	buf_put(&twice, b.p, at[4]);
	buf_put(&twice, b.p + at[1], b.n - at[1]);
	t = read_copy(twice.p, twice.n);
	ck_assert_uint_eq(t.good, BATCHES);
	ck_assert_uint_eq(t.next, BATCHES);
	buf_fini(&b);
	buf_fini(&twice);
}
END_TEST

/* What a stranger put into a name is no note, and another segment's bytes are none either. */
START_TEST(what_another_wrote_is_nothing)
{
	static const struct segment_key other = { 7, 0x1234567890abcdee };
	struct segment_note n = note_of(1, 1010);
	struct buf fake = { 0 }, b = { 0 };
	struct told t;

	segment_put(&fake, &other, &n, "12345678", 8);
	t = read_copy(fake.p, fake.n);
	ck_assert_uint_eq(t.good + t.holes, 0);
	ck_assert_uint_eq(t.damaged, fake.n);
	n = note_of(0, 1000);
	segment_put(&b, &key, &n, fake.p, fake.n);
	b.p[20] ^= 1; /* its note, so that what follows is looked through */
	b.p[b.n - 20] ^= 1;
	t = read_copy(b.p, b.n);
	ck_assert_uint_eq(t.good + t.holes, 0);
	buf_fini(&fake);
	buf_fini(&b);
}
END_TEST

static void seed(const char *name, const uint8_t *p, size_t n)
{
	const char *dir = getenv("SKEIN_SEEDS");
	char path[512];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(p, 1, n, f), n);
	fclose(f);
}

START_TEST(seeds)
{
	size_t at[BATCHES + 1];
	struct buf b = { 0 };

	build(&b, at);
	seed("whole", b.p, b.n);
	seed("torn", b.p, at[3] + SEGMENT_NOTE + 5);
	b.p[at[1] + SEGMENT_NOTE + 3] ^= 1;
	b.p[at[2] + 8] ^= 1;
	seed("broken", b.p, b.n);
	memset(b.p + at[1], 0, at[3] - at[1]);
	seed("hole", b.p, b.n);
	buf_fini(&b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, what_was_put_is_read);
	tcase_add_test(t, every_byte_broken);
	tcase_add_test(t, every_length);
	tcase_add_test(t, a_stretch_of_zeroes);
	tcase_add_test(t, bytes_are_cut_out_or_come_twice);
	tcase_add_test(t, what_another_wrote_is_nothing);
	tcase_add_test(t, seeds);
	return unit_run("segment", t);
}
