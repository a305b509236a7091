/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a process as the kernel numbers it (tgid, born: bpf/event.h) to who it is.
 *
 * Processes announced by the probe are named at once, while the kernel's own copy of
 * executable, cgroups and arguments is at hand; others are looked up in /proc, if the same
 * process is still there.
 *
 * Processes of one identity (common/fact.h) and equal executable, user and application get the
 * same struct owner_process; all those of one identity have the same SAME.  All tables are
 * bounded; what does not fit is called "other", and counted.
 */
#ifndef SENSOR_OWNER_H
#define SENSOR_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/event.h"
#include "common/fact.h"

struct owner_process {
	struct process p;
	/* One for each identity: what is added up by identity has this as its key. */
	struct owner_process *same;
	/* For whoever writes batches: the index under which batch STAMP names this process. */
	uint32_t stamp, index;
};

/*
 * An owner that was neither announced nor asked for in so many ticks may be forgotten, and its
 * memory be given back: who keeps one longer asks again.
 */
enum { OWNER_TICKS = 600 };

struct owner_table;

struct owner_table *owner_new(void);
void owner_free(struct owner_table *t);
/* Whether arguments are kept, without secrets (sensor/redact.h), of what comes from now on. */
void owner_keep_args(struct owner_table *t, bool keep);

void owner_announce(struct owner_table *t, const struct process_event *e);
/* NULL: unknown. */
struct owner_process *owner_of(struct owner_table *t, uint32_t tgid, uint64_t born);
/* Once an interval: forgets what was not asked for in a long time. */
void owner_tick(struct owner_table *t);
/* Processes that were called "other" for want of room. */
uint64_t owner_folded(const struct owner_table *t);
/* Identities that are known now, "other" among them. */
unsigned owner_count(const struct owner_table *t);
/* Processes that were gone before anybody could name them, since this was last asked. */
uint64_t owner_unnamed(struct owner_table *t);

#endif
