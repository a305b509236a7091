/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": of the candidates offered, the one that is nearest to a mistyped word. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

struct suggest {
	const char *word;
	const char *best; /* NULL: nothing near enough */
	size_t distance;
};

static inline struct suggest suggest_for(const char *word)
{
	return (struct suggest){ .word = word };
}
/* CANDIDATE is borrowed while S is in use. */
void suggest_offer(struct suggest *s, const char *candidate);

#endif
