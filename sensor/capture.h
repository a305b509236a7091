/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of what happened was seen: opens as the probe counted them against the kernel's own
 * counters (ActiveOpens and PassiveOpens of /proc/net/snmp), by network namespace.  Pure.
 *
 * Both sides are sums since the first interval, so that what falls between the reading of one
 * and of the other is made up for in the next interval; what was seen is never more than the
 * kernel counted.  A namespace that appears later began with counters at zero; one whose
 * counters went back is another one of the same number.
 *
 *     capture_begin(t)  capture_seen(...)*  capture_waiting(...)*  capture_kernel(...)*
 *     capture_emit(t, ...)
 */
#ifndef SENSOR_CAPTURE_H
#define SENSOR_CAPTURE_H

#include <stdbool.h>

#include "common/fact.h"

enum { CAPTURE_NAMESPACES = 1024 };

struct capture_table;
struct capture_table *capture_new(void);
void capture_free(struct capture_table *t);

void capture_begin(struct capture_table *t);
/* Attempts that ended, or got through, in this interval. */
void capture_seen(struct capture_table *t, uint32_t netns, uint64_t active, uint64_t passive);
/* Attempts that the kernel has counted by now, and `seen` will tell of later. */
void capture_waiting(struct capture_table *t, uint32_t netns, uint64_t active,
		     uint64_t passive);
/* The kernel's counters now. */
void capture_kernel(struct capture_table *t, uint32_t netns, uint64_t active,
		    uint64_t passive);

/*
 * What is new of namespaces whose counters were read in this interval, by number.  The first
 * call tells nothing: it is where counting begins.
 */
typedef void capture_fn(const struct capture *c, void *ctx);
void capture_emit(struct capture_table *t, uint64_t start_ms, uint64_t end_ms, capture_fn *fn,
		  void *ctx);

#endif
