/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that all exporters together may make us hold. */
#ifndef COLLECTOR_FLOWS_BUDGET_H
#define COLLECTOR_FLOWS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
	uint64_t used, max;
};

/* False: there is no room for N more, and nothing was taken. */
static inline bool budget_take(struct budget *b, uint64_t n)
{
	if (n > b->max - b->used)
		return false;
	b->used += n;
	return true;
}
static inline void budget_give(struct budget *b, uint64_t n)
{
	b->used -= n;
}

#endif
