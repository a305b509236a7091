/* SPDX-License-Identifier: Apache-2.0 */
/* Waves over an estate made by hand. */
#ifndef TESTS_WAVESKIT_H
#define TESTS_WAVESKIT_H

#include <string.h>

#include "graph/waves.h"
#include "tests/estatekit.h"

static inline bool waveskit_noted(const struct waves *w, const char *words)
{
	for (unsigned i = 0; i < w->note_n; i++)
		if (strstr(w->note[i], words))
			return true;
	return false;
}

static inline struct waves *waveskit_assign(struct estatekit *k, const struct wave_rules *r)
{
	estatekit_done(k);
	return waves_assign(k->g, k->p, r);
}

#endif
