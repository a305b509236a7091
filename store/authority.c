/* SPDX-License-Identifier: Apache-2.0 */
#include "store/authority.h"

#include <stddef.h>

static bool goes_before(const struct authority_candidate *a,
			const struct authority_candidate *b)
{
	if (!b || a->kind != b->kind)
		return !b || a->kind < b->kind;
	return a->origin < b->origin;
}

const struct authority_candidate *authority_choose(const struct authority_candidate *list,
						   unsigned n)
{
	const struct authority_candidate *best = NULL;
	int64_t most = 0;

	for (unsigned i = 0; i < n; i++)
		if (list[i].worth > most)
			most = list[i].worth;
	for (unsigned i = 0; i < n; i++) {
		const struct authority_candidate *c = &list[i];
		bool good =
			most ? c->worth > 0 && c->worth >= most - AUTHORITY_SLACK : c->reports;

		if (good && goes_before(c, best))
			best = c;
	}
	return best;
}
