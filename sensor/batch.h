/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of one interval, written into as many batches as they need, each naming its
 * processes once, and handed to the spool.
 */
#ifndef SENSOR_BATCH_H
#define SENSOR_BATCH_H

#include "common/wire.h"
#include "sensor/owner.h"
#include "sensor/spool.h"

struct batch {
	struct wire_writer w;
	struct spool *spool;
	uint64_t start_ms, end_ms;
	uint32_t stamp; /* of the processes that this batch has named */
};

void batch_init(struct batch *b, struct spool *spool);
void batch_fini(struct batch *b);

void batch_begin(struct batch *b, uint64_t start_ms, uint64_t end_ms);
void batch_flow(struct batch *b, const struct flow *f, struct owner_process *owner);
/* The machine and all that listens on it: they belong into one batch. */
void batch_machine(struct batch *b, const struct machine *m);
void batch_listener(struct batch *b, const struct listener *l, struct owner_process *owner);
void batch_usage(struct batch *b, const struct usage *u);
void batch_lost(struct batch *b, const struct lost *l);
/* Writes COVER, which says that the interval is complete, and gives the rest to the spool. */
void batch_end(struct batch *b, const struct cover *c);

#endif
