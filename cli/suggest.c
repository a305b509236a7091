/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/suggest.h"

#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 32 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits to make A into B, two neighbours swapped being one (optimal string alignment). */
static size_t edits(const char *a, size_t na, const char *b, size_t nb)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			size_t change = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			d[i][j] = least(change, least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[na][nb];
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t nw = strlen(s->word), nc = strlen(candidate), far;

	if (nw > WORD_MAX || nc > WORD_MAX)
		return;
	far = edits(s->word, nw, candidate, nc);
	if (nw >= 3 && nc > nw && strncmp(s->word, candidate, nw) == 0)
		far = 1; /* the beginning of it was typed */
	if (far > 1 + nw / 4 || far >= nc || (s->best && far >= s->distance))
		return;
	s->best = candidate;
	s->distance = far;
}
