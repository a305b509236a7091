/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of the mirror: reads its rings into a table of connections of its own, and tells a
 * common sum of those that are over.  Whoever wants to look at all tables at once stops all
 * workers first.
 */
#ifndef SENSOR_MIRRORWORKER_H
#define SENSOR_MIRRORWORKER_H

#include "sensor/mirror/live.h"
#include "sensor/mirror/observer.h"
#include "sensor/mirrorsum.h"

/* The sum that all share, with its lock. */
struct mirror_common;
struct mirror_common *mirror_common_new(unsigned edges, uint64_t base_ms);
void mirror_common_free(struct mirror_common *c);

struct mirror_worker;

/* Takes the rings, which may be none.  MAX, SEED: flowtab.h. */
struct mirror_worker *mirror_worker_new(struct mirror_common *common, uint32_t max,
					uint64_t seed);
/* The ring is the worker's from here on. */
void mirror_worker_take(struct mirror_worker *w, struct live *ring);
/* Begins to read.  Negative errno with words. */
int mirror_worker_start(struct mirror_worker *w, struct err *e);
/* For who reads without a thread. */
void mirror_worker_frame(struct mirror_worker *w, const struct frame_in *frame);
/* Ends its thread, with what is in the rings by then read; nothing is told. */
void mirror_worker_stop(struct mirror_worker *w);
void mirror_worker_free(struct mirror_worker *w);
/* Not NULL: it cannot go on, for that reason. */
const char *mirror_worker_failure(const struct mirror_worker *w);

struct mirror_totals {
	struct observer_counts seen;
	struct live_counts ring;
	uint64_t overflow;
	unsigned edges;
};

/*
 * One interval of all N workers: stops them, moves their clocks on to NOW_NS, tells FN every
 * edge with news, lets them go on.  LAST: all that is left of connections is over.
 */
void mirror_interval(struct mirror_common *c, struct mirror_worker *const *w, unsigned n,
		     uint64_t start_ms, uint64_t end_ms, bool last, mirrorsum_fn *fn,
		     void *ctx, struct mirror_totals *totals);
void mirror_retell(struct mirror_common *c);

#endif
