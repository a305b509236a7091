/* SPDX-License-Identifier: Apache-2.0 */
/* Frames in, connections and names out: dissector, table of connections and table of names. */
#ifndef SENSOR_MIRROR_OBSERVER_H
#define SENSOR_MIRROR_OBSERVER_H

#include "sensor/mirror/dissect.h"
#include "sensor/mirror/flowtab.h"

enum {
	OBSERVER_CONNECTIONS = 196608, /* 36 MiB at most */
	OBSERVER_FRAGMENTS = 4 << 20,  /* bytes */
};

struct observer;

struct observer_counts {
	uint64_t frames, bytes; /* as they were on the wire */
	uint64_t kind[DISSECTED_KINDS];
	uint64_t fragments_lost, names_lost;
	struct flowtab_counts flows;
};

/* MAX and SEED as flowtab_new has them. */
struct observer *observer_new(uint32_t max, uint64_t seed, const struct flowtab_sink *sink);
void observer_free(struct observer *o);
void observer_frame(struct observer *o, const struct frame_in *frame);
/* A frame may be on its way for as long as others come; before the table is looked at: */
void observer_flush(struct observer *o);
/* The end of all frames: what is left of connections is told. */
void observer_finish(struct observer *o);
struct flowtab *observer_flows(struct observer *o);
const struct nametab *observer_names(const struct observer *o);
void observer_count(const struct observer *o, struct observer_counts *out);

#endif
