/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/stats.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

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
