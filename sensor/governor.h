/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the sensor stays within what its host granted it.  Pure.
 *
 * Judged is the CPU time of the programs in the kernel and of both processes, and the memory
 * with the maps, interval by interval.  A budget that is passed in GOVERNOR_PATIENCE intervals
 * in a row costs the reader's program first, and after as many more all of them.
 */
#ifndef SENSOR_GOVERNOR_H
#define SENSOR_GOVERNOR_H

#include <stdint.h>

#include "sensor/probe.h"

enum { GOVERNOR_PATIENCE = 3 };
/* Shorter intervals are judged together, so that a second of load costs nobody the watch. */
#define GOVERNOR_WINDOW_NS 20000000000ull

struct governor {
	uint32_t cpu_permille; /* of one core; 0: no limit */
	uint64_t memory_bytes; /* 0: no limit */
	/* Its own: */
	struct governor_spent {
		uint64_t at_ns, kernel_ns, process_ns, memory_bytes;
	} last;
	unsigned over; /* intervals in a row */
	enum probe_shed shed;
	uint32_t permille; /* of the last interval, for words */
};

/* What is to be shed from now on, given what has been spent so far (sums, and memory now). */
enum probe_shed governor_judge(struct governor *g, const struct governor_spent *now);

#endif
