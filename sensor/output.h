/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the records of a watch go: batches for a collector (batch.h), or the sums of one file
 * (once.h).  An interval begins, tells what it has, and ends; what is told is borrowed for the
 * length of the call, and processes in flows and listeners are NULL: OWNER is the one known.
 */
#ifndef SENSOR_OUTPUT_H
#define SENSOR_OUTPUT_H

#include "common/fact.h"
#include "sensor/owner.h"

struct output {
	void *ctx;
	void (*begin)(void *ctx, uint64_t start_ms, uint64_t end_ms);
	void (*machine)(void *ctx, const struct machine *m);
	void (*listener)(void *ctx, const struct listener *l, struct owner_process *owner);
	void (*flow)(void *ctx, const struct flow *f, struct owner_process *owner);
	void (*capture)(void *ctx, const struct capture *c);
	void (*usage)(void *ctx, const struct usage *u);
	void (*translation)(void *ctx, const struct translation *t);
	/* The interval is complete: COVER says what of it was watched. */
	void (*end)(void *ctx, const struct cover *c);
};

#endif
