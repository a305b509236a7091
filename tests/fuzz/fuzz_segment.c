/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a segment of the spool, as a disk gives them back: as they are, and once more
 * with the sum of every note set right, since no fuzzer guesses one.
 *
 * The seeds are written by `SKEIN_SEEDS=tests/fuzz/seeds/segment build/tests/test_segment`.
 */
#include <stdlib.h>
#include <string.h>

#include "common/crc32c.h"
#include "sensor/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static const struct segment_key key = { 7, 0x1234567890abcdef };

static void put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void mend(uint8_t *p, size_t n)
{
	struct buf k = { 0 };
	uint32_t seed;

	buf_u64(&k, key.id);
	buf_u64(&k, key.salt);
	seed = crc32c(0, k.p, k.n);
	buf_fini(&k);
	for (size_t i = 0; i + SEGMENT_NOTE <= n; i++)
		if (memcmp(p + i, "SkB1", 4) == 0 || memcmp(p + i, "SkE1", 4) == 0)
			put_u32(p + i + SEGMENT_NOTE - 4,
				crc32c(seed, p + i, SEGMENT_NOTE - 4));
}

/* What is told must be in order, within the bytes, and add up. */
static void walk(const uint8_t *p, size_t n)
{
	struct segment_reader r;
	struct segment_entry e;
	enum segment_found found;
	uint32_t next = 0;
	size_t sum = 0;

	segment_read(&r, &key, p, n);
	while ((found = segment_next(&r, &e)) != SEGMENT_END) {
		if (e.index != next || !e.count)
			abort();
		next += e.count;
		for (uint32_t i = 0; found == SEGMENT_BATCH && i < e.note.length; i++)
			sum += e.body[i];
	}
	if (r.damaged > n || sum == SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *copy;

	walk(p, n);
	if (!n)
		return 0;
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, p, n);
	mend(copy, n);
	walk(copy, n);
	free(copy);
	return 0;
}
