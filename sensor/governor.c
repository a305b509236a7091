/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/governor.h"

#include <stdbool.h>

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

enum probe_shed governor_judge(struct governor *g, const struct governor_spent *now)
{
	uint64_t wall = since(now->at_ns, g->last.at_ns);
	uint64_t cpu = since(now->kernel_ns, g->last.kernel_ns) +
		       since(now->process_ns, g->last.process_ns);
	bool first = g->last.at_ns == 0, over;

	if (!first && wall < GOVERNOR_WINDOW_NS)
		return g->shed;
	g->last = *now;
	if (first) /* starting up costs what it costs */
		return g->shed;
	g->permille = (uint32_t)(cpu * 1000 / wall);
	over = (g->cpu_permille && g->permille > g->cpu_permille) ||
	       (g->memory_bytes && now->memory_bytes > g->memory_bytes);
	g->over = over ? g->over + 1 : 0;
	if (g->over >= GOVERNOR_PATIENCE && g->shed < SHED_ALL) {
		g->shed++;
		g->over = 0;
	}
	return g->shed;
}
