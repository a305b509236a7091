/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An output that writes the records of one interval into as many batches as they need, each
 * naming its processes once, and hands these on.
 */
#ifndef SENSOR_BATCH_H
#define SENSOR_BATCH_H

#include "common/wire_record.h"
#include "sensor/output.h"

/* Takes a whole batch of records that speak of [START_MS, END_MS]; W is borrowed. */
typedef void batch_fn(const struct wire_writer *w, uint64_t start_ms, uint64_t end_ms,
		      void *ctx);

struct batch;

struct batch *batch_new(batch_fn *fn, void *ctx);
void batch_free(struct batch *b);
struct output batch_output(struct batch *b);

#endif
