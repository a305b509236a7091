/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How busy the machine is: mean and maximum of ten minutes, by the wall clock, of what is
 * sampled every 20 s.  docs/inventory.md says what is counted.
 *
 * Disks are those of blockdev.h and cards those of nicdev.h, under the names that the
 * inventory has; the first 64 of each kind, the rest added up as "other".
 *
 * CPU is what the machine wanted: steal, for which it stood ready and the hypervisor had
 * nothing, counts as busy; waiting for disks does not.
 */
#ifndef SENSOR_USAGE_H
#define SENSOR_USAGE_H

#include "common/fact.h"

enum {
	USAGE_SAMPLE_MS = 20000, /* how often usage_sample wants to be called */
	USAGE_SLOT_MS = 600000,
	USAGE_DEVICES = 64, /* of each kind */
};

struct usage_meter;

/* Reads below ROOT, "" for this machine; borrowed for ever. */
struct usage_meter *usage_new(const char *root);
void usage_free(struct usage_meter *u);

/*
 * Takes one sample.  NOW_MS is wall time, BOOT_MS a clock that runs on in a suspended machine
 * (CLOCK_BOOTTIME) and is not set.  A rate needs two samples from 1 to 90 s apart: nothing is
 * told of longer gaps, and a sample that comes too soon is not taken.
 */
void usage_sample(struct usage_meter *u, uint64_t now_ms, uint64_t boot_ms);

/*
 * Hands the records of slots that are over to FN, by metric and device, each once; call it
 * after each sample.  A slot that was watched as a whole has its bounds as start and end and
 * 30 samples; others have fewer, and begin and end where the watch did.
 */
void usage_take(struct usage_meter *u, uint64_t now_ms,
		void (*fn)(void *ctx, const struct usage *record), void *ctx);
/* The watch ends: usage_take then gives what there is of the slot that has begun. */
void usage_close(struct usage_meter *u);

/* Records that nobody took in time, and devices that came after the table was full. */
uint64_t usage_lost(const struct usage_meter *u);

#endif
