/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process as the kernel numbers it (tgid, born: bpf/event.h) to who it is.
 *
 * Processes announced by the probe are named at once, while the kernel's own copy of
 * executable and arguments is at hand; others are looked up in /proc, if the same process is
 * still there. Equal identities (common/fact.h) get the same struct process, which lives as
 * long as the table.  Both tables are bounded; what does not fit is called "other", and
 * counted.
 */
#ifndef SENSOR_OWNER_H
#define SENSOR_OWNER_H

#include <stdint.h>

#include "bpf/event.h"
#include "common/fact.h"

struct owner_process {
	struct process p;
	/* For whoever writes batches: the index under which batch STAMP names this process. */
	uint32_t stamp, index;
};

struct owner_table;

struct owner_table *owner_new(void);
void owner_free(struct owner_table *t);

void owner_announce(struct owner_table *t, const struct process_event *e);
/* NULL: unknown. */
struct owner_process *owner_of(struct owner_table *t, uint32_t tgid, uint64_t born);
/* Once an interval: forgets pids that were not asked for in a long time. */
void owner_tick(struct owner_table *t);
/* Processes that were called "other" for want of room. */
uint64_t owner_folded(const struct owner_table *t);

#endif
