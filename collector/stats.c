/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/clock.h"

const struct stats_row stats_rows[] = {
#define X(name, kind, words) { #name, #kind, words, offsetof(struct stats, name) },
	STATS(X)
#undef X
};
const unsigned stats_rows_n = sizeof(stats_rows) / sizeof(*stats_rows);

struct stats *stats_new(void)
{
	struct stats *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		abort(); /* one page, at the start */
	return s;
}

uint64_t stats_value(const struct stats *s, const struct stats_row *row)
{
	const uint64_t *v = (const uint64_t *)((const char *)s + row->at);

	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

uint64_t stats_clock_ms(void)
{
	return clock_us() / 1000;
}

static uint64_t get(const uint64_t *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

const char *stats_unready(const struct stats *s)
{
	uint64_t beat = get(&s->beat_ms), now = stats_clock_ms();

	if (!beat)
		return "the collector is starting";
	if (now > beat && now - beat > STATS_SILENT_MS)
		return "the loop of ingest does not turn";
	if (get(&s->disk_full))
		return "the disk is full: nothing can be kept";
	if (get(&s->commit_failing))
		return "the last transaction failed; the log says why";
	if (!get(&s->accepting))
		return "no connections of sensors are taken now";
	return NULL;
}
