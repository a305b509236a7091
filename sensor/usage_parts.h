/* SPDX-License-Identifier: Apache-2.0 */
/* What usage.c (pure: readings in, records out) and usage_read.c (/proc) share. */
#ifndef SENSOR_USAGE_PARTS_H
#define SENSOR_USAGE_PARTS_H

#include <stdbool.h>

#include "sensor/sysfile.h"
#include "sensor/usage.h"

enum { USAGE_COUNTERS = 4, USAGE_CPU_FIELDS = 8 };

/* Disk: reads, writes, sectors read, written.  Card: bytes received, sent. */
struct usage_device {
	char name[SYS_NAME];
	uint64_t counter[USAGE_COUNTERS];
	uint64_t paths[USAGE_COUNTERS]; /* of an NVMe disk's paths together */
};
struct usage_devices {
	struct usage_device device[USAGE_DEVICES + 1]; /* the last is "other" */
	unsigned n;				       /* without "other" */
	unsigned folded;			       /* in "other" */
	uint64_t folded_hash;			       /* of their names */
};
struct usage_reading {
	uint64_t now_ms, boot_ms;
	bool has_cpu, has_memory;
	uint64_t cpu[USAGE_CPU_FIELDS]; /* /proc/stat: user to steal */
	uint64_t memory_bytes;		/* not available */
	struct usage_devices disks, nics;
};
/* The entry of that name, made if need be; "other" when there is no more room. */
struct usage_device *usage_device_of(struct usage_devices *d, const char *name);

/* Means and maxima */
struct usage_series {
	uint32_t n;
	uint64_t sum, max;
};
struct usage_state {
	char name[SYS_NAME];
	bool has_before, seen;
	uint64_t before[USAGE_COUNTERS];
	struct usage_series series[USAGE_COUNTERS];
};
struct usage_family {
	struct usage_state state[USAGE_DEVICES + 1];
	unsigned n;
	uint64_t folded_hash;
};
struct usage_done {
	struct usage u;
	char device[SYS_NAME];
};
enum { USAGE_DONE = 2 + (USAGE_DEVICES + 1) * (4 + 2) };

struct usage_table {
	bool has_before;
	uint64_t now_ms, boot_ms; /* of the sample before */
	bool has_cpu;
	uint64_t cpu[USAGE_CPU_FIELDS];
	struct usage_series cpu_series, memory_series;
	struct usage_family disks, nics;
	bool open; /* a slot has begun */
	uint64_t slot, start_ms, end_ms;
	struct usage_done done[USAGE_DONE];
	unsigned done_n;
	uint64_t lost;
};

void usage_add(struct usage_table *t, const struct usage_reading *r);
void usage_finish(struct usage_table *t);
/* Fills R from the files below ROOT; a reader keeps what it learnt of devices. */
struct usage_reader;
struct usage_reader *usage_reader_new(const char *root);
void usage_reader_free(struct usage_reader *rd);
void usage_read(struct usage_reader *rd, struct usage_reading *r);

#endif
